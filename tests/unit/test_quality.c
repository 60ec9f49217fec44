/* test_quality.c - a profiler's report is let in or refused by its place; drift; rows beside runs. */
#include "tests/unit/catalog_fixture.h"

#include "api/common/json.h"
#include "catalog/quality.h"
#include <math.h>

#define COLUMN(number, name, more)                                                                 \
    "{\"number\":" number ",\"name\":" name ",\"type\":\"decimal\",\"cells\":{\"decimal\":100},\"missing\":0,"           \
    "\"missing_tokens\":[],\"distinct\":100,\"distinct_exact\":true,\"identifiers\":[]" more "}"
#define FILE_OF(columns)                                                                           \
    "{\"version\":1,\"small_count\":10,\"files_total\":1,\"files\":[{\"path\":\"a.csv\",\"size_bytes\":9,\"format\":\"csv\"," \
    "\"delimiter\":\",\",\"header\":true,\"rows\":100,\"columns_total\":1,\"columns\":[" columns "]}]}"
#define NUMBERS(min, q, max)                                                                       \
    ",\"withheld\":null,\"numbers\":{\"count\":100,\"min\":" min ",\"max\":" max ",\"mean\":1,\"sd\":1,\"quantiles\":[" q "],"    \
    "\"exact\":true}"
#define LOW "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15"
#define HIGH "11,12,13,14,15,16,17,18,19,20,21,22,23,24,25"

static const char good[] = FILE_OF(COLUMN("1", "\"x\"", NUMBERS("0", LOW, "16")));

static void test_a_report_is_kept_as_it_was(void **state)
{
    (void)state;
    struct arena *a = arena_new();
    const char *kept = NULL, *again = NULL;
    struct err e = {0};
    OK(quality_read(a, good, strlen(good), &kept, &e), e);
    OK(quality_read(a, kept, strlen(kept), &again, &e), e);
    assert_string_equal(kept, again);
    arena_free(a);
}

static void test_what_is_not_as_it_should_be_is_refused_by_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *where;
    } rows[] = {
        {"\"version\":1", "\"version\":2", "version"},
        {"\"rows\":100", "\"rows\":-1", "rows"},
        {"\"rows\":100", "\"rows\":1.5", "rows"},
        {"\"rows\":100", "\"rows\":\"100\"", "rows"},
        {"\"csv\"", "\"TREM 5412 2816\"", "format"},
        {"\"x\"", "\"a\\u0007b\"", "name"},
        {"\"x\"", "\"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789x\"", "name"},
        {"\"type\":\"decimal\"", "\"type\":\"secret\"", "type"},
        {"\"identifiers\":[]", "\"identifiers\":[{\"kind\":\"nam\",\"cells\":3,\"share\":1,\"confidence\":\"certain\",\"because\":\"values\","
                               "\"value\":\"TREM 5412 2816\"}]", "identifiers"},
        {"\"identifiers\":[]", "\"identifiers\":[{\"kind\":\"other\",\"cells\":3,\"share\":1,\"confidence\":\"certain\",\"because\":\"values\"}]",
         "kind"},
        {"\"mean\":1,", "\"mean\":1e309,", NULL},
        {"\"quantiles\":[1,", "\"quantiles\":[", "quantiles"},
        {"\"exact\":true", "\"exact\":1", "exact"},
        {"\"missing\":0,", "", "missing"},
        {"\"missing\":0,", "\"missing\":0,\"extra\":1,", "columns"},
    };
    struct arena *a = arena_new();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[8192];
        const char *at = strstr(good, rows[i].from), *kept = NULL;
        struct err e;
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, rows[i].to, at + strlen(rows[i].from));
        FAILS(quality_read(a, text, strlen(text), &kept, &e), e, E_INVALID);
        if (rows[i].where && strcmp(e.field, rows[i].where) != 0)
            fail_msg("row %zu: field %s, wanted %s", i, e.field, rows[i].where);
    }
    arena_free(a);
}

static struct json *parsed(const char *text)
{
    struct err e = {0};
    struct json *v = json_parse(text, strlen(text), NULL, &e);
    if (!v)
        fail_msg("%s", e.message);
    return v;
}

static const struct json *first_column(const struct json *report)
{
    return json_first(json_get(json_first(json_get(report, "files")), "columns"));
}

static void test_drift_is_measured_by_the_stability_of_tenths(void **state)
{
    (void)state;
    AUTO_JSON struct json *before = parsed(good);
    AUTO_JSON struct json *shifted = parsed(FILE_OF(COLUMN("1", "\"x\"", NUMBERS("10", HIGH, "26"))));
    assert_true(quality_psi(first_column(before), first_column(before)) == 0);
    double psi = quality_psi(first_column(before), first_column(shifted));
    assert_true(psi > 1);
    AUTO_JSON struct json *none = parsed(FILE_OF(COLUMN("1", "\"x\"", ",\"withheld\":\"identifiers\"")));
    assert_true(isnan(quality_psi(first_column(before), first_column(none))));
}

