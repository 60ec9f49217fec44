/*
 * proxy_judge.c - decides each connection of a run and dials it. See proxy_wire.h for who else there is.
 *
 *   IDLE --ask--> RESOLVING --addresses--> ASKING --go (audited)--> DIALLING --connected--> OPEN --ended--> IDLE
 *     ^              |                       |                         |
 *     +--- refused --+-----------------------+-------------------------+ (or the next address: ASKING again)
 *
 * The name is the run's, the address is ours: it is looked up here, judged, and that very address is dialled. So a
 * name that changes its mind between two looks gains nothing. Whatever the relay says is checked again.
 */
#include "api/common/fd.h"
#include "api/common/frame.h"
#include "api/common/json.h"
#include "api/common/log.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "orchestrator/proxy_address.h"
#include "orchestrator/proxy_confine.h"
#include "orchestrator/proxy_processes.h"
#include "orchestrator/proxy_route.h"
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RESOLVE_MS = 12000, DIAL_MS = 10000, CACHE_MS = 30000, CACHE_ROWS = 32, LAB_MS = 60000 };

enum phase { IDLE, RESOLVING, ASKING, DIALLING, OPEN };

struct slot {
    enum phase phase;
    uint32_t serial;
    struct net_host host;
    char host_text[NET_NAME_SIZE];
    uint16_t port;
    char method[PROXY_METHOD];
    struct net_address addresses[PROXY_ADDRESSES];
    size_t address_count, at; /* at: the one that is asked for, dialled or open */
    uint64_t dial;
    int fd;
    int64_t deadline_us, began_us;
    enum proxy_why why; /* of the first address that was not dialled, or failed */
    size_t why_at;
    char detail[PROXY_DETAIL];
};

struct known { /* names that were looked up a moment ago */
    char name[NET_NAME_SIZE];
    struct net_address addresses[PROXY_ADDRESSES];
    size_t count;
    int64_t until_us;
};

struct judge {
    const struct proxy_config *config;
    int lab_fd, relay_fd, resolver_fd, route_fd;
    bool
        ending; /* the daemon wants no more: the relay is told, and tells how each connection ended */
    uint64_t next_dial;
    struct slot slots[PROXY_SLOTS];
    struct known known[CACHE_ROWS];
    struct frame_reader lab;
};

/* ---- to the daemon ---- */

static void tell(const struct judge *j, struct buf *line)
{
    buf_add_char(line, '\n');
    if (line->failed || fd_write_all(j->lab_fd, buf_cstr(line), line->len) < 0)
        _exit(0); /* the daemon is gone: nothing goes on that it does not know of */
}

static void event_head(struct jw *w, const char *event, const struct slot *s)
{
    jw_obj(w);
    jw_str_at(w, "event", event);
    jw_str_at(w, "method", s->method);
    jw_str_at(w, "host", s->host_text);
    jw_int_at(w, "port", s->port);
}

static void address_at(struct jw *w, const struct slot *s, size_t at)
{
    char text[NET_ADDRESS_SIZE];
    if (at < s->address_count) {
        net_address_print(&s->addresses[at], text);
        jw_str_at(w, "address", text);
    } else {
        jw_null_at(w, "address");
    }
}

static void tell_refused(const struct judge *j, const struct slot *s)
{
    AUTO_BUF struct buf line = BUF_INIT(8192);
    struct jw w = jw_to(&line);
    event_head(&w, "refused", s);
    address_at(&w, s, s->why_at);
    jw_str_at(&w, "why", proxy_why_name(s->why));
    jw_str_at(&w, "detail", s->detail);
    jw_end_obj(&w);
    tell(j, &line);
}

static void tell_ended(const struct judge *j, const struct slot *s, enum proxy_why why,
                       const char *detail, uint64_t up, uint64_t down)
{
    AUTO_BUF struct buf line = BUF_INIT(8192);
    struct jw w = jw_to(&line);
    event_head(&w, "ended", s);
    jw_int_at(&w, "dial", (int64_t)s->dial);
    jw_str_at(&w, "why", proxy_why_name(why));
    jw_str_at(&w, "detail", detail);
    jw_int_at(&w, "up_bytes", (int64_t)(up & INT64_MAX));
    jw_int_at(&w, "down_bytes", (int64_t)(down & INT64_MAX));
    jw_int_at(&w, "duration_ms", (time_mono_us() - s->began_us) / 1000);
    jw_end_obj(&w);
    tell(j, &line);
}

