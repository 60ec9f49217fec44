/*
 * learn.h - finding out what a program needs beyond a profile: the monitor's part.
 *
 * Called by the monitor of a run whose spec says `learn` (made by `enclos-runner profile learn`, never by a lab).
 * A call that the run's profile refuses is let through when, with these very arguments, some profile of the same
 * folder allows it to whoever chooses it; it is written down, and so is what stays refused. So a program that learns
 * can do nothing that it could not do by naming another profile, and what no profile allows (mount, setns, bpf, ptrace,
 * kexec, splice, io_uring ...) is as closed as ever. Everything else of the sandbox is the same, but for the run's own
 * loopback, which is up, and memory that was written, which may be run, when some profile has them so.
 *
 * "Continue" is safe here because the rules look at numbers in registers only, which nobody can change while the kernel
 * holds the caller; nothing is decided by what a pointer points to.
 */
#ifndef ENCLOS_RUNNER_LEARN_H
#define ENCLOS_RUNNER_LEARN_H

#include "api/common/json.h"
#include "runner/profile.h"
#include "runner/spec.h"
#include <linux/seccomp.h>

struct learn;

/* Loads the other profiles of the folder (invalid ones are left out) and changes `p` for learning: silent answers are
 * asked about too. Gives *out, which keeps `spec`. */
MUST_USE int learn_open(const char *dir, int cache_dir_fd, struct profile *p,
                        const struct spec *spec, struct learn **out, struct err *e);
void learn_free(struct learn *l);

/* A call that the profile answers with `os_errno`: noted, and true when it is to be let through. */
bool learn_lets(struct learn *l, const struct seccomp_data *call, int os_errno, const char *detail);

/* The array of record.json's `learned`: [{name, number, args, detail, errno, count, let, by}]. */
void learn_print(const struct learn *l, struct jw *w);

#endif
