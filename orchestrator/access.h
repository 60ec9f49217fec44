/*
 * access.h - may this caller call this row? The roles of each connection, asked in one place. Loop thread.
 *
 *     a call --> is the connection's standing as fresh as the grants? --yes--> judge --> its handler
 *                                 | no                                  ^        \-> denied, audited
 *                                 +--> read it (catalog), once for all that wait +
 *
 * A standing is read at the first call that needs one, and again when a grant or a token has changed or a token has
 * expired. lab.ping and what else anyone may call never wait for it.
 */
#ifndef ENCLOS_ACCESS_H
#define ENCLOS_ACCESS_H

#include "api/common/err.h"
#include "catalog/standing.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct access;      /* of one connection */
struct access_held; /* a standing that connection and requests share */
struct lab;
struct method;
struct peer;
struct request;

/* Of a connection that was accepted: reads its groups from the socket. */
struct access *access_new(struct lab *lab, uint64_t conn, int fd, const struct ucred *cred, struct peer *p);
void access_free(struct access *a);

/* Who it is: its account, or the service account that it became. The name lives as long as the lab. */
struct cat_actor access_actor(const struct access *a);

/* From now on it is that service account, and nothing else. */
void access_become(struct access *a, struct cat_actor service, int64_t token);

/* Takes q, which was validated: sees to it that its handler is called (request_handle) or that it is refused. */
void access_start(struct access *a, struct request *q);

/* Whether the row may be called. code: of the project that the call names, or NULL. For tests. */
bool access_allows(const struct method *m, const struct standing *s, const char *code);

/* A grant or a token changed, and that is committed: calls that come from now on are judged anew. To be called before
 * the change is answered. */
void access_changed(struct lab *lab);

/* Ends q with E_DENIED e, which is written to the audit log unless its account had many written lately. */
void access_refuse(struct request *q, const struct err *e);

/* request_end; or access_refuse, when e is E_DENIED: for handlers that ask closer than their row does. */
void access_end(struct request *q, const struct err *e);

/* Who the caller of q is, to ask again later what they may do. Lives as long as q. */
const struct standing_of *access_who(const struct request *q);

/* Reads the standing of a connection that has no call under way, if it is not fresh; then watch_recheck is called. */
void access_refresh(struct access *a);

void access_release(struct access_held *h); /* NULL is fine */

/* The standing of that request as it is now, not as it was at its start: for what waited for long. Catalog threads. */
MUST_USE int access_read_again(struct cat *db, struct arena *a, const struct request *q, struct standing *out,
                               struct err *e);

#endif
