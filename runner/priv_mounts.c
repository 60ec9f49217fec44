/*
 * priv_mounts.c - the file system that a run sees, built in a tmpfs of our own and pivoted into.
 *
 *   /            tmpfs, read-only at the end      /proc      own, read-only, hidepid
 *   /usr         the environment, read-only       /sys/...   cpu and node topology, read-only
 *   /bin ...     links into /usr                  /data/X    datasets, read-only, id-mapped
 *   /etc         a handful of files               /work      the code, copy-on-write, bounded
 *   /dev         null zero full random urandom    /outputs /tmp /dev/shm   tmpfs, bounded
 *
 * Rules taught by others' incidents: what comes from outside becomes a descriptor first
 * (open_tree), before anything is attached, and no path is walked twice (CVE-2024-0132); mount
 * points are made only in our own tmpfs, relative to its descriptor (CVE-2026-87766); sources of
 * the lab are opened with the lab's own uid and without following any link, so that a lab that was
 * taken over cannot make the runner show it root's files.
 */
#include "runner/sandbox.h"

#include "api/common/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

#define RO (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* ---- what comes from outside ---- */

/* The system's part: one row a mount. Those marked optional are left out where the host lacks them. */
struct system_mount {
    const char *source;
    const char *target; /* relative to the new root; its parent is in `folders` */
    uint64_t attr;
    bool folder;
    bool optional;
    enum setup_step step;
};

static const struct system_mount system_mounts[] = {
    {"/usr", "usr", RO, true, false, STEP_MOUNT_SYSTEM},
    /* libblas.so.3 and many programs of Debian are links through here */
    {"/etc/alternatives", "etc/alternatives", RO | MOUNT_ATTR_NOEXEC, true, true, STEP_MOUNT_SYSTEM},
    {"/etc/ld.so.cache", "etc/ld.so.cache", RO | MOUNT_ATTR_NOEXEC, false, true, STEP_MOUNT_SYSTEM},
    {"/etc/fonts", "etc/fonts", RO | MOUNT_ATTR_NOEXEC, true, true, STEP_MOUNT_SYSTEM},
    {"/etc/R", "etc/R", RO | MOUNT_ATTR_NOEXEC, true, true, STEP_MOUNT_SYSTEM},
    {"/etc/mime.types", "etc/mime.types", RO | MOUNT_ATTR_NOEXEC, false, true, STEP_MOUNT_SYSTEM},
    {"/dev/null", "dev/null", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, false, STEP_MOUNT_DEV},
    {"/dev/zero", "dev/zero", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, false, STEP_MOUNT_DEV},
    {"/dev/full", "dev/full", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, false, STEP_MOUNT_DEV},
    {"/dev/random", "dev/random", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, false, STEP_MOUNT_DEV},
    {"/dev/urandom", "dev/urandom", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, false, STEP_MOUNT_DEV},
    /* OpenMP, oneDNN and numactl look at the topology */
    {"/sys/devices/system/cpu", "sys/devices/system/cpu", RO | MOUNT_ATTR_NOEXEC, true, true, STEP_MOUNT_SYS},
    {"/sys/devices/system/node", "sys/devices/system/node", RO | MOUNT_ATTR_NOEXEC, true, true, STEP_MOUNT_SYS},
};
enum { SYSTEM_COUNT = sizeof system_mounts / sizeof *system_mounts };

static const char *const folders[] = {"usr", "etc",  "dev", "proc", "sys", "sys/devices", "sys/devices/system",
                                      "data", "work", "outputs", "tmp", "opt", "opt/enclos", "opt/enclos/python",
                                      "dev/shm"};

/* Non-merged hosts keep these as folders; then they are mounted like /usr. */
static const char *const usr_links[] = {"bin", "sbin", "lib", "lib64", "lib32", "libx32"};
enum { LINK_COUNT = sizeof usr_links / sizeof *usr_links };

struct sources {
    int system[SYSTEM_COUNT];
    int links[LINK_COUNT]; /* tree of a non-merged folder, else -1 */
    int python;
    int code;
    int datasets[SPEC_MAX_DATASETS];
    char localtime[128]; /* where /etc/localtime points, when below /usr/share/zoneinfo */
};

static int clone_tree(int dir, const char *path, unsigned flags)
{
    return (int)syscall(SYS_open_tree, dir, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
}

static int set_attr(int fd, uint64_t attr, unsigned flags, int userns)
{
    struct mount_attr a = {.attr_set = attr};
    if (userns >= 0) {
        a.attr_set |= MOUNT_ATTR_IDMAP;
        a.userns_fd = (unsigned)userns;
    }
    return (int)syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | flags, &a, sizeof a);
}

