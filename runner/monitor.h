/*
 * monitor.h - one run from its folder to its record.
 *
 * The monitor is a process of its own (forked by the launcher, or `enclos-runner exec` itself). It
 * makes the sandbox, keeps its limits, writes its log and its record, and outlives whoever
 * asked. Everything it learns is in the run folder before anyone is told.
 */
#ifndef ENCLOS_RUNNER_MONITOR_H
#define ENCLOS_RUNNER_MONITOR_H

#include "api/common/err.h"
#include "api/common/runfolder.h"
#include "runner/cgroup.h"
#include "runner/identity.h"
#include "runner/profile.h"

#include <sys/types.h>

struct spec_resources;
struct warm_template;

struct monitor_config {
    const struct cg_host *cgroups; /* kind CG_NONE: none; cgroup_error tells why */
    struct err cgroup_error;
    struct identity identity; /* the lab owns run folders and trees; files are written as it */
    const char *profiles_dir;
    const char *python_path;       /* NULL: no helper is mounted */
    const char *ready_root;        /* see sandbox.h */
    const struct profile *profile; /* loaded before (launcher's cache), or NULL */
    int cache_dir_fd;              /* for profile_load, or -1 */
    const struct warm_template *warm; /* to start this run from, or NULL */
    const char *warm_why;             /* why there is none, when the launcher was asked */
    int netns_fd;                  /* a network namespace nobody has used, or -1: one is made */
    struct spec_resources *before; /* of the run before, shared by all monitors; what is made ahead is made for them. Or NULL */
    bool echo;                     /* pass the run's output on */
};

/* Takes the folder: creates monitor.lock (E_CONFLICT when it is there: some monitor has or had this
 * run) and locks it. Gives the lock's descriptor, to be kept open for the monitor's whole life. */
MUST_USE int monitor_claim(const struct monitor_config *c, int run_fd, int *lock_fd, struct err *e);

/* A monitor with a sandbox of c->profile (which must be given) that waits for its run, whichever that will be.
 * For root only: rootless, a sandbox must know what it is lent before it is closed. *c is kept. */
#define MONITOR_READY_PREFIX "ready-" /* how the names of their control groups begin */
struct monitor;
MUST_USE int monitor_ready(const struct monitor_config *c, struct monitor **out, struct err *e);
void monitor_discard(struct monitor *m); /* with its sandbox */
void monitor_forget_signals(struct monitor *m); /* those that came before its run are not about it */

/* What monitor_run does, by a monitor that is ready; it is freed. A run that the ready sandbox does not fit gets
 * another one. */
MUST_USE int monitor_serve(struct monitor *m, int run_fd, enum verdict *verdict, int *exit_code, struct err *e);

/* Runs it to the end. Always leaves record.json, except when the disk refuses it (-1, e). *exit_code
 * is the program's, or what the CLI documents for the verdict. */
MUST_USE int monitor_run(const struct monitor_config *c, int run_fd, enum verdict *verdict, int *exit_code,
                         struct err *e);

#endif
