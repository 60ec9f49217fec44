/* test_cli_run.c - what `enclos run` makes of options, enclos.jsonc, and the code folder. */
#include "tests/unit/unit.h"

#include "api/cli/command.h"
#include "api/cli/ignore.h"
#include "api/cli/request.h"
#include "api/cli/snapshot.h"
#include "api/cli/verdict.h"
#include "api/common/json.h"
#include <fcntl.h>

static char folder[256];

static int setup(void **state)
{
    (void)state;
    say_in(LANG_EN);
    snprintf(folder, sizeof folder, "%s", unit_mkdtemp());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unit_rmdir(folder);
    return 0;
}

static const char *in_folder(const char *name)
{
    static char path[4][600];
    static int next;
    char *p = path[next++ % 4];

    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static void put(const char *name, const char *text, mode_t mode)
{
    FILE *f = fopen(in_folder(name), "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(in_folder(name), mode), 0);
}

/* ---- options ---- */

static struct args *parsed(enum args_mode mode, const char *line, struct err *e)
{
    static char copy[8][512];
    static int next;
    static char *words[8][32];
    char *text = copy[next % 8], **argv = words[next++ % 8];
    int argc = 0;
    struct args *a = args_new();

    snprintf(text, sizeof copy[0], "%s", line);
    for (char *w = strtok(text, " "); w; w = strtok(NULL, " "))
        argv[argc++] = w;
    *e = (struct err){0};
    if (args_parse(a, cmd_run_options, command_shared_options, argc, argv, mode, e) < 0)
        args_free_at(&a);
    return a;
}

static void test_options_end_at_the_command(void **state)
{
    (void)state;
    struct err e;
    AUTO_ARGS struct args *a =
        parsed(ARGS_TO_WORD, "--name=x -d a@1 --dataset b python3 t.py --name y", &e);
    assert_non_null(a);
    size_t at = 0;
    assert_string_equal(args_get(a, "name"), "x");
    assert_string_equal(args_each(a, "dataset", &at), "a@1");
    assert_string_equal(args_each(a, "dataset", &at), "b");
    assert_null(args_each(a, "dataset", &at));
    assert_int_equal(args_word_count(a), 4);
    assert_string_equal(args_word(a, 3), "y");
}

static void test_mistakes_are_told_with_what_was_meant(void **state)
{
    (void)state;
    struct err e;
    assert_null(parsed(ARGS_TO_WORD, "--datset x", &e));
    HAS(e.message, "did you mean --dataset?");
    assert_null(parsed(ARGS_TO_WORD, "--zzzzzz", &e));
    HAS(e.message, "there is no option --zzzzzz");
    assert_null(parsed(ARGS_TO_WORD, "--memory", &e));
    HAS(e.message, "--memory needs a value: SIZE");
    assert_null(parsed(ARGS_TO_WORD, "--detach=1", &e));
    HAS(e.message, "takes no value");
    assert_null(parsed(ARGS_TO_WORD, "--name a --name b", &e));
    HAS(e.message, "given twice");
}

/* ---- the request ---- */

static const char *request_of(const char *file, const char *options, struct buf *out, struct err *e)
{
    struct request r;
    AUTO_ARGS struct args *a = parsed(ARGS_TO_WORD, options, e);
    char text[2048];

    request_init(&r);
    snprintf(text, sizeof text, "%s", file ? file : "");
    buf_clear(out);
    if (a && (!file || request_read_file(&r, "enclos.jsonc", text, strlen(text), e) == 0) &&
        request_read_options(&r, a, e) == 0) {
        request_add_interpreter(&r, folder);
        request_print(&r, out);
    }
    request_fini(&r);
    return buf_cstr(out);
}

static void test_options_become_a_request(void **state)
{
    (void)state;
    struct err e;
    AUTO_BUF struct buf out = BUF_INIT(1 << 16);
    assert_string_equal(
        request_of(
            NULL,
            "--cpus 0.5 --memory 1G --time 10m --outputs 64M --param a=1 --param a=2 --tag t= "
            "--env N=v=w --limits best-effort --priority -5 --report-paths -- echo --x",
            &out, &e),
        "{\"command\":[\"echo\",\"--x\"],\"resources\":{\"cpus_milli\":500,\"memory_bytes\":"
        "1073741824,"
        "\"wall_ms\":600000,\"output_bytes\":67108864},\"env\":{\"N\":\"v=w\"},\"params\":{\"a\":"
        "\"2\"},"
        "\"tags\":{\"t\":\"\"},\"priority\":-5,\"limits\":\"best_effort\",\"report_paths\":true}");
    request_of(NULL, "--memory 1GB x", &out, &e);
    HAS(e.message, "--memory: 1GB is no size");
    assert_string_equal(e.hint, "");
    request_of(NULL, "--outputs disk x", &out, &e);
    HAS(e.hint, "--outputs-on");
    request_of(NULL, "--time 0s x", &out, &e);
    HAS(e.message, "--time: 0s is no duration");
    HAS(request_of(NULL, "--cpu-time 0 x", &out, &e), "\"cpu_ms\":0");
    assert_string_equal(request_name_of("resources.memory_bytes"), "--memory");
    assert_string_equal(request_name_of("resources.output_files"), "outputs.files");
    assert_null(request_name_of("dataset"));
    request_of(NULL, "--env 1A=x x", &out, &e);
    HAS(e.message, "--env 1A=x");
}

static void test_the_file_gives_defaults_that_options_override(void **state)
{
    (void)state;
    struct err e;
    AUTO_BUF struct buf out = BUF_INIT(1 << 16);
    const char *file =
        "{ // essai\n"
        "  \"name\": \"essai\", \"command\": [\"python3\", \"t.py\"],\n"
        "  \"datasets\": [\"a@1\"], \"profile\": \"python\", \"allow_hosts\": [],\n"
        "  \"resources\": {\"cpus\": 2, \"memory\": \"2G\", \"time\": 90},\n"
        "  \"params\": {\"trees\": 200, \"deep\": true},\n"
        "  \"outputs\": {\"size\": \"1M\", \"files\": 10, \"expected\": [\"m.pkl\"]},\n"
        "}";
    assert_string_equal(
        request_of(file, "", &out, &e),
        "{\"name\":\"essai\",\"command\":[\"python3\",\"t.py\"],\"profile\":\"python\","
        "\"allow_hosts\":[],\"datasets\":[\"a@1\"],"
        "\"resources\":{\"cpus_milli\":2000,\"memory_bytes\":2147483648,\"wall_ms\":90000,"
        "\"output_bytes\":1048576,\"output_files\":10},\"params\":{\"trees\":\"200\",\"deep\":"
        "\"true\"}}");
    assert_string_equal(
        request_of(file, "--dataset b --allow-host a.test:80 --cpus 1 --param trees=5 ls", &out, &e),
        "{\"name\":\"essai\",\"command\":[\"ls\"],\"profile\":\"python\",\"allow_hosts\":[\"a.test:80\"],\"datasets\":[\"b\"],"
        "\"resources\":{\"cpus_milli\":1000,\"memory_bytes\":2147483648,\"wall_ms\":90000,"
        "\"output_bytes\":1048576,\"output_files\":10},\"params\":{\"trees\":\"5\",\"deep\":"
        "\"true\"}}");
}

static void test_mistakes_in_the_file_name_file_line_and_key(void **state)
{
    (void)state;
    static const struct {
        const char *file, *message;
    } rows[] = {
        {"{\n\"nmae\": \"x\"}", "enclos.jsonc, line 2, nmae: unknown key; did you mean name?"},
        {"{\"resources\": {\n\n\"memroy\": 1}}",
         "line 3, resources.memroy: unknown key; did you mean memory?"},
        {"{\"resources\": {\"memory\": \"1GB\"}}", "line 1, resources.memory: 1GB is no size"},
        {"{\"command\": \"ls\"}", "line 1, command: a list of texts is expected"},
        {"{\"datasets\": [\"a\",\n 3]}", "line 2, datasets[1]: a text is expected"},
        {"{\"env\": {\"A B\": 1}}", "line 1, env.A B: a variable’s name"},
        {"[]", "enclos.jsonc: an object is expected"},
        {"{\"outputs\": []}", "line 1, outputs: an object is expected"},
        {"{\"name\": ", "enclos.jsonc: line 1"},
    };
    AUTO_BUF struct buf out = BUF_INIT(1 << 16);
    struct err e;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        request_of(rows[i].file, "x", &out, &e);
        HAS(e.message, rows[i].message);
    }
}

static void test_scripts_get_their_interpreter(void **state)
{
    (void)state;
    struct err e;
    AUTO_BUF struct buf out = BUF_INIT(1 << 16);
    put("t.py", "", 0644);
    put("x.sh", "", 0755);
    assert_string_equal(request_of(NULL, "t.py --a", &out, &e),
                        "{\"command\":[\"python3\",\"t.py\",\"--a\"]}");
    assert_string_equal(request_of(NULL, "x.sh", &out, &e), "{\"command\":[\"./x.sh\"]}");
    assert_string_equal(request_of(NULL, "none.py", &out, &e), "{\"command\":[\"none.py\"]}");
}

/* ---- the code folder ---- */

static void test_ignore_rules(void **state)
{
    (void)state;
    AUTO_IGNORE struct ignore *g = ignore_new();
    struct err e = {0};
    const char text[] = "# data\n*.csv\n!keep.csv\n/top\nsub/dir/\n**/deep.txt\n logs/ \r\n";
    OK(ignore_add(g, text, sizeof text - 1, &e), e);
    static const struct {
        const char *path;
        bool is_folder, ignored;
    } rows[] = {
        {".git", true, true},          {"a/.git", false, true},       {"a/__pycache__", true, true},
        {"__pycache__", false, false}, {"a.csv", false, true},        {"x/y/a.csv", false, true},
        {"keep.csv", false, false},    {"x/keep.csv", false, false},  {"top", false, true},
        {"x/top", false, false},       {"sub/dir", true, true},       {"x/sub/dir", true, false},
        {"sub/dir", false, false},     {"a/b/deep.txt", false, true}, {"train.py", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (ignore_match(g, rows[i].path, rows[i].is_folder) != rows[i].ignored)
            fail_msg("%s", rows[i].path);
}

static void test_a_snapshot_is_the_canonical_manifest(void **state)
{
    (void)state;
    AUTO_SNAPSHOT struct snapshot *s = snapshot_new();
    AUTO_IGNORE struct ignore *g = ignore_new();
    struct err e = {0};
    mkdir(in_folder("a"), 0755);
    mkdir(in_folder(".git"), 0755);
    mkdir(in_folder("empty"), 0755);
    put("a/é.py", "x", 0644);
    put("a-b", "", 0755);
    put(".git/config", "secret", 0644);
    assert_int_equal(symlink("/etc/passwd", in_folder("link")), 0);
    assert_int_equal(symlink("a", in_folder("linked")), 0);
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    OK(snapshot_add_folder(s, folder, "", g, 0, 0, &e), e);
    OK(snapshot_finish(s, NULL, NULL, &e), e);
    assert_string_equal(
        snapshot_manifest(s)->data,
        "{\"entries\":[{\"mode\":\"0755\",\"path\":\"a-b\","
        "\"sha256\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"size\":"
        "0},"
        "{\"mode\":\"0644\",\"path\":\"a/é.py\","
        "\"sha256\":\"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\",\"size\":"
        "1}],"
        "\"version\":1}");
    assert_int_equal(strlen(snapshot_id(s)), 64);
    assert_int_equal(snapshot_skipped_count(s), 3);
}

static void test_many_files_are_hashed_as_one_by_one(void **state)
{
    (void)state;
    AUTO_SNAPSHOT struct snapshot *s = snapshot_new();
    struct err e = {0};
    char name[32];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "f%03d", i);
        put(name, name, 0644);
    }
    OK(snapshot_add_folder(s, folder, "", NULL, 0, 0, &e), e);
    OK(snapshot_finish(s, NULL, NULL, &e), e);
    assert_int_equal(snapshot_count(s), 500);
    assert_int_equal(snapshot_total_bytes(s), 2000);
    for (size_t i = 0; i < 500; i++)
        assert_int_equal(strlen(snapshot_entries(s)[i].sha256), 64);
    assert_string_equal(snapshot_entries(s)[7].path, "f007");
}

static void test_a_folder_that_is_too_big_is_refused(void **state)
{
    (void)state;
    struct err e;
    put("one", "xxxxxxxxxx", 0644);
    put("two", "xxxxxxxxxx", 0644);
    AUTO_SNAPSHOT struct snapshot *s = snapshot_new();
    FAILS(snapshot_add_folder(s, folder, "", NULL, 15, 100, &e), e, E_LIMIT);
    HAS(e.message, "looks too big for a code folder");
    AUTO_SNAPSHOT struct snapshot *t = snapshot_new();
    FAILS(snapshot_add_folder(t, folder, "", NULL, 100, 1, &e), e, E_LIMIT);
}

static void test_a_name_that_cannot_be_recorded_is_refused(void **state)
{
    (void)state;
    struct err e;
    AUTO_SNAPSHOT struct snapshot *s = snapshot_new();
    put("a\nb", "", 0644);
    FAILS(snapshot_add_folder(s, folder, "", NULL, 0, 0, &e), e, E_INVALID);
    HAS(e.message, "a\\x0ab");
}

static void test_a_file_swapped_for_a_link_is_not_followed(void **state)
{
    (void)state;
    struct err e;
    AUTO_SNAPSHOT struct snapshot *s = snapshot_new();
    mkdir(in_folder("d"), 0755);
    put("d/f", "x", 0644);
    struct err none = {0};
    OK(snapshot_add_folder(s, folder, "", NULL, 0, 0, &none), none);
    rename(in_folder("d"), in_folder("real"));
    assert_int_equal(symlink("real", in_folder("d")), 0);
    FAILS(snapshot_finish(s, NULL, NULL, &e), e, e.kind);
    assert_int_not_equal(e.os_errno, 0);
}

static void test_two_files_of_one_name_are_refused(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO_SNAPSHOT struct snapshot *s = snapshot_new();
    mkdir(in_folder("x"), 0755);
    put("x/f", "1", 0644);
    put("f", "2", 0644);
    OK(snapshot_add_file(s, in_folder("x/f"), &e), e);
    OK(snapshot_add_file(s, in_folder("f"), &e), e);
    FAILS(snapshot_finish(s, NULL, NULL, &e), e, E_INVALID);
}

/* ---- how a run ended ---- */

static int status_of(const char *text)
{
    struct err e = {0};
    AUTO_JSON struct json *run = json_parse(text, strlen(text), NULL, &e);

    assert_non_null(run);
    return verdict_status(run);
}

static void test_exit_statuses(void **state)
{
    (void)state;
    assert_int_equal(status_of("{\"verdict\":\"succeeded\",\"exit_code\":0}"), 0);
    assert_int_equal(status_of("{\"verdict\":\"failed\",\"exit_code\":3}"), 3);
    assert_int_equal(
        status_of("{\"verdict\":\"signaled\",\"exit_code\":null,\"signal\":\"SIGSEGV\"}"), 139);
    assert_int_equal(status_of("{\"verdict\":\"cancelled\",\"signal\":\"SIGTERM\"}"), 130);
    assert_int_equal(status_of("{\"verdict\":\"wall_timeout\",\"signal\":\"SIGKILL\"}"), 124);
    assert_int_equal(status_of("{\"verdict\":\"cpu_timeout\"}"), 124);
    assert_int_equal(status_of("{\"verdict\":\"out_of_memory\",\"signal\":\"SIGKILL\"}"), 137);
    assert_int_equal(status_of("{\"verdict\":\"setup_failed\"}"), 125);
    assert_int_equal(status_of("{\"verdict\":\"exec_failed\"}"), 125);
    assert_int_equal(status_of("{\"verdict\":\"lost\"}"), 125);
    assert_int_equal(status_of("{\"verdict\":\"policy_violation\",\"signal\":\"SIGSYS\"}"), 159);
    assert_int_equal(status_of("{\"verdict\":\"output_limit\",\"exit_code\":1}"), 1);
    assert_int_equal(status_of("{\"verdict\":\"output_limit\"}"), 125);
    assert_int_equal(status_of("{\"verdict\":\"of the future\"}"), 125);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_options_end_at_the_command, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mistakes_are_told_with_what_was_meant, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_options_become_a_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_file_gives_defaults_that_options_override, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_mistakes_in_the_file_name_file_line_and_key, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_scripts_get_their_interpreter, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ignore_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_snapshot_is_the_canonical_manifest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_files_are_hashed_as_one_by_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_folder_that_is_too_big_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_name_that_cannot_be_recorded_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_file_swapped_for_a_link_is_not_followed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_two_files_of_one_name_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exit_statuses, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
