/*
 * proxy_wire.h - the processes of a run's proxy, and what they say to each other.
 *
 *   run ==bytes==> relay --ask--> judge --asks for addresses--> resolver
 *                    ^              |  \
 *                    +--socket------+   +--"may I?" / "go"--> enclosd, which audits first
 *
 * The relay parses what the run sends. It can make no socket and open no file: all it can do is ask. The judge
 * decides by the run's list, on the address that it dials itself, and passes the connected socket to the
 * relay. The resolver is the only one that reads DNS answers. All three are children of enclosd for one
 * run, without a right of their own (proxy_confine.h), and end when enclosd closes its end.
 *
 * Relay, judge and resolver exchange these packets on SOCK_SEQPACKET pairs; each receiver distrusts them.
 */
#ifndef ENCLOS_PROXY_WIRE_H
#define ENCLOS_PROXY_WIRE_H

#include "api/common/netallow.h"
#include <stdint.h>

/* Why a connection was refused, or ended before its time. Codes of the API: names are stable. */
#define PROXY_WHYS(X)                                                                              \
    X(OK, "ok")                                                                                    \
    X(NOT_LISTED, "not_listed")   /* host and port are not in the list */                          \
    X(UNSPECIFIED, "unspecified") /* what the address is: */                                       \
    X(LOOPBACK, "loopback")                                                                        \
    X(PRIVATE, "private")                                                                          \
    X(LINK_LOCAL, "link_local")                                                                    \
    X(METADATA, "metadata")                                                                        \
    X(MULTICAST, "multicast")                                                                      \
    X(RESERVED, "reserved")                                                                        \
    X(TRANSLATED, "translated")       /* carries an IPv4 address that is not public */             \
    X(OWN_ADDRESS, "own_address")     /* this machine's */                                         \
    X(NO_ADDRESS, "no_address")       /* the name does not resolve */                              \
    X(UNREACHABLE, "unreachable")     /* dialled without success */                                \
    X(BAD_REQUEST, "bad_request")     /* not HTTP as it must be */                                 \
    X(HOST_MISMATCH, "host_mismatch") /* Host is not the authority */                              \
    X(NOT_TLS, "not_tls")             /* a tunnel whose first bytes are no ClientHello */          \
    X(SERVER_NAME, "server_name")     /* SNI is not the host of the tunnel */                      \
    X(BAD_ANSWER, "bad_answer")       /* the server's answer is not HTTP as it must be */          \
    X(TIMEOUT, "timeout")                                                                          \
    X(LIMIT, "limit")             /* connections or bytes of the run */                            \
    X(UNAVAILABLE, "unavailable") /* the lab cannot write it down now */

enum proxy_why {
#define X(id, name) PROXY_##id,
    PROXY_WHYS(X)
#undef X
        PROXY_WHY_COUNT
};
const char *proxy_why_name(enum proxy_why why);

enum { PROXY_SLOTS = 64, PROXY_DETAIL = 160, PROXY_METHOD = 12, PROXY_ADDRESSES = 8 };

enum proxy_packet_type {
    PROXY_ASK = 1,  /* relay -> judge: may I have host:port? */
    PROXY_DIALLED,  /* judge -> relay: with a socket, or why not */
    PROXY_REFUSED,  /* relay -> judge: refused by the relay itself, before any ask */
    PROXY_ENDED,    /* relay -> judge: a dialled one is over */
    PROXY_RESOLVE,  /* judge -> resolver */
    PROXY_RESOLVED, /* resolver -> judge */
};

struct proxy_packet {
    uint32_t type;
    uint32_t slot;   /* of the relay: 0 to PROXY_SLOTS - 1 */
    uint32_t serial; /* of the ask: an answer to another one is dropped */
    uint32_t why;    /* enum proxy_why */
    uint16_t port;
    uint16_t address_count;
    char method[PROXY_METHOD];
    char host[NET_NAME_SIZE];
    char detail[PROXY_DETAIL]; /* a sentence */
    uint64_t up_bytes, down_bytes;
    struct net_address addresses[PROXY_ADDRESSES];
};

#endif
