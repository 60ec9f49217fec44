/*
 * summary.h - a run as a person wants to see it: how it ended, what it used, what it left.
 */
#ifndef ENCLOS_SUMMARY_H
#define ENCLOS_SUMMARY_H

#include "api/cli/cli.h"

/* `full` (enclos show) adds what was asked: command, code, resources, params, tags, sandbox. */
void summary_add(struct buf *out, const struct term *t, const struct json *run, bool full);

/* Parts that commands of their own show. */
void summary_add_metrics(struct buf *out, const struct term *t, const struct json *metrics,
                         size_t indent);
void summary_add_artifacts(struct buf *out, const struct term *t, const struct json *artifacts,
                           size_t indent);
void summary_add_refused(struct buf *out, const struct term *t, const struct json *refused,
                         size_t indent);
/* Outputs that were expected and are not there. */
void summary_add_missing(struct buf *out, const struct term *t, const struct json *artifacts,
                         const char *const *expected, size_t count);

#endif
