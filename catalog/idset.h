/*
 * idset.h - a set of SHA-256 ids of any size in bounded memory: 256 shards by first byte, spilled to files.
 *
 * Ids are added in any order, as often as one likes; then each shard is taken once, sorted and without
 * doubles. A shard is what is in memory at a time: a 256th of the set, 32 bytes an id. One thread.
 */
#ifndef ENCLOS_CATALOG_IDSET_H
#define ENCLOS_CATALOG_IDSET_H

#include "api/common/err.h"
#include "catalog/store.h"
#include <stddef.h>

enum { IDSET_SHARDS = 256, IDSET_ID_BYTES = 32 };

struct idset;

/* Its files are in a folder of their own below tmp/ of the store, which goes with it (or at the next
 * start). */
MUST_USE int idset_new(const struct store *s, struct idset **out, struct err *e);
void idset_free_at(struct idset **set);
#define AUTO_IDSET __attribute__((cleanup(idset_free_at)))

/* sha256: 64 hex digits, else E_INVALID. */
MUST_USE int idset_add(struct idset *set, const char *sha256, struct err *e);

/* The ids of a shard, sorted, each once; gives (caller frees). It is empty afterwards. */
MUST_USE int idset_take(struct idset *set, unsigned shard, unsigned char (**ids)[IDSET_ID_BYTES],
                        size_t *count, struct err *e);

/* Is it among them? sha256: 64 hex digits. */
bool idset_has(unsigned char (*ids)[IDSET_ID_BYTES], size_t count, const char *sha256);
void idset_hex(const unsigned char id[IDSET_ID_BYTES], char sha256[65]);

#endif
