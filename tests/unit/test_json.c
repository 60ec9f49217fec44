/*
 * test_json.c - strict JSON: what must be accepted and refused, comments, typed access, printing.
 *
 * Each text of the corpus goes through json_scan and json_parse, which must agree; what is accepted
 * is printed and must read back the same.
 */
#include "tests/unit/unit.h"

#include "api/common/json.h"
#include "api/common/mem.h"
#include <float.h>
#include <locale.h>
#include <math.h>
#include <time.h>

#define T(s) {s, sizeof(s) - 1}
struct text {
    const char *s;
    size_t len;
};

static const struct text accepted[] = {
    T("null"), T("true"), T("false"), T("0"), T("-0"), T("1"), T("-1"), T("0.5"), T("1e5"), T("1E+5"),
    T("1e-5"), T("1.25e2"), T("0e0"), T("0.0e99"), T("0e999"), T("-0.0"), T("123456789"),
    T("9007199254740992"), T("-9007199254740992"), T("9007199254740993.5"), T("1e300"),
    T("1.7976931348623157e308"), T("-1.7976931348623157e308"), T("179769313486231570000e288"),
    T("5e-324"), T("4.9406564584124654e-324"), T("2.2250738585072014e-308"), T("0.0000001e-300"),
    T("10000000000000000000000.0"), T("1e22"), T("0.000000000000000000000000000000000000000000000001"),
    T("0.1000000000000000055511151231257827021181583404541015625"),
    T("\"\""), T("\"a\""), T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), T("\"\\u0041\""), T("\"\\u00e9\""),
    T("\"\\u20AC\""), T("\"\\ud83d\\ude00\""), T("\"\\uD83D\\uDE00\""), T("\"\\uffff\""),
    T("\"\\ufffe\""), T("\"\xc3\xa9\""), T("\"\xf0\x9f\x98\x80\""), T("\"\x7f\""), T("\"//\""),
    T("\"/* */\""), T("\"\\u0001\""), T("\"\xef\xbf\xbf\""), T("\"\xef\xbb\xbf\""),
    T("[]"), T("{}"), T("[ ]"), T("{ }"), T("[1]"), T("[1,2]"), T(" [ 1 , 2 ] "), T("[[],[]]"),
    T("[{}]"), T("{\"a\":1}"), T("{\"a\":{}}"), T("{\"\":0}"), T("{\"a\":1,\"A\":2}"),
    T("{\"a\":{\"a\":{\"a\":1}}}"), T("[{\"a\":1},{\"a\":2}]"), T("{\"a\":1,\"b\":{\"a\":1},\"c\":2}"),
    T("\t\r\n [\n1\r\n]\t"), T("{\"a\" : 1 ,\n \"b\"\t:\t[ ] }"), T("{\"a.b\":1,\"a\":{\"b\":2}}"),
    T("{\"\\u0061\":1,\"b\":2}"), T("[null,true,false,0,\"\",[],{}]"),
    T("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), /* 32 deep */
};

