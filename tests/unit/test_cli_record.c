/* test_cli_record.c - answers to a form from options and from the editor's text, and how records are shown. */
#include "tests/unit/unit.h"

#include "api/cli/record.h"
#include "api/common/mem.h"

static const char form_text[] =
    "{\"form\": \"f\", \"version\": 1, \"title\": {\"fr\": \"Fiche\", \"en\": \"Form\"}, \"fields\": ["
    "{\"name\": \"title\", \"type\": \"text\", \"required\": \"always\", \"label\": {\"fr\": \"Titre\", \"en\": \"Title\"},"
    " \"bilingual\": true, \"max_length\": 200},"
    "{\"name\": \"notes\", \"type\": \"markdown\", \"required\": \"never\", \"label\": {\"fr\": \"Notes\", \"en\": \"Notes\"}},"
    "{\"name\": \"family\", \"type\": \"choice\", \"required\": \"complete\", \"label\": {\"fr\": \"Famille\", \"en\": \"Family\"},"
    " \"choices\": [{\"value\": \"a\", \"label\": {\"fr\": \"Alpha (fr)\", \"en\": \"Alpha (en)\"}}]},"
    "{\"name\": \"links\", \"type\": \"url\", \"required\": \"never\", \"label\": {\"fr\": \"Liens\", \"en\": \"Links\"}, \"many\": true},"
    "{\"name\": \"share\", \"type\": \"number\", \"required\": \"never\", \"label\": {\"fr\": \"Part\", \"en\": \"Share\"}, \"unit\": \"%\"},"
    "{\"name\": \"open\", \"type\": \"boolean\", \"required\": \"never\", \"label\": {\"fr\": \"Ouvert\", \"en\": \"Open\"}},"
    "{\"name\": \"secret\", \"type\": \"text\", \"required\": \"never\", \"label\": {\"fr\": \"Secret\", \"en\": \"Secret\"}}]}";

struct fixture {
    struct json *form;
    struct arena *a;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct err e = {0};
    f.form = json_parse(form_text, strlen(form_text), NULL, &e);
    assert_non_null(f.form);
    f.a = arena_new();
    say_in(LANG_EN);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    json_free(f->form);
    arena_free(f->a);
    return 0;
}

/* What options say, as the JSON for the lab; NULL with *e set when they are refused. */
static const char *set_of(struct fixture *f, struct err *e, int argc, char **argv)
{
    static const struct opt options[] = {{"set", 0, T_A_TEXT, T_O_SET, true},
                                         {"file", 0, T_A_PATH, T_O_ANSWERS_FILE, false},
                                         {"title", 0, T_A_TEXT, T_O_TITLE, false},
                                         {"link", 0, T_A_TEXT, T_O_TITLE, true},
                                         {0}};
    AUTO_ARGS struct args *args = args_new();
    AUTO_BUF struct buf set = BUF_INIT(1 << 16);
    const char *reason = NULL;
    bool any;
    *e = (struct err){0};
    OK(args_parse(args, options, NULL, argc, argv, ARGS_ANYWHERE, e), *e);
    if (record_read_options(f->form, args, f->a, &set, &any, &reason, e) < 0)
        return NULL;
    assert_true(any == (argc > 0));
    return arena_strdup(f->a, buf_cstr(&set));
}
#define SET(...)                                                                                   \
    set_of(f, &e, (int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)), (char *[]){__VA_ARGS__})

static void options_become_answers_of_their_type(void **state)
{
    struct fixture *f = *state;
    struct err e;
    assert_string_equal(set_of(f, &e, 0, NULL), "{}");
    assert_string_equal(SET("--set", "title.fr=A=b"), "{\"title\":{\"fr\":\"A=b\"}}");
    assert_string_equal(SET("--title", "T"), "{\"title\":{\"en\":\"T\"}}"); /* in the reader's language */
    say_in(LANG_FR);
    assert_string_equal(SET("--title", "T"), "{\"title\":{\"fr\":\"T\"}}");
    assert_string_equal(SET("--set", "title.fr=", "--set", "title.en=E"), "{\"title\":{\"fr\":null,\"en\":\"E\"}}");
    assert_string_equal(SET("--set", "links=x", "--set", "links=y", "--link", "z"), "{\"links\":[\"x\",\"y\",\"z\"]}");
    assert_string_equal(SET("--set", "links="), "{\"links\":[]}");
    assert_string_equal(SET("--set", "share=12,5"), "{\"share\":12.5}");
    assert_string_equal(SET("--set", "open=oui"), "{\"open\":true}");
    assert_string_equal(SET("--set", "family=a", "--set", "notes="), "{\"notes\":null,\"family\":\"a\"}");
}

