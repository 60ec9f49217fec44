/* test_records.c - forms and the versioned records that answer them. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/form.h"
#include "catalog/record.h"

static int parsed(const char *fields, struct form **out, struct err *e)
{
    AUTO_FREE char *text = mem_printf("// a comment\n{\"form\": \"f\", \"version\": 1, \"title\": \"F\", "
                                      "\"title_fr\": \"F\", \"fields\": [%s],}",
                                      fields);
    return form_parse("f", text, strlen(text), out, e);
}

#define L "\"label\": \"A\", \"label_fr\": \"A\""

static void embedded_forms_are_whole_and_bilingual(void **state)
{
    struct err e = {0};
    const struct form *f;
    size_t i = 0;
    (void)state;
    OK(forms_load(&e), e);
    for (; (f = form_at(i)); i++) {
        assert_ptr_equal(form_find(f->name), f);
        for (size_t k = 0; k < f->field_count; k++) {
            const struct field *d = &f->fields[k];
            /* A text that was copied from one language to the other was not translated. */
            if (strlen(d->label.en) > 12 && strcmp(d->label.en, d->label.fr) == 0)
                fail_msg("%s.%s: the same label in both languages", f->name, d->name);
            assert_true((d->help.en == NULL) == (d->help.fr == NULL));
        }
    }
    assert_int_equal(i, form_source_count);
    assert_true(i >= 3);
    assert_null(form_find("nothing"));
}

static void a_form_that_is_wrong_is_refused_by_name(void **state)
{
    static const struct {
        const char *fields, *told;
    } cases[] = {
        {"", "asks nothing"},
        {"{\"name\": \"a\", \"type\": \"text\", \"label\": \"A\"}", "label_fr"},
        {"{\"name\": \"a\", \"type\": \"txt\", " L "}", "no type txt"},
        {"{\"name\": \"A b\", \"type\": \"text\", " L "}", "no name for a field"},
        {"{\"name\": \"a\", \"type\": \"text\", " L ", \"help\": \"x\"}", "help_fr"},
        {"{\"name\": \"a\", \"type\": \"text\", " L ", \"required\": \"yes\"}", "required cannot"},
        {"{\"name\": \"a\", \"type\": \"choice\", " L "}", "two choices"},
        {"{\"name\": \"a\", \"type\": \"choice\", " L ", \"choices\": [{\"value\": \"x\", " L
         "}, {\"value\": \"x\", " L "}]}",
         "stands twice"},
        {"{\"name\": \"a\", \"type\": \"ref\", " L ", \"ref\": \"person\"}", "what it names"},
        {"{\"name\": \"a\", \"type\": \"number\", " L ", \"bilingual\": true}", "means nothing"},
        {"{\"name\": \"a\", \"type\": \"text\", " L ", \"bilingual\": true, \"many\": true}", "one of the two"},
        {"{\"name\": \"a\", \"type\": \"text\", " L "}, {\"name\": \"a\", \"type\": \"date\", " L "}", "twice"},
        {"{\"name\": \"a\", \"type\": \"text\", " L ", \"colour\": 1}", "colour"},
        {"{\"name\": \"a\", \"type\": \"number\", " L ", \"min\": 5, \"max\": 4}", "max"},
    };
    struct form *f = NULL;
    struct err e;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        FAILS(parsed(cases[i].fields, &f, &e), e, E_INVALID);
        if (!strstr(e.message, cases[i].told) && !strstr(e.field, cases[i].told))
            fail_msg("%s: \"%s\" does not tell \"%s\"", cases[i].fields, e.message, cases[i].told);
    }
    static const char other[] = "{\"form\": \"f\", \"version\": 1, \"title\": \"F\", \"title_fr\": \"F\", \"fields\": "
                                "[{\"name\": \"a\", \"type\": \"text\", " L "}]}";
    FAILS(form_parse("g", other, strlen(other), &f, &e), e, E_INVALID);
    HAS(e.message, "calls itself f");
}

