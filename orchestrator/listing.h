/*
 * listing.h - what the methods NOUN.list share: filter, order_by, cursor and limit of a request.
 */
#ifndef ENCLOS_LISTING_H
#define ENCLOS_LISTING_H

#include "catalog/list.h"
#include "orchestrator/request.h"

enum { LISTING_PAGE_BYTES = 700 << 10 }; /* no further row once an answer has so many */

/* The page that the params ask for. `usual`: limit when none is given; `also`: a condition of the
 * method's own, or NULL; `seen`: what the caller may see, NULL: all. Runs in a catalog job. */
MUST_USE int listing_find(struct request *q, struct cat *db, const struct list_kind *kind,
                          size_t usual, const struct filter *also, const struct list_bound *seen,
                          struct list_page *page, struct err *e);

/* Writes "next_cursor" after `printed` rows of the page were. */
void listing_end(struct request *q, const struct list_page *page, size_t printed, struct jw *w);

/* A text to compare with; borrowed, the value is the arena's. */
const struct filter_value *listing_text(struct request *q, const char *text);

/* `all` (or NULL) and another comparison of an attribute. In the arena; the value is kept. */
const struct filter *listing_and(struct request *q, const struct filter *all, const char *attribute,
                                 enum filter_op op, const struct filter_value *value);

#endif
