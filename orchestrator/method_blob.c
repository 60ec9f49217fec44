/*
 * method_blob.c - blob.*: objects that clients give to the lab.
 */
#include "api/common/text.h"
#include "catalog/objects.h"
#include "catalog/possession.h"
#include "orchestrator/given_file.h"
#include "orchestrator/request.h"
#include <string.h>

/* What the caller has given, asked of the catalog first: the pool looks at files only. */
static int given_work(struct request *q, struct cat *db, struct err *e)
{
    const struct json *list = request_value(q, "sha256");
    bool *given = arena_alloc(q->arena, json_count(list) + 1);
    size_t i = 0;
    for (const struct json *v = json_first(list); v; v = json_next(v))
        if (possession_has(db, &q->actor, json_str(v), &given[i++], e) < 0)
            return -1;
    q->state = given;
    return 0;
}

static int missing_work(struct request *q, struct cat *db, struct err *e)
{
    struct jw w = jw_to(&q->out);
    const bool *given = q->state;
    (void)db;
    (void)e;
    jw_obj(&w);
    jw_arr_at(&w, "missing");
    for (const struct json *v = json_first(request_value(q, "sha256")); v; v = json_next(v))
        if (!*given++ || !objects_want(q->lab->store, json_str(v), NULL))
            jw_str(&w, json_str(v));
    jw_end_arr(&w);
    jw_end_obj(&w);
    return 0;
}

static void given_known(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_pool(q, missing_work, NULL);
}

int method_blob_missing(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, given_work, given_known);
    return 0;
}

/* ---- what was given is noted before it is acknowledged ---- */

struct giving {
    bool before; /* this account gave it earlier */
    bool whole;  /* it has come now, or was there */
};

/* Asked first: what others have given is no reason to answer that it is there. */
static int before_work(struct request *q, struct cat *db, struct err *e)
{
    struct giving *g = q->state;
    return possession_has(db, &q->actor, request_str(q, "sha256"), &g->before, e);
}

static void give(struct request *q, request_after *asked)
{
    struct giving *g = arena_alloc(q->arena, sizeof *g);
    *g = (struct giving){.before = false};
    q->state = g;
    request_read(q, before_work, asked);
}

static int note_work(struct request *q, struct cat *db, struct err *e)
{
    return possession_note(db, &q->actor, request_str(q, "sha256"), e);
}

static void stored(struct request *q, const struct err *e)
{
    const struct giving *g = q->state;
    if (e || !g->whole || g->before)
        request_end(q, e);
    else
        request_write(q, note_work, NULL);
}

static int put_work(struct request *q, struct cat *db, struct err *e)
{
    struct giving *g = q->state;
    bool existed = false;
    (void)db;
    if (given_file_check(q->fd, e) < 0)
        return -1;
    q->fd_checked = true;
    if (objects_put_fd(q->lab->store, q->fd, request_str(q, "sha256"),
                       (uint64_t)request_int(q, "size_bytes", 0), NULL, NULL, NULL, &existed,
                       e) < 0)
        return -1;
    g->whole = true;
    buf_printf(&q->out, "{\"stored\":%s}", existed && g->before ? "false" : "true");
    return 0;
}

static void put_asked(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_pool(q, put_work, stored);
}

int method_blob_put(struct request *q, struct err *e)
{
    if (q->fd < 0)
        return err_set(e, E_INVALID, "descriptor",
                       "pass it by SCM_RIGHTS with the first byte of the line, or use "
                       "blob.put_chunk",
                       "no descriptor came with the request");
    /* A pipe or a device could hold a pool thread for as long as its owner likes. */
    if (given_file_look(q->fd, e) < 0)
        return -1;
    give(q, put_asked);
    return 0;
}

static int chunk_work(struct request *q, struct cat *db, struct err *e)
{
    const char *text = request_str(q, "data_base64");
    size_t len = strlen(text), got = 0;
    uint64_t received = 0;
    struct giving *g = q->state;
    (void)db;
    unsigned char *bytes = arena_alloc(q->arena, 3 * (len / 4) + 3);
    if (text_unbase64(text, len, bytes, &got) < 0)
        return err_set(e, E_INVALID, "data_base64", "RFC 4648 with padding and without line breaks",
                       "data_base64 is not base64");
    if (objects_put_chunk(q->lab->store, q->actor.uid, request_str(q, "sha256"),
                          (uint64_t)request_int(q, "total_bytes", 0), g->before,
                          (uint64_t)request_int(q, "offset", 0), bytes, got, &received, &g->whole,
                          e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_int_at(&w, "received_bytes", (int64_t)received);
    jw_bool_at(&w, "complete", g->whole);
    jw_end_obj(&w);
    return 0;
}

static void chunk_asked(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_pool(q, chunk_work, stored);
}

int method_blob_put_chunk(struct request *q, struct err *e)
{
    (void)e;
    give(q, chunk_asked);
    return 0;
}
