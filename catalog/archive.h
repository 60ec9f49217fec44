/*
 * archive.h - the one file of a backup: a tar archive compressed with zstd, written and read as a stream.
 *
 * Any tar reads what is written here (`tar --zstd -tf FILE`). What is read is only what is written here: regular
 * files with short relative names, in one zstd frame with a checksum, ended by two empty blocks. Everything
 * else is E_INVALID. Bounded memory; one thread.
 */
#ifndef ENCLOS_CATALOG_ARCHIVE_H
#define ENCLOS_CATALOG_ARCHIVE_H

#include "api/common/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARCHIVE_NAME_SIZE = 101 };
/* A file of a backup has at most what an object may have, twice over: a catalog may be larger. */
#define ARCHIVE_FILE_MAX_BYTES (UINT64_C(1) << 42)

/* ---- writing ---- */

struct archive_out;
MUST_USE int archive_out_new(int fd, struct archive_out **out, struct err *e); /* keeps fd */
void archive_out_free_at(struct archive_out **a);
#define AUTO_ARCHIVE_OUT __attribute__((cleanup(archive_out_free_at)))

/* The next file; then exactly size_bytes of content. name: at most 100 bytes. */
MUST_USE int archive_out_file(struct archive_out *a, const char *name, uint64_t size_bytes,
                              struct err *e);
MUST_USE int archive_out_add(struct archive_out *a, const void *p, size_t len, struct err *e);
/* The end of the archive; not synced. */
MUST_USE int archive_out_finish(struct archive_out *a, struct err *e);
uint64_t archive_out_written(const struct archive_out *a); /* bytes of the file so far */

/* ---- reading ---- */

struct archive_in;
MUST_USE int archive_in_new(int fd, struct archive_in **out, struct err *e); /* keeps fd */
void archive_in_free_at(struct archive_in **a);
#define AUTO_ARCHIVE_IN __attribute__((cleanup(archive_in_free_at)))

/* 1: the next file, 0: the archive is complete and nothing follows it, -1: failed. What was not read of the file
 * before is skipped. */
MUST_USE int archive_in_next(struct archive_in *a, char name[ARCHIVE_NAME_SIZE],
                             uint64_t *size_bytes, struct err *e);
/* Content of the file: *got is 0 at its end. */
MUST_USE int archive_in_read(struct archive_in *a, void *p, size_t room, size_t *got, struct err *e);

#endif
