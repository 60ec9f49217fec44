/*
 * method_lab.c - rpc.* and lab.*: what the lab is, and whether all is well with it.
 */
#include "api/common/log.h"
#include "api/common/text.h"
#include "catalog/dataset.h"
#include "catalog/environment.h"
#include "catalog/objects.h"
#include "catalog/scrub.h"
#include "orchestrator/at_rest.h"
#include "orchestrator/child.h"
#include "api/common/version.h"
#include "orchestrator/conn.h"
#include "orchestrator/launch_client.h"
#include "orchestrator/live.h"
#include "orchestrator/request.h"
#include "orchestrator/watch.h"
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

int method_rpc_discover(struct request *q, struct err *e)
{
    (void)e;
    method_discover(&q->out);
    request_end(q, NULL);
    return 0;
}

int method_rpc_unsubscribe(struct request *q, struct err *e)
{
    if (watch_end(q->lab, q->conn_id, (uint64_t)request_int(q, "subscription", 0), e) < 0)
        return -1;
    buf_add_str(&q->out, "{\"unsubscribed\":true}");
    request_end(q, NULL);
    return 0;
}

int method_lab_ping(struct request *q, struct err *e)
{
    (void)e;
    buf_add_str(&q->out, "{\"pong\":true}");
    request_end(q, NULL);
    return 0;
}

static void put_capacity(struct jw *w, const char *key, int64_t cpus_milli, int64_t memory_bytes)
{
    jw_obj_at(w, key);
    jw_int_at(w, "cpus_milli", cpus_milli);
    jw_int_at(w, "memory_bytes", memory_bytes);
    jw_end_obj(w);
}

int method_lab_info(struct request *q, struct err *e)
{
    struct lab *lab = q->lab;
    struct jw w = jw_to(&q->out);
    int64_t cpus, memory, by_state[RUN_STATE_COUNT] = {0};
    size_t at = 0;
    const struct live *v;
    (void)e;

    while ((v = map_each(&lab->lives, &at)))
        by_state[v->state]++;
    sched_used(lab->sched, &cpus, &memory);
    jw_obj(&w);
    jw_str_at(&w, "version", ENCLOS_VERSION);
    jw_int_at(&w, "api_version", 1);
    jw_obj_at(&w, "lab");
    jw_str_at(&w, "state_dir", lab->store->path);
    jw_int_at(&w, "uid", lab->owner.uid);
    jw_str_at(&w, "user", lab->owner.name);
    jw_bool_at(&w, "rootless", !lab->opt.as_root);
    jw_end_obj(&w);
    jw_str_at(&w, "limits", lab->opt.best_effort ? "best_effort" : "enforced");
    put_capacity(&w, "capacity", lab->opt.cpus_milli, lab->opt.memory_bytes);
    put_capacity(&w, "used", cpus, memory);
    jw_obj_at(&w, "runs");
    jw_int_at(&w, "queued", by_state[RUN_QUEUED]);
    jw_int_at(&w, "starting", by_state[RUN_STARTING]);
    jw_int_at(&w, "running", by_state[RUN_RUNNING]);
    jw_end_obj(&w);
    jw_obj_at(&w, "runner");
    jw_int_at(&w, "generation", launch_generation(lab->launch));
    jw_bool_at(&w, "ready", launch_is_ready(lab->launch));
    jw_raw_at(&w, "doctor", launch_doctor(lab->launch), strlen(launch_doctor(lab->launch)));
    jw_end_obj(&w);
    jw_int_at(&w, "connections", (int64_t)server_conns(lab->server));
    jw_obj_at(&w, "actor");
    jw_int_at(&w, "uid", q->actor.uid);
    jw_str_at(&w, "name", q->actor.name);
    jw_end_obj(&w);
    jw_end_obj(&w);
    request_end(q, NULL);
    return 0;
}

/* ---- lab.doctor ---- */

enum { LISTED_MAX = 50, SCRUB_BYTES = 64 << 20 };

struct doctor {
    struct dataset_row *quarantined;
    size_t quarantined_count;
    struct env_row *environments; /* in quarantine */
    size_t environment_count;
    struct scrub scrub;
    bool launcher_ready;
    long generation;
    const char *launcher; /* its own view in short, JSON */
    struct catalog_stats catalog;
    int64_t uid;
};

static void put_check(struct jw *w, const char *name, bool ok, const char *message,
                      const char *hint)
{
    jw_obj(w);
    jw_str_at(w, "name", name);
    jw_bool_at(w, "ok", ok);
    jw_str_at(w, "message", message);
    jw_str_at(w, "hint", ok ? NULL : hint);
    jw_end_obj(w);
}

static void check_disk(struct request *q, struct jw *w)
{
    struct statvfs vfs;
    char text[160];
    if (fstatvfs(q->lab->store->dir_fd, &vfs) < 0) {
        put_check(w, "disk", false, "the state folder's file system does not answer",
                  "look at the disk");
        return;
    }
    double free_gib = (double)vfs.f_bavail * (double)vfs.f_frsize / (double)(1 << 30);
    snprintf(text, sizeof text, "%.1f GiB free where the state is", free_gib);
    put_check(w, "disk", free_gib >= 1, text, "make room: submissions are refused when it is full");
}

