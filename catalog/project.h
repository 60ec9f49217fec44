/*
 * project.h - projects: what is told of them (a record), their stage, and how they passed from one to the next.
 *
 *     opportunity --> assessed --> experimenting --> pilot --> published
 *          |             |              |              |           |
 *          +-------------+--------------+--------------+-----------+----> stopped
 *
 * A passage has a reason and is kept for good; a stage is not gone back to. From the first passage on (but to
 * stopped) the record must be complete: nothing that its form requires is missing. Members are whoever holds a
 * role in the project (people.h). All functions run inside a job of catalog.h; texts are in the arena.
 */
#ifndef ENCLOS_CATALOG_PROJECT_H
#define ENCLOS_CATALOG_PROJECT_H

#include "catalog/record.h"

enum project_stage {
    STAGE_OPPORTUNITY,
    STAGE_ASSESSED,
    STAGE_EXPERIMENTING,
    STAGE_PILOT,
    STAGE_PUBLISHED,
    STAGE_STOPPED,
    STAGE_COUNT
};
const char *stage_name(enum project_stage s);
int stage_of(const char *name); /* -1: none */
bool stage_may_pass(enum project_stage from, enum project_stage to);

struct project_row {
    int64_t id;
    const char *code;
    enum project_stage stage;
    int64_t stage_us;       /* since when; 0: since it was made */
    struct cat_actor actor; /* who made it */
    int64_t created_us;
    bool has_record;          /* false: it was made for roles only, by an earlier Enclos */
    struct record_row record; /* its latest version */
};

struct project_new {
    const char *code; /* text_is_name */
    const struct json *answers;
    struct cat_actor actor;
    const char *idempotency_key; /* may be NULL */
    const char *request_sha256;
    int64_t at_us;
};

/* E_CONFLICT when the code is taken, E_INVALID from the form. With a used idempotency key: the earlier one,
 * *existed true. */
MUST_USE int cat_project_create(struct cat *db, struct arena *a, const struct project_new *n,
                                struct project_row *out, bool *existed, struct err *e);

/* E_NOT_FOUND. */
MUST_USE int cat_project_get(struct cat *db, struct arena *a, const char *code,
                             struct project_row *out, struct err *e);

struct project_edit {
    const char *code;
    int64_t version; /* of the record, that the change was made from */
    const struct json *set;
    const char *reason; /* or NULL */
    struct cat_actor actor;
    int64_t at_us;
};
/* As cat_record_change. */
MUST_USE int cat_project_edit(struct cat *db, struct arena *a, const struct project_edit *c,
                              struct project_row *out, bool *changed, struct err *e);

/* E_CONFLICT: the table of stages does not allow it, or the record is not complete (the fields are named). */
MUST_USE int cat_project_advance(struct cat *db, struct arena *a, const char *code,
                                 enum project_stage to, const char *reason,
                                 const struct cat_actor *actor, int64_t at_us,
                                 struct project_row *out, struct err *e);

struct project_passage {
    int64_t number;
    enum project_stage from, to;
    const char *reason;
    struct cat_actor actor;
    int64_t at_us;
};
enum { PROJECT_PASSAGES_MAX = STAGE_COUNT };
/* In order. At most PROJECT_PASSAGES_MAX, since a stage is not gone back to. */
MUST_USE int cat_project_passages(struct cat *db, struct arena *a, int64_t project,
                                  struct project_passage **out, size_t *count, struct err *e);

/* A row of a list (list.h gives the keys). E_NOT_FOUND. */
MUST_USE int cat_project_by_key(struct cat *db, struct arena *a, int64_t key, struct project_row *out,
                              struct err *e);

struct project_counts {
    int64_t experiments, lessons, members;
};
MUST_USE int cat_project_count(struct cat *db, int64_t project, struct project_counts *out,
                               struct err *e);

/* ---- projects that look alike: similar.c ---- */

struct project_similar {
    struct project_row project;
    double text; /* of titles and summaries: 0 to 1 */
    double data; /* of what data they say; -1: not said by both */
    bool same_family;
    bool same_organisation;
};
enum { SIMILAR_MAX = 20 };

/* How alike two texts are: stems that both have, over the geometric mean of how many each has. 0 to 1. */
double similar_texts(const char *x, const char *y);
/* The rule: near-same texts, or alike in text, data and family. data -1: not known. */
bool similar_is(double text, double data, bool same_family);

/* Keeps the stems of a project's latest answers. */
MUST_USE int cat_similar_index(struct cat *db, int64_t project, const char *answers_json,
                               struct err *e);
/* Projects that are possibly similar to it, the most alike first; at most SIMILAR_MAX. A stopped one counts:
 * its lessons are worth reading. */
MUST_USE int cat_similar_find(struct cat *db, struct arena *a, const struct project_row *project,
                              struct project_similar **out, size_t *count, struct err *e);

#endif
