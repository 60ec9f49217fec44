/*
 * human.h - sizes, durations, numbers and dates as people read them, in the chosen language.
 *
 * Each adds to a buffer. French has the decimal comma, groups digits by a non-breaking space and
 * sets one before units.
 */
#ifndef ENCLOS_HUMAN_H
#define ENCLOS_HUMAN_H

#include "api/common/buf.h"
#include <stdint.h>

void human_size(struct buf *out, uint64_t bytes); /* 1.2 MiB, 1,2 Mio */
void human_duration(struct buf *out, int64_t ms); /* 850 ms, 12.4 s, 3 min 12 s, 1 h 05 min */
void human_elapsed(struct buf *out, int64_t ms);  /* the same in whole seconds: it ticks */
void human_number(struct buf *out, double n);     /* six significant digits, more of a large one */
void human_count(struct buf *out, uint64_t n);    /* 12,345 or 12 345 */
void human_percent(struct buf *out, int64_t percent);   /* 96%, 96 % in French */
void human_cpus(struct buf *out, int64_t milli);        /* 0.5 */
void human_date(struct buf *out, int64_t us);           /* 2026-11-24 05:28, local time */
void human_digest(struct buf *out, const char *sha256); /* its first 12 digits */

/* The same into text that lives in a ring of 16: for the arguments of one message. */
const char *human_size_text(uint64_t bytes);
const char *human_duration_text(int64_t ms);
const char *human_count_text(uint64_t n);
const char *human_cpus_text(int64_t milli);

#endif
