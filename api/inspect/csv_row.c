/*
 * csv_row.c - one row at a time: the careful way, for rows with quotes, ragged ones and giants.
 *
 *            "             "                  "              other
 *   START ------> QUOTED -----> CLOSED ---------> QUOTED   CLOSED ------> PLAIN (a stray quote)
 *     |  other                    | delimiter, line: the field's end
 *     +-------> PLAIN (a quote inside is an ordinary byte, and counted)
 *
 * Never fails: what cannot be is taken as it stands, and counted.
 */
#include "api/inspect/csv.h"

#include "api/common/mem.h"
#include <stdlib.h>
#include <string.h>

enum { START, PLAIN, QUOTED, CLOSED };

void row_init(struct row *r, char delimiter, char line, char quote)
{
    *r = (struct row){.delimiter = delimiter, .line = line, .quote = quote, .field_max = CELL_MAX};
}

void row_fini(struct row *r)
{
    free(r->bytes);
    free(r->starts);
    free(r->fields);
    *r = (struct row){0};
}

static void begin_field(struct row *r)
{
    if (r->count < ROW_FIELDS) {
        if (r->count == r->starts_room) {
            r->starts_room = r->starts_room ? r->starts_room * 2 : 64;
            r->starts = mem_grow(r->starts, r->starts_room, sizeof *r->starts);
        }
        r->starts[r->count] = (uint32_t)r->len;
    }
    r->count++;
    r->field_start = r->len;
    r->state = START;
}

static void begin_row(struct row *r)
{
    r->len = r->count = 0;
    r->cut = false;
    r->begun = true;
    begin_field(r);
}

static void keep(struct row *r, const char *s, size_t len)
{
    size_t of_field = r->len - r->field_start;
    size_t room = r->field_max > of_field ? r->field_max - of_field : 0;
    size_t left = ROW_KEEP > r->len ? ROW_KEEP - r->len : 0;
    size_t n = len < room ? len : room;
    n = n < left ? n : left;
    if (n < len && !r->cut) {
        r->cut = true;
        r->cut_fields++;
    }
    if (r->len + n > r->room) {
        r->room = r->len + n > 4096 ? (r->len + n) * 2 : 4096;
        r->bytes = mem_grow(r->bytes, r->room, 1);
    }
    if (n > 0)
        memcpy(r->bytes + r->len, s, n);
    r->len += n;
}

static void end_field(struct row *r)
{
    if (r->len < ROW_KEEP) {
        if (r->len + 1 > r->room) {
            r->room = r->room * 2 + 4096;
            r->bytes = mem_grow(r->bytes, r->room, 1);
        }
        r->bytes[r->len++] = r->delimiter;
    }
    begin_field(r);
}

/* A '\r' before the line's end is of the end. */
static void end_row(struct row *r)
{
    if (r->line == '\n' && r->len > r->field_start && r->bytes[r->len - 1] == '\r')
        r->len--;
    r->begun = false;
}

static size_t plain_run(const struct row *r, const char *s, size_t len)
{
    size_t i = 0;
    while (i < len && s[i] != r->delimiter && s[i] != r->line && (s[i] != r->quote))
        i++;
    return i;
}

bool row_feed(struct row *r, const char *s, size_t len, size_t *used)
{
    const bool quotes = r->quote != r->line;
    size_t i = 0;
    if (!r->begun && len > 0)
        begin_row(r);
    while (i < len) {
        char c = s[i];
        if (r->state == QUOTED) {
            const char *q = memchr(s + i, r->quote, len - i);
            size_t n = q ? (size_t)(q - s) - i : len - i;
            keep(r, s + i, n);
            i += n;
            if (q) {
                r->state = CLOSED;
                i++;
            }
        } else if (c == r->line) {
            end_row(r);
            *used = i + 1;
            return true;
        } else if (c == r->delimiter) {
            end_field(r);
            i++;
        } else if (quotes && c == r->quote) {
            if (r->state == START) {
                r->state = QUOTED;
            } else {
                r->stray_quotes += r->state == PLAIN;
                keep(r, s + i, 1);
                r->state = r->state == CLOSED ? QUOTED : PLAIN;
            }
            i++;
        } else {
            if (r->state == CLOSED && c != '\r')
                r->stray_quotes++;
            size_t n = plain_run(r, s + i, len - i);
            keep(r, s + i, n > 0 ? n : 1);
            i += n > 0 ? n : 1;
            r->state = PLAIN;
        }
    }
    *used = i;
    return false;
}

bool row_finish(struct row *r)
{
    if (!r->begun)
        return false;
    r->unclosed += r->state == QUOTED;
    end_row(r);
    return true;
}

size_t row_fields(struct row *r, const struct field **fields, size_t *kept)
{
    size_t n = r->count < ROW_FIELDS ? r->count : ROW_FIELDS;
    if (n > r->fields_room) {
        r->fields_room = n * 2;
        r->fields = mem_grow(r->fields, r->fields_room, sizeof *r->fields);
    }
    for (size_t i = 0; i < n; i++) {
        size_t from = r->starts[i], to = i + 1 < n ? r->starts[i + 1] : r->len;
        /* Each but the last has its delimiter behind it, unless the row's room had ended. */
        if (r->bytes && i + 1 < r->count && to > from && i + 1 < n)
            to -= r->bytes[to - 1] == r->delimiter;
        r->fields[i] = (struct field){r->bytes ? r->bytes + from : "", to - from};
    }
    *fields = r->fields;
    *kept = n;
    return r->count;
}

uint64_t row_hash(const struct row *r)
{
    return hash_bytes(r->bytes ? r->bytes : "", r->len);
}
