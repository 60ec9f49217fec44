/*
 * test_setup.c - steps have names, failures stay as they came first; the program's environment.
 */
#include "tests/unit/unit.h"

#include "runner/environment.h"
#include "runner/setup.h"
#include <errno.h>

static void every_step_has_its_own_name(void **state)
{
    (void)state;
    for (int i = 0; i < STEP_COUNT; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(setup_step_name((enum setup_step)i), setup_step_name((enum setup_step)k));
    assert_string_equal(setup_step_name(STEP_COUNT), "unknown");
}

static void the_first_failure_stays(void **state)
{
    struct err e = {0};
    struct setup *s = setup_map(&e);
    (void)state;
    assert_non_null(s);
    assert_int_equal(setup_fail(s, STEP_LANDLOCK, ENOSYS, "do this", "cannot %s", "confine"), -1);
    assert_int_equal(setup_fail(s, STEP_SECCOMP, EPERM, NULL, "later"), -1);
    assert_int_equal(s->failed, 1 + STEP_LANDLOCK);
    assert_string_equal(s->failed_message, "cannot confine: Function not implemented");
    assert_string_equal(s->failed_hint, "do this");
    setup_unmap(s);
}

static void every_text_of_the_page_ends(void **state)
{
    struct err e = {0};
    struct setup *s = setup_map(&e);
    (void)state;
    assert_non_null(s);
    memset(s->failed_message, 'x', sizeof s->failed_message);
    memset(s->failed_hint, 'x', sizeof s->failed_hint);
    memset(&s->attest, 'x', sizeof s->attest);
    setup_end_texts(s);
    assert_int_equal(strlen(s->failed_message), sizeof s->failed_message - 1);
    assert_int_equal(strlen(s->failed_hint), sizeof s->failed_hint - 1);
    assert_int_equal(strlen(s->attest.devices), sizeof s->attest.devices - 1);
    assert_int_equal(strlen(s->attest.mounts), sizeof s->attest.mounts - 1);
    assert_int_equal(strlen(s->attest.uid_map), sizeof s->attest.uid_map - 1);
    assert_int_equal(strlen(s->attest.gid_map), sizeof s->attest.gid_map - 1);
    setup_unmap(s);
}

static const char *value(char **env, const char *name)
{
    const char *found = NULL;
    size_t n = strlen(name);
    for (; *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=') {
            assert_null(found); /* once each */
            found = *env + n + 1;
        }
    return found;
}

static void the_environment_is_built_from_least_to_most_specific(void **state)
{
    static char threads[] = "OMP_NUM_THREADS", host[] = "ENCLOS_UNIT_HOST", name[] = "LANG", of_profile[] = "C";
    char *thread_env[] = {threads}, *host_env[] = {host};
    struct profile_env env[] = {{name, of_profile}};
    struct profile p = {.thread_env = thread_env, .thread_env_count = 1, .host_env = host_env, .host_env_count = 1,
                        .env = env, .env_count = 1};
    const char *of_run[] = {"PYTHONPATH=/work/lib", "LANG=fr_CA.UTF-8", NULL};
    struct spec spec = {.run = "r1", .env = of_run, .env_count = 2, .resources = {.cpus_milli = 1500}};
    struct arena *arena = arena_new();
    (void)state;
    setenv(host, "kept", 1);
    setenv("ENCLOS_UNIT_SECRET", "not for runs", 1);
    char **built = environment_build(&spec, &p, true, arena);
    assert_string_equal(value(built, "OMP_NUM_THREADS"), "2");
    assert_string_equal(value(built, "ENCLOS_UNIT_HOST"), "kept");
    assert_null(value(built, "ENCLOS_UNIT_SECRET"));
    assert_string_equal(value(built, "LANG"), "fr_CA.UTF-8");
    assert_string_equal(value(built, "PYTHONPATH"), "/work/lib:/opt/enclos/python");
    assert_string_equal(value(built, "ENCLOS_RUN"), "r1");
    assert_string_equal(value(built, "ENCLOS_METRICS_FD"), "3");
    assert_string_equal(value(built, "HOME"), "/tmp");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_has_its_own_name),
        cmocka_unit_test(the_first_failure_stays),
        cmocka_unit_test(every_text_of_the_page_ends),
        cmocka_unit_test(the_environment_is_built_from_least_to_most_specific),
    };
    return cmocka_run_group_tests_name("setup", tests, NULL, NULL);
}