static const struct text refused[] = {
    /* nothing, or more than one */
    T(""), T(" "), T("\n\t"), T("1 2"), T("{} {}"), T("[] ,"), T("null null"), T("nullx"), T("1 x"),
    T("\"a\"\"b\""), T("[1]]"), T("{}}"), T("1\0"), T("\0"), T("[1]\0[2]"), T("\xef\xbb\xbf{}"),
    T("\xef\xbb\xbf"), T("\xfe\xff\0{\0}"), T("#"), T("\x0c{}"), T("\xc2\xa0 1"),
    /* words */
    T("nul"), T("tru"), T("True"), T("NULL"), T("NaN"), T("Infinity"), T("-Infinity"), T("undefined"),
    T("nan"), T("inf"), T("t"), T("fals"),
    /* numbers */
    T("01"), T("-01"), T("00"), T("-"), T("+1"), T(".5"), T("-.5"), T("1."), T("1.e5"), T("1e"),
    T("1e+"), T("1e-"), T("0x10"), T("1_000"), T("1,5"), T("--1"), T("1e5.5"), T("1.2.3"), T("-a"),
    T("9007199254740993"), T("-9007199254740993"), T("9007199254740994"), T("18446744073709551615"),
    T("99999999999999999999999999"), T("1e309"), T("1e400"), T("-1e400"), T("1e99999999999999999999"),
    T("1.7976931348623159e308"), T("17976931348623158e292"), T("1e-325"), T("1e-400"),
    T("1e-99999999999999999"), T("2e-324"), T("0.1e-324"), T("[1e400]"), T("\xd9\xa1"),
    T("0.10000000000000000555111512312578270211815834045410156250000001"), /* 64 characters */
    T("1.0000000000000000000000000000000000000000000000000000000000000000000000000000000000"),
    /* strings */
    T("\""), T("\"a"), T("\"a\\"), T("\"a\\\""), T("'a'"), T("\"\\x41\""), T("\"\\a\""), T("\"\\'\""),
    T("\"\\0\""), T("\"\\u\""), T("\"\\u12\""), T("\"\\u123\""), T("\"\\u123g\""), T("\"\\U0041\""),
    T("\"\\u 041\""), T("\"\\u+041\""), T("\"\\u0000\""), T("\"a\\u0000b\""), T("\"\\ud83d\""),
    T("\"\\ud83dx\""), T("\"\\ud83d\\n\""), T("\"\\ud83d\\u0041\""), T("\"\\ud83d\\ud83d\""),
    T("\"\\ude00\""), T("\"\\ude00\\ud83d\""), T("\"\n\""), T("\"\t\""), T("\"\r\""), T("\"\0\""),
    T("\"a\0b\""), T("\"\x1f\""), T("\"\x80\""), T("\"\xff\""), T("\"\xc0\xaf\""), T("\"\xc3\""),
    T("\"\xed\xa0\x80\""), T("\"\xf4\x90\x80\x80\""), T("\"\xe0\x80\xaf\""), T("\"\\\xc3\xa9\""),
    T("\"\\"), T("\"\\u"), T("\"\\ud83d\\u"), T("\"\\ud83d\\ude0"),
    /* arrays and objects */
    T("["), T("{"), T("]"), T("}"), T(","), T(":"), T("[1"), T("[1,"), T("[1,]"), T("[,1]"), T("[,]"),
    T("[1,,2]"), T("[1 2]"), T("[1}"), T("{1}"), T("[1:2]"), T("{\"a\"}"), T("{\"a\":}"),
    T("{\"a\":1,}"), T("{,}"), T("{\"a\":1,,\"b\":2}"), T("{\"a\" 1}"), T("{\"a\":1 \"b\":2}"),
    T("{a:1}"), T("{'a':1}"), T("{1:1}"), T("{null:1}"), T("{\"a\":1]"), T("{\"a\":1"), T("{\"a\":"),
    T("{\"a\""), T("{[1]:2}"), T("{\"a\":1:2}"), T("[\"a\":1]"), T("{\"a\",\"b\"}"), T("[1;2]"),
    /* duplicates */
    T("{\"a\":1,\"a\":2}"), T("{\"a\":1,\"a\":1}"), T("{\"a\":1,\"b\":2,\"a\":3}"), T("{\"\":1,\"\":2}"),
    T("{\"a\":1,\"\\u0061\":2}"), T("{\"/\":1,\"\\/\":2}"), T("{\"\xc3\xa9\":1,\"\\u00e9\":2}"),
    T("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}"), T("[{\"x\":{\"a\":1,\"a\":2}}]"),
    T("{\"a\":{\"b\":1},\"a\":{}}"), T("{\"b\":{\"a\":1,\"c\":[{\"a\":1}],\"a\":2}}"),
    /* comments are for json_blank_comments */
    T("// x\n1"), T("/* x */ 1"), T("1 // x"), T("[1, /* x */ 2]"),
    T("[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), /* 33 deep */
};

/* The text in memory of exactly its size: reading past its end is seen by the sanitizers. */
static char *exact(const struct text *t)
{
    char *p = malloc(t->len ? t->len : 1);
    if (t->len > 0)
        memcpy(p, t->s, t->len);
    return p;
}

static void test_accepts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        const struct text *t = &accepted[i];
        struct err e = {0};
        char *p = exact(t);
        if (json_scan(p, t->len, NULL, &e) < 0)
            fail_msg("%s: %s", t->s, e.message);
        AUTO_JSON struct json *v = json_parse(p, t->len, NULL, &e);
        if (!v)
            fail_msg("%s: %s", t->s, e.message);
        /* What is printed reads back as the same. */
        AUTO_BUF struct buf once = BUF_INIT(1 << 20), twice = BUF_INIT(1 << 20);
        json_print(v, false, &once);
        AUTO_JSON struct json *again = json_parse(once.data, once.len, NULL, &e);
        if (!again)
            fail_msg("%s printed %s: %s", t->s, once.data, e.message);
        json_print(again, false, &twice);
        assert_string_equal(once.data, twice.data);
        if (json_type(v) == JSON_NUMBER)
            assert_true(json_num(v, NAN) == json_num(again, NAN));
        free(p);
    }
}

static void test_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const struct text *t = &refused[i];
        struct err scan = {0}, parse = {0};
        char *p = exact(t);
        if (json_scan(p, t->len, NULL, &scan) == 0)
            fail_msg("row %zu passed the scan: %s", i, t->s);
        if (json_parse(p, t->len, NULL, &parse))
            fail_msg("row %zu was parsed: %s", i, t->s);
        assert_string_equal(scan.message, parse.message);
        assert_true(scan.kind == E_INVALID || scan.kind == E_LIMIT);
        HAS(scan.message, "line ");
        free(p);
    }
}

