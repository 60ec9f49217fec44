/*
 * list_filter.c - the conditions of a filter: checked against a kind's table, then written as SQL.
 */
#include "catalog/list_build.h"

#include "api/common/text.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- statements ---- */

void build_init(struct build *b)
{
    *b = (struct build){.sql = BUF_INIT(BUILD_SQL_MAX_BYTES)};
}

void build_fini(struct build *b)
{
    buf_fini(&b->sql);
    mem_free_at(&b->values);
}

void build_clear(struct build *b)
{
    buf_clear(&b->sql);
    b->count = 0;
}

void build_put(struct build *b, const char *piece)
{
    buf_add_str(&b->sql, piece);
}

static void add_value(struct build *b, struct cat_value v)
{
    if (b->count == b->room) {
        b->room = b->room ? 2 * b->room : 32;
        b->values = mem_grow(b->values, b->room, sizeof *b->values);
    }
    b->values[b->count++] = v;
}

void build_value(struct build *b, struct cat_value v)
{
    build_put(b, "?");
    add_value(b, v);
}

void build_put_with(struct build *b, const char *piece, struct cat_value v)
{
    build_put(b, piece);
    add_value(b, v);
}

/* ---- dates ---- */

static bool digits(const char **p, int count, int *out)
{
    *out = 0;
    for (int i = 0; i < count; i++, ++*p) {
        if (**p < '0' || **p > '9')
            return false;
        *out = *out * 10 + (**p - '0');
    }
    return true;
}

static bool expect(const char **p, char c)
{
    return **p == c && (++*p, true);
}

/* Days since 1970-01-01 in the Gregorian calendar: years begin in March, so that the leap day is last. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400, of_era = y % 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool parse_zone(const char **p, int64_t *seconds)
{
    int sign = **p == '-' ? -1 : 1, h = 0, m = 0;
    *seconds = 0;
    if (!**p || expect(p, 'Z'))
        return !**p;
    if (**p != '+' && **p != '-')
        return false;
    ++*p;
    if (!digits(p, 2, &h) || (expect(p, ':'), false) || !digits(p, 2, &m) || h > 14 || m > 59)
        return false;
    *seconds = sign * (h * 3600 + m * 60);
    return !**p;
}

bool list_parse_date(const char *text, int64_t *us)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day, h = 0, m = 0, s = 0;
    int64_t fraction = 0, zone = 0;
    const char *p = text;
    if (!digits(&p, 4, &year) || !expect(&p, '-') || !digits(&p, 2, &month) || !expect(&p, '-') ||
        !digits(&p, 2, &day) || year < 1970 || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > lengths[month - 1] + (leap && month == 2))
        return false;
    if (*p == 'T' || *p == ' ') {
        p++;
        if (!digits(&p, 2, &h) || !expect(&p, ':') || !digits(&p, 2, &m) || h > 23 || m > 59)
            return false;
        if (expect(&p, ':') && (!digits(&p, 2, &s) || s > 59))
            return false;
        int64_t unit = 100000;
        if (expect(&p, '.'))
            for (; *p >= '0' && *p <= '9'; p++, unit /= 10)
                fraction += (*p - '0') * unit;
        if (!parse_zone(&p, &zone))
            return false;
    }
    *us = (days_of(year, month, day) * 86400 + h * 3600 + m * 60 + s - zone) * 1000000 + fraction;
    return !*p;
}

/* ---- checks ---- */

int list_column_find(const struct list_kind *kind, const struct filter_ident *ident,
                     const char *field, const struct list_column **out, struct err *e)
{
    bool related = ident->kind == FILTER_DATASET;
    const struct list_column *columns =
        related ? (kind->related ? kind->related->columns : NULL) : kind->columns;
    if (!columns)
        return err_set(e, E_INVALID, field, NULL, "at character %zu of the %s: this list has no %s",
                       ident->at, field, filter_kind_name(ident->kind));
    char known[170] = "";
    bool full = false;
    for (const struct list_column *c = columns; c->name; c++) {
        if (!strcmp(c->name, ident->key)) {
            *out = c;
            return 0;
        }
        size_t len = strlen(known); /* whole names, then an ellipsis */
        if (!full && len + strlen(c->name) + sizeof "known:  …" > sizeof known) {
            snprintf(known + len, sizeof known - len, " …");
            full = true;
        }
        if (!full)
            snprintf(known + len, sizeof known - len, "%s%s", len ? " " : "known: ", c->name);
    }
    char name[60];
    text_sanitize(ident->key, strlen(ident->key), name, sizeof name);
    return err_set(e, E_INVALID, field, known, "at character %zu of the %s: this list has no %s.%s",
                   ident->at, field, filter_kind_name(ident->kind), name);
}

static int bad_op(const struct filter *f, const char *hint, struct err *e)
{
    return err_set(e, E_INVALID, "filter", hint,
                   "at character %zu of the filter: %s.%.60s cannot be compared by %s", f->ident.at,
                   filter_kind_name(f->ident.kind), f->ident.key, filter_op_name(f->op));
}

