/*
 * quality_print.h - the profile of a dataset version, for a terminal.
 */
#ifndef ENCLOS_QUALITY_PRINT_H
#define ENCLOS_QUALITY_PRINT_H

#include "api/cli/term.h"
#include "api/common/json.h"

/* Adds what dataset.quality_get answered: files, columns with their histogram as bars, identifiers, groups, drift. */
void quality_add(struct buf *out, const struct term *t, const struct json *answer);

#endif
