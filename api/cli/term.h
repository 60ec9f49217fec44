/*
 * term.h - what a terminal can show: its width, colours, the width of a text, wrapping.
 *
 * Output is UTF-8 whatever the locale. A descriptor that is no terminal has width 0 (nothing is cut)
 * and no colour; NO_COLOR and TERM=dumb turn colour off.
 */
#ifndef ENCLOS_TERM_H
#define ENCLOS_TERM_H

#include "api/common/buf.h"
#include <stdbool.h>
#include <stddef.h>

struct term {
    int fd;
    bool is_tty;
    bool moves; /* the cursor may be moved: no TERM=dumb */
    bool colour;
    unsigned width; /* 0: not a terminal */
};

void term_init(struct term *t, int fd);
void term_measure(struct term *t); /* after a change of size */

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD, STYLE_WARN, STYLE_COUNT };
void term_add(struct buf *out, const struct term *t, enum style style, const char *s);

/* Columns that a UTF-8 text takes. */
size_t term_width_of(const char *s);
/* Adds at most `width` columns of s, ending with an ellipsis when something was cut. */
void term_add_cut(struct buf *out, const char *s, size_t width);
void term_add_spaces(struct buf *out, size_t count);

/* Adds a text wrapped at `width` columns, each line after `indent` spaces, the first one too unless
 * the caller stands there already (`hanging`). Line breaks in the text are kept. Ends with a line
 * break. */
void term_add_wrapped(struct buf *out, const char *s, size_t indent, size_t width, bool hanging);

/* Where to wrap prose: the terminal's width up to 100, or 80. */
size_t term_prose_width(const struct term *t);

#endif
