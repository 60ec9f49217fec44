/*
 * attest.h - what the job has become, beyond what priv_job.c compares: its mounts, its limits, its id maps.
 *
 * Both run in the job when that is as it stays, and before Landlock, which takes the host's /proc away from it: no
 * malloc, no locks. They only copy what the kernel says onto the set-up page; the monitor makes JSON of it after the
 * run (attest_print).
 */
#ifndef ENCLOS_RUNNER_ATTEST_H
#define ENCLOS_RUNNER_ATTEST_H

#include "api/common/json.h"
#include "runner/sandbox.h"

/* The id maps, which are as they stay once the job has its user namespace. -1: noted on the page. */
MUST_USE int attest_maps(struct sandbox *s);

/* Limits and mounts. -1: something could not be read, or a mount is weaker than every mount of a run must be; noted on the page. */
MUST_USE int attest_read(struct sandbox *s);

/* Adds the keys uid_map, gid_map, securebits, landlock, rlimits, mounts to the open object. Folders of the host that
 * mounts come from are left out: the record is shown to those who ran it. */
void attest_print(const struct setup_attest *a, struct jw *w);

/* The `n`th word, from 0, of a line that ends at `end`. */
const char *attest_word(const char *line, const char *end, int n, size_t *len);

#endif
