/*
 * priv_mounts.c - the file system that a run sees: what is its own, on top of the root that all runs share
 * (priv_root.c), and the pivot into it.
 *
 *   /            tmpfs, read-only at the end      /proc      own, read-only, hidepid
 *   /usr         the environment, read-only       /sys/...   cpu and node topology, read-only
 *   /bin ...     links into /usr                  /data/X    datasets, read-only, id-mapped
 *   /etc         a handful of files               /work      the code, copy-on-write, bounded
 *   /dev         null zero full random urandom    /outputs /tmp /dev/shm   tmpfs, bounded
 *
 * Sources of the lab are opened with the lab's own uid and without following any link, so that a lab
 * that was taken over cannot make the runner show it root's files.
 */
#include "runner/sandbox.h"

#include "api/common/fd.h"
#include "runner/copy_tree.h"
#include "runner/mount_calls.h"
#include "runner/terminal.h"

#include <errno.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

/* ---- what the lab lends ---- */

/* A folder of the lab: opened as the lab, no link followed anywhere on the way, owned by the lab. */
static int open_lab_tree(struct sandbox *s, const char *what, const char *path, uint64_t attr, int *out)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    struct stat st;
    uid_t owner = s->identity.rootless ? 0 : s->identity.lab_uid;
    identity_lab(&s->identity);
    AUTO_FD int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    int failed = fd < 0 ? errno : 0;
    identity_own(&s->identity);
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
    if (set_attr(*out, attr, 0, s->identity.rootless ? -1 : s->idmap_fd) < 0)
        return setup_fail(s->setup, STEP_MOUNT_SOURCES, errno,
                          errno == EINVAL ? "put the lab's folder on a file system with id-mapped mounts "
                                            "(ext4, xfs, btrfs; tmpfs from kernel 6.3)"
                                          : NULL,
                          "cannot make an id-mapped mount of %s: %.160s", what, path);
    return 0;
}

static int open_sources(struct sandbox *s, struct mounts_lent *src)
{
    if (s->lent) {
        *src = *s->lent;
        setup_done(s->setup, STEP_MOUNT_SOURCES);
        return 0;
    }
    const uint64_t data = RO | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;
    if (s->spec->environment.path &&
        open_lab_tree(s, "the environment", s->spec->environment.path, RO, &src->environment) < 0)
        return -1;
    if (s->spec->code_path && open_lab_tree(s, "the code", s->spec->code_path, RO, &src->code) < 0)
        return -1;
    for (size_t i = 0; i < s->spec->dataset_count; i++)
        if (open_lab_tree(s, s->spec->datasets[i].name, s->spec->datasets[i].path, data, &src->datasets[i]) < 0)
            return -1;
    setup_done(s->setup, STEP_MOUNT_SOURCES);
    return 0;
}

int mounts_lend(struct sandbox *s, struct mounts_lent *out)
{
    memset(out, 0xff, sizeof *out); /* every descriptor -1 */
    if (open_sources(s, out) < 0)
        return -1;
    if (!s->warm)
        return 0; /* it stands on it already */
    out->root = clone_tree(AT_FDCWD, s->ready_root, AT_RECURSIVE | AT_SYMLINK_NOFOLLOW);
    if (out->root < 0)
        return setup_fail(s->setup, STEP_MOUNT_SOURCES, errno, NULL, "cannot clone the ready root");
    return 0;
}

void mounts_lent_close(struct mounts_lent *lent)
{
    fd_close_at(&lent->root);
    fd_close_at(&lent->code);
    fd_close_at(&lent->environment);
    for (size_t i = 0; i < SPEC_MAX_DATASETS; i++)
        fd_close_at(&lent->datasets[i]);
}

/* ---- new file systems ---- */

/* A tmpfs rounds its size up to a page, nothing else. */
static bool holds(const struct statfs *held, int64_t size_bytes, int64_t files)
{
    int64_t bytes = (int64_t)held->f_blocks * (int64_t)held->f_bsize;
    return bytes >= size_bytes && bytes <= size_bytes + 4095 && (int64_t)held->f_files == files;
}

