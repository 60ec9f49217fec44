/*
 * frame.c - lines out of a byte stream, in place.
 *
 * Every byte is looked at once for its LF however the peer cuts its writes: `scanned` remembers
 * how far. Lines handed out are only dropped from the buffer when more bytes come, so that a
 * thousand small lines in one read cost one move.
 */
#include "api/common/frame.h"

#include <string.h>

/* The longest line and its CR LF, behind whole lines of the same feed that wait to be taken. */
enum { BUFFER_MAX_BYTES = 4 * FRAME_MAX_BYTES };

void frame_init(struct frame_reader *r)
{
    *r = (struct frame_reader){.in = BUF_INIT(BUFFER_MAX_BYTES)};
}

void frame_fini(struct frame_reader *r)
{
    buf_fini(&r->in);
    r->scanned = 0;
    r->taken = 0;
}

static int too_long(struct err *e)
{
    return err_set(e, E_LIMIT, NULL, "send a shorter message, or the data in chunks",
                   "a message is longer than %d bytes", FRAME_MAX_BYTES);
}

int frame_feed(struct frame_reader *r, const void *p, size_t len, struct err *e)
{
    buf_consume(&r->in, r->taken);
    r->scanned -= r->taken;
    r->taken = 0;

    /* How much of the line that these bytes go on with is there already. When all lines were taken
     * (the usual case) that is the whole buffer. */
    size_t before = r->in.len;
    if (r->scanned < r->in.len) {
        const char *lf = memrchr(r->in.data, '\n', r->in.len);
        if (lf)
            before = (size_t)(r->in.data + r->in.len - lf) - 1;
    }
    const char *at = p;
    size_t left = len;
    while (left > 0) {
        const char *lf = memchr(at, '\n', left);
        size_t piece = lf ? (size_t)(lf - at) : left;
        if (piece > FRAME_MAX_BYTES || before > FRAME_MAX_BYTES - piece)
            return too_long(e);
        if (!lf)
            break;
        before = 0;
        at = lf + 1;
        left -= piece + 1;
    }
    buf_add(&r->in, p, len);
    if (r->in.failed)
        return err_set(e, E_LIMIT, NULL, "take the messages that are complete",
                       "more than %d bytes of messages wait to be read", BUFFER_MAX_BYTES);
    return 0;
}

char *frame_next(struct frame_reader *r, size_t *len)
{
    while (r->scanned < r->in.len) {
        char *start = r->in.data + r->taken;
        char *lf = memchr(r->in.data + r->scanned, '\n', r->in.len - r->scanned);
        if (!lf) {
            r->scanned = r->in.len;
            break;
        }
        size_t n = (size_t)(lf - start);
        r->taken = r->scanned = (size_t)(lf - r->in.data) + 1;
        if (n > 0 && start[n - 1] == '\r')
            n--;
        if (n == 0)
            continue;
        start[n] = '\0';
        *len = n;
        return start;
    }
    return NULL;
}
