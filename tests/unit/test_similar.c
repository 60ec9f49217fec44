/* test_similar.c - projects that are possibly similar: pairs in both languages on either side of the rule. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/project.h"

struct pair {
    const char *x, *y;
};

/* The same project, told by two bodies. */
static const struct pair same[] = {
    {"Prédire l’achalandage des urgences. Prévoir le nombre de patients qui arrivent à l’urgence chaque jour, quatre semaines d’avance, pour ajuster les horaires du personnel infirmier.",
     "Prévision de l’achalandage à l’urgence. Le projet vise à prévoir le nombre quotidien de patients aux urgences de l’hôpital afin d’ajuster les horaires du personnel."},
    {"Repérer tôt les élèves en difficulté. Un modèle signale aux équipes-écoles les élèves à risque de décrocher à partir des absences et des notes.",
     "Repérage précoce des élèves à risque de décrochage. À partir des absences et des notes, signaler à l’équipe-école les élèves en difficulté."},
    {"Caviardage automatique des documents. Masquer les renseignements personnels dans les documents transmis en réponse aux demandes d’accès à l’information.",
     "Caviarder les documents des demandes d’accès. L’outil masque automatiquement les renseignements personnels avant de transmettre les documents demandés."},
    {"Assistant for citizens' questions. A conversational agent answers questions about parental leave from the pages of the ministry's web site.",
     "Chatbot on parental leave. Citizens ask questions about parental leave and a conversational agent answers from the web site's pages."},
    {"Detect flooding from satellite images. Radar images of the river basin are classified each day to map flooded areas for civil protection.",
     "Mapping of flooded areas by satellite. We classify radar images of river basins every day to give civil protection a map of floods."},
    {"Summarise consultation briefs. Briefs that are filed in public consultations are summarised by topic so that analysts read fewer pages.",
     "Summaries of briefs. Analysts read the briefs filed in a public consultation as summaries by topic."},
};

/* Same trade, same means, another question. */
static const struct pair other[] = {
    {"Prédire l’achalandage des urgences. Prévoir le nombre de patients qui arrivent à l’urgence chaque jour, quatre semaines d’avance, pour ajuster les horaires du personnel infirmier.",
     "Prédire la durée de séjour. Prévoir la durée de séjour des patients hospitalisés en chirurgie pour planifier les lits de l’hôpital."},
    {"Repérer tôt les élèves en difficulté. Un modèle signale aux équipes-écoles les élèves à risque de décrocher à partir des absences et des notes.",
     "Prévoir les effectifs scolaires. Prévoir le nombre d’élèves de chaque école cinq ans d’avance pour planifier les classes."},
    {"Caviardage automatique des documents. Masquer les renseignements personnels dans les documents transmis en réponse aux demandes d’accès à l’information.",
     "Classer les documents d’archives. Attribuer automatiquement un code de classification aux documents versés aux archives."},
    {"Résumer et traduire les communiqués. Produire un résumé et une traduction des communiqués du ministère.",
     "Comparer des articles de loi. Repérer les articles de loi qui portent sur le même sujet d’un règlement à l’autre."},
    {"Assistant for citizens' questions. A conversational agent answers questions about parental leave from the pages of the ministry's web site.",
     "Assistant for museum visits. A conversational agent answers visitors' questions about the works in the museum."},
    {"Detect flooding from satellite images. Radar images of the river basin are classified each day to map flooded areas for civil protection.",
     "Detect forest diseases from satellite images. Images of public forests are classified each summer to find stands of trees that suffer from insects."},
    {"Summarise consultation briefs. Briefs that are filed in public consultations are summarised by topic so that analysts read fewer pages.",
     "Sort citizens' e-mails. Incoming e-mails are sorted by topic so that they reach the right team sooner."},
    {"Prévoir les éclosions d’influenza. Les ventes en pharmacie annoncent les éclosions une semaine d’avance.",
     "Prévoir la demande d’électricité. La météo et le calendrier annoncent la demande d’électricité une semaine d’avance."},
};

enum { SAME = sizeof same / sizeof *same, OTHER = sizeof other / sizeof *other };

static void near_same_summaries_are_told_from_others_of_the_same_trade(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAME; i++)
        if (similar_texts(same[i].x, same[i].y) < 0.59)
            fail_msg("%.2f: %s | %s", similar_texts(same[i].x, same[i].y), same[i].x, same[i].y);
    for (size_t i = 0; i < OTHER; i++)
        if (similar_texts(other[i].x, other[i].y) > 0.54)
            fail_msg("%.2f: %s | %s", similar_texts(other[i].x, other[i].y), other[i].x, other[i].y);
    for (size_t i = 0; i < SAME; i++)
        for (size_t k = 0; k < SAME; k++)
            if (i != k && similar_texts(same[i].x, same[k].y) > 0.25)
                fail_msg("%.2f: %s | %s", similar_texts(same[i].x, same[k].y), same[i].x, same[k].y);
}

