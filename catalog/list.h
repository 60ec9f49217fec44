/*
 * list.h - one mechanism for every list: a filter, an order and a cursor become SQL.
 *
 * SQL is put together from pieces that stand in the program: each noun has a table of columns
 * (list_kinds.c), a filter's names are looked up there, and what a person typed is only ever bound. A page
 * is found by its place in the order (the values of the last row), never by counting rows: rows that come
 * in before it move nothing, and a deep page costs what the first one does.
 *
 * How a page is found, for a list that may be large:
 *  1. The order is walked in its index, and rows that do not pass are skipped: right where many pass.
 *     What an actor may see is walked part by part (own runs, those of each project), and merged.
 *  2. Where some condition of the filter has few rows (counted in its index up to a bound that grows with
 *     the square root of the list), these are taken and sorted: right where few pass.
 * A page that needs more than LIST_TIME_MS is given up with E_LIMIT, so that nobody's filter holds up others.
 */
#ifndef ENCLOS_CATALOG_LIST_H
#define ENCLOS_CATALOG_LIST_H

#include "api/common/err.h"
#include "api/common/mem.h"
#include "catalog/db.h"
#include "catalog/filter.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIST_TIME_MS = 5000, LIST_PAGE_MAX = 1000, LIST_CURSOR_MAX_BYTES = 64 << 10 };

enum list_type {
    LIST_TEXT,    /* = != LIKE ILIKE IN */
    LIST_CHOICE,  /* = != IN, one of choices */
    LIST_INTEGER, /* all but LIKE */
    LIST_DATE,    /* < <= > >= with '2026-11-24' or '2026-11-24T13:30:00Z': microseconds */
    LIST_BOOL,    /* = != true, false */
};

struct list_column {
    const char *name; /* as one writes it */
    const char *sql;  /* what it is: over the kind's FROM */
    enum list_type type;
    const char *const *choices; /* NULL-ended */
    bool nullable;
    const char *index; /* begins with it and goes on with the kind's own order; NULL: none */
    /* When its equality is said another way, which an index knows: "r.project = (SELECT ... = ?)". */
    const char *equal, *equal_index;
};

/* What hangs on a row by name: metrics, params, tags. */
struct list_pair {
    bool number;        /* a real, NULL for NaN; else a text, never NULL */
    const char *exists; /* "EXISTS (SELECT 1 ... AND x.name = ?": a condition on x and ) follow */
    const char *scalar; /* "(SELECT x.last ... AND x.name = ?)" */
    const char *from;   /* the kind's FROM, reached from x in the order of x's index */
    const char *set;    /* "SELECT x.run AS k FROM metric x ... WHERE x.name = ?" */
    const char *name, *value; /* "x.name", "x.last" */
    const char *key;          /* "x.run": the kind's key, as the index has it */
};

/* Columns of what a row is linked to (datasets of a run). */
struct list_related {
    const char *exists, *set; /* as above, without the name */
    const struct list_column *columns;
};

struct list_kind {
    const char *noun; /* "run" */
    const char *from; /* "run r" */
    const char *key;  /* "r.seq": an integer, what list_page gives */
    const struct list_column *columns; /* ended by name NULL */
    const struct list_pair *pairs[FILTER_KIND_COUNT];
    const struct list_related *related;
    const char *own_order[3]; /* names of columns, "-created_us" for descending; the last is unique; NULL-ended */
    const char *own_index;    /* of that order; NULL: the table's own */
    /* After a pair, the order that the pairs' indexes have: a column that is the key, downwards. NULL: own_order. */
    const char *pair_order;
    int total;                /* row of list_sql: about how many rows there are; -1: not asked */
    bool small;               /* a few thousand at most: any order, no index needed */
};

enum { LIST_TOTAL_RUNS, LIST_TOTAL_AUDIT, LIST_SQL_COUNT };

extern const struct list_kind list_runs, list_datasets, list_environments, list_projects,
    list_experiments, list_lessons, list_audit;

/* One of the lists that what an actor may see is made of: it stands together in an index, in the kind's own
 * order. All fixed SQL over the kind's FROM. */
struct list_part {
    const char *index, *where;
    const struct cat_value *values;
    size_t value_count;
};

/* What the actor may see: a condition that is not the caller's to leave out, and the same as parts, which may
 * overlap. */
struct list_bound {
    const char *where;
    const struct cat_value *values;
    size_t value_count;
    const struct list_part *parts;
    size_t part_count;
};

struct list_ask {
    const struct list_kind *kind;
    const char *filter;            /* or NULL */
    const struct filter *also;     /* or NULL: and this */
    const char *order_by;          /* or NULL: the kind's own */
    const char *cursor;            /* or NULL: the first page */
    size_t limit;                  /* 1..LIST_PAGE_MAX */
    const struct list_bound *seen; /* NULL: all */
    bool walk;                     /* never by way 2: for tests */
};

struct list_place; /* the values of a row in the order asked for */

struct list_page {
    int64_t *keys; /* in order */
    size_t count;
    bool more; /* there are rows after the last one */
    struct list_place *places;
    size_t width;
    char mark[9];  /* of what was asked: a cursor of another question is refused */
};

/* The cursor of the page that begins after row `at` of this one. In the arena. */
const char *list_cursor(const struct list_page *page, struct arena *a, size_t at);

/* E_INVALID: filter, order_by or cursor; E_LIMIT: takes too long. All in the arena. */
MUST_USE int list_find(struct cat *db, struct arena *a, const struct list_ask *ask,
                       struct list_page *out, struct err *e);

/* For tests: the statements that a page would use, one a line, with their plans. */
MUST_USE int list_explain(struct cat *db, struct arena *a, const struct list_ask *ask,
                          struct buf *out, struct err *e);

/* "2026-11-24", "2026-11-24T13:30", "...:00.25", with Z or -05:00 (none: UTC), as microseconds since
 * 1970. False: no such moment. */
bool list_parse_date(const char *text, int64_t *us);

#endif
