/*
 * test_journal.c - a run's log: head and tail kept, the middle counted, metrics line by line.
 */
#include "tests/unit/unit.h"

#include "api/common/fd.h"
#include "runner/journal.h"
#include <fcntl.h>

static char dir[256];
static int dir_fd = -1;
static struct buf text = BUF_INIT((size_t)64 << 20);

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "%s", unit_mkdtemp());
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd < 0;
}

static int teardown(void **state)
{
    (void)state;
    close(dir_fd);
    unit_rmdir(dir);
    buf_fini(&text);
    return 0;
}

static void begin(struct journal *j, int64_t head_bytes)
{
    struct err e = {0};
    unlinkat(dir_fd, "log", 0);
    OK(journal_open(j, dir_fd, head_bytes, false, &e), e);
}

/* Ends the journal, reads the file, gives all bytes of one stream one after the other. */
static const char *all_of(struct journal *j, enum runlog_stream stream, size_t *count)
{
    static struct buf out = BUF_INIT((size_t)64 << 20);
    struct err e = {0};
    if (j->fd >= 0)
        OK(journal_finish(j, &e), e);
    buf_clear(&text);
    buf_clear(&out);
    OK(fd_read_file(dir_fd, "log", (size_t)64 << 20, &text, &e), e);
    *count = 0;
    for (size_t at = 0; at < text.len;) {
        struct runlog_frame f;
        long n = runlog_read(text.data + at, text.len - at, &f, &e);
        assert_true(n > 0);
        if (f.stream == stream) {
            buf_add(&out, f.bytes, f.len);
            buf_add_char(&out, '|');
            (*count)++;
        }
        at += (size_t)n;
    }
    return buf_cstr(&out);
}

static void streams_are_told_apart(void **state)
{
    struct journal j;
    size_t n;
    (void)state;
    begin(&j, 1000);
    journal_output(&j, RUNLOG_STDOUT, "out", 3);
    journal_output(&j, RUNLOG_STDERR, "err", 3);
    assert_string_equal(all_of(&j, RUNLOG_STDOUT, &n), "out|");
    assert_string_equal(all_of(&j, RUNLOG_STDERR, &n), "err|");
    assert_int_equal(j.kept_bytes, 6);
}

static void head_and_tail_are_kept_and_the_middle_is_counted(void **state)
{
    enum { LINES = 400000, LINE = 10 };
    struct journal j;
    size_t n;
    char line[LINE + 1];
    (void)state;
    begin(&j, 100 * (LINE + RUNLOG_HEADER_BYTES));
    for (int i = 0; i < LINES; i++) {
        snprintf(line, sizeof line, "%09d\n", i);
        journal_output(&j, RUNLOG_STDOUT, line, LINE);
    }
    const char *kept = all_of(&j, RUNLOG_STDOUT, &n);
    HAS(kept, "000000000\n");
    HAS(kept, "000000099\n");
    HAS(kept, "000399999\n");
    assert_null(strstr(kept, "000000100\n"));
    assert_int_equal(j.kept_bytes + j.dropped_bytes, (int64_t)LINES * LINE);
    assert_true(j.kept_bytes <= 100 * LINE + JOURNAL_TAIL_BYTES);
    assert_true(j.dropped_bytes > 0);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "{\"dropped_bytes\":%lld}|", (long long)j.dropped_bytes);
    assert_string_equal(all_of(&j, RUNLOG_GAP, &n), wanted);
}

static void a_huge_write_is_cut_into_frames(void **state)
{
    static char block[300000];
    struct journal j;
    size_t n;
    (void)state;
    memset(block, 'x', sizeof block);
    begin(&j, 2 * sizeof block);
    journal_output(&j, RUNLOG_STDOUT, block, sizeof block);
    all_of(&j, RUNLOG_STDOUT, &n);
    assert_int_equal(n, (sizeof block + RUNLOG_FRAME_MAX_BYTES - 1) / RUNLOG_FRAME_MAX_BYTES);
}

