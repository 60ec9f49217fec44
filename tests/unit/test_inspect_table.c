/* test_inspect_table.c - sketches within their error; files of every form from beginning to end, by their report; what a
 * report never has. */
#include "tests/unit/unit.h"

#include "api/common/json.h"
#include "api/common/mem.h"
#include "api/inspect/folder.h"
#include <math.h>

static uint64_t seed = 7;
static uint64_t rnd(void)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return seed >> 20;
}

static void test_distinct_values_are_estimated_within_five_errors(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 3000000; n = n * 3 + 1) {
        struct hll h = {0};
        for (uint64_t i = 0; i < n; i++)
            for (int twice = 0; twice < 2; twice++)
                hll_add(&h, hash_mix(i * 77 + 1));
        double error = fabs((double)hll_estimate(&h) - (double)n) / (double)n;
        if (error > 5 * 1.04 / 64)
            fail_msg("%llu: %llu", (unsigned long long)n, (unsigned long long)hll_estimate(&h));
    }
}

static void test_quantiles_keep_the_stated_rank_error(void **state)
{
    (void)state;
    enum { N = 1000000 };
    struct sample s = {0};
    for (int i = 0; i < N; i++) {
        double v = (double)((uint64_t)i * 7919 % N); /* each of 0..N-1 once */
        sample_add(&s, &v, 1);
    }
    assert_false(sample_is_exact(&s));
    assert_true(s.count <= SAMPLE_MAX && s.count >= SAMPLE_MAX / 2 - 1);
    sample_sort(&s);
    for (double p = 0.01; p < 1; p += 0.01)
        if (fabs(sample_quantile(&s, p) / N - p) > SAMPLE_RANK_ERROR)
            fail_msg("%g: %g", p, sample_quantile(&s, p) / N);
    sample_fini(&s);
}

static void test_frequent_values_are_lower_bounds(void **state)
{
    (void)state;
    struct top t = {0};
    for (int i = 0; i < 200000; i++) {
        uint64_t v = i % 10 == 0 ? 5 : i % 20 == 1 ? 6 : rnd();
        top_add_number(&t, hash_mix(v), (double)v);
    }
    assert_false(top_is_exact(&t));
    size_t n = top_sort(&t);
    assert_true(n >= 2);
    assert_true(t.slots[0].value.number == 5 && t.slots[0].count <= 20000 && t.slots[0].count > 15000);
    assert_true(t.slots[1].value.number == 6 && t.slots[1].count <= 10000);
    top_fini(&t);
}

static void test_groups_are_exact_until_they_are_many(void **state)
{
    (void)state;
    struct groups g = {0};
    for (uint64_t i = 0; i < 100000; i++) {
        uint64_t h = hash_mix(i % 50000);
        groups_add(&g, &h, 1);
    }
    struct groups_sum s = groups_sum(&g, 3);
    assert_true(s.exact && s.groups == 50000 && s.repeated == 50000 && s.smallest == 2 && s.alone == 0 && s.in_small == 100000);
    for (uint64_t i = 0; i < 2000000; i++) {
        uint64_t h = hash_mix(1000000 + i);
        groups_add(&g, &h, 1);
    }
    s = groups_sum(&g, 3);
    assert_false(s.exact);
    assert_true(g.used <= GROUPS_MAX);
    assert_true(fabs((double)s.groups - 2050000) < 2050000 * 0.02);
    assert_true(fabs((double)s.repeated - 50000) < 50000 * 5 * s.error);
    groups_fini(&g);
}

/* ---- reports ---- */

static struct json *report_of(const char *path, const char *bytes, size_t len)
{
    struct folder_options o = {.report = {.small_count = 3, .now_s = 1795478400}, .header = -1};
    AUTO_BUF struct buf out = BUF_INIT(4 << 20);
    struct jw w = jw_to(&out);
    struct feed f;
    struct err e = {0};
    size_t columns = FOLDER_COLUMNS;
    feed_init_text(&f, bytes, len);
    OK(folder_file(&w, &f, path, len, &o, &columns, &e), e);
    feed_fini(&f);
    const struct json_limits limits = {.max_bytes = 4 << 20};
    struct json *root = json_parse(buf_cstr(&out), out.len, &limits, &e);
    if (!root)
        fail_msg("%s", e.message);
    return root;
}

static const struct json *column_of(const struct json *r, size_t n)
{
    const struct json *c = json_first(json_get(r, "columns"));
    for (size_t i = 0; c && i < n; i++)
        c = json_next(c);
    assert_non_null(c);
    return c;
}

#define REPORT(name, text)                                                                         \
    AUTO_JSON struct json *r = report_of((name), (text), sizeof(text) - 1)
