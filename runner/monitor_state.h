/*
 * monitor_state.h - what a monitor knows of its run, for its two halves: monitor_start.c makes the sandbox and
 * starts the run, monitor.c watches it and writes the record. Nobody else includes it.
 */
#ifndef ENCLOS_RUNNER_MONITOR_STATE_H
#define ENCLOS_RUNNER_MONITOR_STATE_H

#include "runner/attach.h"
#include "runner/collect.h"
#include "runner/journal.h"
#include "runner/monitor.h"
#include "runner/refusals.h"
#include "runner/sandbox.h"

/* What epoll tells apart. */
enum source { SRC_STDOUT, SRC_STDERR, SRC_METRICS, SRC_HANDOVER, SRC_LISTENER, SRC_INIT, SRC_CANCEL, SRC_OOM,
              SRC_SIGNAL, SRC_ATTACH, SRC_WARM, SRC_COUNT };

struct monitor {
    const struct monitor_config *config;
    int run_fd;
    int fds[SRC_COUNT]; /* ours; -1 when closed or not there */
    int epoll_fd;
    struct spec spec;
    bool has_spec;
    struct profile *own_profile; /* loaded here */
    const struct profile *profile;
    struct setup *setup;
    struct cg cg;
    bool ahead;              /* the sandbox is there and waits for its run */
    struct run_order *order; /* shared with it */
    uid_t job_uid;
    const struct warm_template *warm; /* to start from, NULL: cold */
    const char *warm_why;             /* why cold, when warm was asked for */
    int64_t warm_until_us;            /* until then it may take the run */
    int page_fd;                      /* of `setup`, until a template has it */
    int lease_fd, idmap_fd, proc_fd, outputs_fd;
    int outputs_mount; /* /outputs on disk, before the sandbox has it; -1: in memory */
    int mounts_fd; /* the run's mount namespace, held so that taking it down does not delay its end */
    pid_t init_pid;
    int job_pidfd;
    bool has_filter;       /* the listener of the job's filter has come */
    bool running;          /* execve has happened */
    bool init_gone;
    enum verdict stop;     /* why we stop it, VERDICT_NONE: we don't */
    char stop_reason[320];
    int64_t kill_at_us;    /* when the grace ends, 0: not stopping */
    bool killed;
    int64_t started_us, mono_started_us, exec_us, ended_us;
    int64_t sample_at_us, poll_at_us;
    int64_t idle_cpu_us;  /* CPU time at the last sample */
    int64_t oom_until_us; /* an OOM was told: look at the counter until then */
    struct cg_usage last; /* best effort: what was seen last, and the peak */
    struct attach attach; /* its epoll set is fds[SRC_ATTACH] */
    struct journal journal;
    struct refusals refusals;
    struct collected collected;
};

/* Steps that fail are noted on the set-up page: -1. */
int monitor_step_err(struct monitor *m, enum setup_step step, const struct err *e);

/* Reads the spec and makes what must exist before the sandbox. One that was made ahead and does not fit the run
 * is taken down. */
MUST_USE int monitor_prepare(struct monitor *m);

/* Makes the sandbox, or gives the one that is there its order; then the monitor gives up what only that needed. */
MUST_USE int monitor_begin(struct monitor *m);

/* A sandbox of the config's profile that waits for its order; monitor_drop_sandbox takes it down again. */
MUST_USE int monitor_make_ahead(struct monitor *m);
void monitor_drop_sandbox(struct monitor *m);

MUST_USE int monitor_watch_fd(struct monitor *m, enum source src, uint32_t events);
void monitor_close(struct monitor *m, enum source src);
void monitor_kill(struct monitor *m); /* the whole sandbox, now */

/* A warm start: the template has settled it (taken the run, or gone), or it is taken back (false: too late) and
 * init is told to start cold. */
void monitor_warm_settled(struct monitor *m);
bool monitor_withdraw(struct monitor *m);
void monitor_start_cold(struct monitor *m, const char *why);

#endif
