/*
 * sketch.c - see sketch.h. Everything is bounded and deterministic.
 */
#include "api/inspect/sketch.h"

#include "api/common/mem.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- hashes ---- */

static inline uint64_t load64(const unsigned char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide r = (wide)a * b;
    return (uint64_t)r ^ (uint64_t)(r >> 64);
}

#define K0 UINT64_C(0xa0761d6478bd642f)
#define K1 UINT64_C(0xe7037ed1a0b428db)

uint64_t hash_bytes(const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    uint64_t h = K0 ^ len, a = 0, b = 0;
    size_t left = len;
    for (; left > 16; left -= 16, p += 16)
        h = fold(load64(p) ^ K1, load64(p + 8) ^ h);
    if (left >= 8) {
        a = load64(p);
        b = load64(p + left - 8);
    } else {
        memcpy(&a, p, left);
    }
    return hash_mix(fold(a ^ K1, b ^ h) ^ K0);
}

/* ---- distinct ---- */

uint64_t hll_estimate(const struct hll *h)
{
    const double m = HLL_REGISTERS, alpha = 0.7213 / (1 + 1.079 / m);
    double sum = 0;
    unsigned zeros = 0;
    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        sum += ldexp(1, -(int)h->reg[i]);
        zeros += h->reg[i] == 0;
    }
    double n = alpha * m * m / sum;
    /* Below 2.5 m the empty registers tell more (linear counting). */
    if (n <= 2.5 * m && zeros > 0)
        n = m * log(m / zeros);
    return (uint64_t)llround(n);
}

/* ---- quantiles ---- */

static uint64_t next_random(struct sample *s)
{
    s->seed += UINT64_C(0x9e3779b97f4a7c15);
    return hash_mix(s->seed);
}

/* Of each two neighbours one stays. */
static void halve(struct sample *s)
{
    uint64_t coins = 0;
    for (uint32_t i = 0; i < s->count / 2; i++) {
        if (i % 64 == 0)
            coins = next_random(s);
        s->values[i] = s->values[2 * i + (coins & 1)];
        coins >>= 1;
    }
    s->count /= 2;
    s->stride *= 2;
}

static void take(struct sample *s, double v)
{
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 256;
        s->values = mem_grow(s->values, s->room, sizeof *s->values);
    }
    s->values[s->count++] = v;
    if (s->count == SAMPLE_MAX)
        halve(s);
    uint64_t pick = s->stride > 1 ? next_random(s) & (s->stride - 1) : 0;
    s->skip = s->tail + pick;
    s->tail = s->stride - 1 - pick;
}

void sample_add(struct sample *s, const double *v, size_t count)
{
    if (s->stride == 0)
        s->stride = 1;
    while (count > s->skip) {
        v += s->skip;
        count -= (size_t)s->skip + 1;
        take(s, *v++);
    }
    s->skip -= count;
}

bool sample_is_exact(const struct sample *s)
{
    return s->stride <= 1;
}

/* Bits that order as the doubles do. */
static uint64_t key_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits ^ (bits >> 63 ? ~UINT64_C(0) : UINT64_C(1) << 63);
}

static double value_of(uint64_t key)
{
    double v;
    key ^= key >> 63 ? UINT64_C(1) << 63 : ~UINT64_C(0);
    memcpy(&v, &key, sizeof v);
    return v;
}

/* By 8 bits at a time, from the lowest: eight even passes over little, several times faster than comparing. */
void sample_sort(struct sample *s)
{
    if (s->count < 2)
        return;
    uint64_t *from = mem_grow(NULL, s->count, sizeof *from), *to = mem_grow(NULL, s->count, sizeof *to);
    for (uint32_t i = 0; i < s->count; i++)
        from[i] = key_of(s->values[i]);
    for (unsigned shift = 0; shift < 64; shift += 8) {
        uint32_t at[256] = {0}, next = 0;
        for (uint32_t i = 0; i < s->count; i++)
            at[from[i] >> shift & 255]++;
        for (int d = 0; d < 256; d++) {
            uint32_t n = at[d];
            at[d] = next;
            next += n;
        }
        for (uint32_t i = 0; i < s->count; i++)
            to[at[from[i] >> shift & 255]++] = from[i];
        uint64_t *other = from;
        from = to;
        to = other;
    }
    for (uint32_t i = 0; i < s->count; i++)
        s->values[i] = value_of(from[i]);
    free(from);
    free(to);
}

