/*
 * list_kinds.c - the columns that each list may be filtered and ordered by, and what they are in SQL.
 *
 * The only place where a name that a person types becomes a piece of SQL: by looking it up here. A column
 * with an index may come first in an order, and an equality on it can give the rows that a page is made of;
 * tests/unit/test_list.c tries each one and reads its plan.
 */
#include "catalog/list.h"

#define TEXT(n, s, null, i) {.name = n, .sql = s, .type = LIST_TEXT, .nullable = null, .index = i}
#define INTEGER(n, s, null, i) {.name = n, .sql = s, .type = LIST_INTEGER, .nullable = null, .index = i}
#define DATE(n, s, null, i) {.name = n, .sql = s, .type = LIST_DATE, .nullable = null, .index = i}
#define BOOL(n, s) {.name = n, .sql = s, .type = LIST_BOOL}
#define CHOICE(n, s, null, i, ...)                                                                 \
    {.name = n, .sql = s, .type = LIST_CHOICE, .nullable = null, .index = i,                       \
     .choices = (const char *const[]){__VA_ARGS__, NULL}}
#define END {.name = NULL}

/* ---- runs ---- */

static const struct list_column run_columns[] = {
    TEXT("id", "r.id", false, ""),
    TEXT("run_id", "r.id", false, ""), /* MLflow's name */
    TEXT("name", "r.name", true, "run_by_name"),
    TEXT("run_name", "r.name", true, "run_by_name"), /* MLflow's name */
    CHOICE("state", "r.state", false, "run_by_state", "queued", "starting", "running", "finished"),
    CHOICE("verdict", "r.verdict", true, "run_by_verdict", "succeeded", "failed", "signaled", "cancelled", "wall_timeout", "cpu_timeout",
             "out_of_memory", "process_limit", "output_limit", "policy_violation", "setup_failed",
             "exec_failed", "lost"),
    TEXT("experiment", "r.experiment", true, "run_by_experiment_name"),
    {.name = "project",
     .sql = "(SELECT p.code FROM project p WHERE p.id = r.project)",
     .type = LIST_TEXT,
     .nullable = true,
     .equal = "r.project = (SELECT p.id FROM project p WHERE p.code = ?)",
     .equal_index = "run_by_project"},
    TEXT("purpose", "r.purpose", false, NULL),
    TEXT("actor", "r.actor_name", false, "run_by_actor_name"),
    TEXT("user_id", "r.actor_name", false, "run_by_actor_name"), /* MLflow's name */
    INTEGER("actor_uid", "r.actor_uid", false, NULL),
    TEXT("profile", "r.profile", false, NULL),
    {.name = "environment",
     .sql = "coalesce((SELECT n.name || '@' || v.version FROM environment_version v"
            " JOIN environment n ON n.id = v.environment WHERE v.id = r.environment), 'host')",
     .type = LIST_TEXT},
    BOOL("interactive", "(r.interactive IS NOT NULL)"),
    BOOL("warm", "r.warm"),
    TEXT("code", "r.code", true, NULL),
    INTEGER("exit_code", "r.exit_code", true, NULL),
    TEXT("signal", "r.signal", true, NULL),
    INTEGER("priority", "r.priority", false, NULL),
    DATE("created", "r.created_us", false, "run_by_age"),
    DATE("started", "r.started_us", true, NULL),
    DATE("finished", "r.finished_us", true, "run_by_finish"),
    INTEGER("created_us", "r.created_us", false, "run_by_age"),
    INTEGER("started_us", "r.started_us", true, NULL),
    INTEGER("finished_us", "r.finished_us", true, "run_by_finish"),
    INTEGER("wall_ms", "r.wall_ms", true, "run_by_wall"),
    INTEGER("cpu_ms", "r.cpu_ms", true, "run_by_cpu"),
    INTEGER("memory_peak_bytes", "r.memory_peak_bytes", true, "run_by_memory"),
    INTEGER("number", "r.seq", false, ""), /* in the order of submission */
    END,
};

static const struct list_pair run_metric = {
    .number = true,
    .exists = "EXISTS (SELECT 1 FROM metric x WHERE x.run = r.seq AND x.name = ?",
    .scalar = "(SELECT x.last FROM metric x WHERE x.run = r.seq AND x.name = ?)",
    .from = "metric x INDEXED BY metric_by_value CROSS JOIN run r ON r.seq = x.run",
    .set = "SELECT x.run AS k FROM metric x INDEXED BY metric_by_value WHERE x.name = ?",
    .name = "x.name",
    .value = "x.last",
    .key = "x.run",
};

