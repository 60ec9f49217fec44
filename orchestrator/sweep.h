/*
 * sweep.h - at start: finishes the tidying that a killed daemon had left half done.
 */
#ifndef ENCLOS_SWEEP_H
#define ENCLOS_SWEEP_H

#include "catalog/run.h"

struct lab;

/* In the background: removes outputs/ of runs that are finished (their files are in the object store).
 * Borrows rows. */
void sweep_start(struct lab *lab, const struct run_row *unfinished, size_t count);

#endif
