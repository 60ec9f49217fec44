/*
 * terminal.c - the monitor's end of a run's terminal: copies between the master and one client, and keeps what is
 * shown in the run's log. Never waits: what one side does not take is held, a frame at most, and the other side is not
 * read meanwhile. A client more takes the terminal over: whoever lost the line must get back in.
 */
#include "runner/terminal.h"

#include "api/common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void terminal_init(struct terminal *t, struct journal *j, int epoll_fd, uint32_t pty_tag, uint32_t client_tag)
{
    *t = (struct terminal){
        .journal = j, .epoll_fd = epoll_fd, .pty_tag = pty_tag, .client_tag = client_tag, .pty = -1, .client = -1};
}

/* What is worth waking up for now. */
static void rearm(struct terminal *t)
{
    uint32_t pty = (t->out_len ? 0U : (uint32_t)EPOLLIN) | (t->in_len ? (uint32_t)EPOLLOUT : 0U);
    uint32_t client = (t->in_len ? 0U : (uint32_t)EPOLLIN) | (t->out_len ? (uint32_t)EPOLLOUT : 0U);
    struct epoll_event ev = {.events = pty, .data.u32 = t->pty_tag};
    if (t->pty >= 0 && !t->hung_up && pty != t->pty_events && epoll_ctl(t->epoll_fd, EPOLL_CTL_MOD, t->pty, &ev) == 0)
        t->pty_events = pty;
    ev = (struct epoll_event){.events = client, .data.u32 = t->client_tag};
    if (t->client >= 0 && client != t->client_events && epoll_ctl(t->epoll_fd, EPOLL_CTL_MOD, t->client, &ev) == 0)
        t->client_events = client;
}

static int add(struct terminal *t, int fd, uint32_t tag)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = tag};
    return epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
}

int terminal_take(struct terminal *t, int pty)
{
    if (t->pty >= 0) {
        errno = EBUSY;
        return -1;
    }
    if (add(t, pty, t->pty_tag) < 0)
        return -1;
    t->pty = pty;
    t->pty_events = EPOLLIN;
    return 0;
}

/* ---- the client ---- */

static void drop_client(struct terminal *t)
{
    fd_close_at(&t->client);
    t->out_len = t->in_len = 0;
    rearm(t);
}

static void send_held(struct terminal *t)
{
    if (t->client < 0 || t->out_len == 0)
        return;
    ssize_t n = send(t->client, t->out, t->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0)
        t->out_len = 0;
    else if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS)
        drop_client(t);
}

static void put_frame(struct terminal *t, enum attach_frame_type type, const char *bytes, size_t len)
{
    const struct attach_frame head = {.type = (uint16_t)type, .len = (uint16_t)len};
    memcpy(t->out, &head, sizeof head);
    memcpy(t->out + sizeof head, bytes, len);
    t->out_len = sizeof head + len;
    send_held(t);
}

/* ---- what was shown ---- */

static void keep(struct terminal *t, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        t->shown[(t->kept_start + t->kept) % TERMINAL_KEPT_BYTES] = bytes[i];
        if (t->kept < TERMINAL_KEPT_BYTES)
            t->kept++;
        else
            t->kept_start = (t->kept_start + 1) % TERMINAL_KEPT_BYTES;
    }
}

/* From the first whole line on, when the beginning is gone: not from the middle of a sequence. */
static void show_again(struct terminal *t)
{
    char block[ATTACH_FRAME_BYTES];
    size_t at = 0;
    if (t->kept == TERMINAL_KEPT_BYTES)
        while (at < t->kept && t->shown[(t->kept_start + at++) % TERMINAL_KEPT_BYTES] != '\n')
            ;
    while (at < t->kept && t->client >= 0 && t->out_len == 0) {
        size_t n = 0;
        while (at < t->kept && n < sizeof block)
            block[n++] = t->shown[(t->kept_start + at++) % TERMINAL_KEPT_BYTES];
        put_frame(t, ATTACH_OUTPUT, block, n);
    }
}

