/* test_proxy_address.c - where a name may lead: the table of special addresses, and what a list may say against it. */
#include "tests/unit/unit.h"

#include "orchestrator/proxy_address.h"

static struct net_address address(const char *text)
{
    struct net_host h;
    struct err e = {0};
    char bracketed[60];
    snprintf(bracketed, sizeof bracketed, strchr(text, ':') ? "[%s]" : "%s", text);
    OK(net_host_parse(bracketed, strlen(bracketed), &h, &e), e);
    return h.address;
}

static void test_only_the_public_internet_is_ok(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum proxy_why why;
    } rows[] = {
        {"8.8.8.8", PROXY_OK},           {"151.101.0.223", PROXY_OK},     {"9.255.255.255", PROXY_OK},
        {"11.0.0.0", PROXY_OK},          {"172.15.255.255", PROXY_OK},    {"172.32.0.0", PROXY_OK},
        {"192.167.255.255", PROXY_OK},   {"192.169.0.0", PROXY_OK},       {"100.63.255.255", PROXY_OK},
        {"100.128.0.0", PROXY_OK},       {"128.0.0.0", PROXY_OK},         {"169.253.255.255", PROXY_OK},
        {"223.255.255.255", PROXY_OK},   {"0.0.0.0", PROXY_UNSPECIFIED},  {"0.1.2.3", PROXY_UNSPECIFIED},
        {"127.0.0.1", PROXY_LOOPBACK},   {"127.255.255.255", PROXY_LOOPBACK}, {"10.0.0.0", PROXY_PRIVATE},
        {"10.255.255.255", PROXY_PRIVATE}, {"172.16.0.1", PROXY_PRIVATE}, {"172.31.255.255", PROXY_PRIVATE},
        {"192.168.1.1", PROXY_PRIVATE},  {"100.64.0.1", PROXY_PRIVATE},   {"100.127.255.255", PROXY_PRIVATE},
        {"169.254.1.1", PROXY_LINK_LOCAL}, {"169.254.169.254", PROXY_METADATA}, {"168.63.129.16", PROXY_METADATA},
        {"168.63.129.17", PROXY_OK},     {"100.100.100.200", PROXY_METADATA}, {"192.0.0.192", PROXY_METADATA},
        {"192.0.0.1", PROXY_RESERVED},   {"192.0.2.1", PROXY_RESERVED},   {"198.18.0.1", PROXY_RESERVED},
        {"198.51.100.7", PROXY_RESERVED}, {"203.0.113.7", PROXY_RESERVED}, {"224.0.0.1", PROXY_MULTICAST},
        {"239.255.255.250", PROXY_MULTICAST}, {"240.0.0.1", PROXY_RESERVED}, {"255.255.255.255", PROXY_RESERVED},
        {"2a04:4e42::223", PROXY_OK},    {"2001:4860:4860::8888", PROXY_OK}, {"::", PROXY_UNSPECIFIED},
        {"::1", PROXY_LOOPBACK},         {"fe80::1", PROXY_LINK_LOCAL},   {"febf::1", PROXY_LINK_LOCAL},
        {"fc00::1", PROXY_PRIVATE},      {"fdff::1", PROXY_PRIVATE},      {"fec0::1", PROXY_PRIVATE},
        {"fd00:ec2::254", PROXY_METADATA}, {"ff02::1", PROXY_MULTICAST},  {"2001:db8::1", PROXY_RESERVED},
        {"::127.0.0.1", PROXY_RESERVED}, {"::ffff:8.8.8.8", PROXY_TRANSLATED}, {"::ffff:127.0.0.1", PROXY_TRANSLATED},
        {"64:ff9b::8.8.8.8", PROXY_OK},  {"64:ff9b::10.0.0.1", PROXY_TRANSLATED},
        {"64:ff9b::169.254.169.254", PROXY_TRANSLATED}, {"64:ff9b:1::8.8.8.8", PROXY_TRANSLATED},
        {"2002:808:808::1", PROXY_OK},   {"2002:7f00:1::1", PROXY_TRANSLATED}, {"2002:a00:1::1", PROXY_TRANSLATED},
        {"2001::1", PROXY_TRANSLATED},   {"100::1", PROXY_RESERVED},      {"4000::1", PROXY_RESERVED},
        {"2001:10::1", PROXY_RESERVED},  {"3fff::1", PROXY_RESERVED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net_address a = address(rows[i].text);
        enum proxy_why why = proxy_address_class(&a);
        if (why != rows[i].why)
            fail_msg("%s is %s, wanted %s", rows[i].text, proxy_why_name(why), proxy_why_name(rows[i].why));
    }
}

static enum proxy_why judge(const char *text, uint16_t port, const char *entry, bool *listed)
{
    struct net_allow list[1];
    struct err e = {0};
    struct net_address a = address(text);
    OK(net_allow_parse(entry, &list[0], &e), e);
    return proxy_address_judge(&a, port, list, 1, listed);
}

static void test_a_list_opens_what_it_names_and_no_more(void **state)
{
    (void)state;
    bool listed;
    assert_int_equal(judge("10.1.2.3", 443, "10.1.0.0/16:443", &listed), PROXY_OK);
    assert_true(listed);
    assert_int_equal(judge("10.2.2.3", 443, "10.1.0.0/16:443", &listed), PROXY_PRIVATE);
    assert_int_equal(judge("10.1.2.3", 80, "10.1.0.0/16:443", &listed), PROXY_PRIVATE);
    assert_int_equal(judge("10.1.2.3", 443, "pypi.org:443", &listed), PROXY_PRIVATE);
    assert_int_equal(judge("8.8.8.8", 443, "pypi.org:443", &listed), PROXY_OK);
    assert_false(listed);
    assert_int_equal(judge("127.0.0.1", 80, "127.0.0.0/8:80", &listed), PROXY_OK);
    assert_int_equal(judge("169.254.169.254", 80, "169.254.0.0/16:80", &listed), PROXY_METADATA);
    assert_int_equal(judge("169.254.169.254", 80, "169.254.169.254:80", &listed), PROXY_OK);
    assert_int_equal(judge("224.0.0.1", 80, "224.0.0.1:80", &listed), PROXY_MULTICAST);
    assert_int_equal(judge("0.0.0.0", 80, "0.0.0.0:80", &listed), PROXY_UNSPECIFIED);
    assert_int_equal(judge("::ffff:10.1.2.3", 443, "10.1.0.0/16:443", &listed), PROXY_TRANSLATED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_public_internet_is_ok),
        cmocka_unit_test(test_a_list_opens_what_it_names_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
