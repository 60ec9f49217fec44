/*
 * when.h - a moment as people type it: 2026-11-24, 2026-11-24T09:30, or how long ago (7d, 12h).
 */
#ifndef ENCLOS_WHEN_H
#define ENCLOS_WHEN_H

#include "api/cli/say.h"
#include <stdint.h>

/* Microseconds since 1970. Dates are local time (TZ); with a Z at the end, UTC. `option` is for the error:
 * E_INVALID. */
MUST_USE int when_read(const char *text, const char *option, int64_t *us, struct err *e);

#endif
