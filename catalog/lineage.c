/*
 * lineage.c - see lineage.h. Two walks from what was asked about, breadth first: against the arrows, and along them.
 *
 * Every list that is read is bounded, so that a dataset that a million runs used costs no more than one that a hundred
 * did. Something reached twice is one node with several edges: that is also what keeps a circle from going on.
 */
#include "catalog/lineage.h"
#include "catalog/dataset.h"
#include "catalog/db.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { ROWS_MAX = 2000 }; /* of one list, seen or not */

enum {
    LIN_RUN,
    LIN_RUN_BY_ID,
    LIN_RUN_DATASETS,
    LIN_RUN_ENVIRONMENT,
    LIN_RUN_ORIGIN,
    LIN_RUN_ARTIFACTS,
    LIN_RUN_AGAIN,
    LIN_RUN_PARTS,
    LIN_ARTIFACT_RUNS,
    LIN_ARTIFACT_DATASETS,
    LIN_DATASET,
    LIN_DATASET_BY_NAME,
    LIN_DATASET_SOURCES,
    LIN_DATASET_RUNS,
    LIN_FIND_ARTIFACT,
    LIN_IS_ARTIFACT,
    LIN_KEEP_SOURCE,
    LIN_SQL_COUNT
};

#define RUN_COLUMNS "seq, id, name, state, verdict, actor_uid, actor_name, project, created_us"
#define DATASET_COLUMNS "v.id, d.name || '@' || v.version, v.title, v.state"

static const struct sql_row rows[] = {
    [LIN_RUN] = {.text = "SELECT " RUN_COLUMNS " FROM run WHERE seq = ?"},
    [LIN_RUN_BY_ID] = {.text = "SELECT " RUN_COLUMNS " FROM run WHERE id = ?"},
    [LIN_RUN_DATASETS] = {.text = "SELECT version, NULL FROM run_dataset WHERE run = ? ORDER BY ordinal LIMIT ?"},
    [LIN_RUN_ENVIRONMENT] =
        {.text = "SELECT r.code, r.environment, n.name || '@' || v.version FROM run r"
                 " LEFT JOIN environment_version v ON v.id = r.environment"
                 " LEFT JOIN environment n ON n.id = v.environment WHERE r.seq = ?"},
    [LIN_RUN_ORIGIN] = {.text = "SELECT rerun_of, parent FROM run_origin WHERE run = ?"},
    [LIN_RUN_ARTIFACTS] = {.text = "SELECT sha256, path, size_bytes FROM artifact WHERE run = ? ORDER BY path LIMIT ?"},
    [LIN_RUN_AGAIN] = {.text = "SELECT run, NULL FROM run_origin WHERE rerun_of = ? ORDER BY run LIMIT ?"},
    [LIN_RUN_PARTS] = {.text = "SELECT run, NULL FROM run_origin WHERE parent = ? ORDER BY run LIMIT ?"},
    [LIN_ARTIFACT_RUNS] = {.text = "SELECT run, path, size_bytes FROM artifact WHERE sha256 = ? LIMIT ?"},
    [LIN_ARTIFACT_DATASETS] = {.text = "SELECT version, path FROM dataset_source WHERE sha256 = ? ORDER BY version LIMIT ?"},
    [LIN_DATASET] = {.text = "SELECT " DATASET_COLUMNS " FROM dataset_version v JOIN dataset d ON d.id = v.dataset"
                             " WHERE v.id = ?"},
    [LIN_DATASET_BY_NAME] = {.text = "SELECT " DATASET_COLUMNS " FROM dataset d JOIN dataset_version v ON v.dataset = d.id"
                                     " WHERE d.name = ? AND v.version = ?"},
    [LIN_DATASET_SOURCES] = {.text = "SELECT sha256, path FROM dataset_source WHERE version = ? ORDER BY path LIMIT ?"},
    [LIN_DATASET_RUNS] = {.text = "SELECT run, NULL FROM run_dataset WHERE version = ? ORDER BY run DESC LIMIT ?"},
    [LIN_FIND_ARTIFACT] = {.text = "SELECT a.sha256 FROM run r JOIN artifact a ON a.run = r.seq WHERE r.id = ? AND a.path = ?"},
    [LIN_IS_ARTIFACT] = {.text = "SELECT 1 FROM artifact WHERE sha256 = ? AND size_bytes > 0 LIMIT 1"},
    [LIN_KEEP_SOURCE] = {.text = "INSERT INTO dataset_source (version, path, sha256) VALUES (?, ?, ?)"
                                 " ON CONFLICT DO NOTHING"},
};
static_assert(sizeof rows / sizeof rows[0] == LIN_SQL_COUNT, "one statement a row");
const struct sql_table lineage_sql = {"lineage", rows, LIN_SQL_COUNT, SQL_LINEAGE};

