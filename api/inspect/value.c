/*
 * value.c - see value.h. Reads cells one at a time; numbers in bulk are number.c's.
 */
#include "api/inspect/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const kind_names[VALUE_KIND_COUNT] = {
    [VALUE_MISSING] = "missing", [VALUE_INTEGER] = "integer",   [VALUE_DECIMAL] = "decimal", [VALUE_BOOLEAN] = "boolean",
    [VALUE_DATE] = "date",       [VALUE_DATETIME] = "datetime", [VALUE_TIME] = "time",       [VALUE_TEXT] = "text",
};

const char *value_kind_name(enum value_kind k)
{
    return kind_names[k];
}

/* Without regard to case. Those that pandas and R take as missing, and those of French tables. */
static const char *const tokens[] = {"",    "NA",  "N/A", "NaN",  "NULL", "None", "nil", "-",   "--",  ".",   "?",
                                     "#N/A", "<NA>", "n.d.", "ND", "s.o.", "s/o", "n/d", "*", "...", "-NaN", "#N/D"};
_Static_assert(sizeof tokens / sizeof *tokens <= MISSING_TOKENS, "room to count each");

const char *value_missing_token(int token)
{
    return token >= 0 && (size_t)token < sizeof tokens / sizeof *tokens ? tokens[token] : NULL;
}

static int missing(const char *s, size_t len)
{
    if (len == 0)
        return 0;
    if (len > 4)
        return -1;
    for (size_t i = 1; i < sizeof tokens / sizeof *tokens; i++)
        if (strlen(tokens[i]) == len && strncasecmp(tokens[i], s, len) == 0)
            return (int)i;
    return -1;
}

static int boolean(const char *s, size_t len)
{
    static const struct {
        const char *word;
        int value;
    } words[] = {{"true", 1}, {"false", 0}, {"vrai", 1}, {"faux", 0}, {"oui", 1}, {"non", 0}, {"yes", 1}, {"no", 0}};
    if (len < 2 || len > 5)
        return -1;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].word) == len && strncasecmp(words[i].word, s, len) == 0)
            return words[i].value;
    return -1;
}

/* ---- numbers ---- */

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static double scale(uint64_t mantissa, int exponent)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (exponent < -22 || exponent > 22 || mantissa >> 53)
        return NAN;
    return exponent < 0 ? (double)mantissa / tens[-exponent] : (double)mantissa * tens[exponent];
}

static size_t space_width(const char *s, size_t len)
{
    if (len >= 1 && (*s == ' ' || (unsigned char)*s == 0xa0))
        return 1;
    if (len >= 2 && memcmp(s, "\xc2\xa0", 2) == 0)
        return 2;
    return len >= 3 && memcmp(s, "\xe2\x80\xaf", 3) == 0 ? 3 : 0;
}

/* Copies what strtod reads: no group, a point. */
static double by_strtod(const char *s, size_t len, bool comma)
{
    char plain[400];
    size_t n = 0;
    for (size_t i = 0; i < len && n + 1 < sizeof plain; i++) {
        size_t wide = space_width(s + i, len - i);
        if (wide) {
            i += wide - 1;
            continue;
        }
        plain[n++] = comma && s[i] == ',' ? '.' : s[i];
    }
    plain[n] = '\0';
    return strtod(plain, NULL);
}

bool value_number(const char *s, size_t len, bool decimal_comma, struct value *out)
{
    uint64_t mantissa = 0;
    size_t i = 0, digits = 0, significant = 0, in_group = 0;
    int exponent = 0;
    bool negative = false, grouped = false, after = false, comma = false, point = false;
    if (len == 0 || len > 380)
        return false;
    if (s[0] == '-' || s[0] == '+') {
        negative = s[0] == '-';
        i++;
    }
    for (; i < len; i++) {
        size_t wide;
        if (is_digit(s[i])) {
            digits++;
            in_group++;
            if (significant > 0 || s[i] != '0') {
                if (significant < 19)
                    mantissa = mantissa * 10 + (uint64_t)(s[i] - '0');
                significant++;
            }
            exponent -= after;
        } else if ((s[i] == '.' || (s[i] == ',' && decimal_comma)) && !after) {
            if (grouped && in_group != 3)
                return false;
            after = true;
            comma |= s[i] == ',';
            point |= s[i] == '.';
        } else if (!after && digits > 0 && (wide = space_width(s + i, len - i)) > 0 && i + wide < len && is_digit(s[i + wide])) {
            if (grouped ? in_group != 3 : in_group > 3)
                return false;
            grouped = true;
            in_group = 0;
            i += wide - 1;
        } else {
            break;
        }
    }
    if (digits == 0 || (grouped && !after && in_group != 3))
        return false;
    bool has_exponent = false;
    if (i < len && (s[i] == 'e' || s[i] == 'E') && !grouped) {
        long power = 0;
        size_t start = ++i;
        bool down = i < len && s[i] == '-';
        if (i < len && (s[i] == '-' || s[i] == '+'))
            start = ++i;
        for (; i < len && is_digit(s[i]); i++)
            power = power < 9999 ? power * 10 + (s[i] - '0') : power;
        if (i == start)
            return false;
        exponent += (int)(down ? -power : power);
        has_exponent = true;
    }
    if (i != len)
        return false;
    double v = significant <= 19 ? scale(mantissa, exponent) : NAN;
    if (mantissa == 0 && significant == 0)
        v = 0;
    if (isnan(v)) {
        v = by_strtod(s, len, decimal_comma);
        negative = false;
    }
    if (!isfinite(v))
        return false;
    out->number = negative ? 0 - v : v;
    if (out->number == 0)
        out->number = 0; /* no negative zero */
    out->kind = after || has_exponent ? VALUE_DECIMAL : VALUE_INTEGER;
    out->comma = comma;
    out->point = point;
    return true;
}

