/*
 * journal.h - writes the `log` of a run folder: output, metrics and events, bounded.
 *
 * The first `head_bytes` of standard output and error are appended as they come. What follows goes
 * through a ring of JOURNAL_TAIL_BYTES, of which the oldest part is dropped and counted; the ring
 * is appended at the end. So ten gigabytes on standard output cost the monitor no memory, and both
 * the beginning and the end are there to read. Metrics have their own bounds. Every frame counts with
 * its header, so that a byte a write is no way to a larger file.
 *
 * A disk that is full is no fault of the run: what cannot be appended goes through the ring as well, is
 * tried again at the end, and is counted as dropped when it still does not fit.
 */
#ifndef ENCLOS_RUNNER_JOURNAL_H
#define ENCLOS_RUNNER_JOURNAL_H

#include "api/common/buf.h"
#include "api/common/err.h"
#include "api/common/runlog.h"

#include <stdbool.h>
#include <stdint.h>

enum { JOURNAL_TAIL_BYTES = 256 << 10, JOURNAL_LINE_BYTES = 4096, JOURNAL_METRIC_BYTES = 64 << 20,
       JOURNAL_ECHO_BYTES = 1 << 20 };

struct journal {
    int fd;
    bool echo; /* `exec`: standard output and error are passed on as well */
    struct buf waiting[2];     /* of the echo, for readers slower than the run: they never hold us up */
    int64_t not_echoed_bytes; /* what went past that */
    int write_errno; /* the last append failed (disk full): nothing follows it until the end */
    bool broken;     /* a partial frame ends the file */
    int64_t head_left_bytes;
    int64_t kept_bytes, dropped_bytes;
    int64_t metric_lines, bad_lines, dropped_lines, metric_bytes, lost_events;
    char *ring; /* whole frames, oldest at `start`, wrapping; allocated at the first need */
    size_t start, used;
    char line[JOURNAL_LINE_BYTES];
    size_t line_len;
    bool line_too_long;
};

/* Creates the file (it must not exist) and keeps its descriptor. */
MUST_USE int journal_open(struct journal *j, int run_fd, int64_t head_bytes, bool echo_on, struct err *e);

void journal_output(struct journal *j, enum runlog_stream stream, const char *bytes, size_t len);

/* Bytes from the metrics channel, cut into lines: each must be one strict JSON object of at most
 * JOURNAL_LINE_BYTES. A bad one is counted and, the first hundred times, shown with its reason. */
void journal_metrics(struct journal *j, const char *bytes, size_t len);

/* A JSON object of the monitor's own. */
void journal_event(struct journal *j, const char *json);

/* Appends the tail and syncs the file. E_LIMIT or another kind when something could not be kept: the
 * counters tell how much. */
MUST_USE int journal_finish(struct journal *j, struct err *e);

#endif
