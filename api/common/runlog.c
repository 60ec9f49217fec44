/*
 * runlog.c - frames of a run's log file, byte by byte as runlog.h draws them.
 */
#include "api/common/runlog.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

/* Where things stand in the header. */
enum { AT_LEN = 0, AT_STREAM = 4, AT_FLAGS = 5, AT_MAGIC = 6, AT_TIME = 8 };

void runlog_header(unsigned char out[RUNLOG_HEADER_BYTES], enum runlog_stream stream, size_t len,
                   int64_t time_us)
{
    assert(len <= RUNLOG_FRAME_MAX_BYTES);
    uint32_t len_le = htole32((uint32_t)len);
    uint16_t magic_le = htole16(RUNLOG_MAGIC);
    uint64_t time_le = htole64((uint64_t)time_us);

    memcpy(out + AT_LEN, &len_le, sizeof len_le);
    out[AT_STREAM] = (unsigned char)stream;
    out[AT_FLAGS] = 0;
    memcpy(out + AT_MAGIC, &magic_le, sizeof magic_le);
    memcpy(out + AT_TIME, &time_le, sizeof time_le);
}

long runlog_read(const char *p, size_t len, struct runlog_frame *f, struct err *e)
{
    uint32_t size;
    uint16_t magic;
    uint64_t time;

    if (len < RUNLOG_HEADER_BYTES)
        return 0;
    memcpy(&size, p + AT_LEN, sizeof size);
    memcpy(&magic, p + AT_MAGIC, sizeof magic);
    memcpy(&time, p + AT_TIME, sizeof time);
    size = le32toh(size);
    magic = le16toh(magic);
    unsigned stream = (unsigned char)p[AT_STREAM];
    unsigned flags = (unsigned char)p[AT_FLAGS];

    if (magic != RUNLOG_MAGIC)
        return err_set(e, E_INTERNAL, "log", NULL, "corrupt log: no frame here (magic is %04x)",
                       magic);
    if (stream < RUNLOG_STDOUT || stream > RUNLOG_GAP || flags != 0)
        return err_set(e, E_INTERNAL, "log", NULL,
                       "corrupt log: a frame of unknown stream %u, flags %u", stream, flags);
    if (size > RUNLOG_FRAME_MAX_BYTES)
        return err_set(e, E_INTERNAL, "log", NULL, "corrupt log: a frame of %u bytes, more than %d",
                       size, RUNLOG_FRAME_MAX_BYTES);
    if (len - RUNLOG_HEADER_BYTES < size)
        return 0;
    f->stream = (enum runlog_stream)stream;
    f->time_us = (int64_t)le64toh(time);
    f->bytes = p + RUNLOG_HEADER_BYTES;
    f->len = size;
    return (long)RUNLOG_HEADER_BYTES + (long)size;
}
