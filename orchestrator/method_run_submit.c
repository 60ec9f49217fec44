/*
 * method_run_submit.c - run.submit: from params to a committed run.
 *
 *   handler (loop)  ->  profile known?  ->  code whole? (pool)  ->  insert (catalog)  ->  queue, answer
 *
 * Nothing is acknowledged before the commit; nothing but the commit makes a run.
 */
#include "api/common/log.h"
#include "api/common/text.h"
#include "api/common/purpose.h"
#include "catalog/dataset_gate.h"
#include "catalog/digest.h"
#include "catalog/environment.h"
#include "catalog/manifest.h"
#include "orchestrator/given_objects.h"
#include "catalog/objects.h"
#include "catalog/quality.h"
#include "catalog/run.h"
#include "orchestrator/access.h"
#include "orchestrator/live.h"
#include "orchestrator/profiles.h"
#include "orchestrator/proxy.h"
#include "orchestrator/request.h"
#include "orchestrator/submit.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { COMMAND_MAX_BYTES = 128 << 10, ENV_MAX_BYTES = 64 << 10, CODE_MAX_GIB = 16, IDLE_MS = 30 * 60 * 1000 };

struct submit {
    struct err refusal;
    struct run_new run;
    const char *rerun_of; /* prefix or id, of a rerun; else NULL */
    int64_t profile_small_count; /* of a run that profiles its dataset; else 0 */
    struct given_objects code;
    struct sched_job job;
    char id[TEXT_ID_SIZE];
    char request_sha256[DIGEST_HEX_SIZE];
    bool existed;
};

static const struct {
    const char *key;
    int64_t usual;
} resources[] = {
    {"cpus_milli", 1000},
    {"memory_bytes", INT64_C(1) << 30},
    {"processes", 256},
    {"wall_ms", 3600 * 1000},
    {"cpu_ms", 0},
    {"grace_ms", 5000},
    {"work_bytes", 512 << 20},
    {"tmp_bytes", 256 << 20},
    {"output_bytes", 512 << 20},
    {"output_files", 10000},
    {"output_disk", 0},
    {"log_bytes", 4 << 20},
};

/* ---- params ---- */

static int check_command(struct request *q, struct err *e)
{
    size_t total = 0;
    const struct json *list = request_value(q, "command");
    for (const struct json *v = json_first(list); v; v = json_next(v))
        total += strlen(json_str(v)) + 1;
    if (total > COMMAND_MAX_BYTES)
        return err_set(e, E_LIMIT, "command", "put long arguments into a file of the code folder",
                       "the command has %zu bytes, more than %d", total, COMMAND_MAX_BYTES);
    if (!json_str(json_first(list))[0])
        return err_set(e, E_INVALID, "command", "give the program's name or path",
                       "the program's name is empty");
    return 0;
}

static bool is_env_name(const char *s)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    return s[0] && strchr(first, s[0]) &&
           strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") ==
               strlen(s);
}

static int check_env(struct request *q, struct err *e)
{
    static const char *const own[] = {"HOME", "TMPDIR", "USER", "LOGNAME", "PWD", NULL};
    size_t total = 0;
    for (const struct json *v = json_first(request_value(q, "env")); v; v = json_next(v)) {
        const char *name = json_key(v);
        bool ours = !strncmp(name, "ENCLOS_", 7) || !strncmp(name, "LD_", 3);
        for (size_t i = 0; own[i]; i++)
            ours = ours || !strcmp(name, own[i]);
        if (!is_env_name(name))
            return err_set(e, E_INVALID, "env", "letters, digits and _, not a digit first",
                           "%.80s is not the name of a variable", name);
        if (ours)
            return err_set(e, E_INVALID, "env",
                           "ENCLOS_*, LD_*, HOME, TMPDIR, USER, LOGNAME and PWD are the lab's",
                           "the variable %.80s may not be set", name);
        total += strlen(name) + strlen(json_str(v)) + 2;
    }
    if (total > ENV_MAX_BYTES)
        return err_set(e, E_LIMIT, "env", "put long values into a file of the code folder",
                       "the environment has %zu bytes, more than %d", total, ENV_MAX_BYTES);
    return 0;
}

