/*
 * request.h - what a person asks the lab to run: the defaults of enclos.jsonc, then the options.
 */
#ifndef ENCLOS_REQUEST_H
#define ENCLOS_REQUEST_H

#include "api/cli/git.h"
#include "api/cli/opt.h"
#include "api/common/buf.h"
#include "api/common/err.h"
#include "api/common/mem.h"
#include <stdbool.h>
#include <stdint.h>

#define REQUEST_FILE "enclos.jsonc"

enum unit { UNIT_CPUS, UNIT_SIZE, UNIT_DURATION, UNIT_COUNT };

/* One row a resource: its option, its key in enclos.jsonc, its key in the API. */
enum resource {
    RES_CPUS,
    RES_MEMORY,
    RES_TIME,
    RES_CPU_TIME,
    RES_PROCESSES,
    RES_TMP,
    RES_WORK,
    RES_OUTPUTS,
    RES_OUTPUT_FILES,
    RES_OUTPUT_DISK, /* 1: on disk */
    RES_LOG,
    RES_GRACE,
    RES_COUNT
};
struct resource_row {
    const char *option; /* NULL: only in the file */
    const char *key;    /* in "resources" of the file; NULL: elsewhere in it */
    const char *api;
    enum unit unit;
    bool zero; /* 0 means something */
};
extern const struct resource_row resource_rows[RES_COUNT];

/* What a person calls a field of the API: "resources.memory_bytes" is --memory. NULL: the same. */
const char *request_name_of(const char *field);

struct pair {
    const char *key;
    const char *value;
};

struct request {
    struct arena *arena; /* owns every text below */
    const char *name;
    const char *profile;
    const char *environment; /* NAME@VERSION, NAME or host; NULL: not said */
    const char **allow_hosts; /* of its profile's list */
    size_t allow_host_count;
    bool has_allow_hosts; /* an empty list means something */
    const char *project, *experiment, *purpose; /* NULL: not said */
    const char *limits; /* "enforced", "best_effort" or NULL */
    const char *idempotency_key;
    bool report_paths;
    bool warm;
    int64_t seed; /* -1: not said */
    struct git_state git; /* of the code folder; commit "": none */
    bool has_priority;
    int64_t priority;
    int64_t resources[RES_COUNT]; /* in the API's units; -1: not said */
    const char **command;         /* NULL-ended; NULL: none yet */
    size_t command_count;
    const char **datasets;
    size_t dataset_count;
    struct pair *env, *params, *tags;
    size_t env_count, param_count, tag_count;
    const char **expected; /* outputs that should be there at the end */
    size_t expected_count;
    const char *code; /* digest of the snapshot, or NULL */
    const char *interactive; /* "shell", "notebook", or NULL */
    int64_t idle_ms;         /* of it; -1: not said */
    unsigned rows, cols;     /* of its terminal; 0: none */
};

void request_init(struct request *r);
void request_fini(struct request *r);

/* Takes the defaults of a text (enclos.jsonc). Errors name `file`, the line and the key. The text is
 * changed (its comments are blanked). */
MUST_USE int request_read_file(struct request *r, const char *file, char *text, size_t len,
                               struct err *e);
/* Takes what the options of `enclos run` say; they win over the file. */
MUST_USE int request_read_options(struct request *r, const struct args *a, struct err *e);

void request_set_command(struct request *r, const char *const *words); /* NULL-ended; copied */
/* Sets a variable that neither file nor option has set. */
void request_default_env(struct request *r, const char *name, const char *value);

/* A first word such as train.py that is a file in the folder gets its interpreter before it, or
 * "./" if it is executable. */
void request_add_interpreter(struct request *r, const char *folder);
bool request_is_script(const char *word);

/* The params of run.submit. */
void request_print(const struct request *r, struct buf *out);

#endif
