/*
 * map.c - an open-addressing table with linear probing and backward-shift deletion.
 */
#include "orchestrator/map.h"
#include "api/common/mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void pad(const char *key, char out[16])
{
    memset(out, 0, 16);
    memcpy(out, key, strnlen(key, 16));
}

static void pad_num(uint64_t n, char out[16])
{
    memset(out, 0, 16);
    memcpy(out, &n, sizeof n);
    out[15] = 1; /* never equal to a text shorter than 16 */
}

static size_t place(const struct map *m, const char key[16])
{
    uint64_t a, b;
    memcpy(&a, key, 8);
    memcpy(&b, key + 8, 8);
    uint64_t h = (a ^ (b * 0x9e3779b97f4a7c15ULL)) * 0xff51afd7ed558ccdULL;
    return (size_t)(h ^ (h >> 32)) & (m->room - 1);
}

void map_fini(struct map *m)
{
    free(m->entries);
    *m = (struct map){0};
}

static void put(struct map *m, const char key[16], void *value)
{
    size_t i = place(m, key);
    while (m->entries[i].value && memcmp(m->entries[i].key, key, 16) != 0)
        i = (i + 1) & (m->room - 1);
    if (!m->entries[i].value)
        m->count++;
    memcpy(m->entries[i].key, key, 16);
    m->entries[i].value = value;
}

static void put_grow(struct map *m, const char key[16], void *value)
{
    if (m->count * 4 >= m->room * 3) {
        struct map bigger = {.room = m->room ? m->room * 2 : 16};
        bigger.entries = mem_alloc(bigger.room * sizeof *bigger.entries);
        for (size_t i = 0; i < m->room; i++)
            if (m->entries[i].value)
                put(&bigger, m->entries[i].key, m->entries[i].value);
        free(m->entries);
        *m = bigger;
    }
    put(m, key, value);
}

static struct map_entry *find(const struct map *m, const char key[16])
{
    if (!m->room)
        return NULL;
    for (size_t i = place(m, key); m->entries[i].value; i = (i + 1) & (m->room - 1))
        if (!memcmp(m->entries[i].key, key, 16))
            return &m->entries[i];
    return NULL;
}

static void drop(struct map *m, const char key[16])
{
    const struct map_entry *en = find(m, key);
    if (!en)
        return;
    size_t hole = (size_t)(en - m->entries), mask = m->room - 1;
    for (size_t i = (hole + 1) & mask; m->entries[i].value; i = (i + 1) & mask) {
        size_t home = place(m, m->entries[i].key);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->entries[hole] = m->entries[i];
            hole = i;
        }
    }
    m->entries[hole].value = NULL;
    m->count--;
}

void map_put(struct map *m, const char *key, void *value)
{
    char k[16];
    pad(key, k);
    put_grow(m, k, value);
}

void *map_find(const struct map *m, const char *key)
{
    char k[16];
    pad(key, k);
    const struct map_entry *en = find(m, k);
    return en ? en->value : NULL;
}

void map_remove(struct map *m, const char *key)
{
    char k[16];
    pad(key, k);
    drop(m, k);
}

void map_put_num(struct map *m, uint64_t key, void *value)
{
    char k[16];
    pad_num(key, k);
    put_grow(m, k, value);
}

void *map_find_num(const struct map *m, uint64_t key)
{
    char k[16];
    pad_num(key, k);
    const struct map_entry *en = find(m, k);
    return en ? en->value : NULL;
}

void map_remove_num(struct map *m, uint64_t key)
{
    char k[16];
    pad_num(key, k);
    drop(m, k);
}

void *map_each(const struct map *m, size_t *at)
{
    while (*at < m->room) {
        void *v = m->entries[(*at)++].value;
        if (v)
            return v;
    }
    return NULL;
}
