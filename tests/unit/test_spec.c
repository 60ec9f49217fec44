/*
 * test_spec.c - spec.json: what is taken, and that each mistake is told by key, value and bounds.
 */
#include "tests/unit/unit.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include "runner/spec.h"
#include <fcntl.h>

#define RESOURCES                                                                                  \
    "\"resources\":{\"cpus_milli\":1000,\"memory_bytes\":1073741824,\"processes\":64,"             \
    "\"wall_ms\":1000,\"cpu_ms\":0,\"grace_ms\":100,\"work_bytes\":4096,\"tmp_bytes\":4096,"       \
    "\"output_bytes\":4096,\"output_files\":10,\"log_bytes\":4096}"
#define HEAD "{\"version\":1,\"run\":\"r1\",\"profile\":\"base\",\"command\":[\"true\"],"

#define SHA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ENVIRONMENT(name, digest, path)                                                            \
    HEAD "\"environment\":{\"name\":\"" name "\",\"digest\":\"" digest "\",\"path\":\"" path "\"}," RESOURCES "}"

static char dir[256];
static int dir_fd = -1;

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
    return 0;
}

static int read_text(const char *text, struct spec *s, struct err *e)
{
    struct err wrote = {0};
    OK(fd_replace_file(dir_fd, "spec.json", text, strlen(text), 0600, &wrote), wrote);
    return spec_read(dir_fd, NULL, s, e);
}

static void a_run_that_may_be_joined_is_not_plain(void **state)
{
    struct spec s;
    struct err e = {0};
    (void)state;
    OK(read_text(HEAD RESOURCES "}", &s, &e), e);
    assert_true(spec_is_plain(&s));
    spec_fini(&s);
    /* Terminals are mounted before the root is closed, whatever is asked of them. */
    OK(read_text(HEAD "\"interactive\":{\"idle_ms\":5}," RESOURCES "}", &s, &e), e);
    assert_false(spec_is_plain(&s));
    spec_fini(&s);
}

static void a_whole_spec_is_read(void **state)
{
    struct spec s;
    struct err e = {0};
    (void)state;
    OK(read_text(HEAD "\"env\":{\"LR\":\"0.1\"},\"code\":{\"path\":\"/lab/trees/x\"},"
                      "\"datasets\":[{\"name\":\"d\",\"path\":\"/lab/trees/y\"}],\"limits\":\"best_effort\","
                      "\"report_paths\":true,\"seed\":4294967295,\"interactive\":{\"idle_ms\":5,\"connect\":true,"
                      "\"terminal\":{\"rows\":24,\"cols\":132}}," RESOURCES "}",
                 &s, &e),
       e);
    assert_string_equal(s.run, "r1");
    assert_int_equal(s.command_count, 1);
    assert_null(s.command[1]);
    assert_string_equal(s.env[0], "LR=0.1");
    assert_string_equal(s.code_path, "/lab/trees/x");
    assert_string_equal(s.datasets[0].path, "/lab/trees/y");
    assert_int_equal(s.resources.memory_bytes, 1 << 30);
    assert_true(s.best_effort && s.report_paths);
    assert_true(s.has_seed && s.seed == SPEC_SEED_MAX);
    assert_true(s.interactive.wanted && s.interactive.connect && s.interactive.terminal);
    assert_int_equal(s.interactive.idle_ms, 5);
    assert_int_equal(s.interactive.cols, 132);
    assert_null(s.environment.path);
    spec_fini(&s);
    OK(read_text(HEAD "\"environment\":{\"name\":\"debian@12\",\"digest\":\"" SHA "\",\"path\":\"/lab/trees/env-x\"}," RESOURCES
                      "}",
                 &s, &e),
       e);
    assert_string_equal(s.environment.name, "debian@12");
    assert_string_equal(s.environment.digest, SHA);
    assert_string_equal(s.environment.path, "/lab/trees/env-x");
    spec_fini(&s);
    OK(read_text(HEAD "\"environment\":null," RESOURCES "}", &s, &e), e);
    assert_null(s.environment.path);
    spec_fini(&s);
}

