/*
 * report.h - what was tried, for whom, on which data, at what cost and with which outcome, over a period.
 *
 * A report is a few tables whose columns have fixed names; whoever shows it has their titles. Each is read in
 * one snapshot. Runs count by the time of their submission.
 */
#ifndef ENCLOS_CATALOG_REPORT_H
#define ENCLOS_CATALOG_REPORT_H

#include "api/common/err.h"
#include "api/common/json.h"
#include <stdint.h>

struct cat;

enum report_kind {
    REPORT_PORTFOLIO,      /* projects, what they ran and learned */
    REPORT_ACCOUNTABILITY, /* decisions, refusals, outcomes by project */
    REPORT_DATA_ACCESS,    /* who used which data, for what, by which rule */
    REPORT_ENVIRONMENT,    /* energy and carbon, estimated */
    REPORT_KIND_COUNT
};
extern const char *const report_kinds[]; /* NULL-ended: "portfolio"... */
int report_kind_of(const char *name);    /* -1: none */

struct report_ask {
    enum report_kind kind;
    int64_t from_us, to_us; /* from <= time < to */
    const char *region;     /* of energy.h */
};

enum { REPORT_TIME_MS = 60000, REPORT_ROWS_MAX = 20000, REPORT_BYTES_MAX = 900 << 10 };

/* Writes members "tables":[{name, columns:[name], rows:[[value]], cut: rows were left out}] and "method" into an
 * object that is open. E_LIMIT: takes too long, or is too large; a shorter period helps. */
MUST_USE int report_write(struct cat *db, const struct report_ask *ask, struct jw *w, struct err *e);

#endif
