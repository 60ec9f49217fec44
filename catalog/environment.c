/*
 * environment.c - environments and their versions. Each change of state has its audit entry in the
 * same transaction.
 *
 *     sealed --> retired    and, beside that, quarantined: found changed, not to be used
 */
#include "catalog/environment.h"

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
    ENV_FIND,
    ENV_ADD,
    ENV_LAST_VERSION,
    ENV_ADD_VERSION,
    ENV_ONE,
    ENV_LATEST,
    ENV_LATEST_SEALED,
    ENV_BY_KEY,
    ENV_LIST_QUARANTINED,
    ENV_USERS,
    ENV_RETIRE,
    ENV_QUARANTINE,
    ENV_SQL_COUNT
};

/* In the order in which row_from() takes them. */
#define SELECT                                                                                     \
    "SELECT v.id, n.name, v.version, v.title, v.source, v.source_digest, v.manifest, v.entries,"   \
    " v.size_bytes, v.state, v.quarantine_us, v.quarantine_reason, v.actor_uid, v.actor_name,"     \
    " v.created_us, v.retired_us"                                                                  \
    " FROM environment n JOIN environment_version v ON v.environment = n.id "

static const struct sql_row rows[] = {
    [ENV_FIND] = {.text = "SELECT id FROM environment WHERE name = ?"},
    [ENV_ADD] = {.text = "INSERT INTO environment (name, created_us) VALUES (?, ?)"},
    [ENV_LAST_VERSION] = {.text = "SELECT coalesce(max(version), 0) FROM environment_version"
                                  " WHERE environment = ?"},
    [ENV_ADD_VERSION] =
        {.text = "INSERT INTO environment_version (environment, version, title, source,"
                 " source_digest, manifest, entries, size_bytes, state, actor_uid, actor_name,"
                 " created_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'sealed', ?, ?, ?)"},
    [ENV_ONE] = {.text = SELECT "WHERE n.name = ? AND v.version = ?"},
    [ENV_LATEST] = {.text = SELECT "WHERE n.name = ? ORDER BY v.version DESC LIMIT 1"},
    [ENV_LATEST_SEALED] = {.text = SELECT "WHERE n.name = ? AND v.state = 'sealed'"
                                          " ORDER BY v.version DESC LIMIT 1"},
    [ENV_BY_KEY] = {.text = SELECT "WHERE v.id = ?"},
    [ENV_LIST_QUARANTINED] = {.text = SELECT
                              "WHERE v.quarantine_us IS NOT NULL AND v.state != 'retired'"
                              " ORDER BY v.quarantine_us DESC LIMIT ?"},
    [ENV_USERS] = {.text = "SELECT count(*), min(id) FROM run WHERE environment = ?"
                           " AND state IN ('queued', 'starting', 'running')"},
    [ENV_RETIRE] =
        {.text = "UPDATE environment_version SET state = 'retired', retired_us = ? WHERE id = ?"},
    [ENV_QUARANTINE] =
        {.text = "UPDATE environment_version SET quarantine_us = ?, quarantine_reason = ?"
                 " WHERE id = ?"},
};
static_assert(sizeof rows / sizeof rows[0] == ENV_SQL_COUNT, "one statement a row");
const struct sql_table environment_sql = {"environment", rows, ENV_SQL_COUNT, SQL_ENVIRONMENT};

static const char *const state_names[ENV_STATE_COUNT] = {
    [ENV_SEALED] = "sealed",
    [ENV_RETIRED] = "retired",
};

const char *env_state_name(enum env_state s)
{
    assert(s < ENV_STATE_COUNT);
    return state_names[s];
}

bool env_is_source(const char *text)
{
    return strcmp(text, "folder") == 0 || strcmp(text, "tar") == 0 || strcmp(text, "oci") == 0;
}

int env_parse_ref(const char *ref, char name[65], int64_t *version, struct err *e)
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
    return err_set(e, E_INVALID, "environment", "write NAME@VERSION, such as debian@2, or NAME",
                   "\"%s\" is no environment reference", shown);
}

/* ---- reading ---- */

static void row_from(struct arena *a, sqlite3_stmt *s, struct env_row *r)
{
    const char *state = (const char *)sqlite3_column_text(s, 9);
    *r = (struct env_row){
        .key = sqlite3_column_int64(s, 0),
        .name = cat_col_text(a, s, 1),
        .version = sqlite3_column_int64(s, 2),
        .title = cat_col_text(a, s, 3),
        .source = cat_col_text(a, s, 4),
        .source_digest = cat_col_text(a, s, 5),
        .manifest = cat_col_text(a, s, 6),
        .entries = sqlite3_column_int64(s, 7),
        .size_bytes = (uint64_t)sqlite3_column_int64(s, 8),
        .quarantined = sqlite3_column_type(s, 10) != SQLITE_NULL,
        .quarantine_reason = cat_col_text(a, s, 11),
        .actor = {sqlite3_column_int64(s, 12), cat_col_text(a, s, 13)},
        .created_us = sqlite3_column_int64(s, 14),
        .retired_us = cat_col_int(s, 15, 0),
    };
    while (r->state < ENV_STATE_COUNT && strcmp(state, state_names[r->state]) != 0)
        r->state++;
    assert(r->state < ENV_STATE_COUNT); /* the table has a check on it */
    r->ref = arena_printf(a, "%s@%lld", r->name, (long long)r->version);
}

