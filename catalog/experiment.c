/*
 * experiment.c - experiments: made, changed, listed. What freezes one is in run_place.c, with the run that does.
 */
#include "catalog/experiment.h"

#include "api/common/text.h"
#include "catalog/change.h"
#include "catalog/db.h"
#include "catalog/idem.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    EXPERIMENT_ADD,
    EXPERIMENT_GET,
    EXPERIMENT_BY_KEY,
    EXPERIMENT_COUNTS,
    EXPERIMENT_RUNS,
    EXPERIMENT_SQL_COUNT
};

/* In the order in which row_from() takes them. */
#define SELECT                                                                                     \
    "SELECT x.id, x.project, p.code, x.name, f.id, x.frozen_version, x.frozen_us, x.actor_uid,"    \
    " x.actor_name, x.created_us, x.record FROM experiment x JOIN project p ON p.id = x.project"   \
    " LEFT JOIN run f ON f.seq = x.first_run "

static const struct sql_row rows[] = {
    [EXPERIMENT_ADD] =
        {.text = "INSERT INTO experiment (project, name, record, actor_uid, actor_name, created_us)"
                 " VALUES (?, ?, ?, ?, ?, ?)"},
    [EXPERIMENT_GET] = {.text = SELECT "WHERE p.code = ? AND x.name = ?"},
    [EXPERIMENT_BY_KEY] = {.text = SELECT "WHERE x.id = ?"},
    [EXPERIMENT_COUNTS] =
        {.text = "SELECT count(*), count(verdict), count(*) FILTER (WHERE verdict = 'succeeded')"
                 " FROM run WHERE experiment_id = ?"},
    [EXPERIMENT_RUNS] = {.text = "SELECT count(*) FROM run WHERE experiment_id = ?"},
};
static_assert(sizeof rows / sizeof rows[0] == EXPERIMENT_SQL_COUNT, "one statement a row");
const struct sql_table experiment_sql = {"experiment", rows, EXPERIMENT_SQL_COUNT, SQL_EXPERIMENT};

int experiment_parse_ref(const char *ref, char project[65], char name[65], struct err *e)
{
    const char *slash = strchr(ref, '/');
    size_t len = slash ? (size_t)(slash - ref) : 0;
    if (len > 0 && len <= 64 && strlen(slash + 1) <= 64) {
        memcpy(project, ref, len);
        project[len] = '\0';
        snprintf(name, 65, "%s", slash + 1);
        if (text_is_name(project) && text_is_name(name))
            return 0;
    }
    char shown[80];
    text_sanitize(ref, strnlen(ref, 64), shown, sizeof shown);
    return err_set(e, E_INVALID, "experiment", "write PROJECT/NAME, such as urgences/base",
                   "\"%s\" is no reference of an experiment", shown);
}

static int row_from(struct cat *db, struct arena *a, sqlite3_stmt *s, struct experiment_row *x,
                    struct err *e)
{
    *x = (struct experiment_row){
        .id = sqlite3_column_int64(s, 0),
        .project = sqlite3_column_int64(s, 1),
        .project_code = cat_col_text(a, s, 2),
        .name = cat_col_text(a, s, 3),
        .first_run = cat_col_text(a, s, 4),
        .frozen_version = cat_col_int(s, 5, 0),
        .frozen_us = cat_col_int(s, 6, 0),
        .actor = {sqlite3_column_int64(s, 7), cat_col_text(a, s, 8)},
        .created_us = sqlite3_column_int64(s, 9),
    };
    x->ref = arena_printf(a, "%s/%s", x->project_code, x->name);
    return cat_record_by_id(db, a, sqlite3_column_int64(s, 10), 0, &x->record, e);
}

static int find(struct cat *db, struct arena *a, const char *project, const char *name,
                struct experiment_row *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &experiment_sql, EXPERIMENT_GET, e, V_T(project), V_T(name));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 1 && row_from(db, a, s, out, e) < 0)
        return -1;
    return rc;
}

int cat_experiment_get(struct cat *db, struct arena *a, const char *project, const char *name,
                       struct experiment_row *out, struct err *e)
{
    int rc = find(db, a, project, name, out, e);
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "experiment", "`enclos experiment list` shows what there is",
                       "there is no experiment %s/%s", project, name);
    return rc < 0 ? -1 : 0;
}

