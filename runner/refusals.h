/*
 * refusals.h - answers the calls that a run's filter does not allow, and remembers them by name.
 *
 * The kernel stops the caller and asks the monitor (seccomp user notification); the answer is an
 * errno of the profile, never "continue", except for the calls with paths that `report_paths` asks to see:
 * those are let through whatever the monitor thinks of them, because nothing is decided here, the
 * mounts and Landlock decide; and for the one execution of a profile with exec: once, which the job makes
 * while it is still our own code. Allowed calls never come this way and cost nothing.
 */
#ifndef ENCLOS_RUNNER_REFUSALS_H
#define ENCLOS_RUNNER_REFUSALS_H

#include "api/common/json.h"
#include "runner/profile.h"
#include "runner/spec.h"

#include <stdbool.h>

struct learn;

/* Every system call has its row, so that none hides behind others; paths are the run's to invent. */
enum { REFUSALS_MAX = 704, REFUSALS_PATHS_MAX = 64, REFUSALS_BURST = 20000, REFUSALS_PER_SECOND = 2000 };

struct refusal {
    bool path; /* else a system call */
    int nr;
    int os_errno;
    char name[160];  /* system call, or path */
    char detail[96]; /* its arguments, or what was tried */
    int64_t count;
};

struct refusals {
    struct refusal *rows; /* grows */
    size_t count, room;
    size_t path_count;
    int64_t others; /* paths past REFUSALS_PATHS_MAX, calls past REFUSALS_MAX */
    int64_t tokens;
    int64_t refilled_us;
    /* exec: once. How many executions the job has announced on the set-up page, and how many of them were let
     * through: the program that one of these starts no longer has that page, so nothing more gets through. NULL:
     * the filter decides about executions. */
    const volatile unsigned *exec_announced;
    unsigned exec_let;
    struct learn *learn; /* or NULL: see learn.h */
};

void refusals_init(struct refusals *r);
void refusals_fini(struct refusals *r);

/* Answers one waiting call. Returns 1 when the run has spent its budget of refused calls (the
 * caller ends it), 0 otherwise. */
int refusals_answer(struct refusals *r, int listener, const struct profile *p, const struct spec *spec);

/* What the layout of priv_mounts.c will answer to an open of this path, judged by its text alone
 * ("." and ".." resolved): an errno, or 0 when it may pass or nothing can be told. `path` gets the
 * normal form, *why a word for people. */
int refusals_judge_path(const char *raw, bool writes, const struct spec *spec, char *path, size_t size,
                        const char **why);

/* Writes the array of record.json's `denied`. */
void refusals_print(const struct refusals *r, struct jw *w);

#endif
