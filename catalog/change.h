/*
 * change.h - the feed of changes: every transaction that changes what NOUN.get shows says so here.
 *
 * A row tells what (noun, id), how (verb) and when, never the content: that is read from the tables when
 * somebody asks, so that the feed cannot disagree with them. Numbers grow with each commit, since one
 * thread writes: whoever has read up to a number has missed nothing before it.
 */
#ifndef ENCLOS_CATALOG_CHANGE_H
#define ENCLOS_CATALOG_CHANGE_H

#include "api/common/err.h"
#include "api/common/mem.h"
#include <stddef.h>
#include <stdint.h>

struct cat;

/* Appends inside the current transaction, beside the writing that it tells of. noun: that of the method
 * NOUN.get ("run", "dataset", "env", "project"); id: what that method takes, in one text ("X@1");
 * verb: what happened, in the past ("sealed"). */
MUST_USE int change_add(struct cat *db, const char *noun, const char *id, const char *verb,
                        int64_t time_us, struct err *e);

/* For what moves on many times a second (a run that is measured): of each object only the last such row
 * is kept, with a new number. Its verb is "measured". */
MUST_USE int change_add_passing(struct cat *db, const char *noun, const char *id, int64_t time_us,
                                struct err *e);

/* The same for each version of a dataset: what is told of the dataset is shown with them all. */
MUST_USE int change_add_dataset(struct cat *db, const char *name, const char *verb, int64_t time_us,
                                struct err *e);

struct change {
    int64_t number; /* from 1, growing; there are gaps */
    int64_t time_us;
    const char *noun, *id, *verb;
};

enum { CHANGE_LIST_MAX = 1000 };

/* Those after `after`, in order. In the arena. */
MUST_USE int change_list(struct cat *db, struct arena *a, int64_t after, size_t limit,
                         struct change **out, size_t *count, struct err *e);

/* The greatest number that was ever given; 0: none. */
MUST_USE int change_last(struct cat *db, int64_t *number, struct err *e);

#endif
