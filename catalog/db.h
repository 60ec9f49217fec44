/*
 * db.h - one SQLite connection of the catalog: opening, cached statements, savepoints, errors.
 *
 * A struct cat belongs to one thread at a time. Every noun's file keeps its statements in one
 * struct sql_table; db.c lists the tables, so that a unit test can prepare each statement and
 * refuse a full scan that nobody planned. Text goes in by binding, never by gluing.
 *
 *     AUTO_STMT sqlite3_stmt *s = cat_query(db, &run_sql, RUN_GET, e, V_T(id), V_I(version));
 *     if (!s)
 *         return -1;
 *     int rc = cat_step(db, s, e);      1: a row, 0: no more, -1: failed
 */
#ifndef ENCLOS_CATALOG_DB_H
#define ENCLOS_CATALOG_DB_H

#include "api/common/err.h"
#include "api/common/mem.h"
#include <sqlite3.h>
#include <stdint.h>

struct cat;

struct sql_row {
    const char *text;
    const char *scan; /* why a full scan is right here; NULL: a full scan is a bug */
};

struct sql_table {
    const char *noun;
    const struct sql_row *rows;
    int count;
    int slot; /* place in cat_sql_tables */
};

enum {
    SQL_MIGRATE,
    SQL_AUDIT,
    SQL_AUDIT_READ,
    SQL_HOLD,
    SQL_GC,
    SQL_IDEM,
    SQL_RUN,
    SQL_RUN_READ,
    SQL_METRIC,
    SQL_DATASET,
    SQL_ENVIRONMENT,
    SQL_CONNECTION,
    SQL_CHANGE,
    SQL_STANDING,
    SQL_PEOPLE,
    SQL_RECORD,
    SQL_ORIGIN,
    SQL_LINEAGE,
    SQL_TOKEN,
    SQL_RUN_PLACE,
    SQL_PROJECT,
    SQL_PROJECT_TERM,
    SQL_EXPERIMENT,
    SQL_LESSON,
    SQL_LIST,
    SQL_SEARCH,
    SQL_SEARCH_ENTRY,
    SQL_REPORT,
    SQL_DATASET_CARD,
    SQL_DATASET_KEEP,
    SQL_DATASET_GRANT,
    SQL_DATASET_GATE,
    SQL_QUALITY,
    SQL_POSSESSION,
    SQL_TABLE_COUNT
};
extern const struct sql_table migrate_sql, audit_sql, idem_sql, run_sql, run_read_sql, metric_sql, dataset_sql, environment_sql, connection_sql, change_sql, standing_sql, people_sql;
extern const struct sql_table audit_read_sql;
extern const struct sql_table origin_sql;
extern const struct sql_table token_sql;
extern const struct sql_table lineage_sql;
extern const struct sql_table record_sql, run_place_sql, project_sql, project_term_sql, experiment_sql, lesson_sql;
extern const struct sql_table hold_sql, gc_sql;
extern const struct sql_table list_sql, search_sql, search_entry_sql, report_sql;
extern const struct sql_table dataset_card_sql, dataset_keep_sql, dataset_grant_sql, dataset_gate_sql;
extern const struct sql_table run_seen_sql;
extern const struct sql_table quality_sql, possession_sql;
extern const struct sql_table *const cat_sql_tables[SQL_TABLE_COUNT];

/* Opens catalog.db at `path`. A writer creates it (0600) and sets WAL, synchronous=FULL and foreign
 * keys, reads each back and refuses to go on otherwise. A reader gets a read-only connection. */
MUST_USE int cat_open(const char *path, bool read_only, struct cat **out, struct err *e);
void cat_close(struct cat *db);
sqlite3 *cat_handle(struct cat *db);

/* Statements are prepared once per connection and kept: release resets and clears the bindings.
 * One use at a time of the same statement. */
void cat_stmt_reset_at(sqlite3_stmt **s);
#define AUTO_STMT __attribute__((cleanup(cat_stmt_reset_at)))

/* Values to bind, by position: V_T text (NULL is SQL null; borrowed until the reset), V_I integer,
 * V_D double (NaN is SQL null). */
struct cat_value {
    enum { CAT_TEXT, CAT_INT, CAT_DOUBLE, CAT_NULL } type;
    const char *text;
    int64_t num;
    double real;
};
#define V_T(v) ((struct cat_value){.type = CAT_TEXT, .text = (v)})
#define V_I(v) ((struct cat_value){.type = CAT_INT, .num = (int64_t)(v)})
#define V_D(v) ((struct cat_value){.type = CAT_DOUBLE, .real = (v)})
#define V_NULL ((struct cat_value){.type = CAT_NULL})
/* An integer, or SQL null when it is `none`. */
#define V_I_OR(v, none) ((v) == (none) ? V_NULL : V_I(v))

/* A statement of a table with its values, ready to step; NULL with *e set on failure. */
#define cat_query(db, table, row, e, ...)                                                          \
    cat_query_values((db), (table), (row), (const struct cat_value[]){__VA_ARGS__},                \
                     sizeof((const struct cat_value[]){__VA_ARGS__}) / sizeof(struct cat_value),   \
                     (e))
sqlite3_stmt *cat_query_values(struct cat *db, const struct sql_table *table, int row,
                               const struct cat_value *values, size_t count, struct err *e);

/* Runs a statement that gives no row. Returns 0 or -1. */
#define cat_do(db, table, row, e, ...)                                                             \
    cat_do_values((db), (table), (row), (const struct cat_value[]){__VA_ARGS__},                   \
                  sizeof((const struct cat_value[]){__VA_ARGS__}) / sizeof(struct cat_value), (e))
MUST_USE int cat_do_values(struct cat *db, const struct sql_table *table, int row,
                           const struct cat_value *values, size_t count, struct err *e);

/* A statement that list.c or search.c put together from fixed pieces, with its values: for one use. */
MUST_USE int cat_built(struct cat *db, const char *sql, const struct cat_value *values, size_t count,
                       sqlite3_stmt **out, struct err *e);
void cat_built_end_at(sqlite3_stmt **s);
#define AUTO_BUILT __attribute__((cleanup(cat_built_end_at)))

/* From here on statements of this connection end with E_LIMIT after so many milliseconds; 0: never. */
void cat_deadline(struct cat *db, int64_t ms);

/* 1: a row, 0: done, -1: failed. */
MUST_USE int cat_step(struct cat *db, sqlite3_stmt *s, struct err *e);
/* Rows that the last INSERT, UPDATE or DELETE changed; the id that the last INSERT gave. */
int cat_changes(struct cat *db);
int64_t cat_last_id(struct cat *db);

/* Columns, copied into the arena; NULL for SQL null. */
char *cat_col_text(struct arena *a, sqlite3_stmt *s, int column);
int64_t cat_col_int(sqlite3_stmt *s, int column, int64_t if_null);
double cat_col_num(sqlite3_stmt *s, int column); /* NaN for SQL null */

/* Fixed statements without parameters (BEGIN, PRAGMA ...): text from this program only. */
MUST_USE int cat_exec(struct cat *db, const char *sql, struct err *e);

/* Sets *e from the connection's last result: a full disk is limit, a busy or unreadable file
 * unavailable, a broken constraint conflict, the rest internal. Returns -1. */
int cat_err(struct cat *db, int rc, struct err *e, const char *doing);

/* enclos_like(pattern, text) and enclos_ilike: filter.h says what they mean. An SQLite code. */
int cat_like_register(sqlite3 *handle);

/* PRAGMA quick_check: E_INTERNAL with the first finding when the file is damaged. */
MUST_USE int cat_check(struct cat *db, struct err *e);

#endif
