/*
 * wait.h - waits for the end of a run, across restarts of the lab.
 */
#ifndef ENCLOS_WAIT_H
#define ENCLOS_WAIT_H

#include "api/cli/cli.h"

/* The answer of run.wait: when the run has ended, or when timeout_ms (-1: none) has passed. A lab
 * that goes away meanwhile is asked again for ten minutes; one that is not there at first is an
 * error at once. */
MUST_USE int wait_run(struct cli *c, const char *run, int64_t timeout_ms,
                      struct client_answer *answer, struct err *e);

#endif
