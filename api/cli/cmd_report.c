/*
 * cmd_report.c - enclos report: as tables for the terminal, CSV, JSON, or an HTML page.
 */
#include "api/cli/command.h"
#include "api/cli/report_html.h"
#include "api/cli/report_words.h"
#include "api/cli/when.h"
#include "api/common/text.h"
#include <string.h>

const struct opt cmd_report_options[] = {
    {"from", 0, T_A_DATE, T_O_FROM, false},
    {"to", 0, T_A_DATE, T_O_TO, false},
    {"format", 0, T_A_FORMAT, T_O_FORMAT, false},
    {"table", 0, T_A_NAME, T_O_TABLE, false},
    {"region", 0, T_A_REGION, T_O_REGION, false},
    {0},
};

/* ---- for the terminal ---- */

static void add_table(struct buf *out, const struct term *term, const struct json *table)
{
    enum { COLUMNS = 24 };
    struct table_column columns[COLUMNS];
    const struct report_column *known[COLUMNS];
    const struct json *names = json_get(table, "columns"), *rows = json_get(table, "rows");
    size_t count = 0;

    for (const struct json *c = json_first(names); c && count < COLUMNS; c = json_next(c), count++) {
        known[count] = report_column_find(json_str(c));
        /* The first says what a row is about; the later a column, the sooner it goes. */
        columns[count] = (struct table_column){.title = known[count]->title,
                                               .right = report_column_is_number(known[count]),
                                               .min_width = known[count]->type == REPORT_BOTH ? 14 : 0,
                                               .drop = (unsigned)count};
    }
    term_add(out, term, STYLE_BOLD, report_table_title(cli_str(table, "name")));
    buf_add_char(out, '\n');
    if (json_count(rows) == 0) {
        buf_printf(out, "  %s\n\n", tr(T_R_NOTHING));
        return;
    }
    AUTO_TABLE struct table *t = table_new(columns, count);
    for (const struct json *r = json_first(rows); r; r = json_next(r)) {
        size_t i = 0;
        for (const struct json *v = json_first(r); v && i < count; v = json_next(v), i++) {
            AUTO_BUF struct buf text = BUF_INIT(1 << 16);
            report_value_add(&text, known[i], v);
            table_cell(t, STYLE_PLAIN, buf_cstr(&text));
        }
    }
    table_add(out, t, term, 2, false);
    if (json_bool(json_get(table, "cut"), false))
        buf_printf(out, "  %s\n", tr(T_R_CUT));
    buf_add_char(out, '\n');
}

/* ---- CSV (RFC 4180) ---- */

static void add_field(struct buf *out, const char *text, bool first)
{
    buf_add_str(out, first ? "" : ",");
    /* A spreadsheet would run what begins like a formula. */
    bool formula = *text && strchr("=+-@\t\r", *text);
    if (!formula && !strpbrk(text, ",\"\r\n")) {
        buf_add_str(out, text);
        return;
    }
    buf_add_str(out, formula ? "\"'" : "\"");
    for (; *text; text++) {
        if (*text == '"')
            buf_add_char(out, '"');
        buf_add_char(out, *text);
    }
    buf_add_char(out, '"');
}

/* Codes and plain numbers, as the API has them: for other programs. */
static void add_csv(struct buf *out, const struct json *table)
{
    bool first = true;
    const struct json *columns = json_get(table, "columns");
    for (const struct json *c = json_first(columns); c; c = json_next(c), first = false) {
        if (report_column_find(json_str(c))->type == REPORT_BOTH) {
            AUTO_BUF struct buf name = BUF_INIT(256);
            buf_printf(&name, "%s_fr", json_str(c));
            add_field(out, buf_cstr(&name), first);
            buf_clear(&name);
            buf_printf(&name, "%s_en", json_str(c));
            add_field(out, buf_cstr(&name), false);
            continue;
        }
        add_field(out, json_str(c), first);
    }
    buf_add_str(out, "\r\n");
    for (const struct json *r = json_first(json_get(table, "rows")); r; r = json_next(r)) {
        const struct json *c = json_first(columns);
        first = true;
        for (const struct json *v = json_first(r); v && c; v = json_next(v), c = json_next(c), first = false) {
            AUTO_BUF struct buf text = BUF_INIT(1 << 16);
            if (report_column_find(json_str(c))->type == REPORT_BOTH) {
                const char *fr = json_str(json_get(v, "fr")), *en = json_str(json_get(v, "en"));
                add_field(out, fr ? fr : "", first);
                add_field(out, en ? en : "", false);
                continue;
            }
            if (json_type(v) == JSON_NUMBER) { /* a minus sign is none of a formula here */
                json_print(v, false, &text);
                buf_printf(out, "%s%s", first ? "" : ",", buf_cstr(&text));
                continue;
            }
            add_field(out, json_str(v) ? json_str(v) : "", first);
        }
        buf_add_str(out, "\r\n");
    }
}

