/*
 * priv_devices.c - gives a run the device nodes of its profile (profile_devices.c), and nothing else of /dev.
 *
 * Runs in init, before the pivot: no malloc, no locks. A profile without devices costs nothing here.
 *
 *     host's /dev, a descriptor    each node opened below it without following any link, looked at (a character
 *            |                     device, of a driver that the profile names, open to the run's user), and
 *            v                     only then bound, by that same descriptor
 *     a /dev of the run's own      the shared root is not written to: its nodes are taken over by clone
 *
 * No hook, no program of the driver's is run (CVE-2024-0132, CVE-2025-23266 were in one). A set that is there in
 * part, or a profile of whose sets none is there, refuses the run by name.
 */
#include "runner/sandbox.h"

#include "api/common/fd.h"
#include "runner/mount_calls.h"

#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { DRIVERS_TEXT = 16384, DEVICES_MAX = 64, NAME_SIZE = 104 };

struct devices {
    struct sandbox *s;
    int dev_fd;                        /* the host's /dev */
    char name[DEVICES_MAX][NAME_SIZE]; /* those that are there, below /dev */
    int fd[DEVICES_MAX];               /* O_PATH */
    size_t count;
    char drivers[DRIVERS_TEXT]; /* the host's /proc/devices */
};

static int fail(struct devices *d, int os_errno, const char *hint, const char *what,
                const char *name)
{
    return setup_fail(d->s->setup, STEP_MOUNT_DEV, os_errno, hint,
                      "the profile %s gives /dev/%s: %s", d->s->profile->name, name, what);
}

/* ---- is a node what it should be? ---- */

static int read_drivers(struct devices *d)
{
    AUTO_FD int fd = openat(d->s->proc_fd, "devices", O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && used < sizeof d->drivers - 1) {
        n = read(fd, d->drivers + used, sizeof d->drivers - 1 - used);
        used += n > 0 ? (size_t)n : 0;
    }
    d->drivers[used] = '\0';
    return n < 0 ? setup_fail(d->s->setup, STEP_MOUNT_DEV, errno, NULL, "cannot read /proc/devices")
                 : 0;
}

/* "195 nvidia" in the part on character devices. */
static bool has_driver(const struct devices *d, const struct profile_devices *set,
                       unsigned major_number)
{
    const char *end = strstr(d->drivers, "Block devices:");
    for (const char *line = d->drivers; line != NULL && (end == NULL || line < end);
         line = strchr(line, '\n'), line += line != NULL) {
        char *name = NULL;
        unsigned long number = strtoul(line, &name, 10);
        if (name == line || number != major_number || *name != ' ')
            continue;
        name++;
        for (size_t i = 0; i < set->driver_count; i++) {
            size_t n = strlen(set->driver[i]);
            if (strncmp(name, set->driver[i], n) == 0 && (name[n] == '\n' || name[n] == '\0'))
                return true;
        }
    }
    return false;
}

static bool may_open(const struct devices *d, int fd, const struct stat *st)
{
    if (d->s->identity.rootless) /* the run has our own rights outside */
        return syscall(SYS_faccessat2, fd, "", R_OK | W_OK, AT_EMPTY_PATH) == 0;
    return (st->st_mode & (S_IROTH | S_IWOTH)) == (S_IROTH | S_IWOTH);
}

/* 1: taken, 0: no such node, -1: failed. */
static int take(struct devices *d, const struct profile_devices *set, const char *name)
{
    struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
                                      RESOLVE_NO_MAGICLINKS};
    struct stat st;
    AUTO_FD int fd = (int)syscall(SYS_openat2, d->dev_fd, name, &how, sizeof how);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (fd < 0)
        return fail(d, errno, "a link stands on the way: name the node itself",
                    "it cannot be opened", name);
    if (fstat(fd, &st) < 0)
        return fail(d, errno, NULL, "it cannot be looked at", name);
    if (S_ISLNK(st.st_mode))
        return fail(d, ELOOP, "the lab follows no link to a device: name the node itself",
                    "it is a symbolic link", name);
    if (!S_ISCHR(st.st_mode))
        return fail(d, ENODEV, "something else stands in its place: look at it",
                    "it is no character device", name);
    if (!has_driver(d, set, major(st.st_rdev)))
        return fail(d, ENODEV,
                    "its major number is not in /proc/devices under a name that the profile lists",
                    "it belongs to another driver", name);
    if (!may_open(d, fd, &st))
        return fail(
            d, EACCES,
            "a udev rule with MODE=\"0666\" opens it to runs, which have users of their own",
            "a run may not open it", name);
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->name[i], name) == 0)
            return 1; /* two patterns name it */
    if (d->count == DEVICES_MAX || strlen(name) >= NAME_SIZE)
        return fail(d, E2BIG, NULL, "too many devices", name);
    snprintf(d->name[d->count], NAME_SIZE, "%s", name);
    d->fd[d->count++] = fd_take(&fd);
    return 1;
}

