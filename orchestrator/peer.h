/*
 * peer.h - the accounts behind the connections: their names, and what each has under way. Loop thread.
 *
 * A connection is bounded by itself (conn.h), but whoever may open one may open hundreds. What they have
 * together is counted for their account; past its bounds its connections are not read until it has less.
 * So an account takes from itself, never from the others.
 */
#ifndef ENCLOS_PEER_H
#define ENCLOS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    PEER_OPEN_MAX = 512,        /* requests under way */
    PEER_BYTES_MAX = 128 << 20, /* messages being answered, answers not fetched yet */
    PEER_HALF_MAX = 256 << 20,  /* messages not whole yet; past it their connections close */
    PEER_FDS_MAX = 256,         /* descriptors that came, until they are closed */
    PEERS_FDS_MAX = 1024,       /* of all accounts */
    PEER_POOL_MAX = 4,          /* threads of the pool at once */
    PEERS_POOL_MAX = 12,        /* of all accounts: the others are the lab's own, for its runs */
    POOL_THREADS = 16,
};

struct lab;
struct peers;

struct peer {
    struct peers *of;
    uid_t uid;
    bool known; /* its name was looked up */
    int64_t known_us; /* when */
    char name[64];
    int64_t noted_us;        /* it was told to the catalog that it came; 0: not yet */
    int64_t refusals_us;     /* when the refusals that may be written were counted last */
    int64_t refusals_left, refusals_unwritten;
    /* private */
    size_t conns, open, bytes, half_bytes, fds, pool;
    bool waits;      /* one of its connections was not read for a bound */
    bool crowd_told; /* that it has too many connections; again when it had fewer */
    struct peer *next;
};

/* Called when the name of a peer is known, or when it has room again after peer_may_go_on said no. */
typedef void peer_ready(void *ctx, struct peer *p);

/* No account has more than conns_max connections. */
struct peers *peers_new(struct lab *lab, size_t conns_max, peer_ready *ready, void *ctx);
void peers_free(struct peers *all);

/* The account of that uid, made and looked up at first sight; it lives as long as `all`. NULL: they are
 * too many. */
struct peer *peer_find(struct peers *all, uid_t uid);

bool peer_came(struct peer *p); /* another connection; false: it has too many already */
void peer_left(struct peer *p);

/* Whether another request of its may be read now. */
bool peer_may_go_on(struct peer *p);

/* Bytes and requests: given back by whoever took them, even when the connection has gone. */
void peer_take(struct peer *p, size_t bytes);
void peer_give(struct peer *p, size_t bytes);
void peer_opened(struct peer *p);
void peer_ended(struct peer *p);

/* What one of its connections holds of messages that are not whole: from `before` to `now` bytes. */
void peer_half(struct peer *p, size_t before, size_t now);
bool peer_has_too_many_halves(const struct peer *p);

/* A thread of the pool for a request of its; false: not now. */
bool peer_enter_pool(struct peer *p);
void peer_left_pool(struct peer *p);

/* Once a day: that it came is to be noted. */
bool peer_is_due(struct peer *p);

/* Whether a refusal of its may be written to the audit log: REFUSALS_MAX at once, one more every REFUSAL_EVERY_US.
 * *unwritten: how many were not since the last that was; left as it is when this one may not. */
enum { REFUSALS_MAX = 30, REFUSAL_EVERY_US = 60000000 };
bool peer_may_be_written(struct peer *p, int64_t *unwritten);

/* What the name service calls that uid: "uid 1234" when it does not know it. May block. */
void peer_name_of(uid_t uid, char out[64]);

void peer_fds_came(struct peer *p, size_t count);
void peer_fds_closed(struct peer *p, size_t count);

#endif
