/* test_gc.c - what is collected and what is not: references, holds, ages, and that none is forgotten. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/gc.h"
#include "catalog/hold.h"
#include "catalog/manifest.h"
#include "catalog/objects.h"
#include "catalog/store.h"
#include <fcntl.h>
#include <sys/stat.h>

struct lab {
    struct fixture *f;
    struct store *s;
};

static int setup(void **state)
{
    struct lab *l = mem_alloc(sizeof *l);
    struct err e = {0};
    fx_setup((void **)&l->f);
    AUTO_FREE char *path = mem_printf("%s/state", l->f->folder);
    OK(store_open(path, &l->s, &e), e);
    *state = l;
    return 0;
}

static int teardown(void **state)
{
    struct lab *l = *state;
    store_close(l->s);
    fx_teardown((void **)&l->f);
    mem_free_at(&l);
    return 0;
}

static void put(struct lab *l, const char *text, char id[DIGEST_HEX_SIZE])
{
    struct err e = {0};
    OK(objects_put_bytes(l->s, text, strlen(text), NULL, id, NULL, &e), e);
}

/* A manifest of one file with that text; both are objects. */
static void put_manifest(struct lab *l, const char *text, char id[DIGEST_HEX_SIZE])
{
    struct err e = {0};
    char file[DIGEST_HEX_SIZE];
    AUTO_MANIFEST struct manifest *m = manifest_new();
    put(l, text, file);
    OK(manifest_add(m, "a.csv", file, strlen(text), false, &e), e);
    OK(manifest_seal(m, NULL, &e), e);
    OK(manifest_store(l->s, m, &e), e);
    memcpy(id, m->id, DIGEST_HEX_SIZE);
}

/* As if everything had been put so long ago. */
static void age_all(struct lab *l, int64_t seconds)
{
    AUTO_FREE char *command = mem_printf("find '%s/objects' -type f -exec touch -d '-%lld seconds' {} +",
                                         l->s->path, (long long)seconds);
    assert_int_equal(system(command), 0);
}

static size_t object_count(struct lab *l)
{
    AUTO_FREE char *command = mem_printf("exit $(find '%s/objects' -type f | wc -l)", l->s->path);
    return (size_t)WEXITSTATUS(system(command));
}

static struct dataset_row add_dataset(struct lab *l, const char *name, const char *manifest)
{
    struct err e = {0};
    struct dataset_row d;
    bool existed;
    const struct dataset_new n = {.name = name, .classification = "interne", .manifest = manifest,
                                  .files = 1, .size_bytes = 1, .actor = fx_actor, .created_us = 5};
    OK(cat_dataset_add(l->f->db, l->f->a, &n, &d, &existed, &e), e);
    OK(cat_dataset_seal(l->f->db, d.key, &fx_actor, 6, &e), e);
    return d;
}

static size_t release(struct lab *l, enum hold_noun noun, const struct gc_policy *policy)
{
    struct err e = {0};
    int64_t at = 0;
    size_t count;
    OK(gc_release(l->f->db, noun, policy, false, &fx_actor, 1000, &at, &count, &e), e);
    return count;
}

static struct gc_swept collect(struct lab *l, const struct gc_policy *policy, bool dry_run)
{
    struct err e = {0};
    struct gc_swept swept;
    AUTO_IDSET struct idset *used = NULL;
    OK(idset_new(l->s, &used, &e), e);
    OK(gc_mark(l->f->db, l->s, policy, used, NULL, NULL, &e), e);
    OK(gc_sweep(l->s, used, dry_run, NULL, &swept, &e), e);
    return swept;
}

static const struct standing fx_actor_s = {.actor = {1000, "marie"}, .lab_roles = ROLE(ROLE_CURATOR), .projects_json = "[]"};
static const struct gc_policy all = {.retired_before_us = 1000000, .runs_before_us = INT64_MAX};

static void what_nothing_refers_to_goes_and_the_rest_stays(void **state)
{
    struct lab *l = *state;
    char kept[DIGEST_HEX_SIZE], loose[DIGEST_HEX_SIZE];
    put_manifest(l, "kept", kept);
    put(l, "loose", loose);
    add_dataset(l, "x", kept);
    age_all(l, 90000);
    struct gc_swept swept = collect(l, NULL, true);
    assert_int_equal(swept.removed, 1);
    assert_int_equal(swept.removed_bytes, 5);
    assert_int_equal(object_count(l), 3); /* a dry run */
    swept = collect(l, NULL, false);
    assert_int_equal(swept.removed, 1);
    assert_int_equal(swept.objects, 3);
    assert_int_equal(object_count(l), 2);
    assert_false(objects_has(l->s, loose, NULL));
    assert_int_equal(collect(l, NULL, false).removed, 0);
}

