/*
 * manifest_keep.h - the last manifests of environments that were used, parsed. Thread safe.
 *
 * An environment has thousands of files, the same for each run, and parsing its manifest twice a run was half of what
 * a run in it cost the lab. What is kept was read and is what its id says; the files themselves are still looked at
 * each time (tree_verify).
 */
#ifndef ENCLOS_CATALOG_MANIFEST_KEEP_H
#define ENCLOS_CATALOG_MANIFEST_KEEP_H

#include "catalog/manifest.h"
#include "catalog/store.h"

enum { MANIFEST_KEEP_MAX = 3 }; /* beside those in use; the largest takes some 30 MB */

struct manifest_keep;
struct manifest_keep *manifest_keep_new(void);
void manifest_keep_free(struct manifest_keep *k); /* nothing of it is in use; NULL is fine */

/* As manifest_load_any. *out stays until it is put back. */
MUST_USE int manifest_keep_get(struct manifest_keep *k, const struct store *s, const char *id,
                               const struct manifest **out, struct err *e);
void manifest_keep_put(struct manifest_keep *k, const struct manifest *m); /* NULL is fine */

#endif
