/*
 * gc.c - see gc.h. The marks are 32 bytes an object in files (idset.h): memory does not grow with the lab.
 */
#include "catalog/gc.h"

#include "api/common/fd.h"
#include "api/common/json.h"
#include "catalog/change.h"
#include "catalog/db.h"
#include "catalog/manifest.h"
#include "catalog/objects.h"
#include "api/common/text.h"
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { DETAIL_BYTES = 32 << 10 };

enum {
    GC_MAY_GO_RUN,
    GC_MAY_GO_DATASET,
    GC_MAY_GO_ENVIRONMENT,
    GC_RELEASE,
    GC_ROOT_DATASETS,
    GC_ROOT_ENVIRONMENTS,
    GC_ROOT_CODE,
    GC_ROOT_OUTPUTS,
    GC_ROOT_ARTIFACTS,
    GC_SQL_COUNT
};

#define IN(table, noun, id)                                                                        \
    " EXISTS (SELECT 1 FROM " table " x WHERE x.noun = '" noun "' AND x.id = " id ")"
/* ?1: before when. Past its keeping, held by nobody, used by no run that goes on; a dataset also past the day
 * that its card says it is kept until. */
#define RUN_GOES                                                                                   \
    "(r.state = 'finished' AND r.finished_us < ?1 AND NOT" IN("hold", "run", "r.seq") ")"
#define DATASET_GOES                                                                               \
    "(v.state = 'retired' AND v.retired_us < ?1 AND NOT" IN("hold", "dataset", "v.id")             \
    " AND NOT EXISTS (SELECT 1 FROM dataset_card c WHERE c.dataset = v.dataset"                    \
    " AND c.retention >= date('now'))"                                                             \
    " AND NOT EXISTS (SELECT 1 FROM run_dataset l JOIN run r ON r.seq = l.run"                     \
    " WHERE l.version = v.id AND r.state <> 'finished'))"
#define ENVIRONMENT_GOES                                                                           \
    "(v.state = 'retired' AND v.retired_us < ?1 AND NOT" IN("hold", "environment", "v.id")         \
    " AND NOT EXISTS (SELECT 1 FROM run r WHERE r.environment = v.id"                              \
    " AND r.state IN ('queued', 'starting', 'running')))"

static const struct sql_row rows[] = {
    [GC_MAY_GO_RUN] = {.text = "SELECT r.seq, r.id FROM run r WHERE r.seq > ?2 AND " RUN_GOES
                               " AND NOT" IN("released", "run", "r.seq") " ORDER BY r.seq LIMIT ?3"},
    [GC_MAY_GO_DATASET] =
        {.text = "SELECT v.id, d.name || '@' || v.version FROM dataset_version v"
                 " JOIN dataset d ON d.id = v.dataset WHERE v.id > ?2 AND " DATASET_GOES
                 " AND NOT" IN("released", "dataset", "v.id") " ORDER BY v.id LIMIT ?3"},
    [GC_MAY_GO_ENVIRONMENT] =
        {.text = "SELECT v.id, n.name || '@' || v.version FROM environment_version v"
                 " JOIN environment n ON n.id = v.environment WHERE v.id > ?2 AND " ENVIRONMENT_GOES
                 " AND NOT" IN("released", "environment", "v.id") " ORDER BY v.id LIMIT ?3"},
    [GC_RELEASE] = {.text = "INSERT INTO released (noun, id, released_us) VALUES (?, ?, ?)"},
    /* ?1 is 0 when nothing more is to be taken as released: times are greater. */
    [GC_ROOT_DATASETS] =
        {.text = "SELECT v.manifest, d.name || '@' || v.version FROM dataset_version v"
                 " JOIN dataset d ON d.id = v.dataset WHERE NOT" IN("released", "dataset", "v.id")
                 " AND NOT " DATASET_GOES,
         .scan = "all that is referred to is marked"},
    [GC_ROOT_ENVIRONMENTS] =
        {.text = "SELECT v.manifest, n.name || '@' || v.version FROM environment_version v"
                 " JOIN environment n ON n.id = v.environment"
                 " WHERE NOT" IN("released", "environment", "v.id") " AND NOT " ENVIRONMENT_GOES,
         .scan = "all that is referred to is marked"},
    [GC_ROOT_CODE] = {.text = "SELECT r.code, r.id FROM run r WHERE r.code IS NOT NULL"
                              " AND NOT" IN("released", "run", "r.seq") " AND NOT " RUN_GOES,
                      .scan = "all that is referred to is marked"},
    [GC_ROOT_OUTPUTS] = {.text = "SELECT r.outputs, r.id FROM run r WHERE r.outputs IS NOT NULL"
                                 " AND NOT" IN("released", "run", "r.seq") " AND NOT " RUN_GOES,
                         .scan = "all that is referred to is marked"},
    [GC_ROOT_ARTIFACTS] = {.text = "SELECT a.sha256, r.id FROM artifact a JOIN run r ON r.seq = a.run"
                                   " WHERE NOT" IN("released", "run", "r.seq") " AND NOT " RUN_GOES,
                           .scan = "all that is referred to is marked"},
};
static_assert(sizeof rows / sizeof rows[0] == GC_SQL_COUNT, "one statement a row");
const struct sql_table gc_sql = {"collection", rows, GC_SQL_COUNT, SQL_GC};

