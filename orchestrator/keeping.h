/*
 * keeping.h - the long work of keeping a lab: collection, backup, deep check. One at a time, out of the way.
 *
 * Each holds one thread of the pool and does its work in a thread of its own, of the lowest priority for the
 * processor and the disk, so that runs and requests are served before it. That thread opens its own
 * read-only connection to the catalog, and writes by catalog_write_sync.
 */
#ifndef ENCLOS_KEEPING_H
#define ENCLOS_KEEPING_H

#include "orchestrator/request.h"

/* On the loop. E_CONFLICT while another is under way. `after` on the loop, as request_pool's. */
MUST_USE int keeping_start(struct request *q, const char *name, request_work *work,
                           request_after *after, struct err *e);

/* From the work: what it does now (a constant text), and how far it is; total 0: not known. false: the lab
 * stops, and so should the work. */
void keeping_phase(struct lab *lab, const char *phase);
bool keeping_step(void *lab, uint64_t done, uint64_t total);

/* lab.doing: {doing: null or {name, phase, since_us, done, total}} */
void keeping_print(struct lab *lab, struct jw *w);

/* A reader's connection for the work; the caller closes it (cat_close). */
MUST_USE int keeping_read(struct lab *lab, struct cat **db, struct err *e);

#endif
