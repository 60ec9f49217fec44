/*
 * proxy_relay.c - the process that meets the run's bytes: accepts, reads what is asked for, asks the judge, and
 * relays between two sockets once it is given the second one.
 *
 *   FREE --accept--> HEAD --ask--> ASKED --socket--> HELLO (CONNECT) --its name is right--> OPEN --> CLOSING --> FREE
 *                      |             |               ANSWER (http)  --head of the answer--> OPEN
 *                      +-- refused --+---> an error page --> CLOSING
 *
 * Nothing of the run reaches the server before the ClientHello, or the whole head, was checked. Slow clients
 * cost a slot until a deadline; when all slots are taken, others wait in the kernel's queue.
 */
#include "api/common/fd.h"
#include "api/common/log.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "orchestrator/proxy_confine.h"
#include "orchestrator/proxy_http.h"
#include "orchestrator/proxy_processes.h"
#include "orchestrator/proxy_tls.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PIPE_BYTES = 32 << 10, /* holds a head, or a ClientHello, whole */
    HEAD_MS = 15000,
    IDLE_MS = 300 * 1000,
    CLOSE_MS = 10000,
    LINGER_MS = 1000,
    RATE_PER_S = 200, /* new connections, with a reserve of */
    RATE_BURST = 400,
    INTERIM_MAX = 8, /* 1xx answers before the one that counts */
};
#define BYTES_MAX (UINT64_C(64) << 30) /* of a run's proxy, both ways */

enum phase { FREE, HEAD, ASKED, HELLO, ANSWER, OPEN, CLOSING };

/* One direction: bytes read, and bytes that may be written. */
struct way {
    char in[PIPE_BYTES], out[PIPE_BYTES];
    size_t in_len, out_len;
    bool in_over;  /* the reader's end of file was seen */
    bool out_over; /* told to the writer */
};

struct slot {
    enum phase phase;
    uint32_t serial;
    int client, server;
    struct proxy_request request;
    struct proxy_body_state body;
    struct buf forward;
    int interim;
    struct way up, down;
    uint64_t up_bytes, down_bytes;
    int64_t deadline_us;
    enum proxy_why why;
    char detail[PROXY_DETAIL];
    bool dialled; /* the judge has it as open: it is told of the end */
};

struct relay {
    int listen_fd, judge_fd;
    struct slot *slots[PROXY_SLOTS];
    uint32_t serial;
    double tokens;
    int64_t tokens_at_us;
    uint64_t bytes;
};

/* ---- packets ---- */

static void send_packet(const struct relay *r, const struct proxy_packet *p)
{
    if (fd_send(r->judge_fd, p, sizeof *p, NULL, 0) != (ssize_t)sizeof *p)
        _exit(1);
}

static void fill_packet(struct proxy_packet *p, enum proxy_packet_type type, size_t at,
                        const struct slot *s)
{
    *p = (struct proxy_packet){
        .type = type, .slot = (uint32_t)at, .serial = s->serial, .port = s->request.port};
    memcpy(p->method, s->request.method, sizeof p->method);
    if (s->request.host.is_address || s->request.host.name[0]) {
        char host[NET_NAME_SIZE];
        net_host_print(&s->request.host, host);
        snprintf(p->host, sizeof p->host, "%s", host);
    }
    p->why = s->why;
    snprintf(p->detail, sizeof p->detail, "%s", s->detail);
    p->up_bytes = s->up_bytes;
    p->down_bytes = s->down_bytes;
}

/* ---- ends ---- */

static void free_slot(struct relay *r, size_t at)
{
    struct slot *s = r->slots[at];
    if (s->dialled) {
        struct proxy_packet p;
        fill_packet(&p, PROXY_ENDED, at, s);
        send_packet(r, &p);
    }
    fd_close_at(&s->client);
    fd_close_at(&s->server);
    buf_fini(&s->forward);
    free(s);
    r->slots[at] = NULL;
}

static void note(struct slot *s, enum proxy_why why, const char *detail)
{
    if (s->why != PROXY_OK)
        return;
    s->why = why;
    /* What comes from the run is shown as text. */
    text_sanitize(detail, strlen(detail), s->detail, sizeof s->detail);
}

/* What is in `out` goes to the client, then it is closed. */
static void closing(struct slot *s)
{
    fd_close_at(&s->server);
    s->phase = CLOSING;
    s->up.in_len = s->up.out_len = 0;
    s->deadline_us = time_mono_us() + CLOSE_MS * 1000;
}

