/*
 * archive.c - ustar headers by hand, zstd by its library. A backup is read as something from outside: every field that
 * is used is checked, the rest must be what archive_out_file writes.
 */
#include "catalog/archive.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum { BLOCK = 512, LEVEL = 3, IN_BYTES = 1 << 17, WINDOW_LOG_MAX = 27 };

/* POSIX ustar. */
struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[8], owner[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
static_assert(sizeof(struct header) == BLOCK, "a header is one block");

/* ---- header ---- */

/* Above 8 GiB in base 256, as GNU tar and all others do. */
static void put_size(char field[12], uint64_t n)
{
    if (n < (UINT64_C(1) << 33)) {
        char octal[13];
        snprintf(octal, sizeof octal, "%011llo", (unsigned long long)n);
        memcpy(field, octal, 12);
        return;
    }
    memset(field, 0, 12);
    field[0] = (char)0x80;
    for (int i = 11; i > 3; i--, n >>= 8)
        field[i] = (char)(n & 0xff);
}

static bool get_octal(const char *field, size_t len, uint64_t *n)
{
    *n = 0;
    for (size_t i = 0; i + 1 < len; i++) {
        if (field[i] < '0' || field[i] > '7')
            return false;
        *n = *n << 3 | (uint64_t)(field[i] - '0');
    }
    return field[len - 1] == 0;
}

static bool get_size(const char field[12], uint64_t *n)
{
    if (field[0] != (char)0x80)
        return get_octal(field, 12, n);
    *n = 0;
    for (int i = 1; i < 4; i++)
        if (field[i])
            return false;
    for (int i = 4; i < 12; i++)
        *n = *n << 8 | (unsigned char)field[i];
    return true;
}

/* With the field itself as spaces. */
static unsigned checksum_of(const struct header *h)
{
    const unsigned char *bytes = (const unsigned char *)h;
    unsigned sum = 8 * ' ';
    for (size_t i = 0; i < sizeof *h; i++)
        if (i < offsetof(struct header, checksum) || i >= offsetof(struct header, type))
            sum += bytes[i];
    return sum;
}

static void make_header(struct header *h, const char *name, uint64_t size)
{
    char sum[16];
    *h = (struct header){.type = '0', .mode = "0000600", .uid = "0000000", .gid = "0000000",
                         .mtime = "00000000000", .magic = "ustar"};
    h->magic[6] = h->magic[7] = '0';
    memcpy(h->name, name, strlen(name));
    put_size(h->size, size);
    snprintf(sum, sizeof sum, "%06o", checksum_of(h) & 0777777);
    memcpy(h->checksum, sum, 7);
    h->checksum[7] = ' ';
}

/* ---- writing ---- */

struct archive_out {
    int fd;
    ZSTD_CCtx *z;
    unsigned char *buffer;
    size_t room;
    uint64_t left, padding; /* of the file that is being written */
    uint64_t written;
};

int archive_out_new(int fd, struct archive_out **out, struct err *e)
{
    struct archive_out *a = mem_alloc(sizeof *a);
    a->fd = fd;
    a->z = ZSTD_createCCtx();
    a->room = ZSTD_CStreamOutSize();
    a->buffer = mem_alloc(a->room);
    if (!a->z || ZSTD_isError(ZSTD_CCtx_setParameter(a->z, ZSTD_c_compressionLevel, LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(a->z, ZSTD_c_checksumFlag, 1))) {
        archive_out_free_at(&a);
        return err_set(e, E_LIMIT, NULL, NULL, "no memory to compress");
    }
    *out = a;
    return 0;
}

void archive_out_free_at(struct archive_out **a)
{
    if (!*a)
        return;
    ZSTD_freeCCtx((*a)->z);
    mem_free_at(&(*a)->buffer);
    mem_free_at(a);
}

static int compress(struct archive_out *a, const void *p, size_t len, ZSTD_EndDirective how,
                    struct err *e)
{
    ZSTD_inBuffer in = {p, len, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {a->buffer, a->room, 0};
        left = ZSTD_compressStream2(a->z, &out, &in, how);
        if (ZSTD_isError(left))
            return err_set(e, E_INTERNAL, NULL, NULL, "zstd: %s", ZSTD_getErrorName(left));
        if (fd_write_all(a->fd, a->buffer, out.pos) < 0)
            return err_sys(e, "file", "free space where it is written", "cannot write the backup");
        a->written += out.pos;
    } while (how == ZSTD_e_end ? left != 0 : in.pos < in.size);
    return 0;
}

static int end_file(struct archive_out *a, struct err *e)
{
    static const char zeros[BLOCK];
    assert(a->left == 0); /* the caller has given all that it announced */
    uint64_t padding = a->padding;
    a->padding = 0;
    return padding ? compress(a, zeros, (size_t)padding, ZSTD_e_continue, e) : 0;
}

int archive_out_file(struct archive_out *a, const char *name, uint64_t size_bytes, struct err *e)
{
    struct header h;
    assert(strlen(name) < ARCHIVE_NAME_SIZE - 1);
    if (end_file(a, e) < 0)
        return -1;
    make_header(&h, name, size_bytes);
    a->left = size_bytes;
    a->padding = (BLOCK - size_bytes % BLOCK) % BLOCK;
    return compress(a, &h, sizeof h, ZSTD_e_continue, e);
}

int archive_out_add(struct archive_out *a, const void *p, size_t len, struct err *e)
{
    assert(len <= a->left);
    a->left -= len;
    return compress(a, p, len, ZSTD_e_continue, e);
}

int archive_out_finish(struct archive_out *a, struct err *e)
{
    static const char zeros[2 * BLOCK];
    if (end_file(a, e) < 0)
        return -1;
    return compress(a, zeros, sizeof zeros, ZSTD_e_end, e);
}

uint64_t archive_out_written(const struct archive_out *a)
{
    return a->written;
}

/* ---- reading ---- */

struct archive_in {
    int fd;
    ZSTD_DCtx *z;
    unsigned char *buffer;
    ZSTD_inBuffer in;
    bool frame_ended;
    uint64_t left, padding;
};

int archive_in_new(int fd, struct archive_in **out, struct err *e)
{
    struct archive_in *a = mem_alloc(sizeof *a);
    a->fd = fd;
    a->buffer = mem_alloc(IN_BYTES);
    a->in = (ZSTD_inBuffer){a->buffer, 0, 0};
    a->z = ZSTD_createDCtx();
    if (!a->z || ZSTD_isError(ZSTD_DCtx_setParameter(a->z, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
        archive_in_free_at(&a);
        return err_set(e, E_LIMIT, NULL, NULL, "no memory to decompress");
    }
    *out = a;
    return 0;
}

void archive_in_free_at(struct archive_in **a)
{
    if (!*a)
        return;
    ZSTD_freeDCtx((*a)->z);
    mem_free_at(&(*a)->buffer);
    mem_free_at(a);
}

static int damaged(struct err *e, const char *how)
{
    return err_set(e, E_INVALID, "file", "use another backup",
                   "this is no whole backup of Enclos: %s", how);
}

/* Some more of the file; *more false at its end. */
static int refill(struct archive_in *a, bool *more, struct err *e)
{
    ssize_t n;
    do
        n = read(a->fd, a->buffer, IN_BYTES);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_sys(e, "file", NULL, "cannot read the backup");
    a->in.size = (size_t)n;
    a->in.pos = 0;
    *more = n > 0;
    return 0;
}

/* Exactly len bytes of the tar. */
static int decompress(struct archive_in *a, void *p, size_t len, struct err *e)
{
    ZSTD_outBuffer out = {p, len, 0};
    while (out.pos < len) {
        bool more = true;
        if (a->frame_ended)
            return damaged(e, "it is cut off");
        if (a->in.pos == a->in.size && refill(a, &more, e) < 0)
            return -1;
        if (!more)
            return damaged(e, "it is cut off");
        size_t rc = ZSTD_decompressStream(a->z, &out, &a->in);
        if (ZSTD_isError(rc))
            return damaged(e, ZSTD_getErrorName(rc));
        a->frame_ended = rc == 0;
    }
    return 0;
}

/* After the last block: the frame's checksum, and then the end of the file. */
static int finish(struct archive_in *a, struct err *e)
{
    char extra;
    bool more = true;
    while (!a->frame_ended) {
        ZSTD_outBuffer out = {&extra, 1, 0};
        if (a->in.pos == a->in.size && refill(a, &more, e) < 0)
            return -1;
        if (!more)
            return damaged(e, "it is cut off");
        size_t rc = ZSTD_decompressStream(a->z, &out, &a->in);
        if (ZSTD_isError(rc))
            return damaged(e, ZSTD_getErrorName(rc));
        if (out.pos)
            return damaged(e, "something follows its end");
        a->frame_ended = rc == 0;
    }
    if (a->in.pos == a->in.size && refill(a, &more, e) < 0)
        return -1;
    return a->in.pos < a->in.size ? damaged(e, "something follows its end") : 0;
}

static bool is_empty(const struct header *h)
{
    static const struct header none;
    return memcmp(h, &none, sizeof none) == 0;
}

static int skip(struct archive_in *a, struct err *e)
{
    char some[BLOCK * 8];
    uint64_t left = a->left + a->padding;
    while (left > 0) {
        size_t n = left < sizeof some ? (size_t)left : sizeof some;
        if (decompress(a, some, n, e) < 0)
            return -1;
        left -= n;
    }
    a->left = a->padding = 0;
    return 0;
}

int archive_in_next(struct archive_in *a, char name[ARCHIVE_NAME_SIZE], uint64_t *size_bytes,
                    struct err *e)
{
    struct header h, expected;
    if (skip(a, e) < 0 || decompress(a, &h, sizeof h, e) < 0)
        return -1;
    if (is_empty(&h)) {
        if (decompress(a, &h, sizeof h, e) < 0)
            return -1;
        return is_empty(&h) ? finish(a, e) : damaged(e, "one empty block");
    }
    memcpy(name, h.name, sizeof h.name);
    name[sizeof h.name] = 0;
    if (!get_size(h.size, size_bytes) || *size_bytes > ARCHIVE_FILE_MAX_BYTES ||
        strlen(name) == sizeof h.name || name[0] == 0)
        return damaged(e, "a header that makes no sense");
    make_header(&expected, name, *size_bytes);
    if (memcmp(&h, &expected, sizeof h) != 0)
        return damaged(e, "a header that was not written by a lab");
    a->left = *size_bytes;
    a->padding = (BLOCK - *size_bytes % BLOCK) % BLOCK;
    return 1;
}

int archive_in_read(struct archive_in *a, void *p, size_t room, size_t *got, struct err *e)
{
    *got = a->left < room ? (size_t)a->left : room;
    if (*got && decompress(a, p, *got, e) < 0)
        return -1;
    a->left -= *got;
    return 0;
}
