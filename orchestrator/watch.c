/*
 * watch.c - subscriptions: when to read on, and how a frame becomes an event. Loop thread, but watch_read.
 *
 *     kick --> reading (pool) --> lines to the connection --> more? room? --> reading ...
 *                                                              | at the end of the log
 *                                                              v
 *                              run still live: wait for a kick;  finished: the last event, gone
 */
#include "orchestrator/watch.h"
#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "api/common/runfolder.h"
#include "api/common/runlog.h"
#include "api/common/text.h"
#include "catalog/run.h"
#include "catalog/standing.h"
#include "orchestrator/access.h"
#include "orchestrator/conn.h"
#include "orchestrator/feed.h"
#include "orchestrator/live.h"
#include "orchestrator/run_print.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_BYTES = 192 << 10, READ_BYTES = 256 << 10 };

struct watch {
    struct lab *lab;
    uint64_t key;    /* in lab->watches */
    uint64_t number; /* for its client: counted for each connection */
    uint64_t conn;
    char run[TEXT_ID_SIZE];
    struct cat_actor owner; /* of the run; its name is this watch's */
    int64_t project;
    uint64_t position;
    int told; /* greatest state told, -1: none */
    bool reading, again;
    bool over;     /* the run is finished: at the end of the log comes the last event */
    bool blocked;  /* waits for room in its connection */
    bool attached; /* on the list of its live run */
    struct watch *next, **at;
};

struct chunk {
    struct lab *lab;
    uint64_t key;
    char run[TEXT_ID_SIZE];
    struct watch_read read;
    struct buf out;
    bool over; /* known before the read */
};

/* ---- frames as text ---- */

static void put_bytes(struct jw *w, const struct runlog_frame *f)
{
    if (text_is_utf8(f->bytes, f->len) && !memchr(f->bytes, 0, f->len)) {
        jw_key(w, "text");
        jw_strn(w, f->bytes, f->len);
        return;
    }
    AUTO_FREE char *b64 = mem_alloc(4 * ((f->len + 2) / 3) + 1);
    text_base64(f->bytes, f->len, b64);
    jw_str_at(w, "base64", b64);
}

static void put_data(struct jw *w, const struct runlog_frame *f)
{
    struct err e = {0};
    /* The monitor scanned it; a damaged file must not break our lines. */
    if (json_scan(f->bytes, f->len, NULL, &e) == 0)
        jw_raw_at(w, "data", f->bytes, f->len);
    else
        put_bytes(w, f);
}

static const char *const stream_names[] = {NULL, "stdout", "stderr", "metric", "event", "gap"};

static void event_head(struct jw *w, struct buf *out, uint64_t number)
{
    *w = jw_to(out);
    jw_obj(w);
    jw_str_at(w, "jsonrpc", "2.0");
    jw_str_at(w, "method", "run.event");
    jw_obj_at(w, "params");
    jw_int_at(w, "subscription", (int64_t)number);
}

static void event_tail(struct jw *w, struct buf *out)
{
    jw_end_obj(w);
    jw_end_obj(w);
    buf_add_char(out, '\n');
}

static void put_state(struct buf *out, uint64_t number, uint64_t position, int64_t time_us,
                      enum run_state state)
{
    struct jw w;
    event_head(&w, out, number);
    jw_int_at(&w, "number", (int64_t)position);
    jw_int_at(&w, "next", (int64_t)position);
    jw_int_at(&w, "time_us", time_us);
    jw_str_at(&w, "type", "state");
    jw_obj_at(&w, "data");
    jw_str_at(&w, "state", run_state_name(state));
    jw_end_obj(&w);
    event_tail(&w, out);
}

static void put_event(struct watch_read *r, const struct runlog_frame *f, uint64_t at,
                      uint64_t next)
{
    struct jw w;
    event_head(&w, r->out, r->number);
    jw_int_at(&w, "number", (int64_t)at);
    jw_int_at(&w, "next", (int64_t)next);
    jw_int_at(&w, "time_us", f->time_us);
    jw_str_at(&w, "type", stream_names[f->stream]);
    if (f->stream == RUNLOG_STDOUT || f->stream == RUNLOG_STDERR)
        put_bytes(&w, f);
    else
        put_data(&w, f);
    event_tail(&w, r->out);
}

