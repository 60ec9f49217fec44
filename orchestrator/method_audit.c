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
    uint64_t before = 0;
    struct audit_entry *all;

    if (cursor && text_u64(cursor, 1, UINT64_C(1) << 53, &before) < 0)
        return err_set(e, E_INVALID, "cursor", "use next_cursor of the page before",
                       "this is no cursor of audit.list");
    if (audit_list(db, q->arena, (int64_t)before, limit, &all, &count, e) < 0)
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
        jw_raw_at(&w, "detail", a->detail_json ? a->detail_json : "null",
                  strlen(a->detail_json ? a->detail_json : "null"));
        jw_str_at(&w, "previous", a->previous);
        jw_str_at(&w, "hash", a->hash);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    char next[24];
    bool more = i > 0 && (i < count || count == limit) && all[i - 1].number > 1;
    snprintf(next, sizeof next, "%" PRId64, i > 0 ? all[i - 1].number : 0);
    jw_str_at(&w, "next_cursor", more ? next : NULL);
    jw_end_obj(&w);
    return 0;
}

int method_audit_list(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, list_work, NULL);
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
