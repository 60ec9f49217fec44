/*
 * profiles.h - which sandbox profiles exist and are valid, as the runner tells (`profile list --json`).
 */
#ifndef ENCLOS_PROFILES_H
#define ENCLOS_PROFILES_H

#include "api/common/err.h"
#include "api/common/json.h"

struct lab;
struct profiles;

struct profiles *profiles_new(struct lab *lab);
void profiles_free(struct profiles *p);

/* Asks the runner anew; `then` is called on the loop with the result (err NULL: the list is fresh). Asks that come
 * while one is under way share the answer of the next one. */
void profiles_refresh(struct profiles *p, void (*then)(void *ctx, const struct err *e), void *ctx);

/* {"profiles":[...]}, or NULL before the first answer. Borrowed until the next turn of the loop. */
const struct json *profiles_all(const struct profiles *p);
/* One element, or NULL. */
const struct json *profiles_find(const struct profiles *p, const char *name);

/* Whether a run may name it: E_NOT_FOUND listing what there is, E_INVALID with what is wrong in its file. */
MUST_USE int profiles_check(const struct profiles *p, const char *name, struct err *e);

#endif