const char *const gc_object_columns[] = {
    "dataset_version.manifest", "environment_version.manifest", "run.code", "run.outputs",
    "artifact.sha256", NULL,
};
const char *const gc_other_digests[] = {
    "schema_migration.sha256", "environment_version.source_digest", "token.digest", "idempotency.result",
    "project.code", /* a name */ "host.digest", "dataset_source.sha256", /* of its manifest too */
    "possession.sha256", /* who has given it says nothing of its use */
    NULL,
};

/* ---- release ---- */

static const struct {
    int may_go;
    const char *feed, *action;
} nouns[HOLD_NOUN_COUNT] = {
    [HOLD_RUN] = {GC_MAY_GO_RUN, "run", "run.content_released"},
    [HOLD_DATASET] = {GC_MAY_GO_DATASET, "dataset", "dataset.content_released"},
    [HOLD_ENVIRONMENT] = {GC_MAY_GO_ENVIRONMENT, "env", "env.content_released"},
};

static int64_t before_us(const struct gc_policy *p, enum hold_noun noun)
{
    return !p ? 0 : noun == HOLD_RUN ? p->runs_before_us : p->retired_before_us;
}

struct candidate {
    int64_t id;
    const char *subject;
};

static int candidates(struct cat *db, struct arena *a, enum hold_noun noun, int64_t before,
                      int64_t after, struct candidate *out, size_t *count, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &gc_sql, nouns[noun].may_go, e, V_I(before),
                                          V_I(after), V_I(GC_RELEASE_MAX));
    int rc = -1;
    *count = 0;
    while (s && (rc = cat_step(db, s, e)) == 1)
        out[(*count)++] =
            (struct candidate){sqlite3_column_int64(s, 0), cat_col_text(a, s, 1)};
    return rc;
}

static int release(struct cat *db, enum hold_noun noun, const struct candidate *list, size_t count,
                   const struct cat_actor *actor, int64_t now_us, struct err *e)
{
    for (size_t i = 0; i < count; i++) {
        if (cat_do(db, &gc_sql, GC_RELEASE, e, V_T(hold_noun_name(noun)), V_I(list[i].id),
                   V_I(now_us)) < 0 ||
            change_add(db, nouns[noun].feed, list[i].subject, "content_released", now_us, e) < 0)
            return -1;
        if (noun != HOLD_RUN &&
            audit_append(db, actor, nouns[noun].action, list[i].subject, NULL, now_us, e) < 0)
            return -1;
    }
    if (noun != HOLD_RUN || count == 0)
        return 0;
    /* Runs are many, and of the same kind: one entry names them all. */
    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_BYTES);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_int_at(&w, "count", (int64_t)count);
    jw_arr_at(&w, "runs");
    for (size_t i = 0; i < count; i++)
        jw_str(&w, list[i].subject);
    jw_end_arr(&w);
    jw_end_obj(&w);
    return audit_append(db, actor, nouns[noun].action, list[0].subject, buf_cstr(&detail), now_us,
                        e);
}

