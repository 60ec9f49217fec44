/*
 * deep.h - a lab read from end to end: the catalog's file, the audit log, every object, every reference, every tree.
 *
 * Blocks for as long as the lab is large: a thread of its own, with a read-only connection. What is found damaged is set
 * aside as by any reader (objects_set_aside), so that it counts as missing where it is referred to.
 */
#ifndef ENCLOS_CATALOG_DEEP_H
#define ENCLOS_CATALOG_DEEP_H

#include "catalog/backup.h"
#include "catalog/tree.h"

enum { DEEP_FINDINGS_MAX = 50 };

struct deep_finding {
    char sha256[65];   /* what cannot be had */
    char manifest[65]; /* by which it is referred to; empty: by the table itself */
    char path[100];    /* there; or what refers to it, where there is no manifest */
    char why[100];
    char of[100]; /* one of those whose content that is: NAME@VERSION, a run; empty: not found */
    size_t more;  /* others beside it */
};

struct deep_report {
    char catalog[200]; /* what is wrong with the file; empty: nothing */
    struct audit_report audit;
    uint64_t objects, bytes, damaged;
    uint64_t missing; /* all; the first of them follow */
    struct deep_finding findings[DEEP_FINDINGS_MAX];
    size_t finding_count;
    uint64_t trees, trees_wrong;
    char tree_wrong[200]; /* the first of those */
};

/* E_UNAVAILABLE when it was stopped; other errors mean that it could not be done, not that something is wrong. */
MUST_USE int deep_check(struct cat *db, const struct store *s, struct tree_cache *verified,
                        const struct backup_phase *how, struct deep_report *out, struct err *e);

#endif
