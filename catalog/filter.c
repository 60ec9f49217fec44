/*
 * filter.c - the parser behind filter.h: one look ahead, no recursion but for parentheses.
 *
 * The text comes from anybody who may list: it is bounded first, checked to be UTF-8 without control
 * characters, and every node is in the request's arena. tests/fuzz/fuzz_filter.c feeds it.
 */
#include "catalog/filter.h"

#include "api/common/buf.h"
#include "api/common/text.h"
#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum token_type {
    T_END,
    T_WORD,    /* not quoted: a key, a keyword or a number */
    T_KEY,     /* `...` */
    T_SINGLE,  /* '...' */
    T_DOUBLE,  /* "...": a key or a text, by where it stands */
    T_COMPARE, /* = != < <= > >= */
    T_OPEN,
    T_CLOSE,
    T_COMMA,
    T_DOT, /* right after a kind and before a quoted key */
    T_BAD
};

struct token {
    enum token_type type;
    const char *start; /* as it stands in the text */
    size_t len;
    const char *text; /* what it says, in the arena: unquoted */
    enum filter_op op;
};

struct parser {
    const char *text, *p;
    const char *field; /* of errors */
    struct arena *a;
    struct token now; /* the one to be taken */
    size_t compares, depth;
    struct err *e;
};

static const char *const op_names[] = {
    [FILTER_EQ] = "=",       [FILTER_NE] = "!=",           [FILTER_LT] = "<",
    [FILTER_LE] = "<=",      [FILTER_GT] = ">",            [FILTER_GE] = ">=",
    [FILTER_LIKE] = "LIKE",  [FILTER_ILIKE] = "ILIKE",     [FILTER_IN] = "IN",
    [FILTER_NOT_IN] = "NOT IN", [FILTER_IS_NULL] = "IS NULL", [FILTER_IS_NOT_NULL] = "IS NOT NULL",
};
static_assert(sizeof op_names / sizeof *op_names == FILTER_OP_COUNT, "one name an operator");

static const struct {
    const char *word;
    enum filter_kind kind;
} kinds[] = {
    {"attributes", FILTER_ATTRIBUTE}, {"metrics", FILTER_METRIC}, {"params", FILTER_PARAM},
    {"tags", FILTER_TAG},             {"datasets", FILTER_DATASET},
    {"attribute", FILTER_ATTRIBUTE},  {"attr", FILTER_ATTRIBUTE}, {"run", FILTER_ATTRIBUTE},
    {"metric", FILTER_METRIC},        {"param", FILTER_PARAM},    {"parameters", FILTER_PARAM},
    {"parameter", FILTER_PARAM},      {"tag", FILTER_TAG},        {"dataset", FILTER_DATASET},
};

const char *filter_kind_name(enum filter_kind kind)
{
    return kinds[kind].word; /* the first rows are in the order of the enum */
}

const char *filter_op_name(enum filter_op op)
{
    return op_names[op];
}

/* ---- errors ---- */

/* Characters, not bytes: what a person counts. */
static size_t character(const struct parser *s, const char *at)
{
    size_t n = 1;
    for (const char *p = s->text; p < at; p++)
        n += ((unsigned char)*p & 0xc0) != 0x80;
    return n;
}

static int expected(const struct parser *s, const char *what)
{
    char found[40];
    const struct token *t = &s->now;
    if (t->type == T_END)
        return err_set(s->e, E_INVALID, s->field, NULL,
                       "at character %zu of the %s: expected %s, and the text ends there",
                       character(s, t->start), s->field, what);
    if (t->type == T_BAD && (*t->start == '\'' || *t->start == '"' || *t->start == '`'))
        return err_set(s->e, E_INVALID, s->field, NULL,
                       "at character %zu of the %s: expected another %c, and the text ends first",
                       character(s, t->start), s->field, *t->start);
    text_sanitize(t->start, t->len, found, sizeof found);
    return err_set(s->e, E_INVALID, s->field, NULL,
                   "at character %zu of the %s: expected %s, found %s", character(s, t->start),
                   s->field, what, found);
}