const char *lineage_kind_name(enum lineage_kind k)
{
    static const char *const names[] = {"run", "artifact", "dataset", "environment", "code"};
    static_assert(sizeof names / sizeof *names == LINEAGE_KIND_COUNT, "each kind has its name");
    return names[k];
}

struct walk {
    struct cat *db;
    struct arena *a;
    const struct lineage_query *q;
    struct lineage *out;
};

/* ---- nodes and edges ---- */

static void *more(struct arena *a, void *old, size_t count, size_t size)
{
    if (count != 0 && (count < 8 || (count & (count - 1)) != 0))
        return old;
    void *fresh = arena_alloc(a, (count == 0 ? 8 : 2 * count) * size);
    if (count != 0)
        memcpy(fresh, old, count * size);
    return fresh;
}

/* -1: not there. */
static int64_t find(const struct lineage *l, enum lineage_kind kind, const char *id)
{
    for (size_t i = 0; i < l->node_count; i++)
        if (l->nodes[i].kind == kind && strcmp(l->nodes[i].id, id) == 0)
            return (int64_t)i;
    return -1;
}

static size_t add_node(struct walk *w, const struct lineage_node *n)
{
    struct lineage *l = w->out;
    l->nodes = more(w->a, l->nodes, l->node_count, sizeof *l->nodes);
    l->nodes[l->node_count] = *n;
    return l->node_count++;
}

static void add_edge(struct walk *w, size_t from, size_t to, const char *kind, const char *path)
{
    struct lineage *l = w->out;
    for (size_t i = 0; i < l->edge_count; i++) {
        const struct lineage_edge *x = &l->edges[i];
        if (x->from == from && x->to == to && strcmp(x->kind, kind) == 0 &&
            (x->path && path ? strcmp(x->path, path) == 0 : x->path == path))
            return;
    }
    l->edges = more(w->a, l->edges, l->edge_count, sizeof *l->edges);
    l->edges[l->edge_count++] = (struct lineage_edge){from, to, kind, path};
}

/* The neighbour `n` of node `at`, on the given side of it. A full picture takes no more. */
static void link_to(struct walk *w, size_t at, int side, struct lineage_node *n, const char *kind, const char *path)
{
    int64_t known = find(w->out, n->kind, n->id);
    if (known < 0 && w->out->node_count >= w->q->limit) {
        w->out->truncated = true;
        return;
    }
    n->side = side;
    n->depth = w->out->nodes[at].depth + 1;
    size_t other = known >= 0 ? (size_t)known : add_node(w, n);
    add_edge(w, side < 0 ? other : at, side < 0 ? at : other, kind, path);
}

/* ---- what a row says ---- */

/* 1: there and seen, 0: not, -1: failed. */
static int take_run(struct walk *w, int row, struct cat_value which, struct lineage_node *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query_values(w->db, &lineage_sql, row, &which, 1, e);
    int rc = s ? cat_step(w->db, s, e) : -1;
    if (rc <= 0)
        return rc;
    const struct cat_actor owner = {sqlite3_column_int64(s, 5), cat_col_text(w->a, s, 6)};
    if (w->q->seen_by && !standing_sees_run(w->q->seen_by, &owner, cat_col_int(s, 7, 0)))
        return 0;
    *out = (struct lineage_node){.kind = LINEAGE_RUN,
                                 .key = sqlite3_column_int64(s, 0),
                                 .id = cat_col_text(w->a, s, 1),
                                 .name = cat_col_text(w->a, s, 2),
                                 .state = cat_col_text(w->a, s, 3),
                                 .verdict = cat_col_text(w->a, s, 4),
                                 .created_us = sqlite3_column_int64(s, 8),
                                 .size_bytes = -1};
    return 1;
}

