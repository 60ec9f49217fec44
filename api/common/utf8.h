/*
 * utf8.h - one step through UTF-8, for the files of api/common that walk text.
 */
#ifndef ENCLOS_UTF8_H
#define ENCLOS_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed character at s (1..4), or 0: RFC 3629, so no overlong form, no
 * surrogate, nothing above U+10FFFF. `len` is at least 1. */
static inline size_t utf8_step(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t n;
    unsigned low = 0x80, high = 0xbf; /* bounds of the second byte */

    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (len < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

/* Whether the len (1..3) bytes at s are the beginning of a longer character, cut short. */
static inline bool utf8_is_cut(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;

    if (p[0] > 0xf4 || len >= n)
        return false;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return false;
    return true;
}

#endif
