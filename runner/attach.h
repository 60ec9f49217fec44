/*
 * attach.h - the monitor's side of attach.sock: answers the lab's requests for a way into a run that goes.
 *
 * An epoll set of its own: the monitor watches one descriptor and calls attach_step when it is ready. What the
 * verbs hand out comes from init over the hand-over socket (attach_take).
 */
#ifndef ENCLOS_RUNNER_ATTACH_H
#define ENCLOS_RUNNER_ATTACH_H

#include "api/common/err.h"
#include "runner/identity.h"
#include "runner/spec.h"
#include "runner/terminal.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { ATTACH_CONNS = 16 };

struct attach_conn {
    int fd;      /* -1: free */
    uint32_t id; /* of the request that the door has, 0: none */
};

struct attach {
    struct identity identity;
    int epoll_fd, listen_fd, door_fd;
    int proxy_fd; /* listening inside the run, for the lab's proxy to accept on */
    uint32_t next_id;
    struct attach_conn conns[ATTACH_CONNS];
    struct terminal *terminal; /* NULL until attach_open: most runs have no use for its buffers */
    int64_t used_us; /* CLOCK_MONOTONIC of the last use */
};

void attach_init(struct attach *a);

/* Whether a run of this spec may be joined while it goes. */
bool attach_is_wanted(const struct spec *spec);

/* Makes the socket in the run folder, as the lab, before the sandbox exists. a->epoll_fd is then there. */
MUST_USE int attach_open(struct attach *a, int run_fd, const struct identity *identity, struct journal *journal,
                         struct err *e);

/* A message of the hand-over that is ours (HANDOVER_DOOR, HANDOVER_TERMINAL, HANDOVER_PROXY). Takes fd. False: it is not ours, and fd neither. */
bool attach_take(struct attach *a, char kind, int fd);

/* What has come, without waiting. */
void attach_step(struct attach *a);

/* Now and then, each second or so. */
void attach_tick(struct attach *a);

/* After the last process has died: what it showed last. */
void attach_drain(struct attach *a);

/* Nobody is served any more; the socket leaves the folder. */
void attach_close(struct attach *a, int run_fd);

#endif
