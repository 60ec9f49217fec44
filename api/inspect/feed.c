/*
 * feed.c - see feed.h.
 */
#include "api/inspect/feed.h"

#include "api/common/mem.h"
#include "api/inspect/number.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void feed_init(struct feed *f, int fd)
{
    *f = (struct feed){.fd = fd, .memory = mem_alloc(FEED_WINDOW + 2 * (size_t)NUMBER_PAD)};
    f->window = f->memory + NUMBER_PAD;
}

void feed_init_text(struct feed *f, const char *bytes, size_t len)
{
    feed_init(f, -1);
    f->text = bytes;
    f->text_left = len;
}

void feed_fini(struct feed *f)
{
    free(f->memory);
    *f = (struct feed){.fd = -1};
}

static ssize_t some(struct feed *f, char *to, size_t room)
{
    if (f->fd >= 0)
        return read(f->fd, to, room);
    size_t n = f->text_left < room ? f->text_left : room;
    if (n > 0)
        memcpy(to, f->text, n);
    f->text += n;
    f->text_left -= n;
    return (ssize_t)n;
}

int feed_more(struct feed *f, struct err *e)
{
    if (f->start > 0) {
        memmove(f->window, f->window + f->start, f->end - f->start);
        f->end -= f->start;
        f->start = 0;
    }
    while (!f->ended && f->end < FEED_WINDOW) {
        ssize_t n = some(f, f->window + f->end, FEED_WINDOW - f->end);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, NULL, NULL, "cannot read on");
        f->ended = n == 0;
        f->end += (size_t)n;
    }
    return 0;
}
