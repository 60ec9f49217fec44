/*
 * record.h - records of the lab on the command line: answers from options, a file or an editor, and how they look.
 *
 * A form, as form.get gives it, says the fields, their types and labels: nothing here knows a project from a lesson.
 *
 * The text that an editor shows, and that --file takes (a file that starts with "{" is JSON instead):
 *
 *     // a line that is not kept
 *     [title.fr]
 *     Achalandage des urgences
 *     [links]
 *     https://…            one a line
 */
#ifndef ENCLOS_CLI_RECORD_H
#define ENCLOS_CLI_RECORD_H

#include "api/cli/cli.h"
#include "api/common/mem.h"

/* "fr" or "en": the language that the reader has chosen. */
const char *record_lang(void);

/* A text that the API gives in both languages, {"fr","en"}: the reader's, else the other one, else "". */
const char *record_both(const struct json *v);

/* ---- from a person to the lab ---- */

/* Reads what options say: --set FIELD[.LANGUAGE]=VALUE, --file PATH, and each option that has the name of a field
 * (of a list, without its last s: --run for "runs").
 * `set` gets one JSON object, "{}" when none was given (*any tells). A bilingual field without language is in the
 * reader's. `reason` (may be NULL) is set to [reason] of a file, in `a`'s arena. */
MUST_USE int record_read_options(const struct json *form, const struct args *args, struct arena *a, struct buf *set,
                                 bool *any, const char **reason, struct err *e);

/* Text of the format above, to "set": every field of the form that it has. For tests too. */
MUST_USE int record_read_text(const struct json *form, const char *text, const char *name, struct arena *a,
                              struct buf *set, const char **reason, struct err *e);
/* The text of answers (NULL: none yet), with what each field asks. `title` is its first line. */
void record_write_text(const struct json *form, const struct json *record, const char *title, bool with_reason,
                       struct buf *out);

/* Whether an editor can be asked: $VISUAL or $EDITOR, or a terminal to show vi on. */
bool record_can_edit(void);

struct record_edited {
    char *path; /* of the text: kept until record_edited_end says that it was saved */
    struct buf set;
    const char *reason; /* or NULL */
    bool changed;       /* the person changed the text */
};
/* Shows the text in the editor and reads what came of it. E_INVALID when the text cannot be read (it stays at `path`,
 * which the error tells), or when the editor failed. */
MUST_USE int record_edit(const struct json *form, const struct json *record, const char *title, bool with_reason,
                         struct arena *a, struct record_edited *out, struct err *e);
/* saved: removes the text; otherwise leaves it and says where it is. */
void record_edited_end(struct record_edited *x, bool saved);

/* ---- from the lab to a person ---- */

/* A column of labels and one of values, for table_new. */
extern const struct table_column record_fact_columns[2];
void record_add_fact(struct table *t, enum text_id label, const char *value);
void record_add_date(struct table *t, enum text_id label, int64_t us);

/* The labels of an answer of choices, or any other value as a card has it: for lists. */
void record_add_choices(struct buf *out, const struct json *form, const char *name, const struct json *v);

/* Who wrote this version, when, which it is, and why. */
void record_add_written(struct table *t, const struct json *record);

/* The params limit and cursor of a list, from the options. 0, or -1 with a usage error. */
MUST_USE int record_write_page(struct jw *w, const struct args *a, struct err *e);

/* The answers of a record: short ones as facts of `t` (which is printed first), then texts, then what is missing. */
void record_add_answers(const struct json *form, const struct json *record, struct table *t, const struct term *term,
                        struct buf *out);

/* One sentence on what is required and not answered; nothing when all is. */
void record_add_missing(const struct json *form, const struct json *record, const struct term *term, struct buf *out);

/* The versions of NOUN.history, newest first. frozen_version: later ones are said to be after the first run; 0: none. */
void record_add_history(const struct json *form, const struct json *result, int64_t frozen_version,
                        const struct term *term, struct buf *out);

#endif