static const char *status_of(enum proxy_why why)
{
    switch (why) {
    case PROXY_BAD_REQUEST:
    case PROXY_HOST_MISMATCH: return "400 Bad Request";
    case PROXY_NO_ADDRESS:
    case PROXY_UNREACHABLE:
    case PROXY_BAD_ANSWER: return "502 Bad Gateway";
    case PROXY_TIMEOUT: return "408 Request Timeout";
    case PROXY_LIMIT:
    case PROXY_UNAVAILABLE: return "503 Service Unavailable";
    default: return "403 Forbidden by Enclos";
    }
}

static void error_page(struct slot *s)
{
    char page[512];
    int n = snprintf(page, sizeof page, "Enclos refused this connection (%s): %s\n",
                     proxy_why_name(s->why), s->detail);
    s->down.out_len =
        (size_t)snprintf(s->down.out, sizeof s->down.out,
                         "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
                         "X-Enclos-Refused: %s\r\nConnection: close\r\n\r\n%s",
                         status_of(s->why), n, proxy_why_name(s->why), page);
    closing(s);
}

/* Refused here, before anybody was asked. */
static void refuse(struct relay *r, size_t at, enum proxy_why why, const char *detail)
{
    struct proxy_packet p;
    struct slot *s = r->slots[at];
    note(s, why, detail);
    fill_packet(&p, PROXY_REFUSED, at, s);
    send_packet(r, &p);
    error_page(s);
}

/* ---- from the client: the head ---- */

static void consume(char *from, size_t *len, size_t n)
{
    memmove(from, from + n, *len - n);
    *len -= n;
}

static void on_head(struct relay *r, size_t at)
{
    struct slot *s = r->slots[at];
    struct proxy_refusal bad = {0};
    ssize_t end = proxy_head_end(s->up.in, s->up.in_len);
    if (end < 0) {
        refuse(r, at, PROXY_BAD_REQUEST, "a line of the request ends in something else than CR LF");
    } else if (end > PROXY_HEAD_MAX || (end == 0 && s->up.in_len >= PROXY_HEAD_MAX)) {
        refuse(r, at, PROXY_BAD_REQUEST, "the head of the request is too long");
    } else if (end == 0) {
        if (s->up.in_over && s->up.in_len == 0) /* a connection that asked nothing */
            free_slot(r, at);
        else if (s->up.in_over)
            refuse(r, at, PROXY_BAD_REQUEST, "the request ends before its head does");
    } else if (proxy_request_parse(s->up.in, (size_t)end, &s->request, &s->forward, &bad) < 0) {
        refuse(r, at, bad.why, bad.detail);
    } else {
        struct proxy_packet p;
        consume(s->up.in, &s->up.in_len, (size_t)end);
        proxy_body_begin(&s->body, &s->request);
        s->phase = ASKED;
        fill_packet(&p, PROXY_ASK, at, s);
        send_packet(r, &p);
    }
}

/* ---- the judge's answer ---- */

static void put(struct way *w, const char *p, size_t len)
{
    memcpy(w->out + w->out_len, p, len); /* heads are shorter than an empty pipe */
    w->out_len += len;
}

static void on_dialled(struct relay *r, size_t at, const struct proxy_packet *p, int *fd)
{
    static const char ready[] = "HTTP/1.1 200 Connection established\r\n\r\n";
    struct slot *s = r->slots[at];
    if (p->why != PROXY_OK || *fd < 0) {
        note(s, p->why == PROXY_OK ? PROXY_UNAVAILABLE : p->why, p->detail);
        error_page(s);
        return;
    }
    s->server = fd_take(fd);
    s->dialled = true;
    s->deadline_us = time_mono_us() + (s->request.connect ? HEAD_MS : IDLE_MS) * INT64_C(1000);
    if (s->request.connect) {
        put(&s->down, ready, sizeof ready - 1);
        s->phase = HELLO;
    } else {
        put(&s->up, s->forward.data, s->forward.len);
        s->phase = ANSWER;
    }
}

