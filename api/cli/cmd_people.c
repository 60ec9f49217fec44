/*
 * cmd_people.c - enclos whoami, user list|grant|revoke, token create|list|revoke.
 *
 * Roles are shown by their codes, which is what one types; whoami says in words what each is for.
 */
#include "api/cli/command.h"
#include "api/cli/dataset_call.h"
#include "api/cli/labtext.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <stdio.h>
#include <string.h>

const struct opt cmd_user_list_options[] = {
    {"project", 0, T_A_NAME, T_O_IN_PROJECT, false},
    {"role", 0, T_A_ROLE, T_O_WITH_ROLE, false},
    {"limit", 0, T_A_NUMBER, T_O_LIMIT, false},
    {"cursor", 0, T_A_TEXT, T_O_CURSOR, false},
    {0},
};
const struct opt cmd_user_grant_options[] = {
    {"project", 0, T_A_NAME, T_O_GRANT_PROJECT, false},
    {0},
};
const struct opt cmd_token_create_options[] = {
    {"role", 0, T_A_ROLE, T_O_TOKEN_ROLE, true},
    {"project", 0, T_A_NAME, T_O_TOKEN_PROJECT, false},
    {"days", 0, T_A_NUMBER, T_O_TOKEN_DAYS, false},
    {"title", 0, T_A_TEXT, T_O_TITLE, false},
    {"idempotency-key", 0, T_A_TEXT, T_O_IDEMPOTENCY, false},
    {0},
};
const struct opt cmd_token_list_options[] = {
    {"service", 0, T_A_NAME, T_O_TOKEN_SERVICE, false},
    {"limit", 0, T_A_NUMBER, T_O_LIMIT, false},
    {"cursor", 0, T_A_TEXT, T_O_CURSOR, false},
    {0},
};

/* What each role is for. */
static const struct {
    const char *code;
    enum text_id meaning;
} roles[] = {
    {"scientist", T_ROLE_SCIENTIST}, {"custodian", T_ROLE_CUSTODIAN}, {"reviewer", T_ROLE_REVIEWER},
    {"curator", T_ROLE_CURATOR},     {"platform", T_ROLE_PLATFORM},   {"auditor", T_ROLE_AUDITOR},
    {"admin", T_ROLE_ADMIN},
};

static enum text_id role_meaning(const char *code)
{
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (!strcmp(roles[i].code, code))
            return roles[i].meaning;
    return T_NONE;
}

static void add_roles(struct buf *out, const struct json *list)
{
    for (const struct json *r = json_first(list); r; r = json_next(r)) {
        if (r != json_first(list))
            buf_add_str(out, ", ");
        buf_add_str(out, json_str(r) ? json_str(r) : "");
    }
}

/* "vision: scientist; triage: scientist, reviewer" */
static void add_projects(struct buf *out, const struct json *list)
{
    for (const struct json *p = json_first(list); p; p = json_next(p)) {
        AUTO_BUF struct buf held = BUF_INIT(1024);
        add_roles(&held, json_get(p, "roles"));
        if (p != json_first(list))
            buf_add_str(out, "; ");
        tr_add(out, T_PROJECT_ROLES, cli_str(p, "project"), buf_cstr(&held));
    }
}

/* ---- whoami ---- */

static const struct table_column label_columns[] = {{T_NONE, false, 0, 0}, {T_NONE, false, 20, 0}};

static void add_line(struct table *t, enum text_id label, const char *value)
{
    table_cell(t, STYLE_DIM, tr(label));
    table_cell(t, STYLE_PLAIN, value);
}

