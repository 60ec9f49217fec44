/*
 * run.c - runs: submit, states, the end. All in the caller's transaction; reading is in run_read.c.
 *
 *     queued --> starting --> running --> finished
 *        |           |                       ^
 *        +-----------+-----------------------+
 *
 * move() is the only place where a state changes, and each change has its audit entry beside it.
 */
#include "catalog/run.h"

#include "api/common/json.h"
#include "catalog/change.h"
#include "catalog/connection.h"
#include "catalog/db.h"
#include "catalog/idem.h"
#include "catalog/run_place.h"
#include "catalog/search.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { DETAIL_MAX_BYTES = 32 << 10, WARNINGS_MAX_BYTES = 256 << 10 };

enum {
    RUN_ADD,
    RUN_ADD_DATASET,
    RUN_ADD_PARAM,
    RUN_ADD_TAG,
    RUN_STATE,
    RUN_MOVE,
    RUN_SET_STARTED,
    RUN_CANCEL,
    RUN_FINISH,
    RUN_ADD_RECORD,
    RUN_ADD_ARTIFACT,
    RUN_ADD_REFUSED,
    RUN_ADD_DENIED,
    RUN_COUNT_EVENT,
    RUN_ADD_EVENT,
    RUN_DATASET_STATE,
    RUN_ENVIRONMENT_STATE,
    RUN_SQL_COUNT
};

static const struct sql_row rows[] = {
    [RUN_ADD] =
        {.text = "INSERT INTO run (id, name, state, actor_uid, actor_name, experiment, profile,"
                 " command, env, resources, cpus_milli, memory_bytes, code, priority, best_effort,"
                 " report_paths, interactive, created_us, environment, warm)"
                 " VALUES (?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    [RUN_ADD_DATASET] = {.text =
                             "INSERT INTO run_dataset (run, ordinal, version) VALUES (?, ?, ?)"},
    [RUN_ADD_PARAM] = {.text = "INSERT INTO param (run, name, value) VALUES (?, ?, ?)"},
    [RUN_ADD_TAG] = {.text = "INSERT INTO tag (run, name, value) VALUES (?, ?, ?)"},
    [RUN_STATE] = {.text = "SELECT seq, state, cancel_us, event_count FROM run WHERE id = ?"},
    [RUN_MOVE] = {.text = "UPDATE run SET state = ? WHERE seq = ? AND state = ?"},
    [RUN_SET_STARTED] = {.text = "UPDATE run SET started_us = ? WHERE seq = ?"},
    [RUN_CANCEL] = {.text = "UPDATE run SET cancel_us = ?, cancel_reason = ? WHERE seq = ?"},
    /* State and verdict change together: the table has a check on it. */
    [RUN_FINISH] =
        {.text = "UPDATE run SET state = 'finished', verdict = ?1, exit_code = ?2, signal = ?3,"
                 " reason = ?4, started_us = coalesce(?5, started_us), finished_us = ?6,"
                 " wall_ms = ?7, cpu_ms = ?8, memory_peak_bytes = ?9, log_kept_bytes = ?10,"
                 " log_dropped_bytes = ?11, log_error = ?12, metrics_dropped = ?13, outputs = ?14,"
                 " warned = ?17 WHERE seq = ?15 AND state = ?16"},
    [RUN_ADD_RECORD] =
        {.text = "INSERT INTO run_record (run, failed, usage, sandbox, warnings, record)"
                 " VALUES (?, ?, ?, ?, ?, ?)"},
    [RUN_ADD_ARTIFACT] = {.text = "INSERT INTO artifact (run, path, sha256, size_bytes, mode)"
                                  " VALUES (?, ?, ?, ?, ?)"},
    [RUN_ADD_REFUSED] = {.text = "INSERT INTO refused_output (run, ordinal, path, reason)"
                                 " VALUES (?, ?, ?, ?)"},
    [RUN_ADD_DENIED] =
        {.text = "INSERT INTO denied (run, ordinal, kind, name, detail, errno, hint, hint_fr, count)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    [RUN_COUNT_EVENT] = {.text = "UPDATE run SET event_count = event_count + 1 WHERE seq = ?"},
    [RUN_ADD_EVENT] = {.text = "INSERT INTO run_event (run, number, time_us, event, detail)"
                               " VALUES (?, ?, ?, ?, ?)"},
    [RUN_DATASET_STATE] =
        {.text = "SELECT d.name, v.version, v.state, v.quarantine_us FROM dataset_version v"
                 " JOIN dataset d ON d.id = v.dataset WHERE v.id = ?"},
    [RUN_ENVIRONMENT_STATE] =
        {.text = "SELECT n.name, v.version, v.state, v.quarantine_us FROM environment_version v"
                 " JOIN environment n ON n.id = v.environment WHERE v.id = ?"},
};
static_assert(sizeof rows / sizeof rows[0] == RUN_SQL_COUNT, "one statement a row");
const struct sql_table run_sql = {"run", rows, RUN_SQL_COUNT, SQL_RUN};

/* ---- submit ---- */

static int check_dataset(struct cat *db, int64_t key, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_sql, RUN_DATASET_STATE, e, V_I(key));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "datasets", NULL, "there is no dataset version %lld",
                       (long long)key);
    const char *name = (const char *)sqlite3_column_text(s, 0);
    const char *state = (const char *)sqlite3_column_text(s, 2);
    int version = sqlite3_column_int(s, 1);
    if (strcmp(state, "sealed") != 0)
        return err_set(e, E_CONFLICT, "datasets", "use a sealed version", "%s@%d is %s, not sealed",
                       name, version, state);
    if (sqlite3_column_type(s, 3) != SQLITE_NULL)
        return err_set(e, E_CONFLICT, "datasets", "ask the dataset's custodian",
                       "%s@%d is in quarantine: it was found changed", name, version);
    return 0;
}

