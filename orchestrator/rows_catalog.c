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
    {.name = "catalog.search",
     .summary = "What has all these words, the best first: in names, titles, descriptions, params, tags, commands. Case and "
                "accents do not count; a word is found by its beginning, \"words in quotes\" as they are.",
     .params =
         (const struct param[]){
             {.name = "text", .type = PARAM_STRING, .required = true, .min = 1, .max = 500, .meaning = "the words"},
             {.name = "noun", .type = PARAM_CHOICE,
              .choices = CHOICES("run", "dataset", "env", "project", "experiment", "lesson"),
              .meaning = "only these"},
             LIMIT_PARAM(200, "20"),
             END_PARAMS},
     .result = "{hits: [{noun, id, title: text or null, rank: number (greater is better), where: title|text, "
               "snippet: [{text, hit: boolean}]}], only_newest: boolean, building: boolean}",
     .roles = ANY_ROLE,
     .scope = SCOPE_ANYWHERE,
     .errors = LISTS,
     .handle = method_catalog_search},
    {.name = "catalog.reindex",
     .summary = "Makes the search index anew from the catalog; says whether it was damaged. The lab writes nothing else "
                "meanwhile: 30 s for a million runs.",
     .result = "{entries: integer, was_damaged: boolean, found: text or null}",
     .roles = ROLE(ROLE_ADMIN),
     .errors = READS | KIND(E_LIMIT),
     .handle = method_catalog_reindex},
    END_ROWS,
};