static void metrics_come_by_line_however_they_are_cut(void **state)
{
    static const char said[] = "{\"metric\":\"a\",\"value\":1}\n{\"metric\":\"b\",\"value\":2}\r\n\n{\"c\":3}";
    struct journal j;
    size_t n;
    (void)state;
    begin(&j, 1000);
    for (size_t i = 0; i < sizeof said - 1; i++)
        journal_metrics(&j, said + i, 1);
    assert_string_equal(all_of(&j, RUNLOG_METRIC, &n),
                        "{\"metric\":\"a\",\"value\":1}|{\"metric\":\"b\",\"value\":2}|{\"c\":3}|");
    assert_int_equal(j.metric_lines, 3);
    assert_int_equal(j.bad_lines, 0);
}

static void a_bad_metric_is_counted_and_shown(void **state)
{
    struct journal j;
    size_t n;
    char huge[JOURNAL_LINE_BYTES + 10];
    (void)state;
    memset(huge, 'x', sizeof huge);
    huge[sizeof huge - 1] = '\n';
    begin(&j, 1000);
    journal_metrics(&j, "hello\n", 6);
    journal_metrics(&j, "[1]\n", 4);
    journal_metrics(&j, huge, sizeof huge);
    journal_metrics(&j, "{\"a\":1,\"a\":2}\n", 14);
    journal_metrics(&j, "{\"ok\":1}\n", 9);
    const char *events = all_of(&j, RUNLOG_EVENT, &n);
    assert_int_equal(n, 4);
    HAS(events, "hello");
    HAS(events, "not a JSON object");
    HAS(events, "longer than 4096 bytes");
    assert_int_equal(j.metric_lines, 1);
    assert_int_equal(j.bad_lines, 4);
}

static void a_log_is_never_written_over(void **state)
{
    struct journal j;
    struct err e;
    size_t n;
    (void)state;
    begin(&j, 10);
    all_of(&j, RUNLOG_STDOUT, &n);
    FAILS(journal_open(&j, dir_fd, 10, false, &e), e, E_CONFLICT);
}

/* A limit on the size of files stands for a full disk: the same short write and error. */
static void on_a_full_disk_nothing_is_lost_that_fits_later(void **state)
{
    struct journal j;
    size_t n;
    char line[1000];
    const struct rlimit small = {5000, RLIM_INFINITY}, large = {RLIM_INFINITY, RLIM_INFINITY};
    (void)state;
    memset(line, 'x', sizeof line);
    signal(SIGXFSZ, SIG_IGN);
    begin(&j, 1 << 20);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 20; i++)
        journal_output(&j, RUNLOG_STDOUT, line, sizeof line);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &large), 0);
    all_of(&j, RUNLOG_STDOUT, &n);
    assert_int_equal(j.kept_bytes, 20000);
    assert_int_equal(j.dropped_bytes, 0);
    assert_int_equal(n, 20);
}

static void what_a_full_disk_takes_is_counted(void **state)
{
    struct journal j;
    struct err e;
    char line[1000];
    const struct rlimit small = {5000, RLIM_INFINITY}, large = {RLIM_INFINITY, RLIM_INFINITY};
    (void)state;
    memset(line, 'x', sizeof line);
    begin(&j, 1 << 20);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 20; i++)
        journal_output(&j, RUNLOG_STDOUT, line, sizeof line);
    journal_metrics(&j, "{\"metric\":\"a\",\"value\":1}\n", 25);
    e = (struct err){0};
    assert_int_equal(journal_finish(&j, &e), -1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &large), 0);
    assert_int_equal(j.kept_bytes + j.dropped_bytes, 20000);
    assert_true(j.dropped_bytes > 0);
    assert_int_equal(j.dropped_lines, 1);
    assert_int_equal(j.metric_lines, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_are_told_apart),
        cmocka_unit_test(head_and_tail_are_kept_and_the_middle_is_counted),
        cmocka_unit_test(a_huge_write_is_cut_into_frames),
        cmocka_unit_test(metrics_come_by_line_however_they_are_cut),
        cmocka_unit_test(a_bad_metric_is_counted_and_shown),
        cmocka_unit_test(a_log_is_never_written_over),
        cmocka_unit_test(on_a_full_disk_nothing_is_lost_that_fits_later),
        cmocka_unit_test(what_a_full_disk_takes_is_counted),
    };
    return cmocka_run_group_tests_name("journal", tests, setup, teardown);
}