static void on_judge(struct relay *r)
{
    struct proxy_packet p;
    int fd = -1;
    size_t fd_count = 1;
    ssize_t n = fd_recv(r->judge_fd, &p, sizeof p, &fd, &fd_count);
    if (n < 0 && errno == EINTR)
        return;
    AUTO_FD int got = n >= 0 && fd_count == 1 ? fd : -1;
    if (n == 0) { /* the end: the judge is told of each connection */
        for (size_t i = 0; i < PROXY_SLOTS; i++)
            if (r->slots[i])
                free_slot(r, i);
        _exit(0);
    }
    if (n != (ssize_t)sizeof p || p.type != PROXY_DIALLED || p.slot >= PROXY_SLOTS ||
        p.why >= PROXY_WHY_COUNT || p.detail[sizeof p.detail - 1])
        _exit(1);
    struct slot *s = r->slots[p.slot];
    if (!s || s->phase != ASKED || s->serial != p.serial)
        _exit(1);
    on_dialled(r, p.slot, &p, &got);
}

/* ---- moving bytes ---- */

static size_t room(const struct way *w)
{
    return sizeof w->out - w->out_len;
}

/* As many bytes of `in` as there is room for become bytes of `out`. */
static void pass(struct way *w, size_t n)
{
    if (n > room(w))
        n = room(w);
    memcpy(w->out + w->out_len, w->in, n);
    w->out_len += n;
    consume(w->in, &w->in_len, n);
}

/* A ClientHello for the very host that was judged, before a byte of it goes on. */
static void on_hello(struct slot *s)
{
    struct proxy_refusal bad = {0};
    int rc =
        proxy_hello_check((const unsigned char *)s->up.in, s->up.in_len, &s->request.host, &bad);
    if (rc == 0 && s->up.in_len == sizeof s->up.in) {
        bad = (struct proxy_refusal){PROXY_NOT_TLS, "the ClientHello is too long"};
        rc = -1;
    }
    if (rc == 0 && s->up.in_over) {
        /* Opened and closed again without a word is nothing to refuse. */
        if (s->up.in_len == 0) {
            closing(s);
            return;
        }
        bad = (struct proxy_refusal){PROXY_NOT_TLS, "the tunnel ends within its ClientHello"};
        rc = -1;
    }
    if (rc < 0) {
        note(s, bad.why, bad.detail);
        closing(s);
        return;
    }
    if (rc > 0) {
        s->phase = OPEN;
        s->deadline_us = time_mono_us() + IDLE_MS * INT64_C(1000);
    }
}

static void on_answer(struct slot *s)
{
    struct proxy_refusal bad = {0};
    int status = 0;
    ssize_t end = proxy_head_end(s->down.in, s->down.in_len);
    if (end == 0 && s->down.in_len < PROXY_HEAD_MAX && !s->down.in_over)
        return;
    AUTO_BUF struct buf forward = BUF_INIT(PIPE_BYTES);
    if (end <= 0 || end > PROXY_HEAD_MAX) {
        bad = (struct proxy_refusal){
            PROXY_BAD_ANSWER, "the head of the server's answer is too long, cut or malformed"};
    } else if (proxy_answer_parse(s->down.in, (size_t)end, &status, &forward, &bad) == 0) {
        if (forward.len > room(&s->down))
            return; /* an interim one is still on its way */
        consume(s->down.in, &s->down.in_len, (size_t)end);
        put(&s->down, forward.data, forward.len);
        if (status >= 200)
            s->phase = OPEN;
        else if (++s->interim > INTERIM_MAX)
            bad = (struct proxy_refusal){PROXY_BAD_ANSWER,
                                         "the server's answer does not come to its point"};
    }
    if (bad.why == PROXY_OK)
        return;
    note(s, bad.why, bad.detail);
    if (s->down_bytes || s->down.out_len)
        closing(s);
    else
        error_page(s);
}

/* What was read and may go on, by the phase. */
static void move_bytes(struct slot *s)
{
    if (s->phase == HELLO)
        on_hello(s);
    for (int before = -1;
         s->phase == ANSWER && s->interim != before && s->down.in_len | s->down.in_over;) {
        before = s->interim;
        on_answer(s);
    }
    if ((s->phase == ANSWER || s->phase == OPEN) && !s->request.connect && !s->body.done) {
        size_t most = s->up.in_len < room(&s->up) ? s->up.in_len : room(&s->up);
        ssize_t n = proxy_body_take(&s->body, s->up.in, most);
        if (n < 0) {
            note(s, PROXY_BAD_REQUEST, "the chunks of the request's body are malformed");
            closing(s);
            return;
        }
        pass(&s->up, (size_t)n);
    }
    if (s->phase == OPEN) {
        if (s->request.connect)
            pass(&s->up, s->up.in_len);
        pass(&s->down, s->down.in_len);
    }
}

