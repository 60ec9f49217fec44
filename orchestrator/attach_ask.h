/*
 * attach_ask.h - asks the monitor of a run that goes for a descriptor: see api/common/attach.h.
 */
#ifndef ENCLOS_ATTACH_ASK_H
#define ENCLOS_ATTACH_ASK_H

#include "api/common/attach.h"
#include "api/common/err.h"

/* Asks the monitor whose run folder this is, and waits at most timeout_ms for each step. Gives a descriptor.
 * E_UNAVAILABLE: it does not serve (yet, or any more), not in time, or refused with a text that says why;
 * E_CONFLICT: it never will. Blocks. */
MUST_USE int attach_ask(int run_fd, const struct attach_request *r, int timeout_ms, int *given, struct err *e);

#endif
