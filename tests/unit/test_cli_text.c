/* test_cli_text.c - the CLI's texts in both languages, quantities, tables, wrapping, safe logs. */
#include "tests/unit/unit.h"

#include "api/cli/command.h"
#include "api/cli/human.h"
#include "api/cli/logout.h"
#include "api/cli/say.h"
#include "api/cli/table.h"
#include "api/common/mem.h"
#include <locale.h>
#include <math.h>

static const char *const names[TEXT_COUNT] = {
    [T_NONE] = "T_NONE",
#define X(id, en, fr) [id] = #id,
#include "api/cli/texts.def"
#undef X
};

static int in_english(void **state)
{
    (void)state;
    say_in(LANG_EN);
    return 0;
}

/* Which of {1}..{9} a text holds, as bits. */
static unsigned holes(const char *s)
{
    unsigned found = 0;

    for (; *s; s++)
        if (s[0] == '{' && s[1] >= '1' && s[1] <= '9' && s[2] == '}')
            found |= 1u << (s[1] - '0');
    return found;
}

static void test_every_text_is_in_both_languages_with_the_same_arguments(void **state)
{
    (void)state;
    for (int id = 1; id < TEXT_COUNT; id++) {
        const char *en = tr_in(LANG_EN, (enum text_id)id), *fr = tr_in(LANG_FR, (enum text_id)id);
        if (!en || !*en || !fr || !*fr)
            fail_msg("%s lacks a language", names[id]);
        if (holes(en) != holes(fr))
            fail_msg("%s: not the same arguments", names[id]);
    }
}

static void test_french_typography_is_quebecs(void **state)
{
    (void)state;
    for (int id = 1; id < TEXT_COUNT; id++) {
        const char *fr = tr_in(LANG_FR, (enum text_id)id);
        for (const char *p = fr; *p; p++) {
            bool letter_after = (p[1] >= 'a' && p[1] <= 'z') || (unsigned char)p[1] >= 0xc3;
            if (*p == '\'' && p > fr && p[-1] >= 'a' && p[-1] <= 'z' && letter_after)
                fail_msg("%s: straight apostrophe", names[id]);
            if (*p == ' ' && (p[1] == ';' || p[1] == '!' || p[1] == '?'))
                fail_msg("%s: space before ; ! or ?", names[id]);
            if (*p == ' ' && (p[1] == ':' || p[1] == '%') && p[2] == ' ')
                fail_msg("%s: breaking space before : or %%", names[id]);
        }
        if (strstr(fr, "« ") || strstr(fr, " »"))
            fail_msg("%s: breaking space inside « »", names[id]);
    }
}

static void test_the_locale_chooses_the_language(void **state)
{
    (void)state;
    unsetenv("LC_ALL");
    unsetenv("LC_MESSAGES");
    setenv("LANG", "fr_CA.UTF-8", 1);
    assert_int_equal(say_lang_of_env(), LANG_FR);
    setenv("LC_MESSAGES", "en_CA.UTF-8", 1);
    assert_int_equal(say_lang_of_env(), LANG_EN);
    setenv("LC_ALL", "fr", 1);
    assert_int_equal(say_lang_of_env(), LANG_FR);
    setenv("LC_ALL", "C", 1);
    assert_int_equal(say_lang_of_env(), LANG_EN);
    unsetenv("LC_ALL");
    unsetenv("LC_MESSAGES");
    unsetenv("LANG");
}

static void test_plural_of_each_language(void **state)
{
    (void)state;
    assert_int_equal(tr_plural(0, T_YES, T_NO), T_NO);
    assert_int_equal(tr_plural(1, T_YES, T_NO), T_YES);
    say_in(LANG_FR);
    assert_int_equal(tr_plural(0, T_YES, T_NO), T_YES);
    assert_int_equal(tr_plural(2, T_YES, T_NO), T_NO);
}

#define SHOWS(call, en, fr)                                                                        \
    do {                                                                                           \
        for (int in = 0; in < 2; in++) {                                                           \
            struct buf out = BUF_INIT(256);                                                        \
            say_in(in ? LANG_FR : LANG_EN);                                                        \
            call;                                                                                  \
            assert_string_equal(buf_cstr(&out), in ? (fr) : (en));                                 \
            buf_fini(&out);                                                                        \
        }                                                                                          \
    } while (0)

