/*
 * lesson.h - lessons learned: short records of a project, tied to the experiments and runs that taught them.
 *
 * A lesson is a record (form "lesson", subject its name, an id like l0v869s46p9abh). All functions run inside a job
 * of catalog.h; texts are in the arena.
 */
#ifndef ENCLOS_CATALOG_LESSON_H
#define ENCLOS_CATALOG_LESSON_H

#include "catalog/list.h"
#include "catalog/experiment.h"

struct lesson_row {
    int64_t id;
    const char *name; /* text_new_id('l') */
    int64_t project;
    const char *project_code;
    struct cat_actor actor; /* who wrote it first */
    int64_t created_us;
    struct record_row record; /* its latest version */
};

struct lesson_new {
    const char *project;
    const struct json *answers;
    struct cat_actor actor;
    const char *idempotency_key; /* may be NULL */
    const char *request_sha256;
    int64_t at_us;
};
/* E_NOT_FOUND: no such project, or an experiment or a run that the answers name is not there. Whether the caller
 * may see the runs is the caller's to ask. */
MUST_USE int cat_lesson_add(struct cat *db, struct arena *a, const struct lesson_new *n,
                            struct lesson_row *out, bool *existed, struct err *e);

/* E_NOT_FOUND. */
MUST_USE int cat_lesson_get(struct cat *db, struct arena *a, const char *name,
                            struct lesson_row *out, struct err *e);

struct lesson_edit {
    const char *name;
    int64_t version;
    const struct json *set;
    const char *reason; /* or NULL */
    struct cat_actor actor;
    int64_t at_us;
};
MUST_USE int cat_lesson_edit(struct cat *db, struct arena *a, const struct lesson_edit *c,
                             struct lesson_row *out, bool *changed, struct err *e);

/* Those that name an experiment (PROJECT/NAME) or a run, as a bound for list.h. kind and target are kept. */
const struct list_bound *cat_lesson_tied(struct arena *a, const char *kind, const char *target,
                                         struct list_bound *out);

/* A row of a list (list.h gives the keys). E_NOT_FOUND. */
MUST_USE int cat_lesson_by_key(struct cat *db, struct arena *a, int64_t key, struct lesson_row *out,
                              struct err *e);

#endif
