/*
 * dataset_call.h - what the files of `enclos dataset` share: references, and calls that read every file of a
 * version, with how far they are on a terminal.
 */
#ifndef ENCLOS_DATASET_CALL_H
#define ENCLOS_DATASET_CALL_H

#include "api/cli/cli.h"

/* One word, NAME@VERSION or (unless `exact`) NAME. CLI_OK or CLI_BAD_USAGE. */
MUST_USE int dataset_word(const struct args *a, bool exact, char name[65], int64_t *version, struct err *e);

/* Members name and, where it is said, version. */
void dataset_write_ref(struct jw *w, const char *name, int64_t version);

/* Calls dataset.seal, verify or unquarantine; `told` is shown with the share that is done when it takes more
 * than a second. reason may be NULL. */
MUST_USE int dataset_work(struct cli *c, const char *method, const char *name, int64_t version,
                          const char *reason, enum text_id told, struct client_answer *out, struct err *e);

/* For whoami: a line for each thing that waits for the caller as custodian. Nothing when nothing does.
 * CLI_OK or CLI_FAILED. */
MUST_USE int dataset_tell_waiting(struct cli *c, struct err *e);

#endif
