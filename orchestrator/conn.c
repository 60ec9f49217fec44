/*
 * conn.c - the clients of the socket. Raw descriptors under uv_poll, because libuv's streams do not hand
 * out descriptors that come with a message (SCM_RIGHTS).
 *
 *      readable --> recv --> lines --> request_line --> answers --> out --> send, before the loop sleeps
 *          ^                   |                                     |
 *          +--- not asked for while CONN_OPEN_MAX are under way or CONN_OUT_HIGH waits ---+
 *
 * Nothing of a client may grow without bound: the line (FRAME_MAX_BYTES), requests under way, answers
 * that it does not fetch, descriptors. A client that breaks a bound it was told of is closed. An account may
 * open connections by the hundred, so what they have together is bounded as well, for each account:
 * past that its connections are not read until it has less under way.
 */
#include "orchestrator/conn.h"
#include "api/common/fd.h"
#include "api/common/frame.h"
#include "api/common/log.h"
#include "api/common/mem.h"
#include "orchestrator/access.h"
#include "orchestrator/given_file.h"
#include "orchestrator/lab.h"
#include "orchestrator/peer.h"
#include "orchestrator/request.h"
#include "orchestrator/watch.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { RECV_BYTES = 64 << 10, ACCEPT_BURST = 64, OUT_KEEP = 16 << 10 };

struct give {
    size_t at; /* place in `out` of the byte it goes with */
    int fd;
};

struct conn {
    uint64_t id;
    struct server *server;
    int fd;
    uv_poll_t poll;
    int events; /* asked of poll now */
    struct frame_reader in;
    struct buf out;
    size_t out_sent;
    struct give *gives; /* CONN_GIVES_MAX, allocated at the first */
    size_t give_count;
    size_t out_taken, half_taken; /* what its peer is charged with for `out` and `in` */
    int fds[CONN_FDS_MAX];
    size_t fd_count;
    struct peer *peer;
    struct access *access;
    size_t open; /* requests under way */
    size_t watches;
    uint64_t last_watch;
    bool eof;         /* nothing more will come */
    bool hangup_told; /* half closed: do not ask for it again */
    bool processing;
    bool dirty; /* on the server's list of those to flush */
    bool closing;
    struct conn *dirty_next;
};

/* Names of service accounts: requests and runs under way borrow them. */
struct service {
    int64_t account;
    char name[80];
    struct service *next;
};

struct server {
    struct lab *lab;
    int listen_fd;
    uv_poll_t listen_poll;
    uv_prepare_t flush;
    uv_timer_t accept_later;
    bool accepting;
    size_t conn_max;
    struct map conns;
    uint64_t next_id;
    struct conn *dirty;
    struct peers *peers;
    struct service *services;
    char *chunk; /* RECV_BYTES, shared by all */
};

static void conn_update(struct conn *c);
static void conn_process(struct conn *c);

/* ---- the listening socket ---- */

static int refuse_live(const char *path, const struct sockaddr_un *addr, struct err *e)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_sys(e, "--socket", NULL, "cannot look at %s", path);
    if (!S_ISSOCK(st.st_mode))
        return err_set(e, E_CONFLICT, "--socket", "remove it, or name another place",
                       "%s is there and is no socket", path);
    AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(e, "--socket", NULL, "cannot make a socket");
    if (connect(fd, (const struct sockaddr *)addr, sizeof *addr) == 0 || errno == EAGAIN) {
        struct ucred cred = {.pid = 0};
        socklen_t len = sizeof cred;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
            cred.pid = 0;
        return err_set(e, E_CONFLICT, "--socket", "stop that daemon first, or name another place",
                       "%s is served by another process, pid %d", path, (int)cred.pid);
    }
    if (errno != ECONNREFUSED)
        return err_sys(e, "--socket", NULL, "cannot tell whether %s is in use", path);
    if (unlink(path) < 0 && errno != ENOENT)
        return err_sys(e, "--socket", NULL, "cannot remove the stale socket %s", path);
    return 0;
}