static void print_whoami(struct cli *c, const struct json *me)
{
    AUTO_TABLE struct table *t = table_new(label_columns, 2);
    AUTO_BUF struct buf out = BUF_INIT(1 << 20), v = BUF_INIT(1 << 20);
    const struct json *lab = json_get(me, "roles"), *projects = json_get(me, "projects");
    char uid[24];

    snprintf(uid, sizeof uid, "%lld", (long long)cli_int(me, "uid"));
    if (!strcmp(cli_str(me, "kind"), "service"))
        buf_add_str(&v, cli_str(me, "name"));
    else
        tr_add(&v, T_WHO_ACCOUNT, cli_str(me, "name"), uid);
    add_line(t, T_L_ACCOUNT, buf_cstr(&v));
    for (const struct json *r = json_first(lab); r; r = json_next(r)) {
        buf_clear(&v);
        tr_add(&v, T_WHO_ROLE, json_str(r), tr(role_meaning(json_str(r))));
        add_line(t, r == json_first(lab) ? T_L_IN_LAB : T_NONE, buf_cstr(&v));
    }
    for (const struct json *p = json_first(projects); p; p = json_next(p)) {
        AUTO_BUF struct buf held = BUF_INIT(1024);
        add_roles(&held, json_get(p, "roles"));
        buf_clear(&v);
        tr_add(&v, T_PROJECT_ROLES, cli_str(p, "project"), buf_cstr(&held));
        add_line(t, p == json_first(projects) ? T_L_IN_PROJECTS : T_NONE, buf_cstr(&v));
    }
    bool none = json_count(lab) == 0 && json_count(projects) == 0;
    if (!none)
        add_line(t, T_L_SEES, tr(json_bool(json_get(me, "sees_all_runs"), false) ? T_SEES_ALL : T_SEES_OWN));
    buf_clear(&v);
    if (cli_int(me, "token_expires_us") > 0) {
        human_date(&v, cli_int(me, "token_expires_us"));
        add_line(t, T_L_TOKEN_UNTIL, buf_cstr(&v));
    }
    table_add(&out, t, &c->out, 0, true);
    cli_print(&out);
    if (none)
        cli_say(T_NO_ROLE, cli_str(me, "admins"));
}

int cmd_whoami(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};

    if (cli_need_words(a, 0, 0, T_NONE, e) < 0)
        return CLI_BAD_USAGE;
    if (cli_call(c, "user.whoami", NULL, &answer, e) < 0)
        return CLI_FAILED;
    if (c->json)
        cli_print_json(answer.result);
    else
        print_whoami(c, answer.result);
    bool any_role = json_count(json_get(answer.result, "roles")) + json_count(json_get(answer.result, "projects")) > 0;
    return c->json || !any_role ? CLI_OK : dataset_tell_waiting(c, e);
}

/* ---- user list ---- */

/* Adds "limit" of an option; 0 when there is none or it is a number. */
static int add_limit(const struct args *a, struct jw *w, struct err *e)
{
    uint64_t n;
    if (!args_get(a, "limit"))
        return 0;
    if (text_u64(args_get(a, "limit"), 1, 500, &n) < 0)
        return say_err(e, E_INVALID, NULL, T_NONE, T_LIN_BAD_NUMBER, "limit", args_get(a, "limit"), "500");
    jw_int_at(w, "limit", (int64_t)n);
    return 0;
}

static void add_option(const struct args *a, struct jw *w, const char *name)
{
    if (args_get(a, name))
        jw_str_at(w, name, args_get(a, name));
}

/* As it is typed: marie, group:science, service:miroir. */
static void add_who(struct buf *out, const struct json *u)
{
    const char *kind = cli_str(u, "kind");
    if (strcmp(kind, "user") != 0)
        buf_printf(out, "%s:", kind);
    buf_add_str(out, cli_str(u, "name"));
}

static const struct table_column user_columns[] = {
    {T_C_NUMBER, true, 0, 3},   {T_C_ACCOUNT, false, 12, 0}, {T_C_UID, true, 0, 2},
    {T_C_IN_LAB, false, 12, 0}, {T_C_IN_PROJECTS, false, 14, 0}, {T_C_SEEN, false, 0, 1},
};

static void add_user_row(struct table *t, const struct json *u)
{
    AUTO_BUF struct buf v = BUF_INIT(1 << 16);
    char number[24];

    snprintf(number, sizeof number, "%lld", (long long)cli_int(u, "account"));
    table_cell(t, STYLE_DIM, number);
    add_who(&v, u);
    table_cell(t, STYLE_PLAIN, buf_cstr(&v));
    snprintf(number, sizeof number, "%lld", (long long)cli_int(u, "number"));
    table_cell(t, STYLE_PLAIN, number);
    buf_clear(&v);
    add_roles(&v, json_get(u, "roles"));
    table_cell(t, STYLE_PLAIN, buf_cstr(&v));
    buf_clear(&v);
    add_projects(&v, json_get(u, "projects"));
    table_cell(t, STYLE_PLAIN, buf_cstr(&v));
    buf_clear(&v);
    if (cli_int(u, "seen_us") > 0)
        human_date(&v, cli_int(u, "seen_us"));
    table_cell(t, STYLE_PLAIN, buf_cstr(&v));
}

