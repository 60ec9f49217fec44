/*
 * test_list.c - lists: what a filter means, orders, pages under writing, plans.
 *
 * The meaning is tried against a second one, written here over structs in memory: random runs, random
 * filters and orders, every page compared.
 */
#include "tests/unit/catalog_fixture.h"

#include "api/common/buf.h"
#include "catalog/list.h"
#include "catalog/metric.h"
#include "catalog/run_seen.h"
#include <math.h>
#include <time.h>

/* ---- a small world, twice: in the catalog and here ---- */

enum { RUNS = 120 };
static const char *const names[] = {NULL, "essai", "Été", "b"};
static const char *const metric_names[] = {"auc", "val loss"};
static const char *const param_names[] = {"model", "lr"};
static const char *const values[] = {"rf", "RF", "été 1", "ÉTÉ 2", "0.1", ""};
static const double numbers[] = {0.5, 0.9, -1, 3, 0.9, (double)INFINITY};

struct mirror {
    char id[TEXT_ID_SIZE];
    int64_t seq, created_us, wall_ms; /* wall -1: none */
    const char *name, *state, *dataset;
    int64_t owner, project; /* project 0: personal */
    bool has_metric[2], nan[2];
    double metric[2];
    const char *param[2]; /* NULL: none */
};
static struct mirror world[RUNS * 2];
static size_t world_count;
static unsigned seed;
static unsigned roll(unsigned sides)
{
    return (unsigned)rand_r(&seed) % sides;
}

static void add_run(struct fixture *f, int64_t dataset_a, int64_t dataset_b)
{
    struct err e = {0};
    struct mirror *m = &world[world_count];
    char out[TEXT_ID_SIZE];
    bool existed;
    *m = (struct mirror){.seq = (int64_t)world_count + 1, .wall_ms = -1, .state = "queued"};
    snprintf(m->id, sizeof m->id, "r%06u%06zu", roll(1000), world_count);
    m->name = names[roll(4)];
    m->created_us = 1000 + roll(40); /* many in one microsecond */
    struct run_new run = fx_run(m->id);
    run.name = m->name;
    run.created_us = m->created_us;
    m->owner = run.actor.uid = 1000 + roll(3);
    m->project = roll(3);
    int64_t versions[1] = {roll(2) ? dataset_a : dataset_b};
    run.dataset_versions = versions;
    run.dataset_count = roll(3) ? 1 : 0;
    m->dataset = run.dataset_count ? (versions[0] == dataset_a ? "cancer" : "iris") : NULL;
    struct run_pair params[2];
    for (int i = 0; i < 2; i++)
        if (roll(3)) {
            m->param[i] = values[roll(6)];
            params[run.param_count++] = (struct run_pair){param_names[i], m->param[i]};
        }
    run.params = params;
    OK(cat_run_insert(f->db, &run, out, &existed, &e), e);
    OK(cat_exec(f->db, arena_printf(f->a, "UPDATE run SET project = nullif(%d, 0) WHERE id = '%s'", (int)m->project, m->id), &e), e);
    struct metric_item items[2];
    size_t count = 0;
    for (int i = 0; i < 2; i++)
        if (roll(4)) {
            m->has_metric[i] = true;
            m->nan[i] = roll(5) == 0;
            m->metric[i] = m->nan[i] ? (double)NAN : numbers[roll(6)];
            items[count++] = (struct metric_item){
                .kind = METRIC_POINT, .name = metric_names[i], .value = m->metric[i], .time_us = 1};
        }
    struct metric_batch batch = {.to_offset = 9, .items = items, .count = count};
    OK(cat_metric_add_batch(f->db, m->id, &batch, 1, &e), e);
    if (roll(2)) {
        struct run_result r = fx_result(VERDICT_SUCCEEDED);
        m->wall_ms = r.wall_ms = roll(3) ? (int64_t)roll(5) : -1;
        m->state = "finished";
        OK(cat_run_finish(f->db, m->id, &r, &e), e);
    }
    world_count++;
}

/* ---- what a filter means, again ---- */