static void options_that_say_nothing_sensible_are_refused(void **state)
{
    static const char *const bad[] = {"nothing=1", "title", "=x", "title.de=x", "family.fr=a", "share=many", "share=0x10", "open=maybe"};
    struct fixture *f = *state;
    struct err e;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(SET("--set", (char *)(uintptr_t)bad[i]));
        assert_int_equal(e.kind, E_INVALID);
    }
    assert_null(SET("--set", "nothing=1"));
    HAS(e.message, "title notes family");
    assert_null(SET("--title", "x", "--file", "y"));
}

static const char answers_text[] =
    "{\"answers\": {\"title\": {\"fr\": \"Un titre\", \"en\": \"A title\"}, \"notes\": \"one\\n[title.fr]\\n// two\\n\\\\[x]\\n\\\\\\\\y\\n\\n\\\\z\","
    " \"family\": \"a\", \"links\": [\"https://a.ca/\", \"https://b.ca/\"], \"share\": 12.5, \"open\": false},"
    " \"withheld\": [\"secret\"], \"missing\": [{\"field\": \"family\", \"language\": null}, {\"field\": \"title\", \"language\": \"en\"}]}";

static void the_text_of_the_editor_reads_back_as_it_was_in_both_languages(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    AUTO_JSON struct json *record = json_parse(answers_text, strlen(answers_text), NULL, &e);
    for (int l = 0; l < LANG_COUNT; l++) {
        AUTO_BUF struct buf text = BUF_INIT(1 << 16), set = BUF_INIT(1 << 16), want = BUF_INIT(1 << 16), got = BUF_INIT(1 << 16);
        const char *reason = NULL;
        say_in((enum lang)l);
        record_write_text(f->form, record, "Fiche x, version 1", true, &text);
        assert_null(strstr(buf_cstr(&text), "[secret]")); /* what one does not see is not taken away */
        OK(record_read_text(f->form, buf_cstr(&text), "x", f->a, &set, &reason, &e), e);
        AUTO_JSON struct json *back = json_parse(set.data, set.len, NULL, &e);
        json_print(json_get(record, "answers"), true, &want);
        json_print(back, true, &got);
        assert_string_equal(buf_cstr(&got), buf_cstr(&want));
        assert_null(reason);
    }
}

static void an_empty_answer_takes_it_away_and_a_reason_is_read(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    AUTO_BUF struct buf set = BUF_INIT(1 << 16);
    const char *reason = NULL;
    OK(record_read_text(f->form, "// [notes]\n[title.en]\n  A  \r\n[links]\n\nhttps://a.ca/ \n\n[share]\n[reason]\n because\n", "x", f->a, &set,
                        &reason, &e),
       e);
    assert_string_equal(buf_cstr(&set), "{\"title\":{\"en\":\"A\"},\"links\":[\"https://a.ca/\"],\"share\":null}");
    assert_string_equal(reason, "because");
    buf_clear(&set);
    FAILS(record_read_text(f->form, "// x\n\nlost\n[notes]\n", "name", f->a, &set, &reason, &e), e, E_INVALID);
    HAS(e.message, "name, line 3");
    FAILS(record_read_text(f->form, "[title.de]\n", "name", f->a, &set, &reason, &e), e, E_INVALID);
}

static void a_record_is_shown_with_labels_of_the_readers_language(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    AUTO_JSON struct json *record = json_parse(answers_text, strlen(answers_text), NULL, &e);
    AUTO_TABLE struct table *t = table_new(record_fact_columns, 2);
    AUTO_BUF struct buf out = BUF_INIT(1 << 16);
    const struct term term = {.width = 80};
    say_in(LANG_FR);
    record_add_answers(f->form, record, t, &term, &out);
    HAS(buf_cstr(&out), "  titre (fr)  Un titre\n  titre (en)  A title\n  famille     Alpha (fr)\n");
    HAS(buf_cstr(&out), "https://a.ca/, https://b.ca/");
    HAS(buf_cstr(&out), "12,5" NBSP "%");
    HAS(buf_cstr(&out), "Il manque encore" NBSP ": famille, titre (en).");
    HAS(buf_cstr(&out), "(ne vous est pas montré)");
    HAS(buf_cstr(&out), "\n  notes\n    one\n    [title.fr]\n");
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(options_become_answers_of_their_type),
        T(options_that_say_nothing_sensible_are_refused),
        T(the_text_of_the_editor_reads_back_as_it_was_in_both_languages),
        T(an_empty_answer_takes_it_away_and_a_reason_is_read),
        T(a_record_is_shown_with_labels_of_the_readers_language),
    };
    return cmocka_run_group_tests_name("cli_record", tests, NULL, NULL);
}