static int attach(int tree, int root, const char *target)
{
    return (int)syscall(SYS_move_mount, tree, "", root, target, MOVE_MOUNT_F_EMPTY_PATH);
}

static int open_system(struct sandbox *s, struct sources *src)
{
    for (size_t i = 0; i < SYSTEM_COUNT; i++) {
        const struct system_mount *m = &system_mounts[i];
        src->system[i] = clone_tree(AT_FDCWD, m->source, AT_RECURSIVE);
        if (src->system[i] < 0 && !(m->optional && errno == ENOENT))
            return setup_fail(s->setup, STEP_MOUNT_SOURCES, errno, NULL, "cannot clone the mount of %s", m->source);
        if (src->system[i] >= 0 && set_attr(src->system[i], m->attr, AT_RECURSIVE, -1) < 0)
            return setup_fail(s->setup, STEP_MOUNT_SOURCES, errno, NULL, "cannot protect the mount of %s",
                              m->source);
    }
    for (size_t i = 0; i < LINK_COUNT; i++) {
        char path[16];
        struct stat st;
        snprintf(path, sizeof path, "/%s", usr_links[i]);
        src->links[i] = -1;
        if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
            continue;
        src->links[i] = clone_tree(AT_FDCWD, path, AT_RECURSIVE);
        if (src->links[i] < 0 || set_attr(src->links[i], RO, AT_RECURSIVE, -1) < 0)
            return setup_fail(s->setup, STEP_MOUNT_SOURCES, errno, NULL, "cannot clone the mount of %s", path);
    }
    ssize_t n = readlink("/etc/localtime", src->localtime, sizeof src->localtime - 1);
    src->localtime[n > 0 ? n : 0] = '\0';
    if (strncmp(src->localtime, "/usr/share/zoneinfo/", 20) != 0)
        src->localtime[0] = '\0';
    src->python = -1;
    if (s->python_path) {
        src->python = clone_tree(AT_FDCWD, s->python_path, 0);
        if (src->python < 0 || set_attr(src->python, RO | MOUNT_ATTR_NOEXEC, 0, -1) < 0)
            return setup_fail(s->setup, STEP_MOUNT_SOURCES, errno, NULL, "cannot clone the mount of %s",
                              s->python_path);
    }
    return 0;
}

/* A folder of the lab: opened as the lab, no link followed anywhere on the way, owned by the lab. */
static int open_lab_tree(struct sandbox *s, const char *what, const char *path, uint64_t attr, int *out)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    struct stat st;
    uid_t owner = s->rootless ? 0 : s->lab_uid;
    if (!s->rootless) {
        setfsgid(s->lab_gid);
        setfsuid(s->lab_uid);
    }
    AUTO_FD int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    int failed = fd < 0 ? errno : 0;
    if (!s->rootless) {
        setfsuid(0);
        setfsgid(0);
    }
    if (failed)
        return setup_fail(s->setup, STEP_MOUNT_SOURCES, failed,
                          failed == ELOOP    ? "a link stands on the way: give the real path"
                          : failed == ENOENT ? "the lab's folder for it is gone: see enclos doctor"
                                             : "the lab must be able to open what it lends to a run",
                          "cannot open the folder of %s: %.160s", what, path);
    if (fstat(fd, &st) < 0 || st.st_uid != owner)
        return setup_fail(s->setup, STEP_MOUNT_SOURCES, EPERM, "the lab must own what it lends to a run",
                          "the folder of %s belongs to uid %u, not to the lab: %.160s", what, st.st_uid, path);
    *out = clone_tree(fd, "", AT_EMPTY_PATH);
    if (*out < 0)
        return setup_fail(s->setup, STEP_MOUNT_SOURCES, errno, NULL, "cannot clone the mount of %s", what);
    if (set_attr(*out, attr, 0, s->rootless ? -1 : s->idmap_fd) < 0)
        return setup_fail(s->setup, STEP_MOUNT_SOURCES, errno,
                          errno == EINVAL ? "put the lab's folder on a file system with id-mapped mounts "
                                            "(ext4, xfs, btrfs; tmpfs from kernel 6.3)"
                                          : NULL,
                          "cannot make an id-mapped mount of %s: %.160s", what, path);
    return 0;
}

