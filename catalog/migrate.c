/*
 * migrate.c - applies the numbered migrations. Called once by catalog_open, before any thread.
 */
#include "catalog/migrate.h"

#include "api/common/text.h"
#include "catalog/db.h"
#include "catalog/digest.h"
#include <string.h>

enum { MIGRATE_RECORDED, MIGRATE_ADD, MIGRATE_OTHER_TABLES };

static const struct sql_row rows[] = {
    [MIGRATE_RECORDED] = {.text =
                              "SELECT number, name, sha256 FROM schema_migration ORDER BY number",
                          .scan = "a handful of rows, read once at start-up"},
    [MIGRATE_ADD] = {.text = "INSERT INTO schema_migration (number, name, sha256, applied_us)"
                             " VALUES (?, ?, ?, ?)"},
    [MIGRATE_OTHER_TABLES] =
        {.text = "SELECT name FROM sqlite_schema"
                 " WHERE name NOT LIKE 'sqlite_%' AND name <> 'schema_migration' LIMIT 1",
         .scan = "the schema has no index; read once at start-up"},
};
const struct sql_table migrate_sql = {"migration", rows, sizeof rows / sizeof rows[0], SQL_MIGRATE};

static const char make_table[] = "CREATE TABLE IF NOT EXISTS schema_migration ("
                                 " number INTEGER PRIMARY KEY,"
                                 " name TEXT NOT NULL,"
                                 " sha256 TEXT NOT NULL,"
                                 " applied_us INTEGER NOT NULL) STRICT";

/* Compares what is recorded with the list; *done is how many of the list the file has. */
static int compare(struct cat *db, const struct migration *list, int count, int *done,
                   struct err *e)
{
    int known = 0;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &migrate_sql, MIGRATE_RECORDED, e);
    if (!s)
        return -1;
    int rc;
    while ((rc = cat_step(db, s, e)) == 1) {
        int64_t number = sqlite3_column_int64(s, 0);
        const char *name = (const char *)sqlite3_column_text(s, 1);
        const char *sha256 = (const char *)sqlite3_column_text(s, 2);
        if (known == count)
            return err_set(e, E_CONFLICT, "catalog", "start the newer Enclos that made it",
                           "catalog.db has migration %lld (%s), this program knows %d only",
                           (long long)number, name, count);
        const struct migration *m = &list[known];
        char expected[DIGEST_HEX_SIZE];
        digest_bytes(m->sql, strlen(m->sql), expected);
        if (number != m->number)
            return err_set(e, E_CONFLICT, "catalog", "restore catalog.db from a backup",
                           "catalog.db has migration %lld where %d was expected", (long long)number,
                           m->number);
        if (strcmp(sha256, expected) != 0)
            return err_set(
                e, E_CONFLICT, "catalog",
                "a migration is never edited after it landed: add a new one",
                "migration %d (%s) is not the one that made catalog.db (%.12s, not %.12s)",
                m->number, m->name, expected, sha256);
        known++;
    }
    *done = known;
    return rc;
}

/* A file with tables and no migration belongs to another program. */
static int refuse_foreign(struct cat *db, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &migrate_sql, MIGRATE_OTHER_TABLES, e);
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 1)
        return err_set(e, E_CONFLICT, "catalog", "choose another state folder",
                       "catalog.db has tables (%s) but no migration: it is not a catalog of Enclos",
                       (const char *)sqlite3_column_text(s, 0));
    return rc;
}

static int apply_one(struct cat *db, const struct migration *m, struct err *e)
{
    char sha256[DIGEST_HEX_SIZE];
    digest_bytes(m->sql, strlen(m->sql), sha256);
    struct err ignored = {0};
    if (cat_exec(db, "BEGIN IMMEDIATE", e) < 0)
        return -1;
    int rc = sqlite3_exec(cat_handle(db), m->sql, NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        cat_err(db, rc, e, m->name);
    if (rc == SQLITE_OK &&
        cat_do(db, &migrate_sql, MIGRATE_ADD, e, V_I(m->number), V_T(m->name), V_T(sha256),
               V_I(time_now_us())) == 0 &&
        cat_exec(db, "COMMIT", e) == 0)
        return 0;
    if (!sqlite3_get_autocommit(cat_handle(db)) && cat_exec(db, "ROLLBACK", &ignored) < 0)
        return err_context(e, "and it could not be rolled back (%s)", ignored.message);
    return -1;
}

static int apply(struct cat *db, const struct migration *list, int count, int *applied,
                 migrate_told *told, void *ctx, struct err *e)
{
    for (int i = 0; i < count; i++)
        if (list[i].number != i + 1)
            return err_set(e, E_INTERNAL, "catalog", NULL,
                           "migration %d stands at place %d: numbers have no gaps", list[i].number,
                           i + 1);
    int done = 0;
    if (cat_exec(db, make_table, e) < 0 || compare(db, list, count, &done, e) < 0 ||
        (done == 0 && refuse_foreign(db, e) < 0))
        return -1;
    for (int i = done; i < count; i++) {
        if (told)
            told(ctx, list[i].number, count, list[i].name);
        if (apply_one(db, &list[i], e) < 0)
            return err_context(e, "migration %d (%s)", list[i].number, list[i].name);
    }
    if (applied)
        *applied = count - done;
    return 0;
}

int migrate_apply(struct cat *db, const struct migration *list, int count, int *applied,
                  struct err *e)
{
    return apply(db, list, count, applied, NULL, NULL, e);
}

int migrate_apply_telling(struct cat *db, const struct migration *list, int count,
                          migrate_told *told, void *ctx, struct err *e)
{
    return apply(db, list, count, NULL, told, ctx, e);
}
