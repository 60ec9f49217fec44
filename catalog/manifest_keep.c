/*
 * manifest_keep.c - a short list, the last used first; see manifest_keep.h.
 */
#include "catalog/manifest_keep.h"

#include "api/common/mem.h"
#include <assert.h>
#include <pthread.h>
#include <string.h>

struct kept {
    struct kept *next;
    struct manifest *m;
    size_t users;
};

struct manifest_keep {
    pthread_mutex_t lock;
    struct kept *first;
};

struct manifest_keep *manifest_keep_new(void)
{
    struct manifest_keep *k = mem_alloc(sizeof *k);

    pthread_mutex_init(&k->lock, NULL);
    return k;
}

static void drop(struct kept **at)
{
    struct kept *one = *at;

    *at = one->next;
    manifest_free_at(&one->m);
    mem_free_at(&one);
}

void manifest_keep_free(struct manifest_keep *k)
{
    if (!k)
        return;
    while (k->first) {
        assert(k->first->users == 0);
        drop(&k->first);
    }
    pthread_mutex_destroy(&k->lock);
    mem_free_at(&k);
}

/* Lock held: the one of that id, moved to the front; NULL: none. */
static struct kept *find(struct manifest_keep *k, const char *id)
{
    for (struct kept **at = &k->first; *at; at = &(*at)->next)
        if (strcmp((*at)->m->id, id) == 0) {
            struct kept *one = *at;
            *at = one->next;
            one->next = k->first;
            k->first = one;
            return one;
        }
    return NULL;
}

/* Lock held: those that nobody uses, but for the last few. */
static void forget(struct manifest_keep *k)
{
    size_t idle = 0;

    for (struct kept **at = &k->first; *at;)
        if ((*at)->users == 0 && ++idle > MANIFEST_KEEP_MAX)
            drop(at);
        else
            at = &(*at)->next;
}

int manifest_keep_get(struct manifest_keep *k, const struct store *s, const char *id,
                      const struct manifest **out, struct err *e)
{
    AUTO_MANIFEST struct manifest *fresh = NULL;

    pthread_mutex_lock(&k->lock);
    struct kept *one = find(k, id);
    if (!one) {
        pthread_mutex_unlock(&k->lock);
        if (manifest_load_any(s, id, &fresh, e) < 0)
            return -1;
        pthread_mutex_lock(&k->lock);
        one = find(k, id); /* somebody else was quicker: theirs is as good */
    }
    if (!one) {
        one = mem_alloc(sizeof *one);
        one->m = ptr_take(&fresh);
        one->next = k->first;
        k->first = one;
    }
    one->users++;
    *out = one->m;
    pthread_mutex_unlock(&k->lock);
    return 0;
}

void manifest_keep_put(struct manifest_keep *k, const struct manifest *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&k->lock);
    struct kept *one = k->first;
    while (one && one->m != m)
        one = one->next;
    assert(one && one->users > 0);
    one->users--;
    forget(k);
    pthread_mutex_unlock(&k->lock);
}
