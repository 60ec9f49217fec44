/*
 * profile_preload.h - the key `preload` of a profile. See profile_preload.c.
 */
#ifndef ENCLOS_RUNNER_PROFILE_PRELOAD_H
#define ENCLOS_RUNNER_PROFILE_PRELOAD_H

#include "runner/profile.h"
#include "runner/profile_rules.h"

MUST_USE int preload_apply(struct profile *p, const struct profile_source *s, struct err *e);
void preload_fini(struct profile *p);

#endif
