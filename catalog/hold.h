/*
 * hold.h - what stays whatever its age: a run, a dataset version, an environment, until the hold is lifted.
 *
 * A hold keeps content from being released (gc.h). It is nobody's right to use anything.
 */
#ifndef ENCLOS_CATALOG_HOLD_H
#define ENCLOS_CATALOG_HOLD_H

#include "api/common/mem.h"
#include "catalog/audit.h"
#include "catalog/standing.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cat;

enum hold_noun { HOLD_RUN, HOLD_DATASET, HOLD_ENVIRONMENT, HOLD_NOUN_COUNT };
const char *hold_noun_name(enum hold_noun n);
/* -1: none of them. */
int hold_noun_of(const char *name);

struct hold { /* texts in the arena */
    enum hold_noun noun;
    int64_t id;
    const char *subject, *reason;
    struct cat_actor actor;
    int64_t created_us;
};

/* subject: id of a run that `by` may see or a prefix of it, or NAME@VERSION. By the same person for the same reason again: the
 * earlier one, *existed. E_CONFLICT when another has it on hold, or its content was released already;
 * E_NOT_FOUND. */
MUST_USE int cat_hold_add(struct cat *db, struct arena *a, enum hold_noun noun, const char *subject,
                          const char *reason, const struct standing *by, int64_t at_us,
                          struct hold *out, bool *existed, struct err *e);
/* E_NOT_FOUND when it is not on hold. E_DENIED for who neither made it nor is a curator or an admin of the lab: what is
 * held is often so against the wish of whoever keeps it. */
MUST_USE int cat_hold_lift(struct cat *db, struct arena *a, enum hold_noun noun, const char *subject,
                           const char *reason, const struct standing *by, int64_t at_us,
                           struct hold *out, struct err *e);
enum { HOLD_LIST_MAX = 1000 };
/* In the order of their nouns and ids. after: the last one seen, NULL from the start. */
MUST_USE int cat_hold_list(struct cat *db, struct arena *a, const struct hold *after, size_t limit,
                           struct hold **out, size_t *count, struct err *e);

/* When its content was released; 0: it was not. */
MUST_USE int cat_released_us(struct cat *db, enum hold_noun noun, int64_t id, int64_t *at_us,
                             struct err *e);

#endif
