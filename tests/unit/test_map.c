/* test_map.c - the id table against a plain model, through many random changes. */
#include "tests/unit/unit.h"

#include "orchestrator/map.h"

enum { KEYS = 300 };

static void test_random_changes(void **state)
{
    (void)state;
    struct map m = {0};
    void *model[KEYS] = {0};
    unsigned seed = 7;
    static char things[KEYS];
    for (int i = 0; i < 200000; i++) {
        int k = rand_r(&seed) % KEYS;
        char key[16];
        snprintf(key, sizeof key, "r%06d", k);
        switch (rand_r(&seed) % 3) {
        case 0:
            model[k] = &things[rand_r(&seed) % KEYS];
            map_put(&m, key, model[k]);
            break;
        case 1:
            model[k] = NULL;
            map_remove(&m, key);
            break;
        default: assert_ptr_equal(map_find(&m, key), model[k]);
        }
    }
    size_t count = 0, at = 0, walked = 0;
    for (int k = 0; k < KEYS; k++)
        count += model[k] != NULL;
    while (map_each(&m, &at))
        walked++;
    assert_int_equal(m.count, count);
    assert_int_equal(walked, count);
    map_fini(&m);
}

static void test_numbers_and_texts_do_not_meet(void **state)
{
    (void)state;
    struct map m = {0};
    int a, b;
    map_put(&m, "A", &a);
    map_put_num(&m, 'A', &b);
    assert_ptr_equal(map_find(&m, "A"), &a);
    assert_ptr_equal(map_find_num(&m, 'A'), &b);
    map_remove_num(&m, 'A');
    assert_ptr_equal(map_find(&m, "A"), &a);
    map_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_changes),
        cmocka_unit_test(test_numbers_and_texts_do_not_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
