/*
 * snapshot.h - a folder, some files or a root file system, as a manifest over content-addressed objects.
 *
 * The walk goes by descriptors and never follows a link below the folder: symbolic links, devices,
 * sockets and pipes are left out and listed, so that the person sees what will be missing. Files are
 * hashed by libcrypto's SHA-256 in several threads. The manifest is the canonical JSON
 *     {"entries":[{"mode":"0644","path":"a/b.py","sha256":"...","size":12}],"version":1}
 * with entries sorted by the bytes of their path; its own SHA-256 is the snapshot's id.
 */
#ifndef ENCLOS_SNAPSHOT_H
#define ENCLOS_SNAPSHOT_H

#include "api/cli/env_told.h"
#include "api/cli/ignore.h"
#include "api/common/buf.h"
#include "api/common/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { SNAPSHOT_ENTRIES_MAX = 100000, SNAPSHOT_TEXT_MAX_BYTES = 32 << 20 };

enum snapshot_kind { SNAPSHOT_FILE, SNAPSHOT_LINK, SNAPSHOT_FOLDER };

struct snapshot_entry {
    const char *path; /* in the manifest */
    enum snapshot_kind kind;
    const char *source; /* below root_fd, or as given when root_fd is AT_FDCWD; where a link leads; NULL: the
                           digest is known, and whoever gave it has the content */
    int root_fd;
    bool executable;
    uint64_t size_bytes;
    char sha256[65];
};

struct snapshot;
struct snapshot *snapshot_new(void);
void snapshot_free_at(struct snapshot **s);
#define AUTO_SNAPSHOT __attribute__((cleanup(snapshot_free_at)))

/* Adds all files below a folder; `prefix` (may be "") stands before their paths. `g` may be NULL. A
 * positive max_bytes or max_files refuses (E_LIMIT) a folder that is larger. */
MUST_USE int snapshot_add_folder(struct snapshot *s, const char *folder, const char *prefix,
                                 const struct ignore *g, uint64_t max_bytes, size_t max_files,
                                 struct err *e);
/* Adds one file, named by the person (so a link is followed), under its own name. */
MUST_USE int snapshot_add_file(struct snapshot *s, const char *file, struct err *e);

/* A root file system, for an environment: what runs see of it (api/common/rootfs.h), with links and empty
 * folders. What is left out or changed is told. */
MUST_USE int snapshot_add_rootfs(struct snapshot *s, const char *folder, struct env_told *told,
                                 struct err *e);
MUST_USE int snapshot_add_link(struct snapshot *s, const char *path, const char *target,
                               struct err *e);
MUST_USE int snapshot_add_empty_folder(struct snapshot *s, const char *path, struct err *e);
/* A file whose content was read already. */
MUST_USE int snapshot_add_known(struct snapshot *s, const char *path, bool executable,
                                uint64_t size_bytes, const char *sha256, struct err *e);

/* Hashes everything and makes the manifest. `progress` (may be NULL) is called now and then. */
typedef void snapshot_progress_fn(void *arg, uint64_t done_bytes, uint64_t total_bytes);
MUST_USE int snapshot_finish(struct snapshot *s, snapshot_progress_fn *progress, void *arg,
                             struct err *e);

size_t snapshot_count(const struct snapshot *s);
uint64_t snapshot_total_bytes(const struct snapshot *s);
const struct snapshot_entry *snapshot_entries(const struct snapshot *s); /* sorted by path */
const struct buf *snapshot_manifest(const struct snapshot *s);
const char *snapshot_id(const struct snapshot *s);

/* What was left out: symbolic links and special files. */
size_t snapshot_skipped_count(const struct snapshot *s);
const char *snapshot_skipped(const struct snapshot *s, size_t i);

/* Opens an entry for reading, never through a link below its folder. */
MUST_USE int snapshot_open(const struct snapshot_entry *entry, int *out, struct err *e);

#endif
