/*
 * setup.h - the steps of a sandbox's set-up, and the page on which they are told.
 *
 * The monitor maps one `struct setup` shared with the processes it makes (init and job). Each step
 * that is done is timed there; the one that fails leaves its number, errno and a sentence, and the
 * process ends. So a failure never travels as an exit status, and costs no message. The page is
 * only ever written by our own code: execve takes it away from the job before the program runs.
 */
#ifndef ENCLOS_RUNNER_SETUP_H
#define ENCLOS_RUNNER_SETUP_H

#include "api/common/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

/* In the order in which they happen. M: monitor, I: init, J: job. */
#define SETUP_STEPS(X)                                                                             \
    X(SPEC, "spec")                       /* M: spec.json read and checked */                      \
    X(PROFILE, "profile")                 /* M: profile loaded, filter compiled or cached */       \
    X(UID_LEASE, "uid_lease")             /* M: a uid of its own for the run (root only) */        \
    X(CGROUP_CREATE, "cgroup_create")     /* M */                                                  \
    X(CGROUP_LIMITS, "cgroup_limits")     /* M: written and read back */                           \
    X(IDMAP, "idmap")                     /* M: user namespace for id-mapped mounts */             \
    X(PIPES, "pipes")                     /* M */                                                  \
    X(ATTACH, "attach")                   /* M: the socket by which it is joined */                \
    X(CLONE_INIT, "clone_init")           /* M: clone3 with all namespaces */                      \
    X(INIT_GUARD, "init_guard")           /* I: dies with the monitor */                           \
    X(USERNS_OUTER, "userns_outer")       /* I: id maps of the rootless namespace */               \
    X(CGROUP_JOIN, "cgroup_join")         /* I: v1 hierarchies */                                  \
    X(CGROUP_NAMESPACE, "cgroup_namespace")                                                        \
    X(NETWORK_NAMESPACE, "network_namespace") /* I: enters a ready one */                          \
    X(LOOPBACK, "loopback")               /* I: lo up, when the profile asks */                    \
    X(HOSTNAME, "hostname")                                                                        \
    X(MOUNT_PRIVATE, "mount_private")                                                              \
    X(MOUNT_SOURCES, "mount_sources")     /* I: what comes from outside, cloned by descriptor */   \
    X(MOUNT_ROOT, "mount_root")                                                                    \
    X(MOUNT_SYSTEM, "mount_system")       /* /usr and the few files of /etc */                     \
    X(MOUNT_DEV, "mount_dev")                                                                      \
    X(MOUNT_PROC, "mount_proc")                                                                    \
    X(MOUNT_SYS, "mount_sys")                                                                      \
    X(MOUNT_DATASETS, "mount_datasets")                                                            \
    X(MOUNT_WORK, "mount_work")                                                                    \
    X(MOUNT_OUTPUTS, "mount_outputs")                                                              \
    X(MOUNT_TMP, "mount_tmp")                                                                      \
    X(TERMINAL, "terminal")               /* terminals of the run's own */                         \
    X(PIVOT_ROOT, "pivot_root")                                                                    \
    X(DOOR, "door")                       /* the way into the run's network */                     \
    X(CLONE_JOB, "clone_job")                                                                      \
    X(INIT_DROP, "init_drop")             /* I: own uid, no capability, own filter */              \
    X(SESSION, "session")                 /* J */                                                  \
    X(CREDENTIALS, "credentials")         /* J: groups and ids */                                  \
    X(USERNS_INNER, "userns_inner")       /* J: a user namespace that owns nothing */              \
    X(CAPABILITIES, "capabilities")                                                                \
    X(NO_NEW_PRIVS, "no_new_privs")                                                                \
    X(DESCRIPTORS, "descriptors")                                                                  \
    X(RIGHTS, "rights")                   /* J: reads back what it has become */                   \
    X(RLIMITS, "rlimits")                                                                          \
    X(ATTEST, "attest")                   /* J: reads back what it is in */                        \
    X(LANDLOCK, "landlock")                                                                        \
    X(SECCOMP, "seccomp")                                                                          \
    X(HANDOVER, "handover")               /* J: listener to the monitor */                         \
    X(EXEC, "exec")

