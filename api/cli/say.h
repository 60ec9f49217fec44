/*
 * say.h - the texts of the command line, in French and in English.
 *
 * texts.def holds every text once per language; tr() gives the one of the chosen language. {1}..{9}
 * in a text stand for arguments, so that each language orders its words as it wants and no text is
 * ever a printf format. French is written with plain spaces in texts.def; the non-breaking ones
 * (before « : », « % », inside « ») are set here, in one place.
 */
#ifndef ENCLOS_SAY_H
#define ENCLOS_SAY_H

#include "api/common/buf.h"
#include "api/common/err.h"
#include <stdint.h>

enum text_id {
    T_NONE,
#define X(id, en, fr) id,
#include "api/cli/texts.def"
#undef X
    TEXT_COUNT
};

enum lang { LANG_EN, LANG_FR, LANG_COUNT };

#define NBSP "\xc2\xa0"

void say_in(enum lang lang);
enum lang say_lang(void);

/* The language of a locale's environment: LC_ALL, else LC_MESSAGES, else LANG. */
enum lang say_lang_of_env(void);
/* "fr" or "en"; -1 for another name. */
int say_lang_of(const char *name);

/* The text in the chosen language, or in a given one; "" for T_NONE. Lives as long as the program. */
const char *tr(enum text_id id);
const char *tr_in(enum lang lang, enum text_id id);

/* Adds a French text with Québec's spaces: U+00A0 before « : », « % » and », and after «; nothing
 * before ; ! ? */
void say_add_spaced(struct buf *out, const char *french);

/* Adds a text with its arguments in place; a NULL argument adds nothing. */
void tr_add_args(struct buf *out, enum text_id id, const char *const *args, size_t count);
#define tr_add(out, id, ...)                                                                       \
    tr_add_args((out), (id), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL},               \
                sizeof((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL}) / sizeof(char *) -  \
                    1)

/* Singular or plural: 0 and 1 are singular in French, only 1 in English. */
enum text_id tr_plural(uint64_t n, enum text_id one, enum text_id many);

/* err_set with translated message and hint (T_NONE: no hint). Returns -1. */
int say_err_args(struct err *e, enum err_kind kind, const char *field, enum text_id hint,
                 enum text_id message, const char *const *args, size_t count);
#define say_err(e, kind, field, hint, message, ...)                                                \
    say_err_args((e), (kind), (field), (hint), (message),                                          \
                 (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL},                           \
                 sizeof((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL}) / sizeof(char *) - \
                     1)

#endif
