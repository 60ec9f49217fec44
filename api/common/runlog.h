/*
 * runlog.h - the `log` file of a run folder: everything a run says, in order, in one file.
 *
 * A sequence of frames, each written with one append: a header of 16 bytes, then `len` bytes. Integers
 * are little-endian.
 *
 *     0        4   5   6     8               16
 *     +--------+---+---+-----+---------------+------ - -
 *     | len    |str|flg|magic| time_us       | bytes
 *     +--------+---+---+-----+---------------+------ - -
 *
 * A frame's offset in the file is its number for watchers: strictly increasing, so a watch resumes
 * from any of them. A frame that is cut short is the end of the file for now (the writer was
 * stopped in the middle, or is about to finish).
 *
 * Output past the head limit is kept in a ring by the monitor and appended after a RUNLOG_GAP frame
 * when the run ends; these tail frames keep the time at which they were read.
 */
#ifndef ENCLOS_RUNLOG_H
#define ENCLOS_RUNLOG_H

#include "api/common/err.h"
#include <stddef.h>
#include <stdint.h>

enum runlog_stream {
    RUNLOG_STDOUT = 1,
    RUNLOG_STDERR = 2,
    RUNLOG_METRIC = 3, /* one JSON object that the run wrote to ENCLOS_METRICS_FD, no LF */
    RUNLOG_EVENT = 4,  /* one JSON object of the monitor: {"event":"running",...} */
    RUNLOG_GAP = 5,    /* {"dropped_bytes":N}: what stood here was not kept */
};

enum { RUNLOG_HEADER_BYTES = 16, RUNLOG_FRAME_MAX_BYTES = 64 << 10, RUNLOG_MAGIC = 0xE1C5 };

struct runlog_frame {
    enum runlog_stream stream;
    int64_t time_us;   /* CLOCK_REALTIME when the monitor read it */
    const char *bytes; /* borrowed */
    size_t len;
    uint64_t offset;   /* of the frame in the file; the reader's caller adds its base */
};

/* Writes the header for a payload of `len` bytes. */
void runlog_header(unsigned char out[RUNLOG_HEADER_BYTES], enum runlog_stream stream, size_t len,
                   int64_t time_us);

/* Reads the frame at p. Returns the bytes it takes (header included), 0 when it is not whole yet,
 * or -1 when these bytes are no frame (e: E_INTERNAL, corrupt). f->offset is not set. */
MUST_USE long runlog_read(const char *p, size_t len, struct runlog_frame *f, struct err *e);

#endif
