/*
 * dataset_grant.c - grants; see dataset_grant.h. Each change has its audit entry, about the dataset.
 */
#include "catalog/dataset_grant.h"

#include "api/common/json.h"
#include "api/common/purpose.h"
#include "catalog/db.h"
#include "catalog/dataset_card.h"
#include "catalog/people.h"
#include <assert.h>
#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)

enum {
    GRANT_ADD,
    GRANT_REVOKE,
    GRANT_GET,
    GRANT_OF_DATASET,
    GRANT_OF_PROJECT,
    GRANT_OF_BOTH,
    GRANT_FOR,
    GRANT_SQL_COUNT
};

/* In the order in which grant_from() takes them. */
#define SELECT                                                                                     \
    "SELECT g.id, d.name, p.code, g.purpose, g.expires_us, g.reason, g.granted_us, g.granted_uid," \
    " g.granted_by, g.revoked_us, g.revoked_by, g.revoked_reason,"                                 \
    " (SELECT count(*) FROM run_dataset r WHERE r.grant_id = g.id)"                                \
    " FROM dataset_grant g JOIN dataset d ON d.id = g.dataset JOIN project p ON p.id = g.project "
#define PAGE " AND g.id < ? ORDER BY g.id DESC LIMIT ?"

static const struct sql_row rows[] = {
    [GRANT_ADD] = {.text = "INSERT INTO dataset_grant (dataset, project, purpose, expires_us, reason,"
                           " granted_us, granted_uid, granted_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"},
    [GRANT_REVOKE] = {.text = "UPDATE dataset_grant SET revoked_us = ?, revoked_uid = ?, revoked_by = ?,"
                              " revoked_reason = ? WHERE id = ?"},
    [GRANT_GET] = {.text = SELECT "WHERE g.id = ?"},
    [GRANT_OF_DATASET] = {.text = SELECT "WHERE d.name = ?" PAGE},
    [GRANT_OF_PROJECT] = {.text = SELECT "WHERE p.code = ?" PAGE},
    [GRANT_OF_BOTH] = {.text = SELECT "WHERE d.name = ? AND p.code = ?" PAGE},
    [GRANT_FOR] = {.text = SELECT "WHERE g.dataset = ?1 AND g.project = ?2"
                                  " ORDER BY (g.purpose = ?3 AND g.revoked_us IS NULL AND g.expires_us > ?4) DESC,"
                                  " g.purpose = ?3 DESC, coalesce(g.revoked_us, g.expires_us) DESC LIMIT 1"},
};
static_assert(sizeof rows / sizeof rows[0] == GRANT_SQL_COUNT, "one statement a row");
const struct sql_table dataset_grant_sql = {"dataset_grant", rows, GRANT_SQL_COUNT, SQL_DATASET_GRANT};

/* ---- reading ---- */

static void grant_from(struct arena *a, sqlite3_stmt *s, struct dataset_grant *g)
{
    *g = (struct dataset_grant){
        .id = sqlite3_column_int64(s, 0),
        .dataset = cat_col_text(a, s, 1),
        .project = cat_col_text(a, s, 2),
        .purpose = cat_col_text(a, s, 3),
        .expires_us = sqlite3_column_int64(s, 4),
        .reason = cat_col_text(a, s, 5),
        .granted_us = sqlite3_column_int64(s, 6),
        .by = {sqlite3_column_int64(s, 7), cat_col_text(a, s, 8)},
        .revoked_us = cat_col_int(s, 9, 0),
        .revoked_by = cat_col_text(a, s, 10),
        .revoked_reason = cat_col_text(a, s, 11),
        .runs = sqlite3_column_int64(s, 12),
    };
}

bool dataset_grant_in_force(const struct dataset_grant *g, int64_t now_us)
{
    return g->revoked_us == 0 && g->expires_us > now_us;
}

int cat_dataset_grant_get(struct cat *db, struct arena *a, int64_t id, struct dataset_grant *out,
                          struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &dataset_grant_sql, GRANT_GET, e, V_I(id));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "grant", "`enclos dataset grants` lists them",
                       "there is no grant number %lld", (long long)id);
    grant_from(a, s, out);
    return 0;
}

int cat_dataset_grant_list(struct cat *db, struct arena *a, const struct dataset_grant_list *l,
                           struct dataset_grant **out, size_t *count, struct err *e)
{
    const struct cat_value before = V_I(l->before ? l->before : INT64_MAX), limit = V_I(l->limit);
    if (l->limit < 1 || l->limit > DATASET_GRANT_LIST_MAX || (!l->dataset && !l->project))
        return err_set(e, E_INVALID, l->dataset || l->project ? "limit" : "name",
                       "name a dataset, a project, or both", "grants of what?");
    *out = arena_alloc(a, l->limit * sizeof **out);
    *count = 0;
    AUTO_STMT sqlite3_stmt *s =
        l->dataset && l->project
            ? cat_query(db, &dataset_grant_sql, GRANT_OF_BOTH, e, V_T(l->dataset), V_T(l->project), before, limit)
        : l->dataset ? cat_query(db, &dataset_grant_sql, GRANT_OF_DATASET, e, V_T(l->dataset), before, limit)
                     : cat_query(db, &dataset_grant_sql, GRANT_OF_PROJECT, e, V_T(l->project), before, limit);
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1)
        grant_from(a, s, &(*out)[(*count)++]);
    return rc;
}

int cat_dataset_grant_for(struct cat *db, struct arena *a, int64_t dataset, int64_t project,
                          const char *purpose, int64_t now_us, struct dataset_grant *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &dataset_grant_sql, GRANT_FOR, e, V_I(dataset), V_I(project),
                                          V_T(purpose), V_I(now_us));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 1)
        grant_from(a, s, out);
    return rc;
}

