/*
 * rows_keeping.c - the rows of what keeps a lab: holds, collection, backup, deep check. Handlers in
 * method_hold.c, method_keeping.c.
 */
#include "orchestrator/rows.h"

#define SUBJECT_PARAMS                                                                             \
    {.name = "subject", .type = PARAM_STRING, .required = true, .min = 1, .max = 90,               \
     .meaning = "id of a run, or NAME@VERSION"},                                                   \
    {.name = "noun", .type = PARAM_CHOICE, .choices = CHOICES("run", "dataset", "environment"),    \
     .meaning = "what the subject is; left out: a dataset's version when it has an @, else a run"}

const struct method rows_keeping[] = {
    {.name = "hold.add",
     .summary = "Keeps the content of a run, a dataset version or an environment, whatever its age, until the "
                "hold is lifted. The same again by the same account gives the first one.",
     .params =
         (const struct param[]){
             SUBJECT_PARAMS,
             {.name = "reason", .type = PARAM_STRING, .required = true, .min = 1, .max = 1000,
              .meaning = "why, for whoever finds it later"},
             END_PARAMS},
     .result = "{noun: run|dataset|environment, subject, reason, actor: {uid: integer, name}, "
               "created_us, existed: boolean}",
     .roles = ROLE(ROLE_CUSTODIAN) | ROLE(ROLE_CURATOR),
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_hold_add},
    {.name = "hold.lift",
     .summary = "Ends a hold: by who made it, a curator or an admin.",
     .params =
         (const struct param[]){
             SUBJECT_PARAMS,
             {.name = "reason", .type = PARAM_STRING, .required = true, .min = 1, .max = 1000,
              .meaning = "why it is no longer needed"},
             END_PARAMS},
     .result = "{noun: run|dataset|environment, subject, reason, actor: {uid: integer, name}, "
               "created_us}",
     .roles = ROLE(ROLE_CUSTODIAN) | ROLE(ROLE_CURATOR),
     .errors = WRITES,
     .handle = method_hold_lift},
    {.name = "hold.list",
     .summary = "Holds, by noun.",
     .params = (const struct param[]){LIMIT_PARAM(1000, "100"), CURSOR_PARAM, END_PARAMS},
     .result = "{holds: [{noun: run|dataset|environment, subject, reason, actor: {uid: integer, "
               "name}, created_us}], next_cursor: text or null}",
     .roles = ROLE(ROLE_CUSTODIAN) | ROLE(ROLE_CURATOR) | ROLE(ROLE_AUDITOR),
     .errors = READS,
     .handle = method_hold_list},
    {.name = "lab.gc",
     .summary = "Removes objects that nothing refers to. Versions that have been retired for long, and runs "
                "when it is asked for, let their content go first, unless they are on hold; what is told of "
                "them stays. What was put or asked for in the last day stays. A dry run unless told otherwise.",
     .params =
         (const struct param[]){
             {.name = "dry_run", .type = PARAM_BOOLEAN, .otherwise = "true",
              .meaning = "only count"},
             {.name = "retired_for_ms", .type = PARAM_INTEGER, .min = 0, .max = 36500 * DAY_MS,
              .otherwise = "2592000000",
              .meaning = "how long a version was retired before its content may go: 30 days"},
             {.name = "runs_older_than_ms", .type = PARAM_INTEGER, .min = 0, .max = 36500 * DAY_MS,
              .meaning = "code and outputs of runs that ended longer ago may go; left out: of none"},
             END_PARAMS},
     .result = "{dry_run: boolean, released: {runs: integer, datasets: integer, environments: "
               "integer}, objects: integer, size_bytes, removed: integer, removed_bytes, "
               "kept_young: integer}",
     .roles = ROLE(ROLE_ADMIN),
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_lab_gc},
    {.name = "lab.backup",
     .summary = "Writes the lab to the file whose descriptor comes with the request: a copy of the catalog of one "
                "moment, objects, what runs said. The lab works on meanwhile. `enclosd restore` makes a lab of it.",
     .params =
         (const struct param[]){
             {.name = "objects", .type = PARAM_CHOICE, .choices = CHOICES("included", "listed"),
              .otherwise = "\"included\"", .meaning = "whether objects are in it, or only their names and sizes"},
             END_PARAMS},
     .result = "{objects: included|listed, created_us: integer, object_count: integer, object_bytes: "
               "integer, catalog_bytes: integer, runs: integer, file_bytes: integer, audit: {number: "
               "integer, hash}}",
     .roles = ROLE(ROLE_ADMIN),
     .errors = WRITES,
     .flags = METHOD_TAKES_FD | METHOD_CREATES,
     .handle = method_lab_backup},
    {.name = "lab.doctor_deep",
     .summary = "Reads the whole lab: every page of the catalog, the audit log, every object against its name, "
                "every reference, every tree. At the lowest priority; lab.doing says how far it is.",
     .result = "{checks: [{name, ok: boolean, message, hint: text or null}]}",
     .roles = ROLE(ROLE_ADMIN) | ROLE(ROLE_AUDITOR),
     .errors = READS | KIND(E_CONFLICT) | KIND(E_LIMIT),
     .handle = method_lab_doctor_deep},
    {.name = "lab.doing",
     .summary = "How far a long work of the lab is: a collection, a backup, a deep check.",
     .result = "{doing: {name, phase, since_us, done: integer, total: integer (0: not known)} or "
               "null}",
     .roles = ROLE(ROLE_ADMIN) | ROLE(ROLE_AUDITOR),
     .errors = READS,
     .handle = method_lab_doing},
    END_ROWS,
};
