/*
 * form.h - what a kind of record asks: fields with types, bounds and labels in both languages.
 *
 * A form is a data file, catalog/forms/NAME.jsonc, embedded at build time and checked when it is
 * loaded (the keys of a file are described in catalog/forms/README.md). Answers to a form are one
 * JSON object by field name; record.h keeps them, version by version.
 *
 *     type      an answer                                  with "many": an array of them
 *     text      one line                                   yes     (bilingual: {"fr":…, "en":…})
 *     markdown  lines of text                              no      (bilingual)
 *     choice    the value of one of `choices`              no
 *     multi     an array of values of `choices`            -
 *     date      "2026-11-24", a day that exists            no
 *     number    a number within min and max                no
 *     ref       a name in the lab: see form_ref_kinds      yes
 *     url       https://… or http://…                      yes
 *     boolean   true or false                              no
 *
 * Forms are read only once loaded: any thread.
 */
#ifndef ENCLOS_CATALOG_FORM_H
#define ENCLOS_CATALOG_FORM_H

#include "api/common/err.h"
#include "api/common/json.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {
    FIELD_TEXT,
    FIELD_MARKDOWN,
    FIELD_CHOICE,
    FIELD_MULTI,
    FIELD_DATE,
    FIELD_NUMBER,
    FIELD_REF,
    FIELD_URL,
    FIELD_BOOLEAN,
    FIELD_TYPE_COUNT
};
const char *field_type_name(enum field_type t);

/* When a field has to be answered: never; before the record counts as complete (what is missing
 * is listed, gates ask for it); in every version that is kept. A bilingual field is complete with
 * both languages, and kept with one. */
enum field_required { REQUIRED_NEVER, REQUIRED_COMPLETE, REQUIRED_ALWAYS, REQUIRED_COUNT };

enum { FORM_FR, FORM_EN, FORM_LANGS };
extern const char *const form_langs[FORM_LANGS]; /* "fr", "en" */

struct label { /* a text in both languages; borrowed from the form */
    const char *en, *fr;
};

struct choice {
    const char *value; /* stable code */
    struct label label;
};

struct field {
    const char *name;
    enum field_type type;
    enum field_required required;
    struct label label, help; /* help may be NULL */
    bool bilingual;
    bool sensitive; /* shown to those who keep the subject and to admin only; never searched */
    bool many;
    int64_t max_length; /* characters */
    int64_t max_count;  /* of many and multi */
    double min, max;    /* of numbers */
    bool integer;
    const char *unit; /* of numbers, or NULL */
    const char *ref;  /* kind of a ref: a name of form_ref_kinds */
    const struct choice *choices;
    size_t choice_count;
};

struct form {
    const char *name;
    int64_t version; /* of the form; raised when its meaning changes */
    struct label title;
    const struct field *fields;
    size_t field_count;
};

/* Kinds of things that a ref may name, NULL-ended: project, experiment (PROJECT/NAME), lesson,
 * dataset (NAME), dataset_version (NAME@VERSION), environment_version, run, actor. Here only how such
 * a name is written is checked; whether it is there is for those who know the noun. */
extern const char *const form_ref_kinds[];

/* Answers as a whole, as JSON text. */
enum { FORM_ANSWERS_MAX_BYTES = 256 << 10 };

/* Reads a form's file. E_INVALID with the file's line where it can be told. Freed by form_free. */
MUST_USE int form_parse(const char *name, const char *text, size_t len, struct form **out,
                        struct err *e);
void form_free(struct form *f);

/* Loads all embedded forms; once, by whoever comes first. E_INTERNAL for a form that is wrong. */
MUST_USE int forms_load(struct err *e);

/* NULL: there is no such form. */
const struct form *form_find(const char *name);
/* The forms in the order of their names; NULL past the last one. */
const struct form *form_at(size_t index);
const struct field *form_field(const struct form *f, const char *name);      /* NULL: none */
const struct choice *field_choice(const struct field *f, const char *value); /* NULL: none */

/* Checks answers that are given: known fields, types, bounds. null is fine, and takes an answer
 * away, as does an empty array; an empty text is not. E_INVALID that names the field ("title.fr",
 * "links[2]"), E_LIMIT past FORM_ANSWERS_MAX_BYTES is for record.h. */
MUST_USE int form_check(const struct form *f, const struct json *answers, struct err *e);

/* Checks that every field that is always required is answered. E_INVALID. */
MUST_USE int form_check_always(const struct form *f, const struct json *answers, struct err *e);

/* Calls `tell` for each required answer that is missing, in the form's order; language is NULL for
 * a field that is not bilingual or not answered at all. Returns how many. */
size_t form_missing(const struct form *f, const struct json *answers,
                    void (*tell)(void *ctx, const struct field *field, const char *language),
                    void *ctx);

/* Prints what a form asks: {form, version, title:{fr,en}, fields:[{name, type, required, label:{fr,en},
 * help, bilingual, sensitive, many, max_length, max_count, min, max, integer, unit, ref,
 * choices:[{value, label:{fr,en}}]}]}. */
void form_print(const struct form *f, struct jw *w);

/* Generated by the Makefile from catalog/forms/NAME.jsonc. */
struct form_source {
    const char *name;
    const char *text;
};
extern const struct form_source form_sources[];
extern const int form_source_count;

#endif
