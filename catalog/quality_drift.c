/*
 * quality_drift.c - what changed between two reports of quality.h. Pure: two JSON values in, text out.
 */
#include "catalog/quality.h"

#include <math.h>
#include <string.h>

enum { POINTS = 17 }; /* least, fifteen quantiles, greatest */

static const double levels[POINTS] = {0, 0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99, 1};

/* A date as a number that grows with it: days, counted loosely, are enough to compare. */
static double date_number(const char *s)
{
    /* year, month, day, hour, minute, second */
    static const double days[] = {372, 31, 1, 1 / 24.0, 1 / 1440.0, 1 / 86400.0};
    double sum = 0;
    size_t part = 0;
    for (const char *p = s; p && *p && part < 6; part++) {
        double n = 0;
        const char *from = p;
        for (; *p >= '0' && *p <= '9'; p++)
            n = n * 10 + (*p - '0');
        if (p == from)
            return NAN;
        sum += n * days[part];
        p += *p != '\0';
    }
    return part >= 3 ? sum : NAN;
}

static double point(const struct json *v)
{
    if (json_type(v) == JSON_NUMBER)
        return json_num(v, NAN);
    return date_number(json_str(v));
}

static bool points_of(const struct json *stats, double out[POINTS])
{
    int n = 0;
    out[n++] = point(json_get(stats, "min"));
    for (const struct json *q = json_first(json_get(stats, "quantiles")); q && n < POINTS - 1; q = json_next(q))
        out[n++] = point(q);
    out[n++] = point(json_get(stats, "max"));
    for (int i = 0; i < n; i++)
        if (!isfinite(out[i]) || (i > 0 && out[i] < out[i - 1]))
            return false;
    return n == POINTS;
}

/* Share of values at or below x. */
static double share_below(const double p[POINTS], double x)
{
    int i = POINTS - 1;
    if (x < p[0])
        return 0;
    while (p[i] > x)
        i--;
    if (i == POINTS - 1 || p[i] >= x)
        return levels[i];
    return levels[i] + (levels[i + 1] - levels[i]) * (x - p[i]) / (p[i + 1] - p[i]);
}

/* An empty bin counts as one value in ten thousand: the sum stays finite. */
static double term(double p, double q)
{
    p = p > 1e-4 ? p : 1e-4;
    q = q > 1e-4 ? q : 1e-4;
    return (p - q) * log(p / q);
}

static double psi_of_points(const double before[POINTS], const double now[POINTS])
{
    static const int tenths[] = {3, 4, 6, 7, 8, 9, 10, 12, 13}; /* places of 0.1 ... 0.9 in levels */
    double sum = 0, last_before = 0, last_now = 0;
    for (size_t i = 0; i <= sizeof tenths / sizeof *tenths; i++) {
        bool end = i == sizeof tenths / sizeof *tenths;
        double edge = end ? 0 : before[tenths[i]];
        if (!end && i > 0 && edge <= before[tenths[i - 1]])
            continue; /* many equal values: one bin */
        double b = end ? 1 : share_below(before, edge), n = end ? 1 : share_below(now, edge);
        sum += term(n - last_now, b - last_before);
        last_before = b;
        last_now = n;
    }
    return sum;
}

static double present(const struct json *column)
{
    double n = 0;
    for (const struct json *c = json_first(json_get(column, "cells")); c; c = json_next(c))
        n += json_num(c, 0);
    return n;
}

static double share_of(const struct json *column, const char *value, double all)
{
    for (const struct json *t = json_first(json_get(column, "top")); t; t = json_next(t))
        if (json_str(json_get(t, "value")) && strcmp(json_str(json_get(t, "value")), value) == 0)
            return json_num(json_get(t, "count"), 0) / all;
    return 0;
}

static double psi_of_values(const struct json *before, const struct json *now)
{
    double b_all = present(before), n_all = present(now), sum = 0, b_rest = 1, n_rest = 1;
    if (b_all <= 0 || n_all <= 0 || json_count(json_get(before, "top")) == 0 || json_count(json_get(now, "top")) == 0)
        return NAN;
    for (int side = 0; side < 2; side++)
        for (const struct json *t = json_first(json_get(side ? now : before, "top")); t; t = json_next(t)) {
            const char *value = json_str(json_get(t, "value"));
            if (!value || (side && share_of(before, value, b_all) > 0))
                continue;
            double b = share_of(before, value, b_all), n = share_of(now, value, n_all);
            sum += term(n, b);
            b_rest -= b;
            n_rest -= n;
        }
    if (b_rest > 1e-9 || n_rest > 1e-9)
        sum += term(n_rest, b_rest);
    return sum;
}

double quality_psi(const struct json *before, const struct json *now)
{
    static const char *const kinds[] = {"numbers", "dates"};
    for (size_t i = 0; i < 2; i++) {
        const struct json *b = json_get(before, kinds[i]), *n = json_get(now, kinds[i]);
        double from[POINTS], to[POINTS];
        if (b && n)
            return points_of(b, from) && points_of(n, to) ? psi_of_points(from, to) : NAN;
        if (b || n)
            return NAN;
    }
    return psi_of_values(before, now);
}

