/*
 * dataset.c - datasets and their versions. Each change of state has its audit entry in the same
 * transaction.
 *
 *     draft --> sealed --> retired    and, beside that, quarantined: found changed, not to be used
 */
#include "catalog/dataset.h"

#include "api/common/json.h"
#include "api/common/text.h"
#include "catalog/change.h"
#include "catalog/db.h"
#include "catalog/idem.h"
#include "catalog/search.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { DETAIL_MAX_BYTES = 16 << 10 };

enum {
    DATASET_FIND,
    DATASET_ADD,
    DATASET_LAST_VERSION,
    DATASET_ADD_VERSION,
    DATASET_ONE,
    DATASET_LATEST,
    DATASET_LATEST_SEALED,
    DATASET_BY_KEY,
    DATASET_LIST_QUARANTINED,
    DATASET_LIST_WAITING,
    DATASET_SEAL,
    DATASET_RETIRE,
    DATASET_QUARANTINE,
    DATASET_UNQUARANTINE,
    DATASET_SQL_COUNT
};

/* In the order in which row_from() takes them. */
#define SELECT                                                                                     \
    "SELECT v.id, d.name, v.version, v.title, v.description, v.classification, v.manifest,"        \
    " v.files, v.size_bytes, v.state, v.quarantine_us, v.quarantine_reason, v.actor_uid,"          \
    " v.actor_name, v.created_us, v.sealed_us, v.retired_us, v.retired_reason, d.id,"              \
    " d.keeper_uid, d.keeper_name, v.verified_us"                                                  \
    " FROM dataset d JOIN dataset_version v ON v.dataset = d.id "

static const struct sql_row rows[] = {
    [DATASET_FIND] = {.text = "SELECT id, keeper_uid, keeper_name FROM dataset WHERE name = ?"},
    [DATASET_ADD] = {.text = "INSERT INTO dataset (name, created_us, keeper_uid, keeper_name)"
                             " VALUES (?, ?, ?, ?)"},
    [DATASET_LAST_VERSION] = {.text = "SELECT coalesce(max(version), 0) FROM dataset_version"
                                      " WHERE dataset = ?"},
    [DATASET_ADD_VERSION] =
        {.text = "INSERT INTO dataset_version (dataset, version, title, description,"
                 " classification, manifest, files, size_bytes, state, actor_uid,"
                 " actor_name, created_us)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'draft', ?, ?, ?)"},
    [DATASET_ONE] = {.text = SELECT "WHERE d.name = ? AND v.version = ?"},
    [DATASET_LATEST] = {.text = SELECT "WHERE d.name = ? ORDER BY v.version DESC LIMIT 1"},
    [DATASET_LATEST_SEALED] = {.text = SELECT "WHERE d.name = ? AND v.state = 'sealed'"
                                              " ORDER BY v.version DESC LIMIT 1"},
    [DATASET_BY_KEY] = {.text = SELECT "WHERE v.id = ?"},
    [DATASET_LIST_QUARANTINED] = {.text = SELECT
                                  "WHERE v.quarantine_us IS NOT NULL AND v.state != 'retired'"
                                  " ORDER BY v.quarantine_us DESC LIMIT ?"},
    [DATASET_LIST_WAITING] = {.text = SELECT
                              "WHERE d.keeper_uid = ? AND d.keeper_name = ?"
                              " AND v.quarantine_us IS NOT NULL AND v.state != 'retired'"
                              " ORDER BY v.quarantine_us DESC LIMIT ?"},
    [DATASET_SEAL] =
        {.text = "UPDATE dataset_version SET state = 'sealed', sealed_us = ? WHERE id = ?"},
    [DATASET_RETIRE] =
        {.text = "UPDATE dataset_version SET state = 'retired', retired_us = ?, retired_reason = ?"
                 " WHERE id = ?"},
    [DATASET_QUARANTINE] =
        {.text = "UPDATE dataset_version SET quarantine_us = ?, quarantine_reason = ?"
                 " WHERE id = ?"},
    [DATASET_UNQUARANTINE] = {.text = "UPDATE dataset_version SET quarantine_us = NULL,"
                                      " quarantine_reason = NULL WHERE id = ?"},
};
static_assert(sizeof rows / sizeof rows[0] == DATASET_SQL_COUNT, "one statement a row");
const struct sql_table dataset_sql = {"dataset", rows, DATASET_SQL_COUNT, SQL_DATASET};