static void test_every_prefix_of_a_text_is_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1,-2.5e3,true,false,null,\"\\u00e9\\ud83d\\ude00\xc3\xa9\"],\"b\":{\"c\":{}}}";
    for (size_t i = 0; i < sizeof text - 1; i++) {
        struct text t = {text, i};
        struct err e;
        char *p = exact(&t);
        FAILS(json_scan(p, i, NULL, &e), e, E_INVALID);
        free(p);
    }
}

static void refuse_at(const char *text, const char *where)
{
    struct err e = {0};
    assert_int_equal(json_scan(text, strlen(text), NULL, &e), -1);
    HAS(e.message, where);
}

static void test_errors_tell_line_column_and_what_was_found(void **state)
{
    (void)state;
    refuse_at("{\n  \"a\": 01\n}", "line 2, column 8: a number with a leading zero");
    refuse_at("[1,\n2,\n]", "line 3, column 1: expected a JSON value, found ']'");
    refuse_at("[\"\xc3\xa9\", x]", "line 1, column 7: expected a JSON value, found 'x'");
    refuse_at("[\xc3\xa9]", "found '\xc3\xa9'");
    refuse_at("[\x01]", "found byte 0x01");
    refuse_at("[1", "line 1, column 3: expected ',' or ']', found the end of the text");
    refuse_at("{\"a\":1,\n\n \"a\":2}", "line 3, column 2: the key \"a\" is there twice");
    refuse_at("{\"a\":1} x", "line 1, column 9: 'x' after the end of the value");
    refuse_at("[\"a\nb\"]", "line 1, column 4: control byte 0x0a");
    refuse_at("[12345678901234567890]", "line 1, column 2: an integer beyond 2^53");
    refuse_at("\xef\xbb\xbf[]", "byte order mark");
    refuse_at("{\"a\x1b\":1,\"a\x1b\":1}", "control byte");
}

static void test_limits(void **state)
{
    (void)state;
    struct err e = {0};
    struct json_limits small = {.max_bytes = 5, .max_depth = 2};
    OK(json_scan("[[1]]", 5, &small, &e), e);
    FAILS(json_scan("[[1] ]", 6, &small, &e), e, E_LIMIT);
    FAILS(json_scan("[[[", 3, &small, &e), e, E_LIMIT);
    HAS(e.message, "line 1, column 3: more than 2 levels deep");
    /* The default is 1 MiB. */
    char *big = malloc((1 << 20) + 1);
    memset(big, ' ', (1 << 20) + 1);
    big[0] = '1';
    e = (struct err){0};
    OK(json_scan(big, 1 << 20, NULL, &e), e);
    FAILS(json_scan(big, (1 << 20) + 1, NULL, &e), e, E_LIMIT);
    free(big);
    /* However large a depth is asked for, recursion in cJSON has a bound. */
    struct json_limits deep = {.max_depth = 1000000};
    char text[2000];
    memset(text, '[', 1000);
    memset(text + 1000, ']', 1000);
    FAILS(json_scan(text, 2000, &deep, &e), e, E_LIMIT);
    memset(text, '[', 256);
    memset(text + 256, ']', 256);
    e = (struct err){0};
    AUTO_JSON struct json *v = json_parse(text, 512, &deep, &e);
    assert_non_null(v);
}

/* An object of n members, the last one repeating member `repeat` (or none, if that is n). */
static char *object(size_t n, size_t repeat, size_t *len)
{
    struct buf b = BUF_INIT(64 << 20);
    buf_add_char(&b, '{');
    for (size_t i = 0; i < n; i++)
        buf_printf(&b, "\"k%zu\":0,", i * 7919 % 1000003);
    if (repeat < n)
        buf_printf(&b, "\"k%zu\":0}", repeat * 7919 % 1000003);
    else
        buf_add_str(&b, "\"last\":0}");
    *len = b.len;
    return buf_take(&b);
}

static void test_duplicates_in_objects_of_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 200, 255, 256, 257, 258, 1000, 1023, 1024, 1025, 5000, 60000};
    struct json_limits limits = {.max_bytes = 64 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int which = 0; which < 4; which++) {
            size_t n = sizes[i], len;
            size_t repeat = which == 0 ? 0 : which == 1 ? n / 2 : which == 2 ? n - 1 : n;
            AUTO_FREE char *text = object(n, repeat, &len);
            struct err e = {0};
            AUTO_JSON struct json *v = json_parse(text, len, &limits, &e);
            if (repeat < n) {
                assert_null(v);
                HAS(e.message, "is there twice");
                char at[64]; /* the error is at the repeat, not at the first */
                const char *last = strrchr(text, ',') + 1;
                snprintf(at, sizeof at, "column %zu:", (size_t)(last - text) + 1);
                HAS(e.message, at);
            } else if (!v) {
                fail_msg("%zu: %s", n, e.message);
            }
            /* The scan without memory sees the first 1024. */
            e = (struct err){0};
            int rc = json_scan(text, len, &limits, &e);
            if (n < 1024)
                assert_int_equal(rc, repeat < n ? -1 : 0);
            else
                assert_int_equal(rc, 0);
        }
}

