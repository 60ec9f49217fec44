/*
 * keeping.c - see keeping.h. The pool's thread waits for the one that works: priorities of threads can be
 * lowered by anybody but raised again by nobody, and the pool's are everybody's.
 */
#include "orchestrator/keeping.h"
#include "api/common/text.h"
#include "catalog/db.h"
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/ioprio.h is not among Debian 12's headers for programs. */
enum { IOPRIO_WHO_PROCESS_ = 1, IOPRIO_IDLE = 3 << 13, NICE_LOWEST = 19 };

struct work {
    struct request *q;
    request_work *work;
    struct err *e;
    int rc;
};

static void *do_work(void *arg)
{
    struct work *w = arg;
    /* Both may be refused where the host says so: then the work is done all the same. */
    (void)!setpriority(PRIO_PROCESS, (id_t)gettid(), NICE_LOWEST);
    (void)!syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS_, 0, IOPRIO_IDLE);
    w->rc = w->work(w->q, NULL, w->e);
    return NULL;
}

static int wait_for_work(struct request *q, struct cat *db, struct err *e)
{
    struct work w = {.q = q, .work = q->lab->keeping.work, .e = e};
    pthread_t thread;
    (void)db;
    if (pthread_create(&thread, NULL, do_work, &w) != 0)
        return err_set(e, E_LIMIT, NULL, "raise the limit of threads", "cannot start a thread");
    pthread_join(thread, NULL);
    return w.rc;
}

static void ended(struct request *q, const struct err *e)
{
    struct keeping *k = &q->lab->keeping;
    request_after *after = k->after;
    k->name = NULL;
    if (after)
        after(q, e);
    else
        request_end(q, e);
}

int keeping_start(struct request *q, const char *name, request_work *work, request_after *after,
                  struct err *e)
{
    struct keeping *k = &q->lab->keeping;
    if (k->name)
        return err_set(e, E_CONFLICT, NULL, "wait until it has ended", "the lab is busy with a %s",
                       k->name);
    k->name = name;
    k->work = work;
    k->after = after;
    k->since_us = time_now_us();
    atomic_store(&k->phase, "");
    atomic_store(&k->done, 0);
    atomic_store(&k->total, 0);
    request_pool(q, wait_for_work, ended);
    return 0;
}

void keeping_phase(struct lab *lab, const char *phase)
{
    atomic_store(&lab->keeping.phase, phase);
    atomic_store(&lab->keeping.done, 0);
    atomic_store(&lab->keeping.total, 0);
}

bool keeping_step(void *ctx, uint64_t done, uint64_t total)
{
    struct lab *lab = ctx;
    atomic_store(&lab->keeping.done, done);
    atomic_store(&lab->keeping.total, total);
    return !atomic_load(&lab->stopping);
}

void keeping_print(struct lab *lab, struct jw *w)
{
    struct keeping *k = &lab->keeping;
    jw_obj(w);
    if (!k->name) {
        jw_null_at(w, "doing");
        jw_end_obj(w);
        return;
    }
    jw_obj_at(w, "doing");
    jw_str_at(w, "name", k->name);
    jw_str_at(w, "phase", atomic_load(&k->phase));
    jw_int_at(w, "since_us", k->since_us);
    jw_int_at(w, "done", (int64_t)atomic_load(&k->done));
    jw_int_at(w, "total", (int64_t)atomic_load(&k->total));
    jw_end_obj(w);
    jw_end_obj(w);
}

int keeping_read(struct lab *lab, struct cat **db, struct err *e)
{
    AUTO_FREE char *path = store_catalog_path(lab->store);
    return cat_open(path, true, db, e);
}
