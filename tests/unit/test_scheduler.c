/* test_scheduler.c - order, capacity, sharing, and that nobody starves. */
#include "tests/unit/unit.h"

#include "orchestrator/scheduler.h"

enum { GIB_SHIFT = 30 };
static const int64_t second = 1000000;

static struct sched *lab(int64_t cpus)
{
    const struct sched_config c = {.cpus_milli = cpus * 1000,
                                   .memory_bytes = INT64_C(16) << GIB_SHIFT,
                                   .patience_us = 30 * second,
                                   .queue_max = 1000};
    return sched_new(&c);
}

static void add(struct sched *s, const char *id, const char *party, int64_t cpus, int priority,
                int64_t created, int64_t wall_ms)
{
    struct err e = {0};
    struct sched_job j = {.cpus_milli = cpus * 1000,
                          .memory_bytes = 1 << 20,
                          .wall_ms = wall_ms,
                          .created_us = created,
                          .priority = priority};
    snprintf(j.id, sizeof j.id, "%s", id);
    snprintf(j.party, sizeof j.party, "%s", party);
    OK(sched_add(s, &j, &e), e);
}

static int64_t again;

static void expect(struct sched *s, int64_t now, const char *wanted)
{
    char id[TEXT_ID_SIZE] = "none";
    bool got = sched_next(s, now, id, &again);
    if (wanted ? !got || strcmp(id, wanted) != 0 : got)
        fail_msg("started %s, wanted %s", got ? id : "none", wanted ? wanted : "none");
}

static void test_first_come_first_served(void **state)
{
    (void)state;
    struct sched *s = lab(2);
    add(s, "b", "p", 1, 0, 2, 0);
    add(s, "a", "p", 1, 0, 1, 0); /* older, though it came later */
    add(s, "c", "p", 1, 0, 3, 0);
    expect(s, 10, "a");
    expect(s, 10, "b");
    expect(s, 10, NULL);
    char why[100];
    assert_true(sched_reason(s, "c", why, sizeof why));
    assert_string_equal(why, "waits for 1 CPU (0 free)");
    assert_false(sched_reason(s, "a", why, sizeof why));
    sched_remove(s, "a");
    expect(s, 11, "c");
    sched_free(s);
}

static void test_what_an_account_has_in_the_queue_is_counted(void **state)
{
    (void)state;
    struct sched *s = lab(1);
    assert_int_equal(sched_queued_by(s, "p"), 0);
    add(s, "a", "p", 1, 0, 1, 0);
    add(s, "b", "p", 1, 5, 2, 0); /* another lane */
    add(s, "c", "q", 1, 0, 3, 0);
    assert_int_equal(sched_queued_by(s, "p"), 2);
    assert_int_equal(sched_queued_by(s, "q"), 1);
    expect(s, 10, "b"); /* running */
    assert_int_equal(sched_queued_by(s, "p"), 1);
    sched_remove(s, "a");
    assert_int_equal(sched_queued_by(s, "p"), 0);
    sched_remove(s, "b");
    assert_int_equal(sched_queued_by(s, "p"), 0);
    sched_free(s);
}

static void test_priority_goes_first(void **state)
{
    (void)state;
    struct sched *s = lab(1);
    add(s, "low", "p", 1, -5, 1, 0);
    add(s, "usual", "p", 1, 0, 2, 0);
    add(s, "high", "p", 1, 5, 3, 0);
    expect(s, 10, "high");
    sched_remove(s, "high");
    expect(s, 10, "usual");
    sched_remove(s, "usual");
    expect(s, 10, "low");
    sched_free(s);
}

static void test_the_lab_is_shared_fairly(void **state)
{
    (void)state;
    struct sched *s = lab(4);
    char id[16];
    for (int i = 0; i < 10; i++) {
        snprintf(id, sizeof id, "a%d", i);
        add(s, id, "alice", 1, 0, i, 0);
    }
    add(s, "b0", "bob", 1, 0, 100, 0);
    add(s, "b1", "bob", 1, 0, 101, 0);
    expect(s, 200, "a0"); /* nobody has anything: age */
    expect(s, 200, "b0");
    expect(s, 200, "a1");
    expect(s, 200, "b1");
    expect(s, 200, NULL);
    sched_free(s);
}

static void test_small_runs_pass_a_big_one_but_only_for_a_time(void **state)
{
    (void)state;
    struct sched *s = lab(2);
    char id[16];
    add(s, "s0", "p", 1, 0, 1, 0);
    expect(s, 1, "s0");
    add(s, "big", "p", 2, 0, 2, 0);
    for (int i = 1; i < 5; i++) {
        snprintf(id, sizeof id, "s%d", i);
        add(s, id, "p", 1, 0, 2 + i, 0);
    }
    expect(s, 10, "s1"); /* passes */
    expect(s, 10, NULL);
    assert_true(again == 10 + 30 * second);
    sched_remove(s, "s0");
    expect(s, 20, "s2");
    sched_remove(s, "s1");
    expect(s, 10 + 30 * second, NULL); /* now it has a reservation */
    char why[100];
    assert_true(sched_reason(s, "s3", why, sizeof why));
    HAS(why, "waits behind big");
    sched_remove(s, "s2");
    expect(s, 11 + 30 * second, "big");
    expect(s, 11 + 30 * second, NULL);
    sched_remove(s, "big");
    expect(s, 12 + 30 * second, "s3");
    expect(s, 12 + 30 * second, "s4");
    sched_free(s);
}