static void test_no_text_of_4_kib_hides_a_duplicate_from_the_scan(void **state)
{
    (void)state;
    /* The most keys that fit: one and two characters, over nested objects that stay open. */
    AUTO_BUF struct buf b = BUF_INIT(4096);
    struct err e;
    buf_add_str(&b, "{\"x\":0,");
    for (int i = 0; b.len < 4040; i++)
        buf_printf(&b, "\"%c%c\":1,", '0' + i / 64, '0' + i % 64);
    char *text = buf_take(&b);
    for (char *p = text; *p; p++) /* no backslash or quote among the keys */
        if (*p == '\\')
            *p = '~';
    AUTO_FREE char *whole = mem_printf("%s\"x\":2}", text);
    free(text);
    FAILS(json_scan(whole, strlen(whole), NULL, &e), e, E_INVALID);
    HAS(e.message, "\"x\" is there twice");
}

static double seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void test_a_huge_object_is_not_quadratic(void **state)
{
    (void)state;
    struct json_limits limits = {.max_bytes = 64 << 20};
    size_t len;
    AUTO_FREE char *text = object(400000, 400000, &len);
    struct err e = {0};
    double start = seconds();
    AUTO_JSON struct json *v = json_parse(text, len, &limits, &e);
    double took = seconds() - start;
    assert_non_null(v);
    assert_int_equal(json_count(v), 400001);
    /* n^2 would be minutes; sanitizers multiply what is linear by ten or so. */
    assert_true(took < 20);
}

/* ---- comments ---- */

static char *blanked(const char *text)
{
    char *copy = mem_strdup(text);
    struct err e = {0};
    OK(json_blank_comments(copy, strlen(copy), &e), e);
    assert_int_equal(strlen(copy), strlen(text));
    return copy;
}

static void test_comments_are_blanked_in_place(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", ""},
        {"1 // x", "1     "},
        {"// x\r\n1", "    \r\n1"},
        {"/* a\n b */ 1", "    \n      1"},
        {"[1, /* \xc3\xa9 */ 2]", "[1,          2]"},
        {"[1,]", "[1 ]"},
        {"[1, // last\n]", "[1         \n]"},
        {"{\"a\":1 , /* , */ }", "{\"a\":1           }"},
        {"\"// no\"", "\"// no\""},
        {"\"/* no */\"", "\"/* no */\""},
        {"\"\\\"// no\" // yes", "\"\\\"// no\"       "},
        {"[\"a,]\",]", "[\"a,]\" ]"},
        {"[\"a\",\n]", "[\"a\" \n]"},
        {"[[1,],]", "[[1 ] ]"},
        {"{\"a\":{},}", "{\"a\":{} }"},
        {"/**/1", "    1"},
        {"/***/1", "     1"},
        {"/*/ */1", "      1"},
        {"1 /* // */ ", "1          "},
        {"1 // /*\n ", "1      \n "},
        /* What is wrong stays wrong. */
        {"[,]", "[,]"},
        {"[,,]", "[,,]"},
        {"{,}", "{,}"},
        {"{\"a\":,}", "{\"a\":,}"},
        {"[/* x */,]", "[       ,]"},
        {"1 / 2", "1 / 2"},
        {"\"open // ", "\"open // "},
        {"\"open\n// x", "\"open\n    "},
        {"\"\\", "\"\\"},
        {",]", ",]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO_FREE char *got = blanked(rows[i].in);
        if (strlen(rows[i].in) == strlen(rows[i].out))
            assert_string_equal(got, rows[i].out);
        else
            fail_msg("row %zu of this test is wrong", i);
    }
    AUTO_FREE char *two = blanked("[1,,]");
    struct err e;
    FAILS(json_scan(two, strlen(two), NULL, &e), e, E_INVALID);
}

static void test_a_comment_without_end_is_told_where(void **state)
{
    (void)state;
    struct err e;
    char a[] = "{\n  /* no end *";
    FAILS(json_blank_comments(a, strlen(a), &e), e, E_INVALID);
    HAS(e.message, "line 2, column 3: a comment without its end");
    char b[] = "1 /*/";
    FAILS(json_blank_comments(b, strlen(b), &e), e, E_INVALID);
    char c[] = "1 /";
    e = (struct err){0};
    OK(json_blank_comments(c, strlen(c), &e), e);
}

static void test_errors_after_blanking_have_the_line_of_the_file(void **state)
{
    (void)state;
    AUTO_FREE char *text = blanked("// one\n{ /* two\nthree */\n  \"a\": nope,\n}");
    struct err e = {0};
    assert_int_equal(json_scan(text, strlen(text), NULL, &e), -1);
    HAS(e.message, "line 4, column 8");
}

