/*
 * rows_report.c - the row of report.*: handler in method_report.c.
 */
#include "catalog/energy.h"
#include "catalog/report.h"
#include "orchestrator/rows.h"

const struct method rows_report[] = {
    {.name = "report.get",
     .summary = "What was tried, for whom, on which data, at what cost and with which outcome, over a period. Energy and "
                "carbon are estimated: the method says how.",
     .params =
         (const struct param[]){
             {.name = "kind", .type = PARAM_CHOICE, .required = true,
              .choices = CHOICES("portfolio", "accountability", "data-access", "environment"),
              .meaning = "which report"},
             {.name = "from_us", .type = PARAM_INTEGER, .min = 0, .max = INT64_C(1) << 53, .otherwise = "0",
              .meaning = "from that time on, in microseconds since 1970"},
             {.name = "to_us", .type = PARAM_INTEGER, .min = 1, .max = INT64_C(1) << 53,
              .meaning = "before that time; left out: now"},
             {.name = "region", .type = PARAM_CHOICE, .otherwise = "\"QC\"",
              .choices = CHOICES("QC", "ON", "MB", "BC", "NB", "NS", "NL", "SK", "AB", "CA"),
              .meaning = "whose electricity it was: province, or Canada"},
             END_PARAMS},
     .result = "{kind, from_us: integer or null, to_us: integer or null, made_us, made_by, "
               "tables: [{name, columns: [text], rows: [[any]], cut: boolean}], method: object "
               "or null}",
     .roles = ROLE(ROLE_CURATOR) | ROLE(ROLE_AUDITOR),
     .errors = LISTS,
     .handle = method_report_get},
    END_ROWS,
};
