/*
 * hold.c - holds, each in one transaction with its audit entry and its row in the feed of changes.
 */
#include "catalog/hold.h"

#include "api/common/json.h"
#include "catalog/change.h"
#include "catalog/dataset.h"
#include "catalog/db.h"
#include "catalog/environment.h"
#include "catalog/run.h"
#include <assert.h>
#include <string.h>

enum { DETAIL_BYTES = 8 << 10 };

enum { HOLD_GET, HOLD_ADD, HOLD_REMOVE, HOLD_LIST, HOLD_RUN_SEQ, HOLD_RELEASED, HOLD_SQL_COUNT };

#define COLUMNS "noun, id, subject, reason, actor_uid, actor_name, created_us"

static const struct sql_row rows[] = {
    [HOLD_GET] = {.text = "SELECT " COLUMNS " FROM hold WHERE noun = ? AND id = ?"},
    [HOLD_ADD] = {.text = "INSERT INTO hold (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)"},
    [HOLD_REMOVE] = {.text = "DELETE FROM hold WHERE noun = ? AND id = ?"},
    [HOLD_LIST] = {.text = "SELECT " COLUMNS
                           " FROM hold WHERE (noun, id) > (?, ?) ORDER BY noun, id LIMIT ?"},
    [HOLD_RUN_SEQ] = {.text = "SELECT seq FROM run WHERE id = ?"},
    [HOLD_RELEASED] = {.text = "SELECT released_us FROM released WHERE noun = ? AND id = ?"},
};
static_assert(sizeof rows / sizeof rows[0] == HOLD_SQL_COUNT, "one statement a row");
const struct sql_table hold_sql = {"hold", rows, HOLD_SQL_COUNT, SQL_HOLD};

/* As in the tables and in the API; what the feed of changes calls it. */
static const struct {
    const char *name, *feed;
} nouns[HOLD_NOUN_COUNT] = {
    [HOLD_RUN] = {"run", "run"},
    [HOLD_DATASET] = {"dataset", "dataset"},
    [HOLD_ENVIRONMENT] = {"environment", "env"},
};

const char *hold_noun_name(enum hold_noun n)
{
    return nouns[n].name;
}

int hold_noun_of(const char *name)
{
    for (int n = 0; n < HOLD_NOUN_COUNT; n++)
        if (strcmp(nouns[n].name, name) == 0)
            return n;
    return -1;
}

static struct hold hold_from(struct arena *a, sqlite3_stmt *s)
{
    int noun = hold_noun_of((const char *)sqlite3_column_text(s, 0));
    assert(noun >= 0); /* the table has a check on it */
    return (struct hold){
        .noun = (enum hold_noun)noun,
        .id = sqlite3_column_int64(s, 1),
        .subject = cat_col_text(a, s, 2),
        .reason = cat_col_text(a, s, 3),
        .actor = {sqlite3_column_int64(s, 4), cat_col_text(a, s, 5)},
        .created_us = sqlite3_column_int64(s, 6),
    };
}

/* 1: it is on hold, 0: it is not. */
static int hold_find(struct cat *db, struct arena *a, enum hold_noun noun, int64_t id,
                     struct hold *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &hold_sql, HOLD_GET, e, V_T(nouns[noun].name), V_I(id));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 1)
        *out = hold_from(a, s);
    return rc;
}

/* ---- what a subject is ---- */

static int find_run(struct cat *db, struct arena *a, const struct standing *by,
                    const char *subject, struct hold *h, struct err *e)
{
    char id[TEXT_ID_SIZE];
    if (cat_run_find(db, by, subject, id, e) < 0)
        return -1;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &hold_sql, HOLD_RUN_SEQ, e, V_T(id));
    if (!s || cat_step(db, s, e) != 1)
        return -1;
    h->id = sqlite3_column_int64(s, 0);
    h->subject = arena_strdup(a, id);
    return 0;
}

static int find_version(struct cat *db, struct arena *a, const char *subject, struct hold *h,
                        struct err *e)
{
    char name[65];
    int64_t version = 0;
    if (dataset_parse_ref(subject, name, &version, e) < 0)
        return -1;
    if (version == 0)
        return err_set(e, E_INVALID, "subject", "name the version: NAME@VERSION",
                       "%s names no version", name);
    if (h->noun == HOLD_DATASET) {
        struct dataset_row d;
        if (cat_dataset_get(db, a, name, version, &d, e) < 0)
            return -1;
        h->id = d.key;
        h->subject = d.ref;
    } else {
        struct env_row v;
        if (cat_env_get(db, a, name, version, &v, e) < 0)
            return -1;
        h->id = v.key;
        h->subject = v.ref;
    }
    return 0;
}

