/*
 * network.h - what a run with a network asked the lab to dial, as a person wants to see it.
 */
#ifndef ENCLOS_NETWORK_H
#define ENCLOS_NETWORK_H

#include "api/cli/cli.h"
#include "api/cli/term.h"
#include "api/common/json.h"

/* "12 connections, 3 refused", or nothing for a run without a network. `full`: what it was allowed too. */
void network_add_fact(struct buf *value, const struct json *network, bool full);
/* The table of hosts: all of them, or those that were refused. */
void network_add_table(struct buf *out, const struct term *t, const struct json *network,
                       bool full);

#endif