int gc_release(struct cat *db, enum hold_noun noun, const struct gc_policy *policy, bool only_count,
               const struct cat_actor *actor, int64_t now_us, int64_t *at, size_t *count,
               struct err *e)
{
    struct candidate list[GC_RELEASE_MAX];
    int64_t before = before_us(policy, noun);
    *count = 0;
    if (before == 0)
        return 0;
    struct arena *a = arena_new();
    int rc = candidates(db, a, noun, before, *at, list, count, e);
    if (rc == 0 && *count > 0)
        *at = list[*count - 1].id;
    if (rc == 0 && !only_count)
        rc = release(db, noun, list, *count, actor, now_us, e);
    arena_free(a);
    return rc;
}

/* ---- mark ---- */

struct marking {
    struct cat *db;
    const struct store *s;
    struct idset *used;
    struct idset *manifests;
    const struct gc_missing *missing;
    const struct gc_progress *progress;
    uint64_t done, total;
};

static int stopped(struct err *e)
{
    return err_set(e, E_UNAVAILABLE, NULL, "try again when it is back", "the lab is stopping");
}

static int step(const struct gc_progress *p, uint64_t done, uint64_t total, struct err *e)
{
    return !p || !p->step || p->step(p->ctx, done, total) ? 0 : stopped(e);
}

static int mark_entries(struct marking *m, const char *id, const struct manifest *of, struct err *e)
{
    for (size_t i = 0; i < of->count; i++) {
        const struct manifest_entry *f = &of->entries[i];
        uint64_t size = 0;
        if (f->kind != MANIFEST_FILE)
            continue;
        if (idset_add(m->used, f->sha256, e) < 0)
            return -1;
        if (!m->missing)
            continue;
        if (!objects_has(m->s, f->sha256, &size))
            m->missing->told(m->missing->ctx, f->sha256, id, f->path, "it is missing");
        else if (size != f->size_bytes)
            m->missing->told(m->missing->ctx, f->sha256, id, f->path, "it has another size");
    }
    return 0;
}

static int mark_manifest(struct marking *m, const char *id, struct err *e)
{
    AUTO_MANIFEST struct manifest *of = NULL;
    struct err bad = {0};
    if (idset_add(m->used, id, e) < 0)
        return -1;
    if (manifest_load_any(m->s, id, &of, &bad) == 0)
        return mark_entries(m, id, of, e);
    if (m->missing) {
        m->missing->told(m->missing->ctx, id, id, "the manifest itself", bad.message);
        return 0;
    }
    return err_set(e, E_CONFLICT, "objects",
                   "`enclos doctor --deep` says who refers to it; send it again, or restore it",
                   "the manifest %.12s cannot be read, so what it refers to is not known: %.200s", id,
                   bad.message);
}

/* One column of ids: those of manifests are read afterwards, each once. */
static int mark_column(struct marking *m, int row, int64_t before, bool manifests, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(m->db, &gc_sql, row, e, V_I(before));
    int rc = -1;
    while (s && (rc = cat_step(m->db, s, e)) == 1) {
        const char *id = (const char *)sqlite3_column_text(s, 0);
        if (idset_add(manifests ? m->manifests : m->used, id, e) < 0 ||
            ((++m->done & 1023) == 0 && step(m->progress, m->done, 0, e) < 0))
            return -1;
        if (!manifests && m->missing && !objects_has(m->s, id, NULL))
            m->missing->told(m->missing->ctx, id, NULL, (const char *)sqlite3_column_text(s, 1),
                             "it is missing");
    }
    return rc;
}

static int mark_manifests(struct marking *m, struct err *e)
{
    for (unsigned shard = 0; shard < IDSET_SHARDS; shard++) {
        unsigned char (*ids)[IDSET_ID_BYTES];
        size_t count;
        int rc = 0;
        if (idset_take(m->manifests, shard, &ids, &count, e) < 0)
            return -1;
        for (size_t i = 0; rc == 0 && i < count; i++) {
            char id[65];
            idset_hex(ids[i], id);
            rc = mark_manifest(m, id, e);
        }
        mem_free_at(&ids);
        if (rc < 0 || step(m->progress, shard + 1, IDSET_SHARDS, e) < 0)
            return -1;
    }
    return 0;
}