static int too_many(const struct parser *s, const char *what, int most)
{
    return err_set(s->e, E_LIMIT, s->field, NULL, "at character %zu of the %s: more than %d %s",
                   character(s, s->now.start), s->field, most, what);
}

/* ---- tokens ---- */

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '.' || c == '-' || c == '/' || c == '+' || (unsigned char)c >= 0x80;
}

static void read_quoted(struct parser *s, char quote, enum token_type type)
{
    struct token *t = &s->now;
    const char *p = t->start + 1;
    while (*p && !(*p == quote && p[1] != quote))
        p += *p == quote ? 2 : 1;
    t->len = (size_t)(p - t->start);
    if (!*p) {
        t->type = T_BAD;
        s->p = p;
        return;
    }
    char *text = arena_alloc(s->a, t->len + 1), *to = text;
    for (const char *q = t->start + 1; q < p; q++) {
        *to++ = *q;
        q += *q == quote; /* the second of two */
    }
    *to = 0;
    t->type = type;
    t->text = text;
    t->len++;
    s->p = p + 1;
}

static void advance(struct parser *s)
{
    struct token *t = &s->now;
    while (*s->p == ' ')
        s->p++;
    *t = (struct token){.type = T_BAD, .start = s->p, .len = 1};
    switch (*s->p) {
    case 0: *t = (struct token){.type = T_END, .start = s->p}; return;
    case '(': t->type = T_OPEN; break;
    case ')': t->type = T_CLOSE; break;
    case ',': t->type = T_COMMA; break;
    case '\'': read_quoted(s, '\'', T_SINGLE); return;
    case '"': read_quoted(s, '"', T_DOUBLE); return;
    case '`': read_quoted(s, '`', T_KEY); return;
    case '=':
        t->type = T_COMPARE;
        t->op = FILTER_EQ;
        t->len = s->p[1] == '=' ? 2 : 1;
        break;
    case '!':
        if (s->p[1] == '=')
            *t = (struct token){.type = T_COMPARE, .start = s->p, .len = 2, .op = FILTER_NE};
        break;
    case '<':
        t->type = T_COMPARE;
        t->len = s->p[1] == '=' || s->p[1] == '>' ? 2 : 1;
        t->op = s->p[1] == '=' ? FILTER_LE : s->p[1] == '>' ? FILTER_NE : FILTER_LT;
        break;
    case '>':
        t->type = T_COMPARE;
        t->len = s->p[1] == '=' ? 2 : 1;
        t->op = s->p[1] == '=' ? FILTER_GE : FILTER_GT;
        break;
    default:
        if (!is_word(*s->p))
            break;
        t->len = 0;
        while (is_word(s->p[t->len]))
            t->len++;
        t->type = T_WORD;
        t->text = arena_strndup(s->a, s->p, t->len);
    }
    s->p += t->len;
}

static bool is_keyword(const struct parser *s, const char *word)
{
    return s->now.type == T_WORD && strcasecmp(s->now.text, word) == 0;
}

/* ---- idents and values ---- */

static int find_kind(const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].word) == len && strncasecmp(kinds[i].word, word, len) == 0)
            return (int)kinds[i].kind;
    return -1;
}

