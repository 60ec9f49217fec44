/*
 * listing.h - what commands that list share: --limit, --cursor, --filter and --order-by as params.
 */
#ifndef ENCLOS_CLI_LISTING_H
#define ENCLOS_CLI_LISTING_H

#include "api/cli/opt.h"
#include "api/common/json.h"

/* Adds the members that were given. `cursor`: of the page to ask for, or NULL for --cursor's. The lab judges
 * filter and order; a bad --limit is said here. */
MUST_USE int listing_params(const struct args *a, const char *cursor, struct jw *w, struct err *e);

#endif
