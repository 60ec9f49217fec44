/*
 * report.c - see report.h.
 */
#include "api/inspect/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const double report_quantiles[REPORT_QUANTILES] = {0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99};

#define YEAR_S (365.25 * 86400)

/* ---- identifiers ---- */

static const char *confidence(const struct column *c, enum ident k, uint64_t cells, double share, bool weak)
{
    bool named = c->hint.kind == k;
    if ((named && share >= 0.5) || (!weak && share >= 0.9 && cells >= 10))
        return "certain";
    return named || cells >= 3 || share >= 0.01 ? "probable" : "possible";
}

/* Which of the two readings: the name, else what the other cells are, else both. */
static void resolve_letters(const struct column *c, uint64_t cells[IDENT_COUNT])
{
    uint64_t nam = cells[IDENT_NAM], code = cells[IDENT_CODE_PERMANENT], both = cells[IDENT_NAM_OR_CODE];
    enum ident to = IDENT_NAM_OR_CODE;
    if (c->hint.kind == IDENT_NAM || c->hint.kind == IDENT_CODE_PERMANENT)
        to = c->hint.kind;
    else if (nam > 0 && code * 4 <= nam)
        to = IDENT_NAM;
    else if (code > 0 && nam * 4 <= code)
        to = IDENT_CODE_PERMANENT;
    cells[IDENT_NAM_OR_CODE] = 0;
    cells[to] += both;
}

/* A column of dates that spread as birth dates do. */
static bool looks_born(struct column *c, uint64_t present, double now_s)
{
    const struct sample *s = &c->dates.sample;
    if (c->dates.count < 20 || c->dates.count * 10 < present * 9 || c->dates.max > now_s)
        return false;
    double low = sample_quantile(s, 0.05), high = sample_quantile(s, 0.95), half = sample_quantile(s, 0.5);
    return high - low > 18 * YEAR_S && now_s - low < 110 * YEAR_S && now_s - half > 10 * YEAR_S;
}

static size_t birth_date(struct column *c, uint64_t present, double now_s, struct finding *out)
{
    bool named = c->hint.kind == IDENT_BIRTH_DATE;
    if (present == 0 || (!named && !looks_born(c, present, now_s)))
        return 0;
    double share = (double)c->dates.count / (double)present;
    *out = (struct finding){IDENT_BIRTH_DATE, c->dates.count, share, !named ? "possible" : share >= 0.5 ? "certain" : "probable",
                            !named ? "values" : c->dates.count ? "name_and_values" : "name"};
    return 1;
}

size_t report_findings(struct column *c, double now_s, struct finding out[IDENT_COUNT])
{
    uint64_t cells[IDENT_COUNT], present = column_present(c);
    size_t n = 0;
    memcpy(cells, c->strong, sizeof cells);
    resolve_letters(c, cells);
    sample_sort(&c->dates.sample);
    for (int k = 0; k < IDENT_BIRTH_DATE; k++) {
        enum ident kind = (enum ident)k;
        bool named = c->hint.kind == kind;
        /* One number of nine digits in ten passes the checksum by chance: half of them must. */
        bool weak = c->weak[k] > 0 && (named || (c->weak[k] >= 3 && c->weak[k] * 2 >= c->tried[k]));
        uint64_t total = cells[k] + (weak ? c->weak[k] : 0);
        if (total == 0 && !(named && present > 0))
            continue;
        double share = present ? (double)total / (double)present : 0;
        out[n++] = (struct finding){kind, total, share, total ? confidence(c, kind, total, share, cells[k] == 0) : "possible",
                                    total == 0 ? "name" : named ? "name_and_values" : "values"};
    }
    return n + birth_date(c, present, now_s, &out[n]);
}

