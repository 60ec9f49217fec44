/*
 * list.c - pages of lists: the order, the place in it, and which index is walked.
 *
 * A page after a row (k1, k2, k3) is several questions, asked one after the other until the page is full:
 *
 *     k1 = c1 and k2 = c2 and k3 after c3      "segments": each is an equality on some keys and a range on
 *     k1 = c1 and k2 after c2                  the next one, which an index answers from the right place;
 *     k1 after c1                              an OR of them would be walked from the start
 *
 * A key that may be missing has classes, in this order whatever the direction: a value, NaN, nothing. Each
 * class is a segment of its own. When the rows come from a set that is small, they are sorted anyway, and
 * the segments become one question with OR.
 */
#include "catalog/list.h"

#include "api/common/json.h"
#include "api/common/text.h"
#include "catalog/digest.h"
#include "catalog/list_build.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS_MAX = FILTER_ORDERS + 3, TERMS_MAX = 2 * FILTER_COMPARES, SEGMENTS_MAX = 3 * KEYS_MAX,
       SET_MIN = 500, PARTS_MAX = 50 };

struct key {
    const struct list_column *column; /* or */
    const struct list_pair *pair;
    const char *name; /* of the pair */
    const char *key;  /* of a column that is the kind's key: the same in the pair that comes first */
    bool first;
    bool descending;
    int classes; /* 1: a value always; 2: or nothing; 3: or NaN, or nothing */
};

struct list_place {
    int class; /* 0: a value */
    struct cat_value value;
};

struct segment {
    size_t prefix; /* keys before this one are as in the cursor */
    bool after;    /* the key is after the cursor's; else it is of the class */
    int class;
};

struct page {
    struct cat *db;
    struct arena *a;
    const struct list_ask *ask;
    const struct list_kind *kind;
    const struct filter *filter;
    struct key keys[KEYS_MAX];
    size_t key_count;
    struct list_place from[KEYS_MAX]; /* the cursor */
    bool has_from;
    const struct filter *terms[TERMS_MAX]; /* comparisons that all rows pass */
    size_t term_count;
    struct segment segments[SEGMENTS_MAX];
    size_t segment_count;
    const struct list_part *part; /* of what may be seen: the one that is walked */
    size_t taken;                 /* rows of the parts before it */
    struct list_page *out;
    struct buf *plans; /* list_explain */
};

static const struct sql_row rows[] = {
    [LIST_TOTAL_RUNS] = {.text = "SELECT coalesce(max(seq), 0) FROM run"},
    [LIST_TOTAL_AUDIT] = {.text = "SELECT number FROM audit_head WHERE one = 1"},
};
static_assert(sizeof rows / sizeof rows[0] == LIST_SQL_COUNT, "one statement a row");
const struct sql_table list_sql = {"list", rows, LIST_SQL_COUNT, SQL_LIST};

/* ---- the order ---- */

static bool same_key(const struct key *k, const struct list_column *c)
{
    return k->column && !strcmp(k->column->sql, c->sql);
}

static int add_own(struct page *p, const char *own, bool first, struct err *e)
{
    const struct list_column *c;
    const struct filter_ident ident = {.kind = FILTER_ATTRIBUTE, .key = own + (*own == '-')};
    if (list_column_find(p->kind, &ident, "order_by", &c, e) < 0)
        return -1;
    for (size_t i = 0; i < p->key_count; i++)
        if (same_key(&p->keys[i], c))
            return 0;
    assert(first || p->key_count < KEYS_MAX);
    p->keys[p->key_count++] =
        (struct key){.column = c, .descending = *own == '-', .classes = c->nullable ? 2 : 1};
    return 0;
}

