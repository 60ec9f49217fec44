/* test_manifest.c - manifests: one spelling only, sorted, no doubles, no file that is a folder. */
#include "tests/unit/store_fixture.h"

#include "catalog/manifest.h"
#include "catalog/manifest_keep.h"
#include "catalog/objects.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ENTRY(path) "{\"mode\":\"0644\",\"path\":\"" path "\",\"sha256\":\"" A "\",\"size\":1}"
#define MANIFEST(entries) "{\"entries\":[" entries "],\"version\":1}"

static void add(struct manifest *m, const char *path)
{
    struct err e = {0};
    OK(manifest_add(m, path, A, 1, false, &e), e);
}

static void what_is_built_is_sorted_and_parses_back(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO_MANIFEST struct manifest *m = manifest_new();
    AUTO_MANIFEST struct manifest *back = NULL;
    AUTO_BUF struct buf text = BUF_INIT(4096);
    add(m, "b");
    add(m, "a/é \"x\" \\.py");
    add(m, "a.b");
    OK(manifest_add(m, "Z", A, (uint64_t)1 << 40, true, &e), e);
    OK(manifest_seal(m, &text, &e), e);
    assert_string_equal(buf_cstr(&text),
                        MANIFEST("{\"mode\":\"0755\",\"path\":\"Z\",\"sha256\":\"" A
                                 "\",\"size\":1099511627776}," ENTRY("a.b") "," ENTRY(
                                     "a/é \\\"x\\\" \\\\.py") "," ENTRY("b")));
    OK(manifest_parse(text.data, text.len, &back, &e), e);
    assert_string_equal(back->id, m->id);
    assert_int_equal(back->count, 4);
    assert_true(back->total_bytes == ((uint64_t)1 << 40) + 3);
    assert_string_equal(back->entries[2].path, "a/é \"x\" \\.py");
    assert_true(back->entries[0].executable && !back->entries[1].executable);
}

static void links_and_empty_folders_parse_back(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO_MANIFEST struct manifest *m = manifest_new();
    AUTO_MANIFEST struct manifest *back = NULL;
    AUTO_BUF struct buf text = BUF_INIT(4096);
    OK(manifest_add_link(m, "lib", "usr/lib", &e), e);
    OK(manifest_add_folder(m, "opt/empty", &e), e);
    add(m, "usr/lib/x.so");
    OK(manifest_seal(m, &text, &e), e);
    assert_string_equal(buf_cstr(&text), MANIFEST("{\"link\":\"usr/lib\",\"path\":\"lib\"},"
                                                  "{\"folder\":true,\"path\":\"opt/empty\"}," ENTRY(
                                                      "usr/lib/x.so")));
    OK(manifest_parse(text.data, text.len, &back, &e), e);
    assert_string_equal(back->id, m->id);
    assert_int_equal(back->count, 3);
    assert_int_equal(back->file_count, 1);
    assert_true(back->total_bytes == 1);
    assert_int_equal(back->entries[0].kind, MANIFEST_LINK);
    assert_string_equal(back->entries[0].target, "usr/lib");
    assert_int_equal(back->entries[1].kind, MANIFEST_FOLDER);
    assert_int_equal(back->entries[2].kind, MANIFEST_FILE);
    FAILS(manifest_add_link(m, "x", "", &e), e, E_INVALID);
    FAILS(manifest_add_link(m, "x", "a\x1b[2J", &e), e, E_INVALID);
    assert_null(strchr(e.message, '\x1b'));
    /* Nothing may lie below either: what is written there would go through the link. */
    for (int link = 0; link < 2; link++) {
        AUTO_MANIFEST struct manifest *through = manifest_new();
        add(through, "a/b");
        OK(link ? manifest_add_link(through, "a", "/etc", &e) : manifest_add_folder(through, "a", &e), e);
        FAILS(manifest_seal(through, NULL, &e), e, E_INVALID);
    }
}