/* ---- which belongs to which ---- */

static const struct json *same_column(const struct json *columns, const struct json *of)
{
    const char *name = json_str(json_get(of, "name"));
    for (const struct json *c = json_first(columns); c; c = json_next(c)) {
        const char *other = json_str(json_get(c, "name"));
        if (name ? other && strcmp(name, other) == 0
                 : !other && json_int(json_get(c, "number"), 0) == json_int(json_get(of, "number"), -1))
            return c;
    }
    return NULL;
}

static const struct json *same_file(const struct json *files, const struct json *of, bool single)
{
    if (single)
        return json_first(files);
    for (const struct json *f = json_first(files); f; f = json_next(f))
        if (json_str(json_get(f, "path")) && strcmp(json_str(json_get(f, "path")), json_str(json_get(of, "path"))) == 0)
            return f;
    return NULL;
}

static double missing_share(const struct json *column)
{
    double missing = json_num(json_get(column, "missing"), 0), all = missing + present(column);
    return all > 0 ? round(missing / all * 1e6) / 1e6 : 0;
}

static bool has_kind(const struct json *column, const char *kind)
{
    for (const struct json *i = json_first(json_get(column, "identifiers")); i; i = json_next(i))
        if (strcmp(json_str(json_get(i, "kind")), kind) == 0)
            return true;
    return false;
}

struct sums {
    int64_t added, removed, retyped, shifted;
};

static void print_both(const struct json *b, const struct json *n, struct jw *w, struct sums *sums)
{
    const char *type = json_str(json_get(n, "type")), *type_before = json_str(json_get(b, "type"));
    double psi = quality_psi(b, n);
    bool retyped = strcmp(type, type_before) != 0;
    sums->retyped += retyped;
    sums->shifted += psi >= 0.25;
    jw_str_at(w, "change", retyped ? "type_changed" : "kept");
    jw_str_at(w, "type_before", type_before);
    jw_str_at(w, "type", type);
    jw_num_at(w, "missing_share_before", missing_share(b));
    jw_num_at(w, "missing_share", missing_share(n));
    jw_key(w, "psi");
    jw_num(w, round(psi * 1e6) / 1e6);
}

static void print_new_identifiers(const struct json *b, const struct json *n, struct jw *w)
{
    jw_arr_at(w, "identifiers_added");
    for (const struct json *i = json_first(json_get(n, "identifiers")); i; i = json_next(i))
        if (!has_kind(b, json_str(json_get(i, "kind"))))
            jw_str(w, json_str(json_get(i, "kind")));
    jw_end_arr(w);
}

static void print_one(const struct json *b, const struct json *n, struct jw *w, struct sums *sums)
{
    const struct json *c = n ? n : b;
    jw_obj(w);
    jw_str_at(w, "name", json_str(json_get(c, "name")));
    jw_int_at(w, "number", json_int(json_get(c, "number"), 0));
    if (b && n) {
        print_both(b, n, w, sums);
    } else {
        jw_str_at(w, "change", n ? "added" : "removed");
        jw_str_at(w, n ? "type" : "type_before", json_str(json_get(c, "type")));
        sums->added += n != NULL;
        sums->removed += n == NULL;
    }
    print_new_identifiers(b, n, w);
    jw_end_obj(w);
}

static void print_file(const struct json *b, const struct json *n, struct jw *w, struct sums *sums)
{
    const struct json *before = json_get(b, "columns"), *now = json_get(n, "columns");
    jw_obj(w);
    jw_str_at(w, "path", json_str(json_get(n ? n : b, "path")));
    jw_str_at(w, "change", b && n ? "kept" : n ? "added" : "removed");
    if (b)
        jw_int_at(w, "rows_before", json_int(json_get(b, "rows"), 0));
    if (n)
        jw_int_at(w, "rows", json_int(json_get(n, "rows"), 0));
    jw_arr_at(w, "columns");
    if (b && n) {
        for (const struct json *c = json_first(now); c; c = json_next(c))
            print_one(same_column(before, c), c, w, sums);
        for (const struct json *c = json_first(before); c; c = json_next(c))
            if (!same_column(now, c))
                print_one(c, NULL, w, sums);
    }
    jw_end_arr(w);
    jw_end_obj(w);
}

void quality_drift(const struct json *before, const struct json *now, struct jw *w)
{
    const struct json *b_files = json_get(before, "files"), *n_files = json_get(now, "files");
    bool single = json_count(b_files) == 1 && json_count(n_files) == 1;
    struct sums sums = {0};
    jw_arr_at(w, "files");
    for (const struct json *f = json_first(n_files); f; f = json_next(f))
        print_file(same_file(b_files, f, single), f, w, &sums);
    for (const struct json *f = json_first(b_files); f; f = json_next(f))
        if (!same_file(n_files, f, single))
            print_file(f, NULL, w, &sums);
    jw_end_arr(w);
    jw_int_at(w, "columns_added", sums.added);
    jw_int_at(w, "columns_removed", sums.removed);
    jw_int_at(w, "types_changed", sums.retyped);
    jw_int_at(w, "columns_shifted", sums.shifted);
}
