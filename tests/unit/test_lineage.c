/* test_lineage.c - the graph around a thing: both ways, only what is seen, bounded, and circles end. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/lineage.h"
#include "catalog/run.h"

#define OUT_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define OUT_2 "2222222222222222222222222222222222222222222222222222222222222222"

struct leaves {
    const char *path, *sha256;
};

/* A finished run: of a dataset (key, 0: none), again of another, that left up to two files. */
static void add_run(struct fixture *f, const char *id, struct cat_actor actor, int64_t dataset, const char *rerun_of,
                    const char *parent, struct leaves one, struct leaves two)
{
    struct err e = {0};
    char out[TEXT_ID_SIZE];
    bool existed;
    struct run_new new = fx_run(id);
    new.actor = actor;
    new.code = SHA_B;
    new.dataset_versions = &dataset;
    new.dataset_count = dataset != 0;
    new.origin.rerun_of = rerun_of;
    new.origin.parent = parent;
    OK(cat_run_insert(f->db, &new, out, &existed, &e), e);
    struct run_artifact artifacts[2] = {{one.path, one.sha256, 5, 0644}, {two.path, two.sha256, 5, 0644}};
    struct run_result result = fx_result(VERDICT_SUCCEEDED);
    result.artifacts = artifacts;
    result.artifact_count = (size_t)(one.path != NULL) + (two.path != NULL);
    OK(cat_run_finish(f->db, id, &result, &e), e);
}

static const struct leaves nothing;

static struct lineage ask(struct fixture *f, struct lineage_query q)
{
    struct lineage l;
    struct err e = {0};
    q.depth = q.depth ? q.depth : 5;
    q.limit = q.limit ? q.limit : 100;
    OK(cat_lineage(f->db, f->a, &q, &l, &e), e);
    return l;
}

static int64_t place(const struct lineage *l, const char *id)
{
    for (size_t i = 0; i < l->node_count; i++)
        if (!strcmp(l->nodes[i].id, id))
            return (int64_t)i;
    return -1;
}

static bool edge(const struct lineage *l, const char *from, const char *to, const char *kind)
{
    for (size_t i = 0; i < l->edge_count; i++)
        if (!strcmp(l->nodes[l->edges[i].from].id, from) && !strcmp(l->nodes[l->edges[i].to].id, to) &&
            !strcmp(l->edges[i].kind, kind))
            return true;
    return false;
}

/* first: cancer@1 -> raaaa1 -> OUT_1 -> derived@1 -> raaaa2 -> OUT_2; raaaa3 is raaaa1 again */
static int64_t chain(struct fixture *f)
{
    struct err e = {0};
    struct dataset_row first = fx_dataset(f, "cancer"), derived = fx_dataset(f, "derived");
    struct lineage_source *sources;
    size_t count;
    add_run(f, "raaaa1", fx_actor, first.key, NULL, NULL, (struct leaves){"prepared.csv", OUT_1}, nothing);
    const struct lineage_source files[] = {{"a.csv", SHA_A}, {"data.csv", OUT_1}};
    OK(cat_lineage_sources(f->db, f->a, files, 2, &sources, &count, &e), e);
    assert_int_equal(count, 1);
    OK(cat_lineage_keep(f->db, derived.key, sources, count, &e), e);
    OK(cat_lineage_keep(f->db, derived.key, sources, count, &e), e); /* a seal that is done again */
    assert_int_equal(fx_count(f->db, "dataset_source"), 1);
    add_run(f, "raaaa2", fx_actor, derived.key, NULL, "raaaa1", (struct leaves){"model", OUT_2}, nothing);
    add_run(f, "raaaa3", fx_actor, first.key, "raaaa1", NULL, (struct leaves){"prepared.csv", OUT_1}, nothing);
    return derived.key;
}

static void a_chain_is_walked_both_ways(void **state)
{
    struct fixture *f = *state;
    chain(f);
    struct lineage l = ask(f, (struct lineage_query){.run = "raaaa1", .up = true, .down = true});
    assert_string_equal(l.nodes[0].id, "raaaa1");
    assert_true(edge(&l, "cancer@1", "raaaa1", "used") && edge(&l, SHA_B, "raaaa1", "is_code"));
    assert_true(edge(&l, "raaaa1", OUT_1, "left") && edge(&l, OUT_1, "derived@1", "same_bytes"));
    assert_true(edge(&l, "derived@1", "raaaa2", "used") && edge(&l, "raaaa2", OUT_2, "left"));
    assert_true(edge(&l, "raaaa1", "raaaa3", "again") && edge(&l, "raaaa1", "raaaa2", "part"));
    assert_int_equal(l.nodes[place(&l, "cancer@1")].side, -1);
    assert_int_equal(l.nodes[place(&l, OUT_2)].side, 1);
    assert_false(l.truncated);
    l = ask(f, (struct lineage_query){.sha256 = OUT_2, .up = true, .down = true});
    assert_true(edge(&l, "raaaa2", OUT_2, "left") && edge(&l, "derived@1", "raaaa2", "used"));
    assert_true(edge(&l, OUT_1, "derived@1", "same_bytes") && edge(&l, "raaaa3", OUT_1, "left"));
    assert_true(edge(&l, "cancer@1", "raaaa1", "used"));
    assert_int_equal(l.nodes[0].size_bytes, 5);
    l = ask(f, (struct lineage_query){.dataset = "cancer", .version = 1, .up = true, .down = true});
    assert_true(edge(&l, "cancer@1", "raaaa1", "used") && edge(&l, "raaaa2", OUT_2, "left"));
    l = ask(f, (struct lineage_query){.dataset = "cancer", .version = 1, .up = true});
    assert_int_equal(l.node_count, 1);
}

