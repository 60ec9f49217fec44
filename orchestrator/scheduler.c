/*
 * scheduler.c - capacity, order and reservations.
 *
 * Queued runs stand in lanes, one for each (priority, party), first come first served within a lane. A
 * pass looks at the best lane's head, then at what comes after it, so its cost depends on lanes and
 * on how far it looks (DEPTH_MAX), not on the length of the queue.
 *
 * A run that does not fit is "passed" from the first time something behind it starts. After
 * patience_us it holds a reservation: from the time limits of what runs now follows the moment at which
 * it fits at the latest (the shadow). Until then others start only if they end before the shadow, or
 * fit beside the reserved run at that moment (the "EASY" rule of batch systems). Runs without a
 * time limit count as endless: where the shadow cannot be known, nothing passes any more, so
 * the reserved run starts as soon as what runs today is over.
 */
#include "orchestrator/scheduler.h"
#include "api/common/mem.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 256 };

struct item {
    struct sched_job job;
    int64_t passed_us;        /* first time that a later run started before it; 0: never */
    int64_t started_us;       /* running only */
    struct item *next, *prev; /* lane, or running list */
    struct lane *lane;        /* NULL: running */
    struct item *hash_next;
};

struct party {
    char name[64];
    int64_t cpus_milli, memory_bytes; /* what its running runs use */
    size_t queued;                    /* runs in its lanes */
    size_t refs;                      /* lanes and running runs */
    struct party *next;
};

struct lane {
    int priority;
    struct party *party;
    struct item *first, *last;
    struct item *cursor; /* of the pass under way */
    struct lane *next;
};

enum { HASH_SIZE = 4096 };

struct sched {
    struct sched_config config;
    struct lane *lanes;
    struct party *parties;
    struct item *running;
    struct item *hash[HASH_SIZE];
    char reserved[TEXT_ID_SIZE];
    int64_t used_cpus_milli, used_memory_bytes;
    size_t queued_count, running_count;
};

static unsigned hash_of(const char *id)
{
    unsigned h = 2166136261u;
    for (; *id; id++)
        h = (h ^ (unsigned char)*id) * 16777619u;
    return h % HASH_SIZE;
}

static struct item *item_find(const struct sched *s, const char *id)
{
    struct item *it = s->hash[hash_of(id)];
    while (it && strcmp(it->job.id, id) != 0)
        it = it->hash_next;
    return it;
}

static struct item *item_new(struct sched *s, const struct sched_job *job)
{
    struct item *it = mem_alloc(sizeof *it);
    unsigned h = hash_of(job->id);
    it->job = *job;
    it->hash_next = s->hash[h];
    s->hash[h] = it;
    return it;
}

static void item_free(struct sched *s, struct item *it)
{
    struct item **p = &s->hash[hash_of(it->job.id)];
    while (*p != it)
        p = &(*p)->hash_next;
    *p = it->hash_next;
    free(it);
}

static struct party *party_get(struct sched *s, const char *name)
{
    struct party *p = s->parties;
    while (p && strcmp(p->name, name) != 0)
        p = p->next;
    if (!p) {
        p = mem_alloc(sizeof *p);
        snprintf(p->name, sizeof p->name, "%s", name);
        p->next = s->parties;
        s->parties = p;
    }
    p->refs++;
    return p;
}

static void party_put(struct sched *s, struct party *p)
{
    if (--p->refs > 0)
        return;
    struct party **at = &s->parties;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    free(p);
}

static struct party *party_find(const struct sched *s, const char *name)
{
    struct party *p = s->parties;
    while (p && strcmp(p->name, name) != 0)
        p = p->next;
    return p;
}

static struct lane *lane_get(struct sched *s, int priority, const char *party)
{
    struct lane *l = s->lanes;
    while (l && (l->priority != priority || strcmp(l->party->name, party) != 0))
        l = l->next;
    if (!l) {
        l = mem_alloc(sizeof *l);
        l->priority = priority;
        l->party = party_get(s, party);
        l->next = s->lanes;
        s->lanes = l;
    }
    return l;
}

