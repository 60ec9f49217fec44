/*
 * session.h - joining a run while it goes: waiting until it can be, and a terminal's both ways.
 */
#ifndef ENCLOS_SESSION_H
#define ENCLOS_SESSION_H

#include "api/cli/cli.h"

/* Asks `method` (run.attach, run.connect) with these params until it gives a descriptor, telling meanwhile why a
 * queued run waits. Ctrl-C cancels the run, if `may_cancel`. When the run ends first, *fd stays -1. */
MUST_USE int session_join(struct cli *c, const char *run, const char *method, const char *params, bool may_cancel,
                          int *fd, struct err *e);

enum session_end {
    SESSION_ENDED,    /* nobody is at the other end any more: the run ended, or its monitor died */
    SESSION_DETACHED, /* the person left it going */
    SESSION_TAKEN,    /* somebody else joined it */
    SESSION_STOPPED,  /* a signal, or the terminal went away */
};

/* Lends the terminal to the run behind `fd` until one of these. The terminal is as before when it returns. */
MUST_USE int session_terminal(int fd, enum session_end *end, struct err *e);

#endif
