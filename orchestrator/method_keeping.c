/*
 * method_keeping.c - lab.gc, lab.backup, lab.doing: what nothing refers to goes, and what there is is kept elsewhere.
 */
#include "api/common/log.h"
#include "api/common/text.h"
#include "catalog/backup.h"
#include "catalog/db.h"
#include "catalog/gc.h"
#include "orchestrator/given_file.h"
#include "orchestrator/keeping.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { DETAIL_BYTES = 4 << 10, RETIRED_FOR_S = 30 * 86400 };

int method_lab_doing(struct request *q, struct err *e)
{
    struct jw w = jw_to(&q->out);
    (void)e;
    keeping_print(q->lab, &w);
    request_end(q, NULL);
    return 0;
}

/* ---- lab.gc ---- */

struct collection {
    struct gc_policy policy;
    bool dry_run;
    uint64_t released[HOLD_NOUN_COUNT];
    struct gc_swept swept;
};

struct release_job {
    struct request *q;
    enum hold_noun noun;
    int64_t at;
    size_t count;
};

static int release_some(struct cat *db, void *ctx, struct err *e)
{
    struct release_job *j = ctx;
    const struct collection *g = j->q->state;
    return gc_release(db, j->noun, &g->policy, g->dry_run, &j->q->actor, time_now_us(), &j->at,
                      &j->count, e);
}

static int release_all(struct request *q, struct cat *db, struct err *e)
{
    struct collection *g = q->state;
    for (int noun = 0; noun < HOLD_NOUN_COUNT; noun++) {
        struct release_job j = {.q = q, .noun = (enum hold_noun)noun};
        do {
            int rc = g->dry_run ? release_some(db, &j, e)
                                : catalog_write_sync(q->lab->catalog, release_some, &j, e);
            if (rc < 0)
                return -1;
            g->released[noun] += j.count;
            if (!keeping_step(q->lab, g->released[noun], 0))
                return err_set(e, E_UNAVAILABLE, NULL, "try again when it is back",
                               "the lab is stopping");
        } while (j.count == GC_RELEASE_MAX);
    }
    return 0;
}

static void print_report(const struct collection *g, struct jw *w)
{
    jw_obj(w);
    jw_bool_at(w, "dry_run", g->dry_run);
    jw_obj_at(w, "released");
    jw_int_at(w, "runs", (int64_t)g->released[HOLD_RUN]);
    jw_int_at(w, "datasets", (int64_t)g->released[HOLD_DATASET]);
    jw_int_at(w, "environments", (int64_t)g->released[HOLD_ENVIRONMENT]);
    jw_end_obj(w);
    jw_int_at(w, "objects", (int64_t)g->swept.objects);
    jw_int_at(w, "size_bytes", (int64_t)g->swept.bytes);
    jw_int_at(w, "removed", (int64_t)g->swept.removed);
    jw_int_at(w, "removed_bytes", (int64_t)g->swept.removed_bytes);
    jw_int_at(w, "kept_young", (int64_t)g->swept.unused_young);
    jw_end_obj(w);
}

static int collected_job(struct cat *db, void *ctx, struct err *e)
{
    struct request *q = ctx;
    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_BYTES);
    struct jw w = jw_to(&detail);
    print_report(q->state, &w);
    return audit_append(db, &q->actor, "lab.collected", "lab", buf_cstr(&detail), time_now_us(), e);
}

static int collect(struct request *q, struct cat *db, struct err *e)
{
    struct collection *g = q->state;
    const struct gc_progress progress = {keeping_step, q->lab};
    AUTO_IDSET struct idset *used = NULL;
    keeping_phase(q->lab, "release");
    if (release_all(q, db, e) < 0 || idset_new(q->lab->store, &used, e) < 0)
        return -1;
    keeping_phase(q->lab, "mark");
    if (gc_mark(db, q->lab->store, g->dry_run ? &g->policy : NULL, used, &progress, NULL, e) < 0)
        return -1;
    keeping_phase(q->lab, "sweep");
    if (gc_sweep(q->lab->store, used, g->dry_run, &progress, &g->swept, e) < 0)
        return -1;
    return g->dry_run ? 0 : catalog_write_sync(q->lab->catalog, collected_job, q, e);
}

static int gc_work(struct request *q, struct cat *unused, struct err *e)
{
    const struct collection *g = q->state;
    struct cat *db = NULL;
    (void)unused;
    if (keeping_read(q->lab, &db, e) < 0)
        return -1;
    int rc = collect(q, db, e);
    cat_close(db);
    if (rc < 0)
        return -1;
    if (!g->dry_run)
        log_info("lab.collected", LOG_INT("objects", (int64_t)g->swept.removed),
                 LOG_INT("size_bytes", (int64_t)g->swept.removed_bytes));
    struct jw w = jw_to(&q->out);
    print_report(g, &w);
    return 0;
}