static const struct list_pair run_param = {
    .exists = "EXISTS (SELECT 1 FROM param x WHERE x.run = r.seq AND x.name = ?",
    .scalar = "(SELECT x.value FROM param x WHERE x.run = r.seq AND x.name = ?)",
    .from = "param x INDEXED BY param_by_value CROSS JOIN run r ON r.seq = x.run",
    .set = "SELECT x.run AS k FROM param x INDEXED BY param_by_value WHERE x.name = ?",
    .name = "x.name",
    .value = "x.value",
    .key = "x.run",
};

static const struct list_pair run_tag = {
    .exists = "EXISTS (SELECT 1 FROM tag x WHERE x.run = r.seq AND x.name = ?",
    .scalar = "(SELECT x.value FROM tag x WHERE x.run = r.seq AND x.name = ?)",
    .from = "tag x INDEXED BY tag_by_value CROSS JOIN run r ON r.seq = x.run",
    .set = "SELECT x.run AS k FROM tag x INDEXED BY tag_by_value WHERE x.name = ?",
    .name = "x.name",
    .value = "x.value",
    .key = "x.run",
};

#define RUN_DATASETS                                                                               \
    "run_dataset l JOIN dataset_version v ON v.id = l.version JOIN dataset d ON d.id = v.dataset"
static const struct list_related run_datasets = {
    .exists = "EXISTS (SELECT 1 FROM " RUN_DATASETS " WHERE l.run = r.seq",
    /* From the name to the runs: the other way round is a scan of every use. */
    .set = "SELECT DISTINCT l.run AS k FROM dataset d CROSS JOIN dataset_version v ON v.dataset = d.id"
           " CROSS JOIN run_dataset l ON l.version = v.id WHERE ",
    .columns =
        (const struct list_column[]){
            TEXT("name", "d.name", false, ""),
            INTEGER("version", "v.version", false, NULL),
            TEXT("digest", "v.manifest", false, NULL), /* MLflow's name */
            TEXT("manifest", "v.manifest", false, NULL),
            CHOICE("classification", "v.classification", false, NULL, "public", "interne", "confidentiel", "tres_confidentiel"),
            END,
        },
};

const struct list_kind list_runs = {
    .noun = "run",
    .from = "run r",
    .key = "r.seq",
    .columns = run_columns,
    .pairs = {[FILTER_METRIC] = &run_metric, [FILTER_PARAM] = &run_param, [FILTER_TAG] = &run_tag},
    .related = &run_datasets,
    .own_order = {"-created_us", "-id", NULL},
    .own_index = "run_by_age",
    .pair_order = "-number",
    .total = LIST_TOTAL_RUNS,
};

/* ---- datasets and environments ---- */

static const struct list_column dataset_columns[] = {
    TEXT("name", "d.name", false, NULL),
    INTEGER("version", "r.version", false, NULL),
    TEXT("title", "r.title", true, NULL),
    TEXT("description", "r.description", true, NULL),
    CHOICE("classification", "r.classification", false, NULL, "public", "interne", "confidentiel", "tres_confidentiel"),
    CHOICE("state", "r.state", false, NULL, "draft", "sealed", "retired"),
    BOOL("quarantined", "(r.quarantine_us IS NOT NULL)"),
    TEXT("manifest", "r.manifest", false, NULL),
    INTEGER("files", "r.files", false, NULL),
    INTEGER("size_bytes", "r.size_bytes", false, NULL),
    TEXT("actor", "r.actor_name", false, NULL),
    DATE("created", "r.created_us", false, NULL),
    DATE("sealed", "r.sealed_us", true, NULL),
    DATE("retired", "r.retired_us", true, NULL),
    INTEGER("created_us", "r.created_us", false, NULL),
    INTEGER("sealed_us", "r.sealed_us", true, NULL),
    INTEGER("retired_us", "r.retired_us", true, NULL),
    END,
};

const struct list_kind list_datasets = {
    .noun = "dataset",
    .from = "dataset_version r JOIN dataset d ON d.id = r.dataset",
    .key = "r.id",
    .columns = dataset_columns,
    .own_order = {"name", "-version", NULL},
    .total = -1,
    .small = true,
};

