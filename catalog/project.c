/*
 * project.c - projects: made, changed, passed from stage to stage, listed. Each change has its audit entry in the
 * same transaction. What looks alike is in similar.c.
 */
#include "catalog/project.h"

#include "api/common/text.h"
#include "catalog/change.h"
#include "catalog/db.h"
#include "catalog/idem.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { DETAIL_MAX_BYTES = 16 << 10, MISSING_SHOWN = 120 };

enum {
    PROJECT_ADD,
    PROJECT_GET,
    PROJECT_BY_KEY,
    PROJECT_SET_RECORD,
    PROJECT_SET_FACETS,
    PROJECT_SET_STAGE,
    PROJECT_ADD_PASSAGE,
    PROJECT_PASSAGES,
    PROJECT_COUNTS,
    PROJECT_SQL_COUNT
};

/* In the order in which row_from() takes them. */
#define SELECT                                                                                     \
    "SELECT id, code, stage, stage_us, actor_uid, actor_name, created_us, record FROM project "

static const struct sql_row rows[] = {
    [PROJECT_ADD] = {.text = "INSERT INTO project (code, actor_uid, actor_name, created_us)"
                             " VALUES (?, ?, ?, ?)"},
    [PROJECT_GET] = {.text = SELECT "WHERE code = ?"},
    [PROJECT_BY_KEY] = {.text = SELECT "WHERE id = ?"},
    [PROJECT_SET_RECORD] = {.text = "UPDATE project SET record = ? WHERE id = ?"},
    [PROJECT_SET_FACETS] = {.text = "UPDATE project SET organisation = ?, family = ? WHERE id = ?"},
    [PROJECT_SET_STAGE] =
        {.text = "UPDATE project SET stage = ?, stage_us = ? WHERE id = ? AND stage = ?"},
    [PROJECT_ADD_PASSAGE] =
        {.text = "INSERT INTO project_passage (project, number, from_stage, to_stage, reason, "
                 "actor_uid,"
                 " actor_name, at_us) VALUES (?1, (SELECT count(*) + 1 FROM project_passage"
                 " WHERE project = ?1), ?2, ?3, ?4, ?5, ?6, ?7)"},
    [PROJECT_PASSAGES] =
        {.text = "SELECT number, from_stage, to_stage, reason, actor_uid, actor_name, at_us"
                 " FROM project_passage WHERE project = ? ORDER BY number LIMIT ?"},
    [PROJECT_COUNTS] = {.text = "SELECT (SELECT count(*) FROM experiment WHERE project = ?1),"
                                " (SELECT count(*) FROM lesson WHERE project = ?1),"
                                " (SELECT count(DISTINCT account) FROM role_grant WHERE project = "
                                "?1 AND revoked_us IS NULL)"},
};
static_assert(sizeof rows / sizeof rows[0] == PROJECT_SQL_COUNT, "one statement a row");
const struct sql_table project_sql = {"project", rows, PROJECT_SQL_COUNT, SQL_PROJECT};

/* ---- stages ---- */

static const char *const stage_names[STAGE_COUNT] = {
    [STAGE_OPPORTUNITY] = "opportunity",     [STAGE_ASSESSED] = "assessed",
    [STAGE_EXPERIMENTING] = "experimenting", [STAGE_PILOT] = "pilot",
    [STAGE_PUBLISHED] = "published",         [STAGE_STOPPED] = "stopped",
};

static const bool next[STAGE_COUNT][STAGE_COUNT] = {
    [STAGE_OPPORTUNITY] = {[STAGE_ASSESSED] = true, [STAGE_STOPPED] = true},
    [STAGE_ASSESSED] = {[STAGE_EXPERIMENTING] = true, [STAGE_STOPPED] = true},
    [STAGE_EXPERIMENTING] = {[STAGE_PILOT] = true, [STAGE_STOPPED] = true},
    [STAGE_PILOT] = {[STAGE_PUBLISHED] = true, [STAGE_STOPPED] = true},
    [STAGE_PUBLISHED] = {[STAGE_STOPPED] = true},
};

const char *stage_name(enum project_stage s)
{
    assert(s < STAGE_COUNT);
    return stage_names[s];
}

int stage_of(const char *name)
{
    for (int s = 0; s < STAGE_COUNT; s++)
        if (strcmp(stage_names[s], name) == 0)
            return s;
    return -1;
}

bool stage_may_pass(enum project_stage from, enum project_stage to)
{
    return from < STAGE_COUNT && to < STAGE_COUNT && next[from][to];
}

/* ---- reading ---- */

