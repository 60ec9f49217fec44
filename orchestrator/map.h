/*
 * map.h - pointers by id: how something is found again after an asynchronous step.
 *
 * Keys are 16 bytes: a run id, or a number of ours. Loop thread only.
 */
#ifndef ENCLOS_MAP_H
#define ENCLOS_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_entry {
    char key[16];
    void *value; /* NULL: free */
};

struct map {
    struct map_entry *entries;
    size_t count, room; /* room is 0 or a power of two */
};

void map_fini(struct map *m);
void map_put(struct map *m, const char *key, void *value); /* value is not NULL; replaces */
void *map_find(const struct map *m, const char *key);      /* NULL: not there */
void map_remove(struct map *m, const char *key);           /* not there: nothing */
void map_put_num(struct map *m, uint64_t key, void *value);
void *map_find_num(const struct map *m, uint64_t key);
void map_remove_num(struct map *m, uint64_t key);

/* Walks all values; *at starts at 0. NULL at the end. The map must not change meanwhile. */
void *map_each(const struct map *m, size_t *at);

#endif
