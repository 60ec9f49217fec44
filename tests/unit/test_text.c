/* test_text.c - UTF-8, names, paths, numbers with units, ids, time, base 64. */
#include "tests/unit/unit.h"

#include "api/common/text.h"

#define UTF8(s) text_is_utf8(s, sizeof(s) - 1)

static void test_utf8_accepts_what_rfc_3629_does(void **state)
{
    (void)state;
    assert_true(text_is_utf8("", 0));
    assert_true(UTF8("plain"));
    assert_true(UTF8("a\0b"));
    assert_true(UTF8("\xc2\x80"));         /* U+0080 */
    assert_true(UTF8("\xdf\xbf"));         /* U+07FF */
    assert_true(UTF8("\xe0\xa0\x80"));     /* U+0800 */
    assert_true(UTF8("\xed\x9f\xbf"));     /* U+D7FF */
    assert_true(UTF8("\xee\x80\x80"));     /* U+E000 */
    assert_true(UTF8("\xef\xbf\xbf"));     /* U+FFFF */
    assert_true(UTF8("\xf0\x90\x80\x80")); /* U+10000 */
    assert_true(UTF8("\xf4\x8f\xbf\xbf")); /* U+10FFFF */
}

static void test_utf8_refuses_the_rest(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",             /* a continuation alone */
        "\xbf",             "\xc0\x80", "\xc0\xaf", "\xc1\xbf", /* overlong, 2 bytes */
        "\xe0\x80\xaf",     "\xe0\x9f\xbf",                     /* overlong, 3 bytes */
        "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf",                 /* overlong, 4 bytes */
        "\xed\xa0\x80",     "\xed\xbf\xbf",                     /* surrogates */
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xfe", /* beyond U+10FFFF */
        "\xc3",             "\xe2\x82", "\xf0\x9f\x98",         /* cut short */
        "\xc3(",            "\xe2(\xac", "\xe2\x82(",           /* broken inside */
        "\xf0\x9f\x98(",    "abc\xff" "def",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (text_is_utf8(bad[i], strlen(bad[i])))
            fail_msg("row %zu passed", i);
}

static void test_utf8_of_every_code_point(void **state)
{
    (void)state;
    /* All 4-byte patterns of a code point, encoded as if anything went; surrogates must fail. */
    for (unsigned c = 0; c < 0x110800; c += c < 0x11000 ? 1 : 37) {
        char s[4];
        size_t n;
        if (c < 0x80) {
            s[0] = (char)c, n = 1;
        } else if (c < 0x800) {
            s[0] = (char)(0xc0 | c >> 6), s[1] = (char)(0x80 | (c & 63)), n = 2;
        } else if (c < 0x10000) {
            s[0] = (char)(0xe0 | c >> 12), s[1] = (char)(0x80 | (c >> 6 & 63));
            s[2] = (char)(0x80 | (c & 63)), n = 3;
        } else {
            s[0] = (char)(0xf0 | c >> 18), s[1] = (char)(0x80 | (c >> 12 & 63));
            s[2] = (char)(0x80 | (c >> 6 & 63)), s[3] = (char)(0x80 | (c & 63)), n = 4;
        }
        bool wanted = !(c >= 0xd800 && c <= 0xdfff) && c <= 0x10ffff;
        if (text_is_utf8(s, n) != wanted)
            fail_msg("U+%04X", c);
    }
}

static void test_control_characters(void **state)
{
    (void)state;
    assert_false(text_has_control("abc \xc3\xa9", 6));
    assert_true(text_has_control("a\nb", 3));
    assert_true(text_has_control("a\0b", 3));
    assert_true(text_has_control("\x7f", 1));
    assert_true(text_has_control("\xc2\x80", 2));
    assert_true(text_has_control("\xc2\x9b", 2)); /* CSI */
    assert_false(text_has_control("\xc2\xa0", 2));
}

