/* test_proxy_http.c - the little of HTTP that the proxy takes, and all that it does not. */
#include "tests/unit/unit.h"

#include "orchestrator/proxy_http.h"

static const char *parse(const char *text, struct proxy_request *r, struct buf *out)
{
    static struct proxy_refusal bad;
    bad = (struct proxy_refusal){.why = PROXY_OK};
    buf_clear(out);
    size_t len = strlen(text);
    ssize_t end = proxy_head_end(text, len);
    if (end < 0)
        return "no head";
    assert_int_equal(end, len);
    return proxy_request_parse(text, len, r, out, &bad) < 0 ? proxy_why_name(bad.why) : NULL;
}

static void test_a_request_goes_on_as_the_server_must_read_it(void **state)
{
    (void)state;
    struct proxy_request r;
    AUTO_BUF struct buf out = BUF_INIT(32768);
    assert_null(parse("GET http://PyPI.org/simple/?q=1 HTTP/1.1\r\nHost: pypi.org\r\nAccept: */*\r\n"
                      "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nConnection: X-Secret, close\r\n"
                      "X-Secret: 1\r\nUpgrade: h2c\r\nTE: trailers\r\nKeep-Alive: 5\r\n\r\n",
                      &r, &out));
    assert_string_equal(buf_cstr(&out), "GET /simple/?q=1 HTTP/1.1\r\nHost: pypi.org\r\nAccept: */*\r\nVia: 1.1 enclos\r\n"
                                        "Connection: close\r\n\r\n");
    assert_string_equal(r.host.name, "pypi.org");
    assert_int_equal(r.port, 80);
    assert_int_equal(r.body, PROXY_BODY_NONE);
    assert_null(parse("GET http://a.test:8080?x HTTP/1.0\r\n\r\n", &r, &out));
    HAS(buf_cstr(&out), "GET /?x HTTP/1.0\r\nHost: a.test:8080\r\n");
    assert_null(parse("POST http://[2001:db8::1]:81/ HTTP/1.1\r\nhost: [2001:DB8::1]:81\r\ncontent-length: 5\r\n\r\n", &r, &out));
    HAS(buf_cstr(&out), "Host: [2001:db8::1]:81\r\n");
    assert_int_equal(r.length, 5);
    assert_null(parse("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n", &r, &out));
    assert_true(r.connect && r.port == 443 && out.len == 0);
    assert_null(parse("CONNECT a.test:443 HTTP/1.0\r\n\r\n", &r, &out));
}

static void test_what_two_readers_could_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "GET http://a.test/ HTTP/1.1\nHost: a.test\n\n",
        "\r\nGET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nX: a\rb\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nX: a\nY: b\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nX: a\r\n folded\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\n Host: a.test\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nHost : a.test\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nnothing\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n: x\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nX: \x01\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\n\r\n",
        "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1, 1\r\n\r\n",
        "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: +1\r\n\r\n",
        "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0x1\r\n\r\n",
        "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9999999999999999999\r\n\r\n",
        "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nContent-Length:\r\n\r\n",
        "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "POST http://a.test/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST http://a.test/ HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: host\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\nConnection: close, Content-Length\r\n\r\n",
        "GET /simple/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET https://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://user@a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a.test@evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n",
        "GET http://a.test\\@evil.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a%2etest/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a.test./ HTTP/1.1\r\nHost: a.test.\r\n\r\n",
        "GET http://a.test#x/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a.test/#x HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a.test:0/ HTTP/1.1\r\nHost: a.test:0\r\n\r\n",
        "GET http://a.test:65616/ HTTP/1.1\r\nHost: a.test:65616\r\n\r\n",
        "GET http://a.test:080/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a.test:/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://127.1/ HTTP/1.1\r\nHost: 127.1\r\n\r\n",
        "GET http://2130706433/ HTTP/1.1\r\nHost: 2130706433\r\n\r\n",
        "GET http://0x7f000001/ HTTP/1.1\r\nHost: 0x7f000001\r\n\r\n",
        "GET http://0177.0.0.1/ HTTP/1.1\r\nHost: 0177.0.0.1\r\n\r\n",
        "GET http:///x HTTP/1.1\r\nHost: \r\n\r\n",
        "GET http://b\xc3\xbc" "cher.test/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET  http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a.test/ x HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a.test/\tHTTP/1.1\r\nHost: a.test\r\n\r\n",
        "GET http://a.test/ HTTP/2.0\r\nHost: a.test\r\n\r\n",
        "GET http://a.test/ HTTP/1.1 \r\nHost: a.test\r\n\r\n",
        "get http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "TRACE http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "CONNECT http://a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n",
        "CONNECT a.test:443/ HTTP/1.1\r\nHost: a.test:443\r\n\r\n",
        "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nContent-Length: 3\r\n\r\n",
        "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\nTransfer-Encoding: chunked\r\n\r\n",
        "\x16\x03\x01\r\n\r\n",
    };
    struct proxy_request r;
    AUTO_BUF struct buf out = BUF_INIT(32768);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!parse(bad[i], &r, &out))
            fail_msg("taken: %s", bad[i]);
    static const char *const mismatch[] = {
        "GET http://a.test/ HTTP/1.1\r\nHost: b.test\r\n\r\n",
        "GET http://a.test/ HTTP/1.1\r\nHost: a.test:81\r\n\r\n",
        "GET http://a.test:81/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "CONNECT a.test:443 HTTP/1.1\r\nHost: b.test:443\r\n\r\n",
        "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:80\r\n\r\n",
        "GET http://127.0.0.1/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof mismatch / sizeof *mismatch; i++) {
        const char *why = parse(mismatch[i], &r, &out);
        if (!why || strcmp(why, "host_mismatch") != 0)
            fail_msg("%s for %s", why ? why : "taken", mismatch[i]);
    }
}

