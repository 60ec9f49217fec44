/*
 * sandbox.h - from a checked spec to a program running in its sandbox.
 *
 *   monitor --clone3(all namespaces)--> init (PID 1) --fork--> job --execve--> the user's program
 *
 * init builds what the run sees (priv_mounts.c), forks the job and becomes a reaper without rights;
 * the job gives up everything (priv_job.c) and executes the program. The monitor stays outside.
 * The two sides share a `struct setup` page and one socket pair, over which init sends the descriptor
 * of /outputs and a pidfd of the job, and the job its seccomp listener. Nobody waits for an answer: a
 * refused call made before the monitor has the listener waits in the kernel; if the monitor dies with
 * the message unread, the listener goes with it and such calls get ENOSYS. Still closed.
 */
#ifndef ENCLOS_RUNNER_SANDBOX_H
#define ENCLOS_RUNNER_SANDBOX_H

#include "runner/cgroup.h"
#include "runner/identity.h"
#include "runner/profile.h"
#include "runner/setup.h"
#include "runner/spec.h"

#include <stdalign.h>
#include <stddef.h>
#include <sys/types.h>

/* A monitor and its init that wait for their run are called that: they still have all rights that making a sandbox
 * takes, and nothing to do with any run. */
#define SANDBOX_READY_NAME "enclos-ready"

/* Inside the sandbox the job is always this user of a user namespace of its own. */
enum { SANDBOX_UID = 1000, SANDBOX_METRICS_FD = 3 };

/* Mounts from outside, detached: what init lays out. A warm run's init has no rights to make them itself. */
struct mounts_lent {
    int root; /* the shared root, or -1 */
    int environment; /* of a cold run only */
    int code;
    int datasets[SPEC_MAX_DATASETS];
};

struct warm_template;

/* What a sandbox that was made ahead of its run learns when its order comes: shared memory at the same address in
 * monitor and init, so that pointers into it hold in both. */
struct run_order {
    struct spec spec;
    char *const *env;
    alignas(max_align_t) unsigned char arena[SPEC_ARENA_BYTES]; /* what both point to */
};
struct run_order *run_order_map(struct err *e); /* NULL: no memory */
void run_order_unmap(struct run_order *o);

struct sandbox {
    const struct spec *spec;
    const struct profile *profile;
    const struct cg *cg;
    struct setup *setup;
    struct identity identity; /* the lab owns the trees that are mounted; they are opened as it */
    uid_t job_uid;  /* in init's user namespace: the leased uid as root, 0 when rootless */
    uid_t init_uid; /* as root: what init becomes; another uid than the job, or the job could
                       prlimit and signal it */
    uid_t own_uid;  /* of the monitor, for the outer map when rootless */
    gid_t own_gid;
    int proc_fd;    /* the host's /proc, for writes about oneself that no mount inside can redirect */
    int idmap_fd;   /* user namespace of id-mapped mounts: lab's uid -> job's uid; -1 when rootless */
    int netns_fd;   /* an unused network namespace to enter; -1: clone3 makes one */
    int outputs_mount; /* /outputs on disk, mounted by priv_outputs.c and attached to nothing yet; -1: a tmpfs */
    int stdout_fd, stderr_fd, metrics_fd; /* write ends */
    int terminal_fd; /* set by init: takes the place of standard input, output and error; -1: none */
    int handover;                         /* socket end of init and job */
    int handover_peer; /* the monitor's end, which init inherits and closes: only then does its end of
                          file say that the monitor is gone */
    const char *python_path; /* folder of the Python helper on the host, or NULL */
    const char *ready_root;  /* where the launcher has built the shared root, or NULL: init builds one */
    char *const *env;        /* complete environment of the program */
    const struct warm_template *warm; /* NULL: cold */
    struct mounts_lent *lent;         /* warm, as root: made by the monitor */
    struct run_order *order;          /* not NULL: made ahead, spec and env come with the order */
    int join[CG_COUNT];               /* warm: files of its groups by which a process moves itself there; -1 */
};

/* Messages on the hand-over socket, one byte with one descriptor; the order, the other way, has what the run is
 * lent: its code, then its datasets, as detached mounts. */
enum { HANDOVER_OUTPUTS = 'O', HANDOVER_JOB = 'J', HANDOVER_LISTENER = 'L', HANDOVER_DOOR = 'D',
       HANDOVER_TERMINAL = 'T', HANDOVER_PROXY = 'P', HANDOVER_ORDER = 'G' };

