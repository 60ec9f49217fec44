/*
 * copy_tree.h - copies a tree of plain files from one folder into an empty one, by descriptors.
 *
 * For /work where overlay is refused, and for the Python helper. Runs between clone and exec too: no
 * malloc but what readdir needs, no locks; one thread.
 */
#ifndef ENCLOS_RUNNER_COPY_TREE_H
#define ENCLOS_RUNNER_COPY_TREE_H

#include <sys/types.h>

/* Files become 0644 or 0755, folders 0755, all of `uid`. Links and special files are left out. -1 with
 * errno; what was copied by then stays. */
int copy_tree(int from, int to, uid_t uid);

#endif