/* 1: found, 0: not, -1: failed */
static int one_from(struct cat *db, struct arena *a, sqlite3_stmt *s, struct env_row *out,
                    struct err *e)
{
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 1)
        row_from(a, s, out);
    return rc;
}

int cat_env_by_key(struct cat *db, struct arena *a, int64_t key, struct env_row *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &environment_sql, ENV_BY_KEY, e, V_I(key));
    int rc = one_from(db, a, s, out, e);
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "environment", NULL,
                       "there is no environment version number %lld", (long long)key);
    return rc < 0 ? -1 : 0;
}

int cat_env_get(struct cat *db, struct arena *a, const char *name, int64_t version,
                struct env_row *out, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s =
        version ? cat_query(db, &environment_sql, ENV_ONE, e, V_T(name), V_I(version))
                : cat_query(db, &environment_sql, ENV_LATEST, e, V_T(name));
    int rc = one_from(db, a, s, out, e);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    if (version)
        return err_set(e, E_NOT_FOUND, "environment", "`enclos env list` shows what there is",
                       "there is no environment %s@%lld", name, (long long)version);
    return err_set(e, E_NOT_FOUND, "environment", "`enclos env list` shows what there is",
                   "there is no environment %s", name);
}

int cat_env_resolve(struct cat *db, struct arena *a, const char *ref, struct env_row *out,
                    struct err *e)
{
    char name[65] = "";
    int64_t version = 0;
    int rc = 0;
    if (env_parse_ref(ref, name, &version, e) < 0)
        return -1;
    if (version == 0) {
        AUTO_STMT sqlite3_stmt *s =
            cat_query(db, &environment_sql, ENV_LATEST_SEALED, e, V_T(name));
        rc = one_from(db, a, s, out, e);
    }
    if (rc == 0)
        rc = cat_env_get(db, a, name, version, out, e);
    if (rc < 0)
        return -1;
    if (out->state != ENV_SEALED)
        return err_set(e, E_CONFLICT, "environment", "use a newer version",
                       "the environment %s is retired", out->ref);
    if (out->quarantined)
        return err_set(e, E_CONFLICT, "environment", "import it again, and use the new version",
                       "the environment %s is in quarantine: %s", out->ref, out->quarantine_reason);
    return 0;
}

int cat_env_quarantined(struct cat *db, struct arena *a, size_t limit, struct env_row **out,
                        size_t *count, struct err *e)
{
    *out = arena_alloc(a, limit * sizeof **out);
    *count = 0;
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &environment_sql, ENV_LIST_QUARANTINED, e, V_I(limit));
    int rc = -1;
    while (s && (rc = cat_step(db, s, e)) == 1)
        row_from(a, s, &(*out)[(*count)++]);
    return rc;
}

/* ---- adding ---- */

/* The environment of that name, made when there is none, and its next version. */
static int next_version(struct cat *db, const struct env_new *n, int64_t *environment,
                        int64_t *version, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &environment_sql, ENV_FIND, e, V_T(n->name));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    *version = 1;
    if (rc == 0) {
        if (cat_do(db, &environment_sql, ENV_ADD, e, V_T(n->name), V_I(n->created_us)) < 0)
            return -1;
        *environment = cat_last_id(db);
        return 0;
    }
    *environment = sqlite3_column_int64(s, 0);
    AUTO_STMT sqlite3_stmt *last =
        cat_query(db, &environment_sql, ENV_LAST_VERSION, e, V_I(*environment));
    if (!last || cat_step(db, last, e) < 0)
        return -1;
    *version = sqlite3_column_int64(last, 0) + 1;
    return 0;
}

static int audit_env(struct cat *db, const struct env_row *v, const struct cat_actor *actor,
                     const char *action, const char *reason, int64_t at_us, struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_MAX_BYTES);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "manifest", v->manifest);
    jw_str_at(&w, "source", v->source);
    if (v->source_digest)
        jw_str_at(&w, "source_digest", v->source_digest);
    if (reason)
        jw_str_at(&w, "reason", reason);
    jw_end_obj(&w);
    if (change_add(db, "env", v->ref, strchr(action, '.') + 1, at_us, e) < 0 ||
        search_environment(db, v->key, e) < 0)
        return -1;
    return audit_append(db, actor, action, v->ref, buf_cstr(&detail), at_us, e);
}

