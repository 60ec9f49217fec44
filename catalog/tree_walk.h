/*
 * tree_walk.h - the folders of a tree, opened one after the other as its manifest's entries name them.
 * For tree.c, which builds, and tree_verify.c.
 */
#ifndef ENCLOS_CATALOG_TREE_WALK_H
#define ENCLOS_CATALOG_TREE_WALK_H

#include "api/common/err.h"
#include <stdbool.h>
#include <stddef.h>

enum { WALK_DEPTH_MAX = 33 };

/* The folders from the tree's root to where the walk stands. Entries are sorted by path, so that
 * all below a folder stand together and each folder is opened once. Start: {.at[0].fd = root}, which
 * it takes. */
struct walk {
    const char *path; /* of the present entry: folder names are prefixes of it */
    int depth;
    struct {
        size_t len; /* of the folder's path; 0 for the root */
        int fd;
    } at[WALK_DEPTH_MAX];
};

void walk_fini(struct walk *w);
#define AUTO_WALK __attribute__((cleanup(walk_fini)))

/* Called for each folder when it is entered first, with its path (not terminated: len bytes) and
 * descriptor. */
typedef int walk_enter(void *ctx, int fd, const char *path, size_t len, struct err *e);

/* Goes to the folder of `path`; *name is the last component. `make`: folders are made, else
 * opened. `path` must live until the next call. */
MUST_USE int walk_to(struct walk *w, const char *path, bool make, walk_enter *enter, void *ctx,
                     const char **name, struct err *e);

#endif
