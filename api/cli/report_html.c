/*
 * report_html.c - see report_html.h.
 *
 * Everything that comes from the lab is escaped in add_escaped(), whatever it is. A policy in the page refuses
 * scripts and loads, should something ever slip through.
 */
#include "api/cli/report_html.h"
#include "api/cli/cli.h"
#include "api/cli/human.h"
#include "api/cli/report_words.h"
#include <string.h>

enum { BARS_MAX = 12, BAR_WIDTH = 360, LABEL_WIDTH = 200, ROW_HEIGHT = 26 };

/* Colours reach a contrast of 4.5 on white (SGQRI 008, WCAG AA). */
static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:70rem;margin:0 auto;padding:1rem}"
    "h1{font-size:1.7rem;color:#095797}h2{font-size:1.25rem;margin-top:2rem}nav a{margin-right:1rem}"
    "a{color:#095797}a:focus{outline:3px solid #095797;outline-offset:2px}"
    "table{border-collapse:collapse;width:100%;font-size:.9rem}caption{text-align:left;color:#4a4a4a;padding:.3rem 0}"
    "th,td{border-bottom:1px solid #c5cad2;padding:.35rem .5rem;text-align:left;vertical-align:top}"
    "th{border-bottom:2px solid #223654}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}"
    "svg{display:block;max-width:100%;height:auto;margin:1rem 0}.scroll{overflow-x:auto}"
    "figure{margin:1rem 0}figcaption{font-weight:600}"
    ".cut{border-left:4px solid #ad781c;padding-left:.7rem}"
    "@page{size:letter landscape;margin:15mm}@media print{table{font-size:8pt}nav{display:none}body{max-width:none;padding:0;font-size:10pt}section{break-before:page}"
    "section:first-of-type{break-before:auto}tr,svg{break-inside:avoid}thead{display:table-header-group}"
    ".scroll{overflow:visible}}";

static void add_escaped(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        switch (*p) {
        case '&': buf_add_str(out, "&amp;"); break;
        case '<': buf_add_str(out, "&lt;"); break;
        case '>': buf_add_str(out, "&gt;"); break;
        case '"': buf_add_str(out, "&quot;"); break;
        case '\'': buf_add_str(out, "&#39;"); break;
        default:
            if ((unsigned char)*p >= 0x20 || *p == '\n' || *p == '\t')
                buf_add_char(out, *p);
        }
    }
}

static void add_cell(struct buf *out, const struct report_column *c, const struct json *value)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 16);
    report_value_add(&text, c, value);
    add_escaped(out, buf_cstr(&text));
}

/* ---- charts ---- */

/* The column to draw a table by, and the one that names its rows; -1: none. */
static int find_column(const struct json *columns, const char *const *names)
{
    for (; *names; names++) {
        int at = 0;
        for (const struct json *c = json_first(columns); c; c = json_next(c), at++)
            if (json_str(c) && strcmp(json_str(c), *names) == 0)
                return at;
    }
    return -1;
}

static const struct json *at(const struct json *row, int column)
{
    const struct json *v = json_first(row);
    while (column-- > 0)
        v = json_next(v);
    return v;
}

static const char *column_name(const struct json *columns, int column)
{
    return json_str(at(columns, column)) ? json_str(at(columns, column)) : "";
}

static void add_bar(struct buf *out, int row, const struct report_column *label,
                    const struct report_column *c, const struct json *name, const struct json *value,
                    double most)
{
    int y = row * ROW_HEIGHT + 4;
    double width = most > 0 ? report_value_number(value) / most * BAR_WIDTH : 0;
    AUTO_BUF struct buf text = BUF_INIT(1 << 16);
    report_value_add(&text, label, name);
    /* What is too long for its place ends in an ellipsis; the table has it whole. */
    size_t keep = 0, shown = 0;
    const char *whole = buf_cstr(&text);
    while (whole[keep] && shown < 24) {
        keep++;
        while (((unsigned char)whole[keep] & 0xc0) == 0x80)
            keep++;
        shown++;
    }
    buf_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", LABEL_WIDTH - 8, y + 14);
    AUTO_BUF struct buf part = BUF_INIT(1 << 10);
    buf_add(&part, whole, keep);
    add_escaped(out, buf_cstr(&part));
    buf_printf(out, "%s</text>", whole[keep] ? "…" : "");
    buf_printf(out, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"18\" fill=\"#095797\"/>",
               LABEL_WIDTH, y, width);
    buf_printf(out, "<text x=\"%.1f\" y=\"%d\">", LABEL_WIDTH + width + 6, y + 14);
    add_cell(out, c, value);
    buf_add_str(out, "</text>");
}

