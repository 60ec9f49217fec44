/* test_projects.c - projects and their stages, experiments and what freezes them, lessons, where runs belong. */
#include "tests/unit/catalog_fixture.h"

#include "api/common/purpose.h"
#include "catalog/lesson.h"
#include "catalog/list.h"
#include "catalog/run_place.h"

#define TITLE "\"title\": {\"fr\": \"Achalandage\", \"en\": \"Crowding\"}"
#define WHOLE "{" TITLE ", \"summary\": {\"fr\": \"Prévoir\", \"en\": \"Forecast\"}, \"organisation\": \"CHU\", "             \
              "\"family\": \"analysis_prediction\", \"sponsor\": \"Directrice des soins\"}"

static struct json *parse(const char *text)
{
    struct err e = {0};
    struct json *v = json_parse(text, strlen(text), NULL, &e);
    if (!v)
        fail_msg("%s: %s", text, e.message);
    return v;
}

static int create(struct fixture *f, const char *code, const char *answers, struct project_row *out, struct err *e)
{
    AUTO_JSON struct json *v = parse(answers);
    bool existed;
    const struct project_new n = {.code = code, .answers = v, .actor = fx_actor, .at_us = 10};
    return cat_project_create(f->db, f->a, &n, out, &existed, e);
}

static struct project_row made(struct fixture *f, const char *code)
{
    struct err e = {0};
    struct project_row p;
    OK(create(f, code, WHOLE, &p, &e), e);
    return p;
}

static int advance(struct fixture *f, const char *code, enum project_stage to, const char *reason, struct err *e)
{
    struct project_row p;
    return cat_project_advance(f->db, f->a, code, to, reason, &fx_actor, 20, &p, e);
}

/* ---- stages ---- */

static void every_pair_of_stages_is_allowed_or_refused_by_the_table(void **state)
{
    static const char *const allowed[] = {
        "opportunity assessed", "assessed experimenting", "experimenting pilot", "pilot published",
        "opportunity stopped", "assessed stopped", "experimenting stopped", "pilot stopped", "published stopped"};
    static const char *const names[] = {"opportunity", "assessed", "experimenting", "pilot", "published", "stopped"};
    struct fixture *f = *state;
    struct err e;
    for (int from = 0; from < STAGE_COUNT; from++)
        for (int to = 0; to < STAGE_COUNT; to++) {
            char pair[40], code[20], sql[120];
            bool expected = false;
            snprintf(pair, sizeof pair, "%s %s", names[from], names[to]);
            for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
                expected |= strcmp(allowed[i], pair) == 0;
            assert_int_equal(stage_of(names[from]), from);
            assert_true(stage_may_pass((enum project_stage)from, (enum project_stage)to) == expected);
            snprintf(code, sizeof code, "p%d%d", from, to);
            made(f, code);
            snprintf(sql, sizeof sql, "UPDATE project SET stage = '%s' WHERE code = '%s'", names[from], code);
            e = (struct err){0};
            OK(cat_exec(f->db, sql, &e), e);
            if (expected)
                OK(advance(f, code, (enum project_stage)to, "a reason", &e), e);
            else
                FAILS(advance(f, code, (enum project_stage)to, "a reason", &e), e, E_CONFLICT);
        }
    assert_int_equal(fx_count(f->db, "project_passage"), sizeof allowed / sizeof *allowed);
    assert_int_equal(stage_of("done"), -1);
}