static bool compare_numbers(enum filter_op op, double a, const struct filter_value *v, size_t count)
{
    switch (op) {
    case FILTER_EQ: return a == v->number || (v->type == FILTER_INTEGER && a == (double)v->integer);
    case FILTER_NE: return !(a == v->number);
    case FILTER_LT: return a < v->number;
    case FILTER_LE: return a <= v->number;
    case FILTER_GT: return a > v->number;
    case FILTER_GE: return a >= v->number;
    case FILTER_IN:
    case FILTER_NOT_IN: break;
    default: fail();
    }
    bool in = false;
    for (size_t i = 0; i < count; i++)
        in |= a == v[i].number;
    return in == (op == FILTER_IN);
}

static bool compare_texts(enum filter_op op, const char *a, const struct filter_value *v,
                          size_t count)
{
    bool in = false;
    switch (op) {
    case FILTER_EQ: return strcmp(a, v->text) == 0;
    case FILTER_NE: return strcmp(a, v->text) != 0;
    case FILTER_LIKE: return filter_like(v->text, a, false);
    case FILTER_ILIKE: return filter_like(v->text, a, true);
    default:
        for (size_t i = 0; i < count; i++)
            in |= strcmp(a, v[i].text) == 0;
        return in == (op == FILTER_IN);
    }
}

static bool passes(const struct mirror *m, const struct filter *f)
{
    if (!f)
        return true;
    if (f->what != FILTER_COMPARE)
        return f->what == FILTER_AND ? passes(m, f->left) && passes(m, f->right)
                                     : passes(m, f->left) || passes(m, f->right);
    const char *text = NULL, *key = f->ident.key;
    double number = (double)NAN;
    bool there = false;
    if (f->ident.kind == FILTER_METRIC) {
        int i = !strcmp(key, metric_names[1]);
        there = m->has_metric[i];
        if (there && m->nan[i] && f->op != FILTER_IS_NULL && f->op != FILTER_IS_NOT_NULL)
            return false;
        number = m->metric[i];
    } else if (f->ident.kind == FILTER_PARAM) {
        text = m->param[!strcmp(key, "lr")];
    } else if (f->ident.kind == FILTER_DATASET) {
        text = m->dataset;
    } else if (!strcmp(key, "wall_ms")) {
        there = m->wall_ms >= 0;
        number = (double)m->wall_ms;
    } else if (!strcmp(key, "created_us")) {
        there = true;
        number = (double)m->created_us;
    } else if (!strcmp(key, "project")) {
        text = m->project == 0 ? NULL : m->project == 1 ? "P1" : "P2";
    } else {
        text = !strcmp(key, "name") ? m->name : m->state;
    }
    there |= text != NULL;
    if (f->op == FILTER_IS_NULL || f->op == FILTER_IS_NOT_NULL)
        return there == (f->op == FILTER_IS_NOT_NULL);
    if (!there)
        return false;
    return text ? compare_texts(f->op, text, f->values, f->count)
                : compare_numbers(f->op, number, f->values, f->count);
}

/* ---- what an order means, again ---- */

static const struct filter_order *orders;
static size_t order_count;

static int compare_key(const struct mirror *a, const struct mirror *b, const struct filter_order *o)
{
    double x[2] = {0, 0};
    const char *t[2] = {NULL, NULL};
    int class[2] = {0, 0};
    const struct mirror *pair[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        const struct mirror *m = pair[i];
        if (o->ident.kind == FILTER_METRIC) {
            int k = !strcmp(o->ident.key, metric_names[1]);
            class[i] = !m->has_metric[k] ? 2 : m->nan[k] ? 1 : 0;
            x[i] = m->metric[k];
        } else if (o->ident.kind == FILTER_PARAM) {
            t[i] = m->param[!strcmp(o->ident.key, "lr")];
            class[i] = t[i] ? 0 : 1;
        } else if (!strcmp(o->ident.key, "wall_ms")) {
            class[i] = m->wall_ms < 0;
            x[i] = (double)m->wall_ms;
        } else if (!strcmp(o->ident.key, "created_us")) {
            x[i] = (double)m->created_us;
        } else {
            t[i] = !strcmp(o->ident.key, "name") ? m->name : m->state;
            class[i] = t[i] ? 0 : 1;
        }
    }
    if (class[0] != class[1] || class[0] > 0)
        return class[0] - class[1];
    int way = t[0] ? strcmp(t[0], t[1]) : x[0] < x[1] ? -1 : x[0] > x[1];
    return o->descending ? -way : way;
}

