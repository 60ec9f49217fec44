/*
 * lesson.c - lessons learned: written, changed, listed, and what they are tied to.
 */
#include "catalog/lesson.h"

#include "api/common/text.h"
#include "catalog/change.h"
#include "catalog/db.h"
#include "catalog/idem.h"
#include <assert.h>
#include <string.h>

enum {
    LESSON_ADD,
    LESSON_GET,
    LESSON_BY_KEY,
    LESSON_UNTIE,
    LESSON_TIE,
    LESSON_RUN,
    LESSON_SQL_COUNT
};

/* In the order in which row_from() takes them. */
#define SELECT                                                                                     \
    "SELECT l.id, l.name, l.project, p.code, l.actor_uid, l.actor_name, l.created_us, l.record"    \
    " FROM lesson l JOIN project p ON p.id = l.project "

static const struct sql_row rows[] = {
    [LESSON_ADD] =
        {.text = "INSERT INTO lesson (name, project, record, actor_uid, actor_name, created_us)"
                 " VALUES (?, ?, ?, ?, ?, ?)"},
    [LESSON_GET] = {.text = SELECT "WHERE l.name = ?"},
    [LESSON_BY_KEY] = {.text = SELECT "WHERE l.id = ?"},
    [LESSON_UNTIE] = {.text = "DELETE FROM lesson_tie WHERE lesson = ?"},
    [LESSON_TIE] = {.text = "INSERT INTO lesson_tie (kind, target, lesson) VALUES (?, ?, ?)"},
    [LESSON_RUN] = {.text = "SELECT 1 FROM run WHERE id = ?"},
};
static_assert(sizeof rows / sizeof rows[0] == LESSON_SQL_COUNT, "one statement a row");
const struct sql_table lesson_sql = {"lesson", rows, LESSON_SQL_COUNT, SQL_LESSON};

/* ---- reading ---- */

static int row_from(struct cat *db, struct arena *a, sqlite3_stmt *s, struct lesson_row *l,
                    struct err *e)
{
    *l = (struct lesson_row){
        .id = sqlite3_column_int64(s, 0),
        .name = cat_col_text(a, s, 1),
        .project = sqlite3_column_int64(s, 2),
        .project_code = cat_col_text(a, s, 3),
        .actor = {sqlite3_column_int64(s, 4), cat_col_text(a, s, 5)},
        .created_us = sqlite3_column_int64(s, 6),
    };
    return cat_record_by_id(db, a, sqlite3_column_int64(s, 7), 0, &l->record, e);
}

int cat_lesson_get(struct cat *db, struct arena *a, const char *name, struct lesson_row *out,
                   struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &lesson_sql, LESSON_GET, e, V_T(name));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "lesson", "`enclos lesson list` shows what there is",
                       "there is no lesson %s", name);
    return rc < 0 ? -1 : row_from(db, a, s, out, e);
}

const struct list_bound *cat_lesson_tied(struct arena *a, const char *kind, const char *target,
                                         struct list_bound *out)
{
    struct cat_value *values = arena_alloc(a, 2 * sizeof *values);
    values[0] = V_T(kind);
    values[1] = V_T(target);
    *out = (struct list_bound){.where = "EXISTS (SELECT 1 FROM lesson_tie t WHERE t.kind = ?"
                                        " AND t.target = ? AND t.lesson = r.id)",
                               .values = values,
                               .value_count = 2};
    return out;
}

int cat_lesson_by_key(struct cat *db, struct arena *a, int64_t key, struct lesson_row *out,
                          struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &lesson_sql, LESSON_BY_KEY, e, V_I(key));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "lesson", NULL, "there is no lesson number %lld",
                       (long long)key);
    return rc < 0 ? -1 : row_from(db, a, s, out, e);
}

/* ---- changing ---- */

static int check_experiment(struct cat *db, struct arena *a, const char *ref, struct err *e)
{
    char project[65] = "", name[65] = "";
    struct experiment_row x;
    return experiment_parse_ref(ref, project, name, e) < 0
               ? -1
               : cat_experiment_get(db, a, project, name, &x, e);
}