static bool wants_client(const struct slot *s)
{
    bool body = s->request.connect || !s->body.done;
    return !s->up.in_over && s->up.in_len < sizeof s->up.in &&
           (s->phase == HEAD || s->phase == HELLO || (s->phase == CLOSING && s->down.out_over) ||
            ((s->phase == ANSWER || s->phase == OPEN) && body));
}

/* Bytes that were read and wait for room go on when their writer can be written to. */
static bool wants_out(const struct slot *s, const struct way *w)
{
    bool flows = s->phase == OPEN || s->phase == ANSWER;
    if (w == &s->up)
        return w->out_len || (flows && w->in_len && (s->request.connect || !s->body.done));
    return w->out_len || (s->phase == OPEN && w->in_len);
}

static bool wants_server(const struct slot *s)
{
    return s->server >= 0 && !s->down.in_over && s->down.in_len < sizeof s->down.in &&
           (s->phase == ANSWER || s->phase == OPEN);
}

/* True: something came. An error on a socket is its end. */
static bool fill(int fd, struct way *w)
{
    ssize_t n = read(fd, w->in + w->in_len, sizeof w->in - w->in_len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0)
        w->in_over = true;
    else
        w->in_len += (size_t)n;
    return n > 0;
}

/* -1: the other side takes no more. */
static int drain(int fd, struct way *w, uint64_t *count)
{
    if (w->out_len == 0)
        return 0;
    ssize_t n = write(fd, w->out, w->out_len);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    consume(w->out, &w->out_len, (size_t)n);
    *count += (uint64_t)n;
    return 0;
}

/* Half-closing goes through, once all before it has. True: this way is over. */
static bool finish_way(int to, struct way *w)
{
    if (!w->in_over || w->in_len || w->out_len)
        return false;
    if (!w->out_over && to >= 0)
        shutdown(to, SHUT_WR);
    w->out_over = true;
    return true;
}

/* A socket closed with bytes unread is reset, which may take the error page with it: those that come are read
 * for a moment. True: it is over. */
static bool linger(struct slot *s)
{
    s->up.in_len = 0;
    if (s->down.out_len)
        return false;
    if (!s->down.out_over) {
        shutdown(s->client, SHUT_WR);
        s->down.out_over = true;
        s->deadline_us = time_mono_us() + LINGER_MS * INT64_C(1000);
    }
    return s->up.in_over;
}

static void step(struct relay *r, size_t at, short client, short server)
{
    struct slot *s = r->slots[at];
    bool moved = false;
    uint64_t before = s->up_bytes + s->down_bytes;
    if (client & (POLLIN | POLLHUP | POLLERR) && wants_client(s))
        moved |= fill(s->client, &s->up);
    if (s->phase == HEAD) {
        if (moved || s->up.in_over)
            on_head(r, at);
        s = r->slots[at];
        if (!s)
            return;
    }
    if (server & (POLLIN | POLLHUP | POLLERR) && wants_server(s))
        moved |= fill(s->server, &s->down);
    move_bytes(s);
    if (drain(s->client, &s->down, &s->down_bytes) < 0) {
        free_slot(r, at);
        return;
    }
    if (s->server >= 0 && drain(s->server, &s->up, &s->up_bytes) < 0) {
        /* It takes no more of the request, but may answer all the same. */
        s->up.out_len = s->up.in_len = 0;
        s->up.in_over = s->up.out_over = s->body.done = true;
    }
    r->bytes += s->up_bytes + s->down_bytes - before;
    if ((s->phase == OPEN || s->phase == ANSWER) &&
        (moved || s->up_bytes + s->down_bytes != before))
        s->deadline_us = time_mono_us() + IDLE_MS * INT64_C(1000);
    if (s->phase == CLOSING && linger(s)) {
        free_slot(r, at);
        return;
    }
    if (s->phase != OPEN && s->phase != ANSWER)
        return;
    if (r->bytes > BYTES_MAX) {
        note(s, PROXY_LIMIT, "the run has moved as many bytes as the proxy moves for one");
        closing(s);
        return;
    }
    bool up_over = s->request.connect ? finish_way(s->server, &s->up)
                                      : s->body.done || s->up.in_over;
    bool down_over = s->phase == OPEN && finish_way(s->client, &s->down);
    /* The answer is all that a request is for. */
    if (down_over && (up_over || !s->request.connect))
        free_slot(r, at);
    else if (!s->request.connect && s->up.in_over && !s->body.done) {
        note(s, PROXY_BAD_REQUEST, "the body of the request is cut");
        closing(s);
    }
}