enum setup_step {
#define X(id, name) STEP_##id,
    SETUP_STEPS(X)
#undef X
        STEP_COUNT
};
const char *setup_step_name(enum setup_step s);

/* As long as the kernel's own texts can be: sixty-four datasets are sixty-four lines of mounts. */
enum { SETUP_MOUNTS_SIZE = 32 << 10, SETUP_MAP_SIZE = 128, SETUP_RLIMITS = 16 };

/* What the job had, read back from the kernel just before the filter was loaded. */
struct setup_attest {
    uint64_t cap_effective, cap_permitted, cap_inheritable, cap_bounding, cap_ambient;
    uint64_t namespaces[7]; /* inode numbers in the order of setup_namespaces[] */
    uint32_t uid, gid, groups;
    uint32_t securebits;
    int no_new_privs;
    int landlock_abi;      /* 0: absent */
    bool userns_inner;     /* a user namespace of the job's own */
    bool work_overlay;     /* else a copy */
    bool data_overlay;     /* else the id-mapped mounts themselves */
    bool work_noexec;      /* exec: once */
    char devices[1024];    /* given to the run, below /dev, separated by spaces: landlock.c grants them */
    bool env_overlay;      /* the same of the environment */
    uint64_t landlock_fs, landlock_net, landlock_scoped; /* handled rights: refused unless a rule allows them */
    uint64_t rlimits[SETUP_RLIMITS][2]; /* soft, hard, by RLIMIT_ number */
    char uid_map[SETUP_MAP_SIZE], gid_map[SETUP_MAP_SIZE];
    char mounts[SETUP_MOUNTS_SIZE]; /* /proc/self/mountinfo */
};
extern const char *const setup_namespaces[7];

/* The job of a sandbox that was made ahead goes on when both are there: its mounts are laid out, said by init, and its
 * limits are in force and all else that must be there before a program is, said by the monitor. */
enum setup_go { SETUP_GO_MOUNTS = 1, SETUP_GO_MONITOR = 2, SETUP_GO = 3 };

struct setup {
    volatile int failed; /* 0 or 1 + step */
    int failed_errno;
    char failed_message[272];
    char failed_hint[176];
    int64_t done_ns[STEP_COUNT]; /* CLOCK_MONOTONIC when a step was done, 0: not done */
    struct setup_attest attest;
    volatile uint32_t job_go;     /* made ahead: enum setup_go, what the job has waited for */
    volatile unsigned exec_tries; /* executions that the job has announced; see refusals.h */
    /* written by init when the job ends */
    volatile int job_ended;
    int job_status; /* as waitpid gives it */
    struct rusage job_usage;
    /* A warm start: words that init, the monitor and what a template forks wait on. See warm.h. */
    volatile uint32_t init_ready; /* the sandbox can be entered */
    volatile uint32_t warm_claim; /* enum warm_claim */
    volatile uint32_t warm_how;   /* enum warm_how */
    volatile uint32_t job_pid;    /* in init's namespace */
};

struct setup *setup_map(struct err *e); /* NULL: no memory */
struct setup *setup_map_file(int *fd, struct err *e); /* the same in a memory file, which can be passed on */
void setup_unmap(struct setup *s);

/* Ends every text of the page: others than the reader can write to it. Before the page is printed. */
void setup_end_texts(struct setup *s);

/* Notes that a step is done. */
void setup_done(struct setup *s, enum setup_step step);

/* Notes a failure: the first one stays. `hint` may be NULL. Returns -1. No allocation, no stdio lock. */
int setup_fail(struct setup *s, enum setup_step step, int os_errno, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* The same from an error that a lower layer returned. Returns -1. */
int setup_fail_err(struct setup *s, enum setup_step step, const struct err *e);

#endif