static const char *const state_names[DATASET_STATE_COUNT] = {
    [DATASET_DRAFT] = "draft",
    [DATASET_SEALED] = "sealed",
    [DATASET_RETIRED] = "retired",
};

static const bool next[DATASET_STATE_COUNT][DATASET_STATE_COUNT] = {
    [DATASET_DRAFT] = {[DATASET_SEALED] = true},
    [DATASET_SEALED] = {[DATASET_RETIRED] = true},
};

const char *dataset_state_name(enum dataset_state s)
{
    assert(s < DATASET_STATE_COUNT);
    return state_names[s];
}

bool dataset_is_classification(const char *text)
{
    static const char *const known[] = {"public", "interne", "confidentiel", "tres_confidentiel"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(text, known[i]) == 0)
            return true;
    return false;
}

int dataset_parse_ref(const char *ref, char name[65], int64_t *version, struct err *e)
{
    const char *at = strchr(ref, '@');
    size_t len = at ? (size_t)(at - ref) : strlen(ref);
    uint64_t number = 0;
    if (len > 0 && len <= 64) {
        memcpy(name, ref, len);
        name[len] = '\0';
        if (text_is_name(name) && (!at || text_u64(at + 1, 1, INT32_MAX, &number) == 0)) {
            *version = (int64_t)number;
            return 0;
        }
    }
    char shown[80];
    text_sanitize(ref, strnlen(ref, 64), shown, sizeof shown);
    return err_set(e, E_INVALID, "datasets", "write NAME@VERSION, such as sales@2, or NAME",
                   "\"%s\" is no dataset reference", shown);
}

/* ---- reading ---- */

static void row_from(struct arena *a, sqlite3_stmt *s, struct dataset_row *r)
{
    const char *state = (const char *)sqlite3_column_text(s, 9);
    *r = (struct dataset_row){
        .key = sqlite3_column_int64(s, 0),
        .name = cat_col_text(a, s, 1),
        .version = sqlite3_column_int64(s, 2),
        .title = cat_col_text(a, s, 3),
        .description = cat_col_text(a, s, 4),
        .classification = cat_col_text(a, s, 5),
        .manifest = cat_col_text(a, s, 6),
        .files = sqlite3_column_int64(s, 7),
        .size_bytes = (uint64_t)sqlite3_column_int64(s, 8),
        .quarantined = sqlite3_column_type(s, 10) != SQLITE_NULL,
        .quarantine_reason = cat_col_text(a, s, 11),
        .actor = {sqlite3_column_int64(s, 12), cat_col_text(a, s, 13)},
        .created_us = sqlite3_column_int64(s, 14),
        .sealed_us = cat_col_int(s, 15, 0),
        .retired_us = cat_col_int(s, 16, 0),
        .retired_reason = cat_col_text(a, s, 17),
        .dataset = sqlite3_column_int64(s, 18),
        .keeper = {sqlite3_column_int64(s, 19), cat_col_text(a, s, 20)},
        .verified_us = cat_col_int(s, 21, 0),
    };
    while (r->state < DATASET_STATE_COUNT && strcmp(state, state_names[r->state]) != 0)
        r->state++;
    assert(r->state < DATASET_STATE_COUNT); /* the table has a check on it */
    r->ref = arena_printf(a, "%s@%lld", r->name, (long long)r->version);
}

/* 1: found, 0: not, -1: failed */
static int one_from(struct cat *db, struct arena *a, sqlite3_stmt *s, struct dataset_row *out,
                    struct err *e)
{
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 1)
        row_from(a, s, out);
    return rc;
}

int cat_dataset_by_key(struct cat *db, struct arena *a, int64_t key, struct dataset_row *out,
                      struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &dataset_sql, DATASET_BY_KEY, e, V_I(key));
    int rc = one_from(db, a, s, out, e);
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "dataset", NULL, "there is no dataset version number %lld",
                       (long long)key);
    return rc < 0 ? -1 : 0;
}

