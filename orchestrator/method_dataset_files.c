/*
 * method_dataset_files.c - dataset.files and diff: what a version holds, by name, size and digest; what changed
 * between two. Manifests are read in the pool; a page ends where an answer would grow too long.
 */
#include "api/common/text.h"
#include "catalog/dataset.h"
#include "catalog/manifest.h"
#include "orchestrator/request.h"
#include <stdlib.h>
#include <string.h>

enum { PAGE_BYTES = 700 << 10 };

/* The first entry after `path`, all of them sorted; NULL: from the first. */
static size_t first_after(const struct manifest *m, const char *path)
{
    size_t low = 0, high = path ? m->count : 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(m->entries[middle].path, path) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int resolve(struct request *q, struct cat *db, const char *ref, const char *field,
                   struct dataset_row *out, struct err *e)
{
    char name[65] = "";
    int64_t version = 0;
    if (dataset_parse_ref(ref, name, &version, e) == 0 &&
        cat_dataset_get(db, q->arena, name, version, out, e) == 0)
        return 0;
    strncpy(e->field, field, sizeof e->field - 1);
    return -1;
}

/* ---- dataset.files ---- */

static int files_get(struct request *q, struct cat *db, struct err *e)
{
    struct dataset_row *d = q->state;
    return cat_dataset_get(db, q->arena, request_str(q, "name"), request_int(q, "version", 0), d, e);
}

static void print_content(struct jw *w, const struct manifest_entry *f)
{
    jw_int_at(w, "size_bytes", (int64_t)f->size_bytes);
    jw_str_at(w, "sha256", f->sha256);
}

static int files_print(struct request *q, struct cat *db, struct err *e)
{
    const struct dataset_row *d = q->state;
    AUTO_MANIFEST struct manifest *m = NULL;
    (void)db;
    if (manifest_load(q->lab->store, d->manifest, &m, e) < 0)
        return err_context(e, "the manifest of %s", d->ref);
    size_t i = first_after(m, request_str(q, "cursor"));
    size_t end = i + (size_t)request_int(q, "limit", 1000);
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_str_at(&w, "ref", d->ref);
    jw_str_at(&w, "manifest", d->manifest);
    jw_arr_at(&w, "files");
    for (; i < m->count && i < end && q->out.len < PAGE_BYTES; i++) {
        jw_obj(&w);
        jw_str_at(&w, "path", m->entries[i].path);
        print_content(&w, &m->entries[i]);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_str_at(&w, "next_cursor", i > 0 && i < m->count ? m->entries[i - 1].path : NULL);
    jw_end_obj(&w);
    return 0;
}

static void files_got(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_pool(q, files_print, NULL);
}

int method_dataset_files(struct request *q, struct err *e)
{
    (void)e;
    q->state = arena_alloc(q->arena, sizeof(struct dataset_row));
    request_read(q, files_get, files_got);
    return 0;
}

/* ---- dataset.diff ---- */

struct diff {
    struct dataset_row a, b;
    size_t added, removed, changed, moved, same;
    /* what is told of this page */
    const char *after, *last;
    size_t limit, told;
    bool more;
};

static int diff_get(struct request *q, struct cat *db, struct err *e)
{
    struct diff *d = q->state;
    return resolve(q, db, request_str(q, "a"), "a", &d->a, e) < 0
               ? -1
               : resolve(q, db, request_str(q, "b"), "b", &d->b, e);
}

static int by_digest(const void *x, const void *y)
{
    const struct manifest_entry *const *a = x, *const *b = y;
    int order = strcmp((*a)->sha256, (*b)->sha256);
    return order != 0 ? order : strcmp((*a)->path, (*b)->path);
}

static const struct manifest_entry **sorted_by_digest(struct request *q, const struct manifest *m)
{
    const struct manifest_entry **list = arena_alloc(q->arena, (m->count + 1) * sizeof *list);
    for (size_t i = 0; i < m->count; i++)
        list[i] = &m->entries[i];
    qsort(list, m->count, sizeof *list, by_digest);
    return list;
}

/* An entry of the other version with that content; NULL: none. */
static const struct manifest_entry *same_content(const struct manifest_entry **list, size_t count,
                                                 const char *sha256)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(list[middle]->sha256, sha256) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && strcmp(list[low]->sha256, sha256) == 0 ? list[low] : NULL;
}

static void side(struct jw *w, const char *key, const struct manifest_entry *f)
{
    if (!f) {
        jw_null_at(w, key);
        return;
    }
    jw_obj_at(w, key);
    print_content(w, f);
    jw_end_obj(w);
}

static void tell(struct request *q, struct diff *d, struct jw *w, const char *how,
                 const struct manifest_entry *a, const struct manifest_entry *b, const char *elsewhere)
{
    const char *path = a ? a->path : b->path;
    if (d->after && strcmp(path, d->after) <= 0)
        return;
    if (d->told == d->limit || q->out.len >= PAGE_BYTES) {
        d->more = true;
        return;
    }
    d->told++;
    d->last = arena_strdup(q->arena, path);
    jw_obj(w);
    jw_str_at(w, "path", path);
    jw_str_at(w, "change", how);
    side(w, "before", a);
    side(w, "after", b);
    if (elsewhere)
        jw_str_at(w, "from", elsewhere);
    jw_end_obj(w);
}

/* Both are sorted by path: one walk over the two. */
static void compare(struct request *q, struct diff *d, const struct manifest *a, const struct manifest *b,
                    struct jw *w)
{
    const struct manifest_entry **contents = sorted_by_digest(q, a);
    for (size_t i = 0, k = 0; i < a->count || k < b->count;) {
        const struct manifest_entry *x = i < a->count ? &a->entries[i] : NULL;
        const struct manifest_entry *y = k < b->count ? &b->entries[k] : NULL;
        int order = !x ? 1 : !y ? -1 : strcmp(x->path, y->path);
        if (order < 0) {
            d->removed++;
            tell(q, d, w, "removed", x, NULL, NULL);
            i++;
        } else if (order > 0) {
            const struct manifest_entry *was = y->size_bytes ? same_content(contents, a->count, y->sha256) : NULL;
            d->added += was == NULL;
            d->moved += was != NULL;
            tell(q, d, w, was ? "moved" : "added", NULL, y, was ? was->path : NULL);
            k++;
        } else {
            bool same = strcmp(x->sha256, y->sha256) == 0;
            d->same += same;
            d->changed += !same;
            if (!same)
                tell(q, d, w, "changed", x, y, NULL);
            i++;
            k++;
        }
    }
}

static void version(struct jw *w, const char *key, const struct dataset_row *d)
{
    jw_obj_at(w, key);
    jw_str_at(w, "ref", d->ref);
    jw_str_at(w, "manifest", d->manifest);
    jw_str_at(w, "state", dataset_state_name(d->state));
    jw_str_at(w, "classification", d->classification);
    jw_int_at(w, "files", d->files);
    jw_int_at(w, "size_bytes", (int64_t)d->size_bytes);
    jw_end_obj(w);
}

static int diff_print(struct request *q, struct cat *db, struct err *e)
{
    struct diff *d = q->state;
    AUTO_MANIFEST struct manifest *a = NULL, *b = NULL;
    (void)db;
    if (manifest_load(q->lab->store, d->a.manifest, &a, e) < 0)
        return err_context(e, "the manifest of %s", d->a.ref);
    if (manifest_load(q->lab->store, d->b.manifest, &b, e) < 0)
        return err_context(e, "the manifest of %s", d->b.ref);
    d->after = request_str(q, "cursor");
    d->limit = (size_t)request_int(q, "limit", 1000);
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    version(&w, "a", &d->a);
    version(&w, "b", &d->b);
    jw_arr_at(&w, "changes");
    compare(q, d, a, b, &w);
    jw_end_arr(&w);
    jw_obj_at(&w, "summary");
    jw_int_at(&w, "added", (int64_t)d->added);
    jw_int_at(&w, "removed", (int64_t)d->removed);
    jw_int_at(&w, "changed", (int64_t)d->changed);
    jw_int_at(&w, "moved", (int64_t)d->moved);
    jw_int_at(&w, "same", (int64_t)d->same);
    jw_end_obj(&w);
    jw_str_at(&w, "next_cursor", d->more ? d->last : NULL);
    jw_end_obj(&w);
    return 0;
}

static void diff_got(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_pool(q, diff_print, NULL);
}

int method_dataset_diff(struct request *q, struct err *e)
{
    (void)e;
    struct diff *d = arena_alloc(q->arena, sizeof *d);
    *d = (struct diff){.more = false};
    q->state = d;
    request_read(q, diff_get, diff_got);
    return 0;
}
