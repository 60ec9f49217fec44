/*
 * possession.h - who has shown that they have the content of an object.
 *
 * Objects are known by their digest, and digests are told to many: in cards, exports, lists of files. So a manifest
 * that names an object is no right to its content: whoever has a run, a dataset or an environment made of one must
 * have given every object that it names, even when the lab had it already. Otherwise the manifest of a dataset,
 * submitted as code, would be a way around every grant. Who: a number and its name. Called inside a job of catalog.h.
 */
#ifndef ENCLOS_CATALOG_POSSESSION_H
#define ENCLOS_CATALOG_POSSESSION_H

#include "api/common/err.h"
#include "catalog/audit.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cat;

/* It has given that object, whole and right. Again is nothing. */
MUST_USE int possession_note(struct cat *db, const struct cat_actor *who, const char *sha256, struct err *e);

MUST_USE int possession_has(struct cat *db, const struct cat_actor *who, const char *sha256, bool *has, struct err *e);

/* Whether it has given a manifest and all that it names. E_NOT_FOUND about `field` names the first that it has not,
 * and is the same whether the lab has that object or not. What was found whole is found by one row the next time. */
MUST_USE int possession_check(struct cat *db, const struct cat_actor *who, const char *field, const char *manifest,
                              const char *const *sha256, size_t count, struct err *e);

#endif
