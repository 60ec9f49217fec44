/*
 * rows_catalog.c - the rows of catalog.*, all nouns at once: handlers in method_catalog.c.
 */
#include "orchestrator/rows.h"

const struct method rows_catalog[] = {
    {.name = "catalog.changes",
     .summary = "What changed in the catalog, in order, from a cursor on: a mirror is made from it. Without a cursor from "
                "the beginning. Of an object that comes several times in a page, the last change carries it.",
     .params =
         (const struct param[]){
             {.name = "cursor", .type = PARAM_STRING, .min = 1, .max = 200,
              .meaning = "next_cursor of the page before; refused (conflict) once what the caller may see has "
                         "changed, or the catalog was restored: begin again then"},
             LIMIT_PARAM(500, "100"),
             {.name = "wait_ms", .type = PARAM_INTEGER, .min = 0, .max = 3600000, .otherwise = "0",
              .meaning = "when there is nothing new, answer when there is, or after that time"},
             END_PARAMS},
     .result = "{changes: [{number: integer, time_us, noun, id, verb, object: object or null (as "
               "NOUN.get gives it now)}], next_cursor, more: boolean (ask again at once)}",
     .roles = ANY_ROLE,
     .scope = SCOPE_ANYWHERE,
     .errors = READS | KIND(E_CONFLICT) | KIND(E_LIMIT),
     .handle = method_catalog_changes},
    END_ROWS,
};
