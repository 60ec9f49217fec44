/*
 * judge.h - what the end of a run means: from what was observed to one verdict and a sentence.
 *
 * Pure: no system call, so that every precedence is a row of a unit test.
 */
#ifndef ENCLOS_RUNNER_JUDGE_H
#define ENCLOS_RUNNER_JUDGE_H

#include "api/common/runfolder.h"
#include "runner/cgroup.h"
#include "runner/setup.h"
#include "runner/spec.h"

struct judge_facts {
    const struct setup *setup;
    enum verdict stop;       /* why the lab stopped it; VERDICT_NONE: it did not */
    const char *stop_reason;
    bool running;            /* execve had happened */
    int init_status;         /* of PID 1, as waitpid gives it */
    const struct spec_resources *limits;
    const struct cg_usage *usage;
    bool outputs_full;
};

struct judgement {
    enum verdict verdict;
    bool exited;   /* exit_code is the program's */
    int exit_code;
    int signal;    /* that ended it, or 0 */
    char reason[320];
};

/* Precedence: setup_failed, exec_failed, then why the lab stopped it, out_of_memory, cpu_timeout by the
 * kernel's back-stop, process_limit, output_limit, policy_violation, signaled, failed, succeeded. */
void judge(const struct judge_facts *f, struct judgement *out);

/* The program's own status, or what the manual documents for the verdict. */
int judge_exit_status(const struct judgement *j);

#endif