static void accents_capitals_and_little_words_make_no_difference(void **state)
{
    (void)state;
    assert_true(similar_texts("Prévoir l’achalandage des urgences", "PREVOIR ACHALANDAGE URGENCES") == 1.0);
    assert_true(similar_texts("C\xc5\x93ur et \xc5\x93uvre", "coeur, oeuvre!") == 1.0);
    assert_true(similar_texts("e\xcc\x81l\xc3\xa8ve", "\xc3\x89le\xcc\x80ve") == 1.0); /* an accent after its letter */
    assert_true(similar_texts("", "urgences") == 0.0);
    assert_true(similar_texts("le la les projet données", "the project data") == 0.0);
    assert_true(similar_texts("\xff\xfe urgences", "urgences") == 1.0);
}

static void the_rule_wants_more_than_a_common_family(void **state)
{
    (void)state;
    assert_true(similar_is(0.56, -1, false));
    assert_false(similar_is(0.55, -1, true));
    assert_false(similar_is(0.55, 0.39, true));
    assert_false(similar_is(0.55, 0.9, false));
    assert_true(similar_is(0.40, 0.40, true));
    assert_false(similar_is(0.39, 1.0, true));
}

static void words_that_say_nothing_are_sorted(void **state)
{
    static const char *const words[] = {
#include "catalog/similar_words.inc"
    };
    (void)state;
    for (size_t i = 1; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i - 1], words[i]) >= 0)
            fail_msg("%s stands before %s", words[i - 1], words[i]);
}

/* ---- in the catalog ---- */

static struct project_row project(struct fixture *f, const char *code, const char *language, const char *summary,
                                  const char *organisation, const char *data)
{
    struct err e = {0};
    struct project_row p;
    bool existed;
    AUTO_FREE char *text =
        mem_printf("{\"title\": {\"%s\": \"-\"}, \"summary\": {\"%s\": \"%s\"}, \"organisation\": \"%s\", "
                   "\"family\": \"analysis_prediction\", \"data\": {\"%s\": \"%s\"}}",
                   language, language, summary, organisation, language, data);
    AUTO_JSON struct json *v = json_parse(text, strlen(text), NULL, &e);
    if (!v)
        fail_msg("%s: %s", text, e.message);
    const struct project_new n = {.code = code, .answers = v, .actor = fx_actor, .at_us = 10};
    OK(cat_project_create(f->db, f->a, &n, &p, &existed, &e), e);
    return p;
}

static void the_finder_names_those_of_the_same_language_best_first(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct project_similar *all;
    size_t count;
    bool changed;
    project(f, "near", "fr", same[0].y, "CISSS", "Registre des arrivées");
    project(f, "copy", "fr", same[0].x, "CHU", "Registre des arrivées à l’urgence");
    project(f, "stay", "fr", other[0].y, "CHU", "Dossiers");
    project(f, "english", "en", same[3].x, "MESS", "Pages");
    struct project_row p = project(f, "mine", "fr", same[0].x, "CHU", "Registre des arrivées");
    OK(cat_similar_find(f->db, f->a, &p, &all, &count, &e), e);
    assert_int_equal(count, 2);
    assert_string_equal(all[0].project.code, "copy");
    assert_true(all[0].text == 1.0 && all[0].same_organisation && all[0].same_family && all[0].data > 0.8);
    assert_string_equal(all[1].project.code, "near");
    assert_true(!all[1].same_organisation && all[1].data == 1.0);
    /* A changed summary is compared as it is now. */
    static const char changed_text[] = "{\"summary\": {\"fr\": \"Autre chose\"}}";
    AUTO_JSON struct json *set = json_parse(changed_text, strlen(changed_text), NULL, &e);
    const struct project_edit c = {.code = "near", .version = 1, .set = set, .actor = fx_actor, .at_us = 30};
    struct project_row near;
    OK(cat_project_edit(f->db, f->a, &c, &near, &changed, &e), e);
    OK(cat_similar_find(f->db, f->a, &p, &all, &count, &e), e);
    assert_int_equal(count, 1);
}

static void many_projects_that_share_words_stay_bounded(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct project_similar *all;
    size_t count;
    char code[20];
    struct project_row p = {0};
    for (int i = 0; i < SIMILAR_MAX + 5; i++) {
        snprintf(code, sizeof code, "p%02d", i);
        p = project(f, code, "fr", same[0].x, "CHU", "Registre");
    }
    OK(cat_similar_find(f->db, f->a, &p, &all, &count, &e), e);
    assert_int_equal(count, SIMILAR_MAX);
    assert_string_equal(all[0].project.code, "p00");
}

#define T(test) cmocka_unit_test_setup_teardown(test, fx_setup, fx_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_same_summaries_are_told_from_others_of_the_same_trade),
        cmocka_unit_test(accents_capitals_and_little_words_make_no_difference),
        cmocka_unit_test(the_rule_wants_more_than_a_common_family),
        cmocka_unit_test(words_that_say_nothing_are_sorted),
        T(the_finder_names_those_of_the_same_language_best_first),
        T(many_projects_that_share_words_stay_bounded),
    };
    return cmocka_run_group_tests_name("similar", tests, NULL, NULL);
}
