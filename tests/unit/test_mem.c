/* test_mem.c - allocation, release by scope, arenas. */
#include "tests/unit/unit.h"

#include "api/common/mem.h"

static void test_memory_is_zeroed_and_never_null(void **state)
{
    (void)state;
    AUTO_FREE unsigned char *p = mem_alloc(1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(p[i], 0);
    AUTO_FREE void *none = mem_alloc(0);
    assert_non_null(none);
    AUTO_FREE void *tried = mem_try(10);
    assert_non_null(tried);
}

static void test_grow_checks_overflow(void **state)
{
    (void)state;
    int *p = mem_grow(NULL, 3, sizeof *p);
    p[2] = 5;
    p = mem_grow(p, 3000, sizeof *p);
    assert_int_equal(p[2], 5);
    p = mem_grow(p, 0, sizeof *p);
    assert_non_null(p);
    free(p);
    volatile size_t huge = SIZE_MAX / 2;
    assert_true(ABORTS(mem_grow(NULL, huge, 4)));
}

static void test_strings(void **state)
{
    (void)state;
    assert_null(mem_strdup(NULL));
    assert_null(mem_strndup(NULL, 3));
    AUTO_FREE char *a = mem_strdup("abc");
    AUTO_FREE char *b = mem_strndup("abcdef", 4);
    AUTO_FREE char *c = mem_strndup("ab", 400);
    AUTO_FREE char *d = mem_printf("%s-%d", "x", 12);
    assert_string_equal(a, "abc");
    assert_string_equal(b, "abcd");
    assert_string_equal(c, "ab");
    assert_string_equal(d, "x-12");
}

static char *make(void)
{
    AUTO_FREE char *p = mem_strdup("kept");
    return ptr_take(&p);
}

static void test_take_hands_over(void **state)
{
    (void)state;
    AUTO_FREE char *p = make();
    assert_string_equal(p, "kept");
    AUTO_FREE char *q = ptr_take(&p);
    assert_null(p);
    assert_string_equal(q, "kept");
    mem_free_at(&q);
    assert_null(q);
    mem_free_at(&q); /* twice does nothing */
}

static void test_arena_pieces_are_apart_zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    unsigned char *seen[2000];
    size_t sizes[2000];
    for (size_t i = 0; i < 2000; i++) {
        sizes[i] = i % 97 == 0 ? 10000 + i : i % 61; /* 0 too */
        seen[i] = arena_alloc(a, sizes[i]);
        assert_int_equal((uintptr_t)seen[i] % 16, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(seen[i][k], 0);
        memset(seen[i], (int)(i & 0xff) | 1, sizes[i]);
    }
    for (size_t i = 0; i < 2000; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            if (seen[i][k] != (unsigned char)((i & 0xff) | 1))
                fail_msg("piece %zu was written over", i);
    arena_free(a);
    arena_free(NULL);
}

static void test_arena_strings(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    assert_null(arena_strdup(a, NULL));
    assert_string_equal(arena_strdup(a, "abc"), "abc");
    assert_string_equal(arena_strndup(a, "abcdef", 2), "ab");
    assert_string_equal(arena_printf(a, "%05d", 42), "00042");
    char big[9000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_string_equal(arena_printf(a, "%s", big), big);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_and_never_null),
        cmocka_unit_test(test_grow_checks_overflow),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_take_hands_over),
        cmocka_unit_test(test_arena_pieces_are_apart_zeroed_and_aligned),
        cmocka_unit_test(test_arena_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
