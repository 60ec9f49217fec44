/*
 * long_call.h - a call that takes the lab long: while it is awaited, how far it is is shown on a terminal.
 */
#ifndef ENCLOS_LONG_CALL_H
#define ENCLOS_LONG_CALL_H

#include "api/cli/cli.h"

/* As cli_call. `fd` (or -1) is passed with the request and stays the caller's. */
MUST_USE int long_call(struct cli *c, const char *method, const char *params, int fd,
                       struct client_answer *out, struct err *e);

#endif