static void a_passage_has_a_reason_and_is_kept(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct project_row p = made(f, "p");
    struct project_passage *all;
    size_t count;
    FAILS(advance(f, "p", STAGE_ASSESSED, NULL, &e), e, E_INVALID);
    FAILS(advance(f, "p", STAGE_ASSESSED, "  ", &e), e, E_INVALID);
    FAILS(advance(f, "q", STAGE_ASSESSED, "a", &e), e, E_NOT_FOUND);
    assert_int_equal(fx_count(f->db, "project_passage"), 0);
    e = (struct err){0};
    OK(advance(f, "p", STAGE_ASSESSED, "the need is real", &e), e);
    OK(advance(f, "p", STAGE_STOPPED, "no data", &e), e);
    OK(cat_project_passages(f->db, f->a, p.id, &all, &count, &e), e);
    assert_int_equal(count, 2);
    assert_true(all[0].from == STAGE_OPPORTUNITY && all[0].to == STAGE_ASSESSED && all[0].number == 1);
    assert_string_equal(all[1].reason, "no data");
    assert_string_equal(all[1].actor.name, "marie");
    FAILS(cat_exec(f->db, "UPDATE project_passage SET reason = 'x'", &e), e, E_CONFLICT);
    FAILS(cat_exec(f->db, "DELETE FROM project_passage", &e), e, E_CONFLICT);
}

static void a_project_that_says_too_little_does_not_advance_but_may_stop(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct project_row p;
    OK(create(f, "p", "{\"title\": {\"fr\": \"A\"}, \"organisation\": \"B\"}", &p, &e), e);
    FAILS(advance(f, "p", STAGE_ASSESSED, "a", &e), e, E_CONFLICT);
    HAS(e.message, "title.en, summary, family, sponsor");
    e = (struct err){0};
    OK(advance(f, "p", STAGE_STOPPED, "a", &e), e);
}

/* What a list gives: the codes of its projects. */
static const char *codes(struct fixture *f, const char *filter)
{
    struct err e = {0};
    struct list_ask ask = {.kind = &list_projects, .filter = filter, .limit = 10};
    struct list_page page;
    const char *out = "";
    OK(list_find(f->db, f->a, &ask, &page, &e), e);
    for (size_t i = 0; i < page.count; i++) {
        struct project_row p;
        OK(cat_project_by_key(f->db, f->a, page.keys[i], &p, &e), e);
        out = arena_printf(f->a, "%s%s%s", out, i ? " " : "", p.code);
    }
    return out;
}

static void a_project_is_made_once_and_lists_by_facets(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct project_row p;
    bool changed;
    made(f, "b");
    made(f, "a");
    OK(create(f, "c", "{" TITLE ", \"organisation\": \"MCN\"}", &p, &e), e);
    FAILS(create(f, "a", WHOLE, &p, &e), e, E_CONFLICT);
    HAS(e.message, "made by marie");
    FAILS(create(f, "../a", WHOLE, &p, &e), e, E_INVALID);
    FAILS(create(f, "d", "{" TITLE "}", &p, &e), e, E_INVALID);
    e = (struct err){0};
    assert_string_equal(codes(f, "organisation IS NOT NULL"), "a b c");
    assert_string_equal(codes(f, "organisation = 'MCN'"), "c");
    assert_string_equal(codes(f, "title_en ILIKE '%' and family IS NULL"), "c");
    AUTO_JSON struct json *set = parse("{\"organisation\": \"SAAQ\"}");
    const struct project_edit c = {.code = "c", .version = 1, .set = set, .actor = fx_actor, .at_us = 30};
    OK(cat_project_edit(f->db, f->a, &c, &p, &changed, &e), e);
    assert_true(changed && p.record.version == 2);
    assert_string_equal(codes(f, "organisation = 'MCN'"), "");
    FAILS(cat_project_edit(f->db, f->a, &c, &p, &changed, &e), e, E_CONFLICT);
    assert_string_equal(codes(f, "stage = 'pilot'"), "");
}

static void a_key_gives_the_same_project_again(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct project_row p;
    bool existed;
    AUTO_JSON struct json *v = parse(WHOLE);
    struct project_new n = {.code = "p", .answers = v, .actor = fx_actor, .idempotency_key = "k", .request_sha256 = SHA_A, .at_us = 1};
    OK(cat_project_create(f->db, f->a, &n, &p, &existed, &e), e);
    assert_false(existed);
    OK(cat_project_create(f->db, f->a, &n, &p, &existed, &e), e);
    assert_true(existed && strcmp(p.code, "p") == 0);
    n.request_sha256 = SHA_B;
    FAILS(cat_project_create(f->db, f->a, &n, &p, &existed, &e), e, E_CONFLICT);
}

/* ---- experiments ---- */

