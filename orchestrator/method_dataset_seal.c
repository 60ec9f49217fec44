/*
 * method_dataset_seal.c - dataset.seal, verify, unquarantine and progress: what reads every file of a version.
 *
 *     row (catalog) --> files (pool, several threads) --> state or quarantine (catalog)
 *
 * Sealing reads each file once: that all are there is seen by their names, then the tree is built and
 * verified, and what was read is remembered, so that the first run reads nothing. Only where something is
 * wrong are the objects read one by one: what is damaged is set aside, and all that is missing is told
 * at once. dataset.verify reads everything again and believes no memory.
 */
#include "api/common/log.h"
#include "api/common/text.h"
#include "catalog/dataset_keep.h"
#include "catalog/lineage.h"
#include "catalog/manifest.h"
#include "catalog/objects.h"
#include "catalog/tree.h"
#include "orchestrator/damage.h"
#include "orchestrator/dataset_print.h"
#include "orchestrator/progress.h"
#include "orchestrator/access.h"
#include "orchestrator/request.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct seal {
    struct dataset_row row;
    struct progress progress;
    bool damaged;      /* an object of it was, or its tree */
    struct err reason; /* then: the answer */
    const struct lineage_source *files; /* that have bytes */
    size_t file_count;
    struct lineage_source *sources; /* of them, those that runs left too */
    size_t source_count;
    /* of dataset.verify */
    uint64_t read_bytes;
    int64_t began_us, wall_ms;
};

static struct seal *seal_new(struct request *q, const char *what)
{
    struct seal *s = arena_alloc(q->arena, sizeof *s);
    *s = (struct seal){.began_us = time_mono_us()};
    q->state = s;
    progress_begin(&s->progress, q->lab, what, request_str(q, "name"), request_int(q, "version", 0));
    return s;
}

static void seal_end(struct request *q, const struct err *e)
{
    progress_end(&((struct seal *)q->state)->progress);
    access_end(q, e);
}

/* An auditor may have any verified: that changes nothing but what it finds. */
static int seal_get(struct request *q, struct cat *db, struct err *e)
{
    struct seal *s = q->state;
    if (cat_dataset_get(db, q->arena, request_str(q, "name"), request_int(q, "version", 0), &s->row, e) < 0)
        return -1;
    if (q->method->handle == method_dataset_verify && standing_may(q->standing, ROLE(ROLE_AUDITOR), 0))
        return 0;
    return dataset_must_keep(q->standing, &s->row, q->method->name, e);
}

/* ---- files ---- */

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
    s->damaged = s->damaged || damaged != NULL;
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

/* By name and size, without reading. */
static bool all_there(struct request *q, const struct manifest *m)
{
    for (size_t i = 0; i < m->count; i++) {
        uint64_t size = 0;
        if (!objects_has(q->lab->store, m->entries[i].sha256, &size) ||
            size != m->entries[i].size_bytes)
            return false;
    }
    return true;
}

static int seal_files(struct request *q, const struct manifest *m, struct err *e)
{
    struct seal *s = q->state;
    const struct digest_progress progress = {progress_step, &s->progress};
    if (!all_there(q, m) && seal_objects(q, m, e) < 0)
        return -1;
    for (int tries = 0;; tries++) {
        AUTO_FREE char *tree = NULL;
        struct err bad = {0};
        int rc = tree_ensure_data(q->lab->store, m, &tree, &bad);
        if (rc == 0)
            rc = tree_verify(q->lab->store, TREE_DATA, m, q->lab->verified, &progress, NULL, &bad);
        if (rc == 0)
            return 0;
        if ((bad.kind != E_CONFLICT && bad.kind != E_NOT_FOUND) || tries > 0) {
            *e = bad;
            return err_context(e, "the tree of %s", s->row.ref);
        }
        log_error("dataset.tree_changed", LOG_STR("dataset", s->row.ref), LOG_ERR(&bad));
        if (seal_objects(q, m, e) < 0)
            return -1;
        /* The objects are right: only the tree that another version left there is not. */
        damage_condemn(q->lab, TREE_DATA, m, s->row.ref);
    }
}

static int load(struct request *q, struct manifest **m, struct err *e)
{
    struct seal *s = q->state;
    if (manifest_load(q->lab->store, s->row.manifest, m, e) < 0) {
        s->damaged = e->kind == E_CONFLICT || e->kind == E_NOT_FOUND;
        return err_context(e, "the manifest of %s", s->row.ref);
    }
    atomic_store(&s->progress.total_bytes, (*m)->total_bytes);
    return 0;
}

