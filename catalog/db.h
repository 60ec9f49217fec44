/*
 * db.h - one SQLite connection of the catalog: opening, cached statements, savepoints, errors.
 *
 * A struct cat belongs to one thread at a time. Every noun's file keeps its statements in one
 * struct sql_table; db.c lists the tables, so that a unit test can prepare each statement and
 * refuse a full scan that nobody planned. Text goes in by binding, never by gluing.
 *
 * Usage:
 *     AUTO_STMT sqlite3_stmt *s = cat_stmt(db, &run_sql, RUN_GET, e);
 *     if (!s || cat_bind(s, e, "ti", id, version) < 0) return -1;
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
    SQL_DB, SQL_AUDIT, SQL_IDEM, SQL_RUN, SQL_RUN_READ, SQL_METRIC, SQL_DATASET, SQL_TABLE_COUNT
};
extern const struct sql_table *const cat_sql_tables[SQL_TABLE_COUNT];

/* Opens catalog.db at `path`. A writer creates it (0600) and sets WAL, synchronous=FULL and foreign
 * keys, reads each back and refuses to go on otherwise. A reader gets a read-only connection. */
MUST_USE int cat_open(const char *path, bool read_only, struct cat **out, struct err *e);
void cat_close(struct cat *db);
sqlite3 *cat_handle(struct cat *db);

/* A statement of a table, prepared once per connection, ready to bind; NULL with *e set on failure. */
sqlite3_stmt *cat_stmt(struct cat *db, const struct sql_table *table, int row, struct err *e);
void cat_stmt_reset_at(sqlite3_stmt **s); /* resets and clears bindings: the cache keeps it */
#define AUTO_STMT __attribute__((cleanup(cat_stmt_reset_at)))

/* Binds from parameter 1 on: t const char * (NULL is SQL null, borrowed until reset), i int64_t,
 * d double, n (no argument) null. int64_t arguments must be passed as int64_t. */
MUST_USE int cat_bind(sqlite3_stmt *s, struct err *e, const char *types, ...);

/* 1: a row, 0: done, -1: failed. */
MUST_USE int cat_step(struct cat *db, sqlite3_stmt *s, struct err *e);
/* Steps a statement that must give no row. */
MUST_USE int cat_run_stmt(struct cat *db, sqlite3_stmt *s, struct err *e);

/* Columns, copied into the arena; NULL for SQL null. */
char *cat_col_text(struct arena *a, sqlite3_stmt *s, int column);
int64_t cat_col_int(sqlite3_stmt *s, int column, int64_t if_null);

/* Fixed statements without parameters (BEGIN, PRAGMA ...): text from this program only. */
MUST_USE int cat_exec(struct cat *db, const char *sql, struct err *e);

/* Sets *e from the connection's last result: a full disk is limit, a busy or unreadable file
 * unavailable, a broken constraint conflict, the rest internal. Returns -1. */
int cat_err(struct cat *db, int rc, struct err *e, const char *doing);

/* PRAGMA quick_check: E_INTERNAL with the first finding when the file is damaged. */
MUST_USE int cat_check(struct cat *db, struct err *e);

#endif