#define INT(of, key) json_int(json_get((of), (key)), -1)
#define STR(of, key) (json_str(json_get((of), (key))) ? json_str(json_get((of), (key))) : "")

static void test_a_comma_separated_file(void **state)
{
    (void)state;
    REPORT("a.csv", "id,name of thing,score,when\n1,\"a, b\",1.5,2026-01-01\n2,\"say \"\"hi\"\"\",2.5,2026-01-02\n"
                    "3,,NA,2026-01-03\n3,,NA,2026-01-03\n");
    assert_string_equal(STR(r, "format"), "csv");
    assert_string_equal(STR(r, "delimiter"), ",");
    assert_true(json_bool(json_get(r, "header"), false));
    assert_int_equal(INT(r, "rows"), 4);
    assert_int_equal(INT(r, "columns_total"), 4);
    assert_int_equal(INT(json_get(r, "duplicates"), "rows"), 1);
    assert_string_equal(STR(column_of(r, 0), "type"), "integer");
    assert_int_equal(INT(column_of(r, 0), "distinct"), 3);
    assert_int_equal(INT(column_of(r, 1), "missing"), 2);
    assert_string_equal(STR(column_of(r, 2), "type"), "decimal");
    assert_string_equal(STR(column_of(r, 3), "type"), "date");
    assert_int_equal(INT(r, "ragged_rows"), 0);
}

static void test_semicolons_commas_and_latin_1(void **state)
{
    (void)state;
    REPORT("a.csv", "ville;montant\r\nMontr\xe9" "al;12,5\r\nQu\xe9" "bec;1 234,50\r\nL\xe9vis;-3\r\n");
    assert_string_equal(STR(r, "delimiter"), ";");
    assert_string_equal(STR(r, "encoding"), "iso-8859-1");
    assert_string_equal(STR(r, "line_ends"), "crlf");
    assert_string_equal(STR(column_of(r, 1), "type"), "decimal");
    assert_string_equal(STR(column_of(r, 1), "decimal_mark"), "comma");
    assert_true(json_num(json_get(json_get(column_of(r, 1), "numbers"), "max"), 0) == 1234.5);
}

static void test_other_forms(void **state)
{
    (void)state;
    {
        REPORT("a.tsv", "a\tb\n1\t2\n3\t4\n");
        assert_string_equal(STR(r, "format"), "tsv");
    }
    {
        REPORT("a", "\xef\xbb\xbfnom|x\nCôté|1\nRoy|2\n");
        assert_string_equal(STR(r, "delimiter"), "|");
        assert_string_equal(STR(r, "encoding"), "utf-8");
        assert_true(json_bool(json_get(r, "bom"), false));
        assert_string_equal(STR(column_of(r, 0), "name"), "nom");
    }
    {
        REPORT("mac.csv", "a,b\r1,2\r3,4\r");
        assert_string_equal(STR(r, "line_ends"), "cr");
        assert_int_equal(INT(r, "rows"), 2);
    }
    {
        REPORT("a.jsonl", "{\"a\":1,\"b\":{\"c\":\"x\"}}\nnot json\n{\"a\":2.5,\"d\":[1,2],\"b\":{\"c\":null}}\n{\"a\":\"\\u00e9\"}\n");
        assert_string_equal(STR(r, "format"), "jsonl");
        assert_int_equal(INT(r, "rows"), 3);
        assert_int_equal(INT(r, "bad_lines"), 1);
        assert_int_equal(INT(r, "first_bad_line"), 2);
        assert_string_equal(STR(column_of(r, 1), "name"), "b.c");
        assert_int_equal(INT(column_of(r, 1), "missing"), 2);
        assert_int_equal(INT(column_of(r, 2), "missing"), 2);
        assert_string_equal(STR(column_of(r, 0), "type"), "mixed");
    }
    {
        REPORT("lettre.txt", "Bonjour, monde\nUne ligne, puis une autre\n");
        assert_string_equal(STR(r, "format"), "text");
        assert_int_equal(INT(r, "rows"), 2);
    }
    {
        REPORT("x", "");
        assert_string_equal(STR(r, "format"), "empty");
    }
    {
        REPORT("x", "\x7f" "ELF\0\0\0\0\0\0\0\0");
        assert_string_equal(STR(r, "format"), "binary");
    }
    {
        REPORT("x", "\xff\xfe" "a\0,\0");
        assert_string_equal(STR(r, "format"), "utf-16");
    }
}

