/* test_runlog.c - frames of a run's log: as drawn, cut short, corrupt. */
#include "tests/unit/unit.h"

#include "api/common/runlog.h"

static size_t put(char *out, enum runlog_stream stream, const char *text, int64_t time_us)
{
    runlog_header((unsigned char *)out, stream, strlen(text), time_us);
    memcpy(out + RUNLOG_HEADER_BYTES, text, strlen(text));
    return RUNLOG_HEADER_BYTES + strlen(text);
}

static void test_the_header_is_as_drawn(void **state)
{
    (void)state;
    unsigned char h[RUNLOG_HEADER_BYTES];
    static const unsigned char wanted[] = {0x34, 0x12, 0, 0, 2, 0, 0xC5, 0xE1,
                                           8,    7,    6, 5, 4, 3, 2,    1};
    runlog_header(h, RUNLOG_STDERR, 0x1234, 0x0102030405060708);
    assert_memory_equal(h, wanted, sizeof wanted);
}

static void test_frames_read_back(void **state)
{
    (void)state;
    char log[200];
    struct err e = {0};
    struct runlog_frame f;
    size_t len = put(log, RUNLOG_STDOUT, "hello\n", 12);
    len += put(log + len, RUNLOG_METRIC, "", -5);
    len += put(log + len, RUNLOG_GAP, "{\"dropped_bytes\":3}", INT64_MAX);
    long n = runlog_read(log, len, &f, &e);
    assert_int_equal(n, 16 + 6);
    assert_int_equal(f.stream, RUNLOG_STDOUT);
    assert_int_equal(f.time_us, 12);
    assert_int_equal(f.len, 6);
    assert_memory_equal(f.bytes, "hello\n", 6);
    long m = runlog_read(log + n, len - (size_t)n, &f, &e);
    assert_int_equal(m, 16);
    assert_int_equal(f.len, 0);
    assert_int_equal(f.time_us, -5);
    n += m;
    n += runlog_read(log + n, len - (size_t)n, &f, &e);
    assert_int_equal(f.time_us, INT64_MAX);
    assert_int_equal((size_t)n, len);
    assert_int_equal(runlog_read(log + n, 0, &f, &e), 0);
}

static void test_a_frame_cut_anywhere_is_not_there_yet(void **state)
{
    (void)state;
    char log[100];
    struct runlog_frame f;
    size_t len = put(log, RUNLOG_EVENT, "{\"event\":\"running\"}", 1);
    for (size_t i = 0; i < len; i++) {
        struct err e = {0};
        assert_int_equal(runlog_read(log, i, &f, &e), 0);
        assert_int_equal(e.kind, E_NONE);
    }
}

static void test_what_is_no_frame_is_an_error(void **state)
{
    (void)state;
    static const struct {
        int at;
        unsigned char byte;
    } rows[] = {{4, 0}, {4, 6}, {4, 255}, {5, 1}, {6, 0xC4}, {7, 0}, {2, 2}, {3, 0x80}};
    struct runlog_frame f;
    struct err e;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char log[100];
        size_t len = put(log, RUNLOG_STDOUT, "x", 1);
        log[rows[i].at] = (char)rows[i].byte;
        e = (struct err){0};
        if (runlog_read(log, len, &f, &e) != -1)
            fail_msg("byte %d = %02x passed", rows[i].at, rows[i].byte);
        assert_int_equal(e.kind, E_INTERNAL);
        HAS(e.message, "corrupt");
    }
    /* What a crash leaves on some file systems. */
    static const char zeros[64];
    e = (struct err){0};
    assert_int_equal(runlog_read(zeros, sizeof zeros, &f, &e), -1);
}

static void test_the_largest_frame(void **state)
{
    (void)state;
    static char log[RUNLOG_HEADER_BYTES + RUNLOG_FRAME_MAX_BYTES + 1];
    struct runlog_frame f;
    struct err e = {0};
    runlog_header((unsigned char *)log, RUNLOG_STDOUT, RUNLOG_FRAME_MAX_BYTES, 1);
    assert_int_equal(runlog_read(log, sizeof log, &f, &e),
                     RUNLOG_HEADER_BYTES + RUNLOG_FRAME_MAX_BYTES);
    log[0] = 1; /* 65537 */
    assert_int_equal(runlog_read(log, sizeof log, &f, &e), -1);
    assert_true(ABORTS(runlog_header((unsigned char *)log, RUNLOG_STDOUT,
                                     RUNLOG_FRAME_MAX_BYTES + 1, 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_header_is_as_drawn),
        cmocka_unit_test(test_frames_read_back),
        cmocka_unit_test(test_a_frame_cut_anywhere_is_not_there_yet),
        cmocka_unit_test(test_what_is_no_frame_is_an_error),
        cmocka_unit_test(test_the_largest_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
