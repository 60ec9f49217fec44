/*
 * store.h - the state folder of a lab: its layout, its lock, what start-up cleans.
 *
 *     catalog.db   objects/ab/cdef...   trees/ID/   runs/ID/   uploads/   tmp/   lab.lock   boot
 *     damaged/SHA256.TIME: objects whose bytes were not those of their name, kept for inquiry
 *
 * A struct store is read only once open: any thread may use it.
 */
#ifndef ENCLOS_CATALOG_STORE_H
#define ENCLOS_CATALOG_STORE_H

#include "api/common/err.h"
#include <stdbool.h>
#include <stdint.h>

/* An object was set aside (objects_set_aside). Called in the thread that found it, which may be any;
 * no lock is held. */
typedef void store_on_aside(void *ctx, const char *sha256, int64_t at_us, const char *why);

struct store {
    char *path; /* absolute, without links */
    int dir_fd;
    int objects_fd, trees_fd, runs_fd, uploads_fd, tmp_fd, damaged_fd;
    int lock_fd;
    bool unclean;          /* the daemon before us did not close it: killed, or a power cut */
    bool opened;           /* private: close may say that all is well */
    store_on_aside *aside; /* or NULL; set before other threads use the store */
    void *aside_ctx;
};

/* Opens the folder, making what is missing (0700), takes lab.lock and writes our pid into it,
 * empties tmp/, drops uploads older than a week and, when the machine was started anew since,
 * all trees (they are built without a sync: only their objects are durable). E_CONFLICT naming
 * the pid when another daemon holds the lock; E_DENIED when the folder belongs to someone else
 * or others may reach into it. */
MUST_USE int store_open(const char *path, struct store **out, struct err *e);
/* NULL is fine. Releases the lock, and empties its file: the next start sees a clean stop. */
void store_close(struct store *s);

/* Whether that many bytes more may be stored: not when they would leave less than what is kept for the
 * catalog, by which the lab goes on when clients have filled its disk (a fiftieth of it, at most 256
 * MiB). E_LIMIT with ENOSPC. */
MUST_USE int store_has_room(const struct store *s, uint64_t bytes, struct err *e);

/* "PATH/catalog.db"; gives (caller frees). */
char *store_catalog_path(const struct store *s);

#endif