static void test_line_of_a_path(void **state)
{
    (void)state;
    static const char text[] = "\n{\n\"syscalls\": {\n \"allow\": [\n  \"read\",\n  {\"x\":\n 5}, [1,\n2]\n"
                               "],\n\"deny\": \"]}\\\"\"},\n\"a.b\": {\"c\": \n 1},\n\"\\u00e9\":\n true,\n"
                               "\"a\": {\"b\":\n[]}}";
    static const struct {
        const char *path;
        unsigned line;
    } rows[] = {
        {"", 2},
        {"syscalls", 3},
        {"syscalls.allow", 4},
        {"syscalls.allow[0]", 5},
        {"syscalls.allow[1]", 6},
        {"syscalls.allow[1].x", 7},
        {"syscalls.allow[2]", 7},
        {"syscalls.allow[2][1]", 8},
        {"syscalls.deny", 10},
        {"a.b.c", 12},
        {"\xc3\xa9", 14},
        {"a", 15},
        {"a.b", 11}, /* the first key that fits */
        {"syscalls.allow[3]", 0},
        {"syscalls.allow[x]", 0},
        {"syscalls.allow[1", 0},
        {"syscalls.allow.0", 0},
        {"syscalls[0]", 0},
        {"syscalls.none", 0},
        {"sys", 0},
        {"syscallsx", 0},
        {"a.b.c.d", 0},
        {"a.b[0]", 0},
    };
    struct err e = {0};
    OK(json_scan(text, sizeof text - 1, NULL, &e), e);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned line = json_line_of(text, sizeof text - 1, rows[i].path);
        if (line != rows[i].line)
            fail_msg("%s is on line %u, wanted %u", rows[i].path, line, rows[i].line);
    }
    assert_int_equal(json_line_of("5", 1, ""), 1);
    assert_int_equal(json_line_of("5", 1, "a"), 0);
}

/* ---- access ---- */

static struct json *parsed(const char *text)
{
    struct err e = {0};
    struct json *v = json_parse(text, strlen(text), NULL, &e);
    if (!v)
        fail_msg("%s: %s", text, e.message);
    return v;
}

static void test_looking(void **state)
{
    (void)state;
    AUTO_JSON struct json *v = parsed(
        "{\"s\":\"x\",\"S\":2,\"n\":null,\"t\":true,\"f\":false,\"i\":-12,\"d\":1.5,\"a\":[1,2,3],\"o\":{}}");
    assert_int_equal(json_type(v), JSON_OBJECT);
    assert_int_equal(json_count(v), 9);
    assert_string_equal(json_str(json_get(v, "s")), "x");
    assert_null(json_str(json_get(v, "S"))); /* another member: case matters */
    assert_null(json_get(v, "T"));
    assert_null(json_get(NULL, "x"));
    assert_null(json_get(json_get(v, "a"), "x"));
    assert_int_equal(json_type(json_get(v, "n")), JSON_NULL);
    assert_int_equal(json_type(json_get(v, "absent")), JSON_NULL);
    assert_true(json_bool(json_get(v, "t"), false));
    assert_false(json_bool(json_get(v, "f"), true));
    assert_true(json_bool(json_get(v, "i"), true));
    assert_true(json_bool(NULL, true));
    assert_int_equal(json_int(json_get(v, "i"), 0), -12);
    assert_int_equal(json_int(json_get(v, "d"), 99), 99);
    assert_int_equal(json_int(NULL, 99), 99);
    assert_true(json_num(json_get(v, "d"), 0) == 1.5);
    assert_true(json_num(json_get(v, "s"), 7) == 7);
    assert_false(json_is_int(json_get(v, "d")));
    assert_false(json_is_int(json_get(v, "s")));
    assert_false(json_is_int(NULL));
    assert_int_equal(json_count(json_get(v, "a")), 3);
    assert_int_equal(json_count(json_get(v, "o")), 0);
    assert_int_equal(json_count(NULL), 0);
    assert_null(json_first(json_get(v, "o")));
    assert_null(json_first(NULL));
    assert_null(json_key(v));
    int sum = 0;
    for (const struct json *c = json_first(json_get(v, "a")); c; c = json_next(c)) {
        assert_null(json_key(c));
        sum = sum * 10 + (int)json_int(c, 0);
    }
    assert_int_equal(sum, 123);
    assert_string_equal(json_key(json_first(v)), "s");
    for (int t = JSON_NULL; t <= JSON_OBJECT; t++)
        assert_non_null(json_type_name((enum json_type)t));
}

static void test_large_integers_keep_every_digit(void **state)
{
    (void)state;
    AUTO_JSON struct json *v = parsed("[9007199254740992,-9007199254740991,1e3,1e300]");
    const struct json *c = json_first(v);
    assert_true(json_int(c, 0) == 9007199254740992);
    c = json_next(c);
    assert_true(json_int(c, 0) == -9007199254740991);
    c = json_next(c);
    assert_true(json_int(c, 0) == 1000);
    c = json_next(c);
    assert_false(json_is_int(c));
}

