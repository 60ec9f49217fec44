/*
 * procs.h - what a tree of processes uses, added up from /proc: for runs whose limits are
 * "best effort" because the host gives us no control group.
 */
#ifndef ENCLOS_RUNNER_PROCS_H
#define ENCLOS_RUNNER_PROCS_H

#include "runner/cgroup.h"

#include <sys/types.h>

/* Fills cpu_us, cpu_user_us, cpu_system_us, memory_bytes (resident, shared pages counted in each)
 * and processes (threads) of the living processes below and including `root`. Others stay -1. */
void procs_usage(pid_t root, struct cg_usage *out);

#endif