int cat_dataset_get(struct cat *db, struct arena *a, const char *name, int64_t version,
                    struct dataset_row *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s =
        version ? cat_query(db, &dataset_sql, DATASET_ONE, e, V_T(name), V_I(version))
                : cat_query(db, &dataset_sql, DATASET_LATEST, e, V_T(name));
    int rc = one_from(db, a, s, out, e);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if (version)
        return err_set(e, E_NOT_FOUND, "dataset", "`enclos dataset list` shows what there is",
                       "there is no dataset %s@%lld", name, (long long)version);
    return err_set(e, E_NOT_FOUND, "dataset", "`enclos dataset list` shows what there is",
                   "there is no dataset %s", name);
}

static int latest_sealed(struct cat *db, struct arena *a, const char *name, struct dataset_row *out,
                         struct err *e)
{
    {
        AUTO_STMT sqlite3_stmt *s =
            cat_query(db, &dataset_sql, DATASET_LATEST_SEALED, e, V_T(name));
        int rc = one_from(db, a, s, out, e);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
    }
    if (cat_dataset_get(db, a, name, 0, out, e) < 0)
        return -1;
    return err_set(e, E_CONFLICT, "datasets", "seal a version first", "%s has no sealed version",
                   name);
}

int cat_dataset_resolve(struct cat *db, struct arena *a, const char *ref, struct dataset_row *out,
                        struct err *e)
{
    char name[65] = "";
    int64_t version = 0;
    if (dataset_parse_ref(ref, name, &version, e) < 0)
        return -1;
    int rc = version ? cat_dataset_get(db, a, name, version, out, e)
                     : latest_sealed(db, a, name, out, e);
    if (rc < 0)
        return -1;
    if (out->state != DATASET_SEALED)
        return err_set(e, E_CONFLICT, "datasets",
                       out->state == DATASET_DRAFT ? "seal it first: enclos dataset seal"
                                                   : "use a newer version",
                       "%s is %s, not sealed", out->ref, state_names[out->state]);
    if (out->quarantined)
        return err_set(e, E_CONFLICT, "datasets", "ask the dataset's custodian",
                       "%s is in quarantine: %s", out->ref, out->quarantine_reason);
    return 0;
}

int cat_dataset_quarantined(struct cat *db, struct arena *a, const struct cat_actor *keeper, size_t limit,
                            struct dataset_row **out, size_t *count, struct err *e)
{
    *out = arena_alloc(a, limit * sizeof **out);
    *count = 0;
    AUTO_STMT sqlite3_stmt *s =
        keeper ? cat_query(db, &dataset_sql, DATASET_LIST_WAITING, e, V_I(keeper->uid),
                           V_T(keeper->name), V_I(limit))
               : cat_query(db, &dataset_sql, DATASET_LIST_QUARANTINED, e, V_I(limit));
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1)
        row_from(a, s, &(*out)[(*count)++]);
    return rc;
}

/* ---- adding ---- */

/* The dataset of that name, made when there is none, and its next version. */
static int next_version(struct cat *db, const struct dataset_new *d, int64_t *dataset,
                        int64_t *version, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &dataset_sql, DATASET_FIND, e, V_T(d->name));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    *version = 1;
    if (rc == 0) {
        if (cat_do(db, &dataset_sql, DATASET_ADD, e, V_T(d->name), V_I(d->created_us),
                   V_I(d->actor.uid), V_T(d->actor.name)) < 0)
            return -1;
        *dataset = cat_last_id(db);
        return 0;
    }
    *dataset = sqlite3_column_int64(s, 0);
    const char *keeper = (const char *)sqlite3_column_text(s, 2);
    if (!d->as_admin && (sqlite3_column_int64(s, 1) != d->actor.uid || strcmp(keeper, d->actor.name) != 0))
        return err_set(e, E_DENIED, "name", "choose another name, or ask them to hand it over: enclos dataset hand-over",
                       "the dataset %s is kept by %.60s, who alone adds versions", d->name, keeper);
    AUTO_STMT sqlite3_stmt *last =
        cat_query(db, &dataset_sql, DATASET_LAST_VERSION, e, V_I(*dataset));
    if (!last || cat_step(db, last, e) < 0)
        return -1;
    *version = sqlite3_column_int64(last, 0) + 1;
    return 0;
}

