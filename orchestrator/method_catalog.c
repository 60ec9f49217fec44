/*
 * method_catalog.c - catalog.changes: the feed that a mirror of the catalog is made from.
 *
 *     changes after the cursor (change.h) --> what is not seen left out --> the object as NOUN.get gives it now
 *
 * The object is read when it is asked for, not when it changed: a mirror that has applied a page has, of each
 * object in it, a state at least as new as the change; when it has come to the end of the feed it has them
 * all. Of an object that changes several times in one page only the last change carries it.
 *
 * A cursor tells what its reader could see, too: when roles have changed since, objects may have come into
 * sight whose changes are past, or gone out of it, and no feed from there on could be whole. Such a cursor is
 * refused, and the mirror begins again.
 */
#include "api/common/text.h"
#include "catalog/catalog.h"
#include "catalog/change.h"
#include "catalog/digest.h"
#include "orchestrator/access.h"
#include "orchestrator/feed.h"
#include "orchestrator/request.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 700 << 10, OBJECT_BYTES = 900 << 10, RIGHTS_SIZE = 9 };

static const struct {
    const char *noun;
    int (*look)(struct request *q, struct cat *db, struct err *e);
    const char *params[2]; /* what its id is made of */
    char between;          /* them */
    bool number;           /* the second is one */
} nouns[] = {
    {"run", look_run, {"run"}, 0, false},
    {"dataset", look_dataset, {"name", "version"}, '@', true},
    {"env", look_env, {"name", "version"}, '@', true},
    {"project", look_project, {"code"}, 0, false},
    {"experiment", look_experiment, {"project", "name"}, '/', false},
    {"lesson", look_lesson, {"lesson"}, 0, false},
};

struct ask {
    int64_t after, until_us; /* until_us: of this machine's monotonic clock; 0: does not wait */
    char rights[RIGHTS_SIZE];
    bool empty;
    uint64_t groups; /* commits that there had been when it looked */
};

/* ---- one change ---- */

/* {"name":"X","version":1} of "X@1" */
static struct json *params_of(size_t noun, const char *id, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(4096);
    struct jw w = jw_to(&text);
    const char *cut = nouns[noun].between ? strchr(id, nouns[noun].between) : NULL;
    AUTO_FREE char *first = cut ? mem_strndup(id, (size_t)(cut - id)) : mem_strdup(id);
    jw_obj(&w);
    jw_str_at(&w, nouns[noun].params[0], first);
    if (cut && nouns[noun].number)
        jw_int_at(&w, nouns[noun].params[1], atoll(cut + 1));
    else if (cut)
        jw_str_at(&w, nouns[noun].params[1], cut + 1);
    jw_end_obj(&w);
    return json_parse(buf_cstr(&text), text.len, NULL, e);
}

/* The object in `out`; 1: it is there and seen, 0: not. */
static int look(const struct request *q, const struct standing *by, struct cat *db, size_t noun,
                const char *id, struct buf *out, struct err *e)
{
    struct err why = {0};
    AUTO_JSON struct json *params = params_of(noun, id, e);
    if (!params)
        return -1;
    /* A call of NOUN.get that nobody made: it reads params and standing, and writes its answer. */
    struct request one = {.lab = q->lab,
                          .arena = arena_new(),
                          .params = params,
                          .actor = by->actor,
                          .standing = by,
                          .fd = -1,
                          .give_fd = -1,
                          .out = BUF_INIT(OBJECT_BYTES)};
    int rc = nouns[noun].look(&one, db, &why);
    if (rc == 0 && one.out.failed)
        rc = err_set(e, E_LIMIT, "object", NULL, "%s %s is larger than a message", nouns[noun].noun,
                     id);
    else if (rc == 0)
        buf_add(out, one.out.data, one.out.len);
    else if (why.kind == E_NOT_FOUND)
        rc = 1;
    else
        *e = why;
    buf_fini(&one.out);
    arena_free(one.arena);
    return rc < 0 ? -1 : rc == 0;
}

static int find_noun(const char *name)
{
    for (size_t i = 0; i < sizeof nouns / sizeof *nouns; i++)
        if (!strcmp(nouns[i].noun, name))
            return (int)i;
    return -1;
}

