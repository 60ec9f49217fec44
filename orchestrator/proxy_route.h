/*
 * proxy_route.h - what the kernel would do with an address: only what leaves this machine for one host is dialled.
 */
#ifndef ENCLOS_PROXY_ROUTE_H
#define ENCLOS_PROXY_ROUTE_H

#include "api/common/netallow.h"
#include "orchestrator/proxy_wire.h"

MUST_USE int proxy_route_open(struct err *e); /* a descriptor for the question, or -1 */

/* PROXY_OK for a route to another host, OWN_ADDRESS for an address of this machine (whatever interface has it, or
 * none), UNREACHABLE without a route. */
enum proxy_why proxy_route_judge(int route_fd, const struct net_address *a);

#endif
