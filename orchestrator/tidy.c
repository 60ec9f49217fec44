/*
 * tidy.c - one round at a time, and a bounded one: trees in the pool, then keys in the catalog.
 *
 * A code tree is a copy and costs what the code costs; it is made again in no time. A data tree is made of
 * hard links and costs next to nothing, but removing it moves the ctime of its objects, and so makes
 * the next run read the whole dataset again (catalog/tree.c): those stay for a week.
 */
#include "orchestrator/tidy.h"
#include "api/common/log.h"
#include "catalog/idem.h"
#include "orchestrator/lab.h"
#include "orchestrator/watch.h"
#include <stdlib.h>
#include <sys/statvfs.h>

enum {
    CODE_KEPT_S = 3600,
    DATA_KEPT_S = 7 * 24 * 3600,
    BUDGET_MS = 2000,
    KEYS_MAX = 5000,
    SCARCE_PART = 20, /* below a twentieth of the disk, unused code trees go at once */
};

struct tidy {
    struct lab *lab;
    size_t trees, keys;
};

static bool disk_is_scarce(const struct lab *lab)
{
    struct statvfs vfs;
    return fstatvfs(lab->store->dir_fd, &vfs) == 0 && vfs.f_bavail < vfs.f_blocks / SCARCE_PART;
}

static int trees_work(void *ctx, struct err *e)
{
    struct tidy *t = ctx;
    const struct tree_keep keep = {.code_s = disk_is_scarce(t->lab) ? 0 : CODE_KEPT_S,
                                   .data_s = DATA_KEPT_S,
                                   .budget_ms = BUDGET_MS};
    return tree_remove_unused(t->lab->store, t->lab->uses, &keep, &t->trees, e);
}

static int keys_job(struct cat *db, void *ctx, struct err *e)
{
    struct tidy *t = ctx;
    return idem_prune(db, time_now_us(), KEYS_MAX, &t->keys, e);
}

static void keys_done(void *ctx, const struct err *e)
{
    struct tidy *t = ctx;
    if (e)
        log_warn("lab.tidy", LOG_ERR(e));
    if (t->trees || t->keys)
        log_info("lab.tidy", LOG_INT("trees_removed", t->trees),
                 LOG_INT("keys_forgotten", t->keys));
    t->lab->tidying = false;
    free(t);
}

static void trees_done(void *ctx, const struct err *e)
{
    struct tidy *t = ctx;
    if (e)
        log_warn("lab.tidy", LOG_ERR(e));
    lab_write(t->lab, keys_job, keys_done, t);
}

static void on_timer(uv_timer_t *timer)
{
    struct lab *lab = timer->data;
    watch_access_changed(lab); /* a token ends by the clock, and its connection may be listening only */
    if (lab->tidying || atomic_load(&lab->stopping))
        return;
    lab->tidying = true;
    struct tidy *t = mem_alloc(sizeof *t);
    *t = (struct tidy){.lab = lab};
    lab_pool(lab, trees_work, trees_done, t);
}

void tidy_start(struct lab *lab)
{
    uv_timer_init(&lab->loop, &lab->tidy_timer);
    lab->tidy_timer.data = lab;
    uv_timer_start(&lab->tidy_timer, on_timer, (uint64_t)lab->opt.tidy_ms,
                   (uint64_t)lab->opt.tidy_ms);
}

void tidy_stop(struct lab *lab)
{
    uv_close((uv_handle_t *)&lab->tidy_timer, NULL);
}
