/*
 * cmd_experiment.c - enclos experiment and enclos lesson: create, list, show, edit, history.
 */
#include "api/cli/command.h"
#include "api/cli/noun.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <string.h>

enum { OUT_MAX_BYTES = 8 << 20 };

#define ANSWER_OPTIONS                                                                             \
    {"set", 0, T_A_ANSWER, T_O_SET, true}, {"file", 'f', T_A_PATH, T_O_ANSWERS_FILE, false}
#define EXPERIMENT_OPTIONS                                                                         \
    {"title", 0, T_A_TEXT, T_O_TITLE, false}, {"question", 0, T_A_TEXT, T_O_QUESTION, false},      \
        {"hypothesis", 0, T_A_TEXT, T_O_HYPOTHESIS, false}
#define LESSON_OPTIONS                                                                             \
    {"title", 0, T_A_TEXT, T_O_TITLE, false}, {"text", 0, T_A_TEXT, T_O_LESSON_TEXT, false},       \
        {"theme", 0, T_A_TEXT, T_O_THEMES, true},                                                 \
        {"experiment", 0, T_A_EXPERIMENT, T_O_LESSON_EXPERIMENTS, true},                          \
        {"run", 0, T_A_RUN, T_O_LESSON_RUNS, true}
#define KEY_OPTION                                                                                 \
    {                                                                                              \
        "idempotency-key", 0, T_A_TEXT, T_O_IDEMPOTENCY, false                                     \
    }
#define CHANGE_OPTIONS                                                                             \
    {"reason", 0, T_A_TEXT, T_O_CHANGE_REASON, false}, {"from", 0, T_A_NUMBER, T_O_FROM_VERSION, false}
#define PAGE_OPTIONS                                                                               \
    {"limit", 0, T_A_NUMBER, T_O_LIMIT, false}, {"cursor", 0, T_A_TEXT, T_O_CURSOR, false}

const struct opt cmd_experiment_create_options[] = {EXPERIMENT_OPTIONS, ANSWER_OPTIONS, KEY_OPTION, {0}};
const struct opt cmd_experiment_edit_options[] = {EXPERIMENT_OPTIONS, ANSWER_OPTIONS, CHANGE_OPTIONS, {0}};
const struct opt cmd_page_options[] = {PAGE_OPTIONS, {0}};
const struct opt cmd_lesson_add_options[] = {LESSON_OPTIONS, ANSWER_OPTIONS, KEY_OPTION, {0}};
const struct opt cmd_lesson_edit_options[] = {LESSON_OPTIONS, ANSWER_OPTIONS, CHANGE_OPTIONS, {0}};
const struct opt cmd_lesson_list_options[] = {{"experiment", 0, T_A_EXPERIMENT, T_O_OF_EXPERIMENT, false},
                                              {"run", 0, T_A_RUN, T_O_OF_RUN, false},
                                              {"filter", 0, T_A_FILTER, T_O_FILTER, false},
                                              {"order-by", 0, T_A_ORDER, T_O_ORDER_BY, false},
                                              PAGE_OPTIONS,
                                              {0}};

/* ---- experiments ---- */

static int put_ref(struct jw *w, const char *word, struct err *e)
{
    const char *slash = strchr(word, '/');
    AUTO_FREE char *code = slash ? mem_strndup(word, (size_t)(slash - word)) : NULL;

    if (!slash || !text_is_name(code) || !text_is_name(slash + 1))
        return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_EXPERIMENT, word);
    jw_str_at(w, "project", code);
    jw_str_at(w, "name", slash + 1);
    return 0;
}

static const char *ref_of(const struct json *record)
{
    return cli_str(record, "ref");
}

