/*
 * peer.c - see peer.h. Called by conn.c and request.c. Names are looked up in the pool, because the name
 * service may be slow.
 */
#include "orchestrator/peer.h"
#include "api/common/log.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "orchestrator/lab.h"
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAMES_MAX = 4096, NAME_KEPT_US = 2000000 };

struct peers {
    struct lab *lab;
    size_t conns_max;
    peer_ready *ready;
    void *ctx;
    struct peer *first;
    size_t count;
    size_t fds, pool; /* of all */
};

struct peers *peers_new(struct lab *lab, size_t conns_max, peer_ready *ready, void *ctx)
{
    struct peers *all = mem_alloc(sizeof *all);
    *all = (struct peers){.lab = lab, .conns_max = conns_max, .ready = ready, .ctx = ctx};
    return all;
}

void peers_free(struct peers *all)
{
    while (all->first) {
        struct peer *p = all->first;
        all->first = p->next;
        free(p);
    }
    free(all);
}

/* ---- names ---- */

struct lookup {
    struct peers *all;
    uid_t uid;
    char name[64];
};

void peer_name_of(uid_t uid, char out[64])
{
    struct passwd pw, *found = NULL;
    char text[4096];
    if (getpwuid_r(uid, &pw, text, sizeof text, &found) == 0 && found)
        snprintf(out, 64, "%s", found->pw_name);
    else
        snprintf(out, 64, "uid %u", (unsigned)uid);
}

static int lookup_work(void *ctx, struct err *e)
{
    struct lookup *l = ctx;
    (void)e;
    peer_name_of(l->uid, l->name);
    return 0;
}

static void lookup_done(void *ctx, const struct err *e)
{
    struct lookup *l = ctx;
    (void)e;
    for (struct peer *p = l->all->first; p; p = p->next)
        if (p->uid == l->uid) {
            snprintf(p->name, sizeof p->name, "%s", l->name);
            p->known = true;
            p->known_us = time_mono_us();
            l->all->ready(l->all->ctx, p);
        }
    free(l);
}

static void look_up(struct peer *p)
{
    struct lookup *l = mem_alloc(sizeof *l);
    *l = (struct lookup){.all = p->of, .uid = p->uid};
    lab_pool(p->of->lab, lookup_work, lookup_done, l);
}

struct peer *peer_find(struct peers *all, uid_t uid)
{
    for (struct peer *p = all->first; p; p = p->next) {
        if (p->uid != uid)
            continue;
        /* A number may be given to another person meanwhile. While it has a connection or a request, its name is
         * borrowed, and whoever holds them is still who they were. */
        if (p->known && p->conns == 0 && p->open == 0 && time_mono_us() - p->known_us > NAME_KEPT_US) {
            p->known = false;
            p->noted_us = 0;
            look_up(p);
        }
        return p;
    }
    if (all->count >= NAMES_MAX)
        return NULL;
    struct peer *p = mem_alloc(sizeof *p);
    *p = (struct peer){.of = all, .uid = uid, .next = all->first};
    all->first = p;
    all->count++;
    look_up(p);
    return p;
}

/* ---- what is written of it ---- */

bool peer_is_due(struct peer *p)
{
    int64_t now = time_mono_us();
    if (p->noted_us && now - p->noted_us < INT64_C(86400) * 1000000)
        return false;
    p->noted_us = now;
    return true;
}

bool peer_may_be_written(struct peer *p, int64_t *unwritten)
{
    int64_t now = time_mono_us();
    if (p->refusals_us == 0) {
        p->refusals_us = now;
        p->refusals_left = REFUSALS_MAX;
    }
    int64_t more = (now - p->refusals_us) / REFUSAL_EVERY_US;
    p->refusals_us += more * REFUSAL_EVERY_US;
    p->refusals_left = p->refusals_left + more < REFUSALS_MAX ? p->refusals_left + more : REFUSALS_MAX;
    if (p->refusals_left == 0) {
        p->refusals_unwritten++;
        return false;
    }
    p->refusals_left--;
    *unwritten = p->refusals_unwritten;
    p->refusals_unwritten = 0;
    return true;
}

/* ---- what it has under way ---- */

bool peer_came(struct peer *p)
{
    bool crowd = p->conns >= p->of->conns_max;
    if (crowd && !p->crowd_told)
        log_warn("conn.account_limit", LOG_INT("uid", p->uid), LOG_INT("connections", p->conns));
    p->crowd_told = crowd;
    p->conns += !crowd;
    return !crowd;
}

void peer_left(struct peer *p)
{
    p->conns--;
}

static bool is_below(const struct peer *p, size_t quarters)
{
    return p->open < PEER_OPEN_MAX / 4 * quarters && p->bytes < PEER_BYTES_MAX / 4 * quarters &&
           p->fds < PEER_FDS_MAX / 4 * quarters && p->of->fds < PEERS_FDS_MAX;
}

bool peer_may_go_on(struct peer *p)
{
    bool below = is_below(p, 4);
    p->waits |= !below;
    return below;
}

/* From three quarters on: so that hundreds of connections are not woken one request at a time. */
static void wake(struct peer *p)
{
    if (!p->waits || !is_below(p, 3))
        return;
    p->waits = false;
    p->of->ready(p->of->ctx, p);
}

void peer_take(struct peer *p, size_t bytes)
{
    p->bytes += bytes;
}

void peer_give(struct peer *p, size_t bytes)
{
    p->bytes -= bytes;
    wake(p);
}

void peer_opened(struct peer *p)
{
    p->open++;
}

void peer_ended(struct peer *p)
{
    p->open--;
    wake(p);
}

void peer_half(struct peer *p, size_t before, size_t now)
{
    p->half_bytes += now - before;
}

bool peer_has_too_many_halves(const struct peer *p)
{
    return p->half_bytes > PEER_HALF_MAX;
}

bool peer_enter_pool(struct peer *p)
{
    if (p->pool >= PEER_POOL_MAX || p->of->pool >= PEERS_POOL_MAX)
        return false;
    p->pool++;
    p->of->pool++;
    return true;
}

void peer_left_pool(struct peer *p)
{
    p->pool--;
    p->of->pool--;
}

void peer_fds_came(struct peer *p, size_t count)
{
    p->fds += count;
    p->of->fds += count;
}

void peer_fds_closed(struct peer *p, size_t count)
{
    bool all_waited = p->of->fds >= PEERS_FDS_MAX;
    p->fds -= count;
    p->of->fds -= count;
    wake(p);
    for (struct peer *other = p->of->first; all_waited && other; other = other->next)
        wake(other);
}
