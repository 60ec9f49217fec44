/*
 * manifest.h - a tree of files as canonical JSON: code snapshot, dataset version or outputs.
 *
 *   {"entries":[{"mode":"0644","path":"a/b.py","sha256":"...","size":12},...],"version":1}
 *
 * No spaces, keys sorted, entries sorted by the bytes of their path, one LF-free line. The SHA-256
 * of that text is the id. Empty folders are not kept.
 */
#ifndef ENCLOS_CATALOG_MANIFEST_H
#define ENCLOS_CATALOG_MANIFEST_H

#include "api/common/buf.h"
#include "catalog/digest.h"
#include <stdbool.h>

enum { MANIFEST_ENTRIES_MAX = 100000, MANIFEST_MAX_BYTES = 32 << 20 };

struct manifest_entry {
    const char *path; /* text_is_rel_path */
    char sha256[DIGEST_HEX_SIZE];
    uint64_t size_bytes;
    bool executable; /* "0755", else "0644" */
};

struct manifest {
    struct manifest_entry *entries;
    size_t count;
    uint64_t total_bytes;
    char id[DIGEST_HEX_SIZE]; /* set by parse and seal */
    /* private */
    struct arena *texts;
    size_t room;
};

/* Refuses all that is not byte for byte what manifest_print writes: E_INVALID naming the entry. */
MUST_USE int manifest_parse(const char *text, size_t len, struct manifest **out, struct err *e);

struct manifest *manifest_new(void);
/* Copies. Checks the path, the digest and the bounds; order and doubles are seen by
 * manifest_seal. */
MUST_USE int manifest_add(struct manifest *m, const char *path, const char *sha256,
                          uint64_t size_bytes, bool executable, struct err *e);
/* Sorts, refuses doubles and a file that is also a folder, sets id; `text` (may be NULL) gets
 * the canonical text. */
MUST_USE int manifest_seal(struct manifest *m, struct buf *text, struct err *e);

void manifest_print(const struct manifest *m, struct buf *out);
void manifest_free_at(struct manifest **m);
#define AUTO_MANIFEST __attribute__((cleanup(manifest_free_at)))

struct store;
/* The manifest of that id from the object store. E_NOT_FOUND; E_INVALID when the object is no
 * manifest; E_CONFLICT when it was damaged (objects_set_aside). */
MUST_USE int manifest_load(const struct store *s, const char *id, struct manifest **out,
                           struct err *e);
/* Stores a sealed manifest's text as an object. */
MUST_USE int manifest_store(const struct store *s, const struct manifest *m, struct err *e);

#endif
