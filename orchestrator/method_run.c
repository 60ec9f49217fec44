/*
 * method_run.c - run.*: reading, listing, cancelling, waiting, logs, metrics, outputs, watching.
 *
 * A run is named by its id or a prefix; the catalog turns that into an id first.
 */
#include "api/common/log.h"
#include "api/common/text.h"
#include "catalog/metric.h"
#include "catalog/run.h"
#include "catalog/run_seen.h"
#include "catalog/standing.h"
#include "orchestrator/listing.h"
#include "orchestrator/live.h"
#include "orchestrator/request.h"
#include "orchestrator/run_print.h"
#include "orchestrator/watch.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 700 << 10, FRAME_LOGS_MAX = 2 << 20 };

struct named { /* state of most requests here */
    char id[TEXT_ID_SIZE];
    struct run_owner owner; /* by find_owner */
    enum run_state state;
    bool held;
};

static struct named *named_new(struct request *q)
{
    q->state = arena_alloc(q->arena, sizeof(struct named));
    return q->state;
}

static int find(struct request *q, struct cat *db, struct err *e)
{
    struct named *n = q->state;
    return cat_run_find(db, q->standing, request_str(q, "run"), n->id, e);
}

static int find_owner(struct request *q, struct cat *db, struct err *e)
{
    struct named *n = q->state;
    if (find(q, db, e) < 0)
        return -1;
    return cat_run_owner(db, q->arena, q->standing, n->id, &n->owner, e);
}

/* ---- run.get ---- */

static int get_work(struct request *q, struct cat *db, struct err *e)
{
    struct named *n = q->state;
    struct jw w = jw_to(&q->out);
    if (find(q, db, e) < 0)
        return -1;
    return run_print_open(db, n->id, &w, &n->state, e);
}

int look_run(struct request *q, struct cat *db, struct err *e)
{
    struct jw w = jw_to(&q->out);
    named_new(q);
    if (find_owner(q, db, e) < 0)
        return -1;
    struct named *n = q->state;
    return run_print_full(db, n->id, &w, e);
}

/* Adds what only the loop knows to the object that was left open. */
static void get_done(struct request *q, const struct err *e)
{
    const struct named *n = q->state;
    char reason[160];
    if (!e) {
        buf_add_str(&q->out, ",\"queue_reason\":");
        struct jw w = jw_to(&q->out);
        jw_str(&w, sched_reason(q->lab->sched, n->id, reason, sizeof reason) ? reason : NULL);
        buf_add_char(&q->out, '}');
    }
    request_end(q, e);
}

int method_run_get(struct request *q, struct err *e)
{
    (void)e;
    named_new(q);
    request_read(q, get_work, get_done);
    return 0;
}

/* ---- run.list ---- */

static int list_work(struct request *q, struct cat *db, struct err *e)
{
    const char *state = request_str(q, "state");
    const struct filter_value value = {.type = FILTER_TEXT, .text = state};
    const struct filter *also = state ? listing_and(q, NULL, "state", FILTER_EQ, &value) : NULL;
    struct list_bound seen;
    struct list_page page;
    size_t i;
    if (listing_find(q, db, &list_runs, 50, also, run_seen(q->arena, q->standing, &seen), &page, e) <
        0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "runs");
    for (i = 0; i < page.count && q->out.len < PAGE_BYTES; i++) {
        struct run_row r;
        if (cat_run_by_seq(db, q->arena, page.keys[i], &r, e) < 0)
            return -1;
        run_print_short(&r, &w);
    }
    jw_end_arr(&w);
    listing_end(q, &page, i, &w);
    jw_end_obj(&w);
    return 0;
}

int method_run_list(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, list_work, NULL);
    return 0;
}

/* ---- run.cancel: find, hold it if it is queued, write, act ---- */

/* One's own, those of a project that one directs, or all: for whoever directs the lab. */
static int cancel_find(struct request *q, struct cat *db, struct err *e)
{
    const struct named *n = q->state;
    if (find_owner(q, db, e) < 0)
        return -1;
    if (standing_is(q->standing, &n->owner.actor) ||
        standing_may(q->standing, ROLE(ROLE_CURATOR), n->owner.project))
        return 0;
    return err_set(e, E_DENIED, "run", "ask them, or a curator or an admin of its project or of the lab",
                   "run %s is %s's: you may not cancel it", n->id, n->owner.actor.name);
}

