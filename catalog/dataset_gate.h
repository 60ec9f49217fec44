/*
 * dataset_gate.h - THE gate: may this run use this dataset version? Asked when a run is submitted, in that
 * transaction, and again when it starts, since a queue may be long and grants are taken back.
 *
 *     sealed, retired, quarantine        the version as it stands
 *     role                               scientist (or platform), in the lab or in the run's project
 *     personal, pia, retention, purpose  what its card says
 *     then one of                        grant      the run's project has one in force, and its owner is a member
 *                                        public     public, and no personal information
 *                                        custodian  who keeps it, in a personal run (admin: likewise)
 *                                        profiler   a curator of the lab, by a run of the lab's own profiler
 *
 * What its card says holds for all but the custodian who looks at the quality of their own data. Each refusal
 * names its rule in the field ("dataset.grant"), says what was found, and whom to ask.
 */
#ifndef ENCLOS_CATALOG_DATASET_GATE_H
#define ENCLOS_CATALOG_DATASET_GATE_H

#include "catalog/dataset.h"
#include "catalog/standing.h"

enum gate_rule { GATE_GRANT, GATE_PUBLIC, GATE_CUSTODIAN, GATE_ADMIN, GATE_PROFILER, GATE_RULE_COUNT };
const char *gate_rule_name(enum gate_rule r); /* "grant", "public", ... */

struct gate_ask {
    const struct standing *by; /* the run's owner, as they stand now */
    const char *project;       /* code; NULL: a personal run */
    const char *purpose;       /* of purpose.h */
    int64_t now_us;
    bool profiler; /* the run is one of catalog/quality.h: the lab chose its program, and data does not leave */
};

struct gate_pass {
    int64_t version;     /* dataset_version.id */
    enum gate_rule rule; /* that let it in */
    int64_t grant;       /* of GATE_GRANT; else 0 */
};

/* E_DENIED, or E_CONFLICT where it is the version's state; E_NOT_FOUND: no such project. */
MUST_USE int cat_gate(struct cat *db, struct arena *a, const struct gate_ask *ask,
                      const struct dataset_row *d, struct gate_pass *out, struct err *e);

/* Beside cat_run_insert: keeps how each version was let in, and what cat_gate_start asks with (the owner's
 * groups and token). */
MUST_USE int cat_gate_keep(struct cat *db, const char *run, const struct gate_pass *passes, size_t count,
                           const struct standing_of *who, struct err *e);

/* When a queued run starts: asks for all of its datasets again. Lets it go with one audit entry
 * dataset.use a version (who, run, version, purpose, project, rule, program digest); or E_DENIED, E_CONFLICT:
 * it may not start any more. */
MUST_USE int cat_gate_start(struct cat *db, struct arena *a, const char *run, int64_t now_us,
                            struct err *e);

#endif
