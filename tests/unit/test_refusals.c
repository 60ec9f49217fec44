/*
 * test_refusals.c - what is said of refused paths, by their text alone.
 */
#include "tests/unit/unit.h"

#include "runner/refusals.h"
#include <errno.h>

static void paths_are_judged_as_the_layout_will_answer(void **state)
{
    static const struct {
        const char *path;
        bool writes;
        int wanted;
        const char *normal;
    } rows[] = {
        {"/etc/shadow", false, ENOENT, "/etc/shadow"},
        {"/home/someone/notes", false, ENOENT, "/home/someone/notes"},
        {"/usr/../home/x", false, ENOENT, "/home/x"},
        {"//etc//./shadow", false, ENOENT, "/etc/shadow"},
        {"/../../etc/shadow", false, ENOENT, "/etc/shadow"},
        {"/data/mine/a.csv", true, EROFS, "/data/mine/a.csv"},
        {"/data/mine/a.csv", false, 0, "/data/mine/a.csv"},
        {"/data/other/a.csv", false, ENOENT, "/data/other/a.csv"},
        {"/usr/bin/python3", false, 0, "/usr/bin/python3"},
        {"/usr/bin/python3", true, EROFS, "/usr/bin/python3"},
        {"/outputs/m.pkl", true, 0, "/outputs/m.pkl"},
        {"/tmp/x", true, 0, "/tmp/x"},
        {"/outputsx", true, EROFS, "/outputsx"},
        {"/proc/kcore", false, EACCES, "/proc/kcore"},
        {"/proc/self/status", false, 0, "/proc/self/status"},
        {"/proc/1/environ", false, EACCES, "/proc/1/environ"},
        {"/dev/sda", false, ENOENT, "/dev/sda"},
        {"/dev/null", true, 0, "/dev/null"},
        {"/", false, 0, "/"},
        {"relative/path", true, 0, NULL},
    };
    struct spec spec = {.dataset_count = 1, .datasets = {{"mine", "/lab/trees/x"}}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[256] = "";
        const char *why;
        int got = refusals_judge_path(rows[i].path, rows[i].writes, &spec, path, sizeof path, &why);
        if (got != rows[i].wanted)
            fail_msg("%s: %s, wanted %s", rows[i].path, strerrorname_np(got), strerrorname_np(rows[i].wanted));
        if (rows[i].normal)
            assert_string_equal(path, rows[i].normal);
        assert_true(got == 0 || *why);
    }
}

static void a_path_too_long_to_read_is_left_alone(void **state)
{
    struct spec spec = {0};
    char raw[300], path[256];
    const char *why;
    (void)state;
    memset(raw, 'x', sizeof raw);
    raw[0] = '/';
    raw[sizeof raw - 1] = '\0';
    assert_int_equal(refusals_judge_path(raw, false, &spec, path, sizeof path, &why), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_judged_as_the_layout_will_answer),
        cmocka_unit_test(a_path_too_long_to_read_is_left_alone),
    };
    return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
