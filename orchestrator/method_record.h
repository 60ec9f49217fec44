/*
 * method_record.h - what the methods of projects, experiments and lessons share: records printed, histories, rights.
 */
#ifndef ENCLOS_METHOD_RECORD_H
#define ENCLOS_METHOD_RECORD_H

#include "catalog/digest.h"
#include "catalog/record.h"
#include "catalog/standing.h"
#include "orchestrator/request.h"

enum { RECORD_PAGE_BYTES = 700 << 10 };

void print_actor_at(struct jw *w, const char *key, const struct cat_actor *actor);
void print_us_or_null(struct jw *w, const char *key, int64_t us);

/* Members "title", and those named in `fields` (NULL-ended), of a record's answers: for lists. */
MUST_USE int print_answers_of(const struct record_row *r, const char *const *fields, struct jw *w,
                              struct err *e);

/* The version that the call asks for with its param `version`; the latest when it is left out. */
MUST_USE int record_asked(struct request *q, struct cat *db, const struct record_row *latest,
                          struct record_row *out, struct err *e);

/* Members "versions" and "next_cursor": a page of a record's history, by the params limit and cursor. */
MUST_USE int print_history(struct request *q, struct cat *db, const struct record_row *r,
                           bool sensitive, struct jw *w, struct err *e);

/* A cursor that is a number from 1 (0: there is none). E_INVALID. */
MUST_USE int number_cursor(const struct request *q, int64_t *out, struct err *e);

/* May it write in that project: curator of the lab or the project, or scientist of the project (a role held lab-wide
 * makes nobody a member). E_DENIED. */
MUST_USE int may_write_in(struct request *q, struct cat *db, int64_t project, const char *code,
                          struct err *e);

/* The digest of the whole request, for idempotency keys; NULL without a key. In the arena. */
const char *request_digest(struct request *q);

/* `after` of a job that may refuse by E_DENIED: such a refusal is audited. */
void end_or_refuse(struct request *q, const struct err *e);

#endif