static int by_order(const void *left, const void *right)
{
    const struct mirror *a = *(struct mirror *const *)left, *b = *(struct mirror *const *)right;
    for (size_t i = 0; i < order_count; i++) {
        int way = compare_key(a, b, &orders[i]);
        if (way)
            return way;
    }
    if (order_count && (orders[0].ident.kind == FILTER_METRIC || orders[0].ident.kind == FILTER_PARAM))
        return a->seq < b->seq ? 1 : -1;
    bool created = false;
    for (size_t i = 0; i < order_count; i++)
        created |= !strcmp(orders[i].ident.key, "created_us");
    if (!created && a->created_us != b->created_us)
        return a->created_us < b->created_us ? 1 : -1;
    return -strcmp(a->id, b->id);
}

/* ---- random questions ---- */

static void random_filter(struct buf *out, int depth)
{
    static const char *const some[] = {
        "metrics.auc > 0.6", "metrics.auc <= 0.9", "metrics.`val loss` != 0.5", "metrics.auc = 0.9",
        "metrics.auc IS NULL", "metrics.auc IS NOT NULL", "metrics.auc IN (0.5, 3)",
        "metrics.auc NOT IN (0.5, 3)", "params.model = 'rf'", "params.model != 'rf'",
        "params.lr LIKE '%1'", "params.model ILIKE 'été%'", "params.model IN ('rf', '')",
        "params.lr IS NULL", "params.lr NOT IN ('0.1')", "state = 'finished'",
        "attributes.state != 'finished'", "name = 'essai'", "name IS NULL", "name ILIKE 'ÉTÉ'",
        "wall_ms >= 2", "wall_ms IS NULL", "created_us < 1020", "created_us > 1010",
        "datasets.name = 'cancer'", "datasets.name != 'cancer'", "datasets.name IS NULL",
        "dataset.name IN ('iris', 'none')", "project = 'P1'", "project != 'P1'", "project IS NULL", "metrics.auc > 2.5", "params.model = 'nobody'"};
    if (depth == 0 || roll(2)) {
        buf_add_str(out, some[roll(sizeof some / sizeof *some)]);
        return;
    }
    buf_add_char(out, '(');
    random_filter(out, depth - 1);
    buf_add_str(out, roll(3) ? " and " : " OR ");
    random_filter(out, depth - 1);
    buf_add_char(out, ')');
}

static void random_order(struct buf *out)
{
    static const char *const some[] = {"metrics.auc", "metrics.`val loss`", "params.model",
                                       "params.lr", "wall_ms", "name", "state", "created_us"};
    bool used[8] = {false};
    for (unsigned n = roll(4), i = 0; i < n; i++) {
        unsigned k = roll(8);
        if (used[k])
            continue;
        used[k] = true;
        buf_printf(out, "%s%s%s", out->len ? ", " : "", some[k],
                   roll(3) == 0 ? "" : roll(2) ? " DESC" : " ASC");
    }
}