double sample_quantile(const struct sample *s, double p)
{
    double at = p * (s->count - 1);
    uint32_t low = (uint32_t)at, high = low + 1 < s->count ? low + 1 : low;
    double part = at - low, a = s->values[low], b = s->values[high];
    return part > 0 ? a + (b - a) * part : a;
}

void sample_fini(struct sample *s)
{
    free(s->values);
    *s = (struct sample){0};
}

/* ---- the most frequent ---- */

static struct top_entry *top_find(struct top *t, uint64_t hash)
{
    if (!t->slots)
        t->slots = mem_alloc(TOP_SLOTS * sizeof *t->slots);
    for (size_t i = (size_t)hash & (TOP_SLOTS - 1);; i = (i + 1) & (TOP_SLOTS - 1))
        if (t->slots[i].count == 0 || t->slots[i].hash == hash)
            return &t->slots[i];
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A count that at least half of the entries do not exceed. */
static uint64_t median_count(const struct top_entry *e, size_t n)
{
    enum { SMALL = 64 };
    size_t of[SMALL] = {0}, below = 0;
    for (size_t i = 0; i < n; i++)
        if (e[i].count < SMALL)
            of[e[i].count]++;
    for (uint64_t c = 0; c < SMALL; c++) {
        below += of[c];
        if (below * 2 >= n)
            return c;
    }
    static uint64_t counts[TOP_MAX]; /* one thread */
    for (size_t i = 0; i < n; i++)
        counts[i] = e[i].count;
    qsort(counts, n, sizeof *counts, by_number);
    return counts[n / 2];
}

/* Takes the median count off all: at least half of the room is free again, so that each costs little. */
static void top_purge(struct top *t)
{
    static struct top_entry kept[TOP_MAX]; /* one thread */
    size_t n = 0;
    for (size_t i = 0; i < TOP_SLOTS; i++) {
        if (t->slots[i].count)
            kept[n++] = t->slots[i];
        t->slots[i].count = 0;
    }
    uint64_t off = median_count(kept, n);
    t->used = 0;
    t->taken += off;
    for (size_t i = 0; i < n; i++) {
        if (kept[i].count <= off)
            continue;
        struct top_entry *e = top_find(t, kept[i].hash);
        *e = kept[i];
        e->count -= off;
        t->used++;
    }
    /* The fewer are left, the less there is to find: it is looked at less and less often. */
    uint32_t most = t->used < TOP_MAX / 16 ? 256 : 32;
    t->every = t->every * 2 < most ? t->every * 2 + 2 : most;
}

static struct top_entry *top_slot(struct top *t, uint64_t hash, bool *fresh)
{
    struct top_entry *e = top_find(t, hash);
    *fresh = e->count == 0;
    if (!*fresh) {
        e->count++;
        return e;
    }
    if (t->used == TOP_MAX) {
        top_purge(t);
        e = top_find(t, hash);
    }
    t->used++;
    e->hash = hash;
    e->count = 1;
    return e;
}

void top_add_number(struct top *t, uint64_t hash, double v)
{
    bool fresh;
    struct top_entry *e = top_slot(t, hash, &fresh);
    if (fresh) {
        e->value.number = v;
        e->is_text = false;
    }
}

void top_add_text(struct top *t, uint64_t hash, const char *s, size_t len)
{
    bool fresh;
    struct top_entry *e = top_slot(t, hash, &fresh);
    if (!fresh)
        return;
    memcpy(e->value.text.bytes, s, len < TOP_TEXT_MAX ? len : TOP_TEXT_MAX);
    e->value.text.len = len < UINT32_MAX ? (uint32_t)len : UINT32_MAX;
    e->is_text = true;
}

bool top_passes(struct top *t)
{
    return t->every > 0 && t->batch++ % t->every != 0;
}

static int by_count(const void *a, const void *b)
{
    const struct top_entry *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

size_t top_sort(struct top *t)
{
    if (t->slots)
        qsort(t->slots, TOP_SLOTS, sizeof *t->slots, by_count);
    return t->used;
}

void top_fini(struct top *t)
{
    free(t->slots);
    *t = (struct top){0};
}

/* ---- groups ---- */

static bool is_kept(const struct groups *g, uint64_t hash)
{
    return g->level == 0 || hash >> (64 - g->level) == 0;
}

static void put(struct groups *g, uint64_t hash, uint64_t count)
{
    size_t mask = ((size_t)1 << g->bits) - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        struct group_slot *s = &g->slots[i];
        if (s->count == 0) {
            *s = (struct group_slot){hash, count};
            g->used++;
            return;
        }
        if (s->hash == hash) {
            s->count += count;
            return;
        }
    }
}

/* Into a table of `bits`, without those that the level leaves out. */
static void rebuild(struct groups *g, uint32_t bits)
{
    struct groups old = *g;
    *g = (struct groups){.bits = bits, .level = old.level};
    g->slots = mem_alloc(((size_t)1 << bits) * sizeof *g->slots);
    for (size_t i = 0; old.slots && i < (size_t)1 << old.bits; i++)
        if (old.slots[i].count && is_kept(g, old.slots[i].hash))
            put(g, old.slots[i].hash, old.slots[i].count);
    free(old.slots);
}

static void make_room(struct groups *g)
{
    if (!g->slots) {
        rebuild(g, 10);
    } else if (g->used < GROUPS_MAX) {
        rebuild(g, g->bits + 1);
    } else {
        while (g->used >= GROUPS_MAX) {
            g->level++;
            rebuild(g, g->bits);
        }
    }
}

void groups_add(struct groups *g, const uint64_t *hashes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (g->slots && i + 8 < count)
            __builtin_prefetch(&g->slots[hashes[i + 8] & (((size_t)1 << g->bits) - 1)]);
        if (!is_kept(g, hashes[i]))
            continue;
        if (!g->slots || g->used >= (1u << g->bits) / 2 || g->used >= GROUPS_MAX) {
            make_room(g);
            if (!is_kept(g, hashes[i]))
                continue;
        }
        put(g, hashes[i], 1);
    }
}

struct groups_sum groups_sum(const struct groups *g, uint64_t small)
{
    struct groups_sum r = {.exact = g->level == 0};
    double extra = 0;
    for (size_t i = 0; g->slots && i < (size_t)1 << g->bits; i++) {
        uint64_t n = g->slots[i].count;
        if (n == 0)
            continue;
        r.groups++;
        r.repeated += n - 1;
        extra += (double)(n - 1) * (double)(n - 1);
        r.alone += n == 1;
        r.in_small += n < small ? n : 0;
        if (r.smallest == 0 || n < r.smallest)
            r.smallest = n;
    }
    /* Each key is kept by chance 2^-level: the variance of the sum is that of independent draws. */
    double p = ldexp(1, -(int)g->level);
    if (!r.exact && r.repeated > 0)
        r.error = sqrt(extra * (1 - p)) / (double)r.repeated;
    r.groups <<= g->level;
    r.repeated <<= g->level;
    r.alone <<= g->level;
    r.in_small <<= g->level;
    return r;
}

void groups_fini(struct groups *g)
{
    free(g->slots);
    *g = (struct groups){0};
}