static const struct json *cell(const struct json *table, const struct json *row, const char *name)
{
    const struct json *v = json_first(row);
    for (const struct json *c = json_first(json_get(table, "columns")); c && v; c = json_next(c), v = json_next(v))
        if (strcmp(json_str(c), name) == 0)
            return v;
    return NULL;
}

static const char *french(const struct json *both)
{
    const char *fr = json_str(json_get(both, "fr")), *en = json_str(json_get(both, "en"));
    return fr ? fr : en ? en : "";
}

/* The six columns of the « Portrait des utilisations de l'IA », in French as it is. A project that was stopped has
 * no status there. */
static void add_portrait(struct buf *out, const struct json *table)
{
    static const char *const titles[] = {"nom", "categorie", "organisme_responsable", "portefeuille_ministeriel",
                                         "benefices_associes", "statut"};
    enum lang before = say_lang();
    say_in(LANG_FR);
    for (size_t i = 0; i < 6; i++)
        add_field(out, titles[i], i == 0);
    buf_add_str(out, "\r\n");
    for (const struct json *r = json_first(json_get(table, "rows")); r; r = json_next(r)) {
        const char *stage = json_str(cell(table, r, "stage")), *text;
        AUTO_BUF struct buf family = BUF_INIT(512);
        const char *name = french(cell(table, r, "title"));
        if (stage && strcmp(stage, "stopped") == 0)
            continue;
        report_value_add(&family, report_column_find("family"), cell(table, r, "family"));
        text = json_str(cell(table, r, "project"));
        add_field(out, *name ? name : text ? text : "", true);
        add_field(out, buf_cstr(&family), false);
        text = json_str(cell(table, r, "organisation"));
        add_field(out, text ? text : "", false);
        text = json_str(cell(table, r, "portfolio"));
        add_field(out, text ? text : "", false);
        add_field(out, french(cell(table, r, "benefits")), false);
        add_field(out, tr(stage && strcmp(stage, "published") == 0 ? T_R_IN_PRODUCTION : T_R_IN_DEVELOPMENT), false);
        buf_add_str(out, "\r\n");
    }
    say_in(before);
}

/* ---- the command ---- */

static int write_params(const struct args *a, struct buf *out, struct err *e)
{
    const char *from = args_get(a, "from"), *to = args_get(a, "to");
    struct jw w = jw_to(out);
    int64_t us = 0;
    jw_obj(&w);
    jw_str_at(&w, "kind", args_word(a, 0));
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
    if (args_get(a, "region"))
        jw_str_at(&w, "region", args_get(a, "region"));
    jw_end_obj(&w);
    return 0;
}

static const struct json *find_table(const struct json *report, const char *name)
{
    for (const struct json *t = json_first(json_get(report, "tables")); t; t = json_next(t))
        if (!name || strcmp(cli_str(t, "name"), name) == 0)
            return t;
    return NULL;
}

static int print_csv(const struct json *report, const char *name, struct buf *out, struct err *e)
{
    const struct json *table = find_table(report, name);
    if (!table)
        return say_err(e, E_INVALID, NULL, T_NONE, T_R_NO_TABLE, name ? name : "");
    if (!name && strcmp(cli_str(report, "kind"), "portfolio") == 0)
        add_portrait(out, table);
    else
        add_csv(out, table);
    if (json_bool(json_get(table, "cut"), false))
        cli_say(T_R_CUT);
    return 0;
}

static void print_tables(const struct cli *c, const struct json *report, struct buf *out)
{
    AUTO_BUF struct buf method = BUF_INIT(2048);
    for (const struct json *t = json_first(json_get(report, "tables")); t; t = json_next(t))
        add_table(out, &c->out, t);
    report_method_add(&method, report);
    if (method.len > 0)
        cli_add_line(out, &c->out, buf_cstr(&method));
}

int cmd_report(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(4096), out = BUF_INIT(64 << 20);
    const char *format = args_get(a, "format") ? args_get(a, "format") : c->json ? "json" : "table";

    if (cli_need_words(a, 1, 1, T_A_REPORT, e) < 0 || write_params(a, &params, e) < 0)
        return CLI_BAD_USAGE;
    if (strcmp(format, "table") != 0 && strcmp(format, "csv") != 0 && strcmp(format, "html") != 0 &&
        strcmp(format, "json") != 0) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_BAD_REPORT_FORMAT, format);
        return CLI_BAD_USAGE;
    }
    if (cli_call(c, "report.get", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (strcmp(format, "json") == 0) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    if (strcmp(format, "csv") == 0) {
        if (print_csv(answer.result, args_get(a, "table"), &out, e) < 0)
            return CLI_BAD_USAGE;
    } else if (strcmp(format, "html") == 0) {
        report_html_add(&out, answer.result);
    } else {
        print_tables(c, answer.result, &out);
    }
    cli_print(&out);
    return CLI_OK;
}
