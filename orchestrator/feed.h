/*
 * feed.h - catalog.changes: requests that wait for the catalog to change. Loop thread.
 */
#ifndef ENCLOS_FEED_H
#define ENCLOS_FEED_H

#include "orchestrator/lab.h"
#include <stdint.h>

/* Jobs of the catalog ended: if some of them wrote, those who wait look again. */
void feed_wake(struct lab *lab);
void feed_conn_closed(struct lab *lab, uint64_t conn);
void feed_stop(struct lab *lab); /* answers all that wait */

#endif
