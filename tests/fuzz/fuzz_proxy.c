/*
 * fuzz_proxy.c - what the proxy's relay parses of the run and of servers. The first byte chooses which:
 *   a request: what is taken is forwarded as one head that reads the same again, for the same host and
 *              body, with nothing hop-by-hop in it;
 *   an answer: likewise;
 *   a ClientHello: the same bytes cut short are never judged otherwise than the whole is.
 */
#include "orchestrator/proxy_http.h"
#include "orchestrator/proxy_tls.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Heads are bytes without NUL, lines end in CR LF alone, one empty line, at the end. */
static void check_head(const struct buf *b)
{
    must(!b->failed && b->len >= 4 && proxy_head_end(b->data, b->len) == (ssize_t)b->len);
    for (size_t i = 0; i < b->len; i++)
        must((unsigned char)b->data[i] >= 0x20 || b->data[i] == '\t' || b->data[i] == '\r' || b->data[i] == '\n');
}

static size_t count_of(const struct buf *b, const char *line)
{
    size_t n = 0, len = strlen(line);
    for (size_t i = 0; i + len <= b->len; i++)
        n += (i == 0 || b->data[i - 1] == '\n') && strncasecmp(b->data + i, line, len) == 0;
    return n;
}

static void fuzz_request(const char *p, size_t len)
{
    struct proxy_request r, again;
    struct proxy_refusal bad = {PROXY_OK, ""};
    AUTO_BUF struct buf forward = BUF_INIT(64 << 10), twice = BUF_INIT(64 << 10), absolute = BUF_INIT(64 << 10);
    ssize_t end = proxy_head_end(p, len);
    if (end <= 0 || end > PROXY_HEAD_MAX)
        return;
    if (proxy_request_parse(p, (size_t)end, &r, &forward, &bad) < 0) {
        must(bad.why != PROXY_OK && bad.why < PROXY_WHY_COUNT && memchr(bad.detail, 0, sizeof bad.detail));
        return;
    }
    must(r.port > 0 && (r.host.is_address || r.host.name[0]));
    if (r.connect) {
        must(forward.len == 0);
    } else {
        check_head(&forward);
        must(count_of(&forward, "host:") == 1 && count_of(&forward, "connection:") == 1 &&
             count_of(&forward, "proxy-") == 0 && count_of(&forward, "content-length:") <= 1 &&
             count_of(&forward, "transfer-encoding:") <= 1 &&
             count_of(&forward, "content-length:") + count_of(&forward, "transfer-encoding:") <= 1);
        /* As the server reads it: the same host, the same body. */
        char host[NET_NAME_SIZE];
        const char *space = memchr(forward.data, ' ', forward.len);
        must(space != NULL && space[1] == '/');
        net_host_print(&r.host, host);
        buf_add(&absolute, forward.data, (size_t)(space + 1 - forward.data));
        buf_printf(&absolute, "http://%s:%u", host, r.port);
        buf_add(&absolute, space + 1, forward.len - (size_t)(space + 1 - forward.data));
        must(proxy_request_parse(absolute.data, absolute.len, &again, &twice, &bad) == 0);
        must(again.port == r.port && again.body == r.body && again.length == r.length &&
             memcmp(&again.host, &r.host, sizeof r.host) == 0);
    }
    /* The body is followed the same, whole or byte by byte. */
    struct proxy_body_state whole, bytes;
    size_t rest = len - (size_t)end, at = 0;
    proxy_body_begin(&whole, &r);
    bytes = whole;
    ssize_t n = proxy_body_take(&whole, p + end, rest);
    ssize_t one = 0;
    while (at < rest && !bytes.done && (one = proxy_body_take(&bytes, p + end + at, 1)) > 0)
        at += (size_t)one;
    must((n < 0) == (one < 0) && (n < 0 || ((size_t)n == at && whole.done == bytes.done)));
}

static void fuzz_answer(const char *p, size_t len)
{
    struct proxy_refusal bad = {PROXY_OK, ""};
    AUTO_BUF struct buf forward = BUF_INIT(64 << 10), twice = BUF_INIT(64 << 10);
    int status = 0, again = 0;
    ssize_t end = proxy_head_end(p, len);
    if (end <= 0 || end > PROXY_HEAD_MAX || proxy_answer_parse(p, (size_t)end, &status, &forward, &bad) < 0)
        return;
    check_head(&forward);
    must(status >= 100 && status <= 999 && count_of(&forward, "upgrade:") == 0);
    must(proxy_answer_parse(forward.data, forward.len, &again, &twice, &bad) == 0 && again == status);
}

static void fuzz_hello(const unsigned char *p, size_t len)
{
    struct net_host host = {.name = "pypi.org"};
    struct proxy_refusal bad;
    int whole = proxy_hello_check(p, len, &host, &bad);
    must(whole >= -1 && whole <= 1);
    /* Once judged, more bytes change nothing; and a cut one waits, or is judged as the whole is. */
    size_t step = len / 16 + 1;
    for (size_t cut = 0; cut < len; cut += step) {
        unsigned char *copy = malloc(cut + 1); /* so that a read past the end is seen */
        if (!copy)
            return;
        memcpy(copy, p, cut);
        int rc = proxy_hello_check(copy, cut, &host, &bad);
        free(copy);
        must(rc == 0 || rc == whole);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    switch (data[0] % 3) {
    case 0: fuzz_request((const char *)data + 1, size - 1); break;
    case 1: fuzz_answer((const char *)data + 1, size - 1); break;
    default: fuzz_hello(data + 1, size - 1); break;
    }
    return 0;
}