static const char all_types[] =
    "{\"name\": \"line\", \"type\": \"text\", \"max_length\": 5, " L "},"
    "{\"name\": \"both\", \"type\": \"text\", \"bilingual\": true, \"required\": \"complete\", " L "},"
    "{\"name\": \"lines\", \"type\": \"markdown\", " L "},"
    "{\"name\": \"one\", \"type\": \"choice\", \"required\": \"complete\", " L ", \"choices\": [{\"value\": \"x\", " L "}, {\"value\": \"y\", " L "}]},"
    "{\"name\": \"some\", \"type\": \"multi\", " L ", \"choices\": [{\"value\": \"x\", " L "}, {\"value\": \"y\", " L "}]},"
    "{\"name\": \"day\", \"type\": \"date\", " L "},"
    "{\"name\": \"count\", \"type\": \"number\", \"integer\": true, \"min\": 0, \"max\": 9, " L "},"
    "{\"name\": \"data\", \"type\": \"ref\", \"ref\": \"dataset_version\", " L "},"
    "{\"name\": \"exp\", \"type\": \"ref\", \"ref\": \"experiment\", \"many\": true, \"max_count\": 2, " L "},"
    "{\"name\": \"page\", \"type\": \"url\", " L "},"
    "{\"name\": \"yes\", \"type\": \"boolean\", " L "}";

static int answer(const struct form *f, const char *text, struct err *e)
{
    AUTO_JSON struct json *v = json_parse(text, strlen(text), NULL, e);
    return v ? form_check(f, v, e) : -1;
}

static void answers_are_checked_by_type_and_bounds(void **state)
{
    static const char *const good[] = {
        "{}", "{\"line\": \"\xc3\xa9t\xc3\xa9s!\"}", "{\"line\": null}", "{\"both\": {\"fr\": \"a\", \"en\": null}}",
        "{\"lines\": \"a\\n\\tb\"}", "{\"one\": \"y\"}", "{\"some\": [\"x\", \"y\"]}", "{\"some\": []}",
        "{\"day\": \"2024-02-29\"}", "{\"count\": 0}", "{\"data\": \"X@1\"}", "{\"exp\": [\"p/e\"]}",
        "{\"page\": \"https://www.quebec.ca/a?b=c@d\"}", "{\"page\": \"https://x.ca/@y\"}", "{\"yes\": false}"};
    static const struct {
        const char *text, *field;
    } bad[] = {
        {"{\"nothing\": 1}", "nothing"}, {"{\"line\": 1}", "line"}, {"{\"line\": \"  \"}", "line"},
        {"{\"line\": \"123456\"}", "line"}, {"{\"line\": \"a\\nb\"}", "line"}, {"{\"both\": \"a\"}", "both"},
        {"{\"both\": {\"de\": \"a\"}}", "both"}, {"{\"both\": {\"fr\": 3}}", "both.fr"},
        {"{\"lines\": \"a\\u0007\"}", "lines"}, {"{\"one\": \"z\"}", "one"}, {"{\"some\": \"x\"}", "some"},
        {"{\"some\": [\"x\", \"x\"]}", "some[1]"}, {"{\"some\": [\"z\"]}", "some[0]"}, {"{\"some\": [null]}", "some[0]"},
        {"{\"day\": \"2023-02-29\"}", "day"}, {"{\"day\": \"24-11-2026\"}", "day"}, {"{\"day\": \"2026-11-31\"}", "day"},
        {"{\"count\": 1.5}", "count"}, {"{\"count\": 10}", "count"}, {"{\"count\": \"1\"}", "count"},
        {"{\"data\": \"X\"}", "data"}, {"{\"data\": \"../x@1\"}", "data"}, {"{\"exp\": [\"p\"]}", "exp[0]"},
        {"{\"exp\": [\"p/a\", \"p/b\", \"p/c\"]}", "exp"}, {"{\"page\": \"ftp://x\"}", "page"},
        {"{\"page\": \"https://me:secret@x.ca/\"}", "page"}, {"{\"page\": \"javascript:alert(1)\"}", "page"},
        {"{\"yes\": \"true\"}", "yes"}, {"[]", "answers"}};
    struct form *f = NULL;
    struct err e = {0};
    (void)state;
    OK(parsed(all_types, &f, &e), e);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (answer(f, good[i], &e) != 0)
            fail_msg("%s: %s", good[i], e.message);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        FAILS(answer(f, bad[i].text, &e), e, E_INVALID);
        if (strcmp(e.field, bad[i].field) != 0)
            fail_msg("%s: field %s (%s)", bad[i].text, e.field, e.message);
    }
    form_free(f);
}

