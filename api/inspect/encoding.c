/*
 * encoding.c - see encoding.h.
 */
#include "api/inspect/encoding.h"

#include "api/common/utf8.h"
#include <string.h>

/* Of Windows-1252, 0x80 to 0x9f; 0: no character. */
static const uint16_t windows_1252[32] = {0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
                                          0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
                                          0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

static size_t ascii_run(const char *s, size_t len)
{
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t x;
        memcpy(&x, s + i, 8);
        if (x & UINT64_C(0x8080808080808080))
            break;
    }
    while (i < len && (unsigned char)s[i] < 0x80)
        i++;
    return i;
}

static void decide(struct encoding *c, const char *s, size_t len)
{
    size_t good = 0, bad = 0;
    for (size_t i = ascii_run(s, len); i < len; i += ascii_run(s + i, len - i)) {
        size_t n = utf8_step(s + i, len - i);
        if (n > 1)
            good++;
        else
            bad++;
        i += n > 0 ? n : 1;
    }
    c->kind = bad == 0 || good > 3 * bad ? ENCODING_UTF8 : ENCODING_BYTES;
}

static void fault(struct encoding *c, const char *s, size_t at, uint64_t row, char line_end)
{
    if (c->faults++ > 0)
        return;
    c->first_fault = row;
    for (size_t i = 0; i < at; i++)
        c->first_fault += s[i] == line_end;
}

void encoding_check(struct encoding *c, const char *s, size_t len, uint64_t row, char line_end)
{
    size_t i = ascii_run(s, len);
    if (i < len && c->kind == ENCODING_ASCII)
        decide(c, s, len);
    while (i < len) {
        unsigned char b = (unsigned char)s[i];
        size_t n = c->kind == ENCODING_UTF8 ? utf8_step(s + i, len - i) : 1;
        if (c->kind == ENCODING_BYTES && b >= 0x80 && b < 0xa0) {
            c->windows = true;
            n = windows_1252[b - 0x80] ? 1 : 0;
        }
        if (n == 0)
            fault(c, s, i, row, line_end);
        i += n > 0 ? n : 1;
        i += ascii_run(s + i, len - i);
    }
}

const char *encoding_name(const struct encoding *c)
{
    switch (c->kind) {
    case ENCODING_UTF8: return "utf-8";
    case ENCODING_BYTES: return c->windows ? "windows-1252" : "iso-8859-1";
    case ENCODING_ASCII: break;
    }
    return c->bom ? "utf-8" : "ascii";
}

static size_t put(unsigned code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    out[0] = (char)(0xe0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 0x3f));
    out[2] = (char)(0x80 | (code & 0x3f));
    return 3;
}

void encoding_to_utf8(const struct encoding *c, const char *s, size_t len, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n + 5 < size;) {
        unsigned char b = (unsigned char)s[i];
        size_t wide = c->kind == ENCODING_BYTES ? 0 : utf8_step(s + i, len - i);
        if (b < 0x80) {
            out[n++] = b < ' ' || b == 0x7f ? ' ' : (char)b;
            i++;
        } else if (wide > 1) {
            bool control = b == 0xc2 && (unsigned char)s[i + 1] < 0xa0;
            if (control)
                out[n++] = ' ';
            else
                memcpy(out + n, s + i, wide), n += wide;
            i += wide;
        } else {
            unsigned code = c->kind != ENCODING_BYTES ? 0xfffd : b < 0xa0 ? windows_1252[b - 0x80] : b;
            n += put(code ? code : 0xfffd, out + n);
            i++;
        }
    }
    out[n] = '\0';
}