static void test_faults_are_counted_and_told_where(void **state)
{
    (void)state;
    {
        REPORT("a.csv", "a,b\n1,2\n1\n1,2,3\n4,5\n");
        assert_int_equal(INT(r, "ragged_rows"), 2);
        assert_int_equal(INT(r, "first_ragged_row"), 2);
        assert_int_equal(INT(r, "rows"), 4);
    }
    {
        REPORT("a.csv", "a,b\n1,2\n\n3,\"never closed\n4,5\n");
        assert_true(json_bool(json_get(r, "unclosed_quote"), false));
        assert_int_equal(INT(r, "blank_lines"), 1);
        assert_int_equal(INT(r, "rows"), 2);
    }
    {
        REPORT("a.csv", "a,b\nx\"y,2\n\"p\"q,3\n");
        assert_int_equal(INT(r, "stray_quotes"), 2);
    }
    {
        REPORT("a.csv", "a,b\né,1\né,2\né,3\né,4\n\xff,5\n");
        assert_string_equal(STR(r, "encoding"), "utf-8");
        assert_int_equal(INT(r, "encoding_faults"), 1);
        assert_int_equal(INT(r, "first_encoding_fault_row"), 5);
    }
}

/* Batches, and row by row when every field is quoted: the same figures. */
static void test_quoted_and_plain_files_give_the_same(void **state)
{
    (void)state;
    AUTO_BUF struct buf plain = BUF_INIT(8 << 20), quoted = BUF_INIT(8 << 20);
    buf_add_str(&plain, "x,y,when,z\n");
    buf_add_str(&quoted, "\"x\",\"y\",\"when\",\"z\"\n");
    for (int i = 0; i < 20000; i++) {
        unsigned a = (unsigned)(rnd() % 100000), b = (unsigned)(rnd() % 1000), d = (unsigned)(rnd() % 28 + 1), k = (unsigned)(rnd() % 7);
        buf_printf(&plain, "%u,%u.%03u,2026-01-%02u,v%u\n", a, b, b, d, k);
        buf_printf(&quoted, "\"%u\",\"%u.%03u\",\"2026-01-%02u\",\"v%u\"\n", a, b, b, d, k);
    }
    AUTO_JSON struct json *p = report_of("a.csv", plain.data, plain.len), *q = report_of("a.csv", quoted.data, quoted.len);
    AUTO_BUF struct buf one = BUF_INIT(1 << 20), two = BUF_INIT(1 << 20);
    json_print(json_get(json_get(p, "duplicates"), "rows"), true, &one);
    json_print(json_get(json_get(q, "duplicates"), "rows"), true, &two);
    assert_string_equal(buf_cstr(&one), buf_cstr(&two));
    for (size_t i = 0; i < 4; i++) {
        const struct json *a = column_of(p, i), *b = column_of(q, i), *s = json_get(a, "numbers"), *t = json_get(b, "numbers");
        assert_int_equal(INT(a, "distinct"), INT(b, "distinct"));
        assert_string_equal(STR(a, "type"), STR(b, "type"));
        if (!s)
            continue;
        assert_true(json_num(json_get(s, "min"), 0) == json_num(json_get(t, "min"), 1));
        assert_true(json_num(json_get(s, "max"), 0) == json_num(json_get(t, "max"), 1));
        assert_true(fabs(json_num(json_get(s, "mean"), 0) - json_num(json_get(t, "mean"), 1)) < 1e-6);
        assert_true(fabs(json_num(json_get(s, "sd"), 0) - json_num(json_get(t, "sd"), 1)) < 1e-6);
        buf_clear(&one);
        buf_clear(&two);
        json_print(json_get(s, "quantiles"), true, &one);
        json_print(json_get(t, "quantiles"), true, &two);
        assert_string_equal(buf_cstr(&one), buf_cstr(&two));
    }
}

static void test_giants_stay_within_bounds(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_INIT(64 << 20);
    buf_add_str(&b, "id_patient,nom\n1,");
    for (int i = 0; i < 3 << 20; i++)
        buf_add_char(&b, 'x');
    buf_add_str(&b, "\n2,y\n");
    for (int i = 0; i < 200000; i++)
        buf_add_str(&b, "1,");
    buf_add_str(&b, "\n3,z\n");
    AUTO_JSON struct json *r = report_of("a.csv", b.data, b.len);
    assert_int_equal(INT(r, "rows"), 4);
    assert_int_equal(INT(r, "ragged_rows"), 1);
    assert_int_equal(INT(r, "cut_fields"), 1);
    buf_clear(&b);
    for (int i = 0; i < 5000; i++)
        buf_printf(&b, "%sc%d_name", i ? "," : "", i);
    buf_add_char(&b, '\n');
    for (int i = 0; i < 20 * 5000; i++)
        buf_printf(&b, "%d%s", i, i % 5000 == 4999 ? "\n" : ",");
    AUTO_JSON struct json *wide = report_of("a.csv", b.data, b.len);
    assert_int_equal(INT(wide, "columns_total"), 5000);
    assert_int_equal(json_count(json_get(wide, "columns")), FOLDER_COLUMNS);
    assert_int_equal(INT(wide, "rows"), 20);
}

