/*
 * quality.h - profiles of dataset versions: which run makes them, and what it reported.
 *
 * A row comes with its run, in one transaction; the report with the run's end. Reports are by the profiler (api/inspect),
 * which data may have taken over: quality_read lets in nothing but bounded numbers, known words and short texts.
 */
#ifndef ENCLOS_CATALOG_QUALITY_H
#define ENCLOS_CATALOG_QUALITY_H

#include "api/common/json.h"
#include "catalog/dataset.h"
#include <stdbool.h>
#include <stdint.h>

#define QUALITY_ENVIRONMENT "enclos-inspect" /* name of the environment that holds the profiler and nothing else */
#define QUALITY_OUTPUT "quality.json"        /* below /outputs */
enum { QUALITY_REPORT_MAX_BYTES = 800 << 10, QUALITY_SMALL_COUNT = 10 };

/* Checks a report and gives it again as compact JSON (in the arena). E_INVALID names the place. */
MUST_USE int quality_read(struct arena *a, const char *text, size_t len, const char **out, struct err *e);

/* ---- inside a job of catalog.h ---- */

/* Beside cat_run_insert: that run profiles the version. */
MUST_USE int cat_quality_start(struct cat *db, const char *run, int64_t version_key, int64_t small_count, struct err *e);

/* Whether it is a run that profiles a version. */
MUST_USE int cat_quality_of_run(struct cat *db, const char *run, bool *yes, struct err *e);

/* Beside cat_run_finish: the report, as quality_read gave it, or NULL and why there is none. Of a run that profiles nothing:
 * does nothing. With a report, the audit entry dataset.profiled and the change of the dataset. */
MUST_USE int cat_quality_finish(struct cat *db, struct arena *a, const char *run, const char *report, const char *bad,
                                int64_t at_us, struct err *e);

struct quality_row {
    const char *run;      /* id */
    const char *run_state, *verdict, *run_reason; /* verdict and reason may be NULL */
    const char *ref;      /* "X@2" */
    struct cat_actor actor;
    int64_t small_count, created_us, reported_us;
    const char *environment; /* manifest of the one that holds the profiler */
    const char *report;   /* JSON, or NULL */
    const char *bad;      /* why not, or NULL */
};
/* The last profile of a version that has a report; when there is none, the last one. *found false: none at all. */
MUST_USE int cat_quality_get(struct cat *db, struct arena *a, int64_t version_key, bool *found, struct quality_row *out,
                             struct err *e);
/* The profile under way of a version, newer than the last report; *found false: none. */
MUST_USE int cat_quality_under_way(struct cat *db, struct arena *a, int64_t version_key, bool *found, struct quality_row *out,
                                   struct err *e);
/* The last report of the nearest version before that has one. */
MUST_USE int cat_quality_before(struct cat *db, struct arena *a, const struct dataset_row *d, bool *found,
                                struct quality_row *out, struct err *e);

/* ---- drift (quality_drift.c) ---- */

/* What changed between two reports, as the members of an object that is open: rows_before, columns..., files:[...]. Columns are
 * matched by name (by number where they have none), files by path, or when there is one in each. */
void quality_drift(const struct json *before, const struct json *now, struct jw *w);

/* Population stability index between two columns of reports: sum of (p - q) ln(p / q), over ten bins that hold a tenth of
 * `before` each (numbers, dates), or over the frequent values that are shown (the rest as one). NaN: cannot be told. */
double quality_psi(const struct json *before, const struct json *now);

#endif
