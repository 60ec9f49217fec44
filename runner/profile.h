/*
 * profile.h - sandbox profiles: what a run may do, read from a JSONC file and compiled once.
 *
 * Called by the launcher (which keeps loaded profiles in memory), `exec` and `profile ...`.
 * A profile file is closed (unknown keys are refused), `extends` another one and only adds to it;
 * what would replace an inherited value is refused by name unless the file says so with a reason.
 * Errors carry file, line and key. The format is told in sandbox-profiles/README.md.
 *
 * profile.c finds and chains the files, profile_keys.c reads what is not a system call,
 * profile_devices.c the device nodes, profile_rules.c merges the system calls, profile_detail.c tells
 * refused calls, filter.c makes the seccomp program.
 */
#ifndef ENCLOS_RUNNER_PROFILE_H
#define ENCLOS_RUNNER_PROFILE_H

#include "api/common/err.h"
#include "runner/filter.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct profile_env {
    char *name;
    char *value;
};

enum profile_landlock { PROFILE_LANDLOCK_IF_AVAILABLE, PROFILE_LANDLOCK_REQUIRED };
enum profile_network {
    PROFILE_NETWORK_NONE,
    PROFILE_NETWORK_LOOPBACK, /* an empty network namespace with lo up */
    PROFILE_NETWORK_PROXY,    /* the same, and the lab dials out for the run, by its allow-list */
};
enum profile_exec {
    PROFILE_EXEC_ANY,
    PROFILE_EXEC_ONCE /* the run's command is executed, nothing after it; /work is noexec */
};
enum profile_proc {
    PROFILE_PROC_HIDEPID,
    PROFILE_PROC_MINIMAL
}; /* hidepid=invisible; subset=pid too */

/* Why a file of the chain changes what it inherits: an entry of its "override". */
struct profile_reason {
    char *key;   /* "network", "env.HOME" */
    char *why;   /* English */
    char *why_fr; /* or NULL */
    char *file;  /* "strict.jsonc" */
    unsigned line;
};

/* A set of device nodes that belong together: given to the run whole, or refused by name. */
enum { PROFILE_DEVICE_SETS_MAX = 8, PROFILE_DEVICE_PATHS_MAX = 16, PROFILE_DEVICE_DRIVERS_MAX = 8 };
struct profile_devices {
    char *set; /* what people call it: "NVIDIA" */
    char *why;
    char *why_fr; /* or NULL */
    char *file;
    unsigned line;
    /* Below /dev; a `*` at the end of one stands for a number ("nvidia*" is nvidia0, nvidia1, ...). */
    char *need[PROFILE_DEVICE_PATHS_MAX]; /* each must be there, or the set is not */
    size_t need_count;
    char *may[PROFILE_DEVICE_PATHS_MAX]; /* given when they are there */
    size_t may_count;
    char *driver[PROFILE_DEVICE_DRIVERS_MAX]; /* names in /proc/devices that their major may have */
    size_t driver_count;
};

struct profile {
    char name[65];
    char *file;     /* path of its file */
    char *title;    /* English */
    char *title_fr; /* French */
    char digest[17]; /* 64-bit FNV-1a of its file and of those it extends, comments and spaces aside, hex: names it in records */
    char **extends; /* from the nearest parent to the root, names */
    size_t extends_count;
    enum profile_landlock landlock;
    unsigned landlock_min_abi; /* with REQUIRED: refuse below it */
    enum profile_network network;
    char **allow_hosts; /* of PROXY, as api/common/netallow.h prints them; empty: nothing is reached */
    size_t allow_host_count;
    enum profile_proc proc;
    enum profile_exec exec;
    bool file_locks; /* flock and fcntl locks allowed (read from the rules, not a key) */
    bool exec_memory; /* false: what is written is not run: the filter refuses to make memory executable
                         (profile_load sees to that), MDWE too, /tmp is noexec */
    struct profile_devices *devices;
    size_t device_set_count;
    struct profile_reason *reasons; /* in the order in which they apply */
    size_t reason_count;
    struct profile_env *env; /* set for every run, before the run's own */
    size_t env_count;
    char *
        *host_env; /* variables that describe the machine, copied from the launcher's environment */
    size_t host_env_count;
    char **thread_env; /* set to ceil(cpus): OMP_NUM_THREADS ... */
    size_t thread_env_count;
    char *preload_interpreter; /* of warm starts, absolute; NULL: the profile has none */
    char **preload;            /* modules that a template imports */
    size_t preload_count;
    size_t syscalls_allowed;      /* count of names allowed, with or without conditions */
    struct profile_filter filter; /* default action: user notification */
    struct profile_filter
        filter_paths;            /* the same, with syscalls_paths[] notified too (report_paths) */
    bool from_cache;             /* the programs were read from cache_dir_fd */
    bool in_cache;               /* they are there now */
    struct err cache_problem;    /* set when the programs could not be kept there: log it */
    struct profile_rules *rules; /* private: what profile_refusal reads */
};

/* Loads NAME from DIR/NAME.jsonc with what it extends ("NAME+ADDON": ADDON laid over NAME instead of over what it
 * extends by itself; an interactive run's profile is NAME+terminal), validates and compiles it. `cache_dir_fd` is
 * a folder only we can write to where compiled programs are kept between processes, or -1: a
 * cached program is used only if its key (effective rules, libseccomp version, format) is the same.
 * E_NOT_FOUND: no such profile; E_INVALID: the file is wrong; E_DENIED: the file or the cache
 * folder could be written by someone else. Gives *out, for profile_free. */
MUST_USE int profile_load(const char *dir, const char *name, int cache_dir_fd, struct profile **out,
                          struct err *e);
/* The same for a text that is not in a folder yet: NAME as this text says it, what it extends looked for in `dir`, then
 * in `other_dir` (or NULL). Nothing is cached. */
MUST_USE int profile_load_text(const char *dir, const char *other_dir, const char *name, const char *text, size_t len,
                               struct profile **out, struct err *e);
void profile_free(struct profile *p); /* NULL is fine */
void profile_free_at(struct profile **p);
#define AUTO_PROFILE __attribute__((cleanup(profile_free_at)))

/* What a notified call gets: the errno to return, and a short text about its arguments ("AF_INET,
 * SOCK_STREAM", "NEWUSER|NEWNS"), empty when there is nothing to say. 0: the rules allow this call,
 * it was notified only because it names a path (filter_paths); with `filter` that never happens and
 * the supervisor must refuse. Does not allocate. */
int profile_refusal(const struct profile *p, int nr, const uint64_t args[6], char *detail,
                    size_t detail_size);

/* For learning (learn.h): its filters ask about calls that the rules answer with an errno without a word, too. */
MUST_USE int profile_ask_all(struct profile *p, struct err *e);

/* The text alone, whatever the profile: detail of a call's arguments. */
void profile_detail(int nr, const uint64_t args[6], char *detail, size_t detail_size);

/* Names of all NAME.jsonc in dir, sorted. Caller frees each and the array with free(). */
MUST_USE int profile_names(const char *dir, char ***names, size_t *count, struct err *e);
void profile_names_free(char **names, size_t count);

/* The folder of the installed profiles: $ENCLOS_DATADIR/sandbox-profiles, else share/enclos/...
 * beside or above this program. Gives *out (free()). */
MUST_USE int profile_default_dir(char **out, struct err *e);

/* `enclos-runner profile ...` (argv[0] is "profile"): returns the exit status. */
int profile_main(int argc, char **argv);
/* `profile learn ...`: argv[0] is "learn". */
int profile_learn_main(int argc, char **argv);

#endif
