/*
 * step.h - the steps of a run's set-up: what each was to do, and what its failure means.
 *
 * Their names come from runner/setup.h (SETUP_STEPS) and from orchestrator/prepare.c and ingest.c;
 * they are codes, the same in every language. A name of a newer lab is told without explanation.
 */
#ifndef ENCLOS_STEP_H
#define ENCLOS_STEP_H

#include "api/cli/cli.h"

/* What the step was to do, in few words; T_NONE when it is not known. */
enum text_id step_what(const char *step);

/* Adds a sentence on why the run did not start, given its `failed` object, and what to do when the
 * runner's own hint does not say. */
void step_explain(const struct json *failed, struct buf *out);

/* Whether the hint that came with the failure is already in that explanation. */
bool step_hint_is_said(const struct json *failed);

#endif
