/*
 * hint.h - what the name of a column suggests, in French and in English.
 */
#ifndef ENCLOS_INSPECT_HINT_H
#define ENCLOS_INSPECT_HINT_H

#include "api/inspect/ident.h"

enum hint_class {
    HINT_NONE,
    HINT_DIRECT,    /* tells who it is: values are never shown */
    HINT_QUASI,     /* with others tells who it may be */
    HINT_SENSITIVE, /* tells something about a person */
};

struct hint {
    const char *name;      /* "last_name"; NULL: nothing */
    enum hint_class class;
    enum ident kind;       /* IDENT_COUNT: no kind of its own */
    unsigned rank;         /* among quasi-identifiers, 1 first */
};

/* name: UTF-8, any case, accents, snake_case or camelCase. */
struct hint hint_of(const char *name);
const char *hint_class_name(enum hint_class c); /* "direct", "quasi", "sensitive", or NULL */

/* Lower case, accents folded, words joined by '_'; cut to fit. */
void hint_fold(const char *name, char *out, size_t size);

#endif
