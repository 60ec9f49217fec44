/*
 * encoding.h - which encoding a text has, and where it is broken.
 *
 * Until the first byte above 127 it is ASCII. Then what that stretch reads best as decides: UTF-8, or one byte a
 * character; what does not fit that is a fault.
 */
#ifndef ENCLOS_INSPECT_ENCODING_H
#define ENCLOS_INSPECT_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct encoding {
    enum { ENCODING_ASCII, ENCODING_UTF8, ENCODING_BYTES } kind;
    bool windows; /* ENCODING_BYTES: a byte that Latin-1 has no character for */
    bool bom;
    uint64_t faults;      /* bytes that are no character of it */
    uint64_t first_fault; /* row, from 1; 0: none */
};

/* A stretch of whole characters. row: of its beginning. line_end: what begins the next one. */
void encoding_check(struct encoding *c, const char *s, size_t len, uint64_t row, char line_end);
const char *encoding_name(const struct encoding *c); /* "ascii", "utf-8", "windows-1252", "iso-8859-1" */

/* As UTF-8, cut to fit at a character; control characters become spaces, faults U+FFFD. */
void encoding_to_utf8(const struct encoding *c, const char *s, size_t len, char *out, size_t size);

#endif
