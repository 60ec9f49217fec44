/*
 * sandbox.h - what a run's sandbox was, as its record attests it: `enclos show RUN --sandbox`.
 */
#ifndef ENCLOS_CLI_SANDBOX_H
#define ENCLOS_CLI_SANDBOX_H

#include "api/cli/cli.h"

/* `sandbox` is that object of a run; keys that an older runner did not write are left out. */
void sandbox_add(struct buf *out, const struct term *t, const struct json *sandbox);

#endif
