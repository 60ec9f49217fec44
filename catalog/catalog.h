/*
 * catalog.h - the catalog's threads: one that writes (group commit), one that reads.
 *
 *     caller thread            writer thread                        caller thread
 *     catalog_write --queue--> BEGIN                                wake() --> catalog_drain
 *                              SAVEPOINT, work, RELEASE (each job)             done(ctx, err)
 *                              COMMIT (one fsync for all)  --list-->
 *
 * A job that fails rolls back its own savepoint only. When the COMMIT fails every job of its group
 * gets the error, and the writer goes on with the next group. `done` with a NULL error therefore
 * means: it is on the disk. Work functions know this folder's functions only and must not keep
 * `db`.
 */
#ifndef ENCLOS_CATALOG_CATALOG_H
#define ENCLOS_CATALOG_CATALOG_H

#include "api/common/err.h"
#include <stddef.h>
#include <stdint.h>

struct cat;
struct catalog;

/* Runs on the catalog's thread. ctx is the caller's: it must live until done was called. */
typedef int catalog_work(struct cat *db, void *ctx, struct err *e);
/* Runs on the thread that calls catalog_drain (or catalog_close). e is NULL when all is well. */
typedef void catalog_done(void *ctx, const struct err *e);

struct catalog_options {
    /* Called from the catalog's threads when something is to be drained. May be NULL. */
    void (*wake)(void *ctx);
    void *wake_ctx;
    /* A migration is about to be applied: its number of how many. From catalog_open. May be NULL. */
    void (*migrating)(void *ctx, int number, int of, const char *name);
    /* The file was found damaged while the lab works (see below). From a thread of the catalog. May be NULL. */
    void (*damaged)(void *ctx, const struct err *why);
    void *ctx;
    size_t queue_max; /* jobs that may wait, for each of the two threads; 0: 4096 */
    size_t group_max; /* jobs in one commit; 0: 512 */
    int64_t check_now_bytes; /* 0: CATALOG_CHECK_NOW_BYTES */
};

/* Opens or creates `path`, applies the migrations, starts the threads. The options are copied.
 *
 * After an unclean stop the file is checked: at once when that takes no time, else (more than
 * CATALOG_CHECK_NOW_BYTES) beside the work, at the lowest priority, once the end of the audit chain was found
 * whole. A kill or a power cut cannot tear a page (each is in the WAL with its checksum before it is in the file):
 * what the check looks for is a disk that lies, and that is no likelier after such a stop than on any other day.
 * FILE-unchecked stands beside the file until the check has come to its end.
 * When it finds something, jobs that write are refused from then on, and reads go on. */
enum { CATALOG_CHECK_NOW_BYTES = 64 << 20 };
MUST_USE int catalog_open(const char *path, const struct catalog_options *options,
                          struct catalog **out, struct err *e);

/* Refuses new jobs, finishes those that wait, calls every `done` that is due, stops the threads. */
void catalog_close(struct catalog *c);

/* Queue a job. E_UNAVAILABLE when the queue is full or the catalog is closing (then neither work
 * nor done will be called). `done` may be NULL. Any thread may call. A reader sees one
 * consistent snapshot and never waits for the writer. */
MUST_USE int catalog_write(struct catalog *c, catalog_work *work, catalog_done *done, void *ctx,
                           struct err *e);
MUST_USE int catalog_read(struct catalog *c, catalog_work *work, catalog_done *done, void *ctx,
                          struct err *e);

/* Calls the `done` of all jobs that ended; returns how many. One thread only (the loop's). */
size_t catalog_drain(struct catalog *c);

/* For start-up and tests: queue, and block until the work is committed (or read). Not from a `done`
 * nor from a work function. */
MUST_USE int catalog_write_sync(struct catalog *c, catalog_work *work, void *ctx, struct err *e);
MUST_USE int catalog_read_sync(struct catalog *c, catalog_work *work, void *ctx, struct err *e);

struct catalog_stats {
    uint64_t writes, groups, commit_failures, reads;
    size_t write_queue, read_queue; /* waiting now */
    int64_t last_commit_us;         /* duration of the last COMMIT */
    enum {
        CATALOG_CLEAN,    /* the last stop was clean: nothing was checked */
        CATALOG_CHECKING, /* it was not: the file is being checked */
        CATALOG_CHECKED,  /* and was found whole */
        CATALOG_DAMAGED
    } check;
};
void catalog_stats(struct catalog *c, struct catalog_stats *out);

#endif
