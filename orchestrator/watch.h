/*
 * watch.h - subscriptions to a run: its log file read in chunks, by those who keep up.
 *
 * A watch holds a position, never a queue: it reads on when its connection has room. So a slow reader costs
 * nothing and misses nothing, and a watch may start at any frame of a run of any age.
 */
#ifndef ENCLOS_WATCH_H
#define ENCLOS_WATCH_H

#include "api/common/buf.h"
#include "api/common/err.h"
#include "orchestrator/lab.h"
#include <stdint.h>

struct live;
struct run_owner;
struct standing;
struct watch;

/* Subscribes to a run that the connection may see. E_LIMIT: too many of this connection. Events follow after
 * watch_start. */
MUST_USE int watch_new(struct lab *lab, uint64_t conn, const struct run_owner *run, uint64_t from,
                       uint64_t *number, uint64_t *key, struct err *e);
void watch_start(struct lab *lab, uint64_t key); /* to be called once the answer is queued */
/* E_NOT_FOUND: no such subscription of this connection. */
MUST_USE int watch_end(struct lab *lab, uint64_t conn, uint64_t number, struct err *e);

/* Grants have changed: connections with subscriptions have their standing read again, and then
 * subscriptions to what is not theirs to see any more end. */
void watch_access_changed(struct lab *lab);
void watch_recheck(struct lab *lab, uint64_t conn, const struct standing *s);

void watch_conn_closed(struct lab *lab, uint64_t conn);
void watch_conn_ready(struct lab *lab, uint64_t conn);     /* there is room again */
void watch_run_changed(struct live *v);                    /* its folder or its state */
void watch_run_ended(struct lab *lab, struct watch *list); /* the list it had, now without it */
void watch_close_all(struct lab *lab);

/* ---- frames as text: for run.watch and run.logs; any thread ---- */

enum watch_format { WATCH_EVENTS, WATCH_CHUNKS };

struct watch_read {
    enum watch_format format;
    uint64_t number;      /* of the subscription */
    uint64_t position;    /* in: from; out: next */
    size_t max_bytes;     /* of `out`, about */
    size_t raw_max_bytes; /* of the log's bytes; 0: as out */
    bool eof;             /* out: nothing whole follows now */
    struct buf *out;      /* events: lines with LF; chunks: elements with commas */
};

/* Reads frames of the log of `run`. E_INVALID: `position` is no frame's. A log that is not there is empty. */
MUST_USE int watch_read(const struct store *store, const char *run, struct watch_read *r,
                        struct err *e);

#endif
