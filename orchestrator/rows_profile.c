/*
 * rows_profile.c - the rows of profile.*, sandbox profiles: handlers in method_profile.c.
 */
#include "orchestrator/rows.h"

const struct method rows_profile[] = {
    {.name = "profile.list",
     .summary = "The sandbox profiles, the invalid ones with what is wrong.",
     .result = "{profiles:[{name, file, valid, title, title_fr, extends, landlock, network, "
               "syscalls_allowed} or "
               "{name, file, valid:false, error:{message, field, hint}}]}",
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
     .result = "one element of profile.list; effective: also {env, host_env, thread_env, devices, "
               "syscalls:[{name, number, rule, errno, args, why, file, line}], "
               "entries:[{rule, group, names, when, errno, why, why_fr, file, line}], "
               "reasons:[{key, why, why_fr, file, line}], risks:{name: what allowing it gives away}}",
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
     .result = "{a, b, settings:[{key, a, b}], only_a:[{name, when, why, why_fr, other_in_part, "
               "other_answers, other_why, other_why_fr}], only_b, env:[{name, a, b}], devices_a, devices_b}",
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
     .result = "one element of profile.list: valid, or error:{kind, field, message, hint} whose message has file, line "
               "and key",
     .roles = ANY_ROLE,
     .errors = READS,
     .handle = method_profile_check},
    END_ROWS,
};