static void print_experiment(struct cli *c, const struct json *form, const struct json *x, struct buf *out)
{
    AUTO_TABLE struct table *t = table_new(record_fact_columns, 2);
    AUTO_BUF struct buf v = BUF_INIT(1 << 16), date = BUF_INIT(64);

    term_add(out, &c->out, STYLE_BOLD, cli_str(x, "ref"));
    buf_printf(out, "  %s\n", record_both(json_get(json_get(x, "answers"), "title")));
    if (json_bool(json_get(x, "after_first_run"), false)) {
        AUTO_FREE char *frozen = mem_printf("%lld", (long long)cli_int(x, "frozen_version"));
        AUTO_BUF struct buf line = BUF_INIT(4096);
        tr_add(&line, T_CHANGED_AFTER, frozen);
        term_add(out, &c->out, STYLE_WARN, buf_cstr(&line));
        buf_add_char(out, '\n');
    }
    buf_add_char(out, '\n');
    if (cli_int(x, "frozen_version")) {
        AUTO_FREE char *frozen = mem_printf("%lld", (long long)cli_int(x, "frozen_version"));
        human_date(&date, cli_int(x, "frozen_us"));
        tr_add(&v, T_V_FROZEN, frozen, buf_cstr(&date), cli_str(x, "first_run"));
    } else {
        buf_add_str(&v, tr(T_V_NOT_FROZEN));
    }
    record_add_fact(t, T_F_FROZEN, buf_cstr(&v));
    buf_clear(&v);
    tr_add(&v, T_V_RUNS, human_count_text((uint64_t)cli_int(x, "runs")),
           human_count_text((uint64_t)cli_int(x, "finished")), human_count_text((uint64_t)cli_int(x, "succeeded")));
    record_add_fact(t, T_F_RUNS, buf_cstr(&v));
    record_add_written(t, x);
    record_add_answers(form, x, t, &c->out, out);
}

static const struct noun experiment = {
    .form = "experiment",
    .create = "experiment.create",
    .get = "experiment.get",
    .edit = "experiment.edit",
    .history = "experiment.history",
    .word = T_A_EXPERIMENT,
    .new_word = T_A_EXPERIMENT,
    .put_id = put_ref,
    .put_new = put_ref,
    .print = print_experiment,
    .name = ref_of,
};

int cmd_experiment_create(struct cli *c, struct args *a, struct err *e)
{
    return noun_create(c, a, &experiment, e);
}

int cmd_experiment_edit(struct cli *c, struct args *a, struct err *e)
{
    return noun_edit(c, a, &experiment, e);
}

int cmd_experiment_show(struct cli *c, struct args *a, struct err *e)
{
    return noun_show(c, a, &experiment, e);
}

int cmd_experiment_history(struct cli *c, struct args *a, struct err *e)
{
    return noun_history(c, a, &experiment, e);
}

/* ---- lists ---- */

/* Asks for a page, of the project that the command names if it names one. */
static int call_list(struct cli *c, struct args *a, const char *method, struct client_answer *answer, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(1 << 17);
    struct jw w = jw_to(&params);

    if (cli_need_words(a, 0, 1, T_A_PROJECT, e) < 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    if (args_word(a, 0))
        jw_str_at(&w, "project", args_word(a, 0));
    for (const char *const *o = (const char *const[]){"experiment", "run", NULL}; *o; o++)
        if (args_get(a, *o))
            jw_str_at(&w, *o, args_get(a, *o));
    if (record_write_page(&w, a, e) < 0)
        return CLI_BAD_USAGE;
    jw_end_obj(&w);
    return cli_call(c, method, buf_cstr(&params), answer, e) < 0 ? CLI_FAILED : CLI_OK;
}

static void print_list(struct cli *c, const struct table *t, const struct json *result, enum text_id nothing)
{
    AUTO_BUF struct buf out = BUF_INIT(OUT_MAX_BYTES);
    if (table_rows(t) == 0)
        cli_say(nothing);
    else
        table_add(&out, t, &c->out, 0, false);
    cli_print(&out);
    if (*cli_str(result, "next_cursor"))
        cli_say(T_MORE, cli_str(result, "next_cursor"));
}

static const struct table_column experiment_columns[] = {
    {T_C_EXPERIMENT, false, 0, 0}, {T_C_RUNS, true, 0, 2}, {T_C_FROZEN, false, 0, 3},
    {T_C_CHANGED, false, 0, 4},    {T_C_TITLE, false, 16, 1},
};

int cmd_experiment_list(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(experiment_columns, sizeof experiment_columns / sizeof *experiment_columns);
    int status = call_list(c, a, "experiment.list", &answer, e);

    if (status != CLI_OK)
        return status;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    for (const struct json *x = json_first(json_get(answer.result, "experiments")); x; x = json_next(x)) {
        AUTO_BUF struct buf date = BUF_INIT(64), frozen = BUF_INIT(64);
        bool after = cli_int(x, "frozen_version") && cli_int(x, "record_version") > cli_int(x, "frozen_version");
        human_date(&date, cli_int(x, "changed_us"));
        if (cli_int(x, "frozen_us"))
            human_date(&frozen, cli_int(x, "frozen_us"));
        if (after)
            buf_add_str(&frozen, " !");
        table_cell(t, STYLE_PLAIN, cli_str(x, "ref"));
        table_cell(t, STYLE_PLAIN, human_count_text((uint64_t)cli_int(x, "runs")));
        table_cell(t, after ? STYLE_WARN : STYLE_PLAIN, buf_cstr(&frozen));
        table_cell(t, STYLE_PLAIN, buf_cstr(&date));
        table_cell(t, STYLE_PLAIN, record_both(json_get(x, "title")));
    }
    print_list(c, t, answer.result, T_NO_EXPERIMENTS);
    return CLI_OK;
}

/* ---- lessons ---- */

static int put_lesson(struct jw *w, const char *word, struct err *e)
{
    if (!text_is_name(word))
        return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_LESSON, word);
    jw_str_at(w, "lesson", word);
    return 0;
}

