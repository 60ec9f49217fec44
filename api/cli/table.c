/*
 * table.c - aligned columns that fit the terminal; see table.h.
 */
#include "api/cli/table.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 16, GAP = 2 };

struct cell {
    const char *text;
    enum style style;
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct cell *cells;
    size_t cell_count;
    size_t cell_room;
    struct arena *arena;
};

struct table *table_new(const struct table_column *columns, size_t count)
{
    struct table *t = mem_alloc(sizeof *t);

    t->columns = columns;
    t->column_count = count < COLUMNS_MAX ? count : COLUMNS_MAX;
    t->arena = arena_new();
    return t;
}

void table_free_at(struct table **t)
{
    if (!*t)
        return;
    arena_free((*t)->arena);
    free((*t)->cells);
    free(*t);
    *t = NULL;
}

void table_cell(struct table *t, enum style style, const char *text)
{
    if (t->cell_count == t->cell_room) {
        t->cell_room = t->cell_room ? t->cell_room * 2 : 64;
        t->cells = mem_grow(t->cells, t->cell_room, sizeof *t->cells);
    }
    size_t len = text ? strlen(text) : 0, room = len * 4 + 1;
    char *copy = arena_alloc(t->arena, room);
    if (text)
        text_sanitize(text, len, copy, room);
    t->cells[t->cell_count++] = (struct cell){copy, style};
}

size_t table_rows(const struct table *t)
{
    return t->cell_count / t->column_count;
}

/* What each column would like, 0 for one without content. */
static void natural_widths(const struct table *t, bool bare, size_t *widths)
{
    for (size_t c = 0; c < t->column_count; c++) {
        size_t content = 0;
        for (size_t i = c; i < t->cell_count; i += t->column_count) {
            size_t width = term_width_of(t->cells[i].text);
            content = width > content ? width : content;
        }
        size_t title = bare ? 0 : term_width_of(tr(t->columns[c].title));
        widths[c] = content == 0 ? 0 : content > title ? content : title;
    }
}

static size_t total_width(const size_t *widths, size_t count)
{
    size_t total = 0;

    for (size_t c = 0; c < count; c++)
        if (widths[c] > 0)
            total += widths[c] + (total > 0 ? GAP : 0);
    return total;
}

/* Cuts the widest column that may be cut, again and again. False: still too wide. */
static bool shrink(const struct table *t, size_t room, size_t *widths)
{
    while (total_width(widths, t->column_count) > room) {
        size_t widest = t->column_count;
        for (size_t c = 0; c < t->column_count; c++) {
            unsigned min = t->columns[c].min_width;
            if (min > 0 && widths[c] > min &&
                (widest == t->column_count || widths[c] > widths[widest]))
                widest = c;
        }
        if (widest == t->column_count)
            return false;
        widths[widest]--;
    }
    return true;
}

/* Chooses each column's width, 0 for one that is left out. A column left out gives its room back to
 * those that were cut for it. */
static void lay_out(const struct table *t, size_t room, bool bare, size_t *widths)
{
    size_t natural[COLUMNS_MAX] = {0};

    natural_widths(t, bare, natural);
    for (;;) {
        memcpy(widths, natural, sizeof natural);
        if (room == 0 || shrink(t, room, widths))
            return;
        size_t victim = t->column_count;
        for (size_t c = 0; c < t->column_count; c++)
            if (natural[c] > 0 && t->columns[c].drop > 0 &&
                (victim == t->column_count || t->columns[c].drop > t->columns[victim].drop))
                victim = c;
        if (victim == t->column_count)
            return;
        natural[victim] = 0;
    }
}

static void add_row(struct buf *out, const struct table *t, const struct term *term,
                    const size_t *widths, size_t indent, const struct cell *row)
{
    size_t owed = indent; /* spaces due before the next text: none is left at the end of a line */

    for (size_t c = 0; c < t->column_count; c++) {
        if (widths[c] == 0)
            continue;
        AUTO_BUF struct buf text = BUF_INIT(1 << 20);
        term_add_cut(&text, row[c].text, widths[c]);
        size_t used = term_width_of(buf_cstr(&text));
        size_t rest = used < widths[c] ? widths[c] - used : 0;
        if (t->columns[c].right)
            owed += rest;
        if (used > 0) {
            term_add_spaces(out, owed);
            owed = 0;
            term_add(out, term, row[c].style, buf_cstr(&text));
        }
        if (!t->columns[c].right)
            owed += rest;
        owed += GAP;
    }
    buf_add_char(out, '\n');
}

/* A label and its value: the value wraps in its column, so that nothing of it is cut off. */
static void add_fact(struct buf *out, const struct table *t, const struct term *term,
                     const size_t *widths, size_t indent, const struct cell *row)
{
    size_t last = t->column_count - 1, at = indent;

    if (term_width_of(row[last].text) <= widths[last]) {
        add_row(out, t, term, widths, indent, row);
        return;
    }
    term_add_spaces(out, indent);
    for (size_t c = 0; c < last; c++) {
        if (widths[c] == 0)
            continue;
        term_add(out, term, row[c].style, row[c].text);
        term_add_spaces(out, widths[c] - term_width_of(row[c].text) + GAP);
        at += widths[c] + GAP;
    }
    term_add_wrapped(out, row[last].text, at, term->width, true);
}

void table_add(struct buf *out, const struct table *t, const struct term *term, size_t indent,
               bool bare)
{
    size_t widths[COLUMNS_MAX] = {0};
    size_t room = term->width > indent ? term->width - indent : 0;

    lay_out(t, room, bare, widths);
    if (!bare) {
        struct cell titles[COLUMNS_MAX];
        for (size_t c = 0; c < t->column_count; c++)
            titles[c] = (struct cell){tr(t->columns[c].title), STYLE_DIM};
        add_row(out, t, term, widths, indent, titles);
    }
    for (size_t i = 0; i + t->column_count <= t->cell_count; i += t->column_count)
        (bare ? add_fact : add_row)(out, t, term, widths, indent, t->cells + i);
}
