/*
 * audit.h - the audit log: one table, append only, each entry holding the hash of the one before.
 *
 * An entry's hash is the SHA-256 of its canonical JSON
 *   {"action":…,"actor":{"name":…,"uid":…},"detail":{…},"number":…,"previous":…,"subject":…,
 *    "time_us":…}                                                    (one line, no space)
 * where `previous` is the hash of entry number-1 (64 zeros for the first). The head (number and
 * hash of the last entry) is kept apart, so that a tail cut off is seen too.
 */
#ifndef ENCLOS_CATALOG_AUDIT_H
#define ENCLOS_CATALOG_AUDIT_H

#include "api/common/buf.h"
#include "api/common/err.h"
#include "api/common/mem.h"
#include <stddef.h>
#include <stdint.h>

struct cat;

/* Who did it. uid as SO_PEERCRED told; the lab itself acts with uid -1 and the name "lab". */
struct cat_actor {
    int64_t uid;
    const char *name;
};
#define CAT_ACTOR_LAB ((struct cat_actor){.uid = -1, .name = "lab"})

/* Appends inside the current transaction. `detail_json` is one JSON object or NULL; it is stored
 * in canonical form. action is "noun.verb", subject an id or a reference. */
MUST_USE int audit_append(struct cat *db, const struct cat_actor *actor, const char *action,
                          const char *subject, const char *detail_json, int64_t time_us,
                          struct err *e);

struct audit_entry {
    int64_t number;
    int64_t time_us;
    struct cat_actor actor;
    const char *action, *subject;
    const char *detail_json; /* canonical */
    const char *previous, *hash;
};

enum { AUDIT_LIST_MAX = 1000 };

/* In the order of the chain, from entry number `from` on. */
MUST_USE int audit_export(struct cat *db, struct arena *a, int64_t from, size_t limit,
                          struct audit_entry **out, size_t *count, struct err *e);
/* Number and hash of the last entry: 0 and 64 zeros in a new catalog. */
MUST_USE int audit_head(struct cat *db, int64_t *number, char hash[65], struct err *e);
/* The entry as one line for other programs: the text that was hashed, with its hash as the last member.
 * Take `,"hash":"..."` away and what is left has that SHA-256. */
void audit_line(const struct audit_entry *entry, struct buf *out);

struct audit_known {
    const char *subject;
    int64_t time_us;
    bool found; /* out */
};
/* Which of these subjects have an entry of that action and time. Reads all of that action: for
 * start-up. */
MUST_USE int audit_find(struct cat *db, const char *action, struct audit_known *list, size_t count,
                        struct err *e);

struct audit_report {
    int64_t entries; /* that were walked and are whole */
    bool ok;
    int64_t broken;   /* number of the first entry that is wrong; 0 when ok */
    char reason[160]; /* one English sentence; empty when ok */
    char head[65];    /* hash of the last whole entry */
};
/* Walks the chain from the first entry. A broken chain is a report with ok=false, not an error. */
MUST_USE int audit_verify(struct cat *db, struct audit_report *out, struct err *e);
/* The last `count` entries only, up to the head: E_INTERNAL when they are not whole. */
MUST_USE int audit_verify_tail(struct cat *db, int64_t count, struct err *e);

#endif
