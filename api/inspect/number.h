/*
 * number.h - the hot loops over text: where fields end, and plain numbers in bulk. AVX2 where the processor
 * has it, plain C elsewhere; both give the same answers (tests/unit/test_inspect_number.c).
 */
#ifndef ENCLOS_INSPECT_NUMBER_H
#define ENCLOS_INSPECT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Both read up to this many bytes around what they are given: the caller's memory must have them. */
enum { NUMBER_PAD = 64 };

struct ends {
    uint32_t *at; /* offsets of delimiters and line ends, in order */
    size_t count;
    size_t lines;   /* how many are line ends */
    size_t scanned; /* bytes looked at: all, or up to the first quote or the bound */
    bool high;      /* a byte above 127 was among them */
};

struct ends_want {
    char delimiter, line; /* equal: lines only */
    char quote;           /* stops the scan; the line's own byte again: none does */
    size_t max;           /* room in `at` is max + 64 */
};

/* Looks at s[0..len) for field ends, up to the first quote. */
void ends_find(const char *s, size_t len, const struct ends_want *want, struct ends *out);

struct numbers {
    double *values;    /* of the fields that are plain numbers, in order */
    size_t count;
    size_t integers;   /* of these, without a mark */
    uint32_t *others;  /* indices of fields that are something else (or long): for value_read */
    size_t other_count;
    uint32_t *digits;  /* indices of integers of 9 digits or more: for ident_digits. They are in `values`, too */
    size_t digit_count;
};

/* Fields number first, first + stride, ... `rows` of them: field i is s[at[i-1]+1 .. at[i]), where at[-1] must be readable.
 * mark: '.', or ',' to accept both. cut_cr: a '\r' before the end is no part of the field. */
void numbers_read(const char *s, const uint32_t *at, size_t first, size_t stride, size_t rows, char mark, bool cut_cr,
                  struct numbers *out);

struct moments {
    double sum, square; /* of v - shift */
    double min, max;
};
/* Over count > 0 values. */
void moments_of(const double *v, size_t count, double shift, struct moments *out);

/* 0: what the processor has; 1: plain C. For tests and the bench. */
void number_force_plain(bool plain);
const char *number_unit(void); /* "avx2" or "plain" */

#endif
