/*
 * report.c - each report is a list of tables, each table a statement: its columns are those of the SQL.
 */
#include "catalog/report.h"

#include "catalog/db.h"
#include "catalog/energy.h"
#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    TABLE_PROJECTS,
    TABLE_OUTCOMES,
    TABLE_MONTHS,
    TABLE_DATA,
    TABLE_DECISIONS,
    TABLE_ACTIONS,
    TABLE_ENERGY,
    TABLE_ENERGY_MONTHS,
    REPORT_SQL_COUNT
};

/* Runs of the period, found by their age. */
#define RUNS "run r INDEXED BY run_by_age WHERE r.created_us >= ?1 AND r.created_us < ?2"
#define CPU_MS "total(r.cpu_ms)"
#define MEMORY_BYTE_MS "total(CAST(r.memory_bytes AS REAL) * r.wall_ms)"
/* What any lab writes by itself for each run says nothing of what people decided. */
#define ROUTINE                                                                                    \
    "('run.submitted', 'run.starting', 'run.running', 'run.finished', 'run.connected',"            \
    " 'user.first_seen')"

static const struct sql_row rows[] = {
    [TABLE_PROJECTS] =
        {.text =
             "SELECT p.code AS project, v.answers ->> '$.title' AS title,"
             " p.organisation AS organisation, v.answers ->> '$.portfolio' AS portfolio,"
             " p.family AS family, v.answers ->> '$.benefits' AS benefits, p.stage AS stage,"
             " (SELECT count(*) FROM experiment x WHERE x.project = p.id) AS experiments,"
             " (SELECT count(*) FROM lesson l WHERE l.project = p.id) AS lessons,"
             " coalesce(t.runs, 0) AS runs, coalesce(t.succeeded, 0) AS succeeded,"
             " coalesce(t.people, 0) AS people, coalesce(t.cpu_ms, 0) AS cpu_ms,"
             " coalesce(t.memory_byte_ms, 0) AS memory_byte_ms"
             " FROM project p LEFT JOIN record c ON c.id = p.record"
             " LEFT JOIN record_version v ON v.record = c.id AND v.version = c.version"
             " LEFT JOIN (SELECT r.project AS project, count(*) AS runs,"
             " count(*) FILTER (WHERE r.verdict = 'succeeded') AS succeeded,"
             " count(DISTINCT r.actor_uid || ' ' || r.actor_name) AS people," CPU_MS " AS cpu_ms,"
             MEMORY_BYTE_MS " AS memory_byte_ms FROM " RUNS " GROUP BY r.project) t"
             " ON t.project = p.id WHERE p.created_us < ?2 ORDER BY p.code",
         .scan = "a report shows every project"},
    [TABLE_OUTCOMES] = {.text = "SELECT coalesce(p.code, '') AS project, r.purpose AS purpose,"
                                " coalesce(r.verdict, r.state) AS outcome, count(*) AS runs,"
                                " count(DISTINCT r.actor_uid || ' ' || r.actor_name) AS people,"
                                " " CPU_MS " AS cpu_ms FROM run r INDEXED BY run_by_age"
                                " LEFT JOIN project p ON p.id = r.project"
                                " WHERE r.created_us >= ?1 AND r.created_us < ?2"
                                " GROUP BY 1, 2, 3 ORDER BY 1, 2, 4 DESC"},
    [TABLE_MONTHS] = {.text = "SELECT strftime('%Y-%m', r.created_us / 1000000, 'unixepoch') AS month,"
                              " count(*) AS runs, count(*) FILTER (WHERE r.verdict = 'succeeded')"
                              " AS succeeded, count(DISTINCT r.project) AS projects,"
                              " count(DISTINCT r.actor_uid || ' ' || r.actor_name) AS people,"
                              " " CPU_MS " AS cpu_ms FROM " RUNS " GROUP BY 1 ORDER BY 1"},
    [TABLE_DATA] =
        {.text = "SELECT d.name || '@' || v.version AS dataset, v.classification AS classification,"
                 " coalesce(p.code, '') AS project, r.purpose AS purpose, r.actor_name AS person,"
                 " coalesce(l.rule, '') AS rule, count(*) AS runs,"
                 " count(DISTINCT r.code) AS programs, min(r.created_us) AS first_us,"
                 " max(r.created_us) AS last_us FROM run r INDEXED BY run_by_age"
                 " JOIN run_dataset l ON l.run = r.seq JOIN dataset_version v ON v.id = l.version"
                 " JOIN dataset d ON d.id = v.dataset LEFT JOIN project p ON p.id = r.project"
                 " WHERE r.created_us >= ?1 AND r.created_us < ?2"
                 " GROUP BY d.name, v.version, r.project, r.purpose, r.actor_uid, r.actor_name, l.rule"
                 " ORDER BY d.name, v.version, 3, 5 LIMIT 20001"},
    [TABLE_DECISIONS] = {.text = "SELECT time_us AS time_us, actor_name AS person, action AS action,"
                                 " subject AS subject, number AS audit_entry FROM audit"
                                 " INDEXED BY audit_by_time"
                                 " WHERE time_us >= ?1 AND time_us < ?2 AND action NOT IN " ROUTINE
                                 " ORDER BY time_us, number LIMIT 20001"},
    [TABLE_ACTIONS] = {.text = "SELECT action AS action, count(*) AS entries,"
                               " count(DISTINCT actor_uid || ' ' || actor_name) AS people FROM audit"
                               " INDEXED BY audit_by_time WHERE time_us >= ?1 AND time_us < ?2"
                               " GROUP BY action ORDER BY 2 DESC, 1"},
    [TABLE_ENERGY] = {.text = "SELECT coalesce(p.code, '') AS project, count(*) AS runs,"
                              " " CPU_MS " AS cpu_ms, total(r.wall_ms) AS wall_ms,"
                              " " MEMORY_BYTE_MS " AS memory_byte_ms FROM run r"
                              " INDEXED BY run_by_age LEFT JOIN project p ON p.id = r.project"
                              " WHERE r.created_us >= ?1 AND r.created_us < ?2"
                              " GROUP BY 1 ORDER BY 3 DESC, 1"},
    [TABLE_ENERGY_MONTHS] = {.text =
                                 "SELECT strftime('%Y-%m', r.created_us / 1000000, 'unixepoch') AS"
                                 " month, count(*) AS runs, " CPU_MS " AS cpu_ms,"
                                 " " MEMORY_BYTE_MS " AS memory_byte_ms FROM " RUNS
                                 " GROUP BY 1 ORDER BY 1"},
};
static_assert(sizeof rows / sizeof rows[0] == REPORT_SQL_COUNT, "one statement a row");
const struct sql_table report_sql = {"report", rows, REPORT_SQL_COUNT, SQL_REPORT};

