/*
 * fd.c - descriptors: whole reads and writes, durable files, trees, passing.
 *
 * All paths are taken below a descriptor and without following a link at their end.
 */
#include "api/common/fd.h"

#include "api/common/fault.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

void fd_close_at(int *fd)
{
    int saved = errno; /* releasing must not hide why we are leaving */

    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    errno = saved;
}

int fd_write_all(int fd, const void *p, size_t len)
{
    const char *at = p;

    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        at += n;
        len -= (size_t)n;
    }
    return 0;
}

static int too_big(size_t max_bytes, const char *what, struct err *e)
{
    return err_set(e, E_LIMIT, NULL, NULL, "%s is larger than %zu bytes", what, max_bytes);
}

int fd_read_all(int fd, size_t max_bytes, struct buf *out, const char *what, struct err *e)
{
    char piece[16 << 10];
    size_t got = 0;

    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, NULL, NULL, "cannot read %s", what);
        if (n == 0)
            return 0;
        if ((size_t)n > max_bytes - got)
            return too_big(max_bytes, what, e);
        got += (size_t)n;
        buf_add(out, piece, (size_t)n);
        if (out->failed)
            return too_big(out->max_bytes, what, e);
    }
}

int fd_read_file(int dir_fd, const char *name, size_t max_bytes, struct buf *out, struct err *e)
{
    /* O_NONBLOCK: a FIFO under that name must not hang us before fstat refuses it. */
    AUTO_FD int fd =
        openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 && errno == ELOOP)
        return err_sys(e, NULL, NULL, "cannot open %s, a symbolic link", name);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, NULL, NULL, "cannot open %s", name);
    if (!S_ISREG(st.st_mode))
        return err_set(e, E_INVALID, NULL, NULL, "%s is not a regular file", name);
    if (st.st_size > 0 && (uint64_t)st.st_size > max_bytes)
        return too_big(max_bytes, name, e);
    return fd_read_all(fd, max_bytes, out, name, e);
}

/* Two threads must not replace the same name at once: the file aside has the name that a crash of
 * an earlier process with our pid may have left, so what is there is taken for that and removed. */
int fd_replace_file(int dir_fd, const char *name, const void *p, size_t len, mode_t mode,
                    struct err *e)
{
    char aside[NAME_MAX + 1];

    if (name[0] == '\0' || strchr(name, '/'))
        return err_set(e, E_INVALID, NULL, NULL, "\"%s\" is not a plain file name", name);
    int n = snprintf(aside, sizeof aside, ".%s.tmp-%ld", name, (long)getpid());
    if (n >= (int)sizeof aside)
        return err_set(e, E_INVALID, NULL, NULL, "the file name %s is too long", name);

    /* First, so that a folder that cannot be synced changes nothing; and dir_fd may be AT_FDCWD or
     * O_PATH, which fsync refuses. */
    AUTO_FD int folder = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return err_sys(e, NULL, NULL, "cannot open the folder of %s", name);
    if (unlinkat(folder, aside, 0) < 0 && errno != ENOENT)
        return err_sys(e, NULL, NULL, "cannot remove an old %s", aside);
    AUTO_FD int fd =
        openat(folder, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, NULL, NULL, "cannot create %s", aside);
    if (FAULT("fd.replace_write") || fd_write_all(fd, p, len) < 0 || fchmod(fd, mode) < 0 ||
        FAULT("fd.replace_sync") || fsync(fd) < 0 || FAULT("fd.replace_rename") ||
        renameat(folder, aside, folder, name) < 0) {
        err_sys(e, NULL, NULL, "cannot write %s", name);
        unlinkat(folder, aside, 0);
        return -1;
    }
    if (FAULT("fd.replace_folder") || fsync(folder) < 0)
        return err_sys(e, NULL, NULL, "%s is written, but its folder cannot be synced", name);
    return 0;
}

int fd_mkdirs(const char *path, mode_t mode, struct err *e)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    struct stat st;

    if (len == 0 || len >= sizeof part)
        return err_set(e, E_INVALID, NULL, NULL, "a folder path of %zu bytes", len);
    memcpy(part, path, len + 1);
    for (size_t at = 1; at <= len; at++) {
        if (part[at] != '/' && part[at] != '\0')
            continue;
        part[at] = '\0';
        /* A folder that is there may answer something else than EEXIST (EROFS, EACCES on an
         * automount), so what counts is what stat sees. */
        if (mkdir(part, mode) < 0) {
            int saved = errno;
            if (stat(part, &st) < 0) {
                errno = saved;
                return err_sys(e, NULL, NULL, "cannot make the folder %s", part);
            }
            if (!S_ISDIR(st.st_mode))
                return err_set(e, E_CONFLICT, NULL, "move it away, or choose another folder",
                               "%s is there and is not a folder", part);
        }
        if (at < len)
            part[at] = '/';
    }
    return 0;
}

/* ---- removing trees ----
 *
 * The tree may be a run's: any depth, any modes, any names. A descriptor is open per level, so a
 * folder deeper than REMOVE_DEPTH is first moved up to the top of the tree, where the next pass
 * finds it. A pass removes what it can see; passes go on until the folder can be removed.
 */
enum { REMOVE_DEPTH = 32, REMOVE_PASSES = 100 };

struct removal {
    int top; /* the tree's root folder */
    unsigned moved;
    struct err *e;
};

/* A folder below dir_fd, on the same mount. RESOLVE_NO_XDEV refuses bind mounts too, which a
 * comparison of st_dev would not see. */
static int open_folder(int dir_fd, const char *name)
{
    struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
    };
    return (int)syscall(SYS_openat2, dir_fd, name, &how, sizeof how);
}

static int remove_folder(struct removal *r, int parent, const char *name, unsigned depth);

