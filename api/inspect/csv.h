/*
 * csv.h - delimited text (RFC 4180 and what people make of it), and plain text as one column of lines.
 */
#ifndef ENCLOS_INSPECT_CSV_H
#define ENCLOS_INSPECT_CSV_H

#include "api/common/err.h"
#include "api/inspect/encoding.h"
#include "api/inspect/feed.h"
#include "api/inspect/table.h"

/* ---- one row at a time, resumable at any byte ---- */

enum { ROW_KEEP = 1 << 20, ROW_FIELDS = 65536 }; /* what is kept of a row; the rest is counted and passed over */

struct row {
    char delimiter, line, quote; /* delimiter == line: no columns; quote == line: no quoting */
    int state;
    char *bytes;                 /* fields, unescaped, a delimiter between them */
    size_t len, room;
    uint32_t *starts;
    size_t count, starts_room;
    size_t field_start;
    size_t field_max;            /* bytes kept of a field: CELL_MAX, at most ROW_KEEP */
    bool begun, cut;             /* cut: something of this row was not kept */
    uint64_t cut_fields, stray_quotes, unclosed; /* over all rows */
    struct field *fields;        /* of the last complete row */
    size_t fields_room;
};
void row_init(struct row *r, char delimiter, char line, char quote);
void row_fini(struct row *r);
/* Takes bytes up to the end of the row; true when it is complete: row_fields. *used: bytes taken. */
bool row_feed(struct row *r, const char *s, size_t len, size_t *used);
/* At the end of the file: true when a row was under way. */
bool row_finish(struct row *r);
/* Of the complete row; count: all fields, `*kept` of which are here. They live until the next row_feed. */
size_t row_fields(struct row *r, const struct field **fields, size_t *kept);
uint64_t row_hash(const struct row *r);

/* ---- a whole file ---- */

struct csv_options {
    char delimiter; /* 0: found out; '\n': plain text, one column */
    int header;     /* -1: found out */
    size_t columns; /* how many may be profiled */
    bool is_table;  /* its name says so (.csv): many ragged rows are no reason to take it for prose */
};
struct csv_facts {
    char delimiter, line; /* line: '\n', or '\r' of old Macintoshes */
    bool header;
    bool is_text;         /* no delimiter: lines */
    uint64_t crlf, blank_lines, cut_fields, stray_quotes;
    bool unclosed_quote;
    struct encoding encoding;
};

/* Reads all of the feed into the table (which it initializes). */
MUST_USE int csv_profile(struct feed *f, const struct csv_options *o, struct table *t, struct csv_facts *facts, struct err *e);

/* sniff.c: the delimiter of a beginning of text, or the line's own byte when there is none. */
char sniff_delimiter(const char *s, size_t len, char line, bool is_table);
/* Whether the first of `rows` rows (of `total` fields each) names the columns. When in doubt it does not: a name is
 * shown, a value is not. */
bool sniff_header(const struct field *sample, size_t total, size_t rows, bool decimal_comma, const struct encoding *c);

#endif
