/* given_objects.c - see given_objects.h. Called by run.submit, dataset.add and env.import. */
#include "orchestrator/given_objects.h"

#include "catalog/possession.h"

void given_objects_of(struct request *q, const struct manifest *m, struct given_objects *out)
{
    *out = (struct given_objects){.sha256 = arena_alloc(q->arena, (m->count + 1) * sizeof *out->sha256)};
    for (size_t i = 0; i < m->count; i++)
        if (m->entries[i].kind == MANIFEST_FILE)
            out->sha256[out->count++] = arena_strdup(q->arena, m->entries[i].sha256);
}

int given_objects_check(const struct request *q, struct cat *db, const char *field, const char *manifest,
                        const struct given_objects *g, struct err *e)
{
    return possession_check(db, &q->actor, field, manifest, g->sha256, g->count, e);
}
