/*
 * lab.c - the daemon's loop: opens the state, serves, stops in order.
 *
 * Called by main() once rights are dropped. Owns the loop and the order in which parts come and go:
 * state and catalog first, then what was unfinished, then the socket; the other way round at the end.
 */
#include "orchestrator/lab.h"
#include "orchestrator/feed.h"
#include "orchestrator/search_build.h"
#include "orchestrator/host_facts.h"
#include "api/common/fd.h"
#include "api/common/log.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "catalog/people.h"
#include "orchestrator/conn.h"
#include "orchestrator/damage.h"
#include "orchestrator/given_file.h"
#include "orchestrator/launch_client.h"
#include "orchestrator/live.h"
#include "orchestrator/peer.h"
#include "orchestrator/profiles.h"
#include "orchestrator/proxy.h"
#include "orchestrator/rights.h"
#include "orchestrator/sweep.h"
#include "orchestrator/tidy.h"
#include "orchestrator/watch.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PATIENCE_MS = 30000, /* a run that others passed waits that long before it gets a reservation */
    STOP_TICK_MS = 20,
    STOP_FLUSH_MS = 3000,           /* for clients to fetch their last answers */
    STOP_MAX_MS = 15000,            /* for the pool to end what it does */
    /* for files, the catalog and runs; passed by clients; passed and being closed */
    FDS_KEPT = 512 + PEERS_FDS_MAX + GIVEN_FILE_DROPS_MAX,
};

/* ---- jobs ---- */

struct pool_job {
    struct lab *lab;
    lab_work *work;
    catalog_done *done;
    void *ctx;
    struct err err;
    bool failed;
    uv_work_t uv;
};

static void pool_work(uv_work_t *w)
{
    struct pool_job *j = w->data;
    j->failed = j->work(j->ctx, &j->err) < 0;
}

static void pool_after(uv_work_t *w, int status)
{
    struct pool_job *j = w->data;
    (void)status;
    j->lab->work_open--;
    j->done(j->ctx, j->failed ? &j->err : NULL);
    free(j);
}

void lab_pool(struct lab *lab, lab_work *work, catalog_done *done, void *ctx)
{
    struct pool_job *j = mem_alloc(sizeof *j);
    *j = (struct pool_job){.lab = lab, .work = work, .done = done, .ctx = ctx};
    j->uv.data = j;
    lab->work_open++;
    if (uv_queue_work(&lab->loop, &j->uv, pool_work, pool_after) != 0)
        abort(); /* only for a NULL callback */
}

struct catalog_job {
    struct lab *lab;
    bool write;
    catalog_work *work;
    catalog_done *done;
    void *ctx;
};

static int catalog_job_work(struct cat *db, void *ctx, struct err *e)
{
    struct catalog_job *j = ctx;
    return j->work(db, j->ctx, e);
}

static void catalog_job_done(void *ctx, const struct err *e)
{
    struct catalog_job *j = ctx;
    j->lab->work_open--;
    j->done(j->ctx, e);
    free(j);
}

static void catalog_job_start(void *ctx)
{
    struct catalog_job *j = ctx;
    struct err e = {0};
    int rc = j->write ? catalog_write(j->lab->catalog, catalog_job_work, catalog_job_done, j, &e)
                      : catalog_read(j->lab->catalog, catalog_job_work, catalog_job_done, j, &e);
    if (rc == 0)
        return;
    if (atomic_load(&j->lab->stopping))
        catalog_job_done(j, &e);
    else
        lab_after(j->lab, 20, catalog_job_start,
                  j); /* the queue is full; it is emptied all the time */
}

static void catalog_job_new(struct lab *lab, bool write, catalog_work *work, catalog_done *done,
                            void *ctx)
{
    struct catalog_job *j = mem_alloc(sizeof *j);
    *j = (struct catalog_job){lab, write, work, done, ctx};
    lab->work_open++;
    catalog_job_start(j);
}

void lab_write(struct lab *lab, catalog_work *work, catalog_done *done, void *ctx)
{
    catalog_job_new(lab, true, work, done, ctx);
}

void lab_read(struct lab *lab, catalog_work *work, catalog_done *done, void *ctx)
{
    catalog_job_new(lab, false, work, done, ctx);
}

/* ---- later ---- */

struct later {
    uv_timer_t timer;
    void (*call)(void *ctx);
    void *ctx;
};

static void later_closed(uv_handle_t *h)
{
    free(h->data);
}

static void later_now(uv_timer_t *t)
{
    struct later *l = t->data;
    uv_close((uv_handle_t *)t, later_closed);
    l->call(l->ctx);
}