/* Bars of one name (a project's runs by purpose and outcome) cannot be told from each other. */
static bool names_repeat(const struct json *rows, int label, int count)
{
    int i = 0;
    for (const struct json *r = json_first(rows); r && i < count; r = json_next(r), i++) {
        const char *name = json_str(at(r, label));
        int k = 0;
        for (const struct json *q = json_first(rows); q && k < i; q = json_next(q), k++) {
            const char *other = json_str(at(q, label));
            if (strcmp(name ? name : "", other ? other : "") == 0)
                return true;
        }
    }
    return false;
}

static void add_chart(struct buf *out, const struct json *table, const char *id)
{
    static const char *const values[] = {"runs", "entries", NULL}, *const energy[] = {"energy_kwh", "runs", NULL};
    static const char *const labels[] = {"month", "project", "outcome", "dataset", "action", NULL};
    const struct json *columns = json_get(table, "columns"), *rows = json_get(table, "rows");
    bool of_energy = strcmp(cli_str(table, "name"), "energy") == 0;
    int value = find_column(columns, of_energy ? energy : values), label = find_column(columns, labels);
    int count = (int)(json_count(rows) < BARS_MAX ? json_count(rows) : BARS_MAX), i = 0;
    double most = 0;
    if (value < 0 || label < 0 || count < 2 || names_repeat(rows, label, count))
        return;
    for (const struct json *r = json_first(rows); r; r = json_next(r))
        most = report_value_number(at(r, value)) > most ? report_value_number(at(r, value)) : most;
    const struct report_column *c = report_column_find(column_name(columns, value)),
                               *l = report_column_find(column_name(columns, label));
    buf_add_str(out, "<figure><figcaption>");
    add_escaped(out, report_column_title(c, ""));
    buf_add_str(out, "</figcaption>");
    buf_printf(out,
               "<svg role=\"img\" aria-labelledby=\"%s-t %s-d\" viewBox=\"0 0 %d %d\" width=\"%d\" font-size=\"13\" "
               "fill=\"#1a1a1a\"><title id=\"%s-t\">",
               id, id, LABEL_WIDTH + BAR_WIDTH + 140, count * ROW_HEIGHT + 8,
               LABEL_WIDTH + BAR_WIDTH + 140, id);
    add_escaped(out, report_column_title(c, ""));
    buf_add_str(out, " – ");
    add_escaped(out, report_column_title(l, ""));
    buf_printf(out, "</title><desc id=\"%s-d\">", id);
    add_escaped(out, tr(json_count(rows) > BARS_MAX ? T_R_CHART_PART : T_R_CHART_WHOLE));
    buf_add_str(out, "</desc>");
    for (const struct json *r = json_first(rows); r && i < count; r = json_next(r), i++)
        add_bar(out, i, l, c, at(r, label), at(r, value), most);
    buf_add_str(out, "</svg></figure>\n");
}

/* ---- tables ---- */