static int add_key(struct page *p, const struct filter_order *o, struct err *e)
{
    struct key *k = &p->keys[p->key_count];
    const struct list_pair *pair = p->kind->pairs[o->ident.kind];
    *k = (struct key){.descending = o->descending};
    if (pair) {
        k->pair = pair;
        k->name = o->ident.key;
        k->classes = pair->number ? 3 : 2;
    } else if (o->ident.kind == FILTER_DATASET) {
        return err_set(e, E_INVALID, "order_by", NULL,
                       "at character %zu of the order_by: a row may have several datasets, there is "
                       "no order by them",
                       o->ident.at);
    } else {
        if (list_column_find(p->kind, &o->ident, "order_by", &k->column, e) < 0)
            return -1;
        k->classes = k->column->nullable ? 2 : 1;
        if (p->key_count == 0 && !k->column->index && !p->kind->small) {
            char known[170] = "first by one of:";
            for (const struct list_column *c = p->kind->columns; c->name; c++)
                if (c->index)
                    snprintf(known + strlen(known), sizeof known - strlen(known), " %s", c->name);
            return err_set(e, E_INVALID, "order_by", known,
                           "at character %zu of the order_by: no index has this list by %s",
                           o->ident.at, k->column->name);
        }
    }
    for (size_t i = 0; i < p->key_count; i++)
        if (k->column ? same_key(&p->keys[i], k->column)
                      : p->keys[i].pair == k->pair && !strcmp(p->keys[i].name, k->name))
            return err_set(e, E_INVALID, "order_by", NULL,
                           "at character %zu of the order_by: %s is there twice", o->ident.at,
                           o->ident.key);
    p->key_count++;
    return 0;
}

static int read_order(struct page *p, struct err *e)
{
    const struct filter_order *orders;
    size_t count;
    if (filter_parse_order(p->ask->order_by, p->a, &orders, &count, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (add_key(p, &orders[i], e) < 0)
            return -1;
    if (p->key_count > 0 && p->keys[0].pair && p->kind->pair_order) {
        p->keys[0].first = true;
        if (add_own(p, p->kind->pair_order, false, e) < 0)
            return -1;
        for (size_t i = 1; i < p->key_count; i++)
            if (p->keys[i].column && !strcmp(p->keys[i].column->sql, p->kind->key))
                p->keys[i].key = p->keys[0].pair->key;
        return 0;
    }
    if (p->key_count > 0)
        p->keys[0].first = true;
    for (const char *const *own = p->kind->own_order; *own; own++)
        if (add_own(p, *own, p->key_count == 0, e) < 0)
            return -1;
    return 0;
}

/* ---- cursors ---- */

static void make_mark(struct page *p)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 17);
    char hex[DIGEST_HEX_SIZE];
    buf_printf(&text, "%s\n%s\n", p->kind->noun, p->ask->order_by ? p->ask->order_by : "");
    filter_print(p->filter, &text);
    digest_bytes(buf_cstr(&text), text.len, hex);
    snprintf(p->out->mark, sizeof p->out->mark, "%.8s", hex);
}

const char *list_cursor(const struct list_page *page, struct arena *a, size_t at)
{
    AUTO_BUF struct buf text = BUF_INIT(LIST_CURSOR_MAX_BYTES * 3 / 4);
    struct jw w = jw_to(&text);
    jw_arr(&w);
    jw_str(&w, page->mark);
    for (size_t i = 0; i < page->width; i++) {
        const struct list_place *v = &page->places[at * page->width + i];
        char number[40];
        jw_int(&w, v->class);
        if (v->class > 0) {
            jw_null(&w);
        } else if (v->value.type == CAT_TEXT) {
            jw_str(&w, v->value.text);
        } else {
            if (v->value.type == CAT_INT)
                snprintf(number, sizeof number, "%lld", (long long)v->value.num);
            else
                snprintf(number, sizeof number, "%a", v->value.real);
            jw_str(&w, number);
        }
    }
    jw_end_arr(&w);
    if (text.failed)
        return NULL;
    char *out = arena_alloc(a, 4 * ((text.len + 2) / 3) + 1);
    text_base64(text.data, text.len, out);
    return out;
}

/* What a key's values are. */
static int value_type(const struct key *k)
{
    if (k->pair)
        return k->pair->number ? CAT_DOUBLE : CAT_TEXT;
    return k->column->type == LIST_TEXT || k->column->type == LIST_CHOICE ? CAT_TEXT : CAT_INT;
}

static bool read_place(struct page *p, size_t at, const struct json *class, const struct json *value)
{
    struct list_place *v = &p->from[at];
    const char *text = json_str(value);
    char *end;
    if (!json_is_int(class) || json_int(class, -1) < 0 ||
        json_int(class, 0) >= p->keys[at].classes)
        return false;
    v->class = (int)json_int(class, 0);
    if (v->class > 0)
        return json_type(value) == JSON_NULL;
    if (!text)
        return false;
    switch (value_type(&p->keys[at])) {
    case CAT_TEXT: v->value = V_T(arena_strdup(p->a, text)); return true;
    case CAT_INT: v->value = V_I(strtoll(text, &end, 10)); return *text && !*end;
    default: v->value = V_D(strtod(text, &end)); return *text && !*end && !isnan(v->value.real);
    }
}