static void print_findings(struct jw *w, const struct finding *f, size_t count)
{
    jw_arr_at(w, "identifiers");
    for (size_t i = 0; i < count; i++) {
        jw_obj(w);
        jw_str_at(w, "kind", ident_name(f[i].kind));
        jw_int_at(w, "cells", (int64_t)f[i].cells);
        jw_num_at(w, "share", round(f[i].share * 1e6) / 1e6);
        jw_str_at(w, "confidence", f[i].confidence);
        jw_str_at(w, "because", f[i].because);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

/* ---- values ---- */

static bool reads_as_identifier(const char *s, size_t len)
{
    struct ident_hits hits = ident_scan(s, len);
    return (hits.strong | hits.weak) != 0;
}

static void print_number(struct jw *w, double v)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%.0f", fabs(v));
    if (n > 0 && n < (int)sizeof text && fabs(v) < 1e19 && reads_as_identifier(text, (size_t)n))
        jw_null(w);
    else
        jw_num(w, v);
}

static void print_date(struct jw *w, double v, bool with_time)
{
    char text[32];
    value_date_text(v, with_time, text);
    jw_str(w, text);
}

static void print_value(struct jw *w, double v, int form)
{
    if (form == 0)
        print_number(w, v);
    else
        print_date(w, v, form == 2);
}

static void print_bars(struct jw *w, const struct stats *s, const struct report_options *o, int form)
{
    double low = sample_quantile(&s->sample, 0.01), high = sample_quantile(&s->sample, 0.99);
    uint32_t bars[REPORT_BARS] = {0}, below = 0, above = 0;
    if (!(high > low))
        return;
    for (uint32_t i = 0; i < s->sample.count; i++) {
        double v = s->sample.values[i], at = (v - low) / (high - low) * REPORT_BARS;
        if (v < low)
            below++;
        else if (v > high)
            above++;
        else
            bars[at < REPORT_BARS ? (int)at : REPORT_BARS - 1]++;
    }
    double each = (double)s->count / s->sample.count;
    jw_obj_at(w, "histogram");
    jw_key(w, "low");
    print_value(w, low, form);
    jw_key(w, "high");
    print_value(w, high, form);
    jw_arr_at(w, "shares");
    for (int i = 0; i < REPORT_BARS; i++)
        if (bars[i] > 0 && bars[i] * each < (double)o->small_count)
            jw_null(w);
        else
            jw_num(w, round(bars[i] * 1e4 / s->sample.count) / 1e4);
    jw_end_arr(w);
    jw_num_at(w, "below", round(below * 1e4 / s->sample.count) / 1e4);
    jw_num_at(w, "above", round(above * 1e4 / s->sample.count) / 1e4);
    jw_end_obj(w);
}

static void print_outliers(struct jw *w, const struct stats *s)
{
    double q1 = sample_quantile(&s->sample, 0.25), q3 = sample_quantile(&s->sample, 0.75), iqr = q3 - q1;
    uint64_t mild = 0, far = 0;
    for (uint32_t i = 0; i < s->sample.count; i++) {
        double v = s->sample.values[i];
        mild += v < q1 - 1.5 * iqr || v > q3 + 1.5 * iqr;
        far += v < q1 - 3 * iqr || v > q3 + 3 * iqr;
    }
    double each = (double)s->count / s->sample.count;
    jw_obj_at(w, "outliers");
    jw_int_at(w, "mild", llround((double)mild * each));
    jw_int_at(w, "far", llround((double)far * each));
    jw_bool_at(w, "exact", sample_is_exact(&s->sample));
    jw_end_obj(w);
}

/* form: 0 numbers, 1 dates, 2 dates with a time */
static void print_stats(struct jw *w, const char *key, struct stats *s, const struct report_options *o, int form)
{
    if (s->count == 0)
        return;
    sample_sort(&s->sample);
    jw_obj_at(w, key);
    jw_int_at(w, "count", (int64_t)s->count);
    jw_key(w, "min");
    print_value(w, s->min, form);
    jw_key(w, "max");
    print_value(w, s->max, form);
    if (form == 0) {
        jw_num_at(w, "mean", s->mean);
        jw_num_at(w, "sd", s->count > 1 ? sqrt(s->m2 / (double)(s->count - 1)) : 0);
    }
    jw_arr_at(w, "quantiles");
    for (int i = 0; i < REPORT_QUANTILES; i++)
        print_value(w, sample_quantile(&s->sample, report_quantiles[i]), form);
    jw_end_arr(w);
    jw_bool_at(w, "exact", sample_is_exact(&s->sample));
    print_bars(w, s, o, form);
    if (form == 0)
        print_outliers(w, s);
    jw_end_obj(w);
}

static void print_top(struct jw *w, struct top *t, const struct encoding *enc, const struct report_options *o)
{
    size_t n = top_sort(t), shown = 0;
    jw_arr_at(w, "top");
    for (size_t i = 0; i < n && shown < REPORT_TOP && t->slots[i].count >= o->small_count; i++) {
        const struct top_entry *e = &t->slots[i];
        char text[TOP_TEXT_MAX * 3 + 8];
        size_t len = e->is_text ? e->value.text.len < TOP_TEXT_MAX ? e->value.text.len : TOP_TEXT_MAX : 0;
        if (e->is_text && reads_as_identifier(e->value.text.bytes, len))
            continue;
        shown++;
        jw_obj(w);
        jw_key(w, "value");
        if (e->is_text) {
            encoding_to_utf8(enc, e->value.text.bytes, len, text, sizeof text - 4);
            if (e->value.text.len > TOP_TEXT_MAX)
                memcpy(text + strlen(text), "\xe2\x80\xa6", 4); /* room was kept */
            jw_str(w, text);
        } else {
            print_number(w, e->value.number);
        }
        jw_int_at(w, "count", (int64_t)e->count);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    jw_bool_at(w, "top_exact", top_is_exact(t));
}

/* ---- a column ---- */

static const char *type_of(const struct column *c, uint64_t present, const char **mostly)
{
    const uint64_t *k = c->kinds;
    uint64_t numbers = k[VALUE_INTEGER] + k[VALUE_DECIMAL], dates = k[VALUE_DATE] + k[VALUE_DATETIME];
    int most = VALUE_INTEGER;
    *mostly = NULL;
    if (present == 0)
        return "empty";
    if (numbers == present)
        return value_kind_name(k[VALUE_DECIMAL] ? VALUE_DECIMAL : VALUE_INTEGER);
    if (dates == present)
        return value_kind_name(k[VALUE_DATETIME] ? VALUE_DATETIME : VALUE_DATE);
    for (int i = VALUE_INTEGER; i < VALUE_KIND_COUNT; i++) {
        if (k[i] == present)
            return value_kind_name((enum value_kind)i);
        if (k[i] > k[most])
            most = i;
    }
    *mostly = value_kind_name((enum value_kind)most);
    return "mixed";
}

static void print_cells(struct jw *w, const struct column *c)
{
    jw_obj_at(w, "cells");
    for (int i = VALUE_INTEGER; i < VALUE_KIND_COUNT; i++)
        if (c->kinds[i])
            jw_int_at(w, value_kind_name((enum value_kind)i), (int64_t)c->kinds[i]);
    jw_end_obj(w);
    jw_int_at(w, "missing", (int64_t)c->kinds[VALUE_MISSING]);
    jw_arr_at(w, "missing_tokens");
    for (int i = 0; i < MISSING_TOKENS; i++) {
        if (c->missing[i] == 0)
            continue;
        jw_obj(w);
        jw_str_at(w, "token", value_missing_token(i));
        jw_int_at(w, "cells", (int64_t)c->missing[i]);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

static void print_facts(struct jw *w, const struct column *c, uint64_t present)
{
    bool exact = top_is_exact(&c->top);
    uint64_t distinct = present == 0 ? 0 : exact ? c->top.used : hll_estimate(&c->hll);
    jw_int_at(w, "distinct", (int64_t)(distinct < present ? distinct : present));
    jw_bool_at(w, "distinct_exact", exact);
    if (c->commas || c->points)
        jw_str_at(w, "decimal_mark", c->commas && c->points ? "both" : c->commas ? "comma" : "point");
    if (c->day_first || c->month_first)
        jw_str_at(w, "date_order", c->day_first && c->month_first ? "both" : c->day_first ? "day_first" : "month_first");
    if (c->text_max && c->text_min != UINT32_MAX) {
        uint64_t texts = present - c->kinds[VALUE_INTEGER] - c->kinds[VALUE_DECIMAL];
        jw_obj_at(w, "text_bytes");
        jw_int_at(w, "min", c->text_min);
        jw_int_at(w, "max", c->text_max);
        jw_num_at(w, "mean", round((double)c->text_total * 100 / (double)texts) / 100);
        jw_end_obj(w);
    }
}

static void print_column(struct jw *w, struct column *c, size_t number, const struct encoding *enc, const struct report_options *o)
{
    struct finding found[IDENT_COUNT];
    uint64_t present = column_present(c);
    size_t count = report_findings(c, o->now_s, found);
    const char *mostly, *type = type_of(c, present, &mostly), *class = hint_class_name(c->hint.class);
    const char *withheld = NULL;
    if (count > 0 || c->hint.class == HINT_DIRECT || c->name_hidden)
        withheld = "identifiers";
    else if (present < o->small_count)
        withheld = "few";
    else if (w->out->len > REPORT_DETAIL_BYTES)
        withheld = "room";
    jw_obj(w);
    jw_int_at(w, "number", (int64_t)number);
    jw_str_at(w, "name", c->name[0] ? c->name : NULL);
    jw_str_at(w, "type", type);
    if (mostly)
        jw_str_at(w, "mostly", mostly);
    print_cells(w, c);
    print_facts(w, c, present);
    if (class) {
        jw_obj_at(w, "suggests");
        jw_str_at(w, "name", c->hint.name);
        jw_str_at(w, "class", class);
        jw_end_obj(w);
    }
    print_findings(w, found, count);
    jw_str_at(w, "withheld", withheld);
    if (!withheld) {
        print_stats(w, "numbers", &c->numbers, o, 0);
        print_stats(w, "dates", &c->dates, o, c->kinds[VALUE_DATETIME] ? 2 : 1);
        print_top(w, &c->top, enc, o);
    }
    jw_end_obj(w);
}

static void print_quasi(struct jw *w, const struct table *t, const struct report_options *o)
{
    jw_arr_at(w, "quasi_identifiers");
    for (size_t q = 0; q + 1 < t->quasi_count; q++) {
        struct groups_sum g = groups_sum(&t->sets[q], o->small_count);
        jw_obj(w);
        jw_arr_at(w, "columns");
        for (size_t i = 0; i < q + 2; i++)
            jw_int(w, (int64_t)t->quasi[i] + 1);
        jw_end_arr(w);
        jw_int_at(w, "smallest_group", (int64_t)g.smallest);
        jw_int_at(w, "groups", (int64_t)g.groups);
        jw_int_at(w, "alone", (int64_t)g.alone);
        jw_int_at(w, "rows_in_small_groups", (int64_t)g.in_small);
        jw_bool_at(w, "exact", g.exact);
        jw_end_obj(w);
    }
    jw_end_arr(w);
}

void report_table(struct jw *w, struct table *t, const struct encoding *enc, const struct report_options *o)
{
    struct groups_sum d = groups_sum(&t->duplicates, 0);
    jw_int_at(w, "rows", (int64_t)t->rows);
    jw_int_at(w, "columns_total", (int64_t)t->total);
    jw_int_at(w, "ragged_rows", (int64_t)t->ragged);
    jw_int_at(w, "first_ragged_row", (int64_t)t->first_ragged_row);
    jw_obj_at(w, "duplicates");
    jw_int_at(w, "rows", (int64_t)(d.repeated < t->rows ? d.repeated : t->rows));
    jw_bool_at(w, "exact", d.exact);
    jw_num_at(w, "relative_error", round(d.error * 1e4) / 1e4);
    jw_end_obj(w);
    jw_arr_at(w, "columns");
    for (size_t i = 0; i < t->count; i++)
        print_column(w, &t->columns[i], i + 1, enc, o);
    jw_end_arr(w);
    print_quasi(w, t, o);
}
