/*
 * store.h - the state folder of a lab: its layout, its lock, what start-up cleans.
 *
 *     catalog.db   objects/ab/cdef...   trees/ID/   runs/ID/   uploads/   tmp/   lab.lock   boot
 *
 * A struct store is read only once open: any thread may use it.
 */
#ifndef ENCLOS_CATALOG_STORE_H
#define ENCLOS_CATALOG_STORE_H

#include "api/common/err.h"
#include <stdbool.h>

struct store {
    char *path; /* absolute, without links */
    int dir_fd;
    int objects_fd, trees_fd, runs_fd, uploads_fd, tmp_fd;
    int lock_fd;
    bool unclean; /* the daemon before us did not close it: killed, or a power cut */
    bool opened;  /* private: close may say that all is well */
};

/* Opens the folder, making what is missing (0700), takes lab.lock and writes our pid into it,
 * empties tmp/, drops uploads older than a week and, when the machine was started anew since,
 * all trees (they are built without a sync: only their objects are durable). E_CONFLICT naming
 * the pid when another daemon holds the lock; E_DENIED when the folder belongs to someone else
 * or others may reach into it. */
MUST_USE int store_open(const char *path, struct store **out, struct err *e);
/* NULL is fine. Releases the lock, and empties its file: the next start sees a clean stop. */
void store_close(struct store *s);

/* "PATH/catalog.db"; gives (caller frees). */
char *store_catalog_path(const struct store *s);

#endif