/* One entry of a folder. 0 when it is gone, also when someone else removed it. */
static int remove_entry(struct removal *r, int dir_fd, const char *name, unsigned depth)
{
    /* unlink says EISDIR for a folder on Linux (EPERM is POSIX's word for it, and also what an
     * immutable file gets), so asking costs nothing and needs no d_type. */
    if (unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return err_sys(r->e, NULL, NULL, "cannot remove %s", name);
    if (depth < REMOVE_DEPTH)
        return remove_folder(r, dir_fd, name, depth + 1);

    char up[64];
    do {
        snprintf(up, sizeof up, ".removing-%u", r->moved++);
    } while (faccessat(r->top, up, F_OK, AT_SYMLINK_NOFOLLOW) == 0);
    /* Moving a folder rewrites its "..": that needs the right to write in it. */
    if (fchmodat(dir_fd, name, 0700, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
        return err_sys(r->e, NULL, NULL, "cannot remove %s", name);
    if (renameat(dir_fd, name, r->top, up) < 0 && errno != ENOENT)
        return err_sys(r->e, NULL, NULL, "cannot remove %s", name);
    return 0;
}

/* Removes what the folder holds, once through. */
static int remove_pass(struct removal *r, int dir_fd, unsigned depth)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        err_sys(r->e, NULL, NULL, "cannot read a folder");
        fd_close_at(&fd);
        return -1;
    }
    int rc = 0;
    while (rc == 0) {
        errno = 0;
        struct dirent *entry = readdir(dir); /* NOLINT(concurrency-mt-unsafe): our own DIR */
        if (!entry) {
            if (errno != 0)
                rc = err_sys(r->e, NULL, NULL, "cannot read a folder");
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        rc = remove_entry(r, dir_fd, entry->d_name, depth);
    }
    closedir(dir);
    return rc;
}

static int remove_folder(struct removal *r, int parent, const char *name, unsigned depth)
{
    AUTO_FD int fd = open_folder(parent, name);
    if (fd < 0 && errno == EACCES) {
        /* A folder of ours without rights for ourselves: give them back. Not through a link: the
         * glibc of Debian 12 opens the file itself for AT_SYMLINK_NOFOLLOW. */
        if (fchmodat(parent, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
            fd = open_folder(parent, name);
        else
            errno = EACCES;
    }
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 && errno == EXDEV)
        return err_set(r->e, E_CONFLICT, NULL, "unmount it first",
                       "cannot remove %s: it is a mount point", name);
    if (fd < 0)
        return err_sys(r->e, NULL, NULL, "cannot remove %s", name);
    if (r->top < 0)
        r->top = fd;

    struct stat st;
    if (fstat(fd, &st) == 0 && (st.st_mode & S_IRWXU) != S_IRWXU)
        (void)!fchmod(fd, 0700); /* when that is refused, the unlink below says so */
    for (int idle = 0;;) {
        unsigned moved = r->moved;
        if (remove_pass(r, fd, depth) < 0)
            return -1;
        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return 0;
        /* Not empty: folders were moved up here, and each pass takes REMOVE_DEPTH levels off them.
         * Otherwise someone else is writing, and that must not hold us forever. */
        if (errno != ENOTEMPTY || (r->moved == moved && ++idle >= REMOVE_PASSES))
            return err_sys(r->e, NULL, NULL, "cannot remove %s", name);
    }
}

int fd_remove_tree(int dir_fd, const char *name, struct err *e)
{
    const char *slash = strrchr(name, '/');
    const char *last = slash ? slash + 1 : name;
    AUTO_FD int parent = -1;

    if (last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
        return err_set(e, E_INVALID, NULL, NULL, "\"%s\" names no entry of a folder", name);
    if (slash) {
        char folder[PATH_MAX];
        size_t len = (size_t)(slash - name);
        if (len >= sizeof folder)
            return err_set(e, E_INVALID, NULL, NULL, "a path of more than %d bytes", PATH_MAX);
        memcpy(folder, name, len);
        folder[len] = '\0';
        parent = openat(dir_fd, len ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    } else {
        parent = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (parent < 0 && errno == ENOENT)
        return 0;
    if (parent < 0)
        return err_sys(e, NULL, NULL, "cannot open the folder of %s", name);
    if (unlinkat(parent, last, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR)
        return err_sys(e, NULL, NULL, "cannot remove %s", name);
    struct removal r = {.top = -1, .e = e};
    return remove_folder(&r, parent, last, 0);
}

int fd_set_nonblock(int fd, struct err *e)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return err_sys(e, NULL, NULL, "cannot make descriptor %d non-blocking", fd);
    return 0;
}

/* ---- passing ---- */

union control {
    char bytes[CMSG_SPACE(sizeof(int) * FD_PASS_MAX)];
    struct cmsghdr align;
};

ssize_t fd_send(int sock, const void *p, size_t len, const int *fds, size_t fd_count)
{
    union control control;
    struct iovec iov = {.iov_base = (void *)(uintptr_t)p, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n;

    if (fd_count > FD_PASS_MAX) {
        errno = EINVAL;
        return -1;
    }
    if (fd_count > 0) {
        memset(&control, 0, sizeof control);
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
    }
    do {
        n = sendmsg(sock, &msg, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    return n;
}

ssize_t fd_recv(int sock, void *p, size_t len, int *fds, size_t *fd_count)
{
    union control control;
    struct iovec iov = {.iov_base = p, .iov_len = len};
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    size_t room = *fd_count;
    ssize_t n;

    *fd_count = 0;
    do {
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return -1;
    /* What does not fit in control (MSG_CTRUNC) was never given to us: the kernel closed it. */
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
            if (*fd_count < room)
                fds[(*fd_count)++] = fd;
            else
                close(fd);
        }
    }
    return n;
}
