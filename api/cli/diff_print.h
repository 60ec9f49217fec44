/*
 * diff_print.h - what run.diff tells, as people read it: for `enclos diff` and for `enclos rerun --verify`.
 */
#ifndef ENCLOS_CLI_DIFF_PRINT_H
#define ENCLOS_CLI_DIFF_PRINT_H

#include "api/cli/cli.h"

/* How both ended, what was asked differently, metrics, code, outputs. */
void diff_add(struct buf *out, const struct term *t, const struct json *diff);

/* Parts of it. */
void diff_add_asked(struct buf *out, const struct term *t, const struct json *diff);
/* Each output with its state; `all`: the identical ones too. */
void diff_add_outputs(struct buf *out, const struct term *t, const struct json *diff, bool all);

/* Whether all outputs are identical byte for byte, and how the runs ended is the same. */
bool diff_is_reproduced(const struct json *diff);

#endif
