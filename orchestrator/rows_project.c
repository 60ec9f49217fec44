/*
 * rows_project.c - the rows of project.* and form.*: handlers in method_project.c.
 *
 * Members are whoever holds a role in the project: user.grant, user.revoke and user.list with `project`.
 */
#include "orchestrator/rows.h"

#define CODE_PARAM                                                                                 \
    {                                                                                              \
        .name = "code", .type = PARAM_NAME, .required = true, .meaning = "code of the project"     \
    }

const struct method rows_project[] = {
    {.name = "form.list",
     .summary = "The forms: what is asked of each kind of record.",
     .result = "{forms: [{form, version: integer, title: {fr?, en?}, fields: integer}]}",
     .roles = ANY_ROLE,
     .errors = READS,
     .handle = method_form_list},
    {.name = "form.get",
     .summary = "A form with its fields, their labels in both languages, types and bounds.",
     .params = (const struct param[]){{.name = "form",
                                       .type = PARAM_STRING,
                                       .required = true,
                                       .min = 1,
                                       .max = 40,
                                       .meaning = "its name"},
                                      END_PARAMS},
     .result = "{form, version: integer, title: {fr?, en?}, fields: [{name, type, required: "
               "never|complete|always, label: {fr?, en?}, help?: {fr?, en?} or null, bilingual: "
               "boolean, sensitive: boolean, many: boolean, max_length?: integer, max_count?: "
               "integer, min?: number, max?: number, integer?: boolean, unit?, ref?, choices?: "
               "[{value, label: {fr?, en?}}]}]}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_form_get},
    {.name = "project.create",
     .summary =
         "Makes a project, at the stage opportunity, and tells which others are possibly similar.",
     .params = (const struct param[]){CODE_PARAM, ANSWERS_PARAM("project"), KEY_PARAM, END_PARAMS},
     .result = "as project.get with {existed: boolean, similar: [{code, title: {fr?, en?}, "
               "organisation: text or null, family: text or null, stage, text: number (likeness "
               "of titles and summaries, 0 to 1), data: number or null (of what is said of the "
               "data), same_family: boolean, same_organisation: boolean}]}",
     .roles = ROLE(ROLE_CURATOR),
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_project_create},
    {.name = "project.get",
     .summary = "All that is known of a project.",
     .params = (const struct param[]){CODE_PARAM, OLD_VERSION_PARAM, END_PARAMS},
     .result = "{code, stage: opportunity|assessed|experimenting|pilot|published|stopped, "
               "stage_us, next_stages: [text], actor: {uid: integer, name}, members: [{kind, "
               "name, roles: [text]}] or null, experiments: integer, lessons: integer, passages: "
               "[{number: integer, from, to, reason, actor: {uid: integer, name}, at_us}], form, "
               "form_version: integer, record_version: integer, latest_version: integer, "
               "changed_by: {uid: integer, name}, changed_us, created_us, reason: text or null, "
               "answers: object (by field of the form), withheld: [text], missing: [{field, "
               "language: text or null}]}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_project_get},
    {.name = "project.list",
     .summary = "Projects by code.",
     .params =
         (const struct param[]){
             {.name = "stage",
              .type = PARAM_CHOICE,
              .choices = CHOICES("opportunity", "assessed", "experimenting", "pilot", "published",
                                 "stopped"),
              .meaning = "only those at that stage"},
             {.name = "organisation",
              .type = PARAM_STRING,
              .min = 1,
              .max = 800,
              .meaning = "only those of that body, whole as it is written"},
             {.name = "family",
              .type = PARAM_CHOICE,
              .choices = CHOICES("analysis_prediction", "automation", "interaction", "environment"),
              .meaning = "only those of that family"},
             LIMIT_PARAM(500, "100"),
             CURSOR_PARAM,
             FILTER_PARAM(""),
             ORDER_BY_PARAM,
             END_PARAMS},
     .result = "{projects: [{code, title: {fr?, en?}, organisation: text or null, family: text "
               "or null, stage, stage_us, record_version: integer, changed_us, created_us}], "
               "next_cursor: text or null}",
     .roles = ANY_ROLE,
     .errors = READS | KIND(E_LIMIT),
     .handle = method_project_list},
    {.name = "project.edit",
     .summary = "Changes what is told of a project, as a new version, and tells which others are "
                "possibly similar.",
     .params = (const struct param[]){CODE_PARAM, VERSION_PARAM, SET_PARAM("project"),
                                      REASON_PARAM("why"), END_PARAMS},
     .result = "as project.get with {changed: boolean, similar: [{code, title: {fr?, en?}, "
               "organisation: text or null, family: text or null, stage, text: number (likeness "
               "of titles and summaries, 0 to 1), data: number or null (of what is said of the "
               "data), same_family: boolean, same_organisation: boolean}]}",
     .roles = ROLE(ROLE_CURATOR),
     .scope = SCOPE_PROJECT,
     .project_param = "code",
     .errors = WRITES,
     .handle = method_project_edit},
    {.name = "project.advance",
     .summary = "Passes a project to its next stage, or stops it, with the reason. Its record must "
                "be complete, but to stop.",
     .params = (const struct param[]){CODE_PARAM,
                                      {.name = "to",
                                       .type = PARAM_CHOICE,
                                       .required = true,
                                       .choices = CHOICES("assessed", "experimenting", "pilot",
                                                          "published", "stopped"),
                                       .meaning = "the stage"},
                                      {.name = "reason",
                                       .type = PARAM_STRING,
                                       .required = true,
                                       .min = 1,
                                       .max = 2000,
                                       .meaning = "why; it is kept for good"},
                                      END_PARAMS},
     .result = "as project.get",
     .roles = ROLE(ROLE_CURATOR),
     .scope = SCOPE_PROJECT,
     .project_param = "code",
     .errors = WRITES,
     .handle = method_project_advance},
    {.name = "project.history",
     .summary = "Its versions, newest first, with what each one changed.",
     .params = (const struct param[]){CODE_PARAM, LIMIT_PARAM(100, "20"), CURSOR_PARAM, END_PARAMS},
     .result = "{versions: [{version: integer, actor: {uid: integer, name}, created_us, "
               "form_version: integer, changed: [text], reason: text or null, differences: "
               "[{field, language: text or null, before: any, after: any}]}], next_cursor: text "
               "or null}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_project_history},
    {.name = "project.similar",
     .summary = "Projects that are possibly similar, the most alike first: near-same titles and "
                "summaries, or alike in "
                "those, in data and in family. Texts are compared in the same language.",
     .params = (const struct param[]){CODE_PARAM, END_PARAMS},
     .result = "{similar: [{code, title: {fr?, en?}, organisation: text or null, family: text or "
               "null, stage, text: number (likeness of titles and summaries, 0 to 1), data: "
               "number or null (of what is said of the data), same_family: boolean, "
               "same_organisation: boolean}]}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_project_similar},
    END_ROWS,
};
