/*
 * column.h - what is gathered about one column while its cells pass, in bounded memory.
 */
#ifndef ENCLOS_INSPECT_COLUMN_H
#define ENCLOS_INSPECT_COLUMN_H

#include "api/inspect/hint.h"
#include "api/inspect/ident.h"
#include "api/inspect/number.h"
#include "api/inspect/sketch.h"
#include "api/inspect/value.h"

enum { COLUMN_NAME_MAX = 96, BATCH_FIELDS = 8192, CELL_MAX = 64 << 10 };

struct stats { /* of numbers, or of dates in seconds */
    uint64_t count;
    double mean, m2; /* m2: sum of squares about the mean */
    double min, max;
    struct sample sample;
};

struct column {
    char name[COLUMN_NAME_MAX]; /* UTF-8; "" : none, the column is called by its number */
    bool name_hidden;           /* it looked like a value */
    struct hint hint;
    uint64_t kinds[VALUE_KIND_COUNT];
    uint64_t missing[MISSING_TOKENS];
    uint64_t commas, points;          /* decimal marks */
    uint64_t day_first, month_first;  /* dates that prove their order */
    struct stats numbers, dates;
    uint64_t text_total;              /* bytes of texts */
    uint32_t text_min, text_max;
    uint64_t strong[IDENT_COUNT], weak[IDENT_COUNT], tried[IDENT_COUNT]; /* cells */
    struct hll hll;
    struct top top;
    bool plain; /* most cells of the last batch were plain numbers */
};

void column_init(struct column *c, const char *name);
void column_fini(struct column *c);

/* One cell, unescaped, with its spaces. `cut`: it was longer than what is kept of it. */
void column_cell(struct column *c, const char *s, size_t len, bool decimal_comma);

/* Of one thread: room for a batch. */
struct batch_room {
    double values[BATCH_FIELDS + 80];
    uint32_t others[BATCH_FIELDS + 80], digits[BATCH_FIELDS + 80];
    uint64_t hashes[BATCH_FIELDS + 80];
};

/* Many cells at once, none quoted: as numbers_read. */
void column_batch(struct column *c, const char *s, const uint32_t *at, size_t first, size_t stride, size_t rows,
                  bool decimal_comma, bool cut_cr, struct batch_room *room);

/* Cells that have a value. */
uint64_t column_present(const struct column *c);

#endif
