/*
 * request.c - from a line to calls, from results to answers: batches, notifications, jobs elsewhere.
 *
 * Loop thread, but for the work functions. A group stands for one message; its parsed text lives until its
 * last request has ended, because params are borrowed from it.
 */
#include "orchestrator/request.h"
#include "api/common/fd.h"
#include "api/common/frame.h"
#include "orchestrator/access.h"
#include "orchestrator/conn.h"
#include "orchestrator/given_file.h"
#include "orchestrator/peer.h"
#include "orchestrator/rpc.h"
#include <stdlib.h>
#include <string.h>

enum {
    BATCH_MAX = 256,
    OPEN_MAX = 3000, /* requests under way in the whole lab: below the catalog's queue bound */
    ANSWER_MAX = FRAME_MAX_BYTES - 1,
    BATCH_ANSWER_MAX = FRAME_MAX_BYTES - 1,
    /* What a message and a request take of their account's bytes beside the text itself. Most answers
     * are far smaller, some are 700 KiB. */
    MESSAGE_BYTES = 4 << 10,
    REQUEST_BYTES = 128 << 10,
};

struct group {
    struct json *root;
    uint64_t conn_id;
    struct peer *peer;
    size_t bytes; /* that it took of its peer's */
    bool batch;
    bool starting; /* its calls are still being started: do not send yet */
    size_t open;
    struct buf out; /* of a batch: answers, with commas */
};

static size_t open_requests; /* of this process: bounded whatever the connection */

/* Requests that wait for a thread of the pool, in order. */
static struct request *pool_first, **pool_last = &pool_first;

static void send_to(struct lab *lab, uint64_t conn, const struct buf *b)
{
    struct conn *c = conn_find(lab->server, conn);
    if (c && b->len)
        conn_send(c, b->data, b->len);
}

static void group_check_end(struct lab *lab, struct group *g)
{
    if (g->open > 0 || g->starting)
        return;
    if (g->batch && g->out.len) {
        buf_add_char(&g->out, ']');
        send_to(lab, g->conn_id, &g->out);
    }
    buf_fini(&g->out);
    json_free(g->root);
    peer_give(g->peer, g->bytes);
    free(g);
}

/* Adds one response object to what its message gets. */
static void group_answer(struct lab *lab, struct group *g, struct buf *one)
{
    if (!g->batch) {
        send_to(lab, g->conn_id, one);
        return;
    }
    buf_add_char(&g->out, g->out.len ? ',' : '[');
    buf_add(&g->out, one->data, one->len);
}

static void answer_error(struct lab *lab, struct group *g, const char *id_text, size_t id_len,
                         int code, const struct err *e)
{
    AUTO_BUF struct buf one = BUF_INIT(FRAME_MAX_BYTES);
    rpc_write_error(&one, id_text, id_len, code, e);
    group_answer(lab, g, &one);
}

/* Counted while it is worked for: not while it waits for a run's end, which may take an hour. */
static void begin(struct request *q)
{
    open_requests++;
    peer_opened(q->group->peer);
    peer_take(q->group->peer, REQUEST_BYTES);
}

static void set_aside(struct request *q)
{
    open_requests--;
    peer_ended(q->group->peer);
    peer_give(q->group->peer, REQUEST_BYTES);
}

void request_park(struct request *q)
{
    q->parked = true;
    set_aside(q);
}

void request_unpark(struct request *q)
{
    q->parked = false;
    begin(q);
}

static void release_fd(struct request *q)
{
    bool closed = q->fd < 0 || q->fd_checked || given_file_drop(q->fd);
    if (q->fd >= 0 && closed)
        peer_fds_closed(q->group->peer, 1);
    if (q->fd_checked)
        fd_close_at(&q->fd);
}

static void request_free(struct request *q)
{
    release_fd(q);
    fd_close_at(&q->give_fd);
    if (!q->parked)
        set_aside(q);
    buf_fini(&q->out);
    access_release(q->held);
    free(q->id_text);
    json_free(q->made);
    arena_free(q->arena);
    free(q);
}

