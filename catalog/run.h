/*
 * run.h - runs in the catalog: submit, move through the states, finish once, read back.
 *
 *     queued --> starting --> running --> finished
 *        |           |                       ^
 *        +-----------+-----------------------+
 *
 * All functions run inside a job of catalog.h. Times are microseconds since 1970; JSON texts given
 * here must be valid (the caller printed them); texts returned live in the arena.
 */
#ifndef ENCLOS_CATALOG_RUN_H
#define ENCLOS_CATALOG_RUN_H

#include "api/common/mem.h"
#include "api/common/runfolder.h"
#include "api/common/text.h"
#include "catalog/audit.h"
#include "catalog/origin.h"
#include "catalog/run_place.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cat;
struct standing;

struct run_pair { /* a param or a tag */
    const char *name, *value;
};

/* ---- submit ---- */

struct run_new {
    const char *id;   /* text_new_id('r') */
    const char *name; /* may be NULL */
    struct cat_actor actor;
    const char *experiment; /* may be NULL */
    struct run_place_new place; /* from cat_run_place_resolve; zeroed: personal */
    const char *profile;
    const char *command_json;         /* ["python3",...] */
    const char *env_json;             /* {...} */
    const char *resources_json;       /* every key of the spec */
    int64_t cpus_milli, memory_bytes; /* the same, for the scheduler */
    const char *code;                 /* manifest id, or NULL */
    const int64_t *dataset_versions;  /* dataset_version.key, in the order of the request */
    size_t dataset_count;
    int64_t environment; /* environment_version.key; 0: the host's own */
    const struct run_pair *params;
    size_t param_count;
    const struct run_pair *tags;
    size_t tag_count;
    int64_t priority;
    bool best_effort; /* limits: "best_effort" */
    bool report_paths;
    bool warm;
    struct run_origin_new origin;
    const char *interactive_json;     /* {"kind":"shell",...}, or NULL: not an interactive run */
    const char *allow_hosts_json;     /* of a run whose network is proxy: ["pypi.org:443",...]; else NULL */
    const char *idempotency_key; /* may be NULL */
    bool only_retry; /* a new one is refused: only what the key has made is answered */
    const struct err *refusal; /* with that: why; NULL: E_LIMIT, the queue is full */
    const char *request_sha256;  /* needed with a key: digest of the canonical request */
    int64_t created_us;
};

/* Writes the run as queued with its audit entry. With an idempotency key that was used for the
 * same request, writes nothing and gives the earlier id with *existed true. E_CONFLICT: the key
 * was used for another request. E_CONFLICT also when a dataset version is not sealed or is
 * quarantined by now, or the environment is retired or quarantined. */
MUST_USE int cat_run_insert(struct cat *db, const struct run_new *run, char out_id[TEXT_ID_SIZE],
                            bool *existed, struct err *e);

/* ---- states ---- */

/* True when the table allows it. */
bool cat_run_may_move(enum run_state from, enum run_state to);

/* queued->starting and starting->running, with the audit entry. E_CONFLICT when the run is not in
 * `from` or the table refuses the pair; to RUN_FINISHED goes through cat_run_finish only
 * (E_INTERNAL here). running sets started_us to `at_us`. detail_json (may be NULL) goes to the
 * audit entry. */
MUST_USE int cat_run_move(struct cat *db, const char *id, enum run_state from, enum run_state to,
                          int64_t at_us, const char *detail_json, struct err *e);

/* Notes durably that somebody wants it stopped (first request wins, later ones change nothing).
 * E_CONFLICT when it is finished. *state tells where it stands: a queued run is to be finished
 * by the caller in the same job. */
MUST_USE int cat_run_cancel(struct cat *db, const char *id, const struct cat_actor *actor,
                            const char *reason, int64_t at_us, enum run_state *state,
                            struct err *e);

struct run_artifact {
    const char *path, *sha256;
    uint64_t size_bytes;
    unsigned mode; /* 0644 or 0755 */
};

struct run_refused {
    const char *path, *reason;
};

struct run_denied {
    const char *kind, *name, *detail, *errno_name,
        *hint, *hint_fr; /* detail, errno_name and the hints may be NULL */
    int64_t count;
};

struct run_result {
    enum verdict verdict; /* never VERDICT_NONE */
    bool has_exit_code;
    int exit_code;
    const char *signal;      /* "SIGKILL" or NULL */
    const char *reason;      /* one English sentence */
    const char *failed_json; /* {"step",...} or NULL */
    int64_t started_us;      /* 0: keeps what running had set (nothing if it never ran) */
    int64_t finished_us;
    int64_t wall_ms, cpu_ms, memory_peak_bytes; /* -1: not known */
    int64_t log_kept_bytes, log_dropped_bytes;  /* -1: not known */
    const char *log_error;                      /* why some of the log was not kept, or NULL */
    int64_t metrics_dropped;                    /* metric lines that were lost; -1: not known */
    const char **warnings;                      /* one sentence each */
    size_t warning_count;
    const char *usage_json, *sandbox_json;      /* or NULL */
    const char *record_json;                    /* record.json whole, or NULL when there is none */
    const char *outputs_manifest;               /* manifest id, or NULL when nothing was kept */
    const struct run_artifact *artifacts;
    size_t artifact_count;
    const struct run_refused *refused;
    size_t refused_count;
    const struct run_denied *denied;
    size_t denied_count;
};

