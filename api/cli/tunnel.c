/*
 * tunnel.c - see tunnel.h.
 *
 *   browser --local--> | two ends, a buffer each way | --remote--> the port inside the run
 *
 * An end is read while there is room for what it says, and written while there is something to write. When one end
 * says that nothing more comes, the other is told once all before it is written.
 */
#include "api/cli/tunnel.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 64 << 10, LISTENER = UINT32_MAX };

struct way {
    char bytes[ROOM];
    size_t at, len;
    bool ended; /* its source says no more */
    bool told;  /* and so was its target */
};

struct pair {
    int fd[2]; /* local, remote; -1: free */
    uint32_t events[2];
    struct way from[2];
};

struct tunnel {
    int epoll_fd, listen_fd;
    unsigned port;
    bool listening;
    struct pair *pairs[TUNNEL_PAIRS];
};

static int watch(struct tunnel *t, int op, int fd, uint32_t events, uint32_t tag)
{
    struct epoll_event ev = {.events = events, .data.u32 = tag};
    return epoll_ctl(t->epoll_fd, op, fd, &ev);
}

int tunnel_open(unsigned port, struct tunnel **out, struct err *e)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    int on = 1;
    AUTO_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    AUTO_FD int set = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0 || set < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return err_sys(e, "--port", NULL, "cannot make a socket");
    if (bind(fd, (const struct sockaddr *)&addr, sizeof addr) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
        return err_sys(e, "--port", NULL, "cannot listen on 127.0.0.1:%u", port);
    struct tunnel *t = mem_alloc(sizeof *t);
    *t = (struct tunnel){.epoll_fd = fd_take(&set), .listen_fd = fd_take(&fd), .port = ntohs(addr.sin_port)};
    *out = t;
    if (watch(t, EPOLL_CTL_ADD, t->listen_fd, EPOLLIN, LISTENER) < 0)
        return err_sys(e, "--port", NULL, "cannot wait for connections");
    t->listening = true;
    return 0;
}

static void drop(struct tunnel *t, size_t i)
{
    struct pair *p = t->pairs[i];
    fd_close_at(&p->fd[0]);
    fd_close_at(&p->fd[1]);
    free(p);
    t->pairs[i] = NULL;
    if (!t->listening && watch(t, EPOLL_CTL_MOD, t->listen_fd, EPOLLIN, LISTENER) == 0)
        t->listening = true;
}

void tunnel_close_at(struct tunnel **at)
{
    struct tunnel *t = *at;
    if (!t)
        return;
    for (size_t i = 0; i < TUNNEL_PAIRS; i++)
        if (t->pairs[i])
            drop(t, i);
    fd_close_at(&t->listen_fd);
    fd_close_at(&t->epoll_fd);
    free(t);
    *at = NULL;
}

unsigned tunnel_port(const struct tunnel *t)
{
    return t->port;
}

int tunnel_fd(const struct tunnel *t)
{
    return t->epoll_fd;
}

/* From the end `k` of a pair to the other one. False: the pair is over. */
static bool carry(struct pair *p, int k)
{
    struct way *w = &p->from[k];
    for (;;) {
        if (w->len == 0 && !w->ended) {
            ssize_t n = recv(p->fd[k], w->bytes, sizeof w->bytes, MSG_DONTWAIT);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0 && errno != EAGAIN)
                return false;
            if (n < 0)
                return true;
            w->at = 0;
            w->len = (size_t)n;
            w->ended = n == 0;
        }
        if (w->len == 0) {
            if (!w->told && shutdown(p->fd[!k], SHUT_WR) < 0)
                return false;
            w->told = true;
            return !(p->from[0].told && p->from[1].told);
        }
        ssize_t n = send(p->fd[!k], w->bytes + w->at, w->len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        w->at += (size_t)n;
        w->len -= (size_t)n;
    }
}

static void serve(struct tunnel *t, size_t i)
{
    struct pair *p = t->pairs[i];
    if (!carry(p, 0) || !carry(p, 1)) {
        drop(t, i);
        return;
    }
    for (int k = 0; k < 2; k++) {
        uint32_t want = (p->from[k].len == 0 && !p->from[k].ended ? (uint32_t)EPOLLIN : 0U) |
                        (p->from[!k].len > 0 ? (uint32_t)EPOLLOUT : 0U);
        if (want != p->events[k] && watch(t, EPOLL_CTL_MOD, p->fd[k], want, (uint32_t)i) < 0) {
            drop(t, i);
            return;
        }
        p->events[k] = want;
    }
}

static void accept_one(struct tunnel *t, tunnel_connect_fn *connect, void *arg)
{
    size_t i = 0;
    while (i < TUNNEL_PAIRS && t->pairs[i])
        i++;
    if (i == TUNNEL_PAIRS) { /* the others wait in the backlog */
        if (watch(t, EPOLL_CTL_MOD, t->listen_fd, 0, LISTENER) == 0)
            t->listening = false;
        return;
    }
    AUTO_FD int local = accept4(t->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (local < 0)
        return;
    AUTO_FD int remote = connect(arg);
    if (remote < 0 || watch(t, EPOLL_CTL_ADD, local, EPOLLIN, (uint32_t)i) < 0 ||
        watch(t, EPOLL_CTL_ADD, remote, EPOLLIN, (uint32_t)i) < 0)
        return;
    struct pair *p = mem_alloc(sizeof *p);
    p->events[0] = p->events[1] = EPOLLIN;
    p->fd[0] = fd_take(&local);
    p->fd[1] = fd_take(&remote);
    p->from[0].at = p->from[0].len = p->from[1].at = p->from[1].len = 0;
    p->from[0].ended = p->from[0].told = p->from[1].ended = p->from[1].told = false;
    t->pairs[i] = p;
}

void tunnel_step(struct tunnel *t, tunnel_connect_fn *connect, void *arg)
{
    struct epoll_event events[32];
    int n = epoll_wait(t->epoll_fd, events, 32, 0);
    for (int i = 0; i < n; i++) {
        if (events[i].data.u32 == LISTENER)
            accept_one(t, connect, arg);
        else if (t->pairs[events[i].data.u32] && (events[i].events & EPOLLERR))
            drop(t, events[i].data.u32);
        else if (t->pairs[events[i].data.u32])
            serve(t, events[i].data.u32);
    }
}
