/*
 * quality_print.c - see quality_print.h. Sections, each a table that fits the width; what is not there is left out.
 */
#include "api/cli/quality_print.h"

#include "api/cli/cli.h"
#include "api/cli/human.h"
#include "api/cli/say.h"
#include "api/cli/table.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BAR_STEPS = 8, MEDIAN_AT = 7 /* among the fifteen quantiles */ };

static const struct {
    const char *code;
    enum text_id text;
} words[] = {
    {"empty", T_Q_EMPTY},
    {"integer", T_Q_INTEGER},
    {"decimal", T_Q_DECIMAL},
    {"boolean", T_Q_BOOLEAN},
    {"date", T_Q_DATE},
    {"datetime", T_Q_DATETIME},
    {"time", T_Q_TIME},
    {"text", T_Q_TEXT},
    {"mixed", T_Q_MIXED},
    {"binary", T_Q_BINARY},
    {"nam", T_Q_NAM},
    {"permanent_code", T_Q_PERMANENT_CODE},
    {"nam_or_permanent_code", T_Q_NAM_OR_CODE},
    {"nas", T_Q_NAS},
    {"driver_licence", T_Q_LICENCE},
    {"postal_code", T_Q_POSTAL},
    {"phone", T_Q_PHONE},
    {"email", T_Q_EMAIL},
    {"ip_address", T_Q_IP},
    {"payment_card", T_Q_CARD},
    {"birth_date", T_Q_BIRTH_DATE},
    {"certain", T_Q_CERTAIN},
    {"probable", T_Q_PROBABLE},
    {"possible", T_Q_POSSIBLE},
    {"values", T_Q_BY_VALUES},
    {"name", T_Q_BY_NAME},
    {"name_and_values", T_Q_BY_BOTH},
    {"direct", T_Q_DIRECT},
    {"quasi", T_Q_QUASI},
    {"sensitive", T_Q_SENSITIVE},
    {"added", T_Q_ADDED},
    {"removed", T_Q_REMOVED},
    {"type_changed", T_Q_RETYPED},
    {"kept", T_Q_KEPT},
};

static const char *word(const char *code)
{
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].code, code) == 0)
            return tr(words[i].text);
    return code;
}

/* ---- pieces ---- */

static void add_share(struct buf *out, double share)
{
    double percent = share * 100;
    if (percent > 0 && percent < 0.1) {
        buf_add_str(out, "< ");
        percent = 0.1;
    }
    if (fabs(percent - round(percent)) < 0.05) {
        human_percent(out, (int64_t)llround(percent));
        return;
    }
    char text[32];
    snprintf(text, sizeof text, "%.1f", percent);
    for (const char *p = text; *p; p++)
        buf_add_char(out, *p == '.' && say_lang() == LANG_FR ? ',' : *p);
    buf_add_str(out, say_lang() == LANG_FR ? NBSP "%" : "%");
}

static double present_in(const struct json *column)
{
    double n = 0;
    for (const struct json *c = json_first(json_get(column, "cells")); c; c = json_next(c))
        n += json_num(c, 0);
    return n;
}

static void add_name(struct buf *out, const struct json *column)
{
    const char *name = json_str(json_get(column, "name"));
    if (name && *name)
        buf_add_str(out, name);
    else
        tr_add(out, T_Q_COLUMN, human_count_text((uint64_t)cli_int(column, "number")));
}

static void add_point(struct buf *out, const struct json *v)
{
    if (json_type(v) == JSON_NUMBER)
        human_number(out, json_num(v, 0));
    else if (json_str(v))
        buf_add_str(out, json_str(v));
}

static const struct json *stats_of(const struct json *column)
{
    const struct json *n = json_get(column, "numbers");
    return n ? n : json_get(column, "dates");
}

static void add_median(struct buf *out, const struct json *stats)
{
    int i = 0;
    for (const struct json *q = json_first(json_get(stats, "quantiles")); q; q = json_next(q))
        if (i++ == MEDIAN_AT)
            add_point(out, q);
}

