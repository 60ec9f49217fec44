/*
 * tree_seen.c - what was read already and found right, by inode; see tree_seen.h. Any thread.
 *
 * Why verifying a tree again may be quick, and when it may not
 *
 * A run's datasets are checked before and after it. Reading 100 GB twice for each run is no option,
 * so what was read and found right is remembered by inode: (device, inode, size, mtime, ctime) with
 * the digest. The kernel moves an inode's ctime at each write, truncation, chmod, rename or link,
 * to its own clock; unlike mtime no program can set it. So the same ctime means the same bytes,
 * with these exceptions, each seen to:
 *
 *   1. Two changes within one tick of the kernel's clock (10 ms at most) leave one ctime, before
 *      Linux 6.13 (whose time stamps get finer once they were looked at). A file that was read
 *      within the tick of its ctime could change right after and look the same. So before reading
 *      we wait until its ctime is SETTLE_MS old; and a ctime from the future is never remembered.
 *   2. The file may change while it is read: it is looked at again after reading, and remembered
 *      only if nothing moved.
 *   3. A hard link made or removed (another tree with the same object) moves ctime without
 *      changing a byte. That costs one more reading, never a wrong answer. It is why sealing
 *      builds the tree first and verifies it after: the other order would read everything twice.
 *   4. A page mapped for writing before we read can be stored to later without ctime moving, until
 *      the kernel writes that page back; and a failing disk changes bytes behind everyone's back.
 *      The cache cannot see these: it lives as long as the daemon, so a restart reads everything
 *      again. Objects are 0400 and belong to the lab, so the first needs root or the lab's own
 *      account.
 */
#include "catalog/tree_seen.h"

#include "api/common/mem.h"
#include <pthread.h>
#include <string.h>
#include <time.h>

enum { SETTLE_MS = 20, CACHE_ENTRIES_MAX = 200000 };

struct seen {
    dev_t dev; /* with ino 0: an empty slot */
    ino_t ino;
    off_t size;
    struct timespec mtime, ctime;
    char sha256[DIGEST_HEX_SIZE];
};

struct tree_cache {
    pthread_mutex_t lock;
    struct seen *slots;
    size_t room, count, max; /* room: a power of two, at least twice count */
};

struct tree_cache *tree_cache_new(size_t max_entries)
{
    struct tree_cache *c = mem_alloc(sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    c->max = max_entries ? max_entries : CACHE_ENTRIES_MAX;
    c->room = 64;
    c->slots = mem_alloc(c->room * sizeof *c->slots);
    return c;
}

void tree_cache_free(struct tree_cache *c)
{
    if (!c)
        return;
    pthread_mutex_destroy(&c->lock);
    mem_free_at(&c->slots);
    mem_free_at(&c);
}

static struct seen *cache_slot(struct seen *slots, size_t room, dev_t dev, ino_t ino)
{
    size_t i = (size_t)(((uint64_t)ino ^ ((uint64_t)dev << 40)) * 0x9e3779b97f4a7c15u >> 20);
    for (i &= room - 1; slots[i].ino != 0; i = (i + 1) & (room - 1))
        if (slots[i].ino == ino && slots[i].dev == dev)
            break;
    return &slots[i];
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool tree_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

bool tree_cache_knows(struct tree_cache *c, const struct stat *st, const char *sha256)
{
    if (!c)
        return false;
    pthread_mutex_lock(&c->lock);
    const struct seen *seen = cache_slot(c->slots, c->room, st->st_dev, st->st_ino);
    bool known = seen->ino != 0 && seen->size == st->st_size &&
                 same_time(seen->mtime, st->st_mtim) && same_time(seen->ctime, st->st_ctim) &&
                 strcmp(seen->sha256, sha256) == 0;
    pthread_mutex_unlock(&c->lock);
    return known;
}

/* Lock held. A full cache starts anew: that costs readings, and needs no bookkeeping. */
static void cache_make_room(struct tree_cache *c)
{
    if (c->count >= c->max) {
        memset(c->slots, 0, c->room * sizeof *c->slots);
        c->count = 0;
    }
    if (2 * (c->count + 1) <= c->room)
        return;
    struct seen *wider = mem_alloc(2 * c->room * sizeof *wider);
    for (size_t i = 0; i < c->room; i++)
        if (c->slots[i].ino != 0)
            *cache_slot(wider, 2 * c->room, c->slots[i].dev, c->slots[i].ino) = c->slots[i];
    mem_free_at(&c->slots);
    c->slots = wider;
    c->room *= 2;
}

void tree_cache_add(struct tree_cache *c, const struct stat *st, const char *sha256)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    struct seen *seen = cache_slot(c->slots, c->room, st->st_dev, st->st_ino);
    if (seen->ino == 0) {
        cache_make_room(c);
        seen = cache_slot(c->slots, c->room, st->st_dev, st->st_ino);
        c->count++;
    }
    *seen = (struct seen){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = st->st_size,
        .mtime = st->st_mtim,
        .ctime = st->st_ctim,
    };
    memcpy(seen->sha256, sha256, DIGEST_HEX_SIZE);
    pthread_mutex_unlock(&c->lock);
}

bool tree_settle(const struct stat *st, bool wait)
{
    for (int tries = 0; tries < 2; tries++) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        int64_t age_ms = ((int64_t)now.tv_sec - st->st_ctim.tv_sec) * 1000 +
                         (now.tv_nsec - st->st_ctim.tv_nsec) / 1000000;
        if (age_ms > SETTLE_MS)
            return true;
        if (age_ms < 0 || !wait)
            return false; /* the clock was set back, or nobody waits */
        nanosleep(&(struct timespec){.tv_nsec = (SETTLE_MS + 1 - age_ms) * 1000000}, NULL);
    }
    return false;
}