static void every_page_of_random_questions_is_right(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    seed = getenv("ENCLOS_SEED") ? (unsigned)atoi(getenv("ENCLOS_SEED")) : (unsigned)time(NULL);
    printf("ENCLOS_SEED=%u\n", seed);
    world_count = 0;
    OK(cat_exec(f->db, "INSERT INTO project (id, code, actor_uid, actor_name, created_us)"
                       " VALUES (1, 'P1', 1, 'x', 1), (2, 'P2', 1, 'x', 1)", &e), e);
    int64_t a = fx_dataset(f, "cancer").key, b = fx_dataset(f, "iris").key;
    for (int i = 0; i < RUNS; i++)
        add_run(f, a, b);
    for (int round = 0; round < 1500; round++) {
        AUTO_BUF struct buf filter = BUF_INIT(8000), order = BUF_INIT(1000);
        const struct filter *tree;
        const struct mirror *expected[RUNS];
        size_t count = 0, at = 0;
        if (roll(8))
            random_filter(&filter, 3);
        random_order(&order);
        OK(filter_parse(buf_cstr(&filter), f->a, &tree, &e), e);
        OK(filter_parse_order(buf_cstr(&order), f->a, &orders, &order_count, &e), e);
        struct standing_project projects[2];
        struct standing by = {.actor = {1000 + roll(4), "marie"}, .projects = projects};
        for (int i = 1; i <= 2; i++)
            if (roll(2))
                projects[by.project_count++] = (struct standing_project){.id = i};
        by.projects_json = by.project_count == 2   ? "[1,2]"
                           : by.project_count == 0 ? "[]"
                           : projects[0].id == 1   ? "[1]"
                                                   : "[2]";
        by.lab_roles = roll(2) ? ROLE(ROLE_AUDITOR) : ROLE(ROLE_SCIENTIST);
        struct list_bound bound;
        const struct list_bound *seen = run_seen(f->a, &by, &bound);
        for (size_t i = 0; i < world_count; i++)
            if (passes(&world[i], tree) &&
                (!seen || standing_sees_run(&by, &(struct cat_actor){world[i].owner, "marie"},
                                            world[i].project)))
                expected[count++] = &world[i];
        qsort(expected, count, sizeof *expected, by_order);
        struct list_ask ask = {.kind = &list_runs,
                               .filter = buf_cstr(&filter),
                               .order_by = buf_cstr(&order),
                               .seen = seen,
                               .walk = roll(2),
                               .limit = 1 + roll(40)};
        struct list_page page = {.more = true};
        while (page.more) {
            OK(list_find(f->db, f->a, &ask, &page, &e), e);
            for (size_t i = 0; i < page.count; i++, at++)
                if (at >= count || page.keys[i] != expected[at]->seq)
                    fail_msg("filter %s, order %s: row %zu is %s, not %s", buf_cstr(&filter),
                             buf_cstr(&order), at, world[page.keys[i] - 1].id,
                             at < count ? expected[at]->id : "none");
            if (page.count)
                ask.cursor = list_cursor(&page, f->a, page.count - 1);
        }
        if (at != count)
            fail_msg("filter %s, order %s: %zu rows, not %zu", buf_cstr(&filter), buf_cstr(&order),
                     at, count);
    }
}