static int check_run(struct cat *db, const char *id, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &lesson_sql, LESSON_RUN, e, V_T(id));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "runs", "`enclos ps --all` lists them", "there is no run %s",
                       id);
    return rc < 0 ? -1 : 0;
}

/* What the latest version names must be there, and is what lists find it by. */
static int tie(struct cat *db, struct arena *a, int64_t lesson, const char *answers_json,
               struct err *e)
{
    static const struct json_limits limits = {.max_bytes = FORM_ANSWERS_MAX_BYTES};
    AUTO_JSON struct json *answers = json_parse(answers_json, strlen(answers_json), &limits, e);
    if (!answers || cat_do(db, &lesson_sql, LESSON_UNTIE, e, V_I(lesson)) < 0)
        return -1;
    for (const struct json *v = json_first(json_get(answers, "experiments")); v; v = json_next(v))
        if (check_experiment(db, a, json_str(v), e) < 0 ||
            cat_do(db, &lesson_sql, LESSON_TIE, e, V_T("experiment"), V_T(json_str(v)),
                   V_I(lesson)) < 0)
            return -1;
    for (const struct json *v = json_first(json_get(answers, "runs")); v; v = json_next(v))
        if (check_run(db, json_str(v), e) < 0 ||
            cat_do(db, &lesson_sql, LESSON_TIE, e, V_T("run"), V_T(json_str(v)), V_I(lesson)) < 0)
            return -1;
    return 0;
}

static int add(struct cat *db, struct arena *a, const struct lesson_new *n,
               const struct project_row *p, const char *name, struct err *e)
{
    struct record_row record;
    bool changed;
    const struct record_change c = {.form = "lesson",
                                    .subject = name,
                                    .set = n->answers,
                                    .action = "lesson.added",
                                    .actor = n->actor,
                                    .at_us = n->at_us};
    if (cat_record_change(db, a, &c, &record, &changed, e) < 0 ||
        cat_do(db, &lesson_sql, LESSON_ADD, e, V_T(name), V_I(p->id), V_I(record.id),
               V_I(n->actor.uid), V_T(n->actor.name), V_I(n->at_us)) < 0)
        return -1;
    int64_t lesson = cat_last_id(db); /* before the feed's own row */
    if (change_add_passing(db, "project", n->project, n->at_us, e) < 0)
        return -1;
    return tie(db, a, lesson, record.answers, e);
}

int cat_lesson_add(struct cat *db, struct arena *a, const struct lesson_new *n,
                   struct lesson_row *out, bool *existed, struct err *e)
{
    struct project_row p;
    const char *earlier = NULL;
    char name[TEXT_ID_SIZE];
    *existed = false;
    if (cat_project_get(db, a, n->project, &p, e) < 0 ||
        (n->idempotency_key && idem_find(db, a, n->actor.uid, n->idempotency_key, "lesson.add",
                                         n->request_sha256, &earlier, e) < 0))
        return -1;
    if (earlier) {
        *existed = true;
        return cat_lesson_get(db, a, earlier, out, e);
    }
    text_new_id('l', name);
    if (add(db, a, n, &p, name, e) < 0 || cat_lesson_get(db, a, name, out, e) < 0)
        return -1;
    if (!n->idempotency_key)
        return 0;
    return idem_keep(db, n->actor.uid, n->idempotency_key, "lesson.add", n->request_sha256, name,
                     n->at_us, e);
}

int cat_lesson_edit(struct cat *db, struct arena *a, const struct lesson_edit *c,
                    struct lesson_row *out, bool *changed, struct err *e)
{
    struct record_row record;
    const struct record_change change = {.form = "lesson",
                                         .subject = c->name,
                                         .version = c->version,
                                         .set = c->set,
                                         .reason = c->reason,
                                         .action = "lesson.changed",
                                         .actor = c->actor,
                                         .at_us = c->at_us};
    if (cat_lesson_get(db, a, c->name, out, e) < 0 ||
        cat_record_change(db, a, &change, &record, changed, e) < 0)
        return -1;
    if (!*changed)
        return 0;
    if (tie(db, a, out->id, record.answers, e) < 0)
        return -1;
    return cat_lesson_get(db, a, c->name, out, e);
}
