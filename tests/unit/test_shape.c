/* test_shape.c - the grammar of results: what it makes, and what it refuses. */
#include "tests/unit/unit.h"

#include "api/common/json.h"
#include "orchestrator/shape.h"

static void makes(const char *text, const char *schema)
{
    AUTO_BUF struct buf b = BUF_INIT(1 << 20);
    struct err e = {0};
    if (shape_schema(text, &b, &e) < 0)
        fail_msg("%s: %s", text, e.message);
    assert_string_equal(buf_cstr(&b), schema);
    AUTO_JSON struct json *v = json_parse(b.data, b.len, NULL, &e);
    assert_non_null(v);
}

static void test_shapes_make_schemas(void **state)
{
    (void)state;
    makes("text", "{\"type\":\"string\"}");
    makes("[integer]", "{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}");
    makes("text or null", "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}");
    makes("{}", "{\"type\":\"object\",\"properties\":{},\"required\":[]}");
    makes("{*: number}", "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"number\"}}");
    makes("a|b", "{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}");
    makes("'queued'", "{\"const\":\"queued\"}");
    makes("as run.get", "{\"$ref\":\"#/components/schemas/run.get\"}");
    makes("as run.get with {x: true}", "{\"allOf\":[{\"$ref\":\"#/components/schemas/run.get\"},{\"type\":\"object\","
                                       "\"properties\":{\"x\":{\"const\":true}},\"required\":[\"x\"]}]}");
    makes("{at_us, name, left?, n: any (why \"it\" is)}",
          "{\"type\":\"object\",\"properties\":{\"at_us\":{\"type\":\"integer\"},\"name\":{\"type\":\"string\"},"
          "\"left\":{\"type\":\"string\"},\"n\":{\"description\":\"why \\\"it\\\" is\"}},"
          "\"required\":[\"at_us\",\"name\",\"n\"]}");
}

static void test_what_is_no_shape_is_refused_and_adds_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {"",       "strng",  "{",          "{a",       "{a:}",    "{a b}",  "[text",    "text text",
                                      "{a (b}", "a|",     "'queued",    "text or",  "as",      "{*}",    "{*: text", "as x with",
                                      "{,}",    "{a,}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        AUTO_BUF struct buf b = BUF_INIT(1 << 20);
        struct err e = {0};
        buf_add_str(&b, "x");
        if (shape_schema(bad[i], &b, &e) == 0)
            fail_msg("%s made %s", bad[i], buf_cstr(&b));
        assert_int_equal(e.kind, E_INVALID);
        assert_string_equal(buf_cstr(&b), "x");
    }
}

static void test_a_deep_shape_is_refused(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_INIT(1 << 20);
    struct err e = {0};
    assert_int_equal(shape_schema("[[[[[[[[[[[[[[[[[[text]]]]]]]]]]]]]]]]]]", &b, &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes_make_schemas),
        cmocka_unit_test(test_what_is_no_shape_is_refused_and_adds_nothing),
        cmocka_unit_test(test_a_deep_shape_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