static void depth_and_number_are_bounds(void **state)
{
    struct fixture *f = *state;
    chain(f);
    struct lineage l = ask(f, (struct lineage_query){.dataset = "cancer", .version = 1, .down = true, .depth = 2});
    assert_true(place(&l, OUT_1) > 0 && place(&l, "derived@1") < 0);
    l = ask(f, (struct lineage_query){.dataset = "cancer", .version = 1, .down = true, .limit = 2});
    assert_int_equal(l.node_count, 2);
    assert_true(l.truncated);
}

static void a_circle_ends(void **state)
{
    struct fixture *f = *state;
    int64_t derived = chain(f);
    /* It leaves what its own dataset was made of. */
    add_run(f, "raaaa4", fx_actor, derived, NULL, NULL, (struct leaves){"copy", OUT_1}, nothing);
    struct lineage l = ask(f, (struct lineage_query){.run = "raaaa4", .up = true, .down = true, .depth = LINEAGE_DEPTH_MAX});
    assert_true(edge(&l, "raaaa4", OUT_1, "left") && edge(&l, OUT_1, "derived@1", "same_bytes"));
    assert_true(edge(&l, "derived@1", "raaaa4", "used"));
    assert_true(l.node_count < 12 && !l.truncated);
}

static void what_is_not_seen_is_not_there(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    const struct cat_actor other = {1001, "paul"};
    struct dataset_row d = fx_dataset(f, "cancer"), secret = fx_dataset(f, "secret");
    const struct standing paul = {.actor = other, .lab_roles = ROLE(ROLE_SCIENTIST), .projects_json = "[]"};
    struct lineage l;
    add_run(f, "raaaa1", fx_actor, d.key, NULL, NULL, (struct leaves){"x", OUT_1}, nothing);
    add_run(f, "raaaa2", other, d.key, NULL, NULL, (struct leaves){"y", OUT_2}, nothing);
    const struct lineage_source of_marie = {"x", OUT_1};
    OK(cat_lineage_keep(f->db, secret.key, &of_marie, 1, &e), e);
    l = ask(f, (struct lineage_query){.seen_by = &paul, .dataset = "cancer", .version = 1, .down = true});
    assert_true(place(&l, "raaaa2") > 0 && place(&l, "raaaa1") < 0 && place(&l, OUT_1) < 0);
    l = ask(f, (struct lineage_query){.seen_by = &paul, .dataset = "secret", .version = 1, .up = true});
    assert_int_equal(l.node_count, 1);
    const struct lineage_query run = {.seen_by = &paul, .run = "raaaa1", .up = true, .depth = 3, .limit = 9};
    FAILS(cat_lineage(f->db, f->a, &run, &l, &e), e, E_NOT_FOUND);
    e = (struct err){0};
    const struct lineage_query bytes = {.seen_by = &paul, .sha256 = OUT_1, .up = true, .depth = 3, .limit = 9};
    FAILS(cat_lineage(f->db, f->a, &bytes, &l, &e), e, E_NOT_FOUND);
    e = (struct err){0};
    const struct lineage_query none = {.dataset = "cancer", .version = 7, .up = true, .depth = 3, .limit = 9};
    FAILS(cat_lineage(f->db, f->a, &none, &l, &e), e, E_NOT_FOUND);
}

static void a_file_without_bytes_is_no_source(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct lineage_source *sources;
    size_t count;
    char out[TEXT_ID_SIZE];
    bool existed;
    struct run_new new = fx_run("raaaa1");
    OK(cat_run_insert(f->db, &new, out, &existed, &e), e);
    const struct run_artifact empty = {"e", OUT_1, 0, 0644};
    struct run_result result = fx_result(VERDICT_SUCCEEDED);
    result.artifacts = &empty;
    result.artifact_count = 1;
    OK(cat_run_finish(f->db, "raaaa1", &result, &e), e);
    const struct lineage_source file = {"e", OUT_1};
    OK(cat_lineage_sources(f->db, f->a, &file, 1, &sources, &count, &e), e);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_chain_is_walked_both_ways, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(depth_and_number_are_bounds, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_circle_ends, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_seen_is_not_there, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_file_without_bytes_is_no_source, fx_setup, fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