/* Few rows are sorted, many are walked: a bound of the world's size makes only one way be tried above. */
static void both_ways_to_a_page_give_the_same(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    /* 3000 runs: 'even' has 1500 rows, more than the bound of 500; 'rare' has 3. */
    OK(cat_exec(f->db,
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
                " INSERT INTO run (id, name, state, actor_uid, actor_name, profile, command, env,"
                " resources, cpus_milli, memory_bytes, priority, best_effort, report_paths,"
                " created_us) SELECT printf('r%014d', i), 'n', 'queued', 1, 'marie', 'base', '[]',"
                " '{}', '{}', 1, 1, 0, 0, 0, i FROM n",
                &e),
       e);
    OK(cat_exec(f->db,
                "INSERT INTO param SELECT seq, 'p', iif(seq % 2 = 0, 'even', 'odd') FROM run", &e),
       e);
    OK(cat_exec(f->db, "INSERT INTO param SELECT seq, 'q', 'rare' FROM run WHERE seq % 1000 = 0",
                &e),
       e);
    static const struct {
        const char *filter;
        const char *plan, *not_plan;
        size_t count;
    } rows[] = {
        {"params.p = 'even'", "SEARCH r USING COVERING INDEX run_by_age", "CROSS JOIN run r ON r.seq = d.k", 1500},
        {"params.q = 'rare'", "CROSS JOIN run r ON r.seq = d.k", "run_by_age", 3},
        {"params.q = 'rare' AND params.p = 'even'", "CROSS JOIN run r ON r.seq = d.k", "run_by_age", 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO_BUF struct buf plan = BUF_INIT(1 << 20);
        struct list_ask ask = {.kind = &list_runs, .filter = rows[i].filter, .limit = 70};
        struct list_page page = {.more = true};
        int64_t last = 3001;
        size_t seen = 0;
        OK(list_explain(f->db, f->a, &ask, &plan, &e), e);
        HAS(buf_cstr(&plan), rows[i].plan);
        if (strstr(buf_cstr(&plan), rows[i].not_plan))
            fail_msg("%s", buf_cstr(&plan));
        while (page.more) {
            OK(list_find(f->db, f->a, &ask, &page, &e), e);
            for (size_t k = 0; k < page.count; k++, seen++) {
                assert_true(page.keys[k] < last);
                last = page.keys[k];
            }
            ask.cursor = list_cursor(&page, f->a, page.count - 1);
        }
        assert_int_equal(seen, rows[i].count);
    }
}

static void rows_that_come_in_meanwhile_move_nothing(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char id[TEXT_ID_SIZE];
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "rlist%02d", i);
        fx_submit(f->db, id, 1000 + 10 * i);
    }
    struct list_ask ask = {.kind = &list_runs, .limit = 3};
    struct list_page page = {.more = true};
    int64_t last = 21;
    size_t old = 0;
    for (int round = 0; page.more; round++) {
        OK(list_find(f->db, f->a, &ask, &page, &e), e);
        for (size_t i = 0; i < page.count; i++) {
            if (page.keys[i] > 20)
                continue; /* came in behind the place */
            assert_int_equal(page.keys[i], last - 1);
            last = page.keys[i];
            old++;
        }
        ask.cursor = list_cursor(&page, f->a, page.count - 1);
        snprintf(id, sizeof id, "rnew%02da", round); /* before the place, and behind it */
        fx_submit(f->db, id, 5000 + round);
        snprintf(id, sizeof id, "rnew%02db", round);
        fx_submit(f->db, id, 1000);
        assert_true(round < 60);
    }
    assert_int_equal(old, 20);
}

/* ---- every column, every operator: it prepares, and no plan scans a table that may be large ---- */

static void explain_all(struct fixture *f, const struct list_kind *kind, const char *filter,
                        const char *order)
{
    AUTO_BUF struct buf plan = BUF_INIT(1 << 20);
    struct err e = {0};
    struct list_ask ask = {.kind = kind, .filter = filter, .order_by = order, .limit = 50};
    if (list_explain(f->db, f->a, &ask, &plan, &e) < 0)
        fail_msg("%s / %s: %s", filter ? filter : "", order ? order : "", e.message);
    for (const char *line = strstr(buf_cstr(&plan), "SCAN"); line && !kind->small;
         line = strstr(line + 1, "SCAN")) {
        if (!strncmp(line, "SCAN d\n", 7) || !strncmp(line, "SCAN CONSTANT", 13) ||
            !strncmp(line, "SCAN (subquery", 14)) /* a set that was counted */
            continue;
        fail_msg("%s / %s\n%s", filter ? filter : "", order ? order : "", buf_cstr(&plan));
    }
}