static int take_dataset(struct walk *w, sqlite3_stmt *s, struct lineage_node *out, struct err *e)
{
    int rc = s ? cat_step(w->db, s, e) : -1;
    if (rc <= 0)
        return rc;
    *out = (struct lineage_node){.kind = LINEAGE_DATASET,
                                 .key = sqlite3_column_int64(s, 0),
                                 .id = cat_col_text(w->a, s, 1),
                                 .name = cat_col_text(w->a, s, 2),
                                 .state = cat_col_text(w->a, s, 3),
                                 .size_bytes = -1};
    return 1;
}

static int dataset_of(struct walk *w, int64_t key, struct lineage_node *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(w->db, &lineage_sql, LIN_DATASET, e, V_I(key));
    return take_dataset(w, s, out, e);
}

static struct lineage_node artifact_of(const char *sha256, int64_t size_bytes)
{
    return (struct lineage_node){.kind = LINEAGE_ARTIFACT, .id = sha256, .size_bytes = size_bytes};
}

/* A list of (key or digest, path, size): read whole first, since following one of them asks again. */
struct item {
    int64_t key;
    const char *text, *path;
    int64_t size_bytes;
};

static int read_items(struct walk *w, int row, struct cat_value of, struct item **out, size_t *count, struct err *e)
{
    const struct cat_value values[] = {of, V_I(ROWS_MAX + 1)};
    AUTO_STMT sqlite3_stmt *s = cat_query_values(w->db, &lineage_sql, row, values, 2, e);
    int rc = -1;
    *out = NULL;
    *count = 0;
    while (s && (rc = cat_step(w->db, s, e)) == 1) {
        if (*count == ROWS_MAX) {
            w->out->truncated = true;
            return 0;
        }
        *out = more(w->a, *out, *count, sizeof **out);
        bool text = sqlite3_column_type(s, 0) == SQLITE_TEXT;
        (*out)[(*count)++] = (struct item){.key = text ? 0 : sqlite3_column_int64(s, 0),
                                           .text = text ? cat_col_text(w->a, s, 0) : NULL,
                                           .path = cat_col_text(w->a, s, 1),
                                           .size_bytes = sqlite3_column_count(s) > 2 ? sqlite3_column_int64(s, 2) : -1};
    }
    return rc;
}

/* ---- one step from a node ---- */

