/*
 * proxy_http.c - heads of requests and answers, read by RFC 9110 and 9112 at their strictest.
 */
#include "orchestrator/proxy_http.h"
#include "api/common/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct span {
    const char *p;
    size_t len;
};

static int refuse(struct proxy_refusal *bad, enum proxy_why why, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct proxy_refusal *bad, enum proxy_why why, const char *fmt, ...)
{
    va_list ap;
    bad->why = why;
    va_start(ap, fmt);
    vsnprintf(bad->detail, sizeof bad->detail, fmt, ap);
    va_end(ap);
    return -1;
}

/* ---- bytes ---- */

static bool is_token_char(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool is_word(struct span s, const char *word)
{
    size_t i = 0;
    for (; i < s.len && word[i]; i++)
        if (lower(s.p[i]) != lower(word[i]))
            return false;
    return i == s.len && !word[i];
}

static struct span trim(struct span s)
{
    while (s.len && (*s.p == ' ' || *s.p == '\t'))
        s = (struct span){s.p + 1, s.len - 1};
    while (s.len && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Calls for each element of a comma-separated list; false when it has had enough. */
static bool next_element(struct span *rest, struct span *element)
{
    if (!rest->p)
        return false;
    const char *comma = memchr(rest->p, ',', rest->len);
    size_t len = comma ? (size_t)(comma - rest->p) : rest->len;
    *element = trim((struct span){rest->p, len});
    *rest = comma ? (struct span){comma + 1, rest->len - len - 1} : (struct span){NULL, 0};
    return true;
}

ssize_t proxy_head_end(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (p[i] == 0)
            return -1;
        if (p[i] != '\n')
            continue;
        if (i == 0 || p[i - 1] != '\r')
            return -1;
        if (i >= 3 && p[i - 2] == '\n')
            return (ssize_t)i + 1;
        if (i == 1) /* an empty line before the request */
            return -1;
    }
    return 0;
}

/* ---- lines and fields ---- */

/* The next line, without its CRLF. The head ends in an empty line, so there is one until then. */
static bool next_line(struct span *rest, struct span *line)
{
    const char *lf = memchr(rest->p, '\n', rest->len);
    if (!lf || lf == rest->p || lf[-1] != '\r')
        return false;
    line->p = rest->p;
    line->len = (size_t)(lf - rest->p) - 1;
    *rest = (struct span){lf + 1, rest->len - (size_t)(lf + 1 - rest->p)};
    return memchr(line->p, '\r', line->len) == NULL;
}

struct field {
    struct span name, value;
};

struct fields {
    struct field all[PROXY_HEADERS_MAX];
    size_t count;
};

static int read_fields(struct span *rest, struct fields *f, enum proxy_why why,
                       struct proxy_refusal *bad)
{
    f->count = 0;
    for (;;) {
        struct span line;
        size_t n = 0;
        if (!next_line(rest, &line))
            return refuse(bad, why, "a line ends in something else than CR LF");
        if (line.len == 0)
            return rest->len == 0 ? 0 : refuse(bad, why, "something follows the head");
        if (line.p[0] == ' ' || line.p[0] == '\t')
            return refuse(bad, why, "a header line is folded");
        while (n < line.len && is_token_char((unsigned char)line.p[n]))
            n++;
        if (n == 0 || n == line.len || line.p[n] != ':')
            return refuse(bad, why, "a header has no plain name");
        for (size_t i = n + 1; i < line.len; i++)
            if (((unsigned char)line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
                return refuse(bad, why, "a header has control characters");
        if (f->count == PROXY_HEADERS_MAX)
            return refuse(bad, why, "more than %d headers", PROXY_HEADERS_MAX);
        f->all[f->count++] =
            (struct field){{line.p, n}, trim((struct span){line.p + n + 1, line.len - n - 1})};
    }
}

/* For a connection, not for the message (RFC 9110, 7.6.1). */
static bool is_hop_by_hop(struct span name)
{
    static const char *const names[] = {"connection", "keep-alive", "te", "trailer", "upgrade"};
    if (name.len >= 6 &&
        strncasecmp(name.p, "proxy-", 6) == 0) /* said to a proxy, whatever it is */
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_word(name, names[i]))
            return true;
    return false;
}

static bool is_named_by_connection(const struct fields *f, struct span name)
{
    for (size_t i = 0; i < f->count; i++) {
        struct span rest = f->all[i].value, element;
        if (!is_word(f->all[i].name, "connection"))
            continue;
        while (next_element(&rest, &element))
            if (element.len == name.len && element.len &&
                strncasecmp(element.p, name.p, name.len) == 0)
                return true;
    }
    return false;
}

/* Connection may not take away what says where a message goes or ends. */
static int check_connection(const struct fields *f, enum proxy_why why, struct proxy_refusal *bad)
{
    static const char *const kept[] = {"host", "content-length", "transfer-encoding", "expect"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (is_named_by_connection(f, (struct span){kept[i], strlen(kept[i])}))
            return refuse(bad, why, "Connection names %s", kept[i]);
    return 0;
}

static int read_length(struct span v, uint64_t *out)
{
    uint64_t n = 0;
    if (v.len == 0 || v.len > 18)
        return -1;
    for (size_t i = 0; i < v.len; i++) {
        if (v.p[i] < '0' || v.p[i] > '9')
            return -1;
        n = n * 10 + (uint64_t)(v.p[i] - '0');
    }
    *out = n;
    return 0;
}

static int read_framing(const struct fields *f, bool http_1_0, enum proxy_body *body,
                        uint64_t *length, enum proxy_why why, struct proxy_refusal *bad)
{
    bool has_length = false, chunked = false;
    *body = PROXY_BODY_NONE;
    *length = 0;
    for (size_t i = 0; i < f->count; i++) {
        struct span name = f->all[i].name, value = f->all[i].value;
        if (is_word(name, "content-length")) {
            if (has_length)
                return refuse(bad, why, "two Content-Length");
            if (read_length(value, length) < 0)
                return refuse(bad, why, "Content-Length is no number");
            has_length = true;
        } else if (is_word(name, "transfer-encoding")) {
            if (chunked)
                return refuse(bad, why, "two Transfer-Encoding");
            if (!is_word(value, "chunked") || http_1_0)
                return refuse(bad, why, "Transfer-Encoding is something else than chunked");
            chunked = true;
        }
    }
    if (has_length && chunked)
        return refuse(bad, why, "both Content-Length and Transfer-Encoding");
    if (chunked)
        *body = PROXY_BODY_CHUNKED;
    else if (has_length)
        *body = PROXY_BODY_LENGTH;
    return check_connection(f, why, bad);
}

static void add_span(struct buf *out, struct span s)
{
    buf_add(out, s.p, s.len);
}

static void forward_fields(const struct fields *f, bool drop_host, struct buf *out)
{
    for (size_t i = 0; i < f->count; i++) {
        struct span name = f->all[i].name;
        if (is_hop_by_hop(name) || is_named_by_connection(f, name) ||
            (drop_host && is_word(name, "host")))
            continue;
        add_span(out, name);
        buf_add_str(out, ": ");
        add_span(out, f->all[i].value);
        buf_add_str(out, "\r\n");
    }
}

/* ---- requests ---- */

struct target {
    struct span method, uri, version;
};

static int read_request_line(struct span line, struct target *t, struct proxy_refusal *bad)
{
    const char *first = memchr(line.p, ' ', line.len);
    const char *last = first ? memchr(first + 1, ' ', line.len - (size_t)(first + 1 - line.p))
                             : NULL;
    if (!first || !last)
        return refuse(bad, PROXY_BAD_REQUEST, "the first line is no request of HTTP");
    t->method = (struct span){line.p, (size_t)(first - line.p)};
    t->uri = (struct span){first + 1, (size_t)(last - first - 1)};
    t->version = (struct span){last + 1, line.len - (size_t)(last + 1 - line.p)};
    if (!is_word(t->version, "HTTP/1.1") && !is_word(t->version, "HTTP/1.0"))
        return refuse(bad, PROXY_BAD_REQUEST, "only HTTP/1.1 and 1.0 are spoken here");
    if (t->uri.len == 0)
        return refuse(bad, PROXY_BAD_REQUEST, "the request names nothing");
    for (size_t i = 0; i < t->uri.len; i++)
        if ((unsigned char)t->uri.p[i] <= 0x20 || (unsigned char)t->uri.p[i] >= 0x7f)
            return refuse(bad, PROXY_BAD_REQUEST, "the URL has bytes that must be written %%XX");
    return 0;
}

static int read_method(struct span s, struct proxy_request *r, struct proxy_refusal *bad)
{
    static const char *const known[] = {"CONNECT", "GET",    "HEAD",    "POST",
                                        "PUT",     "DELETE", "OPTIONS", "PATCH"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (s.len == strlen(known[i]) && memcmp(s.p, known[i], s.len) == 0) {
            memcpy(r->method, known[i], s.len + 1);
            r->connect = i == 0;
            return 0;
        }
    return refuse(bad, PROXY_BAD_REQUEST, "a method that is not spoken here");
}

static int read_authority(struct span s, uint16_t usual, struct proxy_request *r,
                          struct proxy_refusal *bad)
{
    struct err e = {0};
    if (net_authority_parse(s.p, s.len, usual, &r->host, &r->port, &e) == 0)
        return 0;
    r->host = (struct net_host){.is_address = false};
    r->port = 0;
    return refuse(bad, PROXY_BAD_REQUEST, "%.150s", e.message);
}

/* http://authority[/path][?query]; gives path and query. */
static int read_absolute(struct span uri, struct proxy_request *r, struct span *path,
                         struct proxy_refusal *bad)
{
    static const char scheme[] = "http://";
    size_t n = sizeof scheme - 1, end;
    if (uri.p[0] == '/' || is_word(uri, "*"))
        return refuse(bad, PROXY_BAD_REQUEST, "this is a proxy: a request names a whole URL");
    if (uri.len <= n || strncasecmp(uri.p, scheme, n) != 0)
        return refuse(bad, PROXY_BAD_REQUEST, "only http:// URLs; https goes through CONNECT");
    for (end = n; end < uri.len && uri.p[end] != '/' && uri.p[end] != '?'; end++)
        if (uri.p[end] == '#' || uri.p[end] == '@' || uri.p[end] == '\\')
            return refuse(bad, PROXY_BAD_REQUEST, "the URL has %c in its authority", uri.p[end]);
    if (memchr(uri.p, '#', uri.len))
        return refuse(bad, PROXY_BAD_REQUEST, "the URL has a fragment");
    *path = (struct span){uri.p + end, uri.len - end};
    return read_authority((struct span){uri.p + n, end - n}, 80, r, bad);
}

static bool same_host(const struct net_host *a, const struct net_host *b)
{
    if (a->is_address != b->is_address)
        return false;
    return a->is_address
               ? a->address.family == b->address.family &&
                     memcmp(a->address.bytes, b->address.bytes, sizeof a->address.bytes) == 0
               : !strcmp(a->name, b->name);
}

static int check_host(const struct fields *f, const struct proxy_request *r, bool http_1_0,
                      struct proxy_refusal *bad)
{
    const struct field *host = NULL;
    for (size_t i = 0; i < f->count; i++)
        if (is_word(f->all[i].name, "host")) {
            if (host)
                return refuse(bad, PROXY_BAD_REQUEST, "two Host");
            host = &f->all[i];
        }
    if (!host)
        return http_1_0 ? 0 : refuse(bad, PROXY_BAD_REQUEST, "no Host");
    struct net_host named;
    struct err e = {0};
    uint16_t port;
    if (net_authority_parse(host->value.p, host->value.len, r->connect ? r->port : 80, &named,
                            &port, &e) < 0)
        return refuse(bad, PROXY_BAD_REQUEST, "Host: %.140s", e.message);
    if (same_host(&named, &r->host) && port == r->port)
        return 0;
    char text[NET_NAME_SIZE];
    net_host_print(&named, text);
    return refuse(bad, PROXY_HOST_MISMATCH, "Host says %.100s:%u", text, port);
}

static void add_authority(const struct proxy_request *r, struct buf *out)
{
    char host[NET_NAME_SIZE];
    net_host_print(&r->host, host);
    buf_add_str(out, host);
    if (r->port != 80)
        buf_printf(out, ":%u", r->port);
}

int proxy_request_parse(const char *head, size_t len, struct proxy_request *out,
                        struct buf *forward, struct proxy_refusal *bad)
{
    struct span rest = {head, len}, line, path = {NULL, 0};
    struct target t = {0};
    struct fields f;
    *out = (struct proxy_request){.connect = false};
    if (!next_line(&rest, &line))
        return refuse(bad, PROXY_BAD_REQUEST, "a line ends in something else than CR LF");
    if (read_request_line(line, &t, bad) < 0 || read_method(t.method, out, bad) < 0)
        return -1;
    if ((out->connect ? read_authority(t.uri, 0, out, bad)
                      : read_absolute(t.uri, out, &path, bad)) < 0)
        return -1;
    bool http_1_0 = is_word(t.version, "HTTP/1.0");
    if (read_fields(&rest, &f, PROXY_BAD_REQUEST, bad) < 0 ||
        check_host(&f, out, http_1_0, bad) < 0 ||
        read_framing(&f, http_1_0, &out->body, &out->length, PROXY_BAD_REQUEST, bad) < 0)
        return -1;
    if (out->connect)
        return out->body == PROXY_BODY_NONE || (out->body == PROXY_BODY_LENGTH && out->length == 0)
                   ? 0
                   : refuse(bad, PROXY_BAD_REQUEST, "CONNECT with a body");
    buf_add_str(forward, out->method);
    buf_add_char(forward, ' ');
    if (path.len == 0 || path.p[0] != '/')
        buf_add_char(forward, '/');
    add_span(forward, path);
    /* The client's version: one of 1.0 could not read chunks. */
    buf_add_str(forward, http_1_0 ? " HTTP/1.0\r\nHost: " : " HTTP/1.1\r\nHost: ");
    add_authority(out, forward);
    buf_add_str(forward, "\r\n");
    forward_fields(&f, true, forward);
    buf_add_str(forward, "Via: 1.1 enclos\r\nConnection: close\r\n\r\n");
    return forward->failed ? refuse(bad, PROXY_BAD_REQUEST, "the head is too long") : 0;
}

/* ---- answers ---- */

int proxy_answer_parse(const char *head, size_t len, int *status, struct buf *forward,
                       struct proxy_refusal *bad)
{
    struct span rest = {head, len}, line;
    struct fields f;
    enum proxy_body body;
    uint64_t length;
    if (!next_line(&rest, &line) || line.len < 12 ||
        (strncmp(line.p, "HTTP/1.1 ", 9) != 0 && strncmp(line.p, "HTTP/1.0 ", 9) != 0) ||
        (line.len > 12 && line.p[12] != ' '))
        return refuse(bad, PROXY_BAD_ANSWER, "the server's first line is no answer of HTTP");
    *status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line.p[i] < '0' || line.p[i] > '9')
            return refuse(bad, PROXY_BAD_ANSWER, "the server's status is no number");
        *status = *status * 10 + (line.p[i] - '0');
    }
    for (size_t i = 12; i < line.len; i++)
        if (((unsigned char)line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
            return refuse(bad, PROXY_BAD_ANSWER, "the server's first line has control characters");
    if (*status < 100 || *status == 101) /* nobody asked for another protocol */
        return refuse(bad, PROXY_BAD_ANSWER, "the server answers with status %d", *status);
    bool http_1_0 = line.p[7] == '0';
    if (read_fields(&rest, &f, PROXY_BAD_ANSWER, bad) < 0 ||
        read_framing(&f, http_1_0, &body, &length, PROXY_BAD_ANSWER, bad) < 0)
        return -1;
    add_span(forward, line);
    buf_add_str(forward, "\r\n");
    forward_fields(&f, false, forward);
    buf_add_str(forward, *status < 200 ? "\r\n" : "Connection: close\r\n\r\n");
    return forward->failed ? refuse(bad, PROXY_BAD_ANSWER, "the server's head is too long") : 0;
}

/* ---- bodies of requests ---- */

enum { SIZE, SIZE_LF, DATA, DATA_CR, DATA_LF, LAST_CR, LAST_LF };

void proxy_body_begin(struct proxy_body_state *b, const struct proxy_request *r)
{
    *b = (struct proxy_body_state){
        .kind = r->body, .left = r->body == PROXY_BODY_LENGTH ? r->length : 0, .step = SIZE};
    b->done = r->body == PROXY_BODY_NONE || (r->body == PROXY_BODY_LENGTH && r->length == 0);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of the frame around chunks: no extension, no trailer. */
static int frame_byte(struct proxy_body_state *b, char c)
{
    switch (b->step) {
    case SIZE:
        if (c == '\r' && b->digits) {
            b->step = SIZE_LF;
            return 0;
        }
        if (hex(c) < 0 || b->digits == 15)
            return -1;
        b->left = b->left * 16 + (uint64_t)hex(c);
        b->digits++;
        return 0;
    case SIZE_LF:
        b->step = b->left ? DATA : LAST_CR;
        b->digits = 0;
        return c == '\n' ? 0 : -1;
    case DATA_CR: b->step = DATA_LF; return c == '\r' ? 0 : -1;
    case DATA_LF: b->step = SIZE; return c == '\n' ? 0 : -1;
    case LAST_CR: b->step = LAST_LF; return c == '\r' ? 0 : -1;
    case LAST_LF: b->done = true; return c == '\n' ? 0 : -1;
    default: return -1;
    }
}

ssize_t proxy_body_take(struct proxy_body_state *b, const char *p, size_t len)
{
    size_t at = 0;
    while (at < len && !b->done) {
        if (b->kind == PROXY_BODY_LENGTH || b->step == DATA) {
            size_t n = len - at < b->left ? len - at : (size_t)b->left;
            at += n;
            b->left -= n;
            if (b->left == 0 && b->kind == PROXY_BODY_LENGTH)
                b->done = true;
            else if (b->left == 0)
                b->step = DATA_CR;
        } else if (frame_byte(b, p[at++]) < 0) {
            return -1;
        }
    }
    return (ssize_t)at;
}