static void resize(struct terminal *t, unsigned rows, unsigned cols)
{
    const struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};
    (void)!ioctl(t->pty, TIOCSWINSZ, &size); /* the program in front is told by the kernel, if it changed */
}

int terminal_join(struct terminal *t, unsigned rows, unsigned cols, int *client)
{
    int pair[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -1;
    AUTO_FD int ours = pair[0], theirs = pair[1];
    if (add(t, ours, t->client_tag) < 0)
        return -1;
    if (t->client >= 0) {
        const struct attach_frame taken = {.type = ATTACH_TAKEN};
        (void)!send(t->client, &taken, sizeof taken, MSG_DONTWAIT | MSG_NOSIGNAL);
        drop_client(t);
    }
    t->client = fd_take(&ours);
    t->client_events = EPOLLIN;
    show_again(t);
    /* A program that draws the whole screen draws it anew when the size changes: so it changes. */
    if (t->was_joined)
        resize(t, rows > 1 ? rows - 1 : rows + 1, cols);
    resize(t, rows, cols);
    t->was_joined = true;
    rearm(t);
    *client = fd_take(&theirs);
    return 0;
}

/* ---- copying ---- */

/* False: nothing was there. */
static bool read_pty(struct terminal *t)
{
    char block[ATTACH_FRAME_BYTES];
    ssize_t n = read(t->pty, block, sizeof block);
    if (n <= 0) {
        if (n == 0 || errno == EIO) { /* nobody has the other end; someone inside may open it again */
            epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, t->pty, NULL);
            t->hung_up = true;
        }
        return false;
    }
    journal_output(t->journal, RUNLOG_STDOUT, block, (size_t)n);
    keep(t, block, (size_t)n);
    if (t->client >= 0)
        put_frame(t, ATTACH_OUTPUT, block, (size_t)n);
    return true;
}

static void write_pty(struct terminal *t)
{
    while (t->in_at < t->in_len) {
        ssize_t n = write(t->pty, t->in + t->in_at, t->in_len - t->in_at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            break; /* nobody reads it any more */
        t->in_at += (size_t)n;
    }
    t->in_len = t->in_at = 0;
}

static void read_client(struct terminal *t)
{
    char packet[sizeof(struct attach_frame) + ATTACH_FRAME_BYTES + 1];
    struct attach_frame head;
    ssize_t n = recv(t->client, packet, sizeof packet, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !attach_is_frame(packet, (size_t)n, true, &head)) {
        drop_client(t);
        return;
    }
    if (head.type == ATTACH_RESIZE) {
        resize(t, head.rows, head.cols);
        return;
    }
    memcpy(t->in, packet + sizeof head, head.len);
    t->in_len = head.len;
    t->in_at = 0;
    if (t->pty >= 0)
        write_pty(t);
}

bool terminal_step(struct terminal *t, uint32_t tag, uint32_t events)
{
    bool used = false;
    if (tag == t->pty_tag && t->pty >= 0 && !t->hung_up) {
        if (events & EPOLLOUT)
            write_pty(t);
        if (t->out_len == 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
            used = read_pty(t);
    } else if (tag == t->client_tag && t->client >= 0) {
        if (events & EPOLLOUT)
            send_held(t);
        if (t->client >= 0 && (events & EPOLLIN) && t->in_len == 0) {
            read_client(t);
            used = true;
        } else if (t->client >= 0 && (events & (EPOLLHUP | EPOLLERR))) {
            drop_client(t); /* gone, and the program does not take what it typed last */
        }
    }
    rearm(t);
    return used;
}

void terminal_tick(struct terminal *t)
{
    if (t->pty < 0 || !t->hung_up || add(t, t->pty, t->pty_tag) < 0)
        return;
    t->hung_up = false;
    t->pty_events = EPOLLIN;
    rearm(t);
}

void terminal_drain(struct terminal *t)
{
    while (t->pty >= 0 && read_pty(t))
        ; /* a client that does not keep up misses the end: the log has it */
    send_held(t);
}

void terminal_fini(struct terminal *t)
{
    fd_close_at(&t->pty);
    fd_close_at(&t->client);
}
