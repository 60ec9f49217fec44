/*
 * dataset_card.h - the card of a dataset: what it is, where it comes from, what it may be used for.
 *
 * A versioned record (form "dataset", subject: the dataset's name). What the gate goes by is in columns
 * as well, written in the same transaction, so that no gate has to read answers.
 */
#ifndef ENCLOS_CATALOG_DATASET_CARD_H
#define ENCLOS_CATALOG_DATASET_CARD_H

#include "catalog/dataset.h"
#include "catalog/record.h"

enum card_said { CARD_NOT_SAID, CARD_NO, CARD_YES };

struct dataset_card { /* texts in the arena; all empty when there is no card yet */
    int64_t version;  /* of the record; 0: there is none */
    enum card_said personal;
    const char *pia;         /* or NULL */
    const char *pia_expires; /* its last day, "2026-11-24", or NULL */
    const char **purposes;   /* codes; none: not said */
    size_t purpose_count;
    const char *retention;   /* the last day of its use, or NULL */
};

/* `dataset` is dataset_row.dataset. */
MUST_USE int cat_dataset_card(struct cat *db, struct arena *a, int64_t dataset,
                              struct dataset_card *out, struct err *e);

/* Changes the card, or makes it (version 0): see cat_record_change for the errors. E_INVALID too when the
 * card would contradict itself: personal information with no expiry of its PIA, a period that ends before
 * it begins. *changed false: it said so already. Audit entry dataset.described. */
MUST_USE int cat_dataset_describe(struct cat *db, struct arena *a, const struct dataset_row *d,
                                  const struct json *set, int64_t version, const char *reason,
                                  const struct cat_actor *actor, int64_t at_us,
                                  struct record_row *out, bool *changed, struct err *e);

bool dataset_card_permits(const struct dataset_card *c, const char *purpose); /* true when not said */

struct dataset_due { /* a day of a card that is near or past */
    const char *name; /* of the dataset */
    const char *what; /* "pia" or "retention" */
    const char *day;
};
/* Of the datasets that this account keeps, up to the day of `until_us`, the nearest first. */
MUST_USE int cat_dataset_due(struct cat *db, struct arena *a, const struct cat_actor *keeper,
                             int64_t until_us, size_t limit, struct dataset_due **out, size_t *count,
                             struct err *e);

/* Today by the lab's clock and time zone, "2026-11-24": what days are compared with. */
enum { DAY_SIZE = 11 };
void day_of(int64_t time_us, char out[DAY_SIZE]);

#endif