static void lane_unlink(struct sched *s, struct item *it)
{
    struct lane *l = it->lane;
    if (it->prev)
        it->prev->next = it->next;
    else
        l->first = it->next;
    if (it->next)
        it->next->prev = it->prev;
    else
        l->last = it->prev;
    if (l->cursor == it)
        l->cursor = it->next;
    it->next = it->prev = NULL;
    it->lane = NULL;
    s->queued_count--;
    l->party->queued--;
    if (l->first)
        return;
    struct lane **at = &s->lanes;
    while (*at && *at != l)
        at = &(*at)->next;
    assert(*at);
    *at = l->next;
    party_put(s, l->party);
    free(l);
}

static void count_running(struct sched *s, struct item *it, int64_t now_us)
{
    struct party *p = party_get(s, it->job.party);
    p->cpus_milli += it->job.cpus_milli;
    p->memory_bytes += it->job.memory_bytes;
    s->used_cpus_milli += it->job.cpus_milli;
    s->used_memory_bytes += it->job.memory_bytes;
    it->started_us = now_us;
    it->prev = NULL;
    it->next = s->running;
    if (s->running)
        s->running->prev = it;
    s->running = it;
    s->running_count++;
}

struct sched *sched_new(const struct sched_config *config)
{
    struct sched *s = mem_alloc(sizeof *s);
    s->config = *config;
    return s;
}

void sched_free(struct sched *s)
{
    if (!s)
        return;
    for (unsigned h = 0; h < HASH_SIZE; h++)
        while (s->hash[h]) {
            struct item *it = s->hash[h];
            s->hash[h] = it->hash_next;
            free(it);
        }
    while (s->lanes) {
        struct lane *l = s->lanes;
        s->lanes = l->next;
        free(l);
    }
    while (s->parties) {
        struct party *p = s->parties;
        s->parties = p->next;
        free(p);
    }
    free(s);
}

int sched_fits(const struct sched *s, int64_t cpus_milli, int64_t memory_bytes, struct err *e)
{
    if (cpus_milli > s->config.cpus_milli)
        return err_set(e, E_LIMIT, "resources.cpus_milli", "ask for fewer CPUs",
                       "%g CPU%s asked for, the lab has %g", (double)cpus_milli / 1000,
                       cpus_milli == 1000 ? " was" : "s were",
                       (double)s->config.cpus_milli / 1000);
    if (memory_bytes > s->config.memory_bytes) {
        char asked[TEXT_SIZE_HUMAN], has[TEXT_SIZE_HUMAN];
        text_size_human((uint64_t)memory_bytes, true, asked);
        text_size_human((uint64_t)s->config.memory_bytes, false, has);
        return err_set(e, E_LIMIT, "resources.memory_bytes", "ask for less memory",
                       "%s of memory were asked for, the lab has %s", asked, has);
    }
    return 0;
}

int sched_add(struct sched *s, const struct sched_job *job, struct err *e)
{
    if (s->queued_count >= s->config.queue_max)
        return err_set(e, E_LIMIT, "queue", "wait until some of them have ended",
                       "the queue holds %zu runs, which is its bound", s->queued_count);
    if (item_find(s, job->id))
        return err_set(e, E_CONFLICT, "run", NULL, "run %s is known already", job->id);
    struct item *it = item_new(s, job);
    struct lane *l = lane_get(s, job->priority, job->party);
    /* Age order: nearly always at the end, but a restart may add them otherwise. */
    struct item *after = l->last;
    while (after && after->job.created_us > job->created_us)
        after = after->prev;
    it->lane = l;
    it->prev = after;
    it->next = after ? after->next : l->first;
    if (it->next)
        it->next->prev = it;
    else
        l->last = it;
    if (after)
        after->next = it;
    else
        l->first = it;
    s->queued_count++;
    l->party->queued++;
    return 0;
}

void sched_add_running(struct sched *s, const struct sched_job *job, int64_t now_us)
{
    if (item_find(s, job->id))
        return;
    count_running(s, item_new(s, job), now_us);
}