/* ---- dates ---- */

int64_t value_days(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void value_date_text(double seconds, bool with_time, char out[32])
{
    double day = floor(seconds / 86400);
    if (!(day > -1e6 && day < 4e6)) { /* no year of more than four digits is ever read */
        out[0] = '\0';
        return;
    }
    int64_t z = (int64_t)day + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t mp = (5 * of_year + 2) / 153;
    int d = (int)(of_year - (153 * mp + 2) / 5 + 1), m = (int)(mp < 10 ? mp + 3 : mp - 9);
    int year = (int)(y + era * 400 + (m <= 2));
    unsigned second = (unsigned)(seconds - day * 86400) % 86400;
    if (with_time)
        snprintf(out, 32, "%04d-%02d-%02dT%02u:%02u:%02u", year, m, d, second / 3600, second / 60 % 60, second % 60);
    else
        snprintf(out, 32, "%04d-%02d-%02d", year, m, d);
}

/* One or two digits, or four; how many were read. */
static size_t digits_at(const char *s, size_t len, size_t most, int *out)
{
    size_t n = 0;
    *out = 0;
    for (; n < len && n < most && is_digit(s[n]); n++)
        *out = *out * 10 + (s[n] - '0');
    return n;
}

/* HH:MM, HH:MM:SS, with a fraction; "5 h 30" is text. */
static size_t time_at(const char *s, size_t len, double *seconds)
{
    int h, m, sec = 0;
    size_t i = digits_at(s, len, 2, &h);
    if (i == 0 || i >= len || s[i] != ':' || digits_at(s + i + 1, len - i - 1, 2, &m) != 2)
        return 0;
    i += 3;
    if (i + 2 < len && s[i] == ':') {
        if (digits_at(s + i + 1, len - i - 1, 2, &sec) != 2)
            return 0;
        i += 3;
        if (i + 1 < len && (s[i] == '.' || s[i] == ',') && is_digit(s[i + 1]))
            for (i++; i < len && is_digit(s[i]); i++)
                ;
    }
    if (h > 23 || m > 59 || sec > 60)
        return 0;
    *seconds = h * 3600 + m * 60 + sec;
    return i;
}

static bool is_zone(const char *s, size_t len)
{
    int h, m;
    if (len == 0 || (len == 1 && (*s == 'Z' || *s == 'z')))
        return true;
    if ((*s != '+' && *s != '-') || digits_at(s + 1, len - 1, 2, &h) != 2)
        return false;
    size_t i = len > 3 && s[3] == ':' ? 4 : 3;
    return len == 3 || (digits_at(s + i, len - i, 2, &m) == 2 && len == i + 2);
}

static bool is_day(int y, int m, int d)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (y < 1 || m < 1 || m > 12 || d < 1)
        return false;
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return d <= days[m - 1] + (m == 2 && leap);
}

/* 2026-11-24, 24/11/2026, 11/24/2026; a zone does not move it. */
static bool date(const char *s, size_t len, struct value *out)
{
    int a, b, c;
    size_t i = digits_at(s, len, 4, &a), width = i;
    if (len < 8 || len > 40 || (width != 4 && width != 1 && width != 2))
        return false;
    char mark = s[i];
    if (mark != '-' && mark != '/' && mark != '.')
        return false;
    size_t n = digits_at(s + i + 1, len - i - 1, 2, &b);
    i += 1 + n;
    if (n == 0 || i >= len || s[i] != mark)
        return false;
    n = digits_at(s + i + 1, len - i - 1, width == 4 ? 2 : 4, &c);
    if (width == 4 ? n == 0 : n != 4)
        return false;
    i += 1 + n;
    int year = a, month = b, day = c;
    if (width != 4) {
        /* Québec writes the day first; only a second number above 12 proves otherwise. */
        out->month_first = b > 12;
        out->day_first = a > 12;
        year = c;
        month = out->month_first ? a : b;
        day = out->month_first ? b : a;
    }
    if (!is_day(year, month, day))
        return false;
    out->number = (double)value_days(year, month, day) * 86400;
    out->kind = VALUE_DATE;
    if (i == len)
        return true;
    double seconds = 0;
    if ((s[i] != 'T' && s[i] != ' ') || i + 1 >= len)
        return false;
    size_t used = time_at(s + i + 1, len - i - 1, &seconds);
    if (used == 0 || !is_zone(s + i + 1 + used, len - i - 1 - used))
        return false;
    out->number += seconds;
    out->kind = VALUE_DATETIME;
    return true;
}

struct value value_read(const char *s, size_t len, bool decimal_comma)
{
    struct value v = {.kind = VALUE_TEXT, .token = missing(s, len)};
    if (v.token >= 0) {
        v.kind = VALUE_MISSING;
        return v;
    }
    if (is_digit(*s) || *s == '-' || *s == '+' || *s == '.' || *s == ',') {
        if (value_number(s, len, decimal_comma, &v))
            return v;
        v = (struct value){.kind = VALUE_TEXT};
        if (is_digit(*s) && date(s, len, &v))
            return v;
        v = (struct value){.kind = VALUE_TEXT};
        if (is_digit(*s) && time_at(s, len, &v.number) == len)
            v.kind = VALUE_TIME;
        return v;
    }
    int truth = boolean(s, len);
    if (truth >= 0) {
        v.kind = VALUE_BOOLEAN;
        v.number = truth;
    }
    return v;
}