static int check_dataset_names(struct request *q, struct err *e)
{
    const struct json *list = request_value(q, "datasets");
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        char name[65], other[65];
        int64_t version;
        if (dataset_parse_ref(json_str(v), name, &version, e) < 0)
            return -1;
        for (const struct json *u = json_first(list); u != v; u = json_next(u))
            if (dataset_parse_ref(json_str(u), other, &version, e) == 0 && !strcmp(name, other))
                return err_set(e, E_INVALID, "datasets", "name each dataset once",
                               "the dataset %s is there twice", name);
    }
    return 0;
}

static int check_environment(struct request *q, struct err *e)
{
    const char *ref = request_str(q, "environment");
    char name[65];
    int64_t version;
    if (!ref || !strcmp(ref, ENV_HOST))
        return 0;
    if (env_parse_ref(ref, name, &version, e) < 0)
        return -1;
    if (!strcmp(name, ENV_HOST))
        return err_set(e, E_INVALID, "environment", "write host",
                       "the machine's own environment has no versions");
    return 0;
}

static const char *print(struct request *q, const struct json *v, const char *otherwise)
{
    if (!v)
        return otherwise;
    AUTO_BUF struct buf b = BUF_INIT(2 << 20);
    json_print(v, false, &b);
    return arena_strdup(q->arena, buf_cstr(&b));
}

static const char *scalar_text(struct request *q, const struct json *v)
{
    if (json_str(v))
        return json_str(v);
    AUTO_BUF struct buf b = BUF_INIT(256);
    json_print(v, true, &b);
    return arena_strdup(q->arena, buf_cstr(&b));
}

static int take_pairs(struct request *q, const char *param, const struct run_pair **out,
                      size_t *count, struct err *e)
{
    const struct json *map = request_value(q, param);
    struct run_pair *all = arena_alloc(q->arena, (json_count(map) + 1) * sizeof *all);
    *count = 0;
    for (const struct json *v = json_first(map); v; v = json_next(v)) {
        const char *name = json_key(v);
        if (!name[0] || strlen(name) > 250 || text_has_control(name, strlen(name)))
            return err_set(e, E_INVALID, param, "1 to 250 bytes without control characters",
                           "a name in %s is empty, too long or has control characters", param);
        all[(*count)++] = (struct run_pair){name, scalar_text(q, v)};
    }
    *out = all;
    return 0;
}

static const char *pairs_json(struct request *q, const struct run_pair *pairs, size_t count)
{
    AUTO_BUF struct buf b = BUF_INIT(32 << 20);
    struct jw w = jw_to(&b);
    jw_obj(&w);
    for (size_t i = 0; i < count; i++)
        jw_str_at(&w, pairs[i].name, pairs[i].value);
    jw_end_obj(&w);
    return arena_strdup(q->arena, buf_cstr(&b));
}

static void take_resources(struct request *q, struct submit *s)
{
    const struct json *given = request_value(q, "resources");
    AUTO_BUF struct buf b = BUF_INIT(4096);
    struct jw w = jw_to(&b);
    jw_obj(&w);
    for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
        const char *key = resources[i].key;
        int64_t n = json_int(json_get(given, key), resources[i].usual);
        jw_int_at(&w, key, n);
        if (!strcmp(key, "cpus_milli"))
            s->job.cpus_milli = n;
        else if (!strcmp(key, "memory_bytes"))
            s->job.memory_bytes = n;
        else if (!strcmp(key, "wall_ms"))
            s->job.wall_ms = n;
    }
    jw_end_obj(&w);
    s->run.resources_json = arena_strdup(q->arena, buf_cstr(&b));
}

static void take_interactive(struct request *q, struct submit *s)
{
    const struct json *given = request_value(q, "interactive");
    if (!given)
        return;
    AUTO_BUF struct buf b = BUF_INIT(512);
    struct jw w = jw_to(&b);
    jw_obj(&w);
    jw_str_at(&w, "kind", json_str(json_get(given, "kind")));
    jw_int_at(&w, "idle_ms", json_int(json_get(given, "idle_ms"), IDLE_MS));
    if (!strcmp(json_str(json_get(given, "kind")), "shell")) {
        jw_int_at(&w, "rows", json_int(json_get(given, "rows"), 24));
        jw_int_at(&w, "cols", json_int(json_get(given, "cols"), 80));
    }
    jw_end_obj(&w);
    s->run.interactive_json = arena_strdup(q->arena, buf_cstr(&b));
}