/* ---- which nodes are there? ---- */

struct entry { /* as getdents64 gives it */
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

/* "nvidia*": each nvidiaNUMBER. Returns how many were taken, -1: failed. */
static int take_numbered(struct devices *d, const struct profile_devices *set, const char *pattern)
{
    char folder[NAME_SIZE] = ".", name[NAME_SIZE + 256];
    _Alignas(struct entry) char block[4096];
    const char *slash = strrchr(pattern, '/'), *base = slash ? slash + 1 : pattern;
    size_t prefix = strlen(base) - 1;
    int taken = 0;
    if (slash)
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - pattern), pattern);
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
                                      RESOLVE_NO_MAGICLINKS};
    AUTO_FD int fd = (int)syscall(SYS_openat2, d->dev_fd, folder, &how, sizeof how);
    if (fd < 0)
        return errno == ENOENT ? 0 : fail(d, errno, NULL, "its folder cannot be opened", pattern);
    for (;;) {
        long n = syscall(SYS_getdents64, fd, block, sizeof block);
        if (n < 0)
            return fail(d, errno, NULL, "its folder cannot be listed", pattern);
        if (n == 0)
            return taken;
        for (long at = 0; at < n;) {
            const struct entry *entry = (const struct entry *)(block + at);
            const char *number = entry->name + prefix;
            at += entry->length;
            if (strncmp(entry->name, base, prefix) != 0 || *number == '\0' ||
                strspn(number, "0123456789") != strlen(number))
                continue;
            snprintf(name, sizeof name, "%.*s%s", (int)(base - pattern), pattern, entry->name);
            int rc = take(d, set, name);
            if (rc < 0)
                return -1;
            taken += rc;
        }
    }
}

static int take_path(struct devices *d, const struct profile_devices *set, const char *path)
{
    return path[strlen(path) - 1] == '*' ? take_numbered(d, set, path) : take(d, set, path);
}

/* Takes a set whole. 1: it is there, 0: nothing of it is, -1: failed, also when it is there in part. */
static int take_set(struct devices *d, const struct profile_devices *set, const char **missing)
{
    size_t there = 0;
    *missing = NULL;
    for (size_t i = 0; i < set->need_count; i++) {
        int n = take_path(d, set, set->need[i]);
        if (n < 0)
            return -1;
        there += n > 0;
        if (n == 0 && *missing == NULL)
            *missing = set->need[i];
    }
    if (there == 0)
        return 0;
    if (*missing != NULL)
        return fail(d, ENOENT,
                    "its driver is loaded in part only: see what it says in the kernel's log",
                    "it is not there", *missing);
    for (size_t i = 0; i < set->may_count; i++)
        if (take_path(d, set, set->may[i]) < 0)
            return -1;
    return 1;
}

static int take_all(struct devices *d)
{
    const struct profile *p = d->s->profile;
    const char *missing = NULL, *first = NULL;
    int there = 0;
    for (size_t i = 0; i < p->device_set_count; i++) {
        int rc = take_set(d, &p->devices[i], &missing);
        if (rc < 0)
            return -1;
        there += rc;
        first = first == NULL ? missing : first;
    }
    return there > 0 ? 0
                     : fail(d, ENOENT,
                            "load its driver on this machine, or choose a profile without devices",
                            "it is not there", first);
}

/* ---- a /dev of the run's own ---- */