static void no_filter_and_no_order_scans_a_large_table(void **state)
{
    struct fixture *f = *state;
    const struct list_kind *const kinds[] = {&list_runs, &list_datasets, &list_environments,
                                             &list_audit, &list_projects, &list_experiments, &list_lessons};
    static const char *const ops[][3] = {
        [LIST_TEXT] = {"= 'a'", "ILIKE 'a%'", "IN ('a', 'b')"},
        [LIST_CHOICE] = {"IS NULL", "IS NOT NULL", "IS NULL"},
        [LIST_INTEGER] = {"= 3", ">= 3", "IN (1, 2)"},
        [LIST_DATE] = {"< '2026-11-24'", ">= '2026-11-24T10:00-05:00'", "IS NULL"},
        [LIST_BOOL] = {"= true", "!= true", "IN (true)"},
    };
    int tried = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        for (const struct list_column *c = kinds[k]->columns; c->name; c++) {
            for (int i = 0; i < 3; i++, tried++)
                explain_all(f, kinds[k], arena_printf(f->a, "%s %s", c->name, ops[c->type][i]), NULL);
            if (c->type == LIST_CHOICE)
                explain_all(f, kinds[k], arena_printf(f->a, "%s = '%s'", c->name, c->choices[0]), NULL);
            if (!c->index && !kinds[k]->small)
                continue;
            explain_all(f, kinds[k], NULL, c->name);
            explain_all(f, kinds[k], NULL, arena_printf(f->a, "%s DESC", c->name));
        }
    }
    static const char *const pairs[] = {"metrics.a", "params.a", "tags.a"};
    for (int i = 0; i < 3; i++) {
        explain_all(f, &list_runs, arena_printf(f->a, "%s IS NULL", pairs[i]), pairs[i]);
        explain_all(f, &list_runs, i ? arena_printf(f->a, "%s LIKE 'x'", pairs[i]) : "metrics.a > 1",
                    arena_printf(f->a, "%s DESC", pairs[i]));
    }
    explain_all(f, &list_runs, "datasets.name = 'x'", "metrics.a DESC");
    /* Of many that are alike none is sorted. */
    static const char *const walked[] = {"params.a", "tags.a", "metrics.a DESC", "state", "name", "wall_ms DESC"};
    for (size_t i = 0; i < sizeof walked / sizeof *walked; i++) {
        AUTO_BUF struct buf plan = BUF_INIT(1 << 20);
        struct err e = {0};
        struct list_ask ask = {.kind = &list_runs, .order_by = walked[i], .limit = 50};
        OK(list_explain(f->db, f->a, &ask, &plan, &e), e);
        if (strstr(buf_cstr(&plan), "TEMP B-TREE"))
            fail_msg("%s: %s", walked[i], buf_cstr(&plan));
    }
    explain_all(f, &list_runs, "state = 'running' and experiment = 'x'", "wall_ms DESC, name");
    assert_true(tried > 150);
}

/* ---- what is refused ---- */

static void what_cannot_be_asked_is_told_where(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *filter, *order, *cursor, *message, *hint;
    } rows[] = {
        {"verdct = 'x'", NULL, NULL, "at character 1 of the filter: this list has no attributes.verdct", "known: id run_id name"},
        {"state = 'done'", NULL, NULL, "at character 9 of the filter: this is no value for attributes.state", "queued starting"},
        {"metrics.auc > '1'", NULL, NULL, "at character 15 of the filter: this is no value for metrics.auc", "a number"},
        {"params.lr > 1", NULL, NULL, "params.lr cannot be compared by >", "a text has ="},
        {"params.lr = 1", NULL, NULL, "this is no value for params.lr", "between quotes"},
        {"created = '2026-11-24'", NULL, NULL, "attributes.created cannot be compared by =", "a day is"},
        {"created > 'hier'", NULL, NULL, "this is no value for attributes.created", "2026-11-24"},
        {"warm = 1", NULL, NULL, "this is no value for attributes.warm", "true or false"},
        {"priority LIKE 'x'", NULL, NULL, "cannot be compared by LIKE", "for texts"},
        {"datasets.owner = 'x'", NULL, NULL, "this list has no datasets.owner", "known: name"},
        {"name = ", NULL, NULL, "at character 8 of the filter: expected a number, or a text between quotes, and the text ends there", ""},
        {"name == 'a' name", NULL, NULL, "at character 13 of the filter: expected AND, OR or the end, found name", ""},
        {NULL, "priority", NULL, "at character 1 of the order_by: no index has this list by priority", "first by one of: id"},
        {NULL, "name, name DESC", NULL, "at character 7 of the order_by: name is there twice", ""},
        {NULL, "datasets.name", NULL, "there is no order by them", ""},
        {NULL, "name up", NULL, "at character 6 of the order_by: expected ASC, DESC, a comma or the end, found up", ""},
        {NULL, NULL, "bm9uc2Vuc2U=", "this is no cursor of run.list", "same filter"},
        {NULL, NULL, "!", "this is no cursor of run.list", ""},
        {NULL, NULL, "WyJ4IiwwLCIxIiwwLCIyIl0=", "this is no cursor of run.list", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = {0};
        struct list_page page;
        struct list_ask ask = {.kind = &list_runs,
                               .filter = rows[i].filter,
                               .order_by = rows[i].order,
                               .cursor = rows[i].cursor,
                               .limit = 5};
        FAILS(list_find(f->db, f->a, &ask, &page, &e), e, E_INVALID);
        HAS(e.message, rows[i].message);
        HAS(e.hint, rows[i].hint);
    }
}

