/*
 * feed.h - a file read through one window, with room around it for reads that go beyond (number.h).
 */
#ifndef ENCLOS_INSPECT_FEED_H
#define ENCLOS_INSPECT_FEED_H

#include "api/common/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FEED_WINDOW = 256 << 10 };

struct feed {
    int fd;            /* borrowed; -1: a text in memory */
    char *memory;
    char *window;      /* FEED_WINDOW bytes of memory, NUMBER_PAD on both sides */
    size_t start, end; /* what is not used yet */
    bool ended;        /* nothing comes after `end` */
    const char *text;  /* the rest of a text in memory */
    size_t text_left;
};

void feed_init(struct feed *f, int fd);
/* A text in memory, borrowed. */
void feed_init_text(struct feed *f, const char *bytes, size_t len);
void feed_fini(struct feed *f);
/* Moves what is left to the front and fills the window. */
MUST_USE int feed_more(struct feed *f, struct err *e);

#endif
