/*
 * warm.h - warm starts: a run whose job is forked from a Python that has its imports done.
 *
 *   launcher --fork--> template (T)  python3 in a sandbox of its own: no data, no network, no capability
 *                        |  fork, ready and waiting (a spare)
 *                        v
 *   monitor --request--> spare --enters the run's namespaces, clones--> hand --fork--> job --> the program
 *      |                                                                 | ends
 *      +--clone--> init of the run  <------ the job becomes its child ---+
 *
 * All of a run's sandbox is made as always, by its own monitor and init; only the process that becomes
 * the job comes from elsewhere. It passes through the same priv_job.c as a cold one, and where that
 * would execute a program, this one goes on as Python. README.md, "Warm start", tells why each step is so.
 *
 * What is right on both sides of the border is here: launcher and monitor (warm_pool.c, warm_run.c,
 * priv_warm.c, priv_template.c) and the library that is loaded into the template (runner/template/).
 */
#ifndef ENCLOS_RUNNER_WARM_H
#define ENCLOS_RUNNER_WARM_H

#include "runner/cgroup.h"
#include "runner/profile.h"
#include "runner/spec.h"

#include <sys/types.h>

/* ---- the conversation of launcher, monitors and template, on one SOCK_SEQPACKET pair ---- */

enum {
    WARM_MAGIC = 0x454e5731,
    WARM_CONTROL_FD = 3, /* the template's end */
    WARM_IMPORTS_MAX = 32,
};

/* Where the library lies in the template's root: a small read-only file system of the template's own. */
#define WARM_LIBRARY_FOLDER "opt/enclos/lower"
#define WARM_LIBRARY_NAME "enclos-warm.so"

enum warm_word { WARM_USERNS = 1, WARM_READY, WARM_FAILED, WARM_TOOK };

/* Template to launcher. WARM_USERNS carries one descriptor (rootless): the user namespace in which
 * those of its runs are made. */
struct warm_packet {
    uint32_t magic;
    uint32_t word;
    char text[248]; /* of WARM_FAILED */
};

/* Descriptors of a request, in this order; then one a control group to enter. */
enum warm_fd { WARM_FD_PARCEL, WARM_FD_PAGE, WARM_FD_PROC, WARM_FD_STDOUT, WARM_FD_STDERR, WARM_FD_METRICS,
               WARM_FD_HANDOVER, WARM_FD_INIT, WARM_FD_COUNT };

/* Monitor to template. */
struct warm_request {
    uint32_t magic;
    uint32_t size; /* of the parcel */
};

/* What the job has to know, in a sealed memory file: this, then the filter, then the strings of the
 * command and of the environment, each ended by a zero. */
struct warm_parcel {
    uint32_t magic, size;
    uint32_t filter_count, argc, envc;
    uint32_t job_uid;
    bool rootless, best_effort, exec_memory;
    int landlock, network; /* enum profile_landlock, enum profile_network */
    unsigned landlock_min_abi;
    char profile[65];
    struct spec_resources resources;
};

/* Who makes the job, settled once by compare and exchange on the page: so never both, and a monitor
 * knows whether it may still start the run cold. */
enum warm_claim { WARM_OPEN, WARM_TAKEN, WARM_WITHDRAWN };
enum { WARM_JOB_COLD = 0xffffffff }; /* in setup.job_pid: init forks the job itself */

/* What became of it, on the page. */
enum warm_how { WARM_HOW_NONE, WARM_HOW_PYTHON, WARM_HOW_EXECUTED };

/* ---- a template as a monitor sees it ---- */

struct warm_template {
    char id[16];
    char owner[64];
    char profile[65];
    char interpreter[128];
    int64_t threads;
    int64_t born_us; /* CLOCK_MONOTONIC, when it was ready */
    int64_t runs;    /* forked from it before this one */
    int sock;
    int userns_fd; /* rootless; -1 as root */
    uid_t uid;     /* as root: the template's, which owns the user namespaces of its runs */
};

/* A reason to start cold in plain words, or NULL: the command is one that the template can go on as, and
 * nothing in the run's own environment would have had to be there when Python started. */
const char *warm_refusal(const struct spec *s, const struct profile *p, const struct warm_template *t);

struct sandbox;

/* priv_warm.c. Like sandbox_clone: init of a run whose namespaces its template may enter, because a
 * user namespace that the template's uid owns owns them. */
pid_t warm_clone(struct sandbox *s, int *pidfd, struct err *e);

/* warm_run.c: passes the job on to the template. *handover: a socket of its own, as sandbox.h has it for init and
 * cold jobs; its end says that the program begins, or that the template failed: then the page has no job. It is
 * another one than init's because a template that hangs keeps its end. */
MUST_USE int warm_request(const struct sandbox *s, int page_fd, int init_pidfd, int *handover, struct err *e);

/* Words on the page. Wait: returns when the word is no longer `value`, or after `timeout_ms`. */
void warm_wait(volatile uint32_t *word, uint32_t value, int timeout_ms);
void warm_wake(volatile uint32_t *word);

/* ---- the launcher's ---- */

struct host;
struct warm_pool;

struct warm_pool *warm_pool_new(void);
int warm_pool_fd(const struct warm_pool *pool); /* readable: call warm_pool_attend */
void warm_pool_attend(struct warm_pool *pool);
/* A child of the launcher's ended: true when it was a template. */
bool warm_pool_reaped(struct warm_pool *pool, pid_t pid, int status);
/* A template that is ready for this owner's run, or NULL with a reason; one is then being made if it can be. */
const struct warm_template *warm_pool_find(struct warm_pool *pool, const struct host *host, const struct profile *p,
                                           const char *owner, int64_t threads, const char **why);
/* In a monitor: closes what is of other templates, and of this one when `kept` is NULL. */
void warm_pool_leave(struct warm_pool *pool, const struct warm_template *kept);
/* All end now, and are waited for: the launcher is leaving. */
void warm_pool_end(struct warm_pool *pool);
/* Templates of a profile that was changed end. */
void warm_pool_forget(struct warm_pool *pool, const char *profile);

/* priv_template.c: the rest of a process that the launcher forked. Says on standard error what it fails at. */
struct template_plan {
    const struct host *host;
    const struct cg *cg; /* its own group, or kind CG_NONE */
    uid_t uid;           /* as root */
    int control, output; /* its end of the conversation; where it may complain */
    pid_t launcher;
    const char *library; /* on the host */
    const char *interpreter;
    char *const *imports; /* NULL-ended */
    char *const *env;
};
_Noreturn void template_main(const struct template_plan *plan);

#endif