int dataset_audit(struct cat *db, const struct dataset_row *d, const struct cat_actor *actor,
                  const char *action, const char *detail_json, int64_t at_us, struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_MAX_BYTES);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "manifest", d->manifest);
    jw_str_at(&w, "classification", d->classification);
    if (detail_json)
        buf_printf(&detail, ",%s", detail_json);
    jw_end_obj(&w);
    if (change_add(db, "dataset", d->ref, strchr(action, '.') + 1, at_us, e) < 0 ||
        search_dataset(db, d->name, e) < 0)
        return -1;
    return audit_append(db, actor, action, d->ref, buf_cstr(&detail), at_us, e);
}

static int audit_reason(struct cat *db, const struct dataset_row *d, const struct cat_actor *actor,
                        const char *action, const char *reason, int64_t at_us, struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_MAX_BYTES);
    struct jw w = jw_to(&detail);
    jw_str_at(&w, "reason", reason);
    return dataset_audit(db, d, actor, action, reason ? buf_cstr(&detail) : NULL, at_us, e);
}

static int check_new(const struct dataset_new *d, struct err *e)
{
    if (!text_is_name(d->name))
        return err_set(e, E_INVALID, "name", "letters, digits, '_', '.' and '-', 64 at most",
                       "this is no name for a dataset");
    if (!dataset_is_classification(d->classification))
        return err_set(e, E_INVALID, "classification",
                       "public, interne, confidentiel or tres_confidentiel",
                       "there is no such classification");
    if (!text_is_sha256(d->manifest))
        return err_set(e, E_INVALID, "manifest", NULL, "the manifest's id is no SHA-256");
    return 0;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The latest version, when it is a draft that is all that is asked for. */
static int find_draft(struct cat *db, struct arena *a, const struct dataset_new *d,
                      struct dataset_row *out, bool *found, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &dataset_sql, DATASET_LATEST, e, V_T(d->name));
    int rc = one_from(db, a, s, out, e);
    *found = rc == 1 && out->state == DATASET_DRAFT && !out->quarantined &&
             out->actor.uid == d->actor.uid && same_text(out->manifest, d->manifest) &&
             same_text(out->classification, d->classification) && same_text(out->title, d->title) &&
             same_text(out->description, d->description);
    return rc < 0 ? -1 : 0;
}

static int add_version(struct cat *db, struct arena *a, const struct dataset_new *d,
                       struct dataset_row *out, struct err *e)
{
    int64_t dataset = 0;
    int64_t version = 0;
    if (next_version(db, d, &dataset, &version, e) < 0 ||
        cat_do(db, &dataset_sql, DATASET_ADD_VERSION, e, V_I(dataset), V_I(version), V_T(d->title),
               V_T(d->description), V_T(d->classification), V_T(d->manifest), V_I(d->files),
               V_I(d->size_bytes), V_I(d->actor.uid), V_T(d->actor.name), V_I(d->created_us)) < 0 ||
        cat_dataset_by_key(db, a, cat_last_id(db), out, e) < 0)
        return -1;
    return audit_reason(db, out, &d->actor, "dataset.added", NULL, d->created_us, e);
}

int cat_dataset_add(struct cat *db, struct arena *a, const struct dataset_new *d,
                    struct dataset_row *out, bool *existed, struct err *e)
{
    const char *earlier = NULL;
    *existed = false;
    if (check_new(d, e) < 0 ||
        (d->idempotency_key && idem_find(db, a, d->actor.uid, d->idempotency_key, "dataset.add",
                                         d->request_sha256, &earlier, e) < 0))
        return -1;
    if (earlier) {
        char name[65] = "";
        int64_t version = 0;
        *existed = true;
        if (dataset_parse_ref(earlier, name, &version, e) < 0)
            return -1;
        return cat_dataset_get(db, a, name, version, out, e);
    }
    if (find_draft(db, a, d, out, existed, e) < 0 ||
        (!*existed && add_version(db, a, d, out, e) < 0))
        return err_context(e, "adding dataset %s", d->name);
    if (!d->idempotency_key)
        return 0;
    return idem_keep(db, d->actor.uid, d->idempotency_key, "dataset.add", d->request_sha256,
                     out->ref, d->created_us, e);
}

