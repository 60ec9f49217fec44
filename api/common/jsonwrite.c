/*
 * jsonwrite.c - JSON out: escaping, numbers, and the streaming writer.
 *
 * What is written here reads back through json_parse: invalid UTF-8 and NUL become U+FFFD, and the
 * user's locale never shows in a number.
 */
#include "api/common/json.h"
#include "api/common/utf8.h"
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct jw jw_to(struct buf *out)
{
    return (struct jw){.out = out};
}

/* Before a value: the comma, if one stands before it. */
static void separate(struct jw *w)
{
    if (w->comma)
        buf_add_char(w->out, ',');
    w->comma = true;
}

static void open_with(struct jw *w, char c)
{
    separate(w);
    buf_add_char(w->out, c);
    w->depth++;
    w->comma = false;
}

static void close_with(struct jw *w, char c)
{
    assert(w->depth > 0);
    buf_add_char(w->out, c);
    w->depth--;
    w->comma = true;
}

void jw_obj(struct jw *w)
{
    open_with(w, '{');
}

void jw_arr(struct jw *w)
{
    open_with(w, '[');
}

void jw_end_obj(struct jw *w)
{
    close_with(w, '}');
}

void jw_end_arr(struct jw *w)
{
    close_with(w, ']');
}

static void add_escaped(struct buf *out, unsigned char c)
{
    switch (c) {
    case '"': buf_add(out, "\\\"", 2); return;
    case '\\': buf_add(out, "\\\\", 2); return;
    case '\b': buf_add(out, "\\b", 2); return;
    case '\f': buf_add(out, "\\f", 2); return;
    case '\n': buf_add(out, "\\n", 2); return;
    case '\r': buf_add(out, "\\r", 2); return;
    case '\t': buf_add(out, "\\t", 2); return;
    case '\0': buf_add(out, "\xef\xbf\xbd", 3); return; /* our own scan refuses \u0000 */
    default: buf_printf(out, "\\u%04x", c); return;
    }
}

static void add_string(struct buf *out, const char *s, size_t len)
{
    size_t plain = 0; /* where what needs no change begins */
    size_t at = 0;

    buf_add_char(out, '"');
    while (at < len) {
        unsigned char c = (unsigned char)s[at];
        size_t n = c < 0x80 ? 1 : utf8_step(s + at, len - at);
        if (n > 0 && c >= 0x20 && c != '"' && c != '\\') {
            at += n;
            continue;
        }
        buf_add(out, s + plain, at - plain);
        if (n == 0)
            buf_add(out, "\xef\xbf\xbd", 3);
        else
            add_escaped(out, c);
        plain = ++at;
    }
    buf_add(out, s + plain, len - plain);
    buf_add_char(out, '"');
}

void jw_key(struct jw *w, const char *key)
{
    separate(w);
    add_string(w->out, key, strlen(key));
    buf_add_char(w->out, ':');
    w->comma = false;
}

void jw_strn(struct jw *w, const char *s, size_t len)
{
    separate(w);
    add_string(w->out, s, len);
}

void jw_str(struct jw *w, const char *s)
{
    if (s)
        jw_strn(w, s, strlen(s));
    else
        jw_null(w);
}

void jw_int(struct jw *w, int64_t n)
{
    separate(w);
    buf_printf(w->out, "%lld", (long long)n);
}

void jw_num(struct jw *w, double n)
{
    const double exact = 9007199254740992.0; /* 2^53 */
    char text[40];

    if (!isfinite(n)) {
        jw_null(w);
        return;
    }
    separate(w);
    if (fabs(n) <= exact && n == (double)(int64_t)n) {
        snprintf(text, sizeof text, "%s%lld", n == 0 && signbit(n) ? "-" : "", (long long)n);
    } else {
        /* 15 digits always read back from text, so fewer are only worth trying for denormals. */
        for (int digits = fabs(n) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, n);
            if (strtod(text, NULL) == n)
                break;
        }
        /* The locale's decimal point may be a comma, or more than one byte. */
        size_t to = 0;
        for (size_t at = 0; text[at]; at++) {
            if (strchr("0123456789+-e", text[at]))
                text[to++] = text[at];
            else if (to == 0 || text[to - 1] != '.')
                text[to++] = '.';
        }
        text[to] = '\0';
        /* Beyond 2^53 and of up to 17 digits: without a fraction our own scan would see an integer
         * that cannot be trusted. */
        if (!strpbrk(text, ".e"))
            memcpy(text + to, ".0", sizeof ".0");
    }
    buf_add_str(w->out, text);
}

void jw_bool(struct jw *w, bool b)
{
    separate(w);
    buf_add_str(w->out, b ? "true" : "false");
}

void jw_null(struct jw *w)
{
    separate(w);
    buf_add(w->out, "null", 4);
}

void jw_raw(struct jw *w, const char *json, size_t len)
{
    separate(w);
    buf_add(w->out, json, len);
}

void jw_obj_at(struct jw *w, const char *key)
{
    jw_key(w, key);
    jw_obj(w);
}

void jw_arr_at(struct jw *w, const char *key)
{
    jw_key(w, key);
    jw_arr(w);
}

void jw_str_at(struct jw *w, const char *key, const char *s)
{
    jw_key(w, key);
    jw_str(w, s);
}

void jw_int_at(struct jw *w, const char *key, int64_t n)
{
    jw_key(w, key);
    jw_int(w, n);
}

void jw_num_at(struct jw *w, const char *key, double n)
{
    jw_key(w, key);
    jw_num(w, n);
}

void jw_bool_at(struct jw *w, const char *key, bool b)
{
    jw_key(w, key);
    jw_bool(w, b);
}

void jw_null_at(struct jw *w, const char *key)
{
    jw_key(w, key);
    jw_null(w);
}

void jw_raw_at(struct jw *w, const char *key, const char *json, size_t len)
{
    jw_key(w, key);
    jw_raw(w, json, len);
}
