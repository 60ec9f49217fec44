/*
 * rows_quality.c - the rows about the quality of datasets: handlers in method_quality.c.
 */
#include "orchestrator/rows.h"

#define VERSION_MEANING "its version; left out: the latest that is sealed"

const struct method rows_quality[] = {
    {.name = "dataset.quality",
     .summary =
         "Profiles a sealed version, by a run under the profile inspect whose root holds nothing but the profiler: types, missing "
         "values, distributions, duplicates, faults of form and encoding, identifiers of persons, groups of quasi-identifiers. "
         "No value of an identifier is ever reported.",
     .params =
         (const struct param[]){
             {.name = "name", .type = PARAM_NAME, .required = true, .meaning = "the dataset's name"},
             {.name = "version", .type = PARAM_INTEGER, .min = 1, .max = INT64_C(1) << 53, .meaning = VERSION_MEANING},
             {.name = "small_count",
              .type = PARAM_INTEGER,
              .min = 1,
              .max = 1000000,
              .otherwise = "10",
              .meaning = "frequent values and bars of fewer cells are not shown, nor values of a column with fewer; below 10 for its custodian"},
             {.name = "delimiter",
              .type = PARAM_CHOICE,
              .choices = CHOICES(",", ";", "tab", "|", ":", "^", "~"),
              .meaning = "of the columns, for its custodian to say; left out: found out"},
             {.name = "header", .type = PARAM_BOOLEAN, .meaning = "whether the first row names the columns (yes is for its custodian to say); left out: found out"},
             KEY_PARAM,
             END_PARAMS},
     .result = "{run: text (its id), state, existed: boolean}",
     .roles = ROLE(ROLE_CUSTODIAN) | ROLE(ROLE_CURATOR),
     .scope = SCOPE_ANYWHERE,
     .errors = WRITES | KIND(E_DENIED),
     .flags = METHOD_CREATES,
     .handle = method_dataset_quality},
    {.name = "dataset.quality_get",
     .summary = "The last profile of a version, and what changed since the version before it that has one.",
     .params =
         (const struct param[]){
             {.name = "name", .type = PARAM_NAME, .required = true, .meaning = "the dataset's name"},
             {.name = "version", .type = PARAM_INTEGER, .min = 1, .max = INT64_C(1) << 53, .meaning = VERSION_MEANING},
             {.name = "against",
              .type = PARAM_INTEGER,
              .min = 1,
              .max = INT64_C(1) << 53,
              .meaning = "compare with that version; left out: the nearest one before that has a profile"},
             END_PARAMS},
     .result = "{name, version: integer, ref, state: done|failed|queued|starting|running, "
               "reason: text or null, run, under_way: text or null (a run), actor: {uid: "
               "integer, name}, small_count: integer, profiler: text or null, created_us, "
               "reported_us: integer or null, report: object or null, drift: object or null}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_dataset_quality_get},
    END_ROWS,
};
