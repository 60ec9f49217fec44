/*
 * proxy_address.h - which addresses a name may lead to. Pure.
 */
#ifndef ENCLOS_PROXY_ADDRESS_H
#define ENCLOS_PROXY_ADDRESS_H

#include "api/common/netallow.h"
#include "orchestrator/proxy_wire.h"

/* PROXY_OK for an address of the public internet, else what it is: loopback, private... An IPv6 address
 * that carries an IPv4 one (mapped, 6to4, NAT64) is `translated` unless that one is public, and always
 * where the carrier has no use for TCP. */
enum proxy_why proxy_address_class(const struct net_address *a);

/* The same, with the list's say: an address of a network that the list names is fine. But never multicast nor
 * unspecified, and a metadata service only by its exact address. */
enum proxy_why proxy_address_judge(const struct net_address *a, uint16_t port,
                                   const struct net_allow *list, size_t count, bool *listed);

#endif