/* Limits as well. */
static int read_back(struct sandbox *s, int fd, const char *target, int64_t size_bytes, int64_t files, enum setup_step step)
{
    struct statfs held;
    if (fstatfs(fd, &held) < 0)
        return setup_fail(s->setup, step, errno, NULL, "cannot read back the size of /%s", target);
    if (!holds(&held, size_bytes, files))
        return setup_fail(s->setup, step, EINVAL, "the limit is not in force: the run is not started",
                          "/%s was asked to hold %lld bytes and %lld files and holds %lld and %lld", target,
                          (long long)size_bytes, (long long)files, (long long)held.f_blocks * (long long)held.f_bsize,
                          (long long)held.f_files);
    return 0;
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
    if (read_back(s, fd, target, size_bytes, files, step) < 0)
        return -1;
    if (keep)
        *keep = fd_take(&fd);
    return 0;
}

/* Gives one that was made ahead the size that its run asks for, unless it has it: runs that follow one another are
 * often alike. */
static int resize_tmpfs(struct sandbox *s, int fd, const char *target, int64_t size_bytes, int64_t files, enum setup_step step)
{
    char size[24], inodes[24];
    struct statfs held;
    if (fstatfs(fd, &held) == 0 && holds(&held, size_bytes, files))
        return 0;
    snprintf(size, sizeof size, "%lld", (long long)size_bytes);
    snprintf(inodes, sizeof inodes, "%lld", (long long)files);
    AUTO_FD int fs = (int)syscall(SYS_fspick, fd, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);
    if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", size, 0) < 0 ||
        syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "nr_inodes", inodes, 0) < 0 ||
        syscall(SYS_fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
        return setup_fail(s->setup, step, errno, NULL, "cannot give /%s its size (%lld bytes)", target, (long long)size_bytes);
    return read_back(s, fd, target, size_bytes, files, step);
}

/* ---- what the run writes to ---- */

enum { SHM_FILES = 16384, WORK_FILES = 262144, TMP_FILES = 65536 };

static const struct {
    const char *target, *mode;
    uint64_t attr;
    enum setup_step step;
} writables[WRITABLE_COUNT] = {
    [WRITABLE_SHM] = {"dev/shm", "1777", MOUNT_ATTR_NOEXEC, STEP_MOUNT_DEV},
    [WRITABLE_WORK] = {"work", "755", 0, STEP_MOUNT_WORK},
    [WRITABLE_OUTPUTS] = {"outputs", "755", MOUNT_ATTR_NOEXEC, STEP_MOUNT_OUTPUTS},
    [WRITABLE_TMP] = {"tmp", "1777", 0, STEP_MOUNT_TMP},
};

struct size {
    int64_t bytes, files;
};

static void sizes_asked(const struct sandbox *s, struct size sizes[WRITABLE_COUNT])
{
    const struct spec_resources *r = &s->spec->resources;
    sizes[WRITABLE_SHM] = (struct size){r->tmp_bytes, SHM_FILES};
    sizes[WRITABLE_WORK] = (struct size){r->work_bytes, WORK_FILES};
    sizes[WRITABLE_OUTPUTS] = (struct size){r->output_bytes, r->output_files + 1};
    sizes[WRITABLE_TMP] = (struct size){r->tmp_bytes, TMP_FILES};
}

/* Made ahead, they get the sizes of the run before, or ones that hold nothing, until the run's are known. */
static int mount_writables(struct sandbox *s, int root, int fds[WRITABLE_COUNT])
{
    struct size sizes[WRITABLE_COUNT] = {{4096, 8}, {4096, 8}, {4096, 8}, {4096, 8}};
    if (s->spec->resources.work_bytes > 0)
        sizes_asked(s, sizes);
    for (int i = 0; i < WRITABLE_COUNT; i++) {
        if (i == WRITABLE_OUTPUTS && s->outputs_mount >= 0) { /* on disk, made by the monitor */
            if (attach(s->outputs_mount, root, "outputs") < 0 || (fds[i] = fcntl(s->outputs_mount, F_DUPFD_CLOEXEC, 3)) < 0)
                return setup_fail(s->setup, STEP_MOUNT_OUTPUTS, errno, NULL, "cannot attach /outputs");
            setup_done(s->setup, STEP_MOUNT_OUTPUTS);
            continue;
        }
        uint64_t attr = writables[i].attr | (i == WRITABLE_TMP && !s->profile->exec_memory ? MOUNT_ATTR_NOEXEC : 0);
        if (job_tmpfs(s, root, writables[i].target, sizes[i].bytes, sizes[i].files, writables[i].mode, attr,
                      writables[i].step, &fds[i]) < 0)
            return -1;
        setup_done(s->setup, writables[i].step);
    }
    return 0;
}

