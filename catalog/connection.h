/*
 * connection.h - what runs with the network `proxy` may reach, and every connection that they asked for.
 *
 * A row and its audit entry commit together, before the lab dials: what was reached is never unwritten.
 * All functions run inside a job of catalog.h.
 */
#ifndef ENCLOS_CATALOG_CONNECTION_H
#define ENCLOS_CATALOG_CONNECTION_H

#include "api/common/err.h"
#include "api/common/mem.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cat;

/* Of one run. A connection that may not be written down is not made; refusals past their bound are counted only. */
enum { CONNECTION_ALLOWED_MAX = 10000, CONNECTION_REFUSED_MAX = 1000 };

/* With the run's insertion: its list, a JSON array of text. */
MUST_USE int cat_network_add(struct cat *db, const char *run, const char *allow_hosts_json,
                             struct err *e);

struct network_row {
    const char *allow_hosts_json; /* NULL: the run has no such network */
    int64_t allowed, refused, written;
};
MUST_USE int cat_network_get(struct cat *db, struct arena *a, const char *run,
                             struct network_row *out, struct err *e);

struct connection_row {
    int64_t number; /* from 1 */
    int64_t time_us;
    const char *method, *host;
    int64_t port;
    const char *address; /* or NULL */
    bool allowed;
    const char *why, *detail;
    int64_t up_bytes, down_bytes, duration_ms; /* -1: not known */
};

/* Adds one with its audit entry (run.connected, run.connection_refused). Gives its number, 0: only counted (refused),
 * E_LIMIT (allowed). row->number is not read. */
MUST_USE int cat_connection_add(struct cat *db, const char *run, const struct connection_row *row,
                                int64_t *number, struct err *e);
/* How one ended: why, detail, bytes and duration of `row`. */
MUST_USE int cat_connection_end(struct cat *db, const char *run, int64_t number,
                                const struct connection_row *row, struct err *e);

/* By number, after `after`. */
MUST_USE int cat_connection_list(struct cat *db, struct arena *a, const char *run, int64_t after,
                                 size_t limit, struct connection_row **out, size_t *count,
                                 struct err *e);

/* For people: connections alike, the most frequent first. */
struct connection_group {
    const char *host;
    int64_t port;
    bool allowed;
    const char *why;
    int64_t count, up_bytes, down_bytes;
};
MUST_USE int cat_connection_groups(struct cat *db, struct arena *a, const char *run, size_t limit,
                                   struct connection_group **out, size_t *count, struct err *e);

#endif
