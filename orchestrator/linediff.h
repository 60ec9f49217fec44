/*
 * linediff.h - what differs between two texts, line by line, as people read it: hunks with three lines around.
 *
 * The shortest script of Myers (1986), with a bound on its length: texts that differ in more lines than that are told
 * as different without a script, so that no text costs more than a bounded time.
 */
#ifndef ENCLOS_LINEDIFF_H
#define ENCLOS_LINEDIFF_H

#include "api/common/buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINEDIFF_MAX_BYTES = 256 << 10, LINEDIFF_MAX_LINES = 20000, LINEDIFF_MAX_EDITS = 1000 };

/* Adds hunks ("@@ -1,3 +1,4 @@", then lines that start with ' ', '-' or '+') to `out`. False, and nothing was added: a text
 * is larger than the bounds, or they differ in more than LINEDIFF_MAX_EDITS lines. Any bytes; lines end by LF. */
bool linediff(const char *a, size_t a_len, const char *b, size_t b_len, struct buf *out, int64_t *added, int64_t *removed);

#endif
