/*
 * proxy.h - the network of runs whose profile says `proxy`: who may reach what, and the processes that see to it.
 *
 * The run's sandbox has a listening socket on its own loopback, which its monitor holds. While the run goes, the
 * daemon keeps one proxy for it (proxy_wire.h, proxy_processes.h), gives it that socket and the run's list, and
 * answers each "may I dial?" once the connection is in the catalog and in the audit log. Loop thread.
 */
#ifndef ENCLOS_PROXY_H
#define ENCLOS_PROXY_H

#include "api/common/err.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include <stddef.h>

struct lab;
struct live;
struct profiles;
struct proxy;

/* Whether the profile, as far as it is known, gives its runs the network `proxy`. */
bool proxy_is_for(const struct profiles *p, const char *profile);

/* The list of a run that is submitted: the profile's, narrowed to `wanted` (the request's allow_hosts, or NULL). Gives
 * JSON in the arena, NULL for a profile with another network. What the profile does not cover is E_DENIED; so is a
 * dataset: data that may not leave and a way out do not meet in one run. */
MUST_USE int proxy_list(const struct json *profile, const struct json *wanted, size_t datasets,
                        struct arena *a, const char **out, struct err *e);

/* A monitor has the run: its proxy is started, if its profile may want one. */
void proxy_start(struct live *v);
/* The run is over, or the daemon ends. NULL is fine. */
void proxy_stop(struct proxy *p);
/* When the daemon ends: what is left of them. */
void proxy_close_all(struct lab *lab);

#endif
