/*
 * live_going.c - a run that a monitor has: its folder is watched, what it says is read in passes, its end taken.
 *
 * One pass at a time for each run: pool (read) then catalog (commit), see ingest.c. A pass is asked for by
 * changes in the folder; a quiet time between passes lets many metric lines share one commit. The end
 * (record.json, or the monitor's death) does not wait. Loop thread.
 */
#include "api/common/fd.h"
#include "api/common/log.h"
#include "catalog/quality.h"
#include "orchestrator/ingest.h"
#include "orchestrator/lab.h"
#include "orchestrator/launch_client.h"
#include "orchestrator/live.h"
#include "orchestrator/proxy.h"
#include "orchestrator/watch.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    QUIET_MS = 100,
    FIRST_MS = 20,
    UNWATCHED_MS = 300,
    BACKOFF_MIN_MS = 500,
    BACKOFF_MAX_MS = 60000
};

static void pass_start(struct live *v);

static struct ingest *pass_new(struct live *v)
{
    struct ingest *g = mem_alloc(sizeof *g);
    *g = (struct ingest){.lab = v->lab,
                         .arena = arena_new(),
                         .stored = v->stored,
                         .position = v->position,
                         .gone = v->monitor_gone,
                         .state = v->state,
                         .dataset_count = v->dataset_count};
    memcpy(g->run, v->id, sizeof g->run);
    g->datasets = arena_alloc(g->arena, (v->dataset_count + 2) * sizeof *g->datasets);
    for (size_t i = 0; i < v->dataset_count; i++)
        g->datasets[i] =
            (struct ingest_dataset){.ref = arena_strdup(g->arena, v->datasets[i].ref),
                                    .manifest = arena_strdup(g->arena, v->datasets[i].manifest),
                                    .key = v->datasets[i].key};
    g->profiles = v->environment.key && strcmp(v->environment.name, QUALITY_ENVIRONMENT) == 0;
    if (v->environment.key)
        g->datasets[g->dataset_count++] =
            (struct ingest_dataset){.kind = TREE_ENV,
                                    .ref = arena_strdup(g->arena, v->environment.ref),
                                    .manifest = arena_strdup(g->arena, v->environment.manifest),
                                    .key = v->environment.key};
    return g;
}

static void pass_free(struct ingest *g)
{
    arena_free(g->arena);
    free(g);
}

/* ---- after the end: what is in the object store need not stay in the folder ---- */

struct cleanup {
    struct lab *lab;
    char run[TEXT_ID_SIZE];
};

