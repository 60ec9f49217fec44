/*
 * logout.h - what a run wrote, on its way to our standard output or error.
 *
 * To a file or a pipe the bytes go as they are. To a terminal they are made harmless: control bytes
 * show as \xNN (a run must not steer the terminal of who watches it), except line feed, tab, and
 * the carriage return of progress bars; characters cut between two chunks are held until whole.
 */
#ifndef ENCLOS_LOGOUT_H
#define ENCLOS_LOGOUT_H

#include "api/cli/term.h"
#include "api/common/json.h"

struct logout {
    int fd;
    bool is_tty;
    char held[4]; /* start of a UTF-8 character */
    size_t held_len;
    bool held_return; /* a carriage return, until we know what follows */
};

void logout_init(struct logout *l, const struct term *t);
/* Adds to `out` what has to be written; *at_line_start says where the cursor is left. */
void logout_add(struct logout *l, const char *bytes, size_t len, struct buf *out,
                bool *at_line_start);
/* What was held back, at the end. */
void logout_end(struct logout *l, struct buf *out);

/* The bytes of a log event or chunk ("text", or "base64"), into `out`. False: it has neither. */
bool logout_bytes_of(const struct json *event, struct buf *out);

#endif
