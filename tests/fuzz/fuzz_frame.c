/*
 * fuzz_frame.c - a stream cut in pieces gives the same lines as the stream whole. The first byte
 * is the size of the pieces.
 */
#include "api/common/frame.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lines_of(const uint8_t *data, size_t size, size_t piece, struct buf *out)
{
    struct frame_reader r;

    frame_init(&r);
    for (size_t at = 0; at < size; at += piece) {
        struct err e = {0};
        if (frame_feed(&r, data + at, piece < size - at ? piece : size - at, &e) < 0)
            abort(); /* inputs are far smaller than the longest line */
        size_t len;
        for (char *line; (line = frame_next(&r, &len));) {
            if (len == 0 || memchr(line, '\n', len) || line[len] != '\0')
                abort();
            buf_add(out, line, len);
            buf_add_char(out, '\n');
        }
    }
    frame_fini(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_BUF struct buf whole = BUF_INIT(8 << 20), cut = BUF_INIT(8 << 20);

    if (size < 2 || size > 1 << 19)
        return 0;
    lines_of(data + 1, size - 1, size - 1, &whole);
    lines_of(data + 1, size - 1, data[0] % 16 + 1, &cut);
    if (whole.len != cut.len || (whole.len > 0 && memcmp(whole.data, cut.data, cut.len) != 0))
        abort();
    return 0;
}
