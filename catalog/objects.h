/*
 * objects.h - the content-addressed store: objects/ab/cdef..., named by the SHA-256 of what they
 * hold.
 *
 * An object appears by a rename, after its bytes are on the disk and their digest was computed on
 * what was stored: it is whole or not there. Mode 0400. Any thread may call; these functions block.
 */
#ifndef ENCLOS_CATALOG_OBJECTS_H
#define ENCLOS_CATALOG_OBJECTS_H

#include "catalog/digest.h"
#include "catalog/store.h"
#include <sys/types.h>

enum { OBJECT_MAX_TB = 1 };
#define OBJECT_MAX_BYTES ((uint64_t)OBJECT_MAX_TB << 40)

/* Is it there? *size_bytes may be NULL. Its bytes are not read. An id that is no SHA-256 is not
 * there. */
bool objects_has(const struct store *s, const char *sha256, uint64_t *size_bytes);

/* The same, for whoever is about to refer to it: from then on it stays for a day at least, referred to or
 * not (objects_collect). Everything that is put stays as long. */
bool objects_want(const struct store *s, const char *sha256, uint64_t *size_bytes);

/* Removes an object that nothing refers to, as the caller knows, unless it was put or wanted in the last
 * day. 1: removed, or it would be (dry_run); 0: it stays, or is not there. *size_bytes in both cases. */
enum { OBJECT_STAYS_S = 24 * 3600 };
MUST_USE int objects_collect(const struct store *s, const char *sha256, bool dry_run,
                             uint64_t *size_bytes, struct err *e);

/* Copies a regular file from its start. sha256 may be NULL (any content, as for outputs);
 * size_bytes is what the giver announced, or UINT64_MAX when unknown. E_INVALID on a mismatch,
 * and nothing stays. out_sha256, out_size and existed may be NULL. *existed: it was there with
 * that size already, nothing was copied (with sha256 NULL: nothing was kept twice). It is read whole even then:
 * naming an object is not giving it. */
MUST_USE int objects_put_fd(const struct store *s, int fd, const char *sha256, uint64_t size_bytes,
                            const struct digest_progress *progress,
                            char out_sha256[DIGEST_HEX_SIZE], uint64_t *out_size, bool *existed,
                            struct err *e);

/* The same for a file of our own that nobody writes to any more: on the store's own disk it is linked and
 * not copied, so that what fits once is kept, and its mode becomes 0400. */
MUST_USE int objects_put_own(const struct store *s, int fd, char out_sha256[DIGEST_HEX_SIZE],
                             uint64_t *out_size, struct err *e);

MUST_USE int objects_put_bytes(const struct store *s, const void *p, size_t len, const char *sha256,
                               char out_sha256[DIGEST_HEX_SIZE], bool *existed, struct err *e);

/* Read only. E_NOT_FOUND. */
MUST_USE int objects_open(const struct store *s, const char *sha256, int *out_fd,
                          uint64_t *size_bytes, struct err *e);

/* Reads it again: E_NOT_FOUND, or E_CONFLICT when the bytes are not those of its name; then it was
 * set aside. */
MUST_USE int objects_verify(const struct store *s, const char *sha256,
                            const struct digest_progress *progress, struct err *e);

/* One chunk of an upload, kept per owner in uploads/ across restarts. offset must be what was
 * received so far (E_CONFLICT tells the expected one; a chunk of 0 bytes only asks). The last
 * chunk checks the digest and stores the object: on a mismatch E_INVALID, and the upload is
 * dropped. given: the owner has given that object before (possession.h); then what is there is complete. What is
 * there by others is not, and all of it must come. */
MUST_USE int objects_put_chunk(const struct store *s, int64_t owner_uid, const char *sha256,
                               uint64_t total_bytes, bool given, uint64_t offset, const void *p, size_t len,
                               uint64_t *received, bool *complete, struct err *e);

/* Makes sure that hard link `name` in dir_fd is the object (a copy, 0400, when it has too many
 * links). When its size is not size_bytes it is read: E_CONFLICT and set aside when it is damaged,
 * E_INVALID when it is whole and size_bytes is wrong. */
MUST_USE int objects_link(const struct store *s, const char *sha256, uint64_t size_bytes,
                          int dir_fd, const char *name, struct err *e);

/* Writes a copy as new file `name` in dir_fd (no sync), checking size and digest of what was
 * read; no file when something is wrong, which is told as by objects_link. */
MUST_USE int objects_copy(const struct store *s, const char *sha256, uint64_t size_bytes,
                          int dir_fd, const char *name, mode_t mode, struct err *e);

/* ---- damage ---- */

/* What `fd` is open on was read, and is not what `sha256` says: it loses that name, so that it counts
 * as missing and can be sent again, and is kept as damaged/SHA256.TIME for whoever looks into it. When
 * the name belongs to another file by now (it was sent again) that one stays. Tells s->aside. Always
 * -1: E_CONFLICT, or why it could not be set aside. `why` goes on after "object X was damaged: ". */
int objects_set_aside(const struct store *s, const char *sha256, int fd, const char *why,
                      struct err *e);

struct objects_aside {
    int64_t at_us;
    uint64_t size_bytes;
    char sha256[DIGEST_HEX_SIZE];
    bool healed; /* it was sent again since */
};
/* What is in damaged/, the newest first, at most `max`; *total tells how many there are. */
MUST_USE int objects_aside_list(const struct store *s, struct objects_aside *out, size_t max,
                                size_t *count, size_t *total, struct err *e);

/* A name for something of ours in tmp/, unique in this process. */
enum { OBJECTS_TMP_NAME = 48 };
void objects_tmp_name(const char *what, char out[OBJECTS_TMP_NAME]);

#endif