void sched_remove(struct sched *s, const char *id)
{
    struct item *it = item_find(s, id);
    if (!it)
        return;
    if (it->lane) {
        lane_unlink(s, it);
    } else {
        struct party *p = party_find(s, it->job.party);
        p->cpus_milli -= it->job.cpus_milli;
        p->memory_bytes -= it->job.memory_bytes;
        party_put(s, p);
        s->used_cpus_milli -= it->job.cpus_milli;
        s->used_memory_bytes -= it->job.memory_bytes;
        if (it->prev)
            it->prev->next = it->next;
        else
            s->running = it->next;
        if (it->next)
            it->next->prev = it->prev;
        s->running_count--;
    }
    if (!strcmp(s->reserved, id))
        s->reserved[0] = 0;
    item_free(s, it);
}

/* ---- one pass ---- */

/* Dominant share in millionths: the larger of its shares of CPU and memory. */
static int64_t share_of(const struct sched *s, const struct party *p)
{
    double c = (double)p->cpus_milli / (double)s->config.cpus_milli;
    double m = (double)p->memory_bytes / (double)s->config.memory_bytes;
    return (int64_t)((c > m ? c : m) * 1e6);
}

static bool lane_before(const struct sched *s, const struct lane *a, const struct lane *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    int64_t sa = share_of(s, a->party), sb = share_of(s, b->party);
    if (sa != sb)
        return sa < sb;
    return a->cursor->job.created_us < b->cursor->job.created_us;
}

static struct lane *best_lane(const struct sched *s)
{
    struct lane *best = NULL;
    for (struct lane *l = s->lanes; l; l = l->next)
        if (l->cursor && (!best || lane_before(s, l, best)))
            best = l;
    return best;
}

static bool fits_now(const struct sched *s, const struct sched_job *j)
{
    return s->used_cpus_milli + j->cpus_milli <= s->config.cpus_milli &&
           s->used_memory_bytes + j->memory_bytes <= s->config.memory_bytes;
}

struct shadow {
    int64_t at_us;                                /* INT64_MAX: cannot be known */
    int64_t spare_cpus_milli, spare_memory_bytes; /* left beside the reserved run at that moment */
};

static int64_t end_of(const struct item *it)
{
    return it->job.wall_ms > 0 ? it->started_us + it->job.wall_ms * 1000 : INT64_MAX;
}

static int by_end(const void *a, const void *b)
{
    int64_t x = end_of(*(struct item *const *)a), y = end_of(*(struct item *const *)b);
    return x < y ? -1 : x > y;
}

static struct shadow shadow_of(const struct sched *s, const struct sched_job *j)
{
    struct shadow sh = {.at_us = INT64_MAX};
    struct item **all = mem_grow(NULL, s->running_count + 1, sizeof *all);
    size_t n = 0;
    for (struct item *it = s->running; it; it = it->next)
        all[n++] = it;
    qsort(all, n, sizeof *all, by_end);
    int64_t cpus = s->config.cpus_milli - s->used_cpus_milli;
    int64_t memory = s->config.memory_bytes - s->used_memory_bytes;
    for (size_t i = 0; i < n && end_of(all[i]) != INT64_MAX; i++) {
        cpus += all[i]->job.cpus_milli;
        memory += all[i]->job.memory_bytes;
        if (cpus >= j->cpus_milli && memory >= j->memory_bytes) {
            sh = (struct shadow){end_of(all[i]), cpus - j->cpus_milli, memory - j->memory_bytes};
            break;
        }
    }
    free(all);
    return sh;
}

static bool may_pass(const struct shadow *sh, const struct sched_job *j, int64_t now_us)
{
    if (sh->at_us == INT64_MAX)
        return false;
    if (j->wall_ms > 0 && now_us + j->wall_ms * 1000 <= sh->at_us)
        return true;
    return j->cpus_milli <= sh->spare_cpus_milli && j->memory_bytes <= sh->spare_memory_bytes;
}

static void start_item(struct sched *s, struct item *it, int64_t now_us)
{
    if (!strcmp(s->reserved, it->job.id))
        s->reserved[0] = 0;
    lane_unlink(s, it);
    count_running(s, it, now_us);
}