/* ---- states ---- */

static int move(struct cat *db, struct arena *a, int64_t key, enum dataset_state to,
                const struct cat_actor *actor, const char *reason, int64_t at_us, struct err *e)
{
    struct dataset_row d = {0};
    if (cat_dataset_by_key(db, a, key, &d, e) < 0)
        return -1;
    if (to == DATASET_SEALED && d.state == DATASET_SEALED)
        return 0;
    if (!next[d.state][to])
        return err_set(e, E_CONFLICT, "state", NULL, "%s is %s, it cannot become %s", d.ref,
                       state_names[d.state], state_names[to]);
    if (to == DATASET_SEALED && d.quarantined)
        return err_set(e, E_CONFLICT, "state", "ask the dataset's custodian",
                       "%s is in quarantine: %s", d.ref, d.quarantine_reason);
    int rc = to == DATASET_SEALED
                 ? cat_do(db, &dataset_sql, DATASET_SEAL, e, V_I(at_us), V_I(key))
                 : cat_do(db, &dataset_sql, DATASET_RETIRE, e, V_I(at_us), V_T(reason), V_I(key));
    if (rc < 0)
        return -1;
    return audit_reason(db, &d, actor, to == DATASET_SEALED ? "dataset.sealed" : "dataset.retired",
                        reason, at_us, e);
}

static int move_with_arena(struct cat *db, int64_t key, enum dataset_state to,
                           const struct cat_actor *actor, const char *reason, int64_t at_us, struct err *e)
{
    struct arena *a = arena_new();
    int rc = move(db, a, key, to, actor, reason, at_us, e);
    arena_free(a);
    return rc;
}

int cat_dataset_seal(struct cat *db, int64_t key, const struct cat_actor *actor, int64_t at_us,
                     struct err *e)
{
    return move_with_arena(db, key, DATASET_SEALED, actor, NULL, at_us, e);
}

int cat_dataset_retire(struct cat *db, int64_t key, const struct cat_actor *actor, const char *reason,
                       int64_t at_us, struct err *e)
{
    return move_with_arena(db, key, DATASET_RETIRED, actor, reason, at_us, e);
}

static int set_quarantine(struct cat *db, struct arena *a, int64_t key, const char *reason, int64_t at_us,
                          struct err *e)
{
    struct dataset_row d = {0};
    if (cat_dataset_by_key(db, a, key, &d, e) < 0)
        return -1;
    if (d.quarantined)
        return 0;
    if (cat_do(db, &dataset_sql, DATASET_QUARANTINE, e, V_I(at_us), V_T(reason), V_I(key)) < 0)
        return -1;
    return audit_reason(db, &d, &CAT_ACTOR_LAB, "dataset.quarantined", reason, at_us, e);
}

int cat_dataset_quarantine(struct cat *db, int64_t key, const char *reason, int64_t at_us,
                           struct err *e)
{
    struct arena *a = arena_new();
    int rc = set_quarantine(db, a, key, reason, at_us, e);
    arena_free(a);
    return rc;
}

static int lift_quarantine(struct cat *db, struct arena *a, int64_t key, const struct cat_actor *actor,
                           const char *reason, int64_t at_us, struct err *e)
{
    struct dataset_row d = {0};
    if (cat_dataset_by_key(db, a, key, &d, e) < 0)
        return -1;
    if (!d.quarantined)
        return err_set(e, E_CONFLICT, "version", NULL, "%s is in no quarantine", d.ref);
    if (cat_do(db, &dataset_sql, DATASET_UNQUARANTINE, e, V_I(key)) < 0)
        return -1;
    return audit_reason(db, &d, actor, "dataset.unquarantined", reason, at_us, e);
}

int cat_dataset_unquarantine(struct cat *db, int64_t key, const struct cat_actor *actor, const char *reason,
                             int64_t at_us, struct err *e)
{
    struct arena *a = arena_new();
    int rc = lift_quarantine(db, a, key, actor, reason, at_us, e);
    arena_free(a);
    return rc;
}
