/*
 * progress.h - how far long work on a dataset version is, for whoever asks meanwhile (dataset.progress).
 *
 * The work holds one from its handler to its answer. The list is the loop thread's; the counters may be
 * written by any thread.
 */
#ifndef ENCLOS_PROGRESS_H
#define ENCLOS_PROGRESS_H

#include "catalog/digest.h"
#include <stdatomic.h>
#include <stdint.h>

struct lab;

struct progress {
    struct lab *lab;
    char ref[96];     /* "X@1" */
    const char *what; /* "seal", "verify": static */
    int64_t started_us;
    atomic_uint_fast64_t done_bytes, total_bytes; /* total 0: not known yet */
    struct progress *next;
};

/* Loop. p must live until progress_end, which takes one that never began or has ended, too. */
void progress_begin(struct progress *p, struct lab *lab, const char *what, const char *name,
                    int64_t version);
void progress_end(struct progress *p);

/* The one that began first; NULL: none. Loop. */
const struct progress *progress_find(const struct lab *lab, const char *ref);

/* The step of a digest_progress whose ctx is the progress: false once the lab stops. Any thread; several
 * may tell, the greatest counts. */
bool progress_step(void *progress, uint64_t done_bytes);

#endif
