/*
 * priv_door.c - see door.h. Forked by init, before it drops its own rights: the door drops the same ones, and its
 * filter allows a connection and no more. It dies with init, as everything in the namespace does.
 */
#include "runner/door.h"

#include "api/common/fd.h"
#include "runner/confine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CONNECT_MS = 2000 };

/* On loopback a connection is there or refused at once; only a full backlog makes it wait. */
static int connect_to(uint32_t port, int *out)
{
    const struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    AUTO_FD int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sock < 0)
        return errno;
    if (connect(sock, (const struct sockaddr *)&addr, sizeof addr) < 0) {
        struct pollfd p = {.fd = sock, .events = POLLOUT};
        int failed = 0;
        socklen_t len = sizeof failed;
        if (errno != EINPROGRESS)
            return errno;
        if (poll(&p, 1, CONNECT_MS) <= 0)
            return ETIMEDOUT;
        if (getsockopt(sock, SOL_SOCKET, SO_ERROR, &failed, &len) < 0 || failed)
            return failed ? failed : errno;
    }
    *out = fd_take(&sock);
    return 0;
}

_Noreturn static void serve(int sock)
{
    for (;;) {
        struct door_request q;
        ssize_t n = recv(sock, &q, sizeof q, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof q || q.port < 1 || q.port > 65535)
            syscall(SYS_exit_group, 0); /* the monitor is gone, or is not itself */
        AUTO_FD int fd = -1;
        struct door_answer a = {.id = q.id, .os_errno = connect_to(q.port, &fd)};
        if (fd_send(sock, &a, sizeof a, &fd, fd >= 0 ? 1 : 0) != (ssize_t)sizeof a)
            syscall(SYS_exit_group, 1);
    }
}

/* The clock, for the page of steps, is a real call where the vDSO has none (kernel 6.1 under an emulator). */
static int load_filter(void)
{
    static const unsigned short allowed[] = {SYS_recvfrom, SYS_sendmsg, SYS_socket, SYS_connect, SYS_poll,
                                             SYS_getsockopt, SYS_close, SYS_rt_sigreturn, SYS_restart_syscall,
                                             SYS_exit, SYS_exit_group, SYS_clock_gettime};
    return confine_to_calls(allowed, sizeof allowed / sizeof *allowed, SECCOMP_RET_KILL_PROCESS);
}

_Noreturn static void door_main(struct sandbox *s, int sock)
{
    prctl(PR_SET_NAME, "enclos-door", 0, 0, 0);
    signal(SIGPIPE, SIG_IGN);
    if (sandbox_drop_rights(s, STEP_DOOR, "the door") < 0)
        _exit(1);
    if (dup2(sock, 0) < 0 || syscall(SYS_close_range, 1, ~0U, 0) < 0 || load_filter() < 0) {
        setup_fail(s->setup, STEP_DOOR, errno, NULL, "the door cannot load its filter");
        _exit(1);
    }
    setup_done(s->setup, STEP_DOOR);
    serve(0);
}

int door_open(struct sandbox *s)
{
    char kind = HANDOVER_DOOR;
    int pair[2] = {-1, -1};
    if (s->profile->network == PROFILE_NETWORK_NONE)
        return setup_fail(s->setup, STEP_DOOR, ENETDOWN, "choose a profile whose network is loopback, jupyter for one",
                          "the profile %s gives no network, not even of the run's own: nothing can be reached in it",
                          s->profile->name);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return setup_fail(s->setup, STEP_DOOR, errno, NULL, "cannot make the door's socket");
    AUTO_FD int ours = pair[0], theirs = pair[1];
    struct clone_args args = {.exit_signal = SIGCHLD};
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0)
        door_main(s, theirs);
    if (pid < 0)
        return setup_fail(s->setup, STEP_DOOR, errno, "raise the limit on processes", "cannot fork the door");
    if (fd_send(s->handover, &kind, 1, &ours, 1) != 1)
        return setup_fail(s->setup, STEP_DOOR, errno, NULL, "cannot hand the door to the monitor");
    return 0;
}
