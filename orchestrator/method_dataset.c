/*
 * method_dataset.c - dataset.add, get and list: registering and finding dataset versions.
 */
#include "api/common/text.h"
#include "catalog/dataset.h"
#include "catalog/standing.h"
#include "catalog/digest.h"
#include "catalog/manifest.h"
#include "orchestrator/given_objects.h"
#include "catalog/objects.h"
#include "orchestrator/dataset_print.h"
#include "orchestrator/access.h"
#include "orchestrator/listing.h"
#include "orchestrator/request.h"
#include <string.h>

static void int_or_null(struct jw *w, const char *key, int64_t n)
{
    if (n)
        jw_int_at(w, key, n);
    else
        jw_null_at(w, key);
}

void dataset_print(const struct dataset_row *d, struct jw *w)
{
    jw_obj(w);
    jw_str_at(w, "name", d->name);
    jw_int_at(w, "version", d->version);
    jw_str_at(w, "ref", d->ref);
    jw_str_at(w, "title", d->title);
    jw_str_at(w, "description", d->description);
    jw_str_at(w, "classification", d->classification);
    jw_str_at(w, "manifest", d->manifest);
    jw_int_at(w, "files", d->files);
    jw_int_at(w, "size_bytes", (int64_t)d->size_bytes);
    jw_str_at(w, "state", dataset_state_name(d->state));
    jw_bool_at(w, "quarantined", d->quarantined);
    jw_str_at(w, "quarantine_reason", d->quarantine_reason);
    jw_obj_at(w, "actor");
    jw_int_at(w, "uid", d->actor.uid);
    jw_str_at(w, "name", d->actor.name);
    jw_end_obj(w);
    jw_obj_at(w, "keeper");
    jw_int_at(w, "uid", d->keeper.uid);
    jw_str_at(w, "name", d->keeper.name);
    jw_end_obj(w);
    jw_str_at(w, "retired_reason", d->retired_reason);
    jw_int_at(w, "created_us", d->created_us);
    int_or_null(w, "sealed_us", d->sealed_us);
    int_or_null(w, "retired_us", d->retired_us);
    int_or_null(w, "verified_us", d->verified_us);
    jw_end_obj(w);
}

/* ---- dataset.add ---- */

struct add {
    int64_t files;
    uint64_t size_bytes;
    struct given_objects given;
    char request_sha256[DIGEST_HEX_SIZE];
};

static int add_look(struct request *q, struct cat *db, struct err *e)
{
    struct add *a = q->state;
    AUTO_MANIFEST struct manifest *m = NULL;
    AUTO_BUF struct buf canonical = BUF_INIT(2 << 20);
    (void)db;
    (void)objects_want(q->lab->store, request_str(q, "manifest"), NULL); /* missing: told next */
    if (manifest_load(q->lab->store, request_str(q, "manifest"), &m, e) < 0)
        return err_context(e, "the manifest");
    for (size_t i = 0; i < m->count; i++) /* those that are missing are told by the seal */
        (void)objects_want(q->lab->store, m->entries[i].sha256, NULL);
    given_objects_of(q, m, &a->given);
    a->files = (int64_t)m->count;
    a->size_bytes = m->total_bytes;
    json_print(q->params, true, &canonical);
    digest_bytes(buf_cstr(&canonical), canonical.len, a->request_sha256);
    return 0;
}

static int add_write(struct request *q, struct cat *db, struct err *e)
{
    const struct add *a = q->state;
    struct dataset_row row;
    const struct dataset_new d = {
        .name = request_str(q, "name"),
        .title = request_str(q, "title"),
        .description = request_str(q, "description"),
        .classification = request_str(q, "classification"),
        .manifest = request_str(q, "manifest"),
        .files = a->files,
        .size_bytes = a->size_bytes,
        .actor = q->actor,
        .as_admin = standing_may(q->standing, ROLE(ROLE_ADMIN), 0),
        .idempotency_key = request_str(q, "idempotency_key"),
        .request_sha256 = a->request_sha256,
        .created_us = time_now_us(),
    };
    bool existed = false;
    /* Whose dataset it is comes first. A failure of the second takes the first back. */
    if (cat_dataset_add(db, q->arena, &d, &row, &existed, e) < 0 ||
        given_objects_check(q, db, "manifest", d.manifest, &a->given, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_str_at(&w, "name", row.name);
    jw_int_at(&w, "version", row.version);
    jw_str_at(&w, "ref", row.ref);
    jw_str_at(&w, "state", dataset_state_name(row.state));
    jw_bool_at(&w, "existed", existed);
    jw_end_obj(&w);
    return 0;
}

static void add_looked(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_write(q, add_write, access_end);
}

int method_dataset_add(struct request *q, struct err *e)
{
    (void)e;
    q->state = arena_alloc(q->arena, sizeof(struct add));
    request_pool(q, add_look, add_looked);
    return 0;
}

/* ---- reading ---- */

int look_dataset(struct request *q, struct cat *db, struct err *e)
{
    struct dataset_row d;
    if (cat_dataset_get(db, q->arena, request_str(q, "name"), request_int(q, "version", 0), &d, e) <
        0)
        return -1;
    struct jw w = jw_to(&q->out);
    dataset_print(&d, &w);
    return 0;
}

int method_dataset_get(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, look_dataset, NULL);
    return 0;
}

static int list_work(struct request *q, struct cat *db, struct err *e)
{
    struct list_page page;
    size_t i;
    if (listing_find(q, db, &list_datasets, 100, NULL, NULL, &page, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "datasets");
    for (i = 0; i < page.count && q->out.len < LISTING_PAGE_BYTES; i++) {
        struct dataset_row row;
        if (cat_dataset_by_key(db, q->arena, page.keys[i], &row, e) < 0)
            return -1;
        dataset_print(&row, &w);
    }
    jw_end_arr(&w);
    listing_end(q, &page, i, &w);
    jw_end_obj(&w);
    return 0;
}

int method_dataset_list(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, list_work, NULL);
    return 0;
}
