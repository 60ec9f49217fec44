/*
 * run_read.c - runs as they are read back: one whole, lists, prefixes, what is not finished.
 *
 * Works on the writer's connection and on a reader's. Texts are copied into the caller's arena.
 */
#include "catalog/db.h"
#include "catalog/run.h"
#include "catalog/standing.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    READ_ONE,
    READ_BY_SEQ,
    READ_OWNER,
    READ_UNFINISHED,
    READ_PREFIX,
    READ_PREFIX_SEEN,
    READ_DATASETS,
    READ_ENVIRONMENT,
    READ_PARAMS,
    READ_TAGS,
    READ_ARTIFACTS,
    READ_REFUSED,
    READ_DENIED,
    READ_RECORD,
    READ_EVENTS,
    READ_COUNTS,
    READ_TOTAL,
    READ_SQL_COUNT
};

/* In the order in which row_from() takes them. */
#define COLUMNS                                                                                    \
    "seq, id, name, state, verdict, exit_code, signal, reason, actor_uid, actor_name, experiment," \
    " profile, command, env, resources, cpus_milli, memory_bytes, code, priority, best_effort,"    \
    " report_paths, created_us, started_us, finished_us, wall_ms, cpu_ms, memory_peak_bytes,"      \
    " log_kept_bytes, log_dropped_bytes, log_offset, bad_metrics, event_count, cancel_us,"         \
    " cancel_reason, outputs, log_error, metrics_dropped, interactive, environment, warm, warned, project"

/* What one may see who does not see all: bind uid, name, and the projects as JSON. The plus keeps the order of the
 * index that the rest of the statement is read by. */
#define SEEN                                                                                       \
    " AND ((+actor_uid = ? AND actor_name = ?)"                                                    \
    " OR +project IN (SELECT value FROM json_each(?)))"

static const struct sql_row rows[] = {
    [READ_ONE] = {.text = "SELECT " COLUMNS " FROM run WHERE id = ?"},
    [READ_OWNER] = {.text = "SELECT actor_uid, actor_name, project FROM run WHERE id = ?"},
    [READ_BY_SEQ] = {.text = "SELECT " COLUMNS " FROM run WHERE seq = ?"},
    [READ_UNFINISHED] = {.text = "SELECT " COLUMNS
                                 " FROM run WHERE state IN ('queued', 'starting', 'running')"
                                 " ORDER BY created_us, id"},
    [READ_PREFIX] = {.text = "SELECT id FROM run WHERE id >= ? AND id < ? ORDER BY id LIMIT 4"},
    [READ_PREFIX_SEEN] = {.text = "SELECT id FROM run WHERE id >= ? AND id < ?" SEEN
                                  " ORDER BY id LIMIT 4"},
    [READ_DATASETS] =
        {.text = "SELECT d.name, v.version, v.manifest, v.id, v.classification, v.quarantine_us,"
                 " v.quarantine_reason"
                 " FROM run_dataset l JOIN dataset_version v ON v.id = l.version"
                 " JOIN dataset d ON d.id = v.dataset WHERE l.run = ? ORDER BY l.ordinal"},
    [READ_ENVIRONMENT] =
        {.text = "SELECT n.name, v.version, v.manifest, v.quarantine_us, v.quarantine_reason"
                 " FROM environment_version v JOIN environment n ON n.id = v.environment"
                 " WHERE v.id = ?"},
    [READ_PARAMS] = {.text = "SELECT name, value FROM param WHERE run = ? ORDER BY name"},
    [READ_TAGS] = {.text = "SELECT name, value FROM tag WHERE run = ? ORDER BY name"},
    [READ_ARTIFACTS] = {.text = "SELECT path, sha256, size_bytes, mode FROM artifact WHERE run = ?"
                                " ORDER BY path"},
    [READ_REFUSED] = {.text =
                          "SELECT path, reason FROM refused_output WHERE run = ? ORDER BY ordinal"},
    [READ_DENIED] = {.text =
                         "SELECT kind, name, detail, errno, hint, hint_fr, count FROM denied WHERE run = ?"
                         " ORDER BY ordinal"},
    [READ_RECORD] = {.text = "SELECT failed, usage, sandbox, record, warnings FROM run_record"
                           " WHERE run = ?"},
    [READ_EVENTS] = {.text = "SELECT e.number, e.time_us, e.event, e.detail FROM run r"
                             " JOIN run_event e ON e.run = r.seq WHERE r.id = ? AND e.number > ?"
                             " ORDER BY e.number LIMIT ?"},
    [READ_COUNTS] = {.text = "SELECT state, count(*) FROM run"
                             " WHERE state IN ('queued', 'starting', 'running') GROUP BY state"},
    /* Runs are never deleted: the last number is how many there are, without counting them. */
    [READ_TOTAL] = {.text = "SELECT coalesce(max(seq), 0) FROM run"},
};
static_assert(sizeof rows / sizeof rows[0] == READ_SQL_COUNT, "one statement a row");
const struct sql_table run_read_sql = {"run", rows, READ_SQL_COUNT, SQL_RUN_READ};