static int check_environment(struct cat *db, int64_t key, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_sql, RUN_ENVIRONMENT_STATE, e, V_I(key));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "environment", NULL, "there is no environment version %lld",
                       (long long)key);
    const char *name = (const char *)sqlite3_column_text(s, 0);
    int version = sqlite3_column_int(s, 1);
    if (strcmp((const char *)sqlite3_column_text(s, 2), "sealed") != 0)
        return err_set(e, E_CONFLICT, "environment", "use a newer version",
                       "the environment %s@%d is retired", name, version);
    if (sqlite3_column_type(s, 3) != SQLITE_NULL)
        return err_set(e, E_CONFLICT, "environment", "import it again, and use the new version",
                       "the environment %s@%d is in quarantine: it was found changed", name,
                       version);
    return 0;
}

static int add_pairs(struct cat *db, int row, int64_t seq, const struct run_pair *pairs,
                     size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++)
        if (cat_do(db, &run_sql, row, e, V_I(seq), V_T(pairs[i].name), V_T(pairs[i].value)) < 0)
            return err_context(e, "%s %s", row == RUN_ADD_PARAM ? "param" : "tag", pairs[i].name);
    return 0;
}

static int add_run(struct cat *db, const struct run_new *run, struct err *e)
{
    if (run->environment && check_environment(db, run->environment, e) < 0)
        return -1;
    if (cat_do(db, &run_sql, RUN_ADD, e, V_T(run->id), V_T(run->name), V_I(run->actor.uid),
               V_T(run->actor.name), V_T(run->experiment), V_T(run->profile),
               V_T(run->command_json), V_T(run->env_json), V_T(run->resources_json),
               V_I(run->cpus_milli), V_I(run->memory_bytes), V_T(run->code), V_I(run->priority),
               V_I(run->best_effort), V_I(run->report_paths), V_T(run->interactive_json),
               V_I(run->created_us), V_I_OR(run->environment, 0), V_I(run->warm)) < 0)
        return -1;
    int64_t seq = cat_last_id(db);
    if (cat_origin_add(db, seq, &run->origin, e) < 0)
        return -1;
    for (size_t i = 0; i < run->dataset_count; i++)
        if (check_dataset(db, run->dataset_versions[i], e) < 0 ||
            cat_do(db, &run_sql, RUN_ADD_DATASET, e, V_I(seq), V_I(i),
                   V_I(run->dataset_versions[i])) < 0)
            return -1;
    if (add_pairs(db, RUN_ADD_PARAM, seq, run->params, run->param_count, e) < 0 ||
        add_pairs(db, RUN_ADD_TAG, seq, run->tags, run->tag_count, e) < 0)
        return -1;

    if (cat_run_place_keep(db, seq, run->id, &run->place, &run->actor, run->created_us, e) < 0)
        return -1;
    if (run->allow_hosts_json && cat_network_add(db, run->id, run->allow_hosts_json, e) < 0)
        return -1;

    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_MAX_BYTES);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "code", run->code);
    jw_str_at(&w, "profile", run->profile);
    if (run->place.project) {
        jw_str_at(&w, "project", run->place.project_code);
        jw_str_at(&w, "experiment", run->experiment);
    }
    if (run->place.purpose)
        jw_str_at(&w, "purpose", run->place.purpose);
    jw_arr_at(&w, "dataset_versions");
    for (size_t i = 0; i < run->dataset_count; i++)
        jw_int(&w, run->dataset_versions[i]);
    jw_end_arr(&w);
    if (run->interactive_json)
        jw_raw_at(&w, "interactive", run->interactive_json, strlen(run->interactive_json));
    if (run->environment)
        jw_int_at(&w, "environment_version", run->environment);
    if (run->origin.rerun_of)
        jw_str_at(&w, "rerun_of", run->origin.rerun_of);
    if (run->allow_hosts_json)
        jw_raw_at(&w, "allow_hosts", run->allow_hosts_json, strlen(run->allow_hosts_json));
    jw_end_obj(&w);
    if (search_run(db, seq, e) < 0 ||
        change_add(db, "run", run->id, "submitted", run->created_us, e) < 0)
        return -1;
    return audit_append(db, &run->actor, "run.submitted", run->id, buf_cstr(&detail),
                        run->created_us, e);
}

