/*
 * audit.c - the hash chain. Appended by every function of the catalog that changes a state.
 *
 * What the chain proves: nobody changed, removed or inserted an entry without recomputing all that
 * follow. What it cannot: someone who may write the file can recompute everything. Whoever needs
 * more notes the head (number and hash) elsewhere from time to time; audit_verify prints it.
 */
#include "catalog/audit.h"

#include "api/common/json.h"
#include "catalog/db.h"
#include "catalog/digest.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { DETAIL_MAX_BYTES = 64 << 10, ENTRY_MAX_BYTES = 2 * DETAIL_MAX_BYTES };

enum { AUDIT_HEAD, AUDIT_ADD, AUDIT_HEAD_SET, AUDIT_WALK, AUDIT_WALK_FROM, AUDIT_HASH_OF };

#define COLUMNS "number, time_us, actor_uid, actor_name, action, subject, detail, previous, hash"

static const struct sql_row rows[] = {
    [AUDIT_HEAD] = {.text = "SELECT number, hash FROM audit_head WHERE one = 1"},
    [AUDIT_ADD] = {.text = "INSERT INTO audit (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    [AUDIT_HEAD_SET] = {.text = "UPDATE audit_head SET number = ?, hash = ? WHERE one = 1"},
    [AUDIT_WALK] = {.text = "SELECT " COLUMNS " FROM audit ORDER BY number",
                    .scan = "the chain is walked from its first entry"},
    [AUDIT_WALK_FROM] = {.text = "SELECT " COLUMNS " FROM audit WHERE number >= ? ORDER BY number"},
    [AUDIT_HASH_OF] = {.text = "SELECT hash FROM audit WHERE number = ?"},
};
const struct sql_table audit_sql = {"audit log", rows, sizeof rows / sizeof rows[0], SQL_AUDIT};

/* What is hashed; without the brace that ends it. */
static void print_entry(const struct audit_entry *entry, struct buf *text)
{
    struct jw w = jw_to(text);
    jw_obj(&w); /* keys in the order of their bytes: this is canonical JSON */
    jw_str_at(&w, "action", entry->action);
    jw_obj_at(&w, "actor");
    jw_str_at(&w, "name", entry->actor.name);
    jw_int_at(&w, "uid", entry->actor.uid);
    jw_end_obj(&w);
    jw_raw_at(&w, "detail", entry->detail_json, strlen(entry->detail_json));
    jw_int_at(&w, "number", entry->number);
    jw_str_at(&w, "previous", entry->previous);
    jw_str_at(&w, "subject", entry->subject);
    jw_int_at(&w, "time_us", entry->time_us);
}

void audit_line(const struct audit_entry *entry, struct buf *out)
{
    print_entry(entry, out);
    buf_printf(out, ",\"hash\":\"%s\"}", entry->hash);
}

static void entry_hash(const struct audit_entry *entry, struct buf *text,
                       char hash[DIGEST_HEX_SIZE])
{
    buf_clear(text);
    print_entry(entry, text);
    buf_add_char(text, '}');
    digest_bytes(text->data, text->len, hash);
}

static int canonical_detail(const char *detail_json, struct buf *out, struct err *e)
{
    if (!detail_json) {
        buf_add_str(out, "{}");
        return 0;
    }
    struct json_limits limits = {.max_bytes = DETAIL_MAX_BYTES};
    AUTO_JSON struct json *detail = json_parse(detail_json, strlen(detail_json), &limits, e);
    if (!detail)
        return err_context(e, "detail of an audit entry");
    if (json_type(detail) != JSON_OBJECT)
        return err_set(e, E_INTERNAL, "detail", NULL, "the detail of an audit entry is an object");
    json_print(detail, true, out);
    if (out->failed)
        return err_set(e, E_LIMIT, "detail", NULL, "the detail of an audit entry is too large");
    return 0;
}

int audit_head(struct cat *db, int64_t *number, char hash[DIGEST_HEX_SIZE], struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &audit_sql, AUDIT_HEAD, e);
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_INTERNAL, "audit", NULL, "the audit log has lost its head");
    *number = sqlite3_column_int64(s, 0);
    snprintf(hash, DIGEST_HEX_SIZE, "%s", (const char *)sqlite3_column_text(s, 1));
    return 0;
}

