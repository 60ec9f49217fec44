/*
 * landlock.c - the second wall around files: what the mount layout allows, said again to Landlock.
 *
 * Called by the job after the pivot, because rules are tied to inodes. Handles every right of the
 * smaller of the kernel's ABI and the newest one known here (7), so that what is not granted below
 * is denied. Kernel documentation: userspace-api/landlock.rst.
 */
#include "runner/sandbox.h"

#include "api/common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian 12's headers stop at ABI 2: the layouts of the kernel's include/uapi/linux/landlock.h. */
struct ruleset_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net;
    uint64_t scoped;
};
struct path_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

enum { SYS_CREATE_RULESET = 444, SYS_ADD_RULE = 445, SYS_RESTRICT_SELF = 446 };
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1, ABI_KNOWN = 7 };

#define FS_EXECUTE (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_MAKE_CHAR (1ULL << 6)
#define FS_MAKE_BLOCK (1ULL << 11)
#define FS_REFER (1ULL << 13)     /* ABI 2 */
#define FS_TRUNCATE (1ULL << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define FS_ABI_1 ((1ULL << 13) - 1)

#define NET_BIND_TCP (1ULL << 0)    /* ABI 4 */
#define NET_CONNECT_TCP (1ULL << 1) /* ABI 4 */

#define SCOPE_ABSTRACT_UNIX (1ULL << 0) /* ABI 6 */
#define SCOPE_SIGNAL (1ULL << 1)        /* ABI 6 */

#define READ (FS_READ_FILE | FS_READ_DIR)
/* All but device nodes, which nothing inside has a use for. */
#define WRITE (~(FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_BLOCK | FS_IOCTL_DEV))

static const struct grant {
    const char *path;
    uint64_t access;
    bool file;     /* rights that only make sense for folders are left out */
    bool optional; /* not on every host */
} grants[] = {
    {"/", FS_READ_DIR, false, false},
    {"/usr", READ | FS_EXECUTE, false, false},
    {"/bin", READ | FS_EXECUTE, false, true}, /* a link into /usr on merged hosts: that row covers it */
    {"/sbin", READ | FS_EXECUTE, false, true},
    {"/lib", READ | FS_EXECUTE, false, true},
    {"/lib32", READ | FS_EXECUTE, false, true},
    {"/lib64", READ | FS_EXECUTE, false, true},
    {"/libx32", READ | FS_EXECUTE, false, true},
    {"/etc", READ, false, false},
    {"/opt", READ | FS_EXECUTE, false, false}, /* of an environment; ours is mounted noexec */
    {"/sys", READ, false, false},
    {"/proc", READ, false, false},
    {"/dev/null", FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE, true, false},
    {"/dev/zero", FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE, true, false},
    {"/dev/full", FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE, true, false},
    {"/dev/random", FS_READ_FILE, true, false},
    {"/dev/urandom", FS_READ_FILE, true, false},
    {"/dev/shm", WRITE, false, false},
    {"/tmp", WRITE | FS_EXECUTE, false, false},
    {"/outputs", WRITE, false, false},
};

/* The order of a run mounts something there, which the rules must be tied to. */
static const struct grant ordered_grants[] = {
    {"/data", READ, false, false},
    {"/work", WRITE | FS_EXECUTE, false, false},
};

/* Of a run with terminals: its own, and the one that controls it. Nothing is there in another one. */
static const struct grant terminal_grants[] = {
    {"/dev/pts", READ | FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV, false, false},
    {"/opt/enclos/tty/tty", FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV, true, false},
};