bool sched_next(struct sched *s, int64_t now_us, char id[TEXT_ID_SIZE], int64_t *again_us)
{
    struct item *blocked[DEPTH_MAX];
    size_t blocked_count = 0;
    bool have_shadow = false;
    struct shadow shadow = {0};

    *again_us = 0;
    for (struct lane *l = s->lanes; l; l = l->next)
        l->cursor = l->first;
    /* A reservation holds against all, better ranked ones too: shares and newcomers shift the order at
     * each pass, and with it the promise would. */
    const struct item *holder = s->reserved[0] ? item_find(s, s->reserved) : NULL;
    if (holder && !fits_now(s, &holder->job)) {
        shadow = shadow_of(s, &holder->job);
        have_shadow = true;
    } else if (holder) {
        memcpy(id, holder->job.id, TEXT_ID_SIZE);
        start_item(s, item_find(s, id), now_us);
        return true;
    }
    while (blocked_count < DEPTH_MAX) {
        struct lane *l = best_lane(s);
        if (!l)
            break;
        struct item *it = l->cursor;
        if (fits_now(s, &it->job) && (!have_shadow || may_pass(&shadow, &it->job, now_us))) {
            for (size_t i = 0; i < blocked_count; i++)
                if (!blocked[i]->passed_us)
                    blocked[i]->passed_us = now_us;
            memcpy(id, it->job.id, TEXT_ID_SIZE);
            start_item(s, it, now_us);
            return true;
        }
        if (!have_shadow && it->passed_us && now_us - it->passed_us >= s->config.patience_us) {
            /* The first of the order that waited long enough. */
            memcpy(s->reserved, it->job.id, TEXT_ID_SIZE);
            shadow = shadow_of(s, &it->job);
            have_shadow = true;
        } else if (it->passed_us && !have_shadow) {
            int64_t due = it->passed_us + s->config.patience_us;
            if (!*again_us || due < *again_us)
                *again_us = due;
        }
        blocked[blocked_count++] = it;
        l->cursor = it->next;
    }
    return false;
}

bool sched_reason(const struct sched *s, const char *id, char *out, size_t out_size)
{
    const struct item *it = item_find(s, id);
    if (!it || !it->lane)
        return false;
    int64_t free_cpus = s->config.cpus_milli - s->used_cpus_milli;
    int64_t free_memory = s->config.memory_bytes - s->used_memory_bytes;
    if (s->reserved[0] && strcmp(s->reserved, id) != 0 && fits_now(s, &it->job))
        snprintf(out, out_size, "waits behind %s, which has waited longer and needs more",
                 s->reserved);
    else if (it->job.cpus_milli > free_cpus)
        snprintf(out, out_size, "waits for %g CPU%s (%g free)", (double)it->job.cpus_milli / 1000,
                 it->job.cpus_milli == 1000 ? "" : "s",
                 (double)(free_cpus > 0 ? free_cpus : 0) / 1000);
    else if (it->job.memory_bytes > free_memory) {
        char needs[TEXT_SIZE_HUMAN], has[TEXT_SIZE_HUMAN];
        text_size_human((uint64_t)it->job.memory_bytes, true, needs);
        text_size_human((uint64_t)(free_memory > 0 ? free_memory : 0), false, has);
        snprintf(out, out_size, "waits for %s of memory (%s free)", needs, has);
    } else {
        snprintf(out, out_size, "is about to start");
    }
    return true;
}

size_t sched_queued(const struct sched *s)
{
    return s->queued_count;
}

size_t sched_queued_by(const struct sched *s, const char *party)
{
    const struct party *p = party_find(s, party);
    return p ? p->queued : 0;
}

size_t sched_running(const struct sched *s)
{
    return s->running_count;
}

void sched_used(const struct sched *s, int64_t *cpus_milli, int64_t *memory_bytes)
{
    *cpus_milli = s->used_cpus_milli;
    *memory_bytes = s->used_memory_bytes;
}
