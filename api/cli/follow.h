/*
 * follow.h - stays with a run until its end: its log as it comes, a line of progress, Ctrl-C.
 */
#ifndef ENCLOS_FOLLOW_H
#define ENCLOS_FOLLOW_H

#include "api/cli/cli.h"

struct follow_options {
    int64_t from;       /* number of the first event wanted */
    bool progress;      /* a line redrawn in place, when standard error is a terminal */
    bool may_cancel;    /* Ctrl-C asks whether to detach or cancel; else it only stops watching */
    bool out_to_stderr; /* --json: standard output is for the document */
};

enum follow_end { FOLLOW_FINISHED, FOLLOW_DETACHED, FOLLOW_INTERRUPTED };

/* Follows. When finished, *run is the final run object, owned by the caller. */
MUST_USE int follow_run(struct cli *c, const char *run, const struct follow_options *options,
                        enum follow_end *end, struct json **final, struct err *e);

#endif
