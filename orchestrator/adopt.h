/*
 * adopt.h - what became of a run whose launch or end we did not see: its folder tells.
 */
#ifndef ENCLOS_ADOPT_H
#define ENCLOS_ADOPT_H

#include "api/common/err.h"
#include "api/common/text.h"

struct lab;

enum adopt_verdict {
    ADOPT_NOT_STARTED, /* no monitor.lock: no monitor ever took it */
    ADOPT_ALIVE,       /* a monitor has the lock; pidfd is its */
    ADOPT_ENDED,       /* record.json is there */
    ADOPT_LOST,        /* the lock is free and there is no record */
};

struct adopt {
    struct lab *lab;
    char run[TEXT_ID_SIZE];
    enum adopt_verdict verdict;
    int pidfd; /* with ADOPT_ALIVE; -1 otherwise */
};

/* Pool; waits up to two seconds where a lock file is there but not locked. */
int adopt_work(void *ctx, struct err *e);

#endif
