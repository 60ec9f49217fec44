/* test_purpose.c - purposes: one table, whole in both languages. */
#include "tests/unit/unit.h"

#include "api/common/purpose.h"

static void every_purpose_has_a_code_and_both_titles(void **state)
{
    (void)state;
    size_t n = 0;
    for (const struct purpose *p; (p = purpose_at(n)) != NULL; n++) {
        assert_string_equal(purpose_codes[n], p->code);
        assert_ptr_equal(purpose_find(p->code), p);
        assert_true(strlen(p->title_en) > 3 && strlen(p->title_fr) > 3);
        for (const char *c = p->code; *c; c++)
            assert_true((*c >= 'a' && *c <= 'z') || *c == '_');
    }
    assert_int_equal(n, 6);
    assert_null(purpose_codes[n]);
    assert_null(purpose_find("curiosity"));
    assert_non_null(purpose_find(PURPOSE_DEFAULT));
    assert_non_null(purpose_find(PURPOSE_QUALITY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_purpose_has_a_code_and_both_titles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
