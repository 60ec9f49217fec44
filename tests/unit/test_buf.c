/* test_buf.c - the bounded buffer: bounds are exact, what it had stays. */
#include "tests/unit/unit.h"

#include "api/common/buf.h"

static void test_adds_and_ends_with_nul(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_INIT(100);
    buf_add(&b, "ab", 2);
    buf_add_str(&b, "cd");
    buf_add_char(&b, 'e');
    buf_printf(&b, "%d", 42);
    assert_int_equal(b.len, 7);
    assert_string_equal(b.data, "abcde42");
    buf_add(&b, NULL, 0);
    assert_int_equal(b.len, 7);
}

static void test_the_bound_is_exact_and_keeps_what_was(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_INIT(5);
    buf_add_str(&b, "12345");
    assert_false(b.failed);
    buf_add_char(&b, '6');
    assert_true(b.failed);
    assert_string_equal(b.data, "12345");
    buf_clear(&b);
    assert_false(b.failed);
    buf_printf(&b, "%s", "123456");
    assert_true(b.failed);
    assert_int_equal(b.len, 0);
    assert_string_equal(buf_cstr(&b), "");
    buf_clear(&b);
    buf_printf(&b, "%s", "12345");
    assert_false(b.failed);
    assert_string_equal(b.data, "12345");
}

static void test_after_failing_additions_do_nothing(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_INIT(5);
    buf_add_str(&b, "123");
    buf_add_str(&b, "456");
    buf_add_str(&b, "7");
    buf_printf(&b, "8");
    assert_null(buf_reserve(&b, 1));
    assert_string_equal(b.data, "123");
}

static void test_a_zero_bound_holds_nothing(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = {0};
    buf_add(&b, "", 0);
    assert_false(b.failed);
    buf_add_char(&b, 'x');
    assert_true(b.failed);
    assert_string_equal(buf_cstr(&b), "");
}

static void test_printf_of_any_length(void **state)
{
    (void)state;
    for (size_t len = 0; len < 1200; len++) {
        AUTO_BUF struct buf b = BUF_INIT(2000);
        buf_add_str(&b, "head ");
        buf_printf(&b, "%0*d", (int)len + 1, 7);
        assert_int_equal(b.len, 5 + len + 1);
        assert_int_equal(strlen(b.data), b.len);
        assert_int_equal(b.data[b.len - 1], '7');
    }
}

static void test_consume(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_INIT(100);
    buf_consume(&b, 3); /* of nothing */
    buf_add_str(&b, "abcdef");
    buf_consume(&b, 2);
    assert_string_equal(b.data, "cdef");
    buf_consume(&b, 99);
    assert_int_equal(b.len, 0);
    assert_string_equal(b.data, "");
}

static void test_reserve_then_set_len(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_INIT(10);
    char *room = buf_reserve(&b, 10);
    assert_non_null(room);
    memset(room, 'z', 10);
    b.len += 10;
    assert_string_equal(buf_cstr(&b), "zzzzzzzzzz");
    assert_null(buf_reserve(&b, 1));
    assert_true(b.failed);
}

static void test_cstr_and_take_of_an_empty_one(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_INIT(10);
    assert_string_equal(buf_cstr(&b), "");
    assert_non_null(b.data);
    char *taken = buf_take(&b);
    assert_string_equal(taken, "");
    free(taken);
    assert_null(b.data);
    buf_add_str(&b, "again");
    taken = buf_take(&b);
    assert_string_equal(taken, "again");
    free(taken);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.max_bytes, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adds_and_ends_with_nul),
        cmocka_unit_test(test_the_bound_is_exact_and_keeps_what_was),
        cmocka_unit_test(test_after_failing_additions_do_nothing),
        cmocka_unit_test(test_a_zero_bound_holds_nothing),
        cmocka_unit_test(test_printf_of_any_length),
        cmocka_unit_test(test_consume),
        cmocka_unit_test(test_reserve_then_set_len),
        cmocka_unit_test(test_cstr_and_take_of_an_empty_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