static void tell(void *ctx, const struct field *field, const char *language)
{
    strcat(ctx, field->name);
    strcat(ctx, language ? "." : "");
    strcat(ctx, language ? language : "");
    strcat(ctx, " ");
}

static void what_is_missing_is_listed(void **state)
{
    static const struct {
        const char *text, *missing;
    } cases[] = {{"{}", "both one "},
                 {"{\"both\": {\"fr\": \"a\"}, \"one\": \"x\"}", "both.en "},
                 {"{\"both\": {\"fr\": \"a\", \"en\": \"b\"}, \"one\": \"x\"}", ""}};
    struct form *f = NULL;
    struct err e = {0};
    (void)state;
    OK(parsed(all_types, &f, &e), e);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char missing[100] = "";
        AUTO_JSON struct json *v = json_parse(cases[i].text, strlen(cases[i].text), NULL, &e);
        form_missing(f, v, tell, missing);
        assert_string_equal(missing, cases[i].missing);
    }
    form_free(f);
}

/* ---- records ---- */

static int change(struct fixture *f, int64_t version, const char *set, struct record_row *out, bool *changed,
                  struct err *e)
{
    AUTO_JSON struct json *v = json_parse(set, strlen(set), NULL, e);
    assert_non_null(v);
    const struct record_change c = {.form = "project", .subject = "urgences", .version = version, .set = v,
                                    .reason = version ? "a reason" : NULL, .action = version ? "project.changed" : "project.created",
                                    .actor = fx_actor, .at_us = 100 + version};
    return cat_record_change(f->db, f->a, &c, out, changed, e);
}

#define FIRST "{\"title\": {\"fr\": \"Urgences\"}, \"organisation\": \"CHU\", \"links\": [\"https://a.ca/\"]}"

static void every_version_is_kept_and_tells_what_changed(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct record_row r, *all;
    size_t count;
    bool changed;
    OK(change(f, 0, FIRST, &r, &changed, &e), e);
    assert_true(changed && r.version == 1 && r.latest == 1);
    assert_string_equal(r.changed, "[\"title\",\"organisation\",\"links\"]");
    /* A language is changed by itself, null takes away, what is left out stays. */
    OK(change(f, 1, "{\"title\": {\"en\": \"Emergency\"}, \"links\": null}", &r, &changed, &e), e);
    assert_true(changed && r.version == 2);
    assert_string_equal(r.answers, "{\"organisation\":\"CHU\",\"title\":{\"en\":\"Emergency\",\"fr\":\"Urgences\"}}");
    assert_string_equal(r.changed, "[\"title\",\"links\"]");
    assert_string_equal(r.reason, "a reason");
    assert_string_equal(r.actor.name, "marie");
    assert_true(r.first_us == 100 && r.created_us == 101);
    /* What changes nothing makes neither version nor entry. */
    int64_t entries = fx_count(f->db, "audit");
    OK(change(f, 2, "{\"organisation\": \"CHU\", \"notes\": null, \"links\": []}", &r, &changed, &e), e);
    assert_true(!changed && r.version == 2);
    assert_true(fx_count(f->db, "audit") == entries && entries == 2);
    OK(cat_record_history(f->db, f->a, r.id, 0, 10, &all, &count, &e), e);
    assert_int_equal(count, 2);
    assert_true(all[0].version == 2 && all[1].version == 1 && all[1].latest == 2);
    OK(cat_record_history(f->db, f->a, r.id, 2, 10, &all, &count, &e), e);
    assert_true(count == 1 && all[0].version == 1);
    OK(cat_record_get(f->db, f->a, "project", "urgences", 1, &r, &e), e);
    assert_non_null(strstr(r.answers, "https://a.ca/"));
    FAILS(cat_record_get(f->db, f->a, "project", "urgences", 3, &r, &e), e, E_NOT_FOUND);
    FAILS(cat_record_get(f->db, f->a, "lesson", "urgences", 0, &r, &e), e, E_NOT_FOUND);
    FAILS(cat_exec(f->db, "UPDATE record_version SET answers = '{}'", &e), e, E_CONFLICT);
    FAILS(cat_exec(f->db, "DELETE FROM record_version", &e), e, E_CONFLICT);
}

