/*
 * interactive.h - what shell, attach and notebook share: how such a run is asked for, and how its end is told.
 */
#ifndef ENCLOS_INTERACTIVE_H
#define ENCLOS_INTERACTIVE_H

#include "api/cli/cli.h"
#include "api/cli/request.h"

enum { INTERACTIVE_WALL_MS = 8 * 3600 * 1000, INTERACTIVE_ID_SIZE = 32 };

/* Submits it: the folder's defaults, then the options, then `usual` when no command was given. */
MUST_USE int interactive_submit(struct cli *c, struct args *a, struct request *r, const char *const *usual,
                                struct client_answer *answer, struct err *e);

/* Waits for its end and tells it; gives the exit status. `brief`: one line where all is well and nothing was left. */
MUST_USE int interactive_end(struct cli *c, const char *run, bool brief, struct err *e);

/* cmd_notebook.c: opens a port on this machine's loopback for a notebook that goes, prints its address, and relays
 * until it ends or is left. `port`: as the person wrote it, or NULL. */
MUST_USE int interactive_notebook(struct cli *c, const char *run, const char *port, struct err *e);

#endif