/* A lab may be right to do without; it should know. */
static void check_at_rest(struct request *q, struct jw *w)
{
    struct at_rest found;
    at_rest_look(q->lab->store->objects_fd, &at_rest_here, &found);
    put_check(w, "at_rest", true, found.text, NULL);
}

/* The runner's doctor is asked without rights here. Where the launcher has them, it tells these itself. */
static bool needs_rights(const char *name)
{
    return !strcmp(name, "cgroups") || !strcmp(name, "userns") || !strcmp(name, "kernel") ||
           !strcmp(name, "namespaces") || !strcmp(name, "overlay");
}

static void check_launcher(const struct doctor *d, struct jw *w)
{
    struct err e = {0};
    AUTO_JSON struct json *root = json_parse(d->launcher, strlen(d->launcher), NULL, &e);
    const char *cgroup = json_str(json_get(root, "cgroup"));
    const char *hint = json_str(json_get(root, "cgroup_hint"));
    char text[160];
    if (!cgroup)
        return;
    snprintf(text, sizeof text, "control groups of the launcher: %s", cgroup);
    put_check(w, "cgroups", strcmp(cgroup, "none") != 0, text,
              hint ? hint : "limits cannot be enforced: give a delegated group with --cgroup");
}

/* What the runner's own doctor prints is {"checks":[{name, ok, message, hint}, ...]}. */
static int check_runner(struct request *q, struct jw *w, struct err *e)
{
    AUTO_BUF struct buf out = BUF_INIT(256 << 10);
    const char *argv[] = {
        q->lab->opt.runner_path, "doctor", "--json", NULL, NULL, NULL, NULL, NULL};
    size_t n = 3;
    int code;
    if (q->lab->opt.profiles_dir) {
        argv[n++] = "--profiles";
        argv[n++] = q->lab->opt.profiles_dir;
    }
    if (q->lab->opt.cgroup) {
        argv[n++] = "--cgroup";
        argv[n++] = q->lab->opt.cgroup;
    }
    if (child_ask(argv, 20000, &out, &code, e) < 0)
        return -1;
    AUTO_JSON struct json *root = json_parse(buf_cstr(&out), out.len, NULL, e);
    if (!root)
        return err_context(e, "%s doctor --json", q->lab->opt.runner_path);
    for (const struct json *v = json_first(json_get(root, "checks")); v; v = json_next(v)) {
        const char *name = json_str(json_get(v, "name"));
        if (!name || (q->lab->opt.as_root && needs_rights(name)))
            continue;
        AUTO_BUF struct buf one = BUF_INIT(64 << 10);
        json_print(v, false, &one);
        jw_raw(w, buf_cstr(&one), one.len);
    }
    return 0;
}

static void put_more(struct jw *w, const char *name, const char *message)
{
    put_check(w, name, false, message, "the catalog and the folder have them all");
}

static void check_quarantine(struct request *q, const struct doctor *d, struct jw *w)
{
    if (d->quarantined_count == 0) {
        put_check(w, "quarantine", true, "no dataset version is in quarantine", NULL);
        return;
    }
    for (size_t i = 0; i < d->quarantined_count && i < LISTED_MAX; i++)
        put_check(w, "quarantine", false,
                  arena_printf(q->arena, "%s is in quarantine: %s", d->quarantined[i].ref,
                               d->quarantined[i].quarantine_reason),
                  "its custodian decides; to go on, add its data anew from their source (`enclos "
                  "dataset add`) and use the new version");
    if (d->quarantined_count > LISTED_MAX)
        put_more(w, "quarantine", "more dataset versions are in quarantine");
}

static void check_environments(struct request *q, const struct doctor *d, struct jw *w)
{
    for (size_t i = 0; i < d->environment_count && i < LISTED_MAX; i++)
        put_check(w, "quarantine", false,
                  arena_printf(q->arena, "the environment %s is in quarantine: %s",
                               d->environments[i].ref, d->environments[i].quarantine_reason),
                  "import the environment again (`enclos env import`) and use the new version");
    if (d->environment_count > LISTED_MAX)
        put_more(w, "quarantine", "more environments are in quarantine");
}

static void check_damaged(struct request *q, struct jw *w)
{
    const char *state = q->lab->store->path;
    struct objects_aside list[LISTED_MAX];
    size_t count, total;
    struct err e = {0};
    if (objects_aside_list(q->lab->store, list, LISTED_MAX, &count, &total, &e) < 0) {
        put_check(w, "damaged", false, e.message, "look at the disk");
        return;
    }
    if (total == 0)
        put_check(w, "damaged", true, "no damaged object was set aside", NULL);
    for (size_t i = 0; i < count; i++) {
        const struct objects_aside *o = &list[i];
        char when[32], size[TEXT_SIZE_HUMAN];
        time_iso(o->at_us, when);
        text_size_human(o->size_bytes, false, size);
        const char *file =
            arena_printf(q->arena, "%s/damaged/%s.%lld", state, o->sha256, (long long)o->at_us);
        put_check(
            w, "damaged", false,
            arena_printf(q->arena, "object %s (%s) was damaged and set aside at %s; it %s",
                         o->sha256, size, when, o->healed ? "was sent again since" : "is missing"),
            arena_printf(
                q->arena, "%ssee what happened to it (the disk? somebody?), then remove %s",
                o->healed ? "" : "add the dataset or submit the code that needs it again; ", file));
    }
    if (total > count)
        put_more(w, "damaged", "more damaged objects were set aside");
}