static void a_change_from_an_old_version_is_refused_and_tells_both(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct record_row r;
    bool changed;
    FAILS(change(f, 1, FIRST, &r, &changed, &e), e, E_NOT_FOUND);
    e = (struct err){0};
    OK(change(f, 0, FIRST, &r, &changed, &e), e);
    OK(change(f, 1, "{\"notes\": \"x\"}", &r, &changed, &e), e);
    FAILS(change(f, 1, "{\"notes\": \"y\"}", &r, &changed, &e), e, E_CONFLICT);
    HAS(e.message, "version 2, written by marie");
    HAS(e.message, "from version 1");
    FAILS(change(f, 0, FIRST, &r, &changed, &e), e, E_CONFLICT);
    FAILS(change(f, 7, "{\"notes\": \"y\"}", &r, &changed, &e), e, E_CONFLICT);
    assert_true(fx_count(f->db, "record_version") == 2);
}

static void what_is_always_required_cannot_be_left_out_or_taken_away(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct record_row r;
    bool changed;
    FAILS(change(f, 0, "{\"title\": {\"fr\": \"a\"}}", &r, &changed, &e), e, E_INVALID);
    assert_string_equal(e.field, "organisation");
    FAILS(change(f, 0, "{\"title\": {\"fr\": null}, \"organisation\": \"x\"}", &r, &changed, &e), e, E_INVALID);
    assert_string_equal(e.field, "title");
    e = (struct err){0};
    OK(change(f, 0, FIRST, &r, &changed, &e), e);
    FAILS(change(f, 1, "{\"title\": {\"fr\": null}}", &r, &changed, &e), e, E_INVALID);
    FAILS(change(f, 1, "{\"organisation\": null}", &r, &changed, &e), e, E_INVALID);
    FAILS(change(f, 1, "{\"family\": \"art\"}", &r, &changed, &e), e, E_INVALID);
    assert_true(fx_count(f->db, "record_version") == 1 && fx_count(f->db, "audit") == 1 &&
                fx_count(f->db, "change") == 1);
}

static void answers_to_fields_that_the_form_has_no_more_are_kept(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct record_row r;
    bool changed;
    OK(change(f, 0, FIRST, &r, &changed, &e), e);
    OK(cat_exec(f->db, "DROP TRIGGER record_version_no_update", &e), e);
    OK(cat_exec(f->db, "UPDATE record_version SET answers = json_set(answers, '$.former', 'kept')", &e), e);
    OK(change(f, 1, "{\"notes\": \"x\"}", &r, &changed, &e), e);
    HAS(r.answers, "\"former\":\"kept\"");
    FAILS(change(f, 2, "{\"former\": \"y\"}", &r, &changed, &e), e, E_INVALID);
}