static bool read_cursor(struct page *p, const char *cursor)
{
    size_t len = strlen(cursor);
    unsigned char *text = arena_alloc(p->a, len / 4 * 3 + 4);
    struct err ignored = {0};
    if (len > LIST_CURSOR_MAX_BYTES || text_unbase64(cursor, len, text, &len) < 0)
        return false;
    AUTO_JSON struct json *list = json_parse((char *)text, len, NULL, &ignored);
    const struct json *at = json_first(list);
    if (json_type(list) != JSON_ARRAY || json_count(list) != 1 + 2 * p->key_count || !json_str(at) ||
        strcmp(json_str(at), p->out->mark) != 0)
        return false;
    for (size_t i = 0; i < p->key_count; i++) {
        const struct json *class = json_next(at);
        at = json_next(class);
        if (!read_place(p, i, class, at))
            return false;
    }
    p->has_from = true;
    return true;
}

/* ---- pieces ---- */

/* The value of a key. `driven`: its pair is what is walked. */
static void put_value(struct build *b, const struct key *k, bool driven)
{
    if (k->column && driven && k->key) /* the kind's key, from the index that is walked */
        build_put(b, k->key);
    else if (k->column)
        build_put(b, k->column->sql);
    else if (driven && k->first)
        build_put(b, k->pair->value);
    else
        build_put_with(b, k->pair->scalar, V_T(k->name));
}

static void put_exists(struct build *b, const struct key *k)
{
    build_put_with(b, k->pair->exists, V_T(k->name));
    build_put(b, ")");
}

static void put_class(struct build *b, const struct key *k, int class, bool driven)
{
    if (class == k->classes - 1 && class > 0 && k->pair) { /* nothing */
        build_put(b, "NOT ");
        put_exists(b, k);
        return;
    }
    if (class > 0 && k->pair && !(driven && k->first)) { /* NaN */
        put_exists(b, k);
        build_put(b, " AND ");
    }
    put_value(b, k, driven);
    if (class > 0) {
        build_put(b, " IS NULL");
        return;
    }
    /* A bound that says "any value" to the index too. */
    switch (value_type(k)) {
    case CAT_TEXT: build_put(b, " >= ''"); break;
    case CAT_INT: build_put(b, " >= "), build_value(b, V_I(INT64_MIN)); break;
    default: build_put(b, " >= "), build_value(b, V_D(-INFINITY)); break;
    }
}

static void put_segment(struct build *b, const struct page *p, const struct segment *s, bool driven)
{
    for (size_t i = 0; i < s->prefix; i++) {
        const struct key *k = &p->keys[i];
        if (p->from[i].class > 0) {
            put_class(b, k, p->from[i].class, driven);
        } else {
            put_value(b, k, driven);
            build_put(b, " = ");
            build_value(b, p->from[i].value);
        }
        build_put(b, " AND ");
    }
    const struct key *k = &p->keys[s->prefix];
    if (!s->after) {
        put_class(b, k, s->class, driven);
        return;
    }
    put_value(b, k, driven);
    build_put(b, k->descending ? " < " : " > ");
    build_value(b, p->from[s->prefix].value);
}

/* key, then of each key its value and, of a pair, whether it is there. */
static void put_select(struct build *b, const struct page *p, bool driven)
{
    build_put(b, "SELECT ");
    build_put(b, p->kind->key);
    for (size_t i = 0; i < p->key_count; i++) {
        build_put(b, ", ");
        put_value(b, &p->keys[i], driven);
        if (!p->keys[i].pair)
            continue;
        build_put(b, ", ");
        if (driven && p->keys[i].first)
            build_put(b, "1");
        else
            put_exists(b, &p->keys[i]);
    }
    build_put(b, " FROM ");
}