static void add_bars(struct buf *out, const struct json *stats)
{
    static const char *const steps[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const struct json *shares = json_get(json_get(stats, "histogram"), "shares");
    double most = 0;
    for (const struct json *s = json_first(shares); s; s = json_next(s))
        most = json_num(s, 0) > most ? json_num(s, 0) : most;
    for (const struct json *s = json_first(shares); s && most > 0; s = json_next(s)) {
        double share = json_num(s, 0);
        int step = share > 0 ? 1 + (int)(share / most * (BAR_STEPS - 1)) : 0;
        buf_add_str(out, json_type(s) == JSON_NULL ? "·" : steps[step < BAR_STEPS ? step : BAR_STEPS]);
    }
}

/* "M 50 %, F 48 %" */
static void add_top(struct buf *out, const struct json *column, size_t most)
{
    double all = present_in(column);
    size_t n = 0;
    for (const struct json *t = json_first(json_get(column, "top")); t && n < most && all > 0; t = json_next(t)) {
        const struct json *v = json_get(t, "value");
        if (json_type(v) == JSON_NULL)
            continue;
        if (n++ > 0)
            buf_add_str(out, say_lang() == LANG_FR && json_type(v) == JSON_NUMBER ? "; " : ", ");
        if (json_str(v) && !*json_str(v))
            buf_add_str(out, tr(T_Q_EMPTY));
        add_point(out, v);
        buf_add_char(out, ' ');
        add_share(out, json_num(json_get(t, "count"), 0) / all);
    }
}

static void add_title(struct buf *out, const struct term *t, enum text_id title)
{
    buf_add_char(out, '\n');
    term_add(out, t, STYLE_BOLD, tr(title));
    buf_add_char(out, '\n');
}

/* ---- a file ---- */

static void add_fault(struct buf *out, const struct term *t, enum text_id text, const char *count, const char *where)
{
    AUTO_BUF struct buf line = BUF_INIT(4096);
    buf_add_str(&line, "  ");
    tr_add(&line, text, count, where);
    term_add(out, t, STYLE_WARN, buf_cstr(&line));
    buf_add_char(out, '\n');
}

static void add_faults(struct buf *out, const struct term *t, const struct json *f)
{
    static const struct {
        const char *key, *first;
        enum text_id text;
    } rows[] = {
        {"ragged_rows", "first_ragged_row", T_Q_RAGGED},   {"encoding_faults", "first_encoding_fault_row", T_Q_ENCODING_FAULTS},
        {"bad_lines", "first_bad_line", T_Q_BAD_LINES},    {"cut_fields", NULL, T_Q_CUT_FIELDS},
        {"stray_quotes", NULL, T_Q_STRAY_QUOTES},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (cli_int(f, rows[i].key) > 0)
            add_fault(out, t, rows[i].text, human_count_text((uint64_t)cli_int(f, rows[i].key)),
                      rows[i].first ? human_count_text((uint64_t)cli_int(f, rows[i].first)) : NULL);
    if (json_bool(json_get(f, "unclosed_quote"), false))
        add_fault(out, t, T_Q_UNCLOSED, NULL, NULL);
    int64_t left = cli_int(f, "columns_total") - (int64_t)json_count(json_get(f, "columns"));
    if (left > 0)
        add_fault(out, t, T_Q_COLUMNS_LEFT, human_count_text((uint64_t)left), NULL);
}

static void add_heading(struct buf *out, const struct term *t, const struct json *f)
{
    AUTO_BUF struct buf line = BUF_INIT(8192), rows = BUF_INIT(256), columns = BUF_INIT(256);
    const char *format = cli_str(f, "format"), *delimiter = json_str(json_get(f, "delimiter"));
    uint64_t n = (uint64_t)cli_int(f, "rows"), c = (uint64_t)cli_int(f, "columns_total");
    term_add(out, t, STYLE_BOLD, cli_str(f, "path"));
    buf_add_str(&line, "  ");
    buf_add_str(&line, strcmp(format, "csv") == 0     ? "CSV"
                       : strcmp(format, "tsv") == 0   ? "TSV"
                       : strcmp(format, "jsonl") == 0 ? "JSON Lines"
                                                      : word(format));
    if (delimiter && strcmp(format, "csv") == 0)
        tr_add(&line, T_Q_DELIMITER, delimiter);
    if (*cli_str(f, "encoding"))
        buf_printf(&line, " · %s", cli_str(f, "encoding"));
    if (*cli_str(f, "line_ends"))
        buf_printf(&line, " · %s", cli_str(f, "line_ends"));
    buf_add_str(&line, " · ");
    human_size(&line, (uint64_t)cli_int(f, "size_bytes"));
    buf_add_str(out, buf_cstr(&line));
    buf_add_char(out, '\n');
    if (!json_get(f, "columns"))
        return;
    tr_add(&rows, tr_plural(n, T_Q_ROWS_ONE, T_Q_ROWS_MANY), human_count_text(n));
    tr_add(&columns, tr_plural(c, T_Q_COLUMNS_ONE, T_Q_COLUMNS_MANY), human_count_text(c));
    buf_printf(out, "%s, %s", buf_cstr(&rows), buf_cstr(&columns));
    const struct json *d = json_get(f, "duplicates");
    uint64_t doubles = (uint64_t)cli_int(d, "rows");
    AUTO_BUF struct buf error = BUF_INIT(64);
    buf_add_str(out, ", ");
    if (json_bool(json_get(d, "exact"), true)) {
        tr_add(out, tr_plural(doubles, T_Q_DUPLICATES_ONE, T_Q_DUPLICATES_MANY), human_count_text(doubles));
    } else {
        add_share(&error, json_num(json_get(d, "relative_error"), 0));
        tr_add(out, T_Q_DUPLICATES_ABOUT, human_count_text(doubles), buf_cstr(&error));
    }
    if (json_get(f, "header") && !json_bool(json_get(f, "header"), true) && strcmp(format, "text") != 0)
        tr_add(out, T_Q_NO_HEADER);
    buf_add_char(out, '\n');
    add_faults(out, t, f);
}

/* ---- the columns ---- */

static const struct table_column columns_columns[] = {
    {T_C_Q_COLUMN, false, 18, 0}, {T_C_Q_TYPE, false, 0, 0},    {T_C_Q_MISSING, true, 0, 0},   {T_C_Q_DISTINCT, true, 0, 2},
    {T_C_MIN, true, 0, 3},        {T_C_Q_MEDIAN, true, 0, 4},   {T_C_MAX, true, 0, 3},         {T_C_Q_MEAN, true, 0, 6},
    {T_C_Q_SD, true, 0, 7},       {T_C_Q_OUTLIERS, true, 0, 5}, {T_C_Q_SPREAD, false, 0, 1}, {T_C_Q_FREQUENT, false, 12, 8},
};

static void cell(struct table *t, enum style style, struct buf *b)
{
    table_cell(t, style, buf_cstr(b));
    buf_clear(b);
}

static void add_column(struct table *t, const struct json *c)
{
    AUTO_BUF struct buf b = BUF_INIT(1 << 16);
    const struct json *stats = stats_of(c), *withheld = json_get(c, "withheld");
    double missing = json_num(json_get(c, "missing"), 0), all = missing + present_in(c);
    add_name(&b, c);
    cell(t, STYLE_PLAIN, &b);
    buf_add_str(&b, word(cli_str(c, "type")));
    if (*cli_str(c, "mostly"))
        buf_printf(&b, " (%s)", word(cli_str(c, "mostly")));
    cell(t, STYLE_PLAIN, &b);
    add_share(&b, all > 0 ? missing / all : 0);
    cell(t, missing * 5 > all ? STYLE_WARN : STYLE_PLAIN, &b);
    if (!json_bool(json_get(c, "distinct_exact"), true))
        buf_add_str(&b, "≈ ");
    human_count(&b, (uint64_t)cli_int(c, "distinct"));
    cell(t, STYLE_PLAIN, &b);
    add_point(&b, json_get(stats, "min"));
    cell(t, STYLE_PLAIN, &b);
    add_median(&b, stats);
    cell(t, STYLE_PLAIN, &b);
    add_point(&b, json_get(stats, "max"));
    cell(t, STYLE_PLAIN, &b);
    add_point(&b, json_get(stats, "mean"));
    cell(t, STYLE_PLAIN, &b);
    add_point(&b, json_get(stats, "sd"));
    cell(t, STYLE_PLAIN, &b);
    if (json_get(stats, "outliers"))
        human_count(&b, (uint64_t)cli_int(json_get(stats, "outliers"), "mild"));
    cell(t, STYLE_PLAIN, &b);
    add_bars(&b, stats);
    bool hidden = json_type(withheld) == JSON_STRING;
    if (hidden)
        buf_add_str(&b, tr(strcmp(json_str(withheld), "identifiers") == 0 ? T_Q_WITHHELD
                           : strcmp(json_str(withheld), "few") == 0       ? T_Q_FEW
                                                                          : T_Q_NO_ROOM));
    cell(t, hidden ? STYLE_DIM : STYLE_PLAIN, &b);
    add_top(&b, c, 5);
    cell(t, STYLE_PLAIN, &b);
}

static void add_columns(struct buf *out, const struct term *term, const struct json *f)
{
    AUTO_TABLE struct table *t = table_new(columns_columns, sizeof columns_columns / sizeof *columns_columns);
    for (const struct json *c = json_first(json_get(f, "columns")); c; c = json_next(c))
        add_column(t, c);
    if (table_rows(t) > 0) {
        buf_add_char(out, '\n');
        table_add(out, t, term, 0, false);
    }
}

/* ---- persons ---- */

static const struct table_column identifier_columns[] = {
    {T_C_Q_COLUMN, false, 10, 0}, {T_C_Q_KIND, false, 12, 0},  {T_C_Q_CELLS, true, 0, 0},
    {T_C_Q_SHARE, true, 0, 0},    {T_C_Q_CONFIDENCE, false, 0, 0}, {T_C_Q_BECAUSE, false, 10, 1},
};

static void add_identifier(struct table *t, const struct json *c, const struct json *i)
{
    AUTO_BUF struct buf b = BUF_INIT(4096);
    const char *confidence = cli_str(i, "confidence");
    add_name(&b, c);
    cell(t, STYLE_PLAIN, &b);
    table_cell(t, STYLE_PLAIN, word(cli_str(i, "kind")));
    table_cell(t, STYLE_PLAIN, human_count_text((uint64_t)cli_int(i, "cells")));
    add_share(&b, json_num(json_get(i, "share"), 0));
    cell(t, STYLE_PLAIN, &b);
    table_cell(t, strcmp(confidence, "certain") == 0 ? STYLE_BAD : STYLE_WARN, word(confidence));
    table_cell(t, STYLE_PLAIN, word(cli_str(i, "because")));
}

/* Columns that only their name says something of. */
static void add_suggested(struct table *t, const struct json *c)
{
    AUTO_BUF struct buf b = BUF_INIT(4096);
    const struct json *s = json_get(c, "suggests");
    if (!s || json_count(json_get(c, "identifiers")) > 0)
        return;
    add_name(&b, c);
    cell(t, STYLE_PLAIN, &b);
    table_cell(t, STYLE_PLAIN, word(cli_str(s, "class")));
    table_cell(t, STYLE_PLAIN, "");
    table_cell(t, STYLE_PLAIN, "");
    table_cell(t, STYLE_PLAIN, "");
    table_cell(t, STYLE_PLAIN, tr(T_Q_BY_NAME));
}

static void add_identifiers(struct buf *out, const struct term *term, const struct json *f)
{
    AUTO_TABLE struct table *t = table_new(identifier_columns, sizeof identifier_columns / sizeof *identifier_columns);
    for (const struct json *c = json_first(json_get(f, "columns")); c; c = json_next(c)) {
        for (const struct json *i = json_first(json_get(c, "identifiers")); i; i = json_next(i))
            add_identifier(t, c, i);
        add_suggested(t, c);
    }
    if (table_rows(t) == 0)
        return;
    add_title(out, term, T_Q_IDENTIFIERS);
    table_add(out, t, term, 0, false);
}

static void add_groups(struct buf *out, const struct term *term, const struct json *f)
{
    const struct json *list = json_get(f, "quasi_identifiers"), *columns = json_get(f, "columns");
    if (json_count(list) == 0)
        return;
    add_title(out, term, T_Q_GROUPS);
    for (const struct json *g = json_first(list); g; g = json_next(g)) {
        AUTO_BUF struct buf names = BUF_INIT(4096), line = BUF_INIT(8192), share = BUF_INIT(64);
        for (const struct json *n = json_first(json_get(g, "columns")); n; n = json_next(n))
            for (const struct json *c = json_first(columns); c; c = json_next(c))
                if (cli_int(c, "number") == json_int(n, 0)) {
                    if (names.len > 0)
                        buf_add_str(&names, " + ");
                    add_name(&names, c);
                }
        double rows = json_num(json_get(f, "rows"), 0);
        add_share(&share, rows > 0 ? json_num(json_get(g, "alone"), 0) / rows : 0);
        tr_add(&line, json_bool(json_get(g, "exact"), true) ? T_Q_GROUP : T_Q_GROUP_ABOUT, buf_cstr(&names),
               human_count_text((uint64_t)cli_int(g, "smallest_group")), human_count_text((uint64_t)cli_int(g, "groups")),
               buf_cstr(&share));
        term_add_wrapped(out, buf_cstr(&line), 0, term_prose_width(term), false);
    }
}

/* ---- drift ---- */

static const struct table_column drift_columns[] = {
    {T_C_Q_COLUMN, false, 10, 0}, {T_C_Q_CHANGE, false, 0, 0}, {T_C_Q_TYPE, false, 0, 1},
    {T_C_Q_MISSING, true, 0, 0},  {T_C_Q_PSI, true, 0, 0},     {T_C_Q_READS, false, 12, 2},
};

static bool is_notable(const struct json *c)
{
    double before = json_num(json_get(c, "missing_share_before"), 0), now = json_num(json_get(c, "missing_share"), 0);
    return strcmp(cli_str(c, "change"), "kept") != 0 || fabs(now - before) >= 0.01 || json_num(json_get(c, "psi"), 0) >= 0.1 ||
           json_count(json_get(c, "identifiers_added")) > 0;
}

static void add_drift_row(struct table *t, const struct json *c)
{
    AUTO_BUF struct buf b = BUF_INIT(4096);
    const struct json *psi = json_get(c, "psi"), *found = json_get(c, "identifiers_added");
    const char *before = cli_str(c, "type_before"), *now = cli_str(c, "type");
    bool both = *before && *now;
    add_name(&b, c);
    cell(t, STYLE_PLAIN, &b);
    table_cell(t, STYLE_PLAIN, word(cli_str(c, "change")));
    buf_add_str(&b, word(*before ? before : now));
    if (both && strcmp(before, now) != 0)
        buf_printf(&b, " → %s", word(now));
    cell(t, STYLE_PLAIN, &b);
    if (both) {
        add_share(&b, json_num(json_get(c, "missing_share_before"), 0));
        buf_add_str(&b, " → ");
        add_share(&b, json_num(json_get(c, "missing_share"), 0));
    }
    cell(t, STYLE_PLAIN, &b);
    if (json_type(psi) == JSON_NUMBER)
        human_number(&b, round(json_num(psi, 0) * 1000) / 1000);
    cell(t, json_num(psi, 0) >= 0.25 ? STYLE_BAD : json_num(psi, 0) >= 0.1 ? STYLE_WARN : STYLE_PLAIN, &b);
    if (json_type(psi) == JSON_NUMBER)
        buf_add_str(&b, tr(json_num(psi, 0) >= 0.25 ? T_Q_STRONG : json_num(psi, 0) >= 0.1 ? T_Q_MODERATE : T_Q_STABLE));
    for (const struct json *i = json_first(found); i; i = json_next(i)) {
        if (b.len > 0)
            buf_add_str(&b, ", ");
        tr_add(&b, T_Q_NEW_IDENTIFIER, word(json_str(i)));
    }
    cell(t, json_count(found) > 0 ? STYLE_BAD : STYLE_PLAIN, &b);
}

static void add_drift(struct buf *out, const struct term *term, const struct json *drift)
{
    AUTO_BUF struct buf title = BUF_INIT(1024), line = BUF_INIT(1024);
    if (json_type(drift) != JSON_OBJECT)
        return;
    tr_add(&title, T_Q_DRIFT, cli_str(drift, "against"));
    buf_add_char(out, '\n');
    term_add(out, term, STYLE_BOLD, buf_cstr(&title));
    buf_add_char(out, '\n');
    for (const struct json *f = json_first(json_get(drift, "files")); f; f = json_next(f)) {
        AUTO_TABLE struct table *t = table_new(drift_columns, sizeof drift_columns / sizeof *drift_columns);
        const char *change = cli_str(f, "change");
        buf_clear(&line);
        if (strcmp(change, "kept") != 0)
            tr_add(&line, strcmp(change, "added") == 0 ? T_Q_FILE_ADDED : T_Q_FILE_REMOVED, cli_str(f, "path"));
        else
            tr_add(&line, T_Q_ROWS_CHANGE, cli_str(f, "path"), human_count_text((uint64_t)cli_int(f, "rows_before")),
                   human_count_text((uint64_t)cli_int(f, "rows")));
        term_add_wrapped(out, buf_cstr(&line), 0, term_prose_width(term), false);
        for (const struct json *c = json_first(json_get(f, "columns")); c; c = json_next(c))
            if (is_notable(c))
                add_drift_row(t, c);
        if (table_rows(t) > 0)
            table_add(out, t, term, 0, false);
        else if (strcmp(change, "kept") == 0)
            term_add_wrapped(out, tr(T_Q_NO_DRIFT), 0, term_prose_width(term), false);
    }
}

void quality_add(struct buf *out, const struct term *t, const struct json *answer)
{
    const struct json *report = json_get(answer, "report");
    AUTO_BUF struct buf date = BUF_INIT(64), line = BUF_INIT(4096);
    bool first = true;
    human_date(&date, cli_int(answer, "reported_us"));
    tr_add(&line, T_Q_TITLE, cli_str(answer, "ref"), buf_cstr(&date), cli_str(answer, "run"),
           human_count_text((uint64_t)cli_int(answer, "small_count")));
    term_add_wrapped(out, buf_cstr(&line), 0, term_prose_width(t), false);
    for (const struct json *f = json_first(json_get(report, "files")); f; f = json_next(f)) {
        if (first)
            buf_add_char(out, '\n');
        else
            buf_add_str(out, "\n\n");
        first = false;
        add_heading(out, t, f);
        add_columns(out, t, f);
        add_identifiers(out, t, f);
        add_groups(out, t, f);
    }
    int64_t left = cli_int(report, "files_total") - (int64_t)json_count(json_get(report, "files"));
    if (left > 0) {
        buf_add_char(out, '\n');
        tr_add(out, T_Q_FILES_LEFT, human_count_text((uint64_t)left));
        buf_add_char(out, '\n');
    }
    add_drift(out, t, json_get(answer, "drift"));
}