/* ---- new ones ---- */

static bool may_accept(struct relay *r, int64_t now, size_t *at)
{
    r->tokens += (double)(now - r->tokens_at_us) * RATE_PER_S / 1e6;
    if (r->tokens > RATE_BURST)
        r->tokens = RATE_BURST;
    r->tokens_at_us = now;
    for (*at = 0; *at < PROXY_SLOTS && r->slots[*at]; (*at)++)
        ;
    return *at < PROXY_SLOTS && r->tokens >= 1;
}

static void accept_one(struct relay *r, size_t at)
{
    AUTO_FD int fd = accept4(r->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct slot *s = mem_try(sizeof *s);
    if (!s)
        return;
    s->phase = HEAD;
    s->serial = ++r->serial;
    s->client = fd_take(&fd);
    s->server = -1;
    buf_init(&s->forward, PIPE_BYTES - 1024);
    s->deadline_us = time_mono_us() + HEAD_MS * INT64_C(1000);
    r->slots[at] = s;
    r->tokens -= 1;
}

static void check_deadlines(struct relay *r, int64_t now)
{
    for (size_t i = 0; i < PROXY_SLOTS; i++) {
        struct slot *s = r->slots[i];
        if (!s || s->phase == ASKED || now < s->deadline_us) /* the judge has its own deadline */
            continue;
        switch (s->phase) {
        case HEAD:
            refuse(r, i, PROXY_TIMEOUT, "the head of the request did not come in time");
            break;
        case ANSWER:
            note(s, PROXY_TIMEOUT, "the server did not answer in time");
            error_page(s);
            break;
        case CLOSING: free_slot(r, i); break;
        default:
            note(s, PROXY_TIMEOUT,
                 s->phase == HELLO ? "no ClientHello came in time"
                                   : "nothing moved for five minutes");
            free_slot(r, i);
        }
    }
}

_Noreturn void proxy_relay(int listen_fd, int judge_fd)
{
    static struct relay r;
    struct err e = {0};
    r = (struct relay){.listen_fd = listen_fd,
                       .judge_fd = judge_fd,
                       .tokens = RATE_BURST,
                       .tokens_at_us = time_mono_us()};
    if (proxy_confine(PROXY_RELAY, NULL, &e) < 0) {
        log_error("proxy.confine", LOG_STR("process", "relay"), LOG_ERR(&e));
        _exit(1);
    }
    for (;;) {
        struct pollfd p[2 + 2 * PROXY_SLOTS];
        size_t free_at, busy = 0;
        int64_t now = time_mono_us();
        bool may = may_accept(&r, now, &free_at);
        p[0] = (struct pollfd){.fd = judge_fd, .events = POLLIN};
        p[1] = (struct pollfd){.fd = may ? listen_fd : -1, .events = POLLIN};
        for (size_t i = 0; i < PROXY_SLOTS; i++) {
            const struct slot *s = r.slots[i];
            short client = 0, server = 0;
            if (s) {
                busy++;
                client = (short)((wants_client(s) ? POLLIN : 0) |
                                 (wants_out(s, &s->down) ? POLLOUT : 0));
                server =
                    (short)((wants_server(s) ? POLLIN : 0) | (wants_out(s, &s->up) ? POLLOUT : 0));
            }
            /* Not asked about what nobody waits for: a hang-up would be told again and again. */
            p[2 + 2 * i] = (struct pollfd){.fd = client ? s->client : -1, .events = client};
            p[3 + 2 * i] = (struct pollfd){.fd = server ? s->server : -1, .events = server};
        }
        int wait_ms = !may && free_at < PROXY_SLOTS ? 10 : busy ? 500 : -1;
        if (poll(p, 2 + 2 * PROXY_SLOTS, wait_ms) < 0 && errno != EINTR)
            _exit(1);
        if (p[0].revents)
            on_judge(&r);
        for (size_t i = 0; i < PROXY_SLOTS; i++)
            if (r.slots[i] && r.slots[i]->phase != ASKED)
                step(&r, i, p[2 + 2 * i].revents, p[3 + 2 * i].revents);
        if (p[1].revents)
            accept_one(&r, free_at);
        check_deadlines(&r, time_mono_us());
    }
}
