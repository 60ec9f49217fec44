/*
 * method_deep.c - lab.doctor_deep: the whole lab, read from end to end, as checks of the form of lab.doctor's.
 */
#include "api/common/text.h"
#include "catalog/db.h"
#include "catalog/deep.h"
#include "orchestrator/keeping.h"
#include <string.h>

static void put_check(struct jw *w, const char *name, bool ok, const char *message, const char *hint)
{
    jw_obj(w);
    jw_str_at(w, "name", name);
    jw_bool_at(w, "ok", ok);
    jw_str_at(w, "message", message);
    jw_str_at(w, "hint", ok ? NULL : hint);
    jw_end_obj(w);
}

static void put_catalog(struct request *q, const struct deep_report *r, struct jw *w)
{
    put_check(w, "catalog.db", !r->catalog[0],
              r->catalog[0] ? arena_printf(q->arena, "catalog.db is damaged: %s", r->catalog)
                            : "every page of catalog.db was read and is in order",
              "restore the lab from a backup (enclosd restore), or repair the file with sqlite3");
    put_check(w, "audit", r->audit.ok,
              r->audit.ok ? arena_printf(q->arena, "the chain of the audit log is whole up to entry %lld",
                                         (long long)r->audit.entries)
                          : arena_printf(q->arena, "the chain of the audit log is broken at entry %lld: %s",
                                         (long long)r->audit.broken, r->audit.reason),
              "compare it with an export or a backup from before, and find out who could write the file");
}

static void put_references(struct request *q, const struct deep_report *r, struct jw *w)
{
    if (r->missing == 0) {
        put_check(w, "references", true, "all that the catalog refers to is there", NULL);
        return;
    }
    for (size_t i = 0; i < r->finding_count; i++) {
        const struct deep_finding *f = &r->findings[i];
        const char *of = f->manifest[0] ? f->of[0] ? f->of : "nothing any more" : f->path;
        const char *others = f->more ? arena_printf(q->arena, " and %zu more", f->more) : "";
        put_check(w, "references", false,
                  f->manifest[0] ? arena_printf(q->arena, "object %.12s, %s of %s%s: %s", f->sha256, f->path, of,
                                                others, f->why)
                                 : arena_printf(q->arena, "object %.12s, an output of %s: %s", f->sha256, of, f->why),
                  "add the same data or code again, which sends what is missing, or restore a backup");
    }
    if (r->missing > r->finding_count)
        put_check(w, "references", false,
                  arena_printf(q->arena, "%llu more objects that are referred to cannot be had",
                               (unsigned long long)(r->missing - r->finding_count)),
                  "mend these first");
}

static void print_report(struct request *q, const struct deep_report *r, struct jw *w)
{
    char size[TEXT_SIZE_HUMAN];
    text_size_human(r->bytes, false, size);
    jw_obj(w);
    jw_arr_at(w, "checks");
    put_catalog(q, r, w);
    put_check(w, "all objects", r->damaged == 0,
              arena_printf(q->arena, "all objects were read again: %llu (%s); damaged: %llu",
                           (unsigned long long)r->objects, size, (unsigned long long)r->damaged),
              "look at the disk; each was set aside, and what refers to it is told below");
    put_references(q, r, w);
    put_check(w, "trees", r->trees_wrong == 0,
              r->trees_wrong == 0
                  ? arena_printf(q->arena, "all trees are what their manifests say: %llu", (unsigned long long)r->trees)
                  : arena_printf(q->arena, "%llu of %llu trees are wrong, as %s", (unsigned long long)r->trees_wrong,
                                 (unsigned long long)r->trees, r->tree_wrong),
              "the next run that needs one drops it and builds it anew; find out who wrote to trees/");
    jw_end_arr(w);
    jw_end_obj(w);
}

static void set_phase(void *lab, const char *name)
{
    keeping_phase(lab, name);
}

static int deep_work(struct request *q, struct cat *unused, struct err *e)
{
    struct deep_report *r = q->state;
    const struct backup_phase how = {set_phase, {keeping_step, q->lab}};
    struct cat *db = NULL;
    (void)unused;
    if (keeping_read(q->lab, &db, e) < 0)
        return -1;
    int rc = deep_check(db, q->lab->store, q->lab->verified, &how, r, e);
    cat_close(db);
    if (rc < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    print_report(q, r, &w);
    return 0;
}

int method_lab_doctor_deep(struct request *q, struct err *e)
{
    q->state = arena_alloc(q->arena, sizeof(struct deep_report));
    return keeping_start(q, "deep check", deep_work, NULL, e);
}
