/*
 * runfolder.h - the contract between orchestrator and runner: names, versions, states, verdicts.
 *
 * A run folder is the same for every executor. The orchestrator writes spec.json, then asks for a
 * launch; the runner's monitor appends all that the run says to `log` (see runlog.h), copies what
 * it left in /outputs to `outputs/`, and writes record.json once (aside, synced, renamed). A file
 * `cancel` that appears in the folder stops the run. `monitor.lock` is created by the monitor with
 * O_EXCL as its first act, holds its pid, and is locked (flock) as long as the monitor lives: a
 * folder that has the file, no lock and no record.json belongs to a run that is lost.
 * See runner/README.md for spec.json and record.json, key by key.
 */
#ifndef ENCLOS_RUNFOLDER_H
#define ENCLOS_RUNFOLDER_H

#define RUNFOLDER_SPEC "spec.json"
#define RUNFOLDER_RECORD "record.json"
#define RUNFOLDER_LOG "log"
#define RUNFOLDER_OUTPUTS "outputs"
#define RUNFOLDER_OUTPUTS_IMAGE "outputs.img" /* of a run with outputs on disk, while it goes */
#define RUNFOLDER_LOCK "monitor.lock"
#define RUNFOLDER_CANCEL "cancel"
#define RUNFOLDER_ATTACH "attach.sock" /* of a run that may be joined while it goes: attach.h */

enum {
    RUNFOLDER_SPEC_VERSION = 1,
    RUNFOLDER_RECORD_VERSION = 1,
    RUNFOLDER_SPEC_MAX_BYTES = 4 << 20,
    RUNFOLDER_RECORD_MAX_BYTES = 8 << 20,
};

/* queued -> starting -> running -> finished; queued and starting may go to finished directly. */
enum run_state { RUN_QUEUED, RUN_STARTING, RUN_RUNNING, RUN_FINISHED, RUN_STATE_COUNT };
const char *run_state_name(enum run_state s);
int run_state_of(const char *name); /* -1: no such state */

enum verdict {
    VERDICT_NONE, /* not finished; prints as null */
    VERDICT_SUCCEEDED,
    VERDICT_FAILED,   /* the program ended with a status other than 0 */
    VERDICT_SIGNALED, /* a signal that the lab did not send ended it */
    VERDICT_CANCELLED,
    VERDICT_WALL_TIMEOUT,
    VERDICT_CPU_TIMEOUT,
    VERDICT_OUT_OF_MEMORY,
    VERDICT_PROCESS_LIMIT,
    VERDICT_OUTPUT_LIMIT,
    VERDICT_POLICY_VIOLATION, /* the filter killed it, or refused calls came as a flood */
    VERDICT_SETUP_FAILED,     /* the sandbox could not be made as asked: record names step and errno */
    VERDICT_EXEC_FAILED,      /* the program could not be started: record has the errno */
    VERDICT_LOST,             /* the monitor died */
    VERDICT_COUNT
};
const char *verdict_name(enum verdict v); /* "succeeded"...; "none" */
int verdict_of(const char *name);         /* -1: no such verdict */

#endif
