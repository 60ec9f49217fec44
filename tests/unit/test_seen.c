/* test_seen.c - what somebody may see of the runs: the merge of several ordered lists against a plain filter. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/list.h"
#include "catalog/run_seen.h"
#include "catalog/standing.h"

enum { RUNS = 400, PROJECTS = 5, TIMES = 150 };

struct made {
    char id[TEXT_ID_SIZE];
    int64_t us;
    struct cat_actor actor;
    int64_t project;
    bool finished;
};

static int newest_first(const void *a, const void *b)
{
    const struct made *x = a, *y = b;
    return x->us != y->us ? (x->us < y->us) - (x->us > y->us) : -strcmp(x->id, y->id);
}

static struct made *make(struct fixture *f)
{
    struct made *all = mem_alloc(RUNS * sizeof *all);
    struct err e = {0};
    char sql[300];
    for (int p = 1; p <= PROJECTS; p++) {
        snprintf(sql, sizeof sql,
                 "INSERT INTO project (id, code, actor_uid, actor_name, created_us) VALUES (%d, 'p%d', 0, 'r', 1)", p, p);
        OK(cat_exec(f->db, sql, &e), e);
    }
    srand(7);
    for (int i = 0; i < RUNS; i++) {
        struct made *m = &all[i];
        snprintf(m->id, sizeof m->id, "r%013d", i);
        m->us = 1000 + rand() % TIMES; /* many at the same time */
        m->actor = (struct cat_actor){1000 + rand() % 4, rand() % 8 ? "marie" : "jean"};
        m->project = rand() % 2 ? 1 + rand() % PROJECTS : 0;
        m->finished = rand() % 4 > 0;
        struct run_new run = fx_run(m->id);
        char out[TEXT_ID_SIZE];
        bool existed;
        run.created_us = m->us;
        run.actor = m->actor;
        OK(cat_run_insert(f->db, &run, out, &existed, &e), e);
        if (m->project) {
            snprintf(sql, sizeof sql, "UPDATE run SET project = %lld WHERE id = '%s'", (long long)m->project, m->id);
            OK(cat_exec(f->db, sql, &e), e);
        }
        const struct run_result result = fx_result(VERDICT_SUCCEEDED);
        if (m->finished)
            OK(cat_run_finish(f->db, m->id, &result, &e), e);
    }
    qsort(all, RUNS, sizeof *all, newest_first);
    return all;
}

/* Every page of the list against what a walk over all gives. */
static void compare(struct fixture *f, const struct made *all, const struct standing *by, int state, bool oldest, size_t limit)
{
    struct list_bound bound;
    char filter[40];
    snprintf(filter, sizeof filter, "state = '%s'", state < 0 ? "" : run_state_name((enum run_state)state));
    struct list_ask ask = {.kind = &list_runs,
                           .filter = state < 0 ? NULL : filter,
                           .order_by = oldest ? "created_us, id" : NULL,
                           .limit = limit,
                           .seen = run_seen(f->a, by, &bound)};
    struct err e = {0};
    struct list_page page = {.more = true};
    size_t at = 0;
    for (int i = 0; i < RUNS; i++) {
        const struct made *m = &all[oldest ? RUNS - 1 - i : i];
        if (!standing_sees_run(by, &m->actor, m->project) ||
            (state >= 0 && (state == RUN_FINISHED) != m->finished))
            continue;
        if (at == page.count) {
            assert_true(page.more);
            if (page.count)
                ask.cursor = list_cursor(&page, f->a, page.count - 1);
            OK(list_find(f->db, f->a, &ask, &page, &e), e);
            assert_true(page.count > 0 && page.count <= limit);
            at = 0;
        }
        struct run_row row;
        OK(cat_run_by_seq(f->db, f->a, page.keys[at++], &row, &e), e);
        assert_string_equal(row.id, m->id);
        assert_int_equal(row.project, m->project);
    }
    if (!page.keys)
        OK(list_find(f->db, f->a, &ask, &page, &e), e);
    assert_int_equal(at, page.count);
    assert_false(page.more);
}

static void pages_are_those_of_a_plain_filter(void **state)
{
    struct fixture *f = *state;
    struct made *all = make(f);
    static const struct standing_project some[] = {{2, "p2", ROLE(ROLE_SCIENTIST)}, {4, "p4", ROLE(ROLE_ADMIN)}};
    const struct standing who[] = {
        {.actor = {1000, "marie"}, .projects_json = "[]"},
        {.actor = {1001, "marie"}, .projects = some, .project_count = 2, .projects_json = "[2,4]"},
        {.actor = {1001, "marie"}, .projects = some, .project_count = 1, .projects_json = "[2]"},
        {.actor = {5, "nobody"}, .projects = some, .project_count = 2, .projects_json = "[2,4]"},
        {.actor = {5, "nobody"}, .projects_json = "[]"},
        {.actor = {5, "curie"}, .lab_roles = ROLE(ROLE_CURATOR), .projects_json = "[]"},
    };
    static const int states[] = {-1, RUN_FINISHED, RUN_QUEUED};
    static const size_t limits[] = {1, 7, 50, 1000};
    for (size_t w = 0; w < sizeof who / sizeof *who; w++)
        for (size_t s = 0; s < 3; s++)
            for (size_t l = 0; l < 4; l++) {
                compare(f, all, &who[w], states[s], false, limits[l]);
                compare(f, all, &who[w], states[s], true, limits[l]);
            }
    free(all);
}

static void a_prefix_finds_only_what_one_may_see(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char id[TEXT_ID_SIZE];
    struct run_owner owner;
    const struct standing marie = {.actor = fx_actor, .projects_json = "[]"};
    const struct standing luc = {.actor = {1001, "luc"}, .projects_json = "[]"};
    struct run_new of_luc = fx_run("raaaaluc");
    char out[TEXT_ID_SIZE];
    bool existed;
    fx_submit(f->db, "raaaamarie", 5);
    of_luc.actor = luc.actor;
    OK(cat_run_insert(f->db, &of_luc, out, &existed, &e), e);
    /* Of two with that beginning each sees one, and is not told of the other. */
    OK(cat_run_find(f->db, &marie, "raaaa", id, &e), e);
    assert_string_equal(id, "raaaamarie");
    OK(cat_run_find(f->db, &luc, "raaaa", id, &e), e);
    assert_string_equal(id, "raaaaluc");
    FAILS(cat_run_find(f->db, &STANDING_LAB, "raaaa", id, &e), e, E_CONFLICT);
    FAILS(cat_run_find(f->db, &luc, "raaaamarie", id, &e), e, E_NOT_FOUND);
    char told[sizeof e.message];
    memcpy(told, e.message, sizeof told);
    FAILS(cat_run_find(f->db, &luc, "raaaaxxxxx", id, &e), e, E_NOT_FOUND);
    assert_int_equal(strlen(told), strlen(e.message)); /* the same words, whether it is there or not */
    FAILS(cat_run_owner(f->db, f->a, &luc, "raaaamarie", &owner, &e), e, E_NOT_FOUND);
    e = (struct err){0};
    OK(cat_run_owner(f->db, f->a, &marie, "raaaamarie", &owner, &e), e);
    assert_int_equal(owner.actor.uid, 1000);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)
    const struct CMUnitTest tests[] = {
        T(pages_are_those_of_a_plain_filter),
        T(a_prefix_finds_only_what_one_may_see),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
