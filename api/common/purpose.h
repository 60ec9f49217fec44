/*
 * purpose.h - what data may be used for: codes that runs, grants and dataset cards name.
 *
 * The codes are stable and English; people read the titles. `quality` is what a custodian does to know
 * their own data.
 */
#ifndef ENCLOS_PURPOSE_H
#define ENCLOS_PURPOSE_H

#include <stddef.h>

struct purpose {
    const char *code;
    const char *title_en, *title_fr;
};

#define PURPOSE_DEFAULT "experimentation"
#define PURPOSE_QUALITY "quality"

/* In the order in which they are shown; NULL past the last one. */
const struct purpose *purpose_at(size_t index);
const struct purpose *purpose_find(const char *code); /* NULL: none */

/* All codes, NULL-ended: the choices of a parameter. */
extern const char *const purpose_codes[];

#endif
