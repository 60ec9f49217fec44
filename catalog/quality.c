/*
 * quality.c - the table behind quality.h.
 */
#include "catalog/quality.h"

#include "api/common/text.h"
#include "catalog/audit.h"
#include "catalog/change.h"
#include "catalog/db.h"
#include <assert.h>
#include <string.h>

enum {
    QUALITY_START,
    QUALITY_OF_RUN,
    QUALITY_HAS_RUN,
    QUALITY_REPORT,
    QUALITY_LAST_REPORT,
    QUALITY_LAST,
    QUALITY_BEFORE,
    QUALITY_SQL_COUNT
};

/* In the order in which row_from() takes them. */
#define SELECT                                                                                                        \
    "SELECT r.id, r.state, r.verdict, r.reason, d.name || '@' || v.version, r.actor_uid, r.actor_name,"              \
    " q.small_count, r.created_us, q.reported_us, q.report, q.bad,"                                                  \
    " (SELECT manifest FROM environment_version e WHERE e.id = r.environment)"                                       \
    " FROM dataset_quality q JOIN run r ON r.seq = q.run JOIN dataset_version v ON v.id = q.version"                 \
    " JOIN dataset d ON d.id = v.dataset "

static const struct sql_row rows[] = {
    [QUALITY_START] = {.text = "INSERT INTO dataset_quality (run, version, small_count)"
                               " SELECT seq, ?2, ?3 FROM run WHERE id = ?1"},
    [QUALITY_OF_RUN] = {.text = SELECT "WHERE r.id = ?"},
    [QUALITY_HAS_RUN] = {.text = "SELECT 1 FROM dataset_quality WHERE run = (SELECT seq FROM run WHERE id = ?)"},
    [QUALITY_REPORT] = {.text = "UPDATE dataset_quality SET report = ?2, bad = ?3, reported_us = ?4"
                                " WHERE run = (SELECT seq FROM run WHERE id = ?1)"},
    [QUALITY_LAST_REPORT] = {.text = SELECT "WHERE q.version = ? AND q.report IS NOT NULL ORDER BY q.run DESC LIMIT 1"},
    [QUALITY_LAST] = {.text = SELECT "WHERE q.version = ? ORDER BY q.run DESC LIMIT 1"},
    [QUALITY_BEFORE] = {.text = SELECT "WHERE q.version = (SELECT b.id FROM dataset_version b WHERE b.dataset ="
                                       " (SELECT dataset FROM dataset_version WHERE id = ?1) AND b.version < ?2"
                                       " AND EXISTS (SELECT 1 FROM dataset_quality x WHERE x.version = b.id"
                                       " AND x.report IS NOT NULL) ORDER BY b.version DESC LIMIT 1)"
                                       " AND q.report IS NOT NULL ORDER BY q.run DESC LIMIT 1"},
};
static_assert(sizeof rows / sizeof rows[0] == QUALITY_SQL_COUNT, "one statement a row");
const struct sql_table quality_sql = {"quality", rows, QUALITY_SQL_COUNT, SQL_QUALITY};

static void row_from(struct arena *a, sqlite3_stmt *s, struct quality_row *out)
{
    *out = (struct quality_row){
        .run = cat_col_text(a, s, 0),
        .run_state = cat_col_text(a, s, 1),
        .verdict = cat_col_text(a, s, 2),
        .run_reason = cat_col_text(a, s, 3),
        .ref = cat_col_text(a, s, 4),
        .actor = {sqlite3_column_int64(s, 5), cat_col_text(a, s, 6)},
        .small_count = sqlite3_column_int64(s, 7),
        .created_us = sqlite3_column_int64(s, 8),
        .reported_us = cat_col_int(s, 9, 0),
        .report = cat_col_text(a, s, 10),
        .bad = cat_col_text(a, s, 11),
        .environment = cat_col_text(a, s, 12),
    };
}

static int one(struct cat *db, struct arena *a, sqlite3_stmt *s, bool *found, struct quality_row *out, struct err *e)
{
    int rc = s ? cat_step(db, s, e) : -1;
    *found = rc == 1;
    if (rc == 1)
        row_from(a, s, out);
    return rc < 0 ? -1 : 0;
}

int cat_quality_start(struct cat *db, const char *run, int64_t version_key, int64_t small_count, struct err *e)
{
    if (cat_do(db, &quality_sql, QUALITY_START, e, V_T(run), V_I(version_key), V_I(small_count)) < 0)
        return err_context(e, "the profile by run %s", run);
    return 0;
}

int cat_quality_of_run(struct cat *db, const char *run, bool *yes, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &quality_sql, QUALITY_HAS_RUN, e, V_T(run));
    int rc = s ? cat_step(db, s, e) : -1;
    *yes = rc == 1;
    return rc < 0 ? -1 : 0;
}

int cat_quality_finish(struct cat *db, struct arena *a, const char *run, const char *report, const char *bad, int64_t at_us,
                       struct err *e)
{
    struct quality_row q;
    bool found;
    {
        AUTO_STMT sqlite3_stmt *s = cat_query(db, &quality_sql, QUALITY_OF_RUN, e, V_T(run));
        if (one(db, a, s, &found, &q, e) < 0)
            return -1;
    }
    if (!found || q.report || q.bad)
        return 0;
    if (cat_do(db, &quality_sql, QUALITY_REPORT, e, V_T(run), V_T(report), V_T(report ? NULL : bad), V_I(at_us)) < 0)
        return err_context(e, "the report of run %s", run);
    if (!report)
        return 0;
    AUTO_BUF struct buf detail = BUF_INIT(4096);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "run", run);
    jw_int_at(&w, "small_count", q.small_count);
    jw_str_at(&w, "environment", q.environment);
    jw_end_obj(&w);
    if (audit_append(db, &CAT_ACTOR_LAB, "dataset.profiled", q.ref, buf_cstr(&detail), at_us, e) < 0)
        return -1;
    return change_add(db, "dataset", q.ref, "profiled", at_us, e);
}

int cat_quality_get(struct cat *db, struct arena *a, int64_t version_key, bool *found, struct quality_row *out, struct err *e)
{
    {
        AUTO_STMT sqlite3_stmt *s = cat_query(db, &quality_sql, QUALITY_LAST_REPORT, e, V_I(version_key));
        if (one(db, a, s, found, out, e) < 0)
            return -1;
    }
    if (*found)
        return 0;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &quality_sql, QUALITY_LAST, e, V_I(version_key));
    return one(db, a, s, found, out, e);
}

int cat_quality_under_way(struct cat *db, struct arena *a, int64_t version_key, bool *found, struct quality_row *out,
                          struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &quality_sql, QUALITY_LAST, e, V_I(version_key));
    if (one(db, a, s, found, out, e) < 0)
        return -1;
    *found = *found && strcmp(out->run_state, "finished") != 0;
    return 0;
}

int cat_quality_before(struct cat *db, struct arena *a, const struct dataset_row *d, bool *found, struct quality_row *out,
                       struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &quality_sql, QUALITY_BEFORE, e, V_I(d->key), V_I(d->version));
    return one(db, a, s, found, out, e);
}
