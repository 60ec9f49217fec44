/* test_frame.c - lines out of a stream, however it is cut. */
#include "tests/unit/unit.h"

#include "api/common/frame.h"

static void feed(struct frame_reader *r, const char *s)
{
    struct err e = {0};
    OK(frame_feed(r, s, strlen(s), &e), e);
}

static void expect(struct frame_reader *r, const char *line)
{
    size_t len = 0;
    char *got = frame_next(r, &len);
    if (!got)
        fail_msg("no line, wanted \"%s\"", line);
    assert_string_equal(got, line);
    assert_int_equal(len, strlen(line));
}

static void expect_none(struct frame_reader *r)
{
    size_t len;
    assert_null(frame_next(r, &len));
}

static void test_several_lines_in_one_read(void **state)
{
    (void)state;
    struct frame_reader r;
    frame_init(&r);
    expect_none(&r);
    feed(&r, "{\"a\":1}\n[2]\r\n\n\r\nthree\nfou");
    expect(&r, "{\"a\":1}");
    expect(&r, "[2]");
    expect(&r, "three");
    expect_none(&r);
    expect_none(&r);
    feed(&r, "r\n");
    expect(&r, "four");
    expect_none(&r);
    frame_fini(&r);
}

static void test_a_byte_at_a_time(void **state)
{
    (void)state;
    struct frame_reader r;
    static const char text[] = "one\r\n\n  two\r\r\n\rthree\n";
    static const char *const lines[] = {"one", "  two\r", "\rthree"};
    size_t seen = 0, len;
    struct err e = {0};
    frame_init(&r);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        OK(frame_feed(&r, text + i, 1, &e), e);
        for (char *got; (got = frame_next(&r, &len));) {
            assert_true(seen < 3);
            assert_string_equal(got, lines[seen]);
            assert_int_equal(len, strlen(lines[seen++]));
        }
    }
    assert_int_equal(seen, 3);
    frame_fini(&r);
}

static void test_every_cut_gives_the_same_lines(void **state)
{
    (void)state;
    static const char text[] = "a\nbb\n\nccc\r\nd";
    for (size_t i = 0; i < sizeof text; i++)
        for (size_t k = i; k < sizeof text; k++) {
            struct frame_reader r;
            struct err e = {0};
            char seen[64] = "";
            size_t cuts[] = {0, i, k, sizeof text - 1}, len;
            frame_init(&r);
            for (int c = 0; c < 3; c++) {
                OK(frame_feed(&r, text + cuts[c], cuts[c + 1] - cuts[c], &e), e);
                for (char *got; (c != 1 || i % 2) && (got = frame_next(&r, &len));) {
                    strcat(seen, got);
                    strcat(seen, "|");
                }
                if (cuts[c + 1] == sizeof text - 1 && c < 2)
                    cuts[2] = cuts[3];
            }
            assert_string_equal(seen, "a|bb|ccc|");
            frame_fini(&r);
        }
}

static void test_bytes_of_nul_stay_in_the_line(void **state)
{
    (void)state;
    struct frame_reader r;
    struct err e = {0};
    size_t len;
    frame_init(&r);
    OK(frame_feed(&r, "a\0b\n", 4, &e), e);
    char *got = frame_next(&r, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(got, "a\0b", 4);
    frame_fini(&r);
}

static void test_the_longest_line_passes_and_one_more_does_not(void **state)
{
    (void)state;
    char *text = malloc(FRAME_MAX_BYTES + 2);
    memset(text, 'x', FRAME_MAX_BYTES + 1);
    for (int longer = 0; longer <= 1; longer++)
        for (size_t piece = 1000; piece <= (2u << 20); piece *= 50) {
            struct frame_reader r;
            struct err e = {0};
            size_t len, total = FRAME_MAX_BYTES + (size_t)longer;
            int rc = 0;
            frame_init(&r);
            for (size_t at = 0; at < total && rc == 0; at += piece)
                rc = frame_feed(&r, text + at, piece < total - at ? piece : total - at, &e);
            if (rc == 0)
                rc = frame_feed(&r, "\n", 1, &e);
            if (longer) {
                assert_int_equal(rc, -1);
                assert_int_equal(e.kind, E_LIMIT);
            } else {
                assert_int_equal(rc, 0);
                assert_non_null(frame_next(&r, &len));
                assert_int_equal(len, FRAME_MAX_BYTES);
            }
            frame_fini(&r);
        }
    free(text);
}

static void test_a_long_line_behind_lines_not_taken_yet(void **state)
{
    (void)state;
    struct frame_reader r;
    struct err e = {0};
    size_t len;
    char *text = malloc(FRAME_MAX_BYTES);
    memset(text, 'x', FRAME_MAX_BYTES);
    frame_init(&r);
    feed(&r, "first\nsec");
    OK(frame_feed(&r, text, FRAME_MAX_BYTES - 3, &e), e);
    FAILS(frame_feed(&r, "x", 1, &e), e, E_LIMIT);
    expect(&r, "first");
    e = (struct err){0};
    OK(frame_feed(&r, "\nthird\n", 7, &e), e);
    assert_non_null(frame_next(&r, &len));
    assert_int_equal(len, FRAME_MAX_BYTES);
    expect(&r, "third");
    frame_fini(&r);
    free(text);
}

static void test_nobody_taking_lines_has_a_bound(void **state)
{
    (void)state;
    struct frame_reader r;
    struct err e = {0};
    char lines[4096];
    int rc = 0;
    memset(lines, '\n', sizeof lines);
    lines[0] = 'x';
    frame_init(&r);
    for (int i = 0; i < 10000 && rc == 0; i++)
        rc = frame_feed(&r, lines, sizeof lines, &e);
    assert_int_equal(rc, -1);
    assert_int_equal(e.kind, E_LIMIT);
    expect(&r, "x");
    frame_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several_lines_in_one_read),
        cmocka_unit_test(test_a_byte_at_a_time),
        cmocka_unit_test(test_every_cut_gives_the_same_lines),
        cmocka_unit_test(test_bytes_of_nul_stay_in_the_line),
        cmocka_unit_test(test_the_longest_line_passes_and_one_more_does_not),
        cmocka_unit_test(test_a_long_line_behind_lines_not_taken_yet),
        cmocka_unit_test(test_nobody_taking_lines_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
