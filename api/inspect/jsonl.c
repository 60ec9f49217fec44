/*
 * jsonl.c - see jsonl.h. A scan of its own: the house's JSON layer refuses what real files have (duplicate names,
 * numbers past 2^53), and a bad line here is a finding, not an error.
 */
#include "api/inspect/jsonl.h"

#include "api/common/mem.h"
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 16, NAMES_MAX = 4096, NAME_SLOTS = 8192, PATH_MAX_BYTES = 256 };

struct names { /* of members, by hash: a column, or one that is not profiled */
    uint64_t hash[NAME_SLOTS];
    uint32_t column[NAME_SLOTS]; /* + 1; 0: free */
    size_t count;
};

struct scan {
    const char *s;
    size_t at, len;
    char path[PATH_MAX_BYTES];
    struct table *t;
    struct names *names;
    size_t room;           /* columns */
    struct field *fields;  /* one a column that is profiled */
    char *scratch;         /* strings, unescaped: never longer than the line */
    size_t used;
};

#define NOT_PROFILED UINT32_MAX

static uint32_t column_of(struct scan *c, size_t len)
{
    uint64_t h = hash_bytes(c->path, len) | 1;
    for (size_t i = h & (NAME_SLOTS - 1);; i = (i + 1) & (NAME_SLOTS - 1)) {
        if (c->names->column[i] && c->names->hash[i] == h)
            return c->names->column[i] == NOT_PROFILED ? NOT_PROFILED : c->names->column[i] - 1;
        if (c->names->column[i])
            continue;
        if (c->names->count == NAMES_MAX)
            return NOT_PROFILED;
        c->names->count++;
        c->names->hash[i] = h;
        struct encoding utf8 = {.kind = ENCODING_UTF8};
        char name[COLUMN_NAME_MAX * 2];
        encoding_to_utf8(&utf8, c->path, len, name, sizeof name);
        if (!table_add_column(c->t, name, c->room)) {
            c->names->column[i] = NOT_PROFILED;
            return NOT_PROFILED;
        }
        uint32_t column = (uint32_t)c->t->count - 1;
        c->names->column[i] = column + 1;
        /* It was not there in the rows before. */
        c->t->columns[column].kinds[VALUE_MISSING] = c->t->columns[column].missing[0] = c->t->rows;
        c->fields[column] = (struct field){"", 0};
        return column;
    }
}

static void blanks(struct scan *c)
{
    while (c->at < c->len && (c->s[c->at] == ' ' || c->s[c->at] == '\t' || c->s[c->at] == '\r'))
        c->at++;
}

static bool take(struct scan *c, char what)
{
    blanks(c);
    if (c->at >= c->len || c->s[c->at] != what)
        return false;
    c->at++;
    return true;
}

static int hex4(const char *s)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int d = s[i] >= '0' && s[i] <= '9' ? s[i] - '0' : (s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'f' ? (s[i] | 0x20) - 'a' + 10 : -1;
        if (d < 0)
            return -1;
        v = v << 4 | d;
    }
    return v;
}

static size_t put_utf8(unsigned code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* \uXXXX at s, after the backslash; bytes read, 0: wrong. */
static size_t unicode(const char *s, size_t len, char *out, size_t *n)
{
    int high = len >= 5 ? hex4(s + 1) : -1;
    size_t read = 5;
    unsigned code;
    if (high < 0)
        return 0;
    code = (unsigned)high;
    if (code >= 0xd800 && code < 0xdc00 && len >= 11 && s[5] == '\\' && s[6] == 'u') {
        int low = hex4(s + 7);
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + ((unsigned)low - 0xdc00);
            read = 11;
        }
    }
    if (code >= 0xd800 && code < 0xe000)
        code = 0xfffd;
    *n = put_utf8(code, out);
    return read;
}

/* After the opening quote. What an escape stands for is never longer than the escape. */
static bool string(struct scan *c, struct field *out)
{
    char *to = c->scratch + c->used;
    size_t n = 0;
    while (c->at < c->len && c->s[c->at] != '"') {
        char ch = c->s[c->at];
        if (ch != '\\') {
            to[n++] = ch;
            c->at++;
            continue;
        }
        if (++c->at >= c->len)
            return false;
        static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
        const char *known = c->s[c->at] ? strchr(from, c->s[c->at]) : NULL;
        if (known) {
            to[n++] = into[known - from];
            c->at++;
        } else {
            size_t wide = 0, read = c->s[c->at] == 'u' ? unicode(c->s + c->at, c->len - c->at, to + n, &wide) : 0;
            if (read == 0)
                return false;
            n += wide;
            c->at += read;
        }
    }
    if (c->at >= c->len)
        return false;
    c->at++;
    *out = (struct field){to, n};
    c->used += n;
    return true;
}

static bool value(struct scan *c, size_t path_len, unsigned depth);

/* After the opening bracket: passes over an array, strings and all. */
static bool array(struct scan *c)
{
    unsigned depth = 1;
    while (c->at < c->len && depth > 0) {
        char ch = c->s[c->at++];
        if (ch == '"') {
            while (c->at < c->len && c->s[c->at] != '"')
                c->at += c->s[c->at] == '\\' ? 2 : 1;
            if (c->at >= c->len)
                return false;
            c->at++;
        }
        depth += ch == '[' || ch == '{';
        depth -= ch == ']' || ch == '}';
    }
    return depth == 0 && c->at <= c->len;
}

