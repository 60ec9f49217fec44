/*
 * search_build.h - the search index of a catalog that is older than the search: made beside the work.
 */
#ifndef ENCLOS_SEARCH_BUILD_H
#define ENCLOS_SEARCH_BUILD_H

#include "orchestrator/lab.h"

/* Begins, or goes on where the last daemon left off; does nothing when all is there. At start; loop thread. */
void search_build(struct lab *lab);

#endif
