/*
 * cmd_project.c - enclos project: create, list, show, edit, advance, history, similar, member.
 */
#include "api/cli/command.h"
#include "api/cli/noun.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <string.h>

enum { OUT_MAX_BYTES = 8 << 20 };

#define ANSWER_OPTIONS                                                                             \
    {"set", 0, T_A_ANSWER, T_O_SET, true}, {"file", 'f', T_A_PATH, T_O_ANSWERS_FILE, false}
#define PROJECT_OPTIONS                                                                            \
    {"title", 0, T_A_TEXT, T_O_TITLE, false}, {"summary", 0, T_A_TEXT, T_O_SUMMARY, false},        \
        {"organisation", 0, T_A_TEXT, T_O_ORGANISATION, false},                                    \
        {"family", 0, T_A_FAMILY, T_O_FAMILY, false}, {"sponsor", 0, T_A_TEXT, T_O_SPONSOR, false}

const struct opt cmd_project_create_options[] = {
    PROJECT_OPTIONS, ANSWER_OPTIONS, {"idempotency-key", 0, T_A_TEXT, T_O_IDEMPOTENCY, false}, {0}};
const struct opt cmd_project_edit_options[] = {PROJECT_OPTIONS,
                                               ANSWER_OPTIONS,
                                               {"reason", 0, T_A_TEXT, T_O_CHANGE_REASON, false},
                                               {"from", 0, T_A_NUMBER, T_O_FROM_VERSION, false},
                                               {0}};
const struct opt cmd_project_list_options[] = {{"stage", 0, T_A_STAGE, T_O_STAGE, false},
                                               {"organisation", 0, T_A_TEXT, T_O_OF_ORGANISATION, false},
                                               {"family", 0, T_A_FAMILY, T_O_OF_FAMILY, false},
                                               {"filter", 0, T_A_FILTER, T_O_FILTER, false},
                                               {"order-by", 0, T_A_ORDER, T_O_ORDER_BY, false},
                                               {"limit", 0, T_A_NUMBER, T_O_LIMIT, false},
                                               {"cursor", 0, T_A_TEXT, T_O_CURSOR, false},
                                               {0}};
const struct opt cmd_record_show_options[] = {{"at", 0, T_A_NUMBER, T_O_AT_VERSION, false}, {0}};
const struct opt cmd_project_advance_options[] = {{"reason", 0, T_A_TEXT, T_O_PASSAGE_REASON, false}, {0}};
const struct opt cmd_project_member_options[] = {{"remove", 0, T_NONE, T_O_MEMBER_REMOVE, false}, {0}};

/* ---- words ---- */

static const struct {
    const char *code;
    enum text_id word;
} stages[] = {
    {"opportunity", T_STAGE_OPPORTUNITY}, {"assessed", T_STAGE_ASSESSED}, {"experimenting", T_STAGE_EXPERIMENTING},
    {"pilot", T_STAGE_PILOT},             {"published", T_STAGE_PUBLISHED}, {"stopped", T_STAGE_STOPPED},
};
enum { STAGES = sizeof stages / sizeof *stages };

static const char *stage_word(const char *code)
{
    for (size_t i = 0; i < STAGES; i++)
        if (strcmp(stages[i].code, code) == 0)
            return tr(stages[i].word);
    return code;
}

/* A stage as the API names it, from that name or from the reader's word. */
static const char *stage_code(const char *word)
{
    for (size_t i = 0; i < STAGES; i++)
        if (strcmp(tr(stages[i].word), word) == 0)
            return stages[i].code;
    return word;
}

static enum style stage_style(const char *code)
{
    return strcmp(code, "stopped") == 0 ? STYLE_DIM : strcmp(code, "published") == 0 ? STYLE_GOOD : STYLE_PLAIN;
}

static void add_stages(struct buf *out, const struct json *list)
{
    for (const struct json *s = json_first(list); s; s = json_next(s))
        buf_printf(out, "%s%s", out->len ? ", " : "", stage_word(json_str(s)));
}

/* ---- similar ones ---- */

static const struct table_column similar_columns[] = {
    {T_CP_PROJECT, false, 0, 0}, {T_C_LIKENESS, true, 0, 0},  {T_C_DATA_LIKENESS, true, 0, 4},
    {T_C_STAGE, false, 0, 3},   {T_C_ORGANISATION, false, 12, 1}, {T_C_TITLE, false, 16, 2},
};

