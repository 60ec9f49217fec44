/*
 * dataset_grant.h - grants: a project may use a dataset for a purpose, until a day.
 *
 *     dataset x project x purpose x expiry      given by who keeps the dataset, taken back by them
 *
 * A grant past its expiry is not in force, and stays in the list: it was used. Who may give and take is
 * for the caller to have checked (dataset_must_keep).
 */
#ifndef ENCLOS_CATALOG_DATASET_GRANT_H
#define ENCLOS_CATALOG_DATASET_GRANT_H

#include "catalog/dataset.h"

struct dataset_grant { /* texts in the arena */
    int64_t id;
    const char *dataset, *project; /* name, code */
    const char *purpose;
    int64_t expires_us;
    const char *reason; /* or NULL */
    int64_t granted_us;
    struct cat_actor by;
    int64_t revoked_us; /* 0: not */
    const char *revoked_by, *revoked_reason; /* or NULL */
    int64_t runs;                            /* that were let in by it */
};

bool dataset_grant_in_force(const struct dataset_grant *g, int64_t now_us);

enum { DATASET_GRANT_LIST_MAX = 1000, DATASET_GRANT_DAYS_MAX = 1100 }; /* three years: longer than that, it is asked for again */

struct dataset_grant_ask {
    const struct dataset_row *dataset; /* any version: a grant is for them all */
    const char *project;               /* code */
    const char *purpose;
    int64_t expires_us;
    const char *reason; /* may be NULL */
    struct cat_actor actor;
    int64_t now_us;
};

/* E_INVALID: expiry that is past, or further than DATASET_GRANT_DAYS_MAX; E_NOT_FOUND: no such project;
 * E_CONFLICT: what the gate would refuse whatever the grant says (the card is silent on personal
 * information, its PIA is missing or over, the purpose is none that it permits). The same dataset, project
 * and purpose again, while one is in force, with another expiry: the old one is revoked ("replaced"); with
 * the same: nothing changes, *existed is true. */
MUST_USE int cat_dataset_grant_add(struct cat *db, struct arena *a, const struct dataset_grant_ask *ask,
                                   struct dataset_grant *out, bool *existed, struct err *e);

/* E_NOT_FOUND; E_CONFLICT: it is revoked already. One that has expired may still be revoked. */
MUST_USE int cat_dataset_grant_revoke(struct cat *db, struct arena *a, int64_t id,
                                      const struct cat_actor *actor, const char *reason,
                                      int64_t at_us, struct dataset_grant *out, struct err *e);

/* E_NOT_FOUND. */
MUST_USE int cat_dataset_grant_get(struct cat *db, struct arena *a, int64_t id,
                                   struct dataset_grant *out, struct err *e);

struct dataset_grant_list {
    const char *dataset, *project; /* name, code; either may be NULL, not both */
    int64_t before;                /* ids smaller than that; 0: from the newest */
    size_t limit;                  /* 1..DATASET_GRANT_LIST_MAX */
};
MUST_USE int cat_dataset_grant_list(struct cat *db, struct arena *a, const struct dataset_grant_list *l,
                                    struct dataset_grant **out, size_t *count, struct err *e);

/* The grant that decides: one in force, or else the one that nearly was (revoked or expired last, another
 * purpose). 1: found, 0: there was never one, -1. */
MUST_USE int cat_dataset_grant_for(struct cat *db, struct arena *a, int64_t dataset, int64_t project,
                                   const char *purpose, int64_t now_us, struct dataset_grant *out,
                                   struct err *e);

#endif
