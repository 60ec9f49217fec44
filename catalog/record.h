/*
 * record.h - versioned records: the answers to a form about one subject, every version kept.
 *
 * One way of keeping what people write, whatever the noun: a project's texts, an experiment, a lesson,
 * a dataset's card and, later, assessments, disclosures. The form (form.h) says what is asked; the
 * subject is the text that names the thing within the form: project "urgences", experiment
 * "urgences/base", dataset card "X@1". A noun that has a table of its own keeps the record's id
 * there.
 *
 *     version 1 --change from 1--> version 2 --change from 2--> version 3      a change from 2 now:
 *     (who, when, why, which fields, all answers)                             E_CONFLICT, tells 3
 *
 * A version is never edited or removed. All functions run on the catalog's thread, inside the
 * caller's transaction.
 */
#ifndef ENCLOS_CATALOG_RECORD_H
#define ENCLOS_CATALOG_RECORD_H

#include "api/common/json.h"
#include "api/common/mem.h"
#include "catalog/audit.h"
#include "catalog/form.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cat;

enum { RECORD_SUBJECT_MAX = 200, RECORD_REASON_MAX = 2000, RECORD_HISTORY_MAX = 500 };

struct record_row { /* one version of a record; texts in the arena */
    int64_t id;     /* record.id: what a noun's table refers to */
    const struct form *form;
    const char *subject;
    int64_t version;      /* from 1 */
    int64_t latest;       /* the newest version there is */
    int64_t form_version; /* of the form, when this version was written */
    const char *answers;  /* canonical JSON object; a field that is not answered is not there */
    const char *changed;  /* JSON array: names of the fields that differ from the version before */
    const char *reason;   /* or NULL */
    struct cat_actor actor; /* who wrote this version */
    int64_t created_us;     /* when this version was written */
    int64_t first_us;       /* when version 1 was */
};

struct record_change {
    const char *form;    /* name of a form */
    const char *subject; /* 1 to RECORD_SUBJECT_MAX bytes */
    int64_t version;     /* that the change was made from; 0: the record is new */
    /* Field name -> answer. A field left out keeps its answer, null takes it away. In a bilingual
     * answer likewise for each language: {"title": {"fr": "…"}} leaves the English one. */
    const struct json *set;
    const char *reason; /* why, or NULL */
    const char
        *action; /* "noun.verb" of the audit entry and of the feed of changes: "project.changed" */
    struct cat_actor actor;
    int64_t at_us;
};

/* Makes the record (version 0) or its next version, with its audit entry (subject as given; detail:
 * form, version, changed, reason) and a row in the feed of changes. A change that changes nothing makes no version and no entry:
 * *changed is false, *out the present one. E_CONFLICT when the record is already there, or is at
 * another version than the one given (the message tells both, and who wrote the newer one);
 * E_NOT_FOUND for a change of no record; E_INVALID from form_check and form_check_always; E_LIMIT
 * past FORM_ANSWERS_MAX_BYTES. */
MUST_USE int cat_record_change(struct cat *db, struct arena *a, const struct record_change *c,
                               struct record_row *out, bool *changed, struct err *e);

/* version 0: the latest. _find: 1 found, 0 not, -1 failed. _get: E_NOT_FOUND. */
MUST_USE int cat_record_find(struct cat *db, struct arena *a, const char *form, const char *subject,
                             int64_t version, struct record_row *out, struct err *e);
MUST_USE int cat_record_get(struct cat *db, struct arena *a, const char *form, const char *subject,
                            int64_t version, struct record_row *out, struct err *e);
/* By record.id, for nouns that keep it. E_NOT_FOUND. */
MUST_USE int cat_record_by_id(struct cat *db, struct arena *a, int64_t id, int64_t version,
                              struct record_row *out, struct err *e);

/* Versions, newest first: those before `before` (0: from the newest). 1 to RECORD_HISTORY_MAX. */
MUST_USE int cat_record_history(struct cat *db, struct arena *a, int64_t id, int64_t before,
                                size_t limit, struct record_row **out, size_t *count,
                                struct err *e);

/* ---- printing, for methods ---- */

/* Prints members into an object that is open: record_version, latest_version, form, form_version,
 * changed_by, changed_us, created_us, reason, answers{…}, missing[{field, language}], withheld[…].
 * Answers to sensitive fields are in `withheld` by name unless `sensitive`. */
MUST_USE int record_print(const struct record_row *r, bool sensitive, struct jw *w, struct err *e);

/* One version of a history, an object: {version, actor, created_us, form_version, changed, reason,
 * differences:[{field, language, before, after}]}. `before` is the version before it, or NULL. */
MUST_USE int record_print_version(const struct record_row *r, const struct record_row *before,
                                  bool sensitive, struct jw *w, struct err *e);

/* What differs from one version's answers to another's, an array: [{field, language, before, after}],
 * language null for what is not bilingual. Of sensitive ones before and after are null, and "withheld" is true,
 * unless `sensitive`. */
MUST_USE int record_print_diff(const struct form *form, const char *before_json,
                               const char *after_json, bool sensitive, struct jw *w, struct err *e);

/* ---- reading answers ---- */

/* The text of a field in one language ("fr", "en"; ignored where the field is not bilingual), the
 * other one when `or_other`; NULL: not answered. Borrowed from answers. */
const char *record_text(const struct json *answers, const char *field, const char *language,
                        bool or_other);

/* All words of the answers that are not sensitive, one line a value, for search and comparison:
 * texts, labels of choices in that language, names that refs give. */
MUST_USE int record_words(const struct form *form, const char *answers_json, const char *language,
                          struct buf *out, struct err *e);

#endif