static const char *percent(const struct json *v, struct buf *out)
{
    buf_clear(out);
    if (json_type(v) == JSON_NUMBER)
        human_percent(out, (int64_t)(json_num(v, 0) * 100 + 0.5));
    return buf_cstr(out);
}

static void add_similar(struct cli *c, const struct json *result, struct buf *out)
{
    const struct json *list = json_get(result, "similar");
    AUTO_TABLE struct table *t = table_new(similar_columns, sizeof similar_columns / sizeof *similar_columns);
    AUTO_BUF struct buf text = BUF_INIT(256);

    for (const struct json *s = json_first(list); s; s = json_next(s)) {
        bool own = json_bool(json_get(s, "same_organisation"), false);
        table_cell(t, STYLE_PLAIN, cli_str(s, "code"));
        table_cell(t, STYLE_PLAIN, percent(json_get(s, "text"), &text));
        table_cell(t, STYLE_PLAIN, percent(json_get(s, "data"), &text));
        table_cell(t, STYLE_PLAIN, stage_word(cli_str(s, "stage")));
        buf_clear(&text);
        buf_printf(&text, "%s%s", cli_str(s, "organisation"), own ? tr(T_SAME_BODY) : "");
        table_cell(t, STYLE_PLAIN, buf_cstr(&text));
        table_cell(t, STYLE_PLAIN, record_both(json_get(s, "title")));
    }
    if (table_rows(t) == 0)
        return;
    term_add(out, &c->out, STYLE_WARN, tr(T_POSSIBLY_SIMILAR));
    buf_add_char(out, '\n');
    table_add(out, t, &c->out, 2, false);
}

