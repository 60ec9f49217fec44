/*
 * scheduler.h - which queued run starts next. Pure logic: no clock, no input or output, no loop.
 *
 * Order: priority, then fair share (the party that uses least of the lab now goes first), then age.
 * A run that does not fit yet may be passed by smaller ones, but only for a bounded time: then it gets
 * a reservation, and only runs that cannot delay it may still start.
 */
#ifndef ENCLOS_SCHEDULER_H
#define ENCLOS_SCHEDULER_H

#include "api/common/err.h"
#include "api/common/text.h"
#include <stdint.h>

struct sched;

struct sched_config {
    int64_t cpus_milli;
    int64_t memory_bytes;
    int64_t patience_us; /* how long a run that was passed waits before it gets a reservation */
    size_t queue_max;    /* queued runs, past which sched_add answers E_LIMIT */
};

struct sched_job {
    char id[TEXT_ID_SIZE];
    char party[64]; /* who shares: a project, or else "uid:N" */
    int64_t cpus_milli;
    int64_t memory_bytes;
    int64_t wall_ms; /* its time limit; 0: none */
    int64_t created_us;
    int priority;
};

struct sched *sched_new(const struct sched_config *config);
void sched_free(struct sched *s);

/* Whether such a run could ever start here. E_LIMIT naming the resource. */
MUST_USE int sched_fits(const struct sched *s, int64_t cpus_milli, int64_t memory_bytes,
                        struct err *e);

MUST_USE int sched_add(struct sched *s, const struct sched_job *job, struct err *e);  /* queued */
void sched_add_running(struct sched *s, const struct sched_job *job, int64_t now_us); /* adopted */
void sched_remove(struct sched *s,
                  const char *id); /* queued or running: it is over. Unknown: nothing */

/* Takes the next run that may start now out of the queue and counts it as running. False: none. Call until
 * false after each change, and at the time *again_us gives (0: no need to). */
bool sched_next(struct sched *s, int64_t now_us, char id[TEXT_ID_SIZE], int64_t *again_us);

/* Why a queued run is not started, in English, into out; false when it is not queued. */
bool sched_reason(const struct sched *s, const char *id, char *out, size_t out_size);

size_t sched_queued(const struct sched *s);
size_t sched_queued_by(const struct sched *s, const char *party);
size_t sched_running(const struct sched *s);
void sched_used(const struct sched *s, int64_t *cpus_milli, int64_t *memory_bytes);

#endif