static int check_new(const struct env_new *n, struct err *e)
{
    if (!text_is_name(n->name))
        return err_set(e, E_INVALID, "name", "letters, digits, '_', '.' and '-', 64 at most",
                       "this is no name for an environment");
    if (strcmp(n->name, ENV_HOST) == 0)
        return err_set(e, E_INVALID, "name", "choose another name",
                       "\"host\" is the machine's own environment");
    if (!env_is_source(n->source))
        return err_set(e, E_INVALID, "source", "folder, tar or oci", "there is no such source");
    if (!text_is_sha256(n->manifest))
        return err_set(e, E_INVALID, "manifest", NULL, "the manifest's id is no SHA-256");
    return 0;
}

/* The latest version, when it has that content and may be used. */
static int find_same(struct cat *db, struct arena *a, const struct env_new *n, struct env_row *out,
                     bool *found, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &environment_sql, ENV_LATEST, e, V_T(n->name));
    int rc = one_from(db, a, s, out, e);
    *found = rc == 1 && out->state == ENV_SEALED && !out->quarantined &&
             strcmp(out->manifest, n->manifest) == 0;
    return rc < 0 ? -1 : 0;
}

static int add_version(struct cat *db, struct arena *a, const struct env_new *n,
                       struct env_row *out, struct err *e)
{
    int64_t environment = 0;
    int64_t version = 0;
    if (next_version(db, n, &environment, &version, e) < 0 ||
        cat_do(db, &environment_sql, ENV_ADD_VERSION, e, V_I(environment), V_I(version),
               V_T(n->title), V_T(n->source), V_T(n->source_digest), V_T(n->manifest),
               V_I(n->entries), V_I(n->size_bytes), V_I(n->actor.uid), V_T(n->actor.name),
               V_I(n->created_us)) < 0 ||
        cat_env_by_key(db, a, cat_last_id(db), out, e) < 0)
        return -1;
    return audit_env(db, out, &n->actor, "env.imported", NULL, n->created_us, e);
}

int cat_env_add(struct cat *db, struct arena *a, const struct env_new *n, struct env_row *out,
                bool *existed, struct err *e)
{
    const char *earlier = NULL;
    *existed = false;
    if (check_new(n, e) < 0 ||
        (n->idempotency_key && idem_find(db, a, n->actor.uid, n->idempotency_key, "env.import",
                                         n->request_sha256, &earlier, e) < 0))
        return -1;
    if (earlier) {
        char name[65] = "";
        int64_t version = 0;
        *existed = true;
        if (env_parse_ref(earlier, name, &version, e) < 0)
            return -1;
        return cat_env_get(db, a, name, version, out, e);
    }
    if (find_same(db, a, n, out, existed, e) < 0 ||
        (!*existed && add_version(db, a, n, out, e) < 0))
        return err_context(e, "importing environment %s", n->name);
    if (!n->idempotency_key)
        return 0;
    return idem_keep(db, n->actor.uid, n->idempotency_key, "env.import", n->request_sha256,
                     out->ref, n->created_us, e);
}

/* ---- states ---- */

int cat_env_retire(struct cat *db, struct arena *a, int64_t key, const char *reason,
                   const struct cat_actor *actor, int64_t at_us, struct err *e)
{
    struct env_row v = {0};
    if (cat_env_by_key(db, a, key, &v, e) < 0)
        return -1;
    if (v.state == ENV_RETIRED)
        return 0;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &environment_sql, ENV_USERS, e, V_I(key));
    if (!s || cat_step(db, s, e) < 0)
        return -1;
    int64_t users = sqlite3_column_int64(s, 0);
    if (users > 0)
        return err_set(e, E_CONFLICT, "environment", "wait until they have ended, or cancel them",
                       "%s is used by %lld run%s that %s not finished, such as %s", v.ref,
                       (long long)users, users == 1 ? "" : "s", users == 1 ? "is" : "are",
                       (const char *)sqlite3_column_text(s, 1));
    if (cat_do(db, &environment_sql, ENV_RETIRE, e, V_I(at_us), V_I(key)) < 0)
        return -1;
    return audit_env(db, &v, actor, "env.retired", reason, at_us, e);
}

static int quarantine(struct cat *db, struct arena *a, int64_t key, const char *reason,
                      int64_t at_us, struct err *e)
{
    struct env_row v = {0};
    if (cat_env_by_key(db, a, key, &v, e) < 0)
        return -1;
    if (v.quarantined)
        return 0;
    if (cat_do(db, &environment_sql, ENV_QUARANTINE, e, V_I(at_us), V_T(reason), V_I(key)) < 0)
        return -1;
    return audit_env(db, &v, &CAT_ACTOR_LAB, "env.quarantined", reason, at_us, e);
}

int cat_env_quarantine(struct cat *db, int64_t key, const char *reason, int64_t at_us,
                       struct err *e)
{
    struct arena *a = arena_new();
    int rc = quarantine(db, a, key, reason, at_us, e);
    arena_free(a);
    return rc;
}