static void a_cursor_is_of_its_question_alone(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct list_page page;
    fx_submit(f->db, "raaaa1", 1);
    fx_submit(f->db, "raaaa2", 2);
    struct list_ask ask = {.kind = &list_runs, .filter = "name = 'essai 1'", .limit = 1};
    OK(list_find(f->db, f->a, &ask, &page, &e), e);
    assert_true(page.count == 1 && page.more);
    ask.cursor = list_cursor(&page, f->a, 0);
    ask.filter = "name != 'essai 1'";
    FAILS(list_find(f->db, f->a, &ask, &page, &e), e, E_INVALID);
    ask.filter = " name  = \"essai 1\" "; /* the same question */
    e = (struct err){0};
    OK(list_find(f->db, f->a, &ask, &page, &e), e);
    assert_true(page.count == 1 && !page.more);
    ask.order_by = "name";
    FAILS(list_find(f->db, f->a, &ask, &page, &e), e, E_INVALID);
}

static void a_question_that_takes_too_long_is_given_up(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    AUTO_BUILT sqlite3_stmt *s = NULL;
    cat_deadline(f->db, 20);
    OK(cat_built(f->db,
                 "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) "
                 "FROM n",
                 NULL, 0, &s, &e),
       e);
    FAILS(cat_step(f->db, s, &e), e, E_LIMIT);
    HAS(e.message, "takes too long");
    cat_deadline(f->db, 0);
}

/* ---- small parts ---- */

