/*
 * audit_read.c - the audit log as people and other programs read it: filtered lists, export.
 *
 * Works on a reader's connection. The chain itself is written and checked in audit.c.
 */
#include "catalog/audit.h"

#include "catalog/db.h"
#include <assert.h>
#include <string.h>

/* Of two things that are asked for, an index finds one and the entries are read for the other. */
enum { LOOKED_MAX = 20000 };

enum {
    READ_ALL,
    READ_BY_TIME,
    READ_BY_ACTOR,
    READ_BY_ACTION,
    READ_BY_SUBJECT,
    READ_TIME_OF,
    READ_FROM,
    READ_OF_ACTION,
    READ_SQL_COUNT
};

#define COLUMNS "number, time_us, actor_uid, actor_name, action, subject, detail, previous, hash"
#define WITHIN "time_us >= ?2 AND (time_us, number) < (?3, ?4) ORDER BY time_us DESC, number DESC"

static const struct sql_row rows[] = {
    [READ_ALL] = {.text = "SELECT " COLUMNS " FROM audit WHERE number < ? ORDER BY number DESC"},
    [READ_BY_TIME] = {.text = "SELECT " COLUMNS " FROM audit WHERE ?1 IS NULL AND " WITHIN},
    [READ_BY_ACTOR] = {.text = "SELECT " COLUMNS " FROM audit WHERE actor_name = ?1 AND " WITHIN},
    [READ_BY_ACTION] = {.text = "SELECT " COLUMNS " FROM audit WHERE action = ?1 AND " WITHIN},
    [READ_BY_SUBJECT] = {.text = "SELECT " COLUMNS " FROM audit WHERE subject = ?1 AND " WITHIN},
    [READ_TIME_OF] = {.text = "SELECT time_us FROM audit WHERE number = ?"},
    [READ_FROM] = {.text = "SELECT " COLUMNS
                           " FROM audit WHERE number >= ? ORDER BY number LIMIT ?"},
    [READ_OF_ACTION] = {.text = "SELECT subject, time_us FROM audit WHERE action = ?"},
};
static_assert(sizeof rows / sizeof rows[0] == READ_SQL_COUNT, "one statement a row");
const struct sql_table audit_read_sql = {"audit log", rows, READ_SQL_COUNT, SQL_AUDIT_READ};

static const char *text_at(sqlite3_stmt *s, int column)
{
    return (const char *)sqlite3_column_text(s, column);
}

static struct audit_entry entry_from(struct arena *a, sqlite3_stmt *s)
{
    return (struct audit_entry){
        .number = sqlite3_column_int64(s, 0),
        .time_us = sqlite3_column_int64(s, 1),
        .actor = {sqlite3_column_int64(s, 2), cat_col_text(a, s, 3)},
        .action = cat_col_text(a, s, 4),
        .subject = cat_col_text(a, s, 5),
        .detail_json = cat_col_text(a, s, 6),
        .previous = cat_col_text(a, s, 7),
        .hash = cat_col_text(a, s, 8),
    };
}

static bool fits(const struct audit_filter *f, sqlite3_stmt *s)
{
    return (!f->actor || strcmp(f->actor, text_at(s, 3)) == 0) &&
           (!f->action || strcmp(f->action, text_at(s, 4)) == 0) &&
           (!f->subject || strcmp(f->subject, text_at(s, 5)) == 0);
}

/* Before which time and number the page begins: the cursor's own, or past all that are asked for. */
static int begin_at(struct cat *db, const struct audit_filter *f, int64_t cursor, int64_t *time_us,
                    struct err *e)
{
    *time_us = f->to_us ? f->to_us : INT64_MAX;
    if (cursor == 0)
        return 0;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &audit_read_sql, READ_TIME_OF, e, V_I(cursor));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 0)
        return err_set(e, E_INVALID, "cursor", "use next_cursor of the page before",
                       "the audit log has no entry %lld", (long long)cursor);
    if (rc == 1)
        *time_us = sqlite3_column_int64(s, 0);
    return rc < 0 ? -1 : 0;
}

static sqlite3_stmt *query(struct cat *db, const struct audit_filter *f, int64_t cursor,
                           struct err *e)
{
    int64_t before_us = 0;
    if (!f->actor && !f->action && !f->subject && !f->from_us && !f->to_us)
        return cat_query(db, &audit_read_sql, READ_ALL, e, V_I(cursor ? cursor : INT64_MAX));
    if (begin_at(db, f, cursor, &before_us, e) < 0)
        return NULL;
    /* A subject has few entries, an actor fewer than an action. */
    int row = f->subject ? READ_BY_SUBJECT : f->actor ? READ_BY_ACTOR : f->action ? READ_BY_ACTION
                                                                                 : READ_BY_TIME;
    const char *key = f->subject ? f->subject : f->actor ? f->actor : f->action;
    return cat_query(db, &audit_read_sql, row, e, V_T(key), V_I(f->from_us), V_I(before_us),
                     V_I(cursor));
}

int audit_list(struct cat *db, struct arena *a, const struct audit_filter *filter, int64_t cursor,
               size_t limit, struct audit_entry **out, size_t *count, int64_t *next, struct err *e)
{
    static const struct audit_filter all = {0};
    const struct audit_filter *f = filter ? filter : &all;
    assert(limit >= 1 && limit <= AUDIT_LIST_MAX);
    AUTO_STMT sqlite3_stmt *s = query(db, f, cursor, e);
    if (!s)
        return -1;
    *out = arena_alloc(a, limit * sizeof **out);
    *count = 0;
    *next = 0;
    int rc = 0;
    int64_t last = 0;
    for (size_t looked = 0; *count < limit && looked < LOOKED_MAX; looked++) {
        rc = cat_step(db, s, e);
        if (rc != 1)
            break;
        last = sqlite3_column_int64(s, 0);
        if (fits(f, s))
            (*out)[(*count)++] = entry_from(a, s);
    }
    if (rc < 0)
        return -1;
    /* One step further tells whether there is more. */
    if (rc == 1) {
        rc = cat_step(db, s, e);
        *next = rc == 1 ? last : 0;
    }
    return rc < 0 ? -1 : 0;
}

int audit_export(struct cat *db, struct arena *a, int64_t from, size_t limit,
                 struct audit_entry **out, size_t *count, struct err *e)
{
    assert(limit >= 1 && limit <= AUDIT_LIST_MAX);
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &audit_read_sql, READ_FROM, e, V_I(from), V_I(limit));
    int rc = -1;
    *out = arena_alloc(a, limit * sizeof **out);
    *count = 0;
    while (s && (rc = cat_step(db, s, e)) == 1)
        (*out)[(*count)++] = entry_from(a, s);
    return rc;
}

int audit_find(struct cat *db, const char *action, struct audit_known *list, size_t count,
               struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &audit_read_sql, READ_OF_ACTION, e, V_T(action));
    int rc = -1;
    for (size_t i = 0; i < count; i++)
        list[i].found = false;
    while (s && (rc = cat_step(db, s, e)) == 1)
        for (size_t i = 0; i < count; i++)
            if (list[i].time_us == sqlite3_column_int64(s, 1) &&
                strcmp(list[i].subject, text_at(s, 0)) == 0)
                list[i].found = true;
    return rc;
}
