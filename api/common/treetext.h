/*
 * treetext.h - the canonical text of a manifest, entry by entry: the one spelling that whoever makes a
 * manifest (the command line, the lab) must agree on, since the SHA-256 of the text is the tree's id.
 *
 *   {"entries":[{"mode":"0644","path":"a/b.py","sha256":"...","size":12},
 *               {"folder":true,"path":"empty"},
 *               {"link":"../lib","path":"usr/lib64"}],"version":1}
 *
 * Entries come in the order of the bytes of their paths; that is the caller's to see to. Links and empty
 * folders are for environments; code, datasets and outputs have files only.
 */
#ifndef ENCLOS_TREETEXT_H
#define ENCLOS_TREETEXT_H

#include "api/common/json.h"
#include <stdint.h>

enum { TREETEXT_TARGET_MAX = 1024 };

void treetext_begin(struct jw *w, struct buf *out);
void treetext_file(struct jw *w, const char *path, bool executable, const char *sha256,
                   uint64_t size_bytes);
void treetext_link(struct jw *w, const char *path, const char *target);
void treetext_folder(struct jw *w, const char *path);
void treetext_end(struct jw *w);

/* What a link of a manifest may say: 1 to TREETEXT_TARGET_MAX bytes of UTF-8 without control characters.
 * Where it leads is nobody's business but the run's: the lab never follows one. */
bool treetext_is_target(const char *target);

#endif
