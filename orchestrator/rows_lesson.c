/*
 * rows_lesson.c - the rows of lesson.*: handlers in method_lesson.c.
 */
#include "orchestrator/rows.h"

#define LESSON_PARAM                                                                               \
    {                                                                                              \
        .name = "lesson", .type = PARAM_NAME, .required = true, .meaning = "id of the lesson"      \
    }

const struct method rows_lesson[] = {
    {.name = "lesson.add",
     .summary = "Writes a lesson learned in a project: members who are scientists, and curators. "
                "It may name experiments, "
                "and runs that its writer sees.",
     .params = (const struct param[]){{.name = "project",
                                       .type = PARAM_NAME,
                                       .required = true,
                                       .meaning = "code of its project"},
                                      ANSWERS_PARAM("lesson"),
                                      KEY_PARAM,
                                      END_PARAMS},
     .result = "as lesson.get with {existed: boolean}",
     .roles = ROLE(ROLE_SCIENTIST) | ROLE(ROLE_CURATOR),
     .scope = SCOPE_PROJECT,
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_lesson_add},
    {.name = "lesson.get",
     .summary = "All that is known of a lesson.",
     .params = (const struct param[]){LESSON_PARAM, OLD_VERSION_PARAM, END_PARAMS},
     .result = "{lesson (its id), project, actor: {uid: integer, name}, form, form_version: "
               "integer, record_version: integer, latest_version: integer, changed_by: {uid: "
               "integer, name}, changed_us, created_us, reason: text or null, answers: object "
               "(by field of the form), withheld: [text], missing: [{field, language: text or "
               "null}]}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_lesson_get},
    {.name = "lesson.list",
     .summary = "Lessons, newest first.",
     .params =
         (const struct param[]){
             {.name = "project", .type = PARAM_NAME, .meaning = "only those of that project"},
             {.name = "experiment",
              .type = PARAM_STRING,
              .min = 1,
              .max = 129,
              .meaning = "only those that name it: PROJECT/NAME"},
             {.name = "run", .type = PARAM_RUN, .meaning = "only those that name that run"},
             LIMIT_PARAM(500, "100"),
             CURSOR_PARAM,
             FILTER_PARAM(""),
             ORDER_BY_PARAM,
             END_PARAMS},
     .result = "{lessons: [{lesson, project, title: {fr?, en?}, themes: [text] or null, "
               "experiments: [text] or null, runs: [text] or null, record_version: integer, "
               "changed_us, created_us}], next_cursor: text or null}",
     .roles = ANY_ROLE,
     .errors = FINDS_RUN | KIND(E_LIMIT),
     .handle = method_lesson_list},
    {.name = "lesson.edit",
     .summary = "Changes a lesson, as a new version.",
     .params = (const struct param[]){LESSON_PARAM, VERSION_PARAM, SET_PARAM("lesson"),
                                      REASON_PARAM("why"), END_PARAMS},
     .result = "as lesson.get with {changed: boolean}",
     .roles = ROLE(ROLE_SCIENTIST) | ROLE(ROLE_CURATOR),
     .scope = SCOPE_ANYWHERE,
     .errors = WRITES,
     .handle = method_lesson_edit},
    {.name = "lesson.history",
     .summary = "Its versions, newest first, with what each one changed.",
     .params =
         (const struct param[]){LESSON_PARAM, LIMIT_PARAM(100, "20"), CURSOR_PARAM, END_PARAMS},
     .result = "{versions: [{version: integer, actor: {uid: integer, name}, created_us, "
               "form_version: integer, changed: [text], reason: text or null, differences: "
               "[{field, language: text or null, before: any, after: any}]}], next_cursor: text "
               "or null}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_lesson_history},
    END_ROWS,
};