static void like_means_what_mlflow_means(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool like, ilike;
    } rows[] = {
        {"a%", "abc", true, true},   {"A%", "abc", false, true},    {"%c", "abc", true, true},
        {"_b_", "abc", true, true},  {"_b", "abc", false, false},   {"", "", true, true},
        {"%", "", true, true},       {"_", "", false, false},       {"é_", "éà", true, true},
        {"É%", "été", false, true},  {"e%", "été", false, false},   {"œ", "Œ", false, true},
        {"a*?[b]", "a*?[b]", true, true}, {"%%a%%", "xxa", true, true}, {"a%b%c", "a1b2bc", true, true},
        {"ÿ", "Ÿ", false, true},     {"×", "÷", false, false},      {"ß", "ẞ", false, false},
        {"a%b", "ab\xff", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (filter_like(rows[i].pattern, rows[i].text, false) != rows[i].like ||
            filter_like(rows[i].pattern, rows[i].text, true) != rows[i].ilike)
            fail_msg("%s on %s", rows[i].pattern, rows[i].text);
    char pattern[2001], text[6001];
    memset(text, 'a', 6000);
    text[6000] = 0;
    for (int i = 0; i < 1000; i++)
        memcpy(pattern + 2 * i, "%a", 2);
    pattern[1999] = 'b';
    pattern[2000] = 0;
    int64_t start = time_mono_us();
    assert_false(filter_like(pattern, text, true));
    assert_true(time_mono_us() - start < 2000000);
}

static void dates_are_moments(void **state)
{
    (void)state;
    int64_t us;
    assert_true(list_parse_date("1970-01-01", &us) && us == 0);
    assert_true(list_parse_date("2026-11-24T12:30:05.25Z", &us) && us == 1795523405250000);
    assert_true(list_parse_date("2026-11-24 07:30:05-05:00", &us) && us == 1795523405000000);
    assert_true(list_parse_date("2024-02-29", &us) && us == 1709164800000000);
    static const char *const bad[] = {"", "2026", "2026-13-01", "2026-02-29", "2026-00-01", "26-01-01",
                                      "2026-01-32", "2026-01-01T", "2026-01-01T24:00", "2026-01-01T10:00:60",
                                      "2026-01-01T10:00+15:00", "2026-01-01x", "2026-01-01T10:00Zx", "1969-12-31"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (list_parse_date(bad[i], &us))
            fail_msg("%s", bad[i]);
}

static void a_filter_prints_as_it_reads(void **state)
{
    struct fixture *f = *state;
    static const char *const rows[][2] = {
        {"metrics.auc > 0.5 and (params.`a b` = \"x\" or tags.t like 'it''s')",
         "metrics.`auc` > 5.00000000000000000e-01 AND (params.`a b` = 'x' OR tags.`t` LIKE 'it''s')"},
        {"a=1 AND b=2 AND c=3", "attributes.`a` = 1 AND attributes.`b` = 2 AND attributes.`c` = 3"},
        {"a=1 OR b=2 AND c=3", "attributes.`a` = 1 OR (attributes.`b` = 2 AND attributes.`c` = 3)"},
        {"a=1 AND (b=2 AND c=3)", "attributes.`a` = 1 AND (attributes.`b` = 2 AND attributes.`c` = 3)"},
        {"run.state IN ('a', \"b\") and x not in (1,-2,3e2)",
         "attributes.`state` IN ('a', 'b') AND attributes.`x` NOT IN (1, -2, 3.00000000000000000e+02)"},
        {"warm = TRUE and y is not null", "attributes.`warm` = true AND attributes.`y` IS NOT NULL"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err e = {0};
        const struct filter *tree;
        AUTO_BUF struct buf text = BUF_INIT(9000), again = BUF_INIT(9000);
        OK(filter_parse(rows[i][0], f->a, &tree, &e), e);
        filter_print(tree, &text);
        assert_string_equal(buf_cstr(&text), rows[i][1]);
        OK(filter_parse(buf_cstr(&text), f->a, &tree, &e), e);
        filter_print(tree, &again);
        assert_string_equal(buf_cstr(&again), rows[i][1]);
    }
}

static void filters_are_bounded(void **state)
{
    struct fixture *f = *state;
    const struct filter *tree;
    for (int kind = 0; kind < 4; kind++) {
        struct err e = {0};
        AUTO_BUF struct buf text = BUF_INIT(20000);
        for (int i = 0; i < (kind == 3 ? 9000 : kind == 2 ? 201 : 65); i++)
            buf_add_str(&text, kind == 0 ? (i ? " and a=1" : "a=1") : kind == 1 ? "(" : kind == 2 ? (i ? ",1" : "a in (1") : "x");
        FAILS(filter_parse(buf_cstr(&text), f->a, &tree, &e), e, E_LIMIT);
    }
    struct err e = {0};
    FAILS(filter_parse("a = '\x01'", f->a, &tree, &e), e, E_INVALID);
    FAILS(filter_parse("a = '\xff'", f->a, &tree, &e), e, E_INVALID);
    FAILS(filter_parse("a = 'it", f->a, &tree, &e), e, E_INVALID);
    HAS(e.message, "at character 5 of the filter: expected another ', and the text ends first");
}

#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_page_of_random_questions_is_right),
        T(both_ways_to_a_page_give_the_same),
        T(rows_that_come_in_meanwhile_move_nothing),
        T(no_filter_and_no_order_scans_a_large_table),
        T(what_cannot_be_asked_is_told_where),
        T(a_cursor_is_of_its_question_alone),
        T(a_question_that_takes_too_long_is_given_up),
        T(like_means_what_mlflow_means),
        T(dates_are_moments),
        T(a_filter_prints_as_it_reads),
        T(filters_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
