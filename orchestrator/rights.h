/*
 * rights.h - what enclosd gives up before it reads the first outside byte, and proves it gave up.
 */
#ifndef ENCLOS_RIGHTS_H
#define ENCLOS_RIGHTS_H

#include "api/common/err.h"
#include "orchestrator/state.h"

/* As many descriptors as the hard limit allows. Returns the limit reached. */
long rights_raise_nofile(void);

/* Drops to `who` (as root) with no groups and no capabilities in any set, sets no_new_privs,
 * forbids core dumps and being traced, then reads all of it back. E_INTERNAL or E_DENIED: do not go on. */
MUST_USE int rights_drop(const struct owner *who, bool as_root, struct err *e);

#endif