/* ---- to the relay ---- */

static void answer(const struct judge *j, struct slot *s, enum proxy_why why, const char *detail,
                   int fd)
{
    struct proxy_packet p = {
        .type = PROXY_DIALLED, .slot = (uint32_t)(s - j->slots), .serial = s->serial, .why = why};
    snprintf(p.detail, sizeof p.detail, "%s", detail);
    if (fd_send(j->relay_fd, &p, sizeof p, &fd, fd >= 0 ? 1 : 0) != (ssize_t)sizeof p)
        _exit(1);
}

static void give_up(struct judge *j, struct slot *s)
{
    answer(j, s, s->why, s->detail, -1);
    s->phase = IDLE;
}

static void refuse(struct judge *j, struct slot *s, enum proxy_why why, const char *detail)
{
    s->why = why;
    snprintf(s->detail, sizeof s->detail, "%s", detail);
    tell_refused(j, s);
    give_up(j, s);
}

/* ---- addresses ---- */

static enum proxy_why judge_address(struct judge *j, const struct slot *s,
                                    const struct net_address *a, char *detail)
{
    static const char *const say[PROXY_WHY_COUNT] = {
        [PROXY_UNSPECIFIED] = "the address is no one's",
        [PROXY_LOOPBACK] = "the address is the lab's own machine",
        [PROXY_PRIVATE] = "the address is in a private network; the list may name that network",
        [PROXY_LINK_LOCAL] = "the address is on the lab's own link",
        [PROXY_METADATA] = "the address hands out this machine's credentials",
        [PROXY_MULTICAST] = "the address is a group's",
        [PROXY_RESERVED] = "the address is reserved",
        [PROXY_TRANSLATED] = "the address stands for another one that is not public",
        [PROXY_OWN_ADDRESS] = "the address is this machine's",
        [PROXY_UNREACHABLE] = "no route leads to the address",
    };
    bool listed = false;
    enum proxy_why why =
        proxy_address_judge(a, s->port, j->config->allow, j->config->allow_count, &listed);
    if (why == PROXY_OK && !listed)
        why = proxy_route_judge(j->route_fd, a);
    if (why != PROXY_OK && say[why])
        snprintf(detail, PROXY_DETAIL, "%s", say[why]);
    return why;
}

/* The next address that may be dialled; without one, the first reason stands. */
static void try_from(struct judge *j, struct slot *s, size_t at)
{
    for (s->at = at; s->at < s->address_count; s->at++) {
        char detail[PROXY_DETAIL] = "";
        enum proxy_why why = judge_address(j, s, &s->addresses[s->at], detail);
        if (why == PROXY_OK) {
            AUTO_BUF struct buf line = BUF_INIT(8192);
            struct jw w = jw_to(&line);
            s->dial = ++j->next_dial;
            s->phase = ASKING;
            s->deadline_us = time_mono_us() + LAB_MS * 1000;
            event_head(&w, "dial", s);
            address_at(&w, s, s->at);
            jw_int_at(&w, "dial", (int64_t)s->dial);
            jw_end_obj(&w);
            tell(j, &line);
            return;
        }
        if (s->why == PROXY_OK) {
            s->why = why;
            s->why_at = s->at;
            memcpy(s->detail, detail, sizeof s->detail);
        }
    }
    if (at == 0) /* what was dialled in vain has been told */
        tell_refused(j, s);
    give_up(j, s);
}

static struct known *find_known(struct judge *j, const char *name, int64_t now)
{
    for (size_t i = 0; i < CACHE_ROWS; i++)
        if (j->known[i].until_us > now && !strcmp(j->known[i].name, name))
            return &j->known[i];
    return NULL;
}

