/*
 * attach.c - see attach.h. Called by the monitor only, under its filter: it makes no socket after attach_open.
 *
 *   lab --connect--> listen_fd --accept--> conn --request--> verb --> answer with a descriptor, close
 *                                                             |           ^
 *                                                             +-> door ---+   (connect: one process, in order)
 *
 * The lab is the less trusted end: what is not exactly a request ends that conversation, and a conversation more
 * than ATTACH_CONNS ends the oldest.
 */
#include "runner/attach.h"

#include "api/common/attach.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/runfolder.h"
#include "api/common/text.h"
#include "runner/door.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SRC_LISTEN, SRC_DOOR, SRC_PTY, SRC_CLIENT, SRC_CONN };

void attach_init(struct attach *a)
{
    *a = (struct attach){.epoll_fd = -1, .listen_fd = -1, .door_fd = -1, .proxy_fd = -1};
    for (size_t i = 0; i < ATTACH_CONNS; i++)
        a->conns[i].fd = -1;
}

bool attach_is_wanted(const struct spec *spec)
{
    return spec->interactive.connect || spec->interactive.terminal;
}

static int watch(struct attach *a, int fd, uint32_t what)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = what};
    return epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

int attach_open(struct attach *a, int run_fd, const struct identity *identity, struct journal *journal,
                struct err *e)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    a->identity = *identity;
    a->used_us = time_mono_us();
    /* A run folder's path may be longer than a socket's may be. */
    snprintf(addr.sun_path, sizeof addr.sun_path, "/proc/self/fd/%d/%s", run_fd, RUNFOLDER_ATTACH);
    a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    a->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (a->epoll_fd < 0 || a->listen_fd < 0)
        return err_sys(e, "attach", NULL, "cannot make the socket by which the lab joins the run");
    a->terminal = mem_alloc(sizeof *a->terminal);
    terminal_init(a->terminal, journal, a->epoll_fd, SRC_PTY, SRC_CLIENT);
    mode_t before = umask(0177);
    identity_lab(identity);
    int failed = bind(a->listen_fd, (const struct sockaddr *)&addr, sizeof addr);
    identity_own(identity);
    umask(before);
    if (failed < 0 || listen(a->listen_fd, ATTACH_CONNS) < 0 || watch(a, a->listen_fd, SRC_LISTEN) < 0)
        return err_sys(e, "attach", "the folder must be writable by its owner, on a file system that has sockets",
                       "cannot make %s", RUNFOLDER_ATTACH);
    return 0;
}

bool attach_take(struct attach *a, char kind, int fd)
{
    if (kind == HANDOVER_TERMINAL && a->terminal)
        return terminal_take(a->terminal, fd) == 0;
    if (kind == HANDOVER_PROXY && a->proxy_fd < 0 && a->epoll_fd >= 0) {
        a->proxy_fd = fd;
        return true;
    }
    if (kind != HANDOVER_DOOR || a->door_fd >= 0 || a->epoll_fd < 0 || watch(a, fd, SRC_DOOR) < 0)
        return false;
    a->door_fd = fd;
    return true;
}

/* ---- answers: each ends its conversation ---- */

static void answer(struct attach_conn *c, int fd, int os_errno, const char *text)
{
    struct attach_answer r = {
        .magic = ATTACH_MAGIC, .version = ATTACH_VERSION, .given = fd >= 0, .os_errno = os_errno};
    snprintf(r.text, sizeof r.text, "%s", text);
    /* Whoever asked and went away misses it, that is all. */
    (void)!fd_send(c->fd, &r, sizeof r, &fd, fd >= 0 ? 1 : 0);
    fd_close_at(&c->fd);
    c->id = 0;
}

/* ---- verbs ---- */

static void verb_connect(struct attach *a, struct attach_conn *c, const struct attach_request *q)
{
    if (a->door_fd < 0) {
        answer(c, -1, ENOTCONN, "this run has no way in from outside, or not yet");
        return;
    }
    c->id = a->next_id = a->next_id == UINT32_MAX ? 1 : a->next_id + 1;
    const struct door_request d = {c->id, q->value};
    if (send(a->door_fd, &d, sizeof d, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)sizeof d)
        answer(c, -1, errno, "the run has too many connections under way");
}

static void verb_terminal(struct attach *a, struct attach_conn *c, const struct attach_request *q)
{
    AUTO_FD int client = -1;
    if (a->terminal->pty < 0)
        answer(c, -1, ENOTCONN, "this run has no terminal, or not yet");
    else if (terminal_join(a->terminal, q->rows, q->cols, &client) < 0)
        answer(c, -1, errno, "the run's monitor cannot make another socket");
    else
        answer(c, client, 0, "");
}

/* As often as it is asked for: a daemon that was started again has none. */
static void verb_proxy(struct attach *a, struct attach_conn *c, const struct attach_request *q)
{
    (void)q;
    if (a->proxy_fd < 0)
        answer(c, -1, ENOTCONN, "this run has no proxy, or not yet");
    else
        answer(c, a->proxy_fd, 0, "");
}

