/*
 * priv_root.c - the part of a run's file system that is the same for all runs: /usr and its links, a few
 * files of /etc, device nodes, the processor's topology, the Python helper, empty places for the rest.
 *
 * Built by init for a single run (`exec`, rootless, an environment), or once by the launcher in a mount
 * namespace of its own: its monitors' sandboxes then start from a copy of it, which a clone gives for nothing.
 * What comes from outside becomes a descriptor first and no path is walked twice (CVE-2024-0132); mount
 * points are made only in our own tmpfs, relative to its descriptor (CVE-2026-87766).
 *
 * An environment gives programs and never a place: only names that rootfs.h lists (and those of its /opt, one
 * component each) become mount points, made by us, and a link of its at such a name is made again as a
 * link, behind which nothing is ever mounted. /dev, /proc, /tmp, /work, /data and /outputs are always ours.
 */
#include "runner/sandbox.h"

#include "api/common/fd.h"
#include "api/common/rootfs.h"
#include "api/common/treetext.h"
#include "runner/copy_tree.h"
#include "runner/mount_calls.h"

#include <dirent.h>
#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The system's part: one row a mount. Those marked optional are left out where the host lacks them, those
 * that are programs where an environment stands in for the host. */
struct system_mount {
    const char *source;
    const char *target; /* relative to the new root; its parent is in `folders` */
    uint64_t attr;
    bool folder;
    bool optional;
    bool programs;
    enum setup_step step;
};

static const struct system_mount system_mounts[] = {
    {"/usr", "usr", RO, true, false, true, STEP_MOUNT_SYSTEM},
    /* libblas.so.3 and many programs of Debian are links through here */
    {"/etc/alternatives", "etc/alternatives", RO | MOUNT_ATTR_NOEXEC, true, true, true, STEP_MOUNT_SYSTEM},
    {"/etc/ld.so.cache", "etc/ld.so.cache", RO | MOUNT_ATTR_NOEXEC, false, true, true, STEP_MOUNT_SYSTEM},
    {"/etc/fonts", "etc/fonts", RO | MOUNT_ATTR_NOEXEC, true, true, true, STEP_MOUNT_SYSTEM},
    {"/etc/R", "etc/R", RO | MOUNT_ATTR_NOEXEC, true, true, true, STEP_MOUNT_SYSTEM},
    /* whom TLS clients trust: public, but for nothing else of /etc/ssl */
    {"/etc/ssl/certs", "etc/ssl/certs", RO | MOUNT_ATTR_NOEXEC, true, true, true, STEP_MOUNT_SYSTEM},
    {"/etc/mime.types", "etc/mime.types", RO | MOUNT_ATTR_NOEXEC, false, true, true, STEP_MOUNT_SYSTEM},
    {"/dev/null", "dev/null", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, false, false, STEP_MOUNT_DEV},
    {"/dev/zero", "dev/zero", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, false, false, STEP_MOUNT_DEV},
    {"/dev/full", "dev/full", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, false, false, STEP_MOUNT_DEV},
    {"/dev/random", "dev/random", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, false, false, STEP_MOUNT_DEV},
    {"/dev/urandom", "dev/urandom", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false, false, false, STEP_MOUNT_DEV},
    /* OpenMP, oneDNN and numactl look at the topology */
    {"/sys/devices/system/cpu", "sys/devices/system/cpu", RO | MOUNT_ATTR_NOEXEC, true, true, false, STEP_MOUNT_SYS},
    {"/sys/devices/system/node", "sys/devices/system/node", RO | MOUNT_ATTR_NOEXEC, true, true, false, STEP_MOUNT_SYS},
};
enum { SYSTEM_COUNT = sizeof system_mounts / sizeof *system_mounts };

static const char *const folders[] = {"usr", "etc", "etc/ssl", "dev", "proc", "sys", "sys/devices", "sys/devices/system",
                                      "data", "work", "outputs", "tmp", "opt", "opt/enclos", "opt/enclos/python", "opt/enclos/tty", "dev/pts",
                                      "opt/enclos/lower", "opt/enclos/empty",
                                      "dev/shm"};

/* Non-merged hosts keep these as folders; then they are mounted like /usr. */
static const char *const usr_links[] = {"bin", "sbin", "lib", "lib64", "lib32", "libx32"};
enum { LINK_COUNT = sizeof usr_links / sizeof *usr_links };

struct sources {
    int system[SYSTEM_COUNT];
    int links[LINK_COUNT]; /* tree of a non-merged folder, else -1 */
    int python;
    char localtime[128]; /* where /etc/localtime points, when below /usr/share/zoneinfo */
};

