/* test_search.c - finding by words: what is in the index, who finds it, how it stays in step. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/environment.h"
#include "catalog/form.h"
#include "catalog/metric.h"
#include "catalog/project.h"
#include "catalog/search.h"

static int setup(void **state)
{
    struct err e = {0};
    OK(forms_load(&e), e);
    return fx_setup(state);
}

/* What is found, as "noun:ref noun:ref", the best first. */
static const char *found_by(struct fixture *f, const struct standing *by, const char *text)
{
    struct err e = {0};
    struct search_hit *hits;
    size_t count;
    bool cut;
    const char *out = "";
    OK(search_find(f->db, f->a, by, text, NULL, 50, &hits, &count, &cut, &e), e);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || hits[i].rank <= hits[i - 1].rank);
        out = arena_printf(f->a, "%s%s%s:%s", out, i ? " " : "", hits[i].noun, hits[i].ref);
    }
    return out;
}

static const char *found(struct fixture *f, const char *text)
{
    return found_by(f, &STANDING_LAB, text);
}

static void submit(struct fixture *f, const char *id, const char *name, const char *experiment)
{
    struct err e = {0};
    struct run_new run = fx_run(id);
    const struct run_pair param = {"modèle", "forêt aléatoire"}, tag = {"équipe", "Données"};
    char out[TEXT_ID_SIZE];
    bool existed;
    run.name = name;
    run.experiment = experiment;
    run.params = &param;
    run.param_count = 1;
    run.tags = &tag;
    run.tag_count = 1;
    OK(cat_run_insert(f->db, &run, out, &existed, &e), e);
}

static void project(struct fixture *f, const char *code, const char *answers)
{
    struct err e = {0};
    struct project_row p;
    bool existed;
    AUTO_JSON struct json *set = json_parse(answers, strlen(answers), NULL, &e);
    const struct project_new n = {.code = code, .answers = set, .actor = fx_actor, .at_us = 5};
    assert_non_null(set);
    OK(cat_project_create(f->db, f->a, &n, &p, &existed, &e), e);
}

static void accents_case_and_endings_do_not_matter(void **state)
{
    struct fixture *f = *state;
    submit(f, "raaaaaaaaaaaaa1", "Écoulement d'hiver", "flux");
    static const char *const words[] = {"ecoulement", "ÉCOULEMENT", "écoul", "hiver ecoul", "foret",
                                        "modele aleatoire", "donnees", "flux", "train.py", "marie",
                                        "\"forêt aléatoire\"", "raaaaaaaaaaaaa1", "python"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(found(f, words[i]), "run:raaaaaaaaaaaaa1") != 0)
            fail_msg("%s: %s", words[i], found(f, words[i]));
    assert_string_equal(found(f, "coulement"), ""); /* by its beginning, not its middle */
    assert_string_equal(found(f, "ecoulement ete"), "");
    assert_string_equal(found(f, "\"aléatoire forêt\""), "");
}