static int parse_ident(struct parser *s, struct filter_ident *out)
{
    struct token t = s->now;
    *out = (struct filter_ident){.kind = FILTER_ATTRIBUTE, .at = character(s, t.start)};
    if (t.type == T_KEY || t.type == T_DOUBLE) {
        out->key = t.text;
    } else if (t.type == T_WORD) {
        size_t head = strcspn(t.text, ".");
        int kind = t.text[head] == '.' ? find_kind(t.text, head) : -1;
        out->key = kind >= 0 ? t.text + head + 1 : t.text;
        out->kind = kind >= 0 ? (enum filter_kind)kind : FILTER_ATTRIBUTE;
        if (t.text[head] == '.' && kind < 0)
            return err_set(s->e, E_INVALID, s->field,
                           "attributes. metrics. params. tags. datasets.; a name with a point in it "
                           "stands after one of them",
                           "at character %zu of the %s: there is no kind %.*s", out->at, s->field,
                           (int)(head < 60 ? head : 60), t.text);
        /* metrics.`a b`: the quoted key is a token of its own. */
        if (kind >= 0 && !*out->key && (*s->p == '`' || *s->p == '"')) {
            advance(s);
            if (s->now.type != T_KEY && s->now.type != T_DOUBLE)
                return expected(s, "a name and the quote that ends it");
            out->key = s->now.text;
        }
    } else {
        return expected(s, "a name, such as metrics.auc or state");
    }
    if (!*out->key)
        return err_set(s->e, E_INVALID, s->field, NULL, "at character %zu of the %s: a name is empty",
                       out->at, s->field);
    if (strlen(out->key) > FILTER_KEY_MAX_BYTES)
        return err_set(s->e, E_LIMIT, s->field, NULL,
                       "at character %zu of the %s: a name has more than %d bytes", out->at,
                       s->field, FILTER_KEY_MAX_BYTES);
    advance(s);
    return 0;
}

/* Decimal only: strtod also knows hexadecimal, nan and inf. */
static bool is_number(const char *w)
{
    const char *p = w + (*w == '-' || *w == '+');
    size_t whole = strspn(p, "0123456789"), part = 0;
    p += whole;
    if (*p == '.') {
        part = strspn(p + 1, "0123456789");
        p += 1 + part;
    }
    if (whole + part == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        p += 1 + (p[1] == '-' || p[1] == '+');
        size_t digits = strspn(p, "0123456789");
        if (digits == 0)
            return false;
        p += digits;
    }
    return *p == 0;
}

static int parse_number(struct parser *s, struct filter_value *out)
{
    const char *w = s->now.text;
    char *end;
    out->type = FILTER_NUMBER;
    out->number = strtod(w, &end);
    if (!isfinite(out->number))
        return expected(s, "a number that fits in 64 bits");
    if (strspn(w, "-+0123456789") == strlen(w)) {
        errno = 0;
        long long n = strtoll(w, &end, 10);
        if (errno == 0) {
            out->type = FILTER_INTEGER;
            out->integer = n;
        }
    }
    return 0;
}

static int parse_value(struct parser *s, struct filter_value *out)
{
    *out = (struct filter_value){.type = FILTER_TEXT, .at = character(s, s->now.start)};
    if (s->now.type == T_SINGLE || s->now.type == T_DOUBLE) {
        out->text = s->now.text;
    } else if (is_keyword(s, "true") || is_keyword(s, "false")) {
        out->type = FILTER_BOOL;
        out->integer = is_keyword(s, "true");
        out->number = (double)out->integer;
    } else if (s->now.type == T_WORD && is_number(s->now.text)) {
        if (parse_number(s, out) < 0)
            return -1;
    } else {
        return expected(s, "a number, or a text between quotes");
    }
    advance(s);
    return 0;
}

static int parse_list(struct parser *s, struct filter *f)
{
    struct filter_value list[FILTER_IN_MAX];
    if (s->now.type != T_OPEN)
        return expected(s, "( and a list of values");
    do {
        advance(s);
        if (f->count == FILTER_IN_MAX)
            return too_many(s, "values in one list", FILTER_IN_MAX);
        if (parse_value(s, &list[f->count]) < 0)
            return -1;
        f->count++;
    } while (s->now.type == T_COMMA);
    if (s->now.type != T_CLOSE)
        return expected(s, ", or )");
    advance(s);
    struct filter_value *values = arena_alloc(s->a, f->count * sizeof *values);
    memcpy(values, list, f->count * sizeof *values);
    f->values = values;
    return 0;
}

/* ---- comparisons ---- */

