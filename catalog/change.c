/*
 * change.c - the table behind change.h.
 */
#include "catalog/change.h"

#include "catalog/db.h"
#include <assert.h>

enum { CHANGE_ADD, CHANGE_ADD_DATASET, CHANGE_DROP_PASSING, CHANGE_LIST, CHANGE_LAST, CHANGE_SQL_COUNT };

static const struct sql_row rows[] = {
    [CHANGE_ADD] = {.text = "INSERT INTO change (time_us, noun, id, verb) VALUES (?, ?, ?, ?)"},
    [CHANGE_ADD_DATASET] = {.text = "INSERT INTO change (time_us, noun, id, verb)"
                                    " SELECT ?1, 'dataset', d.name || '@' || v.version, ?2"
                                    " FROM dataset d JOIN dataset_version v ON v.dataset = d.id"
                                    " WHERE d.name = ?3 ORDER BY v.version"},
    [CHANGE_DROP_PASSING] = {.text = "DELETE FROM change"
                                     " WHERE noun = ? AND id = ? AND verb = 'measured'"},
    [CHANGE_LIST] = {.text = "SELECT number, time_us, noun, id, verb FROM change WHERE number > ?"
                             " ORDER BY number LIMIT ?"},
    /* Not max(number): the last row may have been a passing one. */
    [CHANGE_LAST] = {.text = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence"
                             " WHERE name = 'change'"},
};
static_assert(sizeof rows / sizeof rows[0] == CHANGE_SQL_COUNT, "one statement a row");
const struct sql_table change_sql = {"change", rows, CHANGE_SQL_COUNT, SQL_CHANGE};

int change_add(struct cat *db, const char *noun, const char *id, const char *verb, int64_t time_us,
               struct err *e)
{
    if (cat_do(db, &change_sql, CHANGE_ADD, e, V_I(time_us), V_T(noun), V_T(id), V_T(verb)) < 0)
        return err_context(e, "the change of %s %s", noun, id);
    return 0;
}

int change_add_dataset(struct cat *db, const char *name, const char *verb, int64_t time_us,
                       struct err *e)
{
    return cat_do(db, &change_sql, CHANGE_ADD_DATASET, e, V_I(time_us), V_T(verb), V_T(name));
}

int change_add_passing(struct cat *db, const char *noun, const char *id, int64_t time_us,
                       struct err *e)
{
    if (cat_do(db, &change_sql, CHANGE_DROP_PASSING, e, V_T(noun), V_T(id)) < 0)
        return err_context(e, "the change of %s %s", noun, id);
    return change_add(db, noun, id, "measured", time_us, e);
}

int change_list(struct cat *db, struct arena *a, int64_t after, size_t limit, struct change **out,
                size_t *count, struct err *e)
{
    assert(limit >= 1 && limit <= CHANGE_LIST_MAX);
    *out = arena_alloc(a, limit * sizeof **out);
    *count = 0;
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &change_sql, CHANGE_LIST, e, V_I(after), V_I(limit));
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1)
        (*out)[(*count)++] = (struct change){
            .number = sqlite3_column_int64(s, 0),
            .time_us = sqlite3_column_int64(s, 1),
            .noun = cat_col_text(a, s, 2),
            .id = cat_col_text(a, s, 3),
            .verb = cat_col_text(a, s, 4),
        };
    return rc;
}

int change_last(struct cat *db, int64_t *number, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &change_sql, CHANGE_LAST, e);
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    *number = sqlite3_column_int64(s, 0);
    return 0;
}
