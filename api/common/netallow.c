/*
 * netallow.c - allow-lists of hosts: strict parsing, matching on whole labels and prefixes.
 */
#include "api/common/netallow.h"
#include "api/common/text.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int bad_host(struct err *e, const char *text, size_t len, const char *why)
{
    char shown[100];
    text_sanitize(text, len, shown, sizeof shown);
    return err_set(e, E_INVALID, "host",
                   "a plain name or address; Unicode names are written xn--...",
                   "'%s' is no host: %s", shown, why);
}

/* A resolver takes 127.1, 2130706433 and 0x7f.1 for addresses: all of these end in a number. */
static bool ends_in_number(const char *label, size_t len)
{
    bool digits = true;
    for (size_t i = 0; i < len; i++)
        digits = digits && label[i] >= '0' && label[i] <= '9';
    return digits || (len >= 2 && label[0] == '0' && label[1] == 'x');
}

static int parse_name(const char *text, size_t len, char out[NET_NAME_SIZE], struct err *e)
{
    size_t start = 0;
    if (len == 0)
        return bad_host(e, text, len, "it is empty");
    if (len >= NET_NAME_SIZE)
        return bad_host(e, text, len, "it has more than 253 bytes");
    for (size_t i = 0; i <= len; i++) {
        if (i < len && text[i] != '.') {
            if (!is_alnum(text[i]) && text[i] != '-')
                return bad_host(e, text, len, "a name has letters, digits, - and . only");
            out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
            continue;
        }
        if (i == start)
            return bad_host(e, text, len,
                            i == len && len > 1 ? "it ends in a dot" : "a label is empty");
        if (i - start > 63)
            return bad_host(e, text, len, "a label has more than 63 bytes");
        if (text[start] == '-' || text[i - 1] == '-')
            return bad_host(e, text, len, "a label begins or ends with -");
        if (i == len && ends_in_number(out + start, i - start))
            return bad_host(e, text, len,
                            "it ends in a number, as addresses in other notations do");
        if (i < len)
            out[i] = '.';
        start = i + 1;
    }
    out[len] = 0;
    return 0;
}

static bool parse_address(int family, const char *text, size_t len, struct net_address *out)
{
    char copy[NET_ADDRESS_SIZE];
    if (len == 0 || len >= sizeof copy || memchr(text, 0, len))
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    *out = (struct net_address){.family = family};
    return inet_pton(family, copy, out->bytes) == 1;
}

int net_host_parse(const char *text, size_t len, struct net_host *out, struct err *e)
{
    *out = (struct net_host){.is_address = true};
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
        return parse_address(AF_INET6, text + 1, len - 2, &out->address)
                   ? 0
                   : bad_host(e, text, len, "what is in the brackets is no IPv6 address");
    if (parse_address(AF_INET, text, len, &out->address))
        return 0;
    *out = (struct net_host){.is_address = false};
    return parse_name(text, len, out->name, e);
}

int net_port_parse(const char *text, size_t len, uint16_t *out, struct err *e)
{
    char copy[8] = "", shown[40];
    uint64_t n = 0;
    if (len > 0 && len < sizeof copy)
        memcpy(copy, text, len);
    if (copy[0] == 0 || copy[0] == '0' || strlen(copy) != len || text_u64(copy, 1, 65535, &n) < 0) {
        text_sanitize(text, len, shown, sizeof shown);
        return err_set(e, E_INVALID, "host", "host:port, with a port of 1 to 65535",
                       "'%s' is no port", shown);
    }
    *out = (uint16_t)n;
    return 0;
}

int net_authority_parse(const char *text, size_t len, uint16_t usual_port, struct net_host *host,
                        uint16_t *port, struct err *e)
{
    const char *from = text;
    if (len && text[0] == '[') /* the colons in brackets are the address's */
        from = memchr(text, ']', len);
    const char *colon = from ? memchr(from, ':', len - (size_t)(from - text)) : NULL;
    size_t host_len = colon ? (size_t)(colon - text) : len;
    if (net_host_parse(text, host_len, host, e) < 0)
        return -1;
    if (colon)
        return net_port_parse(colon + 1, len - host_len - 1, port, e);
    *port = usual_port;
    if (usual_port == 0)
        return err_set(e, E_INVALID, "host", "write host:port", "there is no port");
    return 0;
}

void net_address_print(const struct net_address *a, char out[NET_ADDRESS_SIZE])
{
    if (!inet_ntop(a->family, a->bytes, out, NET_ADDRESS_SIZE))
        out[0] = 0;
}

void net_host_print(const struct net_host *h, char out[NET_NAME_SIZE])
{
    char address[NET_ADDRESS_SIZE];
    if (!h->is_address) {
        snprintf(out, NET_NAME_SIZE, "%s", h->name);
        return;
    }
    net_address_print(&h->address, address);
    snprintf(out, NET_NAME_SIZE, h->address.family == AF_INET6 ? "[%s]" : "%s", address);
}

/* ---- entries ---- */

static unsigned bits_of(const struct net_address *a)
{
    return a->family == AF_INET ? 32 : 128;
}

static bool has_prefix(const struct net_address *a, const struct net_address *network,
                       unsigned prefix)
{
    unsigned whole = prefix / 8, rest = prefix % 8;
    if (a->family != network->family || memcmp(a->bytes, network->bytes, whole) != 0)
        return false;
    return rest == 0 || ((a->bytes[whole] ^ network->bytes[whole]) >> (8 - rest)) == 0;
}

static int bad_entry(struct err *e, const char *text, const char *why)
{
    char shown[120];
    text_sanitize(text, strlen(text), shown, sizeof shown);
    return err_set(e, E_INVALID, "allow_hosts",
                   "write host:port, *.host:port, address:port or network/bits:port", "'%s': %s",
                   shown, why);
}

