/*
 * method_dataset_keep.c - what who keeps a dataset does with it: its card, its grants, handing it over, retiring
 * a version; and what waits for them. Each is one transaction with its audit entry.
 */
#include "api/common/purpose.h"
#include "api/common/text.h"
#include "catalog/dataset_card.h"
#include "catalog/dataset_grant.h"
#include "catalog/dataset_keep.h"
#include "catalog/digest.h"
#include "catalog/idem.h"
#include "catalog/people.h"
#include "orchestrator/dataset_print.h"
#include "orchestrator/access.h"
#include "orchestrator/request.h"
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 700 << 10, WAITING_MAX = 100, SOON_DAYS = 30 };

/* version 0: the latest one stands for the dataset. */
static int get_kept(struct request *q, struct cat *db, int64_t version, struct dataset_row *d, struct err *e)
{
    if (cat_dataset_get(db, q->arena, request_str(q, "name"), version, d, e) < 0)
        return -1;
    return dataset_must_keep(q->standing, d, q->method->name, e);
}

/* ---- the card ---- */

static int print_card(struct request *q, const struct dataset_row *d, const struct record_row *r,
                      const bool *changed, struct err *e)
{
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_str_at(&w, "name", d->name);
    if (record_print(r, dataset_keeps(q->standing, d), &w, e) < 0)
        return -1;
    if (changed)
        jw_bool_at(&w, "changed", *changed);
    jw_end_obj(&w);
    return 0;
}

static int describe_work(struct request *q, struct cat *db, struct err *e)
{
    struct dataset_row d;
    struct record_row r;
    bool changed = false;
    if (get_kept(q, db, 0, &d, e) < 0 ||
        cat_dataset_describe(db, q->arena, &d, request_value(q, "set"), request_int(q, "version", 0),
                             request_str(q, "reason"), &q->actor, time_now_us(), &r, &changed, e) < 0)
        return -1;
    return print_card(q, &d, &r, &changed, e);
}

int method_dataset_describe(struct request *q, struct err *e)
{
    (void)e;
    request_write(q, describe_work, access_end);
    return 0;
}

static int card_work(struct request *q, struct cat *db, struct err *e)
{
    struct dataset_row d;
    struct record_row r;
    if (cat_dataset_get(db, q->arena, request_str(q, "name"), 0, &d, e) < 0)
        return -1;
    int64_t version = request_int(q, "version", 0);
    int rc = cat_record_find(db, q->arena, "dataset", d.name, version, &r, e);
    if (rc < 0)
        return -1;
    if (rc == 0 && version)
        return err_set(e, E_NOT_FOUND, "version", "`enclos dataset history` shows them",
                       "the card of the dataset %s has no version %lld", d.name, (long long)version);
    if (rc == 0) /* none was written yet: version 0, where a first change begins */
        r = (struct record_row){.form = form_find("dataset"), .subject = d.name, .answers = "{}", .changed = "[]",
                                .actor = d.keeper, .created_us = d.created_us, .first_us = d.created_us};
    return print_card(q, &d, &r, NULL, e);
}

int method_dataset_card(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, card_work, NULL);
    return 0;
}

static int history_work(struct request *q, struct cat *db, struct err *e)
{
    struct dataset_row d;
    struct record_row latest, *all;
    size_t limit = (size_t)request_int(q, "limit", 50), count, shown = 0;
    const char *cursor = request_str(q, "cursor");
    uint64_t before = 0;
    if (cursor && text_u64(cursor, 1, INT64_MAX, &before) < 0)
        return err_set(e, E_INVALID, "cursor", "use next_cursor of the page before",
                       "this is no cursor of dataset.history");
    if (cat_dataset_get(db, q->arena, request_str(q, "name"), 0, &d, e) < 0)
        return -1;
    int rc = cat_record_find(db, q->arena, "dataset", d.name, 0, &latest, e);
    if (rc < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_str_at(&w, "name", d.name);
    jw_arr_at(&w, "versions");
    if (rc == 1) {
        /* One more: the difference is told to the version before. */
        if (cat_record_history(db, q->arena, latest.id, (int64_t)before, limit + 1, &all, &count, e) < 0)
            return -1;
        for (; shown < count && shown < limit && q->out.len < PAGE_BYTES; shown++)
            if (record_print_version(&all[shown], shown + 1 < count ? &all[shown + 1] : NULL,
                                     dataset_keeps(q->standing, &d), &w, e) < 0)
                return -1;
    }
    jw_end_arr(&w);
    bool more = rc == 1 && shown > 0 && all[shown - 1].version > 1;
    jw_str_at(&w, "next_cursor", more ? arena_printf(q->arena, "%" PRId64, all[shown - 1].version) : NULL);
    jw_end_obj(&w);
    return 0;
}

int method_dataset_history(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, history_work, NULL);
    return 0;
}

