/*
 * scrub.h - reads objects again for no other reason than to find those that are damaged.
 */
#ifndef ENCLOS_CATALOG_SCRUB_H
#define ENCLOS_CATALOG_SCRUB_H

#include "catalog/objects.h"

enum { SCRUB_OBJECT_MAX_BYTES = 64 << 20 };

struct scrub {
    char after[DIGEST_HEX_SIZE]; /* goes on after this object; "": from the first. Advanced. */
    uint64_t max_bytes;          /* about so much is read */
    uint64_t object_max_bytes;   /* 0: SCRUB_OBJECT_MAX_BYTES */
    /* result */
    size_t objects;
    uint64_t read_bytes;
    size_t damaged; /* set aside */
};

/* A part of the store, in the order of the digests, and again from the start after the last one. Objects
 * larger than object_max_bytes are left to those who use them, which verify them. Pool threads. */
MUST_USE int scrub_some(const struct store *s, struct scrub *scrub,
                        const struct digest_progress *progress, struct err *e);

#endif
