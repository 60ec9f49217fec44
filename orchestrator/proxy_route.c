/*
 * proxy_route.c - RTM_GETROUTE: the kernel's own answer, so no list of interfaces has to be kept and compared.
 */
#include "orchestrator/proxy_route.h"
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int proxy_route_open(struct err *e)
{
    const struct timeval patience = {.tv_sec = 2};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd >= 0 ? fd
                   : err_sys(e, NULL, "let the daemon have AF_NETLINK sockets",
                             "cannot ask the kernel for routes");
}

enum proxy_why proxy_route_judge(int route_fd, const struct net_address *a)
{
    static uint32_t number;
    size_t len = a->family == AF_INET ? 4 : 16;
    struct {
        struct nlmsghdr head;
        struct rtmsg route;
        struct rtattr attr;
        unsigned char address[16];
    } q = {
        .head = {.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(struct rtmsg)) + RTA_LENGTH(len)),
                 .nlmsg_type = RTM_GETROUTE,
                 .nlmsg_flags = NLM_F_REQUEST,
                 .nlmsg_seq = ++number},
        .route = {.rtm_family = (unsigned char)a->family, .rtm_dst_len = (unsigned char)(len * 8)},
        .attr = {.rta_len = (unsigned short)RTA_LENGTH(len), .rta_type = RTA_DST},
    };
    union {
        struct nlmsghdr head;
        char bytes[8192];
    } r;
    memcpy(q.address, a->bytes, len);
    if (send(route_fd, &q, q.head.nlmsg_len, 0) < 0)
        return PROXY_UNREACHABLE;
    for (;;) {
        ssize_t n = recv(route_fd, &r, sizeof r, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct rtmsg)) && n < (ssize_t)sizeof(struct nlmsghdr))
            return PROXY_UNREACHABLE;
        if (r.head.nlmsg_seq != number) /* of a question that was given up */
            continue;
        if (r.head.nlmsg_type != RTM_NEWROUTE || n < (ssize_t)NLMSG_LENGTH(sizeof(struct rtmsg)))
            return PROXY_UNREACHABLE;
        const struct rtmsg *m = NLMSG_DATA(&r.head);
        return m->rtm_type == RTN_UNICAST ? PROXY_OK
               : m->rtm_type == RTN_LOCAL ? PROXY_OWN_ADDRESS
                                          : PROXY_UNREACHABLE;
    }
}