static int cancel_write(struct request *q, struct cat *db, struct err *e)
{
    struct named *n = q->state;
    const char *reason = request_str(q, "reason");
    int64_t now = time_now_us();
    if (cat_run_cancel(db, n->id, &q->actor, reason, now, &n->state, e) < 0)
        return -1;
    if (n->state != RUN_QUEUED || !n->held)
        return 0;
    const struct run_result result = {.verdict = VERDICT_CANCELLED,
                                      .reason = "cancelled before it started",
                                      .finished_us = now,
                                      .wall_ms = -1,
                                      .cpu_ms = -1,
                                      .memory_peak_bytes = -1,
                                      .log_kept_bytes = -1,
                                      .log_dropped_bytes = -1,
                                      .metrics_dropped = -1};
    if (cat_run_finish(db, n->id, &result, e) < 0)
        return -1;
    n->state = RUN_FINISHED;
    return 0;
}

static void cancel_written(struct request *q, const struct err *e)
{
    const struct named *n = q->state;
    struct lab *lab = q->lab;
    if (n->held)
        live_unhold(lab, n->id, !e);
    else if (!e)
        live_cancelled(lab, n->id);
    if (!e) {
        log_info("run.cancel", LOG_STR("run", n->id), LOG_INT("uid", q->actor.uid));
        struct jw w = jw_to(&q->out);
        jw_obj(&w);
        jw_str_at(&w, "run", n->id);
        jw_str_at(&w, "state", run_state_name(n->state));
        jw_bool_at(&w, "accepted", true);
        jw_end_obj(&w);
    }
    request_end(q, e);
}

static void cancel_found(struct request *q, const struct err *e)
{
    struct named *n = q->state;
    if (e) {
        request_end(q, e);
        return;
    }
    n->held = live_hold(q->lab, n->id);
    request_write(q, cancel_write, cancel_written);
}

int method_run_cancel(struct request *q, struct err *e)
{
    (void)e;
    named_new(q);
    request_read(q, cancel_find, cancel_found);
    return 0;
}

/* ---- run.wait ---- */

static void wait_found(struct request *q, const struct err *e)
{
    const struct named *n = q->state;
    if (e)
        request_end(q, e);
    else
        live_wait(q, n->id, request_int(q, "timeout_ms", 60000));
}

int method_run_wait(struct request *q, struct err *e)
{
    (void)e;
    named_new(q);
    request_read(q, find, wait_found);
    return 0;
}

/* ---- run.logs ---- */

