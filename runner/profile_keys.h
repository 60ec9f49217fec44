/*
 * profile_keys.h - the keys of a profile file that are not system calls. Private to the profile module.
 */
#ifndef ENCLOS_RUNNER_PROFILE_KEYS_H
#define ENCLOS_RUNNER_PROFILE_KEYS_H

#include "runner/profile.h"
#include "runner/profile_rules.h"

/* Adds what a file says to what is inherited. `child`: it extends another profile. */
MUST_USE int keys_apply(struct profile *p, const struct profile_source *s, bool child,
                        struct err *e);
void keys_fini(struct profile *p);

/* The word of a file for it: "none", "loopback", "proxy". */
const char *keys_network_word(const struct profile *p);

#endif
