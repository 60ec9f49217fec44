/*
 * term.c - what a terminal can show; see term.h.
 */
#include "api/cli/term.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

static const char *const codes[STYLE_COUNT] = {
    [STYLE_BOLD] = "\033[1m", [STYLE_DIM] = "\033[2m",   [STYLE_GOOD] = "\033[32m",
    [STYLE_BAD] = "\033[31m", [STYLE_WARN] = "\033[33m",
};

void term_measure(struct term *t)
{
    struct winsize size;

    if (t->is_tty)
        t->width = ioctl(t->fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void term_init(struct term *t, int fd)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *kind = getenv("TERM");

    *t = (struct term){.fd = fd, .is_tty = isatty(fd) != 0};
    t->moves = t->is_tty && kind && *kind && strcmp(kind, "dumb") != 0;
    t->colour = t->moves && !(no_colour && *no_colour);
    term_measure(t);
}

void term_add(struct buf *out, const struct term *t, enum style style, const char *s)
{
    bool coloured = t->colour && codes[style];

    if (coloured)
        buf_add_str(out, codes[style]);
    buf_add_str(out, s);
    if (coloured)
        buf_add_str(out, "\033[0m");
}

/* One character: its bytes and columns. Bytes that are no UTF-8 count one column each. */
static size_t step(const char *s, size_t *columns)
{
    mbstate_t state = {0};
    wchar_t c;
    size_t n = mbrtowc(&c, s, strlen(s), &state);

    if (n == 0 || n > MB_LEN_MAX) {
        *columns = 1;
        return 1;
    }
    int width = wcwidth(c);
    *columns = width < 0 ? 1 : (size_t)width;
    return n;
}

size_t term_width_of(const char *s)
{
    size_t width = 0, columns;

    while (*s) {
        s += step(s, &columns);
        width += columns;
    }
    return width;
}

void term_add_cut(struct buf *out, const char *s, size_t width)
{
    size_t used = 0, columns;

    if (term_width_of(s) <= width) {
        buf_add_str(out, s);
        return;
    }
    while (*s) {
        size_t n = step(s, &columns);
        if (used + columns + 1 > width)
            break;
        buf_add(out, s, n);
        s += n;
        used += columns;
    }
    if (used < width)
        buf_add_str(out, "…");
}

void term_add_spaces(struct buf *out, size_t count)
{
    while (count--)
        buf_add_char(out, ' ');
}

static void add_line(struct buf *out, const char *s, size_t len, size_t indent, size_t width,
                     bool hanging)
{
    size_t at = 0;     /* columns used on this line */
    bool fresh = true; /* no word on this line yet */

    /* What is indented in the text is an example: kept as it is. */
    bool verbatim = len > 0 && *s == ' ';
    if (!hanging && len > 0)
        term_add_spaces(out, indent);
    while (len > 0) {
        const char *space = verbatim ? NULL : memchr(s, ' ', len);
        size_t word = space ? (size_t)(space - s) : len, columns = 0;
        for (size_t i = 0; i < word;) {
            size_t one, n = step(s + i, &one);
            columns += one;
            i += n;
        }
        if (!fresh && indent + at + 1 + columns > width) {
            buf_add_char(out, '\n');
            term_add_spaces(out, indent);
            at = 0;
            fresh = true;
        }
        if (!fresh) {
            buf_add_char(out, ' ');
            at++;
        }
        buf_add(out, s, word);
        at += columns;
        fresh = false;
        s += word;
        len -= word;
        if (len > 0) {
            s++;
            len--;
        }
    }
    buf_add_char(out, '\n');
}

void term_add_wrapped(struct buf *out, const char *s, size_t indent, size_t width, bool hanging)
{
    for (;;) {
        const char *end = strchr(s, '\n');
        size_t len = end ? (size_t)(end - s) : strlen(s);
        add_line(out, s, len, indent, width, hanging);
        if (!end || !end[1])
            return;
        hanging = false;
        s = end + 1;
    }
}

size_t term_prose_width(const struct term *t)
{
    if (t->width == 0)
        return 80;
    return t->width < 100 ? t->width : 100;
}
