/*
 * tree.h - a manifest as files: trees/ID (datasets, hard links to the objects), trees/code-ID
 * (copies) and trees/env-ID (environments: links, but what is executable is a copy, since an object
 * has one mode for all who use it).
 *
 * Built aside in tmp/ and renamed: a tree is whole or not there. Trees are a cache of the objects;
 * they can be removed whenever no run uses them.
 */
#ifndef ENCLOS_CATALOG_TREE_H
#define ENCLOS_CATALOG_TREE_H

#include "catalog/manifest.h"
#include "catalog/store.h"

enum tree_kind { TREE_DATA, TREE_CODE, TREE_ENV };

/* Any thread; blocks. *path is absolute; gives (caller frees). Files 0400, folders 0700.
 * E_NOT_FOUND when an object is not there. */
MUST_USE int tree_ensure_data(const struct store *s, const struct manifest *m, char **path,
                              struct err *e);
/* The same for an environment: files 0400, or 0500 when executable; links say what the manifest says
 * and are never followed here. */
MUST_USE int tree_ensure_env(const struct store *s, const struct manifest *m, char **path,
                             struct err *e);

/* What was read and found right, by inode: see tree_seen.c for when it may be believed. Thread safe. */
struct tree_cache;
struct tree_cache *tree_cache_new(size_t max_entries); /* 0: 200 000 */
void tree_cache_free(struct tree_cache *c);

/* Checks a tree of data or of an environment: each file is there, regular, of the right size and
 * digest, each link says what it should, and there is nothing else. E_CONFLICT naming the first file that is wrong; other errors mean that it could
 * not be checked. Several threads read where there is much to be read: progress is then called from them all, with the
 * bytes of the whole. cache and progress may be NULL. *read_bytes (may be NULL): how much had to be
 * read. */
MUST_USE int tree_verify(const struct store *s, enum tree_kind kind, const struct manifest *m,
                         struct tree_cache *cache,
                         const struct digest_progress *progress, uint64_t *read_bytes,
                         struct err *e);

/* Copies, checked against their digests while they are written; files 0600 or 0700, folders 0700.
 * One that stands already is verified as tree_verify does; when it is not what the manifest says it
 * is dropped and built anew, and *found tells what was wrong (else its kind is E_NONE). E_NOT_FOUND,
 * E_CONFLICT (damaged, set aside) or E_INVALID when an object cannot be had. cache and progress may
 * be NULL. */
MUST_USE int tree_ensure_code(const struct store *s, const struct manifest *m,
                              struct tree_cache *cache, const struct digest_progress *progress,
                              char **path, struct err *found, struct err *e);

/* "ID", "code-ID" or "env-ID": names below trees/. */
enum { TREE_NAME_SIZE = 5 + DIGEST_HEX_SIZE };
void tree_name(const char *manifest_id, enum tree_kind kind, char out[TREE_NAME_SIZE]);

/* ---- trees that go: tree_drop.c ---- */

/* Takes a tree out of use: the next tree_ensure_* builds it anew. Runs keep what they have open of it:
 * it becomes NAME.dropped, and is removed once no run uses NAME. One that is not there is fine. */
MUST_USE int tree_drop(const struct store *s, const char *name, struct err *e);

/* Was the tree of that manifest dropped at that time or later? Then a run that had opened it
 * before cannot vouch for what it read. */
bool tree_was_dropped(const struct store *s, enum tree_kind kind, const char *manifest_id,
                      int64_t since_us);

/* After tree_verify had found a tree changed: drops it, and reads the objects of its manifest,
 * so that those that are damaged are set aside. */
MUST_USE int tree_condemn(const struct store *s, enum tree_kind kind, const struct manifest *m,
                          const struct digest_progress *progress, struct err *e);

/* Drops the trees of data and environments that have that object, because it was damaged. */
MUST_USE int tree_drop_users(const struct store *s, const char *sha256, size_t *dropped,
                             struct err *e);

/* Notes that a tree was used now: tree_remove_unused goes by it. */
void tree_touch(const struct store *s, const char *name);

struct tree_uses; /* tree_use.h */
struct tree_keep {
    int64_t code_s, data_s; /* how long after its last use a tree stays */
    int64_t budget_ms;      /* no further tree is begun after that */
};
/* Removes trees that nobody uses (dropped ones whatever their age). One caller at a time. */
MUST_USE int tree_remove_unused(const struct store *s, struct tree_uses *uses,
                                const struct tree_keep *keep, size_t *removed, struct err *e);

#endif
