/*
 * frame.h - messages on the socket: one JSON text a line, LF, at most FRAME_MAX_BYTES.
 *
 * The reader is fed bytes as they come and hands out whole lines in place.
 */
#ifndef ENCLOS_FRAME_H
#define ENCLOS_FRAME_H

#include "api/common/buf.h"
#include "api/common/err.h"

enum { FRAME_MAX_BYTES = 1 << 20 };

struct frame_reader {
    struct buf in;
    size_t scanned; /* bytes of `in` known to hold no LF */
    size_t taken;   /* bytes of lines handed out already, dropped when more bytes come */
};

void frame_init(struct frame_reader *r);
void frame_fini(struct frame_reader *r);

/* Adds bytes. E_LIMIT when a line grows past FRAME_MAX_BYTES without its LF: the peer cannot be
 * followed any more, close it. */
MUST_USE int frame_feed(struct frame_reader *r, const void *p, size_t len, struct err *e);

/* The next whole line without its LF (borrowed until the next call on r; a trailing CR is dropped),
 * or NULL when none is complete. Empty lines are skipped. */
char *frame_next(struct frame_reader *r, size_t *len);

#endif