static void test_drift_names_columns_that_come_and_go(void **state)
{
    (void)state;
    AUTO_JSON struct json *before = parsed(FILE_OF(COLUMN("1", "\"x\"", ",\"withheld\":null") "," COLUMN("2", "\"gone\"", ",\"withheld\":null")));
    AUTO_JSON struct json *now = parsed(FILE_OF(COLUMN("1", "\"new\"", ",\"withheld\":null") "," COLUMN("2", "\"x\"", ",\"withheld\":null")));
    AUTO_BUF struct buf out = BUF_INIT(1 << 16);
    struct jw w = jw_to(&out);
    jw_obj(&w);
    quality_drift(before, now, &w);
    jw_end_obj(&w);
    AUTO_JSON struct json *d = parsed(buf_cstr(&out));
    assert_int_equal(json_int(json_get(d, "columns_added"), -1), 1);
    assert_int_equal(json_int(json_get(d, "columns_removed"), -1), 1);
    HAS(buf_cstr(&out), "\"name\":\"new\",\"number\":1,\"change\":\"added\"");
    HAS(buf_cstr(&out), "\"name\":\"x\",\"number\":2,\"change\":\"kept\"");
    HAS(buf_cstr(&out), "\"name\":\"gone\",\"number\":2,\"change\":\"removed\"");
}

/* ---- rows ---- */

static int64_t version_of(struct fixture *f, const char *manifest)
{
    struct err e = {0};
    struct dataset_row d;
    bool existed;
    const struct dataset_new n = {.name = "d", .classification = "interne", .manifest = manifest, .files = 1, .size_bytes = 9,
                                  .actor = fx_actor, .created_us = 5};
    OK(cat_dataset_add(f->db, f->a, &n, &d, &existed, &e), e);
    OK(cat_dataset_seal(f->db, d.key, &fx_actor, 6, &e), e);
    return d.key;
}

static void test_a_report_comes_with_its_run_and_is_compared_with_the_version_before(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct quality_row q;
    bool found;
    int64_t one = version_of(f, SHA_A), two = version_of(f, SHA_B);
    char run[2][TEXT_ID_SIZE];
    for (int i = 0; i < 2; i++) {
        text_new_id('r', run[i]);
        fx_submit(f->db, run[i], 7 + i);
    }
    OK(cat_quality_get(f->db, f->a, one, &found, &q, &e), e);
    assert_false(found);
    OK(cat_quality_start(f->db, run[0], one, 10, &e), e);
    OK(cat_quality_get(f->db, f->a, one, &found, &q, &e), e);
    assert_true(found && !q.report && strcmp(q.run, run[0]) == 0 && strcmp(q.ref, "d@1") == 0);
    OK(cat_quality_under_way(f->db, f->a, one, &found, &q, &e), e);
    assert_true(found);
    OK(cat_quality_finish(f->db, f->a, run[0], good, NULL, 9, &e), e);
    OK(cat_quality_get(f->db, f->a, one, &found, &q, &e), e);
    assert_true(found && strcmp(q.report, good) == 0 && q.reported_us == 9);
    /* Once only. */
    OK(cat_quality_finish(f->db, f->a, run[0], NULL, "no", 10, &e), e);
    OK(cat_quality_get(f->db, f->a, one, &found, &q, &e), e);
    assert_true(q.report && q.reported_us == 9);
    /* A run that profiles nothing is let be. */
    OK(cat_quality_finish(f->db, f->a, run[1], good, NULL, 9, &e), e);
    struct dataset_row d;
    OK(cat_dataset_get(f->db, f->a, "d", 2, &d, &e), e);
    OK(cat_quality_before(f->db, f->a, &d, &found, &q, &e), e);
    assert_true(found && strcmp(q.ref, "d@1") == 0);
    OK(cat_quality_start(f->db, run[1], two, 10, &e), e);
    OK(cat_quality_finish(f->db, f->a, run[1], NULL, "the profiler left no report", 11, &e), e);
    OK(cat_quality_get(f->db, f->a, two, &found, &q, &e), e);
    assert_true(found && !q.report);
    assert_string_equal(q.bad, "the profiler left no report");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_report_is_kept_as_it_was),
        cmocka_unit_test(test_what_is_not_as_it_should_be_is_refused_by_its_place),
        cmocka_unit_test(test_drift_is_measured_by_the_stability_of_tenths),
        cmocka_unit_test(test_drift_names_columns_that_come_and_go),
        cmocka_unit_test_setup_teardown(test_a_report_comes_with_its_run_and_is_compared_with_the_version_before, fx_setup, fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
