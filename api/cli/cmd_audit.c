/*
 * cmd_audit.c - enclos audit list, verify and export.
 */
#include "api/cli/command.h"
#include "api/cli/labtext.h"
#include "api/cli/when.h"
#include "api/common/text.h"
#include <errno.h>
#include <string.h>
#include <time.h>

const struct opt cmd_audit_list_options[] = {
    {"actor", 0, T_A_NAME, T_O_ACTOR, false},     {"action", 0, T_A_TEXT, T_O_ACTION, false},
    {"subject", 0, T_A_TEXT, T_O_SUBJECT, false}, {"from", 0, T_A_DATE, T_O_FROM, false},
    {"to", 0, T_A_DATE, T_O_TO, false},           {"limit", 0, T_A_NUMBER, T_O_LIMIT, false},
    {"cursor", 0, T_A_TEXT, T_O_CURSOR, false},   {0},
};
const struct opt cmd_audit_export_options[] = {
    {"from", 0, T_A_NUMBER, T_O_FROM_NUMBER, false},
    {"follow", 'f', T_NONE, T_O_FOLLOW_AUDIT, false},
    {0},
};

static const struct table_column audit_columns[] = {
    {T_C_NUMBER, true, 0, 0},  {T_C_TIME, false, 0, 2},     {T_C_ACTOR, false, 0, 1},
    {T_C_ACTION, false, 0, 0}, {T_C_SUBJECT, false, 16, 0}, {T_C_DIGEST, false, 0, 3},
};

enum { LIST_USUAL = 100 };

static int write_list_params(const struct args *a, struct buf *out, struct err *e)
{
    static const char *const texts[] = {"actor", "action", "subject", "cursor"};
    const char *limit = args_get(a, "limit"), *from = args_get(a, "from"), *to = args_get(a, "to");
    struct jw w = jw_to(out);
    int64_t us = 0;
    uint64_t n = 0;

    if (limit && text_u64(limit, 1, 1000, &n) < 0)
        return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_LIMIT, limit);
    jw_obj(&w);
    jw_int_at(&w, "limit", limit ? (int64_t)n : LIST_USUAL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (args_get(a, texts[i]))
            jw_str_at(&w, texts[i], args_get(a, texts[i]));
    if (from) {
        if (when_read(from, "--from", &us, e) < 0)
            return -1;
        jw_int_at(&w, "from_us", us);
    }
    if (to) {
        if (when_read(to, "--to", &us, e) < 0)
            return -1;
        jw_int_at(&w, "to_us", us);
    }
    jw_end_obj(&w);
    return 0;
}

