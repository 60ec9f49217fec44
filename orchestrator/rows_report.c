/*
 * rows_report.c - the row of report.*: handler in method_report.c.
 */
#include "catalog/energy.h"
#include "catalog/report.h"
#include "orchestrator/rows.h"

static const char report_shape[] =
    "{kind, from_us, to_us, made_us, made_by, tables:[{name, columns:[text], rows:[array], cut: boolean}], "
    "method:{energy, core_w, memory_w_per_gb, pue, range_factor, region, direct_g_per_kwh, lifecycle_g_per_kwh, source}}";

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
     .result = report_shape,
     .roles = ROLE(ROLE_CURATOR) | ROLE(ROLE_AUDITOR),
     .errors = LISTS,
     .handle = method_report_get},
    END_ROWS,
};