static int64_t row_from(struct arena *a, sqlite3_stmt *s, struct run_row *r)
{
    const char *verdict = (const char *)sqlite3_column_text(s, 4);
    int state = run_state_of((const char *)sqlite3_column_text(s, 3));
    int verdict_number = verdict ? verdict_of(verdict) : VERDICT_NONE;
    assert(state >= 0 && verdict_number >= 0); /* written by run.c from the same tables */
    *r = (struct run_row){
        .id = cat_col_text(a, s, 1),
        .name = cat_col_text(a, s, 2),
        .state = (enum run_state)state,
        .verdict = (enum verdict)verdict_number,
        .has_exit_code = sqlite3_column_type(s, 5) != SQLITE_NULL,
        .exit_code = sqlite3_column_int(s, 5),
        .signal = cat_col_text(a, s, 6),
        .reason = cat_col_text(a, s, 7),
        .actor = {sqlite3_column_int64(s, 8), cat_col_text(a, s, 9)},
        .experiment = cat_col_text(a, s, 10),
        .profile = cat_col_text(a, s, 11),
        .command_json = cat_col_text(a, s, 12),
        .env_json = cat_col_text(a, s, 13),
        .resources_json = cat_col_text(a, s, 14),
        .cpus_milli = sqlite3_column_int64(s, 15),
        .memory_bytes = sqlite3_column_int64(s, 16),
        .code = cat_col_text(a, s, 17),
        .priority = sqlite3_column_int64(s, 18),
        .best_effort = sqlite3_column_int(s, 19) != 0,
        .report_paths = sqlite3_column_int(s, 20) != 0,
        .created_us = sqlite3_column_int64(s, 21),
        .started_us = cat_col_int(s, 22, 0),
        .finished_us = cat_col_int(s, 23, 0),
        .wall_ms = cat_col_int(s, 24, -1),
        .cpu_ms = cat_col_int(s, 25, -1),
        .memory_peak_bytes = cat_col_int(s, 26, -1),
        .log_kept_bytes = cat_col_int(s, 27, -1),
        .log_dropped_bytes = cat_col_int(s, 28, -1),
        .log_offset = (uint64_t)sqlite3_column_int64(s, 29),
        .bad_metrics = sqlite3_column_int64(s, 30),
        .event_count = sqlite3_column_int64(s, 31),
        .cancel_us = cat_col_int(s, 32, 0),
        .cancel_reason = cat_col_text(a, s, 33),
        .outputs_manifest = cat_col_text(a, s, 34),
        .log_error = cat_col_text(a, s, 35),
        .metrics_dropped = cat_col_int(s, 36, -1),
        .interactive_json = cat_col_text(a, s, 37),
        .environment.key = cat_col_int(s, 38, 0),
        .warm = sqlite3_column_int(s, 39) != 0,
        .warned = sqlite3_column_int(s, 40) != 0 || sqlite3_column_int64(s, 30) > 0,
        .project = cat_col_int(s, 41, 0),
    };
    return sqlite3_column_int64(s, 0);
}

