/*
 * run_place.h - where a run belongs: its project, the experiment there, and what it is for.
 *
 * A run without a project is personal: its experiment is then a free name. In a project the experiment is
 * one of that project, and the first run that names it freezes its protocol (experiment.h).
 */
#ifndef ENCLOS_CATALOG_RUN_PLACE_H
#define ENCLOS_CATALOG_RUN_PLACE_H

#include "api/common/mem.h"
#include "catalog/standing.h"
#include <stdint.h>

struct cat;

struct run_place_new {        /* texts borrowed */
    int64_t project;          /* project.id; 0: personal */
    const char *project_code; /* or NULL */
    int64_t experiment;       /* experiment.id; 0: none, or a free name */
    int64_t experiment_version;
    const char *experiment_name; /* or NULL */
    const char *purpose;         /* a code */
};

/* What a submit names, judged for its caller. E_INVALID: no such purpose. E_NOT_FOUND: no such project, or no
 * such experiment in it. E_DENIED: the caller has neither scientist nor platform lab-wide for a
 * personal run, or is no member of the project with one of them (nor
 * admin). E_CONFLICT: the project is stopped. project and experiment may be NULL; purpose NULL is
 * PURPOSE_DEFAULT. The result's texts are the arena's. */
MUST_USE int cat_run_place_resolve(struct cat *db, struct arena *a, const struct standing *by,
                                   const char *project, const char *experiment, const char *purpose,
                                   struct run_place_new *out, struct err *e);

/* Keeps it with a run that was just inserted, in the same transaction; the first run of an experiment
 * freezes it (audit entry and change "experiment.frozen"). */
MUST_USE int cat_run_place_keep(struct cat *db, int64_t seq, const char *run,
                                const struct run_place_new *place, const struct cat_actor *actor,
                                int64_t at_us, struct err *e);

/* Its experiment, if it has one, counts its runs: that changed. In the same transaction. */
MUST_USE int cat_run_place_told(struct cat *db, int64_t seq, int64_t at_us, struct err *e);

struct run_place { /* of a run that is read; texts in the arena */
    const char *project_code; /* NULL: personal */
    const char *purpose;
    int64_t experiment_version; /* that it was submitted with; 0: a free name, or none */
};
MUST_USE int cat_run_place_get(struct cat *db, struct arena *a, int64_t seq, struct run_place *out,
                               struct err *e);

#endif