static void put_order(struct build *b, const struct page *p, const struct segment *s)
{
    int column = 2;
    const char *comma = " ORDER BY ";
    for (size_t i = 0; i < p->key_count; i++) {
        const struct key *k = &p->keys[i];
        bool fixed = s && (i < s->prefix || (i == s->prefix && !s->after && s->class > 0));
        bool value = s && i == s->prefix;
        if (!fixed) {
            buf_printf(&b->sql, "%s%d%s%s", comma, column, k->descending ? " DESC" : "",
                       k->classes > 1 && !value ? " NULLS LAST" : "");
            comma = ", ";
            if (k->classes == 3 && !value)
                buf_printf(&b->sql, ", %d DESC", column + 1);
        }
        column += k->pair ? 2 : 1;
    }
}

/* A piece with as many "?" of its own as there are values. */
static void put_all(struct build *b, const char *piece, const struct cat_value *values, size_t count)
{
    build_put(b, piece);
    for (size_t i = 0; i < count; i++)
        build_put_with(b, "", values[i]);
}

static void put_where(struct build *b, const struct page *p)
{
    if (p->filter) {
        build_put(b, " AND ");
        list_filter_put(b, p->kind, p->filter);
    }
    if (p->part) {
        build_put(b, " AND ");
        put_all(b, p->part->where, p->part->values, p->part->value_count);
    } else if (p->ask->seen) {
        build_put(b, " AND (");
        put_all(b, p->ask->seen->where, p->ask->seen->values, p->ask->seen->value_count);
        build_put(b, ")");
    }
}

/* ---- running ---- */

static int explain(struct page *p, struct build *b, struct err *e)
{
    AUTO_FREE char *sql = mem_printf("EXPLAIN QUERY PLAN %s", buf_cstr(&b->sql));
    AUTO_BUILT sqlite3_stmt *s = NULL;
    int rc = cat_built(p->db, sql, b->values, b->count, &s, e);
    buf_printf(p->plans, "%s\n", buf_cstr(&b->sql));
    while (rc == 0 && (rc = cat_step(p->db, s, e)) == 1) {
        buf_printf(p->plans, "    %s\n", (const char *)sqlite3_column_text(s, 3));
        rc = 0;
    }
    return rc;
}

static void take_row(struct page *p, sqlite3_stmt *s)
{
    struct list_page *out = p->out;
    struct list_place *places = &out->places[out->count * out->width];
    int column = 1;
    out->keys[out->count++] = sqlite3_column_int64(s, 0);
    for (size_t i = 0; i < p->key_count; i++) {
        const struct key *k = &p->keys[i];
        struct list_place *v = &places[i];
        if (sqlite3_column_type(s, column) != SQLITE_NULL) {
            switch (value_type(k)) {
            case CAT_TEXT: v->value = V_T(cat_col_text(p->a, s, column)); break;
            case CAT_INT: v->value = V_I(sqlite3_column_int64(s, column)); break;
            default: v->value = V_D(sqlite3_column_double(s, column)); break;
            }
        } else if (k->classes == 3) {
            v->class = sqlite3_column_int(s, column + 1) ? 1 : 2;
        } else {
            v->class = 1;
        }
        column += k->pair ? 2 : 1;
    }
}

static size_t room_left(const struct page *p)
{
    return p->ask->limit + 1 - (p->out->count - p->taken);
}

/* Takes rows until the page (or this part of it) has one more than was asked for. */
static int run(struct page *p, struct build *b, struct err *e)
{
    size_t room = room_left(p);
    build_put(b, " LIMIT ");
    build_value(b, V_I(room));
    if (b->sql.failed)
        return err_set(e, E_LIMIT, "filter", "make it shorter", "the filter is too long");
    if (p->plans)
        return explain(p, b, e);
    AUTO_BUILT sqlite3_stmt *s = NULL;
    if (cat_built(p->db, buf_cstr(&b->sql), b->values, b->count, &s, e) < 0)
        return -1;
    int rc;
    while ((rc = cat_step(p->db, s, e)) == 1)
        take_row(p, s);
    return rc;
}

