/*
 * method_hold.c - hold.*: what stays, whatever its age.
 */
#include "api/common/text.h"
#include "catalog/hold.h"
#include "catalog/run.h"
#include "orchestrator/access.h"
#include "orchestrator/request.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_hold(const struct hold *h, const bool *existed, struct jw *w)
{
    jw_obj(w);
    jw_str_at(w, "noun", hold_noun_name(h->noun));
    jw_str_at(w, "subject", h->subject);
    jw_str_at(w, "reason", h->reason);
    jw_obj_at(w, "actor");
    jw_int_at(w, "uid", h->actor.uid);
    jw_str_at(w, "name", h->actor.name);
    jw_end_obj(w);
    jw_int_at(w, "created_us", h->created_us);
    if (existed)
        jw_bool_at(w, "existed", *existed);
    jw_end_obj(w);
}

/* Left out: a subject with a version is a dataset's, any other a run. */
static enum hold_noun noun_of(const struct request *q)
{
    const char *noun = request_str(q, "noun");
    if (noun)
        return (enum hold_noun)hold_noun_of(noun); /* one of the choices */
    return strchr(request_str(q, "subject"), '@') ? HOLD_DATASET : HOLD_RUN;
}

static int add_work(struct request *q, struct cat *db, struct err *e)
{
    struct hold h;
    bool existed = false;
    if (cat_hold_add(db, q->arena, noun_of(q), request_str(q, "subject"), request_str(q, "reason"),
                     q->standing, time_now_us(), &h, &existed, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    print_hold(&h, &existed, &w);
    return 0;
}

int method_hold_add(struct request *q, struct err *e)
{
    (void)e;
    request_write(q, add_work, NULL);
    return 0;
}

static int lift_work(struct request *q, struct cat *db, struct err *e)
{
    struct hold h;
    if (cat_hold_lift(db, q->arena, noun_of(q), request_str(q, "subject"), request_str(q, "reason"),
                      q->standing, time_now_us(), &h, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    print_hold(&h, NULL, &w);
    return 0;
}

int method_hold_lift(struct request *q, struct err *e)
{
    (void)e;
    request_write(q, lift_work, access_end);
    return 0;
}

/* A cursor is NOUN:ID. */
static int read_cursor(const char *text, struct hold *after, struct err *e)
{
    char noun[16] = "";
    uint64_t id = 0;
    const char *colon = strchr(text, ':');
    if (colon && colon - text < (int)sizeof noun)
        memcpy(noun, text, (size_t)(colon - text));
    int n = hold_noun_of(noun);
    if (n < 0 || text_u64(colon + 1, 0, INT64_MAX, &id) < 0)
        return err_set(e, E_INVALID, "cursor", "use next_cursor of the page before",
                       "this is no cursor of hold.list");
    *after = (struct hold){.noun = (enum hold_noun)n, .id = (int64_t)id};
    return 0;
}

/* As if a run that one may not see were not there: 1, seen; 0, not; -1, failed. */
static int is_seen(struct request *q, struct cat *db, const struct hold *h, struct err *e)
{
    struct run_owner owner;
    if (h->noun != HOLD_RUN || cat_run_owner(db, q->arena, q->standing, h->subject, &owner, e) == 0)
        return 1;
    if (e->kind != E_NOT_FOUND)
        return -1;
    *e = (struct err){0};
    return 0;
}

static int list_work(struct request *q, struct cat *db, struct err *e)
{
    const char *cursor = request_str(q, "cursor");
    size_t limit = (size_t)request_int(q, "limit", 100), count;
    struct hold after, *all;
    char next[48];
    if (cursor && read_cursor(cursor, &after, e) < 0)
        return -1;
    if (cat_hold_list(db, q->arena, cursor ? &after : NULL, limit, &all, &count, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "holds");
    for (size_t i = 0; i < count; i++) {
        int seen = is_seen(q, db, &all[i], e);
        if (seen < 0)
            return -1;
        if (seen)
            print_hold(&all[i], NULL, &w);
    }
    jw_end_arr(&w);
    if (count == limit)
        snprintf(next, sizeof next, "%s:%" PRId64, hold_noun_name(all[count - 1].noun),
                 all[count - 1].id);
    jw_str_at(&w, "next_cursor", count == limit ? next : NULL);
    jw_end_obj(&w);
    return 0;
}

int method_hold_list(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, list_work, NULL);
    return 0;
}