static void test_quantities_as_people_read_them(void **state)
{
    (void)state;
    SHOWS(human_size(&out, 0), "0 B", "0" NBSP "o");
    SHOWS(human_size(&out, 1023), "1023 B", "1023" NBSP "o");
    SHOWS(human_size(&out, 1024), "1 KiB", "1" NBSP "Kio");
    SHOWS(human_size(&out, 1288490), "1.2 MiB", "1,2" NBSP "Mio");
    SHOWS(human_size(&out, 150000000), "143 MiB", "143" NBSP "Mio");
    SHOWS(human_size(&out, (1 << 20) - 1), "1 MiB", "1" NBSP "Mio");
    SHOWS(human_size(&out, UINT64_MAX), "16384 PiB", "16384" NBSP "Pio");
    SHOWS(human_duration(&out, 850), "850 ms", "850" NBSP "ms");
    SHOWS(human_duration(&out, 12400), "12.4 s", "12,4" NBSP "s");
    SHOWS(human_duration(&out, 10000), "10 s", "10" NBSP "s");
    SHOWS(human_duration(&out, 59960), "1 min", "1" NBSP "min");
    SHOWS(human_duration(&out, 192000), "3 min 12 s", "3" NBSP "min" NBSP "12" NBSP "s");
    SHOWS(human_duration(&out, 3600000), "1 h", "1" NBSP "h");
    SHOWS(human_duration(&out, 3900000), "1 h 05 min", "1" NBSP "h" NBSP "05" NBSP "min");
    SHOWS(human_number(&out, 0.9712345678), "0.971235", "0,971235");
    SHOWS(human_number(&out, 3), "3", "3");
    SHOWS(human_number(&out, 99999.5), "99999.5", "99999,5");
    SHOWS(human_number(&out, 1000000), "1,000,000", "1" NBSP "000" NBSP "000");
    SHOWS(human_number(&out, -1234567), "-1,234,567", "-1" NBSP "234" NBSP "567");
    SHOWS(human_number(&out, 123456.78), "123,456.8", "123" NBSP "456,8");
    SHOWS(human_number(&out, 1e300), "1e+300", "1e+300");
    SHOWS(human_number(&out, NAN), "nan", "nan");
    SHOWS(human_count(&out, 1234567), "1,234,567", "1" NBSP "234" NBSP "567");
    SHOWS(human_percent(&out, 96), "96%", "96" NBSP "%");
    SHOWS(human_cpus(&out, 500), "0.5", "0,5");
}

static void test_widths_count_columns_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(term_width_of("été"), 3);
    assert_int_equal(term_width_of("日本"), 4);
    assert_int_equal(term_width_of("e\xcc\x81"), 1);
    assert_int_equal(term_width_of("\xff\xfe"), 2);
    AUTO_BUF struct buf out = BUF_INIT(256);
    term_add_cut(&out, "réussie", 4);
    assert_string_equal(buf_cstr(&out), "réu…");
}

static void test_prose_wraps_and_keeps_examples(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT(1024);
    term_add_wrapped(&out, "un deux trois quatre\n  an example that is long\nfin", 2, 12, false);
    assert_string_equal(buf_cstr(&out),
                        "  un deux\n  trois\n  quatre\n    an example that is long\n  fin\n");
}

static const struct table_column columns[] = {
    {T_C_RUN, false, 0, 0},
    {T_C_NAME, false, 6, 1},
    {T_C_CPU, true, 0, 2},
};

static const char *table_at(unsigned width, struct buf *out)
{
    struct term term = {.width = width};
    AUTO_TABLE struct table *t = table_new(columns, 3);

    table_cell(t, STYLE_PLAIN, "r1");
    table_cell(t, STYLE_PLAIN, "expérience longue");
    table_cell(t, STYLE_PLAIN, "9 s");
    table_cell(t, STYLE_PLAIN, "r22");
    table_cell(t, STYLE_PLAIN, "b\033[1m");
    table_cell(t, STYLE_PLAIN, "12 s");
    buf_clear(out);
    table_add(out, t, &term, 0, false);
    return buf_cstr(out);
}

static void test_a_table_fits_its_terminal(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT(4096);
    assert_string_equal(table_at(0, &out), "RUN  NAME                CPU\n"
                                           "r1   expérience longue   9 s\n"
                                           "r22  b\\x1b[1m           12 s\n");
    assert_string_equal(table_at(20, &out), "RUN  NAME        CPU\n"
                                            "r1   expérien…   9 s\n"
                                            "r22  b\\x1b[1m   12 s\n");
    assert_string_equal(table_at(12, &out), "RUN  NAME\n"
                                            "r1   expéri…\n"
                                            "r22  b\\x1b[…\n");
    assert_string_equal(table_at(16, &out), "RUN  NAME\n"
                                            "r1   expérience…\n"
                                            "r22  b\\x1b[1m\n");
    assert_string_equal(table_at(8, &out), "RUN\nr1\nr22\n");
}

static void test_facts_wrap_instead_of_being_cut(void **state)
{
    (void)state;
    static const struct table_column facts[] = {{T_NONE, false, 0, 0}, {T_NONE, false, 10, 0}};
    struct term term = {.width = 24};
    AUTO_TABLE struct table *t = table_new(facts, 2);
    AUTO_BUF struct buf out = BUF_INIT(4096);

    table_cell(t, STYLE_DIM, "durée");
    table_cell(t, STYLE_PLAIN, "3 s");
    table_cell(t, STYLE_DIM, "motif");
    table_cell(t, STYLE_PLAIN, "le fichier a été trouvé modifié");
    table_add(&out, t, &term, 2, true);
    assert_string_equal(buf_cstr(&out), "  durée  3 s\n"
                                        "  motif  le fichier a\n"
                                        "         été trouvé\n"
                                        "         modifié\n");
}