/* ---- what hangs on a run: each a list of rows of one statement ---- */

/* An array that grows in the arena by doubling. The old half stays there until the arena goes. */
static void *grow(struct arena *a, void *old, size_t count, size_t size)
{
    if (count != 0 && (count < 8 || (count & (count - 1)) != 0))
        return old;
    size_t room = count == 0 ? 8 : 2 * count;
    void *fresh = arena_alloc(a, room * size);
    if (count != 0)
        memcpy(fresh, old, count * size);
    return fresh;
}

static int load_datasets(struct cat *db, struct arena *a, int64_t seq, struct run_row *r,
                         struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_read_sql, READ_DATASETS, e, V_I(seq));
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1) {
        r->datasets = grow(a, r->datasets, r->dataset_count, sizeof *r->datasets);
        struct run_dataset *d = &r->datasets[r->dataset_count++];
        *d = (struct run_dataset){
            .name = cat_col_text(a, s, 0),
            .version = sqlite3_column_int64(s, 1),
            .manifest = cat_col_text(a, s, 2),
            .key = sqlite3_column_int64(s, 3),
            .classification = cat_col_text(a, s, 4),
            .quarantined = sqlite3_column_type(s, 5) != SQLITE_NULL,
            .quarantine_reason = cat_col_text(a, s, 6),
        };
        d->ref = arena_printf(a, "%s@%lld", d->name, (long long)d->version);
    }
    return rc;
}

static int load_environment(struct cat *db, struct arena *a, struct run_environment *v,
                            struct err *e)
{
    if (v->key == 0)
        return 0;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_read_sql, READ_ENVIRONMENT, e, V_I(v->key));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    assert(rc == 1); /* a foreign key */
    v->name = cat_col_text(a, s, 0);
    v->version = sqlite3_column_int64(s, 1);
    v->manifest = cat_col_text(a, s, 2);
    v->quarantined = sqlite3_column_type(s, 3) != SQLITE_NULL;
    v->quarantine_reason = cat_col_text(a, s, 4);
    v->ref = arena_printf(a, "%s@%lld", v->name, (long long)v->version);
    return 0;
}

static int load_pairs(struct cat *db, struct arena *a, int row, int64_t seq, struct run_pair **out,
                      size_t *count, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_read_sql, row, e, V_I(seq));
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1) {
        *out = grow(a, *out, *count, sizeof **out);
        (*out)[(*count)++] = (struct run_pair){cat_col_text(a, s, 0), cat_col_text(a, s, 1)};
    }
    return rc;
}

static int load_artifacts(struct cat *db, struct arena *a, int64_t seq, struct run_row *r,
                          struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_read_sql, READ_ARTIFACTS, e, V_I(seq));
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1) {
        r->artifacts = grow(a, r->artifacts, r->artifact_count, sizeof *r->artifacts);
        r->artifacts[r->artifact_count++] = (struct run_artifact){
            .path = cat_col_text(a, s, 0),
            .sha256 = cat_col_text(a, s, 1),
            .size_bytes = (uint64_t)sqlite3_column_int64(s, 2),
            .mode = (unsigned)sqlite3_column_int(s, 3),
        };
    }
    return rc;
}

static int load_refused(struct cat *db, struct arena *a, int64_t seq, struct run_row *r,
                        struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_read_sql, READ_REFUSED, e, V_I(seq));
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1) {
        r->refused = grow(a, r->refused, r->refused_count, sizeof *r->refused);
        r->refused[r->refused_count++] =
            (struct run_refused){cat_col_text(a, s, 0), cat_col_text(a, s, 1)};
    }
    return rc;
}