const char *const report_kinds[] = {"portfolio", "accountability", "data-access", "environment", NULL};

static const struct {
    const char *name;
    int statement;
} tables[REPORT_KIND_COUNT][4] = {
    [REPORT_PORTFOLIO] = {{"projects", TABLE_PROJECTS}, {"months", TABLE_MONTHS}},
    [REPORT_ACCOUNTABILITY] = {{"outcomes", TABLE_OUTCOMES},
                               {"months", TABLE_MONTHS},
                               {"actions", TABLE_ACTIONS},
                               {"decisions", TABLE_DECISIONS}},
    [REPORT_DATA_ACCESS] = {{"data", TABLE_DATA}},
    [REPORT_ENVIRONMENT] = {{"energy", TABLE_ENERGY}, {"months", TABLE_ENERGY_MONTHS}},
};

int report_kind_of(const char *name)
{
    for (int i = 0; report_kinds[i]; i++)
        if (!strcmp(report_kinds[i], name))
            return i;
    return -1;
}

/* ---- values ---- */

/* A column that is replaced by what energy.h makes of it and of cpu_ms. */
static bool is_memory(sqlite3_stmt *s, int column)
{
    return strcmp(sqlite3_column_name(s, column), "memory_byte_ms") == 0;
}

static void put_columns(sqlite3_stmt *s, struct jw *w)
{
    jw_arr_at(w, "columns");
    for (int i = 0; i < sqlite3_column_count(s); i++) {
        if (!is_memory(s, i)) {
            jw_str(w, sqlite3_column_name(s, i));
            continue;
        }
        jw_str(w, "energy_kwh");
        jw_str(w, "direct_g");
        jw_str(w, "lifecycle_g");
    }
    jw_end_arr(w);
}

