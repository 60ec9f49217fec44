/*
 * damage.h - what the lab does about an object that was set aside: it drops the trees that have it, says
 * so in the log, and writes it into the audit log.
 */
#ifndef ENCLOS_DAMAGE_H
#define ENCLOS_DAMAGE_H

#include "catalog/tree.h"

struct lab;

/* Loop thread, once store and catalog are open and before anything runs. From then on every thread that
 * finds damage is listened to; what a killed daemon had set aside without an entry is entered now. */
void damage_start(struct lab *lab);

/* Pool: the tree of a dataset or an environment was found changed. It is dropped, and what is damaged of its objects set aside. */
void damage_condemn(struct lab *lab, enum tree_kind kind, const struct manifest *m, const char *ref);

#endif