static int link_runs(struct walk *w, size_t at, int side, int row, struct cat_value of, const char *kind, struct err *e)
{
    struct item *items;
    size_t count;
    if (read_items(w, row, of, &items, &count, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct lineage_node n;
        int rc = take_run(w, LIN_RUN, V_I(items[i].key), &n, e);
        if (rc < 0)
            return -1;
        if (rc == 1)
            link_to(w, at, side, &n, kind, items[i].path);
        if (w->out->truncated && w->out->node_count >= w->q->limit)
            return 0;
    }
    return 0;
}

/* Whether somebody who may only see some runs sees one that left these bytes. */
static int artifact_seen(struct walk *w, const char *sha256, struct err *e)
{
    struct item *items;
    size_t count;
    bool truncated = w->out->truncated;
    if (read_items(w, LIN_ARTIFACT_RUNS, V_T(sha256), &items, &count, e) < 0)
        return -1;
    w->out->truncated = truncated;
    for (size_t i = 0; i < count; i++) {
        struct lineage_node n;
        int rc = take_run(w, LIN_RUN, V_I(items[i].key), &n, e);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int link_run_up(struct walk *w, size_t at, struct err *e)
{
    int64_t run = w->out->nodes[at].key;
    struct item *items;
    size_t count;
    struct lineage_node n;
    if (read_items(w, LIN_RUN_DATASETS, V_I(run), &items, &count, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        int there = dataset_of(w, items[i].key, &n, e);
        if (there < 0)
            return -1;
        if (there)
            link_to(w, at, -1, &n, "used", NULL);
    }
    AUTO_STMT sqlite3_stmt *s = cat_query(w->db, &lineage_sql, LIN_RUN_ENVIRONMENT, e, V_I(run));
    if (!s || cat_step(w->db, s, e) < 0)
        return -1;
    if (sqlite3_column_type(s, 1) != SQLITE_NULL) {
        n = (struct lineage_node){.kind = LINEAGE_ENVIRONMENT, .id = cat_col_text(w->a, s, 2), .size_bytes = -1};
        link_to(w, at, -1, &n, "ran_in", NULL);
    }
    if (sqlite3_column_type(s, 0) != SQLITE_NULL) {
        n = (struct lineage_node){.kind = LINEAGE_CODE, .id = cat_col_text(w->a, s, 0), .size_bytes = -1};
        link_to(w, at, -1, &n, "is_code", NULL);
    }
    AUTO_STMT sqlite3_stmt *origin = cat_query(w->db, &lineage_sql, LIN_RUN_ORIGIN, e, V_I(run));
    int rc = origin ? cat_step(w->db, origin, e) : -1;
    if (rc <= 0)
        return rc;
    const int64_t before[] = {cat_col_int(origin, 0, 0), cat_col_int(origin, 1, 0)};
    static const char *const kinds[] = {"again", "part"};
    for (int i = 0; i < 2; i++) {
        rc = before[i] ? take_run(w, LIN_RUN, V_I(before[i]), &n, e) : 0;
        if (rc < 0)
            return -1;
        if (rc == 1)
            link_to(w, at, -1, &n, kinds[i], NULL);
    }
    return 0;
}

static int link_run_down(struct walk *w, size_t at, struct err *e)
{
    int64_t run = w->out->nodes[at].key;
    struct item *items;
    size_t count;
    if (read_items(w, LIN_RUN_ARTIFACTS, V_I(run), &items, &count, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct lineage_node n = artifact_of(items[i].text, items[i].size_bytes);
        link_to(w, at, 1, &n, "left", items[i].path);
    }
    return link_runs(w, at, 1, LIN_RUN_PARTS, V_I(run), "part", e) < 0
               ? -1
               : link_runs(w, at, 1, LIN_RUN_AGAIN, V_I(run), "again", e);
}

static int link_artifact_down(struct walk *w, size_t at, struct err *e)
{
    struct item *items;
    size_t count;
    if (read_items(w, LIN_ARTIFACT_DATASETS, V_T(w->out->nodes[at].id), &items, &count, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct lineage_node n;
        int there = dataset_of(w, items[i].key, &n, e);
        if (there < 0)
            return -1;
        if (there)
            link_to(w, at, 1, &n, "same_bytes", items[i].path);
    }
    return 0;
}

static int link_dataset_up(struct walk *w, size_t at, struct err *e)
{
    struct item *items;
    size_t count;
    if (read_items(w, LIN_DATASET_SOURCES, V_I(w->out->nodes[at].key), &items, &count, e) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct lineage_node n = artifact_of(items[i].text, -1);
        int seen = artifact_seen(w, n.id, e);
        if (seen < 0)
            return -1;
        if (seen)
            link_to(w, at, -1, &n, "same_bytes", items[i].path);
    }
    return 0;
}

static int step(struct walk *w, size_t at, int side, struct err *e)
{
    const struct lineage_node *n = &w->out->nodes[at];
    switch (n->kind) {
    case LINEAGE_RUN: return side < 0 ? link_run_up(w, at, e) : link_run_down(w, at, e);
    case LINEAGE_ARTIFACT:
        return side < 0 ? link_runs(w, at, -1, LIN_ARTIFACT_RUNS, V_T(n->id), "left", e) : link_artifact_down(w, at, e);
    case LINEAGE_DATASET:
        return side < 0 ? link_dataset_up(w, at, e) : link_runs(w, at, 1, LIN_DATASET_RUNS, V_I(n->key), "used", e);
    case LINEAGE_ENVIRONMENT:
    case LINEAGE_CODE:
    case LINEAGE_KIND_COUNT: break;
    }
    return 0;
}

/* Nodes come in the order of their distance, so that one pass over them as they are added goes breadth first. */
static int go(struct walk *w, int side, struct err *e)
{
    size_t first = w->out->node_count;
    if (step(w, 0, side, e) < 0)
        return -1;
    for (size_t i = first; i < w->out->node_count; i++) {
        if (w->out->nodes[i].depth >= w->q->depth)
            break;
        if (step(w, i, side, e) < 0)
            return -1;
    }
    return 0;
}

/* ---- the root ---- */

static int add_root(struct walk *w, struct err *e)
{
    const struct lineage_query *q = w->q;
    struct lineage_node root;
    int rc;
    if (q->run) {
        rc = take_run(w, LIN_RUN_BY_ID, V_T(q->run), &root, e);
        if (rc == 0)
            return err_set(e, E_NOT_FOUND, "run", "`enclos ps --all` lists them", "there is no run %s", q->run);
    } else if (q->sha256) {
        root = artifact_of(q->sha256, -1);
        rc = artifact_seen(w, q->sha256, e);
        if (rc == 0)
            return err_set(e, E_NOT_FOUND, "sha256", "`enclos outputs RUN` lists what a run left, with digests",
                           "no run that you may see left something with the digest %.64s", q->sha256);
    } else {
        AUTO_STMT sqlite3_stmt *s = cat_query(w->db, &lineage_sql, LIN_DATASET_BY_NAME, e, V_T(q->dataset), V_I(q->version));
        rc = take_dataset(w, s, &root, e);
        if (rc == 0)
            return err_set(e, E_NOT_FOUND, "dataset", "`enclos dataset list` lists them", "there is no dataset version %s@%lld",
                           q->dataset, (long long)q->version);
    }
    if (rc < 0)
        return -1;
    add_node(w, &root);
    return 0;
}

/* What is only told beside a run: the size of an artifact that was reached from a dataset. */
static int fill_sizes(struct walk *w, struct err *e)
{
    for (size_t i = 0; i < w->out->node_count; i++) {
        struct lineage_node *n = &w->out->nodes[i];
        if (n->kind != LINEAGE_ARTIFACT || n->size_bytes >= 0)
            continue;
        AUTO_STMT sqlite3_stmt *s = cat_query(w->db, &lineage_sql, LIN_ARTIFACT_RUNS, e, V_T(n->id), V_I(1));
        int rc = s ? cat_step(w->db, s, e) : -1;
        if (rc < 0)
            return -1;
        if (rc == 1)
            n->size_bytes = sqlite3_column_int64(s, 2);
    }
    return 0;
}

int cat_lineage(struct cat *db, struct arena *a, const struct lineage_query *q, struct lineage *out, struct err *e)
{
    struct walk w = {db, a, q, out};
    *out = (struct lineage){0};
    assert(q->depth >= 1 && q->depth <= LINEAGE_DEPTH_MAX && q->limit >= 1 && q->limit <= LINEAGE_NODES_MAX);
    if (add_root(&w, e) < 0 || (q->up && go(&w, -1, e) < 0) || (q->down && go(&w, 1, e) < 0))
        return -1;
    return fill_sizes(&w, e);
}

int cat_artifact_find(struct cat *db, const char *run, const char *path, char sha256[65], struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &lineage_sql, LIN_FIND_ARTIFACT, e, V_T(run), V_T(path));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "path", "`enclos outputs RUN` lists what it left", "run %s left no %.200s", run, path);
    snprintf(sha256, 65, "%s", (const char *)sqlite3_column_text(s, 0));
    return 0;
}

/* ---- at the seal ---- */

int cat_lineage_sources(struct cat *db, struct arena *a, const struct lineage_source *files, size_t file_count,
                        struct lineage_source **out, size_t *count, struct err *e)
{
    *out = NULL;
    *count = 0;
    for (size_t i = 0; i < file_count && *count < LINEAGE_SOURCES_MAX; i++) {
        AUTO_STMT sqlite3_stmt *s = cat_query(db, &lineage_sql, LIN_IS_ARTIFACT, e, V_T(files[i].sha256));
        int rc = s ? cat_step(db, s, e) : -1;
        if (rc < 0)
            return -1;
        if (rc == 1) {
            *out = more(a, *out, *count, sizeof **out);
            (*out)[(*count)++] = files[i];
        }
    }
    return 0;
}

int cat_lineage_keep(struct cat *db, int64_t version, const struct lineage_source *sources, size_t count, struct err *e)
{
    for (size_t i = 0; i < count; i++)
        if (cat_do(db, &lineage_sql, LIN_KEEP_SOURCE, e, V_I(version), V_T(sources[i].path), V_T(sources[i].sha256)) < 0)
            return err_context(e, "where %s comes from", sources[i].path);
    return 0;
}
