/*
 * rows_experiment.c - the rows of experiment.*: handlers in method_experiment.c.
 */
#include "orchestrator/rows.h"

#define IN_PARAMS                                                                                  \
    {.name = "project", .type = PARAM_NAME, .required = true, .meaning = "code of its project"},   \
    {                                                                                              \
        .name = "name", .type = PARAM_NAME, .required = true, .meaning = "its name in the project" \
    }

const struct method rows_experiment[] = {
    {.name = "experiment.create",
     .summary = "Makes an experiment in a project: members who are scientists, and curators.",
     .params =
         (const struct param[]){IN_PARAMS, ANSWERS_PARAM("experiment"), KEY_PARAM, END_PARAMS},
     .result = "as experiment.get with {existed: boolean}",
     .roles = ROLE(ROLE_SCIENTIST) | ROLE(ROLE_CURATOR),
     .scope = SCOPE_PROJECT,
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_experiment_create},
    {.name = "experiment.get",
     .summary = "All that is known of an experiment.",
     .params = (const struct param[]){IN_PARAMS, OLD_VERSION_PARAM, END_PARAMS},
     .result = "{ref (PROJECT/NAME), project, name, actor: {uid: integer, name}, frozen_version: "
               "integer or null (of its record at its first run), frozen_us: integer or null, "
               "first_run: text or null, after_first_run: boolean (this version was written "
               "later), runs: integer, finished: integer, succeeded: integer, form, "
               "form_version: integer, record_version: integer, latest_version: integer, "
               "changed_by: {uid: integer, name}, changed_us, created_us, reason: text or null, "
               "answers: object (by field of the form), withheld: [text], missing: [{field, "
               "language: text or null}]}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_experiment_get},
    {.name = "experiment.list",
     .summary = "Experiments in the order in which they were made.",
     .params =
         (const struct param[]){
             {.name = "project", .type = PARAM_NAME, .meaning = "only those of that project"},
             LIMIT_PARAM(500, "100"),
             CURSOR_PARAM,
             FILTER_PARAM(""),
             ORDER_BY_PARAM,
             END_PARAMS},
     .result = "{experiments: [{ref, project, name, title: {fr?, en?}, frozen_version: integer "
               "or null, frozen_us: integer or null, runs: integer, record_version: integer, "
               "changed_us, created_us}], next_cursor: text or null}",
     .roles = ANY_ROLE,
     .errors = FINDS | KIND(E_LIMIT),
     .handle = method_experiment_list},
    {.name = "experiment.edit",
     .summary = "Changes an experiment, as a new version. After its first run a reason is needed, "
                "and the new version is "
                "shown as made after it.",
     .params = (const struct param[]){IN_PARAMS, VERSION_PARAM, SET_PARAM("experiment"),
                                      REASON_PARAM("why; needed after the first run"), END_PARAMS},
     .result = "as experiment.get with {changed: boolean}",
     .roles = ROLE(ROLE_SCIENTIST) | ROLE(ROLE_CURATOR),
     .scope = SCOPE_PROJECT,
     .errors = WRITES,
     .handle = method_experiment_edit},
    {.name = "experiment.history",
     .summary = "Its versions, newest first, with what each one changed.",
     .params = (const struct param[]){IN_PARAMS, LIMIT_PARAM(100, "20"), CURSOR_PARAM, END_PARAMS},
     .result = "{frozen_version: integer or null, frozen_us: integer or null, versions: "
               "[{version: integer, actor: {uid: integer, name}, created_us, form_version: "
               "integer, changed: [text], reason: text or null, differences: [{field, language: "
               "text or null, before: any, after: any}]}], next_cursor: text or null}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_experiment_history},
    END_ROWS,
};