/* ---- giving and taking back ---- */

static int audit(struct cat *db, struct arena *a, const struct dataset_grant *g,
                 const struct cat_actor *actor, const char *action, const char *reason, int64_t at_us,
                 struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(8192);
    struct jw w = jw_to(&detail);
    struct dataset_row d;
    if (cat_dataset_get(db, a, g->dataset, 0, &d, e) < 0)
        return -1;
    jw_int_at(&w, "grant", g->id);
    jw_str_at(&w, "project", g->project);
    jw_str_at(&w, "purpose", g->purpose);
    jw_int_at(&w, "expires_us", g->expires_us);
    jw_str_at(&w, "reason", reason);
    return dataset_audit(db, &d, actor, action, buf_cstr(&detail), at_us, e);
}

static int check_expiry(const struct dataset_grant_ask *ask, struct err *e)
{
    if (!purpose_find(ask->purpose))
        return err_set(e, E_INVALID, "purpose", NULL, "there is no purpose %.60s", ask->purpose);
    if (ask->expires_us <= ask->now_us)
        return err_set(e, E_INVALID, "expires_us", "give a day to come",
                       "the grant would have expired before it was given");
    if (ask->expires_us - ask->now_us > DATASET_GRANT_DAYS_MAX * DAY_US)
        return err_set(e, E_INVALID, "expires_us", "give a nearer day, and grant it again then",
                       "a grant is for %d days at most", DATASET_GRANT_DAYS_MAX);
    return 0;
}

/* A grant that no run could use would only look like one. */
static int check_card(struct cat *db, struct arena *a, const struct dataset_grant_ask *ask, struct err *e)
{
    const struct dataset_row *d = ask->dataset;
    struct dataset_card card;
    char today[DAY_SIZE];
    day_of(ask->now_us, today);
    if (cat_dataset_card(db, a, d->dataset, &card, e) < 0)
        return -1;
    if (card.personal == CARD_NOT_SAID)
        return err_set(e, E_CONFLICT, "personal", "say so first: enclos dataset describe NAME --personal true|false",
                       "the card of %s does not say whether it holds personal information", d->name);
    if (card.personal == CARD_YES && !card.pia)
        return err_set(e, E_CONFLICT, "pia", "give it first: enclos dataset describe NAME --pia REF --pia-expires DAY",
                       "%s holds personal information, and its card names no privacy impact assessment",
                       d->name);
    if (card.personal == CARD_YES && strcmp(card.pia_expires, today) < 0)
        return err_set(e, E_CONFLICT, "pia_expires", "have it renewed, then change the card",
                       "the privacy impact assessment of %s, %.60s, was valid until %s", d->name, card.pia,
                       card.pia_expires);
    if (!dataset_card_permits(&card, ask->purpose))
        return err_set(e, E_CONFLICT, "purpose", "grant one that its card permits, or change the card",
                       "the card of %s does not permit the purpose %s", d->name, ask->purpose);
    return 0;
}

static int take_back(struct cat *db, struct arena *a, const struct dataset_grant *g,
                     const struct cat_actor *actor, const char *reason, int64_t at_us, struct err *e)
{
    if (cat_do(db, &dataset_grant_sql, GRANT_REVOKE, e, V_I(at_us), V_I(actor->uid), V_T(actor->name),
               V_T(reason), V_I(g->id)) < 0)
        return -1;
    return audit(db, a, g, actor, "dataset.revoked", reason, at_us, e);
}

int cat_dataset_grant_add(struct cat *db, struct arena *a, const struct dataset_grant_ask *ask,
                          struct dataset_grant *out, bool *existed, struct err *e)
{
    int64_t project = 0;
    *existed = false;
    if (check_expiry(ask, e) < 0 || cat_project_find(db, ask->project, &project, e) < 0 ||
        check_card(db, a, ask, e) < 0)
        return -1;
    int rc = cat_dataset_grant_for(db, a, ask->dataset->dataset, project, ask->purpose, ask->now_us, out, e);
    if (rc < 0)
        return -1;
    if (rc == 1 && dataset_grant_in_force(out, ask->now_us) && strcmp(out->purpose, ask->purpose) == 0) {
        *existed = out->expires_us == ask->expires_us;
        if (*existed)
            return 0;
        if (take_back(db, a, out, &ask->actor, "replaced", ask->now_us, e) < 0)
            return -1;
    }
    if (cat_do(db, &dataset_grant_sql, GRANT_ADD, e, V_I(ask->dataset->dataset), V_I(project),
               V_T(ask->purpose), V_I(ask->expires_us), V_T(ask->reason), V_I(ask->now_us),
               V_I(ask->actor.uid), V_T(ask->actor.name)) < 0 ||
        cat_dataset_grant_get(db, a, cat_last_id(db), out, e) < 0)
        return -1;
    return audit(db, a, out, &ask->actor, "dataset.granted", ask->reason, ask->now_us, e);
}

int cat_dataset_grant_revoke(struct cat *db, struct arena *a, int64_t id, const struct cat_actor *actor,
                             const char *reason, int64_t at_us, struct dataset_grant *out, struct err *e)
{
    if (cat_dataset_grant_get(db, a, id, out, e) < 0)
        return -1;
    if (out->revoked_us)
        return err_set(e, E_CONFLICT, "grant", NULL, "the grant %lld was revoked already, by %.60s",
                       (long long)id, out->revoked_by);
    if (take_back(db, a, out, actor, reason, at_us, e) < 0)
        return -1;
    return cat_dataset_grant_get(db, a, id, out, e);
}
