/*
 * submit.h - run.submit from its params on, for a handler that has params of its own making (run.rerun, dataset.quality).
 */
#ifndef ENCLOS_SUBMIT_H
#define ENCLOS_SUBMIT_H

#include "api/common/err.h"
#include <stdint.h>

struct request;

/* Submits what q->params say, all gates included, and answers. rerun_of: the run that it repeats, a whole id that lives as
 * long as q, or NULL. As a handler: -1 leaves q to the caller. */
MUST_USE int submit_begin(struct request *q, const char *rerun_of, struct err *e);

/* The same for a run that profiles the first of its datasets: catalog/quality.h. */
MUST_USE int submit_profile(struct request *q, int64_t small_count, struct err *e);

#endif
