/*
 * door.h - the way into a run's network: a process beside the job that connects to ports of the run's own
 * loopback and hands the sockets out. It answers the monitor, and nobody else; nothing inside can use it.
 *
 * Not the monitor, which may make no socket and enter no namespace; not init, whose filter is a reaper's.
 */
#ifndef ENCLOS_RUNNER_DOOR_H
#define ENCLOS_RUNNER_DOOR_H

#include "runner/sandbox.h"

#include <stdint.h>

struct door_request {
    uint32_t id; /* comes back with the answer */
    uint32_t port;
};
struct door_answer {
    uint32_t id;
    int32_t os_errno; /* 0: one descriptor comes with it */
};

/* priv_door.c, in init, once the network is there: forks the door and hands its socket to the monitor. -1: the
 * failure is noted on the page. */
MUST_USE int door_open(struct sandbox *s);

#endif
