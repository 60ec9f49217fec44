/* test_ingest.c - what a run and its monitor say, as the catalog takes it: nothing is trusted. */
#include "tests/unit/catalog_fixture.h"

#include "orchestrator/ingest.h"
#include <math.h>

static void test_lines_of_a_run(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bad; /* part of the message; NULL: good */
    } rows[] = {
        {"{\"metric\":\"auc\",\"value\":0.5}", NULL},
        {"{\"metric\":\"auc\",\"value\":\"NaN\",\"step\":-3,\"time_us\":5}", NULL},
        {"{\"param\":\"trees\",\"value\":200}", NULL},
        {"{\"tag\":\"n\",\"value\":true}", NULL},
        {"{\"tag\":\"n\",\"value\":\"\"}", NULL},
        {"{\"metric\":\"auc\"}", "no number"},
        {"{\"metric\":\"auc\",\"value\":\"1\"}", "no number"},
        {"{\"metric\":\"\",\"value\":1}", "empty"},
        {"{\"metric\":\"a\\n\",\"value\":1}", "control"},
        {"{\"metric\":3,\"value\":1}", "no string"},
        {"{\"metric\":\"a\",\"value\":1,\"step\":1.5}", "step"},
        {"{\"metric\":\"a\",\"value\":1,\"sept\":1}", "sept"},
        {"{\"param\":\"a\",\"value\":[1]}", "no string, number or boolean"},
        {"{\"param\":\"a\"}", "no string, number or boolean"},
        {"{\"param\":\"a\",\"value\":1,\"step\":2}", "step"},
        {"{\"metric\":\"a\",\"value\":1e999}", "line 1"},
        {"{\"nothing\":1}", "no metric, param or tag"},
        {"[]", "no metric, param or tag"},
        {"auc=1", "line 1"},
    };
    struct arena *a = arena_new();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = {0};
        struct metric_item it;
        int rc = ingest_item(a, rows[i].text, strlen(rows[i].text), 77, &it, &e);
        if ((rc < 0) != (rows[i].bad != NULL) || (rc < 0 && !strstr(e.message, rows[i].bad)))
            fail_msg("%s: %s", rows[i].text, rc < 0 ? e.message : "was taken");
    }
    arena_free(a);
}

static void test_values_are_kept_as_they_were(void **state)
{
    (void)state;
    struct err e = {0};
    struct metric_item it;
    struct arena *a = arena_new();
#define ITEM(text) OK(ingest_item(a, text, strlen(text), 77, &it, &e), e)
    ITEM("{\"metric\":\"auc\",\"value\":-0.25,\"step\":4}");
    assert_true(it.kind == METRIC_POINT && it.value < -0.2 && it.step == 4 && it.time_us == 77);
    ITEM("{\"metric\":\"auc\",\"value\":\"NaN\"}");
    assert_true(isnan(it.value));
    ITEM("{\"metric\":\"auc\",\"value\":\"-Infinity\",\"time_us\":3}");
    assert_true(isinf(it.value) && it.value < 0 && it.time_us == 3);
    ITEM("{\"param\":\"t\",\"value\":200}");
    assert_string_equal(it.text, "200");
    ITEM("{\"param\":\"t\",\"value\":0.1}");
    assert_string_equal(it.text, "0.1");
    ITEM("{\"tag\":\"t\",\"value\":false}");
    assert_true(it.kind == METRIC_TAG);
    assert_string_equal(it.text, "false");
    arena_free(a);
}

static int record(struct arena *a, const char *text, struct run_result *out, struct err *e)
{
    const struct json *files = NULL;
    AUTO_JSON struct json *root = NULL;
    return ingest_record(a, "rtest", text, strlen(text), out, &files, &root, e);
}

