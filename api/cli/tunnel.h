/*
 * tunnel.h - connections of a local port, each carried to a connection inside a run. Bytes only: nothing is read.
 */
#ifndef ENCLOS_TUNNEL_H
#define ENCLOS_TUNNEL_H

#include "api/common/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { TUNNEL_PAIRS = 100 };

struct tunnel;

/* Listens on 127.0.0.1. `port` 0: any that is free. E_CONFLICT: it is taken. */
MUST_USE int tunnel_open(unsigned port, struct tunnel **out, struct err *e);
void tunnel_close_at(struct tunnel **t);
#define AUTO_TUNNEL __attribute__((cleanup(tunnel_close_at)))

unsigned tunnel_port(const struct tunnel *t);
int tunnel_fd(const struct tunnel *t); /* readable: tunnel_step has something to do */

/* Does what can be done without waiting. `connect` gives a connected socket inside, or -1: that client is closed. */
typedef int tunnel_connect_fn(void *arg);
void tunnel_step(struct tunnel *t, tunnel_connect_fn *connect, void *arg);

#endif