static void test_only_keys(void **state)
{
    (void)state;
    static const char *const allowed[] = {"cpus_milli", "memory_bytes", NULL};
    AUTO_JSON struct json *good = parsed("{\"memory_bytes\":1}");
    AUTO_JSON struct json *bad = parsed("{\"memory_bytes\":1,\"memroy\":2,\"x\":1}");
    struct err e = {0};
    OK(json_only_keys(good, "resources", allowed, &e), e);
    FAILS(json_only_keys(bad, "resources", allowed, &e), e, E_INVALID);
    assert_string_equal(e.field, "resources.memroy");
    HAS(e.message, "unknown key \"resources.memroy\"");
    assert_string_equal(e.hint, "known here: cpus_milli, memory_bytes");
    FAILS(json_only_keys(bad, "", allowed, &e), e, E_INVALID);
    assert_string_equal(e.field, "memroy");
    FAILS(json_only_keys(bad, NULL, (const char *const[]){NULL}, &e), e, E_INVALID);
    assert_string_equal(e.field, "memory_bytes");
    const char *many[60];
    for (size_t i = 0; i < 59; i++)
        many[i] = "a_long_name";
    many[59] = NULL;
    FAILS(json_only_keys(bad, "", many, &e), e, E_INVALID);
    HAS(e.hint, "a_long_name, ...");
}

static void test_typed_members(void **state)
{
    (void)state;
    AUTO_JSON struct json *v = parsed("{\"s\":\"abc\",\"e\":\"\",\"i\":5,\"d\":1.5,\"b\":true,\"n\":null,"
                                      "\"a\":[1,2],\"o\":{\"x\":1}}");
    struct err e = {0};
    const char *s = "before";
    int64_t i = 77;
    double d = 77;
    bool b = false;
    const struct json *c = v;

    OK(json_need_str(v, "", "s", 1, 3, &s, &e), e);
    assert_string_equal(s, "abc");
    OK(json_need_str(v, "", "e", 0, 3, &s, &e), e);
    assert_string_equal(s, "");
    FAILS(json_need_str(v, "", "s", 1, 2, &s, &e), e, E_INVALID);
    FAILS(json_need_str(v, "", "s", 4, 9, &s, &e), e, E_INVALID);
    FAILS(json_need_str(v, "", "i", 0, 9, &s, &e), e, E_INVALID);
    FAILS(json_need_str(v, "w", "none", 0, 9, &s, &e), e, E_INVALID);
    assert_string_equal(e.message, "w.none is missing");
    assert_string_equal(e.field, "w.none");
    FAILS(json_need_str(v, "w", "n", 0, 9, &s, &e), e, E_INVALID);
    assert_string_equal(e.message, "w.n is null");
    s = "before";
    e = (struct err){0};
    OK(json_opt_str(v, "", "none", 1, 3, &s, &e), e);
    OK(json_opt_str(v, "", "n", 1, 3, &s, &e), e);
    assert_string_equal(s, "before");
    FAILS(json_opt_str(v, "", "e", 1, 3, &s, &e), e, E_INVALID);

    e = (struct err){0};
    OK(json_need_int(v, "", "i", 5, 5, &i, &e), e);
    assert_int_equal(i, 5);
    i = 77;
    FAILS(json_need_int(v, "", "i", 6, 9, &i, &e), e, E_INVALID);
    assert_string_equal(e.message, "i is 5: it must be an integer from 6 to 9");
    FAILS(json_need_int(v, "", "i", 1, 4, &i, &e), e, E_INVALID);
    FAILS(json_need_int(v, "", "d", 1, 4, &i, &e), e, E_INVALID);
    HAS(e.message, "d is 1.5");
    FAILS(json_need_int(v, "", "s", 1, 4, &i, &e), e, E_INVALID);
    HAS(e.message, "s is \"abc\"");
    FAILS(json_need_int(v, "", "a", 1, 4, &i, &e), e, E_INVALID);
    HAS(e.message, "an array of 2");
    FAILS(json_need_int(v, "", "none", 1, 4, &i, &e), e, E_INVALID);
    e = (struct err){0};
    OK(json_opt_int(v, "", "none", 1, 4, &i, &e), e);
    OK(json_opt_int(v, "", "n", 1, 4, &i, &e), e);
    assert_int_equal(i, 77);
    FAILS(json_opt_int(v, "", "i", 1, 4, &i, &e), e, E_INVALID);

    e = (struct err){0};
    OK(json_opt_num(v, "", "d", 0, 2, &d, &e), e);
    assert_true(d == 1.5);
    OK(json_opt_num(v, "", "none", 0, 2, &d, &e), e);
    FAILS(json_opt_num(v, "", "d", 0, 1, &d, &e), e, E_INVALID);
    FAILS(json_opt_num(v, "", "s", 0, 1, &d, &e), e, E_INVALID);

    e = (struct err){0};
    OK(json_opt_bool(v, "", "b", &b, &e), e);
    assert_true(b);
    OK(json_opt_bool(v, "", "none", &b, &e), e);
    FAILS(json_opt_bool(v, "", "i", &b, &e), e, E_INVALID);
    HAS(e.message, "true or false");

    e = (struct err){0};
    OK(json_opt_array(v, "", "a", 2, &c, &e), e);
    assert_int_equal(json_count(c), 2);
    FAILS(json_opt_array(v, "", "a", 1, &c, &e), e, E_INVALID);
    assert_null(c);
    FAILS(json_opt_array(v, "", "o", 1, &c, &e), e, E_INVALID);
    HAS(e.message, "it must be an array");
    e = (struct err){0};
    OK(json_opt_array(v, "", "none", 2, &c, &e), e);
    assert_null(c);
    OK(json_opt_object(v, "", "o", 1, &c, &e), e);
    assert_int_equal(json_type(c), JSON_OBJECT);
    FAILS(json_opt_object(v, "", "a", 9, &c, &e), e, E_INVALID);
    FAILS(json_opt_object(v, "", "o", 0, &c, &e), e, E_INVALID);
}

