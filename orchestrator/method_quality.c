/*
 * method_quality.c - dataset.quality and dataset.quality_get.
 *
 *   handler -> dataset found (catalog) -> the profiler into the store (pool) -> its environment (catalog)
 *           -> submit.h: an ordinary run, all gates included; its row says that it profiles
 *
 * The profiler comes from this installation, never from the caller. It is the only file of an environment of its own, so
 * that nothing else is there to be started or mapped; the environment's manifest says which profiler made a report. The
 * daemon reads the report at the run's end (ingest.c) through the table of catalog/quality_read.c, and no byte of data.
 */
#include "api/common/fd.h"
#include "api/common/purpose.h"
#include "api/common/text.h"
#include "catalog/dataset.h"
#include "catalog/environment.h"
#include "catalog/manifest.h"
#include "catalog/objects.h"
#include "catalog/dataset_keep.h"
#include "catalog/quality.h"
#include "orchestrator/lab.h"
#include "orchestrator/access.h"
#include "orchestrator/request.h"
#include "orchestrator/submit.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM_PATH "usr/bin/enclos-inspect"

enum { PROGRAM_MAX_BYTES = 64 << 20, PARAMS_MAX_BYTES = 64 << 10 };

struct quality {
    struct dataset_row dataset;
    char manifest[DIGEST_HEX_SIZE];
    uint64_t size_bytes;
    const char *environment; /* ref */
};

/* ---- dataset.quality ---- */

/* The version asked for, or the latest that is sealed. */
static int find(struct request *q, struct cat *db, struct dataset_row *out, struct err *e)
{
    int64_t version = request_int(q, "version", 0);
    const char *name = request_str(q, "name");
    const char *ref = version ? arena_printf(q->arena, "%s@%lld", name, (long long)version) : name;
    return cat_dataset_resolve(db, q->arena, ref, out, e);
}

/* Everybody with a role reads the report. What would put into it what few cells share, or a first row that names
 * nothing, is for who may read the data anyhow: a curator may not. */
static int may_choose(const struct request *q, const struct dataset_row *d, struct err *e)
{
    const char *chosen = request_int(q, "small_count", QUALITY_SMALL_COUNT) < QUALITY_SMALL_COUNT ? "small_count"
                         : request_bool(q, "header", false)                                       ? "header"
                         : request_str(q, "delimiter")                                            ? "delimiter"
                                                                                                  : NULL;
    if (!chosen || dataset_keeps(q->standing, d))
        return 0;
    return err_set(e, E_DENIED, chosen, "leave it out, or ask them",
                   "with %s it shows more of the data, which is for who keeps %s to decide: %.60s", chosen, d->name, d->keeper.name);
}

static int look(struct request *q, struct cat *db, struct err *e)
{
    struct quality *s = q->state;
    return find(q, db, &s->dataset, e) < 0 ? -1 : may_choose(q, &s->dataset, e);
}

/* Beside enclosd, where make and make install put it. */
static int open_program(const struct request *q, int *out, struct err *e)
{
    static const char *const places[] = {"lib/enclos/enclos-inspect", "../lib/enclos/enclos-inspect"};
    const char *self = q->lab->opt.self_path, *slash = strrchr(self, '/');
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *path = arena_printf(q->arena, "%.*s/%s", (int)(slash - self), self, places[i]);
        AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            *out = fd_take(&fd);
            return 0;
        }
        if (errno != ENOENT)
            return err_sys(e, NULL, NULL, "cannot open the profiler %s", path);
    }
    return err_set(e, E_UNAVAILABLE, NULL, "install Enclos anew", "the profiler lib/enclos/enclos-inspect is not installed");
}