static void test_a_record(void **state)
{
    (void)state;
    struct err e = {0};
    struct run_result r;
    struct arena *a = arena_new();
    OK(record(a,
              "{\"version\":1,\"run\":\"rtest\",\"verdict\":\"failed\",\"exit_code\":3,\"signal\":"
              "null,\"reason\":\"why\","
              "\"failed\":null,\"started_us\":5,\"finished_us\":9,\"wall_ms\":4,\"cpu_ms\":2,"
              "\"memory_peak_bytes\":100,"
              "\"usage\":{\"x\":1},\"log\":{\"kept_bytes\":1,\"dropped_bytes\":0,\"error\":"
              "\"no space\"},"
              "\"metrics\":{\"lines\":4,\"bad_lines\":0,\"dropped_lines\":2},"
              "\"warnings\":[\"the disk was full\",3],"
              "\"outputs\":{\"files\":[{\"path\":\"a\",\"size_bytes\":1,\"mode\":\"0644\"}],"
              "\"refused\":[{\"path\":\"x\","
              "\"reason\":\"symbolic link\"},{\"path\":3}]},"
              "\"denied\":[{\"kind\":\"syscall\",\"name\":\"ptrace\",\"count\":3},{\"name\":\"x\"}]"
              ",\"sandbox\":{\"a\":[1]}}",
              &r, &e),
       e);
    assert_true(r.verdict == VERDICT_FAILED && r.has_exit_code && r.exit_code == 3 && !r.signal &&
                !r.failed_json);
    assert_string_equal(r.reason, "why");
    assert_string_equal(r.usage_json, "{\"x\":1}");
    assert_string_equal(r.sandbox_json, "{\"a\":[1]}");
    assert_int_equal(r.denied_count, 1);
    assert_int_equal(r.refused_count, 1);
    assert_int_equal(r.memory_peak_bytes, 100);
    assert_string_equal(r.log_error, "no space");
    assert_int_equal(r.metrics_dropped, 2);
    assert_int_equal(r.warning_count, 1);
    assert_string_equal(r.warnings[0], "the disk was full");
    arena_free(a);
}

/* One pass that ends the run: of the lines that the record tells of, `seen` were read. */
static struct run_row finished_after(struct fixture *f, const char *run, int64_t seen)
{
    struct err e = {0};
    struct run_row row;
    struct ingest g = {.arena = f->a, .finished = true, .metric_lines = 4};
    fx_submit(f->db, run, 1);
    snprintf(g.run, sizeof g.run, "%s", run);
    g.batch.lines = seen;
    g.batch.to_offset = 100;
    OK(record(f->a,
              "{\"version\":1,\"run\":\"rtest\",\"verdict\":\"succeeded\",\"exit_code\":0,"
              "\"metrics\":{\"lines\":4,\"bad_lines\":0,\"dropped_lines\":2}}",
              &g.result, &e),
       e);
    OK(ingest_commit(f->db, &g, &e), e);
    OK(cat_run_get(f->db, f->a, run, &row, &e), e);
    return row;
}

static void test_metric_lines_that_were_lost_are_counted_and_told(void **state)
{
    struct fixture *f = *state;
    struct run_row row = finished_after(f, "raaaa1", 4);
    assert_int_equal(row.metrics_dropped, 2); /* by the monitor, which says so itself */
    assert_null(row.warnings_json);
    row = finished_after(f, "raaaa2", 1);
    assert_int_equal(row.metrics_dropped, 5);
    HAS(row.warnings_json, "3 metric lines of the run's log could not be read back");
}

static void test_records_that_are_none(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "{}",
        "[]",
        "{\"version\":2,\"run\":\"rtest\",\"verdict\":\"failed\"}",
        "{\"version\":1,\"run\":\"other\",\"verdict\":\"failed\"}",
        "{\"version\":1,\"run\":\"rtest\",\"verdict\":\"none\"}",
        "{\"version\":1,\"run\":\"rtest\",\"verdict\":\"great\"}",
        "{\"version\":1,\"run\":\"rtest\",\"verdict\":\"failed\",\"exit_code\":256}",
        "{\"version\":1,\"run\":\"rtest\",\"verdict\":\"failed\",\"outputs\":[]}",
        "{\"version\":1,\"run\":\"rtest\",\"verdict\":\"failed\"",
    };
    struct arena *a = arena_new();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = {0};
        struct run_result r;
        if (record(a, rows[i], &r, &e) == 0)
            fail_msg("%s was taken", rows[i]);
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_a_run),
        cmocka_unit_test(test_values_are_kept_as_they_were),
        cmocka_unit_test(test_a_record),
        cmocka_unit_test_setup_teardown(test_metric_lines_that_were_lost_are_counted_and_told,
                                        fx_setup, fx_teardown),
        cmocka_unit_test(test_records_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
