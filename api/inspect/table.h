/*
 * table.h - a table under way: columns, rows, duplicates and groups of quasi-identifiers. Readers (csv.c, jsonl.c)
 * feed it, report.c tells it.
 */
#ifndef ENCLOS_INSPECT_TABLE_H
#define ENCLOS_INSPECT_TABLE_H

#include "api/inspect/column.h"

enum { QUASI_MAX = 4, QUASI_SETS = QUASI_MAX - 1 };

struct field { /* of one row, unescaped */
    const char *text;
    size_t len;
};

struct table {
    struct column *columns;
    size_t count; /* profiled */
    size_t total; /* in the file */
    bool decimal_comma;
    uint64_t rows;
    uint64_t ragged, first_ragged_row; /* rows that have not `total` fields; rows from 1, the header not counted */
    struct groups duplicates;
    /* Chosen once, from names and from the first rows: ranked, at most QUASI_MAX. Set i is the first i + 2 of them. */
    size_t quasi[QUASI_MAX];
    size_t quasi_count;
    struct groups sets[QUASI_SETS];
};

/* names: `total` of them, of which the first `room` are profiled. May fail to get memory: NULL columns. */
void table_init(struct table *t, const char *const *names, size_t total, size_t room, bool decimal_comma);
/* Another column, for JSON lines. False: no room (it is counted in `total`). */
bool table_add_column(struct table *t, const char *name, size_t room);
void table_fini(struct table *t);

/* Says which columns make up groups: those whose name or whose values in `sample` (rows of `total` fields) say so. */
void table_choose_quasi(struct table *t, const struct field *sample, size_t rows);

/* One row. `hash`: of the whole row. Fields beyond `total` are looked at no further. */
void table_row(struct table *t, const struct field *fields, size_t count, uint64_t hash);

/* Rows that all have `total` fields, none quoted: at[-1] and at[0..rows*total). */
void table_batch(struct table *t, const char *s, const uint32_t *at, size_t rows, bool cut_cr, struct batch_room *room);

#endif