static void a_version_prints_its_differences_by_language(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct record_row r, *all;
    size_t count;
    bool changed;
    OK(change(f, 0, FIRST, &r, &changed, &e), e);
    OK(change(f, 1, "{\"title\": {\"en\": \"Emergency\"}, \"organisation\": \"CISSS\"}", &r, &changed, &e), e);
    OK(cat_record_history(f->db, f->a, r.id, 0, 10, &all, &count, &e), e);
    AUTO_BUF struct buf out = BUF_INIT(1 << 16);
    struct jw w = jw_to(&out);
    OK(record_print_version(&all[0], &all[1], false, &w, &e), e);
    HAS(buf_cstr(&out), "{\"field\":\"title\",\"language\":\"en\",\"before\":null,\"after\":\"Emergency\"}");
    HAS(buf_cstr(&out), "{\"field\":\"organisation\",\"language\":null,\"before\":\"CHU\",\"after\":\"CISSS\"}");
    assert_null(strstr(buf_cstr(&out), "links"));
    buf_clear(&out);
    w = jw_to(&out);
    jw_obj(&w);
    OK(record_print(&r, false, &w, &e), e);
    jw_end_obj(&w);
    HAS(buf_cstr(&out), "\"missing\":[{\"field\":\"summary\",\"language\":null}");
    AUTO_BUF struct buf words = BUF_INIT(1 << 16);
    OK(record_words(r.form, r.answers, "en", &words, &e), e);
    assert_string_equal(buf_cstr(&words), "Emergency\nCISSS\nhttps://a.ca/\n");
}

static void sensitive_answers_are_withheld_and_never_in_the_words(void **state)
{
    struct err e = {0};
    struct form *form = NULL;
    (void)state;
    OK(parsed("{\"name\": \"a\", \"type\": \"text\", \"sensitive\": true, " L "},"
              "{\"name\": \"b\", \"type\": \"text\", " L "}", &form, &e), e);
    const struct record_row r = {.form = form, .subject = "x", .version = 1, .latest = 1, .answers = "{\"a\":\"secret\",\"b\":\"open\"}",
                                 .changed = "[]", .actor = fx_actor};
    for (int sensitive = 0; sensitive < 2; sensitive++) {
        AUTO_BUF struct buf out = BUF_INIT(1 << 16);
        struct jw w = jw_to(&out);
        jw_obj(&w);
        OK(record_print(&r, sensitive, &w, &e), e);
        jw_key(&w, "history");
        OK(record_print_version(&r, NULL, sensitive, &w, &e), e);
        jw_end_obj(&w);
        HAS(buf_cstr(&out), "open");
        assert_true((strstr(buf_cstr(&out), "secret") != NULL) == (sensitive == 1));
        assert_true((strstr(buf_cstr(&out), "\"withheld\":[\"a\"]") != NULL) == (sensitive == 0));
    }
    AUTO_BUF struct buf words = BUF_INIT(1 << 16);
    OK(record_words(form, r.answers, "fr", &words, &e), e);
    assert_string_equal(buf_cstr(&words), "open\n");
    form_free(form);
}

static void answers_have_a_bound(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct record_row r;
    bool changed;
    AUTO_FREE char *notes = mem_alloc(10002);
    memset(notes, 'x', 10001);
    AUTO_FREE char *set = mem_printf("{\"title\": {\"fr\": \"a\"}, \"organisation\": \"o\", \"notes\": \"%s\"}", notes);
    FAILS(change(f, 0, set, &r, &changed, &e), e, E_INVALID);
    HAS(e.message, "10001 characters, more than 10000");
}

#define T(test) cmocka_unit_test_setup_teardown(test, fx_setup, fx_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embedded_forms_are_whole_and_bilingual),
        cmocka_unit_test(a_form_that_is_wrong_is_refused_by_name),
        cmocka_unit_test(answers_are_checked_by_type_and_bounds),
        cmocka_unit_test(what_is_missing_is_listed),
        cmocka_unit_test(sensitive_answers_are_withheld_and_never_in_the_words),
        T(every_version_is_kept_and_tells_what_changed),
        T(a_change_from_an_old_version_is_refused_and_tells_both),
        T(what_is_always_required_cannot_be_left_out_or_taken_away),
        T(answers_to_fields_that_the_form_has_no_more_are_kept),
        T(a_version_prints_its_differences_by_language),
        T(answers_have_a_bound),
    };
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
