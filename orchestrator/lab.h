/*
 * lab.h - the one object of the daemon: what its parts share. Loop thread, but for what is marked.
 *
 * The parts find each other through it and through nothing global. Parts that belong to one file are
 * opaque here.
 */
#ifndef ENCLOS_LAB_H
#define ENCLOS_LAB_H

#include "catalog/catalog.h"
#include "catalog/digest.h"
#include "catalog/manifest_keep.h"
#include "catalog/store.h"
#include "catalog/tree_use.h"
#include "orchestrator/map.h"
#include "orchestrator/options.h"
#include "orchestrator/scheduler.h"
#include "orchestrator/state.h"
#include <stdatomic.h>
#include <uv.h>

struct conn;
struct host_facts;
struct launch;
struct profiles;
struct request;
struct progress;
struct server;

/* The long work under way: keeping.h. */
struct keeping {
    const char *name; /* NULL: none */
    int (*work)(struct request *q, struct cat *db, struct err *e);
    void (*after)(struct request *q, const struct err *e);
    int64_t since_us;
    _Atomic(const char *) phase; /* this and what follows: any thread */
    atomic_uint_least64_t done, total;
};

struct lab {
    uv_loop_t loop;
    struct options opt;
    struct owner owner;
    struct store *store;         /* any thread */
    struct catalog *catalog;     /* its own threads; done functions here */
    struct tree_cache *verified; /* any thread */
    struct manifest_keep *manifests; /* any thread: of environments */
    struct tree_uses *uses;      /* any thread: which trees runs have */
    uv_async_t catalog_wake;
    uv_signal_t on_term, on_int;
    struct sched *sched;
    uv_timer_t sched_timer;
    uv_timer_t tidy_timer;
    bool tidying;
    struct keeping keeping;
    struct map proxies;     /* run id -> struct proxy: networks of runs, see proxy.h */
    struct map lives;       /* run id -> struct live: runs that are not finished */
    struct waiter *waiters; /* run.wait under way: see live_wait.c */
    struct feed_waiter *feed_waiters; /* catalog.changes that waits: see feed.h */
    struct server *server;
    uint64_t access_generation; /* counts changes of grants and tokens: see access.h */
    struct launch *launch;
    struct profiles *profiles;
    struct host_facts *host; /* the catalog's writing thread */
    struct progress *progress; /* long work that may be asked about: progress.h */
    struct map watches; /* number -> struct watch */
    uint64_t next_watch;
    char scrubbed[DIGEST_HEX_SIZE]; /* lab.doctor has read the objects up to this one */
    size_t work_open;               /* jobs in the pool or the catalog */
    atomic_bool
        stopping; /* any thread may read: no new submits; leave when what is open is answered */
    int exit_status;
};

enum { LAB_QUEUE_MAX = 10000 }; /* queued runs */

/* Runs until stopped; returns the exit status. listen_fd and launch_fd are taken. launch_pid is -1 when
 * the launcher may not be restarted by us. */
int lab_run(const struct options *opt, const struct owner *owner, int listen_fd, int launch_fd,
            int launch_pid);

/* Begins the orderly stop. */
void lab_stop(struct lab *lab, int exit_status);

/* Any thread; the step of a digest_progress whose ctx is the lab: false once it stops. */
bool lab_may_go_on(void *lab, uint64_t done_bytes);

/* ---- jobs of the lab itself (requests have their own, see request.h) ----
 * ctx must live until `done` was called, on the loop. */
typedef int lab_work(void *ctx, struct err *e); /* in a pool thread */
void lab_pool(struct lab *lab, lab_work *work, catalog_done *done, void *ctx);
/* As catalog_write and catalog_read, but they cannot fail: when the queue is full, they try again. */
void lab_write(struct lab *lab, catalog_work *work, catalog_done *done, void *ctx);
void lab_read(struct lab *lab, catalog_work *work, catalog_done *done, void *ctx);

/* Calls `later` once after some time; ctx as above. */
void lab_after(struct lab *lab, int64_t delay_ms, void (*later)(void *ctx), void *ctx);

#endif
