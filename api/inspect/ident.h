/*
 * ident.h - identifiers of persons inside a text, by structure, checksum and plausible dates.
 *
 * Nothing here keeps or tells a value: only which kinds were seen.
 */
#ifndef ENCLOS_INSPECT_IDENT_H
#define ENCLOS_INSPECT_IDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ident {
    IDENT_NAM,            /* health insurance: 4 letters, AAMMJJ (month + 50 for women), 2 digits */
    IDENT_CODE_PERMANENT, /* education: 4 letters, JJMMAA, 2 digits */
    IDENT_NAM_OR_CODE,    /* both readings have a valid date: the column's name decides */
    IDENT_NAS,            /* social insurance: 9 digits, Luhn */
    IDENT_PERMIS,         /* driver's licence: letter and 12 digits; Ontario: 14 */
    IDENT_POSTAL,
    IDENT_PHONE,
    IDENT_EMAIL,
    IDENT_IP,
    IDENT_CARD,       /* payment card: prefix and Luhn */
    IDENT_BIRTH_DATE, /* told by the column, never by one value: see column.c */
    IDENT_COUNT
};
#define IDENT(k) (1u << (k))
const char *ident_name(enum ident k); /* "nam", "permanent_code", ... as in the report */

struct ident_hits {
    unsigned strong; /* bit set of kinds: structure or grouping tells */
    unsigned weak;   /* digits in a row that pass the checksum: one in ten does by chance */
    unsigned tried;  /* digits in a row of a kind's length, whether or not they pass */
};

/* Looks through a text (ASCII patterns; bytes above 127 count as letters, U+00A0 and U+202F as spaces). Linear
 * in len. */
struct ident_hits ident_scan(const char *s, size_t len);

/* The same for a text that is nothing but digits, which is most of what has nine or more. */
struct ident_hits ident_digits(const char *s, size_t len);

/* Whether a text has a digit or an @ at all: without one nothing is found. */
bool ident_may_be(const char *s, size_t len);

bool ident_luhn(const char *digits, size_t len);

#endif
