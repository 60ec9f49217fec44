/*
 * watch.h - follows the numbered events of one run, across restarts of the lab.
 *
 * The caller polls watch_fd, at most watch_wait_ms at a time, and calls watch_step. When the lab
 * goes away, `lost` is told once, the connection is tried again and the watch resumes from the last
 * number it gave: each log event is given once and in order. `back` is told when it answers again.
 */
#ifndef ENCLOS_WATCH_H
#define ENCLOS_WATCH_H

#include "api/client/client.h"

/* A lab that stays away this long is an error. */
enum { WATCH_PATIENCE_MS = 10 * 60 * 1000 };

struct watch_handler {
    void (*event)(void *arg, const struct json *params); /* params of run.event, borrowed */
    void (*lost)(void *arg);
    void (*back)(void *arg);
};

struct watch;

/* `from`: number of the first event wanted, 0 for all. Keeps socket_path, run, h and arg. */
MUST_USE int watch_open(const char *socket_path, const char *run, int64_t from,
                        const struct watch_handler *h, void *arg, struct watch **out,
                        struct err *e);
void watch_close(struct watch *w); /* NULL is fine */
void watch_close_at(struct watch **w);
#define AUTO_WATCH __attribute__((cleanup(watch_close_at)))

int watch_fd(const struct watch *w);      /* -1 while the lab is away: poll ignores it */
int watch_wait_ms(const struct watch *w); /* -1: until the descriptor is readable */

/* Gives what has come; never waits. Fails only when going on is useless. */
MUST_USE int watch_step(struct watch *w, struct err *e);

bool watch_is_done(const struct watch *w); /* the event "finished" was given */

/* The connection, for calls between steps; NULL while the lab is away. */
struct client *watch_client(struct watch *w);

#endif
