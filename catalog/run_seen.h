/*
 * run_seen.h - the ids of a page of the runs that somebody may see who does not see all. For run_read.c.
 */
#ifndef ENCLOS_CATALOG_RUN_SEEN_H
#define ENCLOS_CATALOG_RUN_SEEN_H

#include "api/common/err.h"
#include "api/common/mem.h"
#include "catalog/run.h"

/* The first query->limit runs after (us, id), in the order asked, in query->state (or any), that query->seen_by owns
 * or has a project of. Ids in the arena. */
MUST_USE int run_seen_ids(struct cat *db, struct arena *a, const struct run_list *query, int64_t us, const char *id,
                          const char ***out, size_t *count, struct err *e);

#endif
