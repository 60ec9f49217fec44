/* test_migrate.c - migrations: in order, once, never edited, never from the future. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/migrate.h"

static const struct migration list[] = {
    {1, "first", "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);"},
    {2, "second", "CREATE TABLE b (x INTEGER) STRICT;"},
    {3, "third", "ALTER TABLE a ADD COLUMN y TEXT;"},
};

static int setup(void **state)
{
    struct fixture *f = fx_folder();
    struct err e = {0};
    OK(cat_open(f->path, false, &f->db, &e), e);
    *state = f;
    return 0;
}

static void each_is_applied_once_and_in_order(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    int applied = -1;
    OK(migrate_apply(f->db, list, 2, &applied, &e), e);
    assert_int_equal(applied, 2);
    OK(migrate_apply(f->db, list, 2, &applied, &e), e);
    assert_int_equal(applied, 0);
    OK(migrate_apply(f->db, list, 3, &applied, &e), e);
    assert_int_equal(applied, 1);
    assert_int_equal(fx_count(f->db, "a"), 1);
    assert_int_equal(fx_count(f->db, "schema_migration"), 3);
}

static void an_edited_one_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct migration edited[] = {list[0], list[1], list[2]};
    OK(migrate_apply(f->db, list, 2, NULL, &e), e);
    edited[0].sql = "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (2);";
    FAILS(migrate_apply(f->db, edited, 3, NULL, &e), e, E_CONFLICT);
    HAS(e.message, "migration 1 (first)");
    assert_int_equal(fx_count(f->db, "schema_migration"), 2);
}

static void a_catalog_from_a_newer_enclos_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    OK(migrate_apply(f->db, list, 3, NULL, &e), e);
    FAILS(migrate_apply(f->db, list, 2, NULL, &e), e, E_CONFLICT);
    HAS(e.message, "migration 3 (third)");
    HAS(e.hint, "newer");
}

static void one_that_fails_leaves_nothing_of_itself(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct migration broken[] = {list[0],
                                 {2, "broken", "CREATE TABLE b (x INTEGER); CREATE TABL c;"}};
    FAILS(migrate_apply(f->db, broken, 2, NULL, &e), e, E_INTERNAL);
    HAS(e.message, "migration 2 (broken)");
    assert_int_equal(fx_count(f->db, "schema_migration"), 1);
    OK((e = (struct err){0}, migrate_apply(f->db, list, 2, NULL, &e)), e);
    assert_int_equal(fx_count(f->db, "b"), 0);
}

static void gaps_in_the_list_are_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    const struct migration gap[] = {list[0], list[2]};
    FAILS(migrate_apply(f->db, gap, 2, NULL, &e), e, E_INTERNAL);
}

static void the_database_of_another_program_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    OK(cat_exec(f->db, "CREATE TABLE recipes (x TEXT)", &e), e);
    FAILS(migrate_apply(f->db, list, 2, NULL, &e), e, E_CONFLICT);
    HAS(e.message, "recipes");
}

static void the_embedded_ones_apply(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    assert_true(migration_count >= 1);
    assert_int_equal(migrations[0].number, 1);
    OK(migrate_apply(f->db, migrations, migration_count, NULL, &e), e);
    OK(cat_check(f->db, &e), e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_is_applied_once_and_in_order, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(an_edited_one_is_refused, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_catalog_from_a_newer_enclos_is_refused, setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(one_that_fails_leaves_nothing_of_itself, setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(gaps_in_the_list_are_refused, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(the_database_of_another_program_is_refused, setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(the_embedded_ones_apply, setup, fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
