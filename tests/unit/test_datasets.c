/* test_datasets.c - datasets: versions, states, quarantine, references, lists. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/list.h"

#include "catalog/dataset.h"
#include "catalog/idem.h"

static struct dataset_new fresh(const char *name)
{
    return (struct dataset_new){
        .name = name,
        .title = "Un titre",
        .classification = "interne",
        .manifest = SHA_B,
        .files = 3,
        .size_bytes = (uint64_t)5 << 33,
        .actor = fx_actor,
        .created_us = 100,
    };
}

/* Other content each time. */
static struct dataset_row added(struct fixture *f, const char *name)
{
    static unsigned content;
    char manifest[65];
    struct err e = {0};
    struct dataset_row d;
    bool existed;
    struct dataset_new new = fresh(name);
    snprintf(manifest, sizeof manifest, "%064x", ++content);
    new.manifest = manifest;
    OK(cat_dataset_add(f->db, f->a, &new, &d, &existed, &e), e);
    return d;
}

static void each_add_of_a_name_is_its_next_version(void **state)
{
    struct fixture *f = *state;
    struct dataset_row d = added(f, "sales");
    assert_string_equal(d.ref, "sales@1");
    assert_int_equal(d.state, DATASET_DRAFT);
    assert_string_equal(d.title, "Un titre");
    assert_null(d.description);
    assert_true(d.files == 3 && d.size_bytes == (uint64_t)5 << 33);
    assert_true(d.sealed_us == 0 && !d.quarantined);
    assert_string_equal(added(f, "sales").ref, "sales@2");
    assert_string_equal(added(f, "other").ref, "other@1");
}

static void what_is_no_dataset_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct dataset_row d;
    bool existed;
    struct dataset_new new = fresh("../x");
    FAILS(cat_dataset_add(f->db, f->a, &new, &d, &existed, &e), e, E_INVALID);
    new = fresh("x");
    new.classification = "secret";
    FAILS(cat_dataset_add(f->db, f->a, &new, &d, &existed, &e), e, E_INVALID);
    assert_string_equal(e.field, "classification");
    new = fresh("x");
    new.manifest = "abc";
    FAILS(cat_dataset_add(f->db, f->a, &new, &d, &existed, &e), e, E_INVALID);
    assert_int_equal(fx_count(f->db, "dataset"), 0);
}

static void the_same_add_twice_is_one_version(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct dataset_row d;
    bool existed;
    struct dataset_new new = fresh("sales");
    new.idempotency_key = "k";
    new.request_sha256 = SHA_A;
    OK(cat_dataset_add(f->db, f->a, &new, &d, &existed, &e), e);
    OK(cat_dataset_add(f->db, f->a, &new, &d, &existed, &e), e);
    assert_true(existed);
    assert_string_equal(d.ref, "sales@1");
    assert_int_equal(fx_count(f->db, "dataset_version"), 1);
    new.request_sha256 = SHA_B;
    FAILS(cat_dataset_add(f->db, f->a, &new, &d, &existed, &e), e, E_CONFLICT);
    /* The same key for another method. */
    struct run_new run = fx_run("raaaa1");
    char id[TEXT_ID_SIZE];
    run.idempotency_key = "k";
    run.request_sha256 = SHA_A;
    FAILS(cat_run_insert(f->db, &run, id, &existed, &e), e, E_CONFLICT);
    HAS(e.message, "dataset.add");
}

static void idempotency_keys_are_forgotten_after_a_day(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    const char *result;
    size_t forgotten;
    char key[20];
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "k%d", i);
        OK(idem_keep(f->db, 1000, key, "run.submit", SHA_A, "r1", i, &e), e);
    }
    OK(idem_prune(f->db, IDEM_KEPT_US + 5, 3, &forgotten, &e), e);
    assert_int_equal(forgotten, 3); /* the oldest first */
    OK(idem_prune(f->db, IDEM_KEPT_US + 5, 100, &forgotten, &e), e);
    assert_int_equal(forgotten, 2);
    OK(idem_find(f->db, f->a, 1000, "k4", "run.submit", SHA_A, &result, &e), e);
    assert_null(result);
    OK(idem_find(f->db, f->a, 1000, "k5", "run.submit", SHA_A, &result, &e), e);
    assert_string_equal(result, "r1");
}

static void a_draft_that_was_not_sealed_is_used_again_by_the_same_add(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct dataset_row d;
    bool existed;
    const struct dataset_new new = fresh("sales");
#define ADD(with, ref_, existed_)                                                                  \
    do {                                                                                           \
        struct dataset_new n = new;                                                                \
        with;                                                                                      \
        OK(cat_dataset_add(f->db, f->a, &n, &d, &existed, &e), e);                                 \
        assert_string_equal(d.ref, ref_);                                                          \
        assert_int_equal(existed, existed_);                                                       \
    } while (0)
    ADD(, "sales@1", false);
    ADD(, "sales@1", true);
    assert_int_equal(fx_count(f->db, "audit"), 1);
    /* Whoever seals sales@1 knows what it is: anything else is another version. */
    ADD(n.classification = "public", "sales@2", false);
    ADD(n.title = NULL, "sales@3", false);
    ADD(n.manifest = SHA_A, "sales@4", false);
    ADD(n.manifest = SHA_A; n.actor = ((struct cat_actor){1001, "paul"}); n.as_admin = true, "sales@5", false);
    ADD(, "sales@6", false); /* sales@1 is not the latest any more */
    ADD(n.idempotency_key = "k"; n.request_sha256 = SHA_A, "sales@6", true);
    OK(cat_dataset_seal(f->db, d.key, &fx_actor, 2, &e), e);
    ADD(, "sales@7", false);
#undef ADD
}