int cmd_project_similar(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf out = BUF_INIT(OUT_MAX_BYTES);

    if (cli_need_words(a, 1, 1, T_A_PROJECT, e) < 0)
        return CLI_BAD_USAGE;
    if (cli_call_with(c, "project.similar", "code", args_word(a, 0), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    add_similar(c, answer.result, &out);
    if (out.len == 0)
        cli_say(T_NOTHING_SIMILAR, args_word(a, 0));
    cli_print(&out);
    return CLI_OK;
}

/* ---- the record ---- */

static int put_code(struct jw *w, const char *word, struct err *e)
{
    if (!text_is_name(word))
        return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_PROJECT, word);
    jw_str_at(w, "code", word);
    return 0;
}

static const char *code_of(const struct json *record)
{
    return cli_str(record, "code");
}

static void add_members(struct table *t, const struct json *p)
{
    AUTO_BUF struct buf list = BUF_INIT(1 << 16);
    for (const struct json *m = json_first(json_get(p, "members")); m; m = json_next(m)) {
        const char *kind = cli_str(m, "kind");
        buf_printf(&list, "%s%s%s (", list.len ? ", " : "",
                   strcmp(kind, "user") == 0 ? "" : strcmp(kind, "group") == 0 ? "@" : "service:", cli_str(m, "name"));
        for (const struct json *r = json_first(json_get(m, "roles")); r; r = json_next(r))
            buf_printf(&list, "%s%s", json_str(r), json_next(r) ? ", " : "");
        buf_add_char(&list, ')');
    }
    record_add_fact(t, T_F_MEMBERS, buf_cstr(&list));
}

static const struct table_column passage_columns[] = {
    {T_C_WHEN, false, 0, 0}, {T_C_STAGE, false, 0, 0}, {T_C_WHO, false, 0, 1}, {T_C_WHY, false, 20, 0}};

static void add_passages(struct cli *c, const struct json *p, struct buf *out)
{
    AUTO_TABLE struct table *t = table_new(passage_columns, sizeof passage_columns / sizeof *passage_columns);
    for (const struct json *v = json_first(json_get(p, "passages")); v; v = json_next(v)) {
        AUTO_BUF struct buf date = BUF_INIT(64), stage = BUF_INIT(256);
        human_date(&date, cli_int(v, "at_us"));
        buf_printf(&stage, "%s → %s", stage_word(cli_str(v, "from")), stage_word(cli_str(v, "to")));
        table_cell(t, STYLE_PLAIN, buf_cstr(&date));
        table_cell(t, STYLE_PLAIN, buf_cstr(&stage));
        table_cell(t, STYLE_PLAIN, cli_str(json_get(v, "actor"), "name"));
        table_cell(t, STYLE_PLAIN, cli_str(v, "reason"));
    }
    if (table_rows(t) == 0)
        return;
    buf_add_str(out, "\n  ");
    term_add(out, &c->out, STYLE_BOLD, tr(T_PASSAGES));
    buf_add_char(out, '\n');
    table_add(out, t, &c->out, 2, false);
}

static void print_project(struct cli *c, const struct json *form, const struct json *p, struct buf *out)
{
    AUTO_TABLE struct table *t = table_new(record_fact_columns, 2);
    AUTO_BUF struct buf v = BUF_INIT(1 << 16), date = BUF_INIT(64);

    term_add(out, &c->out, STYLE_BOLD, cli_str(p, "code"));
    buf_printf(out, "  %s\n\n", record_both(json_get(json_get(p, "answers"), "title")));
    human_date(&date, cli_int(p, "stage_us"));
    tr_add(&v, T_V_STAGE, stage_word(cli_str(p, "stage")), buf_cstr(&date));
    record_add_fact(t, T_F_STAGE, buf_cstr(&v));
    buf_clear(&v);
    add_stages(&v, json_get(p, "next_stages"));
    record_add_fact(t, T_F_NEXT_STAGES, buf_cstr(&v));
    add_members(t, p);
    record_add_fact(t, T_F_EXPERIMENTS, human_count_text((uint64_t)cli_int(p, "experiments")));
    record_add_fact(t, T_F_LESSONS, human_count_text((uint64_t)cli_int(p, "lessons")));
    record_add_written(t, p);
    record_add_answers(form, p, t, &c->out, out);
    add_passages(c, p, out);
}

static const struct noun project = {
    .form = "project",
    .create = "project.create",
    .get = "project.get",
    .edit = "project.edit",
    .history = "project.history",
    .word = T_A_PROJECT,
    .new_word = T_A_PROJECT,
    .put_id = put_code,
    .put_new = put_code,
    .print = print_project,
    .name = code_of,
    .told = add_similar,
};

int cmd_project_create(struct cli *c, struct args *a, struct err *e)
{
    return noun_create(c, a, &project, e);
}

int cmd_project_edit(struct cli *c, struct args *a, struct err *e)
{
    return noun_edit(c, a, &project, e);
}

int cmd_project_show(struct cli *c, struct args *a, struct err *e)
{
    return noun_show(c, a, &project, e);
}

int cmd_project_history(struct cli *c, struct args *a, struct err *e)
{
    return noun_history(c, a, &project, e);
}

/* ---- list ---- */

static const struct table_column list_columns[] = {
    {T_CP_PROJECT, false, 0, 0}, {T_C_STAGE, false, 0, 0},         {T_C_FAMILY, false, 14, 4},
    {T_C_CHANGED, false, 0, 3}, {T_C_ORGANISATION, false, 12, 2}, {T_C_TITLE, false, 16, 1},
};

static void write_option(struct jw *w, const struct args *a, const char *option)
{
    if (args_get(a, option))
        jw_str_at(w, option, args_get(a, option));
}

int cmd_project_list(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0}, form = {0};
    AUTO_TABLE struct table *t = table_new(list_columns, sizeof list_columns / sizeof *list_columns);
    AUTO_BUF struct buf out = BUF_INIT(OUT_MAX_BYTES), params = BUF_INIT(1 << 17);
    struct jw w = jw_to(&params);

    if (cli_need_words(a, 0, 0, T_NONE, e) < 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    if (args_get(a, "stage"))
        jw_str_at(&w, "stage", stage_code(args_get(a, "stage")));
    write_option(&w, a, "organisation");
    write_option(&w, a, "family");
    if (record_write_page(&w, a, e) < 0)
        return CLI_BAD_USAGE;
    jw_end_obj(&w);
    if (cli_call(c, "project.list", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    if (cli_call_with(c, "form.get", "form", "project", &form, e) < 0)
        return CLI_FAILED;
    for (const struct json *p = json_first(json_get(answer.result, "projects")); p; p = json_next(p)) {
        AUTO_BUF struct buf date = BUF_INIT(64), family = BUF_INIT(4096);
        record_add_choices(&family, form.result, "family", json_get(p, "family"));
        human_date(&date, cli_int(p, "changed_us"));
        table_cell(t, STYLE_PLAIN, cli_str(p, "code"));
        table_cell(t, stage_style(cli_str(p, "stage")), stage_word(cli_str(p, "stage")));
        table_cell(t, STYLE_PLAIN, buf_cstr(&family));
        table_cell(t, STYLE_PLAIN, buf_cstr(&date));
        table_cell(t, STYLE_PLAIN, cli_str(p, "organisation"));
        table_cell(t, STYLE_PLAIN, record_both(json_get(p, "title")));
    }
    if (table_rows(t) == 0) {
        cli_say(T_NO_PROJECTS);
        return CLI_OK;
    }
    table_add(&out, t, &c->out, 0, false);
    cli_print(&out);
    if (*cli_str(answer.result, "next_cursor"))
        cli_say(T_MORE, cli_str(answer.result, "next_cursor"));
    return CLI_OK;
}

/* ---- advance ---- */

int cmd_project_advance(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(16384);
    struct jw w = jw_to(&params);

    if (cli_need_words(a, 2, 2, T_A_PROJECT_STAGE, e) < 0)
        return CLI_BAD_USAGE;
    if (!args_get(a, "reason")) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_NEED_PASSAGE_REASON);
        return CLI_BAD_USAGE;
    }
    jw_obj(&w);
    if (put_code(&w, args_word(a, 0), e) < 0)
        return CLI_BAD_USAGE;
    jw_str_at(&w, "to", stage_code(args_word(a, 1)));
    jw_str_at(&w, "reason", args_get(a, "reason"));
    jw_end_obj(&w);
    if (cli_call(c, "project.advance", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json)
        cli_print_json(answer.result);
    else
        cli_say(T_PROJECT_ADVANCED, cli_str(answer.result, "code"), stage_word(cli_str(answer.result, "stage")));
    return CLI_OK;
}

/* ---- members: the grants of user.*, in one project ---- */

/* marie, group:equipe, service:miroir, as `enclos user grant` takes them. */
static void put_whom(struct jw *w, const char *whom)
{
    static const char *const kinds[] = {"group", "service", "user"};
    for (size_t i = 0; i < 3; i++) {
        size_t len = strlen(kinds[i]);
        if (strncmp(whom, kinds[i], len) == 0 && whom[len] == ':') {
            jw_str_at(w, kinds[i], whom + len + 1);
            return;
        }
    }
    jw_str_at(w, "user", whom);
}

static int change_member(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(4096);
    struct jw w = jw_to(&params);
    const char *code = args_word(a, 0), *whom = args_word(a, 1), *role = args_word(a, 2);
    bool remove = args_has(a, "remove");

    jw_obj(&w);
    put_whom(&w, whom);
    jw_str_at(&w, "role", role);
    jw_str_at(&w, "project", code);
    jw_end_obj(&w);
    if (cli_call(c, remove ? "user.revoke" : "user.grant", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json)
        cli_print_json(answer.result);
    else
        cli_say(remove ? T_MEMBER_REMOVED : T_MEMBER_ADDED, whom, role, code);
    return CLI_OK;
}

static const struct table_column member_columns[] = {
    {T_C_NAME, false, 0, 0}, {T_CP_KIND, false, 0, 2}, {T_CP_ROLES, false, 12, 0}};

static int list_members(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(member_columns, 3);
    AUTO_BUF struct buf out = BUF_INIT(OUT_MAX_BYTES);

    if (cli_call_with(c, "project.get", "code", args_word(a, 0), &answer, e) < 0)
        return CLI_FAILED;
    const struct json *members = json_get(answer.result, "members");
    if (json_type(members) != JSON_ARRAY) {
        (void)say_err(e, E_DENIED, NULL, T_NONE, T_MEMBERS_HIDDEN, args_word(a, 0));
        return CLI_FAILED;
    }
    if (c->json) {
        cli_print_json(members);
        return CLI_OK;
    }
    for (const struct json *m = json_first(members); m; m = json_next(m)) {
        AUTO_BUF struct buf roles = BUF_INIT(1024);
        for (const struct json *r = json_first(json_get(m, "roles")); r; r = json_next(r))
            buf_printf(&roles, "%s%s", json_str(r), json_next(r) ? ", " : "");
        table_cell(t, STYLE_PLAIN, cli_str(m, "name"));
        table_cell(t, STYLE_PLAIN, cli_str(m, "kind"));
        table_cell(t, STYLE_PLAIN, buf_cstr(&roles));
    }
    if (table_rows(t) == 0)
        cli_say(T_NO_MEMBERS, args_word(a, 0));
    else
        table_add(&out, t, &c->out, 0, false);
    cli_print(&out);
    return CLI_OK;
}

int cmd_project_member(struct cli *c, struct args *a, struct err *e)
{
    if (args_word_count(a) == 1 && !args_has(a, "remove"))
        return list_members(c, a, e);
    if (cli_need_words(a, 3, 3, T_A_MEMBER, e) < 0)
        return CLI_BAD_USAGE;
    return change_member(c, a, e);
}