static int parse_operator(struct parser *s, enum filter_op *out)
{
    if (s->now.type == T_COMPARE) {
        *out = s->now.op;
    } else if (is_keyword(s, "LIKE")) {
        *out = FILTER_LIKE;
    } else if (is_keyword(s, "ILIKE")) {
        *out = FILTER_ILIKE;
    } else if (is_keyword(s, "IN")) {
        *out = FILTER_IN;
    } else if (is_keyword(s, "NOT")) {
        advance(s);
        if (!is_keyword(s, "IN"))
            return expected(s, "IN");
        *out = FILTER_NOT_IN;
    } else if (is_keyword(s, "IS")) {
        advance(s);
        *out = is_keyword(s, "NOT") ? FILTER_IS_NOT_NULL : FILTER_IS_NULL;
        if (*out == FILTER_IS_NOT_NULL)
            advance(s);
        if (!is_keyword(s, "NULL"))
            return expected(s, "NULL");
    } else {
        return expected(s, "a comparison (=,!=,<,<=,>,>=, LIKE, ILIKE, IN, NOT IN, IS NULL)");
    }
    advance(s);
    return 0;
}

static int parse_compare(struct parser *s, const struct filter **out)
{
    if (s->compares++ == FILTER_COMPARES)
        return too_many(s, "comparisons", FILTER_COMPARES);
    struct filter *f = arena_alloc(s->a, sizeof *f);
    f->what = FILTER_COMPARE;
    if (parse_ident(s, &f->ident) < 0 || parse_operator(s, &f->op) < 0)
        return -1;
    *out = f;
    if (f->op == FILTER_IS_NULL || f->op == FILTER_IS_NOT_NULL)
        return 0;
    if (f->op == FILTER_IN || f->op == FILTER_NOT_IN)
        return parse_list(s, f);
    if ((f->op == FILTER_LIKE || f->op == FILTER_ILIKE) && s->now.type != T_SINGLE &&
        s->now.type != T_DOUBLE)
        return expected(s, "a text between quotes");
    struct filter_value *value = arena_alloc(s->a, sizeof *value);
    if (parse_value(s, value) < 0)
        return -1;
    f->values = value;
    f->count = 1;
    return 0;
}

static const struct filter *join(struct parser *s, bool or, const struct filter *left,
                                 const struct filter *right)
{
    struct filter *f = arena_alloc(s->a, sizeof *f);
    *f = (struct filter){.what = or ? FILTER_OR : FILTER_AND, .left = left, .right = right};
    return f;
}

static int parse_or(struct parser *s, const struct filter **out);

static int parse_one(struct parser *s, const struct filter **out)
{
    if (s->now.type != T_OPEN)
        return parse_compare(s, out);
    if (s->depth++ == FILTER_DEPTH)
        return too_many(s, "parentheses in each other", FILTER_DEPTH);
    advance(s);
    if (parse_or(s, out) < 0)
        return -1;
    if (s->now.type != T_CLOSE)
        return expected(s, "AND, OR or )");
    s->depth--;
    advance(s);
    return 0;
}

static int parse_and(struct parser *s, const struct filter **out)
{
    if (parse_one(s, out) < 0)
        return -1;
    while (is_keyword(s, "AND")) {
        const struct filter *right;
        advance(s);
        if (parse_one(s, &right) < 0)
            return -1;
        *out = join(s, false, *out, right);
    }
    return 0;
}

static int parse_or(struct parser *s, const struct filter **out)
{
    if (parse_and(s, out) < 0)
        return -1;
    while (is_keyword(s, "OR")) {
        const struct filter *right;
        advance(s);
        if (parse_and(s, &right) < 0)
            return -1;
        *out = join(s, true, *out, right);
    }
    return 0;
}

/* ---- from outside ---- */

static int begin(struct parser *s, const char *text, const char *field, struct arena *a,
                 struct err *e)
{
    *s = (struct parser){.text = text, .p = text, .field = field, .a = a, .e = e};
    size_t len = strlen(text);
    if (len > FILTER_MAX_BYTES)
        return err_set(e, E_LIMIT, field, NULL, "the %s has %zu bytes, more than %d", field, len,
                       FILTER_MAX_BYTES);
    if (!text_is_utf8(text, len) || text_has_control(text, len))
        return err_set(e, E_INVALID, field, NULL,
                       "the %s is not UTF-8 without control characters", field);
    advance(s);
    return 0;
}

