/* test_possession.c - a digest is known to many; what it stands for is theirs who gave it. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/possession.h"

static const char *const a = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char *const b = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
static const char *const m = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

static const struct cat_actor marie = {1000, "marie"}, luc = {1001, "luc"}, after_marie = {1000, "anne"};

static void note(struct fixture *f, const struct cat_actor *who, const char *sha256)
{
    struct err e = {0};
    OK(possession_note(f->db, who, sha256, &e), e);
}

static void test_what_one_has_given_is_not_another_s(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    bool has = true;
    note(f, &marie, a);
    note(f, &marie, a); /* again is nothing */
    OK(possession_has(f->db, &marie, a, &has, &e), e);
    assert_true(has);
    OK(possession_has(f->db, &luc, a, &has, &e), e);
    assert_false(has);
    OK(possession_has(f->db, &after_marie, a, &has, &e), e); /* her number, given to another person */
    assert_false(has);
}

static void test_a_manifest_needs_all_that_it_names(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    const char *const named[] = {a, b};
    FAILS(possession_check(f->db, &marie, "code", m, named, 2, &e), e, E_NOT_FOUND);
    HAS(e.message, "manifest");
    note(f, &marie, m);
    note(f, &marie, a);
    note(f, &luc, b);
    e = (struct err){0};
    FAILS(possession_check(f->db, &marie, "code", m, named, 2, &e), e, E_NOT_FOUND);
    assert_string_equal(e.field, "code");
    HAS(e.message, b);
    HAS(e.hint, "blob.missing");
    note(f, &marie, b);
    e = (struct err){0};
    OK(possession_check(f->db, &marie, "code", m, named, 2, &e), e);
    OK(possession_check(f->db, &marie, "code", m, NULL, 0, &e), e); /* found whole before: by one row */
    FAILS(possession_check(f->db, &after_marie, "code", m, named, 2, &e), e, E_NOT_FOUND);
    note(f, &luc, m);
    FAILS(possession_check(f->db, &luc, "code", m, named, 2, &e), e, E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_one_has_given_is_not_another_s, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(test_a_manifest_needs_all_that_it_names, fx_setup, fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