int cat_experiment_by_key(struct cat *db, struct arena *a, int64_t key, struct experiment_row *out,
                          struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &experiment_sql, EXPERIMENT_BY_KEY, e, V_I(key));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "experiment", NULL, "there is no experiment number %lld",
                       (long long)key);
    return rc < 0 ? -1 : row_from(db, a, s, out, e);
}

int cat_experiment_runs(struct cat *db, int64_t id, int64_t *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &experiment_sql, EXPERIMENT_RUNS, e, V_I(id));
    if (!s || cat_step(db, s, e) < 0)
        return -1;
    *out = sqlite3_column_int64(s, 0);
    return 0;
}

int cat_experiment_count(struct cat *db, int64_t id, struct experiment_counts *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &experiment_sql, EXPERIMENT_COUNTS, e, V_I(id));
    if (!s || cat_step(db, s, e) < 0)
        return -1;
    *out = (struct experiment_counts){sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
                                      sqlite3_column_int64(s, 2)};
    return 0;
}

/* ---- changing ---- */

static int add(struct cat *db, struct arena *a, const struct experiment_new *n,
               const struct project_row *p, struct err *e)
{
    struct record_row record;
    bool changed;
    const struct record_change c = {.form = "experiment",
                                    .subject = arena_printf(a, "%s/%s", n->project, n->name),
                                    .set = n->answers,
                                    .action = "experiment.created",
                                    .actor = n->actor,
                                    .at_us = n->at_us};
    if (cat_record_change(db, a, &c, &record, &changed, e) < 0 ||
        change_add_passing(db, "project", n->project, n->at_us, e) < 0)
        return -1;
    return cat_do(db, &experiment_sql, EXPERIMENT_ADD, e, V_I(p->id), V_T(n->name), V_I(record.id),
                  V_I(n->actor.uid), V_T(n->actor.name), V_I(n->at_us));
}

int cat_experiment_create(struct cat *db, struct arena *a, const struct experiment_new *n,
                          struct experiment_row *out, bool *existed, struct err *e)
{
    struct project_row p;
    const char *earlier = NULL;
    *existed = false;
    if (!text_is_name(n->name))
        return err_set(e, E_INVALID, "name", "letters, digits, '_', '.' and '-', 64 at most",
                       "this is no name for an experiment");
    if (cat_project_get(db, a, n->project, &p, e) < 0 ||
        (n->idempotency_key && idem_find(db, a, n->actor.uid, n->idempotency_key,
                                         "experiment.create", n->request_sha256, &earlier, e) < 0))
        return -1;
    if (earlier) {
        *existed = true;
        return cat_experiment_get(db, a, n->project, n->name, out, e);
    }
    if (p.stage == STAGE_STOPPED)
        return err_set(e, E_CONFLICT, "project", "`enclos project show` says why",
                       "the project %s is stopped", p.code);
    int rc = find(db, a, n->project, n->name, out, e);
    if (rc < 0)
        return -1;
    if (rc == 1)
        return err_set(e, E_CONFLICT, "name", "choose another name, or change that experiment",
                       "there is an experiment %s already, made by %s", out->ref, out->actor.name);
    if (add(db, a, n, &p, e) < 0 || cat_experiment_get(db, a, n->project, n->name, out, e) < 0)
        return -1;
    if (!n->idempotency_key)
        return 0;
    return idem_keep(db, n->actor.uid, n->idempotency_key, "experiment.create", n->request_sha256,
                     out->ref, n->at_us, e);
}

int cat_experiment_edit(struct cat *db, struct arena *a, const struct experiment_edit *c,
                        struct experiment_row *out, bool *changed, struct err *e)
{
    struct record_row record;
    if (cat_experiment_get(db, a, c->project, c->name, out, e) < 0)
        return -1;
    if (out->frozen_version && !c->reason)
        return err_set(e, E_INVALID, "reason", "say why it changes after its first run",
                       "%s is frozen since its first run: a change of it needs a reason", out->ref);
    const struct record_change change = {
        .form = "experiment",
        .subject = out->ref,
        .version = c->version,
        .set = c->set,
        .reason = c->reason,
        .action = out->frozen_version ? "experiment.changed_after_first_run" : "experiment.changed",
        .actor = c->actor,
        .at_us = c->at_us};
    if (cat_record_change(db, a, &change, &record, changed, e) < 0)
        return -1;
    return cat_experiment_get(db, a, c->project, c->name, out, e);
}