static void keep_known(struct judge *j, const struct slot *s, int64_t now)
{
    struct known *oldest = &j->known[0];
    for (size_t i = 1; i < CACHE_ROWS; i++)
        if (j->known[i].until_us < oldest->until_us)
            oldest = &j->known[i];
    memcpy(oldest->name, s->host.name, sizeof oldest->name);
    memcpy(oldest->addresses, s->addresses, sizeof oldest->addresses);
    oldest->count = s->address_count;
    oldest->until_us = now + CACHE_MS * 1000;
}

/* ---- from the relay ---- */

static bool is_text(const char *s, size_t size)
{
    size_t len = strnlen(s, size);
    return len < size && text_is_utf8(s, len) && !text_has_control(s, len);
}

static void on_ask(struct judge *j, struct slot *s, const struct proxy_packet *p)
{
    struct err e = {0};
    const struct proxy_config *c = j->config;
    int64_t now = time_mono_us();
    if (s->phase != IDLE || p->port == 0)
        _exit(1);
    *s = (struct slot){
        .serial = p->serial, .port = p->port, .fd = -1, .began_us = now, .why_at = PROXY_ADDRESSES};
    memcpy(s->method, p->method, sizeof s->method);
    if (net_host_parse(p->host, strlen(p->host), &s->host, &e) < 0)
        _exit(1); /* the relay parses as we do */
    net_host_print(&s->host, s->host_text);
    if (s->host.is_address) {
        if (!net_allow_find_address(c->allow, c->allow_count, &s->host.address, s->port)) {
            refuse(j, s, PROXY_NOT_LISTED, "an address is dialled only where the list names it");
            return;
        }
        s->addresses[0] = s->host.address;
        s->address_count = 1;
        try_from(j, s, 0);
        return;
    }
    if (!net_allow_has_name(c->allow, c->allow_count, s->host.name, s->port)) {
        refuse(j, s, PROXY_NOT_LISTED,
               c->allow_count ? "the list does not name this host and port"
                              : "the list is empty: nothing is allowed");
        return;
    }
    const struct known *k = find_known(j, s->host.name, now);
    if (k) {
        memcpy(s->addresses, k->addresses, sizeof s->addresses);
        s->address_count = k->count;
        try_from(j, s, 0);
        return;
    }
    struct proxy_packet q = {.type = PROXY_RESOLVE, .slot = p->slot, .serial = p->serial};
    snprintf(q.host, sizeof q.host, "%s", s->host.name);
    s->phase = RESOLVING;
    s->deadline_us = now + RESOLVE_MS * 1000;
    if (fd_send(j->resolver_fd, &q, sizeof q, NULL, 0) != (ssize_t)sizeof q)
        _exit(1);
}

static void on_refused(struct judge *j, const struct proxy_packet *p)
{
    struct slot s = {.port = p->port, .why = p->why, .why_at = PROXY_ADDRESSES};
    memcpy(s.method, p->method, sizeof s.method);
    snprintf(s.host_text, sizeof s.host_text, "%s", p->host);
    memcpy(s.detail, p->detail, sizeof s.detail);
    tell_refused(j, &s);
}

static void on_relay(struct judge *j)
{
    struct proxy_packet p;
    size_t none = 0;
    ssize_t n = fd_recv(j->relay_fd, &p, sizeof p, NULL, &none);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0 && j->ending)
        _exit(0);
    if (n != (ssize_t)sizeof p || p.slot >= PROXY_SLOTS || p.why >= PROXY_WHY_COUNT ||
        !is_text(p.host, sizeof p.host) || !is_text(p.detail, sizeof p.detail) ||
        !is_text(p.method, sizeof p.method)) {
        log_error("proxy.relay", LOG_STR("why", n == 0 ? "it ended" : "it sent what is no packet"));
        _exit(1);
    }
    struct slot *s = &j->slots[p.slot];
    switch (p.type) {
    case PROXY_ASK:
        if (!j->ending)
            on_ask(j, s, &p);
        return;
    case PROXY_REFUSED: on_refused(j, &p); return;
    case PROXY_ENDED:
        if (s->phase != OPEN)
            _exit(1);
        tell_ended(j, s, p.why, p.detail, p.up_bytes, p.down_bytes);
        s->phase = IDLE;
        return;
    default: _exit(1);
    }
}

