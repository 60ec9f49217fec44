/*
 * proxy_tls.c - RFC 8446 (records, ClientHello) and RFC 6066 (server_name), only as far as the name.
 *
 * A hello may be cut over several records; they are joined first, so that a name cannot hide behind a cut.
 */
#include "orchestrator/proxy_tls.h"
#include <stdio.h>
#include <string.h>

enum {
    RECORD_HANDSHAKE = 22,
    CLIENT_HELLO = 1,
    EXT_SERVER_NAME = 0,
    EXT_ECH = 0xfe0d,
    RECORD_MAX = 16384
};

static int refuse(struct proxy_refusal *bad, enum proxy_why why, const char *text)
{
    bad->why = why;
    snprintf(bad->detail, sizeof bad->detail, "%s", text);
    return -1;
}

/* What is left to read; a read past the end makes it bad and gives zeros. */
struct cursor {
    const unsigned char *p;
    size_t len;
    bool bad;
};

static unsigned take_int(struct cursor *c, size_t bytes)
{
    unsigned n = 0;
    if (c->bad || c->len < bytes) {
        c->bad = true;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | c->p[i];
    c->p += bytes;
    c->len -= bytes;
    return n;
}

static struct cursor take_part(struct cursor *c, size_t len)
{
    struct cursor part = {c->p, len, c->bad || c->len < len};
    if (part.bad) {
        c->bad = true;
        part.len = 0;
        return part;
    }
    c->p += len;
    c->len -= len;
    return part;
}

static int check_name(struct cursor ext, const struct net_host *host, struct proxy_refusal *bad)
{
    struct cursor list = take_part(&ext, take_int(&ext, 2));
    struct net_host named;
    struct err e = {0};
    unsigned type = take_int(&list, 1);
    struct cursor name = take_part(&list, take_int(&list, 2));
    if (ext.bad || ext.len || list.bad || list.len || type != 0 || name.len == 0)
        return refuse(bad, PROXY_NOT_TLS, "the server name of the ClientHello is malformed");
    if (net_host_parse((const char *)name.p, name.len, &named, &e) < 0)
        return refuse(bad, PROXY_SERVER_NAME, "the ClientHello asks for what is no name of a host");
    if (named.is_address || host->is_address || strcmp(named.name, host->name) != 0) {
        bad->why = PROXY_SERVER_NAME;
        snprintf(bad->detail, sizeof bad->detail, "the ClientHello asks for %.120s",
                 named.is_address ? "an address" : named.name);
        return -1;
    }
    return 1;
}

static int check_extensions(struct cursor all, const struct net_host *host,
                            struct proxy_refusal *bad)
{
    bool named = false;
    while (!all.bad && all.len) {
        unsigned type = take_int(&all, 2);
        struct cursor ext = take_part(&all, take_int(&all, 2));
        if (all.bad)
            break;
        if (type == EXT_ECH)
            return refuse(bad, PROXY_SERVER_NAME,
                          "the ClientHello hides the name that it asks for (ECH)");
        if (type != EXT_SERVER_NAME)
            continue;
        if (named)
            return refuse(bad, PROXY_NOT_TLS, "the ClientHello has two server names");
        named = true;
        if (check_name(ext, host, bad) < 0)
            return -1;
    }
    return all.bad ? refuse(bad, PROXY_NOT_TLS, "the extensions of the ClientHello are malformed")
                   : 1;
}

static int check_hello(struct cursor c, const struct net_host *host, struct proxy_refusal *bad)
{
    unsigned version = take_int(&c, 2);
    take_part(&c, 32);              /* random */
    take_part(&c, take_int(&c, 1)); /* session */
    take_part(&c, take_int(&c, 2)); /* ciphers */
    take_part(&c, take_int(&c, 1)); /* compressions */
    if (c.bad || version >> 8 != 3)
        return refuse(bad, PROXY_NOT_TLS, "the ClientHello is malformed");
    if (c.len == 0) /* no extension at all, so no name */
        return 1;
    struct cursor extensions = take_part(&c, take_int(&c, 2));
    if (c.bad || c.len)
        return refuse(bad, PROXY_NOT_TLS, "the ClientHello is malformed");
    return check_extensions(extensions, host, bad);
}

int proxy_hello_check(const unsigned char *p, size_t len, const struct net_host *host,
                      struct proxy_refusal *bad)
{
    unsigned char joined[PROXY_HELLO_MAX];
    size_t have = 0, need = 4;
    for (size_t at = 0; have < need;) {
        /* What is no TLS is told by its first bytes, without waiting for more. */
        if ((len > at && p[at] != RECORD_HANDSHAKE) || (len > at + 1 && p[at + 1] != 3))
            return refuse(bad, PROXY_NOT_TLS, "a tunnel carries TLS, and this is none");
        if (len < at + 5)
            return 0;
        size_t body = (size_t)p[at + 3] << 8 | p[at + 4];
        if (body == 0 || body > RECORD_MAX || have + body > sizeof joined)
            return refuse(bad, PROXY_NOT_TLS, "a record of the ClientHello is too long, or empty");
        size_t there = len - at - 5 < body ? len - at - 5 : body;
        memcpy(joined + have, p + at + 5, there);
        have += there;
        at += 5 + body;
        if (have >= 1 && joined[0] != CLIENT_HELLO)
            return refuse(bad, PROXY_NOT_TLS, "the first message of the tunnel is no ClientHello");
        if (have >= 4)
            need = 4 + ((size_t)joined[1] << 16 | (size_t)joined[2] << 8 | joined[3]);
        if (need > sizeof joined)
            return refuse(bad, PROXY_NOT_TLS, "the ClientHello is too long");
        if (there < body && have < need)
            return 0;
    }
    return check_hello((struct cursor){joined + 4, need - 4, false}, host, bad);
}