int audit_append(struct cat *db, const struct cat_actor *actor, const char *action,
                 const char *subject, const char *detail_json, int64_t time_us, struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_MAX_BYTES);
    AUTO_BUF struct buf text = BUF_INIT(ENTRY_MAX_BYTES);
    char previous[DIGEST_HEX_SIZE];
    char hash[DIGEST_HEX_SIZE];
    struct audit_entry entry = {
        .time_us = time_us,
        .actor = *actor,
        .action = action,
        .subject = subject,
        .previous = previous,
    };
    if (canonical_detail(detail_json, &detail, e) < 0)
        return -1;
    entry.detail_json = buf_cstr(&detail);
    if (audit_head(db, &entry.number, previous, e) < 0)
        return -1;
    entry.number++;
    entry_hash(&entry, &text, hash);
    if (text.failed)
        return err_set(e, E_LIMIT, "audit", NULL, "an audit entry for %s is too large", action);
    if (cat_do(db, &audit_sql, AUDIT_ADD, e, V_I(entry.number), V_I(time_us), V_I(actor->uid),
               V_T(actor->name), V_T(action), V_T(subject), V_T(entry.detail_json), V_T(previous),
               V_T(hash)) < 0)
        return err_context(e, "audit entry %lld", (long long)entry.number);
    return cat_do(db, &audit_sql, AUDIT_HEAD_SET, e, V_I(entry.number), V_T(hash));
}

static const char *text_at(sqlite3_stmt *s, int column)
{
    return (const char *)sqlite3_column_text(s, column);
}

static void broken(struct audit_report *out, int64_t number, const char *reason)
{
    out->ok = false;
    out->broken = number;
    snprintf(out->reason, sizeof out->reason, "%s", reason);
}

/* Checks one entry against what the walk has seen; out->head is the hash of the one before. */
static bool check_entry(sqlite3_stmt *s, struct buf *text, struct audit_report *out)
{
    struct audit_entry entry = {
        .number = sqlite3_column_int64(s, 0),
        .time_us = sqlite3_column_int64(s, 1),
        .actor = {sqlite3_column_int64(s, 2), text_at(s, 3)},
        .action = text_at(s, 4),
        .subject = text_at(s, 5),
        .detail_json = text_at(s, 6),
        .previous = text_at(s, 7),
        .hash = text_at(s, 8),
    };
    char hash[DIGEST_HEX_SIZE];
    int64_t expected = out->entries + 1;
    if (entry.number != expected)
        broken(out, expected, "this entry is missing");
    else if (strcmp(entry.previous, out->head) != 0)
        broken(out, expected, "it does not hold the hash of the entry before it");
    else if (entry_hash(&entry, text, hash), text->failed || strcmp(hash, entry.hash) != 0)
        broken(out, expected, "its hash is not that of its content: it was changed");
    else {
        out->entries = expected;
        memcpy(out->head, hash, sizeof hash);
    }
    return out->ok;
}

/* Walks what `s` gives after what `out` says was walked. 0: whole or out->broken. */
static int walk(struct cat *db, sqlite3_stmt *s, struct audit_report *out, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(ENTRY_MAX_BYTES);
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1)
        if (!check_entry(s, &text, out))
            return 0;
    if (rc < 0)
        return -1;
    AUTO_STMT sqlite3_stmt *head = cat_query(db, &audit_sql, AUDIT_HEAD, e);
    rc = head ? cat_step(db, head, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        broken(out, out->entries + 1, "the head of the log is missing");
    else if (sqlite3_column_int64(head, 0) > out->entries)
        broken(out, out->entries + 1, "this entry and those after it were cut off");
    else if (sqlite3_column_int64(head, 0) < out->entries)
        broken(out, sqlite3_column_int64(head, 0) + 1, "this entry was added from outside");
    else if (strcmp(text_at(head, 1), out->head) != 0)
        broken(out, out->entries, "it is not the entry that was added last");
    return 0;
}

int audit_verify(struct cat *db, struct audit_report *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &audit_sql, AUDIT_WALK, e);
    *out = (struct audit_report){.ok = true};
    memset(out->head, '0', sizeof out->head - 1);
    return walk(db, s, out, e);
}

int audit_verify_tail(struct cat *db, int64_t count, struct err *e)
{
    struct audit_report r = {.ok = true};
    int64_t last = 0;
    char hash[DIGEST_HEX_SIZE];
    memset(r.head, '0', sizeof r.head - 1);
    if (audit_head(db, &last, hash, e) < 0)
        return -1;
    if (last > count) {
        AUTO_STMT sqlite3_stmt *s = cat_query(db, &audit_sql, AUDIT_HASH_OF, e, V_I(last - count));
        int rc = s ? cat_step(db, s, e) : -1;
        if (rc < 0)
            return -1;
        r.entries = last - count;
        snprintf(r.head, sizeof r.head, "%s", rc == 1 ? text_at(s, 0) : "");
    }
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &audit_sql, AUDIT_WALK_FROM, e, V_I(r.entries + 1));
    if (walk(db, s, &r, e) < 0)
        return -1;
    return r.ok ? 0
                : err_set(e, E_INTERNAL, "catalog", "restore the lab from a backup",
                          "the audit log is broken at entry %lld: %s", (long long)r.broken, r.reason);
}
