/*
 * spec.h - spec.json: what the orchestrator asks of a run, as a closed struct.
 *
 * The orchestrator is less trusted than the runner, so every key is known, typed and bounded here,
 * and unknown or duplicate keys are refused (crun 1.28 came to the same).
 */
#ifndef ENCLOS_RUNNER_SPEC_H
#define ENCLOS_RUNNER_SPEC_H

#include "api/common/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPEC_SEED_MAX INT64_C(4294967295)
enum { SPEC_MAX_ARGS = 4096, SPEC_MAX_ENV = 256, SPEC_MAX_DATASETS = 64, SPEC_WARM_MAX = 63 };

struct spec_dataset {
    const char *name; /* inside: /data/NAME */
    const char *path; /* absolute folder of the lab */
};

/* What /usr is; path NULL: the host's. */
struct spec_environment {
    const char *name;   /* for messages and the record: "debian@1" */
    const char *digest; /* of its manifest */
    const char *path;   /* absolute folder of the lab */
};

struct spec_resources {
    int64_t cpus_milli;
    int64_t memory_bytes;
    int64_t processes; /* threads count too, as in pids.max */
    int64_t wall_ms;
    int64_t cpu_ms; /* 0: no limit on CPU time */
    int64_t grace_ms;
    int64_t work_bytes; /* what the run may add or change in /work */
    int64_t tmp_bytes;  /* /tmp, and as much for /dev/shm */
    int64_t output_bytes;
    int64_t output_files;
    int64_t output_disk; /* 1: /outputs is on the lab's disk, 0: in memory */
    int64_t log_bytes; /* head kept of standard output and error together */
};

/* A run that may be joined while it goes: see attach.h of api/common. */
struct spec_interactive {
    bool wanted;
    int64_t idle_ms; /* nothing said, typed, connected nor computed for that long ends it; 0: no such limit */
    bool terminal;   /* standard input, output and error are a terminal of its own */
    uint16_t rows, cols;
    bool connect;    /* ports of its own loopback can be reached through the lab */
};

/* `profile learn`: see learn.h. Never with datasets, an environment of the lab's, a terminal or a template. */
enum { SPEC_MAX_WITHHELD = 64 };
struct spec_learn {
    bool wanted;
    struct spec_withheld {
        const char *name;   /* of a system call, or a setting: network, exec_memory */
        const char *detail; /* the call's arguments in words, as recorded */
    } withheld[SPEC_MAX_WITHHELD]; /* what is refused in spite of learning */
    size_t withheld_count;
};

struct spec {
    char run[16];
    char profile[65];
    const char **command; /* NULL-ended */
    size_t command_count;
    const char **env; /* "NAME=value", NULL-ended */
    size_t env_count;
    struct spec_environment environment;
    const char *code_path; /* NULL: /work starts empty */
    struct spec_dataset datasets[SPEC_MAX_DATASETS];
    size_t dataset_count;
    struct spec_resources resources;
    struct spec_interactive interactive;
    bool best_effort;  /* limits without cgroups, explicitly accepted */
    bool has_seed;
    int64_t seed;      /* its ENCLOS_SEED */
    const char *warm;  /* the owner for whom a template may be kept and used, NULL: start cold */
    bool report_paths; /* name refused paths in the record, at a cost per open */
    struct spec_learn learn;
    struct arena *arena;
};

/* Reads RUN_FOLDER/spec.json. E_INVALID names the key, the value and the bounds. All that *out points to is in
 * `arena`, which it takes; NULL: one of its own. No more than SPEC_ARENA_BYTES are needed, the environment
 * that environment.h builds included. */
enum { SPEC_ARENA_BYTES = 2 << 20 };
MUST_USE int spec_read(int run_fd, struct arena *arena, struct spec *out, struct err *e);
void spec_fini(struct spec *s);

/* Reads a spec of no run and forgets it: whoever waits for one has touched the memory that reading takes by then, which
 * is half of what it costs in a process that was just forked. */
void spec_rehearse(struct arena *arena);

/* Whether a sandbox that was made before the run was known will do (monitor_ready): nothing is asked for that
 * must be there before its root is closed, and what it is lent goes into one message. */
bool spec_is_plain(const struct spec *s);

/* Whether a variable may be set for a run: not ENCLOS_*, LD_*, nor what the lab sets itself. */
bool spec_env_name_allowed(const char *name);

#endif