static int load_denied(struct cat *db, struct arena *a, int64_t seq, struct run_row *r,
                       struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_read_sql, READ_DENIED, e, V_I(seq));
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1) {
        r->denied = grow(a, r->denied, r->denied_count, sizeof *r->denied);
        r->denied[r->denied_count++] = (struct run_denied){
            .kind = cat_col_text(a, s, 0),
            .name = cat_col_text(a, s, 1),
            .detail = cat_col_text(a, s, 2),
            .errno_name = cat_col_text(a, s, 3),
            .hint = cat_col_text(a, s, 4),
            .hint_fr = cat_col_text(a, s, 5),
            .count = sqlite3_column_int64(s, 6),
        };
    }
    return rc;
}

static int load_record(struct cat *db, struct arena *a, int64_t seq, struct run_row *r,
                       struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_read_sql, READ_RECORD, e, V_I(seq));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc <= 0)
        return rc;
    r->failed_json = cat_col_text(a, s, 0);
    r->usage_json = cat_col_text(a, s, 1);
    r->sandbox_json = cat_col_text(a, s, 2);
    r->record_json = cat_col_text(a, s, 3);
    r->warnings_json = cat_col_text(a, s, 4);
    return 0;
}

/* ---- one ---- */

int cat_run_get(struct cat *db, struct arena *a, const char *id, struct run_row *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_read_sql, READ_ONE, e, V_T(id));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "run", "`enclos ps --all` lists them", "there is no run %s",
                       id);
    int64_t seq = row_from(a, s, out);
    if (load_datasets(db, a, seq, out, e) < 0 ||
        load_environment(db, a, &out->environment, e) < 0 ||
        cat_origin_get(db, a, seq, &out->origin, e) < 0 ||
        cat_run_place_get(db, a, seq, &out->place, e) < 0 ||
        load_pairs(db, a, READ_PARAMS, seq, &out->params, &out->param_count, e) < 0 ||
        load_pairs(db, a, READ_TAGS, seq, &out->tags, &out->tag_count, e) < 0 ||
        load_artifacts(db, a, seq, out, e) < 0 || load_refused(db, a, seq, out, e) < 0 ||
        load_denied(db, a, seq, out, e) < 0)
        return -1;
    return load_record(db, a, seq, out, e);
}

int cat_run_find(struct cat *db, const struct standing *by, const char *prefix,
                 char out_id[TEXT_ID_SIZE], struct err *e)
{
    size_t len = strlen(prefix);
    char found[4][TEXT_ID_SIZE];
    char end[TEXT_ID_SIZE + 1];
    int count = 0;
    int rc;
    if (len < RUN_PREFIX_MIN || len >= TEXT_ID_SIZE || !text_is_name(prefix))
        return err_set(e, E_INVALID, "run", "`enclos ps --all` lists them",
                       "%.40s is no run id: give a whole one or its first %d characters or more",
                       text_is_utf8(prefix, len) && !text_has_control(prefix, len) ? prefix
                                                                                   : "this",
                       RUN_PREFIX_MIN);
    snprintf(end, sizeof end, "%s~", prefix); /* after all that ids are made of */
    const struct cat_actor own = standing_own_runs(by);
    AUTO_STMT sqlite3_stmt *s =
        standing_sees_all(by)
            ? cat_query(db, &run_read_sql, READ_PREFIX, e, V_T(prefix), V_T(end))
            : cat_query(db, &run_read_sql, READ_PREFIX_SEEN, e, V_T(prefix), V_T(end),
                        V_I(own.uid), V_T(own.name), V_T(by->projects_json));
    if (!s)
        return -1;
    while ((rc = cat_step(db, s, e)) == 1)
        snprintf(found[count++], TEXT_ID_SIZE, "%s", (const char *)sqlite3_column_text(s, 0));
    if (rc < 0)
        return -1;
    if (count == 0)
        return err_set(e, E_NOT_FOUND, "run", "`enclos ps --all` lists them", "there is no run %s",
                       prefix);
    if (count > 1 && strcmp(found[0], prefix) != 0)
        return err_set(e, E_CONFLICT, "run", "give more of its characters",
                       "%s could be %s, %s%s%s", prefix, found[0], found[1], count > 2 ? ", " : "",
                       count > 3   ? "..."
                       : count > 2 ? found[2]
                                   : "");
    memcpy(out_id, found[0], TEXT_ID_SIZE);
    return 0;
}

