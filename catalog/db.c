/*
 * db.c - one SQLite connection: how it is opened, its statement cache, its errors.
 *
 * Used by catalog.c (which owns the threads) and by the nouns' files. No SQL of a noun here.
 */
#include "catalog/db.h"

#include "api/common/fd.h"
#include "api/common/text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_TIMEOUT_MS = 5000, WAL_CHECKPOINT_PAGES = 4000 };

const struct sql_table *const cat_sql_tables[SQL_TABLE_COUNT] = {
    [SQL_MIGRATE] = &migrate_sql, [SQL_AUDIT] = &audit_sql, [SQL_AUDIT_READ] = &audit_read_sql, [SQL_HOLD] = &hold_sql, [SQL_GC] = &gc_sql,       [SQL_IDEM] = &idem_sql,
    [SQL_RUN] = &run_sql,         [SQL_RUN_READ] = &run_read_sql, [SQL_METRIC] = &metric_sql,
    [SQL_DATASET] = &dataset_sql,   [SQL_ENVIRONMENT] = &environment_sql,
    [SQL_CONNECTION] = &connection_sql,
    [SQL_CHANGE] = &change_sql,
    [SQL_STANDING] = &standing_sql,
    [SQL_PEOPLE] = &people_sql,
    [SQL_RECORD] = &record_sql,
    [SQL_ORIGIN] = &origin_sql,
    [SQL_LINEAGE] = &lineage_sql,
    [SQL_TOKEN] = &token_sql,
    [SQL_RUN_PLACE] = &run_place_sql,
    [SQL_PROJECT] = &project_sql,
    [SQL_PROJECT_TERM] = &project_term_sql,
    [SQL_EXPERIMENT] = &experiment_sql,
    [SQL_LESSON] = &lesson_sql,
    [SQL_LIST] = &list_sql,
    [SQL_POSSESSION] = &possession_sql,
    [SQL_SEARCH] = &search_sql,
    [SQL_SEARCH_ENTRY] = &search_entry_sql,
    [SQL_REPORT] = &report_sql,
    [SQL_DATASET_CARD] = &dataset_card_sql,
    [SQL_DATASET_KEEP] = &dataset_keep_sql,
    [SQL_DATASET_GRANT] = &dataset_grant_sql,
    [SQL_DATASET_GATE] = &dataset_gate_sql,
    [SQL_QUALITY] = &quality_sql,
};

struct cat {
    sqlite3 *handle;
    sqlite3_stmt **cache[SQL_TABLE_COUNT];
    int64_t deadline_us; /* by time_mono_us; 0: none */
};

/* ---- errors ---- */

int cat_err(struct cat *db, int rc, struct err *e, const char *doing)
{
    int os_errno = sqlite3_system_errno(db->handle);
    const char *text = sqlite3_errmsg(db->handle);
    bool no_space = os_errno == ENOSPC || os_errno == EDQUOT;
    switch (rc & 0xff) {
    case SQLITE_FULL:
        err_set(e, E_LIMIT, "catalog", "free space on the disk that holds the state folder",
                "%s: the disk is full", doing);
        break;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
        if (no_space)
            err_set(e, E_LIMIT, "catalog", "free space on the disk that holds the state folder",
                    "%s: the disk is full", doing);
        else
            err_set(e, E_UNAVAILABLE, "catalog",
                    "check the disk and the rights of the state folder", "%s: %s", doing, text);
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        err_set(e, E_UNAVAILABLE, "catalog", "end the other program that writes to catalog.db",
                "%s: the catalog is locked by another program", doing);
        break;
    case SQLITE_CONSTRAINT: err_set(e, E_CONFLICT, "catalog", NULL, "%s: %s", doing, text); break;
    case SQLITE_INTERRUPT:
        err_set(e, E_LIMIT, "filter",
                "narrow it: by experiment, actor, state, dataset, a metric; or order by created",
                "%s: this takes too long for so many rows", doing);
        break;
    case SQLITE_TOOBIG:
        err_set(e, E_LIMIT, "catalog", NULL, "%s: a value is too large", doing);
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        err_set(e, E_INTERNAL, "catalog",
                "restore catalog.db from a backup, or repair it with sqlite3",
                "%s: catalog.db is damaged (%s)", doing, text);
        break;
    default: err_set(e, E_INTERNAL, "catalog", NULL, "%s: %s (SQLite %d)", doing, text, rc);
    }
    if (e->os_errno == 0 && no_space)
        e->os_errno = os_errno;
    return -1;
}

/* ---- open and close ---- */

