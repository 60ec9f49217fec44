/*
 * tree_use.h - who uses which tree now, so that none is removed from under anybody.
 *
 * Whoever wants a tree says so before looking at it; whoever removes one asks first. Thread safe; no lock
 * is held while a disk is waited for.
 */
#ifndef ENCLOS_CATALOG_TREE_USE_H
#define ENCLOS_CATALOG_TREE_USE_H

#include "catalog/tree.h"

struct tree_uses;
struct tree_uses *tree_uses_new(void);
void tree_uses_free(struct tree_uses *u); /* NULL is fine */

/* `owner` (a run's id, for example; at most 31 bytes) uses the tree of that name from now on. Waits while
 * it is being removed. By the same owner again: nothing changes. */
void tree_use(struct tree_uses *u, const char *owner, const char *name);
/* The owner uses none any more. Never waits. */
void tree_unuse(struct tree_uses *u, const char *owner);

/* For the one who removes: false when somebody uses it, else nobody can begin to before tree_left. */
MUST_USE bool tree_leave(struct tree_uses *u, const char *name);
void tree_left(struct tree_uses *u);

#endif
