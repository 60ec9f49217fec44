/*
 * run_place.c - projects, experiments and purposes of runs: judged at the submit, kept beside the run's row.
 *
 * Called by run.submit (resolve), cat_run_insert (keep) and run_read.c (get).
 */
#include "catalog/run_place.h"

#include "api/common/json.h"
#include "api/common/purpose.h"
#include "catalog/audit.h"
#include "catalog/change.h"
#include "catalog/db.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Who may submit runs. */
#define SUBMITS (ROLE(ROLE_SCIENTIST) | ROLE(ROLE_PLATFORM))

enum { PLACE_PROJECT, PLACE_EXPERIMENT, PLACE_KEEP, PLACE_FREEZE, PLACE_EXPERIMENT_OF, PLACE_GET, PLACE_SQL_COUNT };

static const struct sql_row rows[] = {
    [PLACE_PROJECT] = {.text = "SELECT id, code, stage FROM project WHERE code = ?"},
    [PLACE_EXPERIMENT] =
        {.text = "SELECT x.id, x.name, r.version FROM experiment x"
                 " JOIN record r ON r.id = x.record WHERE x.project = ? AND x.name = ?"},
    [PLACE_KEEP] = {.text = "UPDATE run SET project = ?, purpose = ?, experiment_id = ?,"
                            " experiment_version = ? WHERE seq = ?"},
    [PLACE_EXPERIMENT_OF] = {.text = "SELECT p.code || '/' || x.name FROM run r"
                                  " JOIN experiment x ON x.id = r.experiment_id"
                                  " JOIN project p ON p.id = x.project WHERE r.seq = ?"},
    [PLACE_FREEZE] = {.text =
                          "UPDATE experiment SET first_run = ?, frozen_version = ?, frozen_us = ?"
                          " WHERE id = ? AND first_run IS NULL"},
    [PLACE_GET] = {.text = "SELECT p.code, r.purpose, r.experiment_version FROM run r"
                           " LEFT JOIN project p ON p.id = r.project WHERE r.seq = ?"},
};
static_assert(sizeof rows / sizeof rows[0] == PLACE_SQL_COUNT, "one statement a row");
const struct sql_table run_place_sql = {"run's place", rows, PLACE_SQL_COUNT, SQL_RUN_PLACE};

/* ---- at the submit ---- */

static int check_purpose(const char *purpose, struct err *e)
{
    if (purpose_find(purpose))
        return 0;
    char hint[176] = "one of:";
    for (size_t i = 0; purpose_codes[i]; i++) {
        size_t len = strlen(hint);
        snprintf(hint + len, sizeof hint - len, "%s %s", i ? "," : "", purpose_codes[i]);
    }
    return err_set(e, E_INVALID, "purpose", hint, "there is no purpose %.60s", purpose);
}

/* Members only: a role held lab-wide does not make one a member of every project, since a project's data
 * grants are for its members. */
static bool is_member(const struct standing *by, const char *code)
{
    const struct standing_project *p = standing_in(by, code);
    return (by->lab_roles & ROLE(ROLE_ADMIN)) ||
           (p && (p->roles & (SUBMITS | ROLE(ROLE_ADMIN))));
}

static int resolve_project(struct cat *db, struct arena *a, const struct standing *by,
                           const char *code, struct run_place_new *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_place_sql, PLACE_PROJECT, e, V_T(code));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "project", "`enclos project list` shows what there is",
                       "there is no project %s", code);
    out->project = sqlite3_column_int64(s, 0);
    out->project_code = cat_col_text(a, s, 1);
    if (!is_member(by, code))
        return cat_deny(db, SUBMITS, code, "run.submit", e);
    if (strcmp((const char *)sqlite3_column_text(s, 2), "stopped") == 0)
        return err_set(e, E_CONFLICT, "project", "`enclos project show` says why",
                       "the project %s is stopped: no run may be submitted in it", code);
    return 0;
}

