/*
 * audit_read.c - the audit log as people and other programs read it: entries by number (list.h finds them), export.
 *
 * Works on a reader's connection. The chain itself is written and checked in audit.c.
 */
#include "catalog/audit.h"

#include "catalog/db.h"
#include <assert.h>
#include <string.h>

enum {
    READ_FROM,
    READ_OF_ACTION,
    READ_SQL_COUNT
};

#define COLUMNS "number, time_us, actor_uid, actor_name, action, subject, detail, previous, hash"

static const struct sql_row rows[] = {
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
