/* test_netallow.c - allow-lists of hosts: what an entry may be, and what it covers. */
#include "tests/unit/unit.h"

#include "api/common/netallow.h"
#include <sys/socket.h>

static struct net_allow entry(const char *text)
{
    struct net_allow a;
    struct err e = {0};
    OK(net_allow_parse(text, &a, &e), e);
    return a;
}

static void test_an_entry_prints_as_it_is_kept(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"pypi.org:443", "pypi.org:443"},
        {"PyPI.Org:443", "pypi.org:443"},
        {"localhost:1", "localhost:1"},
        {"xn--bcher-kva.example:65535", "xn--bcher-kva.example:65535"},
        {"3com.example:80", "3com.example:80"},
        {"*.Example.org:443", "*.example.org:443"},
        {"127.0.0.1:8080", "127.0.0.1:8080"},
        {"10.0.0.0/8:443", "10.0.0.0/8:443"},
        {"192.0.2.7/32:443", "192.0.2.7:443"},
        {"[2001:DB8::1]:443", "[2001:db8::1]:443"},
        {"[fd00::]/16:443", "[fd00::]/16:443"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char text[NET_ALLOW_TEXT];
        struct net_allow a = entry(pairs[i][0]);
        net_allow_print(&a, text);
        assert_string_equal(text, pairs[i][1]);
    }
}

static void test_what_is_not_plainly_an_entry_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", ":", "pypi.org", "pypi.org:", ":443", "pypi.org:0", "pypi.org:65536", "pypi.org:0443",
        "pypi.org:+443", "pypi.org:44 3", "pypi.org: 443", "pypi.org:443 ", " pypi.org:443",
        "pypi.org:99999999999999999999", "https://pypi.org:443", "https://pypi.org:443/", "pypi.org:443/simple",
        "pypi.org.:443", ".pypi.org:443", "pypi..org:443", "-pypi.org:443", "pypi-.org:443", "py_pi.org:443",
        "user@pypi.org:443", "pypi%2eorg:443", "b\xc3\xbc" "cher.example:443", "pypi.org\n:443",
        "127.1:80", "2130706433:80", "0x7f000001:80", "0x7f.1:80", "1.0x7f:80", "017700000001:80", "1.2.3.4.5:80",
        "01.2.3.4:80", "256.1.1.1:80", "::1:443", "[::1]", "[::1%lo]:443", "[::1:443", "[127.0.0.1]:443",
        "*:443", "*.org:443", "*.*.example.org:443", "a*.example.org:443", "*.127.0.0.1:443", "**.example.org:443",
        "0.0.0.0/0:443", "10.0.0.0/7:443", "10.0.0.0/33:443", "10.0.0.1/8:443", "10.0.0.0/:443", "10.0.0.0/8",
        "[::]/0:443", "[fd00::]/15:443", "[fd00::1]/16:443", "pypi.org/8:443", "fd00::/16:443", "10.0.0.0/08x:443",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct net_allow a;
        struct err e = {0};
        if (net_allow_parse(bad[i], &a, &e) == 0)
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(e.kind, E_INVALID);
        assert_string_equal(e.field, "allow_hosts");
    }
    char longest[300];
    struct net_allow a;
    struct err e = {0};
    memset(longest, 'a', 64);
    strcpy(longest + 64, ".org:1");
    FAILS(net_allow_parse(longest, &a, &e), e, E_INVALID);
    for (size_t i = 0; i < 256; i++)
        longest[i] = i % 2 ? '.' : 'a';
    strcpy(longest + 255, "a:1");
    FAILS(net_allow_parse(longest, &a, &e), e, E_INVALID);
    strcpy(longest + 252, "a:1"); /* 253 bytes */
    OK(net_allow_parse(longest, &a, &(struct err){0}), e);
}

static void test_names_match_on_whole_labels_and_the_port(void **state)
{
    (void)state;
    const struct net_allow list[] = {entry("pypi.org:443"), entry("*.example.org:443"), entry("10.0.0.0/8:80")};
    assert_true(net_allow_has_name(list, 3, "pypi.org", 443));
    assert_false(net_allow_has_name(list, 3, "pypi.org", 80));
    assert_false(net_allow_has_name(list, 3, "www.pypi.org", 443));
    assert_false(net_allow_has_name(list, 3, "evilpypi.org", 443));
    assert_false(net_allow_has_name(list, 3, "pypi.org.evil.example", 443));
    assert_true(net_allow_has_name(list, 3, "a.example.org", 443));
    assert_true(net_allow_has_name(list, 3, "a.b.example.org", 443));
    assert_false(net_allow_has_name(list, 3, "example.org", 443));
    assert_false(net_allow_has_name(list, 3, "aexample.org", 443));
    assert_false(net_allow_has_name(list, 3, ".example.org", 443));
    assert_false(net_allow_has_name(list, 0, "pypi.org", 443));
}

