/*
 * run_print.h - a run of the catalog as the API's run object. Catalog threads.
 */
#ifndef ENCLOS_RUN_PRINT_H
#define ENCLOS_RUN_PRINT_H

#include "api/common/err.h"
#include "api/common/json.h"
#include "catalog/run.h"

struct cat;

/* Artifacts listed in a run object; run.outputs gives all of them in pages. */
enum { RUN_PRINT_LIST_MAX = 500 };

/* The whole object of a run by its full id. */
MUST_USE int run_print_full(struct cat *db, const char *id, struct jw *w, struct err *e);
/* As above, but leaves the object open, for the loop to add what it knows. */
MUST_USE int run_print_open(struct cat *db, const char *id, struct jw *w, enum run_state *state,
                            struct err *e);

/* "network": what a run with the network proxy asked for, in groups; null for all others. method_connection.c */
MUST_USE int run_print_network(struct cat *db, struct arena *a, const char *id, struct jw *w, struct err *e);

/* "seed", "git", "rerun_of"...: where it comes from. */
void run_print_origin(const struct run_row *r, struct arena *a, struct jw *w);
/* Of the files of its profile, as its monitor read them; NULL: it has no record. */
const char *run_profile_digest(const struct run_row *r, struct arena *a);

void run_print_short(const struct run_row *r, struct jw *w);
/* A metric's value as JSON has no word for it: "NaN", "Infinity", "-Infinity". */
void run_print_number(struct jw *w, const char *key, double n);
void run_print_artifact(const struct run_artifact *a, struct jw *w);

#endif
