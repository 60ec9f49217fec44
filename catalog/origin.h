/*
 * origin.h - where a run comes from, beside what its request says: seed, commit of its code, machine, the runs that
 * it repeats or belongs to.
 *
 * All functions run inside a job of catalog.h; texts returned live in the arena. Runs of before this was kept have no
 * origin: `known` is false then.
 */
#ifndef ENCLOS_CATALOG_ORIGIN_H
#define ENCLOS_CATALOG_ORIGIN_H

#include "api/common/err.h"
#include "api/common/mem.h"
#include <stdbool.h>
#include <stdint.h>

struct cat;

#define ORIGIN_SEED_MAX INT64_C(4294967295) /* what NumPy and most libraries take */

/* What a run is submitted with. */
struct run_origin_new {
    int64_t seed;     /* 0..ORIGIN_SEED_MAX */
    bool seed_chosen; /* by the lab */
    const char *git_commit, *git_branch;  /* or NULL; as the submitter said */
    int git_dirty;                        /* 1, 0, or -1: not known */
    const char *given_params, *given_tags; /* JSON objects of the request, or NULL when it had none */
    const char *rerun_of, *parent;        /* whole ids of runs, or NULL */
};

struct run_origin {
    bool known;
    int64_t seed;
    bool seed_chosen;
    const char *git_commit, *git_branch;
    int git_dirty;
    const char *given_params, *given_tags;
    const char *rerun_of, *parent;
    const char *host_json; /* facts, or NULL: it never started */
};

/* With the run's row, in the same transaction. E_NOT_FOUND when rerun_of or parent is no run. */
MUST_USE int cat_origin_add(struct cat *db, int64_t run_seq, const struct run_origin_new *o, struct err *e);

MUST_USE int cat_origin_get(struct cat *db, struct arena *a, int64_t run_seq, struct run_origin *out, struct err *e);

/* Notes on which machine a run starts: facts_json is kept once for all runs that have the same. Runs without an origin are
 * left as they are. */
MUST_USE int cat_origin_set_host(struct cat *db, const char *run, const char *facts_json, int64_t at_us, struct err *e);

#endif