static int parse_network(const char *text, const char *slash, size_t host_len,
                         struct net_allow *out, struct err *e)
{
    struct net_host host;
    struct err why = {0};
    uint64_t bits;
    char copy[8] = "";
    size_t len = host_len - (size_t)(slash + 1 - text);
    if (net_host_parse(text, (size_t)(slash - text), &host, &why) < 0 || !host.is_address)
        return bad_entry(e, text, "only an address can be followed by /bits");
    unsigned most = bits_of(&host.address),
             least = most == 32 ? NET_ALLOW_PREFIX4 : NET_ALLOW_PREFIX6;
    if (len > 0 && len < sizeof copy)
        memcpy(copy, slash + 1, len);
    if (text_u64(copy, least, most, &bits) < 0)
        return bad_entry(
            e, text, most == 32 ? "a network has 8 to 32 bits" : "a network has 16 to 128 bits");
    out->kind = NET_ALLOW_NETWORK;
    out->network = host.address;
    out->prefix = (unsigned)bits;
    for (unsigned i = out->prefix; i < most; i++)
        if (host.address.bytes[i / 8] & (0x80U >> (i % 8)))
            return bad_entry(e, text, "bits are set past the prefix");
    return 0;
}

int net_allow_parse(const char *text, struct net_allow *out, struct err *e)
{
    struct err why = {0};
    struct net_host host;
    const char *colon = strrchr(text, ':'), *slash = strchr(text, '/');
    *out = (struct net_allow){.kind = NET_ALLOW_NAME};
    if (!colon || (text[0] == '[' && strchr(colon, ']')))
        return bad_entry(e, text, "it has no port");
    size_t host_len = (size_t)(colon - text);
    if (net_port_parse(colon + 1, strlen(colon + 1), &out->port, &why) < 0)
        return bad_entry(e, text, "a port is 1 to 65535");
    if (slash)
        return slash < colon ? parse_network(text, slash, host_len, out, e)
                             : bad_entry(e, text, "an entry is no URL");
    bool below = !strncmp(text, "*.", 2);
    if (net_host_parse(below ? text + 2 : text, below ? host_len - 2 : host_len, &host, &why) < 0)
        return bad_entry(e, text, why.message);
    if (host.is_address && below)
        return bad_entry(e, text, "there is nothing below an address: write a network");
    if (host.is_address) {
        out->kind = NET_ALLOW_NETWORK;
        out->network = host.address;
        out->prefix = bits_of(&host.address);
        return 0;
    }
    if (below && !strchr(host.name, '.'))
        return bad_entry(e, text, "a whole top-level domain is no list");
    out->kind = below ? NET_ALLOW_BELOW : NET_ALLOW_NAME;
    memcpy(out->name, host.name, sizeof out->name);
    return 0;
}

void net_allow_print(const struct net_allow *a, char out[NET_ALLOW_TEXT])
{
    char address[NET_ADDRESS_SIZE];
    if (a->kind != NET_ALLOW_NETWORK) {
        snprintf(out, NET_ALLOW_TEXT, "%s%s:%u", a->kind == NET_ALLOW_BELOW ? "*." : "", a->name,
                 a->port);
        return;
    }
    bool six = a->network.family == AF_INET6;
    net_address_print(&a->network, address);
    if (a->prefix == bits_of(&a->network))
        snprintf(out, NET_ALLOW_TEXT, six ? "[%s]:%u" : "%s:%u", address, a->port);
    else
        snprintf(out, NET_ALLOW_TEXT, six ? "[%s]/%u:%u" : "%s/%u:%u", address, a->prefix, a->port);
}

/* `name` is below `domain`: it ends in it, right after a dot. */
static bool is_below(const char *name, const char *domain)
{
    size_t n = strlen(name), d = strlen(domain);
    return n > d + 1 && name[n - d - 1] == '.' && !strcmp(name + n - d, domain);
}

static bool entry_has_name(const struct net_allow *a, const char *name)
{
    return (a->kind == NET_ALLOW_NAME && !strcmp(a->name, name)) ||
           (a->kind == NET_ALLOW_BELOW && is_below(name, a->name));
}

bool net_allow_has_name(const struct net_allow *list, size_t count, const char *name, uint16_t port)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].port == port && entry_has_name(&list[i], name))
            return true;
    return false;
}

const struct net_allow *net_allow_find_address(const struct net_allow *list, size_t count,
                                               const struct net_address *a, uint16_t port)
{
    const struct net_allow *found = NULL; /* the narrowest one */
    for (size_t i = 0; i < count; i++)
        if (list[i].port == port && list[i].kind == NET_ALLOW_NETWORK &&
            has_prefix(a, &list[i].network, list[i].prefix) &&
            (!found || list[i].prefix > found->prefix))
            found = &list[i];
    return found;
}

static bool entry_covers(const struct net_allow *a, const struct net_allow *inner)
{
    if (a->port != inner->port)
        return false;
    switch (inner->kind) {
    case NET_ALLOW_NAME: return entry_has_name(a, inner->name);
    case NET_ALLOW_BELOW:
        return a->kind == NET_ALLOW_BELOW &&
               (!strcmp(a->name, inner->name) || is_below(inner->name, a->name));
    case NET_ALLOW_NETWORK:
        return a->kind == NET_ALLOW_NETWORK && a->prefix <= inner->prefix &&
               has_prefix(&inner->network, &a->network, a->prefix);
    }
    return false;
}

bool net_allow_covers(const struct net_allow *list, size_t count, const struct net_allow *inner)
{
    for (size_t i = 0; i < count; i++)
        if (entry_covers(&list[i], inner))
            return true;
    return false;
}