static void finish(struct request *q, int code, const struct err *e)
{
    struct group *g = q->group;
    struct lab *lab = q->lab;
    struct conn *c = conn_find(lab->server, q->conn_id);

    if (q->id_text && c) {
        struct err too_big = {0};
        size_t room = g->batch ? BATCH_ANSWER_MAX - g->out.len : ANSWER_MAX;
        if (!e && (q->out.failed || q->out.len + q->id_len + 64 > room)) {
            err_set(&too_big, E_LIMIT, NULL, "ask for less at once",
                    "the answer would be larger than a message may be");
            e = &too_big;
            code = rpc_code_of(e);
        }
        if (!e && q->give_fd >= 0 && !conn_may_give(c)) {
            err_set(&too_big, E_LIMIT, NULL, "read the answers first",
                    "too many answers with descriptors wait on this connection");
            e = &too_big;
            code = rpc_code_of(e);
        }
        if (e) {
            answer_error(lab, g, q->id_text, q->id_len, code, e);
        } else {
            AUTO_BUF struct buf one = BUF_INIT(2 * FRAME_MAX_BYTES);
            rpc_write_result(&one, q->id_text, q->id_len, buf_cstr(&q->out), q->out.len);
            if (q->give_fd >= 0)
                conn_give(c, fd_take(&q->give_fd));
            group_answer(lab, g, &one);
        }
    }
    request_free(q);
    g->open--;
    group_check_end(lab, g);
    if (c)
        conn_ended(c);
}

void request_end(struct request *q, const struct err *e)
{
    if (e && e->kind == E_DENIED && !q->refused) {
        if (q->parked)
            request_unpark(q);
        access_refuse(q, e);
        return;
    }
    finish(q, e ? rpc_code_of(e) : 0, e);
}

static void start_call(struct lab *lab, struct conn *c, struct group *g, const struct json *v)
{
    struct rpc_call call;
    enum rpc_code code;
    struct err e = {0};
    AUTO_BUF struct buf id = BUF_INIT(FRAME_MAX_BYTES);

    int rc = rpc_read_call(v, &call, &code, &e);
    rpc_print_id(call.id, &id);
    if (rc < 0 && (code == RPC_INVALID_REQUEST || call.id)) {
        answer_error(lab, g, buf_cstr(&id), id.len, code, &e);
        return;
    }
    if (rc < 0)
        return; /* a notification with params it cannot take: nobody to tell */
    const struct method *m = method_find(call.method);
    if (!m) {
        if (call.id) {
            err_set(&e, E_NOT_FOUND, "method", "rpc.discover lists the methods",
                    "there is no method %.80s", call.method);
            answer_error(lab, g, buf_cstr(&id), id.len, RPC_METHOD_NOT_FOUND, &e);
        }
        return;
    }
    if ((m->flags & METHOD_GIVES_FD) && (g->batch || !call.id)) {
        err_set(&e, E_INVALID, "method", "send it alone, with an id",
                "%s answers with a descriptor: it cannot be part of a batch", m->name);
        if (call.id)
            answer_error(lab, g, buf_cstr(&id), id.len, RPC_INVALID_REQUEST, &e);
        return;
    }
    struct request *q = mem_alloc(sizeof *q);
    *q = (struct request){.lab = lab,
                          .conn_id = conn_id(c),
                          .method = m,
                          .group = g,
                          .params = call.params,
                          .actor = conn_actor(c),
                          .fd = -1,
                          .give_fd = -1};
    q->arena = arena_new();
    buf_init(&q->out, FRAME_MAX_BYTES);
    if (call.id) {
        q->id_len = id.len;
        q->id_text = buf_take(&id);
    }
    if (m->flags & METHOD_TAKES_FD)
        q->fd = conn_claim_fd(c);
    g->open++;
    begin(q);
    conn_opened(c);
    if (method_check(m, call.params, &e) < 0) {
        finish(q, RPC_INVALID_PARAMS, &e);
        return;
    }
    if (open_requests > OPEN_MAX) {
        err_set(&e, E_UNAVAILABLE, NULL, "try again in a second",
                "the lab is busy with %zu requests", open_requests);
        request_end(q, &e);
        return;
    }
    access_start(conn_access(c), q);
}

void request_handle(struct request *q)
{
    struct err e = {0};
    if (q->lab->stopping && (q->method->flags & METHOD_CREATES)) {
        err_set(&e, E_UNAVAILABLE, NULL, "try again when it is back", "the lab is stopping");
        request_end(q, &e);
        return;
    }
    if (q->method->handle(q, &e) < 0)
        request_end(q, &e);
}

struct peer *request_peer(const struct request *q)
{
    return q->group->peer;
}