/* What a person or a platform says of its code, and the seed. */
static int take_origin(struct request *q, struct submit *s, struct err *e)
{
    struct run_origin_new *o = &s->run.origin;
    const struct json *git = request_value(q, "git"), *dirty = json_get(git, "dirty");
    const char *commit = json_str(json_get(git, "commit")), *branch = json_str(json_get(git, "branch"));
    size_t len = commit ? strlen(commit) : 0;

    if (git && ((len != 40 && len != 64) || strspn(commit, "0123456789abcdef") != len))
        return err_set(e, E_INVALID, "git.commit", "40 or 64 lower-case hexadecimal digits", "git.commit is no commit");
    if (branch && (text_has_control(branch, strlen(branch)) || !text_is_utf8(branch, strlen(branch))))
        return err_set(e, E_INVALID, "git.branch", NULL, "git.branch has control characters");
    o->git_commit = commit;
    o->git_branch = branch;
    o->git_dirty = json_type(dirty) == JSON_BOOL ? json_bool(dirty, false) : -1;
    o->seed = request_int(q, "seed", -1);
    o->seed_chosen = o->seed < 0;
    uint32_t chance = 0;
    if (o->seed_chosen && getrandom(&chance, sizeof chance, 0) != sizeof chance)
        return err_sys(e, "seed", "give one", "cannot choose a seed");
    if (o->seed_chosen)
        o->seed = chance;
    if (json_count(request_value(q, "params")) > 0)
        o->given_params = pairs_json(q, s->run.params, s->run.param_count);
    if (json_count(request_value(q, "tags")) > 0)
        o->given_tags = pairs_json(q, s->run.tags, s->run.tag_count);
    return 0;
}

static int take_params(struct request *q, struct submit *s, struct err *e)
{
    const char *profile = request_str(q, "profile"), *limits = request_str(q, "limits");
    if (check_command(q, e) < 0 || check_env(q, e) < 0 || check_dataset_names(q, e) < 0 ||
        check_environment(q, e) < 0 ||
        take_pairs(q, "params", &s->run.params, &s->run.param_count, e) < 0 ||
        take_pairs(q, "tags", &s->run.tags, &s->run.tag_count, e) < 0 || take_origin(q, s, e) < 0)
        return -1;
    take_resources(q, s);
    take_interactive(q, s);
    snprintf(s->job.party, sizeof s->job.party, "uid:%lld", (long long)q->actor.uid);
    if (sched_fits(q->lab->sched, s->job.cpus_milli, s->job.memory_bytes, e) < 0)
        return -1;
    s->run.name = request_str(q, "name");
    s->run.actor = q->actor;
    s->run.experiment = request_str(q, "experiment");
    s->run.profile = profile ? profile : "base";
    s->run.command_json = print(q, request_value(q, "command"), "[]");
    s->run.env_json = print(q, request_value(q, "env"), "{}");
    s->run.cpus_milli = s->job.cpus_milli;
    s->run.memory_bytes = s->job.memory_bytes;
    s->run.code = request_str(q, "code");
    s->run.priority = request_int(q, "priority", 0);
    s->run.best_effort = limits ? !strcmp(limits, "best_effort") : q->lab->opt.best_effort;
    s->run.report_paths = request_bool(q, "report_paths", false);
    s->run.warm = request_bool(q, "warm", false);
    s->run.idempotency_key = request_str(q, "idempotency_key");
    if (s->run.idempotency_key) {
        AUTO_BUF struct buf b = BUF_INIT(2 << 20);
        json_print(q->params, true, &b);
        digest_bytes(buf_cstr(&b), b.len, s->request_sha256);
        s->run.request_sha256 = s->request_sha256;
    }
    return 0;
}

/* ---- the commit ---- */

/* In the transaction, so that a grant that is revoked was revoked before or after it. */
static int take_dataset(struct request *q, struct cat *db, const char *ref, struct gate_pass *pass,
                        int64_t *key, struct err *e)
{
    const char *purpose = request_str(q, "purpose");
    struct standing by;
    struct dataset_row row;
    if (cat_dataset_resolve(db, q->arena, ref, &row, e) < 0 || access_read_again(db, q->arena, q, &by, e) < 0)
        return -1;
    const struct gate_ask ask = {.by = &by,
                                 .project = request_str(q, "project"),
                                 .purpose = purpose ? purpose : PURPOSE_DEFAULT,
                                 .now_us = time_now_us(),
                                 .profiler = ((const struct submit *)q->state)->profile_small_count > 0};
    *key = row.key;
    return cat_gate(db, q->arena, &ask, &row, pass, e);
}

