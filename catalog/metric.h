/*
 * metric.h - what a run measures and says of itself: metric points, params, tags, as a batch read
 * from its log.
 *
 * Points are kept in the order in which the run wrote them, numbered from 1 for each metric. NaN is
 * stored as SQL null, infinities as such. A summary is kept apart for each metric, so that lists
 * never read points.
 */
#ifndef ENCLOS_CATALOG_METRIC_H
#define ENCLOS_CATALOG_METRIC_H

#include "catalog/run.h"

enum {
    METRIC_NAME_MAX_BYTES = 250,
    METRIC_NAMES_MAX = 10000, /* metrics of one run */
    RUN_PARAMS_MAX = 2000,    /* params of one run, tags of one run */
    RUN_VALUE_MAX_BYTES = 6000,
    METRIC_LIST_MAX = 10000, /* points in one answer */
};

enum metric_item_kind { METRIC_POINT, METRIC_PARAM, METRIC_TAG };

struct metric_item {
    enum metric_item_kind kind;
    const char *name;
    const char *text; /* value of a param or tag */
    double value;     /* of a point; may be NaN or infinite */
    int64_t step;
    int64_t time_us;
    bool refused;    /* out: the catalog did not take it ... */
    const char *why; /* ... because (static text) */
};

struct metric_batch {
    struct metric_item *items;
    size_t count;
    int64_t lines;        /* metric lines of the log in it, good or bad: what was seen of them */
    int64_t bad_lines;    /* lines that were no item at all, added to the run's bad_metrics */
    uint64_t from_offset; /* where in the log the batch starts: must be the stored position */
    uint64_t to_offset;   /* stored as the new position in the same transaction */
};

/* Exactly once: E_CONFLICT, and nothing changes, when from_offset is not where ingest stands
 * (the message tells). An item that cannot be taken (a param that has another value already, a
 * name that is no name, too many) is marked refused, counted in bad_metrics and kept as an event
 * "bad_metric"; the others go in. */
MUST_USE int cat_metric_add_batch(struct cat *db, const char *run_id, struct metric_batch *batch,
                                  int64_t now_us, struct err *e);

/* Metric lines of the run's log that batches have brought so far. E_NOT_FOUND. */
MUST_USE int cat_metric_lines(struct cat *db, const char *run_id, int64_t *lines, struct err *e);

struct metric_summary {
    const char *name;
    double last; /* value at the greatest (step, time), the later one when equal */
    int64_t last_step, last_time_us;
    double min, max; /* of the points that are not NaN; NaN when there is none */
    int64_t count;
};
/* By name. */
MUST_USE int cat_metric_latest(struct cat *db, struct arena *a, const char *run_id,
                               struct metric_summary **out, size_t *count, struct err *e);

struct metric_point {
    int64_t number, step, time_us;
    double value;
};
/* Points with a number greater than `after`, in order. E_NOT_FOUND when the run has no such
 * metric. */
MUST_USE int cat_metric_points(struct cat *db, struct arena *a, const char *run_id,
                               const char *name, int64_t after, size_t limit,
                               struct metric_point **out, size_t *count, struct err *e);

#endif
