/* test_changes.c - the feed of changes: every writer tells, in order, in its own transaction. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/change.h"
#include "catalog/connection.h"
#include "catalog/environment.h"
#include "catalog/metric.h"

#define RUN_A "raaaaaaaaaaaaaa"

/* The feed as text: "noun id verb" a line. */
static const char *feed(struct fixture *f, int64_t after)
{
    struct err e = {0};
    struct change *all;
    size_t count;
    const char *text = "";
    int64_t last = after;
    OK(change_list(f->db, f->a, after, CHANGE_LIST_MAX, &all, &count, &e), e);
    for (size_t i = 0; i < count; i++) {
        assert_true(all[i].number > last);
        last = all[i].number;
        text = arena_printf(f->a, "%s%s %s %s\n", text, all[i].noun, all[i].id, all[i].verb);
    }
    return text;
}

static int64_t head(struct fixture *f)
{
    struct err e = {0};
    int64_t number = -1;
    OK(change_last(f->db, &number, &e), e);
    return number;
}

static void measure(struct fixture *f, const char *run, uint64_t from, uint64_t to)
{
    struct err e = {0};
    struct metric_item item = {.kind = METRIC_POINT, .name = "auc", .value = 0.5, .time_us = 7};
    struct metric_batch batch = {
        .from_offset = from, .to_offset = to, .items = &item, .count = 1, .lines = 1};
    OK(cat_metric_add_batch(f->db, run, &batch, 8, &e), e);
}

static void each_state_of_a_run_is_told(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    enum run_state at;
    assert_int_equal(head(f), 0);
    fx_submit(f->db, RUN_A, 5);
    OK(cat_run_move(f->db, RUN_A, RUN_QUEUED, RUN_STARTING, 6, NULL, &e), e);
    OK(cat_run_move(f->db, RUN_A, RUN_STARTING, RUN_RUNNING, 7, NULL, &e), e);
    OK(cat_run_cancel(f->db, RUN_A, &fx_actor, NULL, 8, &at, &e), e);
    OK(cat_run_cancel(f->db, RUN_A, &fx_actor, NULL, 9, &at, &e), e); /* changes nothing */
    struct run_result r = fx_result(VERDICT_CANCELLED);
    OK(cat_run_finish(f->db, RUN_A, &r, &e), e);
    assert_string_equal(feed(f, 0), "run " RUN_A " submitted\nrun " RUN_A " starting\nrun " RUN_A
                                    " running\nrun " RUN_A " cancel_asked\nrun " RUN_A
                                    " finished\n");
    assert_string_equal(feed(f, 4), "run " RUN_A " finished\n");
    assert_string_equal(feed(f, 5), "");
}

static void what_passes_leaves_its_last_row_only_and_no_number_comes_twice(void **state)
{
    struct fixture *f = *state;
    fx_submit(f->db, RUN_A, 5);
    measure(f, RUN_A, 0, 10);
    measure(f, RUN_A, 10, 20);
    measure(f, RUN_A, 20, 30);
    assert_string_equal(feed(f, 0), "run " RUN_A " submitted\nrun " RUN_A " measured\n");
    assert_int_equal(head(f), 4);
    /* A reader that was at 3 sees it again. */
    assert_string_equal(feed(f, 3), "run " RUN_A " measured\n");
}

static void datasets_and_environments_are_told_too(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    bool existed;
    struct env_row v;
    struct dataset_row d = fx_dataset(f, "cancer");
    OK(cat_dataset_quarantine(f->db, d.key, "changed", 7, &e), e);
    OK(cat_dataset_unquarantine(f->db, d.key, &fx_actor, NULL, 8, &e), e);
    OK(cat_dataset_retire(f->db, d.key, &fx_actor, NULL, 9, &e), e);
    const struct env_new n = {.name = "debian",
                              .source = "folder",
                              .manifest = SHA_B,
                              .entries = 1,
                              .size_bytes = 1,
                              .actor = fx_actor,
                              .created_us = 10};
    OK(cat_env_add(f->db, f->a, &n, &v, &existed, &e), e);
    OK(cat_env_retire(f->db, f->a, v.key, "old", &fx_actor, 11, &e), e);
    assert_string_equal(feed(f, 0),
                        "dataset cancer@1 added\ndataset cancer@1 sealed\n"
                        "dataset cancer@1 quarantined\ndataset cancer@1 unquarantined\n"
                        "dataset cancer@1 retired\nenv debian@1 imported\nenv debian@1 retired\n");
}

static void a_connection_moves_its_run_on(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char out[TEXT_ID_SIZE];
    bool existed;
    int64_t number;
    struct run_new run = fx_run(RUN_A);
    run.allow_hosts_json = "[\"pypi.org:443\"]";
    OK(cat_run_insert(f->db, &run, out, &existed, &e), e);
    struct connection_row r = {.time_us = 9, .method = "CONNECT", .host = "pypi.org", .port = 443,
                               .allowed = true, .why = "ok", .detail = "", .up_bytes = 3,
                               .down_bytes = 4, .duration_ms = 5};
    OK(cat_connection_add(f->db, RUN_A, &r, &number, &e), e);
    assert_int_equal(head(f), 2);
    OK(cat_connection_end(f->db, RUN_A, number, &r, &e), e);
    assert_int_equal(head(f), 3);
    assert_string_equal(feed(f, 0), "run " RUN_A " submitted\nrun " RUN_A " measured\n");
}

static void a_writing_that_is_undone_tells_nothing(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    OK(cat_exec(f->db, "SAVEPOINT job", &e), e);
    fx_submit(f->db, RUN_A, 5);
    OK(cat_exec(f->db, "ROLLBACK TO job", &e), e);
    OK(cat_exec(f->db, "RELEASE job", &e), e);
    assert_string_equal(feed(f, 0), "");
    assert_int_equal(head(f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_state_of_a_run_is_told, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(
            what_passes_leaves_its_last_row_only_and_no_number_comes_twice, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(datasets_and_environments_are_told_too, fx_setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(a_connection_moves_its_run_on, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_writing_that_is_undone_tells_nothing, fx_setup,
                                        fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
