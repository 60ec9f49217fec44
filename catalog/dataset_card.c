/*
 * dataset_card.c - cards of datasets; see dataset_card.h.
 */
#include "catalog/dataset_card.h"

#include "api/common/json.h"
#include "api/common/purpose.h"
#include "catalog/change.h"
#include "catalog/db.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PURPOSES_MAX = 16 };

enum { CARD_GET, CARD_SET, CARD_DUE, CARD_SQL_COUNT };

static const struct sql_row rows[] = {
    [CARD_GET] = {.text = "SELECT version, personal, pia, pia_expires, purposes, retention"
                          " FROM dataset_card WHERE dataset = ?"},
    [CARD_SET] = {.text = "INSERT INTO dataset_card (dataset, record, version, personal, pia, pia_expires,"
                          " purposes, retention, confidentiality, integrity, availability)"
                          " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
                          " ON CONFLICT (dataset) DO UPDATE SET version = ?3, personal = ?4, pia = ?5,"
                          " pia_expires = ?6, purposes = ?7, retention = ?8, confidentiality = ?9,"
                          " integrity = ?10, availability = ?11"},
    /* Few datasets an account; a retired one is not waited for. */
    [CARD_DUE] = {.text = "SELECT d.name, 'pia' AS what, c.pia_expires AS day FROM dataset d"
                          " JOIN dataset_card c ON c.dataset = d.id"
                          " WHERE d.keeper_uid = ?1 AND d.keeper_name = ?2 AND c.personal = 1"
                          " AND c.pia_expires <= ?3 AND EXISTS (SELECT 1 FROM dataset_version v"
                          " WHERE v.dataset = d.id AND v.state != 'retired')"
                          " UNION ALL SELECT d.name, 'retention', c.retention FROM dataset d"
                          " JOIN dataset_card c ON c.dataset = d.id"
                          " WHERE d.keeper_uid = ?1 AND d.keeper_name = ?2 AND c.retention <= ?3"
                          " AND EXISTS (SELECT 1 FROM dataset_version v"
                          " WHERE v.dataset = d.id AND v.state != 'retired')"
                          " ORDER BY day, d.name LIMIT ?4"},
};
static_assert(sizeof rows / sizeof rows[0] == CARD_SQL_COUNT, "one statement a row");
const struct sql_table dataset_card_sql = {"dataset_card", rows, CARD_SQL_COUNT, SQL_DATASET_CARD};

void day_of(int64_t time_us, char out[DAY_SIZE])
{
    time_t seconds = (time_t)(time_us / 1000000);
    struct tm tm;
    if (!localtime_r(&seconds, &tm) || strftime(out, DAY_SIZE, "%Y-%m-%d", &tm) != DAY_SIZE - 1)
        snprintf(out, DAY_SIZE, "9999-12-31"); /* a clock that is no clock: all has expired */
}

/* ---- reading ---- */

static int take_purposes(struct arena *a, const char *text, struct dataset_card *out, struct err *e)
{
    if (!text)
        return 0;
    AUTO_JSON struct json *list = json_parse(text, strlen(text), NULL, e);
    if (!list)
        return err_context(e, "the purposes of a card");
    out->purposes = arena_alloc(a, PURPOSES_MAX * sizeof *out->purposes);
    for (const struct json *v = json_first(list); v && out->purpose_count < PURPOSES_MAX; v = json_next(v))
        out->purposes[out->purpose_count++] = arena_strdup(a, json_str(v) ? json_str(v) : "");
    return 0;
}

int cat_dataset_card(struct cat *db, struct arena *a, int64_t dataset, struct dataset_card *out,
                     struct err *e)
{
    *out = (struct dataset_card){.version = 0};
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &dataset_card_sql, CARD_GET, e, V_I(dataset));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc <= 0)
        return rc;
    int64_t personal = cat_col_int(s, 1, -1);
    *out = (struct dataset_card){
        .version = sqlite3_column_int64(s, 0),
        .personal = personal < 0 ? CARD_NOT_SAID : personal ? CARD_YES : CARD_NO,
        .pia = cat_col_text(a, s, 2),
        .pia_expires = cat_col_text(a, s, 3),
        .retention = cat_col_text(a, s, 5),
    };
    return take_purposes(a, cat_col_text(a, s, 4), out, e);
}