static int cleanup_work(void *ctx, struct err *e)
{
    const struct cleanup *c = ctx;
    AUTO_FD int folder =
        openat(c->lab->store->runs_fd, c->run, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return 0;
    return fd_remove_tree(folder, RUNFOLDER_OUTPUTS, e);
}

static void cleaned(void *ctx, const struct err *e)
{
    struct cleanup *c = ctx;
    if (e)
        log_warn("run.cleanup", LOG_STR("run", c->run), LOG_ERR(e));
    free(c);
}

static void clean_up(struct lab *lab, const char *run)
{
    struct cleanup *c = mem_alloc(sizeof *c);
    c->lab = lab;
    memcpy(c->run, run, sizeof c->run);
    lab_pool(lab, cleanup_work, cleaned, c);
}

/* ---- passes ---- */

static void pass_again(struct live *v, const char *doing, const struct err *e)
{
    int64_t delay = (int64_t)BACKOFF_MIN_MS << (v->tries < 8 ? v->tries : 8);
    if (delay > BACKOFF_MAX_MS)
        delay = BACKOFF_MAX_MS;
    v->tries++;
    log_error(doing, LOG_STR("run", v->id), LOG_ERR(e), LOG_INT("again_ms", delay));
    v->phase = LIVE_GOING;
    v->reading = true; /* no other pass until then */
    live_later(v, delay, pass_start);
}

static void on_timer(uv_timer_t *t)
{
    struct live *v = t->data;
    if (v)
        live_kick(v, true);
}

static void pass_in(struct live *v, int64_t delay_ms)
{
    if (v->timer && !uv_is_active((uv_handle_t *)v->timer))
        uv_timer_start(v->timer, on_timer, (uint64_t)delay_ms, 0);
}

static void pass_over(struct live *v, bool more)
{
    v->reading = false;
    v->tries = 0;
    v->last_read_us = time_mono_us();
    if (more || v->monitor_gone)
        live_kick(v, true);
    else if (v->read_again)
        pass_in(v, QUIET_MS);
    else if (!v->folder_watch)
        pass_in(v, UNWATCHED_MS);
}

static void committed(void *ctx, const struct err *e)
{
    struct ingest *g = ctx;
    struct live *v = live_find(g->lab, g->run);
    if (!v) {
        pass_free(g);
        return;
    }
    if (e && g->finished && e->kind == E_CONFLICT && e->field[0] == 0)
        log_warn("run.finish", LOG_STR("run", g->run), LOG_ERR(e));
    if (e) {
        if (atomic_load(&g->lab->stopping)) {
            pass_free(g);
            return;
        }
        v->position = v->stored;
        pass_again(v, "run.ingest", e);
        pass_free(g);
        return;
    }
    v->stored = g->batch.to_offset;
    for (size_t i = 0; i < g->batch.count; i++)
        if (g->batch.items[i].refused)
            log_debug("run.bad_metric", LOG_STR("run", g->run),
                      LOG_STR("why", g->batch.items[i].why));
    if (g->finished) {
        bool lost = g->result.verdict == VERDICT_LOST;
        char id[TEXT_ID_SIZE];
        struct lab *lab = g->lab;
        memcpy(id, g->run, sizeof id);
        pass_free(g);
        if (lost)
            launch_forget(lab->launch, id);
        live_ended(v);
        clean_up(lab, id);
        return;
    }
    if (g->running_us)
        live_set_state(v, RUN_RUNNING);
    bool more = g->more;
    pass_free(g);
    pass_over(v, more);
}

static void read_done(void *ctx, const struct err *e)
{
    struct ingest *g = ctx;
    struct live *v = live_find(g->lab, g->run);
    if (!v || atomic_load(&g->lab->stopping)) {
        pass_free(g);
        return;
    }
    if (e) {
        pass_again(v, "run.ingest", e);
        pass_free(g);
        return;
    }
    v->position = g->position;
    /* Plain output needs no commit: its position is found again by reading. */
    if (g->finished || g->batch.count || g->batch.bad_lines ||
        (g->running_us && g->state == RUN_STARTING)) {
        if (g->finished)
            v->phase = LIVE_ENDING;
        lab_write(g->lab, ingest_commit, committed, g);
        return;
    }
    bool more = g->more;
    pass_free(g);
    pass_over(v, more);
}

static void pass_start(struct live *v)
{
    v->reading = true;
    v->read_again = false;
    lab_pool(v->lab, ingest_work, read_done, pass_new(v));
}

void live_kick(struct live *v, bool urgent)
{
    if (v->phase != LIVE_GOING)
        return;
    if (v->reading) {
        v->read_again = true;
        return;
    }
    if (atomic_load(&v->lab->stopping))
        return;
    int64_t since_ms = (time_mono_us() - v->last_read_us) / 1000;
    if (urgent || since_ms >= QUIET_MS)
        pass_start(v);
    else
        pass_in(v, QUIET_MS - since_ms);
}

/* ---- what tells us ---- */

static void on_folder(uv_fs_event_t *h, const char *name, int events, int status)
{
    struct live *v = h->data;
    (void)events;
    if (!v)
        return;
    watch_run_changed(v);
    /* Those who follow it should not see it talk before it is running. */
    bool followed = v->watches && v->state < RUN_RUNNING;
    live_kick(v, followed || status < 0 || !name || !strcmp(name, RUNFOLDER_RECORD));
}

static void on_gone(uv_poll_t *h, int status, int events)
{
    struct live *v = h->data;
    (void)status;
    (void)events;
    if (!v)
        return;
    uv_poll_stop(h);
    v->monitor_gone = true;
    live_kick(v, true);
}

static void watch_monitor(struct live *v, int pidfd)
{
    struct err e = {0};
    v->pidfd = pidfd;
    v->gone_poll = mem_alloc(sizeof *v->gone_poll);
    v->gone_poll->data = v;
    if (uv_poll_init(&v->lab->loop, v->gone_poll, pidfd) != 0) {
        free(v->gone_poll);
        v->gone_poll = NULL;
        err_set(&e, E_INTERNAL, NULL, NULL, "cannot wait for the monitor");
        log_error("run.monitor", LOG_STR("run", v->id), LOG_ERR(&e));
        return;
    }
    uv_poll_start(v->gone_poll, UV_READABLE, on_gone);
}

static void free_handle(uv_handle_t *h)
{
    free(h);
}

static void watch_folder(struct live *v)
{
    AUTO_FREE char *path = mem_printf("%s/runs/%s", v->lab->store->path, v->id);
    v->folder_watch = mem_alloc(sizeof *v->folder_watch);
    uv_fs_event_init(&v->lab->loop, v->folder_watch);
    v->folder_watch->data = v;
    int rc = uv_fs_event_start(v->folder_watch, on_folder, path, 0);
    if (rc == 0)
        return;
    /* Out of inotify watches, for example: look now and then instead. */
    log_warn("run.unwatched", LOG_STR("run", v->id), LOG_STR("why", uv_strerror(rc)));
    uv_fs_event_t *h = v->folder_watch;
    v->folder_watch = NULL;
    h->data = NULL;
    uv_close((uv_handle_t *)h, free_handle);
}

void live_going(struct live *v, int pidfd)
{
    v->phase = LIVE_GOING;
    v->monitor_gone = pidfd < 0;
    v->timer = mem_alloc(sizeof *v->timer);
    uv_timer_init(&v->lab->loop, v->timer);
    v->timer->data = v;
    if (pidfd >= 0) {
        watch_monitor(v, pidfd);
        watch_folder(v);
        if (v->may_have_proxy)
            proxy_start(v);
    }
    watch_run_changed(v);
    /* A short run may be over already: then its states and its end share one commit. */
    AUTO_FREE char *record = mem_printf("%s/" RUNFOLDER_RECORD, v->id);
    if (pidfd < 0 || faccessat(v->lab->store->runs_fd, record, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        live_kick(v, true);
    else
        pass_in(v, FIRST_MS);
}
