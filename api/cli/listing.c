/*
 * listing.c - see listing.h.
 */
#include "api/cli/listing.h"
#include "api/common/text.h"
#include <stdlib.h>

int listing_params(const struct args *a, const char *cursor, struct jw *w, struct err *e)
{
    const char *limit = args_get(a, "limit");
    uint64_t n;

    if (limit && text_u64(limit, 1, 1000, &n) < 0)
        return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_LIMIT, limit);
    if (limit)
        jw_int_at(w, "limit", (int64_t)n);
    if (!cursor)
        cursor = args_get(a, "cursor");
    if (cursor && *cursor)
        jw_str_at(w, "cursor", cursor);
    if (args_get(a, "filter"))
        jw_str_at(w, "filter", args_get(a, "filter"));
    if (args_get(a, "order-by"))
        jw_str_at(w, "order_by", args_get(a, "order-by"));
    return 0;
}
