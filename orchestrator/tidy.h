/*
 * tidy.h - now and then, while the lab runs: trees that no run uses are removed, old idempotency keys
 * forgotten.
 */
#ifndef ENCLOS_TIDY_H
#define ENCLOS_TIDY_H

struct lab;

/* Loop thread. From then on, every opt.tidy_ms. */
void tidy_start(struct lab *lab);
void tidy_stop(struct lab *lab);

#endif
