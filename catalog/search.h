/*
 * search.h - words to find things by: one entry for each run, dataset, environment version, project,
 * experiment and lesson, kept in the transaction that changes what it says.
 *
 * The index is SQLite's FTS5: case and accents are folded, French and English alike, and a word is found by its
 * beginning. Sensitive answers of records are never in it. What one may not see is not found.
 */
#ifndef ENCLOS_CATALOG_SEARCH_H
#define ENCLOS_CATALOG_SEARCH_H

#include "api/common/err.h"
#include "api/common/mem.h"
#include "catalog/standing.h"
#include <stddef.h>
#include <stdint.h>

struct cat;

/* The entry of that thing, made anew from its tables; writes nothing when its words are the same. Inside
 * the transaction that changed it. */
MUST_USE int search_run(struct cat *db, int64_t seq, struct err *e);
MUST_USE int search_dataset(struct cat *db, const char *name, struct err *e);
MUST_USE int search_environment(struct cat *db, int64_t version_key, struct err *e);
/* form: project, experiment, lesson or dataset; others have no entry. */
MUST_USE int search_record(struct cat *db, const char *form, const char *subject, struct err *e);

/* All entries anew, in the current transaction: after an upgrade, or when the index was damaged. *count:
 * how many there are then. */
MUST_USE int search_rebuild(struct cat *db, int64_t *count, struct err *e);
/* After an upgrade: entries of what was there before, SEARCH_BUILD_RUNS runs at a time, the newest first (what is
 * not a run comes with the first call). Each call in a transaction of its own; *done: nothing is left. */
enum { SEARCH_BUILD_RUNS = 100 };
MUST_USE int search_build_some(struct cat *db, bool *done, struct err *e);
/* Whether the entries that there should be were made. */
MUST_USE int search_is_built(struct cat *db, bool *built, struct err *e);
/* Reads the whole index against the entries, in a writing job: 0 whole, -1 with E_INTERNAL when it is not. */
MUST_USE int search_check(struct cat *db, struct err *e);

struct search_hit {
    const char *noun, *ref, *title;
    const char *where;   /* "title" or "text": where the words were found best */
    const char *snippet; /* around them; each found word between SEARCH_OPEN and SEARCH_CLOSE */
    double rank;         /* greater is better */
};

#define SEARCH_OPEN "\x01"
#define SEARCH_CLOSE "\x02"
enum { SEARCH_LIMIT_MAX = 200, SEARCH_WORDS_MAX = 16, SEARCH_TEXT_MAX_BYTES = 500,
       SEARCH_CANDIDATES = 2000, SEARCH_TIME_MS = 5000 };

/* Those with all the words, the best first: bm25 with a title's words weighing more, and records and datasets
 * before runs. A word is found by its beginning, "two words" in quotes as they are. Of at least
 * SEARCH_CANDIDATES the newest come first, by kind (*cut tells): bm25 would read them all. E_INVALID: no word, or too many. */
MUST_USE int search_find(struct cat *db, struct arena *a, const struct standing *by, const char *text,
                         const char *noun, size_t limit, struct search_hit **out, size_t *count,
                         bool *cut, struct err *e);

/* The text as FTS5's own language: every word quoted, so that none is an operator, and found by its beginning or
 * `whole`. E_INVALID. */
MUST_USE int search_query(struct arena *a, const char *text, bool whole, const char **out,
                          struct err *e);

#endif
