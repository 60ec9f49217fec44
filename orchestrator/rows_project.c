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

static const char similar_shape[] =
    "{similar:[{code, title:{fr,en}, organisation, family, stage, text: likeness of titles and "
    "summaries, 0 to 1, "
    "data: of what is said of the data, or null, same_family, same_organisation}]}";

static const char project_shape[] =
    "{code, stage, stage_us: since when, next_stages:[stage], actor: who made it, members: null or "
    "[{kind, name, roles}], experiments, lessons: how many, passages:[{number, from, to, reason, "
    "actor, at_us}], form, "
    "form_version, record_version, latest_version, changed_by, changed_us, created_us, reason, "
    "answers:{field: answer}, "
    "withheld:[field], missing:[{field, language}]}";

const struct method rows_project[] = {
    {.name = "form.list",
     .summary = "The forms: what is asked of each kind of record.",
     .result = "{forms:[{form, version, title:{fr,en}, fields: how many}]}",
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
     .result = "{form, version, title:{fr,en}, fields:[{name, type, required: never, complete or "
               "always, label:{fr,en}, "
               "help:{fr,en}, bilingual, sensitive, many, max_length, max_count, min, max, "
               "integer, unit, ref, "
               "choices:[{value, label:{fr,en}}]}]}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_form_get},
    {.name = "project.create",
     .summary =
         "Makes a project, at the stage opportunity, and tells which others are possibly similar.",
     .params = (const struct param[]){CODE_PARAM, ANSWERS_PARAM("project"), KEY_PARAM, END_PARAMS},
     .result = "as project.get, with existed and similar as project.similar",
     .roles = ROLE(ROLE_CURATOR),
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_project_create},
    {.name = "project.get",
     .summary = "All that is known of a project.",
     .params = (const struct param[]){CODE_PARAM, OLD_VERSION_PARAM, END_PARAMS},
     .result = project_shape,
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
             END_PARAMS},
     .result = "{projects:[{code, title:{fr,en}, organisation, family, stage, stage_us, "
               "record_version, changed_us, "
               "created_us}], next_cursor}",
     .roles = ANY_ROLE,
     .errors = READS,
     .handle = method_project_list},
    {.name = "project.edit",
     .summary = "Changes what is told of a project, as a new version, and tells which others are "
                "possibly similar.",
     .params = (const struct param[]){CODE_PARAM, VERSION_PARAM, SET_PARAM("project"),
                                      REASON_PARAM("why"), END_PARAMS},
     .result =
         "as project.get, with changed: false when nothing was, and similar as project.similar",
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
     .result = "{versions:[{version, actor, created_us, form_version, changed:[field], reason, "
               "differences:[{field, language, before, after}]}], next_cursor}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_project_history},
    {.name = "project.similar",
     .summary = "Projects that are possibly similar, the most alike first: near-same titles and "
                "summaries, or alike in "
                "those, in data and in family. Texts are compared in the same language.",
     .params = (const struct param[]){CODE_PARAM, END_PARAMS},
     .result = similar_shape,
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_project_similar},
    END_ROWS,
};
