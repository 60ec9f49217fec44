/*
 * method_token.c - token.*: tokens of service accounts. What a token is leaves the lab once, in the answer that made it.
 */
#include "api/common/text.h"
#include "catalog/digest.h"
#include "catalog/token.h"
#include "orchestrator/access.h"
#include "orchestrator/request.h"
#include <stdio.h>
#include <string.h>

enum { PAGE_BYTES = 700 << 10 };
#define DAY_US (INT64_C(86400) * 1000000)

static void int_or_null(struct jw *w, const char *key, int64_t n)
{
    if (n)
        jw_int_at(w, key, n);
    else
        jw_null_at(w, key);
}

/* Leaves the object open. */
static void print_token(const struct token_row *t, struct jw *w)
{
    char day[32];
    jw_obj(w);
    jw_str_at(w, "token", t->id);
    jw_str_at(w, "service", t->service);
    jw_str_at(w, "title", t->title);
    jw_arr_at(w, "roles");
    for (enum role r = 0; r < ROLE_COUNT; r++)
        if (t->roles & ROLE(r))
            jw_str(w, role_name(r));
    jw_end_arr(w);
    jw_str_at(w, "project", t->project);
    jw_str_at(w, "state", token_state_name(t->state));
    jw_obj_at(w, "actor");
    jw_int_at(w, "uid", t->actor.uid);
    jw_str_at(w, "name", t->actor.name);
    jw_end_obj(w);
    jw_int_at(w, "created_us", t->created_us);
    jw_int_at(w, "expires_us", t->expires_us);
    if (t->used_day >= 0) {
        time_iso(t->used_day * DAY_US, day);
        day[10] = 0;
    }
    jw_str_at(w, "used_day", t->used_day >= 0 ? day : NULL);
    int_or_null(w, "revoked_us", t->revoked_us);
    jw_str_at(w, "revoked_by", t->revoked_by);
}

/* ---- token.create ---- */

static int create_work(struct request *q, struct cat *db, struct err *e)
{
    AUTO_BUF struct buf canonical = BUF_INIT(1 << 20);
    char secret[TOKEN_SIZE], digest[DIGEST_HEX_SIZE], request[DIGEST_HEX_SIZE];
    struct token_row row = {0};
    bool existed;
    struct token_new n = {.actor = q->actor,
                          .service = request_str(q, "service"),
                          .title = request_str(q, "title"),
                          .project = request_str(q, "project"),
                          .digest = digest,
                          .now_us = time_now_us(),
                          .idempotency_key = request_str(q, "idempotency_key"),
                          .request_sha256 = request};
    n.expires_us = n.now_us + request_int(q, "days", 90) * DAY_US;
    for (const struct json *v = json_first(request_value(q, "roles")); v; v = json_next(v))
        n.roles |= ROLE(role_of(json_str(v)));
    if (token_make(secret, e) < 0)
        return -1;
    digest_bytes(secret, strlen(secret), digest);
    json_print(q->params, true, &canonical);
    digest_bytes(buf_cstr(&canonical), canonical.len, request);
    if (cat_token_create(db, q->arena, &n, &row, &existed, e) < 0) {
        explicit_bzero(secret, sizeof secret);
        return -1;
    }
    struct jw w = jw_to(&q->out);
    print_token(&row, &w);
    jw_str_at(&w, "secret", existed ? NULL : secret);
    jw_bool_at(&w, "existed", existed);
    jw_end_obj(&w);
    explicit_bzero(secret, sizeof secret);
    return 0;
}

int method_token_create(struct request *q, struct err *e)
{
    (void)e;
    request_write(q, create_work, NULL);
    return 0;
}

/* ---- token.list ---- */

static int list_work(struct request *q, struct cat *db, struct err *e)
{
    const char *cursor = request_str(q, "cursor");
    size_t limit = (size_t)request_int(q, "limit", 100), count, i;
    struct token_row *all;
    uint64_t after = 0;
    char next[24];
    if (cursor && text_u64(cursor, 1, INT64_MAX, &after) < 0)
        return err_set(e, E_INVALID, "cursor", "use next_cursor of the page before", "this is no cursor of token.list");
    if (cat_token_list(db, q->arena, request_str(q, "service"), (int64_t)after, limit, time_now_us(), &all, &count,
                       e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "tokens");
    for (i = 0; i < count && q->out.len < PAGE_BYTES; i++) {
        print_token(&all[i], &w);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    if (i > 0)
        snprintf(next, sizeof next, "%lld", (long long)all[i - 1].key);
    jw_str_at(&w, "next_cursor", i > 0 && (i < count || count == limit) ? next : NULL);
    jw_end_obj(&w);
    return 0;
}

int method_token_list(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, list_work, NULL);
    return 0;
}

/* ---- token.revoke ---- */

static int revoke_work(struct request *q, struct cat *db, struct err *e)
{
    struct token_row row = {0};
    if (cat_token_revoke(db, q->arena, request_str(q, "token"), &q->actor, time_now_us(), &row, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    print_token(&row, &w);
    jw_end_obj(&w);
    return 0;
}

static void revoked(struct request *q, const struct err *e)
{
    if (!e)
        access_changed(q->lab);
    request_end(q, e);
}

int method_token_revoke(struct request *q, struct err *e)
{
    (void)e;
    request_write(q, revoke_work, revoked);
    return 0;
}
