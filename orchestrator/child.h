/*
 * child.h - asking another program of the house a question: run it, read what it prints, with a time limit.
 */
#ifndef ENCLOS_CHILD_H
#define ENCLOS_CHILD_H

#include "api/common/buf.h"
#include "api/common/err.h"
#include <stdint.h>

/* Blocks: pool threads only. argv is NULL-ended, argv[0] a path. Standard output goes to `out`; errors go
 * to ours. E_UNAVAILABLE when it cannot be started, is not done in time (it is killed) or ends by a signal;
 * E_LIMIT when it prints too much. */
MUST_USE int child_ask(const char *const *argv, int64_t timeout_ms, struct buf *out, int *exit_code,
                       struct err *e);

/* The same with `text` on its standard input. */
MUST_USE int child_ask_text(const char *const *argv, const char *text, size_t len, int64_t timeout_ms,
                            struct buf *out, int *exit_code, struct err *e);

/* Starts a program that inherits `fd` as its descriptor 3, with default signals. */
MUST_USE int child_start(const char *const *argv, int fd, int *pid, struct err *e);

#endif