static int experiment(struct fixture *f, const char *project, const char *name, struct experiment_row *out,
                      struct err *e)
{
    AUTO_JSON struct json *v = parse("{" TITLE ", \"question\": {\"fr\": \"Combien ?\"}}");
    bool existed;
    const struct experiment_new n = {.project = project, .name = name, .answers = v, .actor = fx_actor, .at_us = 40};
    return cat_experiment_create(f->db, f->a, &n, out, &existed, e);
}

static int edit(struct fixture *f, int64_t version, const char *set, const char *reason, struct experiment_row *out,
                struct err *e)
{
    AUTO_JSON struct json *v = parse(set);
    bool changed;
    const struct experiment_edit c = {.project = "p", .name = "base", .version = version, .set = v, .reason = reason,
                                      .actor = fx_actor, .at_us = 50};
    return cat_experiment_edit(f->db, f->a, &c, out, &changed, e);
}

static const struct standing_project member_of[] = {{1, "p", ROLE(ROLE_SCIENTIST)}};
static const struct standing member = {.actor = {1000, "marie"}, .lab_roles = ROLE(ROLE_SCIENTIST), .projects = member_of, .project_count = 1, .projects_json = "[1]"};

static void submit(struct fixture *f, const char *id, const char *project, const char *name, const char *purpose)
{
    struct err e = {0};
    struct run_new run = fx_run(id);
    char out[TEXT_ID_SIZE];
    bool existed;
    OK(cat_run_place_resolve(f->db, f->a, &member, project, name, purpose, &run.place, &e), e);
    run.experiment = run.place.experiment_name;
    OK(cat_run_insert(f->db, &run, out, &existed, &e), e);
}

static void the_first_run_freezes_a_protocol_and_later_changes_say_so(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct experiment_row x;
    struct experiment_counts counts;
    struct run_row r;
    made(f, "p");
    OK(experiment(f, "p", "base", &x, &e), e);
    assert_string_equal(x.ref, "p/base");
    OK(edit(f, 1, "{\"hypothesis\": {\"fr\": \"Moins de 15\"}}", NULL, &x, &e), e);
    assert_true(x.record.version == 2 && x.frozen_version == 0 && !x.first_run);
    submit(f, "r000000000001", "p", "base", NULL);
    submit(f, "r000000000002", "p", "base", "research");
    OK(cat_experiment_get(f->db, f->a, "p", "base", &x, &e), e);
    assert_int_equal(x.frozen_version, 2);
    assert_string_equal(x.first_run, "r000000000001");
    /* Afterwards: with a reason, as a new version; the frozen one stays what it was. */
    FAILS(edit(f, 2, "{\"hypothesis\": {\"fr\": \"Moins de 20\"}}", NULL, &x, &e), e, E_INVALID);
    assert_string_equal(e.field, "reason");
    e = (struct err){0};
    OK(edit(f, 2, "{\"hypothesis\": {\"fr\": \"Moins de 20\"}}", "it was too low", &x, &e), e);
    assert_true(x.record.version == 3 && x.frozen_version == 2);
    submit(f, "r000000000003", "p", "base", NULL);
    OK(cat_run_get(f->db, f->a, "r000000000003", &r, &e), e);
    assert_true(r.place.experiment_version == 3 && strcmp(r.experiment, "base") == 0);
    OK(cat_run_get(f->db, f->a, "r000000000002", &r, &e), e);
    assert_true(r.place.experiment_version == 2 && strcmp(r.place.purpose, "research") == 0 &&
                strcmp(r.place.project_code, "p") == 0);
    OK(cat_experiment_count(f->db, x.id, &counts, &e), e);
    assert_true(counts.runs == 3 && counts.finished == 0);
}