/* `work` while nobody may remove the tree. */
static int with_tree(struct request *q, const struct manifest *m,
                     int (*work)(struct request *q, const struct manifest *m, struct err *e),
                     struct err *e)
{
    static atomic_ulong number;
    char owner[32];
    snprintf(owner, sizeof owner, "seal-%lu", atomic_fetch_add(&number, 1));
    tree_use(q->lab->uses, owner, m->id);
    int rc = work(q, m, e);
    tree_unuse(q->lab->uses, owner);
    return rc;
}

/* ---- dataset.seal ---- */

static int seal_check(struct request *q, struct cat *db, struct err *e)
{
    AUTO_MANIFEST struct manifest *m = NULL;
    (void)db;
    if (load(q, &m, e) < 0 || with_tree(q, m, seal_files, e) < 0)
        return -1;
    struct seal *s = q->state;
    struct lineage_source *files = arena_alloc(q->arena, (m->count + 1) * sizeof *files);
    for (size_t i = 0; i < m->count; i++)
        if (m->entries[i].size_bytes > 0)
            files[s->file_count++] = (struct lineage_source){arena_strdup(q->arena, m->entries[i].path),
                                                             arena_strdup(q->arena, m->entries[i].sha256)};
    s->files = files;
    return 0;
}

/* Which of its files have the bytes of what runs left: read before the writing, since there may be many. */
static int seal_sources(struct request *q, struct cat *db, struct err *e)
{
    struct seal *s = q->state;
    return cat_lineage_sources(db, q->arena, s->files, s->file_count, &s->sources, &s->source_count, e);
}

