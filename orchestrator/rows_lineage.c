/*
 * rows_lineage.c - the rows of lineage.*: handlers in method_lineage.c.
 */
#include "catalog/lineage.h"
#include "orchestrator/rows.h"

const struct method rows_lineage[] = {
    {.name = "lineage.get",
     .summary = "What a run, an artifact or a dataset version comes from, and what it led to.",
     .params =
         (const struct param[]){
             {.name = "run", .type = PARAM_RUN, .meaning = "a run; with path: what it left there"},
             {.name = "path", .type = PARAM_STRING, .min = 1, .max = 1024, .meaning = "of an output of that run"},
             {.name = "sha256", .type = PARAM_SHA256, .meaning = "of an artifact, whichever runs left it"},
             {.name = "dataset",
              .type = PARAM_STRING,
              .min = 1,
              .max = 85,
              .meaning = "NAME@VERSION, or NAME for its latest version"},
             {.name = "direction",
              .type = PARAM_CHOICE,
              .choices = CHOICES("both", "before", "after"),
              .otherwise = "\"both\"",
              .meaning = "before: what it comes from; after: what it led to"},
             {.name = "depth",
              .type = PARAM_INTEGER,
              .min = 1,
              .max = LINEAGE_DEPTH_MAX,
              .otherwise = "6",
              .meaning = "steps at most"},
             LIMIT_PARAM(LINEAGE_NODES_MAX, "200"),
             END_PARAMS},
     .result = "{root, nodes: [{id, kind: run|artifact|dataset|environment|code, ref, side: before|root|after, depth: "
               "integer, name?: text or null, state?: text or null, verdict?: text or null, created_us?: integer, "
               "size_bytes?: integer}], edges: [{from, to, kind: used|ran_in|is_code|again|part|left|same_bytes, path: text "
               "or null}], truncated: boolean}",
     .roles = ANY_ROLE,
     .scope = SCOPE_ANYWHERE,
     .errors = FINDS_RUN,
     .handle = method_lineage_get},
    END_ROWS,
};