static const char *logged(bool tty, const char *a, const char *b, struct buf *out)
{
    struct term term = {.fd = 1, .is_tty = tty};
    struct logout l;
    bool start = true;

    buf_clear(out);
    logout_init(&l, &term);
    logout_add(&l, a, strlen(a), out, &start);
    logout_add(&l, b, strlen(b), out, &start);
    logout_end(&l, out);
    return buf_cstr(out);
}

static void test_a_run_cannot_steer_the_terminal(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT(4096);
    assert_string_equal(logged(true, "\033]0;owned\007", "\n", &out), "\\x1b]0;owned\\x07\n");
    assert_string_equal(logged(true,
                               "\xc2\x9b"
                               "31m",
                               "", &out),
                        "\\xc2\\x9b31m");
    assert_string_equal(logged(true,
                               "a\xff"
                               "b",
                               "", &out),
                        "a\\xffb");
    assert_string_equal(logged(false, "\033[31m\xff\n", "", &out), "\033[31m\xff\n");
}

static void test_characters_cut_between_two_chunks_come_whole(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT(4096);
    assert_string_equal(logged(true, "\xc3", "\xa9t\xc3\xa9", &out), "été");
    assert_string_equal(logged(true, "\xe6\x97", "\xa5", &out), "日");
    assert_string_equal(logged(true, "\xe6\x97", "x", &out), "\\xe6\\x97x");
    assert_string_equal(logged(true, "\xe6", "", &out), "\\xe6");
}

static void test_progress_bars_start_their_line_over(void **state)
{
    (void)state;
    AUTO_BUF struct buf out = BUF_INIT(4096);
    assert_string_equal(logged(true, "10%\r20%", "\r\n", &out), "10%\r\033[K20%\n");
    assert_string_equal(logged(true, "10%\r", "\ndone\n", &out), "10%\ndone\n");
}

/* ---- help, against golden files ---- */

static void compare(const char *name, const char *text)
{
    char path[256];
    const char *mode = getenv("ENCLOS_GOLDEN");

    snprintf(path, sizeof path, "tests/unit/golden/cli/%s", name);
    if (mode && strcmp(mode, "rewrite") == 0) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(text, f);
        fclose(f);
        return;
    }
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("%s is missing: run from the repository's root, or ENCLOS_GOLDEN=rewrite", path);
    char golden[32768] = "";
    size_t n = fread(golden, 1, sizeof golden - 1, f);
    fclose(f);
    golden[n] = '\0';
    assert_string_equal(text, golden);
}

static void test_help_is_as_the_golden_files_have_it(void **state)
{
    (void)state;
    static const char *const files[2][2] = {{"help.en.txt", "help-run.en.txt"},
                                            {"help.fr.txt", "help-run.fr.txt"}};
    struct term term = {0};
    char *words[] = {(char[]){"run"}, NULL};
    int used;

    for (int lang = 0; lang < 2; lang++) {
        AUTO_BUF struct buf all = BUF_INIT(1 << 16), run = BUF_INIT(1 << 16);
        say_in((enum lang)lang);
        help_add_all(&all, &term);
        compare(files[lang][0], buf_cstr(&all));
        help_add_command(&run, &term, command_find(1, words, &used));
        compare(files[lang][1], buf_cstr(&run));
    }
}

static void test_no_line_of_help_is_wider_than_80_columns(void **state)
{
    (void)state;
    struct term term = {0};

    for (int lang = 0; lang < 2; lang++)
        for (size_t i = 0; i < command_count; i++) {
            AUTO_BUF struct buf out = BUF_INIT(1 << 16);
            say_in((enum lang)lang);
            help_add_command(&out, &term, &commands[i]);
            for (char *line = strtok(out.data, "\n"); line; line = strtok(NULL, "\n"))
                if (term_width_of(line) > 80)
                    fail_msg("%s: %s", commands[i].name, line);
        }
}

int main(void)
{
    setlocale(LC_CTYPE, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_every_text_is_in_both_languages_with_the_same_arguments,
                               in_english),
        cmocka_unit_test_setup(test_french_typography_is_quebecs, in_english),
        cmocka_unit_test_setup(test_the_locale_chooses_the_language, in_english),
        cmocka_unit_test_setup(test_plural_of_each_language, in_english),
        cmocka_unit_test_setup(test_quantities_as_people_read_them, in_english),
        cmocka_unit_test_setup(test_widths_count_columns_not_bytes, in_english),
        cmocka_unit_test_setup(test_prose_wraps_and_keeps_examples, in_english),
        cmocka_unit_test_setup(test_a_table_fits_its_terminal, in_english),
        cmocka_unit_test_setup(test_facts_wrap_instead_of_being_cut, in_english),
        cmocka_unit_test_setup(test_a_run_cannot_steer_the_terminal, in_english),
        cmocka_unit_test_setup(test_characters_cut_between_two_chunks_come_whole, in_english),
        cmocka_unit_test_setup(test_progress_bars_start_their_line_over, in_english),
        cmocka_unit_test_setup(test_help_is_as_the_golden_files_have_it, in_english),
        cmocka_unit_test_setup(test_no_line_of_help_is_wider_than_80_columns, in_english),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
