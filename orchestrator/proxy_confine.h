/*
 * proxy_confine.h - what each process of a run's proxy may still do: a table of system calls with reasons, and no
 * file, before the first outside byte.
 */
#ifndef ENCLOS_PROXY_CONFINE_H
#define ENCLOS_PROXY_CONFINE_H

#include "api/common/err.h"

enum proxy_role { PROXY_RELAY, PROXY_JUDGE, PROXY_RESOLVER };

/* no_new_privs, not dumpable, Landlock where the kernel has it, seccomp. `hosts` (or NULL): the one file of the
 * lab that the resolver reads. For good. */
MUST_USE int proxy_confine(enum proxy_role role, const char *hosts, struct err *e);

#endif