static void a_tree_of_code_or_data_has_no_links(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    AUTO_MANIFEST struct manifest *m = manifest_new();
    AUTO_MANIFEST struct manifest *back = NULL;
    OK(manifest_add_link(m, "lib", "usr/lib", &e), e);
    OK(manifest_seal(m, NULL, &e), e);
    OK(manifest_store(f->s, m, &e), e);
    FAILS(manifest_load(f->s, m->id, &back, &e), e, E_INVALID);
    HAS(e.message, "links");
    e = (struct err){0};
    OK(manifest_load_any(f->s, m->id, &back, &e), e);
    assert_int_equal(back->count, 1);
}

static void manifests_in_use_and_the_last_few_are_kept(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    enum { COUNT = MANIFEST_KEEP_MAX + 2 };
    char ids[COUNT][DIGEST_HEX_SIZE];
    const struct manifest *held[COUNT], *again = NULL;
    struct manifest_keep *k = manifest_keep_new();
    for (int i = 0; i < COUNT; i++) {
        AUTO_MANIFEST struct manifest *m = manifest_new();
        char path[8];
        snprintf(path, sizeof path, "l%d", i);
        OK(manifest_add_link(m, path, "x", &e), e);
        OK(manifest_seal(m, NULL, &e), e);
        OK(manifest_store(f->s, m, &e), e);
        memcpy(ids[i], m->id, sizeof ids[i]);
        OK(manifest_keep_get(k, f->s, ids[i], &held[i], &e), e);
        assert_string_equal(held[i]->id, ids[i]);
    }
    /* Used by two: the same one, and it outlives the first to put it back. */
    OK(manifest_keep_get(k, f->s, ids[0], &again, &e), e);
    assert_ptr_equal(again, held[0]);
    manifest_keep_put(k, again);
    assert_string_equal(held[0]->entries[0].path, "l0");
    for (int i = 0; i < COUNT; i++)
        manifest_keep_put(k, held[i]);
    /* Without the store: the last few are there, the others are not. */
    sx_shell(f, "rm -rf $S/objects/*");
    int there = 0;
    for (int i = 0; i < COUNT; i++) {
        const struct manifest *m = NULL;
        struct err gone = {0};
        if (manifest_keep_get(k, f->s, ids[i], &m, &gone) == 0)
            there++;
        else
            assert_int_equal(gone.kind, E_NOT_FOUND);
        manifest_keep_put(k, m);
    }
    assert_int_equal(there, MANIFEST_KEEP_MAX);
    manifest_keep_free(k);
}

/* printf '{"entries":[],"version":1}' | sha256sum */
static void the_id_is_the_digest_of_the_text(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO_MANIFEST struct manifest *m = NULL;
    char hex[DIGEST_HEX_SIZE];
    digest_bytes(MANIFEST(""), strlen(MANIFEST("")), hex);
    OK(manifest_parse(MANIFEST(""), strlen(MANIFEST("")), &m, &e), e);
    assert_string_equal(m->id, hex);
    assert_int_equal(m->count, 0);
}

