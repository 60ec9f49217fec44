/*
 * deep.c - see deep.h. Digests come before references: what is damaged is missing then, and is told with what
 * refers to it.
 */
#include "catalog/deep.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "catalog/db.h"
#include "catalog/manifest.h"
#include "catalog/objects.h"
#include "catalog/scrub.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SCRUB_BYTES = 1 << 30, PROGRESS_STEPS = 20000 };

struct deep {
    struct cat *db;
    const struct store *s;
    struct tree_cache *verified;
    const struct backup_phase *how;
    struct deep_report *out;
    uint64_t base; /* bytes that were read before this call of the scrub */
};

static bool may_go_on(struct deep *d, uint64_t done, uint64_t total)
{
    const struct gc_progress *p = &d->how->progress;
    return !p->step || p->step(p->ctx, done, total);
}

static int stopped(struct err *e)
{
    return err_set(e, E_UNAVAILABLE, NULL, "try again when it is back", "the lab is stopping");
}

static void phase(struct deep *d, const char *name)
{
    if (d->how->phase)
        d->how->phase(d->how->progress.ctx, name);
}

/* ---- the catalog ---- */

static int sqlite_step(void *ctx)
{
    return !may_go_on(ctx, 0, 0);
}

static int check_catalog(struct deep *d, struct err *e)
{
    sqlite3 *db = cat_handle(d->db);
    sqlite3_stmt *s = NULL;
    phase(d, "catalog");
    sqlite3_progress_handler(db, PROGRESS_STEPS, sqlite_step, d);
    int rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        const char *found = (const char *)sqlite3_column_text(s, 0);
        if (!found || strcmp(found, "ok") != 0)
            text_sanitize(found ? found : "no answer", found ? strlen(found) : 9, d->out->catalog,
                          sizeof d->out->catalog);
    } else if ((rc & 0xff) != SQLITE_INTERRUPT) {
        snprintf(d->out->catalog, sizeof d->out->catalog, "%s", sqlite3_errmsg(db));
    }
    sqlite3_finalize(s);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    if ((rc & 0xff) == SQLITE_INTERRUPT)
        return stopped(e);
    phase(d, "audit");
    return audit_verify(d->db, &d->out->audit, e);
}

/* ---- objects ---- */

static bool scrub_step(void *ctx, uint64_t done)
{
    struct deep *d = ctx;
    return may_go_on(d, d->base + done, 0);
}

/* By the scrub of scrub.c, which goes through all of them in turn. */
static int check_objects(struct deep *d, struct err *e)
{
    const struct digest_progress progress = {scrub_step, d};
    struct scrub scrub = {.max_bytes = SCRUB_BYTES, .object_max_bytes = OBJECT_MAX_BYTES};
    phase(d, "digests");
    do {
        if (!may_go_on(d, d->out->bytes, 0))
            return stopped(e);
        d->base = d->out->bytes;
        if (scrub_some(d->s, &scrub, &progress, e) < 0)
            return -1;
        d->out->objects += scrub.objects;
        d->out->damaged += scrub.damaged;
        d->out->bytes += scrub.read_bytes;
    } while (scrub.after[0]);
    return 0;
}

/* ---- references ---- */

static void told_missing(void *ctx, const char *sha256, const char *manifest, const char *path,
                         const char *why)
{
    struct deep_report *out = ctx;
    out->missing++;
    if (out->finding_count == DEEP_FINDINGS_MAX)
        return;
    struct deep_finding *f = &out->findings[out->finding_count++];
    snprintf(f->sha256, sizeof f->sha256, "%s", sha256);
    snprintf(f->manifest, sizeof f->manifest, "%s", manifest ? manifest : "");
    text_sanitize(path, strlen(path), f->path, sizeof f->path);
    snprintf(f->why, sizeof f->why, "%.99s", why);
}

static int told_root(void *ctx, const char *manifest, const char *subject)
{
    struct deep_report *out = ctx;
    for (size_t i = 0; i < out->finding_count; i++) {
        struct deep_finding *f = &out->findings[i];
        if (strcmp(f->manifest, manifest) != 0)
            continue;
        if (f->of[0])
            f->more++;
        else
            snprintf(f->of, sizeof f->of, "%s", subject);
    }
    return 0;
}

static int check_references(struct deep *d, struct err *e)
{
    AUTO_IDSET struct idset *used = NULL;
    const struct gc_missing missing = {told_missing, d->out};
    phase(d, "references");
    if (idset_new(d->s, &used, e) < 0 ||
        gc_mark(d->db, d->s, NULL, used, &d->how->progress, &missing, e) < 0)
        return -1;
    return d->out->finding_count ? gc_each_root(d->db, told_root, d->out, e) : 0;
}

/* ---- trees ---- */

static bool tree_step(void *ctx, uint64_t done)
{
    return may_go_on(ctx, done, 0);
}

static int check_tree(struct deep *d, const char *name, struct err *e)
{
    const struct digest_progress progress = {tree_step, d};
    bool env = strncmp(name, "env-", 4) == 0;
    const char *id = env ? name + 4 : name;
    AUTO_MANIFEST struct manifest *m = NULL;
    struct err bad = {0};
    /* Code is checked each time that it is used. A tree without its manifest goes by itself. */
    if (!text_is_sha256(id) || manifest_load_any(d->s, id, &m, &bad) < 0)
        return 0;
    d->out->trees++;
    bad = (struct err){0};
    if (tree_verify(d->s, env ? TREE_ENV : TREE_DATA, m, d->verified, &progress, NULL, &bad) == 0)
        return 0;
    if (bad.kind == E_UNAVAILABLE)
        return stopped(e);
    if (bad.kind == E_NOT_FOUND) /* removed meanwhile */
        return 0;
    if (d->out->trees_wrong++ == 0)
        snprintf(d->out->tree_wrong, sizeof d->out->tree_wrong, "%.12s: %.180s", id, bad.message);
    return 0;
}

static int check_trees(struct deep *d, struct err *e)
{
    phase(d, "trees");
    AUTO_FD int fd = openat(d->s->trees_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return err_sys(e, "trees", "look at the disk", "cannot read trees/");
    (void)fd_take(&fd);
    int rc = 0;
    const struct dirent *entry;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): each DIR is ours alone */
    while (rc == 0 && (entry = readdir(dir)) != NULL)
        rc = check_tree(d, entry->d_name, e);
    closedir(dir);
    return rc;
}

int deep_check(struct cat *db, const struct store *s, struct tree_cache *verified,
               const struct backup_phase *how, struct deep_report *out, struct err *e)
{
    struct deep d = {.db = db, .s = s, .verified = verified, .how = how, .out = out};
    *out = (struct deep_report){.catalog = ""};
    if (check_catalog(&d, e) < 0 || check_objects(&d, e) < 0 || check_references(&d, e) < 0)
        return -1;
    return check_trees(&d, e);
}
