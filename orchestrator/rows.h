/*
 * rows.h - what the rows of the method table are written with.
 *
 * Included by rows_NOUN.c only, one file a noun; methods.c puts them together. A row whose `roles` is
 * left out may be called by nobody: a unit test refuses it. `result` is in the grammar of shape.h, and each row has an
 * example in orchestrator/examples/NOUN.json, which tests/system/test_examples.py executes.
 */
#ifndef ENCLOS_ROWS_H
#define ENCLOS_ROWS_H

#include "api/common/role.h"
#include "orchestrator/method.h"

#define END_PARAMS                                                                                 \
    {                                                                                              \
        .name = NULL                                                                               \
    }
#define KIND(k) (1u << (k))
#define READS (KIND(E_INVALID) | KIND(E_UNAVAILABLE) | KIND(E_INTERNAL))
#define LISTS (READS | KIND(E_LIMIT))
#define FINDS (READS | KIND(E_NOT_FOUND))
#define FINDS_RUN (FINDS | KIND(E_CONFLICT))
#define WRITES (READS | KIND(E_LIMIT) | KIND(E_CONFLICT) | KIND(E_NOT_FOUND))

#define RUN_PARAM                                                                                  \
    {                                                                                              \
        .name = "run", .type = PARAM_RUN, .required = true,                                        \
        .meaning = "id of the run, or a prefix of at least 4 "                                     \
                   "characters that only one run has"                                              \
    }
#define KEY_PARAM                                                                                  \
    {                                                                                              \
        .name = "idempotency_key", .type = PARAM_STRING, .min = 1, .max = 200,                     \
        .meaning = "makes a retry safe, for 24 hours: the same key and the same request give the " \
                   "first answer"                                                                  \
    }

#define CHOICES(...) ((const char *const[]){__VA_ARGS__, NULL})
enum { TB_GB = 1 << 10 };
#define GIB ((int64_t)1 << 30)
#define DAY_MS ((int64_t)86400 * 1000)

#define LIMIT_PARAM(most, usual)                                                                   \
    {                                                                                              \
        .name = "limit", .type = PARAM_INTEGER, .min = 1, .max = (most), .otherwise = (usual),     \
        .meaning = "how many at most"                                                              \
    }
#define CURSOR_PARAM                                                                               \
    {                                                                                              \
        .name = "cursor", .type = PARAM_STRING, .min = 1, .max = 65536,                            \
        .meaning = "next_cursor of the page before"                                                \
    }
/* Of lists, after those two. `names`: what a filter may name beside attributes. */
#define FILTER_PARAM(names)                                                                        \
    {                                                                                              \
        .name = "filter", .type = PARAM_STRING, .min = 0, .max = 8192,                             \
        .meaning = "only those that pass, as in MLflow, with OR, parentheses and IS NULL too; "    \
                   "names: attributes" names                                                       \
    }
#define ORDER_BY_PARAM                                                                             \
    {                                                                                              \
        .name = "order_by", .type = PARAM_STRING, .min = 0, .max = 8192,                           \
        .meaning = "names with ASC or DESC, separated by commas; what has no value comes last"     \
    }

/* What changes a record takes, whatever the noun. */
#define VERSION_PARAM                                                                              \
    {                                                                                              \
        .name = "version", .type = PARAM_INTEGER, .required = true, .min = 0,                      \
        .max = INT64_C(1) << 53,                                                                   \
        .meaning = "record_version that the change was made from (0: nothing was told yet); another one by now is a conflict" \
    }
#define SET_PARAM(form_name)                                                                       \
    {                                                                                              \
        .name = "set", .type = PARAM_ANSWERS, .required = true, .form = (form_name),               \
        .meaning = "field -> answer, for those that change; null takes an answer away; of a bilingual one each " \
                   "language by itself"                                                            \
    }
#define ANSWERS_PARAM(form_name)                                                                   \
    {                                                                                              \
        .name = "answers", .type = PARAM_ANSWERS, .required = true, .form = (form_name),           \
        .meaning = "field -> answer, as form.get tells"                                            \
    }
#define REASON_PARAM(why)                                                                          \
    {                                                                                              \
        .name = "reason", .type = PARAM_STRING, .min = 1, .max = 2000, .meaning = (why)            \
    }
#define OLD_VERSION_PARAM                                                                          \
    {                                                                                              \
        .name = "version", .type = PARAM_INTEGER, .min = 1, .max = INT64_C(1) << 53,               \
        .meaning = "of its record; left out: the latest"                                           \
    }

/* Ends a table. */
#define END_ROWS                                                                                   \
    {                                                                                              \
        .name = NULL                                                                               \
    }

extern const struct method rows_rpc[];
extern const struct method rows_catalog[];
extern const struct method rows_report[];
extern const struct method rows_lab[];
extern const struct method rows_blob[];
extern const struct method rows_run[];
extern const struct method rows_dataset[];
extern const struct method rows_env[];
extern const struct method rows_profile[];
extern const struct method rows_lineage[];
extern const struct method rows_audit[];
extern const struct method rows_project[];
extern const struct method rows_experiment[];
extern const struct method rows_lesson[];
extern const struct method rows_user[];
extern const struct method rows_keeping[];
extern const struct method rows_quality[];

#endif
