/*
 * cgroup.h - control groups of a run: v2, v1 and hybrid behind one face.
 *
 * The host is probed once (by the launcher or `exec`); each run gets a fresh group in every
 * hierarchy it needs, with its limits written and read back before the run exists. Fresh, because
 * a reused group carries cached charges and counters (isolate learnt it).
 *
 *   v2:           one tree. The run is cloned into the group (CLONE_INTO_CGROUP).
 *   v1 and hybrid: memory, pids, cpu and cpuacct, each in its own tree or mounted together. Init
 *                 writes "0" into the pre-opened `tasks` files: a thread that moves itself skips the
 *                 global rwsem (kernel commit 9a3284fad42f).
 */
#ifndef ENCLOS_RUNNER_CGROUP_H
#define ENCLOS_RUNNER_CGROUP_H

#include "api/common/err.h"
#include <stdbool.h>
#include <stdint.h>

enum cg_controller { CG_MEMORY, CG_PIDS, CG_CPU, CG_CPUACCT, CG_COUNT };

enum cg_kind { CG_NONE, CG_V1, CG_V2 };

struct cg_host {
    enum cg_kind kind;
    bool hybrid;             /* v1 controllers with a v2 tree beside them */
    char base[CG_COUNT][512]; /* folder under which run groups are made; v2 uses [CG_MEMORY] only */
    bool alias[CG_COUNT];    /* same folder as an earlier controller (mounted together) */
    bool swap;               /* the kernel accounts swap */
};

struct cg_limits {
    int64_t memory_bytes;
    int64_t processes;
    int64_t cpus_milli;
};

struct cg {
    enum cg_kind kind;
    char name[32];
    int dir[CG_COUNT];   /* O_PATH|O_DIRECTORY of the run's group; v2 uses [CG_MEMORY] only */
    int tasks[CG_COUNT]; /* v1: `tasks` opened for writing; -1 where there is none */
    int oom_event;       /* readable (v1: eventfd) or EPOLLPRI (v2: memory.events) on OOM; -1 */
    int oom_control;     /* v1: kept open for as long as the eventfd must fire */
    struct cg_limits applied; /* as the kernel holds them */
    const struct cg_host *host;
};

struct cg_usage {
    int64_t cpu_us, cpu_user_us, cpu_system_us;
    int64_t memory_bytes, memory_peak_bytes;
    int64_t memory_limit_hits; /* v1 failcnt, v2 memory.events max */
    int64_t oom_kills;
    int64_t processes, processes_peak;
    int64_t process_limit_hits;
    int64_t throttled_us, throttled_periods;
};

/* Finds the hierarchies and makes the base folders. `base` is the option --cgroup: a path below
 * each hierarchy's mount, or NULL for the caller's own group + "/enclos" (as root on v2, where that group
 * has processes and was not delegated: "/enclos" below the mount). E_UNAVAILABLE names the controller
 * that is missing or the folder that cannot be written, and what to do. */
MUST_USE int cg_probe(const char *base, struct cg_host *out, struct err *e);

/* Makes the group, without limits, and holds it. On failure nothing of ours is left (another's group of
 * that name stays), and out->kind is CG_NONE. */
MUST_USE int cg_create(const struct cg_host *host, const char *name, struct cg *out, struct err *e);

/* Writes the limits and reads each back: before any program of the run exists. */
MUST_USE int cg_limit(struct cg *cg, const struct cg_limits *limits, struct err *e);

/* Init, v1: moves the calling process. Returns 0 or the errno of the write that failed. */
MUST_USE int cg_join_self(const struct cg *cg);

/* Counters. What this kernel does not tell stays -1. */
void cg_usage(const struct cg *cg, struct cg_usage *out);
int64_t cg_cpu_us(const struct cg *cg); /* CPU time only, cheap; -1 when unknown */

/* Takes what oom_event has told, so that it is quiet until the next time. */
void cg_take_event(const struct cg *cg);

/* v2: cgroup.kill. False when this kernel has none: the PID namespace does it. */
bool cg_kill(const struct cg *cg);

void cg_close(struct cg *cg); /* closes descriptors, keeps the groups */

/* Removes the groups of that name, waiting up to wait_ms for them to be empty of dying processes. False when
 * one is still there. */
bool cg_remove(const struct cg_host *host, const char *name, int wait_ms);

/* Removes the groups of that name, unless a monitor holds them. */
void cg_forget(const struct cg_host *host, const char *name);

/* Removes the groups under the bases whose names begin so ("": all) and that no monitor holds: what those that
 * were killed have left. A monitor holds its group by a lock on the folder, from cg_create to cg_close. */
void cg_sweep(const struct cg_host *host, const char *prefix);

const char *cg_kind_name(const struct cg_host *host); /* "v2", "v1", "hybrid", "none" */

#endif