static void test_names(void **state)
{
    (void)state;
    char name[70];
    memset(name, 'a', sizeof name);
    name[64] = '\0';
    assert_true(text_is_name(name));
    name[64] = 'a';
    name[65] = '\0';
    assert_false(text_is_name(name));
    static const char *const good[] = {"a", "0", "cancer-du-sein", "A.b_c-9", "a..b"};
    static const char *const bad[] = {"",    ".",    "..",  "-x",   "_x",    ".a",
                                      "a/b", "a b", "a\n", "\xc3\xa9", "a@1", "a:b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(text_is_name(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(text_is_name(bad[i]));
}

static void test_relative_paths(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "a/b", "a b/c", ".hidden", "..a", "a..", "...",
                                       "d\xc3\xa9j\xc3\xa0/vu.csv", "-rf"};
    static const char *const bad[] = {"",      "/",      "/a",   "a/",    "a//b",  ".",
                                      "..",    "a/.",    "./a",  "a/../b", "../a", "a/..",
                                      "a\nb",  "a\x7f",  "\xff", "a/\xc0\xaf/b", "\xc2\x9b"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!text_is_rel_path(good[i]))
            fail_msg("\"%s\" was refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (text_is_rel_path(bad[i]))
            fail_msg("row %zu passed", i);
}

static void test_relative_paths_have_bounds(void **state)
{
    (void)state;
    char path[1200];
    memset(path, 'a', sizeof path);
    path[255] = '\0';
    assert_true(text_is_rel_path(path));
    path[255] = 'a';
    path[256] = '\0';
    assert_false(text_is_rel_path(path)); /* a component of 256 bytes */
    memset(path, 'a', sizeof path);
    for (size_t i = 200; i < sizeof path; i += 200)
        path[i] = '/';
    path[1024] = '\0';
    assert_true(text_is_rel_path(path));
    path[1024] = 'a';
    path[1025] = '\0';
    assert_false(text_is_rel_path(path));
    for (size_t i = 0; i < 63; i++)
        path[i] = i % 2 ? '/' : 'a';
    path[63] = '\0';
    assert_true(text_is_rel_path(path)); /* 32 components */
    path[63] = '/';
    path[64] = 'a';
    path[65] = '\0';
    assert_false(text_is_rel_path(path));
}

static void test_sha256_text(void **state)
{
    (void)state;
    unsigned char digest[32];
    char hex[65];
    for (size_t i = 0; i < sizeof digest; i++)
        digest[i] = (unsigned char)(i * 8 + 7);
    text_hex(digest, sizeof digest, hex);
    assert_true(text_is_sha256(hex));
    assert_memory_equal(hex, "070f171f", 8);
    hex[63] = '\0';
    assert_false(text_is_sha256(hex));
    hex[63] = 'G';
    assert_false(text_is_sha256(hex));
    hex[63] = 'A';
    assert_false(text_is_sha256(hex));
    assert_false(text_is_sha256(""));
    text_hex(digest, 0, hex);
    assert_string_equal(hex, "");
}

static void test_u64(void **state)
{
    (void)state;
    uint64_t n = 7;
    static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "1x", "0x1", "18446744073709551616",
                                      "99999999999999999999", "1.0", "1e3"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(text_u64(bad[i], 0, UINT64_MAX, &n), -1);
        assert_true(n == 7);
    }
    assert_int_equal(text_u64("18446744073709551615", 0, UINT64_MAX, &n), 0);
    assert_true(n == UINT64_MAX);
    assert_int_equal(text_u64("007", 0, 10, &n), 0);
    assert_true(n == 7);
    assert_int_equal(text_u64("11", 0, 10, &n), -1);
    assert_int_equal(text_u64("1", 2, 10, &n), -1);
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        {"0", 0},
        {"512", 512},
        {"64K", 65536},
        {"64k", 65536},
        {"1Ki", 1024},
        {"1KiB", 1024},
        {"1G", 1 << 30},
        {"1.5G", 1610612736},
        {"0.5M", 524288},
        {"2GiB", 2147483648u},
        {"3T", 3298534883328},
        {"1P", 1125899906842624},
        {"0.3K", 307},
        {"0.000000001G", 1},
        {"9223372036854775807", INT64_MAX},
        {"8191P", 8191 * 1125899906842624ull},
    };
    static const char *const bad[] = {
        "",     "K",      "1GB",   "1gb",   "1kb", "1B",   "1.5",  "-1",   " 1G",     "1G ",
        "1 G",  "1.G",    ".5G",   "1..5G", "1,5G", "1GiBx", "1iB", "1E",  "1e3",     "8192P",
        "9223372036854775808", "99999999999999999999999999999999999999999999", "1.0000000001G",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct err e = {0};
        uint64_t n = 1;
        OK(text_size_bytes(good[i].text, "memory", &n, &e), e);
        if (n != good[i].bytes)
            fail_msg("%s gives %llu", good[i].text, (unsigned long long)n);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e;
        uint64_t n = 77;
        FAILS(text_size_bytes(bad[i], "memory", &n, &e), e, E_INVALID);
        assert_string_equal(e.field, "memory");
        assert_true(n == 77);
    }
    struct err e;
    uint64_t n;
    FAILS(text_size_bytes("1GB", "memory", &n, &e), e, E_INVALID);
    HAS(e.message, "ambiguous");
}

