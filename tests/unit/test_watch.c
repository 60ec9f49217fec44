/* test_watch.c - frames of a log as events and chunks: whole, resumable, bounded. */
#include "tests/unit/unit.h"

#include "api/common/fd.h"
#include "api/common/frame.h"
#include "api/common/json.h"
#include "api/common/runlog.h"
#include "orchestrator/watch.h"
#include <fcntl.h>

static struct store store;
static char *folder;
static uint64_t size;

static void write_frame(enum runlog_stream stream, const char *p, size_t len, int64_t time_us)
{
    unsigned char head[RUNLOG_HEADER_BYTES];
    char path[300];
    snprintf(path, sizeof path, "%s/rtest", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/rtest/log", folder);
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    runlog_header(head, stream, len, time_us);
    assert_int_equal(fd_write_all(fd, head, sizeof head), 0);
    assert_int_equal(fd_write_all(fd, p, len), 0);
    size += sizeof head + len;
}

static int set_up(void **state)
{
    (void)state;
    folder = unit_mkdtemp();
    size = 0;
    store.runs_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return store.runs_fd < 0;
}

static int tear_down(void **state)
{
    (void)state;
    close(store.runs_fd);
    unit_rmdir(folder);
    return 0;
}

static void test_no_log_is_an_empty_one(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    struct watch_read r = {.format = WATCH_EVENTS, .max_bytes = 1000, .out = &out};
    OK(watch_read(&store, "rtest", &r, &e), e);
    assert_true(r.eof);
    assert_int_equal(r.position, 0);
}

static void test_events_say_what_the_frames_hold(void **state)
{
    (void)state;
    struct err e = {0};
    write_frame(RUNLOG_STDOUT, "h\xc3\xa9\n\"", 5, 11);
    write_frame(RUNLOG_STDERR, "\xff\x00x", 3, 12);
    write_frame(RUNLOG_METRIC, "{\"metric\":\"auc\",\"value\":1}", 26, 13);
    write_frame(RUNLOG_GAP, "{\"dropped_bytes\":7}", 19, 14);
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    struct watch_read r = {.format = WATCH_EVENTS, .number = 5, .max_bytes = 100000, .out = &out};
    OK(watch_read(&store, "rtest", &r, &e), e);
    assert_true(r.eof);
    assert_int_equal(r.position, size);
    assert_string_equal(buf_cstr(&out),
                        "{\"jsonrpc\":\"2.0\",\"method\":\"run.event\",\"params\":{"
                        "\"subscription\":5,\"number\":0,\"next\":21,\"time_us\":11,"
                        "\"type\":\"stdout\",\"text\":\"h\xc3\xa9\\n\\\"\"}}\n"
                        "{\"jsonrpc\":\"2.0\",\"method\":\"run.event\",\"params\":{"
                        "\"subscription\":5,\"number\":21,\"next\":40,\"time_us\":12,"
                        "\"type\":\"stderr\",\"base64\":\"/wB4\"}}\n"
                        "{\"jsonrpc\":\"2.0\",\"method\":\"run.event\",\"params\":{"
                        "\"subscription\":5,\"number\":40,\"next\":82,\"time_us\":13,"
                        "\"type\":\"metric\",\"data\":{\"metric\":\"auc\",\"value\":1}}}\n"
                        "{\"jsonrpc\":\"2.0\",\"method\":\"run.event\",\"params\":{"
                        "\"subscription\":5,\"number\":82,\"next\":117,\"time_us\":14,"
                        "\"type\":\"gap\",\"data\":{\"dropped_bytes\":7}}}\n");
}

static void test_reading_on_from_any_number_misses_nothing(void **state)
{
    (void)state;
    char line[40];
    for (int i = 0; i < 500; i++)
        write_frame(RUNLOG_STDOUT, line, (size_t)snprintf(line, sizeof line, "line %d\n", i), i);
    uint64_t position = 0;
    int seen = 0, reads = 0;
    for (bool eof = false; !eof; reads++) {
        struct err e = {0};
        AUTO_BUF struct buf out = BUF_INIT(1 << 20);
        struct watch_read r = {
            .format = WATCH_EVENTS, .position = position, .max_bytes = 1500, .out = &out};
        OK(watch_read(&store, "rtest", &r, &e), e);
        assert_true(out.len < 2500);
        struct frame_reader f;
        frame_init(&f);
        OK(frame_feed(&f, buf_cstr(&out), out.len, &e), e);
        size_t len;
        char *text;
        while ((text = frame_next(&f, &len))) {
            AUTO_JSON struct json *v = json_parse(text, len, NULL, &e);
            const struct json *p = json_get(v, "params");
            snprintf(line, sizeof line, "line %d\n", seen++);
            assert_string_equal(json_str(json_get(p, "text")), line);
            assert_int_equal(json_int(json_get(p, "number"), -1), position);
            position = (uint64_t)json_int(json_get(p, "next"), -1);
        }
        frame_fini(&f);
        assert_int_equal(position, r.position);
        eof = r.eof;
    }
    assert_int_equal(seen, 500);
    assert_true(reads > 20);
}

static void test_a_frame_that_is_cut_is_the_end_for_now(void **state)
{
    (void)state;
    struct err e = {0};
    char path[300];
    write_frame(RUNLOG_STDOUT, "whole", 5, 1);
    uint64_t whole = size;
    write_frame(RUNLOG_STDOUT, "cut", 3, 1);
    snprintf(path, sizeof path, "%s/rtest/log", folder);
    assert_int_equal(truncate(path, (off_t)size - 1), 0);
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    struct watch_read r = {.format = WATCH_CHUNKS, .max_bytes = 100000, .out = &out};
    OK(watch_read(&store, "rtest", &r, &e), e);
    assert_true(r.eof);
    assert_int_equal(r.position, whole);
    assert_string_equal(buf_cstr(&out),
                        "{\"number\":0,\"time_us\":1,\"stream\":\"stdout\",\"text\":\"whole\"}");
}

static void test_a_number_that_is_no_frames_is_refused(void **state)
{
    (void)state;
    struct err e = {0};
    write_frame(RUNLOG_STDOUT, "some text that is long enough", 29, 1);
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    struct watch_read r = {.format = WATCH_CHUNKS, .position = 3, .max_bytes = 100000, .out = &out};
    FAILS(watch_read(&store, "rtest", &r, &e), e, E_INVALID);
    assert_string_equal(e.field, "from");
    r.position = 1000000;
    e = (struct err){0};
    OK(watch_read(&store, "rtest", &r, &e), e);
    assert_true(r.eof);
}

static void test_chunks_keep_to_the_bytes_asked_for(void **state)
{
    (void)state;
    struct err e = {0};
    char block[1000];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 10; i++)
        write_frame(RUNLOG_STDOUT, block, sizeof block, 1);
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    struct watch_read r = {
        .format = WATCH_CHUNKS, .max_bytes = 100000, .raw_max_bytes = 3500, .out = &out};
    OK(watch_read(&store, "rtest", &r, &e), e);
    assert_false(r.eof);
    assert_int_equal(r.position, 3 * 1016);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_no_log_is_an_empty_one),
        T(test_events_say_what_the_frames_hold),
        T(test_reading_on_from_any_number_misses_nothing),
        T(test_a_frame_that_is_cut_is_the_end_for_now),
        T(test_a_number_that_is_no_frames_is_refused),
        T(test_chunks_keep_to_the_bytes_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
