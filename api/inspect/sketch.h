/*
 * sketch.h - what is kept of a stream of values in bounded memory: how many differ, quantiles, the most
 * frequent, and the sizes of groups. Each says how exact it is.
 *
 * Nothing here is random from outside: the same stream gives the same answers.
 */
#ifndef ENCLOS_INSPECT_SKETCH_H
#define ENCLOS_INSPECT_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 64 bits of any bytes. Not against an adversary who chooses the data: he may spoil the figures of his
 * own data, nothing else. */
uint64_t hash_bytes(const void *p, size_t len);
static inline uint64_t hash_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    return x;
}

/* ---- distinct: HyperLogLog, 4096 registers: relative standard error 1.04/64 = 1.6 % ---- */

enum { HLL_BITS = 12, HLL_REGISTERS = 1 << HLL_BITS };
struct hll {
    uint8_t reg[HLL_REGISTERS];
};
static inline void hll_add(struct hll *h, uint64_t hash)
{
    size_t at = (size_t)(hash >> (64 - HLL_BITS));
    /* The bit that is set below bounds the rank. */
    uint8_t rank = (uint8_t)(__builtin_clzll((hash << HLL_BITS) | (UINT64_C(1) << (HLL_BITS - 1))) + 1);
    if (rank > h->reg[at])
        h->reg[at] = rank;
}
uint64_t hll_estimate(const struct hll *h);

/* ---- quantiles: one value out of each block of 1, 2, 4... consecutive ones, chosen at random ----
 *
 * All values while there are at most SAMPLE_MAX. Past that, 16 384 to 32 768 of them, one from each block of
 * equal length: by Dvoretzky-Kiefer-Wolfowitz a quantile's rank is wrong by at most 1.28 % of the rows with
 * a probability of 99 % (blocks only make it better). */

enum { SAMPLE_MAX = 32768 };
#define SAMPLE_RANK_ERROR 0.0128
struct sample {
    double *values;
    uint32_t count, room;
    uint64_t stride;    /* length of a block */
    uint64_t skip;      /* values to pass over before the next one is taken */
    uint64_t tail;      /* of the block under way, after the one that was taken */
    uint64_t seed;
};
void sample_add(struct sample *s, const double *v, size_t count);
void sample_sort(struct sample *s); /* at the end, once */
bool sample_is_exact(const struct sample *s);
/* Linear interpolation between order statistics, as NumPy's default; after sample_sort, count > 0. */
double sample_quantile(const struct sample *s, double p);
void sample_fini(struct sample *s);

/* ---- the most frequent values: counts that are at least that high ----
 *
 * Exact while at most TOP_MAX values differ. Past that the smallest counts are taken off all
 * (Misra and Gries), so that what is left is a lower bound. */

enum { TOP_MAX = 1024, TOP_SLOTS = 2048, TOP_TEXT_MAX = 48 };
struct top_entry {
    uint64_t hash, count; /* count 0: free */
    union {
        double number;
        struct {
            char bytes[TOP_TEXT_MAX];
            uint32_t len; /* of the value; more than TOP_TEXT_MAX: cut */
        } text;
    } value;
    bool is_text;
};
struct top {
    struct top_entry *slots; /* TOP_SLOTS, or NULL: nothing yet */
    uint32_t used;
    uint64_t taken; /* off every count */
    uint32_t batch, every; /* of the caller's batches, one in `every` is looked at; 0: all */
};
void top_add_number(struct top *t, uint64_t hash, double v);
void top_add_text(struct top *t, uint64_t hash, const char *s, size_t len);
/* Whether the caller may leave this batch out: once values abound, one in up to 256 is enough. What is left stays a lower
 * bound. */
bool top_passes(struct top *t);
static inline bool top_is_exact(const struct top *t)
{
    return t->taken == 0;
}
/* Sorts by count, the greatest first, ties by hash; gives how many there are. The table cannot be added to then. */
size_t top_sort(struct top *t);
void top_fini(struct top *t);

/* ---- groups: how often each key came ----
 *
 * All keys while there are at most GROUPS_MAX; past that those keys whose hash begins with 1, 2, 3... zero
 * bits (`level`), each with its whole count: what is summed over them is to be multiplied by 2^level. */

enum { GROUPS_MAX = 1 << 18 };
struct group_slot {
    uint64_t hash;
    uint64_t count; /* 0: free */
};
struct groups {
    struct group_slot *slots;
    uint32_t bits; /* 1 << bits slots */
    uint32_t used;
    uint32_t level;
};
void groups_add(struct groups *g, const uint64_t *hashes, size_t count);
struct groups_sum {
    uint64_t groups;    /* estimated when !exact */
    uint64_t repeated;  /* members beyond the first of their group; estimated when !exact */
    uint64_t smallest;  /* size of the smallest group seen; 0: none */
    uint64_t alone;     /* groups of one; estimated when !exact */
    uint64_t in_small;  /* members of groups smaller than `small`; estimated when !exact */
    double error;       /* relative standard error of `repeated`; 0 when exact */
    bool exact;
};
struct groups_sum groups_sum(const struct groups *g, uint64_t small);
void groups_fini(struct groups *g);

#endif