/* What the key has made already is answered, though it could not be made now. -1: there is no key. */
static int only_retry(struct submit *s, struct err *e)
{
    if (!s->run.idempotency_key)
        return -1;
    s->run.only_retry = true;
    s->refusal = *e;
    s->run.refusal = &s->refusal;
    *e = (struct err){0};
    return 0;
}

static int insert_work(struct request *q, struct cat *db, struct err *e)
{
    struct submit *s = q->state;
    const struct json *list = request_value(q, "datasets");
    /* Who may have a dataset profiled is said by the row of dataset.quality, and by the gate. */
    const struct standing lab = STANDING_LAB;
    const struct standing *by = s->profile_small_count > 0 ? &lab : q->standing;
    if (cat_run_place_resolve(db, q->arena, by, request_str(q, "project"), s->run.experiment,
                              request_str(q, "purpose"), &s->run.place, e) < 0)
        return -1;
    int64_t *keys = arena_alloc(q->arena, (json_count(list) + 1) * sizeof *keys);
    struct gate_pass *passes = arena_alloc(q->arena, (json_count(list) + 1) * sizeof *passes);
    size_t n = 0;

    /* A rerun has what its run had, and a profiler is the lab's own. */
    if (s->run.code && !s->rerun_of && s->profile_small_count == 0 &&
        given_objects_check(q, db, "code", s->run.code, &s->code, e) < 0 && only_retry(s, e) < 0)
        return -1;
    for (const struct json *v = json_first(list); v && !s->run.refusal; v = json_next(v), n++)
        if (take_dataset(q, db, json_str(v), &passes[n], &keys[n], e) < 0) {
            if (only_retry(s, e) < 0)
                return -1;
            break;
        }
    const char *environment = request_str(q, "environment");
    if (environment && strcmp(environment, ENV_HOST) != 0) {
        struct env_row row;
        if (cat_env_resolve(db, q->arena, environment, &row, e) < 0)
            return -1;
        s->run.environment = row.key;
    }
    const char *parent = request_str(q, "parent");
    if (s->rerun_of)
        s->run.origin.rerun_of = s->rerun_of;
    if (parent) {
        char *whole = arena_alloc(q->arena, TEXT_ID_SIZE);
        if (cat_run_find(db, q->standing, parent, whole, e) < 0)
            return err_context(e, "parent");
        s->run.origin.parent = whole;
    }
    s->run.dataset_versions = keys;
    s->run.dataset_count = n;
    s->run.created_us = time_now_us();
    text_new_id('r', s->id);
    s->run.id = s->id;
    char id[TEXT_ID_SIZE];
    if (cat_run_insert(db, &s->run, id, &s->existed, e) < 0)
        return -1;
    memcpy(s->id, id, sizeof s->id);
    if (s->existed)
        return 0;
    if (s->profile_small_count > 0 && cat_quality_start(db, s->id, keys[0], s->profile_small_count, e) < 0)
        return -1;
    return cat_gate_keep(db, s->id, passes, n, access_who(q), e);
}

static void inserted(struct request *q, const struct err *e)
{
    struct submit *s = q->state;
    if (e && e->kind == E_DENIED) {
        access_refuse(q, e);
        return;
    }
    if (e) {
        access_end(q, e);
        return;
    }
    struct live *v = live_find(q->lab, s->id);
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_str_at(&w, "run", s->id);
    jw_str_at(&w, "state", run_state_name(s->existed ? (v ? v->state : RUN_FINISHED) : RUN_QUEUED));
    jw_bool_at(&w, "existed", s->existed);
    if (s->rerun_of)
        jw_str_at(&w, "rerun_of", s->rerun_of);
    jw_end_obj(&w);
    if (!s->existed) {
        struct sched_job job = s->job;
        memcpy(job.id, s->id, sizeof job.id);
        job.created_us = s->run.created_us;
        job.priority = (int)s->run.priority;
        log_info("run.submitted", LOG_STR("run", s->id), LOG_INT("uid", q->actor.uid));
        struct lab *lab = q->lab;
        request_end(q, NULL);
        live_submitted(lab, &job);
        return;
    }
    request_end(q, NULL);
}

/* ---- the code ---- */

