/* test_proxy_tls.c - the name in a ClientHello, however it is cut or dressed. */
#include "tests/unit/unit.h"

#include "orchestrator/proxy_tls.h"

static void put(struct buf *b, size_t bytes, size_t n)
{
    while (bytes-- > 0)
        buf_add_char(b, (char)(n >> (8 * bytes)));
}

/* A hello with this name (NULL: none) and, if asked, one extension more. */
static void hello(struct buf *out, const char *name, unsigned more, size_t times)
{
    AUTO_BUF struct buf ext = BUF_INIT(65536), body = BUF_INIT(65536);
    for (size_t i = 0; name && i < times; i++) {
        put(&ext, 2, 0);
        put(&ext, 2, strlen(name) + 5);
        put(&ext, 2, strlen(name) + 3);
        put(&ext, 1, 0);
        put(&ext, 2, strlen(name));
        buf_add_str(&ext, name);
    }
    if (more) {
        put(&ext, 2, more);
        put(&ext, 2, 3);
        buf_add(&ext, "abc", 3);
    }
    put(&body, 2, 0x0303);
    for (int i = 0; i < 32; i++)
        put(&body, 1, 7);
    put(&body, 1, 0);
    put(&body, 2, 2);
    put(&body, 2, 0x1301);
    put(&body, 1, 1);
    put(&body, 1, 0);
    put(&body, 2, ext.len);
    if (ext.len)
        buf_add(&body, ext.data, ext.len);
    put(out, 1, 1);
    put(out, 3, body.len);
    buf_add(out, body.data, body.len);
}

/* The message in records of `piece` bytes. */
static void records(struct buf *out, const struct buf *message, size_t piece)
{
    for (size_t at = 0; at < message->len; at += piece) {
        size_t n = piece < message->len - at ? piece : message->len - at;
        put(out, 1, 22);
        put(out, 2, 0x0301);
        put(out, 2, n);
        buf_add(out, message->data + at, n);
    }
}

static int check(const struct buf *b, size_t len, const char *host, struct proxy_refusal *bad)
{
    struct net_host h;
    struct err e = {0};
    *bad = (struct proxy_refusal){.why = PROXY_OK};
    OK(net_host_parse(host, strlen(host), &h, &e), e);
    return proxy_hello_check((const unsigned char *)b->data, len, &h, bad);
}

static int one(const char *name, unsigned more, size_t times, const char *host, struct proxy_refusal *bad)
{
    AUTO_BUF struct buf message = BUF_INIT(65536), out = BUF_INIT(65536);
    hello(&message, name, more, times);
    records(&out, &message, 16384);
    return check(&out, out.len, host, bad);
}

static void test_the_name_is_the_host_or_there_is_none(void **state)
{
    (void)state;
    struct proxy_refusal bad;
    assert_int_equal(one("pypi.org", 43, 1, "pypi.org", &bad), 1);
    assert_int_equal(one("PyPI.org", 0, 1, "pypi.org", &bad), 1);
    assert_int_equal(one(NULL, 43, 1, "pypi.org", &bad), 1);
    assert_int_equal(one(NULL, 0, 1, "192.0.2.1", &bad), 1);
    static const char *const others[] = {"evil.org", "pypi.org.evil.org", "xpypi.org", "192.0.2.1", "pypi.org.", "pypi%2eorg"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (one(others[i], 0, 1, "pypi.org", &bad) != -1 || bad.why != PROXY_SERVER_NAME)
            fail_msg("%s was taken for pypi.org", others[i]);
    }
    assert_int_equal(one("pypi.org", 0, 1, "192.0.2.1", &bad), -1); /* a name where an address was judged */
    assert_int_equal(one("pypi.org", 0, 2, "pypi.org", &bad), -1);
    assert_int_equal(one("pypi.org", 0xfe0d, 1, "pypi.org", &bad), -1);
    assert_int_equal(bad.why, PROXY_SERVER_NAME);
}

static void test_a_hello_is_judged_when_it_is_whole_and_not_before(void **state)
{
    (void)state;
    struct proxy_refusal bad;
    static const size_t pieces[] = {1, 3, 4, 5, 40, 16384};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        AUTO_BUF struct buf message = BUF_INIT(65536), good = BUF_INIT(65536), evil = BUF_INIT(65536);
        hello(&message, "pypi.org", 43, 1);
        records(&good, &message, pieces[i]);
        for (size_t len = 0; len < good.len; len++)
            if (check(&good, len, "pypi.org", &bad) != 0)
                fail_msg("judged after %zu of %zu bytes, in pieces of %zu", len, good.len, pieces[i]);
        assert_int_equal(check(&good, good.len, "pypi.org", &bad), 1);
        buf_clear(&message);
        hello(&message, "evil.org", 43, 1);
        records(&evil, &message, pieces[i]);
        assert_int_equal(check(&evil, evil.len, "pypi.org", &bad), -1);
        buf_add(&good, "\x17\x03\x03\x00\x01x", 6); /* what follows is not looked at */
        assert_int_equal(check(&good, good.len, "pypi.org", &bad), 1);
    }
}

static void test_what_is_no_hello_is_refused_at_once(void **state)
{
    (void)state;
    struct proxy_refusal bad;
    struct net_host h = {.name = "pypi.org"};
    static const char *const wrong[] = {"GET / HTTP/1.1\r\n", "SSH-2.0-x", "CONNECT evil.org:443 HTTP/1.1\r\n", "\x16\x02", "\x15\x03\x01",
                                        "\x80\x2e\x01\x03\x01"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(proxy_hello_check((const unsigned char *)wrong[i], strlen(wrong[i]), &h, &bad), -1);
        assert_int_equal(bad.why, PROXY_NOT_TLS);
    }
    assert_int_equal(proxy_hello_check((const unsigned char *)"\x16\x03\x01\0\0", 5, &h, &bad), -1);
    assert_int_equal(proxy_hello_check((const unsigned char *)"\x16\x03\x01\x40\x01", 5, &h, &bad), -1);
    assert_int_equal(proxy_hello_check((const unsigned char *)"\x16\x03\x01\x00\x04\x01\xff\xff\xff", 9, &h, &bad), -1);
    assert_int_equal(proxy_hello_check((const unsigned char *)"\x16\x03\x01\x00\x04\x02\x00\x00\x01", 9, &h, &bad), -1);
    /* Every cut of a good one, with its length told right: malformed, never read past its end. */
    AUTO_BUF struct buf message = BUF_INIT(65536);
    hello(&message, "pypi.org", 43, 1);
    for (size_t cut = 4; cut < message.len; cut++) {
        AUTO_BUF struct buf part = BUF_INIT(65536), out = BUF_INIT(65536);
        put(&part, 1, 1);
        put(&part, 3, cut - 4);
        buf_add(&part, message.data + 4, cut - 4);
        records(&out, &part, 16384);
        int rc = check(&out, out.len, "pypi.org", &bad);
        if (rc != -1 && cut != 4 + 2 + 32 + 1 + 4 + 2) /* a hello without extensions is a hello */
            fail_msg("a hello cut at %zu gives %d", cut, rc);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_name_is_the_host_or_there_is_none),
        cmocka_unit_test(test_a_hello_is_judged_when_it_is_whole_and_not_before),
        cmocka_unit_test(test_what_is_no_hello_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