int cat_run_owner(struct cat *db, struct arena *a, const struct standing *by, const char *id,
                  struct run_owner *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_read_sql, READ_OWNER, e, V_T(id));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 1)
        *out = (struct run_owner){.id = arena_strdup(a, id),
                                  .actor = {sqlite3_column_int64(s, 0), cat_col_text(a, s, 1)},
                                  .project = cat_col_int(s, 2, 0)};
    if (rc == 0 || !standing_sees_run(by, &out->actor, out->project))
        return err_set(e, E_NOT_FOUND, "run", "`enclos ps --all` lists them", "there is no run %s", id);
    return 0;
}

/* ---- lists ---- */

static int rows_from(struct cat *db, struct arena *a, sqlite3_stmt *s, struct run_row **out,
                     size_t *count, struct err *e)
{
    int rc;
    *out = NULL;
    *count = 0;
    while ((rc = cat_step(db, s, e)) == 1) {
        *out = grow(a, *out, *count, sizeof **out);
        struct run_row *r = &(*out)[(*count)++];
        int64_t seq = row_from(a, s, r);
        if (load_datasets(db, a, seq, r, e) < 0 || load_environment(db, a, &r->environment, e) < 0 ||
            cat_run_place_get(db, a, seq, &r->place, e) < 0)
            return -1;
    }
    return rc;
}

int cat_run_by_seq(struct cat *db, struct arena *a, int64_t seq, struct run_row *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_read_sql, READ_BY_SEQ, e, V_I(seq));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "run", NULL, "there is no run number %lld", (long long)seq);
    row_from(a, s, out);
    return load_datasets(db, a, seq, out, e) < 0 || load_environment(db, a, &out->environment, e) < 0
               ? -1
               : cat_run_place_get(db, a, seq, &out->place, e);
}

int cat_run_unfinished(struct cat *db, struct arena *a, struct run_row **out, size_t *count,
                       struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_read_sql, READ_UNFINISHED, e);
    return s ? rows_from(db, a, s, out, count, e) : -1;
}

int cat_run_count(struct cat *db, struct run_counts *out, struct err *e)
{
    *out = (struct run_counts){0};
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_read_sql, READ_COUNTS, e);
    int64_t unfinished = 0;
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1) {
        int state = run_state_of((const char *)sqlite3_column_text(s, 0));
        assert(state >= 0);
        out->by_state[state] = sqlite3_column_int64(s, 1);
        unfinished += out->by_state[state];
    }
    if (rc < 0)
        return -1;
    AUTO_STMT sqlite3_stmt *total = cat_query(db, &run_read_sql, READ_TOTAL, e);
    if (!total || cat_step(db, total, e) < 0)
        return -1;
    out->by_state[RUN_FINISHED] = sqlite3_column_int64(total, 0) - unfinished;
    return 0;
}

int cat_run_event_list(struct cat *db, struct arena *a, const char *id, int64_t after, size_t limit,
                       struct run_event **out, size_t *count, struct err *e)
{
    *out = NULL;
    *count = 0;
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &run_read_sql, READ_EVENTS, e, V_T(id), V_I(after), V_I(limit));
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1) {
        *out = grow(a, *out, *count, sizeof **out);
        (*out)[(*count)++] = (struct run_event){
            .number = sqlite3_column_int64(s, 0),
            .time_us = sqlite3_column_int64(s, 1),
            .event = cat_col_text(a, s, 2),
            .detail_json = cat_col_text(a, s, 3),
        };
    }
    return rc;
}
