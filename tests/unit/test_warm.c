/* Which runs may start warm, and what a profile may preload. */
#include "runner/confine.h"
#include "runner/profile_preload.h"
#include "runner/warm.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static char *imports[] = {"numpy", "sklearn.linear_model", NULL};
static struct profile python = {.name = "python", .preload = imports, .preload_count = 2};
static const struct warm_template template = {
    .owner = "uid-7", .profile = "python", .interpreter = "/usr/bin/python3", .threads = 2};

static const char *refusal(const char **command, const char **env)
{
    struct spec s = {.profile = "python", .warm = "uid-7", .command = command, .env = env};
    s.resources.cpus_milli = 1500;
    while (command[s.command_count])
        s.command_count++;
    while (env[s.env_count])
        s.env_count++;
    return warm_refusal(&s, &python, &template);
}

static void test_only_commands_that_python_can_go_on_as_start_warm(void **state)
{
    static const struct {
        const char *command[5];
        const char *why; /* part of it; NULL: warm */
    } rows[] = {
        {{"python3", "a.py"}, NULL},
        {{"python3", "a.py", "-O", "-c"}, NULL},
        {{"/usr/bin/python3", "-u", "-u", "a.py"}, NULL},
        {{"python3", "-c", ""}, NULL},
        {{"python3", "-m", "m", "-x"}, NULL},
        {{"python3", "./-x"}, NULL},
        {{"python3"}, "no program"},
        {{"python3", "-u"}, "no program"},
        {{"python3", "-"}, "no program"},
        {{"python3", "-c"}, "no program"},
        {{"python3", "-m"}, "no program"},
        {{"python3", "-O", "a.py"}, "an option"},
        {{"python3", "-uc", "1"}, "an option"},
        {{"python3", "--version"}, "an option"},
        {{"python", "a.py"}, "interpreter"},
        {{"python3.11", "a.py"}, "interpreter"},
        {{"/usr/local/bin/python3", "a.py"}, "interpreter"},
        {{"./python3", "a.py"}, "interpreter"},
        {{"sh", "-c", "python3 a.py"}, "interpreter"},
    };
    const char *no_env[] = {NULL};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *why = refusal((const char **)(uintptr_t)rows[i].command, no_env);
        assert_true(rows[i].why ? why && strstr(why, rows[i].why) : !why);
    }
}

static void test_a_variable_that_is_read_early_keeps_a_run_cold(void **state)
{
    static const char *const early[] = {"PYTHONPATH=x", "PYTHONHASHSEED=0", "OMP_NUM_THREADS=1", "LC_ALL=C", "LANG=C", "PATH=/x",
                                        "MALLOC_ARENA_MAX=1", "NUMPY_X=1", "SKLEARN_ASSUME_FINITE=1"};
    static const char *const late[] = {"TZ=UTC", "A=PYTHON", "PATHS=1", "SKLEARNX=1", "MY_OMP_NUM_THREADS=1", "NUM=1", "S_=1"};
    const char *command[] = {"python3", "a.py", NULL};
    (void)state;
    for (size_t i = 0; i < sizeof early / sizeof *early; i++) {
        const char *env[] = {"A=1", early[i], NULL};
        assert_non_null(refusal(command, env));
    }
    for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
        const char *env[] = {late[i], NULL};
        assert_null(refusal(command, env));
    }
}

static void test_a_template_serves_its_owner_profile_and_cpus_only(void **state)
{
    const char *command[] = {"python3", "a.py", NULL};
    struct spec s = {.warm = "uid-7", .command = command, .command_count = 2};
    struct warm_template t = template;
    (void)state;
    s.resources.cpus_milli = 2000;
    assert_null(warm_refusal(&s, &python, &t));
    s.resources.cpus_milli = 2001;
    assert_non_null(warm_refusal(&s, &python, &t));
    s.resources.cpus_milli = 1001;
    s.warm = "uid-70";
    assert_non_null(warm_refusal(&s, &python, &t));
    s.warm = "uid-7";
    strcpy(t.profile, "other");
    assert_non_null(warm_refusal(&s, &python, &t));
    strcpy(t.profile, "python");
    struct profile other = python;
    other.device_set_count = 1;
    assert_non_null(warm_refusal(&s, &other, &t));
    other = python;
    other.exec = PROFILE_EXEC_ONCE;
    assert_non_null(warm_refusal(&s, &other, &t));
    other = python;
    other.network = PROFILE_NETWORK_PROXY;
    assert_non_null(warm_refusal(&s, &other, &t));
    s.environment.path = "/lab/trees/e";
    assert_non_null(warm_refusal(&s, &python, &t));
    s.environment.path = NULL;
    s.resources.output_disk = 1;
    assert_non_null(warm_refusal(&s, &python, &t));
    s.resources.output_disk = 0;
    assert_null(warm_refusal(&s, &python, &t));
    s.interactive.wanted = true;
    assert_non_null(warm_refusal(&s, &python, &t));
}

