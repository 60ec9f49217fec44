/*
 * cmd_dataset_grant.c - enclos dataset grant, revoke, grants: who may use a dataset for what, until when.
 */
#include "api/cli/command.h"
#include "api/common/purpose.h"
#include "api/common/text.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

const struct opt cmd_dataset_grant_options[] = {
    {"project", 'p', T_A_NAME, T_DS_O_PROJECT, false},
    {"purpose", 0, T_DS_A_PURPOSE, T_O_GRANT_PURPOSE, false},
    {"until", 0, T_A_DATE, T_O_GRANT_UNTIL, false},
    {"reason", 0, T_A_TEXT, T_O_DATASET_REASON, false},
    {"idempotency-key", 0, T_A_TEXT, T_O_IDEMPOTENCY, false},
    {0},
};
const struct opt cmd_dataset_revoke_options[] = {
    {"project", 'p', T_A_NAME, T_DS_O_PROJECT, false},
    {"purpose", 0, T_DS_A_PURPOSE, T_O_GRANT_PURPOSE, false},
    {"reason", 0, T_A_TEXT, T_O_DATASET_REASON, false},
    {0},
};
const struct opt cmd_dataset_grants_options[] = {
    {"project", 'p', T_A_NAME, T_DS_O_PROJECT, false},
    {"all", 'a', T_NONE, T_O_GRANTS_ALL, false},
    {"limit", 0, T_A_NUMBER, T_O_LIMIT, false},
    {"cursor", 0, T_A_TEXT, T_O_CURSOR, false},
    {0},
};

static const char *purpose_title(const char *code)
{
    const struct purpose *p = purpose_find(code);

    return !p ? code : say_lang() == LANG_FR ? p->title_fr : p->title_en;
}

/* 2027-06-30: until the end of that day here; 90d, 12h: from now on. */
static int read_until(const char *text, int64_t *us, struct err *e)
{
    struct err not_said = {0};
    struct tm tm = {.tm_isdst = -1};
    int64_t ms = 0;
    int used = 0;

    if (sscanf(text, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &used) == 3 && used == 10 &&
        text[used] == '\0' && tm.tm_mon >= 1 && tm.tm_mon <= 12 && tm.tm_mday >= 1 && tm.tm_mday <= 31) {
        tm.tm_year -= 1900;
        tm.tm_mon -= 1;
        tm.tm_mday += 1; /* mktime carries the day that no month has */
        time_t end = mktime(&tm);
        if (end != (time_t)-1) {
            *us = (int64_t)end * 1000000 - 1;
            return 0;
        }
    } else if (text_duration_ms(text, "until", &ms, &not_said) == 0) {
        *us = time_now_us() + ms * 1000;
        return 0;
    }
    return say_err(e, E_INVALID, NULL, T_BAD_UNTIL_HINT, T_BAD_UNTIL, text);
}

