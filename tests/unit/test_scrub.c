/* test_scrub.c - objects are read again in turn, a bounded part at a time, and damage is set aside. */
#include "tests/unit/store_fixture.h"

#include "catalog/scrub.h"

enum { OBJECTS = 40 };

static void put(struct store_fixture *f, int number, char sha256[DIGEST_HEX_SIZE])
{
    struct err e = {0};
    char content[101];
    snprintf(content, sizeof content, "%-100d", number);
    OK(objects_put_bytes(f->s, content, 100, NULL, sha256, NULL, &e), e);
}

static void all_objects_are_read_in_turn(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    char sha256[DIGEST_HEX_SIZE];
    struct scrub scrub = {.max_bytes = 1000};
    OK(scrub_some(f->s, &scrub, NULL, &e), e); /* an empty store */
    assert_true(scrub.objects == 0 && scrub.after[0] == '\0');
    for (int i = 0; i < OBJECTS; i++)
        put(f, i, sha256);
    for (int round = 0; round < 2; round++) {
        size_t seen = 0;
        do {
            OK(scrub_some(f->s, &scrub, NULL, &e), e);
            assert_true(scrub.objects <= 10 && scrub.read_bytes == 100 * scrub.objects);
            assert_int_equal(scrub.damaged, 0);
            seen += scrub.objects;
        } while (scrub.after[0]);
        assert_int_equal(seen, OBJECTS);
    }
}

static void what_is_damaged_is_found_and_set_aside(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    char sha256[DIGEST_HEX_SIZE], path[400];
    struct scrub scrub = {.max_bytes = 1 << 20};
    for (int i = 0; i < OBJECTS; i++)
        put(f, i, sha256);
    snprintf(path, sizeof path, "%s/objects/%.2s/%s", f->state, sha256, sha256 + 2);
    setenv("O", path, 1);
    sx_shell(f, "chmod 600 $O; printf X | dd of=$O conv=notrunc status=none");
    OK(scrub_some(f->s, &scrub, NULL, &e), e);
    assert_true(scrub.objects == OBJECTS && scrub.damaged == 1 && scrub.after[0] == '\0');
    assert_false(objects_has(f->s, sha256, NULL));
    OK(scrub_some(f->s, &scrub, NULL, &e), e);
    assert_true(scrub.objects == OBJECTS - 1 && scrub.damaged == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_objects_are_read_in_turn, sx_setup, sx_teardown),
        cmocka_unit_test_setup_teardown(what_is_damaged_is_found_and_set_aside, sx_setup,
                                        sx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