static int row_from(struct cat *db, struct arena *a, sqlite3_stmt *s, struct project_row *p,
                    struct err *e)
{
    int stage = stage_of((const char *)sqlite3_column_text(s, 2));
    int64_t record = cat_col_int(s, 7, 0);
    assert(stage >= 0); /* the table has a check on it */
    *p = (struct project_row){
        .id = sqlite3_column_int64(s, 0),
        .code = cat_col_text(a, s, 1),
        .stage = (enum project_stage)stage,
        .stage_us = cat_col_int(s, 3, 0),
        .actor = {sqlite3_column_int64(s, 4), cat_col_text(a, s, 5)},
        .created_us = sqlite3_column_int64(s, 6),
        .has_record = record != 0,
    };
    return record ? cat_record_by_id(db, a, record, 0, &p->record, e) : 0;
}

/* 1: found, 0: not, -1: failed */
static int find(struct cat *db, struct arena *a, const char *code, struct project_row *out,
                struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &project_sql, PROJECT_GET, e, V_T(code));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 1 && row_from(db, a, s, out, e) < 0)
        return -1;
    return rc;
}

int cat_project_get(struct cat *db, struct arena *a, const char *code, struct project_row *out,
                    struct err *e)
{
    int rc = find(db, a, code, out, e);
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "project", "`enclos project list` shows what there is",
                       "there is no project %s", code);
    return rc < 0 ? -1 : 0;
}

int cat_project_by_key(struct cat *db, struct arena *a, int64_t key, struct project_row *out,
                          struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &project_sql, PROJECT_BY_KEY, e, V_I(key));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "project", NULL, "there is no project number %lld",
                       (long long)key);
    return rc < 0 ? -1 : row_from(db, a, s, out, e);
}

int cat_project_passages(struct cat *db, struct arena *a, int64_t project,
                         struct project_passage **out, size_t *count, struct err *e)
{
    *out = arena_alloc(a, PROJECT_PASSAGES_MAX * sizeof **out);
    *count = 0;
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &project_sql, PROJECT_PASSAGES, e, V_I(project), V_I(PROJECT_PASSAGES_MAX));
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1)
        (*out)[(*count)++] = (struct project_passage){
            .number = sqlite3_column_int64(s, 0),
            .from = (enum project_stage)stage_of((const char *)sqlite3_column_text(s, 1)),
            .to = (enum project_stage)stage_of((const char *)sqlite3_column_text(s, 2)),
            .reason = cat_col_text(a, s, 3),
            .actor = {sqlite3_column_int64(s, 4), cat_col_text(a, s, 5)},
            .at_us = sqlite3_column_int64(s, 6),
        };
    return rc;
}

int cat_project_count(struct cat *db, int64_t project, struct project_counts *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &project_sql, PROJECT_COUNTS, e, V_I(project));
    if (!s || cat_step(db, s, e) < 0)
        return -1;
    *out = (struct project_counts){sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
                                   sqlite3_column_int64(s, 2)};
    return 0;
}

/* ---- changing ---- */

/* What lists and the finder of similar ones read, after the record has a new version. */
static int keep_facets(struct cat *db, int64_t project, const struct record_row *r, struct err *e)
{
    static const struct json_limits limits = {.max_bytes = FORM_ANSWERS_MAX_BYTES};
    AUTO_JSON struct json *answers = json_parse(r->answers, strlen(r->answers), &limits, e);
    if (!answers || cat_do(db, &project_sql, PROJECT_SET_FACETS, e,
                           V_T(json_str(json_get(answers, "organisation"))),
                           V_T(json_str(json_get(answers, "family"))), V_I(project)) < 0)
        return -1;
    return cat_similar_index(db, project, r->answers, e);
}

static int add(struct cat *db, struct arena *a, const struct project_new *n, struct err *e)
{
    struct record_row record;
    bool changed;
    const struct record_change c = {.form = "project",
                                    .subject = n->code,
                                    .set = n->answers,
                                    .action = "project.created",
                                    .actor = n->actor,
                                    .at_us = n->at_us};
    if (cat_do(db, &project_sql, PROJECT_ADD, e, V_T(n->code), V_I(n->actor.uid),
               V_T(n->actor.name), V_I(n->at_us)) < 0)
        return -1;
    int64_t id = cat_last_id(db);
    if (cat_record_change(db, a, &c, &record, &changed, e) < 0 ||
        cat_do(db, &project_sql, PROJECT_SET_RECORD, e, V_I(record.id), V_I(id)) < 0)
        return -1;
    return keep_facets(db, id, &record, e);
}

int cat_project_create(struct cat *db, struct arena *a, const struct project_new *n,
                       struct project_row *out, bool *existed, struct err *e)
{
    const char *earlier = NULL;
    *existed = false;
    if (!text_is_name(n->code))
        return err_set(e, E_INVALID, "code", "letters, digits, '_', '.' and '-', 64 at most",
                       "this is no code for a project");
    if (n->idempotency_key && idem_find(db, a, n->actor.uid, n->idempotency_key, "project.create",
                                        n->request_sha256, &earlier, e) < 0)
        return -1;
    if (earlier) {
        *existed = true;
        return cat_project_get(db, a, earlier, out, e);
    }
    int rc = find(db, a, n->code, out, e);
    if (rc < 0)
        return -1;
    if (rc == 1)
        return err_set(e, E_CONFLICT, "code", "choose another code, or change that project",
                       "there is a project %s already, made by %s", n->code, out->actor.name);
    if (add(db, a, n, e) < 0)
        return -1;
    if (n->idempotency_key && idem_keep(db, n->actor.uid, n->idempotency_key, "project.create",
                                        n->request_sha256, n->code, n->at_us, e) < 0)
        return -1;
    return cat_project_get(db, a, n->code, out, e);
}

