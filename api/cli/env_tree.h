/*
 * env_tree.h - a root file system in memory: what the entries of an archive, or of the layers of an image, make
 * together.
 *
 * Nothing is ever written to a file system by a name that an archive gave: contents are known by their digest
 * and go to the lab as they are, and a path is a place in this tree. So ".." is refused, a link on the
 * way to an entry is followed inside the tree only, with the tree's root as its root, and nothing can be
 * outside. The result is a snapshot: the manifest of what runs see of it (api/common/rootfs.h).
 */
#ifndef ENCLOS_ENV_TREE_H
#define ENCLOS_ENV_TREE_H

#include "api/cli/env_told.h"
#include "api/cli/snapshot.h"
#include "api/common/err.h"

enum { ENV_NODES_MAX = 1000000, ENV_DEPTH_MAX = 64, ENV_HOPS_MAX = 40 };

/* Bytes of one regular file of an archive. */
struct env_content {
    size_t source;  /* which archive, counted by whoever reads them */
    size_t ordinal; /* which of its regular files */
    uint64_t size_bytes;
    char sha256[65];
};

struct env_tree;
struct env_tree *env_tree_new(void);
void env_tree_free_at(struct env_tree **t);
#define AUTO_ENV_TREE __attribute__((cleanup(env_tree_free_at)))

/* What follows belongs to that layer. Whiteouts hide what is of an earlier one only. */
void env_tree_layer(struct env_tree *t, unsigned layer);

/* Paths are as in the archive: a leading "/" or "./" means the root. E_INVALID: "..", too deep, through a
 * file, through too many links. What stood there is replaced, as by a later entry of the same archive. */
MUST_USE int env_tree_folder(struct env_tree *t, const char *path, struct err *e);
MUST_USE int env_tree_file(struct env_tree *t, const char *path, bool executable,
                           const struct env_content *content, struct err *e);
MUST_USE int env_tree_link(struct env_tree *t, const char *path, const char *target, struct err *e);
/* The same file under another name. E_INVALID when there is no such file in the tree. */
MUST_USE int env_tree_hard_link(struct env_tree *t, const char *path, const char *to,
                                struct err *e);

/* An entry of an OCI layer whose name begins with ".wh.": hides what it says of the layers below. *was false:
 * it is no such name. E_INVALID when it names nothing that could be there. */
MUST_USE int env_tree_whiteout(struct env_tree *t, const char *path, bool *was, struct err *e);

/* Is there something at that path? Links are followed as above, but for the last component. */
bool env_tree_has(struct env_tree *t, const char *path);

/* What runs see of it, into the snapshot; what they do not see is noted. E_INVALID for names that a
 * manifest cannot have and for a /bin that leads out of /usr; E_LIMIT for too many files. */
MUST_USE int env_tree_snapshot(struct env_tree *t, struct snapshot *s, struct env_told *told,
                               struct err *e);

/* Contents in the order in which they were given; those of files that are in the snapshot are `used`. */
size_t env_tree_contents(const struct env_tree *t);
const struct env_content *env_tree_content(const struct env_tree *t, size_t i, bool *used);

#endif
