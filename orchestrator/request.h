/*
 * request.h - one call under way: who asked, with what params, and where its answer goes.
 *
 * Exactly one party owns a request at a time: the handler that was given it, the pool or catalog
 * job that works for it, a list of waiting ones. Whoever owns it last calls request_end. A
 * request does not point to its connection: it holds the id, and an answer to one that is gone is dropped.
 */
#ifndef ENCLOS_REQUEST_H
#define ENCLOS_REQUEST_H

#include "api/common/buf.h"
#include "api/common/err.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "catalog/audit.h"
#include "orchestrator/lab.h"
#include "orchestrator/method.h"

struct access_held;
struct peer;
struct standing;
struct group; /* the message it came in: one call or a batch */

struct request {
    struct lab *lab;
    uint64_t conn_id;
    const struct method *method;
    struct group *group;
    struct arena *arena;
    const struct json *params; /* validated; NULL: none */
    char *id_text;             /* JSON of the id; NULL: notification */
    size_t id_len;
    struct cat_actor actor;
    const struct standing *standing; /* what it may do: see access.h; NULL in rows that anyone may call */
    struct access_held *held;        /* keeps it */
    int fd;         /* descriptor that came with it, or -1; closed with it */
    bool fd_checked; /* by given_file_check: it may be closed here */
    int give_fd;     /* goes with the answer (METHOD_GIVES_FD), or -1; closed with the request if it does not */
    bool parked;     /* see request_park */
    bool refused;    /* its E_DENIED is written, or is not to be */
    struct buf out; /* the result: one JSON value, written by whoever owns it */
    struct json *made; /* params that a handler made itself and put in place of those that came, or NULL; freed with it */
    void *state;    /* of the handler, in the arena */
    /* the job under way */
    int (*work)(struct request *q, struct cat *db, struct err *e);
    void (*after)(struct request *q, const struct err *e);
    struct request *next; /* of those that wait for a standing, or for a thread of the pool */
    uv_work_t uv;
    struct err err;
};

/* One line from a client: reads, validates, starts. */
void request_line(struct lab *lab, struct conn *c, char *line, size_t len);

/* Calls its handler, once it is known that it may be called. Takes q. */
void request_handle(struct request *q);

struct peer *request_peer(const struct request *q);

/* Answers: with q->out when e is NULL. Takes q. An E_DENIED goes through access_refuse, whoever found it. */
void request_end(struct request *q, const struct err *e);

/* A request that waits for something outside the lab's own work: it counts for its connection and by
 * its text, but is not under way in the lab, however many they are. Unpark it before it gets work; one
 * that is answered may stay parked. */
void request_park(struct request *q);
void request_unpark(struct request *q);

typedef int request_work(struct request *q, struct cat *db, struct err *e);
typedef void request_after(struct request *q, const struct err *e);

/* Work elsewhere, then `after` on the loop, which owns q again (NULL: request_end). In the pool db is NULL,
 * and an account has a few threads at once: what may take long there holds up its own requests only.
 * They answer with E_UNAVAILABLE themselves when a queue is full. */
void request_pool(struct request *q, request_work *work, request_after *after);
void request_read(struct request *q, request_work *work, request_after *after);
void request_write(struct request *q, request_work *work, request_after *after);

/* Params by name, after validation; `otherwise` when left out or null. */
const char *request_str(const struct request *q, const char *name);
int64_t request_int(const struct request *q, const char *name, int64_t otherwise);
bool request_bool(const struct request *q, const char *name, bool otherwise);
const struct json *request_value(const struct request *q,
                                 const char *name); /* NULL: left out or null */

#endif