static void (*const verbs[ATTACH_VERB_END])(struct attach *, struct attach_conn *, const struct attach_request *) = {
    [ATTACH_CONNECT] = verb_connect,
    [ATTACH_TERMINAL] = verb_terminal,
    [ATTACH_PROXY] = verb_proxy,
};

/* ---- what comes ---- */

static void read_door(struct attach *a)
{
    struct door_answer d;
    int fd = -1;
    size_t fd_count = 1;
    ssize_t n = fd_recv(a->door_fd, &d, sizeof d, &fd, &fd_count);
    AUTO_FD int got = n >= 0 && fd_count == 1 ? fd : -1;
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n != (ssize_t)sizeof d) {
        fd_close_at(&a->door_fd);
        for (size_t i = 0; i < ATTACH_CONNS; i++)
            if (a->conns[i].fd >= 0 && a->conns[i].id)
                answer(&a->conns[i], -1, ECONNRESET, "the run's way in is gone");
        return;
    }
    for (size_t i = 0; i < ATTACH_CONNS; i++)
        if (a->conns[i].fd >= 0 && a->conns[i].id && a->conns[i].id == d.id) {
            if (got >= 0)
                answer(&a->conns[i], got, 0, "");
            else
                answer(&a->conns[i], -1, d.os_errno,
                       d.os_errno == ECONNREFUSED ? "nothing listens on that port inside the run"
                                                  : "the run does not take the connection");
        }
}

static void read_conn(struct attach *a, struct attach_conn *c)
{
    struct {
        struct attach_request request;
        char more; /* of a packet that is longer */
    } in;
    int fd = -1;
    size_t fd_count = 1;
    ssize_t n = fd_recv(c->fd, &in, sizeof in, &fd, &fd_count);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    AUTO_FD int extra = n >= 0 && fd_count == 1 ? fd : -1;
    if (n <= 0 || c->id || extra >= 0 || !attach_is_request(&in.request, (size_t)n)) {
        fd_close_at(&c->fd);
        c->id = 0;
        return;
    }
    if (!verbs[in.request.verb]) {
        answer(c, -1, ENOSYS, "this run cannot be joined in that way");
        return;
    }
    a->used_us = time_mono_us();
    verbs[in.request.verb](a, c, &in.request);
}

static bool is_lab(const struct attach *a, int fd)
{
    struct ucred cred;
    socklen_t len = sizeof cred;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
           (cred.uid == 0 || cred.uid == (a->identity.rootless ? geteuid() : a->identity.lab_uid));
}

static void accept_one(struct attach *a)
{
    AUTO_FD int fd = accept4(a->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    size_t slot = 0;
    if (fd < 0 || !is_lab(a, fd))
        return;
    while (slot < ATTACH_CONNS && a->conns[slot].fd >= 0)
        slot++;
    if (slot == ATTACH_CONNS) { /* the oldest has had its time: each is one question */
        fd_close_at(&a->conns[0].fd);
        memmove(a->conns, a->conns + 1, (ATTACH_CONNS - 1) * sizeof *a->conns);
        slot = ATTACH_CONNS - 1;
    }
    a->conns[slot] = (struct attach_conn){.fd = fd_take(&fd)};
    if (watch(a, a->conns[slot].fd, SRC_CONN) < 0)
        fd_close_at(&a->conns[slot].fd);
}

void attach_step(struct attach *a)
{
    struct epoll_event events[8];
    int n = epoll_wait(a->epoll_fd, events, 8, 0);
    for (int i = 0; i < n; i++) {
        switch (events[i].data.u32) {
        case SRC_LISTEN: accept_one(a); break;
        case SRC_DOOR:
            if (a->door_fd >= 0)
                read_door(a);
            break;
        case SRC_PTY:
        case SRC_CLIENT:
            if (terminal_step(a->terminal, events[i].data.u32, events[i].events))
                a->used_us = time_mono_us();
            break;
        default: /* few, and an event may be about one that is closed by now: each is asked */
            for (size_t k = 0; k < ATTACH_CONNS; k++)
                if (a->conns[k].fd >= 0)
                    read_conn(a, &a->conns[k]);
        }
    }
}

void attach_tick(struct attach *a)
{
    if (a->terminal)
        terminal_tick(a->terminal);
}

void attach_drain(struct attach *a)
{
    if (a->terminal)
        terminal_drain(a->terminal);
}

void attach_close(struct attach *a, int run_fd)
{
    if (a->listen_fd >= 0) {
        identity_lab(&a->identity);
        unlinkat(run_fd, RUNFOLDER_ATTACH, 0); /* one that stays says the same by refusing */
        identity_own(&a->identity);
    }
    for (size_t i = 0; i < ATTACH_CONNS; i++)
        fd_close_at(&a->conns[i].fd);
    if (a->terminal)
        terminal_fini(a->terminal);
    mem_free_at(&a->terminal);
    fd_close_at(&a->door_fd);
    fd_close_at(&a->proxy_fd);
    fd_close_at(&a->listen_fd);
    fd_close_at(&a->epoll_fd);
}
