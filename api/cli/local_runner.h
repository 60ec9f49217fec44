/*
 * local_runner.h - asking the enclos-runner of this machine, for what needs no lab.
 */
#ifndef ENCLOS_LOCAL_RUNNER_H
#define ENCLOS_LOCAL_RUNNER_H

#include "api/common/err.h"
#include "api/common/json.h"

/* enclos-runner beside this program, or the one in PATH. Gives. */
char *local_runner_path(void);

/* Runs it with these words (NULL-ended, without its own name) and reads the one JSON document that it prints; its errors and
 * what it lets a program say go to our standard error. *status, when not NULL, is its exit status. Gives *out. */
MUST_USE int local_runner_ask(const char *const *words, struct json **out, int *status,
                              struct err *e);

#endif
