/*
 * gc.h - objects that nothing refers to go; what is past its keeping lets its content go first.
 *
 * Three steps, each safe to be killed in:
 *   release   in the catalog: retired versions, and runs when they are asked for, that nobody holds. Their
 *             rows stay, with all that is told of them; only their content may go from then on.
 *   mark      the objects that what is left refers to: manifests, and what is in them.
 *   sweep     every other object, unless it was put or wanted in the last day (objects_want): somebody may
 *             be about to refer to it.
 *
 * Steps 2 and 3 block on the disk for as long as there are objects: call from a thread of their own, with a
 * read-only connection. One caller at a time in a store.
 */
#ifndef ENCLOS_CATALOG_GC_H
#define ENCLOS_CATALOG_GC_H

#include "catalog/audit.h"
#include "catalog/hold.h"
#include "catalog/idset.h"
#include "catalog/store.h"

/* 0: that time never comes. */
struct gc_policy {
    int64_t retired_before_us; /* versions that were retired before */
    int64_t runs_before_us;    /* runs that ended before; 0 unless somebody asks for it */
};

/* ---- release ---- */

enum { GC_RELEASE_MAX = 500 };
/* Releases up to GC_RELEASE_MAX of one noun after the id *at, in the current transaction, with audit entries;
 * *at moves on, *count tells how many. Done when *count is less than that. only_count: on a reader's
 * connection, changes nothing. */
MUST_USE int gc_release(struct cat *db, enum hold_noun noun, const struct gc_policy *policy,
                        bool only_count, const struct cat_actor *actor, int64_t now_us, int64_t *at,
                        size_t *count, struct err *e);

/* ---- mark ---- */

struct gc_progress {
    /* false stops the work with E_UNAVAILABLE. May be NULL. */
    bool (*step)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
};

/* A manifest or an object that is referred to and cannot be had. */
struct gc_missing {
    /* manifest: by which it is referred to, at `path`; NULL: by the table itself, and path is by whom. */
    void (*told)(void *ctx, const char *sha256, const char *manifest, const char *path,
                 const char *why);
    void *ctx;
};

/* Adds to `used` all that is referred to. policy: what of it is to be taken as released already, for a dry
 * run; NULL: nothing. With `missing` NULL a manifest that cannot be had is E_CONFLICT: what it referred to
 * cannot be told from what nothing does. Else it is told, and so is each object that is not there or
 * has another size; the marking goes on. */
MUST_USE int gc_mark(struct cat *db, const struct store *s, const struct gc_policy *policy,
                     struct idset *used, const struct gc_progress *progress,
                     const struct gc_missing *missing, struct err *e);

/* Each manifest that is referred to, with who does (a run, NAME@VERSION), as often as it is. -1 from `told` stops. */
MUST_USE int gc_each_root(struct cat *db, int (*told)(void *ctx, const char *manifest, const char *subject),
                          void *ctx, struct err *e);

/* ---- sweep ---- */

struct gc_swept {
    uint64_t objects, bytes;                 /* all that there were */
    uint64_t removed, removed_bytes;         /* or would be */
    uint64_t unused_young;                   /* put or wanted too lately */
};
/* Takes the shards of `used`. */
MUST_USE int gc_sweep(const struct store *s, struct idset *used, bool dry_run,
                      const struct gc_progress *progress, struct gc_swept *out, struct err *e);

/* The columns that hold ids of objects, "table.column", and those that hold 64 digits and are none: a test
 * compares them with the schema, so that a new one is not forgotten here. NULL-ended. */
extern const char *const gc_object_columns[], *const gc_other_digests[];

#endif