/* A file for each mount to stand on, its folders made as needed. */
static int stand(int dev, const char *name)
{
    char folder[NAME_SIZE];
    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - name), name);
        if (mkdirat(dev, folder, 0755) < 0 && errno != EEXIST)
            return -1;
    }
    AUTO_FD int fd = openat(dev, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    return fd < 0 ? -1 : 0;
}

static int new_dev(struct devices *d, int root, int *out)
{
    static const struct option options[] = {
        {"size", "64k"}, {"nr_inodes", "256"}, {"mode", "755"}, {NULL, NULL}};
    static const char *const nodes[] = {"null", "zero", "full", "random", "urandom"};
    static const char *const links[] = {"fd", "stdin", "stdout", "stderr", "ptmx", "tty"};
    enum { NODES = sizeof nodes / sizeof *nodes };
    char to[sizeof links / sizeof *links][64] = {""};
    int tree[NODES];
    struct setup *setup = d->s->setup;
    for (size_t i = 0; i < NODES; i++) {
        char path[24];
        snprintf(path, sizeof path, "dev/%s", nodes[i]);
        tree[i] = clone_tree(root, path, 0);
        if (tree[i] < 0)
            return setup_fail(setup, STEP_MOUNT_DEV, errno, NULL, "cannot take over /%s", path);
    }
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        char path[24];
        snprintf(path, sizeof path, "dev/%s", links[i]);
        if (readlinkat(root, path, to[i], sizeof to[i] - 1) < 0 && errno != ENOENT)
            return setup_fail(setup, STEP_MOUNT_DEV, errno, NULL, "cannot take over /%s", path);
    }
    AUTO_FD int dev =
        new_fs("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (dev < 0 || attach(dev, root, "dev") < 0 || mkdirat(dev, "shm", 0755) < 0 ||
        mkdirat(dev, "pts", 0755) < 0)
        return setup_fail(setup, STEP_MOUNT_DEV, errno, NULL, "cannot make the run's own /dev");
    for (size_t i = 0; i < NODES; i++) {
        if (stand(dev, nodes[i]) < 0 || attach(tree[i], dev, nodes[i]) < 0)
            return setup_fail(setup, STEP_MOUNT_DEV, errno, NULL, "cannot mount /dev/%s", nodes[i]);
        close(tree[i]);
    }
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (to[i][0] && symlinkat(to[i], dev, links[i]) < 0)
            return setup_fail(setup, STEP_MOUNT_DEV, errno, NULL, "cannot link /dev/%s", links[i]);
    *out = fd_take(&dev);
    return 0;
}

static int bind_all(struct devices *d, int dev)
{
    struct sandbox *s = d->s;
    char *names = s->setup->attest.devices;
    for (size_t i = 0; i < d->count; i++) {
        AUTO_FD int tree = clone_tree(d->fd[i], "", AT_EMPTY_PATH);
        if (tree < 0 || set_attr(tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, -1) < 0 ||
            stand(dev, d->name[i]) < 0 || attach(tree, dev, d->name[i]) < 0)
            return fail(d, errno, NULL, "it cannot be bound", d->name[i]);
        close(d->fd[i]);
        size_t used = strlen(names), room = sizeof s->setup->attest.devices;
        if (used + strlen(d->name[i]) + 2 > room)
            return fail(d, E2BIG, NULL, "too many devices", d->name[i]);
        snprintf(names + used, room - used, "%s%s", used ? " " : "", d->name[i]);
    }
    return set_attr(dev, MOUNT_ATTR_RDONLY, 0, -1) < 0
               ? setup_fail(s->setup, STEP_MOUNT_DEV, errno, NULL, "cannot make /dev read-only")
               : 0;
}

int devices_attach(struct sandbox *s, int root)
{
    struct devices d = {.s = s, .dev_fd = -1};
    AUTO_FD int dev = -1;
    if (s->profile->device_set_count == 0)
        return 0;
    AUTO_FD int host = open("/dev", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (host < 0)
        return setup_fail(s->setup, STEP_MOUNT_DEV, errno, NULL, "cannot open the host's /dev");
    d.dev_fd = host;
    if (read_drivers(&d) < 0 || take_all(&d) < 0 || new_dev(&d, root, &dev) < 0)
        return -1;
    return bind_all(&d, dev);
}