/* The one way to finished: everything in the caller's transaction, with the audit entry (actor:
 * the lab). E_CONFLICT when it is finished already, and then nothing changes. */
MUST_USE int cat_run_finish(struct cat *db, const char *id, const struct run_result *result,
                            struct err *e);

/* ---- events kept with the run (a bad metric, an adoption after a restart...) ---- */

enum { RUN_EVENTS_MAX = 1000 };

/* Adds one; past RUN_EVENTS_MAX it only counts. */
MUST_USE int cat_run_event_add(struct cat *db, const char *id, int64_t time_us, const char *event,
                               const char *detail_json, struct err *e);

struct run_event {
    int64_t number; /* from 1 */
    int64_t time_us;
    const char *event, *detail_json;
};
MUST_USE int cat_run_event_list(struct cat *db, struct arena *a, const char *id, int64_t after,
                                size_t limit, struct run_event **out, size_t *count, struct err *e);

/* ---- reading ---- */

struct run_dataset {
    const char *name, *ref, *manifest; /* ref: "X@1" */
    int64_t version;
    int64_t key; /* dataset_version */
    const char *classification;
    bool quarantined; /* by now */
    const char *quarantine_reason;
};

/* What its /usr is. */
struct run_environment {
    int64_t key; /* environment_version; 0: the host's own, and the rest is not set */
    const char *name, *ref, *manifest; /* ref: "X@1" */
    int64_t version;
    bool quarantined; /* by now */
    const char *quarantine_reason;
};

/* All of the API's run object that the catalog knows. Fields marked * are set by cat_run_get
 * only. */
struct run_row {
    const char *id, *name;
    enum run_state state;
    enum verdict verdict;
    bool has_exit_code;
    int exit_code;
    const char *signal, *reason;
    struct cat_actor actor;
    int64_t project; /* 0: a personal run */
    const char *experiment, *profile;
    const char *command_json, *env_json, *resources_json;
    int64_t cpus_milli, memory_bytes;
    const char *code;
    int64_t priority;
    bool best_effort, report_paths, warm;
    const char *interactive_json; /* or NULL */
    int64_t created_us, started_us, finished_us; /* 0: not yet */
    int64_t wall_ms, cpu_ms, memory_peak_bytes;  /* -1: not known */
    int64_t log_kept_bytes, log_dropped_bytes;   /* -1: not known */
    const char *log_error;                       /* or NULL */
    uint64_t log_offset;                         /* ingested so far */
    int64_t bad_metrics;                         /* metric lines refused at ingest */
    int64_t metrics_dropped;                     /* metric lines that were lost; -1: not known */
    int64_t event_count;
    bool warned; /* its page tells of something lost, cut or found changed */
    int64_t cancel_us; /* 0: nobody asked */
    const char *cancel_reason;
    const char *outputs_manifest;
    struct run_dataset *datasets;
    size_t dataset_count;
    struct run_environment environment;
    struct run_origin origin; /* * */
    struct run_place place;
    struct run_pair *params; /* * */
    size_t param_count;
    struct run_pair *tags; /* * */
    size_t tag_count;
    struct run_artifact *artifacts; /* * */
    size_t artifact_count;
    struct run_refused *refused; /* * */
    size_t refused_count;
    struct run_denied *denied; /* * */
    size_t denied_count;
    const char *failed_json, *usage_json, *sandbox_json; /* * or NULL */
    const char *warnings_json;                           /* * array of texts, or NULL */
    const char *record_json;                             /* * or NULL */
};

enum { RUN_PREFIX_MIN = 4 };

/* By full id. E_NOT_FOUND. The latest metrics are in metric.h. */
MUST_USE int cat_run_get(struct cat *db, struct arena *a, const char *id, struct run_row *out,
                         struct err *e);

/* A full id, or a prefix of RUN_PREFIX_MIN characters or more that only one of the runs has that s may see: the
 * others are as if they were not there. E_NOT_FOUND; E_CONFLICT naming some of those it could be; E_INVALID when too
 * short or no id. */
MUST_USE int cat_run_find(struct cat *db, const struct standing *s, const char *prefix,
                          char out_id[TEXT_ID_SIZE], struct err *e);

struct run_owner {
    const char *id;
    struct cat_actor actor;
    int64_t project; /* 0: a personal run */
};
/* Whose it is, by full id. E_NOT_FOUND, also when s may not see it. */
MUST_USE int cat_run_owner(struct cat *db, struct arena *a, const struct standing *s, const char *id,
                           struct run_owner *out, struct err *e);

/* A row of a list (list.h gives the keys): short, with its datasets. */
MUST_USE int cat_run_by_seq(struct cat *db, struct arena *a, int64_t seq, struct run_row *out,
                            struct err *e);

/* All runs that are not finished, oldest first, whatever their number: for start-up. */
MUST_USE int cat_run_unfinished(struct cat *db, struct arena *a, struct run_row **out,
                                size_t *count, struct err *e);

struct run_counts {
    int64_t by_state[RUN_STATE_COUNT];
};
MUST_USE int cat_run_count(struct cat *db, struct run_counts *out, struct err *e);

#endif