int cat_exec(struct cat *db, const char *sql, struct err *e)
{
    int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : cat_err(db, rc, e, sql);
}

/* Sets a pragma and reads it back: some are silently not applied (WAL on a file system without
 * shared memory, foreign_keys in a build without them). */
static int set_pragma(struct cat *db, const char *name, const char *value, const char *expected,
                      struct err *e)
{
    char sql[80];
    snprintf(sql, sizeof sql, "PRAGMA %s=%s", name, value);
    if (cat_exec(db, sql, e) < 0)
        return -1;
    snprintf(sql, sizeof sql, "PRAGMA %s", name);
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL);
    if (rc != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW) {
        sqlite3_finalize(s);
        return cat_err(db, rc, e, sql);
    }
    const char *got = (const char *)sqlite3_column_text(s, 0);
    bool same = got && strcmp(got, expected) == 0;
    if (!same)
        err_set(e, E_UNAVAILABLE, "catalog", "put the state folder on a local file system",
                "%s stays at %s, %s is needed", sql, got ? got : "nothing", expected);
    sqlite3_finalize(s);
    return same ? 0 : -1;
}

static int set_up(struct cat *db, bool read_only, struct err *e)
{
    sqlite3_extended_result_codes(db->handle, 1);
    if (cat_like_register(db->handle) != SQLITE_OK)
        return err_set(e, E_LIMIT, "catalog", NULL, "no memory to open the catalog");
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    /* A damaged or planted schema must not run functions, nor be written to by a statement. */
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    if (read_only)
        return set_pragma(db, "query_only", "1", "1", e);
    sqlite3_wal_autocheckpoint(db->handle, WAL_CHECKPOINT_PAGES);
    if (set_pragma(db, "journal_mode", "wal", "wal", e) < 0 ||
        set_pragma(db, "synchronous", "FULL", "2", e) < 0 ||
        set_pragma(db, "foreign_keys", "1", "1", e) < 0)
        return -1;
    return set_pragma(db, "cell_size_check", "1", "1", e);
}

int cat_open(const char *path, bool read_only, struct cat **out, struct err *e)
{
    if (!read_only) {
        /* SQLite would make it with the umask's mode. Nothing has the file open yet in this
         * process: closing any descriptor on it later would drop SQLite's POSIX locks. */
        AUTO_FD int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 && errno != EEXIST)
            return err_sys(e, "catalog", NULL, "cannot make %s", path);
    }
    struct cat *db = mem_alloc(sizeof *db);
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    int rc = sqlite3_open_v2(path, &db->handle, flags, NULL);
    if (rc != SQLITE_OK) {
        if (db->handle)
            cat_err(db, rc, e, "opening the catalog");
        else
            err_set(e, E_LIMIT, "catalog", NULL, "no memory to open the catalog");
        cat_close(db);
        return -1;
    }
    if (set_up(db, read_only, e) < 0) {
        cat_close(db);
        return err_context(e, "opening %s", path);
    }
    *out = db;
    return 0;
}

void cat_close(struct cat *db)
{
    if (!db)
        return;
    for (int t = 0; t < SQL_TABLE_COUNT; t++) {
        for (int i = 0; db->cache[t] && i < cat_sql_tables[t]->count; i++)
            sqlite3_finalize(db->cache[t][i]);
        mem_free_at(&db->cache[t]);
    }
    int rc = sqlite3_close(db->handle);
    assert(rc == SQLITE_OK); /* SQLITE_BUSY: a statement was left behind */
    (void)rc;
    mem_free_at(&db);
}

sqlite3 *cat_handle(struct cat *db)
{
    return db->handle;
}

int cat_check(struct cat *db, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = sqlite3_prepare_v2(db->handle, "PRAGMA quick_check(1)", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc != SQLITE_ROW) {
        cat_err(db, rc, e, "checking the catalog");
    } else {
        const char *found = (const char *)sqlite3_column_text(s, 0);
        rc = found && strcmp(found, "ok") == 0 ? SQLITE_OK : SQLITE_CORRUPT;
        if (rc != SQLITE_OK)
            err_set(e, E_INTERNAL, "catalog",
                    "restore catalog.db from a backup, or repair it with sqlite3",
                    "catalog.db is damaged: %s", found ? found : "no answer");
    }
    sqlite3_finalize(s);
    return rc == SQLITE_OK ? 0 : -1;
}

/* ---- statements ---- */

void cat_stmt_reset_at(sqlite3_stmt **s)
{
    if (!*s)
        return;
    sqlite3_reset(*s);
    sqlite3_clear_bindings(*s);
    *s = NULL;
}