static bool shows(const struct json *r, const char *value)
{
    AUTO_BUF struct buf b = BUF_INIT(4 << 20);
    json_print(r, false, &b);
    return strstr(buf_cstr(&b), value) != NULL;
}

static void test_no_value_of_an_identifier_is_ever_told(void **state)
{
    (void)state;
    AUTO_BUF struct buf b = BUF_INIT(1 << 20);
    buf_add_str(&b, "a,b,c,d\n");
    for (int i = 0; i < 50; i++)
        buf_add_str(&b, "TREM 5412 2816,046454286,ok,4111 1111 1111 1111\n");
    AUTO_JSON struct json *r = report_of("a.csv", b.data, b.len);
    static const char *const values[] = {"TREM 5412", "46454286", "4111 1111"};
    for (size_t i = 0; i < 3; i++)
        assert_false(shows(r, values[i]));
    assert_string_equal(STR(json_first(json_get(column_of(r, 0), "identifiers")), "kind"), "nam");
    assert_string_equal(STR(json_first(json_get(column_of(r, 1), "identifiers")), "kind"), "nas");
    assert_int_equal(INT(json_first(json_get(column_of(r, 1), "identifiers")), "cells"), 50);
    assert_string_equal(STR(column_of(r, 3), "withheld"), "identifiers");
}

static void test_a_first_row_of_data_names_nothing(void **state)
{
    (void)state;
    {
        REPORT("x.csv", "TREM54122816,Tremblay\nROYA54122817,Roy\nCOTE54122818,Gagnon\n");
        assert_false(json_bool(json_get(r, "header"), true));
        assert_int_equal(INT(r, "rows"), 3);
        assert_false(shows(r, "Tremblay"));
        assert_false(shows(r, "TREM5412"));
    }
    {
        REPORT("x.jsonl", "{\"TREM54122816\":1}\n{\"ROYA54122817\":2}\n");
        assert_false(shows(r, "TREM5412"));
        assert_false(shows(r, "ROYA5412"));
    }
    {
        /* Nothing tells that these are names: they are not shown. */
        REPORT("x.csv", "Tremblay,Gagnon\nRoy,Dion\n");
        assert_false(shows(r, "Tremblay"));
    }
}

static void test_small_counts_are_not_shown(void **state)
{
    (void)state;
    REPORT("a.csv", "groupe,n_cas\nA,1\nA,1\nA,1\nA,1\nB,1\nB,2\nA,2\nA,2\n");
    assert_true(shows(r, "\"value\":\"A\""));
    assert_false(shows(r, "\"value\":\"B\""));
}

static void test_groups_of_quasi_identifiers(void **state)
{
    (void)state;
    REPORT("a.csv", "sexe,age,code_postal\nF,30,H2X 1Y4\nF,30,H2X 1Y4\nM,40,H2X 1Y4\nM,40,H2X 1Y4\nM,41,H2X 1Y4\n");
    const struct json *sets = json_get(r, "quasi_identifiers"), *last = json_next(json_first(sets));
    assert_int_equal(json_count(sets), 2);
    assert_int_equal(INT(json_first(sets), "smallest_group"), 1);
    assert_int_equal(INT(json_first(sets), "groups"), 3);
    assert_int_equal(INT(last, "alone"), 1);
    assert_int_equal(INT(last, "rows_in_small_groups"), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distinct_values_are_estimated_within_five_errors),
        cmocka_unit_test(test_quantiles_keep_the_stated_rank_error),
        cmocka_unit_test(test_frequent_values_are_lower_bounds),
        cmocka_unit_test(test_groups_are_exact_until_they_are_many),
        cmocka_unit_test(test_a_comma_separated_file),
        cmocka_unit_test(test_semicolons_commas_and_latin_1),
        cmocka_unit_test(test_other_forms),
        cmocka_unit_test(test_faults_are_counted_and_told_where),
        cmocka_unit_test(test_quoted_and_plain_files_give_the_same),
        cmocka_unit_test(test_giants_stay_within_bounds),
        cmocka_unit_test(test_no_value_of_an_identifier_is_ever_told),
        cmocka_unit_test(test_a_first_row_of_data_names_nothing),
        cmocka_unit_test(test_small_counts_are_not_shown),
        cmocka_unit_test(test_groups_of_quasi_identifiers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
