/*
 * test_judge.c - which verdict wins, fact by fact.
 */
#include "tests/unit/unit.h"

#include "runner/judge.h"

#define EXIT(n) ((n) << 8)
#define SIG(n) (n)

struct row {
    const char *what;
    int failed_step; /* -1: none */
    enum verdict stop;
    bool running, ended;
    int status, init_status;
    int64_t oom_kills, process_hits, cpu_us;
    bool full;
    enum verdict wanted;
    int exit_status;
};

static const struct row rows[] = {
    {"a clean end", -1, VERDICT_NONE, true, true, EXIT(0), 0, 0, 0, 0, false, VERDICT_SUCCEEDED, 0},
    {"its own status", -1, VERDICT_NONE, true, true, EXIT(125), 0, 0, 0, 0, false, VERDICT_FAILED, 125},
    {"a signal of its own", -1, VERDICT_NONE, true, true, SIG(SIGSEGV), 0, 0, 0, 0, false, VERDICT_SIGNALED, 139},
    {"a step that failed", STEP_LANDLOCK, VERDICT_NONE, false, false, 0, EXIT(1), 0, 0, 0, false, VERDICT_SETUP_FAILED, 125},
    {"a step that failed while cancelled", STEP_LANDLOCK, VERDICT_CANCELLED, false, false, 0, EXIT(1), 0, 0, 0, false,
     VERDICT_SETUP_FAILED, 125},
    {"a program that is not there", STEP_EXEC, VERDICT_NONE, false, true, EXIT(1), 0, 0, 0, 0, false, VERDICT_EXEC_FAILED, 125},
    {"cancelled before it began", -1, VERDICT_CANCELLED, false, false, 0, SIG(SIGKILL), 0, 0, 0, false, VERDICT_CANCELLED, 130},
    {"cancelled, and it ended with 0", -1, VERDICT_CANCELLED, true, true, EXIT(0), 0, 0, 0, 0, false, VERDICT_CANCELLED, 130},
    {"a time limit beats memory", -1, VERDICT_WALL_TIMEOUT, true, true, SIG(SIGKILL), 0, 3, 0, 0, false, VERDICT_WALL_TIMEOUT, 124},
    {"memory, seen at the end", -1, VERDICT_NONE, true, true, SIG(SIGKILL), 0, 1, 0, 0, false, VERDICT_OUT_OF_MEMORY, 137},
    {"memory that took init too", -1, VERDICT_NONE, true, false, 0, SIG(SIGKILL), 1, 0, 0, false, VERDICT_OUT_OF_MEMORY, 137},
    {"memory before it began", -1, VERDICT_NONE, false, false, 0, SIG(SIGKILL), 1, 0, 0, false, VERDICT_OUT_OF_MEMORY, 137},
    {"init gone for no reason we know", -1, VERDICT_NONE, false, false, 0, SIG(SIGKILL), 0, 0, 0, false, VERDICT_SETUP_FAILED, 125},
    {"init killed from outside", -1, VERDICT_NONE, true, false, 0, SIG(SIGKILL), 0, 0, 0, false, VERDICT_SIGNALED, 137},
    {"the kernel's CPU back-stop", -1, VERDICT_NONE, true, true, SIG(SIGXCPU), 0, 0, 0, 2000000, false, VERDICT_CPU_TIMEOUT, 124},
    {"much CPU but an end of its own", -1, VERDICT_NONE, true, true, EXIT(3), 0, 0, 0, 2000000, false, VERDICT_FAILED, 3},
    {"processes beat its status", -1, VERDICT_NONE, true, true, EXIT(1), 0, 0, 2, 0, true, VERDICT_PROCESS_LIMIT, 1},
    {"full outputs", -1, VERDICT_NONE, true, true, EXIT(1), 0, 0, 0, 0, true, VERDICT_OUTPUT_LIMIT, 1},
    {"a file too large", -1, VERDICT_NONE, true, true, SIG(SIGXFSZ), 0, 0, 0, 0, false, VERDICT_OUTPUT_LIMIT, 1},
    {"another architecture", -1, VERDICT_NONE, true, true, SIG(SIGSYS), 0, 0, 0, 0, false, VERDICT_POLICY_VIOLATION, 1},
    {"a flood of refused calls", -1, VERDICT_POLICY_VIOLATION, true, true, SIG(SIGKILL), 0, 0, 0, 0, false,
     VERDICT_POLICY_VIOLATION, 1},
};

static void the_verdict_is_the_one_of_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        struct err e = {0};
        struct setup *s = setup_map(&e);
        assert_non_null(s);
        const struct spec_resources limits = {.cpu_ms = 1000, .processes = 64, .output_bytes = 1, .memory_bytes = 1};
        const struct cg_usage usage = {.oom_kills = r->oom_kills, .process_limit_hits = r->process_hits, .cpu_us = r->cpu_us};
        const struct judge_facts f = {s, r->stop, "stopped", r->running, r->init_status, &limits, &usage, r->full};
        struct judgement j;
        if (r->failed_step >= 0)
            setup_fail(s, (enum setup_step)r->failed_step, 2, NULL, "failed");
        s->job_ended = r->ended;
        s->job_status = r->status;
        judge(&f, &j);
        if (j.verdict != r->wanted)
            fail_msg("%s: %s, wanted %s", r->what, verdict_name(j.verdict), verdict_name(r->wanted));
        if (judge_exit_status(&j) != r->exit_status)
            fail_msg("%s: exit status %d, wanted %d", r->what, judge_exit_status(&j), r->exit_status);
        assert_true(j.reason[0] != '\0');
        setup_unmap(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_verdict_is_the_one_of_the_table)};
    return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