static int seal_write(struct request *q, struct cat *db, struct err *e)
{
    struct seal *s = q->state;
    struct dataset_row *d = &s->row;
    if (cat_dataset_seal(db, d->key, &q->actor, time_now_us(), e) < 0 ||
        cat_lineage_keep(db, d->key, s->sources, s->source_count, e) < 0 ||
        cat_dataset_get(db, q->arena, d->name, d->version, d, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    dataset_print(d, &w);
    return 0;
}

static int quarantine(struct request *q, struct cat *db, struct err *e)
{
    const struct seal *s = q->state;
    char reason[272];
    snprintf(reason, sizeof reason, "at %s: %.240s", q->method->name, s->reason.message);
    return cat_dataset_quarantine(db, s->row.key, reason, time_now_us(), e);
}

static void seal_quarantined(struct request *q, const struct err *e)
{
    const struct seal *s = q->state;
    const struct err answer = s->reason;
    if (e)
        log_error("dataset.quarantine", LOG_STR("dataset", s->row.ref), LOG_ERR(e));
    seal_end(q, &answer);
}

static void seal_have_sources(struct request *q, const struct err *e)
{
    if (e)
        seal_end(q, e);
    else
        request_write(q, seal_write, seal_end);
}

static void seal_checked(struct request *q, const struct err *e)
{
    struct seal *s = q->state;
    if (e && s->damaged && s->row.state == DATASET_SEALED) {
        s->reason = *e; /* it was sealed already, and is not what it was */
        request_write(q, quarantine, seal_quarantined);
    } else if (e) {
        seal_end(q, e);
    } else {
        request_read(q, seal_sources, seal_have_sources);
    }
}

static void seal_got(struct request *q, const struct err *e)
{
    if (e)
        seal_end(q, e);
    else
        request_pool(q, seal_check, seal_checked);
}

int method_dataset_seal(struct request *q, struct err *e)
{
    (void)e;
    seal_new(q, "seal");
    request_read(q, seal_get, seal_got);
    return 0;
}

/* ---- dataset.verify ---- */

static int verify_files(struct request *q, const struct manifest *m, struct err *e)
{
    struct seal *s = q->state;
    const struct digest_progress progress = {progress_step, &s->progress};
    AUTO_FREE char *tree = NULL;
    int rc = tree_ensure_data(q->lab->store, m, &tree, e);
    if (rc == 0)
        rc = tree_verify(q->lab->store, TREE_DATA, m, NULL, &progress, &s->read_bytes, e);
    if (rc == 0 || (e->kind != E_CONFLICT && e->kind != E_NOT_FOUND && e->kind != E_INVALID))
        return rc;
    s->damaged = true;
    damage_condemn(q->lab, TREE_DATA, m, s->row.ref);
    return err_context(e, "%s", s->row.ref);
}

static int verify_check(struct request *q, struct cat *db, struct err *e)
{
    struct seal *s = q->state;
    AUTO_MANIFEST struct manifest *m = NULL;
    (void)db;
    int rc = load(q, &m, e) < 0 ? -1 : with_tree(q, m, verify_files, e);
    s->wall_ms = (time_mono_us() - s->began_us) / 1000;
    return rc;
}

/* That it was looked at is worth an entry, and what was found. */
static int verify_write(struct request *q, struct cat *db, struct err *e)
{
    struct seal *s = q->state;
    if (s->damaged && s->row.state == DATASET_SEALED && quarantine(q, db, e) < 0)
        return -1;
    if (cat_dataset_verified(db, &s->row, &q->actor, s->damaged ? s->reason.message : NULL,
                             s->read_bytes, time_now_us(), e) < 0 ||
        cat_dataset_get(db, q->arena, s->row.name, s->row.version, &s->row, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_str_at(&w, "ref", s->row.ref);
    jw_bool_at(&w, "ok", !s->damaged);
    jw_str_at(&w, "reason", s->damaged ? s->reason.message : NULL);
    jw_int_at(&w, "files", s->row.files);
    jw_int_at(&w, "size_bytes", (int64_t)s->row.size_bytes);
    jw_int_at(&w, "read_bytes", (int64_t)s->read_bytes);
    jw_int_at(&w, "wall_ms", s->wall_ms);
    jw_bool_at(&w, "quarantined", s->row.quarantined);
    jw_end_obj(&w);
    return 0;
}

static void verify_checked(struct request *q, const struct err *e)
{
    struct seal *s = q->state;
    if (e && !s->damaged) {
        seal_end(q, e);
        return;
    }
    if (e)
        s->reason = *e;
    request_write(q, verify_write, seal_end);
}

static void verify_got(struct request *q, const struct err *e)
{
    const struct seal *s = q->state;
    struct err draft = {0};
    if (e) {
        seal_end(q, e);
    } else if (s->row.state == DATASET_DRAFT) {
        (void)err_set(&draft, E_CONFLICT, "version", "seal it: that checks its files as well",
                      "%s is a draft", s->row.ref);
        seal_end(q, &draft);
    } else {
        request_pool(q, verify_check, verify_checked);
    }
}

int method_dataset_verify(struct request *q, struct err *e)
{
    (void)e;
    seal_new(q, "verify");
    request_read(q, seal_get, verify_got);
    return 0;
}

/* ---- dataset.unquarantine: verified first, so that what is let go is what was sealed ---- */

static int lift_write(struct request *q, struct cat *db, struct err *e)
{
    struct seal *s = q->state;
    int64_t now_us = time_now_us();
    if (cat_dataset_verified(db, &s->row, &q->actor, NULL, s->read_bytes, now_us, e) < 0 ||
        cat_dataset_unquarantine(db, s->row.key, &q->actor, request_str(q, "reason"), now_us, e) < 0 ||
        cat_dataset_get(db, q->arena, s->row.name, s->row.version, &s->row, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    dataset_print(&s->row, &w);
    return 0;
}

static void lift_checked(struct request *q, const struct err *e)
{
    const struct seal *s = q->state;
    struct err no = {0};
    if (!e) {
        request_write(q, lift_write, seal_end);
        return;
    }
    if (!s->damaged) {
        seal_end(q, e);
        return;
    }
    (void)err_set(&no, E_CONFLICT, "version",
                  "add its data anew from their source (`enclos dataset add`) and use the new version",
                  "it stays in quarantine: %.200s", e->message);
    seal_end(q, &no);
}

static void lift_got(struct request *q, const struct err *e)
{
    struct seal *s = q->state;
    struct err no = {0};
    if (e) {
        seal_end(q, e);
    } else if (!s->row.quarantined) {
        (void)err_set(&no, E_CONFLICT, "version", NULL, "%s is in no quarantine", s->row.ref);
        seal_end(q, &no);
    } else {
        request_pool(q, verify_check, lift_checked);
    }
}

int method_dataset_unquarantine(struct request *q, struct err *e)
{
    (void)e;
    seal_new(q, "verify");
    request_read(q, seal_get, lift_got);
    return 0;
}

/* ---- dataset.progress ---- */

int method_dataset_progress(struct request *q, struct err *e)
{
    const char *ref = arena_printf(q->arena, "%s@%lld", request_str(q, "name"),
                                   (long long)request_int(q, "version", 0));
    const struct progress *p = progress_find(q->lab, ref);
    struct jw w = jw_to(&q->out);
    (void)e;
    jw_obj(&w);
    jw_bool_at(&w, "under_way", p != NULL);
    if (p) {
        jw_str_at(&w, "what", p->what);
        jw_int_at(&w, "done_bytes", (int64_t)atomic_load(&p->done_bytes));
        jw_int_at(&w, "total_bytes", (int64_t)atomic_load(&p->total_bytes));
        jw_int_at(&w, "started_us", p->started_us);
    }
    jw_end_obj(&w);
    request_end(q, NULL);
    return 0;
}