static const struct list_column env_columns[] = {
    TEXT("name", "n.name", false, NULL),
    INTEGER("version", "r.version", false, NULL),
    TEXT("title", "r.title", true, NULL),
    CHOICE("source", "r.source", false, NULL, "folder", "tar", "oci"),
    CHOICE("state", "r.state", false, NULL, "sealed", "retired"),
    BOOL("quarantined", "(r.quarantine_us IS NOT NULL)"),
    TEXT("manifest", "r.manifest", false, NULL),
    INTEGER("entries", "r.entries", false, NULL),
    INTEGER("size_bytes", "r.size_bytes", false, NULL),
    TEXT("actor", "r.actor_name", false, NULL),
    DATE("created", "r.created_us", false, NULL),
    DATE("retired", "r.retired_us", true, NULL),
    INTEGER("created_us", "r.created_us", false, NULL),
    INTEGER("retired_us", "r.retired_us", true, NULL),
    END,
};

const struct list_kind list_environments = {
    .noun = "env",
    .from = "environment_version r JOIN environment n ON n.id = r.environment",
    .key = "r.id",
    .columns = env_columns,
    .own_order = {"name", "-version", NULL},
    .total = -1,
    .small = true,
};

/* ---- projects, experiments, lessons: the latest version of their record ---- */

#define RECORD(owner)                                                                              \
    " LEFT JOIN record c ON c.id = " owner ".record"                                               \
    " LEFT JOIN record_version v ON v.record = c.id AND v.version = c.version"
#define RECORD_COLUMNS(owner)                                                                      \
    TEXT("title_fr", "v.answers ->> '$.title.fr'", true, NULL),                                    \
        TEXT("title_en", "v.answers ->> '$.title.en'", true, NULL),                                \
        INTEGER("record_version", "c.version", true, NULL),                                        \
        TEXT("actor", owner ".actor_name", false, NULL),                                           \
        DATE("created", owner ".created_us", false, NULL),                                         \
        INTEGER("created_us", owner ".created_us", false, NULL),                                   \
        DATE("changed", "v.created_us", true, NULL), INTEGER("changed_us", "v.created_us", true, NULL)

static const struct list_column project_columns[] = {
    TEXT("code", "r.code", false, NULL),
    CHOICE("stage", "r.stage", false, NULL, "opportunity", "assessed", "experimenting", "pilot",
           "published", "stopped"),
    TEXT("organisation", "r.organisation", true, NULL),
    CHOICE("family", "r.family", true, NULL, "analysis_prediction", "automation", "interaction",
           "environment"),
    TEXT("portfolio", "v.answers ->> '$.portfolio'", true, NULL),
    RECORD_COLUMNS("r"),
    END,
};

const struct list_kind list_projects = {
    .noun = "project",
    .from = "project r" RECORD("r"),
    .key = "r.id",
    .columns = project_columns,
    .own_order = {"code", NULL},
    .total = -1,
    .small = true,
};

static const struct list_column experiment_columns[] = {
    INTEGER("number", "r.id", false, NULL),
    TEXT("name", "r.name", false, NULL),
    TEXT("project", "p.code", false, NULL),
    BOOL("frozen", "(r.first_run IS NOT NULL)"),
    RECORD_COLUMNS("r"),
    END,
};

const struct list_kind list_experiments = {
    .noun = "experiment",
    .from = "experiment r JOIN project p ON p.id = r.project" RECORD("r"),
    .key = "r.id",
    .columns = experiment_columns,
    .own_order = {"number", NULL},
    .total = -1,
    .small = true,
};

static const struct list_column lesson_columns[] = {
    INTEGER("number", "r.id", false, NULL),
    TEXT("lesson", "r.name", false, NULL),
    TEXT("project", "p.code", false, NULL),
    RECORD_COLUMNS("r"),
    END,
};

const struct list_kind list_lessons = {
    .noun = "lesson",
    .from = "lesson r JOIN project p ON p.id = r.project" RECORD("r"),
    .key = "r.id",
    .columns = lesson_columns,
    .own_order = {"-number", NULL},
    .total = -1,
    .small = true,
};

/* ---- the audit log ---- */

static const struct list_column audit_columns[] = {
    INTEGER("number", "r.number", false, ""),
    TEXT("action", "r.action", false, "audit_by_action"),
    TEXT("subject", "r.subject", false, "audit_by_subject"),
    TEXT("actor", "r.actor_name", false, "audit_by_actor"),
    INTEGER("actor_uid", "r.actor_uid", false, NULL),
    TEXT("detail", "r.detail", false, NULL),
    DATE("time", "r.time_us", false, "audit_by_time"),
    INTEGER("time_us", "r.time_us", false, "audit_by_time"),
    END,
};

const struct list_kind list_audit = {
    .noun = "audit",
    .from = "audit r",
    .key = "r.number",
    .columns = audit_columns,
    .own_order = {"-time_us", "-number", NULL},
    .own_index = "audit_by_time",
    .total = LIST_TOTAL_AUDIT,
};
