/*
 * test_profile.c - profile files: what is accepted, how they add up, and that every mistake is told
 * with file, line and key.
 */
#include "tests/unit/unit.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include "runner/profile.h"
#include "runner/profile_rules.h"
#include "runner/syscalls.h"
#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>

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

static void put(const char *name, const char *text)
{
    struct err e = {0};
    OK(fd_replace_file(dir_fd, name, text, strlen(text), 0644, &e), e);
}

/* The least that is valid; everything after `more` can be added. Lines are counted by tests. */
#define HEAD "{\"version\":1,\"title\":\"t\",\"title_fr\":\"t\",\n"
#define SCALARS                                                                                    \
    "\"landlock\":\"if_available\",\"landlock_min_abi\":1,\"network\":\"none\",\"proc\":"          \
    "\"hidepid\","                                                                                 \
    "\"exec_memory\":true,\n"
#define NEEDED                                                                                     \
    "{\"group\":\"g\",\"why\":\"w\",\"names\":[\"sendmsg\",\"recvmsg\",\"read\",\"write\","        \
    "\"close\",\"execve\",\"exit_group\",\"exit\",\"poll\",\"rt_sigreturn\"]}\n"
#define ROOT(more) HEAD SCALARS "\"syscalls\":{\"allow\":[\n" NEEDED more "}}\n"
#define CHILD(more) HEAD "\"extends\":\"root\",\n" more "}\n"

#define ASET "{\"set\":\"a\",\"why\":\"w\",\"drivers\":[\"d\"],\"need\":[\"/dev/a\"]}"
#define DEVICE(path) CHILD("\"devices\":[{\"set\":\"a\",\"why\":\"w\",\"drivers\":[\"d\"],\"need\":[\n\"" path "\"]}]")

/* Loading x.jsonc must fail with all these parts in the message. */
static void refuses(const char *text, const char *place, const char *part)
{
    struct err e = {0};
    struct profile *p = NULL;
    put("x.jsonc", text);
    FAILS(profile_load(dir, "x", -1, &p, &e), e, E_INVALID);
    HAS(e.message, place);
    HAS(e.message, part);
    assert_null(p);
}

static struct profile *loads(const char *name)
{
    struct err e = {0};
    struct profile *p = NULL;
    OK(profile_load(dir, name, -1, &p, &e), e);
    return p;
}

static void test_shipped_profiles_are_valid_and_say_what_they_must(void **state)
{
    (void)state;
    char **names = NULL;
    size_t count = 0;
    struct err e = {0};
    OK(profile_names("sandbox-profiles", &names, &count, &e), e);
    static const char *const shipped[] = {"base", "builder", "gpu",    "inspect", "jupyter",
                                          "numa", "python",  "r",      "strict",  "terminal"};
    static const enum profile_network networks[] = {
        PROFILE_NETWORK_NONE,     PROFILE_NETWORK_PROXY, PROFILE_NETWORK_LOOPBACK,
        PROFILE_NETWORK_NONE,     PROFILE_NETWORK_LOOPBACK, PROFILE_NETWORK_NONE,
        PROFILE_NETWORK_NONE,     PROFILE_NETWORK_LOOPBACK, PROFILE_NETWORK_NONE,
        PROFILE_NETWORK_NONE};
    assert_int_equal(count, sizeof shipped / sizeof *shipped);
    for (size_t i = 0; i < count; i++) {
        AUTO_PROFILE struct profile *p = NULL;
        OK(profile_load("sandbox-profiles", names[i], -1, &p, &e), e);
        assert_true(p->syscalls_allowed > 200);
        assert_string_equal(names[i], shipped[i]);
        assert_int_equal(p->network, networks[i]);
        assert_string_equal(p->extends_count > 0 ? p->extends[p->extends_count - 1] : names[i], "base");
        for (size_t r = 0; r < p->reason_count; r++)
            assert_true(p->reasons[r].why[0] != '\0' && p->reasons[r].why_fr != NULL);
        /* A reader of either language is told why. */
        for (size_t r = 0; r < p->rules->count; r++)
            if (p->rules->rule[r].why_fr == NULL)
                fail_msg("%s:%u: %s has no why_fr", p->rules->rule[r].source->file, rule_line(&p->rules->rule[r]),
                         syscalls_name(p->rules->rule[r].nr));
        assert_int_equal(strlen(p->filter.digest), 16);
    }
    profile_names_free(names, count);

    AUTO_PROFILE struct profile *strict = NULL;
    OK(profile_load("sandbox-profiles", "strict", -1, &strict, &e), e);
    assert_int_equal(strict->landlock, PROFILE_LANDLOCK_REQUIRED);
    assert_int_equal(strict->landlock_min_abi, 2);
    assert_int_equal(strict->proc, PROFILE_PROC_MINIMAL);
    assert_false(strict->exec_memory);
    assert_int_equal(strict->exec, PROFILE_EXEC_ANY);
    AUTO_PROFILE struct profile *inspect = NULL;
    OK(profile_load("sandbox-profiles", "inspect", -1, &inspect, &e), e);
    assert_int_equal(inspect->exec, PROFILE_EXEC_ONCE);
    assert_false(inspect->exec_memory || inspect->file_locks);
    AUTO_PROFILE struct profile *gpu = NULL;
    OK(profile_load("sandbox-profiles", "gpu", -1, &gpu, &e), e);
    assert_int_equal(gpu->device_set_count, 1);
    assert_string_equal(gpu->devices[0].set, "NVIDIA");
    assert_string_equal(gpu->devices[0].need[2], "nvidia*");
    assert_false(strict->file_locks);
    AUTO_PROFILE struct profile *python = NULL;
    OK(profile_load("sandbox-profiles", "python", -1, &python, &e), e);
    assert_true(python->file_locks && python->exec_memory);
    assert_string_equal(python->extends[0], "base");
    assert_string_equal(python->env[0].name, "PATH");
    assert_string_equal(python->thread_env[0], "OMP_NUM_THREADS");
    assert_string_equal(python->host_env[0], "OPENBLAS_CORETYPE");
}