/* A little each time, and all of them in turn: what nobody uses is read as well. */
static void check_objects(struct request *q, struct doctor *d, struct jw *w)
{
    const struct digest_progress progress = {lab_may_go_on, q->lab};
    char size[TEXT_SIZE_HUMAN];
    struct err e = {0};
    d->scrub.max_bytes = SCRUB_BYTES;
    if (scrub_some(q->lab->store, &d->scrub, &progress, &e) < 0) {
        put_check(w, "objects", false, e.message, e.hint[0] ? e.hint : "look at the disk");
        return;
    }
    text_size_human(d->scrub.read_bytes, false, size);
    put_check(w, "objects", d->scrub.damaged == 0,
              arena_printf(q->arena, "%zu object%s read again (%s), %zu damaged", d->scrub.objects,
                           d->scrub.objects == 1 ? "" : "s", size, d->scrub.damaged),
              "look at the disk; each is told below");
}

static const char *const catalog_texts[] = {
    [CATALOG_CLEAN] = "closed cleanly before",
    [CATALOG_CHECKING] = "being checked after an unclean stop",
    [CATALOG_CHECKED] = "checked at start after an unclean stop",
    [CATALOG_DAMAGED] = "found damaged by the check after an unclean stop; nothing is written any more",
};

static int doctor_work(struct request *q, struct cat *db, struct err *e)
{
    struct doctor *d = q->state;
    struct jw w = jw_to(&q->out);
    char text[320];
    struct err bad = {0};
    (void)db;
    (void)e;

    jw_obj(&w);
    jw_arr_at(&w, "checks");
    snprintf(text, sizeof text, "generation %ld of the launcher is ready", d->generation);
    put_check(&w, "launcher", d->launcher_ready,
              d->launcher_ready ? text : "there is no launcher: nothing can start",
              "look at the daemon's log");
    check_disk(q, &w);
    check_at_rest(q, &w);
    snprintf(
        text, sizeof text, "%s; last commit took %.1f ms, %llu failed",
        catalog_texts[d->catalog.check],
        (double)d->catalog.last_commit_us / 1000, (unsigned long long)d->catalog.commit_failures);
    put_check(&w, "catalog", d->catalog.commit_failures == 0 && d->catalog.check != CATALOG_DAMAGED, text,
              "look at the disk and at the daemon's log");
    check_objects(q, d, &w); /* first: what it finds is set aside */
    check_damaged(q, &w);
    check_quarantine(q, d, &w);
    check_environments(q, d, &w);
    put_check(&w, "limits", true,
              q->lab->opt.best_effort
                  ? "best_effort for runs that do not say: they start even where a limit cannot be "
                    "enforced (enclosd --limits)"
                  : "enforced for runs that do not say otherwise",
              NULL);
    if (q->lab->opt.as_root)
        check_launcher(d, &w);
    if (check_runner(q, &w, &bad) < 0)
        put_check(&w, "runner", false, bad.message, bad.hint);
    jw_end_arr(&w);
    jw_end_obj(&w);
    return 0;
}

static int doctor_read(struct request *q, struct cat *db, struct err *e)
{
    struct doctor *d = q->state;
    return cat_dataset_quarantined(db, q->arena, NULL, LISTED_MAX + 1, &d->quarantined,
                                   &d->quarantined_count, e) < 0
               ? -1
               : cat_env_quarantined(db, q->arena, LISTED_MAX + 1, &d->environments,
                                     &d->environment_count, e);
}

static void doctor_done(struct request *q, const struct err *e)
{
    const struct doctor *d = q->state;
    memcpy(q->lab->scrubbed, d->scrub.after, sizeof q->lab->scrubbed);
    request_end(q, e);
}

static void doctor_have_read(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_pool(q, doctor_work, doctor_done);
}

int method_lab_doctor(struct request *q, struct err *e)
{
    struct doctor *d = arena_alloc(q->arena, sizeof *d);
    (void)e;
    *d = (struct doctor){.quarantined = NULL};
    memcpy(d->scrub.after, q->lab->scrubbed, sizeof d->scrub.after);
    d->launcher_ready = launch_is_ready(q->lab->launch);
    d->generation = launch_generation(q->lab->launch);
    d->launcher = arena_strdup(q->arena, launch_doctor(q->lab->launch));
    catalog_stats(q->lab->catalog, &d->catalog);
    q->state = d;
    request_read(q, doctor_read, doctor_have_read);
    return 0;
}