/* `programs`: those of the host too. */
static int open_system(struct setup *s, const char *python_path, bool programs, struct sources *src)
{
    for (size_t i = 0; i < SYSTEM_COUNT; i++) {
        const struct system_mount *m = &system_mounts[i];
        if (m->programs && !programs)
            continue;
        src->system[i] = clone_tree(AT_FDCWD, m->source, AT_RECURSIVE);
        if (src->system[i] < 0 && !(m->optional && errno == ENOENT))
            return setup_fail(s, STEP_MOUNT_SOURCES, errno, NULL, "cannot clone the mount of %s", m->source);
        if (src->system[i] >= 0 && set_attr(src->system[i], m->attr, AT_RECURSIVE, -1) < 0)
            return setup_fail(s, STEP_MOUNT_SOURCES, errno, NULL, "cannot protect the mount of %s",
                              m->source);
    }
    for (size_t i = 0; i < LINK_COUNT && programs; i++) {
        char path[16];
        struct stat st;
        snprintf(path, sizeof path, "/%s", usr_links[i]);
        src->links[i] = -1;
        if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
            continue;
        src->links[i] = clone_tree(AT_FDCWD, path, AT_RECURSIVE);
        if (src->links[i] < 0 || set_attr(src->links[i], RO, AT_RECURSIVE, -1) < 0)
            return setup_fail(s, STEP_MOUNT_SOURCES, errno, NULL, "cannot clone the mount of %s", path);
    }
    ssize_t n = programs ? readlink("/etc/localtime", src->localtime, sizeof src->localtime - 1) : 0;
    src->localtime[n > 0 ? n : 0] = '\0';
    if (strncmp(src->localtime, "/usr/share/zoneinfo/", 20) != 0)
        src->localtime[0] = '\0';
    src->python = python_path ? open(python_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (python_path && src->python < 0)
        return setup_fail(s, STEP_MOUNT_SOURCES, errno, NULL, "cannot open the Python helper in %s", python_path);
    return 0;
}

static int make_file(int root, const char *path, const char *text)
{
    AUTO_FD int fd = openat(root, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    size_t n = strlen(text);
    return fd >= 0 && write(fd, text, n) == (ssize_t)n ? 0 : -1;
}

static int make_root(struct setup *s, const char *at, int *root)
{
    static const struct option options[] = {
        {"size", "1m"}, {"nr_inodes", "512"}, {"mode", "755"}, {NULL, NULL}};
    umask(022);
    *root = new_fs("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    /* Attached first, populated after: nsjail met EINVAL on 6.12 the other way round. */
    if (*root < 0 || attach(*root, AT_FDCWD, at) < 0)
        return setup_fail(s, STEP_MOUNT_ROOT, errno, NULL, "cannot mount the new root");
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        if (mkdirat(*root, folders[i], 0755) < 0)
            return setup_fail(s, STEP_MOUNT_ROOT, errno, NULL, "cannot make /%s", folders[i]);
    setup_done(s, STEP_MOUNT_ROOT);
    return 0;
}

static int attach_system(struct setup *s, const struct sources *src, int root)
{
    for (size_t i = 0; i < SYSTEM_COUNT; i++) {
        const struct system_mount *m = &system_mounts[i];
        bool covered = strcmp(m->target, "usr") == 0; /* made with the folders */
        if (src->system[i] < 0)
            continue;
        if ((!covered && (m->folder ? mkdirat(root, m->target, 0755) : make_file(root, m->target, "")) < 0) ||
            attach(src->system[i], root, m->target) < 0)
            return setup_fail(s, m->step, errno, NULL, "cannot mount /%s", m->target);
        close(src->system[i]);
        setup_done(s, m->step);
    }
    return 0;
}

static int attach_links(struct setup *s, const struct sources *src, int root)
{
    for (size_t i = 0; i < LINK_COUNT; i++) {
        char host[16], to[32];
        snprintf(host, sizeof host, "/%s", usr_links[i]);
        if (src->links[i] >= 0) {
            if (mkdirat(root, usr_links[i], 0755) < 0 || attach(src->links[i], root, usr_links[i]) < 0)
                return setup_fail(s, STEP_MOUNT_SYSTEM, errno, NULL, "cannot mount %s", host);
            continue;
        }
        snprintf(to, sizeof to, "usr/%s", usr_links[i]);
        if (faccessat(root, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0 && symlinkat(to, root, usr_links[i]) < 0)
            return setup_fail(s, STEP_MOUNT_SYSTEM, errno, NULL, "cannot link %s", host);
    }
    return 0;
}

static int make_etc(struct setup *s, const struct sources *src, int root)
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
            return setup_fail(s, STEP_MOUNT_SYSTEM, errno, NULL, "cannot write /%s", files[i][0]);
    if (src->localtime[0] && symlinkat(src->localtime, root, "etc/localtime") < 0)
        return setup_fail(s, STEP_MOUNT_SYSTEM, errno, NULL, "cannot link /etc/localtime");
    setup_done(s, STEP_MOUNT_SYSTEM);
    return 0;
}

static int finish_root(struct setup *s, const struct sources *src, int root)
{
    static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
                                           {"/proc/self/fd/0", "dev/stdin"},
                                           {"/proc/self/fd/1", "dev/stdout"},
                                           {"/proc/self/fd/2", "dev/stderr"},
                                           /* lead nowhere but in a run with terminals: priv_terminal.c */
                                           {"pts/ptmx", "dev/ptmx"},
                                           {"/opt/enclos/tty/tty", "dev/tty"}};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (symlinkat(links[i][0], root, links[i][1]) < 0)
            return setup_fail(s, STEP_MOUNT_DEV, errno, NULL, "cannot link /%s", links[i][1]);
    /* Copied, it is small: a mount of it would name, in the run's mount table, a folder of the host. */
    AUTO_FD int python = openat(root, "opt/enclos/python", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (src->python >= 0 && (python < 0 || copy_tree(src->python, python, geteuid()) < 0))
        return setup_fail(s, STEP_MOUNT_SYSTEM, errno, NULL, "cannot copy the Python helper");
    /* What nobody can open, to cover parts of /proc with. */
    AUTO_FD int masked = openat(root, "opt/enclos/masked", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
    if (masked < 0 || mkdirat(root, "opt/enclos/masked.d", 0) < 0)
        return setup_fail(s, STEP_MOUNT_PROC, errno, NULL, "cannot make the mask of /proc");
    return 0;
}

/* ---- an environment in the host's place ---- */

/* Something of the environment by its path there, itself: a link is not followed, on the way or at the end.
 * -1 with errno; ENOENT is no failure to our callers. */
static int open_piece(int base, const char *path, uint64_t flags)
{
    struct open_how how = {.flags = flags | O_NOFOLLOW | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                                      RESOLVE_NO_XDEV};
    return (int)syscall(SYS_openat2, base, path, &how, sizeof how);
}

static int refuse_piece(struct setup *s, const char *path, const char *how)
{
    return setup_fail(s, STEP_MOUNT_SYSTEM, EINVAL, "import the environment again",
                      "the environment's /%s %s", path, how);
}

/* Makes the same link. Nothing of ours goes through it: what is mounted is mounted by other names. */
static int link_piece(struct setup *s, int piece, int root, const char *path)
{
    char target[TREETEXT_TARGET_MAX + 2];
    ssize_t n = readlinkat(piece, "", target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    if (n <= 0 || !treetext_is_target(target) || !rootfs_may_hold(ROOTFS_LINK, path, target))
        return refuse_piece(s, path, "is a link that may not be there");
    /* In the place of an empty folder that we had made for the host's case. */
    return symlinkat(target, root, path) == 0 ||
                   (unlinkat(root, path, AT_REMOVEDIR) == 0 && symlinkat(target, root, path) == 0)
               ? 0
               : setup_fail(s, STEP_MOUNT_SYSTEM, errno, NULL, "cannot link /%s", path);
}

static int attach_piece(struct setup *s, int base, const char *path, uint64_t attr, int root)
{
    struct stat st;
    AUTO_FD int piece = open_piece(base, path, O_PATH);
    if (piece < 0 && errno == ENOENT)
        return 0;
    if (piece < 0 || fstat(piece, &st) < 0)
        return setup_fail(s, STEP_MOUNT_SYSTEM, errno, NULL, "cannot open /%s of the environment", path);
    if (S_ISLNK(st.st_mode))
        return link_piece(s, piece, root, path);
    bool folder = S_ISDIR(st.st_mode);
    if ((!folder && !S_ISREG(st.st_mode)) || !rootfs_may_hold(folder ? ROOTFS_FOLDER : ROOTFS_FILE, path, NULL))
        return refuse_piece(s, path, "is not what may be there");
    AUTO_FD int mounted = clone_tree(piece, "", AT_EMPTY_PATH);
    if (mounted < 0 || set_attr(mounted, attr, 0, -1) < 0 ||
        (folder ? mkdirat(root, path, 0755) < 0 && errno != EEXIST : make_file(root, path, "") < 0) || /* ours */
        attach(mounted, root, path) < 0)
        return setup_fail(s, STEP_MOUNT_SYSTEM, errno, NULL, "cannot mount /%s of the environment", path);
    return 0;
}

/* Each entry of /opt by itself, beside /opt/enclos, which is ours. */
static int attach_opt(struct setup *s, int base, int root)
{
    AUTO_FD int fd = open_piece(base, "opt", O_RDONLY | O_DIRECTORY);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    int rc = 0, count = 0;
    if (!dir)
        return errno == ENOENT ? 0 : setup_fail(s, STEP_MOUNT_SYSTEM, errno, NULL, "cannot read the environment's /opt");
    (void)fd_take(&fd);
    for (const struct dirent *d; rc == 0 && (errno = 0, d = readdir(dir)) != NULL;) {
        char path[4 + sizeof d->d_name];
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "opt/%s", d->d_name);
        rc = ++count > ROOTFS_OPT_MAX ? refuse_piece(s, "opt", "has too many entries")
                                      : attach_piece(s, base, path, RO, root);
    }
    if (rc == 0 && errno)
        rc = setup_fail(s, STEP_MOUNT_SYSTEM, errno, NULL, "cannot read the environment's /opt");
    closedir(dir);
    return rc;
}

static int attach_pieces(struct setup *s, int base, int root)
{
    char path[64];
    for (const char *const *name = rootfs_tops; *name; name++)
        if (attach_piece(s, base, *name, RO, root) < 0)
            return -1;
    for (const char *const *name = rootfs_etc; *name; name++) {
        snprintf(path, sizeof path, "etc/%s", *name);
        if (attach_piece(s, base, path, RO | MOUNT_ATTR_NOEXEC, root) < 0)
            return -1;
    }
    return attach_opt(s, base, root);
}

/*
 * As a dataset is shown (show_dataset in priv_mounts.c): through a read-only overlay of one layer, so that inodes
 * are the run's own and the mount table does not tell where the lab keeps the tree; the id-mapped mount
 * itself where overlay is refused. It stands on opt/enclos/lower only while its pieces are cloned from it.
 */
static int attach_environment(struct sandbox *s, int tree, int root)
{
    static const struct option options[] = {{"lowerdir", "opt/enclos/lower:opt/enclos/empty"}, {NULL, NULL}};
    struct setup *page = s->setup;
    if (fchdir(root) < 0 || attach(tree, root, "opt/enclos/lower") < 0)
        return setup_fail(page, STEP_MOUNT_SYSTEM, errno, NULL, "cannot lay out the environment");
    AUTO_FD int overlay = new_fs("overlay", options, RO);
    page->attest.env_overlay = overlay >= 0 && attach(overlay, root, "opt/enclos/lower") == 0;
    if (attach_pieces(page, page->attest.env_overlay ? overlay : tree, root) < 0)
        return -1;
    for (int i = 0; i < 1 + page->attest.env_overlay; i++)
        if (umount2("opt/enclos/lower", MNT_DETACH) < 0)
            return setup_fail(page, STEP_MOUNT_SYSTEM, errno, NULL, "cannot detach the environment's tree");
    setup_done(page, STEP_MOUNT_SYSTEM);
    return 0;
}

int root_build_environment(struct sandbox *s, int tree, const char *at, int *out)
{
    struct sources src;
    AUTO_FD int root = -1;
    AUTO_FD int taken = tree;
    memset(&src, 0xff, sizeof src); /* every descriptor -1 */
    if (open_system(s->setup, s->python_path, false, &src) < 0 || make_root(s->setup, at, &root) < 0 ||
        attach_environment(s, taken, root) < 0 || attach_system(s->setup, &src, root) < 0 ||
        make_etc(s->setup, &src, root) < 0 || finish_root(s->setup, &src, root) < 0)
        return -1;
    fd_close_at(&src.python);
    *out = fd_take(&root);
    return 0;
}

/* ---- the host's own ---- */

int root_build(struct setup *s, const char *python_path, const char *at, int *out)
{
    struct sources src;
    AUTO_FD int root = -1;
    memset(&src, 0xff, sizeof src); /* every descriptor -1 */
    src.localtime[0] = '\0';
    if (open_system(s, python_path, true, &src) < 0 || make_root(s, at, &root) < 0 || attach_system(s, &src, root) < 0 ||
        attach_links(s, &src, root) < 0 || make_etc(s, &src, root) < 0 || finish_root(s, &src, root) < 0)
        return -1;
    fd_close_at(&src.python);
    for (size_t i = 0; i < LINK_COUNT; i++)
        fd_close_at(&src.links[i]);
    *out = fd_take(&root);
    return 0;
}
