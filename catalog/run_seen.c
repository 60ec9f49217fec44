/*
 * run_seen.c - see run_seen.h. Several lists, each in order by its index: list.c merges them.
 */
#include "catalog/run_seen.h"

/* The same as standing_sees_run(), in SQL. */
const struct list_bound *run_seen(struct arena *a, const struct standing *s, struct list_bound *out)
{
    if (standing_sees_all(s))
        return NULL;
    const struct cat_actor own = standing_own_runs(s);
    struct cat_value *values = arena_alloc(a, 3 * sizeof *values);
    struct list_part *parts = arena_alloc(a, (s->project_count + 1) * sizeof *parts);
    values[0] = V_I(own.uid);
    values[1] = V_T(own.name);
    values[2] = V_T(s->projects_json);
    *out = (struct list_bound){
        .where = "(r.actor_uid = ? AND r.actor_name = ?)"
                 " OR r.project IN (SELECT value FROM json_each(?))",
        .values = values,
        .value_count = 3,
        .parts = parts,
        .part_count = s->project_count + 1,
    };
    parts[0] = (struct list_part){.index = "run_by_actor",
                                  .where = "r.actor_uid = ? AND r.actor_name = ?",
                                  .values = values,
                                  .value_count = 2};
    for (size_t i = 0; i < s->project_count; i++) {
        struct cat_value *project = arena_alloc(a, sizeof *project);
        *project = V_I(s->projects[i].id);
        parts[i + 1] = (struct list_part){.index = "run_by_project",
                                          .where = "r.project = ?",
                                          .values = project,
                                          .value_count = 1};
    }
    return out;
}
