/*
 * tty.h - a person's terminal lent to a run: raw while it lasts, and given back as it was on every way out.
 */
#ifndef ENCLOS_TTY_H
#define ENCLOS_TTY_H

#include "api/common/err.h"
#include <stdbool.h>
#include <stddef.h>

/* Standard input and output are both a terminal. */
bool tty_is_there(void);
void tty_size(unsigned *rows, unsigned *cols); /* 24, 80 where it does not tell; within what a run may have */

/* Keys come one by one and unseen, until tty_restore or the end of this program by exit(). */
MUST_USE int tty_raw(struct err *e);
/* Also switches off what the run's programs had switched on: another screen, a hidden cursor, the mouse. */
void tty_restore(void);

/* Looks at what is shown, for the sake of tty_restore. */
void tty_watch(const char *bytes, size_t len);

#endif