void request_line(struct lab *lab, struct conn *c, char *line, size_t len)
{
    struct err e = {0};
    struct group *g = mem_alloc(sizeof *g);
    *g = (struct group){.conn_id = conn_id(c),
                        .peer = conn_peer(c),
                        .bytes = 2 * len + MESSAGE_BYTES, /* the text and what is made of it */
                        .starting = true};
    peer_take(g->peer, g->bytes);
    buf_init(&g->out, 2 * FRAME_MAX_BYTES);
    g->root = json_parse(line, len, NULL, &e);
    if (!g->root) {
        answer_error(lab, g, "null", 4, RPC_PARSE_ERROR, &e);
    } else if (json_type(g->root) != JSON_ARRAY) {
        start_call(lab, c, g, g->root);
    } else if (json_count(g->root) == 0 || json_count(g->root) > BATCH_MAX) {
        err_set(&e, json_count(g->root) ? E_LIMIT : E_INVALID, NULL,
                "send 1 to 256 calls in a batch", "a batch of %zu calls", json_count(g->root));
        answer_error(lab, g, "null", 4, RPC_INVALID_REQUEST, &e);
    } else {
        g->batch = true;
        for (const struct json *v = json_first(g->root); v; v = json_next(v))
            start_call(lab, c, g, v);
    }
    g->starting = false;
    group_check_end(lab, g);
}

/* ---- jobs ---- */

static void job_done(struct request *q, const struct err *e)
{
    q->lab->work_open--;
    request_after *after = q->after;
    if (after)
        after(q, e);
    else
        request_end(q, e);
}

static void pool_work(uv_work_t *w)
{
    struct request *q = w->data;
    if (q->work(q, NULL, &q->err) < 0 && q->err.kind == E_NONE)
        err_set(&q->err, E_INTERNAL, NULL, NULL, "%s failed without saying why", q->method->name);
}

static void enter_pool(void);

static void pool_after(uv_work_t *w, int status)
{
    struct request *q = w->data;
    (void)status; /* never cancelled */
    struct err e = q->err;
    q->err = (struct err){0};
    peer_left_pool(q->group->peer);
    enter_pool();
    job_done(q, e.kind == E_NONE ? NULL : &e);
}

/* Gives threads to those that wait and may have one: each account's first come first, and no account waits
 * for another's long work. */
static void enter_pool(void)
{
    struct request **at = &pool_first;
    while (*at) {
        struct request *q = *at;
        if (!peer_enter_pool(q->group->peer)) {
            at = &q->next;
            continue;
        }
        *at = q->next;
        if (!*at)
            pool_last = at;
        if (uv_queue_work(&q->lab->loop, &q->uv, pool_work, pool_after) != 0)
            abort(); /* only for a NULL callback */
    }
}

void request_pool(struct request *q, request_work *work, request_after *after)
{
    q->work = work;
    q->after = after;
    q->uv.data = q;
    q->lab->work_open++;
    q->next = NULL;
    *pool_last = q;
    pool_last = &q->next;
    enter_pool();
}

static int catalog_job(struct cat *db, void *ctx, struct err *e)
{
    struct request *q = ctx;
    return q->work(q, db, e);
}

static void catalog_job_done(void *ctx, const struct err *e)
{
    job_done(ctx, e);
}

void request_read(struct request *q, request_work *work, request_after *after)
{
    struct err e = {0};
    q->work = work;
    q->after = after;
    q->lab->work_open++;
    if (catalog_read(q->lab->catalog, catalog_job, catalog_job_done, q, &e) < 0)
        job_done(q, &e);
}

void request_write(struct request *q, request_work *work, request_after *after)
{
    struct err e = {0};
    q->work = work;
    q->after = after;
    q->lab->work_open++;
    if (catalog_write(q->lab->catalog, catalog_job, catalog_job_done, q, &e) < 0)
        job_done(q, &e);
}

/* ---- params ---- */

const struct json *request_value(const struct request *q, const char *name)
{
    const struct json *v = json_get(q->params, name);
    return v && json_type(v) != JSON_NULL ? v : NULL;
}

const char *request_str(const struct request *q, const char *name)
{
    return json_str(json_get(q->params, name));
}

int64_t request_int(const struct request *q, const char *name, int64_t otherwise)
{
    return json_int(json_get(q->params, name), otherwise);
}

bool request_bool(const struct request *q, const char *name, bool otherwise)
{
    return json_bool(json_get(q->params, name), otherwise);
}