int cat_run_insert(struct cat *db, const struct run_new *run, char out_id[TEXT_ID_SIZE],
                   bool *existed, struct err *e)
{
    *existed = false;
    if (run->idempotency_key) {
        struct arena *a = arena_new();
        const char *earlier = NULL;
        int rc = idem_find(db, a, run->actor.uid, run->idempotency_key, "run.submit",
                           run->request_sha256, &earlier, e);
        if (rc == 0 && earlier) {
            snprintf(out_id, TEXT_ID_SIZE, "%s", earlier);
            *existed = true;
        }
        arena_free(a);
        if (rc < 0 || *existed)
            return rc;
    }
    if (run->only_retry && run->refusal) {
        *e = *run->refusal;
        return -1;
    }
    if (run->only_retry)
        return err_set(e, E_LIMIT, "queue", "wait until some of them have ended",
                       "the queue has no room for another run");
    if (add_run(db, run, e) < 0)
        return err_context(e, "submitting %s", run->id);
    if (run->idempotency_key && idem_keep(db, run->actor.uid, run->idempotency_key, "run.submit",
                                          run->request_sha256, run->id, run->created_us, e) < 0)
        return -1;
    snprintf(out_id, TEXT_ID_SIZE, "%s", run->id);
    return 0;
}

/* ---- states ---- */

static const bool next[RUN_STATE_COUNT][RUN_STATE_COUNT] = {
    [RUN_QUEUED] = {[RUN_STARTING] = true, [RUN_FINISHED] = true},
    [RUN_STARTING] = {[RUN_RUNNING] = true, [RUN_FINISHED] = true},
    [RUN_RUNNING] = {[RUN_FINISHED] = true},
};

bool cat_run_may_move(enum run_state from, enum run_state to)
{
    return from < RUN_STATE_COUNT && to < RUN_STATE_COUNT && next[from][to];
}

struct run_head {
    int64_t seq;
    enum run_state state;
    int64_t cancel_us; /* 0: nobody asked */
    int64_t event_count;
};

static int run_head(struct cat *db, const char *id, struct run_head *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_sql, RUN_STATE, e, V_T(id));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "run", "`enclos ps --all` lists them", "there is no run %s",
                       id);
    int state = run_state_of((const char *)sqlite3_column_text(s, 1));
    assert(state >= 0); /* the table has a check on it */
    *out = (struct run_head){
        .seq = sqlite3_column_int64(s, 0),
        .state = (enum run_state)state,
        .cancel_us = cat_col_int(s, 2, 0),
        .event_count = sqlite3_column_int64(s, 3),
    };
    return 0;
}