static int put_project(struct jw *w, const char *word, struct err *e)
{
    if (!text_is_name(word))
        return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_PROJECT, word);
    jw_str_at(w, "project", word);
    return 0;
}

static const char *lesson_of(const struct json *record)
{
    return cli_str(record, "lesson");
}

static void print_lesson(struct cli *c, const struct json *form, const struct json *l, struct buf *out)
{
    AUTO_TABLE struct table *t = table_new(record_fact_columns, 2);

    term_add(out, &c->out, STYLE_BOLD, cli_str(l, "lesson"));
    buf_printf(out, "  %s\n\n", record_both(json_get(json_get(l, "answers"), "title")));
    record_add_fact(t, T_F_PROJECT, cli_str(l, "project"));
    record_add_written(t, l);
    record_add_answers(form, l, t, &c->out, out);
}

static const struct noun lesson = {
    .form = "lesson",
    .create = "lesson.add",
    .get = "lesson.get",
    .edit = "lesson.edit",
    .history = "lesson.history",
    .word = T_A_LESSON,
    .new_word = T_A_PROJECT,
    .put_id = put_lesson,
    .put_new = put_project,
    .print = print_lesson,
    .name = lesson_of,
};

int cmd_lesson_add(struct cli *c, struct args *a, struct err *e)
{
    return noun_create(c, a, &lesson, e);
}

int cmd_lesson_edit(struct cli *c, struct args *a, struct err *e)
{
    return noun_edit(c, a, &lesson, e);
}

int cmd_lesson_show(struct cli *c, struct args *a, struct err *e)
{
    return noun_show(c, a, &lesson, e);
}

int cmd_lesson_history(struct cli *c, struct args *a, struct err *e)
{
    return noun_history(c, a, &lesson, e);
}

static const struct table_column lesson_columns[] = {
    {T_C_LESSON, false, 0, 0},  {T_CP_PROJECT, false, 0, 2}, {T_C_CREATED, false, 0, 4},
    {T_C_THEMES, false, 10, 3}, {T_C_TITLE, false, 16, 1},
};

int cmd_lesson_list(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0}, form = {0};
    AUTO_TABLE struct table *t = table_new(lesson_columns, sizeof lesson_columns / sizeof *lesson_columns);
    int status = call_list(c, a, "lesson.list", &answer, e);

    if (status != CLI_OK)
        return status;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    if (cli_call_with(c, "form.get", "form", "lesson", &form, e) < 0)
        return CLI_FAILED;
    for (const struct json *l = json_first(json_get(answer.result, "lessons")); l; l = json_next(l)) {
        AUTO_BUF struct buf date = BUF_INIT(64), themes = BUF_INIT(1024);
        human_date(&date, cli_int(l, "created_us"));
        record_add_choices(&themes, form.result, "themes", json_get(l, "themes"));
        table_cell(t, STYLE_PLAIN, cli_str(l, "lesson"));
        table_cell(t, STYLE_PLAIN, cli_str(l, "project"));
        table_cell(t, STYLE_PLAIN, buf_cstr(&date));
        table_cell(t, STYLE_PLAIN, buf_cstr(&themes));
        table_cell(t, STYLE_PLAIN, record_both(json_get(l, "title")));
    }
    print_list(c, t, answer.result, T_NO_LESSONS);
    return CLI_OK;
}