static void put_energy(sqlite3_stmt *s, int memory, const struct energy_factor *f, struct jw *w)
{
    double cpu_ms = 0;
    for (int i = 0; i < sqlite3_column_count(s); i++)
        if (strcmp(sqlite3_column_name(s, i), "cpu_ms") == 0)
            cpu_ms = sqlite3_column_double(s, i);
    double kwh = energy_kwh(cpu_ms, sqlite3_column_double(s, memory));
    jw_num(w, kwh);
    jw_num(w, kwh * f->direct);
    if (f->lifecycle < 0)
        jw_null(w);
    else
        jw_num(w, kwh * f->lifecycle);
}

/* Texts that are JSON objects (of both languages) go as such. */
static void put_text(const char *text, struct jw *w)
{
    struct err ignored = {0};
    if (*text == '{' && json_scan(text, strlen(text), NULL, &ignored) == 0)
        jw_raw(w, text, strlen(text));
    else
        jw_str(w, text);
}

static void put_row(sqlite3_stmt *s, const struct energy_factor *f, struct jw *w)
{
    jw_arr(w);
    for (int i = 0; i < sqlite3_column_count(s); i++) {
        if (is_memory(s, i)) {
            put_energy(s, i, f, w);
            continue;
        }
        switch (sqlite3_column_type(s, i)) {
        case SQLITE_NULL: jw_null(w); break;
        case SQLITE_INTEGER: jw_int(w, sqlite3_column_int64(s, i)); break;
        case SQLITE_FLOAT: jw_num(w, sqlite3_column_double(s, i)); break;
        default: put_text((const char *)sqlite3_column_text(s, i), w);
        }
    }
    jw_end_arr(w);
}

static int put_table(struct cat *db, const char *name, int statement, const struct report_ask *ask,
                     struct jw *w, struct err *e)
{
    size_t count = 0;
    int rc;
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &report_sql, statement, e, V_I(ask->from_us), V_I(ask->to_us));
    if (!s)
        return -1;
    jw_obj(w);
    jw_str_at(w, "name", name);
    put_columns(s, w);
    jw_arr_at(w, "rows");
    while ((rc = cat_step(db, s, e)) == 1 && count < REPORT_ROWS_MAX &&
           w->out->len < REPORT_BYTES_MAX) {
        put_row(s, energy_factor_find(ask->region), w);
        count++;
    }
    jw_end_arr(w);
    jw_bool_at(w, "cut", rc == 1);
    jw_end_obj(w);
    return rc < 0 ? -1 : 0;
}

static void put_method(const struct report_ask *ask, struct jw *w)
{
    const struct energy_factor *f = energy_factor_find(ask->region);
    jw_obj_at(w, "method");
    jw_str_at(w, "energy", ENERGY_METHOD);
    jw_num_at(w, "core_w", ENERGY_CORE_W);
    jw_num_at(w, "memory_w_per_gb", ENERGY_MEMORY_W);
    jw_num_at(w, "pue", ENERGY_PUE);
    jw_num_at(w, "range_factor", ENERGY_RANGE);
    jw_str_at(w, "region", f->region);
    jw_num_at(w, "direct_g_per_kwh", f->direct);
    if (f->lifecycle < 0)
        jw_null_at(w, "lifecycle_g_per_kwh");
    else
        jw_num_at(w, "lifecycle_g_per_kwh", f->lifecycle);
    jw_str_at(w, "source", f->source);
    jw_end_obj(w);
}

int report_write(struct cat *db, const struct report_ask *ask, struct jw *w, struct err *e)
{
    int rc = 0;
    assert(energy_factor_find(ask->region));
    if (ask->from_us >= ask->to_us)
        return err_set(e, E_INVALID, "to_us", NULL, "the period ends before it begins");
    cat_deadline(db, REPORT_TIME_MS);
    jw_arr_at(w, "tables");
    for (size_t i = 0; rc == 0 && i < 4 && tables[ask->kind][i].name; i++)
        rc = put_table(db, tables[ask->kind][i].name, tables[ask->kind][i].statement, ask, w, e);
    jw_end_arr(w);
    cat_deadline(db, 0);
    put_method(ask, w);
    return rc;
}