static int resolve_experiment(struct cat *db, const char *name, struct run_place_new *out,
                              struct err *e)
{
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &run_place_sql, PLACE_EXPERIMENT, e, V_I(out->project), V_T(name));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "experiment", "`enclos experiment create` makes one",
                       "the project %s has no experiment %.64s", out->project_code, name);
    out->experiment = sqlite3_column_int64(s, 0);
    out->experiment_version = sqlite3_column_int64(s, 2);
    return 0;
}

int cat_run_place_resolve(struct cat *db, struct arena *a, const struct standing *by,
                          const char *project, const char *experiment, const char *purpose,
                          struct run_place_new *out, struct err *e)
{
    *out = (struct run_place_new){.purpose = purpose ? purpose : PURPOSE_DEFAULT,
                                  .experiment_name = experiment};
    if (check_purpose(out->purpose, e) < 0)
        return -1;
    if (!project)
        return cat_may(db, by, SUBMITS, 0, NULL, "run.submit", e);
    if (resolve_project(db, a, by, project, out, e) < 0)
        return -1;
    return experiment ? resolve_experiment(db, experiment, out, e) : 0;
}

static int freeze(struct cat *db, int64_t seq, const char *run, const struct run_place_new *place,
                  const struct cat_actor *actor, int64_t at_us, struct err *e)
{
    char subject[64 + 1 + 64 + 1];
    if (cat_do(db, &run_place_sql, PLACE_FREEZE, e, V_I(seq), V_I(place->experiment_version),
               V_I(at_us), V_I(place->experiment)) < 0)
        return -1;
    if (cat_changes(db) == 0)
        return 0;
    AUTO_BUF struct buf detail = BUF_INIT(1024);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "run", run);
    jw_int_at(&w, "version", place->experiment_version);
    jw_end_obj(&w);
    snprintf(subject, sizeof subject, "%s/%s", place->project_code, place->experiment_name);
    if (audit_append(db, actor, "experiment.frozen", subject, buf_cstr(&detail), at_us, e) < 0)
        return -1;
    return change_add(db, "experiment", subject, "frozen", at_us, e);
}

int cat_run_place_keep(struct cat *db, int64_t seq, const char *run,
                       const struct run_place_new *place, const struct cat_actor *actor,
                       int64_t at_us, struct err *e)
{
    /* What the row's defaults say already. */
    if (!place->purpose || (!place->project && strcmp(place->purpose, PURPOSE_DEFAULT) == 0))
        return 0;
    if (cat_do(db, &run_place_sql, PLACE_KEEP, e, V_I_OR(place->project, 0), V_T(place->purpose),
               V_I_OR(place->experiment, 0), V_I_OR(place->experiment_version, 0), V_I(seq)) < 0)
        return -1;
    if (!place->experiment)
        return 0;
    return freeze(db, seq, run, place, actor, at_us, e) < 0 ? -1
                                                            : cat_run_place_told(db, seq, at_us, e);
}

int cat_run_place_told(struct cat *db, int64_t seq, int64_t at_us, struct err *e)
{
    char ref[64 + 1 + 64 + 1] = "";
    {
        AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_place_sql, PLACE_EXPERIMENT_OF, e, V_I(seq));
        int rc = s ? cat_step(db, s, e) : -1;
        if (rc <= 0)
            return rc;
        snprintf(ref, sizeof ref, "%s", (const char *)sqlite3_column_text(s, 0));
    }
    return change_add_passing(db, "experiment", ref, at_us, e);
}

/* ---- read ---- */

int cat_run_place_get(struct cat *db, struct arena *a, int64_t seq, struct run_place *out,
                      struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_place_sql, PLACE_GET, e, V_I(seq));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc != 1)
        return rc < 0 ? -1
                      : err_set(e, E_INTERNAL, "run", NULL, "there is no run number %lld",
                                (long long)seq);
    *out = (struct run_place){
        .project_code = cat_col_text(a, s, 0),
        .purpose = cat_col_text(a, s, 1),
        .experiment_version = cat_col_int(s, 2, 0),
    };
    return 0;
}
