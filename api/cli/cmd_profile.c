/*
 * cmd_profile.c - enclos profile list, show, diff, check: the isolation profiles of the lab.
 */
#include "api/cli/command.h"
#include "api/cli/labtext.h"
#include "api/cli/local_runner.h"
#include "api/cli/profile_print.h"
#include "api/common/fd.h"
#include "api/common/text.h"
#include <fcntl.h>
#include <unistd.h>
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

static const char *network_word(const struct json *p)
{
    return profile_word(cli_str(p, "network"));
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

static int ask_one(struct cli *c, const char *name, bool effective, struct client_answer *answer, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(4096);
    struct jw w = jw_to(&params);

    jw_obj(&w);
    jw_str_at(&w, "name", name);
    jw_bool_at(&w, "effective", effective);
    jw_end_obj(&w);
    return cli_call(c, "profile.get", buf_cstr(&params), answer, e);
}

static int ask_diff(struct cli *c, const char *a, const char *b, struct client_answer *answer, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(4096);
    struct jw w = jw_to(&params);

    jw_obj(&w);
    jw_str_at(&w, "a", a);
    jw_str_at(&w, "b", b);
    jw_end_obj(&w);
    return cli_call(c, "profile.diff", buf_cstr(&params), answer, e);
}

/* "/dev/nvidiactl /dev/nvidia*" of each set of devices. */
static void add_devices(struct buf *out, const struct json *sets)
{
    for (const struct json *d = json_first(sets); d; d = json_next(d)) {
        buf_printf(out, "%s%s:", out->len > 0 ? "; " : "", cli_str(d, "set"));
        for (const struct json *n = json_first(json_get(d, "need")); n; n = json_next(n))
            buf_printf(out, " %s", json_str(n) ? json_str(n) : "");
    }
}

static void add_variables(struct buf *out, const struct json *env)
{
    for (const struct json *v = json_first(env); v; v = json_next(v))
        buf_printf(out, "%s%s=%s", out->len > 0 ? " " : "", json_key(v), json_str(v) ? json_str(v) : "");
}

static void add_words(struct buf *out, const struct json *list)
{
    for (const struct json *v = json_first(list); v; v = json_next(v))
        buf_printf(out, "%s%s", out->len > 0 ? " " : "", json_str(v) ? json_str(v) : "");
}

/* With --effective: what the short form leaves out. */
static void add_more_facts(struct table *t, const struct json *p)
{
    AUTO_BUF struct buf v = BUF_INIT(1 << 16);

    add_fact(t, T_PK_EXEC, profile_word(cli_str(p, "exec")));
    add_fact(t, T_PK_EXEC_MEMORY, tr(json_bool(json_get(p, "exec_memory"), false) ? T_YES : T_NO));
    add_fact(t, T_PK_FILE_LOCKS, tr(json_bool(json_get(p, "file_locks"), false) ? T_YES : T_NO));
    add_fact(t, T_PK_PROC, profile_word(cli_str(p, "proc")));
    add_variables(&v, json_get(p, "env"));
    add_fact(t, T_PK_ENV, buf_cstr(&v));
    buf_clear(&v);
    add_words(&v, json_get(p, "thread_env"));
    add_fact(t, T_PK_THREAD_ENV, buf_cstr(&v));
}

int cmd_profile_show(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(fact_columns, 2);
    AUTO_BUF struct buf out = BUF_INIT(1 << 20), v = BUF_INIT(1 << 16);

    if (cli_need_words(a, 1, 1, T_A_NAME, e) < 0)
        return CLI_BAD_USAGE;
    if (ask_one(c, args_word(a, 0), args_has(a, "effective"), &answer, e) < 0)
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
    if (strcmp(cli_str(p, "network"), "proxy") == 0) {
        AUTO_BUF struct buf hosts = BUF_INIT(1 << 17);
        for (const struct json *h = json_first(json_get(p, "allow_hosts")); h; h = json_next(h)) {
            buf_add_str(&hosts, hosts.len ? ", " : "");
            buf_add_str(&hosts, json_str(h) ? json_str(h) : "");
        }
        add_fact(t, T_F_ALLOW_HOSTS, hosts.len ? buf_cstr(&hosts) : tr(T_NW_ALLOWED_NONE));
    }
    add_fact(t, T_F_LANDLOCK, profile_word(cli_str(p, "landlock")));
    if (json_is_int(json_get(p, "syscalls_allowed")))
        add_fact(t, T_F_CALLS, human_count_text((uint64_t)cli_int(p, "syscalls_allowed")));
    buf_clear(&v);
    add_devices(&v, json_get(p, "devices"));
    add_fact(t, T_PT_DEVICES, buf_cstr(&v));
    bool effective = args_has(a, "effective");
    if (effective)
        add_more_facts(t, p);
    add_fact(t, T_F_FILE, cli_str(p, "file"));
    table_add(&out, t, &c->out, 2, true);
    if (effective) {
        AUTO_ANSWER struct client_answer diff = {0};
        profile_print_rules(&out, &c->out, p);
        if (strcmp(cli_str(p, "name"), "base") != 0) {
            if (ask_diff(c, cli_str(p, "name"), "base", &diff, e) < 0)
                return CLI_FAILED;
            buf_add_char(&out, '\n');
            term_add(&out, &c->out, STYLE_BOLD, tr(T_PT_DIFFERS));
            buf_add_char(&out, '\n');
            profile_print_diff(&out, &c->out, diff.result);
        }
    }
    cli_print(&out);
    return CLI_OK;
}

int cmd_profile_diff(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);

    if (cli_need_words(a, 2, 2, T_A_NAME, e) < 0)
        return CLI_BAD_USAGE;
    if (ask_diff(c, args_word(a, 0), args_word(a, 1), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    profile_print_diff(&out, &c->out, answer.result);
    cli_print(&out);
    return CLI_OK;
}

/* ---- check ---- */

enum { TEXT_MAX = 200000 };

/* NAME of NAME.jsonc. */
static int name_of(const char *file, char *out, size_t size, struct err *e)
{
    const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;
    size_t len = strlen(base);

    if (len > 6 && len - 6 < size && strcmp(base + len - 6, ".jsonc") == 0) {
        memcpy(out, base, len - 6);
        out[len - 6] = '\0';
        if (text_is_name(out))
            return 0;
    }
    return say_err(e, E_INVALID, NULL, T_PC_NAME_HINT, T_PC_NAME, base);
}

/* The lab's word on it, or that of this machine's runner when no lab answers. */
static int judge(struct cli *c, const char *file, const char *name, const struct buf *text, struct client_answer *answer,
                 struct json **local, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(1 << 21);
    struct jw w = jw_to(&params);
    const char *const words[] = {"profile", "check", file, "--json", NULL};

    jw_obj(&w);
    jw_str_at(&w, "name", name);
    jw_str_at(&w, "text", text->data ? text->data : "");
    jw_end_obj(&w);
    if (cli_call(c, "profile.check", buf_cstr(&params), answer, e) == 0)
        return 0;
    if (e->kind != E_UNAVAILABLE)
        return -1;
    *e = (struct err){0};
    return local_runner_ask(words, local, NULL, e);
}

int cmd_profile_check(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_JSON struct json *local = NULL;
    AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX), out = BUF_INIT(1 << 16);
    char name[65];

    if (cli_need_words(a, 1, 1, T_A_PATH, e) < 0)
        return CLI_BAD_USAGE;
    const char *file = args_word(a, 0);
    AUTO_FD int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "file", NULL, "%s", file), CLI_FAILED;
    if (name_of(file, name, sizeof name, e) < 0 || fd_read_all(fd, TEXT_MAX, &text, file, e) < 0)
        return CLI_FAILED;
    buf_cstr(&text);
    if (judge(c, file, name, &text, &answer, &local, e) < 0)
        return CLI_FAILED;
    const struct json *p = answer.result ? answer.result : local, *error = json_get(p, "error");
    bool valid = json_bool(json_get(p, "valid"), false);
    if (c->json) {
        cli_print_json(p);
        return valid ? CLI_OK : CLI_REFUSED;
    }
    if (valid) {
        AUTO_BUF struct buf line = BUF_INIT(8192);
        tr_add(&line, T_PC_VALID, file, human_count_text((uint64_t)cli_int(p, "syscalls_allowed")));
        cli_add_line(&out, &c->out, buf_cstr(&line));
    }
    if (!valid)
        return err_set(e, E_INVALID, cli_str(error, "field"), cli_str(error, "hint"), "%s", cli_str(error, "message")),
               CLI_FAILED;
    cli_print(&out);
    return CLI_OK;
}