static void print_table(struct cli *c, const struct table *t, const struct json *result, enum text_id none)
{
    AUTO_BUF struct buf out = BUF_INIT(8 << 20);
    if (table_rows(t) == 0) {
        cli_say(none);
        return;
    }
    table_add(&out, t, &c->out, 0, false);
    cli_print(&out);
    if (*cli_str(result, "next_cursor"))
        cli_say(T_MORE, cli_str(result, "next_cursor"));
}

int cmd_user_list(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(user_columns, sizeof user_columns / sizeof *user_columns);
    AUTO_BUF struct buf params = BUF_INIT(4096);
    struct jw w = jw_to(&params);

    jw_obj(&w);
    if (cli_need_words(a, 0, 0, T_NONE, e) < 0 || add_limit(a, &w, e) < 0)
        return CLI_BAD_USAGE;
    add_option(a, &w, "project");
    add_option(a, &w, "role");
    add_option(a, &w, "cursor");
    jw_end_obj(&w);
    if (cli_call(c, "user.list", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    const struct json *users = json_get(answer.result, "users");
    for (const struct json *u = json_first(users); u; u = json_next(u))
        add_user_row(t, u);
    print_table(c, t, answer.result, T_NO_USERS);
    return CLI_OK;
}

/* ---- user grant, user revoke ---- */

/* "marie", "1000", "group:science", "service:miroir"; to revoke also "account:7", its number in the list. */
static int write_who(const char *who, bool revoking, struct jw *w, struct err *e)
{
    static const char *const kinds[] = {"user", "group", "service", "account"};
    const char *colon = strchr(who, ':');
    uint64_t n;

    if (!colon) {
        jw_str_at(w, "user", who);
        return 0;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strlen(kinds[i]) != (size_t)(colon - who) || strncmp(kinds[i], who, strlen(kinds[i])) != 0)
            continue;
        if (strcmp(kinds[i], "account") != 0) {
            jw_str_at(w, kinds[i], colon + 1);
            return 0;
        }
        if (!revoking || text_u64(colon + 1, 1, INT64_C(1) << 53, &n) < 0)
            break;
        jw_int_at(w, "account", (int64_t)n);
        return 0;
    }
    return say_err(e, E_INVALID, NULL, T_WHO_HINT, T_BAD_WHO, who);
}

static int change(struct cli *c, struct args *a, const char *method, enum text_id done, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf out = BUF_INIT(1 << 16), params = BUF_INIT(4096), who = BUF_INIT(256);
    const char *project = args_get(a, "project");
    struct jw w = jw_to(&params);

    jw_obj(&w);
    if (cli_need_words(a, 2, 2, T_A_WHO_ROLE, e) < 0 ||
        write_who(args_word(a, 0), !strcmp(method, "user.revoke"), &w, e) < 0)
        return CLI_BAD_USAGE;
    jw_str_at(&w, "role", args_word(a, 1));
    add_option(a, &w, "project");
    jw_end_obj(&w);
    if (cli_call(c, method, buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    add_who(&who, answer.result);
    tr_add(&out, done, buf_cstr(&who), args_word(a, 1));
    if (project)
        tr_add(&out, T_WHERE_PROJECT, project);
    buf_add_char(&out, '\n');
    cli_print(&out);
    return CLI_OK;
}

int cmd_user_grant(struct cli *c, struct args *a, struct err *e)
{
    return change(c, a, "user.grant", T_GRANTED, e);
}

int cmd_user_revoke(struct cli *c, struct args *a, struct err *e)
{
    return change(c, a, "user.revoke", T_REVOKED, e);
}

/* ---- tokens ---- */

/* The token alone on standard output, so that it may go to a file; what is said of it on standard error. */
int cmd_token_create(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf out = BUF_INIT(4096), params = BUF_INIT(8192), until = BUF_INIT(64), held = BUF_INIT(1024);
    struct jw w = jw_to(&params);
    uint64_t days = 0;
    size_t at = 0;

    if (cli_need_words(a, 1, 1, T_A_SERVICE, e) < 0)
        return CLI_BAD_USAGE;
    if (args_get(a, "days") && text_u64(args_get(a, "days"), 1, 366, &days) < 0) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_LIN_BAD_NUMBER, "days", args_get(a, "days"), "366");
        return CLI_BAD_USAGE;
    }
    jw_obj(&w);
    jw_str_at(&w, "service", strncmp(args_word(a, 0), "service:", 8) ? args_word(a, 0) : args_word(a, 0) + 8);
    if (args_has(a, "role")) {
        jw_arr_at(&w, "roles");
        for (const char *r; (r = args_each(a, "role", &at));)
            jw_str(&w, r);
        jw_end_arr(&w);
    }
    add_option(a, &w, "project");
    add_option(a, &w, "title");
    if (days)
        jw_int_at(&w, "days", (int64_t)days);
    if (args_get(a, "idempotency-key"))
        jw_str_at(&w, "idempotency_key", args_get(a, "idempotency-key"));
    jw_end_obj(&w);
    if (cli_call(c, "token.create", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    human_date(&until, cli_int(answer.result, "expires_us"));
    add_roles(&held, json_get(answer.result, "roles"));
    if (!*cli_str(answer.result, "secret")) {
        cli_say(T_TOKEN_EXISTED, cli_str(answer.result, "token"));
        return CLI_OK;
    }
    buf_printf(&out, "%s\n", cli_str(answer.result, "secret"));
    cli_print(&out);
    cli_say(T_TOKEN_MADE, cli_str(answer.result, "token"), cli_str(answer.result, "service"), buf_cstr(&held),
            buf_cstr(&until));
    return CLI_OK;
}

static const struct {
    const char *code;
    enum text_id word;
    enum style style;
} token_states[] = {
    {"active", T_TOKEN_ACTIVE, STYLE_GOOD},
    {"expired", T_TOKEN_EXPIRED, STYLE_DIM},
    {"revoked", T_TOKEN_REVOKED, STYLE_DIM},
};

static const struct table_column token_columns[] = {
    {T_C_TOKEN, false, 0, 0},   {T_C_SERVICE, false, 12, 0}, {T_C_STATE, false, 0, 0}, {T_C_ROLES, false, 12, 0},
    {T_C_PROJECT, false, 10, 0}, {T_C_EXPIRES, false, 0, 1},  {T_C_USED, false, 0, 2},  {T_C_ACTOR, false, 0, 4},
    {T_C_TITLE, false, 12, 3},
};

static void add_token_row(struct table *t, const struct json *x)
{
    AUTO_BUF struct buf v = BUF_INIT(4096);
    size_t state = 0;
    while (state + 1 < sizeof token_states / sizeof *token_states &&
           strcmp(token_states[state].code, cli_str(x, "state")) != 0)
        state++;
    table_cell(t, STYLE_PLAIN, cli_str(x, "token"));
    table_cell(t, STYLE_PLAIN, cli_str(x, "service"));
    table_cell(t, token_states[state].style, tr(token_states[state].word));
    add_roles(&v, json_get(x, "roles"));
    table_cell(t, STYLE_PLAIN, buf_cstr(&v));
    table_cell(t, STYLE_PLAIN, cli_str(x, "project"));
    buf_clear(&v);
    human_date(&v, cli_int(x, "expires_us"));
    table_cell(t, STYLE_PLAIN, buf_cstr(&v));
    table_cell(t, STYLE_PLAIN, cli_str(x, "used_day"));
    table_cell(t, STYLE_PLAIN, cli_str(json_get(x, "actor"), "name"));
    table_cell(t, STYLE_PLAIN, cli_str(x, "title"));
}

int cmd_token_list(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(token_columns, sizeof token_columns / sizeof *token_columns);
    AUTO_BUF struct buf params = BUF_INIT(4096);
    struct jw w = jw_to(&params);

    jw_obj(&w);
    if (cli_need_words(a, 0, 0, T_NONE, e) < 0 || add_limit(a, &w, e) < 0)
        return CLI_BAD_USAGE;
    add_option(a, &w, "service");
    add_option(a, &w, "cursor");
    jw_end_obj(&w);
    if (cli_call(c, "token.list", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    const struct json *tokens = json_get(answer.result, "tokens");
    for (const struct json *x = json_first(tokens); x; x = json_next(x))
        add_token_row(t, x);
    print_table(c, t, answer.result, T_NO_TOKENS);
    return CLI_OK;
}

int cmd_token_revoke(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf out = BUF_INIT(4096);

    if (cli_need_words(a, 1, 1, T_A_TOKEN, e) < 0)
        return CLI_BAD_USAGE;
    if (cli_call_with(c, "token.revoke", "token", args_word(a, 0), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    tr_add(&out, T_TOKEN_ENDED, cli_str(answer.result, "token"), cli_str(answer.result, "service"));
    buf_add_char(&out, '\n');
    cli_print(&out);
    return CLI_OK;
}
