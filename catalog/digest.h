/*
 * digest.h - SHA-256 by libcrypto (hardware instructions), streaming.
 */
#ifndef ENCLOS_CATALOG_DIGEST_H
#define ENCLOS_CATALOG_DIGEST_H

#include "api/common/err.h"
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_HEX_SIZE = 65 };

/* Called now and then (every few MiB) with the bytes done so far; returning false stops the work
 * with E_UNAVAILABLE. */
struct digest_progress {
    bool (*step)(void *ctx, uint64_t done_bytes);
    void *ctx;
};

struct digest;
struct digest *digest_new(void);
void digest_add(struct digest *d, const void *p, size_t len);
void digest_end(struct digest *d, char hex[DIGEST_HEX_SIZE]); /* then it is new again */
void digest_free_at(struct digest **d);
#define AUTO_DIGEST __attribute__((cleanup(digest_free_at)))

void digest_bytes(const void *p, size_t len, char hex[DIGEST_HEX_SIZE]);

/* Reads fd from its start by pread until the end of file. *size_bytes (may be NULL) is what was
 * read. progress may be NULL. */
MUST_USE int digest_fd(int fd, const struct digest_progress *progress, char hex[DIGEST_HEX_SIZE],
                       uint64_t *size_bytes, struct err *e);

#endif
