/*
 * rows_dataset.c - the rows of dataset.*, datasets: handlers in method_dataset.c.
 */
#include "orchestrator/rows.h"

const struct method rows_dataset[] = {
    {.name = "dataset.add",
     .summary =
         "Registers a version of a dataset, as a draft. The same again, while that draft is the "
         "latest version and not sealed, gives the same draft.",
     .params =
         (const struct param[]){
             {.name = "name", .type = PARAM_NAME, .required = true, .meaning = "its name"},
             {.name = "title", .type = PARAM_STRING, .min = 1, .max = 300, .meaning = "title"},
             {.name = "description",
              .type = PARAM_STRING,
              .min = 1,
              .max = 10000,
              .meaning = "description"},
             {.name = "classification",
              .type = PARAM_CHOICE,
              .required = true,
              .choices = CHOICES("public", "interne", "confidentiel", "tres_confidentiel"),
              .meaning = "how sensitive it is"},
             {.name = "manifest",
              .type = PARAM_SHA256,
              .required = true,
              .meaning = "manifest of its files, stored before with blob.put"},
             KEY_PARAM,
             END_PARAMS},
     .result = "{name, version, ref: NAME@VERSION, state, existed}",
     .roles = ROLE(ROLE_CUSTODIAN),
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_dataset_add},
    {.name = "dataset.seal",
     .summary =
         "Checks every file of a draft and closes it: from then on runs may use it. When files "
         "are missing or damaged the draft stays: send what blob.missing names, then again.",
     .params =
         (const struct param[]){
             {.name = "name", .type = PARAM_NAME, .required = true, .meaning = "its name"},
             {.name = "version",
              .type = PARAM_INTEGER,
              .required = true,
              .min = 1,
              .max = INT64_C(1) << 53,
              .meaning = "its version"},
             END_PARAMS},
     .result = "as dataset.get",
     .roles = ROLE(ROLE_CUSTODIAN),
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_dataset_seal},
    {.name = "dataset.get",
     .summary = "A dataset version.",
     .params =
         (const struct param[]){
             {.name = "name", .type = PARAM_NAME, .required = true, .meaning = "its name"},
             {.name = "version",
              .type = PARAM_INTEGER,
              .min = 1,
              .max = INT64_C(1) << 53,
              .meaning = "its version; left out: the latest"},
             END_PARAMS},
     .result = "{name, version, ref, title, description, classification, manifest, files, "
               "size_bytes, state, "
               "quarantined, quarantine_reason, actor, created_us, sealed_us, retired_us}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_dataset_get},
    {.name = "dataset.list",
     .summary = "All dataset versions by name.",
     .params = (const struct param[]){LIMIT_PARAM(500, "100"), CURSOR_PARAM, FILTER_PARAM(""), ORDER_BY_PARAM, END_PARAMS},
     .result = "{datasets:[as dataset.get], next_cursor}",
     .roles = ANY_ROLE,
     .errors = LISTS,
     .handle = method_dataset_list},
    END_ROWS,
};