static void what_was_put_or_wanted_today_stays(void **state)
{
    struct lab *l = *state;
    char id[DIGEST_HEX_SIZE];
    put(l, "upload", id);
    struct gc_swept swept = collect(l, NULL, false);
    assert_int_equal(swept.removed, 0);
    assert_int_equal(swept.unused_young, 1);
    age_all(l, 90000);
    assert_true(objects_want(l->s, id, NULL)); /* blob.missing: somebody counts on it from now on */
    assert_int_equal(collect(l, NULL, false).unused_young, 1);
    age_all(l, 90000);
    put(l, "upload", id); /* the same again */
    assert_int_equal(collect(l, NULL, false).unused_young, 1);
    age_all(l, 90000);
    assert_int_equal(collect(l, NULL, false).removed, 1);
    assert_false(objects_want(l->s, id, NULL));
}

/* What was seen of an object is forgotten when its times move: they do not move each time somebody asks. */
static void wanting_a_young_object_does_not_touch_it(void **state)
{
    struct lab *l = *state;
    char id[DIGEST_HEX_SIZE];
    struct stat before, after;
    put(l, "young", id);
    AUTO_FREE char *path = mem_printf("%s/objects/%.2s/%s", l->s->path, id, id + 2);
    assert_int_equal(stat(path, &before), 0);
    assert_true(objects_want(l->s, id, NULL));
    assert_int_equal(stat(path, &after), 0);
    assert_memory_equal(&before.st_ctim, &after.st_ctim, sizeof before.st_ctim);
}

static void a_retired_version_lets_its_content_go_unless_it_is_held_or_shared(void **state)
{
    struct lab *l = *state;
    struct err e = {0};
    char a[DIGEST_HEX_SIZE], b[DIGEST_HEX_SIZE], c[DIGEST_HEX_SIZE];
    struct hold h;
    bool existed;
    put_manifest(l, "alone", a);
    put_manifest(l, "held", b);
    put_manifest(l, "shared", c);
    struct dataset_row alone = add_dataset(l, "alone", a), held = add_dataset(l, "held", b),
                       shared = add_dataset(l, "shared", c);
    add_dataset(l, "other", c);
    OK(cat_dataset_retire(l->f->db, alone.key, &fx_actor, "old", 100, &e), e);
    OK(cat_dataset_retire(l->f->db, held.key, &fx_actor, "old", 100, &e), e);
    OK(cat_dataset_retire(l->f->db, shared.key, &fx_actor, "old", 100, &e), e);
    OK(cat_hold_add(l->f->db, l->f->a, HOLD_DATASET, "held@1", "a lawsuit", &fx_actor_s, 200, &h, &existed, &e), e);
    age_all(l, 90000);
    assert_int_equal(collect(l, &all, true).removed, 2);
    assert_int_equal(collect(l, &(struct gc_policy){.retired_before_us = 50}, true).removed, 0);
    assert_int_equal(release(l, HOLD_DATASET, &all), 2);
    assert_int_equal(release(l, HOLD_DATASET, &all), 0);
    assert_int_equal(collect(l, NULL, false).removed, 2);
    assert_false(objects_has(l->s, a, NULL));
    assert_true(objects_has(l->s, b, NULL) && objects_has(l->s, c, NULL));
    /* Its card stays, and says when. */
    struct dataset_row row;
    int64_t at_us;
    OK(cat_dataset_get(l->f->db, l->f->a, "alone", 1, &row, &e), e);
    OK(cat_released_us(l->f->db, HOLD_DATASET, row.key, &at_us, &e), e);
    assert_int_equal(at_us, 1000);
    FAILS(cat_hold_add(l->f->db, l->f->a, HOLD_DATASET, "alone@1", "too late", &fx_actor_s, 300, &h, &existed, &e), e,
          E_CONFLICT);
    OK(cat_hold_lift(l->f->db, l->f->a, HOLD_DATASET, "held@1", "it is over", &fx_actor_s, 400, &h, &e), e);
    assert_int_equal(release(l, HOLD_DATASET, &all), 1);
    assert_int_equal(collect(l, NULL, false).removed, 2);
}

