/*
 * list_build.h - a statement being put together: fixed pieces and bound values, in the order of the text.
 *
 * Shared by list.c (pages) and list_filter.c (conditions), nobody else.
 */
#ifndef ENCLOS_CATALOG_LIST_BUILD_H
#define ENCLOS_CATALOG_LIST_BUILD_H

#include "api/common/buf.h"
#include "catalog/list.h"

enum { BUILD_SQL_MAX_BYTES = 1 << 20, BUILD_VALUES_MAX = 16384 };

struct build {
    struct buf sql;
    struct cat_value *values;
    size_t count, room;
};
#define AUTO_BUILD __attribute__((cleanup(build_fini)))
void build_init(struct build *b);
void build_fini(struct build *b);
void build_clear(struct build *b);

/* A piece: a string literal, or a member of the tables of list_kinds.c. Never what came from outside. */
void build_put(struct build *b, const char *piece);
/* "?" and its value. */
void build_value(struct build *b, struct cat_value v);
/* A piece that has one "?" of its own, whose value this is. */
void build_put_with(struct build *b, const char *piece, struct cat_value v);

/* ---- conditions (list_filter.c) ---- */

MUST_USE int list_column_find(const struct list_kind *kind, const struct filter_ident *ident,
                              const char *field, const struct list_column **out, struct err *e);

/* Names, operators and values against the kind's table. */
MUST_USE int list_filter_check(const struct list_kind *kind, const struct filter *f, struct err *e);

/* The condition, in parentheses. The tree was checked. */
void list_filter_put(struct build *b, const struct list_kind *kind, const struct filter *f);

/* "SELECT key ..." of the rows that pass this comparison, from an index: false when none serves. */
bool list_filter_set(struct build *b, const struct list_kind *kind, const struct filter *f);

/* The index in which exactly the rows that pass stand together in the kind's own order, or NULL. */
const char *list_filter_index(const struct list_kind *kind, const struct filter *f);

#endif