static void an_experiment_belongs_to_a_project_that_goes_on(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct experiment_row x;
    made(f, "p");
    made(f, "q");
    FAILS(experiment(f, "none", "base", &x, &e), e, E_NOT_FOUND);
    FAILS(experiment(f, "p", "a/b", &x, &e), e, E_INVALID);
    e = (struct err){0};
    OK(experiment(f, "p", "base", &x, &e), e);
    OK(experiment(f, "q", "base", &x, &e), e);
    FAILS(experiment(f, "p", "base", &x, &e), e, E_CONFLICT);
    e = (struct err){0};
    struct list_ask ask = {.kind = &list_experiments, .filter = "project = 'p'", .limit = 10};
    struct list_page page;
    OK(list_find(f->db, f->a, &ask, &page, &e), e);
    assert_int_equal(page.count, 1);
    OK(cat_experiment_by_key(f->db, f->a, page.keys[0], &x, &e), e);
    assert_string_equal(x.ref, "p/base");
    ask.filter = NULL;
    OK(list_find(f->db, f->a, &ask, &page, &e), e);
    assert_int_equal(page.count, 2);
    OK(advance(f, "p", STAGE_STOPPED, "no data", &e), e);
    FAILS(experiment(f, "p", "other", &x, &e), e, E_CONFLICT);
}

/* ---- where a run belongs ---- */

static int resolve(struct fixture *f, const struct standing *by, const char *project, const char *name,
                   const char *purpose, struct err *e)
{
    struct run_place_new place;
    return cat_run_place_resolve(f->db, f->a, by, project, name, purpose, &place, e);
}

static void a_run_is_of_a_project_by_its_members_only(void **state)
{
    static const struct standing_project reviews[] = {{1, "p", ROLE(ROLE_REVIEWER) | ROLE(ROLE_AUDITOR)}};
    static const struct standing_project directs[] = {{1, "p", ROLE(ROLE_ADMIN)}};
    static const struct {
        struct standing by;
        bool may;
    } cases[] = {
        {{.lab_roles = ROLE(ROLE_SCIENTIST)}, false}, /* of the lab, not of the project */
        {{.lab_roles = ROLE(ROLE_CURATOR)}, false},
        {{.lab_roles = ROLE(ROLE_ADMIN)}, true},
        {{.projects = member_of, .project_count = 1}, true},
        {{.projects = directs, .project_count = 1}, true},
        {{.projects = reviews, .project_count = 1}, false},
        {{.lab_roles = 0}, false},
    };
    struct fixture *f = *state;
    struct err e = {0};
    made(f, "p");
    FAILS(resolve(f, &(struct standing){.actor = fx_actor, .projects = member_of, .project_count = 1}, NULL, NULL, NULL, &e), e,
          E_DENIED); /* a member, but not of the lab: no personal run */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct standing by = cases[i].by;
        by.actor = fx_actor;
        by.projects_json = "[]";
        if (cases[i].may) {
            e = (struct err){0};
            OK(resolve(f, &by, "p", NULL, NULL, &e), e);
        } else {
            FAILS(resolve(f, &by, "p", NULL, NULL, &e), e, E_DENIED);
            HAS(e.message, "scientist");
        }
    }
}

static void what_a_run_names_must_be_there(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct experiment_row x;
    struct run_row r;
    made(f, "p");
    OK(experiment(f, "p", "base", &x, &e), e);
    FAILS(resolve(f, &member, "q", NULL, NULL, &e), e, E_NOT_FOUND);
    FAILS(resolve(f, &member, "p", "other", NULL, &e), e, E_NOT_FOUND);
    FAILS(resolve(f, &member, "p", "base", "fun", &e), e, E_INVALID);
    HAS(e.hint, "service_improvement");
    for (size_t i = 0; purpose_codes[i]; i++) {
        e = (struct err){0};
        OK(resolve(f, &member, "p", "base", purpose_codes[i], &e), e);
    }
    /* Personal: no project, the experiment is a free name. */
    submit(f, "r000000000009", NULL, "anything", "quality");
    OK(cat_run_get(f->db, f->a, "r000000000009", &r, &e), e);
    assert_true(!r.place.project_code && !r.place.experiment_version && strcmp(r.place.purpose, "quality") == 0);
    fx_submit(f->db, "r00000000000a", 77);
    OK(cat_run_get(f->db, f->a, "r00000000000a", &r, &e), e);
    assert_string_equal(r.place.purpose, "experimentation");
    OK(advance(f, "p", STAGE_STOPPED, "no data", &e), e);
    FAILS(resolve(f, &member, "p", NULL, NULL, &e), e, E_CONFLICT);
}

