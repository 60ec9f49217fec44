/*
 * runfolder.c - names of run states and verdicts, both ways.
 */
#include "api/common/runfolder.h"

#include <assert.h>
#include <string.h>

static const char *const state_names[] = {
    [RUN_QUEUED] = "queued",
    [RUN_STARTING] = "starting",
    [RUN_RUNNING] = "running",
    [RUN_FINISHED] = "finished",
};
static_assert(sizeof state_names / sizeof *state_names == RUN_STATE_COUNT, "a state has no name");

static const char *const verdict_names[] = {
    [VERDICT_NONE] = "none",
    [VERDICT_SUCCEEDED] = "succeeded",
    [VERDICT_FAILED] = "failed",
    [VERDICT_SIGNALED] = "signaled",
    [VERDICT_CANCELLED] = "cancelled",
    [VERDICT_WALL_TIMEOUT] = "wall_timeout",
    [VERDICT_CPU_TIMEOUT] = "cpu_timeout",
    [VERDICT_OUT_OF_MEMORY] = "out_of_memory",
    [VERDICT_PROCESS_LIMIT] = "process_limit",
    [VERDICT_OUTPUT_LIMIT] = "output_limit",
    [VERDICT_POLICY_VIOLATION] = "policy_violation",
    [VERDICT_SETUP_FAILED] = "setup_failed",
    [VERDICT_EXEC_FAILED] = "exec_failed",
    [VERDICT_LOST] = "lost",
};
static_assert(sizeof verdict_names / sizeof *verdict_names == VERDICT_COUNT,
              "a verdict has no name");

static int find(const char *const *names, int count, const char *name)
{
    for (int i = 0; name && i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

const char *run_state_name(enum run_state s)
{
    assert((unsigned)s < RUN_STATE_COUNT);
    return state_names[s];
}

int run_state_of(const char *name)
{
    return find(state_names, RUN_STATE_COUNT, name);
}

const char *verdict_name(enum verdict v)
{
    assert((unsigned)v < VERDICT_COUNT);
    return verdict_names[v];
}

int verdict_of(const char *name)
{
    return find(verdict_names, VERDICT_COUNT, name);
}