int cmd_dataset_grant(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(1 << 16), day = BUF_INIT(64);
    struct jw w = jw_to(&params);
    int64_t until = 0;

    if (cli_need_words(a, 1, 1, T_A_NAME, e) < 0)
        return CLI_BAD_USAGE;
    if (!args_get(a, "project") || !args_get(a, "until")) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_NEED_PROJECT_UNTIL);
        return CLI_BAD_USAGE;
    }
    if (read_until(args_get(a, "until"), &until, e) < 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    jw_str_at(&w, "name", args_word(a, 0));
    jw_str_at(&w, "project", args_get(a, "project"));
    jw_str_at(&w, "purpose", args_get(a, "purpose") ? args_get(a, "purpose") : PURPOSE_DEFAULT);
    jw_int_at(&w, "expires_us", until);
    if (args_get(a, "reason"))
        jw_str_at(&w, "reason", args_get(a, "reason"));
    if (args_get(a, "idempotency-key"))
        jw_str_at(&w, "idempotency_key", args_get(a, "idempotency-key"));
    jw_end_obj(&w);
    if (cli_call(c, "dataset.grant", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    human_date(&day, cli_int(answer.result, "expires_us"));
    cli_say(T_DATASET_GRANTED, cli_str(answer.result, "project"), cli_str(answer.result, "name"),
            purpose_title(cli_str(answer.result, "purpose")), buf_cstr(&day),
            human_count_text((uint64_t)cli_int(answer.result, "grant")));
    return CLI_OK;
}

/* ---- listing ---- */

static int list(struct cli *c, const char *name, const char *project, const struct args *page,
                struct client_answer *out, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(1 << 14);
    struct jw w = jw_to(&params);
    uint64_t limit = 100;

    if (page && args_get(page, "limit") && text_u64(args_get(page, "limit"), 1, 500, &limit) < 0)
        return say_err(e, E_INVALID, NULL, T_NONE, T_LIN_BAD_NUMBER, "limit", args_get(page, "limit"), "500");
    jw_obj(&w);
    if (name)
        jw_str_at(&w, "name", name);
    if (project)
        jw_str_at(&w, "project", project);
    jw_int_at(&w, "limit", page ? (int64_t)limit : 500);
    if (page && args_get(page, "cursor"))
        jw_str_at(&w, "cursor", args_get(page, "cursor"));
    jw_end_obj(&w);
    return cli_call(c, "dataset.grants", buf_cstr(&params), out, e);
}

static const struct table_column grant_columns[] = {
    {T_C_NUMBER, true, 0, 0},   {T_C_DATASET, false, 0, 0}, {T_DS_C_PROJECT, false, 0, 0}, {T_DS_C_PURPOSE, false, 0, 0},
    {T_DS_C_UNTIL, false, 0, 0},   {T_C_STATE, false, 0, 0},   {T_DS_C_RUNS, true, 0, 2},     {T_DS_C_GRANTED_BY, false, 0, 1},
    {T_C_REASON, false, 12, 3},
};

static enum text_id grant_state(const struct json *g)
{
    if (json_is_int(json_get(g, "revoked_us")))
        return T_GRANT_REVOKED;
    return json_bool(json_get(g, "in_force"), false) ? T_GRANT_IN_FORCE : T_GRANT_EXPIRED;
}

static void add_grant_row(struct table *t, const struct json *g)
{
    AUTO_BUF struct buf until = BUF_INIT(64);
    bool revoked = json_is_int(json_get(g, "revoked_us"));

    human_date(&until, cli_int(g, revoked ? "revoked_us" : "expires_us"));
    table_cell(t, STYLE_PLAIN, human_count_text((uint64_t)cli_int(g, "grant")));
    table_cell(t, STYLE_PLAIN, cli_str(g, "name"));
    table_cell(t, STYLE_PLAIN, cli_str(g, "project"));
    table_cell(t, STYLE_PLAIN, purpose_title(cli_str(g, "purpose")));
    table_cell(t, STYLE_PLAIN, buf_cstr(&until));
    table_cell(t, STYLE_PLAIN, tr(grant_state(g)));
    table_cell(t, STYLE_PLAIN, human_count_text((uint64_t)cli_int(g, "runs")));
    table_cell(t, STYLE_PLAIN, cli_str(json_get(g, "granted_by"), "name"));
    table_cell(t, STYLE_PLAIN, cli_str(g, revoked ? "revoked_reason" : "reason"));
}

int cmd_dataset_grants(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(grant_columns, 9);
    AUTO_BUF struct buf out = BUF_INIT(8 << 20);

    if (cli_need_words(a, 0, 1, T_A_NAME, e) < 0)
        return CLI_BAD_USAGE;
    if (args_word_count(a) == 0 && !args_get(a, "project")) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_NEED_DATASET_OR_PROJECT);
        return CLI_BAD_USAGE;
    }
    if (list(c, args_word(a, 0), args_get(a, "project"), a, &answer, e) < 0)
        return e->kind == E_INVALID ? CLI_BAD_USAGE : CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    for (const struct json *g = json_first(json_get(answer.result, "grants")); g; g = json_next(g))
        if (args_has(a, "all") || json_bool(json_get(g, "in_force"), false))
            add_grant_row(t, g);
    if (table_rows(t) == 0) {
        cli_say(T_NO_GRANTS);
    } else {
        table_add(&out, t, &c->out, 0, false);
        cli_print(&out);
    }
    if (*cli_str(answer.result, "next_cursor"))
        cli_say(T_MORE, cli_str(answer.result, "next_cursor"));
    return CLI_OK;
}

/* ---- taking back ---- */

static int revoke(struct cli *c, int64_t grant, const char *reason, struct client_answer *answer, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(1 << 14);
    struct jw w = jw_to(&params);

    jw_obj(&w);
    jw_int_at(&w, "grant", grant);
    if (reason)
        jw_str_at(&w, "reason", reason);
    jw_end_obj(&w);
    return cli_call(c, "dataset.revoke", buf_cstr(&params), answer, e);
}

/* One grant is in force for a dataset, a project and a purpose; without a purpose all of that project's go. */
int cmd_dataset_revoke(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer listed = {0};
    const char *purpose = args_get(a, "purpose");
    size_t count = 0;

    if (cli_need_words(a, 1, 1, T_A_NAME, e) < 0)
        return CLI_BAD_USAGE;
    if (!args_get(a, "project")) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_DS_NEED_PROJECT);
        return CLI_BAD_USAGE;
    }
    if (list(c, args_word(a, 0), args_get(a, "project"), NULL, &listed, e) < 0)
        return CLI_FAILED;
    for (const struct json *g = json_first(json_get(listed.result, "grants")); g; g = json_next(g)) {
        AUTO_ANSWER struct client_answer answer = {0};
        if (!json_bool(json_get(g, "in_force"), false) || (purpose && strcmp(purpose, cli_str(g, "purpose")) != 0))
            continue;
        if (revoke(c, cli_int(g, "grant"), args_get(a, "reason"), &answer, e) < 0)
            return CLI_FAILED;
        count++;
        if (c->json)
            cli_print_json(answer.result);
        else
            cli_say(T_DATASET_REVOKED, cli_str(g, "project"), cli_str(g, "name"),
                    purpose_title(cli_str(g, "purpose")));
    }
    if (count > 0)
        return CLI_OK;
    (void)say_err(e, E_NOT_FOUND, NULL, T_NONE, T_NO_GRANT_TO_REVOKE, args_get(a, "project"), args_word(a, 0));
    return CLI_FAILED;
}
