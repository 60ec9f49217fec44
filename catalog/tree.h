/*
 * tree.h - a manifest as files: trees/ID (datasets, hard links to the objects) and trees/code-ID
 * (copies).
 *
 * Built aside in tmp/ and renamed: a tree is whole or not there. Trees are a cache of the objects;
 * they can be removed whenever no run uses them.
 */
#ifndef ENCLOS_CATALOG_TREE_H
#define ENCLOS_CATALOG_TREE_H

#include "catalog/manifest.h"
#include "catalog/store.h"

/* Any thread; blocks. *path is absolute; gives (caller frees). Files 0400, folders 0700.
 * E_NOT_FOUND when an object is not there. */
MUST_USE int tree_ensure_data(const struct store *s, const struct manifest *m, char **path,
                              struct err *e);
/* Copies, checked against their digests while they are written; files 0600 or 0700, folders
 * 0700. */
MUST_USE int tree_ensure_code(const struct store *s, const struct manifest *m, char **path,
                              struct err *e);

/* What was read and found right, by inode: see tree.c for when it may be believed. Thread safe. */
struct tree_cache;
struct tree_cache *tree_cache_new(size_t max_entries); /* 0: 200 000 */
void tree_cache_free(struct tree_cache *c);

/* Checks a data tree: each file is there, regular, of the right size and digest, and there is
 * nothing else. E_CONFLICT naming the first file that is wrong; other errors mean that it could
 * not be checked. cache and progress may be NULL. *read_bytes (may be NULL): how much had to be
 * read. */
MUST_USE int tree_verify(const struct store *s, const struct manifest *m, struct tree_cache *cache,
                         const struct digest_progress *progress, uint64_t *read_bytes,
                         struct err *e);

/* "ID" or "code-ID": names below trees/. */
enum { TREE_NAME_SIZE = 5 + DIGEST_HEX_SIZE };
void tree_name(const char *manifest_id, bool code, char out[TREE_NAME_SIZE]);

/* Removes all trees but those named in keep (unsorted). At start-up, or when nothing builds
 * trees. */
MUST_USE int tree_remove_unused(const struct store *s, const char *const *keep, size_t keep_count,
                                size_t *removed, struct err *e);

#endif