/* The day on its card is the law's, not ours. */
static void a_version_stays_until_the_day_that_its_card_says(void **state)
{
    struct lab *l = *state;
    struct err e = {0};
    char id[DIGEST_HEX_SIZE];
    put_manifest(l, "kept by law", id);
    struct dataset_row d = add_dataset(l, "x", id);
    OK(cat_dataset_retire(l->f->db, d.key, &fx_actor, "old", 100, &e), e);
    OK(cat_exec(l->f->db, "PRAGMA foreign_keys=OFF; INSERT INTO record (id, form, subject, version, created_us) VALUES (1, 'dataset', 'x', 1, 5);"
                          "INSERT INTO dataset_card (dataset, record, version, retention) SELECT id, 1, 1, date('now', '+1 day') FROM dataset", &e), e);
    assert_int_equal(release(l, HOLD_DATASET, &all), 0);
    OK(cat_exec(l->f->db, "UPDATE dataset_card SET retention = date('now', '-1 day')", &e), e);
    assert_int_equal(release(l, HOLD_DATASET, &all), 1);
}

static void runs_are_released_only_when_asked_and_never_before_their_end(void **state)
{
    struct lab *l = *state;
    struct err e = {0};
    char code[DIGEST_HEX_SIZE], out[TEXT_ID_SIZE];
    bool existed;
    put_manifest(l, "print(1)", code);
    for (int i = 0; i < 2; i++) {
        struct run_new run = fx_run(i ? "r00000000000002" : "r00000000000001");
        run.code = code;
        OK(cat_run_insert(l->f->db, &run, out, &existed, &e), e);
    }
    const struct run_result result = fx_result(VERDICT_CANCELLED);
    OK(cat_run_finish(l->f->db, "r00000000000001", &result, &e), e);
    age_all(l, 90000);
    assert_int_equal(release(l, HOLD_RUN, &(struct gc_policy){.retired_before_us = INT64_MAX}), 0);
    assert_int_equal(release(l, HOLD_RUN, &all), 1);
    assert_int_equal(collect(l, NULL, false).removed, 0); /* the other one has the same code */
    const struct run_result second = fx_result(VERDICT_CANCELLED);
    OK(cat_run_finish(l->f->db, "r00000000000002", &second, &e), e);
    assert_int_equal(release(l, HOLD_RUN, &all), 1);
    assert_int_equal(collect(l, NULL, false).removed, 2);
}

/* What it referred to cannot be told from what nothing does. */
static void nothing_is_removed_while_a_manifest_cannot_be_read(void **state)
{
    struct lab *l = *state;
    struct err e;
    char id[DIGEST_HEX_SIZE];
    AUTO_IDSET struct idset *used = NULL;
    put_manifest(l, "data", id);
    add_dataset(l, "x", id);
    AUTO_FREE char *command = mem_printf("rm '%s/objects/%.2s/%s'", l->s->path, id, id + 2);
    assert_int_equal(system(command), 0);
    OK(idset_new(l->s, &used, &e), e);
    FAILS(gc_mark(l->f->db, l->s, NULL, used, NULL, NULL, &e), e, E_CONFLICT);
    HAS(e.hint, "doctor --deep");
}

static void holds_are_listed_refused_twice_and_audited(void **state)
{
    struct lab *l = *state;
    struct err e;
    struct hold h, *list;
    bool existed;
    size_t count;
    const struct standing other_s = {.actor = {1001, "paul"}, .lab_roles = ROLE(ROLE_CURATOR), .projects_json = "[]"};
    fx_dataset(l->f, "x");
    fx_submit(l->f->db, "r00000000000001", 7);
    OK(cat_hold_add(l->f->db, l->f->a, HOLD_DATASET, "x@1", "why", &fx_actor_s, 1, &h, &existed, &e), e);
    OK(cat_hold_add(l->f->db, l->f->a, HOLD_DATASET, "x@1", "why", &fx_actor_s, 2, &h, &existed, &e), e);
    assert_true(existed && h.created_us == 1);
    FAILS(cat_hold_add(l->f->db, l->f->a, HOLD_DATASET, "x@1", "else", &other_s, 2, &h, &existed, &e), e, E_CONFLICT);
    FAILS(cat_hold_add(l->f->db, l->f->a, HOLD_DATASET, "x", "why", &other_s, 2, &h, &existed, &e), e, E_INVALID);
    FAILS(cat_hold_add(l->f->db, l->f->a, HOLD_DATASET, "y@1", "why", &other_s, 2, &h, &existed, &e), e, E_NOT_FOUND);
    FAILS(cat_hold_lift(l->f->db, l->f->a, HOLD_RUN, "r00000000000001", "why", &other_s, 2, &h, &e), e, E_NOT_FOUND);
    OK(cat_hold_add(l->f->db, l->f->a, HOLD_RUN, "r0000", "why", &other_s, 2, &h, &existed, &e), e);
    assert_string_equal(h.subject, "r00000000000001");
    OK(cat_hold_list(l->f->db, l->f->a, NULL, 1, &list, &count, &e), e);
    assert_int_equal(count, 1);
    OK(cat_hold_list(l->f->db, l->f->a, &list[0], 10, &list, &count, &e), e);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].subject, "r00000000000001");
    assert_int_equal(fx_count(l->f->db, "audit WHERE action = 'hold.added'"), 2);
}

