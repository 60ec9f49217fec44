/*
 * attach_ask.c - the asking end of attach.sock. Pool threads; knows no request and no catalog.
 */
#include "orchestrator/attach_ask.h"
#include "api/common/fd.h"
#include "api/common/runfolder.h"
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

static int no_answer(struct err *e)
{
    return err_set(e, E_UNAVAILABLE, "run", "see what became of it with enclos show",
                   errno == EAGAIN ? "the monitor of the run did not answer in time"
                                   : "the monitor of the run does not serve it any more");
}

int attach_ask(int run_fd, const struct attach_request *r, int timeout_ms, int *given, struct err *e)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct attach_answer answer;
    const struct timeval limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    int fd = -1;
    size_t fd_count = 1;
    /* A run folder's path may be longer than a socket's may be. */
    snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/%s", run_fd, RUNFOLDER_ATTACH);
    AUTO_FD int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
        setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0)
        return err_sys(e, "run", NULL, "cannot make a socket");
    if (connect(sock, (const struct sockaddr *)&addr, sizeof addr) < 0) {
        if (errno == ENOENT)
            return err_set(e, E_UNAVAILABLE, "run", "wait until it runs", "the run has not started yet, or has ended");
        if (errno == ECONNREFUSED || errno == EAGAIN)
            return no_answer(e);
        return err_sys(e, "run", NULL, "cannot reach the monitor of the run");
    }
    if (fd_send(sock, r, sizeof *r, NULL, 0) != sizeof *r)
        return no_answer(e);
    ssize_t n = fd_recv(sock, &answer, sizeof answer, &fd, &fd_count);
    AUTO_FD int got = n >= 0 && fd_count == 1 ? fd : -1;
    if (n <= 0) {
        if (n == 0)
            errno = ECONNRESET;
        return no_answer(e);
    }
    if (!attach_is_answer(&answer, (size_t)n) || (answer.given == 1) != (got >= 0))
        return err_set(e, E_INTERNAL, "run", NULL, "the monitor of the run answered what it never should");
    if (!answer.given) { /* most of it may be otherwise in a moment */
        err_set(e, answer.os_errno == ENOSYS ? E_CONFLICT : E_UNAVAILABLE, "run", NULL, "%s", answer.text);
        e->os_errno = answer.os_errno;
        return -1;
    }
    *given = fd_take(&got);
    return 0;
}