static int find(struct cat *db, struct arena *a, const struct standing *by, enum hold_noun noun,
                const char *subject, struct hold *h, struct err *e)
{
    h->noun = noun;
    return noun == HOLD_RUN ? find_run(db, a, by, subject, h, e) : find_version(db, a, subject, h, e);
}

static int tell(struct cat *db, const struct hold *h, const struct cat_actor *actor,
                const char *action, const char *verb, const char *reason, int64_t at_us,
                struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_BYTES);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "noun", nouns[h->noun].name);
    jw_str_at(&w, "reason", reason);
    jw_end_obj(&w);
    if (audit_append(db, actor, action, h->subject, buf_cstr(&detail), at_us, e) < 0)
        return -1;
    return change_add(db, nouns[h->noun].feed, h->subject, verb, at_us, e);
}

/* ---- holds ---- */

int cat_released_us(struct cat *db, enum hold_noun noun, int64_t id, int64_t *at_us, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &hold_sql, HOLD_RELEASED, e, V_T(nouns[noun].name), V_I(id));
    int rc = s ? cat_step(db, s, e) : -1;
    *at_us = rc == 1 ? sqlite3_column_int64(s, 0) : 0;
    return rc < 0 ? -1 : 0;
}

int cat_hold_add(struct cat *db, struct arena *a, enum hold_noun noun, const char *subject,
                 const char *reason, const struct standing *by, int64_t at_us,
                 struct hold *out, bool *existed, struct err *e)
{
    const struct cat_actor *actor = &by->actor;
    struct hold h = {.reason = reason, .actor = *actor, .created_us = at_us};
    int64_t released_us = 0;
    *existed = false;
    if (find(db, a, by, noun, subject, &h, e) < 0)
        return -1;
    int rc = hold_find(db, a, noun, h.id, out, e);
    if (rc < 0)
        return -1;
    *existed = rc == 1 && out->actor.uid == actor->uid && strcmp(out->reason, reason) == 0;
    if (*existed)
        return 0;
    if (rc == 1)
        return err_set(e, E_CONFLICT, "subject", "one hold is enough; lift it first to give another reason",
                       "%s is on hold already, by %s: %.200s", h.subject, out->actor.name,
                       out->reason);
    if (cat_released_us(db, noun, h.id, &released_us, e) < 0)
        return -1;
    if (released_us)
        return err_set(e, E_CONFLICT, "subject", "a backup from before may have it",
                       "the content of %s was released already and may be gone", h.subject);
    if (cat_do(db, &hold_sql, HOLD_ADD, e, V_T(nouns[noun].name), V_I(h.id), V_T(h.subject),
               V_T(reason), V_I(actor->uid), V_T(actor->name), V_I(at_us)) < 0)
        return -1;
    *out = h;
    return tell(db, &h, actor, "hold.added", "held", reason, at_us, e);
}

int cat_hold_lift(struct cat *db, struct arena *a, enum hold_noun noun, const char *subject,
                  const char *reason, const struct standing *by, int64_t at_us, struct hold *out,
                  struct err *e)
{
    struct hold h = {0};
    if (find(db, a, by, noun, subject, &h, e) < 0)
        return -1;
    int rc = hold_find(db, a, noun, h.id, out, e);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "subject", "`enclos hold list` lists them",
                       "%s is not on hold", h.subject);
    if (!standing_is(by, &out->actor) && !standing_may(by, ROLE(ROLE_CURATOR), 0))
        return err_set(e, E_DENIED, "subject", "ask them, or a curator or an admin of the lab",
                       "the hold on %s is %s's: you may not lift it", h.subject, out->actor.name);
    if (cat_do(db, &hold_sql, HOLD_REMOVE, e, V_T(nouns[noun].name), V_I(h.id)) < 0)
        return -1;
    return tell(db, &h, &by->actor, "hold.lifted", "hold_lifted", reason, at_us, e);
}

int cat_hold_list(struct cat *db, struct arena *a, const struct hold *after, size_t limit,
                  struct hold **out, size_t *count, struct err *e)
{
    assert(limit >= 1 && limit <= HOLD_LIST_MAX);
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &hold_sql, HOLD_LIST, e, V_T(after ? nouns[after->noun].name : ""),
                  V_I(after ? after->id : 0), V_I(limit));
    int rc = -1;
    *out = arena_alloc(a, limit * sizeof **out);
    *count = 0;
    while (s && (rc = cat_step(db, s, e)) == 1)
        (*out)[(*count)++] = hold_from(a, s);
    return rc;
}
