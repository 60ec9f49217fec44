/*
 * listing.c - from a request to a page; see listing.h.
 */
#include "orchestrator/listing.h"

#include <string.h>

int listing_find(struct request *q, struct cat *db, const struct list_kind *kind, size_t usual,
                 const struct filter *also, const struct list_bound *seen, struct list_page *page,
                 struct err *e)
{
    const char *order = request_str(q, "order");
    struct list_ask ask = {
        .kind = kind,
        .filter = request_str(q, "filter"),
        .also = also,
        .order_by = request_str(q, "order_by"),
        .cursor = request_str(q, "cursor"),
        .limit = (size_t)request_int(q, "limit", (int64_t)usual),
        .seen = seen,
    };
    if (order && ask.order_by)
        return err_set(e, E_INVALID, "order", "leave out one of them",
                       "order and order_by are both given");
    if (order && !strcmp(order, "oldest"))
        ask.order_by = "created_us, id";
    return list_find(db, q->arena, &ask, page, e);
}

void listing_end(struct request *q, const struct list_page *page, size_t printed, struct jw *w)
{
    bool more = printed > 0 && (page->more || printed < page->count);
    jw_str_at(w, "next_cursor", more ? list_cursor(page, q->arena, printed - 1) : NULL);
}

const struct filter_value *listing_text(struct request *q, const char *text)
{
    struct filter_value *value = arena_alloc(q->arena, sizeof *value);
    *value = (struct filter_value){.type = FILTER_TEXT, .text = text};
    return value;
}

const struct filter *listing_and(struct request *q, const struct filter *all, const char *attribute,
                                 enum filter_op op, const struct filter_value *value)
{
    struct filter *f = arena_alloc(q->arena, sizeof *f);
    *f = (struct filter){.what = FILTER_COMPARE,
                         .ident = {.kind = FILTER_ATTRIBUTE, .key = attribute},
                         .op = op,
                         .values = value,
                         .count = 1};
    if (!all)
        return f;
    struct filter *both = arena_alloc(q->arena, sizeof *both);
    *both = (struct filter){.what = FILTER_AND, .left = all, .right = f};
    return both;
}
