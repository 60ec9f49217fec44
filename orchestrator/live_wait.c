/*
 * live_wait.c - run.wait: requests that wait for a run's end, or for their time. Loop thread.
 */
#include "catalog/run.h"
#include "catalog/standing.h"
#include "orchestrator/access.h"
#include "orchestrator/conn.h"
#include "orchestrator/lab.h"
#include "orchestrator/live.h"
#include "orchestrator/request.h"
#include "orchestrator/run_print.h"
#include <stdlib.h>
#include <string.h>

struct waiter {
    struct request *q;
    char run[TEXT_ID_SIZE];
    uv_timer_t timer;
    struct waiter *next;
};

static int answer_work(struct cat *db, void *ctx, struct err *e)
{
    struct request *q = ctx;
    const char *run = q->state;
    struct jw w = jw_to(&q->out);
    enum run_state state;
    struct standing now;
    struct run_owner owner;
    /* It may have waited for days: what it was allowed then counts no more. */
    if (access_read_again(db, q->arena, q, &now, e) < 0)
        return -1;
    if (!access_allows(q->method, &now, NULL))
        return err_set(e, E_NOT_FOUND, "run", "`enclos whoami` says what is left", "%s holds no role any more", now.actor.name);
    if (cat_run_owner(db, q->arena, &now, run, &owner, e) < 0)
        return -1;
    jw_obj(&w);
    jw_key(&w, "run");
    if (run_print_open(db, run, &w, &state, e) < 0)
        return -1;
    jw_null_at(&w, "queue_reason");
    jw_end_obj(&w);
    jw_bool_at(&w, "finished", state == RUN_FINISHED);
    jw_end_obj(&w);
    return 0;
}

static void answered(void *ctx, const struct err *e)
{
    request_end(ctx, e);
}

/* By lab_read, which tries again: thousands may have waited for one run. */
static void answer(struct request *q, const char *run)
{
    q->state = arena_strdup(q->arena, run);
    if (q->parked)
        request_unpark(q);
    lab_read(q->lab, answer_work, answered, q);
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

/* Off the list; gives its request. */
static struct request *waiter_drop(struct lab *lab, struct waiter *w)
{
    struct request *q = w->q;
    struct waiter **at = &lab->waiters;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    uv_close((uv_handle_t *)&w->timer, on_closed);
    return q;
}

static void on_time(uv_timer_t *t)
{
    struct waiter *w = t->data;
    char run[TEXT_ID_SIZE];
    memcpy(run, w->run, sizeof run);
    struct request *q = waiter_drop(w->q->lab, w);
    answer(q, run);
}

void live_wait(struct request *q, const char *id, int64_t timeout_ms)
{
    struct lab *lab = q->lab;
    if (!live_find(lab, id) || timeout_ms == 0 || atomic_load(&lab->stopping)) {
        answer(q, id);
        return;
    }
    struct waiter *w = mem_alloc(sizeof *w);
    *w = (struct waiter){.q = q, .next = lab->waiters};
    memcpy(w->run, id, strlen(id) + 1);
    request_park(q);
    lab->waiters = w;
    uv_timer_init(&lab->loop, &w->timer);
    w->timer.data = w;
    uv_timer_start(&w->timer, on_time, (uint64_t)timeout_ms, 0);
}

void live_wait_wake(struct lab *lab, const char *id)
{
    for (struct waiter *w = lab->waiters, *next; w; w = next) {
        next = w->next;
        if (!strcmp(w->run, id))
            answer(waiter_drop(lab, w), id);
    }
}

void live_wait_conn_closed(struct lab *lab, uint64_t conn)
{
    const struct err e = {.kind = E_UNAVAILABLE};
    for (struct waiter *w = lab->waiters, *next; w; w = next) {
        next = w->next;
        if (w->q->conn_id == conn)
            request_end(waiter_drop(lab, w), &e);
    }
}

void live_wait_stop(struct lab *lab)
{
    struct err e = {0};
    err_set(&e, E_UNAVAILABLE, NULL, "ask again when it is back; the run goes on",
            "the lab is stopping");
    while (lab->waiters)
        request_end(waiter_drop(lab, lab->waiters), &e);
}