/* ---- lessons ---- */

static int lesson(struct fixture *f, const char *extra, struct lesson_row *out, struct err *e)
{
    AUTO_FREE char *text = mem_printf("{" TITLE ", \"text\": {\"fr\": \"Les lundis diffèrent.\"}%s}", extra);
    AUTO_JSON struct json *v = parse(text);
    bool existed;
    const struct lesson_new n = {.project = "p", .answers = v, .actor = fx_actor, .at_us = 60};
    return cat_lesson_add(f->db, f->a, &n, out, &existed, e);
}

static size_t listed(struct fixture *f, const char *experiment, const char *run)
{
    struct err e = {0};
    struct list_bound bound;
    struct list_page page;
    struct list_ask ask = {.kind = &list_lessons, .filter = "project = 'p'", .limit = 10};
    if (experiment || run)
        ask.seen = cat_lesson_tied(f->a, run ? "run" : "experiment", run ? run : experiment, &bound);
    OK(list_find(f->db, f->a, &ask, &page, &e), e);
    return page.count;
}

static void lessons_are_found_by_what_taught_them(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct lesson_row l;
    struct experiment_row x;
    bool changed;
    made(f, "p");
    OK(experiment(f, "p", "base", &x, &e), e);
    fx_submit(f->db, "r000000000000b", 77);
    FAILS(lesson(f, ", \"experiments\": [\"p/none\"]", &l, &e), e, E_NOT_FOUND);
    FAILS(lesson(f, ", \"runs\": [\"r000000000000c\"]", &l, &e), e, E_NOT_FOUND);
    FAILS(lesson(f, ", \"themes\": [\"luck\"]", &l, &e), e, E_INVALID);
    e = (struct err){0};
    OK(cat_exec(f->db, "DELETE FROM lesson_tie", &e), e); /* what a rolled back job would take with it */
    OK(cat_exec(f->db, "DELETE FROM lesson", &e), e);
    OK(lesson(f, ", \"experiments\": [\"p/base\"], \"runs\": [\"r000000000000b\"]", &l, &e), e);
    assert_true(l.name[0] == 'l' && strcmp(l.project_code, "p") == 0);
    assert_int_equal(listed(f, "p/base", NULL), 1);
    assert_int_equal(listed(f, NULL, "r000000000000b"), 1);
    assert_int_equal(listed(f, NULL, NULL), 1);
    AUTO_JSON struct json *set = parse("{\"runs\": null}");
    const struct lesson_edit c = {.name = l.name, .version = 1, .set = set, .actor = fx_actor, .at_us = 70};
    OK(cat_lesson_edit(f->db, f->a, &c, &l, &changed, &e), e);
    assert_true(changed && l.record.version == 2);
    assert_int_equal(listed(f, NULL, "r000000000000b"), 0);
    assert_int_equal(listed(f, "p/base", NULL), 1);
    FAILS(cat_lesson_edit(f->db, f->a, &c, &l, &changed, &e), e, E_CONFLICT);
    e = (struct err){0};
    assert_int_equal(listed(f, NULL, NULL), 1);
}

#define T(test) cmocka_unit_test_setup_teardown(test, fx_setup, fx_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_pair_of_stages_is_allowed_or_refused_by_the_table),
        T(a_passage_has_a_reason_and_is_kept),
        T(a_project_that_says_too_little_does_not_advance_but_may_stop),
        T(a_project_is_made_once_and_lists_by_facets),
        T(a_key_gives_the_same_project_again),
        T(the_first_run_freezes_a_protocol_and_later_changes_say_so),
        T(an_experiment_belongs_to_a_project_that_goes_on),
        T(a_run_is_of_a_project_by_its_members_only),
        T(what_a_run_names_must_be_there),
        T(lessons_are_found_by_what_taught_them),
    };
    return cmocka_run_group_tests_name("projects", tests, NULL, NULL);
}