static int logs_work(struct request *q, struct cat *db, struct err *e)
{
    struct named *n = q->state;
    AUTO_BUF struct buf chunks = BUF_INIT(FRAME_LOGS_MAX);
    struct watch_read r = {.format = WATCH_CHUNKS,
                           .position = (uint64_t)request_int(q, "from", 0),
                           .max_bytes = PAGE_BYTES,
                           .raw_max_bytes = (size_t)request_int(q, "limit_bytes", 262144)};
    (void)db;
    r.out = &chunks;
    if (watch_read(q->lab->store, n->id, &r, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_key(&w, "chunks");
    AUTO_BUF struct buf list = BUF_INIT(FRAME_LOGS_MAX + 2);
    buf_add_char(&list, '[');
    buf_add(&list, buf_cstr(&chunks), chunks.len);
    buf_add_char(&list, ']');
    jw_raw(&w, buf_cstr(&list), list.len);
    jw_int_at(&w, "next", (int64_t)r.position);
    jw_bool_at(&w, "eof", r.eof && n->held);
    jw_end_obj(&w);
    return 0;
}

static void logs_found(struct request *q, const struct err *e)
{
    struct named *n = q->state;
    if (e) {
        request_end(q, e);
        return;
    }
    /* The log of a run that is not live is whole: its end is the end. */
    n->held = !live_find(q->lab, n->id);
    request_pool(q, logs_work, NULL);
}

int method_run_logs(struct request *q, struct err *e)
{
    (void)e;
    named_new(q);
    request_read(q, find, logs_found);
    return 0;
}

/* ---- run.metrics ---- */

static int metrics_points(struct request *q, struct cat *db, const char *id, const char *name,
                          struct err *e)
{
    struct metric_point *all;
    size_t count, i, limit = (size_t)request_int(q, "limit", 1000);
    if (cat_metric_points(db, q->arena, id, name, request_int(q, "from", 0), limit, &all, &count,
                          e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_str_at(&w, "name", name);
    jw_arr_at(&w, "points");
    for (i = 0; i < count && q->out.len < PAGE_BYTES; i++) {
        jw_obj(&w);
        jw_int_at(&w, "step", all[i].step);
        run_print_number(&w, "value", all[i].value);
        jw_int_at(&w, "time_us", all[i].time_us);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    if (i > 0 && (i < count || count == limit))
        jw_int_at(&w, "next", all[i - 1].number);
    else
        jw_null_at(&w, "next");
    jw_end_obj(&w);
    return 0;
}

static int metrics_work(struct request *q, struct cat *db, struct err *e)
{
    struct named *n = q->state;
    const char *name = request_str(q, "name");
    struct metric_summary *all;
    size_t count;
    if (find(q, db, e) < 0)
        return -1;
    if (name)
        return metrics_points(q, db, n->id, name, e);
    if (cat_metric_latest(db, q->arena, n->id, &all, &count, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "metrics");
    for (size_t i = 0; i < count && q->out.len < PAGE_BYTES; i++) {
        jw_obj(&w);
        jw_str_at(&w, "name", all[i].name);
        run_print_number(&w, "value", all[i].last);
        jw_int_at(&w, "step", all[i].last_step);
        jw_int_at(&w, "time_us", all[i].last_time_us);
        run_print_number(&w, "min", all[i].min);
        run_print_number(&w, "max", all[i].max);
        jw_int_at(&w, "count", all[i].count);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
    return 0;
}

int method_run_metrics(struct request *q, struct err *e)
{
    (void)e;
    named_new(q);
    request_read(q, metrics_work, NULL);
    return 0;
}

/* ---- run.outputs ---- */

static int outputs_work(struct request *q, struct cat *db, struct err *e)
{
    struct named *n = q->state;
    struct run_row r;
    if (find(q, db, e) < 0 || cat_run_get(db, q->arena, n->id, &r, e) < 0)
        return -1;
    size_t from = (size_t)request_int(q, "from", 0), limit = (size_t)request_int(q, "limit", 1000),
           i = from;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_str_at(&w, "manifest", r.outputs_manifest);
    jw_arr_at(&w, "artifacts");
    for (; i < r.artifact_count && i - from < limit && q->out.len < PAGE_BYTES; i++)
        run_print_artifact(&r.artifacts[i], &w);
    jw_end_arr(&w);
    jw_arr_at(&w, "refused");
    for (size_t k = 0; from == 0 && k < r.refused_count && q->out.len < PAGE_BYTES + (100 << 10);
         k++) {
        jw_obj(&w);
        jw_str_at(&w, "path", r.refused[k].path);
        jw_str_at(&w, "reason", r.refused[k].reason);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_int_at(&w, "total", (int64_t)r.artifact_count);
    if (i < r.artifact_count)
        jw_int_at(&w, "next", (int64_t)i);
    else
        jw_null_at(&w, "next");
    jw_end_obj(&w);
    return 0;
}

int method_run_outputs(struct request *q, struct err *e)
{
    (void)e;
    named_new(q);
    request_read(q, outputs_work, NULL);
    return 0;
}

/* ---- run.watch ---- */

static void watch_found(struct request *q, const struct err *e)
{
    const struct named *n = q->state;
    struct lab *lab = q->lab;
    struct err bad = {0};
    uint64_t number = 0, key = 0;
    if (!e && watch_new(lab, q->conn_id, &n->owner, (uint64_t)request_int(q, "from", 0), &number, &key,
                        &bad) < 0)
        e = &bad;
    if (!e)
        buf_printf(&q->out, "{\"subscription\":%" PRIu64 "}", number);
    request_end(q, e);
    if (!e)
        watch_start(lab, key);
}

int method_run_watch(struct request *q, struct err *e)
{
    if (!q->id_text)
        return err_set(e, E_INVALID, "id", NULL,
                       "a subscription needs an answer: send the request with an id");
    named_new(q);
    request_read(q, find_owner, watch_found);
    return 0;
}