/* An interactive run's profile: the same file laid over any. */
static void test_a_profile_is_laid_over_another(void **state)
{
    (void)state;
    struct err e = {0};
    const uint64_t set_terminal[6] = {0, 0x5402}, inject[6] = {0, 0x5412};
    char detail[80];
    AUTO_PROFILE struct profile *plain = NULL, *over = NULL, *strict = NULL, *none = NULL;
    OK(profile_load("sandbox-profiles", "python", -1, &plain, &e), e);
    OK(profile_load("sandbox-profiles", "python+terminal", -1, &over, &e), e);
    OK(profile_load("sandbox-profiles", "strict+terminal", -1, &strict, &e), e);
    assert_string_equal(over->name, "python+terminal");
    assert_string_equal(over->extends[0], "python");
    assert_string_equal(over->extends[1], "base");
    assert_int_equal(over->env_count, plain->env_count);
    assert_int_not_equal(profile_refusal(plain, 16, set_terminal, detail, sizeof detail), 0);
    assert_int_equal(profile_refusal(over, 16, set_terminal, detail, sizeof detail), 0);
    assert_int_equal(profile_refusal(strict, 16, set_terminal, detail, sizeof detail), 0);
    assert_int_not_equal(profile_refusal(over, 16, inject, detail, sizeof detail), 0);
    assert_false(strict->exec_memory);
    static const char *const wrong[] = {"+", "python+", "+terminal", "python+terminal+terminal", "../x+terminal"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        FAILS(profile_load("sandbox-profiles", wrong[i], -1, &none, &e), e, E_INVALID);
    FAILS(profile_load("sandbox-profiles", "terminal+terminal", -1, &none, &e), e, E_INVALID);
    FAILS(profile_load("sandbox-profiles", "python+nothing", -1, &none, &e), e, E_NOT_FOUND);
}

static void test_comments_and_trailing_commas_are_fine(void **state)
{
    (void)state;
    put("x.jsonc", "// one\n/* two\n lines */ " ROOT("],"));
    profile_free(loads("x"));
}

static void test_mistakes_are_told_with_file_line_and_key(void **state)
{
    (void)state;
    put("root.jsonc", ROOT("]"));
    static const struct {
        const char *text, *place, *part;
    } rows[] = {
        /* syntax and keys */
        {"{\"version\":1,\n\"title\" \"t\"}", "x.jsonc", "line 2"},
        {"[]", "x.jsonc:1", "a profile is an object"},
        {HEAD SCALARS "\"sycalls\":{}}", "x.jsonc:3", "sycalls"},
        {HEAD SCALARS "\"syscalls\":{\n\"alow\":[]}}", "x.jsonc:4", "alow"},
        {HEAD "\"landlock\":\"if_available\"}", "x.jsonc:1", "landlock_min_abi"},
        {HEAD SCALARS "\"version\":1}", "x.jsonc", "version"},
        {"{\n\"version\":2}", "x.jsonc:2", "version"},
        {"{\"version\":1}", "x.jsonc:1", "title"},
        {"{\"version\":1,\n\"title\":\"\",\"title_fr\":\"t\"}", "x.jsonc:2", "title"},
        {HEAD "\"landlock\":\n\"maybe\",\"landlock_min_abi\":1}", "x.jsonc:3", "'maybe'"},
        {HEAD "\"landlock\":\"required\",\n\"landlock_min_abi\":0}", "x.jsonc:3",
         "landlock_min_abi"},
        {HEAD "\"landlock\":\"required\",\"landlock_min_abi\":1,\n\"network\":true}", "x.jsonc:3",
         "network"},
        {HEAD SCALARS "\"env\":{\"A\":\"1\",\n\"1B\":\"1\"}}", "x.jsonc:4", "1B"},
        {HEAD SCALARS "\"env\":{\"A\":\n1}}", "x.jsonc:4", "env.A"},
        {HEAD SCALARS "\"env\":{\"LD_PRELOAD\":\"x\"}}", "x.jsonc:3", "LD_PRELOAD"},
        {HEAD SCALARS "\"env\":{\"A\":\"1\"},\n\"thread_env\":[\n\"A\"]}", "x.jsonc:5",
         "A is in env"},
        {HEAD SCALARS "\"thread_env\":[\"A\",\n\"A\"]}", "x.jsonc:4", "thread_env[1]"},
        {HEAD SCALARS "\"host_env\":[1]}", "x.jsonc:3", "host_env[0]"},
        {HEAD SCALARS "\"override\":{\"landlock\":\"w\"}}", "x.jsonc:3", "nothing inherited"},
        {CHILD("\"override\":{\"network\":{\n\"wy\":\"w\"}},\"network\":\"loopback\""), "x.jsonc:4", "wy"},
        {CHILD("\"override\":{\"network\":{\n\"why_fr\":\"w\"}},\"network\":\"loopback\""), "x.jsonc:3", "why"},
        {CHILD("\"override\":{\"network\":\"w\"},\n\"network\":\"wifi\""), "x.jsonc:4", "'wifi'"},
        {CHILD("\"exec\":\n\"once\""), "x.jsonc:4", "sets exec already"},
        {CHILD("\"override\":{\"exec\":\"w\"},\n\"exec\":\"twice\""), "x.jsonc:4", "'twice'"},
        /* devices */
        {CHILD("\"devices\":\n{}"), "x.jsonc:4", "devices"},
        {CHILD("\"devices\":[\n1]"), "x.jsonc:4", "must be an object"},
        {CHILD("\"devices\":[{\"set\":\"a\",\n\"whi\":\"w\"}]"), "x.jsonc:4", "whi"},
        {CHILD("\"devices\":[{\"set\":\"a\",\"why\":\"w\"}]"), "x.jsonc:3", "drivers is missing"},
        {CHILD("\"devices\":[{\"set\":\"a\",\"why\":\"w\",\"drivers\":[\"d\"]}]"), "x.jsonc:3", "need is missing"},
        {CHILD("\"devices\":[{\"set\":\"a\",\"why\":\"w\",\"drivers\":[\"d d\"],\"need\":[\"/dev/a\"]}]"), "x.jsonc:3",
         "name of a driver"},
        {DEVICE("/etc/passwd"), "x.jsonc:4", "no path below /dev"},
        {DEVICE("/dev/../etc/passwd"), "x.jsonc:4", "no path of a device"},
        {DEVICE("/dev/a*b"), "x.jsonc:4", "no path of a device"},
        {DEVICE("/dev/*/a"), "x.jsonc:4", "no path of a device"},
        {DEVICE("/dev/*"), "x.jsonc:4", "no path of a device"},
        {DEVICE("/dev/shm/a"), "x.jsonc:4", "not a profile's to give"},
        {DEVICE("/dev/mem"), "x.jsonc:4", "not a profile's to give"},
        {CHILD("\"devices\":[" ASET "," ASET "]"), "x.jsonc:3", "a set 'a' already at x.jsonc:3"},
        /* entries */
        {ROOT(",\n{\"group\":\"g\",\"why\":\"w\",\"names\":[\n\"opne\"]}]"), "x.jsonc:7",
         "unknown system call 'opne'"},
        {ROOT(",{\"group\":\"g\",\"why\":\"w\",\"names\":[\"open\",\n\"open\"]}]"), "x.jsonc:6",
         "open is already allowed at x.jsonc:5"},
        {ROOT(",{\"group\":\"g\",\"why\":\"w\",\"names\":[]}]"), "x.jsonc:5", "empty"},
        {ROOT(",{\"group\":\"g\",\"why\":\"w\"}]"), "x.jsonc:5", "names"},
        {ROOT(",{\"group\":\"g\",\"names\":[\"open\"]}]"), "x.jsonc:5", "why"},
        {ROOT(",{\"names\":[\"open\"],\"why\":\"w\"}]"), "x.jsonc:5", "group"},
        {ROOT(",{\"group\":\"g\",\"why\":\"w\",\"names\":[7]}]"), "x.jsonc:5", "names[0]"},
        {ROOT(",\"open\"]"), "x.jsonc:5", "must be an object"},
        {ROOT("],\"errno\":[{\"names\":[\"sync\"],\"why\":\"w\",\n\"errno\":\"ENOPE\"}]"),
         "x.jsonc:6", "unknown errno 'ENOPE'"},
        {ROOT("],\"errno\":[{\"names\":[\"sync\"],\"why\":\"w\"}]"), "x.jsonc:5", "errno"},
        {ROOT("],\"errno\":[{\"names\":[\"read\"],\"why\":\"w\",\"errno\":\"EPERM\"}]"),
         "x.jsonc:5", "read is already allowed at x.jsonc:4"},
        {ROOT("],\"refuse\":[{\"names\":[\"read\"],\"why\":\"w\"}]"), "x.jsonc:5",
         "read is already allowed"},
        {ROOT("],\"refuse\":[{\"names\":[\"bpf\"],\"why\":\"w\",\"errno\":\"0\"}]"), "x.jsonc:5",
         "success"},
        {ROOT("],\"refuse\":[{\"names\":[\"bpf\",\"bpf\"],\"why\":\"w\"}]"), "x.jsonc:5",
         "bpf is already refused"},
        {ROOT("],\"remove\":[{\"names\":[\"read\"],\"why\":\"w\"}]"), "x.jsonc:5",
         "this profile extends none"},
        /* arguments */
        {ROOT("],\"allow_if\":[{\"names\":[\"clone\"],\"why\":\"w\"}]"), "x.jsonc:5", "args"},
        {ROOT("],\"allow_if\":[{\"names\":[\"read\"],\"why\":\"w\",\"args\":[{\"index\":0,\"op\":"
              "\"eq\","
              "\"value\":0}]}]"),
         "x.jsonc:5", "read is already allowed"},
#define ARG(arg)                                                                                   \
    ROOT("],\"allow_if\":[{\"names\":[\"clone\"],\"why\":\"w\",\"args\":[\n" arg "]}]"), "x."      \
                                                                                         "jsonc:6"
        {ARG("{\"index\":6,\"op\":\"eq\",\"value\":0}"), "index"},
        {ARG("{\"index\":0,\"op\":\"lt\",\"value\":0}"), "unknown operator 'lt'"},
        {ARG("{\"index\":0,\"op\":\"eq\"}"), "value is missing"},
        {ARG("{\"index\":0,\"op\":\"eq\",\"value\":-1}"), "value"},
        {ARG("{\"index\":0,\"op\":\"eq\",\"value\":1.5}"), "value"},
        {ARG("{\"index\":0,\"op\":\"eq\",\"value\":\"0x\"}"), "hexadecimal"},
        {ARG("{\"index\":0,\"op\":\"eq\",\"value\":\"0x11112222333344445\"}"), "hexadecimal"},
        {ARG("{\"index\":0,\"op\":\"eq\",\"value\":\"AF_NOPE\"}"), "unknown constant 'AF_NOPE'"},
        {ARG("{\"index\":0,\"op\":\"eq\",\"mask\":1,\"value\":0}"), "takes no mask"},
        {ARG("{\"index\":0,\"op\":\"masked_eq\",\"value\":0}"), "needs a mask"},
        {ARG("{\"index\":0,\"op\":\"masked_eq\",\"mask\":0,\"value\":0}"), "compares nothing"},
        {ARG("{\"index\":0,\"op\":\"masked_eq\",\"mask\":2,\"value\":1}"), "never true"},
        {ARG("{\"index\":0,\"op\":\"in\",\"values\":[]}"), "values"},
        {ARG("{\"index\":0,\"op\":\"in\",\"values\":[1,1]}"), "twice"},
        {ARG("{\"index\":0,\"op\":\"in\",\"values\":[1],\"value\":1}"), "takes values"},
        {ARG("{\"index\":0,\"op\":\"eq\",\"value\":0},{\"index\":0,\"op\":\"eq\",\"value\":1}"),
         "compared twice"},
        {ARG("{\"index\":0,\"op\":\"eq\",\"value\":0,\"velue\":1}"), "velue"},
        {ARG("7"), "must be an object"},
        /* what the sandbox needs */
        {HEAD SCALARS "\"syscalls\":{}}", "x.jsonc:3", "sendmsg is not allowed"},
        {ROOT("]},\n\"extends\":\"nope\",\"env\":{"), "x.jsonc:6", "there is no profile 'nope'"},
        {ROOT("]},\n\"extends\":\"../x\",\"env\":{"), "x.jsonc:6", "no name of a profile"},
        /* a child adds, and says so when it changes */
        {CHILD("\"network\":\"none\""), "x.jsonc:3", "sets network already"},
        {CHILD("\"override\":{\n\"netwrok\":\"w\"}"), "x.jsonc:4", "nothing inherited"},
        {CHILD("\"override\":{\"network\":\"w\"}"), "x.jsonc:3", "not set in this file"},
        {CHILD("\"override\":{\"network\":\"\"},\"network\":\"none\""), "x.jsonc:3", "reason"},
        {CHILD("\"syscalls\":{\"allow\":[{\"group\":\"g\",\"why\":\"w\",\n\"names\":[\"read\"]}]}"),
         "x.jsonc:4", "read is already allowed at root.jsonc:4"},
        {CHILD("\"syscalls\":{\"refuse\":[{\"why\":\"w\",\n\"names\":[\"read\"]}]}"), "x.jsonc:4",
         "read is already allowed at root.jsonc:4"},
        {CHILD("\"syscalls\":{\"remove\":[{\"why\":\"w\",\n\"names\":[\"bpf\"]}]}"), "x.jsonc:4",
         "bpf is not allowed by what this profile extends"},
        {CHILD("\"syscalls\":{\"remove\":[{\"why\":\"w\",\"names\":[\"sendmsg\"]}]}"), "x.jsonc:3",
         "the sandbox needs it"},
        {CHILD("\"syscalls\":{\"override\":[{\"why\":\"w\",\n\"names\":[\"bpf\"]}]}"), "x.jsonc:4",
         "nothing is said of bpf"},
        {CHILD("\"syscalls\":{\"override\":[{\"why\":\"w\",\n\"names\":[\"read\"]}]}"), "x.jsonc:4",
         "read is already allowed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        print_message("  row %zu: %s\n", i, rows[i].part);
        refuses(rows[i].text, rows[i].place, rows[i].part);
    }
}

static void test_profiles_that_extend_each_other_are_refused(void **state)
{
    (void)state;
    struct err e = {0};
    struct profile *p = NULL;
    put("a.jsonc", HEAD "\"extends\":\"b\"}");
    put("b.jsonc", HEAD "\n\"extends\":\"a\"}");
    FAILS(profile_load(dir, "a", -1, &p, &e), e, E_INVALID);
    HAS(e.message, "b.jsonc:3: extends: profiles extend each other: a > b > a");
    put("s.jsonc", HEAD "\"extends\":\"s\"}");
    FAILS(profile_load(dir, "s", -1, &p, &e), e, E_INVALID);
    HAS(e.message, "s > s");
    for (int i = 0; i < 9; i++) {
        char name[32], text[200];
        snprintf(name, sizeof name, "d%d.jsonc", i);
        snprintf(text, sizeof text, HEAD "\"extends\":\"d%d\"}", i + 1);
        put(name, text);
    }
    FAILS(profile_load(dir, "d0", -1, &p, &e), e, E_INVALID);
    HAS(e.message, "more than 8 profiles");
}

static void test_no_profile_allows_what_the_launcher_refuses_to_all(void **state)
{
    (void)state;
    struct err e = {0};
    struct profile *p = NULL;
    put("root.jsonc", ROOT("]"));
    put("never.jsonc", CHILD("\"syscalls\":{\"allow\":[{\"group\":\"g\",\"why\":\"w\",\"names\":[\"ptrace\"]}]}"));
    FAILS(profile_load(dir, "never", -1, &p, &e), e, E_INVALID);
    HAS(e.message, "ptrace is a call that no profile may allow");
}

static void test_a_child_changes_with_a_reason(void **state)
{
    (void)state;
    put("root.jsonc",
        ROOT("],\"allow_if\":[{\"names\":[\"socket\"],\"why\":\"w\",\"args\":[{\"index\":0,\"op\":"
             "\"eq\","
             "\"value\":\"AF_UNIX\"}]}],"
             "\"errno\":[{\"names\":[\"sync\"],\"errno\":\"0\",\"why\":\"w\"}],"
             "\"refuse\":[{\"names\":[\"bpf\"],\"errno\":\"ENOSYS\",\"why\":\"w\"}]"));
    put("x.jsonc",
        CHILD("\"override\":{\"network\":\"tests\",\"exec_memory\":\"tests\"},"
              "\"network\":\"loopback\",\"exec_memory\":false,\"env\":{\"A\":\"1\"},"
              "\"syscalls\":{"
              "\"override\":[{\"names\":[\"sync\",\"bpf\"],\"why\":\"w\"}],"
              "\"allow\":[{\"group\":\"g\",\"why\":\"w\",\"names\":[\"sync\",\"flock\"]}],"
              "\"allow_if\":[{\"names\":[\"socket\"],\"why\":\"w\",\"args\":[{\"index\":0,\"op\":"
              "\"eq\","
              "\"value\":\"AF_INET\"}]}],"
              "\"refuse\":[{\"names\":[\"bpf\"],\"errno\":\"EPERM\",\"why\":\"w\"}]}"));
    put("y.jsonc", HEAD "\"extends\":\"x\",\"override\":{\"env.A\":\"w\"},\"env\":{\"A\":\"2\"},"
                        "\"syscalls\":{\"remove\":[{\"names\":[\"flock\"],\"errno\":\"ENOLCK\","
                        "\"why\":\"w\"}]}}");
    AUTO_PROFILE struct profile *root = loads("root");
    AUTO_PROFILE struct profile *x = loads("x");
    AUTO_PROFILE struct profile *y = loads("y");
    assert_int_equal(root->network, PROFILE_NETWORK_NONE);
    assert_int_equal(x->network, PROFILE_NETWORK_LOOPBACK);
    assert_false(x->exec_memory);
    assert_int_equal(y->extends_count, 2);
    assert_string_equal(y->extends[0], "x");
    assert_string_equal(y->extends[1], "root");
    assert_string_equal(x->env[0].value, "1");
    assert_string_equal(y->env[0].value, "2");
    assert_int_equal(root->syscalls_allowed, 11);
    assert_int_equal(x->syscalls_allowed, 13);
    assert_int_equal(y->syscalls_allowed, 12);
    assert_true(x->file_locks);
    assert_false(y->file_locks);

    char d[64];
    const uint64_t none[6] = {0}, inet[6] = {2};
    assert_int_equal(profile_refusal(root, __NR_bpf, none, d, sizeof d), ENOSYS);
    assert_int_equal(profile_refusal(x, __NR_bpf, none, d, sizeof d), EPERM);
    assert_int_equal(profile_refusal(root, __NR_socket, inet, d, sizeof d), EPERM);
    assert_int_equal(profile_refusal(x, __NR_socket, inet, d, sizeof d), 0);
    assert_int_equal(profile_refusal(y, __NR_flock, none, d, sizeof d), ENOLCK);
    assert_int_equal(profile_refusal(y, 451, none, d, sizeof d), ENOSYS);
    assert_int_equal(profile_refusal(y, -1, none, d, sizeof d), ENOSYS);
    assert_int_equal(profile_refusal(y, 100000, none, d, sizeof d), ENOSYS);
}

/* The kernels of Debian 12 know no MDWE: what the file says must be true by its rules alone. */
static void test_exec_memory_is_false_only_where_the_rules_refuse_it(void **state)
{
    (void)state;
    static const char *const calls[] = {"mprotect", "mmap", "pkey_mprotect", "memfd_create",
                                        "shmat"};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        char text[1024];
        put("root.jsonc", ROOT("]"));
        snprintf(text, sizeof text,
                 CHILD("\"override\":{\"exec_memory\":\"w\"},\"exec_memory\":false,"
                       "\"syscalls\":{\"allow\":[{\"group\":\"g\",\"why\":\"w\",\"names\":[\"%s\"]"
                       "}]}"),
                 calls[i]);
        refuses(text, "exec_memory is false", calls[i]);
    }
}

static void test_exec_once_is_valid_only_where_nothing_gets_round_it(void **state)
{
    (void)state;
    static const char refuses_exec[] = "\"syscalls\":{\"remove\":[{\"names\":[\"execve\"],\"why\":\"w\"}]}";
    put("root.jsonc", ROOT("]"));
    refuses(CHILD("\"override\":{\"exec\":\"w\"},\"exec\":\"once\""), "x.jsonc", "exec is once");
    refuses(CHILD("\"override\":{\"exec\":\"w\",\"exec_memory\":\"w\"},\"exec\":\"once\",\"exec_memory\":false"),
            "root.jsonc:4", "execve is allowed");
    char text[600];
    snprintf(text, sizeof text, CHILD("\"override\":{\"exec\":\"w\",\"exec_memory\":\"w\"},\"exec\":\"once\","
                                      "\"exec_memory\":false,%s"), refuses_exec);
    put("x.jsonc", text);
    AUTO_PROFILE struct profile *p = loads("x");
    const uint64_t none[6] = {0};
    char detail[64];
    assert_int_equal(profile_refusal(p, __NR_execve, none, detail, sizeof detail), EPERM);
    /* The same rules without `exec: once` would leave a sandbox that cannot start its program. */
    snprintf(text, sizeof text, CHILD("%s"), refuses_exec);
    refuses(text, "x.jsonc", "execve is not allowed");
}

static void test_each_call_that_a_shipped_profile_refuses_has_a_hint(void **state)
{
    (void)state;
    char **names = NULL;
    size_t count = 0;
    struct err e = {0};
    OK(profile_names("sandbox-profiles", &names, &count, &e), e);
    for (size_t i = 0; i < count; i++) {
        AUTO_PROFILE struct profile *p = NULL;
        OK(profile_load("sandbox-profiles", names[i], -1, &p, &e), e);
        for (int nr = 0; nr < SYSCALLS_END; nr++) {
            bool whole = false; /* allowed whatever the arguments, or a fake success (sync) */
            for (size_t r = 0; r < p->rules->count; r++) {
                const struct profile_rule *rule = &p->rules->rule[r];
                whole |= rule->nr == nr && (rule->kind == RULE_ALLOW || (rule->kind == RULE_ERRNO && rule->os_errno == 0));
            }
            if (syscalls_known(nr) && !whole && syscalls_hint(nr)[0] == '\0')
                fail_msg("%s may refuse %s, which has no hint", names[i], syscalls_name(nr));
        }
    }
    profile_names_free(names, count);
}

static void test_an_override_without_a_new_rule_is_refused(void **state)
{
    (void)state;
    put("root.jsonc",
        ROOT("],\"refuse\":[{\"names\":[\"bpf\"],\"errno\":\"ENOSYS\",\"why\":\"w\"}]"));
    refuses(CHILD("\"syscalls\":{\"override\":[{\"names\":[\n\"bpf\"],\"why\":\"w\"}]}"),
            "x.jsonc:4", "no new rule");
    refuses(
        CHILD("\"syscalls\":{\"allow\":[{\"group\":\"g\",\"why\":\"w\",\"names\":[\n\"bpf\"]}]}"),
        "x.jsonc:4", "bpf is already refused at root.jsonc:5");
}

static void test_files_that_others_control_are_refused(void **state)
{
    (void)state;
    struct err e = {0};
    struct profile *p = NULL;
    put("x.jsonc", ROOT("]"));
    assert_int_equal(fchmodat(dir_fd, "x.jsonc", 0666, 0), 0);
    FAILS(profile_load(dir, "x", -1, &p, &e), e, E_DENIED);
    HAS(e.message, "written by everybody");
    assert_int_equal(unlinkat(dir_fd, "x.jsonc", 0), 0);
    assert_int_equal(symlinkat("root.jsonc", dir_fd, "x.jsonc"), 0);
    FAILS(profile_load(dir, "x", -1, &p, &e), e, E_INVALID);
    unlinkat(dir_fd, "x.jsonc", 0);
    FAILS(profile_load(dir, "x", -1, &p, &e), e, E_NOT_FOUND);
    FAILS(profile_load(dir, "../x", -1, &p, &e), e, E_INVALID);
    FAILS(profile_load("/nowhere", "x", -1, &p, &e), e, E_NOT_FOUND);
}

static char *cache_file(const char *cache)
{
    static char path[400];
    char command[400];
    snprintf(command, sizeof command, "ls %s/filter-*.bpf", cache);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    assert_non_null(fgets(path, sizeof path, f));
    pclose(f);
    path[strcspn(path, "\n")] = '\0';
    return path;
}

static struct profile *loads_cached(int cache_fd)
{
    struct err e = {0};
    struct profile *p = NULL;
    OK(profile_load("sandbox-profiles", "base", cache_fd, &p, &e), e);
    assert_true(p->in_cache);
    return p;
}

static void test_the_cache_gives_the_same_program_or_none(void **state)
{
    (void)state;
    char cache[300];
    snprintf(cache, sizeof cache, "%s/cache", dir);
    assert_int_equal(mkdir(cache, 0700), 0);
    AUTO_FD int fd = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_PROFILE struct profile *first = loads_cached(fd);
    AUTO_PROFILE struct profile *second = loads_cached(fd);
    assert_false(first->from_cache);
    assert_true(second->from_cache);
    assert_string_equal(first->filter.digest, second->filter.digest);
    assert_string_equal(first->filter_paths.digest, second->filter_paths.digest);
    assert_int_equal(first->filter.count, second->filter.count);
    assert_memory_equal(first->filter.code, second->filter.code,
                        first->filter.count * sizeof *first->filter.code);

    /* One flipped byte anywhere, a short file, a file others can write: compiled anew. */
    char *path = cache_file(cache);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    const off_t places[] = {0, 4, 9, 13, 30, 60, st.st_size / 2, st.st_size - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        AUTO_FD int file = open(path, O_RDWR | O_CLOEXEC);
        unsigned char byte;
        assert_int_equal(pread(file, &byte, 1, places[i]), 1);
        byte ^= 0x41;
        assert_int_equal(pwrite(file, &byte, 1, places[i]), 1);
        AUTO_PROFILE struct profile *p = loads_cached(fd);
        assert_false(p->from_cache);
        assert_string_equal(p->filter.digest, first->filter.digest);
    }
    assert_int_equal(truncate(path, st.st_size - 8), 0);
    AUTO_PROFILE struct profile *cut = loads_cached(fd);
    assert_false(cut->from_cache);
    assert_int_equal(chmod(path, 0666), 0);
    AUTO_PROFILE struct profile *open_to_all = loads_cached(fd);
    assert_false(open_to_all->from_cache);
    AUTO_PROFILE struct profile *again = loads_cached(fd);
    assert_true(again->from_cache);

    struct err e = {0};
    struct profile *p = NULL;
    assert_int_equal(fchmod(fd, 0777), 0);
    FAILS(profile_load("sandbox-profiles", "base", fd, &p, &e), e, E_DENIED);
    HAS(e.message, "plant a filter");
}

static void test_a_planted_program_of_another_key_is_not_used(void **state)
{
    (void)state;
    char cache[300];
    snprintf(cache, sizeof cache, "%s/planted", dir);
    assert_int_equal(mkdir(cache, 0700), 0);
    AUTO_FD int fd = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct err e = {0};
    struct sock_filter allow = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
    struct profile_filter open_door[2] = {{.code = &allow, .count = 1},
                                          {.code = &allow, .count = 1}};
    OK(filter_cache_put(fd, "key one", 7, open_door, 2, &e), e);
    char *found = cache_file(cache);
    struct profile_filter got[2] = {{0}};
    assert_int_equal(filter_cache_get(fd, "key two", 7, got, 2, &e), 0);
    /* The same name (a collision of hashes), another key. */
    AUTO_PROFILE struct profile *p = loads_cached(fd);
    char command[1000];
    snprintf(command, sizeof command,
             "cd %s && f=$(basename %s) && for x in *.bpf; do [ $x = $f ] || "
             "cp $f $x; done",
             cache, found);
    assert_int_equal(system(command), 0);
    AUTO_PROFILE struct profile *q = loads_cached(fd);
    assert_false(q->from_cache);
    assert_int_equal(filter_cache_get(fd, "key one", 7, got, 2, &e), 1);
    filter_fini(&got[0]);
    filter_fini(&got[1]);
}

static void test_details_fit_any_buffer(void **state)
{
    (void)state;
    char d[200];
    uint64_t all[6] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    const uint64_t none[6] = {0};
    for (int nr = -1; nr < SYSCALLS_END; nr++) {
        for (size_t size = 0; size < 24; size++) {
            memset(d, 'x', sizeof d);
            profile_detail(nr, all, d, size);
            assert_int_equal(d[size], 'x');
            assert_true(size == 0 || memchr(d, '\0', size) != NULL);
        }
        profile_detail(nr, none, d, sizeof d);
    }
    profile_detail(__NR_unshare, all, d, sizeof d);
    HAS(d, "NEWUSER");
    assert_true(strlen(d) < 100);
}

static void test_the_command_line_tells_its_usage(void **state)
{
    (void)state;
    char *rows[][6] = {
        {"profile"},
        {"profile", "nope"},
        {"profile", "list", "x"},
        {"profile", "show"},
        {"profile", "show", "a", "b"},
        {"profile", "check", "a", "--effective"},
        {"profile", "list", "--profiles"},
    };
    fflush(NULL);
    int saved = dup(2);
    assert_non_null(freopen("/dev/null", "w", stderr));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int argc = 0;
        while (argc < 6 && rows[i][argc] != NULL)
            argc++;
        assert_int_equal(profile_main(argc, rows[i]), 2);
    }
    char *show[] = {"profile", "show", "nope", "--profiles", "sandbox-profiles"};
    assert_int_equal(profile_main(5, show), 1);
    fflush(NULL);
    dup2(saved, 2);
    close(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped_profiles_are_valid_and_say_what_they_must),
        cmocka_unit_test(test_a_profile_is_laid_over_another),
        cmocka_unit_test(test_comments_and_trailing_commas_are_fine),
        cmocka_unit_test(test_mistakes_are_told_with_file_line_and_key),
        cmocka_unit_test(test_profiles_that_extend_each_other_are_refused),
        cmocka_unit_test(test_a_child_changes_with_a_reason),
        cmocka_unit_test(test_no_profile_allows_what_the_launcher_refuses_to_all),
        cmocka_unit_test(test_exec_memory_is_false_only_where_the_rules_refuse_it),
        cmocka_unit_test(test_exec_once_is_valid_only_where_nothing_gets_round_it),
        cmocka_unit_test(test_each_call_that_a_shipped_profile_refuses_has_a_hint),
        cmocka_unit_test(test_an_override_without_a_new_rule_is_refused),
        cmocka_unit_test(test_files_that_others_control_are_refused),
        cmocka_unit_test(test_the_cache_gives_the_same_program_or_none),
        cmocka_unit_test(test_a_planted_program_of_another_key_is_not_used),
        cmocka_unit_test(test_details_fit_any_buffer),
        cmocka_unit_test(test_the_command_line_tells_its_usage),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
