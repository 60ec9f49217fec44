/*
 * labtext.c - matches what the lab said against patterns; see labtext.h and labtexts.def.
 *
 * A pattern is literal text with holes {1}..{9}, each for any run of bytes ({1#}: of digits); the
 * literals are found from left to right and the last one must end the text, so a match takes one pass. The first row
 * that matches is taken: narrow patterns stand before wide ones.
 */
#include "api/cli/labtext.h"
#include "api/cli/human.h"
#include "api/cli/say.h"
#include "api/common/mem.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct labtext_row labtext_rows[] = {
#define L(pattern, fr) {(pattern), (fr)},
#include "api/cli/labtexts.def"
#undef L
};
const size_t labtext_row_count = sizeof labtext_rows / sizeof *labtext_rows;

enum { HOLES = 9, DEPTH_MAX = 4, SAID_MAX_BYTES = 4096 };

struct holes {
    const char *at[HOLES + 1];
    size_t len[HOLES + 1];
};

static bool add_depth(struct buf *out, const char *said, unsigned depth);

/* ---- matching ---- */

/* The number of the hole that starts here, or 0. */
static int hole_at(const char *p)
{
    bool hole = p[0] == '{' && p[1] >= '1' && p[1] <= '9' &&
                (p[2] == '}' || (p[2] == '#' && p[3] == '}'));

    return hole ? p[1] - '0' : 0;
}

static bool all_digits(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return len > 0;
}

static size_t literal_len(const char *p)
{
    size_t n = 0;

    while (p[n] && !hole_at(p + n))
        n++;
    return n;
}

static bool matches(const char *pattern, const char *said, struct holes *h)
{
    const char *end = said + strlen(said);
    size_t n = literal_len(pattern);

    if (strncmp(said, pattern, n) != 0)
        return false;
    said += n;
    pattern += n;
    while (*pattern) {
        int hole = hole_at(pattern);
        bool digits = pattern[2] == '#';
        pattern += digits ? strlen("{1#}") : strlen("{1}");
        n = literal_len(pattern);
        const char *found;
        if (pattern[n] == '\0') /* the last literal ends the text */
            found = (size_t)(end - said) >= n && memcmp(end - n, pattern, n) == 0 ? end - n : NULL;
        else
            found = memmem(said, (size_t)(end - said), pattern, n);
        if (!found || (digits && !all_digits(said, (size_t)(found - said))))
            return false;
        h->at[hole] = said;
        h->len[hole] = (size_t)(found - said);
        said = found + n;
        pattern += n;
    }
    return said == end;
}

/* ---- saying ---- */

/* "20.6 GiB", as text_size_human writes it. */
static bool add_size(struct buf *out, const char *text)
{
    static const char *const units[][2] = {
        {"byte", "octet"}, {"bytes", "octets"}, {"KiB", "Kio"}, {"MiB", "Mio"},
        {"GiB", "Gio"},    {"TiB", "Tio"},      {"PiB", "Pio"}, {"EiB", "Eio"},
    };
    char *end;
    double n = strtod(text, &end);

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (end != text && *end == ' ' && strcmp(end + 1, units[i][0]) == 0) {
            human_number(out, n);
            buf_add_str(out, NBSP);
            buf_add_str(out, units[i][1]);
            return true;
        }
    return false;
}

/* What is in a hole, said by its kind; a number that is none stays as it was. */
static void add_hole(struct buf *out, const char *kind, size_t kind_len, const char *at, size_t len,
                     unsigned depth)
{
    AUTO_FREE char *text = mem_strndup(at, len);
    char *end;

#define IS(name) (kind_len == strlen(name) && memcmp(kind, name, kind_len) == 0)
    if (IS("text")) {
        (void)add_depth(out, text, depth + 1);
        return;
    }
    if (IS("size") && add_size(out, text))
        return;
    errno = 0;
    double n = strtod(text, &end);
    bool number = len > 0 && *end == '\0' && errno == 0 && n >= 0 && n < 9e15;
    if (!number || kind_len == 0)
        buf_add_str(out, text);
    else if (IS("number"))
        human_number(out, n);
    else if (IS("count"))
        human_count(out, (uint64_t)n);
    else if (IS("bytes"))
        human_size(out, (uint64_t)n);
    else
        buf_add_str(out, text);
#undef IS
}

static void add_filled(struct buf *out, const char *template, const struct holes *h, unsigned depth)
{
    for (const char *p = template; *p;) {
        bool hole = p[0] == '{' && p[1] >= '1' && p[1] <= '9' && (p[2] == '}' || p[2] == ':');
        const char *close = hole ? strchr(p, '}') : NULL;
        if (!close) {
            buf_add_char(out, *p++);
            continue;
        }
        int n = p[1] - '0';
        const char *kind = p[2] == ':' ? p + 3 : close;
        if (h->at[n])
            add_hole(out, kind, (size_t)(close - kind), h->at[n], h->len[n], depth);
        p = close + 1;
    }
}

static bool add_row(struct buf *out, const char *said, unsigned depth)
{
    for (size_t i = 0; i < labtext_row_count; i++) {
        const struct labtext_row *row = &labtext_rows[i];
        struct holes h = {0};
        if (!matches(row->pattern, said, &h))
            continue;
        AUTO_BUF struct buf spaced = BUF_INIT(1 << 16);
        say_add_spaced(&spaced, row->french);
        add_filled(out, buf_cstr(&spaced), &h, depth);
        return true;
    }
    return false;
}

static bool is_path(const char *s, size_t len)
{
    return len > 0 && (strchr("/.~", *s) || !memchr(s, ' ', len));
}

static bool is_cause(const char *s)
{
    for (int i = 1; i < 134; i++)
        if (strerrordesc_np(i) && strcmp(strerrordesc_np(i), s) == 0)
            return true;
    return false;
}

/* "cannot open x: No such file or directory": what err_sys appends is a sentence of its own, split
 * off first, or it would be taken for a part of the name. */
static bool add_with_cause(struct buf *out, const char *said, unsigned depth)
{
    const char *colon = NULL;

    for (const char *p = strstr(said, ": "); p; p = strstr(p + 2, ": "))
        colon = p;
    if (!colon || !is_cause(colon + 2))
        return false;
    AUTO_BUF struct buf cause = BUF_INIT(1 << 16), what = BUF_INIT(1 << 16);
    AUTO_FREE char *before = mem_strndup(said, (size_t)(colon - said));
    if (!add_row(&cause, colon + 2, depth) ||
        (!add_row(&what, before, depth) && !is_path(before, strlen(before))))
        return false;
    buf_add_str(out, what.len > 0 ? buf_cstr(&what) : before);
    buf_add_str(out, NBSP ": ");
    buf_add_str(out, buf_cstr(&cause));
    return true;
}

/* False: not known, and added as it was. */
static bool add_depth(struct buf *out, const char *said, unsigned depth)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 16);

    if (depth < DEPTH_MAX && strlen(said) < SAID_MAX_BYTES &&
        (add_with_cause(&text, said, depth) || add_row(&text, said, depth))) {
        buf_add_str(out, buf_cstr(&text));
        return true;
    }
    buf_add_str(out, said);
    return false;
}

void labtext_add(struct buf *out, const char *said)
{
    if (say_lang() == LANG_FR)
        (void)add_depth(out, said, 0);
    else
        buf_add_str(out, said);
}

bool labtext_is_known(const char *said)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 16);

    return add_depth(&text, said, 0);
}