int method_lab_gc(struct request *q, struct err *e)
{
    struct collection *g = arena_alloc(q->arena, sizeof *g);
    int64_t now_us = time_now_us();
    int64_t retired_ms = request_int(q, "retired_for_ms", RETIRED_FOR_S * INT64_C(1000));
    int64_t runs_ms = request_int(q, "runs_older_than_ms", -1);
    *g = (struct collection){.dry_run = request_bool(q, "dry_run", true)};
    g->policy.retired_before_us = now_us - retired_ms * 1000 > 0 ? now_us - retired_ms * 1000 : 0;
    g->policy.runs_before_us = runs_ms >= 0 && now_us > runs_ms * 1000 ? now_us - runs_ms * 1000 : 0;
    q->state = g;
    return keeping_start(q, "collection", gc_work, NULL, e);
}

/* ---- lab.backup ---- */

struct backup_job {
    bool objects;
    struct backup_report report;
};

static void print_backup(const struct backup_report *r, struct jw *w)
{
    jw_obj(w);
    jw_str_at(w, "objects", r->has_objects ? "included" : "listed");
    jw_int_at(w, "created_us", r->created_us);
    jw_int_at(w, "object_count", (int64_t)r->objects);
    jw_int_at(w, "object_bytes", (int64_t)r->object_bytes);
    jw_int_at(w, "catalog_bytes", (int64_t)r->catalog_bytes);
    jw_int_at(w, "runs", (int64_t)r->runs);
    jw_int_at(w, "file_bytes", (int64_t)r->file_bytes);
    jw_obj_at(w, "audit");
    jw_int_at(w, "number", r->audit_number);
    jw_str_at(w, "hash", r->audit_hash);
    jw_end_obj(w);
    jw_end_obj(w);
}

static int backed_up_job(struct cat *db, void *ctx, struct err *e)
{
    struct request *q = ctx;
    const struct backup_job *b = q->state;
    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_BYTES);
    struct jw w = jw_to(&detail);
    print_backup(&b->report, &w);
    return audit_append(db, &q->actor, "lab.backed_up", "lab", buf_cstr(&detail), time_now_us(), e);
}

static void backup_phase(void *lab, const char *name)
{
    keeping_phase(lab, name);
}

/* What it is written to may be a file of anybody's: written only, to its end, and empty before. */
static int check_target(struct request *q, struct err *e)
{
    struct stat st;
    if (given_file_check(q->fd, e) < 0)
        return -1;
    q->fd_checked = true;
    int flags = fcntl(q->fd, F_GETFL);
    if (fstat(q->fd, &st) < 0 || flags < 0)
        return err_sys(e, "descriptor", NULL, "cannot look at the descriptor");
    if ((flags & O_ACCMODE) == O_RDONLY || st.st_size != 0)
        return err_set(e, E_INVALID, "descriptor", "open a new file for writing",
                       "the descriptor is not that of an empty file that may be written to");
    return 0;
}

static int backup_work(struct request *q, struct cat *unused, struct err *e)
{
    struct backup_job *b = q->state;
    const struct backup_phase how = {backup_phase, {keeping_step, q->lab}};
    struct cat *db = NULL;
    (void)unused;
    if (check_target(q, e) < 0 || keeping_read(q->lab, &db, e) < 0)
        return -1;
    int rc = backup_write(db, q->lab->store, q->fd, b->objects, &how, &b->report, e);
    cat_close(db);
    if (rc < 0 || catalog_write_sync(q->lab->catalog, backed_up_job, q, e) < 0)
        return -1;
    log_info("lab.backed_up", LOG_INT("size_bytes", (int64_t)b->report.file_bytes),
             LOG_INT("uid", q->actor.uid));
    struct jw w = jw_to(&q->out);
    print_backup(&b->report, &w);
    return 0;
}

int method_lab_backup(struct request *q, struct err *e)
{
    struct backup_job *b = arena_alloc(q->arena, sizeof *b);
    const char *objects = request_str(q, "objects");
    if (q->fd < 0)
        return err_set(e, E_INVALID, "descriptor",
                       "pass the descriptor of a new file by SCM_RIGHTS with the first byte of the line",
                       "no descriptor came with the request");
    if (given_file_look(q->fd, e) < 0)
        return -1;
    *b = (struct backup_job){.objects = !objects || strcmp(objects, "included") == 0};
    q->state = b;
    return keeping_start(q, "backup", backup_work, NULL, e);
}
