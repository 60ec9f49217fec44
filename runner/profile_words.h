/*
 * profile_words.h - a profile's rules in words and as JSON, for people and for the lab's API. Private to the
 * profile module.
 */
#ifndef ENCLOS_RUNNER_PROFILE_WORDS_H
#define ENCLOS_RUNNER_PROFILE_WORDS_H

#include "api/common/json.h"
#include "runner/profile.h"
#include "runner/profile_rules.h"

/* "family: AF_INET AF_INET6, type: SOCK_STREAM", empty for a rule without conditions. Names and numbers only: the
 * same in every language. */
void words_of_rule(const struct profile_rule *rule, struct buf *out);

/* One value of each condition, by its place in the list of values. */
void words_of_values(const struct profile_rule *rule, const size_t *at, struct buf *out);

/* The name of a value of one of its arguments (AF_INET), or NULL. */
const char *words_constant(int nr, unsigned index, uint64_t value);

/* "any", "once"; "yes", "no" ... : the value of one of the settings that words_settings names. */
extern const char *const words_settings[];
void words_of_setting(const struct profile *p, size_t i, struct buf *out);

/* Entries of the files, in the order in which they were written: [{rule, group, names, when, errno, why, why_fr, file,
 * line}]. What a later file took away or changed is not there. */
void words_entries(struct jw *w, const struct profile *p);

/* What each of the two allows that the other does not: {a, b, settings, only_a, only_b, env, devices}. */
void words_diff(struct jw *w, const struct profile *a, const struct profile *b);

#endif