static int store_program(struct request *q, struct cat *db, struct err *e)
{
    struct quality *s = q->state;
    AUTO_MANIFEST struct manifest *m = manifest_new();
    AUTO_FD int fd = -1;
    char sha256[DIGEST_HEX_SIZE];
    (void)db;
    if (open_program(q, &fd, e) < 0 ||
        objects_put_fd(q->lab->store, fd, NULL, UINT64_MAX, NULL, sha256, &s->size_bytes, NULL, e) < 0)
        return -1;
    if (s->size_bytes > PROGRAM_MAX_BYTES)
        return err_set(e, E_INTERNAL, NULL, "install Enclos anew", "the profiler has more than %d bytes", PROGRAM_MAX_BYTES);
    if (manifest_add(m, PROGRAM_PATH, sha256, s->size_bytes, true, e) < 0 || manifest_seal(m, NULL, e) < 0 ||
        manifest_store(q->lab->store, m, e) < 0)
        return err_context(e, "the profiler's environment");
    memcpy(s->manifest, m->id, sizeof s->manifest);
    return 0;
}

static int add_environment(struct request *q, struct cat *db, struct err *e)
{
    struct quality *s = q->state;
    struct env_row row;
    bool existed;
    const struct env_new n = {
        .name = QUALITY_ENVIRONMENT,
        .title = "The profiler of datasets, alone",
        .source = "folder",
        .manifest = s->manifest,
        .entries = 1,
        .size_bytes = s->size_bytes,
        .actor = CAT_ACTOR_LAB,
        .created_us = time_now_us(),
    };
    if (cat_env_add(db, q->arena, &n, &row, &existed, e) < 0)
        return -1;
    s->environment = row.ref;
    return 0;
}

static void print_params(struct request *q, struct jw *w)
{
    const struct quality *s = q->state;
    const char *delimiter = request_str(q, "delimiter"), *key = request_str(q, "idempotency_key");
    const struct json *header = request_value(q, "header");
    jw_obj(w);
    jw_str_at(w, "name", arena_printf(q->arena, "quality of %s", s->dataset.ref));
    jw_arr_at(w, "command");
    jw_str(w, "/" PROGRAM_PATH);
    jw_str(w, "--small-count");
    jw_str(w, arena_printf(q->arena, "%lld", (long long)request_int(q, "small_count", QUALITY_SMALL_COUNT)));
    if (delimiter) {
        jw_str(w, "--delimiter");
        jw_str(w, delimiter);
    }
    if (header) {
        jw_str(w, "--header");
        jw_str(w, json_bool(header, false) ? "yes" : "no");
    }
    jw_str(w, arena_printf(q->arena, "/data/%s", s->dataset.name));
    jw_str(w, "/outputs/" QUALITY_OUTPUT);
    jw_end_arr(w);
    jw_str_at(w, "profile", "inspect");
    jw_str_at(w, "purpose", PURPOSE_QUALITY);
    jw_str_at(w, "environment", s->environment);
    jw_arr_at(w, "datasets");
    jw_str(w, s->dataset.ref);
    jw_end_arr(w);
    jw_obj_at(w, "resources");
    jw_int_at(w, "memory_bytes", 512 << 20);
    jw_int_at(w, "processes", 4);
    jw_int_at(w, "wall_ms", 6 * 3600 * 1000);
    jw_int_at(w, "work_bytes", 1 << 20);
    jw_int_at(w, "tmp_bytes", 1 << 20);
    jw_int_at(w, "output_bytes", 4 << 20);
    jw_int_at(w, "output_files", 4);
    jw_int_at(w, "log_bytes", 64 << 10);
    jw_end_obj(w);
    if (key)
        jw_str_at(w, "idempotency_key", key);
    jw_end_obj(w);
}

static void submit(struct request *q, const struct err *e)
{
    const int64_t small_count = request_int(q, "small_count", QUALITY_SMALL_COUNT);
    const struct json_limits limits = {.max_bytes = PARAMS_MAX_BYTES, .max_depth = 8};
    AUTO_BUF struct buf text = BUF_INIT(PARAMS_MAX_BYTES);
    struct err bad = {0};
    struct jw w = jw_to(&text);
    if (e) {
        request_end(q, e);
        return;
    }
    print_params(q, &w);
    q->made = json_parse(buf_cstr(&text), text.len, &limits, &bad);
    if (q->made) {
        q->params = q->made;
        if (submit_profile(q, small_count, &bad) == 0)
            return;
    }
    request_end(q, &bad);
}

static void stored(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_write(q, add_environment, submit);
}

static void looked(struct request *q, const struct err *e)
{
    if (e)
        access_end(q, e);
    else
        request_pool(q, store_program, stored);
}