static sqlite3_stmt *cached(struct cat *db, const struct sql_table *table, int row, struct err *e)
{
    assert(row >= 0 && row < table->count && table->rows[row].text);
    sqlite3_stmt ***slot = &db->cache[table->slot];
    if (!*slot)
        *slot = mem_alloc((size_t)table->count * sizeof **slot);
    sqlite3_stmt **s = &(*slot)[row];
    if (!*s) {
        int rc = sqlite3_prepare_v3(db->handle, table->rows[row].text, -1,
                                    SQLITE_PREPARE_PERSISTENT, s, NULL);
        if (rc != SQLITE_OK) {
            cat_err(db, rc, e, table->noun);
            return NULL;
        }
    }
    /* Nested use of one statement would step the other's rows. */
    assert(!sqlite3_stmt_busy(*s));
    return *s;
}

static int bind_one(sqlite3_stmt *s, int at, const struct cat_value *v)
{
    switch (v->type) {
    case CAT_TEXT:
        return v->text ? sqlite3_bind_text(s, at, v->text, -1, SQLITE_STATIC)
                       : sqlite3_bind_null(s, at);
    case CAT_INT: return sqlite3_bind_int64(s, at, v->num);
    case CAT_DOUBLE:
        return isnan(v->real) ? sqlite3_bind_null(s, at) : sqlite3_bind_double(s, at, v->real);
    case CAT_NULL: return sqlite3_bind_null(s, at);
    }
    return SQLITE_MISUSE;
}

sqlite3_stmt *cat_query_values(struct cat *db, const struct sql_table *table, int row,
                               const struct cat_value *values, size_t count, struct err *e)
{
    sqlite3_stmt *s = cached(db, table, row, e);
    if (!s)
        return NULL;
    assert((size_t)sqlite3_bind_parameter_count(s) == count);
    for (size_t i = 0; i < count; i++) {
        int rc = bind_one(s, (int)i + 1, &values[i]);
        if (rc != SQLITE_OK) {
            cat_err(db, rc, e, table->noun);
            cat_stmt_reset_at(&s);
            return NULL;
        }
    }
    return s;
}

int cat_built(struct cat *db, const char *sql, const struct cat_value *values, size_t count,
              sqlite3_stmt **out, struct err *e)
{
    *out = NULL;
    int rc = sqlite3_prepare_v2(db->handle, sql, -1, out, NULL);
    assert(rc != SQLITE_OK || (size_t)sqlite3_bind_parameter_count(*out) == count);
    for (size_t i = 0; rc == SQLITE_OK && i < count; i++)
        rc = bind_one(*out, (int)i + 1, &values[i]);
    if (rc == SQLITE_OK)
        return 0;
    cat_err(db, rc, e, "asking the catalog");
    cat_built_end_at(out);
    return -1;
}

void cat_built_end_at(sqlite3_stmt **s)
{
    sqlite3_finalize(*s);
    *s = NULL;
}

static int past_deadline(void *ctx)
{
    const struct cat *db = ctx;
    return time_mono_us() > db->deadline_us;
}

void cat_deadline(struct cat *db, int64_t ms)
{
    enum { STEPS = 20000 }; /* of SQLite's machine: a millisecond or less */
    db->deadline_us = time_mono_us() + ms * 1000;
    sqlite3_progress_handler(db->handle, ms > 0 ? STEPS : 0, ms > 0 ? past_deadline : NULL, db);
}

int cat_do_values(struct cat *db, const struct sql_table *table, int row,
                  const struct cat_value *values, size_t count, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query_values(db, table, row, values, count, e);
    if (!s)
        return -1;
    int rc = sqlite3_step(s);
    return rc == SQLITE_DONE ? 0 : cat_err(db, rc, e, table->noun);
}

int cat_step(struct cat *db, sqlite3_stmt *s, struct err *e)
{
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        return 1;
    return rc == SQLITE_DONE ? 0 : cat_err(db, rc, e, "reading the catalog");
}

int cat_changes(struct cat *db)
{
    return sqlite3_changes(db->handle);
}

int64_t cat_last_id(struct cat *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}

char *cat_col_text(struct arena *a, sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text ? arena_strndup(a, text, (size_t)sqlite3_column_bytes(s, column)) : NULL;
}

int64_t cat_col_int(sqlite3_stmt *s, int column, int64_t if_null)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL ? if_null
                                                         : sqlite3_column_int64(s, column);
}

double cat_col_num(sqlite3_stmt *s, int column)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL ? (double)NAN
                                                         : sqlite3_column_double(s, column);
}