/* The first key of the kind's own order: every order has it somewhere. */
static const struct key *own_key(const struct page *p)
{
    const char *own =
        p->keys[0].pair && p->kind->pair_order ? p->kind->pair_order : p->kind->own_order[0];
    const struct list_column *c = NULL;
    const struct filter_ident ident = {.kind = FILTER_ATTRIBUTE, .key = own + (*own == '-')};
    struct err e = {0};
    if (list_column_find(p->kind, &ident, "order_by", &c, &e) == 0)
        for (size_t i = 0; i < p->key_count; i++)
            if (same_key(&p->keys[i], c))
                return &p->keys[i];
    assert(false); /* add_own saw to it */
    return NULL;
}

/* The index to walk, NULL for the table's own order. */
static const char *walk_index(const struct page *p, int class)
{
    const struct key *first = &p->keys[0];
    if (p->kind->small)
        return NULL;
    if (first->column && first != own_key(p))
        return *first->column->index ? first->column->index : NULL;
    if (first->pair && (class == 0 || p->kind->pair_order))
        return NULL; /* what has no such pair: in the order of the table's key */
    /* The order is the kind's own: an index that has one value of a column in that order is better. */
    for (size_t i = 0; i < p->term_count; i++) {
        const char *narrow = list_filter_index(p->kind, p->terms[i]);
        if (narrow)
            return narrow;
    }
    return p->kind->own_index;
}

static int walk_segment(struct page *p, struct build *b, const struct segment *s, struct err *e)
{
    const struct key *first = &p->keys[0];
    int class = s->prefix > 0 ? p->from[0].class : s->after ? 0 : s->class;
    bool driven = first->pair && class < first->classes - 1;
    const char *index = driven ? NULL : p->part ? p->part->index : walk_index(p, class);
    build_clear(b);
    put_select(b, p, driven);
    if (driven) {
        build_put(b, first->pair->from);
    } else {
        build_put(b, p->kind->from);
    }
    if (index) {
        build_put(b, " INDEXED BY ");
        build_put(b, index);
    }
    build_put(b, " WHERE ");
    if (driven) {
        build_put(b, first->pair->name);
        build_put(b, " = ");
        build_value(b, V_T(first->name));
        build_put(b, " AND ");
    }
    put_segment(b, p, s, driven);
    if (first->pair && !driven) { /* what has no such pair comes in the kind's own order */
        build_put(b, " AND ");
        put_class(b, own_key(p), 0, false);
    }
    put_where(b, p);
    put_order(b, p, s);
    return run(p, b, e);
}

static int walk(struct page *p, struct err *e)
{
    AUTO_BUILD struct build b;
    build_init(&b);
    for (size_t i = 0; i < p->segment_count && room_left(p) > 0; i++)
        if (walk_segment(p, &b, &p->segments[i], e) < 0)
            return -1;
    return 0;
}

/* Below 0: row x comes before row y. */
static int compare_rows(const struct page *p, size_t x, size_t y)
{
    for (size_t i = 0; i < p->key_count; i++) {
        const struct list_place *a = &p->out->places[x * p->out->width + i];
        const struct list_place *b = &p->out->places[y * p->out->width + i];
        int by = 0;
        if (a->class != b->class)
            return a->class - b->class;
        if (a->class == 0)
            switch (value_type(&p->keys[i])) {
            case CAT_TEXT: by = strcmp(a->value.text, b->value.text); break;
            case CAT_INT: by = (a->value.num > b->value.num) - (a->value.num < b->value.num); break;
            default: by = (a->value.real > b->value.real) - (a->value.real < b->value.real); break;
            }
        if (by != 0)
            return p->keys[i].descending ? -by : by;
    }
    return 0;
}

/* Each part in its index, and the first rows of them all. A row may be in two parts. */
static int walk_parts(struct page *p, struct err *e)
{
    const struct list_bound *seen = p->ask->seen;
    struct list_page *out = p->out;
    size_t room = seen->part_count * (p->ask->limit + 1), count = 0;
    size_t *order = arena_alloc(p->a, (room + 1) * sizeof *order);
    out->keys = arena_alloc(p->a, room * sizeof *out->keys);
    out->places = arena_alloc(p->a, room * out->width * sizeof *out->places);
    for (size_t i = 0; i < seen->part_count; i++) {
        p->part = &seen->parts[i];
        p->taken = out->count;
        if (walk(p, e) < 0)
            return -1;
        /* Both are in order: from the end, each to its place. */
        for (size_t from = p->taken; from < out->count; from++) {
            size_t at = count;
            while (at > 0 && compare_rows(p, order[at - 1], from) > 0)
                at--;
            if (at > 0 && out->keys[order[at - 1]] == out->keys[from])
                continue; /* it was in another part too */
            memmove(&order[at + 1], &order[at], (count - at) * sizeof *order);
            order[at] = from;
            count++;
        }
        count = count > p->ask->limit + 1 ? p->ask->limit + 1 : count;
    }
    const struct list_page all = *out;
    out->count = count;
    out->keys = arena_alloc(p->a, (count + 1) * sizeof *out->keys);
    out->places = arena_alloc(p->a, (count + 1) * out->width * sizeof *out->places);
    for (size_t i = 0; i < count; i++) {
        out->keys[i] = all.keys[order[i]];
        memcpy(&out->places[i * out->width], &all.places[order[i] * all.width],
               out->width * sizeof *out->places);
    }
    return 0;
}

