/*
 * tree_use.c - a list of (owner, tree). Runs that go are hundreds at most: it is walked.
 */
#include "catalog/tree_use.h"

#include "api/common/mem.h"
#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct use {
    char owner[32];
    char name[TREE_NAME_SIZE];
};

struct tree_uses {
    pthread_mutex_t lock;
    pthread_cond_t left_cond;
    struct use *list;
    size_t count, room;
    char leaving[TREE_NAME_SIZE]; /* being removed; empty: none */
};

struct tree_uses *tree_uses_new(void)
{
    struct tree_uses *u = mem_alloc(sizeof *u);
    pthread_mutex_init(&u->lock, NULL);
    pthread_cond_init(&u->left_cond, NULL);
    return u;
}

void tree_uses_free(struct tree_uses *u)
{
    if (!u)
        return;
    pthread_cond_destroy(&u->left_cond);
    pthread_mutex_destroy(&u->lock);
    mem_free_at(&u->list);
    mem_free_at(&u);
}

/* Lock held. owner NULL: of anybody. */
static bool is_used(const struct tree_uses *u, const char *owner, const char *name)
{
    for (size_t i = 0; i < u->count; i++)
        if (strcmp(u->list[i].name, name) == 0 && (!owner || strcmp(u->list[i].owner, owner) == 0))
            return true;
    return false;
}

void tree_use(struct tree_uses *u, const char *owner, const char *name)
{
    struct use one;
    int a = snprintf(one.owner, sizeof one.owner, "%s", owner);
    int b = snprintf(one.name, sizeof one.name, "%s", name);
    assert(a < (int)sizeof one.owner && b < (int)sizeof one.name);
    pthread_mutex_lock(&u->lock);
    while (strcmp(u->leaving, name) == 0)
        pthread_cond_wait(&u->left_cond, &u->lock);
    if (!is_used(u, owner, name)) {
        if (u->count == u->room) {
            u->room = u->room ? 2 * u->room : 16;
            u->list = mem_grow(u->list, u->room, sizeof *u->list);
        }
        u->list[u->count++] = one;
    }
    pthread_mutex_unlock(&u->lock);
}

void tree_unuse(struct tree_uses *u, const char *owner)
{
    pthread_mutex_lock(&u->lock);
    for (size_t i = u->count; i-- > 0;)
        if (strcmp(u->list[i].owner, owner) == 0)
            u->list[i] = u->list[--u->count];
    pthread_mutex_unlock(&u->lock);
}

bool tree_leave(struct tree_uses *u, const char *name)
{
    pthread_mutex_lock(&u->lock);
    assert(u->leaving[0] == '\0'); /* one removes at a time */
    bool free_to_go = strlen(name) < sizeof u->leaving && !is_used(u, NULL, name);
    if (free_to_go)
        snprintf(u->leaving, sizeof u->leaving, "%s", name);
    pthread_mutex_unlock(&u->lock);
    return free_to_go;
}

void tree_left(struct tree_uses *u)
{
    pthread_mutex_lock(&u->lock);
    u->leaving[0] = '\0';
    pthread_cond_broadcast(&u->left_cond);
    pthread_mutex_unlock(&u->lock);
}
