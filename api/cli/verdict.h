/*
 * verdict.h - how a run ended, for people and for shells.
 */
#ifndef ENCLOS_CLI_VERDICT_H
#define ENCLOS_CLI_VERDICT_H

#include "api/cli/cli.h"

/* The run's state, or its verdict once finished, in words: "running", "out of memory". */
const char *verdict_word(const struct json *run);
enum style verdict_style(const struct json *run);

/* The exit status of a command that followed a finished run to its end. */
int verdict_status(const struct json *run);

/* Whether its limits are best effort, and once it is known, whether they were only watched. */
enum limits_kind { LIMITS_ENFORCED, LIMITS_BEST_EFFORT, LIMITS_WATCHED };
enum limits_kind verdict_limits(const struct json *run);

/* Sentences on what happened and what to do about it; nothing for a success. */
void verdict_explain(const struct json *run, struct buf *out);

#endif
