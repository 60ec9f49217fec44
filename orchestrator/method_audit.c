/*
 * method_audit.c - audit.*: reading the audit log and checking its chain.
 */
#include "catalog/audit.h"
#include "orchestrator/listing.h"
#include "orchestrator/request.h"
#include <string.h>

/* The params that came before there were filters, as conditions. */
static const struct filter *old_params(struct request *q)
{
    static const struct {
        const char *param, *name;
        enum filter_op op;
    } rows[] = {
        {"actor", "actor", FILTER_EQ},      {"action", "action", FILTER_EQ},
        {"subject", "subject", FILTER_EQ},  {"from_us", "time_us", FILTER_GE},
        {"to_us", "time_us", FILTER_LT},
    };
    const struct filter *all = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct json *v = request_value(q, rows[i].param);
        if (!v)
            continue;
        struct filter_value *value = arena_alloc(q->arena, sizeof *value);
        *value = (struct filter_value){.type = json_str(v) ? FILTER_TEXT : FILTER_INTEGER,
                                       .text = json_str(v),
                                       .integer = json_int(v, 0)};
        all = listing_and(q, all, rows[i].name, rows[i].op, value);
    }
    return all;
}

static int list_work(struct request *q, struct cat *db, struct err *e)
{
    struct list_page page;
    size_t i;
    if (listing_find(q, db, &list_audit, 100, old_params(q), NULL, &page, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "entries");
    for (i = 0; i < page.count && q->out.len < LISTING_PAGE_BYTES; i++) {
        struct audit_entry *a;
        size_t count;
        if (audit_export(db, q->arena, page.keys[i], 1, &a, &count, e) < 0)
            return -1;
        jw_obj(&w);
        jw_int_at(&w, "number", a->number);
        jw_int_at(&w, "time_us", a->time_us);
        jw_obj_at(&w, "actor");
        jw_int_at(&w, "uid", a->actor.uid);
        jw_str_at(&w, "name", a->actor.name);
        jw_end_obj(&w);
        jw_str_at(&w, "action", a->action);
        jw_str_at(&w, "subject", a->subject);
        jw_raw_at(&w, "detail", a->detail_json, strlen(a->detail_json));
        jw_str_at(&w, "previous", a->previous);
        jw_str_at(&w, "hash", a->hash);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    listing_end(q, &page, i, &w);
    jw_end_obj(&w);
    return 0;
}

int method_audit_list(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, list_work, NULL);
    return 0;
}

/* Lines as texts and not as objects: what was hashed is passed on byte for byte. */
static int export_work(struct request *q, struct cat *db, struct err *e)
{
    int64_t from = request_int(q, "from", 1), head = 0;
    size_t limit = (size_t)request_int(q, "limit", AUDIT_LIST_MAX), count, i;
    char hash[65];
    struct audit_entry *all;
    AUTO_BUF struct buf line = BUF_INIT(256 << 10);

    if (audit_head(db, &head, hash, e) < 0 ||
        audit_export(db, q->arena, from, limit, &all, &count, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "lines");
    for (i = 0; i < count && q->out.len < LISTING_PAGE_BYTES; i++) {
        buf_clear(&line);
        audit_line(&all[i], &line);
        jw_str(&w, buf_cstr(&line));
    }
    jw_end_arr(&w);
    jw_int_at(&w, "next", i > 0 ? all[i - 1].number + 1 : from);
    jw_obj_at(&w, "head");
    jw_int_at(&w, "number", head);
    jw_str_at(&w, "hash", hash);
    jw_end_obj(&w);
    jw_end_obj(&w);
    return 0;
}

int method_audit_export(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, export_work, NULL);
    return 0;
}

static int verify_work(struct request *q, struct cat *db, struct err *e)
{
    struct audit_report r;
    if (audit_verify(db, &r, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_int_at(&w, "entries", r.entries);
    jw_bool_at(&w, "ok", r.ok);
    if (r.ok)
        jw_null_at(&w, "broken");
    else
        jw_int_at(&w, "broken", r.broken);
    jw_str_at(&w, "reason", r.reason[0] ? r.reason : NULL);
    jw_str_at(&w, "head", r.head);
    jw_end_obj(&w);
    return 0;
}

int method_audit_verify(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, verify_work, NULL);
    return 0;
}