static void nothing_typed_is_an_operator(void **state)
{
    struct fixture *f = *state;
    submit(f, "raaaaaaaaaaaaa1", "near and not", NULL);
    static const char *const texts[] = {"AND", "NOT", "near(", "title:near", "near*", "a OR", "\"near", "-near",
                                        "near^", "{near}", "near + and", "col:near", "\"\" near", "near \"", "'near'"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        (void)found(f, texts[i]); /* none is an error of FTS5 */
    assert_string_equal(found(f, "AND NOT"), "run:raaaaaaaaaaaaa1");
    static const char *const none[] = {"", "  ", "\"\"", "*", "-- +"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct err e;
        const char *query;
        FAILS(search_query(f->a, none[i], false, &query, &e), e, E_INVALID);
    }
    struct err e;
    const char *query;
    FAILS(search_query(f->a, "a b c d e f g h i j k l m n o p q", false, &query, &e), e, E_LIMIT);
}

static void every_noun_is_found_and_what_tells_of_many_runs_comes_first(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    bool existed;
    struct env_row v;
    submit(f, "raaaaaaaaaaaaa1", "hospitalier", NULL);
    fx_dataset(f, "hospitalier-2026");
    project(f, "FLUX", "{\"title\":{\"fr\":\"Flux hospitaliers\",\"en\":\"Hospital flow\"},"
                       "\"organisation\":\"CHU\",\"summary\":{\"fr\":\"Prévoir l’achalandage\"}}");
    const struct env_new n = {.name = "hospitalier", .title = "R 4.2", .source = "oci", .manifest = SHA_B,
                              .entries = 1, .size_bytes = 1, .actor = fx_actor, .created_us = 10};
    OK(cat_env_add(f->db, f->a, &n, &v, &existed, &e), e);
    const char *all = found(f, "hospitalier");
    HAS(all, "project:FLUX");
    HAS(all, "dataset:hospitalier-2026");
    HAS(all, "env:hospitalier@1");
    HAS(all, "run:raaaaaaaaaaaaa1");
    assert_true(strstr(all, "project") < strstr(all, "run") && strstr(all, "dataset") < strstr(all, "run"));
    assert_string_equal(found(f, "achalandage"), "project:FLUX");
    assert_string_equal(found(f, "flow chu"), "project:FLUX");
}

static void what_one_may_not_see_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    const struct standing_project in = {.id = 1, .code = "P1", .roles = ROLE(ROLE_SCIENTIST)};
    const struct standing owner = {.actor = {1000, "marie"}, .lab_roles = ROLE(ROLE_SCIENTIST), .projects_json = "[]"};
    const struct standing other = {.actor = {1001, "paul"}, .lab_roles = ROLE(ROLE_SCIENTIST), .projects_json = "[]"};
    const struct standing member = {.actor = {1001, "paul"}, .projects = &in, .project_count = 1, .projects_json = "[1]"};
    const struct standing auditor = {.actor = {1002, "anne"}, .lab_roles = ROLE(ROLE_AUDITOR), .projects_json = "[]"};
    submit(f, "raaaaaaaaaaaaa1", "secret", NULL);
    assert_string_equal(found_by(f, &owner, "secret"), "run:raaaaaaaaaaaaa1");
    assert_string_equal(found_by(f, &auditor, "secret"), "run:raaaaaaaaaaaaa1");
    assert_string_equal(found_by(f, &other, "secret"), "");
    assert_string_equal(found_by(f, &member, "secret"), "");
    OK(cat_exec(f->db, "INSERT INTO project (id, code, actor_uid, actor_name, created_us) VALUES (1, 'P1', 1, 'x', 1);"
                       "UPDATE run SET project = 1", &e), e);
    OK(search_run(f->db, 1, &e), e);
    assert_string_equal(found_by(f, &member, "secret"), "run:raaaaaaaaaaaaa1");
    assert_string_equal(found_by(f, &other, "secret"), "");
}

static void words_that_change_are_found_and_those_that_left_are_not(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    submit(f, "raaaaaaaaaaaaa1", "essai", NULL);
    struct metric_item items[] = {
        {.kind = METRIC_TAG, .name = "note", .text = "merveilleux", .time_us = 1},
        {.kind = METRIC_TAG, .name = "note", .text = "abominable", .time_us = 2}};
    struct metric_batch batch = {.to_offset = 5, .items = items, .count = 1};
    OK(cat_metric_add_batch(f->db, "raaaaaaaaaaaaa1", &batch, 9, &e), e);
    assert_string_equal(found(f, "merveilleux"), "run:raaaaaaaaaaaaa1");
    batch = (struct metric_batch){.from_offset = 5, .to_offset = 9, .items = &items[1], .count = 1};
    OK(cat_metric_add_batch(f->db, "raaaaaaaaaaaaa1", &batch, 9, &e), e);
    assert_string_equal(found(f, "merveilleux"), "");
    assert_string_equal(found(f, "abominable"), "run:raaaaaaaaaaaaa1");
    OK(search_check(f->db, &e), e);
}

