/* test_log.c - a log line is one strict JSON object, whatever its fields hold. */
#include "tests/unit/unit.h"

#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/log.h"
#include <errno.h>
#include <fcntl.h>

static int log_file = -1;

/* Runs with standard error in a file, and gives what was written there. */
static char *captured(void (*say)(void))
{
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    struct err e = {0};
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    log_file = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    dup2(log_file, STDERR_FILENO);
    say();
    dup2(saved, STDERR_FILENO);
    close(saved);
    lseek(log_file, 0, SEEK_SET);
    OK(fd_read_all(log_file, 1 << 20, &out, "log", &e), e);
    close(log_file);
    return buf_take(&out);
}

static struct json *line_of(const char *text)
{
    struct err e = {0};
    size_t len = strlen(text);
    assert_true(len > 0 && text[len - 1] == '\n');
    assert_ptr_equal(strchr(text, '\n'), text + len - 1); /* one line */
    struct json *v = json_parse(text, len, NULL, &e);
    if (!v)
        fail_msg("%s: %s", e.message, text);
    return v;
}

static void say_fields(void)
{
    struct err e = {0};
    errno = EACCES;
    err_sys(&e, "code", "look", "cannot open x");
    log_warn("run.refused", LOG_STR("run", "r1"), LOG_INT("count", -7), LOG_STR("none", NULL),
             LOG_ERR(&e));
}

static void test_fields(void **state)
{
    (void)state;
    log_init("enclosd", LOG_INFO_LEVEL);
    char *text = captured(say_fields);
    struct json *v = line_of(text);
    assert_string_equal(json_str(json_get(v, "level")), "warn");
    assert_string_equal(json_str(json_get(v, "program")), "enclosd");
    assert_string_equal(json_str(json_get(v, "event")), "run.refused");
    assert_string_equal(json_str(json_get(v, "run")), "r1");
    assert_int_equal(json_int(json_get(v, "count"), 0), -7);
    assert_int_equal(json_type(json_get(v, "none")), JSON_NULL);
    const char *when = json_str(json_get(v, "time"));
    assert_int_equal(strlen(when), strlen("2026-11-24T05:28:59.123456Z"));
    assert_int_equal(when[26], 'Z');
    const struct json *error = json_get(v, "error");
    assert_string_equal(json_str(json_get(error, "kind")), "denied");
    assert_string_equal(json_str(json_get(error, "errno")), "EACCES");
    assert_string_equal(json_str(json_get(error, "hint")), "look");
    json_free(v);
    free(text);
}

static void say_nasty(void)
{
    log_info("x", LOG_STR("v", "a\nb\"\\\x1b[0m\xff\x01{\"forged\":1}\n{"));
}

static void test_values_cannot_forge_a_line(void **state)
{
    (void)state;
    char *text = captured(say_nasty);
    struct json *v = line_of(text);
    assert_string_equal(json_str(json_get(v, "v")),
                        "a\nb\"\\\x1b[0m\xef\xbf\xbd\x01{\"forged\":1}\n{");
    json_free(v);
    free(text);
}

static void say_long(void)
{
    static char text[100001];
    memset(text, 'x', sizeof text - 1);
    for (size_t i = 1; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    log_info("x", LOG_STR("v", text));
}

static void test_a_long_value_is_cut_between_characters(void **state)
{
    (void)state;
    char *text = captured(say_long);
    struct json *v = line_of(text);
    const char *s = json_str(json_get(v, "v"));
    assert_true(strlen(s) > 1000 && strlen(s) < 4096);
    assert_null(strstr(s, "\xef\xbf\xbd"));
    json_free(v);
    free(text);
}

static void say_too_much(void)
{
    static char text[2001];
    memset(text, '\x01', sizeof text - 1); /* six bytes each once escaped */
    log_info("x", LOG_STR("a", text), LOG_STR("b", text), LOG_STR("c", text), LOG_STR("d", text));
}

static void test_too_many_fields_still_give_a_line(void **state)
{
    (void)state;
    char *text = captured(say_too_much);
    struct json *v = line_of(text);
    assert_string_equal(json_str(json_get(v, "event")), "x");
    assert_true(json_bool(json_get(v, "cut"), false));
    json_free(v);
    free(text);
}

static void say_levels(void)
{
    log_debug("no");
    log_info("no");
    log_warn("yes");
    log_error("yes");
}

static void test_levels(void **state)
{
    (void)state;
    log_init("enclosd", LOG_WARN_LEVEL);
    char *text = captured(say_levels);
    assert_null(strstr(text, "\"no\""));
    HAS(text, "\"level\":\"warn\"");
    HAS(text, "\"level\":\"error\"");
    log_init("enclosd", LOG_INFO_LEVEL);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_values_cannot_forge_a_line),
        cmocka_unit_test(test_a_long_value_is_cut_between_characters),
        cmocka_unit_test(test_too_many_fields_still_give_a_line),
        cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