int conn_bind(const char *path, bool for_all, int *listen_fd, struct err *e)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof addr.sun_path)
        return err_set(e, E_INVALID, "--socket", "name a shorter one",
                       "a socket's path has at most %zu bytes, %s has %zu",
                       sizeof addr.sun_path - 1, path, strlen(path));
    memcpy(addr.sun_path, path, strlen(path) + 1);
    if (refuse_live(path, &addr, e) < 0)
        return -1;
    AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_sys(e, "--socket", NULL, "cannot make a socket");
    mode_t before = umask(for_all ? 0111 : 0177);
    int rc = bind(fd, (const struct sockaddr *)&addr, sizeof addr);
    umask(before);
    if (rc < 0)
        return err_sys(e, "--socket", NULL, "cannot bind %s", path);
    if (listen(fd, 4096) < 0)
        return err_sys(e, "--socket", NULL, "cannot listen on %s", path);
    *listen_fd = fd_take(&fd);
    return 0;
}

/* ---- accounts ---- */

static void mark_dirty(struct conn *c)
{
    if (c->dirty || c->closing)
        return;
    c->dirty = true;
    c->dirty_next = c->server->dirty;
    c->server->dirty = c;
}

/* Its name is known now, or there is room again: its connections may be read. */
static void on_peer_ready(void *ctx, struct peer *p)
{
    struct server *s = ctx;
    size_t at = 0;
    struct conn *c;
    while ((c = map_each(&s->conns, &at)))
        if (c->peer == p)
            mark_dirty(c);
}

struct peer *conn_peer(const struct conn *c)
{
    return c->peer;
}

/* After `out` or `in` has changed: the peer is charged with what they hold now. */
static void charge(struct conn *c)
{
    size_t out = c->closing ? 0 : c->out.len - c->out_sent;
    size_t half = c->closing ? 0 : c->in.in.cap;
    peer_half(c->peer, c->half_taken, half);
    c->half_taken = half;
    size_t before = c->out_taken;
    c->out_taken = out;
    if (out > before)
        peer_take(c->peer, out - before);
    else if (out < before)
        peer_give(c->peer, before - out);
}

/* ---- closing ---- */

static void on_closed(uv_handle_t *h)
{
    struct conn *c = h->data;
    fd_close_at(&c->fd);
    access_free(c->access);
    free(c);
}

static void drop_unclaimed(struct conn *c)
{
    size_t closed = 0;
    for (size_t i = 0; i < c->fd_count; i++)
        closed += given_file_drop(c->fds[i]);
    c->fd_count = 0;
    if (closed > 0)
        peer_fds_closed(c->peer, closed);
}

static void conn_close(struct conn *c)
{
    struct server *s = c->server;
    if (c->closing)
        return;
    c->closing = true;
    map_remove_num(&s->conns, c->id);
    watch_conn_closed(s->lab, c->id);
    for (struct conn **at = &s->dirty; *at; at = &(*at)->dirty_next)
        if (*at == c) {
            *at = c->dirty_next;
            break;
        }
    drop_unclaimed(c);
    while (c->give_count > 0)
        close(c->gives[--c->give_count].fd);
    free(c->gives);
    frame_fini(&c->in);
    buf_fini(&c->out);
    peer_left(c->peer);
    charge(c);
    uv_close((uv_handle_t *)&c->poll, on_closed);
}

/* ---- sending ---- */

static size_t out_left(const struct conn *c)
{
    return c->out.len - c->out_sent;
}

void conn_send(struct conn *c, const char *text, size_t len)
{
    if (c->closing)
        return;
    buf_add(&c->out, text, len);
    buf_add_char(&c->out, '\n');
    charge(c);
    mark_dirty(c);
}

bool conn_may_give(const struct conn *c)
{
    return c->give_count < CONN_GIVES_MAX;
}

void conn_give(struct conn *c, int fd)
{
    if (c->closing) {
        close(fd);
        return;
    }
    if (!c->gives)
        c->gives = mem_alloc(CONN_GIVES_MAX * sizeof *c->gives);
    c->gives[c->give_count++] = (struct give){c->out.len, fd};
}

