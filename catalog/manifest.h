/*
 * manifest.h - a tree of files as canonical JSON: code snapshot, dataset version, outputs or
 * environment.
 *
 *   {"entries":[{"mode":"0644","path":"a/b.py","sha256":"...","size":12},...],"version":1}
 *
 * No spaces, keys sorted, entries sorted by the bytes of their path, one LF-free line. The SHA-256
 * of that text is the id. Links and empty folders (api/common/treetext.h) are for environments: what
 * loads any other tree refuses them.
 */
#ifndef ENCLOS_CATALOG_MANIFEST_H
#define ENCLOS_CATALOG_MANIFEST_H

#include "api/common/buf.h"
#include "catalog/digest.h"
#include <stdbool.h>

enum { MANIFEST_ENTRIES_MAX = 100000, MANIFEST_MAX_BYTES = 32 << 20 };

enum manifest_kind { MANIFEST_FILE, MANIFEST_LINK, MANIFEST_FOLDER };

struct manifest_entry {
    const char *path; /* text_is_rel_path */
    enum manifest_kind kind;
    const char *target;           /* of a link, else NULL */
    char sha256[DIGEST_HEX_SIZE]; /* of a file, else "" */
    uint64_t size_bytes;          /* of a file, else 0 */
    bool executable;              /* "0755", else "0644" */
};

struct manifest {
    struct manifest_entry *entries;
    size_t count;
    size_t file_count; /* entries that are no link and no folder */
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
MUST_USE int manifest_add_link(struct manifest *m, const char *path, const char *target, struct err *e);
MUST_USE int manifest_add_folder(struct manifest *m, const char *path, struct err *e); /* empty */
/* Sorts, refuses doubles and an entry that others are below, sets id; `text` (may be NULL) gets
 * the canonical text. */
MUST_USE int manifest_seal(struct manifest *m, struct buf *text, struct err *e);

void manifest_print(const struct manifest *m, struct buf *out);
void manifest_free_at(struct manifest **m);
#define AUTO_MANIFEST __attribute__((cleanup(manifest_free_at)))

struct store;
/* The manifest of that id from the object store. E_NOT_FOUND; E_INVALID when the object is no
 * manifest, or has links or empty folders; E_CONFLICT when it was damaged (objects_set_aside). */
MUST_USE int manifest_load(const struct store *s, const char *id, struct manifest **out,
                           struct err *e);
/* The same of an environment: links and empty folders are fine. */
MUST_USE int manifest_load_any(const struct store *s, const char *id, struct manifest **out,
                               struct err *e);
/* Stores a sealed manifest's text as an object. */
MUST_USE int manifest_store(const struct store *s, const struct manifest *m, struct err *e);

#endif
