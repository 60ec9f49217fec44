/*
 * profile_devices.h - the key "devices": sets of device nodes that a profile gives to runs. Private to the
 * profile module; priv_devices.c gives them.
 */
#ifndef ENCLOS_RUNNER_PROFILE_DEVICES_H
#define ENCLOS_RUNNER_PROFILE_DEVICES_H

#include "runner/profile.h"
#include "runner/profile_rules.h"

/* Adds the sets of a file to those inherited. */
MUST_USE int devices_apply(struct profile *p, const struct profile_source *s, struct err *e);
void devices_fini(struct profile *p);

#endif