static void add_table(struct buf *out, const struct json *table, const char *lang, int number)
{
    const struct json *columns = json_get(table, "columns"), *rows = json_get(table, "rows");
    AUTO_BUF struct buf id = BUF_INIT(64);
    buf_printf(&id, "%s-%d", lang, number);
    buf_add_str(out, "<h2>");
    add_escaped(out, report_table_title(cli_str(table, "name")));
    buf_add_str(out, "</h2>\n");
    if (json_count(rows) == 0) {
        buf_add_str(out, "<p>");
        add_escaped(out, tr(T_R_NOTHING));
        buf_add_str(out, "</p>\n");
        return;
    }
    add_chart(out, table, buf_cstr(&id));
    buf_add_str(out, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"");
    add_escaped(out, report_table_title(cli_str(table, "name")));
    buf_add_str(out, "\"><table><caption>");
    add_escaped(out, report_table_title(cli_str(table, "name")));
    buf_add_str(out, "</caption><thead><tr>");
    for (const struct json *c = json_first(columns); c; c = json_next(c)) {
        const struct report_column *known = report_column_find(json_str(c));
        buf_printf(out, "<th scope=\"col\"%s>", report_column_is_number(known) ? " class=\"n\"" : "");
        add_escaped(out, report_column_title(known, json_str(c)));
        buf_add_str(out, "</th>");
    }
    buf_add_str(out, "</tr></thead><tbody>\n");
    for (const struct json *r = json_first(rows); r; r = json_next(r)) {
        const struct json *c = json_first(columns);
        buf_add_str(out, "<tr>");
        for (const struct json *v = json_first(r); v && c; v = json_next(v), c = json_next(c)) {
            const struct report_column *known = report_column_find(json_str(c));
            buf_add_str(out, report_column_is_number(known) ? "<td class=\"n\">" : "<td>");
            add_cell(out, known, v);
            buf_add_str(out, "</td>");
        }
        buf_add_str(out, "</tr>\n");
    }
    buf_add_str(out, "</tbody></table></div>\n");
    if (json_bool(json_get(table, "cut"), false)) {
        buf_add_str(out, "<p class=\"cut\">");
        add_escaped(out, tr(T_R_CUT));
        buf_add_str(out, "</p>\n");
    }
}

static void add_section(struct buf *out, const struct json *report, enum lang lang)
{
    const char *code = lang == LANG_FR ? "fr" : "en";
    AUTO_BUF struct buf period = BUF_INIT(512), from = BUF_INIT(64), to = BUF_INIT(64),
                        made = BUF_INIT(64), method = BUF_INIT(2048);
    int number = 0;
    say_in(lang);
    human_date(&from, cli_int(report, "from_us"));
    human_date(&to, cli_int(report, "to_us"));
    human_date(&made, cli_int(report, "made_us"));
    if (cli_int(report, "from_us") > 0)
        tr_add(&period, T_R_PERIOD, buf_cstr(&from), buf_cstr(&to), buf_cstr(&made),
               cli_str(report, "made_by"));
    else
        tr_add(&period, T_R_PERIOD_ALL, buf_cstr(&to), buf_cstr(&made), cli_str(report, "made_by"));
    report_method_add(&method, report);
    buf_printf(out, "<section id=\"%s\" lang=\"%s\">\n<h1>", code, code);
    add_escaped(out, report_kind_title(cli_str(report, "kind")));
    buf_add_str(out, "</h1>\n<p>");
    add_escaped(out, buf_cstr(&period));
    buf_add_str(out, "</p>\n");
    for (const struct json *t = json_first(json_get(report, "tables")); t; t = json_next(t))
        add_table(out, t, code, number++);
    if (method.len > 0) {
        buf_add_str(out, "<h2>");
        add_escaped(out, tr(T_R_METHOD_TITLE));
        buf_add_str(out, "</h2>\n<p>");
        add_escaped(out, buf_cstr(&method));
        buf_add_str(out, "</p>\n");
    }
    buf_add_str(out, "</section>\n");
}

void report_html_add(struct buf *out, const struct json *report)
{
    enum lang before = say_lang();
    say_in(LANG_FR);
    buf_add_str(out, "<!DOCTYPE html>\n<html lang=\"fr\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                     "'unsafe-inline'\">\n<title>");
    add_escaped(out, report_kind_title(cli_str(report, "kind")));
    buf_printf(out, "</title>\n<style>%s</style>\n</head>\n<body>\n", style);
    buf_add_str(out, "<nav aria-label=\"Langue – Language\"><a href=\"#fr\" lang=\"fr\" hreflang=\"fr\">Français</a>"
                     "<a href=\"#en\" lang=\"en\" hreflang=\"en\">English</a></nav>\n<main>\n");
    add_section(out, report, LANG_FR);
    add_section(out, report, LANG_EN);
    buf_add_str(out, "</main>\n</body>\n</html>\n");
    say_in(before);
}