static int bad_value(const struct filter *f, const struct filter_value *v, const char *hint,
                     struct err *e)
{
    return err_set(e, E_INVALID, "filter", hint,
                   "at character %zu of the filter: this is no value for %s.%.60s", v->at,
                   filter_kind_name(f->ident.kind), f->ident.key);
}

static bool is_ordering(enum filter_op op)
{
    return op == FILTER_LT || op == FILTER_LE || op == FILTER_GT || op == FILTER_GE;
}

static bool is_like(enum filter_op op)
{
    return op == FILTER_LIKE || op == FILTER_ILIKE;
}

static bool is_null_op(enum filter_op op)
{
    return op == FILTER_IS_NULL || op == FILTER_IS_NOT_NULL;
}

static int check_choice(const struct filter *f, const struct list_column *c,
                        const struct filter_value *v, struct err *e)
{
    char known[170] = "one of:";
    for (const char *const *choice = c->choices; *choice; choice++) {
        if (v->type == FILTER_TEXT && !strcmp(*choice, v->text))
            return 0;
        snprintf(known + strlen(known), sizeof known - strlen(known), " %s", *choice);
    }
    return bad_value(f, v, known, e);
}

static int check_type(const struct filter *f, enum list_type type, const struct list_column *c,
                      struct err *e)
{
    int64_t us;
    if (is_null_op(f->op))
        return 0;
    if (is_ordering(f->op) && (type == LIST_TEXT || type == LIST_CHOICE || type == LIST_BOOL))
        return bad_op(f, type == LIST_TEXT ? "a text has =,!=, LIKE, ILIKE and IN" : "it has =,!= and IN", e);
    if (is_like(f->op) && type != LIST_TEXT)
        return bad_op(f, "LIKE and ILIKE are for texts", e);
    if (type == LIST_DATE && !is_ordering(f->op))
        return bad_op(f, "a date has < <= > >=: a day is >= its date and < the next one", e);
    for (size_t i = 0; i < f->count; i++) {
        const struct filter_value *v = &f->values[i];
        bool number = v->type == FILTER_NUMBER || v->type == FILTER_INTEGER;
        switch (type) {
        case LIST_TEXT:
            if (v->type != FILTER_TEXT)
                return bad_value(f, v, "it is a text: put the value between quotes", e);
            break;
        case LIST_CHOICE:
            if (check_choice(f, c, v, e) < 0)
                return -1;
            break;
        case LIST_INTEGER:
            if (!number)
                return bad_value(f, v, "it is a number, without quotes", e);
            break;
        case LIST_DATE:
            if (v->type != FILTER_TEXT || !list_parse_date(v->text, &us))
                return bad_value(
                    f, v, "a date is \"2026-11-24\" or \"2026-11-24T13:30:00Z\", between quotes", e);
            break;
        case LIST_BOOL:
            if (v->type != FILTER_BOOL)
                return bad_value(f, v, "true or false, without quotes", e);
            break;
        }
    }
    return 0;
}

int list_filter_check(const struct list_kind *kind, const struct filter *f, struct err *e)
{
    const struct list_column *c;
    if (f->what != FILTER_COMPARE)
        return list_filter_check(kind, f->left, e) < 0 ? -1 : list_filter_check(kind, f->right, e);
    if (f->ident.kind == FILTER_ATTRIBUTE || f->ident.kind == FILTER_DATASET)
        return list_column_find(kind, &f->ident, "filter", &c, e) < 0
                   ? -1
                   : check_type(f, c->type, c, e);
    const struct list_pair *pair = kind->pairs[f->ident.kind];
    if (!pair)
        return err_set(e, E_INVALID, "filter", NULL,
                       "at character %zu of the filter: this list has no %s", f->ident.at,
                       filter_kind_name(f->ident.kind));
    return check_type(f, pair->number ? LIST_INTEGER : LIST_TEXT, NULL, e);
}

/* ---- writing ---- */

static struct cat_value bind_value(enum list_type type, const struct filter_value *v)
{
    int64_t us = 0;
    if (type == LIST_DATE && v->type == FILTER_TEXT && list_parse_date(v->text, &us))
        return V_I(us);
    switch (v->type) {
    case FILTER_TEXT: return V_T(v->text);
    case FILTER_NUMBER: return V_D(v->number);
    case FILTER_INTEGER:
    case FILTER_BOOL: return V_I(v->integer);
    }
    return V_NULL;
}

static const char *const op_sql[FILTER_OP_COUNT] = {
    [FILTER_EQ] = " = ",          [FILTER_NE] = " != ",
    [FILTER_LT] = " < ",          [FILTER_LE] = " <= ",
    [FILTER_GT] = " > ",          [FILTER_GE] = " >= ",
    [FILTER_IN] = " IN (",        [FILTER_NOT_IN] = " NOT IN (",
    [FILTER_IS_NULL] = " IS NULL", [FILTER_IS_NOT_NULL] = " IS NOT NULL",
};

