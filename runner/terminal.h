/*
 * terminal.h - the terminal of an interactive run, from a new devpts to the person who types.
 *
 *   client ==frames== monitor ==bytes== master | slave = 0, 1, 2 and controlling terminal of the job
 *                        |
 *                        +--> the run's log, as any output
 *
 * The pair is of a devpts of the run's own: no terminal of the host is in reach, /dev/tty is the run's.
 */
#ifndef ENCLOS_RUNNER_TERMINAL_H
#define ENCLOS_RUNNER_TERMINAL_H

#include "runner/journal.h"
#include "runner/sandbox.h"

#include "api/common/attach.h"

/* ---- priv_terminal.c: init, then the job. -1: noted on the page ---- */

/* Before the pivot: /dev/pts, /dev/ptmx and /dev/tty below `root`. */
MUST_USE int terminal_mount(struct sandbox *s, int root);
/* After it: opens a pair, hands the master to the monitor and keeps the slave in s->terminal_fd. */
MUST_USE int terminal_open(struct sandbox *s);
/* In the job, which leads a session: the slave becomes its controlling terminal. */
MUST_USE int terminal_control(struct sandbox *s);

/* ---- terminal.c: the monitor's end ---- */

enum { TERMINAL_KEPT_BYTES = 32 << 10 };

struct terminal {
    struct journal *journal;
    int epoll_fd; /* attach's */
    uint32_t pty_tag, client_tag;
    int pty, client;  /* -1: not there (yet), nobody */
    bool hung_up;     /* nobody inside has it open: looked at again by terminal_tick */
    bool was_joined;
    uint32_t pty_events, client_events;
    size_t out_len;   /* a frame that the client has not taken: then the program waits, as on any terminal */
    char out[sizeof(struct attach_frame) + ATTACH_FRAME_BYTES];
    size_t in_len, in_at; /* typed, not taken by the program */
    char in[ATTACH_FRAME_BYTES];
    size_t kept, kept_start; /* the last that was shown, for whoever joins */
    char shown[TERMINAL_KEPT_BYTES];
};

void terminal_init(struct terminal *t, struct journal *j, int epoll_fd, uint32_t pty_tag, uint32_t client_tag);
MUST_USE int terminal_take(struct terminal *t, int pty); /* the master. Takes pty, but not on failure (errno) */
/* Gives a client's end; the former client is told that it was taken over. -1 with errno. */
MUST_USE int terminal_join(struct terminal *t, unsigned rows, unsigned cols, int *client);
/* Events of epoll for one of the two tags. True: something was typed or shown. */
bool terminal_step(struct terminal *t, uint32_t tag, uint32_t events);
void terminal_tick(struct terminal *t);
/* After the last process has died: what is left goes to the log and the client. */
void terminal_drain(struct terminal *t);
void terminal_fini(struct terminal *t);

#endif