static bool object(struct scan *c, size_t path_len, unsigned depth)
{
    if (take(c, '}'))
        return true;
    do {
        struct field name;
        blanks(c);
        if (!take(c, '"') || !string(c, &name) || !take(c, ':'))
            return false;
        size_t n = path_len;
        if (n > 0 && n + 1 < sizeof c->path)
            c->path[n++] = '.';
        size_t fits = name.len < sizeof c->path - n ? name.len : sizeof c->path - n;
        memcpy(c->path + n, name.text, fits);
        if (!value(c, n + fits, depth + 1))
            return false;
    } while (take(c, ','));
    return take(c, '}');
}

static bool literal(const char *s, size_t len)
{
    struct value v;
    if ((len == 4 && (memcmp(s, "true", 4) == 0 || memcmp(s, "null", 4) == 0)) || (len == 5 && memcmp(s, "false", 5) == 0))
        return true;
    return len > 0 && *s != '+' && *s != '.' && value_number(s, len, false, &v) && memchr(s, ' ', len) == NULL;
}

static bool value(struct scan *c, size_t path_len, unsigned depth)
{
    struct field f;
    blanks(c);
    size_t from = c->at;
    if (c->at >= c->len || depth > DEPTH_MAX)
        return false;
    if (take(c, '{'))
        return object(c, path_len, depth);
    if (take(c, '[')) {
        if (!array(c))
            return false;
        f = (struct field){c->s + from, c->at - from};
    } else if (take(c, '"')) {
        if (!string(c, &f))
            return false;
    } else {
        while (c->at < c->len && !strchr(",}] \t\r", c->s[c->at]) && c->s[c->at])
            c->at++;
        f = (struct field){c->s + from, c->at - from};
        if (!literal(f.text, f.len))
            return false;
    }
    uint32_t column = column_of(c, path_len);
    if (column != NOT_PROFILED) {
        f.len = f.len < CELL_MAX ? f.len : CELL_MAX;
        c->fields[column] = f;
    }
    return true;
}

/* One line; false: not an object. Columns that it named before it broke stay: they are real names. */
static bool line(struct scan *c, const char *s, size_t len)
{
    c->s = s;
    c->len = len;
    c->at = c->used = 0;
    for (size_t i = 0; i < c->t->count; i++)
        c->fields[i] = (struct field){"", 0};
    if (!take(c, '{') || !object(c, 0, 1))
        return false;
    blanks(c);
    return c->at == len;
}

bool jsonl_sniff(const char *s, size_t len)
{
    size_t i = 0;
    while (i < len && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t'))
        i++;
    if (i >= len || s[i] != '{')
        return false;
    const char *end = memchr(s + i, '\n', len - i);
    size_t n = end ? (size_t)(end - s) - i : len - i;
    while (n > 0 && (s[i + n - 1] == '\r' || s[i + n - 1] == ' '))
        n--;
    size_t k = 1;
    while (k < n && (s[i + k] == ' ' || s[i + k] == '\t'))
        k++;
    return k < n && (s[i + k] == '"' || s[i + k] == '}') && (!end || s[i + n - 1] == '}');
}

static void take_line(struct scan *c, struct row *r, struct jsonl_facts *facts, uint64_t number)
{
    const struct field *f;
    size_t kept;
    (void)row_fields(r, &f, &kept);
    const char *s = f[0].text;
    size_t len = f[0].len;
    value_trim(&s, &len);
    if (len == 0) {
        facts->blank_lines++;
        return;
    }
    if (!r->cut)
        encoding_check(&facts->encoding, s, len, number, '\n');
    if (r->cut || !line(c, s, len)) {
        facts->bad_lines++;
        if (facts->first_bad_line == 0)
            facts->first_bad_line = number;
        return;
    }
    if (c->t->rows == 0)
        table_choose_quasi(c->t, NULL, 0);
    table_row(c->t, c->fields, c->t->total, hash_bytes(s, len));
}

int jsonl_profile(struct feed *f, size_t columns, struct table *t, struct jsonl_facts *facts, struct err *e)
{
    struct row row;
    struct scan c = {.t = t, .room = columns};
    uint64_t number = 0;
    int rc = 0;
    *facts = (struct jsonl_facts){.encoding = facts->encoding};
    table_init(t, NULL, 0, 0, false);
    row_init(&row, '\n', '\n', '\n');
    row.field_max = ROW_KEEP;
    c.names = mem_alloc(sizeof *c.names);
    c.scratch = mem_alloc(ROW_KEEP + 16);
    c.fields = mem_alloc((columns + 1) * sizeof *c.fields);
    for (bool going = true; going && rc == 0;) {
        size_t used = 0;
        bool done = f->start < f->end && row_feed(&row, f->window + f->start, f->end - f->start, &used);
        f->start += used;
        if (!done && f->ended) {
            done = row_finish(&row);
            going = false;
        }
        if (done)
            take_line(&c, &row, facts, ++number);
        else if (going)
            rc = feed_more(f, e);
    }
    row_fini(&row);
    free(c.names);
    free(c.scratch);
    free(c.fields);
    return rc;
}
