/*
 * cmd_profile.c - enclos profile: the isolation profiles of the lab.
 *
 * Checking a file that is being written is `enclos-runner profile check FILE`: it needs no lab.
 */
#include "api/cli/command.h"
#include "api/cli/labtext.h"
#include <string.h>

static const char *title_of(const struct json *p)
{
    const char *french = cli_str(p, "title_fr");

    return say_lang() == LANG_FR && *french ? french : cli_str(p, "title");
}

static void add_extends(struct buf *out, const struct json *p)
{
    const struct json *list = json_get(p, "extends");

    if (json_str(list))
        buf_add_str(out, json_str(list));
    for (const struct json *x = json_first(list); x; x = json_next(x))
        buf_printf(out, "%s%s", out->len > 0 ? ", " : "", json_str(x) ? json_str(x) : "");
}

static const struct table_column columns[] = {
    {T_C_PROFILE, false, 0, 0}, {T_C_EXTENDS, false, 0, 3},      {T_C_NETWORK, false, 0, 2},
    {T_C_CALLS, true, 0, 4},    {T_C_DESCRIPTION, false, 20, 1},
};

static enum text_id network_text(const char *network)
{
    if (strcmp(network, "none") == 0)
        return T_NET_NONE;
    return strcmp(network, "loopback") == 0 ? T_NET_LOOPBACK : T_NONE;
}

static const char *network_word(const struct json *p)
{
    const char *network = cli_str(p, "network");

    return network_text(network) == T_NONE ? network : tr(network_text(network));
}

static enum text_id landlock_text(const char *landlock)
{
    if (strcmp(landlock, "required") == 0)
        return T_LANDLOCK_REQUIRED;
    return strcmp(landlock, "if_available") == 0 ? T_LANDLOCK_IF_AVAILABLE : T_NONE;
}

static const char *landlock_word(const struct json *p)
{
    const char *landlock = cli_str(p, "landlock");

    return landlock_text(landlock) == T_NONE ? landlock : tr(landlock_text(landlock));
}

/* What the lab said of a file, in the reader's language. */
static const char *said(struct buf *room, const char *text)
{
    buf_clear(room);
    labtext_add(room, text);
    return buf_cstr(room);
}

static void add_row(struct table *t, const struct json *p)
{
    AUTO_BUF struct buf extends = BUF_INIT(4096);
    const struct json *calls = json_get(p, "syscalls_allowed");

    table_cell(t, STYLE_BOLD, cli_str(p, "name"));
    if (!json_bool(json_get(p, "valid"), false)) {
        table_cell(t, STYLE_PLAIN, "");
        table_cell(t, STYLE_BAD, tr(T_PROFILE_INVALID));
        table_cell(t, STYLE_PLAIN, "");
        table_cell(t, STYLE_PLAIN, said(&extends, cli_str(json_get(p, "error"), "message")));
        return;
    }
    add_extends(&extends, p);
    table_cell(t, STYLE_PLAIN, buf_cstr(&extends));
    table_cell(t, STYLE_PLAIN, network_word(p));
    table_cell(t, STYLE_PLAIN,
               json_is_int(calls) ? human_count_text((uint64_t)json_int(calls, 0)) : "");
    table_cell(t, STYLE_PLAIN, title_of(p));
}

int cmd_profile_list(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(columns, 5);
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);

    if (cli_need_words(a, 0, 0, T_NONE, e) < 0)
        return CLI_BAD_USAGE;
    if (cli_call(c, "profile.list", NULL, &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    const struct json *list = json_get(answer.result, "profiles");
    for (const struct json *p = json_first(list); p; p = json_next(p))
        add_row(t, p);
    table_add(&out, t, &c->out, 0, false);
    cli_print(&out);
    return CLI_OK;
}

static const struct table_column fact_columns[] = {
    {T_NONE, false, 0, 0},
    {T_NONE, false, 20, 0},
};

static void add_fact(struct table *t, enum text_id label, const char *value)
{
    if (!*value)
        return;
    table_cell(t, STYLE_DIM, tr(label));
    table_cell(t, STYLE_PLAIN, value);
}

int cmd_profile_show(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(fact_columns, 2);
    AUTO_BUF struct buf out = BUF_INIT(1 << 20), v = BUF_INIT(1 << 16);

    if (cli_need_words(a, 1, 1, T_A_NAME, e) < 0)
        return CLI_BAD_USAGE;
    if (cli_call_with(c, "profile.get", "name", args_word(a, 0), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    const struct json *p = answer.result, *error = json_get(p, "error");
    term_add(&out, &c->out, STYLE_BOLD, cli_str(p, "name"));
    if (*title_of(p))
        buf_printf(&out, "  %s", title_of(p));
    buf_add_str(&out, "\n\n");
    if (json_type(error) == JSON_OBJECT) {
        add_fact(t, T_F_ERROR, said(&v, cli_str(error, "message")));
        add_fact(t, T_F_HINT, said(&v, cli_str(error, "hint")));
        buf_clear(&v);
    }
    add_extends(&v, p);
    add_fact(t, T_F_EXTENDS, buf_cstr(&v));
    add_fact(t, T_F_NETWORK, network_word(p));
    add_fact(t, T_F_LANDLOCK, landlock_word(p));
    if (json_is_int(json_get(p, "syscalls_allowed")))
        add_fact(t, T_F_CALLS, human_count_text((uint64_t)cli_int(p, "syscalls_allowed")));
    add_fact(t, T_F_FILE, cli_str(p, "file"));
    table_add(&out, t, &c->out, 2, true);
    cli_print(&out);
    return CLI_OK;
}
