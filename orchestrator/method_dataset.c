/*
 * method_dataset.c - dataset.*: registering, sealing and finding dataset versions.
 */
#include "api/common/log.h"
#include "api/common/text.h"
#include "catalog/dataset.h"
#include "catalog/digest.h"
#include "catalog/manifest.h"
#include "catalog/objects.h"
#include "catalog/tree.h"
#include "orchestrator/damage.h"
#include "orchestrator/listing.h"
#include "orchestrator/request.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static void int_or_null(struct jw *w, const char *key, int64_t n)
{
    if (n)
        jw_int_at(w, key, n);
    else
        jw_null_at(w, key);
}

static void print_dataset(const struct dataset_row *d, struct jw *w)
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
    jw_int_at(w, "created_us", d->created_us);
    int_or_null(w, "sealed_us", d->sealed_us);
    int_or_null(w, "retired_us", d->retired_us);
    jw_end_obj(w);
}

/* ---- dataset.add ---- */

struct add {
    int64_t files;
    uint64_t size_bytes;
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
        .idempotency_key = request_str(q, "idempotency_key"),
        .request_sha256 = a->request_sha256,
        .created_us = time_now_us(),
    };
    bool existed = false;
    if (cat_dataset_add(db, q->arena, &d, &row, &existed, e) < 0)
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
        request_write(q, add_write, NULL);
}

int method_dataset_add(struct request *q, struct err *e)
{
    (void)e;
    q->state = arena_alloc(q->arena, sizeof(struct add));
    request_pool(q, add_look, add_looked);
    return 0;
}

/* ---- dataset.seal: row, then files, then state ---- */

struct seal {
    struct dataset_row row;
    bool damaged;      /* an object of it was */
    struct err reason; /* then: the answer */
};

static int seal_get(struct request *q, struct cat *db, struct err *e)
{
    struct seal *s = q->state;
    return cat_dataset_get(db, q->arena, request_str(q, "name"), request_int(q, "version", 0),
                           &s->row, e);
}

/* Every file is read before the answer, so that all that is missing can be sent in one go. */
static int seal_objects(struct request *q, const struct manifest *m, struct err *e)
{
    struct seal *s = q->state;
    const struct digest_progress progress = {lab_may_go_on, q->lab};
    const char *first = NULL, *damaged = NULL;
    size_t lost = 0;

    for (size_t i = 0; i < m->count; i++) {
        const struct manifest_entry *en = &m->entries[i];
        struct err bad = {0};
        uint64_t size = 0;
        if (objects_verify(q->lab->store, en->sha256, &progress, &bad) < 0) {
            if (bad.kind != E_NOT_FOUND && bad.kind != E_CONFLICT) {
                *e = bad;
                return err_context(e, "%.100s", en->path);
            }
            if (bad.kind == E_CONFLICT && !damaged)
                damaged = en->path;
            first = first ? first : en->path;
            lost++;
        } else if (objects_has(q->lab->store, en->sha256, &size) && size != en->size_bytes) {
            return err_set(e, E_CONFLICT, "manifest", "make the manifest anew",
                           "%.120s has %" PRIu64 " bytes, not %" PRIu64, en->path, size,
                           en->size_bytes);
        }
    }
    if (lost == 0)
        return 0;
    s->damaged = damaged != NULL;
    const char *hint =
        s->row.state == DATASET_DRAFT
            ? "add it again: `enclos dataset add` sends what is missing and uses this draft (by "
              "the "
              "API: blob.missing, blob.put, dataset.seal)"
            : "add its data anew from their source (`enclos dataset add`) and use the new version";
    char more[40] = "";
    if (lost > 1)
        snprintf(more, sizeof more, " and of %zu more", lost - 1);
    if (damaged)
        return err_set(e, E_CONFLICT, "manifest", hint,
                       "the lab's copy of %.120s%s was damaged and is set aside", damaged, more);
    return err_set(e, E_CONFLICT, "manifest", hint, "the lab has no content of %.120s%s", first,
                   more);
}