int gc_mark(struct cat *db, const struct store *s, const struct gc_policy *policy,
            struct idset *used, const struct gc_progress *progress,
            const struct gc_missing *missing, struct err *e)
{
    AUTO_IDSET struct idset *manifests = NULL;
    if (idset_new(s, &manifests, e) < 0)
        return -1;
    struct marking m = {.db = db, .s = s, .used = used, .manifests = manifests,
                        .missing = missing, .progress = progress};
    int64_t runs = before_us(policy, HOLD_RUN), versions = before_us(policy, HOLD_DATASET);
    if (mark_column(&m, GC_ROOT_DATASETS, versions, true, e) < 0 ||
        mark_column(&m, GC_ROOT_ENVIRONMENTS, versions, true, e) < 0 ||
        mark_column(&m, GC_ROOT_CODE, runs, true, e) < 0 ||
        mark_column(&m, GC_ROOT_OUTPUTS, runs, true, e) < 0 ||
        mark_column(&m, GC_ROOT_ARTIFACTS, runs, false, e) < 0)
        return -1;
    return mark_manifests(&m, e);
}

int gc_each_root(struct cat *db, int (*told)(void *ctx, const char *manifest, const char *subject),
                 void *ctx, struct err *e)
{
    static const int roots[] = {GC_ROOT_DATASETS, GC_ROOT_ENVIRONMENTS, GC_ROOT_CODE, GC_ROOT_OUTPUTS};
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        AUTO_STMT sqlite3_stmt *s = cat_query(db, &gc_sql, roots[i], e, V_I(0));
        int rc = -1;
        while (s && (rc = cat_step(db, s, e)) == 1)
            if (told(ctx, (const char *)sqlite3_column_text(s, 0),
                     (const char *)sqlite3_column_text(s, 1)) < 0)
                return -1;
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* ---- sweep ---- */

struct sweeping {
    const struct store *s;
    unsigned char (*used)[IDSET_ID_BYTES];
    size_t used_count;
    bool dry_run;
    struct gc_swept *out;
};

static int sweep_one(struct sweeping *g, const char *sha256, struct err *e)
{
    uint64_t size = 0;
    if (!objects_has(g->s, sha256, &size))
        return 0;
    g->out->objects++;
    g->out->bytes += size;
    if (idset_has(g->used, g->used_count, sha256))
        return 0;
    int rc = objects_collect(g->s, sha256, g->dry_run, &size, e);
    if (rc < 0)
        return -1;
    g->out->removed += rc == 1;
    g->out->removed_bytes += rc == 1 ? size : 0;
    g->out->unused_young += rc == 0;
    return 0;
}

static int sweep_folder(struct sweeping *g, unsigned shard, struct err *e)
{
    char folder[3];
    snprintf(folder, sizeof folder, "%02x", shard);
    AUTO_FD int fd =
        openat(g->s->objects_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return err_sys(e, "objects", "check the disk", "cannot read objects/%s", folder);
    (void)fd_take(&fd);
    int rc = 0;
    const struct dirent *d;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): each DIR is ours alone */
    while (rc == 0 && (d = readdir(dir)) != NULL) {
        char id[DIGEST_HEX_SIZE];
        if (snprintf(id, sizeof id, "%s%s", folder, d->d_name) < (int)sizeof id &&
            text_is_sha256(id))
            rc = sweep_one(g, id, e);
    }
    closedir(dir);
    return rc;
}

int gc_sweep(const struct store *s, struct idset *used, bool dry_run,
             const struct gc_progress *progress, struct gc_swept *out, struct err *e)
{
    *out = (struct gc_swept){0};
    for (unsigned shard = 0; shard < IDSET_SHARDS; shard++) {
        struct sweeping g = {.s = s, .dry_run = dry_run, .out = out};
        if (idset_take(used, shard, &g.used, &g.used_count, e) < 0)
            return -1;
        int rc = sweep_folder(&g, shard, e);
        mem_free_at(&g.used);
        if (rc < 0 || step(progress, shard + 1, IDSET_SHARDS, e) < 0)
            return -1;
    }
    return 0;
}