/* One send: up to the byte that the next descriptor goes with, or from that byte on with it. */
static ssize_t send_some(struct conn *c)
{
    const char *p = c->out.data + c->out_sent;
    if (c->give_count == 0)
        return send(c->fd, p, out_left(c), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (c->gives[0].at > c->out_sent)
        return send(c->fd, p, c->gives[0].at - c->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    size_t end = c->give_count > 1 ? c->gives[1].at : c->out.len;
    ssize_t n = fd_send(c->fd, p, end - c->out_sent, &c->gives[0].fd, 1);
    if (n > 0) {
        close(c->gives[0].fd);
        memmove(c->gives, c->gives + 1, --c->give_count * sizeof *c->gives);
    }
    return n;
}

size_t conn_out_bytes(const struct conn *c)
{
    return out_left(c);
}

/* False: the connection is gone. */
static bool conn_flush(struct conn *c)
{
    if (c->out.failed) {
        /* Only a client that asks without fetching gets here: bounds above were passed by far. */
        log_warn("conn.overflow", LOG_INT("uid", c->peer->uid), LOG_INT("bytes", out_left(c)));
        conn_close(c);
        return false;
    }
    while (out_left(c) > 0) {
        ssize_t n = send_some(c);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n < 0) {
            conn_close(c);
            return false;
        }
        c->out_sent += (size_t)n;
    }
    if (out_left(c) == 0) {
        c->out_sent = 0;
        if (c->out.cap > OUT_KEEP)
            buf_fini(&c->out);
        else
            buf_clear(&c->out);
    } else if (c->out_sent >= CONN_OUT_HIGH) {
        buf_consume(&c->out, c->out_sent);
        for (size_t i = 0; i < c->give_count; i++)
            c->gives[i].at -= c->out_sent;
        c->out_sent = 0;
    }
    charge(c);
    return true;
}

/* After answers were added or fetched: send, then see what may go on. */
static void conn_push(struct conn *c)
{
    if (!conn_flush(c))
        return;
    if (out_left(c) < CONN_OUT_WATCH && c->watches > 0)
        watch_conn_ready(c->server->lab, c->id);
    conn_process(c);
}

/* Before the loop sleeps. Ends: pushing one may put it on the list again with what its buffered lines gave,
 * but nothing is received here. */
static void on_prepare(uv_prepare_t *h)
{
    struct server *s = h->data;
    struct conn *c;
    while ((c = s->dirty)) {
        s->dirty = c->dirty_next;
        c->dirty = false;
        conn_push(c);
    }
}

/* ---- reading ---- */

static bool may_process(const struct conn *c)
{
    return !c->closing && c->open < CONN_OPEN_MAX && out_left(c) < CONN_OUT_HIGH &&
           peer_may_go_on(c->peer);
}

static void conn_process(struct conn *c)
{
    if (c->processing || c->closing)
        return;
    c->processing = true;
    bool drained = false;
    while (may_process(c)) {
        size_t len;
        char *line = frame_next(&c->in, &len);
        if (!line) {
            drained = true;
            break;
        }
        request_line(c->server->lab, c, line, len);
    }
    c->processing = false;
    if (c->closing)
        return;
    if (drained && c->in.in.len == 0) {
        drop_unclaimed(c);
        if (c->in.in.cap > OUT_KEEP) {
            frame_fini(&c->in);
            frame_init(&c->in);
        }
    }
    charge(c);
    if (c->eof && drained && c->open == 0 && out_left(c) == 0) {
        conn_close(c);
        return;
    }
    conn_update(c);
}

static bool peer_is_gone(const struct conn *c)
{
    struct pollfd p = {.fd = c->fd};
    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

static void take_descriptors(struct conn *c, const int *fds, size_t count)
{
    if (count > 0)
        peer_fds_came(c->peer, count);
    for (size_t i = 0; i < count; i++)
        if (c->fd_count < CONN_FDS_MAX)
            c->fds[c->fd_count++] = fds[i];
        else if (given_file_drop(fds[i]))
            peer_fds_closed(c->peer, 1);
}

static void conn_read(struct conn *c)
{
    struct server *s = c->server;
    struct err e = {0};
    int fds[FD_PASS_MAX];
    size_t fd_count = FD_PASS_MAX;

    if (!may_process(c))
        return; /* another connection of its account has used up the room since we asked */

    ssize_t n = fd_recv(c->fd, s->chunk, RECV_BYTES, fds, &fd_count);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        conn_close(c);
        return;
    }
    take_descriptors(c, fds, fd_count);
    if (n == 0) {
        if (peer_is_gone(c)) {
            conn_close(c);
            return;
        }
        c->eof = true;
    } else if (frame_feed(&c->in, s->chunk, (size_t)n, &e) < 0) {
        /* It cannot be followed any more: say why, as far as it listens, and close. */
        AUTO_BUF struct buf b = BUF_INIT(4096);
        buf_printf(&b, "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32700,\"message\":"
                       "\"a message is larger "
                       "than 1 MiB\",\"data\":{\"kind\":\"limit\",\"field\":null,\"hint\":\"send "
                       "less at once; large "
                       "content goes by blob.put\"}}}");
        conn_send(c, buf_cstr(&b), b.len);
        if (conn_flush(c))
            conn_close(c);
        return;
    }
    conn_process(c);
    if (!c->closing && c->half_taken > RECV_BYTES && peer_has_too_many_halves(c->peer))
        conn_close(c);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
    struct conn *c = h->data;
    if (c->closing)
        return;
    if (status < 0) {
        conn_close(c);
        return;
    }
    if ((events & UV_DISCONNECT) && !(events & UV_READABLE)) {
        if (peer_is_gone(c)) {
            conn_close(c);
            return;
        }
        c->hangup_told = true;
    }
    if (events & UV_WRITABLE) {
        conn_push(c);
        if (c->closing)
            return;
    }
    if (events & UV_READABLE)
        conn_read(c);
    if (!c->closing)
        conn_update(c);
}

static void conn_update(struct conn *c)
{
    int want = 0;
    bool pending = c->in.in.len > c->in.taken && !may_process(c);
    if (!c->eof && !pending && may_process(c) && c->peer->known)
        want |= UV_READABLE;
    /* A dirty one is sent to before the loop sleeps: asking for room first would cost every request four epoll_ctl. */
    if (out_left(c) > 0 && !c->dirty)
        want |= UV_WRITABLE;
    if (!c->eof && !c->hangup_told && !(want & UV_READABLE))
        want |= UV_DISCONNECT;
    if (want == c->events)
        return;
    c->events = want;
    int rc = want ? uv_poll_start(&c->poll, want, on_poll) : uv_poll_stop(&c->poll);
    if (rc != 0)
        conn_close(c);
}

/* ---- accepting ---- */

static void accept_again(uv_timer_t *t);
static void on_listen(uv_poll_t *h, int status, int events);

static void pause_accepting(struct server *s)
{
    uv_poll_stop(&s->listen_poll);
    uv_timer_start(&s->accept_later, accept_again, 100, 0);
}

static void accept_one(struct server *s, int fd)
{
    AUTO_FD int own = fd;
    struct ucred cred;
    socklen_t len = sizeof cred;
    if (getsockopt(own, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
        return;
    /* The folder keeps others out of a private lab; a descriptor that was handed on would not be. */
    if (!s->lab->opt.as_root && cred.uid != s->lab->owner.uid && cred.uid != 0)
        return;
    struct peer *p = peer_find(s->peers, cred.uid);
    if (!p || !peer_came(p))
        return;
    struct conn *c = mem_alloc(sizeof *c);
    *c = (struct conn){.id = ++s->next_id, .server = s, .fd = -1, .peer = p};
    frame_init(&c->in);
    /* Answers in flight are bounded by CONN_OPEN_MAX messages of FRAME_MAX_BYTES beside CONN_OUT_HIGH. */
    buf_init(&c->out, (size_t)(CONN_OPEN_MAX + 258) * FRAME_MAX_BYTES);
    c->poll.data = c;
    if (uv_poll_init(&s->lab->loop, &c->poll, own) != 0) {
        peer_left(p);
        frame_fini(&c->in);
        buf_fini(&c->out);
        free(c);
        return;
    }
    c->access = access_new(s->lab, c->id, own, &cred, p);
    c->fd = fd_take(&own);
    map_put_num(&s->conns, c->id, c);
    conn_update(c);
}

static void on_listen(uv_poll_t *h, int status, int events)
{
    struct server *s = h->data;
    (void)events;
    if (status < 0)
        return;
    for (int i = 0; i < ACCEPT_BURST; i++) {
        if (s->conns.count >= s->conn_max) {
            log_warn("conn.limit", LOG_INT("connections", s->conns.count));
            pause_accepting(s);
            return;
        }
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            accept_one(s, fd);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED)
            continue;
        if (errno != EAGAIN) {
            struct err e = {0};
            err_sys(&e, NULL, NULL, "cannot accept a connection");
            log_warn("conn.accept", LOG_ERR(&e));
            pause_accepting(s);
        }
        return;
    }
}

static void accept_again(uv_timer_t *t)
{
    struct server *s = t->data;
    if (s->accepting)
        uv_poll_start(&s->listen_poll, UV_READABLE, on_listen);
}

struct server *server_new(struct lab *lab, int listen_fd, size_t conn_max)
{
    struct server *s = mem_alloc(sizeof *s);
    *s = (struct server){
        .lab = lab, .listen_fd = listen_fd, .conn_max = conn_max, .accepting = true};
    s->chunk = mem_alloc(RECV_BYTES);
    /* In a lab for several accounts none may take all connections. */
    s->peers = peers_new(lab, lab->opt.as_root ? (conn_max + 3) / 4 : conn_max, on_peer_ready, s);
    s->listen_poll.data = s->flush.data = s->accept_later.data = s;
    if (uv_poll_init(&lab->loop, &s->listen_poll, listen_fd) != 0 ||
        uv_prepare_init(&lab->loop, &s->flush) != 0 ||
        uv_timer_init(&lab->loop, &s->accept_later) != 0)
        abort(); /* a fresh loop and a fresh descriptor */
    uv_prepare_start(&s->flush, on_prepare);
    uv_poll_start(&s->listen_poll, UV_READABLE, on_listen);
    return s;
}

void server_stop_accepting(struct server *s)
{
    if (!s->accepting)
        return;
    s->accepting = false;
    uv_poll_stop(&s->listen_poll);
    uv_timer_stop(&s->accept_later);
}

static void on_listen_closed(uv_handle_t *h)
{
    struct server *s = h->data;
    fd_close_at(&s->listen_fd);
}

void server_close_all(struct server *s)
{
    struct conn *c;
    server_stop_accepting(s);
    for (;;) {
        size_t at = 0;
        c = map_each(&s->conns, &at);
        if (!c)
            break;
        if (conn_flush(c))
            conn_close(c);
    }
    uv_close((uv_handle_t *)&s->listen_poll, on_listen_closed);
    uv_close((uv_handle_t *)&s->flush, NULL);
    uv_close((uv_handle_t *)&s->accept_later, NULL);
}

void server_free(struct server *s)
{
    map_fini(&s->conns);
    peers_free(s->peers);
    for (struct service *v = s->services, *next; v; v = next) {
        next = v->next;
        free(v);
    }
    free(s->chunk);
    free(s);
}

size_t server_conns(const struct server *s)
{
    return s->conns.count;
}

bool server_idle(const struct server *s)
{
    size_t at = 0;
    struct conn *c;
    while ((c = map_each(&s->conns, &at)))
        if (out_left(c) > 0)
            return false;
    return true;
}

struct conn *conn_find(const struct server *s, uint64_t id)
{
    return map_find_num(&s->conns, id);
}

uint64_t conn_id(const struct conn *c)
{
    return c->id;
}

struct cat_actor conn_actor(const struct conn *c)
{
    return access_actor(c->access);
}

void conn_become(struct conn *c, int64_t account, const struct cat_actor *service, int64_t token)
{
    struct service *v = c->server->services;
    while (v && v->account != account)
        v = v->next;
    if (!v) {
        v = mem_alloc(sizeof *v);
        *v = (struct service){.account = account, .next = c->server->services};
        snprintf(v->name, sizeof v->name, "%s", service->name);
        c->server->services = v;
    }
    access_become(c->access, (struct cat_actor){service->uid, v->name}, token);
}

struct access *conn_access(const struct conn *c)
{
    return c->access;
}

int conn_claim_fd(struct conn *c)
{
    if (c->fd_count == 0)
        return -1;
    int fd = c->fds[0];
    c->fd_count--;
    memmove(c->fds, c->fds + 1, c->fd_count * sizeof *c->fds);
    return fd;
}

void conn_opened(struct conn *c)
{
    c->open++;
}

void conn_ended(struct conn *c)
{
    c->open--;
    /* Go on with what was not read for this: from the flush, so that a chain of quick calls does not nest. */
    if (!c->processing)
        mark_dirty(c);
}

size_t *conn_watch_count(struct conn *c)
{
    return &c->watches;
}

uint64_t conn_next_watch(struct conn *c)
{
    return ++c->last_watch;
}
