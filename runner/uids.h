/*
 * uids.h - a user id that no other run has, for as long as the run lives (labs that run as root).
 *
 * A lease is a locked file in /run/enclos-uids, shared by all labs of the machine: it survives the
 * launcher, ends with the monitor that holds it, and needs no clean-up after a crash.
 */
#ifndef ENCLOS_RUNNER_UIDS_H
#define ENCLOS_RUNNER_UIDS_H

#include "api/common/err.h"
#include <sys/types.h>

/* The first uid serves every init (see sandbox.h); runs lease the others. */
#define UIDS_FOLDER "/run/enclos-uids"
enum { UIDS_FIRST = 700000, UIDS_COUNT = 1000, UIDS_INIT = 699998 };

/* Opens the folder of leases, made when missing; E_DENIED when it is not root's alone. */
MUST_USE int uids_open(int *dir, struct err *e);

/* Leases the first free one. The lease lasts until *lease_fd is closed in every process. */
MUST_USE int uids_lease(uid_t *uid, int *lease_fd, struct err *e);

#endif
