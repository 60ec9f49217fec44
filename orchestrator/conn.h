/*
 * conn.h - the socket's clients: accepting, reading lines and descriptors, bounded queues, closing.
 */
#ifndef ENCLOS_CONN_H
#define ENCLOS_CONN_H

#include "api/common/err.h"
#include "catalog/audit.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct access;
struct lab;
struct conn;
struct peer;
struct server;

enum {
    CONN_OPEN_MAX = 64,         /* requests of one connection under way; then it is not read */
    CONN_OUT_HIGH = 1 << 20,    /* answers waiting for a slow client; then it is not read */
    CONN_OUT_WATCH = 256 << 10, /* watches add nothing above this */
    CONN_FDS_MAX = 16,          /* descriptors received and not claimed */
    CONN_WATCHES_MAX = 64,
    CONN_GIVES_MAX = 64, /* answers with a descriptor that wait for a slow client */
};

/* Binds and listens: refuses a live socket (E_CONFLICT naming its pid), replaces a stale one. Called before
 * rights are dropped. */
MUST_USE int conn_bind(const char *path, bool for_all, int *listen_fd, struct err *e);

struct server *server_new(struct lab *lab, int listen_fd, size_t conn_max);
void server_stop_accepting(struct server *s);
void server_close_all(struct server *s); /* flushes what can be, then closes */
void server_free(struct server *s);      /* after the loop has run the close callbacks */
size_t server_conns(const struct server *s);
bool server_idle(const struct server *s); /* all answers are flushed */

struct conn *conn_find(const struct server *s, uint64_t id); /* NULL: it is gone */

uint64_t conn_id(const struct conn *c);
struct access *conn_access(const struct conn *c);
/* It is that service account's from now on; the name is copied. */
void conn_become(struct conn *c, int64_t account, const struct cat_actor *service, int64_t token);
/* Its name lives as long as the server. */
struct cat_actor conn_actor(const struct conn *c);

/* Queues one line; the LF is added. Sent before the loop sleeps. */
void conn_send(struct conn *c, const char *text, size_t len);
size_t conn_out_bytes(const struct conn *c);

/* The descriptor (taken) goes with the first byte of the next line that is queued. */
bool conn_may_give(const struct conn *c);
void conn_give(struct conn *c, int fd);

/* The oldest descriptor received and not claimed, or -1. Gives: tell peer_fds_closed once it is closed. */
int conn_claim_fd(struct conn *c);

struct peer *conn_peer(const struct conn *c); /* lives as long as the server: see peer.h */

/* Counts requests under way. */
void conn_opened(struct conn *c);
void conn_ended(struct conn *c);

/* Watches of this connection: see watch.c. */
size_t *conn_watch_count(struct conn *c);
uint64_t conn_next_watch(struct conn *c); /* numbers from 1 */

#endif
