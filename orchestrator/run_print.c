/*
 * run_print.c - from a row to the API's run object, whole (run.get) or short (run.list).
 */
#include "orchestrator/run_print.h"
#include "api/common/mem.h"
#include "catalog/environment.h"
#include "catalog/metric.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static void int_or_null(struct jw *w, const char *key, int64_t n, int64_t none)
{
    if (n == none)
        jw_null_at(w, key);
    else
        jw_int_at(w, key, n);
}

static void raw_or(struct jw *w, const char *key, const char *json, const char *otherwise)
{
    const char *s = json ? json : otherwise;
    jw_raw_at(w, key, s, strlen(s));
}

static void print_actor(const struct cat_actor *a, struct jw *w)
{
    jw_obj_at(w, "actor");
    jw_int_at(w, "uid", a->uid);
    jw_str_at(w, "name", a->name);
    jw_end_obj(w);
}

static void print_datasets(const struct run_row *r, struct jw *w)
{
    jw_arr_at(w, "datasets");
    for (size_t i = 0; i < r->dataset_count; i++) {
        const struct run_dataset *d = &r->datasets[i];
        jw_obj(w);
        jw_str_at(w, "name", d->name);
        jw_int_at(w, "version", d->version);
        jw_str_at(w, "ref", d->ref);
        jw_str_at(w, "manifest", d->manifest);
        jw_str_at(w, "classification", d->classification);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

static void print_environment(const struct run_environment *v, struct jw *w)
{
    jw_obj_at(w, "environment");
    jw_str_at(w, "name", v->key ? v->name : ENV_HOST);
    if (v->key)
        jw_int_at(w, "version", v->version);
    else
        jw_null_at(w, "version");
    jw_str_at(w, "ref", v->key ? v->ref : ENV_HOST);
    jw_str_at(w, "manifest", v->manifest);
    jw_end_obj(w);
}

/* What both forms have. */
static void print_head(const struct run_row *r, struct jw *w)
{
    jw_str_at(w, "id", r->id);
    jw_str_at(w, "name", r->name);
    jw_str_at(w, "state", run_state_name(r->state));
    jw_str_at(w, "verdict", r->verdict == VERDICT_NONE ? NULL : verdict_name(r->verdict));
    if (r->has_exit_code)
        jw_int_at(w, "exit_code", r->exit_code);
    else
        jw_null_at(w, "exit_code");
    print_actor(&r->actor, w);
    jw_str_at(w, "project", r->place.project_code);
    jw_str_at(w, "experiment", r->experiment);
    int_or_null(w, "experiment_version", r->place.experiment_version, 0);
    jw_str_at(w, "purpose", r->place.purpose);
    jw_str_at(w, "profile", r->profile);
    raw_or(w, "interactive", r->interactive_json, "null");
    print_datasets(r, w);
    print_environment(&r->environment, w);
    jw_int_at(w, "created_us", r->created_us);
    int_or_null(w, "started_us", r->started_us, 0);
    int_or_null(w, "finished_us", r->finished_us, 0);
    int_or_null(w, "wall_ms", r->wall_ms, -1);
    int_or_null(w, "cpu_ms", r->cpu_ms, -1);
    int_or_null(w, "memory_peak_bytes", r->memory_peak_bytes, -1);
    jw_int_at(w, "priority", r->priority);
    jw_str_at(w, "limits", r->best_effort ? "best_effort" : "enforced");
    jw_bool_at(w, "warned", r->warned);
}

void run_print_short(const struct run_row *r, struct jw *w)
{
    jw_obj(w);
    print_head(r, w);
    jw_end_obj(w);
}

void run_print_artifact(const struct run_artifact *a, struct jw *w)
{
    char mode[8];
    snprintf(mode, sizeof mode, "0%03o", a->mode & 0777);
    jw_obj(w);
    jw_str_at(w, "path", a->path);
    jw_int_at(w, "size_bytes", (int64_t)a->size_bytes);
    jw_str_at(w, "sha256", a->sha256);
    jw_str_at(w, "mode", mode);
    jw_end_obj(w);
}

static void print_pairs(const char *key, const struct run_pair *pairs, size_t count, struct jw *w)
{
    jw_obj_at(w, key);
    for (size_t i = 0; i < count && w->out->len < (700 << 10); i++)
        jw_str_at(w, pairs[i].name, pairs[i].value);
    jw_end_obj(w);
}

void run_print_number(struct jw *w, const char *key, double n)
{
    if (isnan(n))
        jw_str_at(w, key, "NaN");
    else if (isinf(n))
        jw_str_at(w, key, n > 0 ? "Infinity" : "-Infinity");
    else
        jw_num_at(w, key, n);
}

static int print_metrics(struct cat *db, struct arena *a, const char *id, struct jw *w,
                         struct err *e)
{
    struct metric_summary *all;
    size_t count;
    if (cat_metric_latest(db, a, id, &all, &count, e) < 0)
        return -1;
    jw_arr_at(w, "metrics");
    for (size_t i = 0; i < count && i < RUN_PRINT_LIST_MAX; i++) {
        jw_obj(w);
        jw_str_at(w, "name", all[i].name);
        run_print_number(w, "value", all[i].last);
        jw_int_at(w, "step", all[i].last_step);
        run_print_number(w, "min", all[i].min);
        run_print_number(w, "max", all[i].max);
        jw_int_at(w, "count", all[i].count);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    return 0;
}

static void print_denied(const struct run_row *r, struct jw *w)
{
    jw_arr_at(w, "denied");
    for (size_t i = 0; i < r->denied_count; i++) {
        const struct run_denied *d = &r->denied[i];
        jw_obj(w);
        jw_str_at(w, "kind", d->kind);
        jw_str_at(w, "name", d->name);
        jw_str_at(w, "detail", d->detail);
        jw_str_at(w, "errno", d->errno_name);
        jw_int_at(w, "count", d->count);
        jw_str_at(w, "hint", d->hint);
        jw_str_at(w, "hint_fr", d->hint_fr);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

static void print_outputs(const struct run_row *r, struct jw *w)
{
    jw_str_at(w, "outputs_manifest", r->outputs_manifest);
    jw_arr_at(w, "artifacts");
    size_t i = 0;
    for (; i < r->artifact_count && i < RUN_PRINT_LIST_MAX && w->out->len < (500 << 10); i++)
        run_print_artifact(&r->artifacts[i], w);
    jw_end_arr(w);
    jw_int_at(w, "artifact_count", (int64_t)r->artifact_count);
    jw_arr_at(w, "refused_outputs");
    for (i = 0; i < r->refused_count && i < RUN_PRINT_LIST_MAX && w->out->len < (600 << 10); i++) {
        jw_obj(w);
        jw_str_at(w, "path", r->refused[i].path);
        jw_str_at(w, "reason", r->refused[i].reason);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

const char *run_profile_digest(const struct run_row *r, struct arena *a)
{
    struct err e = {0};
    AUTO_JSON struct json *root = r->sandbox_json ? json_parse(r->sandbox_json, strlen(r->sandbox_json), NULL, &e) : NULL;
    const char *digest = json_str(json_get(root, "profile_digest"));
    return digest ? arena_strdup(a, digest) : NULL;
}

void run_print_origin(const struct run_row *r, struct arena *a, struct jw *w)
{
    const struct run_origin *o = &r->origin;
    int_or_null(w, "seed", o->known ? o->seed : -1, -1);
    if (o->known)
        jw_bool_at(w, "seed_chosen", o->seed_chosen);
    else
        jw_null_at(w, "seed_chosen");
    if (o->git_commit) {
        jw_obj_at(w, "git");
        jw_str_at(w, "commit", o->git_commit);
        jw_str_at(w, "branch", o->git_branch);
        if (o->git_dirty >= 0)
            jw_bool_at(w, "dirty", o->git_dirty);
        else
            jw_null_at(w, "dirty");
        jw_end_obj(w);
    } else {
        jw_null_at(w, "git");
    }
    jw_str_at(w, "rerun_of", o->rerun_of);
    jw_str_at(w, "parent", o->parent);
    jw_str_at(w, "profile_digest", run_profile_digest(r, a));
    raw_or(w, "host", o->host_json, "null");
}

int run_print_open(struct cat *db, const char *id, struct jw *w, enum run_state *state,
                   struct err *e)
{
    struct arena *a = arena_new();
    struct run_row r;
    int rc = cat_run_get(db, a, id, &r, e);
    if (rc == 0) {
        *state = r.state;
        jw_obj(w);
        print_head(&r, w);
        jw_str_at(w, "signal", r.signal);
        jw_str_at(w, "reason", r.reason);
        raw_or(w, "command", r.command_json, "[]");
        raw_or(w, "env", r.env_json, "{}");
        jw_str_at(w, "code", r.code);
        raw_or(w, "resources", r.resources_json, "{}");
        jw_bool_at(w, "report_paths", r.report_paths);
        jw_bool_at(w, "warm", r.warm);
        run_print_origin(&r, a, w);
        print_outputs(&r, w);
        rc = run_print_network(db, a, id, w, e);
    }
    if (rc == 0)
        rc = print_metrics(db, a, id, w, e);
    if (rc == 0) {
        jw_int_at(w, "bad_metrics", r.bad_metrics);
        int_or_null(w, "metrics_dropped", r.metrics_dropped, -1);
        print_denied(&r, w);
        raw_or(w, "failed", r.failed_json, "null");
        int_or_null(w, "cancel_us", r.cancel_us, 0);
        jw_str_at(w, "cancel_reason", r.cancel_reason);
        jw_obj_at(w, "log");
        int_or_null(w, "kept_bytes", r.log_kept_bytes, -1);
        int_or_null(w, "dropped_bytes", r.log_dropped_bytes, -1);
        jw_str_at(w, "error", r.log_error);
        jw_end_obj(w);
        raw_or(w, "warnings", r.warnings_json, "[]");
        raw_or(w, "usage", r.usage_json, "null");
        raw_or(w, "sandbox", r.sandbox_json, "null");
        print_pairs("params", r.params, r.param_count, w);
        print_pairs("tags", r.tags, r.tag_count, w);
    }
    arena_free(a);
    return rc;
}

int run_print_full(struct cat *db, const char *id, struct jw *w, struct err *e)
{
    enum run_state state;
    if (run_print_open(db, id, w, &state, e) < 0)
        return -1;
    jw_null_at(w, "queue_reason");
    jw_end_obj(w);
    return 0;
}
