/*
 * profile_print.h - a profile's rules, and what two profiles differ in, as a text for people.
 */
#ifndef ENCLOS_PROFILE_PRINT_H
#define ENCLOS_PROFILE_PRINT_H

#include "api/cli/term.h"
#include "api/common/json.h"

/* The rules of a `profile.get` with effective. */
void profile_print_rules(struct buf *out, const struct term *t, const struct json *profile);
/* A `profile.diff`, in words. */
void profile_print_diff(struct buf *out, const struct term *t, const struct json *diff);
/* A value of "network", "exec", "landlock" ... in the reader's language. */
const char *profile_word(const char *value);
/* The name of one of these keys, likewise. */
const char *profile_setting(const char *key);

#endif
