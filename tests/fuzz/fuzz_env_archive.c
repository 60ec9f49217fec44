/*
 * fuzz_env_archive.c - a tar archive as a layer of an image: whatever it says, the snapshot has only paths that a
 * manifest may have and that runs see.
 */
#include "api/cli/env_archive.h"
#include "api/common/fd.h"
#include "api/common/rootfs.h"
#include "api/common/text.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct env_limits limits = {.max_bytes = 1 << 20, .max_entries = 1000};
    AUTO_ENV_TREE struct env_tree *t = env_tree_new();
    AUTO_SNAPSHOT struct snapshot *s = snapshot_new();
    AUTO_FD int fd = memfd_create("fuzz", MFD_CLOEXEC);
    struct env_told told = {0};
    struct err e = {0};
    struct env_reading r = {.tree = t, .told = &told, .limits = &limits};

    must(fd >= 0 && fd_write_all(fd, data, size) == 0);
    /* Two layers of the same: whiteouts have something below them. */
    for (size_t i = 0; i < 2; i++) {
        const struct env_archive a = {.fd = fd, .label = "fuzz", .index = i, .layer = true};
        if (env_archive_read(&r, &a, &e) < 0) {
            must(e.kind == E_INVALID || e.kind == E_LIMIT);
            must(text_is_utf8(e.message, strlen(e.message)));
            return 0;
        }
    }
    if (env_tree_snapshot(t, s, &told, &e) < 0 || snapshot_finish(s, NULL, NULL, &e) < 0) {
        must(e.kind == E_INVALID || e.kind == E_LIMIT);
        return 0;
    }
    for (size_t i = 0; i < snapshot_count(s); i++) {
        const struct snapshot_entry *entry = &snapshot_entries(s)[i];
        must(text_is_rel_path(entry->path) && rootfs_shows(entry->path));
        must(rootfs_may_hold(entry->kind == SNAPSHOT_LINK     ? ROOTFS_LINK
                             : entry->kind == SNAPSHOT_FOLDER ? ROOTFS_FOLDER
                                                              : ROOTFS_FILE,
                             entry->path, entry->kind == SNAPSHOT_LINK ? entry->source : NULL));
    }
    return 0;
}