static void states_go_forward_only(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct dataset_row d = added(f, "sales");
    FAILS(cat_dataset_retire(f->db, d.key, &fx_actor, "why", 1, &e), e, E_CONFLICT);
    e = (struct err){0};
    OK(cat_dataset_seal(f->db, d.key, &fx_actor, 200, &e), e);
    int64_t entries = fx_count(f->db, "audit");
    OK(cat_dataset_seal(f->db, d.key, &fx_actor, 300, &e), e); /* again: fine, nothing changes */
    OK(cat_dataset_get(f->db, f->a, "sales", 0, &d, &e), e);
    assert_true(d.state == DATASET_SEALED && d.sealed_us == 200);
    assert_int_equal(fx_count(f->db, "audit"), entries);
    OK(cat_dataset_retire(f->db, d.key, &fx_actor, "why", 400, &e), e);
    FAILS(cat_dataset_seal(f->db, d.key, &fx_actor, 1, &e), e, E_CONFLICT);
    FAILS(cat_dataset_retire(f->db, d.key, &fx_actor, "why", 1, &e), e, E_CONFLICT);
    FAILS(cat_dataset_seal(f->db, 99, &fx_actor, 1, &e), e, E_NOT_FOUND);
}

static void a_reference_resolves_to_what_a_run_may_use(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct dataset_row d;
    struct dataset_row first = added(f, "sales");
    FAILS(cat_dataset_resolve(f->db, f->a, "sales", &d, &e), e, E_CONFLICT);
    HAS(e.message, "no sealed version");
    FAILS(cat_dataset_resolve(f->db, f->a, "sales@1", &d, &e), e, E_CONFLICT);
    HAS(e.message, "draft");
    e = (struct err){0};
    OK(cat_dataset_seal(f->db, first.key, &fx_actor, 1, &e), e);
    added(f, "sales"); /* a draft is not the latest sealed one */
    OK(cat_dataset_resolve(f->db, f->a, "sales", &d, &e), e);
    assert_string_equal(d.ref, "sales@1");
    OK(cat_dataset_resolve(f->db, f->a, "sales@1", &d, &e), e);
    FAILS(cat_dataset_resolve(f->db, f->a, "sales@3", &d, &e), e, E_NOT_FOUND);
    FAILS(cat_dataset_resolve(f->db, f->a, "none", &d, &e), e, E_NOT_FOUND);
    const char *const bad[] = {"",          "@1", "sales@", "sales@0", "sales@x",
                               "sales@1@2", "-x", "a/b",    "sales@-1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        FAILS(cat_dataset_resolve(f->db, f->a, bad[i], &d, &e), e, E_INVALID);
}

static void quarantine_keeps_it_from_runs_until_someone_lifts_it(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct dataset_row d = fx_dataset(f, "sales");
    OK(cat_dataset_quarantine(f->db, d.key, "a.csv has another digest", 9, &e), e);
    OK(cat_dataset_quarantine(f->db, d.key, "again", 10, &e), e);
    FAILS(cat_dataset_resolve(f->db, f->a, "sales@1", &d, &e), e, E_CONFLICT);
    HAS(e.message, "a.csv has another digest");
    e = (struct err){0};
    struct dataset_row *list;
    size_t count;
    struct dataset_row second = fx_dataset(f, "other");
    OK(cat_dataset_quarantined(f->db, f->a, NULL, 10, &list, &count, &e), e);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].ref, "sales@1");
    assert_string_equal(list[0].quarantine_reason, "a.csv has another digest");
    OK(cat_dataset_quarantine(f->db, second.key, "b.csv is missing", 12, &e), e);
    OK(cat_dataset_quarantined(f->db, f->a, NULL, 1, &list, &count, &e), e);
    assert_true(count == 1 && strcmp(list[0].ref, "other@1") == 0);
    OK(cat_dataset_retire(f->db, second.key, &fx_actor, NULL, 13, &e), e); /* nobody waits for it */
    OK(cat_dataset_quarantined(f->db, f->a, NULL, 10, &list, &count, &e), e);
    assert_true(count == 1 && strcmp(list[0].ref, "sales@1") == 0);
    OK(cat_dataset_unquarantine(f->db, d.key, &fx_actor, "looked at", 11, &e), e);
    OK(cat_dataset_resolve(f->db, f->a, "sales@1", &d, &e), e);
    assert_int_equal(fx_count(f->db, "audit"), 8);
}

static void lists_page_by_name_with_the_newest_version_first(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    static const char *const expected[] = {"a@2", "a@1", "b@1", "c@3", "c@2", "c@1"};
    added(f, "c"), added(f, "a"), added(f, "c"), added(f, "b"), added(f, "c"), added(f, "a");
    struct list_ask ask = {.kind = &list_datasets, .limit = 2};
    struct list_page page = {.more = true};
    size_t seen = 0;
    while (page.more) {
        struct dataset_row row;
        OK(list_find(f->db, f->a, &ask, &page, &e), e);
        for (size_t i = 0; i < page.count; i++) {
            OK(cat_dataset_by_key(f->db, f->a, page.keys[i], &row, &e), e);
            assert_string_equal(row.ref, expected[seen++]);
        }
        ask.cursor = list_cursor(&page, f->a, page.count - 1);
    }
    assert_int_equal(seen, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_add_of_a_name_is_its_next_version, fx_setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_dataset_is_refused, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(the_same_add_twice_is_one_version, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(idempotency_keys_are_forgotten_after_a_day, fx_setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(a_draft_that_was_not_sealed_is_used_again_by_the_same_add,
                                        fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(states_go_forward_only, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_reference_resolves_to_what_a_run_may_use, fx_setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(quarantine_keeps_it_from_runs_until_someone_lifts_it,
                                        fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(lists_page_by_name_with_the_newest_version_first, fx_setup,
                                        fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
