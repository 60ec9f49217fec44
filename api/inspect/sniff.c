/*
 * sniff.c - what the beginning of a delimited file tells of the rest: the delimiter, and whether the first row has names.
 */
#include "api/inspect/csv.h"

#include <string.h>

enum { SNIFF_ROWS = 200 };

/* How well a delimiter explains the rows: how many have the commonest number of fields, if that is above one. */
static size_t score(const char *s, size_t len, char delimiter, char line, size_t *fields)
{
    size_t counts[SNIFF_ROWS], rows = 0, best = 0, at = 0;
    struct row r;
    row_init(&r, delimiter, line, '"');
    while (at < len && rows < SNIFF_ROWS) {
        size_t used = 0;
        if (!row_feed(&r, s + at, len - at, &used))
            break;
        at += used;
        if (r.count > 1 || r.len > 0)
            counts[rows++] = r.count;
    }
    /* The last row may be cut; a file of one row has nothing else. */
    if (rows == 0 && row_finish(&r))
        counts[rows++] = r.count;
    row_fini(&r);
    *fields = 0;
    for (size_t i = 0; i < rows; i++) {
        size_t same = 0;
        for (size_t j = 0; j < rows; j++)
            same += counts[j] == counts[i];
        if (counts[i] > 1 && (same > best || (same == best && counts[i] > *fields))) {
            best = same;
            *fields = counts[i];
        }
    }
    return rows > 0 ? best * 1000 / rows : 0;
}

char sniff_delimiter(const char *s, size_t len, char line, bool is_table)
{
    static const char candidates[] = {',', ';', '\t', '|', ':'};
    size_t best = 0, best_fields = 0;
    char chosen = line;
    for (size_t i = 0; i < sizeof candidates; i++) {
        size_t fields, n = score(s, len, candidates[i], line, &fields);
        /* Prose has commas and colons, too: most rows must agree; for the colon (times, labels) all. */
        if (n < (candidates[i] == ':' ? 1000u : is_table ? 300u : 700u))
            continue;
        if (n > best || (n == best && fields > best_fields)) {
            best = n;
            best_fields = fields;
            chosen = candidates[i];
        }
    }
    return chosen;
}

static bool is_value(const struct field *f, bool decimal_comma)
{
    const char *s = f->text;
    size_t len = f->len;
    value_trim(&s, &len);
    struct value v = value_read(s, len, decimal_comma);
    struct ident_hits hits = ident_scan(s, len);
    return (v.kind != VALUE_TEXT && len > 0) || (hits.strong | hits.weak) != 0;
}

bool sniff_header(const struct field *sample, size_t total, size_t rows, bool decimal_comma, const struct encoding *c)
{
    size_t empty = 0;
    bool told = false;
    for (size_t i = 0; i < total; i++) {
        char name[COLUMN_NAME_MAX];
        const struct field *f = &sample[i];
        if (f->len == 0) {
            empty++;
            continue;
        }
        if (is_value(f, decimal_comma) || f->len > 200)
            return false;
        for (size_t j = i + 1; total < 1000 && j < total; j++)
            if (sample[j].len == f->len && memcmp(sample[j].text, f->text, f->len) == 0)
                return false;
        encoding_to_utf8(c, f->text, f->len, name, sizeof name);
        told |= hint_of(name).name != NULL;
        size_t values = 0, present = 0;
        for (size_t r = 1; r < rows; r++) {
            present += sample[r * total + i].len > 0;
            values += sample[r * total + i].len > 0 && is_value(&sample[r * total + i], decimal_comma);
        }
        told |= present > 0 && values * 2 > present;
    }
    return told && empty < total && (empty <= 1 || empty * 4 < total);
}
