/*
 * env_archive.h - a tar archive, compressed or not, read into an env_tree.
 *
 * Read twice: once to know every content by its digest, and, when the lab lacks some, again to give it
 * those. Nothing is kept in between, so that an image of many gigabytes needs no room of its own.
 */
#ifndef ENCLOS_ENV_ARCHIVE_H
#define ENCLOS_ENV_ARCHIVE_H

#include "api/cli/env_tree.h"
#include "api/cli/upload.h"

/* What an archive may unpack to. A bomb ends here, and not on a disk. */
struct env_limits {
    uint64_t max_bytes; /* of all contents, of all layers */
    size_t max_entries; /* headers read, of all layers */
};
extern const struct env_limits env_limits_usual;

struct env_archive {
    int fd;             /* borrowed; read from its start */
    const char *label;  /* for errors */
    size_t index;       /* which of them: content.source */
    bool layer;         /* of an image: names that begin with .wh. are whiteouts */
    const char *sha256; /* of its bytes, as its giver says, or NULL */
    uint64_t size_bytes;
};

/* Common to all archives of one import. */
struct env_reading {
    struct env_tree *tree;
    struct env_told *told;
    const struct env_limits *limits;
    snapshot_progress_fn *progress; /* or NULL */
    void *progress_arg;
    uint64_t done_bytes, total_bytes; /* of the archives themselves, for progress */
    uint64_t bytes;                   /* contents so far */
    size_t entries;
};

/* E_INVALID: no archive, or one that is damaged or lies about its digest; E_LIMIT. Errors name the archive. */
MUST_USE int env_archive_read(struct env_reading *r, const struct env_archive *a, struct err *e);

/* Gives what the upload wants of the contents of this archive that the tree uses. */
MUST_USE int env_archive_give(const struct env_archive *a, const struct env_tree *tree,
                              struct upload *u, struct err *e);

#endif
