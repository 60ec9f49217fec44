/*
 * syscalls.h - names, numbers and hints of system calls for people (x86-64).
 */
#ifndef ENCLOS_RUNNER_SYSCALLS_H
#define ENCLOS_RUNNER_SYSCALLS_H

/* Name of a system call number, "syscall_N" for one unknown here (static buffer). */
const char *syscalls_name(int nr);

/* Number of a name, or -1. Knows numbers newer than libseccomp's table. */
int syscalls_number(const char *name);

/* A sentence that a data scientist understands about why this call is refused and what follows
 * ("libuv falls back to epoll by itself; nothing to do"), or "". */
const char *syscalls_hint(int nr);

#endif