/* A column of digests that gc.c does not know would have its objects removed. */
static void every_column_of_digests_is_known_to_the_collection(void **state)
{
    struct lab *l = *state;
    sqlite3_stmt *s = NULL;
    assert_int_equal(
        sqlite3_prepare_v2(cat_handle(l->f->db),
                           "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c"
                           " WHERE t.type = 'table' AND (c.name IN ('sha256', 'manifest', 'code', 'outputs',"
                           " 'object', 'blob', 'result', 'content') OR c.name LIKE '%sha256%' OR"
                           " c.name LIKE '%manifest%' OR c.name LIKE '%digest%' OR"
                           " (c.name <> 'hash' AND c.name <> 'previous' AND t.sql LIKE"
                           " '%length(' || c.name || ') = 64%'))",
                           -1, &s, NULL),
        SQLITE_OK);
    size_t found = 0;
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *column = (const char *)sqlite3_column_text(s, 0);
        bool known = false;
        for (const char *const *c = gc_object_columns; *c; c++)
            known |= strcmp(*c, column) == 0;
        for (const char *const *c = gc_other_digests; *c; c++)
            known |= strcmp(*c, column) == 0;
        if (!known)
            fail_msg("%s is not known to catalog/gc.c: if it holds ids of objects, mark them (gc_object_columns "
                     "and a statement); else add it to gc_other_digests",
                     column);
        found++;
    }
    sqlite3_finalize(s);
    assert_true(found >= 6);
}

static void a_set_of_ids_gives_each_once_and_sorted(void **state)
{
    struct lab *l = *state;
    struct err e = {0};
    AUTO_IDSET struct idset *set = NULL;
    OK(idset_new(l->s, &set, &e), e);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 3000; i++) {
            char text[16], id[DIGEST_HEX_SIZE];
            int len = snprintf(text, sizeof text, "%d", i);
            digest_bytes(text, (size_t)len, id);
            id[0] = id[1] = '7'; /* all in one shard: it is spilled many times */
            OK(idset_add(set, id, &e), e);
        }
    FAILS(idset_add(set, "not an id", &e), e, E_INVALID);
    unsigned char(*ids)[IDSET_ID_BYTES];
    size_t count;
    OK(idset_take(set, 0x77, &ids, &count, &e), e);
    assert_int_equal(count, 3000);
    for (size_t i = 1; i < count; i++)
        assert_true(memcmp(ids[i - 1], ids[i], IDSET_ID_BYTES) < 0);
    char hex[65];
    idset_hex(ids[17], hex);
    assert_true(idset_has(ids, count, hex));
    assert_false(idset_has(ids, count, SHA_A));
    mem_free_at(&ids);
    OK(idset_take(set, 0x78, &ids, &count, &e), e);
    assert_int_equal(count, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_nothing_refers_to_goes_and_the_rest_stays),
        T(what_was_put_or_wanted_today_stays),
        T(wanting_a_young_object_does_not_touch_it),
        T(a_retired_version_lets_its_content_go_unless_it_is_held_or_shared),
        T(a_version_stays_until_the_day_that_its_card_says),
        T(runs_are_released_only_when_asked_and_never_before_their_end),
        T(nothing_is_removed_while_a_manifest_cannot_be_read),
        T(holds_are_listed_refused_twice_and_audited),
        T(every_column_of_digests_is_known_to_the_collection),
        T(a_set_of_ids_gives_each_once_and_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