static void on_resolver(struct judge *j)
{
    struct proxy_packet p;
    size_t none = 0;
    ssize_t n = fd_recv(j->resolver_fd, &p, sizeof p, NULL, &none);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n != (ssize_t)sizeof p || p.type != PROXY_RESOLVED || p.slot >= PROXY_SLOTS ||
        p.address_count > PROXY_ADDRESSES || !is_text(p.detail, sizeof p.detail)) {
        log_error("proxy.resolver",
                  LOG_STR("why", n == 0 ? "it ended" : "it sent what is no packet"));
        _exit(1);
    }
    struct slot *s = &j->slots[p.slot];
    if (s->phase != RESOLVING || s->serial != p.serial)
        return; /* it came too late */
    for (size_t i = 0; i < p.address_count; i++)
        if (p.addresses[i].family == AF_INET || p.addresses[i].family == AF_INET6)
            s->addresses[s->address_count++] = p.addresses[i];
    if (s->address_count == 0) {
        char detail[PROXY_DETAIL];
        snprintf(detail, sizeof detail, "the lab finds no address for it%s%.100s",
                 p.detail[0] ? ": " : "", p.detail);
        refuse(j, s, PROXY_NO_ADDRESS, detail);
        return;
    }
    if (!j->config->hosts[0]) /* what a person changes in a file counts at once */
        keep_known(j, s, time_mono_us());
    try_from(j, s, 0);
}

/* ---- dialling ---- */

static void dial_failed(struct judge *j, struct slot *s, int os_errno)
{
    char detail[PROXY_DETAIL];
    snprintf(detail, sizeof detail, "%s",
             strerror(os_errno)); /* NOLINT(concurrency-mt-unsafe): one thread */
    fd_close_at(&s->fd);
    tell_ended(j, s, PROXY_UNREACHABLE, detail, 0, 0);
    if (s->why == PROXY_OK) {
        s->why = PROXY_UNREACHABLE;
        memcpy(s->detail, detail, sizeof s->detail);
    }
    try_from(j, s, s->at + 1);
}

static void connected(struct judge *j, struct slot *s)
{
    answer(j, s, PROXY_OK, "", s->fd);
    fd_close_at(&s->fd);
    s->phase = OPEN;
}

static void dial(struct judge *j, struct slot *s)
{
    const struct net_address *a = &s->addresses[s->at];
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(s->port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(s->port)};
    memcpy(&four.sin_addr, a->bytes, 4);
    memcpy(&six.sin6_addr, a->bytes, 16);
    bool is_four = a->family == AF_INET;
    s->phase = DIALLING;
    s->began_us = time_mono_us();
    s->deadline_us = s->began_us + DIAL_MS * 1000;
    s->fd = socket(a->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        dial_failed(j, s, errno);
    else if (connect(s->fd,
                     is_four ? (const struct sockaddr *)&four : (const struct sockaddr *)&six,
                     is_four ? sizeof four : sizeof six) == 0)
        connected(j, s);
    else if (errno != EINPROGRESS)
        dial_failed(j, s, errno);
}

static void on_dialled(struct judge *j, struct slot *s)
{
    int failed = 0;
    socklen_t len = sizeof failed;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &failed, &len) < 0)
        failed = errno;
    if (failed)
        dial_failed(j, s, failed);
    else
        connected(j, s);
}

/* ---- from the daemon ---- */

