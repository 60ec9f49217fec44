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
     .result = "as lesson.get, with existed",
     .roles = ROLE(ROLE_SCIENTIST) | ROLE(ROLE_CURATOR),
     .scope = SCOPE_PROJECT,
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_lesson_add},
    {.name = "lesson.get",
     .summary = "All that is known of a lesson.",
     .params = (const struct param[]){LESSON_PARAM, OLD_VERSION_PARAM, END_PARAMS},
     .result = "{lesson: id, project, actor: who wrote it first, form, form_version, "
               "record_version, latest_version, "
               "changed_by, changed_us, created_us, reason, answers:{field: answer}, withheld, "
               "missing:[{field, language}]}",
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
             END_PARAMS},
     .result = "{lessons:[{lesson, project, title:{fr,en}, themes, experiments, runs, "
               "record_version, changed_us, "
               "created_us}], next_cursor}",
     .roles = ANY_ROLE,
     .errors = FINDS_RUN,
     .handle = method_lesson_list},
    {.name = "lesson.edit",
     .summary = "Changes a lesson, as a new version.",
     .params = (const struct param[]){LESSON_PARAM, VERSION_PARAM, SET_PARAM("lesson"),
                                      REASON_PARAM("why"), END_PARAMS},
     .result = "as lesson.get, with changed: false when nothing was",
     .roles = ROLE(ROLE_SCIENTIST) | ROLE(ROLE_CURATOR),
     .scope = SCOPE_ANYWHERE,
     .errors = WRITES,
     .handle = method_lesson_edit},
    {.name = "lesson.history",
     .summary = "Its versions, newest first, with what each one changed.",
     .params =
         (const struct param[]){LESSON_PARAM, LIMIT_PARAM(100, "20"), CURSOR_PARAM, END_PARAMS},
     .result = "{versions:[{version, actor, created_us, form_version, changed:[field], reason, "
               "differences:[{field, language, before, after}]}], next_cursor}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_lesson_history},
    END_ROWS,
};
