/*
 * profile_network.h - the key `allow_hosts` of a profile. Private to the profile module.
 */
#ifndef ENCLOS_RUNNER_PROFILE_NETWORK_H
#define ENCLOS_RUNNER_PROFILE_NETWORK_H

#include "runner/profile.h"
#include "runner/profile_rules.h"

/* Adds what a file lists to what is inherited. After the key `network` of the same file. */
MUST_USE int allow_hosts_apply(struct profile *p, const struct profile_source *s, struct err *e);
void allow_hosts_fini(struct profile *p);

#endif
