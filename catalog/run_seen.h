/*
 * run_seen.h - the runs that somebody may see, as a bound for list.h.
 */
#ifndef ENCLOS_CATALOG_RUN_SEEN_H
#define ENCLOS_CATALOG_RUN_SEEN_H

#include "api/common/mem.h"
#include "catalog/list.h"
#include "catalog/standing.h"

/* One's own runs and those of each of one's projects: `out`, in the arena; NULL when s sees all. Keeps s. */
const struct list_bound *run_seen(struct arena *a, const struct standing *s, struct list_bound *out);

#endif