int method_dataset_quality(struct request *q, struct err *e)
{
    struct quality *s = arena_alloc(q->arena, sizeof *s);
    (void)e;
    *s = (struct quality){.size_bytes = 0};
    q->state = s;
    request_read(q, look, looked);
    return 0;
}

/* ---- dataset.quality_get ---- */

/* Both were checked when they were taken; that one cannot be read now is our own fault. */
static struct json *parse(const char *report, struct err *e)
{
    const struct json_limits limits = {.max_bytes = QUALITY_REPORT_MAX_BYTES + 8192, .max_depth = 16};
    struct json *root = json_parse(report, strlen(report), &limits, e);
    if (!root)
        e->kind = E_INTERNAL;
    return root;
}

static int print_drift(struct request *q, struct cat *db, const struct dataset_row *d, const char *report, struct jw *w,
                       struct err *e)
{
    int64_t against = request_int(q, "against", 0);
    struct quality_row before = {0};
    bool found = false;
    if (against) {
        struct dataset_row other;
        if (cat_dataset_get(db, q->arena, d->name, against, &other, e) < 0 ||
            cat_quality_get(db, q->arena, other.key, &found, &before, e) < 0)
            return -1;
        if (!found || !before.report)
            return err_set(e, E_NOT_FOUND, "against", "enclos dataset quality makes one", "%s has no profile", other.ref);
    } else if (cat_quality_before(db, q->arena, d, &found, &before, e) < 0) {
        return -1;
    }
    if (!found) {
        jw_null_at(w, "drift");
        return 0;
    }
    AUTO_JSON struct json *then = parse(before.report, e);
    AUTO_JSON struct json *now = then ? parse(report, e) : NULL;
    if (!now)
        return err_context(e, "the profiles of %s", d->name);
    jw_obj_at(w, "drift");
    jw_str_at(w, "against", before.ref);
    quality_drift(then, now, w);
    jw_end_obj(w);
    return 0;
}

static const char *state_of(const struct quality_row *r)
{
    if (r->report)
        return "done";
    return r->bad || strcmp(r->run_state, "finished") == 0 ? "failed" : r->run_state;
}

static int get_work(struct request *q, struct cat *db, struct err *e)
{
    struct quality_row r, going;
    struct dataset_row d;
    bool found, is_going;
    int64_t version = request_int(q, "version", 0);
    if ((version ? cat_dataset_get(db, q->arena, request_str(q, "name"), version, &d, e) : find(q, db, &d, e)) < 0 ||
        cat_quality_get(db, q->arena, d.key, &found, &r, e) < 0)
        return -1;
    if (!found)
        return err_set(e, E_NOT_FOUND, "version", "enclos dataset quality makes one", "%s has no profile", d.ref);
    if (cat_quality_under_way(db, q->arena, d.key, &is_going, &going, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_str_at(&w, "name", d.name);
    jw_int_at(&w, "version", d.version);
    jw_str_at(&w, "ref", d.ref);
    jw_str_at(&w, "state", state_of(&r));
    jw_str_at(&w, "reason", r.report ? NULL : r.bad ? r.bad : r.run_reason);
    jw_str_at(&w, "run", r.run);
    jw_str_at(&w, "under_way", is_going ? going.run : NULL);
    jw_obj_at(&w, "actor");
    jw_int_at(&w, "uid", r.actor.uid);
    jw_str_at(&w, "name", r.actor.name);
    jw_end_obj(&w);
    jw_int_at(&w, "small_count", r.small_count);
    jw_str_at(&w, "profiler", r.environment);
    jw_int_at(&w, "created_us", r.created_us);
    if (r.reported_us)
        jw_int_at(&w, "reported_us", r.reported_us);
    else
        jw_null_at(&w, "reported_us");
    if (r.report)
        jw_raw_at(&w, "report", r.report, strlen(r.report));
    else
        jw_null_at(&w, "report");
    if (!r.report)
        jw_null_at(&w, "drift");
    else if (print_drift(q, db, &d, r.report, &w, e) < 0)
        return -1;
    jw_end_obj(&w);
    return 0;
}

int method_dataset_quality_get(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, get_work, NULL);
    return 0;
}
