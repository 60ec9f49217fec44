/* test_metrics.c - metrics, params and tags: exactly once, with summaries that are those of the
 * points. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/metric.h"
#include <math.h>

static struct metric_item point(const char *name, double value, int64_t step, int64_t time_us)
{
    return (struct metric_item){METRIC_POINT, .name = name, .value = value, .step = step,
                                .time_us = time_us};
}

static struct metric_item text(enum metric_item_kind kind, const char *name, const char *value)
{
    return (struct metric_item){kind, .name = name, .text = value};
}

static int add(struct fixture *f, struct metric_item *items, size_t count, uint64_t from,
               uint64_t to, struct err *e)
{
    struct metric_batch batch = {
        .items = items, .count = count, .from_offset = from, .to_offset = to};
    return cat_metric_add_batch(f->db, "raaaa1", &batch, 77, e);
}

static int setup(void **state)
{
    fx_setup(state);
    fx_submit(((struct fixture *)*state)->db, "raaaa1", 1);
    return 0;
}

static struct metric_summary summary(struct fixture *f, const char *name)
{
    struct err e = {0};
    struct metric_summary *list;
    size_t count;
    OK(cat_metric_latest(f->db, f->a, "raaaa1", &list, &count, &e), e);
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].name, name) == 0)
            return list[i];
    fail_msg("no metric %s", name);
    return (struct metric_summary){0};
}

static void a_summary_is_that_of_its_points_over_several_batches(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct metric_item first[] = {point("auc", 0.5, 1, 10), point("auc", 0.9, 2, 20),
                                  point("loss", 3, 0, 10), point("auc", 0.1, 1, 30)};
    struct metric_item second[] = {point("auc", 0.7, 2, 20), point("auc", 0.6, 2, 19)};
    OK(add(f, first, 4, 0, 100, &e), e);
    OK(add(f, second, 2, 100, 150, &e), e);
    struct metric_summary auc = summary(f, "auc");
    assert_true(auc.last == 0.7); /* the later of two equal ones; (2,19) is before (2,20) */
    assert_true(auc.last_step == 2 && auc.last_time_us == 20);
    assert_true(auc.min == 0.1 && auc.max == 0.9);
    assert_int_equal(auc.count, 5);
    assert_int_equal(summary(f, "loss").count, 1);
    struct metric_point *points;
    size_t count;
    OK(cat_metric_points(f->db, f->a, "raaaa1", "auc", 0, 3, &points, &count, &e), e);
    assert_int_equal(count, 3);
    assert_true(points[2].number == 3 && points[2].value == 0.1 && points[2].step == 1);
    OK(cat_metric_points(f->db, f->a, "raaaa1", "auc", 3, 100, &points, &count, &e), e);
    assert_int_equal(count, 2);
    assert_true(points[1].number == 5 && points[1].value == 0.6 && points[1].time_us == 19);
    OK(cat_metric_points(f->db, f->a, "raaaa1", "auc", 5, 100, &points, &count, &e), e);
    assert_int_equal(count, 0);
    FAILS(cat_metric_points(f->db, f->a, "raaaa1", "none", 0, 3, &points, &count, &e), e,
          E_NOT_FOUND);
    FAILS(cat_metric_points(f->db, f->a, "rnone", "auc", 0, 3, &points, &count, &e), e,
          E_NOT_FOUND);
}

static void nan_and_infinities_come_back_as_they_went(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct metric_item items[] = {point("a", (double)NAN, 0, 1),
                                  point("a", (double)INFINITY, 1, 2),
                                  point("a", (double)-INFINITY, 2, 3),
                                  point("a", -0.0, 3, 4),
                                  point("a", 5e-324, 4, 5),
                                  point("b", (double)NAN, 0, 1)};
    OK(add(f, items, 6, 0, 10, &e), e);
    struct metric_point *p;
    size_t count;
    OK(cat_metric_points(f->db, f->a, "raaaa1", "a", 0, 10, &p, &count, &e), e);
    assert_true(isnan(p[0].value) && isinf(p[1].value) && p[1].value > 0 && isinf(p[2].value) &&
                p[2].value < 0 && p[4].value == 5e-324);
    struct metric_summary a = summary(f, "a");
    assert_true(isinf(a.min) && a.min < 0 && isinf(a.max) && a.max > 0 && a.last == 5e-324);
    struct metric_summary b = summary(f, "b");
    assert_true(isnan(b.last) && isnan(b.min) && isnan(b.max) && b.count == 1);
}

static void a_batch_goes_in_once_and_only_where_the_last_one_ended(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct metric_item items[] = {point("auc", 0.5, 1, 10)};
    OK(add(f, items, 1, 0, 100, &e), e);
    FAILS(add(f, items, 1, 0, 100, &e), e, E_CONFLICT);
    HAS(e.message, "up to 100");
    FAILS(add(f, items, 1, 120, 130, &e), e, E_CONFLICT);
    FAILS(add(f, items, 1, 100, 90, &e), e, E_CONFLICT);
    assert_int_equal(summary(f, "auc").count, 1);
    struct run_row r;
    OK((e = (struct err){0}, cat_run_get(f->db, f->a, "raaaa1", &r, &e)), e);
    assert_int_equal(r.log_offset, 100);
    struct metric_batch none = {.from_offset = 100, .to_offset = 200, .bad_lines = 3};
    OK(cat_metric_add_batch(f->db, "raaaa1", &none, 77, &e), e);
    OK(cat_run_get(f->db, f->a, "raaaa1", &r, &e), e);
    assert_int_equal(r.log_offset, 200);
    assert_int_equal(r.bad_metrics, 3);
    FAILS(cat_metric_add_batch(f->db, "rnone", &none, 77, &e), e, E_NOT_FOUND);
}

