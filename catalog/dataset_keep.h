/*
 * dataset_keep.h - who keeps a dataset, and what they do with its versions beside adding and sealing:
 * handing over, retiring, deciding on a quarantine, having it verified.
 */
#ifndef ENCLOS_CATALOG_DATASET_KEEP_H
#define ENCLOS_CATALOG_DATASET_KEEP_H

#include "catalog/dataset.h"
#include "catalog/standing.h"

/* Its custodian, or an admin of the lab. */
bool dataset_keeps(const struct standing *s, const struct dataset_row *d);
/* As a refusal: E_DENIED that names the custodian. `what`: what was asked ("dataset.retire"). */
MUST_USE int dataset_must_keep(const struct standing *s, const struct dataset_row *d, const char *what,
                               struct err *e);

/* Gives the dataset (all versions) to another account. E_CONFLICT: it keeps it already. */
MUST_USE int cat_dataset_hand_over(struct cat *db, const struct dataset_row *d,
                                   const struct cat_actor *to, const struct cat_actor *actor,
                                   const char *reason, int64_t at_us, struct err *e);

/* Audit entry that every file was read again; `wrong` NULL: all was right, and the row says when. */
MUST_USE int cat_dataset_verified(struct cat *db, const struct dataset_row *d,
                                  const struct cat_actor *actor, const char *wrong,
                                  uint64_t read_bytes, int64_t at_us, struct err *e);

#endif
