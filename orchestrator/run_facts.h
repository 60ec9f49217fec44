/*
 * run_facts.h - what a run was asked and what it ran on, as a flat list that two runs are compared by.
 */
#ifndef ENCLOS_RUN_FACTS_H
#define ENCLOS_RUN_FACTS_H

#include "api/common/json.h"
#include "api/common/mem.h"
#include "catalog/run.h"

struct run_fact {
    const char *aspect; /* "command", "param", "host": of run_fact_aspects */
    const char *name;   /* within it, "" when there is only one */
    const char *json;   /* canonical */
};

extern const char *const run_fact_aspects[]; /* in the order in which they are told; NULL-ended */

/* In the order of their aspects, then of their names; each pair once. In the arena. `allow_hosts` may be NULL. */
void run_facts(const struct run_row *r, const char *allow_hosts, struct arena *a, struct run_fact **out, size_t *count);

/* {"same":[aspect],"differences":[{"aspect","name","a","b"}],...} into an open object: what is on one side only is null on
 * the other. Long values are cut. */
void run_facts_compare(const struct run_fact *a, size_t a_count, const struct run_fact *b, size_t b_count, struct jw *w);

#endif
