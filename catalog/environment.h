/*
 * environment.h - environments and their versions: sealed at import, retired when no new run may use
 * them, quarantined when a copy was found changed.
 */
#ifndef ENCLOS_CATALOG_ENVIRONMENT_H
#define ENCLOS_CATALOG_ENVIRONMENT_H

#include "api/common/mem.h"
#include "catalog/audit.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cat;

enum env_state { ENV_SEALED, ENV_RETIRED, ENV_STATE_COUNT };
const char *env_state_name(enum env_state s);

enum { ENV_LIST_MAX = 1000 };

/* The machine's own /usr: no row, and no name that a row may have. */
#define ENV_HOST "host"

/* folder, tar, oci */
bool env_is_source(const char *text);

struct env_row { /* one version; texts in the arena */
    int64_t key; /* environment_version.id: what runs link to */
    const char *name;
    int64_t version;
    const char *ref;           /* "X@1" */
    const char *title;         /* may be NULL */
    const char *source;        /* how it came */
    const char *source_digest; /* of the image's manifest, or NULL */
    const char *manifest;      /* its id */
    int64_t entries;
    uint64_t size_bytes;
    enum env_state state;
    bool quarantined;
    const char *quarantine_reason;  /* or NULL */
    struct cat_actor actor;         /* who imported it */
    int64_t created_us, retired_us; /* 0: not */
};

struct env_new {
    const char *name;  /* text_is_name, not "host" */
    const char *title; /* may be NULL */
    const char *source, *source_digest;
    const char *manifest;
    int64_t entries;
    uint64_t size_bytes;
    struct cat_actor actor;
    const char *idempotency_key; /* may be NULL */
    const char *request_sha256;
    int64_t created_us;
};

/* A new name makes version 1, a known one the next. The caller has verified the objects and built the
 * tree. When the latest version has the same content and may be used, it is that one; with a used
 * idempotency key, the earlier one. *existed tells of both. */
MUST_USE int cat_env_add(struct cat *db, struct arena *a, const struct env_new *n,
                         struct env_row *out, bool *existed, struct err *e);

/* sealed -> retired: no new run may use it. E_CONFLICT, naming one, while runs that are not finished use
 * it. Retiring what is retired is a success that changes nothing. */
MUST_USE int cat_env_retire(struct cat *db, struct arena *a, int64_t key, const char *reason,
                            const struct cat_actor *actor, int64_t at_us, struct err *e);
/* Marks it as found changed (actor: the lab); the first reason is kept. No run may use it. */
MUST_USE int cat_env_quarantine(struct cat *db, int64_t key, const char *reason, int64_t at_us,
                                struct err *e);

/* version 0: the latest one, whatever its state. E_NOT_FOUND. */
MUST_USE int cat_env_get(struct cat *db, struct arena *a, const char *name, int64_t version,
                         struct env_row *out, struct err *e);

/* "NAME@V", or "NAME" for its latest version that is not retired, for use in a run: E_NOT_FOUND,
 * E_INVALID for a text that is no reference, E_CONFLICT when it is retired or quarantined. */
MUST_USE int cat_env_resolve(struct cat *db, struct arena *a, const char *ref, struct env_row *out,
                             struct err *e);

/* Splits "NAME@V"; *version is 0 without "@V". E_INVALID. */
MUST_USE int env_parse_ref(const char *ref, char name[65], int64_t *version, struct err *e);

/* A row of a list (list.h gives the keys), or what a run links to. E_NOT_FOUND. */
MUST_USE int cat_env_by_key(struct cat *db, struct arena *a, int64_t key, struct env_row *out,
                              struct err *e);

/* Versions in quarantine that are not retired, the last one first. */
MUST_USE int cat_env_quarantined(struct cat *db, struct arena *a, size_t limit, struct env_row **out,
                                 size_t *count, struct err *e);

#endif