static void test_a_head_ends_at_its_empty_line_or_never(void **state)
{
    (void)state;
    assert_int_equal(proxy_head_end("GET", 3), 0);
    assert_int_equal(proxy_head_end("G\r\n\r", 4), 0);
    assert_int_equal(proxy_head_end("G\r\n\r\nmore", 9), 5);
    assert_int_equal(proxy_head_end("G\n", 2), -1);
    assert_int_equal(proxy_head_end("G\0\r\n\r\n", 6), -1);
    assert_int_equal(proxy_head_end("\r\n", 2), -1);
    assert_int_equal(proxy_head_end("G\r\n\n", 4), -1);
}

static const char *follow(const char *body, size_t piece, bool *done, size_t *taken)
{
    const struct proxy_request chunked = {.body = PROXY_BODY_CHUNKED};
    struct proxy_body_state b;
    proxy_body_begin(&b, &chunked);
    *taken = 0;
    for (size_t at = 0, len = strlen(body); at < len && !b.done;) {
        ssize_t n = proxy_body_take(&b, body + at, piece < len - at ? piece : len - at);
        if (n < 0)
            return "malformed";
        at += (size_t)n;
        *taken = at;
    }
    *done = b.done;
    return NULL;
}

static void test_a_body_ends_where_it_says(void **state)
{
    (void)state;
    static const char good[] = "5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\nGET http://evil.test/";
    bool done = false;
    size_t taken;
    for (size_t piece = 1; piece < sizeof good; piece++) {
        assert_null(follow(good, piece, &done, &taken));
        assert_true(done);
        assert_int_equal(taken, strlen(good) - strlen("GET http://evil.test/"));
    }
    static const char *const bad[] = {"5;ext=1\r\nhello", "5\nhello", "\r\n", " 5\r\n", "-1\r\n", "5\r\nhelloX\r\n", "0\r\nTrailer: x\r\n\r\n",
                                      "1234567890123456\r\n", "5\r\nhello\n0\r\n\r\n", "0x5\r\nhello\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!follow(bad[i], 100, &done, &taken))
            fail_msg("followed: %s", bad[i]);
    const struct proxy_request length = {.body = PROXY_BODY_LENGTH, .length = 3};
    struct proxy_body_state b;
    proxy_body_begin(&b, &length);
    assert_int_equal(proxy_body_take(&b, "abcd", 4), 3);
    assert_true(b.done);
}

static void test_answers_lose_what_is_between_two_hops(void **state)
{
    (void)state;
    int status;
    struct proxy_refusal bad = {0};
    AUTO_BUF struct buf out = BUF_INIT(32768);
    static const char good[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n\r\n";
    assert_int_equal(proxy_answer_parse(good, sizeof good - 1, &status, &out, &bad), 0);
    assert_int_equal(status, 200);
    assert_string_equal(buf_cstr(&out), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n");
    buf_clear(&out);
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    assert_int_equal(proxy_answer_parse(interim, sizeof interim - 1, &status, &out, &bad), 0);
    assert_string_equal(buf_cstr(&out), interim);
    static const char *const wrong[] = {"ICY 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n",
                                        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "HTTP/1.1 000 x\r\n\r\n",
                                        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                                        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                                        "HTTP/1.1 200 OK\r\n folded: 1\r\n\r\n", "HTTP/2 200\r\n\r\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        buf_clear(&out);
        if (proxy_answer_parse(wrong[i], strlen(wrong[i]), &status, &out, &bad) == 0)
            fail_msg("taken: %s", wrong[i]);
        assert_int_equal(bad.why, PROXY_BAD_ANSWER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_goes_on_as_the_server_must_read_it),
        cmocka_unit_test(test_what_two_readers_could_read_in_two_ways_is_refused),
        cmocka_unit_test(test_a_head_ends_at_its_empty_line_or_never),
        cmocka_unit_test(test_a_body_ends_where_it_says),
        cmocka_unit_test(test_answers_lose_what_is_between_two_hops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
