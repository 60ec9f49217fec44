/*
 * priv_proxy.c - the run's end of its proxy: a listening socket on its own loopback, handed to the monitor. Runs in init,
 * once the network is there, before it drops its rights. See orchestrator/proxy.h for who accepts.
 *
 * Nothing of ours reads what the run writes there: the socket passes through init and monitor unread.
 */
#include "runner/sandbox.h"

#include "api/common/attach.h"
#include "api/common/fd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { BACKLOG = 128 };

int proxy_open(struct sandbox *s)
{
    const struct sockaddr_in addr = {.sin_family = AF_INET,
                                     .sin_port = htons(ATTACH_PROXY_PORT),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char kind = HANDOVER_PROXY;
    if (s->profile->network != PROFILE_NETWORK_PROXY)
        return 0;
    AUTO_FD int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sock < 0 || bind(sock, (const struct sockaddr *)&addr, sizeof addr) < 0 || listen(sock, BACKLOG) < 0)
        return setup_fail(s->setup, STEP_LOOPBACK, errno, NULL, "cannot listen for the proxy inside");
    if (fd_send(s->handover, &kind, 1, &sock, 1) != 1)
        return setup_fail(s->setup, STEP_LOOPBACK, errno, NULL, "cannot hand the proxy's socket to the monitor");
    return 0;
}