static void test_a_reservation_holds_against_newcomers_and_priority(void **state)
{
    (void)state;
    struct sched *s = lab(2);
    add(s, "s0", "p", 1, 0, 1, 0);
    expect(s, 1, "s0");
    add(s, "big", "p", 2, 0, 2, 0);
    add(s, "s1", "p", 1, 0, 3, 0);
    expect(s, 5, "s1");
    sched_remove(s, "s1");
    expect(s, 40 * second, NULL);
    add(s, "new", "q", 1, 0, 41 * second, 0);
    add(s, "vip", "q", 1, 100, 41 * second, 0);
    expect(s, 41 * second, NULL);
    sched_remove(s, "s0");
    expect(s, 42 * second, "big");
    sched_free(s);
}

static void test_what_ends_in_time_may_pass_a_reservation(void **state)
{
    (void)state;
    struct sched *s = lab(2);
    add(s, "long", "p", 1, 0, 1, 100 * 1000);
    expect(s, 0, "long"); /* ends at 100 s */
    add(s, "big", "p", 2, 0, 2, 0);
    add(s, "s1", "p", 1, 0, 3, 1000);
    expect(s, 1 * second, "s1");
    sched_remove(s, "s1");
    expect(s, 31 * second, NULL);
    add(s, "short", "p", 1, 0, 4, 60 * 1000);
    add(s, "slow", "p", 1, 0, 3, 70 * 1000);
    expect(s, 35 * second, "short"); /* 95 s */
    sched_remove(s, "short");
    expect(s, 36 * second, NULL); /* 106 s would delay it */
    sched_remove(s, "long");
    expect(s, 37 * second, "big");
    sched_free(s);
}

static void test_memory_counts_as_cpus_do(void **state)
{
    (void)state;
    struct sched *s = lab(8);
    struct err e = {0};
    struct sched_job j = {.id = "a",
                          .party = "p",
                          .cpus_milli = 100,
                          .memory_bytes = INT64_C(10) << 30,
                          .created_us = 1};
    OK(sched_add(s, &j, &e), e);
    snprintf(j.id, sizeof j.id, "b");
    OK(sched_add(s, &j, &e), e);
    expect(s, 5, "a");
    expect(s, 5, NULL);
    char why[100];
    assert_true(sched_reason(s, "b", why, sizeof why));
    assert_string_equal(why, "waits for 10 GiB of memory (6 GiB free)");
    FAILS(sched_fits(s, 100, (INT64_C(16) << 30) + 1, &e), e, E_LIMIT);
    assert_string_equal(e.field, "resources.memory_bytes");
    assert_string_equal(e.message, "16.1 GiB of memory were asked for, the lab has 16 GiB");
    FAILS(sched_fits(s, 8001, 1, &e), e, E_LIMIT);
    assert_string_equal(e.message, "8.001 CPUs were asked for, the lab has 8");
    e = (struct err){0};
    OK(sched_fits(s, 8000, INT64_C(16) << 30, &e), e);
    sched_free(s);
}

static void test_the_queue_has_a_bound(void **state)
{
    (void)state;
    const struct sched_config c = {.cpus_milli = 1, .memory_bytes = 1, .queue_max = 2};
    struct sched *s = sched_new(&c);
    struct err e = {0};
    struct sched_job j = {.id = "a", .party = "p", .cpus_milli = 1, .memory_bytes = 1};
    OK(sched_add(s, &j, &e), e);
    FAILS(sched_add(s, &j, &e), e, E_CONFLICT);
    j.id[0] = 'b';
    e = (struct err){0};
    OK(sched_add(s, &j, &e), e);
    j.id[0] = 'c';
    FAILS(sched_add(s, &j, &e), e, E_LIMIT);
    assert_int_equal(sched_queued(s), 2);
    sched_remove(s, "nobody");
    sched_free(s);
}

/* A thousand random days: capacity is never passed, all is let go, and everybody gets there. */
static void test_random_days_end_well(void **state)
{
    (void)state;
    unsigned seed = 42;
    for (int day = 0; day < 200; day++) {
        struct sched *s = lab(4);
        char running[64][TEXT_ID_SIZE];
        int count = 0, left = 60;
        for (int i = 0; i < left; i++) {
            char id[16], party[8];
            snprintf(id, sizeof id, "r%d", i);
            snprintf(party, sizeof party, "p%d", rand_r(&seed) % 3);
            add(s, id, party, 1 + rand_r(&seed) % 4, rand_r(&seed) % 3, i,
                rand_r(&seed) % 2 ? 1000 : 0);
        }
        for (int64_t now = 0; left > 0; now += second) {
            char id[TEXT_ID_SIZE];
            int64_t cpus, memory;
            while (sched_next(s, now, id, &again))
                memcpy(running[count++], id, sizeof id);
            sched_used(s, &cpus, &memory);
            assert_true(cpus <= 4000 && cpus > 0);
            int k = rand_r(&seed) % count;
            sched_remove(s, running[k]);
            memcpy(running[k], running[--count], sizeof id);
            left--;
        }
        int64_t cpus, memory;
        sched_used(s, &cpus, &memory);
        assert_int_equal(cpus, 0);
        assert_int_equal(memory, 0);
        assert_int_equal(sched_queued(s) + sched_running(s), 0);
        sched_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_come_first_served),
        cmocka_unit_test(test_what_an_account_has_in_the_queue_is_counted),
        cmocka_unit_test(test_priority_goes_first),
        cmocka_unit_test(test_the_lab_is_shared_fairly),
        cmocka_unit_test(test_small_runs_pass_a_big_one_but_only_for_a_time),
        cmocka_unit_test(test_a_reservation_holds_against_newcomers_and_priority),
        cmocka_unit_test(test_what_ends_in_time_may_pass_a_reservation),
        cmocka_unit_test(test_memory_counts_as_cpus_do),
        cmocka_unit_test(test_the_queue_has_a_bound),
        cmocka_unit_test(test_random_days_end_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
