/*
 * test_collect.c - what is taken from /outputs and what is refused, on a folder that plays the part
 * of the run's file system. Links to other mounts and root's rights are for the system tests.
 */
#include "tests/unit/unit.h"

#include "api/common/fd.h"
#include "runner/collect.h"
#include <fcntl.h>

static char dir[256];
static int from_fd = -1, run_fd = -1;
static struct spec spec;
static struct collected c;

static int setup(void **state)
{
    char path[300];
    (void)state;
    snprintf(dir, sizeof dir, "%s", unit_mkdtemp());
    snprintf(path, sizeof path, "%s/from", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    from_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "%s/run", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    run_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    spec = (struct spec){.resources = {.output_bytes = 1000, .output_files = 3}};
    collect_init(&c);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    collect_fini(&c);
    close(from_fd);
    close(run_fd);
    unit_rmdir(dir);
    return 0;
}

static void put(const char *name, const char *text)
{
    AUTO_FD int fd = openat(from_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void collect(void)
{
    struct err e = {0};
    OK(collect_outputs(from_fd, run_fd, &spec, &(struct identity){.rootless = true}, &c, &e), e);
}

static void plain_files_are_taken_whole(void **state)
{
    AUTO_BUF struct buf got = BUF_INIT(100);
    struct err e = {0};
    (void)state;
    assert_int_equal(mkdirat(from_fd, "sub", 0700), 0);
    put("a.txt", "hello");
    put("sub/b.txt", "world");
    collect();
    assert_int_equal(c.file_count, 2);
    assert_int_equal(c.total_bytes, 10);
    HAS(buf_cstr(&c.files), "{\"path\":\"sub/b.txt\",\"size_bytes\":5,\"mode\":\"0644\"}");
    OK(fd_read_file(run_fd, "outputs/a.txt", 100, &got, &e), e);
    assert_string_equal(buf_cstr(&got), "hello");
}

static void a_hole_stays_a_hole(void **state)
{
    struct stat st;
    (void)state;
    spec.resources.output_bytes = 1 << 30;
    put("sparse", "x");
    AUTO_FD int fd = openat(from_fd, "sparse", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, 100 << 20), 0);
    collect();
    assert_int_equal(fstatat(run_fd, "outputs/sparse", &st, 0), 0);
    assert_int_equal(st.st_size, 100 << 20);
    assert_true(st.st_blocks < 1000);
}

static void everything_else_is_refused_by_name(void **state)
{
    const char *refused;
    (void)state;
    assert_int_equal(symlinkat("/etc/shadow", from_fd, "link"), 0);
    assert_int_equal(mkfifoat(from_fd, "fifo", 0600), 0);
    put("twin", "x");
    assert_int_equal(linkat(from_fd, "twin", from_fd, "twin2", 0), 0);
    put("new\nline", "x");
    put("\xff", "x");
    put("large", "");
    AUTO_FD int fd = openat(from_fd, "large", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, 1001), 0);
    put("good", "x");
    collect();
    refused = buf_cstr(&c.refused);
    assert_int_equal(c.file_count, 1);
    assert_int_equal(c.refused_count, 7);
    HAS(refused, "{\"path\":\"link\",\"reason\":\"symbolic link\"}");
    HAS(refused, "{\"path\":\"fifo\",\"reason\":\"FIFO\"}");
    HAS(refused, "hard link");
    HAS(refused, "plain UTF-8");
    HAS(refused, "{\"path\":\"large\",\"reason\":\"larger than what is left of output_bytes\"}");
    assert_null(strchr(refused, '\n'));
}

static void more_files_than_allowed_are_refused(void **state)
{
    (void)state;
    put("1", "");
    put("2", "");
    put("3", "");
    put("4", "");
    collect();
    assert_int_equal(c.file_count, 3);
    assert_int_equal(c.refused_count, 1);
    HAS(buf_cstr(&c.refused), "output_files");
}

static void a_deep_nest_is_refused_quickly(void **state)
{
    int at = dup(from_fd);
    (void)state;
    for (int i = 0; i < 200; i++) {
        assert_int_equal(mkdirat(at, "d", 0700), 0);
        int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(at);
        at = next;
    }
    close(at);
    collect();
    assert_int_equal(c.refused_count, 1);
    HAS(buf_cstr(&c.refused), "deeper");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plain_files_are_taken_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hole_stays_a_hole, setup, teardown),
        cmocka_unit_test_setup_teardown(everything_else_is_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(more_files_than_allowed_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_deep_nest_is_refused_quickly, setup, teardown),
    };
    return cmocka_run_group_tests_name("collect", tests, NULL, NULL);
}
