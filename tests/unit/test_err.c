/* test_err.c - errors: first cause wins, one line, cut between characters, kinds from errno. */
#include "tests/unit/unit.h"

#include "api/common/text.h"
#include <errno.h>

static void test_an_error_is_small(void **state)
{
    (void)state;
    assert_true(sizeof(struct err) <= 520);
}

static void test_set_fills_every_part(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(err_set(&e, E_LIMIT, "memory", "give less", "%d is too much", 7), -1);
    assert_int_equal(e.kind, E_LIMIT);
    assert_int_equal(e.os_errno, 0);
    assert_string_equal(e.field, "memory");
    assert_string_equal(e.hint, "give less");
    assert_string_equal(e.message, "7 is too much");
}

static void test_field_and_hint_may_be_null(void **state)
{
    (void)state;
    struct err e = {0};
    memset(e.field, 'x', sizeof e.field);
    err_set(&e, E_INVALID, NULL, NULL, "no");
    assert_string_equal(e.field, "");
    assert_string_equal(e.hint, "");
}

static void test_setting_twice_aborts_in_test_builds(void **state)
{
    (void)state;
    struct err e = {0};
    err_set(&e, E_INVALID, NULL, NULL, "first");
    assert_true(ABORTS(err_set(&e, E_LIMIT, NULL, NULL, "second")));
    assert_true(ABORTS(err_sys(&e, NULL, NULL, "second")));
    assert_string_equal(e.message, "first");
}

static void test_a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char text[400] = "";
    for (int shift = 0; shift < 4; shift++) {
        memset(text, 'a', 4);
        for (size_t i = (size_t)shift; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "\xf0\x9f\x98\x80", 4); /* an emoji */
        text[sizeof text - 1] = '\0';
        struct err e = {0};
        err_set(&e, E_INVALID, text, text, "%s", text);
        assert_true(text_is_utf8(e.message, strlen(e.message)));
        assert_true(text_is_utf8(e.field, strlen(e.field)));
        assert_true(text_is_utf8(e.hint, strlen(e.hint)));
        assert_true(strlen(e.message) >= sizeof e.message - 5);
        assert_null(strchr(e.message, '?'));
        assert_true(strlen(e.field) >= sizeof e.field - 5);
    }
}

static void test_values_from_outside_stay_one_line_of_utf8(void **state)
{
    (void)state;
    struct err e = {0};
    err_set(&e, E_INVALID, NULL, NULL, "got \"a\nb\x1b[31m\xff\xc0\xaf\x7f\"");
    assert_string_equal(e.message, "got \"a b?[31m????\"");
}

static void test_sys_keeps_errno_and_tells_why(void **state)
{
    (void)state;
    struct err e = {0};
    errno = ENOENT;
    assert_int_equal(err_sys(&e, "code", "check it", "cannot open %s", "x"), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(e.os_errno, ENOENT);
    assert_int_equal(e.kind, E_NOT_FOUND);
    assert_string_equal(e.message, "cannot open x: No such file or directory");
}

static void test_sys_picks_the_kind(void **state)
{
    (void)state;
    static const struct {
        int os_errno;
        enum err_kind kind;
    } rows[] = {
        {ENOENT, E_NOT_FOUND}, {ESRCH, E_NOT_FOUND},    {EACCES, E_DENIED},
        {EPERM, E_DENIED},     {EROFS, E_DENIED},       {ENOSPC, E_LIMIT},
        {EMFILE, E_LIMIT},     {ENFILE, E_LIMIT},       {ENOMEM, E_LIMIT},
        {EDQUOT, E_LIMIT},     {EFBIG, E_LIMIT},        {EEXIST, E_CONFLICT},
        {ENOTEMPTY, E_CONFLICT}, {EAGAIN, E_UNAVAILABLE}, {EBUSY, E_UNAVAILABLE},
        {ETIMEDOUT, E_UNAVAILABLE}, {ENAMETOOLONG, E_INVALID}, {ELOOP, E_INVALID},
        {ENOTDIR, E_INVALID},  {EINVAL, E_INTERNAL},    {EBADF, E_INTERNAL},
        {EIO, E_INTERNAL},     {0, E_INTERNAL},         {99999, E_INTERNAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = {0};
        errno = rows[i].os_errno;
        err_sys(&e, NULL, NULL, "x");
        if (e.kind != rows[i].kind)
            fail_msg("errno %d gives %s", rows[i].os_errno, err_kind_name(e.kind));
    }
}

static void test_sys_cuts_the_path_and_not_the_reason(void **state)
{
    (void)state;
    char path[600];
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    struct err e = {0};
    errno = EACCES;
    err_sys(&e, NULL, NULL, "cannot open %s", path);
    assert_string_equal(e.message + strlen(e.message) - strlen(": Permission denied"),
                        ": Permission denied");
}

static void test_context_prefixes(void **state)
{
    (void)state;
    struct err e = {0};
    err_set(&e, E_INVALID, "f", "h", "line 3: no");
    assert_int_equal(err_context(&e, "reading %s", "base.jsonc"), -1);
    assert_string_equal(e.message, "reading base.jsonc: line 3: no");
    assert_string_equal(e.field, "f");
    assert_int_equal(e.kind, E_INVALID);
    for (int i = 0; i < 50; i++)
        err_context(&e, "again \xc3\xa9\xc3\xa9");
    assert_true(text_is_utf8(e.message, strlen(e.message)));
}

static void test_context_without_an_error_is_a_bug(void **state)
{
    (void)state;
    struct err e = {0};
    assert_true(ABORTS(err_context(&e, "x")));
}

static void test_kind_names_go_both_ways(void **state)
{
    (void)state;
    for (int k = 0; k < E_KIND_COUNT; k++)
        assert_int_equal(err_kind_of(err_kind_name((enum err_kind)k)), k);
    assert_string_equal(err_kind_name(E_NONE), "none");
    assert_string_equal(err_kind_name(E_NOT_FOUND), "not_found");
    assert_string_equal(err_kind_name((enum err_kind)77), "internal");
    assert_int_equal(err_kind_of("quota"), E_INTERNAL);
    assert_int_equal(err_kind_of(NULL), E_INTERNAL);
}

static void test_errno_names(void **state)
{
    (void)state;
    assert_string_equal(err_errno_name(ENOENT), "ENOENT");
    assert_string_equal(err_errno_name(12345), "errno 12345");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_error_is_small),
        cmocka_unit_test(test_set_fills_every_part),
        cmocka_unit_test(test_field_and_hint_may_be_null),
        cmocka_unit_test(test_setting_twice_aborts_in_test_builds),
        cmocka_unit_test(test_a_long_text_is_cut_between_characters),
        cmocka_unit_test(test_values_from_outside_stay_one_line_of_utf8),
        cmocka_unit_test(test_sys_keeps_errno_and_tells_why),
        cmocka_unit_test(test_sys_picks_the_kind),
        cmocka_unit_test(test_sys_cuts_the_path_and_not_the_reason),
        cmocka_unit_test(test_context_prefixes),
        cmocka_unit_test(test_context_without_an_error_is_a_bug),
        cmocka_unit_test(test_kind_names_go_both_ways),
        cmocka_unit_test(test_errno_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
