/*
 * jsonl.h - JSON lines: one object a line, its members as columns; members of members as "a.b".
 */
#ifndef ENCLOS_INSPECT_JSONL_H
#define ENCLOS_INSPECT_JSONL_H

#include "api/inspect/csv.h"

struct jsonl_facts {
    uint64_t bad_lines, first_bad_line; /* not an object, or longer than ROW_KEEP; from 1 */
    uint64_t blank_lines;
    struct encoding encoding;
};

/* Reads all of the feed into the table (which it initializes). */
MUST_USE int jsonl_profile(struct feed *f, size_t columns, struct table *t, struct jsonl_facts *facts, struct err *e);

/* Whether the beginning of a text is a line with an object. */
bool jsonl_sniff(const char *s, size_t len);

#endif