static struct net_address address(const char *text)
{
    struct net_host h;
    struct err e = {0};
    OK(net_host_parse(text, strlen(text), &h, &e), e);
    assert_true(h.is_address);
    return h.address;
}

static void test_addresses_match_by_prefix_the_narrowest_entry_first(void **state)
{
    (void)state;
    const struct net_allow list[] = {entry("10.0.0.0/8:80"), entry("10.1.2.3:80"), entry("10.1.0.0/20:80"),
                                     entry("[fd00::]/17:80")};
    struct net_address a = address("10.1.2.3");
    assert_ptr_equal(net_allow_find_address(list, 4, &a, 80), &list[1]);
    a = address("10.1.15.255");
    assert_ptr_equal(net_allow_find_address(list, 4, &a, 80), &list[2]);
    a = address("10.1.16.0");
    assert_ptr_equal(net_allow_find_address(list, 4, &a, 80), &list[0]);
    assert_null(net_allow_find_address(list, 4, &a, 443));
    a = address("11.0.0.0");
    assert_null(net_allow_find_address(list, 4, &a, 80));
    a = address("[fd00:7fff::1]");
    assert_ptr_equal(net_allow_find_address(list, 4, &a, 80), &list[3]);
    a = address("[fd00:8000::1]");
    assert_null(net_allow_find_address(list, 4, &a, 80));
    a = address("[::ffff:10.1.2.3]"); /* not the same address as 10.1.2.3 */
    assert_null(net_allow_find_address(list, 4, &a, 80));
}

static void test_a_request_narrows_and_never_widens(void **state)
{
    (void)state;
    const struct net_allow list[] = {entry("pypi.org:443"), entry("*.example.org:443"), entry("10.0.0.0/8:80")};
    static const char *const in[] = {"pypi.org:443", "a.example.org:443", "*.example.org:443", "*.b.example.org:443",
                                     "10.2.0.0/16:80", "10.1.1.1:80", "10.0.0.0/8:80"};
    static const char *const out[] = {"pypi.org:80", "*.pypi.org:443", "example.org:443", "*.aexample.org:443",
                                      "11.0.0.0/8:80", "10.1.1.1:443", "files.pythonhosted.org:443", "[fd00::]/16:80"};
    for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
        struct net_allow a = entry(in[i]);
        if (!net_allow_covers(list, 3, &a))
            fail_msg("%s is not covered", in[i]);
    }
    for (size_t i = 0; i < sizeof out / sizeof *out; i++) {
        struct net_allow a = entry(out[i]);
        if (net_allow_covers(list, 3, &a))
            fail_msg("%s is covered", out[i]);
    }
}

static void test_an_authority_is_a_host_and_a_port(void **state)
{
    (void)state;
    struct net_host h;
    uint16_t port = 0;
    struct err e = {0};
    char text[NET_NAME_SIZE];
    OK(net_authority_parse("Pypi.org", 8, 80, &h, &port, &e), e);
    assert_string_equal(h.name, "pypi.org");
    assert_int_equal(port, 80);
    OK(net_authority_parse("[::1]:443", 9, 80, &h, &port, &e), e);
    net_host_print(&h, text);
    assert_string_equal(text, "[::1]");
    assert_int_equal(port, 443);
    static const char *const bad[] = {"pypi.org:", "a:1:2", "[::1]x:443", "[::1", "::1", "user@a:80", "a@b", "a/b", "", ":80",
                                      "a:-1", "a b:80", "[a]:80", "a:443\r"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        e = (struct err){0};
        if (net_authority_parse(bad[i], strlen(bad[i]), 80, &h, &port, &e) == 0)
            fail_msg("'%s' was taken", bad[i]);
    }
    FAILS(net_authority_parse("a\0b:80", 6, 80, &h, &port, &e), e, E_INVALID);
    FAILS(net_authority_parse("pypi.org", 8, 0, &h, &port, &e), e, E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_entry_prints_as_it_is_kept),
        cmocka_unit_test(test_what_is_not_plainly_an_entry_is_refused),
        cmocka_unit_test(test_names_match_on_whole_labels_and_the_port),
        cmocka_unit_test(test_addresses_match_by_prefix_the_narrowest_entry_first),
        cmocka_unit_test(test_a_request_narrows_and_never_widens),
        cmocka_unit_test(test_an_authority_is_a_host_and_a_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
