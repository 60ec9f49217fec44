/* test_rpc.c - the JSON-RPC 2.0 envelope, row by row of the specification. */
#include "tests/unit/unit.h"

#include "orchestrator/rpc.h"

static void test_what_is_a_request(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code; /* 0: a request */
        bool has_id;
    } rows[] = {
        {"{\"jsonrpc\":\"2.0\",\"method\":\"lab.ping\",\"id\":1}", 0, true},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"lab.ping\",\"id\":\"a\"}", 0, true},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"lab.ping\",\"id\":null}", 0, true},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"lab.ping\",\"id\":1.5}", 0, true},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"lab.ping\"}", 0, false},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"lab.ping\",\"params\":{}}", 0, false},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"lab.ping\",\"params\":[],\"id\":1}", 0, true},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"lab.ping\",\"params\":[1],\"id\":1}",
         RPC_INVALID_PARAMS, true},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"lab.ping\",\"params\":\"bar\",\"id\":1}",
         RPC_INVALID_REQUEST, true},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"lab.ping\",\"params\":null,\"id\":1}",
         RPC_INVALID_REQUEST, true},
        {"{\"jsonrpc\":\"2.0\",\"method\":1,\"params\":\"bar\"}", RPC_INVALID_REQUEST, false},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", RPC_INVALID_REQUEST, true},
        {"{\"jsonrpc\":\"1.0\",\"method\":\"a\",\"id\":1}", RPC_INVALID_REQUEST, true},
        {"{\"jsonrpc\":2.0,\"method\":\"a\",\"id\":1}", RPC_INVALID_REQUEST, true},
        {"{\"method\":\"a\",\"id\":1}", RPC_INVALID_REQUEST, true},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":[]}", RPC_INVALID_REQUEST, false},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":true}", RPC_INVALID_REQUEST, false},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":{}}", RPC_INVALID_REQUEST, false},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"id\":1,\"extra\":1}", RPC_INVALID_REQUEST, true},
        {"1", RPC_INVALID_REQUEST, false},
        {"\"x\"", RPC_INVALID_REQUEST, false},
        {"null", RPC_INVALID_REQUEST, false},
        {"[]", RPC_INVALID_REQUEST, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = {0};
        struct rpc_call c;
        enum rpc_code code;
        AUTO_JSON struct json *v = json_parse(rows[i].text, strlen(rows[i].text), NULL, &e);
        assert_non_null(v);
        int rc = rpc_read_call(v, &c, &code, &e);
        if ((rc < 0) != (rows[i].code != 0) || (rc < 0 && (int)code != rows[i].code))
            fail_msg("%s: %d, code %d (%s)", rows[i].text, rc, rc < 0 ? (int)code : 0, e.message);
        if ((c.id != NULL) != rows[i].has_id)
            fail_msg("%s: id %s", rows[i].text, c.id ? "was told" : "was not told");
    }
}

static void test_ids_are_echoed_as_they_were(void **state)
{
    (void)state;
    static const char *const ids[] = {"1",   "-7",  "9007199254740991", "\"a \\\"b\\\" é\"", "null",
                                      "1.5", "\"\""};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct err e = {0};
        AUTO_BUF struct buf out = BUF_INIT(1000);
        AUTO_JSON struct json *v = json_parse(ids[i], strlen(ids[i]), NULL, &e);
        rpc_print_id(v, &out);
        assert_string_equal(buf_cstr(&out), ids[i]);
    }
    AUTO_BUF struct buf out = BUF_INIT(1000);
    rpc_print_id(NULL, &out);
    assert_string_equal(buf_cstr(&out), "null");
}

static void test_answers(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT(4000);
    rpc_write_result(&out, "1", 1, "{\"a\":2}", 7);
    assert_string_equal(buf_cstr(&out), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"a\":2}}");
    buf_clear(&out);
    struct err e = {0};
    err_set(&e, E_NOT_FOUND, "run", "look at run.list", "there is no run \"%s\"", "x");
    rpc_write_error(&out, "\"i\"", 3, rpc_code_of(&e), &e);
    assert_string_equal(
        buf_cstr(&out),
        "{\"jsonrpc\":\"2.0\",\"id\":\"i\",\"error\":{\"code\":-32002,\"message\":\"there is no "
        "run "
        "\\\"x\\\"\",\"data\":{\"kind\":\"not_found\",\"field\":\"run\",\"hint\":\"look at "
        "run.list\"}}}");
}

static void test_each_kind_has_its_code(void **state)
{
    (void)state;
    for (int k = E_INVALID; k < E_KIND_COUNT; k++) {
        struct err e = {.kind = (enum err_kind)k};
        assert_int_equal(rpc_code_of(&e), -32000 - k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_a_request),
        cmocka_unit_test(test_ids_are_echoed_as_they_were),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_each_kind_has_its_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
