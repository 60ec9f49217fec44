/*
 * mount_calls.h - the mount system calls by descriptor, as priv_root.c and priv_mounts.c use them.
 *
 * Thin: each returns what the kernel returned, errno set. Debian 12's glibc has wrappers of its own for
 * some, not for all, so none is used.
 */
#ifndef ENCLOS_RUNNER_MOUNT_CALLS_H
#define ENCLOS_RUNNER_MOUNT_CALLS_H

#include <fcntl.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

#define RO (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* A detached copy of what is mounted at dir/path. */
static inline int clone_tree(int dir, const char *path, unsigned flags)
{
    return (int)syscall(SYS_open_tree, dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
}

/* `userns` >= 0: id-mapped by that user namespace (only a mount that was never attached). Private from
 * then on: what the host mounts below later would come in without these attributes. */
static inline int set_attr(int fd, uint64_t attr, unsigned flags, int userns)
{
    struct mount_attr a = {.attr_set = attr, .propagation = MS_PRIVATE};
    if (userns >= 0) {
        a.attr_set |= MOUNT_ATTR_IDMAP;
        a.userns_fd = (unsigned)userns;
    }
    return (int)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | flags, &a, sizeof a);
}

static inline int attach(int tree, int root, const char *target)
{
    return (int)syscall(SYS_move_mount, tree, "", root, target, MOVE_MOUNT_F_EMPTY_PATH);
}

struct option {
    const char *key, *value;
};

/* A new file system, detached. */
static inline int new_fs(const char *type, const struct option *options, uint64_t attr)
{
    int mounted = -1, fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    if (fs < 0)
        return -1;
    for (; options->key; options++)
        if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, options->key, options->value, 0) < 0)
            goto done;
    if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
        mounted = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr);
done:
    close(fs);
    return mounted;
}

#endif
