/*
 * fuzz_runlog.c - any bytes as a run's log: frames stay inside them, and what is read is what would
 * be written.
 */
#include "api/common/runlog.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        struct runlog_frame f;
        struct err e = {0};
        long n = runlog_read((const char *)data + at, size - at, &f, &e);
        if (n <= 0) {
            if ((n < 0) != (e.kind == E_INTERNAL))
                abort();
            break;
        }
        if ((size_t)n > size - at || (size_t)n != f.len + RUNLOG_HEADER_BYTES ||
            f.len > RUNLOG_FRAME_MAX_BYTES)
            abort();
        unsigned char header[RUNLOG_HEADER_BYTES];
        runlog_header(header, f.stream, f.len, f.time_us);
        if (memcmp(header, data + at, sizeof header) != 0)
            abort();
        at += (size_t)n;
    }
    return 0;
}
