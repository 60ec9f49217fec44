/* test_environments.c - environments: versions, what keeps one from retiring, references, quarantine, runs. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/environment.h"
#include "catalog/list.h"
#include "catalog/run.h"

static struct env_new fresh(const char *name)
{
    return (struct env_new){
        .name = name,
        .title = "Debian 12",
        .source = "oci",
        .source_digest = SHA_A,
        .manifest = SHA_B,
        .entries = 300,
        .size_bytes = (uint64_t)5 << 33,
        .actor = fx_actor,
        .created_us = 100,
    };
}

/* Other content each time. */
static struct env_row added(struct fixture *f, const char *name)
{
    static unsigned content;
    char manifest[65];
    struct err e = {0};
    struct env_row v;
    bool existed;
    struct env_new new = fresh(name);
    snprintf(manifest, sizeof manifest, "%064x", ++content);
    new.manifest = manifest;
    OK(cat_env_add(f->db, f->a, &new, &v, &existed, &e), e);
    assert_false(existed);
    return v;
}

static void each_import_is_a_version_unless_nothing_changed(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct env_row v, again;
    bool existed;
    struct env_new new = fresh("debian");
    OK(cat_env_add(f->db, f->a, &new, &v, &existed, &e), e);
    assert_false(existed);
    assert_string_equal(v.ref, "debian@1");
    assert_string_equal(v.title, "Debian 12");
    assert_string_equal(v.source, "oci");
    assert_string_equal(v.source_digest, SHA_A);
    assert_int_equal(v.state, ENV_SEALED);
    assert_true(v.entries == 300 && v.size_bytes == (uint64_t)5 << 33 && !v.quarantined && v.retired_us == 0);
    int64_t entries = fx_count(f->db, "audit");
    OK(cat_env_add(f->db, f->a, &new, &again, &existed, &e), e);
    assert_true(existed && again.key == v.key);
    assert_true(fx_count(f->db, "audit") == entries);
    assert_string_equal(added(f, "debian").ref, "debian@2");
    assert_string_equal(added(f, "other").ref, "other@1");
    /* What is retired or changed is not given again. */
    OK(cat_env_add(f->db, f->a, &new, &again, &existed, &e), e);
    assert_string_equal(again.ref, "debian@3");
    OK(cat_env_quarantine(f->db, again.key, "the environment was changed", 300, &e), e);
    OK(cat_env_add(f->db, f->a, &new, &again, &existed, &e), e);
    assert_string_equal(again.ref, "debian@4");
    OK(cat_env_retire(f->db, f->a, again.key, NULL, &fx_actor, 300, &e), e);
    OK(cat_env_add(f->db, f->a, &new, &again, &existed, &e), e);
    assert_string_equal(again.ref, "debian@5");
}

static void a_key_gives_the_same_answer_again(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct env_row v;
    bool existed;
    struct env_new new = fresh("debian");
    new.idempotency_key = "k";
    new.request_sha256 = SHA_A;
    OK(cat_env_add(f->db, f->a, &new, &v, &existed, &e), e);
    added(f, "debian");
    OK(cat_env_add(f->db, f->a, &new, &v, &existed, &e), e);
    assert_true(existed);
    assert_string_equal(v.ref, "debian@1");
    new.request_sha256 = SHA_B;
    FAILS(cat_env_add(f->db, f->a, &new, &v, &existed, &e), e, E_CONFLICT);
}

static void what_is_no_environment_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct env_row v;
    bool existed;
    struct env_new new = fresh("../x");
    FAILS(cat_env_add(f->db, f->a, &new, &v, &existed, &e), e, E_INVALID);
    new = fresh("host");
    FAILS(cat_env_add(f->db, f->a, &new, &v, &existed, &e), e, E_INVALID);
    HAS(e.message, "machine");
    new = fresh("x");
    new.source = "zip";
    FAILS(cat_env_add(f->db, f->a, &new, &v, &existed, &e), e, E_INVALID);
    new = fresh("x");
    new.manifest = "abc";
    FAILS(cat_env_add(f->db, f->a, &new, &v, &existed, &e), e, E_INVALID);
    assert_true(fx_count(f->db, "environment") == 0 && fx_count(f->db, "audit") == 0);
}

