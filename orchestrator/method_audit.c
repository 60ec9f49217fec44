/*
 * method_audit.c - audit.*: reading the audit log and checking its chain.
 */
#include "api/common/text.h"
#include "catalog/audit.h"
#include "orchestrator/request.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PAGE_BYTES = 700 << 10 };

static int list_work(struct request *q, struct cat *db, struct err *e)
{
    const char *cursor = request_str(q, "cursor");
    size_t limit = (size_t)request_int(q, "limit", 100), count, i;
    uint64_t at = 0;
    int64_t after;
    struct audit_entry *all;
    const struct audit_filter filter = {
        .actor = request_str(q, "actor"),
        .action = request_str(q, "action"),
        .subject = request_str(q, "subject"),
        .from_us = request_int(q, "from_us", 0),
        .to_us = request_int(q, "to_us", 0),
    };

    if (cursor && text_u64(cursor, 1, UINT64_C(1) << 53, &at) < 0)
        return err_set(e, E_INVALID, "cursor", "use next_cursor of the page before",
                       "this is no cursor of audit.list");
    if (audit_list(db, q->arena, &filter, (int64_t)at, limit, &all, &count, &after, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "entries");
    for (i = 0; i < count && q->out.len < PAGE_BYTES; i++) {
        const struct audit_entry *a = &all[i];
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
    char next[24];
    if (i < count)
        after = all[i - 1].number;
    snprintf(next, sizeof next, "%" PRId64, after);
    jw_str_at(&w, "next_cursor", after ? next : NULL);
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
    for (i = 0; i < count && q->out.len < PAGE_BYTES; i++) {
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
