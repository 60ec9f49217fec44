/*
 * filter.h - filters and orders of lists, from text to a tree: MLflow's search grammar, and more.
 *
 *     filter  := all { OR all }                            keywords in any case
 *     all     := one { AND one }
 *     one     := "(" filter ")" | ident compare
 *     compare := ( = | != | < | <= | > | >= ) value
 *              | LIKE text | ILIKE text | [NOT] IN "(" value { "," value } ")" | IS [NOT] NULL
 *     ident   := [ kind "." ] key                          no kind: an attribute
 *     kind    := metric(s) | param(s) | parameter(s) | tag(s) | attribute(s) | attr | run | dataset(s)
 *     key     := word | `...` | "..."                      word: letters, digits, _ . - / and beyond ASCII
 *     value   := number | 'text' | "text" | true | false   a quote in a text is doubled
 *     order   := ident [ ASC | DESC ] { "," ident [ ASC | DESC ] }
 *
 * OR, parentheses, IN on everything and IS NULL are Enclos's own; what MLflow accepts means the same. This
 * file knows no column: which keys a list has, and what they become in SQL, is in list.h.
 *
 * A text has at most FILTER_MAX_BYTES, FILTER_COMPARES comparisons and FILTER_DEPTH parentheses in
 * another. Errors are E_INVALID (E_LIMIT for a bound), field "filter" or "order_by", and tell the character
 * (from 1), what was expected and what is there.
 */
#ifndef ENCLOS_CATALOG_FILTER_H
#define ENCLOS_CATALOG_FILTER_H

#include "api/common/err.h"
#include "api/common/mem.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FILTER_MAX_BYTES = 8192, FILTER_COMPARES = 64, FILTER_DEPTH = 16, FILTER_IN_MAX = 200,
       FILTER_KEY_MAX_BYTES = 250, FILTER_ORDERS = 8 };

enum filter_kind {
    FILTER_ATTRIBUTE,
    FILTER_METRIC,
    FILTER_PARAM,
    FILTER_TAG,
    FILTER_DATASET,
    FILTER_KIND_COUNT
};

enum filter_op {
    FILTER_EQ,
    FILTER_NE,
    FILTER_LT,
    FILTER_LE,
    FILTER_GT,
    FILTER_GE,
    FILTER_LIKE,
    FILTER_ILIKE,
    FILTER_IN,
    FILTER_NOT_IN,
    FILTER_IS_NULL,
    FILTER_IS_NOT_NULL,
    FILTER_OP_COUNT
};

struct filter_ident {
    enum filter_kind kind;
    const char *key;
    size_t at; /* its character, from 1 */
};

struct filter_value {
    enum { FILTER_NUMBER, FILTER_INTEGER, FILTER_TEXT, FILTER_BOOL } type;
    double number;    /* FILTER_NUMBER; of an integer too */
    int64_t integer;  /* FILTER_INTEGER; FILTER_BOOL: 0 or 1 */
    const char *text; /* FILTER_TEXT */
    size_t at;
};

/* What a node is: two others joined, or one comparison. */
struct filter {
    enum { FILTER_AND, FILTER_OR, FILTER_COMPARE } what;
    const struct filter *left, *right; /* AND, OR */
    struct filter_ident ident;         /* COMPARE */
    enum filter_op op;
    const struct filter_value *values;
    size_t count;
};

struct filter_order {
    struct filter_ident ident;
    bool descending;
};

/* The tree, in the arena. An empty text (or NULL) gives *out NULL: everything. */
MUST_USE int filter_parse(const char *text, struct arena *a, const struct filter **out,
                          struct err *e);

/* As many as there are, at most FILTER_ORDERS; none for an empty text or NULL. */
MUST_USE int filter_parse_order(const char *text, struct arena *a, const struct filter_order **out,
                                size_t *count, struct err *e);

/* The text of a tree, fully parenthesised: it parses back to the same tree. */
struct buf;
void filter_print(const struct filter *f, struct buf *out);

const char *filter_kind_name(enum filter_kind kind); /* "attributes", "metrics"... */
const char *filter_op_name(enum filter_op op);       /* "=", "NOT IN"... */

/* LIKE as MLflow means it: % any characters, _ one, nothing else special; `fold` (ILIKE) ignores the case
 * of letters, É and é too. Time is at most len(pattern) * len(text). */
bool filter_like(const char *pattern, const char *text, bool fold);

#endif