static int apply(const char *text, struct profile *p, struct err *e)
{
    AUTO_JSON struct json *root = json_parse(text, strlen(text), NULL, e);
    assert_non_null(root);
    const struct profile_source source = {"x.jsonc", text, strlen(text), root};
    return preload_apply(p, &source, e);
}

static void test_a_preload_names_an_interpreter_of_usr_and_modules(void **state)
{
    static const char *const bad[] = {
        "{\"preload\": []}",
        "{\"preload\": {}}",
        "{\"preload\": {\"interpreter\": \"/usr/bin/python3\"}}",
        "{\"preload\": {\"interpreter\": \"/usr/bin/python3\", \"imports\": []}}",
        "{\"preload\": {\"interpreter\": \"/usr/bin/python3\", \"imports\": [\"a\"], \"x\": 1}}",
        "{\"preload\": {\"interpreter\": \"/usr/bin/python3\", \"imports\": [1]}}",
        "{\"preload\": {\"interpreter\": \"/usr/bin/python3\", \"imports\": [\"a b\"]}}",
        "{\"preload\": {\"interpreter\": \"/usr/bin/python3\", \"imports\": [\"a..b\"]}}",
        "{\"preload\": {\"interpreter\": \"/usr/bin/python3\", \"imports\": [\".a\"]}}",
        "{\"preload\": {\"interpreter\": \"/usr/bin/python3\", \"imports\": [\"1a\"]}}",
        "{\"preload\": {\"interpreter\": \"/usr/bin/python3\", \"imports\": [\"\"]}}",
        "{\"preload\": {\"interpreter\": \"python3\", \"imports\": [\"a\"]}}",
        "{\"preload\": {\"interpreter\": \"/home/x/python3\", \"imports\": [\"a\"]}}",
        "{\"preload\": {\"interpreter\": \"/usr/../home/python3\", \"imports\": [\"a\"]}}",
    };
    struct profile p = {.name = "x"};
    struct err e = {0};
    (void)state;
    assert_int_equal(apply("{}", &p, &e), 0);
    assert_int_equal(p.preload_count, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        e = (struct err){0};
        assert_int_equal(apply(bad[i], &p, &e), -1);
        assert_int_equal(e.kind, E_INVALID);
        assert_non_null(strstr(e.message, "preload"));
    }
    e = (struct err){0};
    assert_int_equal(apply("{\"preload\": {\"interpreter\": \"/usr/bin/python3\", \"imports\": [\"numpy\", \"a.b_1\"]}}", &p, &e), 0);
    assert_int_equal(p.preload_count, 2);
    assert_string_equal(p.preload[1], "a.b_1");
    assert_null(p.preload[2]);
    /* A child's replaces it. */
    assert_int_equal(apply("{\"preload\": {\"interpreter\": \"/usr/bin/python3\", \"imports\": [\"c\"]}}", &p, &e), 0);
    assert_int_equal(p.preload_count, 1);
    preload_fini(&p);
}

static void test_no_profile_allows_what_a_template_refuses(void **state)
{
    char **names = NULL;
    size_t count = 0, with = 0;
    struct err e = {0};
    (void)state;
    OK(profile_names("sandbox-profiles", &names, &count, &e), e);
    for (size_t i = 0; i < count; i++) {
        struct profile *p = NULL;
        OK(profile_load("sandbox-profiles", names[i], -1, &p, &e), e);
        with += p->preload_count > 0;
        for (size_t k = 0; k < confine_template_count && p->preload_count; k++)
            assert_false(filter_is_constant_allow(&p->filter, (int)confine_template_calls[k]));
        profile_free(p);
    }
    profile_names_free(names, count);
    assert_true(with > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_commands_that_python_can_go_on_as_start_warm),
        cmocka_unit_test(test_a_variable_that_is_read_early_keeps_a_run_cold),
        cmocka_unit_test(test_a_template_serves_its_owner_profile_and_cpus_only),
        cmocka_unit_test(test_a_preload_names_an_interpreter_of_usr_and_modules),
        cmocka_unit_test(test_no_profile_allows_what_a_template_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
