/*
 * rows_audit.c - the rows of audit.*, the audit log: handlers in method_audit.c.
 */
#include "orchestrator/rows.h"

const struct method rows_audit[] = {
    {.name = "audit.list",
     .summary = "Entries of the audit log, the newest first.",
     .params = (const struct param[]){LIMIT_PARAM(1000, "100"), CURSOR_PARAM, END_PARAMS},
     .result = "{entries:[{number, time_us, actor, action, subject, detail, previous, hash}], "
               "next_cursor}",
     .roles = ROLE(ROLE_AUDITOR),
     .errors = READS,
     .handle = method_audit_list},
    {.name = "audit.verify",
     .summary = "Walks the chain of the audit log from its first entry.",
     .result = "{entries, ok, broken: number or null, reason, head}",
     .roles = ROLE(ROLE_AUDITOR),
     .errors = READS,
     .handle = method_audit_verify},
    END_ROWS,
};