static void on_order(struct judge *j, const char *text, size_t len)
{
    struct err e = {0};
    AUTO_JSON struct json *root = json_parse(text, len, NULL, &e);
    int64_t go = json_int(json_get(root, "go"), 0), stop = json_int(json_get(root, "stop"), 0);
    for (size_t i = 0; i < PROXY_SLOTS; i++) {
        struct slot *s = &j->slots[i];
        if (s->phase != ASKING)
            continue;
        if (go > 0 && s->dial == (uint64_t)go) {
            dial(j, s);
        } else if (stop > 0 && s->dial == (uint64_t)stop) { /* told there, with its reason */
            const char *why = json_str(json_get(root, "why"));
            bool limit = why && !strcmp(why, proxy_why_name(PROXY_LIMIT));
            s->why = limit ? PROXY_LIMIT : PROXY_UNAVAILABLE;
            snprintf(s->detail, sizeof s->detail, "%s",
                     limit ? "the run has made as many connections as the lab writes down"
                           : "the lab cannot write this connection down now");
            give_up(j, s);
        }
    }
}

static void on_lab(struct judge *j)
{
    char block[4096];
    struct err e = {0};
    size_t len;
    ssize_t n = read(j->lab_fd, block, sizeof block);
    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) { /* the daemon ended, or wants us to */
        j->ending = true;
        shutdown(j->relay_fd, SHUT_WR);
        return;
    }
    if (frame_feed(&j->lab, block, (size_t)n, &e) < 0)
        _exit(1);
    for (const char *line; (line = frame_next(&j->lab, &len));)
        on_order(j, line, len);
}

/* ---- the loop ---- */

static void check_deadlines(struct judge *j, int64_t now)
{
    for (size_t i = 0; i < PROXY_SLOTS; i++) {
        struct slot *s = &j->slots[i];
        if (s->phase == IDLE || s->phase == OPEN || now < s->deadline_us)
            continue;
        if (s->phase == RESOLVING)
            refuse(j, s, PROXY_NO_ADDRESS, "the name servers do not answer");
        else if (s->phase == DIALLING)
            dial_failed(j, s, ETIMEDOUT);
        else
            refuse(j, s, PROXY_UNAVAILABLE, "the lab does not answer");
    }
}

_Noreturn void proxy_judge(const struct proxy_config *c, int lab_fd, int relay_fd, int resolver_fd)
{
    static struct judge j;
    struct err e = {0};
    j = (struct judge){
        .config = c, .lab_fd = lab_fd, .relay_fd = relay_fd, .resolver_fd = resolver_fd};
    frame_init(&j.lab);
    for (size_t i = 0; i < PROXY_SLOTS; i++)
        j.slots[i].fd = -1;
    j.route_fd = proxy_route_open(&e);
    if (j.route_fd < 0 || proxy_confine(PROXY_JUDGE, NULL, &e) < 0) {
        log_error("proxy.confine", LOG_STR("process", "judge"), LOG_ERR(&e));
        _exit(1);
    }
    for (;;) {
        struct pollfd p[3 + PROXY_SLOTS] = {{.fd = lab_fd, .events = POLLIN},
                                            {.fd = relay_fd, .events = POLLIN},
                                            {.fd = resolver_fd, .events = POLLIN}};
        bool waits = false;
        for (size_t i = 0; i < PROXY_SLOTS; i++) {
            p[3 + i] = (struct pollfd){.fd = j.slots[i].phase == DIALLING ? j.slots[i].fd : -1,
                                       .events = POLLOUT};
            waits = waits || (j.slots[i].phase != IDLE && j.slots[i].phase != OPEN);
        }
        if (j.ending) {
            memset(p, 0, sizeof p);
            for (size_t i = 0; i < 3 + PROXY_SLOTS; i++)
                p[i].fd = -1;
            p[1] = (struct pollfd){.fd = relay_fd, .events = POLLIN};
        }
        if (poll(p, 3 + PROXY_SLOTS, waits && !j.ending ? 500 : -1) < 0 && errno != EINTR)
            _exit(1);
        if (p[0].revents)
            on_lab(&j);
        for (size_t i = 0; i < PROXY_SLOTS; i++)
            if (p[3 + i].revents && j.slots[i].phase == DIALLING && j.slots[i].fd == p[3 + i].fd)
                on_dialled(&j, &j.slots[i]);
        if (p[2].revents)
            on_resolver(&j);
        if (p[1].revents)
            on_relay(&j);
        if (!j.ending)
            check_deadlines(&j, time_mono_us());
    }
}
