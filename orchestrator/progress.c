/*
 * progress.c - how far long work is; see progress.h.
 */
#include "orchestrator/progress.h"
#include "api/common/text.h"
#include "orchestrator/lab.h"
#include <stdio.h>
#include <string.h>

void progress_begin(struct progress *p, struct lab *lab, const char *what, const char *name,
                    int64_t version)
{
    *p = (struct progress){.lab = lab, .what = what, .started_us = time_now_us()};
    snprintf(p->ref, sizeof p->ref, "%s@%lld", name, (long long)version);
    struct progress **end = &lab->progress;
    while (*end)
        end = &(*end)->next;
    *end = p;
}

void progress_end(struct progress *p)
{
    if (!p->lab)
        return;
    for (struct progress **at = &p->lab->progress; *at; at = &(*at)->next)
        if (*at == p) {
            *at = p->next;
            break;
        }
    p->lab = NULL;
}

const struct progress *progress_find(const struct lab *lab, const char *ref)
{
    for (const struct progress *p = lab->progress; p; p = p->next)
        if (strcmp(p->ref, ref) == 0)
            return p;
    return NULL;
}

bool progress_step(void *progress, uint64_t done_bytes)
{
    struct progress *p = progress;
    uint_fast64_t seen = atomic_load(&p->done_bytes);
    while (done_bytes > seen && !atomic_compare_exchange_weak(&p->done_bytes, &seen, done_bytes))
        ;
    return lab_may_go_on(p->lab, done_bytes);
}
