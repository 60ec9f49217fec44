/*
 * table.h - aligned columns that fit the terminal.
 *
 * Too wide a table first shrinks the columns that may, then leaves out those that may go, the
 * highest `drop` first. Columns with no content are left out. Off a terminal nothing is cut.
 */
#ifndef ENCLOS_TABLE_H
#define ENCLOS_TABLE_H

#include "api/cli/say.h"
#include "api/cli/term.h"

struct table_column {
    enum text_id title;
    bool right;         /* aligned right */
    unsigned min_width; /* may be cut down to this width; 0: never cut */
    unsigned drop;      /* left out when there is no room, highest first; 0: never */
};

struct table;
/* Keeps `columns`. */
struct table *table_new(const struct table_column *columns, size_t count);
void table_free_at(struct table **t);
#define AUTO_TABLE __attribute__((cleanup(table_free_at)))

/* Adds the next cell, row by row; the text is copied, and escaped if it has control bytes. */
void table_cell(struct table *t, enum style style, const char *text);
size_t table_rows(const struct table *t);

/* Adds the rows to `out` after `indent` spaces, with a line of titles unless `bare`. A bare table holds
 * labels and values: its last column, never aligned right, wraps instead of being cut. */
void table_add(struct buf *out, const struct table *t, const struct term *term, size_t indent,
               bool bare);

#endif
