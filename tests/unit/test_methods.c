/* test_methods.c - every row of the method table: well formed, validating, and in rpc.discover. */
#include "tests/unit/unit.h"

#include "api/common/json.h"
#include "catalog/form.h"
#include "orchestrator/method.h"
#include "orchestrator/shape.h"

static const char sha[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* A text value that a param takes. */
static void put_good(const struct param *p, struct jw *w)
{
    switch (p->type) {
    case PARAM_STRING:
    case PARAM_SCALAR: jw_str(w, p->min > 0 ? "x" : ""); break;
    case PARAM_NAME: jw_str(w, "a-name"); break;
    case PARAM_SHA256: jw_str(w, sha); break;
    case PARAM_RUN: jw_str(w, "r0v7z6d4a0catb"); break;
    case PARAM_INTEGER: jw_int(w, p->min); break;
    case PARAM_BOOLEAN: jw_bool(w, true); break;
    case PARAM_CHOICE: jw_str(w, p->choices[0]); break;
    case PARAM_ARRAY:
        jw_arr(w);
        for (int64_t i = 0; i < (p->min > 1 ? p->min : 1); i++)
            put_good(p->of, w);
        jw_end_arr(w);
        break;
    case PARAM_MAP:
        jw_obj(w);
        jw_key(w, "KEY");
        put_good(p->of, w);
        jw_end_obj(w);
        break;
    case PARAM_OBJECT:
        jw_obj(w);
        for (const struct param *m = p->of; m->name; m++) {
            jw_key(w, m->name);
            put_good(m, w);
        }
        jw_end_obj(w);
        break;
    case PARAM_ANSWERS:
        jw_obj(w);
        jw_end_obj(w);
        break;
    case PARAM_TYPE_COUNT: fail_msg("%s has no type", p->name);
    }
}

static int check_text(const struct method *m, const char *text, struct err *e)
{
    AUTO_JSON struct json *v = json_parse(text, strlen(text), NULL, e);
    assert_non_null(v);
    return method_check(m, v, e);
}

static void all_params(const struct method *m, const char *but, const char *instead,
                       struct buf *out)
{
    struct jw w = jw_to(out);
    jw_obj(&w);
    for (const struct param *p = m->params; p && p->name; p++) {
        if (but && !strcmp(but, p->name)) {
            if (instead)
                jw_raw_at(&w, p->name, instead, strlen(instead));
            continue;
        }
        jw_key(&w, p->name);
        put_good(p, &w);
    }
    jw_end_obj(&w);
}

static void test_every_row_is_whole(void **state)
{
    (void)state;
    const struct method *m;
    for (size_t i = 0; (m = method_at(i)); i++) {
        assert_non_null(m->name);
        assert_non_null(strchr(m->name, '.'));
        assert_non_null(m->summary);
        assert_non_null(m->result);
        assert_non_null(m->handle);
        assert_true(m->errors != 0);
        if (!m->roles)
            fail_msg("%s: nobody may call it", m->name);
        assert_ptr_equal(method_find(m->name), m);
        for (const struct param *p = m->params; p && p->name; p++) {
            assert_true(p->meaning && p->meaning[0]);
            assert_true(p->type < PARAM_TYPE_COUNT);
            assert_true(p->min <= p->max || p->type == PARAM_BOOLEAN || p->type == PARAM_OBJECT);
            if (p->type == PARAM_ARRAY || p->type == PARAM_MAP || p->type == PARAM_OBJECT)
                assert_non_null(p->of);
            if (p->type == PARAM_CHOICE)
                assert_non_null(p->choices);
            if (p->type == PARAM_ANSWERS)
                assert_non_null(form_find(p->form));
            if (p->required)
                assert_null(p->otherwise);
        }
    }
    assert_null(method_find("lab.pin"));
    assert_null(method_find("Lab.ping"));
}

static void test_every_result_is_a_shape(void **state)
{
    (void)state;
    const struct method *m;
    for (size_t i = 0; (m = method_at(i)); i++) {
        AUTO_BUF struct buf b = BUF_INIT(1 << 20);
        struct err e = {0};
        if (shape_schema(m->result, &b, &e) < 0)
            fail_msg("%s: %s (orchestrator/shape.h has the grammar)", m->name, e.message);
        assert_true(!m->notifies == !m->notice);
        if (m->notice && shape_schema(m->notice, &b, &e) < 0)
            fail_msg("%s: %s", m->name, e.message);
    }
}

static void test_every_row_has_an_example(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_INIT(16 << 20);
    struct err e = {0};
    method_discover(&b);
    AUTO_JSON struct json *doc = json_parse(b.data, b.len, NULL, &e);
    assert_non_null(doc);
    for (const struct json *m = json_first(json_get(doc, "methods")); m; m = json_next(m)) {
        const struct json *example = json_first(json_get(m, "examples"));
        if (!example || !json_get(example, "result"))
            fail_msg("%s has no example with params and result: write one in orchestrator/examples/",
                     json_str(json_get(m, "name")));
    }
}

static void test_every_row_takes_what_it_describes(void **state)
{
    (void)state;
    const struct method *m;
    for (size_t i = 0; (m = method_at(i)); i++) {
        struct err e = {0};
        AUTO_BUF struct buf b = BUF_INIT(1 << 20);
        all_params(m, NULL, NULL, &b);
        if (check_text(m, buf_cstr(&b), &e) < 0)
            fail_msg("%s %s: %s", m->name, buf_cstr(&b), e.message);
    }
}

static void test_every_param_refuses_what_it_must(void **state)
{
    (void)state;
    const struct method *m;
    for (size_t i = 0; (m = method_at(i)); i++) {
        for (const struct param *p = m->params; p && p->name; p++) {
            struct err e = {0};
            AUTO_BUF struct buf left_out = BUF_INIT(1 << 20), wrong = BUF_INIT(1 << 20),
                                null = BUF_INIT(1 << 20);
            all_params(m, p->name, NULL, &left_out);
            if ((check_text(m, buf_cstr(&left_out), &e) < 0) != p->required)
                fail_msg("%s without %s: %s", m->name, p->name, e.message);
            all_params(m, p->name, p->type == PARAM_ARRAY ? "{}" : "[]", &wrong);
            FAILS(check_text(m, buf_cstr(&wrong), &e), e, E_INVALID);
            assert_string_equal(e.field, p->name);
            all_params(m, p->name, "null", &null);
            e = (struct err){0};
            if ((check_text(m, buf_cstr(&null), &e) < 0) != p->required)
                fail_msg("%s with %s null: %s", m->name, p->name, e.message);
            if (p->type == PARAM_INTEGER) {
                char text[40];
                static const char *const never[] = {"1.5", "\"1\"", "true"};
                for (size_t k = 0; k < 3; k++) {
                    AUTO_BUF struct buf b = BUF_INIT(1 << 20);
                    all_params(m, p->name, never[k], &b);
                    FAILS(check_text(m, buf_cstr(&b), &e), e, E_INVALID);
                }
                AUTO_BUF struct buf b = BUF_INIT(1 << 20);
                snprintf(text, sizeof text, "%lld", (long long)p->min - 1);
                all_params(m, p->name, text, &b);
                FAILS(check_text(m, buf_cstr(&b), &e), e, E_INVALID);
            }
        }
    }
}

static void test_unknown_params_are_refused_by_name(void **state)
{
    (void)state;
    const struct method *m;
    for (size_t i = 0; (m = method_at(i)); i++) {
        struct err e = {0};
        FAILS(check_text(m, "{\"nonsense\":1}", &e), e, E_INVALID);
        assert_string_equal(e.field, "nonsense");
        HAS(e.hint, m->params ? m->params[0].name : "none");
    }
    struct err e = {0};
    FAILS(check_text(method_find("run.submit"),
                     "{\"command\":[\"x\"],\"resources\":{\"memroy\":1}}", &e),
          e, E_INVALID);
    assert_string_equal(e.field, "resources.memroy");
    HAS(e.hint, "memory_bytes");
}

static void test_calls_without_params(void **state)
{
    (void)state;
    struct err e = {0};
    OK(method_check(method_find("lab.ping"), NULL, &e), e);
    FAILS(method_check(method_find("run.get"), NULL, &e), e, E_INVALID);
    assert_string_equal(e.field, "run");
}

static void test_elements_are_checked_too(void **state)
{
    (void)state;
    static const struct {
        const char *method, *text, *field;
    } rows[] = {
        {"blob.missing", "{\"sha256\":[\"abc\"]}", "sha256[0]"},
        {"run.submit", "{\"command\":[]}", "command"},
        {"run.submit", "{\"command\":[\"a\",1]}", "command[1]"},
        {"run.submit", "{\"command\":[\"a\"],\"env\":{\"A\":1}}", "env.A"},
        {"run.submit", "{\"command\":[\"a\"],\"params\":{\"A\":[]}}", "params.A"},
        {"run.submit", "{\"command\":[\"a\"],\"resources\":{\"cpus_milli\":0}}",
         "resources.cpus_milli"},
        {"run.submit", "{\"command\":[\"a\"],\"limits\":\"none\"}", "limits"},
        {"run.get", "{\"run\":\"abc\"}", "run"},
        {"run.get", "{\"run\":\"../../etc\"}", "run"},
        {"run.submit", "{\"command\":[\"a\"],\"environment\":1}", "environment"},
        {"env.import", "{\"name\":\"x\",\"source\":\"zip\",\"manifest\":\"\"}", "source"},
        {"env.import", "{\"name\":\"x\",\"source\":\"tar\"}", "manifest"},
        {"env.retire", "{\"name\":\"x\"}", "version"},
        {"dataset.add", "{\"name\":\"../x\",\"classification\":\"public\",\"manifest\":\"\"}",
         "name"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = {0};
        FAILS(check_text(method_find(rows[i].method), rows[i].text, &e), e, E_INVALID);
        assert_string_equal(e.field, rows[i].field);
    }
}

static void test_sizes_are_told_in_units(void **state)
{
    (void)state;
    struct err e = {0};
    FAILS(check_text(method_find("run.submit"),
                     "{\"command\":[\"a\"],\"resources\":{\"memory_bytes\":989560464998400}}", &e),
          e, E_INVALID);
    assert_string_equal(e.message,
                        "resources.memory_bytes is 900 TiB, outside 4 MiB to 1 TiB");
    FAILS(check_text(method_find("run.submit"),
                     "{\"command\":[\"a\"],\"resources\":{\"memory_bytes\":4194303}}", &e),
          e, E_INVALID);
    HAS(e.message, "is 3.9 MiB, outside 4 MiB to");
}

static void test_discover_has_every_row(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO_BUF struct buf b = BUF_INIT(1 << 20);
    method_discover(&b);
    assert_false(b.failed);
    AUTO_JSON struct json *doc = json_parse(buf_cstr(&b), b.len, NULL, &e);
    if (!doc)
        fail_msg("%s", e.message);
    assert_non_null(json_str(json_get(doc, "openrpc")));
    assert_non_null(json_str(json_get(json_get(doc, "info"), "title")));
    const struct json *list = json_get(doc, "methods");
    const struct method *m;
    size_t i = 0;
    for (const struct json *told = json_first(list); told; told = json_next(told), i++) {
        size_t n = 0;
        m = method_at(i);
        assert_non_null(m);
        assert_string_equal(json_str(json_get(told, "name")), m->name);
        assert_non_null(json_get(json_get(told, "result"), "schema"));
        for (const struct param *p = m->params; p && p->name; p++)
            n++;
        assert_int_equal(json_count(json_get(told, "params")), n);
    }
    assert_null(method_at(i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_is_whole),
        cmocka_unit_test(test_every_result_is_a_shape),
        cmocka_unit_test(test_every_row_has_an_example),
        cmocka_unit_test(test_every_row_takes_what_it_describes),
        cmocka_unit_test(test_every_param_refuses_what_it_must),
        cmocka_unit_test(test_unknown_params_are_refused_by_name),
        cmocka_unit_test(test_calls_without_params),
        cmocka_unit_test(test_elements_are_checked_too),
        cmocka_unit_test(test_sizes_are_told_in_units),
        cmocka_unit_test(test_discover_has_every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