static void put_chunk(struct watch_read *r, const struct runlog_frame *f, uint64_t at)
{
    struct jw w = jw_to(r->out);
    if (f->stream == RUNLOG_METRIC || f->stream == RUNLOG_EVENT)
        return;
    if (r->out->len)
        buf_add_char(r->out, ',');
    jw_obj(&w);
    jw_int_at(&w, "number", (int64_t)at);
    jw_int_at(&w, "time_us", f->time_us);
    jw_str_at(&w, "stream", stream_names[f->stream]);
    if (f->stream == RUNLOG_GAP)
        put_data(&w, f);
    else
        put_bytes(&w, f);
    jw_end_obj(&w);
}

int watch_read(const struct store *store, const char *run, struct watch_read *r, struct err *e)
{
    r->eof = true;
    AUTO_FREE char *path = mem_printf("%s/" RUNFOLDER_LOG, run);
    AUTO_FD int fd = openat(store->runs_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(e, NULL, NULL, "cannot open the log of run %s", run);
    AUTO_FREE char *bytes = mem_try(READ_BYTES);
    if (!bytes)
        return err_set(e, E_LIMIT, NULL, "try again", "no memory to read the log of run %s", run);
    size_t raw_left = r->raw_max_bytes ? r->raw_max_bytes : SIZE_MAX;
    for (;;) {
        ssize_t n = pread(fd, bytes, READ_BYTES, (off_t)r->position);
        if (n < 0)
            return err_sys(e, NULL, NULL, "cannot read the log of run %s", run);
        size_t at = 0;
        while (at < (size_t)n) {
            struct runlog_frame f;
            long took = runlog_read(bytes + at, (size_t)n - at, &f, e);
            if (took < 0) {
                *e = (struct err){0};
                return err_set(e, E_INVALID, "from", "use 0, or a number or next that was given",
                               "there is no frame at %llu in the log of run %s",
                               (unsigned long long)(r->position + at), run);
            }
            if (took == 0)
                break;
            bool shown = f.stream == RUNLOG_STDOUT || f.stream == RUNLOG_STDERR;
            if (r->out->len > 0 &&
                (r->out->len + f.len * (r->format == WATCH_CHUNKS ? 2 : 1) > r->max_bytes ||
                 (shown && f.len > raw_left))) {
                r->position += at;
                r->eof = false;
                return 0;
            }
            if (shown)
                raw_left -= f.len < raw_left ? f.len : raw_left;
            uint64_t here = r->position + at;
            if (r->format == WATCH_EVENTS)
                put_event(r, &f, here, here + (uint64_t)took);
            else
                put_chunk(r, &f, here);
            at += (size_t)took;
        }
        r->position += at;
        if (at == 0)
            return 0;
    }
}

/* ---- the lists ---- */

static void detach(struct watch *w)
{
    if (!w->attached)
        return;
    *w->at = w->next;
    if (w->next)
        w->next->at = w->at;
    w->attached = false;
}

static void attach(struct watch *w, struct live *v)
{
    w->next = v->watches;
    if (w->next)
        w->next->at = &w->next;
    w->at = &v->watches;
    v->watches = w;
    w->attached = true;
}

static void watch_free(struct watch *w)
{
    struct conn *c = conn_find(w->lab->server, w->conn);
    if (c)
        --*conn_watch_count(c);
    detach(w);
    map_remove_num(&w->lab->watches, w->key);
    free((char *)w->owner.name);
    free(w);
}

/* ---- reading on ---- */

static void pump(struct watch *w);

static void send_lines(struct conn *c, const struct buf *out)
{
    /* conn_send adds the last LF. */
    if (out->len)
        conn_send(c, out->data, out->len - 1);
}


/* The stream cannot go on: it says so itself, as its last event. */
static void send_last_error(struct conn *c, uint64_t number, uint64_t position, const struct err *e)
{
    AUTO_BUF struct buf out = BUF_INIT(8192);
    struct jw j;
    event_head(&j, &out, number);
    jw_int_at(&j, "number", (int64_t)position);
    jw_str_at(&j, "type", "finished");
    jw_null_at(&j, "run");
    jw_str_at(&j, "error", e->message);
    event_tail(&j, &out);
    send_lines(c, &out);
}
struct last {
    struct lab *lab;
    uint64_t key, number;
    char run[TEXT_ID_SIZE];
    uint64_t position;
    struct buf out;
};

static int last_work(struct cat *db, void *ctx, struct err *e)
{
    struct last *l = ctx;
    struct jw w;
    event_head(&w, &l->out, l->number);
    jw_int_at(&w, "number", (int64_t)l->position);
    jw_int_at(&w, "next", (int64_t)l->position);
    jw_int_at(&w, "time_us", time_now_us());
    jw_str_at(&w, "type", "finished");
    jw_key(&w, "run");
    if (run_print_full(db, l->run, &w, e) < 0)
        return -1;
    event_tail(&w, &l->out);
    if (l->out.failed)
        return err_set(e, E_LIMIT, NULL, NULL, "the run's description is larger than a message");
    return 0;
}

static void last_done(void *ctx, const struct err *e)
{
    struct last *l = ctx;
    struct watch *w = map_find_num(&l->lab->watches, l->key);
    if (w) {
        struct conn *c = conn_find(l->lab->server, w->conn);
        if (c && !e) {
            send_lines(c, &l->out);
        } else if (c) {
            send_last_error(c, l->number, l->position, e);
        }
        watch_free(w);
    }
    buf_fini(&l->out);
    free(l);
}

static void finish(struct watch *w)
{
    struct last *l = mem_alloc(sizeof *l);
    *l = (struct last){.lab = w->lab,
                       .key = w->key,
                       .number = w->number,
                       .position = w->position,
                       .out = BUF_INIT(1 << 20)};
    memcpy(l->run, w->run, sizeof l->run);
    w->reading = true; /* until last_done */
    lab_read(w->lab, last_work, last_done, l);
}

static int chunk_work(void *ctx, struct err *e)
{
    struct chunk *k = ctx;
    return watch_read(k->lab->store, k->run, &k->read, e);
}

static void chunk_done(void *ctx, const struct err *e)
{
    struct chunk *k = ctx;
    struct watch *w = map_find_num(&k->lab->watches, k->key);
    struct conn *c = w ? conn_find(k->lab->server, w->conn) : NULL;
    if (w && c) {
        w->reading = false;
        send_lines(c, &k->out);
        if (e) {
            /* Nothing follows: say so on the stream itself. */
            send_last_error(c, w->number, w->position, e);
            watch_free(w);
        } else {
            w->position = k->read.position;
            if (k->read.eof && k->over)
                finish(w);
            else if (!k->read.eof || w->again || w->over)
                pump(w);
        }
    }
    buf_fini(&k->out);
    free(k);
}

static void pump(struct watch *w)
{
    struct conn *c = conn_find(w->lab->server, w->conn);
    if (w->reading) {
        w->again = true;
        return;
    }
    w->blocked = c && conn_out_bytes(c) >= CONN_OUT_WATCH; /* watch_conn_ready comes back here */
    if (!c || w->blocked || atomic_load(&w->lab->stopping))
        return;
    const struct live *v = live_find(w->lab, w->run);
    if (v && (int)v->state > w->told) {
        AUTO_BUF struct buf out = BUF_INIT(4096);
        w->told = (int)v->state;
        put_state(&out, w->number, w->position, time_now_us(), v->state);
        send_lines(c, &out);
    }
    struct chunk *k = mem_alloc(sizeof *k);
    *k = (struct chunk){.lab = w->lab, .key = w->key, .over = w->over, .out = BUF_INIT(4 << 20)};
    memcpy(k->run, w->run, sizeof k->run);
    k->read = (struct watch_read){.format = WATCH_EVENTS,
                                  .number = w->number,
                                  .position = w->position,
                                  .max_bytes = CHUNK_BYTES};
    k->read.out = &k->out;
    w->reading = true;
    w->again = false;
    lab_pool(w->lab, chunk_work, chunk_done, k);
}

/* ---- from outside ---- */

int watch_new(struct lab *lab, uint64_t conn, const struct run_owner *run, uint64_t from, uint64_t *number,
              uint64_t *key, struct err *e)
{
    struct conn *c = conn_find(lab->server, conn);
    if (!c)
        return err_set(e, E_UNAVAILABLE, NULL, NULL, "the connection is gone");
    if (*conn_watch_count(c) >= CONN_WATCHES_MAX)
        return err_set(e, E_LIMIT, NULL, "unsubscribe from some, or use another connection",
                       "a connection has at most %d subscriptions", CONN_WATCHES_MAX);
    struct watch *w = mem_alloc(sizeof *w);
    *w = (struct watch){.lab = lab,
                        .key = ++lab->next_watch,
                        .number = conn_next_watch(c),
                        .conn = conn,
                        .position = from,
                        .owner = {run->actor.uid, mem_strdup(run->actor.name)},
                        .project = run->project,
                        .told = -1};
    memcpy(w->run, run->id, sizeof w->run);
    ++*conn_watch_count(c);
    map_put_num(&lab->watches, w->key, w);
    struct live *v = live_find(lab, run->id);
    if (v)
        attach(w, v);
    else
        w->over = true;
    *number = w->number;
    *key = w->key;
    return 0;
}

void watch_start(struct lab *lab, uint64_t key)
{
    struct watch *w = map_find_num(&lab->watches, key);
    if (w)
        pump(w);
}

int watch_end(struct lab *lab, uint64_t conn, uint64_t number, struct err *e)
{
    struct watch *w = NULL;
    size_t at = 0;
    while ((w = map_each(&lab->watches, &at)) && (w->conn != conn || w->number != number))
        continue;
    if (!w)
        return err_set(e, E_NOT_FOUND, "subscription", NULL,
                       "this connection has no subscription %llu", (unsigned long long)number);
    watch_free(w);
    return 0;
}

/* Watches are few beside other things; a walk over all keeps no second index. */
static size_t of_conn(struct lab *lab, uint64_t conn, uint64_t keys[CONN_WATCHES_MAX])
{
    size_t at = 0, n = 0;
    struct watch *w;
    while (n < CONN_WATCHES_MAX && (w = map_each(&lab->watches, &at)))
        if (w->conn == conn)
            keys[n++] = w->key;
    return n;
}

void watch_access_changed(struct lab *lab)
{
    size_t at = 0;
    struct watch *w;
    while ((w = map_each(&lab->watches, &at))) {
        struct conn *c = conn_find(lab->server, w->conn);
        if (c)
            access_refresh(conn_access(c));
    }
}

void watch_recheck(struct lab *lab, uint64_t conn, const struct standing *s)
{
    uint64_t keys[CONN_WATCHES_MAX];
    size_t n = of_conn(lab, conn, keys);
    struct conn *c = conn_find(lab->server, conn);
    for (size_t i = 0; c && i < n; i++) {
        struct watch *w = map_find_num(&lab->watches, keys[i]);
        struct err e = {0};
        /* Whoever has no role any more, as by a token that was revoked, calls nothing: not even about what is theirs. */
        if (!w || (standing_anywhere(s) && standing_sees_run(s, &w->owner, w->project)))
            continue;
        err_set(&e, E_DENIED, NULL, NULL, "you may not see run %s any more", w->run);
        send_last_error(c, w->number, w->position, &e);
        watch_free(w);
    }
}

void watch_conn_closed(struct lab *lab, uint64_t conn)
{
    uint64_t keys[CONN_WATCHES_MAX];
    size_t n = of_conn(lab, conn, keys);
    for (size_t i = 0; i < n; i++)
        watch_free(map_find_num(&lab->watches, keys[i]));
    live_wait_conn_closed(lab, conn);
    feed_conn_closed(lab, conn);
}

void watch_conn_ready(struct lab *lab, uint64_t conn)
{
    uint64_t keys[CONN_WATCHES_MAX];
    size_t n = of_conn(lab, conn, keys);
    for (size_t i = 0; i < n; i++) {
        struct watch *w = map_find_num(&lab->watches, keys[i]);
        if (w && w->blocked)
            pump(w);
    }
}

void watch_run_changed(struct live *v)
{
    for (struct watch *w = v->watches, *next; w; w = next) {
        next = w->next;
        pump(w);
    }
}

void watch_run_ended(struct lab *lab, struct watch *list)
{
    (void)lab;
    while (list) {
        struct watch *w = list;
        list = w->next;
        w->attached = false;
        w->over = true;
        pump(w);
    }
}

void watch_close_all(struct lab *lab)
{
    for (;;) {
        size_t at = 0;
        struct watch *w = map_each(&lab->watches, &at);
        if (!w)
            break;
        watch_free(w);
    }
    map_fini(&lab->watches);
}
