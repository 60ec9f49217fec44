/*
 * proxy_main.c - `enclosd proxy`: takes its orders, becomes judge, relay and resolver.
 */
#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/log.h"
#include "orchestrator/proxy_processes.h"
#include "orchestrator/proxy_wire.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LAB_FD = 3, ORDERS_MAX = 128 << 10 };

const char *proxy_why_name(enum proxy_why why)
{
    static const char *const names[PROXY_WHY_COUNT] = {
#define X(id, name) name,
        PROXY_WHYS(X)
#undef X
    };
    return why < PROXY_WHY_COUNT ? names[why] : "internal";
}

static int read_orders(struct proxy_config *c, int *listen_fd, struct err *e)
{
    AUTO_BUF struct buf line = BUF_INIT(ORDERS_MAX);
    for (;;) {
        char block[8192];
        int fd = -1;
        size_t fd_count = 1;
        ssize_t n = fd_recv(LAB_FD, block, sizeof block, &fd, &fd_count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(e, E_UNAVAILABLE, NULL, NULL, "the daemon is gone");
        if (fd_count == 1 && *listen_fd < 0)
            *listen_fd = fd;
        buf_add(&line, block, (size_t)n);
        if (line.failed)
            return err_set(e, E_LIMIT, NULL, NULL, "the orders are too long");
        if (line.data[line.len - 1] == '\n')
            break;
    }
    AUTO_JSON struct json *root = json_parse(line.data, line.len - 1, NULL, e);
    if (!root)
        return -1;
    for (const struct json *v = json_first(json_get(root, "allow")); v; v = json_next(v)) {
        if (c->allow_count == NET_ALLOW_MAX)
            return err_set(e, E_LIMIT, NULL, NULL, "more than %d entries", NET_ALLOW_MAX);
        if (!json_str(v) || net_allow_parse(json_str(v), &c->allow[c->allow_count], e) < 0)
            return e->kind ? -1 : err_set(e, E_INVALID, NULL, NULL, "an entry is no text");
        c->allow_count++;
    }
    const char *hosts = json_str(json_get(root, "hosts"));
    snprintf(c->hosts, sizeof c->hosts, "%s", hosts ? hosts : "");
    if (*listen_fd < 0)
        return err_set(e, E_INVALID, NULL, NULL, "no listening socket came with the orders");
    return fd_set_nonblock(*listen_fd, e); /* who was waiting may have gone before it is accepted */
}

/* Out of the way of the numbers that close_range leaves. */
static int pair(int out[2], struct err *e)
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, out) < 0
               ? err_sys(e, NULL, NULL, "cannot make a socket pair")
               : 0;
}

/* Only these stay, as 4, 5, 6: what a process does not have it cannot misuse. */
static int keep_only(int *a, int *b, int *c)
{
    int *all[3] = {a, b, c};
    int high[3], kept = 0;
    for (int i = 0; i < 3; i++)
        high[i] = all[i] ? dup3(*all[i], 100 + i, O_CLOEXEC) : -1;
    for (int i = 0; i < 3; i++)
        if (all[i]) {
            *all[i] = 3 + kept++;
            if (high[i] < 0 || dup3(high[i], *all[i], O_CLOEXEC) < 0)
                return -1;
        }
    return (int)syscall(SYS_close_range, 3 + kept, ~0U, 0);
}

static int start(void)
{
    static struct proxy_config config;
    struct err e = {0};
    int listen_fd = -1, lab_fd = LAB_FD, relay[2], resolver[2];
    /* What a lookup uses comes from /etc alone: not from the environment of whoever started the lab. */
    clearenv(); /* NOLINT(concurrency-mt-unsafe): there is one thread */
    if (read_orders(&config, &listen_fd, &e) < 0 || pair(relay, &e) < 0 || pair(resolver, &e) < 0) {
        log_error("proxy.start", LOG_ERR(&e));
        return 1;
    }
    if (fork() == 0) {
        prctl(PR_SET_NAME, "enclos-relay", 0, 0, 0);
        if (keep_only(&listen_fd, &relay[1], NULL) == 0)
            proxy_relay(listen_fd, relay[1]);
        _exit(1);
    }
    if (fork() == 0) {
        prctl(PR_SET_NAME, "enclos-resolver", 0, 0, 0);
        if (keep_only(&resolver[1], NULL, NULL) == 0)
            proxy_resolver(&config, resolver[1]);
        _exit(1);
    }
    /* A process that could not be forked is an end of file on its pair. */
    prctl(PR_SET_NAME, "enclos-judge", 0, 0, 0);
    if (keep_only(&lab_fd, &relay[0], &resolver[0]) < 0)
        return 1;
    proxy_judge(&config, lab_fd, relay[0], resolver[0]);
}

int proxy_main(void)
{
    const struct rlimit files = {1024, 1024}, memory = {512 << 20, 512 << 20};
    log_init("enclosd-proxy", LOG_INFO_LEVEL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_IGN); /* Ctrl-C at a terminal is for the daemon, which then ends us */
    setrlimit(RLIMIT_NOFILE, &files);
#ifndef ENCLOS_TEST /* sanitizers reserve terabytes */
    setrlimit(RLIMIT_AS, &memory);
#else
    (void)memory;
#endif
    return start();
}