int landlock_abi(void)
{
    long abi = syscall(SYS_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
    if (abi >= 0)
        return (int)abi;
    /* Not built in, or not switched on. Any other answer says nothing about its absence. */
    return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -1;
}

static uint64_t handled_fs(int abi)
{
    uint64_t rights = FS_ABI_1;
    if (abi >= 2)
        rights |= FS_REFER;
    if (abi >= 3)
        rights |= FS_TRUNCATE;
    if (abi >= 5)
        rights |= FS_IOCTL_DEV;
    return rights;
}

static int grant(struct sandbox *s, int ruleset, const struct grant *g, uint64_t handled)
{
    struct stat st;
    /* No link is followed: where one of an environment leads must not decide what is granted. */
    AUTO_FD int fd = open(g->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (g->optional && fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode))
        return 0;
    if (fd < 0)
        return g->optional && errno == ENOENT
                   ? 0
                   : setup_fail(s->setup, STEP_LANDLOCK, errno, NULL, "cannot open %s for its rule", g->path);
    uint64_t of_files = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV;
    struct path_attr attr = {.allowed_access = g->access & handled, .parent_fd = fd};
    if (g->file)
        attr.allowed_access &= of_files;
    /* exec: once runs a program of the environment: nothing that the run brought or wrote. */
    if (s->profile->exec == PROFILE_EXEC_ONCE && (attr.allowed_access & FS_WRITE_FILE))
        attr.allowed_access &= ~FS_EXECUTE;
    if (syscall(SYS_ADD_RULE, ruleset, RULE_PATH_BENEATH, &attr, 0) < 0)
        return setup_fail(s->setup, STEP_LANDLOCK, errno, NULL, "cannot add the rule of %s", g->path);
    return 0;
}

static int grant_all(struct sandbox *s, int ruleset, const struct grant *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (grant(s, ruleset, &rows[i], s->setup->attest.landlock_fs) < 0)
            return -1;
    return 0;
}
#define GRANT_ALL(s, ruleset, rows) grant_all((s), (ruleset), (rows), sizeof(rows) / sizeof *(rows))

/* The nodes of the profile's devices: the only ones whose own commands (ioctl) pass. */
static int grant_devices(struct sandbox *s, int ruleset, uint64_t handled)
{
    for (const char *name = s->setup->attest.devices; *name; name += strspn(name, " ")) {
        char path[160];
        size_t n = strcspn(name, " ");
        snprintf(path, sizeof path, "/dev/%.*s", (int)n, name);
        name += n;
        const struct grant g = {path, FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV, true, false};
        if (grant(s, ruleset, &g, handled) < 0)
            return -1;
    }
    return 0;
}

int landlock_prepare(struct sandbox *s, int *out)
{
    int abi = landlock_abi();
    bool required = s->profile->landlock == PROFILE_LANDLOCK_REQUIRED;
    if (abi < 0)
        return setup_fail(s->setup, STEP_LANDLOCK, errno, NULL, "cannot ask for the ABI of Landlock");
    s->setup->attest.landlock_abi = abi;
    if (required && (abi == 0 || abi < (int)s->profile->landlock_min_abi))
        return setup_fail(s->setup, STEP_LANDLOCK, ENOSYS,
                          "boot with lsm=landlock,..., use a newer kernel, or choose a profile that takes "
                          "Landlock only where it is there (base, python)",
                          "the profile %s needs Landlock ABI %u and this kernel has %d", s->profile->name,
                          s->profile->landlock_min_abi, abi);
    *out = -1;
    if (abi == 0)
        return 0;
    struct ruleset_attr attr = {.handled_access_fs = handled_fs(abi)};
    size_t size = sizeof attr.handled_access_fs;
    if (abi >= 4) {
        if (s->profile->network == PROFILE_NETWORK_NONE)
            attr.handled_access_net = NET_BIND_TCP | NET_CONNECT_TCP;
        size = 2 * sizeof(uint64_t);
    }
    if (abi >= 6) {
        attr.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
        size = sizeof attr;
    }
    AUTO_FD int ruleset = (int)syscall(SYS_CREATE_RULESET, &attr, size, 0);
    if (ruleset < 0)
        return setup_fail(s->setup, STEP_LANDLOCK, errno, NULL, "cannot make the Landlock ruleset (ABI %d)", abi);
    s->setup->attest.landlock_fs = attr.handled_access_fs;
    s->setup->attest.landlock_net = attr.handled_access_net;
    s->setup->attest.landlock_scoped = attr.scoped;
    if (abi > ABI_KNOWN)
        s->setup->attest.landlock_abi = ABI_KNOWN; /* what is in force, not what could be */
    if (GRANT_ALL(s, ruleset, grants) < 0 || grant_devices(s, ruleset, attr.handled_access_fs) < 0)
        return -1;
    *out = fd_take(&ruleset);
    return 0;
}

int landlock_confine(struct sandbox *s, int ruleset)
{
    if (ruleset >= 0) {
        if (GRANT_ALL(s, ruleset, ordered_grants) < 0 || (s->spec->interactive.wanted && GRANT_ALL(s, ruleset, terminal_grants) < 0))
            return -1;
        if (syscall(SYS_RESTRICT_SELF, ruleset, 0) < 0)
            return setup_fail(s->setup, STEP_LANDLOCK, errno, NULL, "cannot confine the job with Landlock");
        close(ruleset);
    }
    setup_done(s->setup, STEP_LANDLOCK);
    return 0;
}
