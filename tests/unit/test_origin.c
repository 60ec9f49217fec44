/* test_origin.c - where a run comes from: kept with it, read back, one row a machine. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/run.h"

static struct run_row get(struct fixture *f, const char *id)
{
    struct run_row row;
    struct err e = {0};
    OK(cat_run_get(f->db, f->a, id, &row, &e), e);
    return row;
}

static int insert(struct fixture *f, const struct run_new *new, struct err *e)
{
    char id[TEXT_ID_SIZE];
    bool existed;
    return cat_run_insert(f->db, new, id, &existed, e);
}

static void an_origin_reads_back_as_it_was_given(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct run_new first = fx_run("raaaa1"), second = fx_run("raaaa2");
    first.origin = (struct run_origin_new){.seed = 7, .git_dirty = -1};
    second.origin = (struct run_origin_new){.seed = ORIGIN_SEED_MAX,
                                            .seed_chosen = true,
                                            .git_commit = SHA_A,
                                            .git_branch = "main'; --",
                                            .git_dirty = 1,
                                            .given_params = "{\"a\":\"1\"}",
                                            .rerun_of = "raaaa1",
                                            .parent = "raaaa1"};
    OK(insert(f, &first, &e), e);
    OK(insert(f, &second, &e), e);
    struct run_origin o = get(f, "raaaa1").origin;
    assert_true(o.known && !o.seed_chosen && o.seed == 7 && o.git_dirty == -1);
    assert_true(!o.git_commit && !o.git_branch && !o.given_params && !o.rerun_of && !o.parent && !o.host_json);
    o = get(f, "raaaa2").origin;
    assert_true(o.seed_chosen && o.seed == ORIGIN_SEED_MAX && o.git_dirty == 1);
    assert_string_equal(o.git_commit, SHA_A);
    assert_string_equal(o.git_branch, "main'; --");
    assert_string_equal(o.given_params, "{\"a\":\"1\"}");
    assert_string_equal(o.rerun_of, "raaaa1");
    assert_string_equal(o.parent, "raaaa1");
}

static void a_run_repeats_runs_that_there_are(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct run_new new = fx_run("raaaa1");
    OK(cat_exec(f->db, "SAVEPOINT job", &e), e);
    new.origin.rerun_of = "rnone0";
    FAILS(insert(f, &new, &e), e, E_NOT_FOUND);
    HAS(e.message, "rnone0");
    OK(cat_exec(f->db, "ROLLBACK TO job", &e), e);
    new.origin.rerun_of = NULL;
    new.origin.parent = "rnone0";
    e = (struct err){0};
    FAILS(insert(f, &new, &e), e, E_NOT_FOUND);
    assert_string_equal(e.field, "parent");
    OK(cat_exec(f->db, "ROLLBACK TO job", &e), e);
    assert_int_equal(fx_count(f->db, "run"), 0);
}

static void a_machine_is_kept_once(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    fx_submit(f->db, "raaaa1", 1);
    fx_submit(f->db, "raaaa2", 2);
    fx_submit(f->db, "raaaa3", 3);
    OK(cat_origin_set_host(f->db, "raaaa1", "{\"hostname\":\"a\"}", 5, &e), e);
    OK(cat_origin_set_host(f->db, "raaaa2", "{\"hostname\":\"a\"}", 6, &e), e);
    OK(cat_origin_set_host(f->db, "raaaa3", "{\"hostname\":\"b\"}", 7, &e), e);
    assert_int_equal(fx_count(f->db, "host"), 2);
    assert_string_equal(get(f, "raaaa2").origin.host_json, "{\"hostname\":\"a\"}");
    assert_string_equal(get(f, "raaaa3").origin.host_json, "{\"hostname\":\"b\"}");
}

static void runs_of_before_have_no_origin(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    fx_submit(f->db, "raaaa1", 1);
    OK(cat_exec(f->db, "DELETE FROM run_origin", &e), e);
    assert_false(get(f, "raaaa1").origin.known);
    OK(cat_origin_set_host(f->db, "raaaa1", "{}", 5, &e), e);
    assert_false(get(f, "raaaa1").origin.known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_origin_reads_back_as_it_was_given, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_run_repeats_runs_that_there_are, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_machine_is_kept_once, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(runs_of_before_have_no_origin, fx_setup, fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
