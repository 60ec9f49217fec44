/*
 * damage.c - objects that were set aside: trees dropped, logged, audited.
 *
 * The store calls from whatever thread read the object (the pool's, as nothing else reads objects). The
 * file in damaged/ is there before the entry in the audit log: a start compares the two, by the time that
 * is part of the file's name.
 */
#include "orchestrator/damage.h"
#include "api/common/buf.h"
#include "api/common/json.h"
#include "api/common/log.h"
#include "catalog/audit.h"
#include "catalog/objects.h"
#include "orchestrator/lab.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char action[] = "object.set_aside";
enum { LOOK_BACK_MAX = 1000 }; /* files in damaged/ that a start looks at, the newest */

static int audit_aside(struct cat *db, const char *sha256, int64_t at_us, const char *why,
                       struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(4096);
    AUTO_FREE char *file = mem_printf("damaged/%s.%lld", sha256, (long long)at_us);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "file", file);
    jw_str_at(&w, "reason", why);
    jw_end_obj(&w);
    return audit_append(db, &CAT_ACTOR_LAB, action, sha256, buf_cstr(&detail), at_us, e);
}

/* ---- found now ---- */

struct note {
    char sha256[DIGEST_HEX_SIZE];
    int64_t at_us;
    char why[160];
};

static int note_job(struct cat *db, void *ctx, struct err *e)
{
    const struct note *n = ctx;
    return audit_aside(db, n->sha256, n->at_us, n->why, e);
}

static void noted(void *ctx, const struct err *e)
{
    struct note *n = ctx;
    if (e) /* the next start finds the file without an entry */
        log_error("object.audit", LOG_STR("object", n->sha256), LOG_ERR(e));
    free(n);
}

static void on_aside(void *ctx, const char *sha256, int64_t at_us, const char *why)
{
    struct lab *lab = ctx;
    struct err e = {0};
    size_t dropped = 0;
    if (tree_drop_users(lab->store, sha256, &dropped, &e) < 0)
        log_error("object.trees", LOG_STR("object", sha256), LOG_ERR(&e));
    log_error("object.set_aside", LOG_STR("object", sha256), LOG_STR("why", why),
              LOG_INT("at_us", at_us), LOG_INT("trees_dropped", dropped));
    struct note *n = mem_alloc(sizeof *n);
    n->at_us = at_us;
    snprintf(n->sha256, sizeof n->sha256, "%s", sha256);
    snprintf(n->why, sizeof n->why, "%s", why);
    e = (struct err){0};
    if (catalog_write(lab->catalog, note_job, noted, n, &e) < 0)
        noted(n, &e);
}

/* ---- found before a kill ---- */

struct look_back {
    struct lab *lab;
    int64_t before_us; /* what comes later is noted as it comes */
    struct objects_aside list[LOOK_BACK_MAX];
    struct audit_known known[LOOK_BACK_MAX];
    size_t count;
};

static int look_back_work(void *ctx, struct err *e)
{
    struct look_back *b = ctx;
    size_t total;
    if (objects_aside_list(b->lab->store, b->list, LOOK_BACK_MAX, &b->count, &total, e) < 0)
        return -1;
    size_t late = 0;
    while (late < b->count && b->list[late].at_us >= b->before_us)
        late++;
    b->count -= late;
    memmove(b->list, b->list + late, b->count * sizeof *b->list);
    for (size_t i = 0; i < b->count; i++)
        b->known[i] = (struct audit_known){b->list[i].sha256, b->list[i].at_us, false};
    return 0;
}

static int look_back_job(struct cat *db, void *ctx, struct err *e)
{
    struct look_back *b = ctx;
    if (audit_find(db, action, b->known, b->count, e) < 0)
        return -1;
    for (size_t i = 0; i < b->count; i++)
        if (!b->known[i].found &&
            audit_aside(db, b->list[i].sha256, b->list[i].at_us, "found so at a start", e) < 0)
            return -1;
    return 0;
}

static void looked_back(void *ctx, const struct err *e)
{
    if (e)
        log_error("object.audit", LOG_ERR(e));
    free(ctx);
}

static void listed(void *ctx, const struct err *e)
{
    struct look_back *b = ctx;
    if (e || b->count == 0)
        looked_back(b, e);
    else
        lab_write(b->lab, look_back_job, looked_back, b);
}

void damage_condemn(struct lab *lab, enum tree_kind kind, const struct manifest *m, const char *ref)
{
    const struct digest_progress progress = {lab_may_go_on, lab};
    struct err e = {0};
    if (tree_condemn(lab->store, kind, m, &progress, &e) < 0) /* what is left is found when it is used */
        log_error("tree.condemn", LOG_STR("tree_of", ref), LOG_ERR(&e));
}

void damage_start(struct lab *lab)
{
    struct look_back *b = mem_alloc(sizeof *b);
    b->lab = lab;
    b->before_us = time_now_us();
    lab->store->aside = on_aside;
    lab->store->aside_ctx = lab;
    lab_pool(lab, look_back_work, listed, b);
}
