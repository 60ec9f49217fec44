/*
 * ignore.h - which files of a code folder stay out of its snapshot: a subset of gitignore.
 *
 * One pattern a line; blank lines and lines starting with # say nothing. `*`, `?` and `[...]` do not
 * cross a slash. A pattern with a slash at its start or in its middle is anchored to the folder, any
 * other matches at every depth; a slash at its end matches folders only; "**" + "/" at the start is
 * every depth; `!` takes back. The last pattern that matches decides. What lies in an ignored folder
 * is not looked at, so it cannot be taken back.
 */
#ifndef ENCLOS_IGNORE_H
#define ENCLOS_IGNORE_H

#include "api/common/err.h"
#include <stdbool.h>
#include <stddef.h>

enum { IGNORE_RULES_MAX = 1000 };

struct ignore;

/* With the rules that every code folder has: .git, __pycache__, .venv, node_modules. */
struct ignore *ignore_new(void);
void ignore_free_at(struct ignore **g);
#define AUTO_IGNORE __attribute__((cleanup(ignore_free_at)))

/* Adds the rules of a text (.enclosignore). */
MUST_USE int ignore_add(struct ignore *g, const char *text, size_t len, struct err *e);

bool ignore_match(const struct ignore *g, const char *path, bool is_folder);

#endif
