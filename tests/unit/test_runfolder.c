/* test_runfolder.c - every state and verdict has a name that leads back to it. */
#include "tests/unit/unit.h"

#include "api/common/runfolder.h"

static void test_states(void **state)
{
    (void)state;
    for (int s = 0; s < RUN_STATE_COUNT; s++)
        assert_int_equal(run_state_of(run_state_name((enum run_state)s)), s);
    assert_int_equal(run_state_of("Queued"), -1);
    assert_int_equal(run_state_of(""), -1);
    assert_int_equal(run_state_of(NULL), -1);
    assert_string_equal(run_state_name(RUN_FINISHED), "finished");
}

static void test_verdicts(void **state)
{
    (void)state;
    for (int v = 0; v < VERDICT_COUNT; v++)
        assert_int_equal(verdict_of(verdict_name((enum verdict)v)), v);
    assert_int_equal(verdict_of("ok"), -1);
    assert_int_equal(verdict_of(NULL), -1);
    assert_string_equal(verdict_name(VERDICT_NONE), "none");
    assert_string_equal(verdict_name(VERDICT_OUT_OF_MEMORY), "out_of_memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_verdicts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