static void every_mistake_is_named(void **state)
{
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"{}", "version"},
        {"[]", "object"},
        {HEAD RESOURCES ",\"colour\":1}", "colour"},
        {HEAD RESOURCES ",\"run\":\"r2\"}", "run"},
        {HEAD RESOURCES ",\"seed\":4294967296}", "seed"},
        {HEAD RESOURCES ",\"interactive\":{}}", "idle_ms"},
        {HEAD RESOURCES ",\"interactive\":{\"idle_ms\":-1}}", "idle_ms"},
        {HEAD RESOURCES ",\"interactive\":{\"idle_ms\":0,\"port\":1}}", "port"},
        {HEAD RESOURCES ",\"interactive\":{\"idle_ms\":0,\"terminal\":{\"rows\":24}}}", "cols"},
        {HEAD RESOURCES ",\"interactive\":{\"idle_ms\":0,\"terminal\":{\"rows\":24,\"cols\":1001}}}", "cols"},
        {"{\"version\":2,\"run\":\"r1\",\"profile\":\"base\",\"command\":[\"true\"]," RESOURCES "}", "version"},
        {"{\"version\":1,\"run\":\"../x\",\"profile\":\"base\",\"command\":[\"true\"]," RESOURCES "}", "../x"},
        {"{\"version\":1,\"run\":\"r1\",\"profile\":\"..\",\"command\":[\"true\"]," RESOURCES "}", ".."},
        {"{\"version\":1,\"run\":\"r1\",\"profile\":\"base\",\"command\":[]," RESOURCES "}", "command"},
        {"{\"version\":1,\"run\":\"r1\",\"profile\":\"base\",\"command\":[1]," RESOURCES "}", "number"},
        {"{\"version\":1,\"run\":\"r1\",\"profile\":\"base\",\"command\":[\"a\\u0000b\"]," RESOURCES "}", "u0000"},
        {HEAD "\"env\":{\"LD_PRELOAD\":\"x\"}," RESOURCES "}", "LD_PRELOAD"},
        {HEAD "\"env\":{\"ENCLOS_RUN\":\"x\"}," RESOURCES "}", "ENCLOS_RUN"},
        {HEAD "\"env\":{\"a=b\":\"x\"}," RESOURCES "}", "a=b"},
        {HEAD "\"code\":{\"path\":\"trees/x\"}," RESOURCES "}", "trees/x"},
        {HEAD "\"code\":{\"path\":\"/lab/../etc\"}," RESOURCES "}", "/lab/../etc"},
        {HEAD "\"datasets\":[{\"name\":\"../d\",\"path\":\"/x\"}]," RESOURCES "}", "../d"},
        {HEAD "\"datasets\":[{\"name\":\"d\",\"path\":\"/x\"},{\"name\":\"d\",\"path\":\"/y\"}]," RESOURCES "}", "twice"},
        {HEAD "\"limits\":\"none\"," RESOURCES "}", "none"},
        {HEAD "\"learn\":{\"let\":[]}," RESOURCES "}", "let"},
        {HEAD "\"learn\":{\"withhold\":[{\"name\":\"mmap\"}]}," RESOURCES "}", "detail"},
        {HEAD "\"warm\":\"u1\",\"learn\":{}," RESOURCES "}", "template"},
        {ENVIRONMENT("debian", SHA, "/x"), "debian"},
        {ENVIRONMENT("../x@1", SHA, "/x"), "../x@1"},
        {ENVIRONMENT("debian@1x", SHA, "/x"), "debian@1x"},
        {ENVIRONMENT("debian@1", "abc", "/x"), "digest"},
        {ENVIRONMENT("debian@1", SHA, "lab/x"), "plain absolute path"},
        {ENVIRONMENT("debian@1", SHA, "/x/../etc"), "/x/../etc"},
        {HEAD "\"environment\":{\"path\":\"/x\"}," RESOURCES "}", "name"},
        {HEAD "\"environment\":\"host\"," RESOURCES "}", "environment"},
        {HEAD "\"resources\":{}}", "cpus_milli"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spec s;
        struct err e = {0};
        if (read_text(rows[i].text, &s, &e) == 0)
            fail_msg("accepted: %s", rows[i].text);
        if (!strstr(e.message, rows[i].said))
            fail_msg("\"%s\" is not in \"%s\"", rows[i].said, e.message);
    }
}

static void a_link_is_not_followed(void **state)
{
    struct spec s;
    struct err e;
    (void)state;
    unlinkat(dir_fd, "spec.json", 0);
    assert_int_equal(symlinkat("/etc/passwd", dir_fd, "spec.json"), 0);
    e = (struct err){0};
    assert_int_equal(spec_read(dir_fd, NULL, &s, &e), -1);
    unlinkat(dir_fd, "spec.json", 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_spec_is_read),
        cmocka_unit_test(a_run_that_may_be_joined_is_not_plain),
        cmocka_unit_test(every_mistake_is_named),
        cmocka_unit_test(a_link_is_not_followed),
    };
    return cmocka_run_group_tests_name("spec", tests, setup, teardown);
}