static void test_sizes_for_people(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *down, *up;
    } rows[] = {
        {0, "0 bytes", "0 bytes"},
        {1, "1 byte", "1 byte"},
        {1023, "1023 bytes", "1023 bytes"},
        {1024, "1 KiB", "1 KiB"},
        {1025, "1 KiB", "1.1 KiB"},
        {512u << 20, "512 MiB", "512 MiB"},
        {((uint64_t)1 << 30) - 1, "1023.9 MiB", "1 GiB"},
        {(uint64_t)900 << 30, "900 GiB", "900 GiB"},
        {UINT64_C(22119710720), "20.6 GiB", "20.7 GiB"},
        {UINT64_MAX, "15.9 EiB", "16 EiB"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[TEXT_SIZE_HUMAN];
        text_size_human(rows[i].bytes, false, text);
        assert_string_equal(text, rows[i].down);
        text_size_human(rows[i].bytes, true, text);
        assert_string_equal(text, rows[i].up);
    }
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"0", 0},          {"90", 90000},     {"90s", 90000},      {"10m", 600000},
        {"2h", 7200000},   {"1d", 86400000},  {"250ms", 250},      {"1h30m", 5400000},
        {"1d1h1m1s1ms", 90061001},            {"1.5h", 5400000},   {"0.5s", 500},
        {"0.25", 250},     {"1m500ms", 60500}, {"36500d", 3153600000000},
    };
    static const char *const bad[] = {
        "",    "s",    "-1s", "1h30", "30m1h", "1m1m", "1 m", "1.5ms", "1x",  "1hour", "1H",
        "0.0001", "36501d", "99999999999999999999999999999999d", "36500d1ms", "1h-1m", "1ms1",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct err e = {0};
        int64_t n = 1;
        OK(text_duration_ms(good[i].text, "time", &n, &e), e);
        if (n != good[i].ms)
            fail_msg("%s gives %lld", good[i].text, (long long)n);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e;
        int64_t n = 77;
        FAILS(text_duration_ms(bad[i], "time", &n, &e), e, E_INVALID);
        assert_string_equal(e.field, "time");
        assert_true(n == 77);
    }
}

static void test_cpus(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t milli;
    } good[] = {{"1", 1000}, {"0.5", 500}, {"2.25", 2250}, {"0.01", 10}, {"1024", 1024000},
                {"0.125", 125}, {"1.000", 1000}};
    static const char *const bad[] = {"", "0", "0.001", "0.009", "1025", "1024.001", "1.0001", "-1",
                                      "1,5", "1c", " 1", "1.", ".5", "all"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct err e = {0};
        int64_t n = 1;
        OK(text_cpus_milli(good[i].text, "cpus", &n, &e), e);
        assert_int_equal(n, good[i].milli);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err e;
        int64_t n = 77;
        FAILS(text_cpus_milli(bad[i], "cpus", &n, &e), e, E_INVALID);
        assert_int_equal(n, 77);
    }
}

static void test_ids_sort_by_creation_and_differ(void **state)
{
    (void)state;
    char first[TEXT_ID_SIZE], ids[200][TEXT_ID_SIZE], last[TEXT_ID_SIZE];
    text_new_id('r', first);
    assert_int_equal(strlen(first), 14);
    assert_int_equal(first[0], 'r');
    assert_int_equal(strspn(first + 1, "0123456789abcdefghjkmnpqrstvwxyz"), 13);
    assert_true(text_is_name(first));
    for (int i = 0; i < 200; i++) {
        text_new_id('r', ids[i]);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(ids[i], ids[k]);
    }
    int64_t until = time_mono_us() + 110000; /* the next tick of 100 ms at the latest */
    while (time_mono_us() < until)
        usleep(1000);
    text_new_id('r', last);
    assert_true(strcmp(first, last) < 0);
    assert_true(strncmp(first, last, 8) < 0);
}