static bool comes_again(const struct change *all, size_t at, size_t count)
{
    for (size_t i = at + 1; i < count; i++)
        if (!strcmp(all[i].id, all[at].id) && !strcmp(all[i].noun, all[at].noun))
            return true;
    return false;
}

static int put_change(const struct request *q, const struct standing *by, struct cat *db,
                      const struct change *c, bool again, struct jw *w, struct err *e)
{
    AUTO_BUF struct buf object = BUF_INIT(OBJECT_BYTES);
    int noun = find_noun(c->noun);
    int seen = noun < 0 ? 0 : look(q, by, db, (size_t)noun, c->id, &object, e);
    if (seen <= 0)
        return seen;
    jw_obj(w);
    jw_int_at(w, "number", c->number);
    jw_int_at(w, "time_us", c->time_us);
    jw_str_at(w, "noun", c->noun);
    jw_str_at(w, "id", c->id);
    jw_str_at(w, "verb", c->verb);
    if (again)
        jw_null_at(w, "object");
    else
        jw_raw_at(w, "object", object.data, object.len);
    jw_end_obj(w);
    return 0;
}

/* ---- cursors ---- */

static void rights_of(const struct standing *by, char out[RIGHTS_SIZE])
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    char hex[DIGEST_HEX_SIZE];
    /* Roles too: what an object shows may depend on them. */
    buf_printf(&text, "%" PRId64 " %s %u", by->actor.uid, by->actor.name, by->lab_roles);
    for (size_t i = 0; i < by->project_count; i++)
        buf_printf(&text, " %" PRId64 ":%u", by->projects[i].id, by->projects[i].roles);
    digest_bytes(buf_cstr(&text), text.len, hex);
    snprintf(out, RIGHTS_SIZE, "%.8s", hex);
}

static int read_cursor(const char *cursor, struct ask *ask, struct err *e)
{
    uint64_t after;
    const char *dot = cursor ? strchr(cursor, '.') : NULL;
    if (!cursor)
        return 0;
    AUTO_FREE char *number = mem_strndup(cursor, dot ? (size_t)(dot - cursor) : 0);
    if (!dot || text_u64(number, 0, UINT64_C(1) << 53, &after) < 0 ||
        strspn(dot + 1, "0123456789abcdef") != RIGHTS_SIZE - 1 || strlen(dot + 1) != RIGHTS_SIZE - 1)
        return err_set(e, E_INVALID, "cursor", "use next_cursor of the page before, or none",
                       "this is no cursor of catalog.changes");
    ask->after = (int64_t)after;
    snprintf(ask->rights, sizeof ask->rights, "%s", dot + 1);
    return 0;
}

static int check_cursor(struct cat *db, const struct standing *by, struct ask *ask, struct err *e)
{
    int64_t last;
    char now[RIGHTS_SIZE];
    rights_of(by, now);
    if (change_last(db, &last, e) < 0)
        return -1;
    if (ask->after > last)
        return err_set(e, E_CONFLICT, "cursor", "begin again, without a cursor",
                       "the catalog has no change %" PRId64 ": it was restored, or is another one",
                       ask->after);
    if (ask->rights[0] && strcmp(ask->rights, now) != 0)
        return err_set(e, E_CONFLICT, "cursor", "begin again, without a cursor",
                       "what you may see has changed since that cursor was given");
    memcpy(ask->rights, now, sizeof now);
    return 0;
}

/* ---- a page ---- */