int cat_project_edit(struct cat *db, struct arena *a, const struct project_edit *c,
                     struct project_row *out, bool *changed, struct err *e)
{
    const struct record_change change = {.form = "project",
                                         .subject = c->code,
                                         .version = c->version,
                                         .set = c->set,
                                         .reason = c->reason,
                                         .action = "project.changed",
                                         .actor = c->actor,
                                         .at_us = c->at_us};
    struct record_row record;
    if (cat_project_get(db, a, c->code, out, e) < 0 ||
        cat_record_change(db, a, &change, &record, changed, e) < 0)
        return -1;
    if (!*changed)
        return 0;
    if ((!out->has_record &&
         cat_do(db, &project_sql, PROJECT_SET_RECORD, e, V_I(record.id), V_I(out->id)) < 0) ||
        keep_facets(db, out->id, &record, e) < 0)
        return -1;
    return cat_project_get(db, a, c->code, out, e);
}

/* ---- passages ---- */

static void name_missing(void *ctx, const struct field *field, const char *language)
{
    char *list = ctx;
    size_t len = strlen(list);
    snprintf(list + len, MISSING_SHOWN - len, "%s%s%s%s", len ? ", " : "", field->name,
             language ? "." : "", language ? language : "");
}

static int check_complete(const struct project_row *p, enum project_stage to, struct err *e)
{
    static const struct json_limits limits = {.max_bytes = FORM_ANSWERS_MAX_BYTES};
    char list[MISSING_SHOWN] = "";
    const char *text = p->has_record ? p->record.answers : "{}";
    AUTO_JSON struct json *answers = json_parse(text, strlen(text), &limits, e);
    if (!answers)
        return -1;
    if (form_missing(form_find("project"), answers, name_missing, list) == 0)
        return 0;
    return err_set(e, E_CONFLICT, "stage", "`enclos project edit` fills them in",
                   "the project %s cannot become %s: it says nothing of %s", p->code,
                   stage_names[to], list);
}

static int check_passage(const struct project_row *p, enum project_stage to, const char *reason,
                         struct err *e)
{
    if (!stage_may_pass(p->stage, to)) {
        char hint[176] = "";
        for (int s = 0; s < STAGE_COUNT; s++)
            if (next[p->stage][s]) {
                size_t len = strlen(hint);
                snprintf(hint + len, sizeof hint - len, "%s%s", len ? ", or " : "it can become ",
                         stage_names[s]);
            }
        return err_set(e, E_CONFLICT, "stage",
                       hint[0] ? hint : "a project that was stopped stays so; make another",
                       "the project %s is %s, it cannot become %s", p->code, stage_names[p->stage],
                       stage_names[to]);
    }
    size_t len = reason ? strlen(reason) : 0;
    if (len < 1 || len > RECORD_REASON_MAX || reason[strspn(reason, " \t\n")] == '\0')
        return err_set(e, E_INVALID, "reason", "say why, in a sentence",
                       "a passage has a reason of 1 to %d bytes", RECORD_REASON_MAX);
    return to == STAGE_STOPPED ? 0 : check_complete(p, to, e);
}

int cat_project_advance(struct cat *db, struct arena *a, const char *code, enum project_stage to,
                        const char *reason, const struct cat_actor *actor, int64_t at_us,
                        struct project_row *out, struct err *e)
{
    struct project_row p = {0};
    if (cat_project_get(db, a, code, &p, e) < 0 || check_passage(&p, to, reason, e) < 0)
        return -1;
    if (cat_do(db, &project_sql, PROJECT_SET_STAGE, e, V_T(stage_names[to]), V_I(at_us), V_I(p.id),
               V_T(stage_names[p.stage])) < 0 ||
        cat_do(db, &project_sql, PROJECT_ADD_PASSAGE, e, V_I(p.id), V_T(stage_names[p.stage]),
               V_T(stage_names[to]), V_T(reason), V_I(actor->uid), V_T(actor->name),
               V_I(at_us)) < 0)
        return -1;
    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_MAX_BYTES);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "from", stage_names[p.stage]);
    jw_str_at(&w, "to", stage_names[to]);
    jw_str_at(&w, "reason", reason);
    jw_end_obj(&w);
    if (audit_append(db, actor, "project.advanced", code, buf_cstr(&detail), at_us, e) < 0 ||
        change_add(db, "project", code, "advanced", at_us, e) < 0)
        return -1;
    return cat_project_get(db, a, code, out, e);
}