int filter_parse(const char *text, struct arena *a, const struct filter **out, struct err *e)
{
    struct parser s;
    *out = NULL;
    if (!text)
        return 0;
    if (begin(&s, text, "filter", a, e) < 0)
        return -1;
    if (s.now.type == T_END)
        return 0;
    if (parse_or(&s, out) < 0)
        return -1;
    return s.now.type == T_END ? 0 : expected(&s, "AND, OR or the end");
}

int filter_parse_order(const char *text, struct arena *a, const struct filter_order **out,
                       size_t *count, struct err *e)
{
    struct filter_order *list = arena_alloc(a, FILTER_ORDERS * sizeof *list);
    struct parser s;
    *out = list;
    *count = 0;
    if (!text)
        return 0;
    if (begin(&s, text, "order_by", a, e) < 0)
        return -1;
    while (s.now.type != T_END) {
        if (*count == FILTER_ORDERS)
            return too_many(&s, "keys", FILTER_ORDERS);
        struct filter_order *o = &list[(*count)++];
        if (parse_ident(&s, &o->ident) < 0)
            return -1;
        if (is_keyword(&s, "DESC") || is_keyword(&s, "ASC")) {
            o->descending = is_keyword(&s, "DESC");
            advance(&s);
        }
        if (s.now.type == T_END)
            break;
        if (s.now.type != T_COMMA)
            return expected(&s, "ASC, DESC, a comma or the end");
        advance(&s);
        if (s.now.type == T_END)
            return expected(&s, "a name, such as metrics.auc or state");
    }
    return 0;
}

/* ---- printing ---- */

static void print_quoted(const char *text, char quote, struct buf *out)
{
    buf_add_char(out, quote);
    for (const char *p = text; *p; p++) {
        if (*p == quote)
            buf_add_char(out, quote);
        buf_add_char(out, *p);
    }
    buf_add_char(out, quote);
}

static void print_value(const struct filter_value *v, struct buf *out)
{
    switch (v->type) {
    case FILTER_TEXT: print_quoted(v->text, '\'', out); break;
    case FILTER_BOOL: buf_add_str(out, v->integer ? "true" : "false"); break;
    case FILTER_INTEGER: buf_printf(out, "%lld", (long long)v->integer); break;
    case FILTER_NUMBER: buf_printf(out, "%.17e", v->number); break;
    }
}

static void print_compare(const struct filter *f, struct buf *out)
{
    buf_printf(out, "%s.", filter_kind_name(f->ident.kind));
    print_quoted(f->ident.key, '`', out);
    buf_printf(out, " %s", op_names[f->op]);
    if (f->op == FILTER_IN || f->op == FILTER_NOT_IN) {
        buf_add_str(out, " (");
        for (size_t i = 0; i < f->count; i++) {
            buf_add_str(out, i ? ", " : "");
            print_value(&f->values[i], out);
        }
        buf_add_char(out, ')');
    } else if (f->count > 0) {
        buf_add_char(out, ' ');
        print_value(f->values, out);
    }
}

/* A row of ANDs leans to the left: without parentheses there its depth is one. */
static void print_side(const struct filter *f, const struct filter *side, bool left,
                       struct buf *out)
{
    bool bare = side->what == FILTER_COMPARE || (left && side->what == f->what);
    buf_add_str(out, bare ? "" : "(");
    filter_print(side, out);
    buf_add_str(out, bare ? "" : ")");
}

void filter_print(const struct filter *f, struct buf *out)
{
    if (!f)
        return;
    if (f->what == FILTER_COMPARE) {
        print_compare(f, out);
        return;
    }
    print_side(f, f->left, true, out);
    buf_add_str(out, f->what == FILTER_AND ? " AND " : " OR ");
    print_side(f, f->right, false, out);
}
