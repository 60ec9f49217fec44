/*
 * record.h - record.json: what happened to a run, written once.
 */
#ifndef ENCLOS_RUNNER_RECORD_H
#define ENCLOS_RUNNER_RECORD_H

#include "api/common/err.h"
#include "api/common/runfolder.h"
#include "runner/cgroup.h"
#include "runner/collect.h"
#include "runner/journal.h"
#include "runner/judge.h"
#include "runner/profile.h"
#include "runner/refusals.h"
#include "runner/setup.h"
#include "runner/spec.h"

struct record {
    const char *run;
    struct judgement end;
    struct err log_error, output_error; /* kind E_NONE: nothing was lost */
    int64_t started_us, finished_us; /* CLOCK_REALTIME */
    int64_t wall_us;                 /* from exec (or the attempt) to the end */
    int64_t setup_started_ns;        /* CLOCK_MONOTONIC */
    struct cg_usage usage;
    const struct warm_template *warm; /* the run was to start from it */
    const char *warm_why;             /* why it did not */
    const struct setup *setup;
    const struct journal *journal;
    const struct collected *collected;
    const struct refusals *refusals;
    const struct spec *spec;       /* NULL when it could not be read */
    const struct profile *profile; /* NULL when it could not be loaded */
    const struct cg *cg;
    const char *cgroup_kind;
    bool made_ahead; /* the sandbox stood ready before its run was known */
    bool rootless;
    uid_t host_uid; /* the job's, outside */
};

/* Writes RUN_FOLDER/record.json aside, syncs, renames. */
MUST_USE int record_write(const struct record *r, int run_fd, struct err *e);

#endif