void lab_after(struct lab *lab, int64_t delay_ms, void (*call)(void *ctx), void *ctx)
{
    struct later *l = mem_alloc(sizeof *l);
    l->call = call;
    l->ctx = ctx;
    l->timer.data = l;
    uv_timer_init(&lab->loop, &l->timer);
    uv_timer_start(&l->timer, later_now, (uint64_t)(delay_ms > 0 ? delay_ms : 0), 0);
}

/* ---- stopping ---- */

bool lab_may_go_on(void *ctx, uint64_t done_bytes)
{
    struct lab *lab = ctx;
    (void)done_bytes;
    return !atomic_load(&lab->stopping);
}

struct stop {
    struct lab *lab;
    uv_timer_t timer;
    int64_t since_us;
};

static void close_all(struct lab *lab)
{
    watch_close_all(lab);
    server_close_all(lab->server);
    live_close_all(lab);
    proxy_close_all(lab);
    launch_close(lab->launch);
    uv_close((uv_handle_t *)&lab->sched_timer, NULL);
    tidy_stop(lab);
    uv_close((uv_handle_t *)&lab->on_term, NULL);
    uv_close((uv_handle_t *)&lab->on_int, NULL);
}

static void stop_closed(uv_handle_t *h)
{
    free(h->data);
}

static void stop_tick(uv_timer_t *t)
{
    struct stop *s = t->data;
    struct lab *lab = s->lab;
    int64_t waited_ms = (time_mono_us() - s->since_us) / 1000;

    catalog_drain(lab->catalog);
    if (lab->work_open > 0 && waited_ms > STOP_MAX_MS) {
        /* A pool thread hangs on a disk: what is committed is safe, the rest is found again at start. */
        log_warn("lab.stop", LOG_STR("why", "work did not end in time"),
                 LOG_INT("jobs", lab->work_open));
        catalog_close(lab->catalog);
        _exit(lab->exit_status);
    }
    if (lab->work_open > 0 || (!server_idle(lab->server) && waited_ms < STOP_FLUSH_MS))
        return;
    close_all(lab);
    uv_close((uv_handle_t *)t, stop_closed);
    uv_close((uv_handle_t *)&lab->catalog_wake, NULL);
}

void lab_stop(struct lab *lab, int exit_status)
{
    if (exit_status != 0 && lab->exit_status == 0)
        lab->exit_status = exit_status;
    if (atomic_exchange(&lab->stopping, true))
        return;
    log_info("lab.stopping", LOG_INT("runs", lab->lives.count));
    server_stop_accepting(lab->server);
    live_wait_stop(lab);
    feed_stop(lab);
    struct stop *s = mem_alloc(sizeof *s);
    *s = (struct stop){.lab = lab, .since_us = time_mono_us()};
    uv_timer_init(&lab->loop, &s->timer);
    s->timer.data = s;
    uv_timer_start(&s->timer, stop_tick, 0, STOP_TICK_MS);
}