static void test_a_long_value_in_an_error_is_only_measured(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_INIT(1 << 20);
    buf_add_str(&b, "{\"k\":\"");
    for (int i = 0; i < 100000; i++)
        buf_add_char(&b, 'x');
    buf_add_str(&b, "\"}");
    AUTO_JSON struct json *v = parsed(b.data);
    struct err e;
    int64_t i;
    FAILS(json_need_int(v, "", "k", 1, 2, &i, &e), e, E_INVALID);
    HAS(e.message, "k is a string of 100000 bytes: it must be an integer from 1 to 2");
}

/* ---- printing ---- */

static void expect_print(const char *in, bool canonical, const char *out)
{
    AUTO_JSON struct json *v = parsed(in);
    AUTO_BUF struct buf b = BUF_INIT(10000);
    json_print(v, canonical, &b);
    assert_string_equal(buf_cstr(&b), out);
}

static void test_print(void **state)
{
    (void)state;
    expect_print(" { \"b\" : [ 1 , 2.50 , -0 ] , \"a\" : null } ", false, "{\"b\":[1,2.5,-0],\"a\":null}");
    expect_print("{\"b\":{\"z\":1,\"y\":[{\"q\":1,\"p\":2}]},\"a\":-0,\"B\":1,\"\xc3\xa9\":2,\"\":3}", true,
                 "{\"\":3,\"B\":1,\"a\":0,\"b\":{\"y\":[{\"p\":2,\"q\":1}],\"z\":1},\"\xc3\xa9\":2}");
    expect_print("[1e3,1.0,1e22,0.1,1e-7,123456789.125,5e-324,1.7976931348623157e308]", true,
                 "[1000,1,1e+22,0.1,1e-07,123456789.125,5e-324,1.7976931348623157e+308]");
    expect_print("\"\\u0001\\u001f\\\"\\\\\\/\\b\\f\\n\\r\\t\\u007f\\u00e9\"", true,
                 "\"\\u0001\\u001f\\\"\\\\/\\b\\f\\n\\r\\t\x7f\xc3\xa9\"");
    AUTO_JSON struct json *v = parsed("[1,2,3]");
    AUTO_BUF struct buf small = BUF_INIT(4);
    json_print(v, true, &small);
    assert_true(small.failed);
}

static void test_canonical_print_of_a_large_object_is_sorted(void **state)
{
    (void)state;
    size_t len;
    AUTO_FREE char *text = object(2000, 2000, &len);
    AUTO_JSON struct json *v = parsed(text);
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    json_print(v, true, &out);
    AUTO_JSON struct json *again = parsed(buf_cstr(&out));
    const char *before = "";
    for (const struct json *c = json_first(again); c; c = json_next(c)) {
        assert_true(strcmp(before, json_key(c)) < 0);
        before = json_key(c);
    }
    assert_int_equal(json_count(again), 2001);
}