bool dataset_card_permits(const struct dataset_card *c, const char *purpose)
{
    for (size_t i = 0; i < c->purpose_count; i++)
        if (strcmp(c->purposes[i], purpose) == 0)
            return true;
    return c->purpose_count == 0;
}

int cat_dataset_due(struct cat *db, struct arena *a, const struct cat_actor *keeper, int64_t until_us,
                    size_t limit, struct dataset_due **out, size_t *count, struct err *e)
{
    char day[DAY_SIZE];
    day_of(until_us, day);
    *out = arena_alloc(a, limit * sizeof **out);
    *count = 0;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &dataset_card_sql, CARD_DUE, e, V_I(keeper->uid),
                                          V_T(keeper->name), V_T(day), V_I(limit));
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1)
        (*out)[(*count)++] = (struct dataset_due){cat_col_text(a, s, 0), cat_col_text(a, s, 1),
                                                  cat_col_text(a, s, 2)};
    return rc;
}

/* ---- writing ---- */

static const char *text_of(const struct json *answers, const char *field)
{
    return json_str(json_get(answers, field));
}

static int check_whole(const struct json *answers, struct err *e)
{
    const char *from = text_of(answers, "period_from"), *to = text_of(answers, "period_to");
    if (from && to && strcmp(from, to) > 0)
        return err_set(e, E_INVALID, "period_to", "give the first day and the last",
                       "the period ends on %s, before it begins on %s", to, from);
    if ((text_of(answers, "pia") == NULL) != (text_of(answers, "pia_expires") == NULL))
        return err_set(e, E_INVALID, text_of(answers, "pia") ? "pia_expires" : "pia",
                       "give both: the reference of the assessment and the last day on which it is valid",
                       "a privacy impact assessment has a reference and an expiry");
    return 0;
}

static struct cat_value level(const struct json *answers, const char *field)
{
    return V_I_OR(json_int(json_get(answers, field), 0), 0);
}

static int keep_columns(struct cat *db, int64_t dataset, const struct record_row *r, struct err *e)
{
    AUTO_JSON struct json *answers = json_parse(r->answers, strlen(r->answers), NULL, e);
    AUTO_BUF struct buf purposes = BUF_INIT(4096);
    if (!answers || check_whole(answers, e) < 0)
        return -1;
    const struct json *personal = json_get(answers, "personal"), *list = json_get(answers, "purposes");
    if (list)
        json_print(list, true, &purposes);
    return cat_do(db, &dataset_card_sql, CARD_SET, e, V_I(dataset), V_I(r->id), V_I(r->version),
                  personal ? V_I(json_bool(personal, true)) : V_NULL, V_T(text_of(answers, "pia")),
                  V_T(text_of(answers, "pia_expires")), V_T(list ? buf_cstr(&purposes) : NULL),
                  V_T(text_of(answers, "retention")), level(answers, "confidentiality"),
                  level(answers, "integrity"), level(answers, "availability"));
}

int cat_dataset_describe(struct cat *db, struct arena *a, const struct dataset_row *d,
                         const struct json *set, int64_t version, const char *reason,
                         const struct cat_actor *actor, int64_t at_us, struct record_row *out,
                         bool *changed, struct err *e)
{
    const struct record_change c = {
        .form = "dataset",
        .subject = d->name,
        .version = version,
        .set = set,
        .reason = reason,
        .action = "dataset.described",
        .actor = *actor,
        .at_us = at_us,
    };
    if (cat_record_change(db, a, &c, out, changed, e) < 0)
        return -1;
    return *changed ? keep_columns(db, d->dataset, out, e) : 0;
}