static void references_are_read_strictly(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct env_row v;
    char name[65];
    int64_t version;
    added(f, "debian");
    added(f, "debian");
    static const char *const bad[] = {"", "@1", "debian@", "debian@0", "debian@01x", "debian@-1", "de bian", "debian@1@2",
                                      "../x@1", "debian@99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(env_parse_ref(bad[i], name, &version, &e), e, E_INVALID);
    e = (struct err){0};
    OK(cat_env_resolve(f->db, f->a, "debian", &v, &e), e);
    assert_string_equal(v.ref, "debian@2");
    OK(cat_env_resolve(f->db, f->a, "debian@1", &v, &e), e);
    OK(cat_env_retire(f->db, f->a, v.key, "old", &fx_actor, 300, &e), e);
    FAILS(cat_env_resolve(f->db, f->a, "debian@1", &v, &e), e, E_CONFLICT);
    HAS(e.message, "retired");
    FAILS(cat_env_resolve(f->db, f->a, "debian@3", &v, &e), e, E_NOT_FOUND);
    FAILS(cat_env_resolve(f->db, f->a, "fedora", &v, &e), e, E_NOT_FOUND);
    e = (struct err){0};
    OK(cat_env_resolve(f->db, f->a, "debian", &v, &e), e);
    OK(cat_env_quarantine(f->db, v.key, "the environment was changed: usr/x", 300, &e), e);
    OK(cat_env_quarantine(f->db, v.key, "later", 301, &e), e);
    FAILS(cat_env_resolve(f->db, f->a, "debian", &v, &e), e, E_CONFLICT);
    HAS(e.message, "usr/x");
    struct env_row *found;
    size_t count;
    e = (struct err){0};
    OK(cat_env_quarantined(f->db, f->a, 10, &found, &count, &e), e);
    assert_int_equal(count, 1);
    assert_string_equal(found[0].ref, "debian@2");
}

static void a_run_has_its_environment_and_keeps_it_from_retiring(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct env_row v = added(f, "debian");
    struct run_new run = fx_run("r00000000000001");
    struct run_row back;
    char id[TEXT_ID_SIZE];
    bool existed;
    run.environment = v.key;
    OK(cat_run_insert(f->db, &run, id, &existed, &e), e);
    fx_submit(f->db, "r00000000000002", 7);
    OK(cat_run_get(f->db, f->a, "r00000000000001", &back, &e), e);
    assert_true(back.environment.key == v.key && back.environment.version == 1);
    assert_string_equal(back.environment.ref, "debian@1");
    assert_string_equal(back.environment.manifest, v.manifest);
    OK(cat_run_get(f->db, f->a, "r00000000000002", &back, &e), e);
    assert_true(back.environment.key == 0);
    OK(cat_run_by_seq(f->db, f->a, 1, &back, &e), e);
    assert_string_equal(back.environment.ref, "debian@1");
    OK(cat_run_by_seq(f->db, f->a, 2, &back, &e), e);
    assert_null(back.environment.ref);

    FAILS(cat_env_retire(f->db, f->a, v.key, NULL, &fx_actor, 300, &e), e, E_CONFLICT);
    HAS(e.message, "r00000000000001");
    struct run_result result = fx_result(VERDICT_CANCELLED);
    e = (struct err){0};
    OK(cat_run_finish(f->db, "r00000000000001", &result, &e), e);
    OK(cat_env_retire(f->db, f->a, v.key, NULL, &fx_actor, 300, &e), e);
    int64_t entries = fx_count(f->db, "audit");
    OK(cat_env_retire(f->db, f->a, v.key, NULL, &fx_actor, 301, &e), e);
    assert_true(fx_count(f->db, "audit") == entries);
    /* A finished run still tells which it was. */
    OK(cat_run_get(f->db, f->a, "r00000000000001", &back, &e), e);
    assert_string_equal(back.environment.ref, "debian@1");

    run.id = "r00000000000003";
    FAILS(cat_run_insert(f->db, &run, id, &existed, &e), e, E_CONFLICT);
    run.environment = 4711;
    FAILS(cat_run_insert(f->db, &run, id, &existed, &e), e, E_NOT_FOUND);
    struct env_row other = added(f, "debian");
    e = (struct err){0};
    OK(cat_env_quarantine(f->db, other.key, "changed", 300, &e), e);
    run.environment = other.key;
    FAILS(cat_run_insert(f->db, &run, id, &existed, &e), e, E_CONFLICT);
}

static void the_list_goes_by_name_and_newest_version(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    static const char *const expected[] = {"a@1", "b@2", "b@1"};
    struct list_ask ask = {.kind = &list_environments, .limit = 10};
    struct list_page page;
    struct env_row row;
    added(f, "b");
    added(f, "a");
    added(f, "b");
    OK(list_find(f->db, f->a, &ask, &page, &e), e);
    assert_true(page.count == 3 && !page.more);
    for (size_t i = 0; i < 3; i++) {
        OK(cat_env_by_key(f->db, f->a, page.keys[i], &row, &e), e);
        assert_string_equal(row.ref, expected[i]);
    }
    ask.cursor = list_cursor(&page, f->a, 1);
    OK(list_find(f->db, f->a, &ask, &page, &e), e);
    assert_int_equal(page.count, 1);
    ask.limit = 0;
    FAILS(list_find(f->db, f->a, &ask, &page, &e), e, E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_import_is_a_version_unless_nothing_changed, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_key_gives_the_same_answer_again, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_environment_is_refused, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(references_are_read_strictly, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_run_has_its_environment_and_keeps_it_from_retiring, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(the_list_goes_by_name_and_newest_version, fx_setup, fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