static void put_compare(struct build *b, const char *sql, enum list_type type,
                        const struct filter *f)
{
    if (is_like(f->op)) {
        build_put(b, f->op == FILTER_LIKE ? "enclos_like(" : "enclos_ilike(");
        build_value(b, bind_value(type, f->values));
        build_put(b, ", ");
        build_put(b, sql);
        build_put(b, ")");
        return;
    }
    build_put(b, sql);
    build_put(b, op_sql[f->op]);
    for (size_t i = 0; i < f->count; i++) {
        build_put(b, i ? ", " : "");
        build_value(b, bind_value(type, &f->values[i]));
    }
    if (f->op == FILTER_IN || f->op == FILTER_NOT_IN)
        build_put(b, ")");
}

static bool is_equal(const struct list_column *c, const struct filter *f)
{
    return c->equal && f->op == FILTER_EQ;
}

static void put_column(struct build *b, const struct list_column *c, const struct filter *f)
{
    if (is_equal(c, f))
        build_put_with(b, c->equal, bind_value(c->type, f->values));
    else
        put_compare(b, c->sql, c->type, f);
}

static void put_one(struct build *b, const struct list_kind *kind, const struct filter *f)
{
    struct err e = {0};
    const struct list_column *c = NULL;
    const struct list_pair *pair = kind->pairs[f->ident.kind];
    if (pair) {
        build_put(b, f->op == FILTER_IS_NULL ? "NOT " : "");
        build_put_with(b, pair->exists, V_T(f->ident.key));
        if (!is_null_op(f->op)) {
            build_put(b, " AND ");
            put_compare(b, pair->value, pair->number ? LIST_INTEGER : LIST_TEXT, f);
        }
        build_put(b, ")");
        return;
    }
    int rc = list_column_find(kind, &f->ident, "filter", &c, &e);
    assert(rc == 0); /* the tree was checked */
    if (rc < 0)
        return;
    if (f->ident.kind == FILTER_DATASET) {
        build_put(b, f->op == FILTER_IS_NULL ? "NOT " : "");
        build_put(b, kind->related->exists);
        if (!is_null_op(f->op)) {
            build_put(b, " AND ");
            put_compare(b, c->sql, c->type, f);
        }
        build_put(b, ")");
        return;
    }
    put_column(b, c, f);
}

void list_filter_put(struct build *b, const struct list_kind *kind, const struct filter *f)
{
    build_put(b, "(");
    if (f->what == FILTER_COMPARE) {
        put_one(b, kind, f);
    } else {
        list_filter_put(b, kind, f->left);
        build_put(b, f->what == FILTER_AND ? " AND " : " OR ");
        list_filter_put(b, kind, f->right);
    }
    build_put(b, ")");
}

/* The index that serves a comparison of a column; "" for the table's own, NULL for none. */
static const char *index_for(const struct list_column *c, enum filter_op op)
{
    if (op == FILTER_EQ && c->equal)
        return c->equal_index;
    bool range = is_ordering(op) && (c->type == LIST_INTEGER || c->type == LIST_DATE);
    return op == FILTER_EQ || op == FILTER_IN || range ? c->index : NULL;
}

bool list_filter_set(struct build *b, const struct list_kind *kind, const struct filter *f)
{
    struct err e = {0};
    const struct list_column *c = NULL;
    if (f->what != FILTER_COMPARE)
        return false;
    const struct list_pair *pair = kind->pairs[f->ident.kind];
    if (pair) {
        if (f->op != FILTER_EQ && f->op != FILTER_IN && !(pair->number && is_ordering(f->op)))
            return false;
        build_put_with(b, pair->set, V_T(f->ident.key));
        build_put(b, " AND ");
        put_compare(b, pair->value, pair->number ? LIST_INTEGER : LIST_TEXT, f);
        return true;
    }
    if (list_column_find(kind, &f->ident, "filter", &c, &e) < 0 || !index_for(c, f->op))
        return false;
    if (f->ident.kind == FILTER_DATASET) {
        build_put(b, kind->related->set);
    } else {
        build_put(b, "SELECT ");
        build_put(b, kind->key);
        build_put(b, " AS k FROM ");
        build_put(b, kind->from);
        if (*index_for(c, f->op)) {
            build_put(b, " INDEXED BY ");
            build_put(b, index_for(c, f->op));
        }
        build_put(b, " WHERE ");
    }
    put_column(b, c, f);
    return true;
}

const char *list_filter_index(const struct list_kind *kind, const struct filter *f)
{
    struct err e = {0};
    const struct list_column *c = NULL;
    if (f->what != FILTER_COMPARE || f->op != FILTER_EQ || f->ident.kind != FILTER_ATTRIBUTE ||
        list_column_find(kind, &f->ident, "filter", &c, &e) < 0)
        return NULL;
    const char *index = index_for(c, FILTER_EQ);
    return index && *index ? index : NULL;
}