static int open_sources(struct sandbox *s, struct sources *src)
{
    const uint64_t data = RO | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;
    if (open_system(s, src) < 0)
        return -1;
    src->code = -1;
    if (s->spec->code_path && open_lab_tree(s, "the code", s->spec->code_path, RO, &src->code) < 0)
        return -1;
    for (size_t i = 0; i < s->spec->dataset_count; i++)
        if (open_lab_tree(s, s->spec->datasets[i].name, s->spec->datasets[i].path, data, &src->datasets[i]) < 0)
            return -1;
    setup_done(s->setup, STEP_MOUNT_SOURCES);
    return 0;
}

/* ---- new file systems ---- */

struct option {
    const char *key, *value;
};

static int new_fs(const char *type, const struct option *options, uint64_t attr)
{
    AUTO_FD int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    if (fs < 0)
        return -1;
    for (; options->key; options++)
        if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, options->key, options->value, 0) < 0)
            return -1;
    if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -1;
    return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr);
}

/* A tmpfs of the job's, attached at target. Gives its descriptor when `keep` is not NULL. */
static int job_tmpfs(struct sandbox *s, int root, const char *target, int64_t size_bytes, int64_t files,
                     const char *mode, uint64_t attr, enum setup_step step, int *keep)
{
    char size[24], inodes[24], uid[16];
    snprintf(size, sizeof size, "%lld", (long long)size_bytes);
    snprintf(inodes, sizeof inodes, "%lld", (long long)files);
    snprintf(uid, sizeof uid, "%u", s->job_uid);
    const struct option options[] = {{"size", size}, {"nr_inodes", inodes}, {"mode", mode},
                                     {"uid", uid},   {"gid", uid},          {NULL, NULL}};
    AUTO_FD int fd = new_fs("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | attr);
    if (fd < 0 || attach(fd, root, target) < 0)
        return setup_fail(s->setup, step, errno, NULL, "cannot mount /%s (%lld bytes)", target, (long long)size_bytes);
    if (keep)
        *keep = fd_take(&fd);
    return 0;
}

static int make_file(int root, const char *path, const char *text)
{
    AUTO_FD int fd = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    size_t n = strlen(text);
    return fd >= 0 && write(fd, text, n) == (ssize_t)n ? 0 : -1;
}

static int make_root(struct sandbox *s, int *root)
{
    static const struct option options[] = {
        {"size", "1m"}, {"nr_inodes", "512"}, {"mode", "755"}, {NULL, NULL}};
    umask(022);
    *root = new_fs("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    /* Attached first, populated after: nsjail met EINVAL on 6.12 the other way round. /tmp is only a
     * place to stand on in this private namespace; all that is needed from below it is open. */
    if (*root < 0 || attach(*root, AT_FDCWD, "/tmp") < 0)
        return setup_fail(s->setup, STEP_MOUNT_ROOT, errno, NULL, "cannot mount the new root");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (mkdirat(*root, folders[i], 0755) < 0)
            return setup_fail(s->setup, STEP_MOUNT_ROOT, errno, NULL, "cannot make /%s", folders[i]);
    setup_done(s->setup, STEP_MOUNT_ROOT);
    return 0;
}

static int attach_system(struct sandbox *s, const struct sources *src, int root)
{
    for (size_t i = 0; i < SYSTEM_COUNT; i++) {
        const struct system_mount *m = &system_mounts[i];
        bool covered = strcmp(m->target, "usr") == 0; /* made with the folders */
        if (src->system[i] < 0)
            continue;
        if ((!covered && (m->folder ? mkdirat(root, m->target, 0755) : make_file(root, m->target, "")) < 0) ||
            attach(src->system[i], root, m->target) < 0)
            return setup_fail(s->setup, m->step, errno, NULL, "cannot mount /%s", m->target);
        close(src->system[i]);
        setup_done(s->setup, m->step);
    }
    for (size_t i = 0; i < LINK_COUNT; i++) {
        char host[16], to[32];
        snprintf(host, sizeof host, "/%s", usr_links[i]);
        if (src->links[i] >= 0) {
            if (mkdirat(root, usr_links[i], 0755) < 0 || attach(src->links[i], root, usr_links[i]) < 0)
                return setup_fail(s->setup, STEP_MOUNT_SYSTEM, errno, NULL, "cannot mount %s", host);
            continue;
        }
        snprintf(to, sizeof to, "usr/%s", usr_links[i]);
        if (faccessat(root, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0 && symlinkat(to, root, usr_links[i]) < 0)
            return setup_fail(s->setup, STEP_MOUNT_SYSTEM, errno, NULL, "cannot link %s", host);
    }
    return 0;
}

static int make_etc(struct sandbox *s, const struct sources *src, int root)
{
    static const char *const files[][2] = {
        {"etc/passwd", "run:x:1000:1000:Enclos run:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"},
        {"etc/group", "run:x:1000:\nnogroup:x:65534:\n"},
        {"etc/hosts", "127.0.0.1 localhost enclos\n::1 localhost enclos\n"},
        {"etc/hostname", "enclos\n"},
        {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"},
        {"etc/host.conf", "multi on\n"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (make_file(root, files[i][0], files[i][1]) < 0)
            return setup_fail(s->setup, STEP_MOUNT_SYSTEM, errno, NULL, "cannot write /%s", files[i][0]);
    if (src->localtime[0] && symlinkat(src->localtime, root, "etc/localtime") < 0)
        return setup_fail(s->setup, STEP_MOUNT_SYSTEM, errno, NULL, "cannot link /etc/localtime");
    setup_done(s->setup, STEP_MOUNT_SYSTEM);
    return 0;
}

static int make_dev(struct sandbox *s, int root)
{
    static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
                                           {"/proc/self/fd/0", "dev/stdin"},
                                           {"/proc/self/fd/1", "dev/stdout"},
                                           {"/proc/self/fd/2", "dev/stderr"}};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (symlinkat(links[i][0], root, links[i][1]) < 0)
            return setup_fail(s->setup, STEP_MOUNT_DEV, errno, NULL, "cannot link /%s", links[i][1]);
    return job_tmpfs(s, root, "dev/shm", s->spec->resources.tmp_bytes, 16384, "1777", MOUNT_ATTR_NOEXEC,
                     STEP_MOUNT_DEV, NULL);
}

/* What /proc shows of the host to anyone is covered by entries of ours that nobody can open: never
 * by something taken from elsewhere, which might be swapped (CVE-2025-31133). */
static int mask_proc(struct sandbox *s, int root)
{
    static const struct {
        const char *target;
        bool folder;
    } masks[] = {{"proc/keys", false}, {"proc/key-users", false}, {"proc/acpi", true}, {"proc/scsi", true}};
    AUTO_FD int file = openat(root, "opt/enclos/masked", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
    if (s->profile->proc != PROFILE_PROC_MINIMAL && (file < 0 || mkdirat(root, "opt/enclos/masked.d", 0) < 0))
        return setup_fail(s->setup, STEP_MOUNT_PROC, errno, NULL, "cannot make the mask of /proc");
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++) {
        if (faccessat(root, masks[i].target, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
            continue; /* not on this kernel, or not with subset=pid */
        AUTO_FD int mask = clone_tree(root, masks[i].folder ? "opt/enclos/masked.d" : "opt/enclos/masked", 0);
        if (mask < 0 || set_attr(mask, RO | MOUNT_ATTR_NOEXEC, 0, -1) < 0 ||
            attach(mask, root, masks[i].target) < 0)
            return setup_fail(s->setup, STEP_MOUNT_PROC, errno, NULL, "cannot mask /%s", masks[i].target);
    }
    setup_done(s->setup, STEP_MOUNT_PROC);
    return 0;
}

/* A /proc of this PID namespace, whole read-only: what a job legitimately writes there (its own
 * oom_score_adj, comm) it can do without, and no sysctl, sysrq or attribute is within reach. */
static int mount_proc(struct sandbox *s, int root)
{
    const struct option minimal[] = {{"hidepid", "invisible"}, {"subset", "pid"}, {NULL, NULL}};
    const struct option usual[] = {{"hidepid", "invisible"}, {NULL, NULL}};
    AUTO_FD int fd = new_fs("proc", s->profile->proc == PROFILE_PROC_MINIMAL ? minimal : usual,
                            RO | MOUNT_ATTR_NOEXEC);
    if (fd < 0 || attach(fd, root, "proc") < 0)
        return setup_fail(s->setup, STEP_MOUNT_PROC, errno,
                          s->rootless && errno == EPERM ? "the host's /proc is partly masked (a container?): "
                                                          "give it an unmasked /proc, or run the lab as root"
                                                        : NULL,
                          "cannot mount /proc");
    return mask_proc(s, root);
}

/*
 * A dataset is shown through a read-only overlay of its own with one empty layer below it. The files
 * are the same pages in memory, but the inodes are the run's: two runs on one dataset share no lock,
 * lease or inotify watch to signal by (isolate 2.4 to 2.6 closed such leaks one by one), and
 * /proc/self/mountinfo does not tell where the lab keeps it. Where overlay is refused the
 * id-mapped mount itself is attached, and the record says so.
 */
static int show_dataset(struct sandbox *s, int tree, int root, const char *target)
{
    static const struct option options[] = {{"lowerdir", "opt/enclos/lower:opt/enclos/empty"}, {NULL, NULL}};
    const uint64_t attr = RO | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;
    if (attach(tree, root, "opt/enclos/lower") < 0)
        return -1;
    AUTO_FD int overlay = new_fs("overlay", options, attr);
    int attached = overlay < 0 ? -1 : attach(overlay, root, target);
    if (umount2("opt/enclos/lower", MNT_DETACH) < 0)
        return -1;
    s->setup->attest.data_overlay = attached == 0;
    return attached;
}

static int attach_datasets(struct sandbox *s, const struct sources *src, int root)
{
    if (s->spec->dataset_count && (mkdirat(root, "opt/enclos/lower", 0700) < 0 || mkdirat(root, "opt/enclos/empty", 0755) < 0 ||
                                   fchdir(root) < 0))
        return setup_fail(s->setup, STEP_MOUNT_DATASETS, errno, NULL, "cannot lay out /data");
    for (size_t i = 0; i < s->spec->dataset_count; i++) {
        char target[80];
        snprintf(target, sizeof target, "data/%s", s->spec->datasets[i].name);
        AUTO_FD int again = clone_tree(src->datasets[i], "", AT_EMPTY_PATH);
        if (mkdirat(root, target, 0755) < 0 ||
            (show_dataset(s, src->datasets[i], root, target) < 0 &&
             (again < 0 || attach(again, root, target) < 0)))
            return setup_fail(s->setup, STEP_MOUNT_DATASETS, errno, NULL, "cannot mount /%s", target);
        close(src->datasets[i]);
    }
    if (src->python >= 0 && attach(src->python, root, "opt/enclos/python") < 0)
        return setup_fail(s->setup, STEP_MOUNT_DATASETS, errno, NULL, "cannot mount the Python helper");
    setup_done(s->setup, STEP_MOUNT_DATASETS);
    return 0;
}

/* ---- /work ---- */

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st, uid_t uid)
{
    AUTO_FD int in = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    AUTO_FD int out = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    static char block[64 << 10]; /* one thread, between clone and exec */
    ssize_t n;
    if (in < 0 || out < 0)
        return -1;
    while ((n = read(in, block, sizeof block)) > 0)
        if (fd_write_all(out, block, (size_t)n) < 0)
            return -1;
    return n < 0 || fchmod(out, (st->st_mode & 0100) ? 0755 : 0644) < 0 || fchown(out, uid, uid) < 0 ? -1 : 0;
}

static int copy_tree(int from, int to, uid_t uid, int depth)
{
    int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = again < 0 ? NULL : fdopendir(again);
    struct dirent *entry;
    int failed = d && depth < 40 ? 0 : -1;
    while (!failed && (entry = readdir(d))) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (fstatat(from, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            failed = -1;
        } else if (S_ISREG(st.st_mode)) {
            failed = copy_file(from, to, entry->d_name, &st, uid);
        } else if (S_ISDIR(st.st_mode)) {
            AUTO_FD int sub_from = openat(from, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            failed = mkdirat(to, entry->d_name, 0755);
            AUTO_FD int sub_to = openat(to, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (failed || sub_from < 0 || sub_to < 0 || fchown(sub_to, uid, uid) < 0 ||
                copy_tree(sub_from, sub_to, uid, depth + 1) < 0)
                failed = -1;
        }
    }
    int kept = errno;
    if (d)
        closedir(d);
    errno = kept;
    return failed;
}

/*
 * The code is the lower layer of an overlay whose upper one is a bounded tmpfs. All three stand
 * inside the tmpfs that is mounted on /work, and the overlay is then mounted on top of it: so its
 * upper layer is out of sight.
 */
static int mount_work(struct sandbox *s, const struct sources *src, int root)
{
    AUTO_FD int work = -1;
    if (job_tmpfs(s, root, "work", s->spec->resources.work_bytes, 262144, "755", 0, STEP_MOUNT_WORK, &work) < 0)
        return -1;
    if (src->code >= 0) {
        const char *options = s->rootless ? "lowerdir=work/lower,upperdir=work/upper,workdir=work/wd,userxattr"
                                          : "lowerdir=work/lower,upperdir=work/upper,workdir=work/wd";
        if (mkdirat(work, "lower", 0755) < 0 || mkdirat(work, "upper", 0755) < 0 ||
            mkdirat(work, "wd", 0700) < 0 || fchownat(work, "upper", s->job_uid, s->job_uid, 0) < 0 ||
            attach(src->code, work, "lower") < 0 || fchdir(root) < 0)
            return setup_fail(s->setup, STEP_MOUNT_WORK, errno, NULL, "cannot lay out /work");
        s->setup->attest.work_overlay = mount("overlay", "work", "overlay", MS_NOSUID | MS_NODEV, options) == 0;
        if (!s->setup->attest.work_overlay) {
            /* Overlay refused (no module, a kernel that forbids it here): a plain copy serves as well,
             * only slower and charged to the run's memory. The record says which. */
            AUTO_FD int lower = openat(work, "lower", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            AUTO_FD int plain = -1;
            if (job_tmpfs(s, root, "work", s->spec->resources.work_bytes, 262144, "755", 0, STEP_MOUNT_WORK,
                          &plain) < 0)
                return -1;
            if (lower < 0 || copy_tree(lower, plain, s->job_uid, 0) < 0)
                return setup_fail(s->setup, STEP_MOUNT_WORK, errno,
                                  errno == ENOSPC ? "raise the run's work_bytes (--work)" : NULL,
                                  "cannot copy the code to /work");
        }
        /* The overlay holds its layer by itself: out of the mount table with it, which names the place
         * where the lab keeps it. */
        if (fchdir(work) < 0 || umount2("lower", MNT_DETACH) < 0)
            return setup_fail(s->setup, STEP_MOUNT_WORK, errno, NULL, "cannot detach the lower layer of /work");
    }
    setup_done(s->setup, STEP_MOUNT_WORK);
    return 0;
}

static int mount_writable(struct sandbox *s, int root, int *outputs_fd)
{
    const struct spec_resources *r = &s->spec->resources;
    if (job_tmpfs(s, root, "outputs", r->output_bytes, r->output_files + 1, "755", MOUNT_ATTR_NOEXEC,
                  STEP_MOUNT_OUTPUTS, outputs_fd) < 0)
        return -1;
    setup_done(s->setup, STEP_MOUNT_OUTPUTS);
    if (job_tmpfs(s, root, "tmp", r->tmp_bytes, 65536, "1777", 0, STEP_MOUNT_TMP, NULL) < 0)
        return -1;
    setup_done(s->setup, STEP_MOUNT_TMP);
    return 0;
}

static int pivot(struct sandbox *s, int root)
{
    char cwd[256];
    if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
        chdir("/") < 0)
        return setup_fail(s->setup, STEP_PIVOT_ROOT, errno, NULL, "cannot pivot into the new root");
    /* CVE-2024-21626: a working directory that is still outside shows as "(unreachable)". */
    if (!getcwd(cwd, sizeof cwd) || strcmp(cwd, "/") != 0)
        return setup_fail(s->setup, STEP_PIVOT_ROOT, EINVAL, NULL, "the working directory is not the new root");
    if (set_attr(root, MOUNT_ATTR_RDONLY, 0, -1) < 0)
        return setup_fail(s->setup, STEP_PIVOT_ROOT, errno, NULL, "cannot make the root read-only");
    setup_done(s->setup, STEP_PIVOT_ROOT);
    return 0;
}

int mounts_build(struct sandbox *s, int *outputs_fd)
{
    struct sources src;
    AUTO_FD int root = -1;
    memset(&src, 0xff, sizeof src); /* every descriptor -1 */
    src.localtime[0] = '\0';
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return setup_fail(s->setup, STEP_MOUNT_PRIVATE, errno, NULL, "cannot make the mounts private");
    setup_done(s->setup, STEP_MOUNT_PRIVATE);
    if (open_sources(s, &src) < 0 || make_root(s, &root) < 0 || attach_system(s, &src, root) < 0 ||
        make_etc(s, &src, root) < 0 || make_dev(s, root) < 0 || mount_proc(s, root) < 0 ||
        attach_datasets(s, &src, root) < 0 || mount_work(s, &src, root) < 0 ||
        mount_writable(s, root, outputs_fd) < 0)
        return -1;
    return pivot(s, root);
}