static void test_writer(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_INIT(10000);
    struct jw w = jw_to(&b);
    jw_obj(&w);
    jw_str_at(&w, "s", "a\"b\\c\n\x01\xff\xc3\xa9");
    jw_str_at(&w, "null", NULL);
    jw_int_at(&w, "i", INT64_MIN);
    jw_num_at(&w, "nan", NAN);
    jw_num_at(&w, "inf", -INFINITY);
    jw_num_at(&w, "d", 0.1);
    jw_bool_at(&w, "t", true);
    jw_null_at(&w, "n");
    jw_raw_at(&w, "raw", "{\"x\":1}", 7);
    jw_arr_at(&w, "arr");
    jw_end_arr(&w);
    jw_obj_at(&w, "obj");
    jw_end_obj(&w);
    jw_arr_at(&w, "mix");
    jw_int(&w, 1);
    jw_obj(&w);
    jw_end_obj(&w);
    jw_arr(&w);
    jw_str(&w, "");
    jw_null(&w);
    jw_end_arr(&w);
    jw_bool(&w, false);
    jw_strn(&w, "a\0b", 3);
    jw_raw(&w, "5", 1);
    jw_end_arr(&w);
    jw_key(&w, "k\"");
    jw_num(&w, -2);
    jw_end_obj(&w);
    assert_int_equal(w.depth, 0);
    assert_string_equal(
        buf_cstr(&b),
        "{\"s\":\"a\\\"b\\\\c\\n\\u0001\xef\xbf\xbd\xc3\xa9\",\"null\":null,\"i\":-9223372036854775808,"
        "\"nan\":null,\"inf\":null,\"d\":0.1,\"t\":true,\"n\":null,\"raw\":{\"x\":1},\"arr\":[],"
        "\"obj\":{},\"mix\":[1,{},[\"\",null],false,\"a\xef\xbf\xbd" "b\",5],\"k\\\"\":-2}");
}

static void test_any_bytes_written_as_a_string_read_back(void **state)
{
    (void)state;
    srand(20260);
    for (int i = 0; i < 2000; i++) {
        char in[64];
        size_t n = (size_t)rand() % sizeof in;
        for (size_t k = 0; k < n; k++)
            in[k] = (char)rand();
        AUTO_BUF struct buf b = BUF_INIT(10000);
        struct jw w = jw_to(&b);
        struct err e = {0};
        jw_strn(&w, in, n);
        OK(json_scan(b.data, b.len, NULL, &e), e);
    }
}

static void test_numbers_are_the_shortest_that_read_back(void **state)
{
    (void)state;
    srand(4);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
        double d;
        memcpy(&d, &bits, sizeof d);
        if (!isfinite(d))
            continue;
        AUTO_BUF struct buf b = BUF_INIT(100);
        struct jw w = jw_to(&b);
        struct err e = {0};
        jw_num(&w, d);
        AUTO_JSON struct json *v = json_parse(b.data, b.len, NULL, &e);
        if (!v)
            fail_msg("%a printed %s: %s", d, b.data, e.message);
        assert_true(json_num(v, NAN) == d);
    }
    static const struct {
        double d;
        const char *text;
    } rows[] = {{0.1, "0.1"},      {1.0 / 3, "0.3333333333333333"}, {100, "100"},
                {1e21, "1e+21"},   {-0.0, "-0"},                    {DBL_MAX, "1.7976931348623157e+308"},
                {5e-324, "5e-324"}, {9007199254740992.0, "9007199254740992"}, {0.5, "0.5"},
                /* Without the fraction it would read as an integer that lost digits. */
                {9007199254740994.0, "9007199254740994.0"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO_BUF struct buf b = BUF_INIT(100);
        struct jw w = jw_to(&b);
        jw_num(&w, rows[i].d);
        assert_string_equal(buf_cstr(&b), rows[i].text);
    }
}

static void test_the_locale_does_not_show(void **state)
{
    (void)state;
    static const char *const locales[] = {"fr_CA.UTF-8", "fr_FR.UTF-8", "de_DE.UTF-8", "ps_AF.UTF-8"};
    const char *set = NULL;
    for (size_t i = 0; i < sizeof locales / sizeof *locales && !set; i++)
        set = setlocale(LC_ALL, locales[i]);
    if (!set) {
        print_message("no locale with a decimal comma on this host: skipped\n");
        skip();
    }
    AUTO_JSON struct json *v = parsed("[0.5,1.25e-10]");
    assert_true(json_num(json_first(v), 0) == 0.5);
    expect_print("[0.5,1.25e-10]", true, "[0.5,1.25e-10]");
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_every_prefix_of_a_text_is_refused),
        cmocka_unit_test(test_errors_tell_line_column_and_what_was_found),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_duplicates_in_objects_of_any_size),
        cmocka_unit_test(test_no_text_of_4_kib_hides_a_duplicate_from_the_scan),
        cmocka_unit_test(test_a_huge_object_is_not_quadratic),
        cmocka_unit_test(test_comments_are_blanked_in_place),
        cmocka_unit_test(test_a_comment_without_end_is_told_where),
        cmocka_unit_test(test_errors_after_blanking_have_the_line_of_the_file),
        cmocka_unit_test(test_line_of_a_path),
        cmocka_unit_test(test_looking),
        cmocka_unit_test(test_large_integers_keep_every_digit),
        cmocka_unit_test(test_only_keys),
        cmocka_unit_test(test_typed_members),
        cmocka_unit_test(test_a_long_value_in_an_error_is_only_measured),
        cmocka_unit_test(test_print),
        cmocka_unit_test(test_canonical_print_of_a_large_object_is_sorted),
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_any_bytes_written_as_a_string_read_back),
        cmocka_unit_test(test_numbers_are_the_shortest_that_read_back),
        cmocka_unit_test(test_the_locale_does_not_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