int cmd_audit_list(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(audit_columns, 6);
    AUTO_BUF struct buf out = BUF_INIT(8 << 20), params = BUF_INIT(8192);

    if (cli_need_words(a, 0, 0, T_NONE, e) < 0 || write_list_params(a, &params, e) < 0)
        return CLI_BAD_USAGE;
    if (cli_call(c, "audit.list", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    const struct json *entries = json_get(answer.result, "entries");
    for (const struct json *x = json_first(entries); x; x = json_next(x)) {
        AUTO_BUF struct buf v = BUF_INIT(1024);
        human_count(&v, (uint64_t)cli_int(x, "number"));
        table_cell(t, STYLE_PLAIN, buf_cstr(&v));
        buf_clear(&v);
        human_date(&v, cli_int(x, "time_us"));
        table_cell(t, STYLE_PLAIN, buf_cstr(&v));
        buf_clear(&v);
        table_cell(t, STYLE_PLAIN, cli_str(json_get(x, "actor"), "name"));
        table_cell(t, STYLE_PLAIN, cli_str(x, "action"));
        table_cell(t, STYLE_PLAIN, cli_str(x, "subject"));
        human_digest(&v, cli_str(x, "hash"));
        table_cell(t, STYLE_DIM, buf_cstr(&v));
    }
    if (table_rows(t) > 0)
        table_add(&out, t, &c->out, 0, false);
    else
        cli_say(args_get(a, "actor") || args_get(a, "action") || args_get(a, "subject") ||
                        args_get(a, "from") || args_get(a, "to") || args_get(a, "cursor")
                    ? T_NO_AUDIT_SUCH
                    : T_NO_AUDIT);
    cli_print(&out);
    if (*cli_str(answer.result, "next_cursor"))
        cli_say(T_MORE, cli_str(answer.result, "next_cursor"));
    return CLI_OK;
}

int cmd_audit_verify(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf out = BUF_INIT(1 << 16);

    if (cli_need_words(a, 0, 0, T_NONE, e) < 0)
        return CLI_BAD_USAGE;
    if (cli_call(c, "audit.verify", NULL, &answer, e) < 0)
        return CLI_FAILED;
    bool ok = json_bool(json_get(answer.result, "ok"), false);
    uint64_t entries = (uint64_t)cli_int(answer.result, "entries");
    if (c->json) {
        cli_print_json(answer.result);
    } else if (ok) {
        term_add(&out, &c->out, STYLE_GOOD, tr(T_AUDIT_WHOLE));
        buf_add_char(&out, ' ');
        tr_add(&out, tr_plural(entries, T_AUDIT_COUNT_ONE, T_AUDIT_COUNT_MANY),
               human_count_text(entries));
        buf_add_char(&out, '\n');
        cli_print(&out);
    } else {
        term_add(&out, &c->out, STYLE_BAD, tr(T_AUDIT_BROKEN));
        buf_add_char(&out, ' ');
        AUTO_BUF struct buf reason = BUF_INIT(1 << 16);
        labtext_add(&reason, cli_str(answer.result, "reason"));
        tr_add(&out, T_AUDIT_AT, human_count_text((uint64_t)cli_int(answer.result, "broken")),
               buf_cstr(&reason));
        buf_add_char(&out, '\n');
        cli_print(&out);
    }
    return ok ? CLI_OK : CLI_REFUSED;
}

/* ---- export ---- */

/* One page, a line an entry. *next: where to go on; *head: the number of the last entry that there is. */
static int export_page(struct cli *c, int64_t *next, int64_t *head, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(256), out = BUF_INIT(CLIENT_ANSWER_MAX_BYTES);

    buf_printf(&params, "{\"from\":%lld}", (long long)*next);
    if (cli_call(c, "audit.export", buf_cstr(&params), &answer, e) < 0)
        return -1;
    const struct json *lines = json_get(answer.result, "lines");
    for (const struct json *x = json_first(lines); x; x = json_next(x)) {
        buf_add_str(&out, json_str(x));
        buf_add_char(&out, '\n');
    }
    cli_print(&out);
    *next = cli_int(answer.result, "next");
    *head = cli_int(json_get(answer.result, "head"), "number");
    return 0;
}

int cmd_audit_export(struct cli *c, struct args *a, struct err *e)
{
    const char *from = args_get(a, "from");
    uint64_t n = 1;
    int64_t next, head = 0;

    if (cli_need_words(a, 0, 0, T_NONE, e) < 0)
        return CLI_BAD_USAGE;
    if (from && text_u64(from, 1, UINT64_C(1) << 53, &n) < 0) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_BAD_FROM_NUMBER, from);
        return CLI_BAD_USAGE;
    }
    next = (int64_t)n;
    for (;;) {
        if (export_page(c, &next, &head, e) < 0)
            return CLI_FAILED;
        if (next <= head)
            continue;
        if (!args_has(a, "follow"))
            return CLI_OK;
        /* Asked for, not told: entries come by the second, and a reader that is slow holds nobody up. */
        const struct timespec pause = {.tv_sec = 1};
        while (nanosleep(&pause, NULL) < 0 && errno == EINTR)
            ;
    }
}
