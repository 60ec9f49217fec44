/*
 * csv.c - a delimited file from end to end.
 *
 * Rows without quotes that have as many fields as the first are taken in batches: field ends are found for the whole
 * stretch (number.c), then each column is read (table.c). What is not like that goes through csv_row.c, row by row, and
 * gives the same figures. Memory is bounded by the window, ROW_KEEP and the number of columns, whatever the file.
 */
#include "api/inspect/csv.h"

#include "api/common/mem.h"
#include <stdlib.h>
#include <string.h>

enum { SAMPLE_ROWS = 60, SAMPLE_BYTES = 64 << 10 };

struct reader {
    struct feed *f;
    struct table *t;
    struct csv_facts *facts;
    struct row row;
    char quote;
    uint32_t *ends;           /* BATCH_FIELDS + 65 behind one */
    struct batch_room *room;
    size_t slow;              /* rows to take one by one before batches are tried again */
    size_t last_slow;
};

/* ---- rows ---- */

static void take_row(struct reader *r)
{
    const struct field *fields;
    size_t kept, count = row_fields(&r->row, &fields, &kept);
    uint64_t at = r->t->rows + 1;
    if (!r->row.cut) /* a character may have been cut in two */
        encoding_check(&r->facts->encoding, r->row.bytes ? r->row.bytes : "", r->row.len, at, r->facts->line);
    if (count == 1 && r->row.len == 0 && r->t->total > 1) {
        r->facts->blank_lines++;
        return;
    }
    /* Of more than ROW_FIELDS the rest is not there, but no table has as many columns that are profiled. */
    table_row(r->t, fields, count, row_hash(&r->row));
}

static int slow_row(struct reader *r, bool *any, struct err *e)
{
    struct feed *f = r->f;
    *any = false;
    for (;;) {
        size_t used = 0;
        bool done = f->start < f->end && row_feed(&r->row, f->window + f->start, f->end - f->start, &used);
        if (done && used > 1 && f->window[f->start + used - 2] == '\r')
            r->facts->crlf++;
        f->start += used;
        if (!done && f->ended)
            done = row_finish(&r->row);
        if (done) {
            take_row(r);
            *any = true;
            return 0;
        }
        if (f->ended)
            return 0;
        if (feed_more(f, e) < 0)
            return -1;
    }
}

/* Rows from the first on that have n fields each, going by the ends found. */
static size_t regular_rows(const char *s, const struct ends *o, size_t n, char line)
{
    size_t rows = 0;
    for (size_t i = n - 1; i < o->count && s[o->at[i]] == line; i += n)
        rows++;
    /* A short row may hide a line's end in the middle of these. */
    size_t after = 0;
    for (size_t i = rows * n; i < o->count; i++)
        after += s[o->at[i]] == line;
    if (n == 1 || o->lines - after == rows)
        return rows;
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k + 1 < n; k++)
            if (s[o->at[r * n + k]] == line)
                return r;
    return rows;
}

static size_t batch(struct reader *r)
{
    struct feed *f = r->f;
    const size_t n = r->t->total;
    const char *s = f->window + f->start;
    const struct ends_want want = {r->facts->delimiter, r->facts->line, r->quote, BATCH_FIELDS};
    struct ends o = {.at = r->ends + 1};
    if (n > BATCH_FIELDS / 4)
        return 0;
    ends_find(s, f->end - f->start, &want, &o);
    r->ends[0] = UINT32_MAX; /* the first field begins at 0 */
    size_t rows = o.lines > 0 ? regular_rows(s, &o, n, r->facts->line) : 0;
    /* An empty line of a table of one column is a row; of a wider one it is not regular. */
    if (rows == 0)
        return 0;
    size_t len = o.at[rows * n - 1] + (size_t)1;
    if (o.high)
        encoding_check(&r->facts->encoding, s, len, r->t->rows + 1, r->facts->line);
    bool cr = o.at[n - 1] > 0 && s[o.at[n - 1] - 1] == '\r' && r->facts->line == '\n';
    r->facts->crlf += cr ? rows : 0;
    table_batch(r->t, s, o.at, rows, r->facts->line == '\n', r->room);
    f->start += len;
    return rows;
}

static int all_rows(struct reader *r, struct err *e)
{
    struct feed *f = r->f;
    for (;;) {
        if (f->end - f->start < FEED_WINDOW / 2 && !f->ended && feed_more(f, e) < 0)
            return -1;
        if (f->start == f->end && f->ended)
            return 0;
        size_t rows = r->slow > 0 ? 0 : batch(r);
        if (rows >= 4) {
            r->last_slow = 0;
            continue;
        }
        if (r->slow == 0) /* batches do not get on: longer and longer without them, 64 rows at most */
            r->slow = r->last_slow = r->last_slow * 2 + 1 < 64 ? r->last_slow * 2 + 1 : 64;
        bool any;
        r->slow--;
        if (slow_row(r, &any, e) < 0)
            return -1;
    }
}

/* ---- the beginning ---- */

struct beginning {
    struct arena *arena;
    struct field *sample; /* rows * total */
    size_t rows, total;
    const char **names;
};

