/*
 * tree_seen.h - the inside of struct tree_cache, for tree_verify.c.
 */
#ifndef ENCLOS_CATALOG_TREE_SEEN_H
#define ENCLOS_CATALOG_TREE_SEEN_H

#include "catalog/tree.h"
#include <stdbool.h>
#include <sys/stat.h>

/* Was this very file, as it stands, found to have that digest? c may be NULL: no. */
bool tree_cache_knows(struct tree_cache *c, const struct stat *st, const char *sha256);
void tree_cache_add(struct tree_cache *c, const struct stat *st, const char *sha256);

/* Nothing of it moved between the two looks. */
bool tree_same_file(const struct stat *a, const struct stat *b);

/* True when the ctime is far enough in the past to be believed; `wait`s for that, one tick at
 * most. */
bool tree_settle(const struct stat *st, bool wait);

#endif
