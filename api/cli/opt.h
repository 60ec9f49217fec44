/*
 * opt.h - options of a command, from a table: --name VALUE, --name=VALUE, -x.
 *
 * Options may stand anywhere, unless the command takes a command line of its own: then they end at
 * its first word. `--` always ends them. Errors are about usage and suggest what was meant.
 */
#ifndef ENCLOS_OPT_H
#define ENCLOS_OPT_H

#include "api/cli/say.h"
#include <stdbool.h>
#include <stddef.h>

struct opt {
    const char *name;   /* NULL ends a table */
    char letter;        /* or 0 */
    enum text_id value; /* what its value is called; T_NONE: it takes none */
    enum text_id help;
    bool repeats;
};

struct args; /* borrows argv */

struct args *args_new(void);
void args_free_at(struct args **a);
#define AUTO_ARGS __attribute__((cleanup(args_free_at)))

/* Reads argv, looking options up in `options` and in `shared` (either may be NULL). */
enum args_mode {
    ARGS_ANYWHERE, /* options may follow words */
    ARGS_TO_WORD,  /* the first word and all after it are words */
    ARGS_KNOWN,    /* only options of the tables; stops at anything else */
};
MUST_USE int args_parse(struct args *a, const struct opt *options, const struct opt *shared,
                        int argc, char **argv, enum args_mode mode, struct err *e);

size_t args_word_count(const struct args *a);
char **args_words(const struct args *a);               /* NULL-ended */
const char *args_word(const struct args *a, size_t i); /* NULL past the end */
/* After words were read elsewhere: keeps the first `count`, drops those up to `from`. */
void args_drop_words(struct args *a, size_t count, size_t from);
bool args_had_separator(const struct args *a);

bool args_has(const struct args *a, const char *name);
const char *args_get(const struct args *a, const char *name); /* the last one given, or NULL */
/* Each value of a repeated option: start with *at = 0; NULL at the end. */
const char *args_each(const struct args *a, const char *name, size_t *at);

/* The nearest of `names` (count of them, some NULL) to a mistyped one, or NULL. */
const char *opt_nearest(const char *typed, const char *const *names, size_t count);

#endif
