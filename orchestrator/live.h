/*
 * live.h - runs that are not finished, as the loop knows them: from the queue to the end of ingest.
 *
 *   QUEUED -> MOVING -> PREPARING -> LAUNCHING -> GOING -> ENDING -> (gone from memory)
 *                           ^            |          ^
 *                           +-- JUDGING -+----------+     after a restart of daemon or launcher
 *
 * The catalog has the truth (queued, starting, running, finished); a phase only says which step is under
 * way. Every step is asynchronous, carries the run's id and finds the run again.
 */
#ifndef ENCLOS_LIVE_H
#define ENCLOS_LIVE_H

#include "api/common/mem.h"
#include "api/common/runfolder.h"
#include "api/common/text.h"
#include "catalog/run.h"
#include "orchestrator/scheduler.h"
#include <uv.h>

struct lab;
struct proxy;
struct request;
struct watch;

enum live_phase {
    LIVE_QUEUED,
    LIVE_MOVING,    /* queued -> starting is being written */
    LIVE_PREPARING, /* trees, folder, spec */
    LIVE_LAUNCHING, /* the launcher was asked */
    LIVE_JUDGING,   /* its folder is looked at: did a monitor start? */
    LIVE_GOING,     /* a monitor has it (or had it: then its end is being read) */
    LIVE_ENDING,    /* its end is being written */
};

struct live {
    struct lab *lab;
    char id[TEXT_ID_SIZE];
    enum live_phase phase;
    enum run_state state; /* as the catalog has it */
    struct sched_job job;
    struct run_dataset *datasets; /* in `arena` */
    size_t dataset_count;
    struct run_environment environment; /* texts in `arena` */
    struct arena *arena;
    bool cancel;       /* somebody asked, durably */
    uint64_t stored;   /* position in the log that the catalog has */
    uint64_t position; /* position in the log that was read */
    int tries;         /* of the step under way */
    /* GOING */
    int pidfd;
    uv_poll_t *gone_poll;
    uv_fs_event_t *folder_watch;
    uv_timer_t *timer;
    bool monitor_gone, reading, read_again;
    bool running_told; /* "running" was seen in the log */
    int64_t last_read_us;
    struct watch *watches;
    bool may_have_proxy; /* its profile may give it a network: see proxy.h */
    struct proxy *proxy;
};

struct live *live_find(const struct lab *lab, const char *id); /* NULL: not known, or finished */

/* A run that was just committed as queued. */
void live_submitted(struct lab *lab, const struct sched_job *job);
/* At start: what the catalog has as unfinished. */
void live_recover(struct lab *lab, const struct run_row *rows, size_t count);
/* Starts what fits. */
void live_schedule(struct lab *lab);
/* Frees all, at the end. Runs go on. */
void live_close_all(struct lab *lab);

/* From the launcher's client. */
void live_launched(struct lab *lab, const char *id, int monitor_pid, int pidfd); /* takes pidfd */
void live_refused(struct lab *lab, const char *id, int os_errno, const char *why);
void live_judge(struct lab *lab, const char *id);

/* Takes a queued run out of the queue while its cancellation is written. */
bool live_hold(struct lab *lab, const char *id);
/* After it: done (the run is finished) or not (back into the queue). */
void live_unhold(struct lab *lab, const char *id, bool finished);
/* The catalog has noted a cancellation of a run that is not queued. */
void live_cancelled(struct lab *lab, const char *id);

/* The way from GOING on: ingest.c. */
void live_kick(struct live *v, bool urgent); /* something may have changed in its folder */

/* For ingest.c and start.c. */
void live_free(struct live *v);
void live_later(struct live *v, int64_t delay_ms, void (*step)(struct live *v));
void live_end(struct live *v, enum verdict verdict, const char *reason, const char *failed_json);
void live_ended(struct live *v); /* the catalog has it as finished: tell all, forget */
void live_set_state(struct live *v, enum run_state state);
void live_going(struct live *v,
                int pidfd); /* a monitor has it; pidfd (taken) may be -1: it is gone */

/* Waiting for an end: live_wait.c. */
void live_wait(struct request *q, const char *id, int64_t timeout_ms); /* takes q */
void live_wait_wake(struct lab *lab, const char *id);
void live_wait_conn_closed(struct lab *lab, uint64_t conn_id);
void live_wait_stop(struct lab *lab);

#endif