/* The first rows, copied: the window stays where it is. */
static void read_beginning(struct reader *r, struct beginning *b)
{
    struct feed *f = r->f;
    struct row row;
    size_t at = f->start, room = 0;
    row_init(&row, r->facts->delimiter, r->facts->line, r->quote);
    while (b->rows < SAMPLE_ROWS && at < f->end) {
        size_t used = 0, kept;
        const struct field *fields;
        bool done = row_feed(&row, f->window + at, f->end - at, &used);
        at += used;
        if (!done && (!f->ended || !row_finish(&row)) && b->rows > 0)
            break;
        if (!done && b->rows == 0)
            (void)row_finish(&row); /* one row larger than the window */
        size_t count = row_fields(&row, &fields, &kept);
        if (count == 1 && row.len == 0 && b->rows == 0)
            continue; /* empty lines before anything */
        encoding_check(&r->facts->encoding, row.bytes ? row.bytes : "", row.len, 1, r->facts->line);
        if (b->rows == 0) {
            b->total = kept;
            room = kept * SAMPLE_ROWS > 1 << 20 ? 1 : SAMPLE_ROWS;
            b->sample = arena_alloc(b->arena, kept * room * sizeof *b->sample + 1);
        }
        if (b->rows == room)
            break;
        struct field *to = &b->sample[b->rows++ * b->total];
        for (size_t i = 0; i < b->total; i++) {
            size_t len = i < kept ? fields[i].len < 256 ? fields[i].len : 256 : 0;
            char *copy = arena_alloc(b->arena, len + 1); /* bytes, zeros among them */
            if (len > 0)
                memcpy(copy, fields[i].text, len);
            to[i] = (struct field){copy, len};
        }
    }
    row_fini(&row);
}

static void make_names(struct reader *r, struct beginning *b)
{
    b->names = arena_alloc(b->arena, (b->total + 1) * sizeof *b->names);
    for (size_t i = 0; i < b->total; i++) {
        char name[COLUMN_NAME_MAX * 2];
        const char *s = b->sample[i].text;
        size_t len = b->sample[i].len;
        value_trim(&s, &len);
        encoding_to_utf8(&r->facts->encoding, s, len, name, sizeof name);
        b->names[i] = arena_strdup(b->arena, r->facts->header ? name : "");
    }
}

/* Passes over the header and what is empty before it. */
static int pass_header(struct reader *r, struct err *e)
{
    struct row row;
    int rc = 0;
    row_init(&row, r->facts->delimiter, r->facts->line, r->quote);
    for (bool done = false; !done && rc == 0;) {
        struct feed *f = r->f;
        size_t used = 0;
        bool whole = row_feed(&row, f->window + f->start, f->end - f->start, &used);
        f->start += used;
        if (!whole && f->ended)
            break;
        done = whole && (row.count > 1 || row.len > 0);
        if (!whole)
            rc = feed_more(f, e);
    }
    row_fini(&row);
    return rc;
}

static char line_of(const char *s, size_t len)
{
    if (memchr(s, '\n', len))
        return '\n';
    return len > 0 && memchr(s, '\r', len) ? '\r' : '\n';
}

static int start(struct reader *r, const struct csv_options *o, struct err *e)
{
    struct beginning b = {.arena = arena_new()};
    struct feed *f = r->f;
    const char *s = f->window + f->start;
    size_t len = f->end - f->start, looked = len < SAMPLE_BYTES ? len : SAMPLE_BYTES;
    r->facts->line = line_of(s, len);
    r->facts->delimiter = o->delimiter ? o->delimiter : sniff_delimiter(s, looked, r->facts->line, o->is_table);
    if (r->facts->delimiter == '\n')
        r->facts->delimiter = r->facts->line;
    r->facts->is_text = r->facts->delimiter == r->facts->line;
    r->quote = r->facts->is_text ? r->facts->line : '"';
    read_beginning(r, &b);
    /* What the beginning told of the encoding stays; its faults are counted with the rows. */
    r->facts->encoding.faults = r->facts->encoding.first_fault = 0;
    bool decimal_comma = r->facts->delimiter != ',';
    if (b.rows == 0)
        b.total = 0;
    r->facts->header = b.rows > 0 && !(r->facts->is_text && o->header != 1) &&
                       (o->header >= 0 ? o->header == 1 : sniff_header(b.sample, b.total, b.rows, decimal_comma, &r->facts->encoding));
    make_names(r, &b);
    table_init(r->t, b.names, b.total, o->columns, decimal_comma);
    size_t from = r->facts->header ? 1 : 0;
    if (b.rows > from)
        table_choose_quasi(r->t, b.sample + from * b.total, b.rows - from);
    arena_free(b.arena);
    return r->facts->header ? pass_header(r, e) : 0;
}

int csv_profile(struct feed *f, const struct csv_options *o, struct table *t, struct csv_facts *facts, struct err *e)
{
    struct reader r = {.f = f, .t = t, .facts = facts};
    int rc;
    *facts = (struct csv_facts){.line = '\n', .encoding = facts->encoding};
    *t = (struct table){0};
    if (feed_more(f, e) < 0)
        return -1;
    r.ends = mem_alloc((BATCH_FIELDS + 160) * sizeof *r.ends);
    r.room = mem_alloc(sizeof *r.room);
    rc = start(&r, o, e);
    row_init(&r.row, facts->delimiter, facts->line, r.quote);
    if (rc == 0)
        rc = t->total > 0 ? all_rows(&r, e) : 0;
    facts->cut_fields = r.row.cut_fields;
    facts->stray_quotes = r.row.stray_quotes;
    facts->unclosed_quote = r.row.unclosed > 0;
    row_fini(&r.row);
    free(r.ends);
    free(r.room);
    return rc;
}