static void a_damaged_index_is_seen_and_made_anew(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    int64_t count;
    submit(f, "raaaaaaaaaaaaa1", "essai", NULL);
    submit(f, "raaaaaaaaaaaaa2", "autre", NULL);
    fx_dataset(f, "cancer");
    OK(search_check(f->db, &e), e);
    OK(cat_exec(f->db, "UPDATE search_entry SET body = 'changed behind its back' WHERE id = 1", &e), e);
    FAILS(search_check(f->db, &e), e, E_INTERNAL);
    e = (struct err){0};
    OK(search_rebuild(f->db, &count, &e), e);
    assert_int_equal(count, 3);
    OK(search_check(f->db, &e), e);
    assert_string_equal(found(f, "essai"), "run:raaaaaaaaaaaaa1");
    assert_string_equal(found(f, "behind"), "");
}

static void an_older_catalog_gets_its_words_part_by_part(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    bool done = false, built = true;
    int64_t count;
    for (int i = 0; i < 250; i++) {
        char id[TEXT_ID_SIZE];
        snprintf(id, sizeof id, "r%014d", i);
        submit(f, id, i == 0 ? "premier" : "autre", NULL);
    }
    fx_dataset(f, "cancer");
    OK(search_rebuild(f->db, &count, &e), e); /* nothing left to do */
    OK(search_build_some(f->db, &done, &e), e);
    assert_true(done);
    OK(cat_exec(f->db, "DELETE FROM search_entry; INSERT INTO search (search) VALUES ('delete-all');"
                       "UPDATE search_state SET built = 0", &e), e);
    done = false;
    int parts = 0;
    for (; !done; parts++) {
        OK(search_build_some(f->db, &done, &e), e);
        OK(search_is_built(f->db, &built, &e), e);
        assert_int_equal(built, done);
        assert_string_equal(found(f, "cancer"), "dataset:cancer"); /* with the first part */
    }
    assert_int_equal(parts, 3);
    assert_string_equal(found(f, "premier"), "run:r00000000000000");
    assert_int_equal(fx_count(f->db, "search_entry"), 251);
    OK(search_check(f->db, &e), e);
}

static void very_many_are_given_by_age(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct search_hit *hits;
    size_t count;
    bool cut;
    for (int i = 0; i < SEARCH_CANDIDATES; i++) {
        char id[TEXT_ID_SIZE];
        snprintf(id, sizeof id, "r%014d", i);
        submit(f, id, "partout", NULL);
    }
    fx_dataset(f, "partout");
    OK(search_find(f->db, f->a, &STANDING_LAB, "partout", NULL, 3, &hits, &count, &cut, &e), e);
    assert_true(count == 3 && cut);
    assert_string_equal(hits[0].ref, "partout");
    assert_string_equal(hits[1].ref, "r00000000001999");
    assert_string_equal(hits[2].snippet, SEARCH_OPEN "partout" SEARCH_CLOSE);
}

static void where_it_matched_is_told(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct search_hit *hits;
    size_t count;
    bool cut;
    submit(f, "raaaaaaaaaaaaa1", "Écoulement", "flux");
    OK(search_find(f->db, f->a, &STANDING_LAB, "ecoul", NULL, 5, &hits, &count, &cut, &e), e);
    assert_true(count == 1 && !cut);
    assert_string_equal(hits[0].where, "title");
    assert_string_equal(hits[0].snippet, SEARCH_OPEN "Écoulement" SEARCH_CLOSE);
    OK(search_find(f->db, f->a, &STANDING_LAB, "flux", "run", 5, &hits, &count, &cut, &e), e);
    assert_string_equal(hits[0].where, "text");
    HAS(hits[0].snippet, SEARCH_OPEN "flux" SEARCH_CLOSE);
    OK(search_find(f->db, f->a, &STANDING_LAB, "flux", "dataset", 5, &hits, &count, &cut, &e), e);
    assert_int_equal(count, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, fx_teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(accents_case_and_endings_do_not_matter),
        T(nothing_typed_is_an_operator),
        T(every_noun_is_found_and_what_tells_of_many_runs_comes_first),
        T(what_one_may_not_see_is_not_found),
        T(words_that_change_are_found_and_those_that_left_are_not),
        T(a_damaged_index_is_seen_and_made_anew),
        T(an_older_catalog_gets_its_words_part_by_part),
        T(very_many_are_given_by_age),
        T(where_it_matched_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