/* What its page would tell of at the head. Refused metrics are counted in the row as they come. */
static bool is_warned(const struct run_result *r)
{
    return r->warning_count > 0 || r->refused_count > 0 || r->log_error || r->log_dropped_bytes > 0 ||
           r->metrics_dropped > 0 || (r->failed_json && strstr(r->failed_json, "_verify_after\""));
}

/* The single place that judges a change of state. `result` is given for RUN_FINISHED and only
 * then. */
static int move(struct cat *db, const char *id, const struct run_head *head, enum run_state to,
                const struct run_result *result, struct err *e)
{
    if (!cat_run_may_move(head->state, to))
        return err_set(e, E_CONFLICT, "state", NULL, "run %s is %s, it cannot become %s", id,
                       run_state_name(head->state), run_state_name(to));
    int rc = result
                 ? cat_do(db, &run_sql, RUN_FINISH, e, V_T(verdict_name(result->verdict)),
                          result->has_exit_code ? V_I(result->exit_code) : V_NULL,
                          V_T(result->signal), V_T(result->reason), V_I_OR(result->started_us, 0),
                          V_I(result->finished_us), V_I_OR(result->wall_ms, -1),
                          V_I_OR(result->cpu_ms, -1), V_I_OR(result->memory_peak_bytes, -1),
                          V_I_OR(result->log_kept_bytes, -1), V_I_OR(result->log_dropped_bytes, -1),
                          V_T(result->log_error), V_I_OR(result->metrics_dropped, -1),
                          V_T(result->outputs_manifest), V_I(head->seq),
                          V_T(run_state_name(head->state)), V_I(is_warned(result)))
                 : cat_do(db, &run_sql, RUN_MOVE, e, V_T(run_state_name(to)), V_I(head->seq),
                          V_T(run_state_name(head->state)));
    if (rc < 0)
        return err_context(e, "run %s", id);
    assert(cat_changes(db) == 1); /* one writer: it was in that state just now */
    return 0;
}

int cat_run_move(struct cat *db, const char *id, enum run_state from, enum run_state to,
                 int64_t at_us, const char *detail_json, struct err *e)
{
    struct run_head head = {0};
    if (to == RUN_FINISHED)
        return err_set(e, E_INTERNAL, "state", NULL, "a run is finished by cat_run_finish only");
    if (run_head(db, id, &head, e) < 0)
        return -1;
    if (head.state != from)
        return err_set(e, E_CONFLICT, "state", NULL, "run %s is %s, not %s", id,
                       run_state_name(head.state), run_state_name(from));
    if (move(db, id, &head, to, NULL, e) < 0 ||
        (to == RUN_RUNNING &&
         cat_do(db, &run_sql, RUN_SET_STARTED, e, V_I(at_us), V_I(head.seq)) < 0))
        return -1;
    char action[32];
    snprintf(action, sizeof action, "run.%s", run_state_name(to));
    if (change_add(db, "run", id, run_state_name(to), at_us, e) < 0)
        return -1;
    return audit_append(db, &CAT_ACTOR_LAB, action, id, detail_json, at_us, e);
}

int cat_run_cancel(struct cat *db, const char *id, const struct cat_actor *actor,
                   const char *reason, int64_t at_us, enum run_state *state, struct err *e)
{
    struct run_head head = {0};
    if (run_head(db, id, &head, e) < 0)
        return -1;
    if (head.state == RUN_FINISHED)
        return err_set(e, E_CONFLICT, "run", NULL, "run %s is finished already", id);
    *state = head.state;
    if (head.cancel_us != 0)
        return 0;
    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_MAX_BYTES);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "reason", reason);
    jw_str_at(&w, "state", run_state_name(head.state));
    jw_end_obj(&w);
    if (cat_do(db, &run_sql, RUN_CANCEL, e, V_I(at_us), V_T(reason), V_I(head.seq)) < 0 ||
        change_add(db, "run", id, "cancel_asked", at_us, e) < 0)
        return -1;
    return audit_append(db, actor, "run.cancel_asked", id, buf_cstr(&detail), at_us, e);
}

