/*
 * rows_lab.c - the rows of lab.*, the laboratory: handlers in method_lab.c.
 */
#include "orchestrator/rows.h"

const struct method rows_lab[] = {
    {.name = "lab.ping",
     .summary = "Answers at once.",
     .result = "{pong: true}",
     .roles = ANYONE,
     .errors = READS,
     .handle = method_lab_ping},
    {.name = "lab.info",
     .summary = "What this lab is, has and does now, and who you are to it.",
     .result = "{version, api_version: integer, lab: {state_dir, uid: integer, user, rootless: "
               "boolean}, limits: enforced|best_effort (where a run does not say), capacity: "
               "{cpus_milli, memory_bytes}, used: {cpus_milli, memory_bytes}, runs: {queued: "
               "integer, starting: integer, running: integer}, runner: {generation: integer, "
               "ready: boolean, doctor: object or null}, connections: integer, actor: {uid: "
               "integer, name}}",
     .roles = ANYONE,
     .errors = READS,
     .handle = method_lab_info},
    {.name = "lab.doctor",
     .summary =
         "Looks for what is wrong or missing on this host and in the lab: dataset versions in "
         "quarantine, damaged objects.",
     .result = "{checks: [{name, ok: boolean, message, hint: text or null}]}",
     .roles = ANY_ROLE,
     .errors = READS,
     .handle = method_lab_doctor},
    END_ROWS,
};
