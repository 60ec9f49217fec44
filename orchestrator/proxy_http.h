/*
 * proxy_http.h - the little of HTTP that the proxy takes: CONNECT, and requests for http:// URLs. Pure.
 *
 * Strict on purpose: where two readers could understand two things (two lengths, a bare line feed, a
 * folded line, Host against authority), the message is refused, so that what was judged is what the
 * server reads. One request a connection: there is no second one to smuggle.
 */
#ifndef ENCLOS_PROXY_HTTP_H
#define ENCLOS_PROXY_HTTP_H

#include "api/common/buf.h"
#include "api/common/netallow.h"
#include "orchestrator/proxy_wire.h"
#include <stdbool.h>
#include <sys/types.h>

enum { PROXY_HEAD_MAX = 16 << 10, PROXY_HEADERS_MAX = 100 };

struct proxy_refusal {
    enum proxy_why why;
    char detail[PROXY_DETAIL];
};

enum proxy_body { PROXY_BODY_NONE, PROXY_BODY_LENGTH, PROXY_BODY_CHUNKED };

struct proxy_request {
    bool connect;
    char method[PROXY_METHOD];
    struct net_host host;
    uint16_t port;
    enum proxy_body body;
    uint64_t length;
};

/* Where the head ends (after its empty line), 0: not yet, -1: it never will (a bare line feed, a NUL). */
ssize_t proxy_head_end(const char *p, size_t len);

/* A whole head. Gives what to ask the judge, and in `forward` the head to send to the server (nothing for
 * CONNECT): no hop-by-hop field, one Host that is the authority, Connection: close. -1: refused; out->host
 * and out->port are set when they were read before the refusal (else the name is empty). */
MUST_USE int proxy_request_parse(const char *head, size_t len, struct proxy_request *out,
                                 struct buf *forward, struct proxy_refusal *bad);

/* The head of an answer: in `forward` what the client gets. *status is its number. */
MUST_USE int proxy_answer_parse(const char *head, size_t len, int *status, struct buf *forward,
                                struct proxy_refusal *bad);

/* Follows the body of a request. Returns how many of the bytes belong to it; *done when it is whole. -1: the chunks
 * are not as they must be. */
struct proxy_body_state {
    enum proxy_body kind;
    uint64_t left; /* of the length, or of the chunk */
    int step;      /* of the chunk's frame */
    unsigned digits;
    bool done;
};
void proxy_body_begin(struct proxy_body_state *b, const struct proxy_request *r);
ssize_t proxy_body_take(struct proxy_body_state *b, const char *p, size_t len);

#endif