static void test_iso_time(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1795498139123456, "2026-11-24T05:28:59.123Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000000, "1969-12-31T23:59:59.000Z"},
        {951782400000000, "2000-02-29T00:00:00.000Z"},
        {253402300799999999, "9999-12-31T23:59:59.999Z"},
        {INT64_MAX, "invalid-time"},
        {INT64_MIN, "invalid-time"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[32];
        time_iso(rows[i].us, out);
        assert_string_equal(out, rows[i].text);
    }
    assert_true(time_now_us() > 1704067200000000);
    assert_true(time_mono_us() > 0);
}

static void test_sanitize(void **state)
{
    (void)state;
    char out[40];
    text_sanitize("a\tb\x1b[1m\xff\xc3\xa9\xc2\x9b", 12, out, sizeof out);
    assert_string_equal(out, "a\\x09b\\x1b[1m\\xff\xc3\xa9\\xc2\\x9b");
    text_sanitize("a\0b", 3, out, sizeof out);
    assert_string_equal(out, "a\\x00b");
    text_sanitize("abc\n", 4, out, 7);
    assert_string_equal(out, "abc"); /* an escape is whole or not there */
    text_sanitize("ab\xc3\xa9", 4, out, 4);
    assert_string_equal(out, "ab"); /* so is a character */
    text_sanitize("abc", 3, out, 1);
    assert_string_equal(out, "");
    text_sanitize("abc", 3, out, 0);
    text_sanitize("", 0, out, sizeof out);
    assert_string_equal(out, "");
}

static void test_base64_as_in_the_rfc(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"", ""},         {"f", "Zg=="},     {"fo", "Zm8="},
                                          {"foo", "Zm9v"},  {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[20];
        unsigned char back[20];
        size_t len = 99;
        text_base64(rows[i][0], strlen(rows[i][0]), out);
        assert_string_equal(out, rows[i][1]);
        assert_int_equal(text_unbase64(out, strlen(out), back, &len), 0);
        assert_int_equal(len, strlen(rows[i][0]));
        assert_memory_equal(back, rows[i][0], len);
    }
}

static void test_base64_of_all_bytes_and_lengths(void **state)
{
    (void)state;
    unsigned char in[256], back[260];
    char out[400];
    size_t len;
    for (size_t n = 0; n <= 256; n++) {
        for (size_t i = 0; i < n; i++)
            in[i] = (unsigned char)(i * 167 + n);
        text_base64(in, n, out);
        assert_int_equal(strlen(out), 4 * ((n + 2) / 3));
        assert_int_equal(text_unbase64(out, strlen(out), back, &len), 0);
        assert_int_equal(len, n);
        assert_memory_equal(back, in, n);
    }
}

static void test_base64_refuses_anything_else(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",     "Zg",   "Zg=",  "Zm9",  "Zm9v=",  "====", "Z===",
                                      "Zg==Zg==", "Zm=v", "Zm9v\n", "Zm 9", "Zm9-", "Zm9_",
                                      "Zh==",  "Zm9=", /* bits that no byte holds */
                                      "\xc3\xa9zz"};
    unsigned char out[40];
    size_t len;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (text_unbase64(bad[i], strlen(bad[i]), out, &len) == 0)
            fail_msg("\"%s\" passed", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_accepts_what_rfc_3629_does),
        cmocka_unit_test(test_utf8_refuses_the_rest),
        cmocka_unit_test(test_utf8_of_every_code_point),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_relative_paths),
        cmocka_unit_test(test_relative_paths_have_bounds),
        cmocka_unit_test(test_sha256_text),
        cmocka_unit_test(test_u64),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_sizes_for_people),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_cpus),
        cmocka_unit_test(test_ids_sort_by_creation_and_differ),
        cmocka_unit_test(test_iso_time),
        cmocka_unit_test(test_sanitize),
        cmocka_unit_test(test_base64_as_in_the_rfc),
        cmocka_unit_test(test_base64_of_all_bytes_and_lengths),
        cmocka_unit_test(test_base64_refuses_anything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