static int seal_tree(struct request *q, const struct manifest *m, struct err *e)
{
    const struct digest_progress progress = {lab_may_go_on, q->lab};
    const struct seal *s = q->state;
    for (int tries = 0;; tries++) {
        AUTO_FREE char *tree = NULL;
        struct err bad = {0};
        if (tree_ensure_data(q->lab->store, m, &tree, e) < 0)
            return err_context(e, "the tree of %s", s->row.ref);
        if (tree_verify(q->lab->store, TREE_DATA, m, q->lab->verified, &progress, NULL, &bad) == 0)
            return 0;
        /* The objects are right: only the tree that another version left there is not. */
        if (bad.kind != E_CONFLICT || tries > 0) {
            *e = bad;
            return -1;
        }
        log_error("dataset.tree_changed", LOG_STR("dataset", s->row.ref), LOG_ERR(&bad));
        damage_condemn(q->lab, TREE_DATA, m, s->row.ref);
    }
}

static int seal_check(struct request *q, struct cat *db, struct err *e)
{
    struct seal *s = q->state;
    AUTO_MANIFEST struct manifest *m = NULL;
    (void)db;

    if (manifest_load(q->lab->store, s->row.manifest, &m, e) < 0) {
        s->damaged = e->kind == E_CONFLICT;
        return err_context(e, "the manifest of %s", s->row.ref);
    }
    if (seal_objects(q, m, e) < 0)
        return -1;
    static atomic_ulong number;
    char owner[32];
    snprintf(owner, sizeof owner, "seal-%lu", atomic_fetch_add(&number, 1));
    tree_use(q->lab->uses, owner, m->id);
    int rc = seal_tree(q, m, e);
    tree_unuse(q->lab->uses, owner);
    return rc;
}

static int seal_write(struct request *q, struct cat *db, struct err *e)
{
    struct dataset_row *d = &((struct seal *)q->state)->row;
    if (cat_dataset_seal(db, d->key, &q->actor, time_now_us(), e) < 0 ||
        cat_dataset_get(db, q->arena, d->name, d->version, d, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    print_dataset(d, &w);
    return 0;
}

static int seal_quarantine(struct request *q, struct cat *db, struct err *e)
{
    const struct seal *s = q->state;
    char reason[272];
    snprintf(reason, sizeof reason, "at dataset.seal: %.240s", s->reason.message);
    return cat_dataset_quarantine(db, s->row.key, reason, time_now_us(), e);
}

static void seal_quarantined(struct request *q, const struct err *e)
{
    const struct seal *s = q->state;
    const struct err answer = s->reason;
    if (e)
        log_error("dataset.quarantine", LOG_STR("dataset", s->row.ref), LOG_ERR(e));
    request_end(q, &answer);
}

static void seal_checked(struct request *q, const struct err *e)
{
    struct seal *s = q->state;
    if (e && s->damaged && s->row.state == DATASET_SEALED) {
        s->reason = *e; /* it was sealed already, and is not what it was */
        request_write(q, seal_quarantine, seal_quarantined);
    } else if (e) {
        request_end(q, e);
    } else {
        request_write(q, seal_write, NULL);
    }
}

static void seal_got(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_pool(q, seal_check, seal_checked);
}

int method_dataset_seal(struct request *q, struct err *e)
{
    (void)e;
    struct seal *s = arena_alloc(q->arena, sizeof *s);
    *s = (struct seal){.damaged = false};
    q->state = s;
    request_read(q, seal_get, seal_got);
    return 0;
}

/* ---- reading ---- */

static int get_work(struct request *q, struct cat *db, struct err *e)
{
    struct dataset_row d;
    if (cat_dataset_get(db, q->arena, request_str(q, "name"), request_int(q, "version", 0), &d, e) <
        0)
        return -1;
    struct jw w = jw_to(&q->out);
    print_dataset(&d, &w);
    return 0;
}

int method_dataset_get(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, get_work, NULL);
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
        print_dataset(&row, &w);
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