/* ---- grants ---- */

static void print_grant(const struct dataset_grant *g, int64_t now_us, const bool *existed, struct jw *w)
{
    jw_obj(w);
    jw_int_at(w, "grant", g->id);
    jw_str_at(w, "name", g->dataset);
    jw_str_at(w, "project", g->project);
    jw_str_at(w, "purpose", g->purpose);
    jw_int_at(w, "expires_us", g->expires_us);
    jw_bool_at(w, "in_force", dataset_grant_in_force(g, now_us));
    jw_str_at(w, "reason", g->reason);
    jw_int_at(w, "granted_us", g->granted_us);
    jw_obj_at(w, "granted_by");
    jw_int_at(w, "uid", g->by.uid);
    jw_str_at(w, "name", g->by.name);
    jw_end_obj(w);
    if (g->revoked_us)
        jw_int_at(w, "revoked_us", g->revoked_us);
    else
        jw_null_at(w, "revoked_us");
    jw_str_at(w, "revoked_by", g->revoked_by);
    jw_str_at(w, "revoked_reason", g->revoked_reason);
    jw_int_at(w, "runs", g->runs);
    if (existed)
        jw_bool_at(w, "existed", *existed);
    jw_end_obj(w);
}

static int give(struct request *q, struct cat *db, const struct dataset_row *d, struct dataset_grant *g,
                bool *existed, struct err *e)
{
    const char *purpose = request_str(q, "purpose"), *key = request_str(q, "idempotency_key"), *earlier = NULL;
    char request[DIGEST_HEX_SIZE], number[24];
    const struct dataset_grant_ask ask = {
        .dataset = d,
        .project = request_str(q, "project"),
        .purpose = purpose ? purpose : PURPOSE_DEFAULT,
        .expires_us = request_int(q, "expires_us", 0),
        .reason = request_str(q, "reason"),
        .actor = q->actor,
        .now_us = time_now_us(),
    };
    uint64_t id = 0;
    if (key) {
        AUTO_BUF struct buf canonical = BUF_INIT(1 << 20);
        json_print(q->params, true, &canonical);
        digest_bytes(buf_cstr(&canonical), canonical.len, request);
        if (idem_find(db, q->arena, q->actor.uid, key, "dataset.grant", request, &earlier, e) < 0)
            return -1;
    }
    if (earlier && text_u64(earlier, 1, INT64_MAX, &id) == 0) {
        *existed = true;
        return cat_dataset_grant_get(db, q->arena, (int64_t)id, g, e);
    }
    if (cat_dataset_grant_add(db, q->arena, &ask, g, existed, e) < 0)
        return -1;
    snprintf(number, sizeof number, "%" PRId64, g->id);
    return key ? idem_keep(db, q->actor.uid, key, "dataset.grant", request, number, ask.now_us, e) : 0;
}