/* The rows of a set, sorted. */
static int sort_set(struct page *p, const struct build *set, struct err *e)
{
    AUTO_BUILD struct build b;
    build_init(&b);
    put_select(&b, p, false);
    build_put(&b, "(");
    build_put(&b, buf_cstr((struct buf *)&set->sql)); /* made here of fixed pieces */
    for (size_t i = 0; i < set->count; i++)
        build_put_with(&b, "", set->values[i]);
    build_put(&b, ") d CROSS JOIN ");
    build_put(&b, p->kind->from);
    build_put(&b, " ON ");
    build_put(&b, p->kind->key);
    build_put(&b, " = d.k WHERE (");
    for (size_t i = 0; i < p->segment_count; i++) {
        build_put(&b, i ? " OR (" : "(");
        put_segment(&b, p, &p->segments[i], false);
        build_put(&b, ")");
    }
    build_put(&b, ")");
    put_where(&b, p);
    put_order(&b, p, NULL);
    return run(p, &b, e);
}

/* ---- which way ---- */

static void collect_terms(struct page *p, const struct filter *f)
{
    if (!f || f->what == FILTER_OR)
        return;
    if (f->what == FILTER_AND) {
        collect_terms(p, f->left);
        collect_terms(p, f->right);
    } else if (p->term_count < TERMS_MAX) {
        p->terms[p->term_count++] = f;
    }
}

/* How many keys a set has, up to `most` and one more. */
static int count_set(struct page *p, const struct build *set, int64_t most, int64_t *count,
                     struct err *e)
{
    AUTO_BUILD struct build b;
    build_init(&b);
    build_put(&b, "SELECT count(*) FROM (");
    build_put(&b, buf_cstr((struct buf *)&set->sql));
    for (size_t i = 0; i < set->count; i++)
        build_put_with(&b, "", set->values[i]);
    build_put(&b, " LIMIT ");
    build_value(&b, V_I(most + 1));
    build_put(&b, ")");
    AUTO_BUILT sqlite3_stmt *s = NULL;
    if (p->plans && explain(p, &b, e) < 0)
        return -1;
    if (cat_built(p->db, buf_cstr(&b.sql), b.values, b.count, &s, e) < 0 ||
        cat_step(p->db, s, e) < 0)
        return -1;
    *count = sqlite3_column_int64(s, 0);
    return 0;
}

static bool make_set(const struct page *p, struct build *b, size_t term)
{
    build_clear(b);
    if (term < p->term_count)
        return list_filter_set(b, p->kind, p->terms[term]);
    if (!p->ask->seen || p->ask->seen->part_count > PARTS_MAX)
        return false;
    for (size_t i = 0; i < p->ask->seen->part_count; i++) {
        const struct list_part *part = &p->ask->seen->parts[i];
        build_put(b, i ? " UNION SELECT " : "SELECT ");
        build_put(b, p->kind->key);
        build_put(b, " AS k FROM ");
        build_put(b, p->kind->from);
        build_put(b, " INDEXED BY ");
        build_put(b, part->index);
        build_put(b, " WHERE ");
        put_all(b, part->where, part->values, part->value_count);
    }
    return true;
}