static int code_work(struct request *q, struct cat *db, struct err *e)
{
    struct submit *s = q->state;
    AUTO_MANIFEST struct manifest *m = NULL;
    (void)db;
    (void)objects_want(q->lab->store, s->run.code, NULL); /* what is not there is told next */
    if (manifest_load(q->lab->store, s->run.code, &m, e) < 0) {
        if (e->kind != E_NOT_FOUND)
            return -1;
        *e = (struct err){0};
        return err_set(e, E_NOT_FOUND, "code",
                       "send the manifest and its files with blob.put, then submit again",
                       "the lab has no manifest %.64s", s->run.code);
    }
    if (m->total_bytes > (uint64_t)CODE_MAX_GIB << 30)
        return err_set(e, E_LIMIT, "code", "put data into a dataset, which is not copied for a run",
                       "the code has more than %d GiB", CODE_MAX_GIB);
    for (size_t i = 0; i < m->count; i++)
        if (!objects_want(q->lab->store, m->entries[i].sha256, NULL))
            return err_set(e, E_NOT_FOUND, "code",
                           s->rerun_of ? "what its code was is not whole in the lab any more: submit it anew from its folder"
                                       : "ask blob.missing and send what it names, then submit again",
                           "the lab has no content of %.120s", m->entries[i].path);
    given_objects_of(q, m, &s->code);
    return 0;
}

static void code_checked(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_write(q, insert_work, inserted);
}

static void go_on(struct request *q)
{
    const struct submit *s = q->state;
    if (s->run.code)
        request_pool(q, code_work, code_checked);
    else
        request_write(q, insert_work, inserted);
}

/* ---- the profile ---- */

static void profile_known(struct request *q)
{
    struct submit *s = q->state;
    struct err bad = {0};
    if (profiles_check(q->lab->profiles, s->run.profile, &bad) < 0 ||
        proxy_list(profiles_find(q->lab->profiles, s->run.profile), request_value(q, "allow_hosts"),
                   json_count(request_value(q, "datasets")), q->arena, &s->run.allow_hosts_json, &bad) < 0)
        request_end(q, &bad);
    else
        go_on(q);
}

static void profiles_ready(void *ctx, const struct err *e)
{
    struct request *q = ctx;
    if (e)
        request_end(q, e);
    else
        profile_known(q);
}

/* In a lab for several accounts none may fill the queue. */
static int has_room(const struct request *q, struct err *e)
{
    const struct submit *s = q->state;
    if (sched_queued(q->lab->sched) >= LAB_QUEUE_MAX)
        return err_set(e, E_LIMIT, "queue", "wait until some of them have ended",
                       "the queue holds %d runs, which is its bound", LAB_QUEUE_MAX);
    if (q->lab->opt.as_root && sched_queued_by(q->lab->sched, s->job.party) >= LAB_QUEUE_MAX / 2)
        return err_set(e, E_LIMIT, "queue", "wait until some of them have ended",
                       "the queue holds %d runs of this account, which is its share",
                       LAB_QUEUE_MAX / 2);
    return 0;
}

static int begin(struct request *q, const char *rerun_of, int64_t profile_small_count, struct err *e)
{
    struct submit *s = arena_alloc(q->arena, sizeof *s);
    struct err bad = {0};
    *s = (struct submit){.rerun_of = rerun_of, .profile_small_count = profile_small_count};
    q->state = s;
    if (take_params(q, s, e) < 0)
        return -1;
    /* A retry is answered with what it had made, whatever the queue holds by now. */
    s->run.only_retry = has_room(q, e) < 0;
    if (s->run.only_retry && !s->run.idempotency_key)
        return -1;
    *e = (struct err){0};
    /* What a run may reach is read from the file that there is now. */
    if (profiles_check(q->lab->profiles, s->run.profile, &bad) == 0 && !proxy_is_for(q->lab->profiles, s->run.profile))
        profile_known(q);
    else
        profiles_refresh(q->lab->profiles, profiles_ready, q);
    return 0;
}

int submit_begin(struct request *q, const char *rerun_of, struct err *e)
{
    return begin(q, rerun_of, 0, e);
}

int submit_profile(struct request *q, int64_t small_count, struct err *e)
{
    return begin(q, NULL, small_count, e);
}

int method_run_submit(struct request *q, struct err *e)
{
    return submit_begin(q, NULL, e);
}
