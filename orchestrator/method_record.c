/*
 * method_record.c - what the methods of projects, experiments and lessons share.
 */
#include "orchestrator/method_record.h"

#include "api/common/text.h"
#include "catalog/standing.h"
#include "orchestrator/access.h"
#include <stdio.h>
#include <string.h>

void print_actor_at(struct jw *w, const char *key, const struct cat_actor *actor)
{
    jw_obj_at(w, key);
    jw_int_at(w, "uid", actor->uid);
    jw_str_at(w, "name", actor->name);
    jw_end_obj(w);
}

void print_us_or_null(struct jw *w, const char *key, int64_t us)
{
    if (us)
        jw_int_at(w, key, us);
    else
        jw_null_at(w, key);
}

int print_answers_of(const struct record_row *r, const char *const *fields, struct jw *w,
                     struct err *e)
{
    static const struct json_limits limits = {.max_bytes = FORM_ANSWERS_MAX_BYTES};
    AUTO_JSON struct json *answers = json_parse(r->answers, strlen(r->answers), &limits, e);
    AUTO_BUF struct buf text = BUF_INIT(2 * FORM_ANSWERS_MAX_BYTES);
    if (!answers)
        return err_context(e, "%s %s", r->form->name, r->subject);
    for (size_t i = 0; fields[i]; i++) {
        const struct json *v = json_get(answers, fields[i]);
        buf_clear(&text);
        if (v)
            json_print(v, true, &text);
        else
            buf_add_str(&text, "null");
        jw_raw_at(w, fields[i], buf_cstr(&text), text.len);
    }
    return 0;
}

int record_asked(struct request *q, struct cat *db, const struct record_row *latest,
                 struct record_row *out, struct err *e)
{
    int64_t version = request_int(q, "version", 0);
    *out = *latest;
    return version ? cat_record_by_id(db, q->arena, latest->id, version, out, e) : 0;
}

int number_cursor(const struct request *q, int64_t *out, struct err *e)
{
    const char *cursor = request_str(q, "cursor");
    uint64_t n = 0;
    if (cursor && text_u64(cursor, 1, INT64_MAX, &n) < 0)
        return err_set(e, E_INVALID, "cursor", "use next_cursor of the page before",
                       "this is no cursor of %s", q->method->name);
    *out = (int64_t)n;
    return 0;
}

/* One more than the page is read: the last version of a page is compared with the one before it. */
int print_history(struct request *q, struct cat *db, const struct record_row *r, bool sensitive,
                  struct jw *w, struct err *e)
{
    size_t limit = (size_t)request_int(q, "limit", 20), count, i = 0;
    struct record_row *all;
    int64_t before = 0;
    char next[24];
    if (number_cursor(q, &before, e) < 0 ||
        cat_record_history(db, q->arena, r->id, before, limit + 1, &all, &count, e) < 0)
        return -1;
    jw_arr_at(w, "versions");
    for (; i < count && i < limit && q->out.len < RECORD_PAGE_BYTES; i++)
        if (record_print_version(&all[i], i + 1 < count ? &all[i + 1] : NULL, sensitive, w, e) < 0)
            return -1;
    jw_end_arr(w);
    if (i > 0)
        snprintf(next, sizeof next, "%lld", (long long)all[i - 1].version);
    jw_str_at(w, "next_cursor", i > 0 && i < count ? next : NULL);
    return 0;
}

int may_write_in(struct request *q, struct cat *db, int64_t project, const char *code,
                 struct err *e)
{
    const struct standing_project *p = standing_in(q->standing, code);
    if (standing_may(q->standing, ROLE(ROLE_CURATOR), project) ||
        (p && (p->roles & ROLE(ROLE_SCIENTIST))))
        return 0;
    return cat_deny(db, ROLE(ROLE_SCIENTIST) | ROLE(ROLE_CURATOR), code, q->method->name, e);
}

const char *request_digest(struct request *q)
{
    AUTO_BUF struct buf canonical = BUF_INIT(2 << 20);
    char *digest = arena_alloc(q->arena, DIGEST_HEX_SIZE);
    if (!request_str(q, "idempotency_key"))
        return NULL;
    json_print(q->params, true, &canonical);
    digest_bytes(buf_cstr(&canonical), canonical.len, digest);
    return digest;
}

void end_or_refuse(struct request *q, const struct err *e)
{
    if (e && e->kind == E_DENIED)
        access_refuse(q, e);
    else
        request_end(q, e);
}
