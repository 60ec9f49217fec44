/*
 * ingest.h - what a monitor left in a run folder, read for the catalog: metrics on the way, the record at the end.
 */
#ifndef ENCLOS_INGEST_H
#define ENCLOS_INGEST_H

#include "api/common/err.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "catalog/metric.h"
#include "catalog/run.h"
#include "catalog/tree.h"

struct lab;

enum {
    INGEST_BAD_MAX = 10,
    INGEST_ITEMS_MAX = 5000,
    INGEST_READ_BYTES = 1 << 20,
    INGEST_WARNINGS_MAX = 100
};

struct ingest_bad {
    const char *reason;
    int64_t time_us;
};

struct ingest_dataset { /* or its environment: what must be after the run as it was before */
    enum tree_kind kind;
    const char *ref, *manifest;
    int64_t key;
    const char *changed; /* out: what was found changed after the run, or NULL */
};

/* One pass over a folder. */
struct ingest {
    struct lab *lab;
    char run[TEXT_ID_SIZE];
    struct arena *arena;
    uint64_t stored;   /* the catalog's position */
    uint64_t position; /* where to read from; out: where reading ended */
    bool gone;         /* the monitor is known to have ended */
    enum run_state state;
    struct ingest_dataset *datasets;
    size_t dataset_count;
    /* out */
    bool more;          /* the log has more than one pass takes */
    bool finished;      /* result is set: record read, or lost */
    bool record;        /* the record is there, whether or not it could be taken yet */
    int64_t running_us; /* when exec succeeded; 0: not in this pass */
    struct metric_batch batch;
    struct ingest_bad bad[INGEST_BAD_MAX];
    size_t bad_count;
    struct run_result result;
    bool profiles;        /* it is a run of the profiler: catalog/quality.h */
    const char *report;   /* then: what it reported, checked; or NULL and */
    const char *no_report; /* why there is none */
    int64_t metric_lines; /* that the monitor wrote to the log, by its record; -1: not known */
};

/* Pool: reads the log from `position`; when all of it is read and the record is there, the rest too. */
int ingest_work(void *ctx, struct err *e);

/* Catalog thread: one transaction for what the pass found. */
int ingest_commit(struct cat *db, void *ctx, struct err *e);

/* One line of a run, as a metric, param or tag. E_INVALID says what is wrong with it. */
MUST_USE int ingest_item(struct arena *a, const char *text, size_t len, int64_t time_us,
                         struct metric_item *out, struct err *e);

/* record.json (whole text) as a result; texts in the arena. Outputs are listed in `files`: {path, size_bytes, mode}.
 * There is room for one warning more. */
MUST_USE int ingest_record(struct arena *a, const char *run, const char *text, size_t len,
                           struct run_result *out, const struct json **files, struct json **root,
                           struct err *e);

#endif
