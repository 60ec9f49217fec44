/*
 * value.h - what one cell is: missing, number, boolean, date or text.
 */
#ifndef ENCLOS_INSPECT_VALUE_H
#define ENCLOS_INSPECT_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_kind {
    VALUE_MISSING,
    VALUE_INTEGER,
    VALUE_DECIMAL,
    VALUE_BOOLEAN,
    VALUE_DATE,
    VALUE_DATETIME,
    VALUE_TIME,
    VALUE_TEXT,
    VALUE_KIND_COUNT
};
const char *value_kind_name(enum value_kind k);

struct value {
    enum value_kind kind;
    int token;      /* of VALUE_MISSING: value_missing_token */
    double number;  /* INTEGER, DECIMAL; DATE, DATETIME: seconds since 1970-01-01; TIME: since midnight; BOOLEAN: 0, 1 */
    bool comma, point; /* a decimal mark */
    bool day_first, month_first; /* of a DATE: what the numbers prove */
};

enum { MISSING_TOKENS = 24 };
/* Text of a token ("", "NA"...); NULL past the last one. */
const char *value_missing_token(int token);

/* s: without spaces around. decimal_comma: "3,14" may be a number (never where the comma separates columns and the
 * field was not quoted). */
struct value value_read(const char *s, size_t len, bool decimal_comma);

/* A plain number: sign, digits, one mark, digits, exponent; groups of three digits by spaces. False: none. The value is the
 * nearest double up to 19 digits and powers of ten to 22; else strtod's. */
bool value_number(const char *s, size_t len, bool decimal_comma, struct value *out);

/* What spaces and quotes around leave. */
static inline void value_trim(const char **s, size_t *len)
{
    while (*len > 0 && (**s == ' ' || **s == '\t'))
        ++*s, --*len;
    while (*len > 0 && ((*s)[*len - 1] == ' ' || (*s)[*len - 1] == '\t' || (*s)[*len - 1] == '\r'))
        --*len;
}

/* A number of days since 1970-01-01 (proleptic Gregorian), and back. */
int64_t value_days(int year, int month, int day);
void value_date_text(double seconds, bool with_time, char out[32]); /* "2026-11-24", "2026-11-24T05:28:00" */

#endif
