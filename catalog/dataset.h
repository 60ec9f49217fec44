/*
 * dataset.h - datasets and their versions: draft -> sealed -> retired, and quarantined when a copy
 * was found changed.
 */
#ifndef ENCLOS_CATALOG_DATASET_H
#define ENCLOS_CATALOG_DATASET_H

#include "api/common/mem.h"
#include "catalog/audit.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cat;

enum dataset_state { DATASET_DRAFT, DATASET_SEALED, DATASET_RETIRED, DATASET_STATE_COUNT };
const char *dataset_state_name(enum dataset_state s);

enum { DATASET_REF_SIZE = 64 + 1 + 20 + 1 };

/* public interne confidentiel tres_confidentiel */
bool dataset_is_classification(const char *text);

struct dataset_row { /* one version; texts in the arena */
    int64_t key;     /* dataset_version.id: what runs link to */
    int64_t dataset; /* dataset.id: what its card and grants belong to */
    const char *name;
    int64_t version;
    const char *ref;                 /* "X@1" */
    const char *title, *description; /* may be NULL */
    const char *classification;
    const char *manifest; /* its id */
    int64_t files;
    uint64_t size_bytes;
    enum dataset_state state;
    bool quarantined;
    const char *quarantine_reason;             /* or NULL */
    const char *retired_reason;                /* or NULL */
    struct cat_actor actor;                    /* who added it */
    struct cat_actor keeper;                   /* who answers for the dataset, all versions */
    int64_t created_us, sealed_us, retired_us; /* 0: not */
    int64_t verified_us; /* every byte was read again by dataset.verify, and right; 0: never */
};

struct dataset_new {
    const char *name; /* text_is_name */
    const char *title, *description;
    const char *classification;
    const char *manifest;
    int64_t files;
    uint64_t size_bytes;
    struct cat_actor actor;      /* keeps a new dataset; of one there is it must be the keeper */
    bool as_admin;               /* or this */
    const char *idempotency_key; /* may be NULL */
    const char *request_sha256;
    int64_t created_us;
};

/* A new name makes version 1, a known one the next: E_DENIED when somebody else keeps it. With a used idempotency key: the earlier one.
 * When the latest version is a draft of the same actor with the same content, texts and
 * classification, it is that one: sealing it had failed, and trying again makes no second draft.
 * *existed tells of both. A draft is never changed: somebody may be about to seal it. */
MUST_USE int cat_dataset_add(struct cat *db, struct arena *a, const struct dataset_new *d,
                             struct dataset_row *out, bool *existed, struct err *e);

/* draft -> sealed. The caller has verified the objects and built the tree. Sealing what is
 * sealed is a success that changes nothing; retired is E_CONFLICT. */
MUST_USE int cat_dataset_seal(struct cat *db, int64_t key, const struct cat_actor *actor,
                              int64_t at_us, struct err *e);
/* sealed -> retired: no new run may use it. reason may be NULL. */
MUST_USE int cat_dataset_retire(struct cat *db, int64_t key, const struct cat_actor *actor,
                                const char *reason, int64_t at_us, struct err *e);
/* Marks it as found changed (actor: the lab); the first reason is kept. No run may use it until
 * it is released by cat_dataset_unquarantine. */
MUST_USE int cat_dataset_quarantine(struct cat *db, int64_t key, const char *reason, int64_t at_us,
                                    struct err *e);
/* E_CONFLICT: it is in none. */
MUST_USE int cat_dataset_unquarantine(struct cat *db, int64_t key, const struct cat_actor *actor,
                                      const char *reason, int64_t at_us, struct err *e);

/* By dataset_row.key: a row of a list (list.h), or what a run links to. E_NOT_FOUND. */
MUST_USE int cat_dataset_by_key(struct cat *db, struct arena *a, int64_t key, struct dataset_row *out,
                                struct err *e);

/* version 0: the latest one, whatever its state. E_NOT_FOUND. */
MUST_USE int cat_dataset_get(struct cat *db, struct arena *a, const char *name, int64_t version,
                             struct dataset_row *out, struct err *e);

/* "NAME@V", or "NAME" for its latest sealed version, for use in a run: E_NOT_FOUND, E_INVALID
 * for a text that is no reference, E_CONFLICT when it is not sealed or is quarantined. */
MUST_USE int cat_dataset_resolve(struct cat *db, struct arena *a, const char *ref,
                                 struct dataset_row *out, struct err *e);

/* Splits "NAME@V"; *version is 0 without "@V". E_INVALID. */
MUST_USE int dataset_parse_ref(const char *ref, char name[65], int64_t *version, struct err *e);

/* Audit entry and change of a version, in the caller's transaction. detail_json (may be NULL) has the
 * members of the detail after manifest and classification: "reason":"..." */
MUST_USE int dataset_audit(struct cat *db, const struct dataset_row *d, const struct cat_actor *actor,
                           const char *action, const char *detail_json, int64_t at_us, struct err *e);

/* Versions in quarantine that are not retired, the last one first; keeper (may be NULL): theirs only. */
MUST_USE int cat_dataset_quarantined(struct cat *db, struct arena *a, const struct cat_actor *keeper,
                                     size_t limit,
                                     struct dataset_row **out, size_t *count, struct err *e);

#endif
