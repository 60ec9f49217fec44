/*
 * buf.c - a growable, bounded byte buffer.
 *
 * The memory always has one byte more than the content may take, for the NUL.
 */
#include "api/common/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 256 };

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf)BUF_INIT(max_bytes);
}

void buf_fini(struct buf *b)
{
    free(b->data);
    *b = (struct buf)BUF_INIT(b->max_bytes);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = '\0';
}

/* Room for len more bytes and a NUL, or false and failed. */
static bool grow(struct buf *b, size_t len)
{
    if (b->failed)
        return false;
    if (len > b->max_bytes || b->len > b->max_bytes - len || b->max_bytes == SIZE_MAX) {
        b->failed = true;
        return false;
    }
    size_t need = b->len + len + 1;
    if (need <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap : FIRST_BYTES;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    if (cap > b->max_bytes + 1)
        cap = b->max_bytes + 1;
    char *data = realloc(b->data, cap);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = cap;
    return true;
}

void buf_add(struct buf *b, const void *p, size_t len)
{
    if (!grow(b, len))
        return;
    if (len > 0)
        memcpy(b->data + b->len, p, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_add_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_add_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    size_t room = b->cap > b->len ? b->cap - b->len : 0;

    if (b->failed)
        return;
    va_start(ap, fmt);
    va_copy(again, ap);
    int len = vsnprintf(room ? b->data + b->len : NULL, room, fmt, ap);
    va_end(ap);
    if (len < 0) {
        b->failed = true;
    } else if (grow(b, (size_t)len)) {
        if ((size_t)len >= room)
            vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    }
    va_end(again);
    if (b->data)
        b->data[b->len] = '\0'; /* undoes what a refused vsnprintf left */
}

void buf_consume(struct buf *b, size_t len)
{
    if (len > b->len)
        len = b->len;
    if (len == 0)
        return;
    memmove(b->data, b->data + len, b->len - len);
    b->len -= len;
    b->data[b->len] = '\0';
}

char *buf_reserve(struct buf *b, size_t len)
{
    return grow(b, len) ? b->data + b->len : NULL;
}

const char *buf_cstr(struct buf *b)
{
    if (!b->data) {
        b->data = calloc(1, 1);
        if (!b->data)
            return "";
        b->cap = 1;
    }
    b->data[b->len] = '\0';
    return b->data;
}

char *buf_take(struct buf *b)
{
    (void)buf_cstr(b);
    char *data = b->data ? b->data : calloc(1, 1);
    if (!data)
        abort();
    *b = (struct buf)BUF_INIT(b->max_bytes);
    return data;
}