static void every_other_spelling_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"version\":1}",
        "{\"entries\":[]}",
        " " MANIFEST(""),
        MANIFEST("") "\n",
        "{\"entries\":[],\"version\":2}",
        "{\"version\":1,\"entries\":[]}",
        "{\"entries\":[],\"version\":1,\"x\":1}",
        "{\"entries\":[],\"version\":1.0}",
        "{\"entries\": [],\"version\":1}",
        MANIFEST("1"),
        MANIFEST("{}"),
        MANIFEST(ENTRY("b") "," ENTRY("a")),
        MANIFEST(ENTRY("a") "," ENTRY("a")),
        MANIFEST(ENTRY("a") "," ENTRY("a/b")),
        MANIFEST(ENTRY("a") "," ENTRY("a-b") "," ENTRY("a/c")),
        MANIFEST(ENTRY("/a")),
        MANIFEST(ENTRY("../a")),
        MANIFEST(ENTRY("a/../b")),
        MANIFEST(ENTRY("a//b")),
        MANIFEST(ENTRY("a/")),
        MANIFEST(ENTRY(".")),
        MANIFEST(ENTRY("")),
        MANIFEST(ENTRY("a\\u000ab")),
        MANIFEST(ENTRY("\\u0061")), /* a needless escape: the same manifest would have two ids */
        MANIFEST("{\"mode\":\"0600\",\"path\":\"a\",\"sha256\":\"" A "\",\"size\":1}"),
        MANIFEST("{\"mode\":\"4755\",\"path\":\"a\",\"sha256\":\"" A "\",\"size\":1}"),
        MANIFEST("{\"mode\":\"0644\",\"path\":\"a\",\"sha256\":\"A" A "\",\"size\":1}"),
        MANIFEST("{\"mode\":\"0644\",\"path\":\"a\",\"sha256\":\"abc\",\"size\":1}"),
        MANIFEST("{\"mode\":\"0644\",\"path\":\"a\",\"sha256\":\"" A "\",\"size\":-1}"),
        MANIFEST("{\"mode\":\"0644\",\"path\":\"a\",\"sha256\":\"" A "\",\"size\":1e0}"),
        MANIFEST("{\"mode\":\"0644\",\"path\":\"a\",\"sha256\":\"" A "\",\"size\":1.5}"),
        MANIFEST("{\"mode\":\"0644\",\"path\":\"a\",\"sha256\":\"" A "\",\"size\":9999999999999}"),
        MANIFEST("{\"mode\":\"0644\",\"path\":\"a\",\"sha256\":\"" A "\"}"),
        MANIFEST("{\"mode\":\"0644\",\"path\":\"a\",\"sha256\":\"" A
                 "\",\"size\":1,\"link\":\"x\"}"),
        MANIFEST("{\"link\":\"\",\"path\":\"a\"}"),
        MANIFEST("{\"link\":1,\"path\":\"a\"}"),
        MANIFEST("{\"link\":\"a\\u0000b\",\"path\":\"a\"}"),
        MANIFEST("{\"link\":\"x\",\"mode\":\"0644\",\"path\":\"a\"}"),
        MANIFEST("{\"link\":\"x\",\"path\":\"../a\"}"),
        MANIFEST("{\"path\":\"a\",\"link\":\"x\"}"),
        MANIFEST("{\"folder\":false,\"path\":\"a\"}"),
        MANIFEST("{\"folder\":1,\"path\":\"a\"}"),
        MANIFEST("{\"folder\":true,\"link\":\"x\",\"path\":\"a\"}"),
        MANIFEST("{\"folder\":true,\"path\":\"a\"}," ENTRY("a/b")),
        MANIFEST("{\"link\":\"x\",\"path\":\"a\"}," ENTRY("a/b")),
        MANIFEST("{\"mode\":\"0644\",\"path\":\"a\",\"path\":\"b\",\"sha256\":\"" A
                 "\",\"size\":1}"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err e = {0};
        struct manifest *m = NULL;
        if (manifest_parse(bad[i], strlen(bad[i]), &m, &e) == 0)
            fail_msg("accepted: %s", bad[i]);
        if (e.kind != E_INVALID && e.kind != E_LIMIT)
            fail_msg("%s: %s (%s)", bad[i], e.message, err_kind_name(e.kind));
    }
}

static void building_refuses_doubles_and_files_that_are_folders(void **state)
{
    (void)state;
    struct err e;
    static const char *const pairs[][3] = {
        {"a", "a", "b"}, {"a/b", "a", "x"}, {"a/c", "a-b", "a"}, {"x/y/z/w", "x/y", "x/a"}};
    for (int i = 0; i < 4; i++) {
        AUTO_MANIFEST struct manifest *m = manifest_new();
        for (int j = 0; j < 3; j++)
            add(m, pairs[i][j]);
        FAILS(manifest_seal(m, NULL, &e), e, E_INVALID);
    }
    AUTO_MANIFEST struct manifest *m = manifest_new();
    FAILS(manifest_add(m, "a\x1b[2J", A, 1, false, &e), e, E_INVALID);
    assert_null(strchr(e.message, '\x1b'));
    FAILS(manifest_add(m, "a", "x", 1, false, &e), e, E_INVALID);
}

