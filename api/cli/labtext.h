/*
 * labtext.h - what the lab says in English, said in the reader's language.
 *
 * The API's messages, hints and reasons are English whatever the reader's locale; --json gives them
 * as they are. On a terminal they go through here: labtexts.def has the known ones, by pattern, and
 * what is not known stays as the lab said it.
 */
#ifndef ENCLOS_LABTEXT_H
#define ENCLOS_LABTEXT_H

#include "api/common/buf.h"
#include <stdbool.h>
#include <stddef.h>

/* Adds a sentence of the lab in the chosen language: in English, its own words. Control bytes pass: whoever shows it escapes. */
void labtext_add(struct buf *out, const char *said);

/* Whether the French of a sentence is known as a whole. */
bool labtext_is_known(const char *said);

/* The table, for the test that walks it. */
struct labtext_row {
    const char *pattern, *french;
};
extern const struct labtext_row labtext_rows[];
extern const size_t labtext_row_count;

#endif