static int changes_work(struct request *q, struct cat *db, struct err *e)
{
    struct ask *ask = q->state;
    size_t limit = (size_t)request_int(q, "limit", 100), count, i = 0;
    struct change *all;
    struct standing by;
    /* It may have waited: what it may see is read anew. */
    if (access_read_again(db, q->arena, q, &by, e) < 0 || check_cursor(db, &by, ask, e) < 0 ||
        change_list(db, q->arena, ask->after, limit, &all, &count, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "changes");
    size_t before = q->out.len;
    for (; i < count && q->out.len < PAGE_BYTES; i++)
        if (put_change(q, &by, db, &all[i], comes_again(all, i, count), &w, e) < 0)
            return -1;
    ask->empty = q->out.len == before;
    ask->after = i > 0 ? all[i - 1].number : ask->after;
    jw_end_arr(&w);
    char cursor[48];
    snprintf(cursor, sizeof cursor, "%" PRId64 ".%s", ask->after, ask->rights);
    jw_str_at(&w, "next_cursor", cursor);
    jw_bool_at(&w, "more", i < count || count == limit);
    jw_end_obj(&w);
    ask->empty = ask->empty && i == count && count < limit;
    return 0;
}

/* ---- waiting ---- */

struct feed_waiter {
    struct request *q;
    uv_timer_t timer;
    struct feed_waiter *next;
};

static void changes_done(struct request *q, const struct err *e);

static uint64_t groups_now(struct lab *lab)
{
    struct catalog_stats stats;
    catalog_stats(lab->catalog, &stats);
    return stats.groups;
}

static void look_again(struct request *q)
{
    struct ask *ask = q->state;
    if (q->parked)
        request_unpark(q);
    buf_clear(&q->out);
    ask->groups = groups_now(q->lab);
    request_read(q, changes_work, changes_done);
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

/* Off the list; gives its request. */
static struct request *waiter_drop(struct lab *lab, struct feed_waiter *w)
{
    struct request *q = w->q;
    struct feed_waiter **at = &lab->feed_waiters;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    uv_close((uv_handle_t *)&w->timer, on_closed);
    return q;
}

/* The answer that it has: an empty page, with its cursor. */
static void on_time(uv_timer_t *t)
{
    struct feed_waiter *w = t->data;
    request_end(waiter_drop(w->q->lab, w), NULL);
}

static void changes_done(struct request *q, const struct err *e)
{
    struct ask *ask = q->state;
    struct lab *lab = q->lab;
    int64_t left_us = ask->until_us - time_mono_us();
    if (e || !ask->empty || left_us <= 0 || atomic_load(&lab->stopping)) {
        request_end(q, e);
        return;
    }
    if (ask->groups != groups_now(lab)) { /* something was written meanwhile */
        look_again(q);
        return;
    }
    struct feed_waiter *w = mem_alloc(sizeof *w);
    *w = (struct feed_waiter){.q = q, .next = lab->feed_waiters};
    request_park(q);
    lab->feed_waiters = w;
    uv_timer_init(&lab->loop, &w->timer);
    w->timer.data = w;
    uv_timer_start(&w->timer, on_time, (uint64_t)(left_us / 1000 + 1), 0);
}

int method_catalog_changes(struct request *q, struct err *e)
{
    int64_t wait_ms = request_int(q, "wait_ms", 0);
    struct ask *ask = arena_alloc(q->arena, sizeof *ask);
    *ask = (struct ask){.until_us = wait_ms ? time_mono_us() + wait_ms * 1000 : 0};
    if (read_cursor(request_str(q, "cursor"), ask, e) < 0)
        return -1;
    q->state = ask;
    look_again(q);
    return 0;
}

void feed_wake(struct lab *lab)
{
    struct request *again[64];
    if (!lab->feed_waiters)
        return;
    uint64_t now = groups_now(lab);
    size_t count;
    do { /* those that look again may come back to the list */
        count = 0;
        for (struct feed_waiter *w = lab->feed_waiters, *next; w && count < 64; w = next) {
            next = w->next;
            if (((const struct ask *)w->q->state)->groups != now)
                again[count++] = waiter_drop(lab, w);
        }
        for (size_t i = 0; i < count; i++)
            look_again(again[i]);
    } while (count == 64);
}

void feed_conn_closed(struct lab *lab, uint64_t conn)
{
    const struct err e = {.kind = E_UNAVAILABLE};
    for (struct feed_waiter *w = lab->feed_waiters, *next; w; w = next) {
        next = w->next;
        if (w->q->conn_id == conn)
            request_end(waiter_drop(lab, w), &e);
    }
}

void feed_stop(struct lab *lab)
{
    while (lab->feed_waiters)
        request_end(waiter_drop(lab, lab->feed_waiters), NULL);
}