static int grant_work(struct request *q, struct cat *db, struct err *e)
{
    struct dataset_row d;
    struct dataset_grant g;
    bool existed = false;
    if (get_kept(q, db, 0, &d, e) < 0 || give(q, db, &d, &g, &existed, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    print_grant(&g, time_now_us(), &existed, &w);
    return 0;
}

int method_dataset_grant(struct request *q, struct err *e)
{
    (void)e;
    request_write(q, grant_work, access_end);
    return 0;
}

static int revoke_work(struct request *q, struct cat *db, struct err *e)
{
    int64_t id = request_int(q, "grant", 0), now_us = time_now_us();
    struct dataset_row d;
    struct dataset_grant g;
    if (cat_dataset_grant_get(db, q->arena, id, &g, e) < 0 ||
        cat_dataset_get(db, q->arena, g.dataset, 0, &d, e) < 0 ||
        dataset_must_keep(q->standing, &d, q->method->name, e) < 0 ||
        cat_dataset_grant_revoke(db, q->arena, id, &q->actor, request_str(q, "reason"), now_us, &g, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    print_grant(&g, now_us, NULL, &w);
    return 0;
}

int method_dataset_revoke(struct request *q, struct err *e)
{
    (void)e;
    request_write(q, revoke_work, access_end);
    return 0;
}

static int grants_work(struct request *q, struct cat *db, struct err *e)
{
    const char *cursor = request_str(q, "cursor");
    uint64_t before = 0;
    struct dataset_grant *all;
    size_t count, i;
    int64_t now_us = time_now_us();
    if (cursor && text_u64(cursor, 1, INT64_MAX, &before) < 0)
        return err_set(e, E_INVALID, "cursor", "use next_cursor of the page before",
                       "this is no cursor of dataset.grants");
    const struct dataset_grant_list l = {.dataset = request_str(q, "name"),
                                         .project = request_str(q, "project"),
                                         .before = (int64_t)before,
                                         .limit = (size_t)request_int(q, "limit", 100)};
    if (cat_dataset_grant_list(db, q->arena, &l, &all, &count, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "grants");
    for (i = 0; i < count && q->out.len < PAGE_BYTES; i++)
        print_grant(&all[i], now_us, NULL, &w);
    jw_end_arr(&w);
    jw_str_at(&w, "next_cursor",
              i > 0 && (i < count || count == l.limit) ? arena_printf(q->arena, "%" PRId64, all[i - 1].id) : NULL);
    jw_end_obj(&w);
    return 0;
}

int method_dataset_grants(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, grants_work, NULL);
    return 0;
}

/* ---- retiring ---- */

static int retire_work(struct request *q, struct cat *db, struct err *e)
{
    struct dataset_row d;
    if (get_kept(q, db, request_int(q, "version", 0), &d, e) < 0 ||
        cat_dataset_retire(db, d.key, &q->actor, request_str(q, "reason"), time_now_us(), e) < 0 ||
        cat_dataset_by_key(db, q->arena, d.key, &d, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    dataset_print(&d, &w);
    return 0;
}

int method_dataset_retire(struct request *q, struct err *e)
{
    (void)e;
    request_write(q, retire_work, access_end);
    return 0;
}

/* ---- handing over ---- */

struct hand_over {
    struct cat_actor to;
};

/* In the pool: a directory service may take its time. */
static int hand_over_find(struct request *q, struct cat *db, struct err *e)
{
    struct hand_over *h = q->state;
    const char *name = request_str(q, "to");
    struct passwd room, *found = NULL;
    char texts[4096];
    (void)db;
    int rc = getpwnam_r(name, &room, texts, sizeof texts, &found);
    if (!found)
        return err_set(e, rc ? E_UNAVAILABLE : E_NOT_FOUND, "to", "give the name of an account of this machine",
                       "there is no account %.60s", name);
    h->to = (struct cat_actor){(int64_t)found->pw_uid, arena_strdup(q->arena, found->pw_name)};
    return 0;
}

static int hand_over_work(struct request *q, struct cat *db, struct err *e)
{
    const struct hand_over *h = q->state;
    struct dataset_row d;
    if (get_kept(q, db, 0, &d, e) < 0 ||
        cat_dataset_hand_over(db, &d, &h->to, &q->actor, request_str(q, "reason"), time_now_us(), e) < 0 ||
        cat_dataset_by_key(db, q->arena, d.key, &d, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    dataset_print(&d, &w);
    return 0;
}

static void hand_over_found(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_write(q, hand_over_work, access_end);
}

int method_dataset_hand_over(struct request *q, struct err *e)
{
    (void)e;
    q->state = arena_alloc(q->arena, sizeof(struct hand_over));
    request_pool(q, hand_over_find, hand_over_found);
    return 0;
}

/* ---- what waits for who keeps datasets ---- */

static int waiting_work(struct request *q, struct cat *db, struct err *e)
{
    struct dataset_row *rows;
    struct dataset_due *due;
    size_t count, due_count;
    int64_t now_us = time_now_us();
    if (cat_dataset_quarantined(db, q->arena, &q->actor, WAITING_MAX, &rows, &count, e) < 0 ||
        cat_dataset_due(db, q->arena, &q->actor, now_us + SOON_DAYS * INT64_C(86400000000), WAITING_MAX, &due,
                        &due_count, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "quarantined");
    for (size_t i = 0; i < count; i++) {
        jw_obj(&w);
        jw_str_at(&w, "ref", rows[i].ref);
        jw_str_at(&w, "reason", rows[i].quarantine_reason);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_arr_at(&w, "due");
    for (size_t i = 0; i < due_count; i++) {
        jw_obj(&w);
        jw_str_at(&w, "name", due[i].name);
        jw_str_at(&w, "what", due[i].what);
        jw_str_at(&w, "day", due[i].day);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
    return 0;
}

int method_dataset_waiting(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, waiting_work, NULL);
    return 0;
}
