/*
 * report.h - what was gathered, as JSON. What tells about one person is left out here, in one place:
 *
 * - the values of a column with identifiers, or whose name suggests them, never appear: no extreme, no quantile, no
 *   frequent value ("withheld": "identifiers");
 * - nor those of a column with fewer than small_count values ("few");
 * - a frequent value appears when it came small_count times or more; a bar of a histogram, too;
 * - past REPORT_DETAIL_BYTES columns are told without distributions ("room"): a report is bounded;
 * - a single value that reads as an identifier is left out wherever it would stand.
 */
#ifndef ENCLOS_INSPECT_REPORT_H
#define ENCLOS_INSPECT_REPORT_H

#include "api/common/json.h"
#include "api/inspect/csv.h"
#include "api/inspect/jsonl.h"

enum { REPORT_TOP = 10, REPORT_BARS = 20, REPORT_QUANTILES = 15, REPORT_DETAIL_BYTES = 400 << 10 };
extern const double report_quantiles[REPORT_QUANTILES];

struct report_options {
    uint64_t small_count;
    double now_s; /* seconds since 1970, for ages */
};

/* One finding about a column. */
struct finding {
    enum ident kind;
    uint64_t cells;
    double share;            /* of the cells that have a value */
    const char *confidence;  /* "certain", "probable", "possible" */
    const char *because;     /* "values", "name", "name_and_values" */
};
/* At most IDENT_COUNT of them; sorts the column's dates (as report_table does). */
size_t report_findings(struct column *c, double now_s, struct finding out[IDENT_COUNT]);

/* The members of a table inside an object that is open: rows, columns, duplicates, quasi_identifiers. The table's
 * sketches are sorted: nothing can be added to it then. */
void report_table(struct jw *w, struct table *t, const struct encoding *enc, const struct report_options *o);

#endif