/* priv_clone.c: makes init. Returns its pid, -1 with *e. The caller closes its copies of the write
 * ends and of `handover` right after: the socket's end of file must mean "executed". */
pid_t sandbox_clone(struct sandbox *s, int *pidfd, struct err *e);

/* priv_init.c */
_Noreturn void init_main(struct sandbox *s);

/* Init's own uid, no capability, not dumpable, no_new_privs: for init and what it forks beside the job. -1: noted. */
MUST_USE int sandbox_drop_rights(struct sandbox *s, enum setup_step step, const char *who);

/* priv_proxy.c, in init: where the profile's network is `proxy`, listens for it and hands the socket out. -1: noted. */
MUST_USE int proxy_open(struct sandbox *s);

/* priv_root.c: builds the root that all runs share and attaches it at `at`. Gives its descriptor. -1: the
 * failure is noted on the page. */
MUST_USE int root_build(struct setup *s, const char *python_path, const char *at, int *root);
/* The same with the programs of the spec's environment. `tree`: a detached mount of its folder, id-mapped and
 * read-only; taken. */
MUST_USE int root_build_environment(struct sandbox *s, int tree, const char *at, int *root);

/* What a run writes to. */
enum writable { WRITABLE_SHM, WRITABLE_WORK, WRITABLE_OUTPUTS, WRITABLE_TMP, WRITABLE_COUNT };
struct mounts {
    int root, writable[WRITABLE_COUNT];
};

/* priv_mounts.c: lays the run's own mounts on the root and pivots into it. Made ahead, the root is closed without
 * what only the order tells; mounts_order waits for that and adds it, and ends the process when the monitor goes instead.
 * The descriptors are the caller's, on failure too. */
MUST_USE int mounts_build(struct sandbox *s, struct mounts *out);
MUST_USE int mounts_order(struct sandbox *s, struct mounts *m);

/* The monitor, for a sandbox that cannot open them itself: a warm one as root (with the shared root), or one that
 * was made ahead. The descriptors are the caller's to close, on failure too. */
MUST_USE int mounts_lend(struct sandbox *s, struct mounts_lent *out);
void mounts_lent_close(struct mounts_lent *lent);

/* Makes the root at this descriptor the caller's, read-only. */
MUST_USE int mounts_pivot(struct setup *s, int root);

/* priv_devices.c: gives the run a /dev of its own with the device nodes of its profile, when it has any. */
MUST_USE int devices_attach(struct sandbox *s, int root);

/* priv_job.c. All that a job gives up, up to the filter, which is in force on return. The hand-over socket stays
 * open: its end means that the program begins. -1: noted on the page. */
MUST_USE int job_confine(struct sandbox *s);
MUST_USE int job_execute(struct sandbox *s); /* returns when it could not, noted */
_Noreturn void job_main(struct sandbox *s);

/* Writes a file below /proc that is about the caller ("self/uid_map"), through the host's /proc: 0, or -1 with
 * errno. */
MUST_USE int sandbox_write_self(const struct sandbox *s, const char *file, const char *text);

/* landlock.c: confines the calling process to the layout that mounts_build made, in two parts: the rules of what is
 * there before an order (*ruleset -1: this kernel has no Landlock), and the rest, which closes it. 0, or -1 with the failure noted on
 * the set-up page. */
MUST_USE int landlock_prepare(struct sandbox *s, int *ruleset);
MUST_USE int landlock_confine(struct sandbox *s, int ruleset);
int landlock_abi(void); /* 0: this kernel has none; -1: it could not be asked, errno set */

/* priv_outputs.c: /outputs on disk, for uid `owner`. Gives a mount that is attached to nothing. The second mounts read-only
 * what a run left whose monitor died. Monitor and commands, root only: E_UNAVAILABLE rootless. */
MUST_USE int outputs_disk_open(int run_fd, const struct spec_resources *r, bool rootless, uid_t owner, int *out, struct err *e);
MUST_USE int outputs_disk_recover(int run_fd, int *out, struct err *e);

/* priv_idmap.c: a user namespace that maps `from` to `to` for mount_setattr. */
MUST_USE int idmap_open(uid_t from_uid, gid_t from_gid, uid_t to, int *out, struct err *e);

#endif
