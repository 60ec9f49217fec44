/*
 * proxy_address.c - the table of addresses that are not the public internet (IANA's special-purpose
 * registries), and of services that hand out a machine's credentials to whoever can reach them.
 */
#include "orchestrator/proxy_address.h"
#include <string.h>
#include <sys/socket.h>

/* The first row that holds decides. */
static const struct {
    int family;
    unsigned char bytes[16];
    unsigned prefix;
    enum proxy_why why;
} special[] = {
    {AF_INET, {169, 254, 169, 254}, 32, PROXY_METADATA}, /* EC2, Azure, GCP, OpenStack... */
    {AF_INET, {168, 63, 129, 16}, 32, PROXY_METADATA},   /* Azure's host, in public space */
    {AF_INET, {100, 100, 100, 200}, 32, PROXY_METADATA}, /* Alibaba */
    {AF_INET, {192, 0, 0, 192}, 32, PROXY_METADATA},     /* Oracle */
    {AF_INET, {0}, 8, PROXY_UNSPECIFIED},                /* 0.0.0.0 reaches this machine */
    {AF_INET, {10}, 8, PROXY_PRIVATE},
    {AF_INET, {100, 64}, 10, PROXY_PRIVATE}, /* shared by carriers' customers */
    {AF_INET, {127}, 8, PROXY_LOOPBACK},
    {AF_INET, {169, 254}, 16, PROXY_LINK_LOCAL},
    {AF_INET, {172, 16}, 12, PROXY_PRIVATE},
    {AF_INET, {192, 0, 0}, 24, PROXY_RESERVED},
    {AF_INET, {192, 0, 2}, 24, PROXY_RESERVED},   /* documentation */
    {AF_INET, {192, 88, 99}, 24, PROXY_RESERVED}, /* 6to4 relays */
    {AF_INET, {192, 168}, 16, PROXY_PRIVATE},
    {AF_INET, {198, 18}, 15, PROXY_RESERVED}, /* benchmarks */
    {AF_INET, {198, 51, 100}, 24, PROXY_RESERVED},
    {AF_INET, {203, 0, 113}, 24, PROXY_RESERVED},
    {AF_INET, {224}, 4, PROXY_MULTICAST},
    {AF_INET, {240}, 4, PROXY_RESERVED}, /* and broadcast */
    {AF_INET6, {0}, 128, PROXY_UNSPECIFIED},
    {AF_INET6, {[15] = 1}, 128, PROXY_LOOPBACK},
    {AF_INET6, {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}, 128, PROXY_METADATA}, /* EC2 */
    {AF_INET6, {0xfe, 0x80}, 10, PROXY_LINK_LOCAL},
    {AF_INET6, {0xfe, 0xc0}, 10, PROXY_PRIVATE}, /* site-local, as it was */
    {AF_INET6, {0xfc}, 7, PROXY_PRIVATE},
    {AF_INET6, {0xff}, 8, PROXY_MULTICAST},
    {AF_INET6, {[10] = 0xff, [11] = 0xff}, 96, PROXY_TRANSLATED},  /* IPv4-mapped */
    {AF_INET6, {0, 0x64, 0xff, 0x9b, 0, 1}, 48, PROXY_TRANSLATED}, /* NAT64 of a local network */
    {AF_INET6, {0x20, 0x01, 0, 0}, 32, PROXY_TRANSLATED},          /* Teredo */
    {AF_INET6, {0x20, 0x01, 0x0d, 0xb8}, 32, PROXY_RESERVED},      /* documentation */
    {AF_INET6, {0x20, 0x01}, 23, PROXY_RESERVED},                  /* IETF's protocols */
    {AF_INET6, {0x3f, 0xff}, 20, PROXY_RESERVED},                  /* documentation */
};

static bool has_prefix(const unsigned char *a, const unsigned char *network, unsigned prefix)
{
    unsigned whole = prefix / 8, rest = prefix % 8;
    return memcmp(a, network, whole) == 0 &&
           (rest == 0 || (a[whole] ^ network[whole]) >> (8 - rest) == 0);
}

static enum proxy_why carried(const unsigned char *four)
{
    struct net_address inner = {.family = AF_INET};
    memcpy(inner.bytes, four, 4);
    return proxy_address_class(&inner) == PROXY_OK ? PROXY_OK : PROXY_TRANSLATED;
}

enum proxy_why proxy_address_class(const struct net_address *a)
{
    static const unsigned char nat64[12] = {0, 0x64, 0xff, 0x9b};
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (special[i].family == a->family &&
            has_prefix(a->bytes, special[i].bytes, special[i].prefix))
            return special[i].why;
    if (a->family == AF_INET)
        return PROXY_OK;
    if (memcmp(a->bytes, nat64, sizeof nat64) == 0)
        return carried(a->bytes + 12);
    if (a->bytes[0] == 0x20 && a->bytes[1] == 0x02) /* 6to4 */
        return carried(a->bytes + 2);
    /* All that is routed is in 2000::/3. */
    return a->bytes[0] >> 5 == 1 ? PROXY_OK : PROXY_RESERVED;
}

enum proxy_why proxy_address_judge(const struct net_address *a, uint16_t port,
                                   const struct net_allow *list, size_t count, bool *listed)
{
    enum proxy_why why = proxy_address_class(a);
    const struct net_allow *entry = net_allow_find_address(list, count, a, port);
    *listed = false;
    if (!entry || why == PROXY_MULTICAST || why == PROXY_UNSPECIFIED ||
        (why == PROXY_METADATA && entry->prefix != (a->family == AF_INET ? 32 : 128)))
        return why;
    *listed = true;
    return PROXY_OK;
}