static int resize_writables(struct sandbox *s, const int fds[WRITABLE_COUNT])
{
    struct size sizes[WRITABLE_COUNT];
    sizes_asked(s, sizes);
    for (int i = 0; i < WRITABLE_COUNT; i++) {
        if (resize_tmpfs(s, fds[i], writables[i].target, sizes[i].bytes, sizes[i].files, writables[i].step) < 0)
            return -1;
        setup_done(s->setup, writables[i].step);
    }
    return 0;
}

/* What /proc shows of the host to anyone is covered by entries of ours that nobody can open: never
 * by something taken from elsewhere, which might be swapped (CVE-2025-31133). */
static int mask_proc(struct sandbox *s, int root)
{
    static const struct {
        const char *target;
        bool folder;
    } masks[] = {{"proc/keys", false}, {"proc/key-users", false}, {"proc/locks", false}, {"proc/acpi", true}, {"proc/scsi", true}};
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
                          s->identity.rootless && errno == EPERM ? "the host's /proc is partly masked (a container?): "
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

static int attach_datasets(struct sandbox *s, const struct mounts_lent *src, int root)
{
    static const struct option options[] = {{"size", "64k"}, {"nr_inodes", "128"}, {"mode", "755"}, {NULL, NULL}};
    if (s->spec->dataset_count == 0)
        return 0;
    /* A small file system for their mount points: the root may be shared and is not written to. */
    AUTO_FD int data = new_fs("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    if (data < 0 || attach(data, root, "data") < 0 || fchdir(root) < 0)
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
    if (set_attr(data, MOUNT_ATTR_RDONLY, 0, -1) < 0)
        return setup_fail(s->setup, STEP_MOUNT_DATASETS, errno, NULL, "cannot make /data read-only");
    setup_done(s->setup, STEP_MOUNT_DATASETS);
    return 0;
}

/* ---- /work ---- */

/* What is executed or mapped to be executed then comes from the environment alone. */
static int work_noexec(struct sandbox *s, int root)
{
    struct mount_attr a = {.attr_set = MOUNT_ATTR_NOEXEC};
    AUTO_FD int top = openat(root, "work", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct statfs held;
    if (top < 0 || syscall(SYS_mount_setattr, top, "", AT_EMPTY_PATH, &a, sizeof a) < 0 || fstatfs(top, &held) < 0)
        return setup_fail(s->setup, STEP_MOUNT_WORK, errno, NULL, "cannot make /work noexec");
    if (!(held.f_flags & ST_NOEXEC))
        return setup_fail(s->setup, STEP_MOUNT_WORK, EINVAL, NULL, "/work was made noexec and is not");
    s->setup->attest.work_noexec = true;
    return 0;
}

/*
 * The code is the lower layer of an overlay whose upper one is a bounded tmpfs. All three stand
 * inside the tmpfs that is mounted on /work, and the overlay is then mounted on top of it: so its
 * upper layer is out of sight.
 */
static int attach_code(struct sandbox *s, const struct mounts_lent *src, int root, int work)
{
    if (src->code >= 0) {
        /* In a user namespace of its own an overlay may only use attributes of users. */
        const char *options = s->identity.rootless || s->warm ? "lowerdir=work/lower,upperdir=work/upper,workdir=work/wd,userxattr"
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
            if (job_tmpfs(s, root, "work", s->spec->resources.work_bytes, WORK_FILES, "755", 0, STEP_MOUNT_WORK,
                          &plain) < 0)
                return -1;
            if (lower < 0 || copy_tree(lower, plain, s->job_uid) < 0)
                return setup_fail(s->setup, STEP_MOUNT_WORK, errno,
                                  errno == ENOSPC ? "raise the run's work_bytes (--work)" : NULL,
                                  "cannot copy the code to /work");
        }
        /* The overlay holds its layer by itself: out of the mount table with it, which names the place
         * where the lab keeps it. */
        if (fchdir(work) < 0 || umount2("lower", MNT_DETACH) < 0)
            return setup_fail(s->setup, STEP_MOUNT_WORK, errno, NULL, "cannot detach the lower layer of /work");
    }
    if (s->profile->exec == PROFILE_EXEC_ONCE && work_noexec(s, root) < 0)
        return -1;
    setup_done(s->setup, STEP_MOUNT_WORK);
    return 0;
}

int mounts_pivot(struct setup *s, int root)
{
    char cwd[256];
    if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 ||
        chdir("/") < 0)
        return setup_fail(s, STEP_PIVOT_ROOT, errno, NULL, "cannot pivot into the new root");
    /* CVE-2024-21626: a working directory that is still outside shows as "(unreachable)". */
    if (!getcwd(cwd, sizeof cwd) || strcmp(cwd, "/") != 0)
        return setup_fail(s, STEP_PIVOT_ROOT, EINVAL, NULL, "the working directory is not the new root");
    if (set_attr(root, MOUNT_ATTR_RDONLY, 0, -1) < 0)
        return setup_fail(s, STEP_PIVOT_ROOT, errno, NULL, "cannot make the root read-only");
    setup_done(s, STEP_PIVOT_ROOT);
    return 0;
}

/* Without a ready root one is built, on /tmp: only a place to stand on in this private namespace; all that
 * is needed from below it is open by then. */
static int open_root(struct sandbox *s, const struct mounts_lent *src, int *root)
{
    if (s->lent) {
        *root = fd_take(&s->lent->root);
        if (attach(*root, AT_FDCWD, "/tmp") < 0)
            return setup_fail(s->setup, STEP_MOUNT_ROOT, errno, NULL, "cannot attach the ready root");
        setup_done(s->setup, STEP_MOUNT_ROOT);
        return 0;
    }
    if (src->environment >= 0)
        return root_build_environment(s, src->environment, "/tmp", root);
    if (!s->ready_root)
        return root_build(s->setup, s->python_path, "/tmp", root);
    *root = open(s->ready_root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*root < 0)
        return setup_fail(s->setup, STEP_MOUNT_ROOT, errno, NULL, "cannot open the ready root");
    setup_done(s->setup, STEP_MOUNT_ROOT);
    return 0;
}

/* ---- made ahead ---- */

static int take_order(struct sandbox *s, struct mounts_lent *src)
{
    char kind = 0;
    int fds[FD_PASS_MAX];
    size_t count = FD_PASS_MAX, next = 0;
    ssize_t n = fd_recv(s->handover, &kind, 1, fds, &count);
    if (n <= 0)
        _exit(0); /* the launcher has no use for us any more */
    prctl(PR_SET_NAME, "enclos-init", 0, 0, 0);
    s->env = s->order->env;
    size_t lent = (s->spec->code_path != NULL) + s->spec->dataset_count;
    if (kind != HANDOVER_ORDER || count != lent)
        return setup_fail(s->setup, STEP_MOUNT_SOURCES, EPROTO, NULL, "the order of the sandbox lends %zu folders, not %zu",
                          count, lent);
    if (s->spec->code_path)
        src->code = fds[next++];
    for (size_t i = 0; i < s->spec->dataset_count; i++)
        src->datasets[i] = fds[next++];
    return 0;
}

/* The root is closed by then, and nothing outside can be opened: what the run is lent comes as descriptors. */
int mounts_order(struct sandbox *s, struct mounts *m)
{
    struct mounts_lent src;
    memset(&src, 0xff, sizeof src); /* every descriptor -1 */
    if (take_order(s, &src) < 0 || resize_writables(s, m->writable) < 0 || fchdir(m->root) < 0)
        return -1;
    return attach_datasets(s, &src, m->root) < 0 || attach_code(s, &src, m->root, m->writable[WRITABLE_WORK]) < 0 ? -1 : 0;
}

static int build_now(struct sandbox *s, struct mounts *m, struct mounts_lent *src)
{
    return attach_datasets(s, src, m->root) < 0 || attach_code(s, src, m->root, m->writable[WRITABLE_WORK]) < 0 ||
                   terminal_mount(s, m->root) < 0
               ? -1
               : 0;
}

int mounts_build(struct sandbox *s, struct mounts *out)
{
    struct mounts_lent src;
    memset(&src, 0xff, sizeof src); /* every descriptor -1 */
    memset(out, 0xff, sizeof *out);
    umask(022);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return setup_fail(s->setup, STEP_MOUNT_PRIVATE, errno, NULL, "cannot make the mounts private");
    setup_done(s->setup, STEP_MOUNT_PRIVATE);
    if ((!s->order && open_sources(s, &src) < 0) || open_root(s, &src, &out->root) < 0 || devices_attach(s, out->root) < 0 ||
        mount_proc(s, out->root) < 0 || mount_writables(s, out->root, out->writable) < 0 ||
        (!s->order && build_now(s, out, &src) < 0))
        return -1;
    return mounts_pivot(s->setup, out->root);
}
