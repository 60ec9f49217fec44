/*
 * rows_audit.c - the rows of audit.*, the audit log: handlers in method_audit.c.
 */
#include "orchestrator/rows.h"

const struct method rows_audit[] = {
    {.name = "audit.list",
     .summary = "Entries of the audit log, the newest first.",
     .params =
         (const struct param[]){
             {.name = "actor", .type = PARAM_STRING, .min = 1, .max = 250,
              .meaning = "name of who did it"},
             {.name = "action", .type = PARAM_STRING, .min = 1, .max = 100,
              .meaning = "what was done, as run.submitted"},
             {.name = "subject", .type = PARAM_STRING, .min = 1, .max = 500,
              .meaning = "to what: id of a run, NAME@VERSION, ..."},
             {.name = "from_us", .type = PARAM_INTEGER, .min = 1, .max = INT64_C(1) << 53,
              .meaning = "from that time on, in microseconds since 1970"},
             {.name = "to_us", .type = PARAM_INTEGER, .min = 1, .max = INT64_C(1) << 53,
              .meaning = "before that time"},
             LIMIT_PARAM(1000, "100"),
             CURSOR_PARAM,
             FILTER_PARAM(""),
             ORDER_BY_PARAM,
             END_PARAMS},
     .result = "{entries: [{number: integer, time_us, actor: {uid: integer, name}, action, "
               "subject, detail: any, previous, hash: sha256}], next_cursor: text or null}",
     .roles = ROLE(ROLE_AUDITOR),
     .errors = LISTS,
     .handle = method_audit_list},
    {.name = "audit.export",
     .summary = "Entries in the order of the chain, each the text that was hashed with its hash as last "
                "member: whoever takes ,\"hash\":\"...\" away can check the rest against it.",
     .params =
         (const struct param[]){
             {.name = "from", .type = PARAM_INTEGER, .min = 1, .max = INT64_C(1) << 53,
              .otherwise = "1", .meaning = "number of the first entry"},
             LIMIT_PARAM(1000, "1000"),
             END_PARAMS},
     .result = "{lines: [text] (each a JSON object), next: integer (from for the next call), "
               "head: {number: integer, hash: sha256}}",
     .roles = ROLE(ROLE_AUDITOR),
     .errors = LISTS,
     .handle = method_audit_export},
    {.name = "audit.verify",
     .summary = "Walks the chain of the audit log from its first entry.",
     .result = "{entries: integer, ok: boolean, broken: integer or null, reason: text or null, "
               "head: sha256}",
     .roles = ROLE(ROLE_AUDITOR),
     .errors = READS,
     .handle = method_audit_verify},
    END_ROWS,
};
