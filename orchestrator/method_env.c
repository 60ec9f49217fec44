/*
 * method_env.c - env.*: importing, finding and retiring environments.
 *
 * An import is one step: the client has sent manifest and files, and the answer comes when every file was
 * read, the tree stands and the version is in the catalog. What runs would not see is not accepted, and
 * nothing at the top may lead elsewhere than into /usr: the runner mounts by these names.
 */
#include "api/common/log.h"
#include "api/common/rootfs.h"
#include "api/common/text.h"
#include "catalog/digest.h"
#include "catalog/environment.h"
#include "catalog/manifest.h"
#include "orchestrator/given_objects.h"
#include "catalog/objects.h"
#include "catalog/tree.h"
#include "orchestrator/damage.h"
#include "orchestrator/listing.h"
#include "orchestrator/request.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static void print_env(const struct env_row *v, const bool *existed, struct jw *w)
{
    jw_obj(w);
    jw_str_at(w, "name", v->name);
    jw_int_at(w, "version", v->version);
    jw_str_at(w, "ref", v->ref);
    jw_str_at(w, "title", v->title);
    jw_str_at(w, "source", v->source);
    jw_str_at(w, "source_digest", v->source_digest);
    jw_str_at(w, "manifest", v->manifest);
    jw_int_at(w, "entries", v->entries);
    jw_int_at(w, "size_bytes", (int64_t)v->size_bytes);
    jw_str_at(w, "state", env_state_name(v->state));
    jw_bool_at(w, "quarantined", v->quarantined);
    jw_str_at(w, "quarantine_reason", v->quarantine_reason);
    jw_obj_at(w, "actor");
    jw_int_at(w, "uid", v->actor.uid);
    jw_str_at(w, "name", v->actor.name);
    jw_end_obj(w);
    jw_int_at(w, "created_us", v->created_us);
    if (v->retired_us)
        jw_int_at(w, "retired_us", v->retired_us);
    else
        jw_null_at(w, "retired_us");
    if (existed)
        jw_bool_at(w, "existed", *existed);
    jw_end_obj(w);
}

/* ---- env.import: files, then row ---- */

struct import {
    int64_t entries;
    uint64_t size_bytes;
    struct given_objects given;
    char request_sha256[DIGEST_HEX_SIZE];
};

static enum rootfs_kind kind_of(const struct manifest_entry *f)
{
    switch (f->kind) {
    case MANIFEST_LINK: return ROOTFS_LINK;
    case MANIFEST_FOLDER: return ROOTFS_FOLDER;
    case MANIFEST_FILE: break;
    }
    return ROOTFS_FILE;
}

/* The length of "opt/NAME" when the path is that or lies below it, else 0. */
static size_t opt_len(const char *path)
{
    return strncmp(path, "opt/", 4) == 0 ? 4 + strcspn(path + 4, "/") : 0;
}

static int check_layout(const struct manifest *m, struct err *e)
{
    const char *last_opt = "";
    size_t opts = 0, usr = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct manifest_entry *f = &m->entries[i];
        if (!rootfs_may_hold(kind_of(f), f->path, f->target))
            return err_set(
                e, E_INVALID, "manifest",
                rootfs_shows(f->path)
                    ? "usr, etc and opt are folders; bin, sbin and lib are folders or links to "
                      "usr/..."
                    : "leave it out: `enclos env import` takes only what runs see",
                "an environment may not have %.200s like that", f->path);
        usr += strncmp(f->path, "usr/", 4) == 0 || strncmp(f->path, "bin/", 4) == 0;
        size_t len = opt_len(f->path);
        opts += len != 0 && (strncmp(last_opt, f->path, len) != 0 || opt_len(last_opt) != len);
        if (len != 0)
            last_opt = f->path;
    }
    if (usr == 0)
        return err_set(e, E_INVALID, "manifest", "give a root file system: a folder with usr in it",
                       "the environment has neither usr nor bin");
    if (opts > ROOTFS_OPT_MAX)
        return err_set(e, E_LIMIT, "manifest", "leave some out",
                       "the environment has %zu entries in /opt, more than %d", opts,
                       ROOTFS_OPT_MAX);
    return 0;
}

static int check_objects(struct request *q, const struct manifest *m, struct err *e)
{
    const char *first = NULL;
    size_t lost = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct manifest_entry *f = &m->entries[i];
        uint64_t size = 0;
        if (f->kind != MANIFEST_FILE)
            continue;
        if (!objects_want(q->lab->store, f->sha256, &size)) {
            first = first ? first : f->path;
            lost++;
        } else if (size != f->size_bytes) {
            return err_set(e, E_CONFLICT, "manifest", "make the manifest anew",
                           "%.120s has %" PRIu64 " bytes, not %" PRIu64, f->path, size,
                           f->size_bytes);
        }
    }
    if (lost == 0)
        return 0;
    char more[40] = "";
    if (lost > 1)
        snprintf(more, sizeof more, " and of %zu more", lost - 1);
    return err_set(
        e, E_CONFLICT, "manifest",
        "import it again: what is missing is sent then (by the API: blob.missing, blob.put, "
        "env.import)",
        "the lab has no content of %.120s%s", first, more);
}

/* Built and then read, each file once: a tree that another version left there may be wrong though the
 * objects are right, and an object may be damaged, which sets it aside. */