static void too_many_files_are_refused(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO_MANIFEST struct manifest *m = manifest_new();
    char path[40];
    for (int i = 0; i < MANIFEST_ENTRIES_MAX; i++) {
        snprintf(path, sizeof path, "d%d/f%d", i % 100, i);
        add(m, path);
    }
    FAILS(manifest_add(m, "more", A, 1, false, &e), e, E_LIMIT);
    AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
    AUTO_MANIFEST struct manifest *back = NULL;
    e = (struct err){0};
    OK(manifest_seal(m, &text, &e), e);
    OK(manifest_parse(text.data, text.len, &back, &e), e);
    assert_int_equal(back->count, MANIFEST_ENTRIES_MAX);
}

static void a_manifest_is_an_object_too(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    AUTO_MANIFEST struct manifest *m = manifest_new();
    AUTO_MANIFEST struct manifest *back = NULL;
    add(m, "a");
    OK(manifest_seal(m, NULL, &e), e);
    FAILS(manifest_load(f->s, m->id, &back, &e), e, E_NOT_FOUND);
    e = (struct err){0};
    OK(manifest_store(f->s, m, &e), e);
    OK(manifest_load(f->s, m->id, &back, &e), e);
    assert_int_equal(back->count, 1);
    char sha[DIGEST_HEX_SIZE];
    OK(objects_put_bytes(f->s, "abc", 3, NULL, sha, NULL, &e), e);
    FAILS(manifest_load(f->s, sha, &back, &e), e, E_INVALID);
}

static void a_damaged_manifest_is_missing_once_it_was_read(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    AUTO_MANIFEST struct manifest *m = manifest_new();
    AUTO_MANIFEST struct manifest *back = NULL;
    static const char *const changes[] = {"sed -i s/0644/0755/ $O", "truncate -s 20 $O",
                                          "truncate -s 0 $O"};
    add(m, "a");
    OK(manifest_seal(m, NULL, &e), e);
    for (int i = 0; i < 3; i++) {
        char path[700];
        OK(manifest_store(f->s, m, &e), e);
        snprintf(path, sizeof path, "%s/objects/%.2s/%s", f->state, m->id, m->id + 2);
        setenv("O", path, 1);
        sx_shell(f, changes[i]);
        FAILS(manifest_load(f->s, m->id, &back, &e), e, E_CONFLICT);
        FAILS(manifest_load(f->s, m->id, &back, &e), e, E_NOT_FOUND);
        e = (struct err){0};
    }
    assert_int_equal(sx_files(f, "damaged"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_built_is_sorted_and_parses_back),
        cmocka_unit_test(links_and_empty_folders_parse_back),
        cmocka_unit_test_setup_teardown(a_tree_of_code_or_data_has_no_links, sx_setup, sx_teardown),
        cmocka_unit_test_setup_teardown(manifests_in_use_and_the_last_few_are_kept, sx_setup, sx_teardown),
        cmocka_unit_test(the_id_is_the_digest_of_the_text),
        cmocka_unit_test(every_other_spelling_is_refused),
        cmocka_unit_test(building_refuses_doubles_and_files_that_are_folders),
        cmocka_unit_test(too_many_files_are_refused),
        cmocka_unit_test_setup_teardown(a_damaged_manifest_is_missing_once_it_was_read, sx_setup,
                                        sx_teardown),
        cmocka_unit_test_setup_teardown(a_manifest_is_an_object_too, sx_setup, sx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
