/*
 * syscalls.h - names, numbers, hints and path arguments of system calls for people (x86-64).
 *
 * Called by the profile loader (names in files), the monitor (what to write in a record) and
 * `profile show`. Pure tables: no allocation, no state but the static buffer of syscalls_name.
 */
#ifndef ENCLOS_RUNNER_SYSCALLS_H
#define ENCLOS_RUNNER_SYSCALLS_H

#include <stdbool.h>

/* Every number that has a name here is below this. */
enum { SYSCALLS_END = 471 };

/* Numbers from here on are younger than what programs count on: they are answered ENOSYS, so that
 * their callers fall back, unless a profile allows them. */
enum { SYSCALLS_YOUNG = 451 };

/* Name of a system call number, "syscall_N" for one unknown here (static buffer). */
const char *syscalls_name(int nr);

/* True when the number has a name here. */
bool syscalls_known(int nr);

/* Number of a name, or -1. Knows numbers newer than libseccomp's table. */
int syscalls_number(const char *name);

/* A sentence that a data scientist understands about why this call is refused and what follows
 * ("libuv falls back to epoll by itself; nothing to do"), or "". */
const char *syscalls_hint(int nr);
const char *syscalls_hint_fr(int nr);

/* What allowing this call gives away, or "" for an ordinary one. */
const char *syscalls_risk(int nr);
const char *syscalls_risk_fr(int nr);

/* Calls that no profile may allow, because the launcher's own filter, which runs inherit, refuses them to itself. */
struct syscalls_never {
    int nr;
    const char *why;
};
extern const struct syscalls_never syscalls_never[];
extern const int syscalls_never_count;
bool syscalls_is_never(int nr);

/* Calls that open, make, change or remove what a path names: those that `report_paths` notifies.
 * The indexes are those of the arguments; -1: the call has none of that sort. */
struct syscalls_path {
    int nr;
    int dirfd_arg; /* -1: relative to the working directory */
    int path_arg;
    int flags_arg; /* open flags, in the argument itself; -1: none, or behind a pointer (openat2) */
};
extern const struct syscalls_path syscalls_paths[];
extern const int syscalls_path_count;

/* The row of that call, or NULL. */
const struct syscalls_path *syscalls_path_find(int nr);

#endif