static int make_tree(struct request *q, const struct manifest *m, struct err *e)
{
    const struct digest_progress progress = {lab_may_go_on, q->lab};
    for (int tries = 0;; tries++) {
        AUTO_FREE char *tree = NULL;
        struct err bad = {0};
        int rc = tree_ensure_env(q->lab->store, m, &tree, &bad);
        if (rc == 0)
            rc = tree_verify(q->lab->store, TREE_ENV, m, q->lab->verified, &progress, NULL, &bad);
        if (rc == 0)
            return 0;
        if (bad.kind != E_CONFLICT || tries > 0) {
            *e = bad;
            if (e->kind ==
                E_NOT_FOUND) /* set aside meanwhile: counts as missing, can be sent again */
                e->kind = E_CONFLICT;
            return -1;
        }
        log_error("env.tree_changed", LOG_STR("name", request_str(q, "name")), LOG_ERR(&bad));
        damage_condemn(q->lab, TREE_ENV, m, request_str(q, "name"));
        if (check_objects(q, m, e) < 0)
            return -1;
    }
}

static int import_check(struct request *q, struct cat *db, struct err *e)
{
    struct import *i = q->state;
    AUTO_MANIFEST struct manifest *m = NULL;
    AUTO_BUF struct buf canonical = BUF_INIT(1 << 20);
    static atomic_ulong number;
    char owner[32], name[TREE_NAME_SIZE];
    (void)db;
    (void)objects_want(q->lab->store, request_str(q, "manifest"), NULL); /* missing: told next */
    if (manifest_load_any(q->lab->store, request_str(q, "manifest"), &m, e) < 0)
        return err_context(e, "the manifest");
    if (check_layout(m, e) < 0 || check_objects(q, m, e) < 0)
        return -1;
    given_objects_of(q, m, &i->given);
    i->entries = (int64_t)m->count;
    i->size_bytes = m->total_bytes;
    json_print(q->params, true, &canonical);
    digest_bytes(buf_cstr(&canonical), canonical.len, i->request_sha256);
    snprintf(owner, sizeof owner, "import-%lu", atomic_fetch_add(&number, 1));
    tree_name(m->id, TREE_ENV, name);
    tree_use(q->lab->uses, owner, name);
    int rc = make_tree(q, m, e);
    tree_unuse(q->lab->uses, owner);
    return rc;
}

static int import_write(struct request *q, struct cat *db, struct err *e)
{
    const struct import *i = q->state;
    struct env_row row;
    bool existed = false;
    const struct env_new n = {
        .name = request_str(q, "name"),
        .title = request_str(q, "title"),
        .source = request_str(q, "source"),
        .source_digest = request_str(q, "source_digest"),
        .manifest = request_str(q, "manifest"),
        .entries = i->entries,
        .size_bytes = i->size_bytes,
        .actor = q->actor,
        .idempotency_key = request_str(q, "idempotency_key"),
        .request_sha256 = i->request_sha256,
        .created_us = time_now_us(),
    };
    if (given_objects_check(q, db, "manifest", n.manifest, &i->given, e) < 0)
        return -1;
    if (cat_env_add(db, q->arena, &n, &row, &existed, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    print_env(&row, &existed, &w);
    return 0;
}

static void import_checked(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_write(q, import_write, NULL);
}

int method_env_import(struct request *q, struct err *e)
{
    if (strcmp(request_str(q, "name"), ENV_HOST) == 0)
        return err_set(e, E_INVALID, "name", "choose another name",
                       "\"host\" is the machine's own environment");
    q->state = arena_alloc(q->arena, sizeof(struct import));
    request_pool(q, import_check, import_checked);
    return 0;
}

/* ---- reading ---- */

int look_env(struct request *q, struct cat *db, struct err *e)
{
    struct env_row v;
    if (cat_env_get(db, q->arena, request_str(q, "name"), request_int(q, "version", 0), &v, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    print_env(&v, NULL, &w);
    return 0;
}

int method_env_get(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, look_env, NULL);
    return 0;
}

static int list_work(struct request *q, struct cat *db, struct err *e)
{
    struct list_page page;
    size_t i;
    if (listing_find(q, db, &list_environments, 100, NULL, NULL, &page, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "environments");
    for (i = 0; i < page.count && q->out.len < LISTING_PAGE_BYTES; i++) {
        struct env_row row;
        if (cat_env_by_key(db, q->arena, page.keys[i], &row, e) < 0)
            return -1;
        print_env(&row, NULL, &w);
    }
    jw_end_arr(&w);
    listing_end(q, &page, i, &w);
    jw_end_obj(&w);
    return 0;
}

int method_env_list(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, list_work, NULL);
    return 0;
}

/* ---- env.retire ---- */

static int retire_work(struct request *q, struct cat *db, struct err *e)
{
    const char *name = request_str(q, "name");
    struct env_row v;
    if (cat_env_get(db, q->arena, name, request_int(q, "version", 0), &v, e) < 0 ||
        cat_env_retire(db, q->arena, v.key, request_str(q, "reason"), &q->actor, time_now_us(), e) <
            0 ||
        cat_env_get(db, q->arena, name, v.version, &v, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    print_env(&v, NULL, &w);
    return 0;
}

int method_env_retire(struct request *q, struct err *e)
{
    (void)e;
    request_write(q, retire_work, NULL);
    return 0;
}