static void on_signal(uv_signal_t *h, int number)
{
    log_info("lab.signal", LOG_STR("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    lab_stop(h->data, 0);
}

/* ---- starting ---- */

/* From the catalog's threads. */
static void wake(void *ctx)
{
    uv_async_send(ctx);
}

static void on_wake(uv_async_t *h)
{
    struct lab *lab = h->data;
    catalog_drain(lab->catalog);
    feed_wake(lab);
}

struct unfinished {
    struct arena *arena;
    struct run_row *rows;
    size_t count;
};

static int unfinished_work(struct cat *db, void *ctx, struct err *e)
{
    struct unfinished *u = ctx;
    return cat_run_unfinished(db, u->arena, &u->rows, &u->count, e);
}

static void migrating(void *ctx, int number, int of, const char *name)
{
    (void)ctx;
    log_info("catalog.migrating", LOG_INT("migration", number), LOG_INT("of", of),
             LOG_STR("name", name));
}

/* From a thread of the catalog. The lab goes on reading; every answer to what would write says why. */
static void catalog_damaged(void *ctx, const struct err *why)
{
    (void)ctx;
    log_error("catalog.damaged", LOG_ERR(why));
}

static int open_state(struct lab *lab, struct err *e)
{
    const struct catalog_options options = {.wake = wake,
                                            .wake_ctx = &lab->catalog_wake,
                                            .migrating = migrating,
                                            .damaged = catalog_damaged};
    if (store_open(lab->opt.state_dir, &lab->store, e) < 0)
        return -1;
    AUTO_FREE char *path = store_catalog_path(lab->store);
    return catalog_open(path, &options, &lab->catalog, e);
}

static int first_admin(struct cat *db, void *ctx, struct err *e)
{
    const struct lab *lab = ctx;
    char name[64];
    bool made;
    /* Whoever started it: in root's lab the daemon's own account is not them. */
    uid_t uid = lab->opt.as_root ? 0 : lab->owner.uid;
    peer_name_of(uid, name);
    if (cat_people_first(db, &(struct cat_actor){uid, name}, time_now_us(), &made, e) < 0)
        return -1;
    if (!made && lab->opt.grant_admin) {
        const struct grant_ask ask = {.by = &STANDING_LAB,
                                      .whom = {ACCOUNT_USER, uid, name},
                                      .role = ROLE_ADMIN,
                                      .now_us = time_now_us()};
        struct account_row row;
        struct arena *a = arena_new();
        int rc = cat_grant(db, a, &ask, &row, &made, e);
        arena_free(a);
        if (rc < 0)
            return -1;
    }
    if (made)
        log_info("lab.first_admin", LOG_STR("name", name), LOG_INT("uid", uid));
    return 0;
}

static void profiles_known(void *ctx, const struct err *e)
{
    (void)ctx;
    (void)e; /* logged by profiles.c; asked again when one is needed */
}

static int start(struct lab *lab, int listen_fd, int launch_fd, int launch_pid, struct err *e)
{
    const struct sched_config sched = {.cpus_milli = lab->opt.cpus_milli,
                                       .memory_bytes = lab->opt.memory_bytes,
                                       .patience_us = PATIENCE_MS * INT64_C(1000),
                                       .queue_max = LAB_QUEUE_MAX + 4096};
    long files = rights_raise_nofile();
    struct unfinished u = {.arena = arena_new()};

    lab->verified = tree_cache_new(0);
    lab->manifests = manifest_keep_new();
    lab->uses = tree_uses_new();
    lab->sched = sched_new(&sched);
    lab->profiles = profiles_new(lab);
    lab->host = host_facts_new();
    if (catalog_write_sync(lab->catalog, first_admin, lab, e) < 0 ||
        catalog_read_sync(lab->catalog, unfinished_work, &u, e) < 0) {
        arena_free(u.arena);
        return -1;
    }
    lab->launch = launch_new(lab, launch_fd, launch_pid);
    lab->server =
        server_new(lab, listen_fd, (size_t)(files > 2 * FDS_KEPT ? files - FDS_KEPT : files / 2));
    damage_start(lab);
    sweep_start(lab, u.rows, u.count);
    live_recover(lab, u.rows, u.count);
    tidy_start(lab);
    search_build(lab);
    arena_free(u.arena);
    profiles_refresh(lab->profiles, profiles_known, lab);
    return 0;
}

static void close_state(struct lab *lab)
{
    if (lab->catalog)
        catalog_close(lab->catalog);
    store_close(lab->store);
}

int lab_run(const struct options *opt, const struct owner *owner, int listen_fd, int launch_fd,
            int launch_pid)
{
    struct lab *lab = mem_alloc(sizeof *lab);
    struct err e = {0};
    lab->opt = *opt;
    lab->owner = *owner;
    if (uv_loop_init(&lab->loop) != 0 ||
        uv_async_init(&lab->loop, &lab->catalog_wake, on_wake) != 0)
        abort(); /* out of memory or descriptors before anything began */
    lab->catalog_wake.data = lab;
    uv_timer_init(&lab->loop, &lab->sched_timer);
    uv_signal_init(&lab->loop, &lab->on_term);
    uv_signal_init(&lab->loop, &lab->on_int);
    lab->on_term.data = lab->on_int.data = lab;
    if (open_state(lab, &e) < 0 || start(lab, listen_fd, launch_fd, launch_pid, &e) < 0) {
        log_error("lab.start", LOG_ERR(&e));
        close_state(lab);
        return 1;
    }
    uv_signal_start(&lab->on_term, on_signal, SIGTERM);
    uv_signal_start(&lab->on_int, on_signal, SIGINT);
    log_info("lab.ready", LOG_STR("socket", opt->socket_path), LOG_STR("state", opt->state_dir),
             LOG_STR("user", owner->name), LOG_INT("uid", owner->uid), LOG_INT("pid", getpid()),
             LOG_INT("cpus_milli", opt->cpus_milli), LOG_INT("memory_bytes", opt->memory_bytes),
             LOG_INT("unfinished", lab->lives.count));
    uv_run(&lab->loop, UV_RUN_DEFAULT);
    close_state(lab);
    server_free(lab->server);
    launch_free(lab->launch);
    profiles_free(lab->profiles);
    host_facts_free(lab->host);
    sched_free(lab->sched);
    tree_cache_free(lab->verified);
    manifest_keep_free(lab->manifests);
    tree_uses_free(lab->uses);
    map_fini(&lab->lives);
    map_fini(&lab->proxies);
    if (uv_loop_close(&lab->loop) != 0)
        log_warn("lab.loop", LOG_STR("why", "handles were left open"));
    int status = lab->exit_status;
    free(lab);
    log_info("lab.stopped");
    return status;
}
