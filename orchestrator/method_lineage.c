/*
 * method_lineage.c - lineage.get: what a run, an artifact or a dataset version comes from and what it led to.
 */
#include "catalog/lineage.h"
#include "catalog/dataset.h"
#include "orchestrator/request.h"
#include <string.h>

enum { NODES_BYTES = 400 << 10, EDGES_BYTES = 900 << 10 };

struct asked {
    char run[TEXT_ID_SIZE], sha256[65], name[65];
    int64_t version;
};

/* One thing, named in one of the ways. */
static int take_root(struct request *q, struct cat *db, struct asked *a, struct lineage_query *query, struct err *e)
{
    const char *run = request_str(q, "run"), *path = request_str(q, "path"), *sha256 = request_str(q, "sha256"),
               *dataset = request_str(q, "dataset");
    if ((run != NULL) + (sha256 != NULL) + (dataset != NULL) != 1 || (path && !run))
        return err_set(e, E_INVALID, "run", "a run, a run and a path of its outputs, a sha256, or a dataset NAME@VERSION",
                       "one of run, sha256 and dataset is needed, and path goes with run");
    if (run && cat_run_find(db, q->standing, run, a->run, e) < 0)
        return -1;
    if (path) {
        if (cat_artifact_find(db, a->run, path, a->sha256, e) < 0)
            return -1;
        query->sha256 = a->sha256;
    } else if (run) {
        query->run = a->run;
    } else if (sha256) {
        query->sha256 = sha256;
    } else {
        if (dataset_parse_ref(dataset, a->name, &a->version, e) < 0)
            return -1;
        if (a->version == 0) {
            struct dataset_row row;
            if (cat_dataset_get(db, q->arena, a->name, 0, &row, e) < 0)
                return -1;
            a->version = row.version;
        }
        query->dataset = a->name;
        query->version = a->version;
    }
    return 0;
}

static const char *node_id(struct request *q, const struct lineage_node *n)
{
    return arena_printf(q->arena, "%s:%s", lineage_kind_name(n->kind), n->id);
}

static void put_node(struct request *q, const struct lineage_node *n, struct jw *w)
{
    static const char *const sides[] = {"before", "root", "after"};
    jw_obj(w);
    jw_str_at(w, "id", node_id(q, n));
    jw_str_at(w, "kind", lineage_kind_name(n->kind));
    jw_str_at(w, "ref", n->id);
    jw_str_at(w, "side", sides[n->side + 1]);
    jw_int_at(w, "depth", n->depth);
    if (n->kind == LINEAGE_RUN || n->kind == LINEAGE_DATASET) {
        jw_str_at(w, "name", n->name);
        jw_str_at(w, "state", n->state);
    }
    if (n->kind == LINEAGE_RUN) {
        jw_str_at(w, "verdict", n->verdict);
        jw_int_at(w, "created_us", n->created_us);
    }
    if (n->kind == LINEAGE_ARTIFACT)
        jw_int_at(w, "size_bytes", n->size_bytes);
    jw_end_obj(w);
}

static int get_work(struct request *q, struct cat *db, struct err *e)
{
    const char *direction = request_str(q, "direction");
    struct asked asked = {.version = 0};
    struct lineage_query query = {.seen_by = q->standing,
                                  .up = !direction || strcmp(direction, "after") != 0,
                                  .down = !direction || strcmp(direction, "before") != 0,
                                  .depth = (int)request_int(q, "depth", 6),
                                  .limit = (size_t)request_int(q, "limit", 200)};
    struct lineage l = {0};
    if (take_root(q, db, &asked, &query, e) < 0 || cat_lineage(db, q->arena, &query, &l, e) < 0)
        return -1;
    size_t told = 0;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_str_at(&w, "root", node_id(q, &l.nodes[0]));
    jw_arr_at(&w, "nodes");
    for (; told < l.node_count && q->out.len < NODES_BYTES; told++)
        put_node(q, &l.nodes[told], &w);
    jw_end_arr(&w);
    jw_arr_at(&w, "edges");
    bool truncated = l.truncated || told < l.node_count;
    for (size_t i = 0; i < l.edge_count; i++) {
        const struct lineage_edge *x = &l.edges[i];
        if (x->from >= told || x->to >= told)
            continue;
        if (q->out.len > EDGES_BYTES) {
            truncated = true;
            break;
        }
        jw_obj(&w);
        jw_str_at(&w, "from", node_id(q, &l.nodes[x->from]));
        jw_str_at(&w, "to", node_id(q, &l.nodes[x->to]));
        jw_str_at(&w, "kind", x->kind);
        jw_str_at(&w, "path", x->path);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_bool_at(&w, "truncated", truncated);
    jw_end_obj(&w);
    return 0;
}

int method_lineage_get(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, get_work, NULL);
    return 0;
}
