/*
 * buf.h - a growable, bounded byte buffer.
 *
 * Going past `max_bytes` does not abort: the buffer keeps what it had, `failed` becomes true and
 * further additions do nothing, so that a writer checks once at the end. `data` is always
 * NUL-terminated (the NUL is not counted in len) once something was added or buf_cstr was called.
 */
#ifndef ENCLOS_BUF_H
#define ENCLOS_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max_bytes;
    bool failed;
};

#define BUF_INIT(max) { .max_bytes = (max) }

void buf_init(struct buf *b, size_t max_bytes);
void buf_fini(struct buf *b);
#define AUTO_BUF __attribute__((cleanup(buf_fini)))

void buf_clear(struct buf *b);                    /* len = 0, keeps memory, failed = false */
void buf_add(struct buf *b, const void *p, size_t len);
void buf_add_str(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_consume(struct buf *b, size_t len);      /* drops the first len bytes */
char *buf_reserve(struct buf *b, size_t len);     /* room for len more bytes at the end, or NULL: then b->len += n */
const char *buf_cstr(struct buf *b);              /* never NULL */
char *buf_take(struct buf *b);                    /* gives data (caller frees), b becomes empty */

#endif