/* ---- the end ---- */

static int add_outputs(struct cat *db, int64_t seq, const struct run_result *r, struct err *e)
{
    for (size_t i = 0; i < r->artifact_count; i++) {
        const struct run_artifact *a = &r->artifacts[i];
        if (cat_do(db, &run_sql, RUN_ADD_ARTIFACT, e, V_I(seq), V_T(a->path), V_T(a->sha256),
                   V_I(a->size_bytes), V_I(a->mode)) < 0)
            return err_context(e, "artifact %s", a->path);
    }
    for (size_t i = 0; i < r->refused_count; i++)
        if (cat_do(db, &run_sql, RUN_ADD_REFUSED, e, V_I(seq), V_I(i), V_T(r->refused[i].path),
                   V_T(r->refused[i].reason)) < 0)
            return -1;
    for (size_t i = 0; i < r->denied_count; i++) {
        const struct run_denied *d = &r->denied[i];
        if (cat_do(db, &run_sql, RUN_ADD_DENIED, e, V_I(seq), V_I(i), V_T(d->kind), V_T(d->name),
                   V_T(d->detail), V_T(d->errno_name), V_T(d->hint), V_T(d->hint_fr), V_I(d->count)) < 0)
            return -1;
    }
    return 0;
}

static int audit_finish(struct cat *db, const char *id, const struct run_result *r, struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_MAX_BYTES);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "verdict", verdict_name(r->verdict));
    if (r->has_exit_code)
        jw_int_at(&w, "exit_code", r->exit_code);
    jw_str_at(&w, "outputs", r->outputs_manifest);
    jw_int_at(&w, "denied", (int64_t)r->denied_count);
    jw_end_obj(&w);
    return audit_append(db, &CAT_ACTOR_LAB, "run.finished", id, buf_cstr(&detail), r->finished_us,
                        e);
}

static int add_record(struct cat *db, int64_t seq, const struct run_result *r, struct err *e)
{
    AUTO_BUF struct buf warnings = BUF_INIT(WARNINGS_MAX_BYTES);
    struct jw w = jw_to(&warnings);
    jw_arr(&w);
    for (size_t i = 0; i < r->warning_count; i++)
        jw_str(&w, r->warnings[i]);
    jw_end_arr(&w);
    if (warnings.failed)
        return err_set(e, E_LIMIT, "warnings", NULL, "the warnings have more than %d bytes",
                       WARNINGS_MAX_BYTES);
    return cat_do(db, &run_sql, RUN_ADD_RECORD, e, V_I(seq), V_T(r->failed_json),
                  V_T(r->usage_json), V_T(r->sandbox_json),
                  V_T(r->warning_count ? buf_cstr(&warnings) : NULL), V_T(r->record_json));
}

int cat_run_finish(struct cat *db, const char *id, const struct run_result *result, struct err *e)
{
    struct run_head head = {0};
    assert(result->verdict > VERDICT_NONE && result->verdict < VERDICT_COUNT);
    if (run_head(db, id, &head, e) < 0 || move(db, id, &head, RUN_FINISHED, result, e) < 0 ||
        add_record(db, head.seq, result, e) < 0 || add_outputs(db, head.seq, result, e) < 0 ||
        change_add(db, "run", id, "finished", result->finished_us, e) < 0 ||
        cat_run_place_told(db, head.seq, result->finished_us, e) < 0)
        return -1;
    return audit_finish(db, id, result, e);
}

/* ---- events ---- */

int cat_run_event_add(struct cat *db, const char *id, int64_t time_us, const char *event,
                      const char *detail_json, struct err *e)
{
    struct run_head head = {0};
    if (run_head(db, id, &head, e) < 0 ||
        cat_do(db, &run_sql, RUN_COUNT_EVENT, e, V_I(head.seq)) < 0)
        return -1;
    if (head.event_count >= RUN_EVENTS_MAX)
        return 0;
    return cat_do(db, &run_sql, RUN_ADD_EVENT, e, V_I(head.seq), V_I(head.event_count + 1),
                  V_I(time_us), V_T(event), V_T(detail_json));
}
