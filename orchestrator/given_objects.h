/*
 * given_objects.h - what a manifest names, for the question whether its sender has given it: catalog/possession.h.
 */
#ifndef ENCLOS_GIVEN_OBJECTS_H
#define ENCLOS_GIVEN_OBJECTS_H

#include "catalog/manifest.h"
#include "orchestrator/request.h"

struct given_objects {
    const char **sha256;
    size_t count;
};

/* In the pool: digests of the manifest's files, in the request's arena. */
void given_objects_of(struct request *q, const struct manifest *m, struct given_objects *out);

/* In the catalog's transaction that makes something of it: E_NOT_FOUND about `field`, see possession_check. */
MUST_USE int given_objects_check(const struct request *q, struct cat *db, const char *field, const char *manifest,
                                 const struct given_objects *g, struct err *e);

#endif
