/*
 * proxy_resolver.c - names to addresses, each lookup in a process that lives as long as it.
 *
 * The C library's own resolver, so that /etc/nsswitch.conf, hosts and resolv.conf mean here what they mean on
 * the host. Names in the lab's own file are answered from it alone. A lookup that hangs or breaks takes nobody
 * with it: the judge has a deadline of its own.
 */
#include "api/common/fd.h"
#include "api/common/log.h"
#include "orchestrator/proxy_confine.h"
#include "orchestrator/proxy_processes.h"
#include "orchestrator/proxy_wire.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOSTS_MAX_BYTES = 1 << 20, LOOKUP_S = 10 };

static void add_address(struct proxy_packet *p, int family, const void *bytes)
{
    if (p->address_count == PROXY_ADDRESSES)
        return;
    struct net_address *a = &p->addresses[p->address_count++];
    *a = (struct net_address){.family = family};
    memcpy(a->bytes, bytes, family == AF_INET ? 4 : 16);
}

/* "address name name..." a line, # begins a comment. True: the file has the name, and the answer is its. */
static bool look_in_file(const char *path, struct proxy_packet *p)
{
    AUTO_BUF struct buf text = BUF_INIT(HOSTS_MAX_BYTES);
    struct err e = {0};
    bool found = false;
    char *lines, *words, *line;
    if (!path[0])
        return false;
    if (fd_read_file(AT_FDCWD, path, HOSTS_MAX_BYTES, &text, &e) < 0) {
        /* Closed: what it would have said is not known. */
        snprintf(p->detail, sizeof p->detail, "%.150s", e.message);
        return true;
    }
    buf_cstr(&text);
    for (line = strtok_r(text.data, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
        struct net_host h;
        char bracketed[NET_ADDRESS_SIZE + 2];
        line[strcspn(line, "#")] = 0;
        const char *address = strtok_r(line, " \t\r", &words);
        if (!address)
            continue;
        snprintf(bracketed, sizeof bracketed, strchr(address, ':') ? "[%.45s]" : "%.45s", address);
        for (const char *name; (name = strtok_r(NULL, " \t\r", &words));) {
            struct err bad = {0};
            if (strcasecmp(name, p->host) != 0)
                continue;
            found = true;
            if (net_host_parse(bracketed, strlen(bracketed), &h, &bad) == 0 && h.is_address)
                add_address(p, h.address.family, h.address.bytes);
        }
    }
    return found;
}

static void look_up(struct proxy_packet *p)
{
    const struct addrinfo want = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *all = NULL;
    int rc = getaddrinfo(p->host, NULL, &want, &all);
    if (rc != 0) {
        snprintf(p->detail, sizeof p->detail, "%.150s",
                 rc == EAI_SYSTEM ? err_errno_name(errno) : gai_strerror(rc));
        return;
    }
    for (const struct addrinfo *i = all; i; i = i->ai_next)
        if (i->ai_family == AF_INET)
            add_address(p, AF_INET,
                        &((const struct sockaddr_in *)(const void *)i->ai_addr)->sin_addr);
        else if (i->ai_family == AF_INET6)
            add_address(p, AF_INET6,
                        &((const struct sockaddr_in6 *)(const void *)i->ai_addr)->sin6_addr);
    freeaddrinfo(all);
}

_Noreturn static void answer(const struct proxy_config *c, int judge_fd, struct proxy_packet *p)
{
    alarm(LOOKUP_S);
    p->type = PROXY_RESOLVED;
    p->address_count = 0;
    p->detail[0] = 0;
    if (!look_in_file(c->hosts, p))
        look_up(p);
    (void)!fd_send(judge_fd, p, sizeof *p, NULL, 0);
    _exit(0);
}

_Noreturn void proxy_resolver(const struct proxy_config *c, int judge_fd)
{
    struct err e = {0};
    /* No search list: a name that does not exist must not become another one, with the host's domain behind it. */
    setenv("LOCALDOMAIN", "", 1); /* NOLINT(concurrency-mt-unsafe): one thread */
    signal(SIGCHLD, SIG_IGN);
    signal(SIGALRM, SIG_DFL);
    if (proxy_confine(PROXY_RESOLVER, c->hosts[0] ? c->hosts : NULL, &e) < 0) {
        log_error("proxy.confine", LOG_STR("process", "resolver"), LOG_ERR(&e));
        _exit(1);
    }
    for (;;) {
        struct proxy_packet p;
        size_t none = 0;
        ssize_t n = fd_recv(judge_fd, &p, sizeof p, NULL, &none);
        if (n < 0 && errno == EINTR)
            continue;
        if (n != (ssize_t)sizeof p || p.type != PROXY_RESOLVE || p.host[sizeof p.host - 1])
            _exit(n == 0 ? 0 : 1);
        if (fork() == 0)
            answer(c, judge_fd, &p);
    }
}
