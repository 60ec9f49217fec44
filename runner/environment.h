/*
 * environment.h - the environment variables of the program, from least to most specific: the lab's
 * own, the machine's (profile host_env), threads, the profile's, the run's. A later one wins, except
 * over the lab's own.
 */
#ifndef ENCLOS_RUNNER_ENVIRONMENT_H
#define ENCLOS_RUNNER_ENVIRONMENT_H

#include "api/common/mem.h"
#include "runner/profile.h"
#include "runner/spec.h"

#include <stdbool.h>

/* NULL-ended, in `arena`. `has_python`: the helper is mounted, PYTHONPATH leads to it. */
char **environment_build(const struct spec *spec, const struct profile *profile, bool has_python,
                         struct arena *arena);

#endif