static void params_are_set_once_and_tags_are_overwritten(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct metric_item items[] = {
        text(METRIC_PARAM, "trees", "200"), text(METRIC_PARAM, "trees", "200"),
        text(METRIC_PARAM, "trees", "300"), text(METRIC_TAG, "note", "a"),
        text(METRIC_TAG, "note", "b"),      point("auc", 1, 0, 0),
    };
    OK(add(f, items, 6, 0, 9, &e), e);
    for (int i = 0; i < 6; i++)
        assert_int_equal(items[i].refused, i == 2);
    HAS(items[2].why, "another value");
    struct run_row r;
    OK(cat_run_get(f->db, f->a, "raaaa1", &r, &e), e);
    assert_int_equal(r.param_count, 1);
    assert_string_equal(r.params[0].value, "200");
    assert_string_equal(r.tags[0].value, "b");
    assert_int_equal(r.bad_metrics, 1);
    struct run_event *events;
    size_t count;
    OK(cat_run_event_list(f->db, f->a, "raaaa1", 0, 10, &events, &count, &e), e);
    assert_int_equal(count, 1);
    assert_string_equal(events[0].event, "bad_metric");
    assert_int_equal(events[0].time_us, 77);
    HAS(events[0].detail_json, "\"name\":\"trees\"");
}

static void names_and_values_that_cannot_be_kept_are_refused_alone(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    static char long_name[260];
    static char long_value[6100];
    memset(long_name, 'n', 251);
    memset(long_value, 'v', 6001);
    struct metric_item items[] = {
        point("", 1, 0, 0),
        point("a\nb", 1, 0, 0),
        point("\xff", 1, 0, 0),
        point(long_name, 1, 0, 0),
        text(METRIC_PARAM, "p", long_value),
        text(METRIC_TAG, "t", "\xc0\x80"),
        point("précision @ 10 %", 1, 0, 0),
    };
    OK(add(f, items, 7, 0, 9, &e), e);
    for (int i = 0; i < 7; i++)
        assert_int_equal(items[i].refused, i != 6);
    assert_int_equal(summary(f, "précision @ 10 %").count, 1);
    assert_int_equal(fx_count(f->db, "param") + fx_count(f->db, "tag"), 0);
}

static void a_run_cannot_fill_the_catalog_with_names(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    size_t total = METRIC_NAMES_MAX + 5;
    struct metric_item *items = mem_alloc(total * sizeof *items);
    char(*names)[16] = mem_alloc(total * sizeof *names);
    for (size_t i = 0; i < total; i++) {
        snprintf(names[i], sizeof names[i], "m%zu", i);
        items[i] = point(names[i], 1, 0, 0);
    }
    OK(add(f, items, total, 0, 9, &e), e);
    assert_int_equal(fx_count(f->db, "metric"), METRIC_NAMES_MAX);
    assert_true(items[METRIC_NAMES_MAX].refused && !items[METRIC_NAMES_MAX - 1].refused);
    for (size_t i = 0; i < RUN_PARAMS_MAX + 5; i++)
        items[i] = text(METRIC_TAG, names[i], "x");
    OK(add(f, items, RUN_PARAMS_MAX + 5, 9, 10, &e), e);
    assert_int_equal(fx_count(f->db, "tag"), RUN_PARAMS_MAX);
    free(items);
    free(names);
}

static int count_steps(void *steps)
{
    ++*(int64_t *)steps;
    return 0;
}

/* Thousands of steps that the database takes to add a batch. */
static int64_t cost(struct fixture *f, struct metric_item *items, size_t count, uint64_t from)
{
    struct err e = {0};
    int64_t steps = 0;
    sqlite3_progress_handler(cat_handle(f->db), 1000, count_steps, &steps);
    OK(add(f, items, count, from, from + 1, &e), e);
    sqlite3_progress_handler(cat_handle(f->db), 0, NULL, NULL);
    return steps;
}

/* Once each new name of a full run counted ten thousand rows: all submissions waited for seconds. */
static void names_past_the_bound_cost_no_more_than_those_before_it(void **state)
{
    struct fixture *f = *state;
    enum { BATCH = 5000 };
    struct metric_item *items = mem_alloc(BATCH * sizeof *items);
    char(*names)[16] = mem_alloc(BATCH * sizeof *names);
    int64_t before = 0;
    for (uint64_t from = 0; from < 4; from++) {
        for (size_t i = 0; i < BATCH; i++) {
            snprintf(names[i], sizeof names[i], "m%zu", (size_t)from * BATCH + i);
            items[i] = point(names[i], 1, 0, 0);
        }
        int64_t steps = cost(f, items, BATCH, from);
        if (from == 0)
            before = steps;
        assert_true(items[0].refused == (from >= 2));
        assert_true(steps <= 2 * before + 100);
    }
    free(items);
    free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_summary_is_that_of_its_points_over_several_batches, setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(nan_and_infinities_come_back_as_they_went, setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(a_batch_goes_in_once_and_only_where_the_last_one_ended,
                                        setup, fx_teardown),
        cmocka_unit_test_setup_teardown(params_are_set_once_and_tags_are_overwritten, setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(names_and_values_that_cannot_be_kept_are_refused_alone,
                                        setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_run_cannot_fill_the_catalog_with_names, setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(names_past_the_bound_cost_no_more_than_those_before_it,
                                        setup, fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
