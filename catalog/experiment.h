/*
 * experiment.h - experiments: named questions inside a project, with a protocol that its first run freezes.
 *
 * The protocol is a record (form "experiment", subject PROJECT/NAME). The version that it had when the first run
 * naming it was submitted stays marked; later changes are new versions, shown as made after the first run. All
 * functions run inside a job of catalog.h; texts are in the arena.
 */
#ifndef ENCLOS_CATALOG_EXPERIMENT_H
#define ENCLOS_CATALOG_EXPERIMENT_H

#include "api/common/text.h"
#include "catalog/project.h"

enum { EXPERIMENT_REF_SIZE = 64 + 1 + 64 + 1 };

struct experiment_row {
    int64_t id;
    int64_t project;
    const char *project_code, *name;
    const char *ref;        /* PROJECT/NAME */
    const char *first_run;  /* id of the run that froze it, or NULL */
    int64_t frozen_version; /* of the record; 0: not frozen */
    int64_t frozen_us;
    struct cat_actor actor; /* who made it */
    int64_t created_us;
    struct record_row record; /* its latest version */
};

/* Splits PROJECT/NAME. E_INVALID. */
MUST_USE int experiment_parse_ref(const char *ref, char project[65], char name[65], struct err *e);

struct experiment_new {
    const char *project, *name; /* text_is_name */
    const struct json *answers;
    struct cat_actor actor;
    const char *idempotency_key; /* may be NULL */
    const char *request_sha256;
    int64_t at_us;
};
/* E_NOT_FOUND: no such project; E_CONFLICT: the name is taken, or the project is stopped. */
MUST_USE int cat_experiment_create(struct cat *db, struct arena *a, const struct experiment_new *n,
                                   struct experiment_row *out, bool *existed, struct err *e);

/* E_NOT_FOUND. */
MUST_USE int cat_experiment_get(struct cat *db, struct arena *a, const char *project,
                                const char *name, struct experiment_row *out, struct err *e);

struct experiment_edit {
    const char *project, *name;
    int64_t version;
    const struct json *set;
    const char *reason; /* needed once frozen: E_INVALID without */
    struct cat_actor actor;
    int64_t at_us;
};
MUST_USE int cat_experiment_edit(struct cat *db, struct arena *a, const struct experiment_edit *c,
                                 struct experiment_row *out, bool *changed, struct err *e);

/* A row of a list (list.h gives the keys). E_NOT_FOUND. */
MUST_USE int cat_experiment_by_key(struct cat *db, struct arena *a, int64_t key, struct experiment_row *out,
                              struct err *e);

struct experiment_counts {
    int64_t runs, finished, succeeded;
};
/* How many runs it has, from the index alone: for lists. */
MUST_USE int cat_experiment_runs(struct cat *db, int64_t id, int64_t *out, struct err *e);
MUST_USE int cat_experiment_count(struct cat *db, int64_t id, struct experiment_counts *out,
                                  struct err *e);

#endif
