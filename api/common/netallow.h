/*
 * netallow.h - the hosts that a run may reach: how an allow-list is written, and what an entry covers.
 *
 * The runner checks the lists of profiles with it, the daemon's proxy judges each connection by it. An entry
 * names a host and one port:
 *
 *     pypi.org:443            that name and no other
 *     *.example.org:443       every name below it (whole labels), not example.org itself
 *     192.0.2.7:8080          that address, as a literal or as what a listed name resolves to
 *     10.20.0.0/16:443        that network, likewise
 *     [2001:db8::1]:443       IPv6 in brackets; [2001:db8::]/48:443 a network
 *
 * Names are kept in lower case. What is not plainly one of these is refused: no trailing dot, no
 * underscore, no user, no percent sign, no Unicode (write xn--...), no number that a resolver would
 * take for an address (127.1, 0x7f000001).
 */
#ifndef ENCLOS_NETALLOW_H
#define ENCLOS_NETALLOW_H

#include "api/common/err.h"
#include <stddef.h>
#include <stdint.h>

enum {
    NET_NAME_SIZE = 254,   /* longest name, with its end */
    NET_ADDRESS_SIZE = 46, /* longest address as text, with its end */
    NET_ALLOW_TEXT = 272,  /* longest entry as text, with its end */
    NET_ALLOW_MAX = 256,   /* entries of a list */
    NET_ALLOW_PREFIX4 = 8, /* no network is wider: "everything" is not an entry */
    NET_ALLOW_PREFIX6 = 16,
};

struct net_address {
    int family; /* AF_INET or AF_INET6 */
    unsigned char bytes[16];
};

struct net_host {
    bool is_address;
    char name[NET_NAME_SIZE]; /* lower case; empty for an address */
    struct net_address address;
};

enum net_allow_kind { NET_ALLOW_NAME, NET_ALLOW_BELOW, NET_ALLOW_NETWORK };

struct net_allow {
    enum net_allow_kind kind;
    char name[NET_NAME_SIZE];   /* of NAME; of BELOW, without "*." */
    struct net_address network; /* bits past the prefix are zero */
    unsigned prefix;
    uint16_t port;
};

/* A name, a dotted quad, or an IPv6 address in brackets, and nothing else. E_INVALID, field "host". */
MUST_USE int net_host_parse(const char *text, size_t len, struct net_host *out, struct err *e);
/* Decimal, 1 to 65535, no sign, no zero in front. */
MUST_USE int net_port_parse(const char *text, size_t len, uint16_t *out, struct err *e);
/* "host:port" as above; without a port it is `usual_port`, and 0 there makes one necessary. */
MUST_USE int net_authority_parse(const char *text, size_t len, uint16_t usual_port,
                                 struct net_host *host, uint16_t *port, struct err *e);
void net_host_print(const struct net_host *h, char out[NET_NAME_SIZE]); /* brackets around IPv6 */
void net_address_print(const struct net_address *a, char out[NET_ADDRESS_SIZE]);

/* An entry of a list. E_INVALID, field "allow_hosts", says what is wrong with it. */
MUST_USE int net_allow_parse(const char *text, struct net_allow *out, struct err *e);
void net_allow_print(const struct net_allow *a, char out[NET_ALLOW_TEXT]);

/* Whether some entry lists this name, or this address, at this port. */
bool net_allow_has_name(const struct net_allow *list, size_t count, const char *name,
                        uint16_t port);
const struct net_allow *net_allow_find_address(const struct net_allow *list, size_t count,
                                               const struct net_address *a, uint16_t port);
/* Whether `list` permits all that `inner` does: a request may narrow a list and never widen it. */
bool net_allow_covers(const struct net_allow *list, size_t count, const struct net_allow *inner);

#endif
