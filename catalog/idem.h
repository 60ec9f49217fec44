/*
 * idem.h - idempotency keys: the same request sent twice has one effect.
 *
 * A key belongs to an actor's uid. It is kept with the method, the SHA-256 of the canonical request
 * and the result's reference (a run id, "X@1"), for 24 hours at least: a retry comes sooner.
 */
#ifndef ENCLOS_CATALOG_IDEM_H
#define ENCLOS_CATALOG_IDEM_H

#include "api/common/err.h"
#include "api/common/mem.h"
#include <stdint.h>

struct cat;

enum { IDEM_KEY_MAX = 200 };
#define IDEM_KEPT_US (INT64_C(24) * 3600 * 1000000)

/* *result is NULL when the key is new, else what the earlier request gave (in the arena).
 * E_CONFLICT when the key was used for another method or another request. E_INVALID for an empty
 * or too long key. */
MUST_USE int idem_find(struct cat *db, struct arena *a, int64_t uid, const char *key,
                       const char *method, const char *request_sha256, const char **result,
                       struct err *e);
MUST_USE int idem_keep(struct cat *db, int64_t uid, const char *key, const char *method,
                       const char *request_sha256, const char *result, int64_t time_us,
                       struct err *e);

/* Forgets keys older than IDEM_KEPT_US, the oldest first, at most max of them. */
MUST_USE int idem_prune(struct cat *db, int64_t now_us, size_t max, size_t *forgotten,
                        struct err *e);

#endif