/* The smallest set, when there is one of at most `most` keys: *found. Each one counted lowers `most`. */
static int find_set(struct page *p, struct build *best, bool *found, struct err *e)
{
    AUTO_BUILD struct build b;
    build_init(&b);
    *found = false;
    AUTO_STMT sqlite3_stmt *s = cat_query(p->db, &list_sql, p->kind->total, e);
    if (!s || cat_step(p->db, s, e) < 0)
        return -1;
    int64_t most = (int64_t)sqrt((double)p->ask->limit * (double)sqlite3_column_int64(s, 0));
    most = most < SET_MIN ? SET_MIN : most;
    for (size_t i = 0; i <= p->term_count; i++) {
        int64_t count = 0;
        if (!make_set(p, &b, i))
            continue;
        if (count_set(p, &b, most, &count, e) < 0)
            return -1;
        if (count > most)
            continue;
        most = count;
        *found = true;
        struct build taken = *best;
        *best = b;
        b = taken;
    }
    return 0;
}

static void make_segments(struct page *p)
{
    if (!p->has_from) {
        for (int class = 0; class < p->keys[0].classes; class ++)
            p->segments[p->segment_count++] = (struct segment){.class = class};
        return;
    }
    for (size_t i = p->key_count; i-- > 0;) {
        if (p->from[i].class == 0)
            p->segments[p->segment_count++] = (struct segment){.prefix = i, .after = true};
        for (int class = p->from[i].class + 1; class < p->keys[i].classes; class ++)
            p->segments[p->segment_count++] = (struct segment){.prefix = i, .class = class};
    }
}

static int read_ask(struct page *p, struct err *e)
{
    const struct list_ask *ask = p->ask;
    if (ask->limit < 1 || ask->limit > LIST_PAGE_MAX)
        return err_set(e, E_INVALID, "limit", NULL, "limit is %zu, not 1 to %d", ask->limit,
                       LIST_PAGE_MAX);
    if (filter_parse(ask->filter, p->a, &p->filter, e) < 0)
        return -1;
    if (ask->also) {
        struct filter *both = arena_alloc(p->a, sizeof *both);
        *both = (struct filter){.what = FILTER_AND, .left = p->filter, .right = ask->also};
        p->filter = p->filter ? both : ask->also;
    }
    if ((p->filter && list_filter_check(p->kind, p->filter, e) < 0) || read_order(p, e) < 0)
        return -1;
    make_mark(p);
    if (ask->cursor && !read_cursor(p, ask->cursor))
        return err_set(e, E_INVALID, "cursor",
                       "use next_cursor of the page before, with the same filter and order_by",
                       "this is no cursor of %s.list for this question", p->kind->noun);
    collect_terms(p, p->filter);
    make_segments(p);
    return 0;
}

static int find_rows(struct page *p, struct err *e)
{
    AUTO_BUILD struct build set;
    build_init(&set);
    bool small = false;
    if (!p->kind->small && !p->ask->walk && find_set(p, &set, &small, e) < 0)
        return -1;
    if (small)
        return sort_set(p, &set, e);
    return p->ask->seen && p->ask->seen->part_count && &p->keys[0] == own_key(p) ? walk_parts(p, e)
                                                                                 : walk(p, e);
}

static int find_page(struct cat *db, struct arena *a, const struct list_ask *ask,
                     struct list_page *out, struct buf *plans, struct err *e)
{
    struct page *p = arena_alloc(a, sizeof *p);
    *p = (struct page){.db = db, .a = a, .ask = ask, .kind = ask->kind, .out = out, .plans = plans};
    *out = (struct list_page){.keys = NULL};
    if (read_ask(p, e) < 0)
        return -1;
    out->width = p->key_count;
    out->keys = arena_alloc(a, (ask->limit + 1) * sizeof *out->keys);
    out->places = arena_alloc(a, (ask->limit + 1) * out->width * sizeof *out->places);
    cat_deadline(db, LIST_TIME_MS);
    int rc = find_rows(p, e);
    cat_deadline(db, 0);
    if (rc < 0)
        return -1;
    out->more = out->count > ask->limit;
    out->count -= out->more;
    return 0;
}

int list_find(struct cat *db, struct arena *a, const struct list_ask *ask, struct list_page *out,
              struct err *e)
{
    return find_page(db, a, ask, out, NULL, e);
}

int list_explain(struct cat *db, struct arena *a, const struct list_ask *ask, struct buf *out,
                 struct err *e)
{
    struct list_page page;
    return find_page(db, a, ask, &page, out, e);
}
