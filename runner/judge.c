/*
 * judge.c - the precedence of verdicts. Called by the monitor once the last process of the run is gone.
 */
#include "runner/judge.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

void judge(const struct judge_facts *f, struct judgement *r)
{
    const struct setup *s = f->setup;
    const struct spec_resources *lim = f->limits;
    int status = s->job_status;
    *r = (struct judgement){.verdict = VERDICT_NONE};
    if (s->job_ended && f->running) {
        r->exited = WIFEXITED(status);
        r->exit_code = r->exited ? WEXITSTATUS(status) : 0;
        r->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    } else if (f->running && WIFSIGNALED(f->init_status)) {
        r->signal = WTERMSIG(f->init_status); /* init and the program went together */
    }
#define VERDICT(v, ...) (r->verdict = (v), (void)snprintf(r->reason, sizeof r->reason, __VA_ARGS__))
    bool oom = f->usage->oom_kills > 0;
    if (s->failed)
        VERDICT(s->failed - 1 == STEP_EXEC ? VERDICT_EXEC_FAILED : VERDICT_SETUP_FAILED, "%s", s->failed_message);
    else if (f->stop != VERDICT_NONE)
        VERDICT(f->stop, "%s", f->stop_reason);
    else if (oom)
        VERDICT(VERDICT_OUT_OF_MEMORY, "needed more than its limit of %" PRId64 " bytes of memory", lim->memory_bytes);
    else if (!f->running)
        VERDICT(VERDICT_SETUP_FAILED, "the sandbox ended before the program was started (status %x)",
                (unsigned)f->init_status);
    else if (lim->cpu_ms && f->usage->cpu_us >= lim->cpu_ms * 1000 && r->signal)
        VERDICT(VERDICT_CPU_TIMEOUT, "used its limit of %" PRId64 " ms of CPU time", lim->cpu_ms);
    else if (f->usage->process_limit_hits > 0)
        VERDICT(VERDICT_PROCESS_LIMIT, "met its limit of %" PRId64 " processes and threads %" PRId64 " times",
                lim->processes, f->usage->process_limit_hits);
    else if (f->outputs_full || r->signal == SIGXFSZ)
        VERDICT(VERDICT_OUTPUT_LIMIT, "filled /outputs: %" PRId64 " bytes and %" PRId64 " files are allowed",
                lim->output_bytes, lim->output_files);
    else if (r->signal == SIGSYS)
        VERDICT(VERDICT_POLICY_VIOLATION, "killed by the filter: a system call of another architecture");
    else if (r->signal)
        VERDICT(VERDICT_SIGNALED, "ended by signal %d (%s)", r->signal, strsignal(r->signal));
    else if (r->exit_code)
        VERDICT(VERDICT_FAILED, "ended with status %d", r->exit_code);
    else
        VERDICT(VERDICT_SUCCEEDED, "ended with status 0");
#undef VERDICT
}

int judge_exit_status(const struct judgement *r)
{
    switch (r->verdict) {
    case VERDICT_SUCCEEDED:
    case VERDICT_FAILED: return r->exit_code;
    case VERDICT_WALL_TIMEOUT:
    case VERDICT_CPU_TIMEOUT: return 124;
    case VERDICT_OUT_OF_MEMORY: return 137;
    case VERDICT_CANCELLED: return 130;
    case VERDICT_SIGNALED: return 128 + r->signal;
    case VERDICT_PROCESS_LIMIT:
    case VERDICT_OUTPUT_LIMIT:
    case VERDICT_POLICY_VIOLATION: return r->exited && r->exit_code ? r->exit_code : 1;
    default: return 125;
    }
}
