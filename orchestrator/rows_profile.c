/*
 * rows_profile.c - the rows of profile.*, sandbox profiles: handlers in method_profile.c.
 */
#include "orchestrator/rows.h"

const struct method rows_profile[] = {
    {.name = "profile.list",
     .summary = "The sandbox profiles, the invalid ones with what is wrong.",
     .result = "{profiles: [{name, file, valid: boolean, title?, title_fr?, extends?: [text], "
               "landlock?, landlock_min_abi?: integer, network?, proc?, exec_memory?: boolean, "
               "exec?, devices?: [any], file_locks?: boolean, allow_hosts?: [text], "
               "syscalls_allowed?: integer, filter?, digest?, error?: {kind?, message, field?: "
               "text or null, hint?: text or null}}]}",
     .roles = ANY_ROLE,
     .errors = READS,
     .handle = method_profile_list},
    {.name = "profile.get",
     .summary = "One sandbox profile.",
     .params =
         (const struct param[]){
             {.name = "name",
              .type = PARAM_STRING,
              .required = true,
              .min = 1,
              .max = 129,
              .meaning = "its name; NAME+ADDON: one laid over another, as terminal is"},
             {.name = "effective",
              .type = PARAM_BOOLEAN,
              .otherwise = "false",
              .meaning = "with every rule in force, what it extends merged in, and the reasons"},
             END_PARAMS},
     .result = "{name, file, valid: boolean, title?, title_fr?, extends?: [text], landlock?, "
               "landlock_min_abi?: integer, network?, proc?, exec_memory?: boolean, exec?, "
               "devices?: [any], file_locks?: boolean, allow_hosts?: [text], syscalls_allowed?: "
               "integer, filter?, digest?, error?: {kind?, message, field?: text or null, hint?: "
               "text or null}, env?: {*: text}, host_env?: [text], thread_env?: [text], "
               "syscalls?: [{name, number: integer, rule, group?: text or null, errno?: text or "
               "null, args?: any, why?: text or null, file?: text or null, line?: integer or "
               "null}], entries?: [{rule, group?: text or null, names: [text], when?: any, "
               "errno?: text or null, why?: text or null, why_fr?: text or null, file: text or "
               "null, line: integer or null}], reasons?: [{key, why, why_fr?: text or null, "
               "file, line: integer}], risks?: {*: text} (what allowing it gives away)}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_profile_get},
    {.name = "profile.diff",
     .summary = "What each of two profiles allows that the other refuses.",
     .params =
         (const struct param[]){
             {.name = "a",
              .type = PARAM_STRING,
              .required = true,
              .min = 1,
              .max = 129,
              .meaning = "a profile; NAME+ADDON: one laid over another, as terminal is"},
             {.name = "b",
              .type = PARAM_STRING,
              .required = true,
              .min = 1,
              .max = 129,
              .meaning = "another; NAME+ADDON: one laid over another, as terminal is"},
             END_PARAMS},
     .result = "{a, b, settings: [{key, a: any, b: any}], only_a: [{name, when: [text], why: "
               "text or null, why_fr: text or null, other_in_part: boolean, other_answers: text "
               "or null, other_why: text or null, other_why_fr: text or null}], only_b: [{name, "
               "when: [text], why: text or null, why_fr: text or null, other_in_part: boolean, "
               "other_answers: text or null, other_why: text or null, other_why_fr: text or "
               "null}], env: [{name, a: text or null, b: text or null}], devices_a: [text], "
               "devices_b: [text]}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_profile_diff},
    {.name = "profile.check",
     .summary = "Says whether a text is a valid profile of this lab; nothing is kept.",
     .params =
         (const struct param[]){
             {.name = "name", .type = PARAM_NAME, .required = true, .meaning = "the name it would have"},
             {.name = "text",
              .type = PARAM_STRING,
              .required = true,
              .min = 1,
              .max = 200000,
              .meaning = "what its file would hold; what it extends is the lab's"},
             END_PARAMS},
     .result = "{name, file, valid: boolean, title?, title_fr?, extends?: [text], landlock?, "
               "landlock_min_abi?: integer, network?, proc?, exec_memory?: boolean, exec?, "
               "devices?: [any], file_locks?: boolean, allow_hosts?: [text], syscalls_allowed?: "
               "integer, filter?, digest?, error?: {kind?, message, field?: text or null, hint?: "
               "text or null}}",
     .roles = ANY_ROLE,
     .errors = READS,
     .handle = method_profile_check},
    END_ROWS,
};
