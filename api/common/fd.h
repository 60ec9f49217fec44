/*
 * fd.h - file descriptors: ownership by scope, whole reads and writes, durable files, passing.
 */
#ifndef ENCLOS_FD_H
#define ENCLOS_FD_H

#include "api/common/buf.h"
#include "api/common/err.h"
#include <stdint.h>
#include <sys/types.h>

void fd_close_at(int *fd); /* closes *fd if >= 0, sets it to -1; never retries on EINTR */
#define AUTO_FD __attribute__((cleanup(fd_close_at)))
static inline int fd_take(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Writes all of it, retrying on EINTR and short writes. -1 with errno set on failure. */
MUST_USE int fd_write_all(int fd, const void *p, size_t len);

/* Appends to `out` all that `fd` holds, up to max_bytes; E_LIMIT past that. `what` is for errors. */
MUST_USE int fd_read_all(int fd, size_t max_bytes, struct buf *out, const char *what, struct err *e);

/* Opens a regular file below dir_fd (AT_FDCWD allowed) without following a link at its end and
 * reads it whole. */
MUST_USE int fd_read_file(int dir_fd, const char *name, size_t max_bytes, struct buf *out,
                          struct err *e);

/* Durable replacement of a file: written aside in the same folder as `.NAME.tmp-<pid>`, fsync,
 * rename, fsync of the folder. `name` has no slash. On failure nothing named `name` has changed
 * (but if only the last sync failed: the message then says that it is written). What a killed
 * process left aside stays: whoever owns the folder removes `.*.tmp-*` when no writer is left. */
MUST_USE int fd_replace_file(int dir_fd, const char *name, const void *p, size_t len, mode_t mode,
                             struct err *e);

/* mkdir -p of an absolute or relative path; existing folders are kept as they are. */
MUST_USE int fd_mkdirs(const char *path, mode_t mode, struct err *e);

/* Removes a tree below dir_fd, never following links nor crossing below other mounts. A name that
 * is not there is a success. */
MUST_USE int fd_remove_tree(int dir_fd, const char *name, struct err *e);

MUST_USE int fd_set_nonblock(int fd, struct err *e);

/* Sends len bytes with up to FD_PASS_MAX descriptors on a Unix socket (one sendmsg, MSG_NOSIGNAL).
 * Returns the bytes sent, or -1 with errno. */
enum { FD_PASS_MAX = 16 };
MUST_USE ssize_t fd_send(int sock, const void *p, size_t len, const int *fds, size_t fd_count);

/* Receives with MSG_CMSG_CLOEXEC. *fd_count is FD_PASS_MAX or less on entry (the room in fds), the
 * number received on return; descriptors past the room are closed. Returns bytes, 0 at the end,
 * or -1 with errno. */
MUST_USE ssize_t fd_recv(int sock, void *p, size_t len, int *fds, size_t *fd_count);

#endif
