/*
 * token.c - see token.h. Called by the orchestrator's token.* and user.authenticate.
 */
#include "catalog/token.h"

#include "api/common/buf.h"
#include "api/common/json.h"
#include "catalog/db.h"
#include "catalog/idem.h"
#include "catalog/people.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define DAY_US (INT64_C(86400) * 1000000)
enum { DETAIL_MAX_BYTES = 4096, SECRET_BYTES = 32 };

enum {
    TOKEN_SERVICE,
    TOKEN_HELD,
    TOKEN_ADD,
    TOKEN_ADD_ROLE,
    TOKEN_GET,
    TOKEN_LIST,
    TOKEN_LIST_SERVICE,
    TOKEN_ROLES,
    TOKEN_REVOKE,
    TOKEN_FIND,
    TOKEN_USED,
    TOKEN_SQL_COUNT
};

#define COLUMNS                                                                                    \
    "t.id, t.name, a.name, t.title, p.code, t.actor_uid, t.actor_name, t.created_us, t.expires_us," \
    " t.used_day, t.revoked_us, t.revoked_by"
#define JOINED " FROM token t JOIN account a ON a.id = t.account LEFT JOIN project p ON p.id = t.project"

static const struct sql_row rows[] = {
    [TOKEN_SERVICE] = {.text = "SELECT id FROM account WHERE kind = 'service' AND name = ?"},
    [TOKEN_HELD] = {.text = "SELECT DISTINCT role FROM role_grant WHERE account = ?1 AND revoked_us IS NULL"
                            " AND (?2 IS NULL OR project IS NULL OR project = ?2)"},
    [TOKEN_ADD] = {.text = "INSERT INTO token (name, account, digest, title, project, actor_uid, actor_name,"
                           " created_us, expires_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    [TOKEN_ADD_ROLE] = {.text = "INSERT INTO token_role (token, role) VALUES (?, ?)"},
    [TOKEN_GET] = {.text = "SELECT " COLUMNS JOINED " WHERE t.name = ?"},
    [TOKEN_LIST] = {.text = "SELECT " COLUMNS JOINED " WHERE t.id > ? ORDER BY t.id LIMIT ?"},
    [TOKEN_LIST_SERVICE] = {.text = "SELECT " COLUMNS JOINED
                                    " WHERE t.account = ? AND t.id > ? ORDER BY t.id LIMIT ?"},
    [TOKEN_ROLES] = {.text = "SELECT role FROM token_role WHERE token = ?"},
    [TOKEN_REVOKE] = {.text = "UPDATE token SET revoked_us = ?, revoked_by = ? WHERE id = ?"},
    [TOKEN_FIND] = {.text = "SELECT t.id, t.name, t.account, a.name, t.expires_us, t.used_day, t.revoked_us,"
                            " t.revoked_by FROM token t JOIN account a ON a.id = t.account WHERE t.digest = ?"},
    [TOKEN_USED] = {.text = "UPDATE token SET used_day = ? WHERE id = ?"},
};
static_assert(sizeof rows / sizeof rows[0] == TOKEN_SQL_COUNT, "one statement a row");
const struct sql_table token_sql = {"token", rows, TOKEN_SQL_COUNT, SQL_TOKEN};

static const char *const states[] = {"active", "expired", "revoked"};
static_assert(sizeof states / sizeof *states == TOKEN_STATE_COUNT, "a name a state");

const char *token_state_name(enum token_state s)
{
    return states[s];
}

int token_make(char out[TOKEN_SIZE], struct err *e)
{
    unsigned char bytes[SECRET_BYTES];
    if (getrandom(bytes, sizeof bytes, GRND_NONBLOCK) != (ssize_t)sizeof bytes)
        return err_sys(e, NULL, "try again in a moment", "cannot read random bytes");
    memcpy(out, TOKEN_PREFIX, strlen(TOKEN_PREFIX));
    text_hex(bytes, sizeof bytes, out + strlen(TOKEN_PREFIX));
    explicit_bzero(bytes, sizeof bytes);
    return 0;
}

bool token_is(const char *text)
{
    return strlen(text) == TOKEN_SIZE - 1 && !strncmp(text, TOKEN_PREFIX, strlen(TOKEN_PREFIX)) &&
           text_is_sha256(text + strlen(TOKEN_PREFIX)); /* 64 digits of hex, as it has */
}

/* ---- reading ---- */

static int load_roles(struct cat *db, struct token_row *t, struct err *e)
{
    int rc = -1;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &token_sql, TOKEN_ROLES, e, V_I(t->key));
    while (s && (rc = cat_step(db, s, e)) == 1) {
        int role = role_of((const char *)sqlite3_column_text(s, 0));
        if (role >= 0)
            t->roles |= ROLE(role);
    }
    return rc;
}

static int row_from(struct cat *db, struct arena *a, sqlite3_stmt *s, int64_t now_us, struct token_row *t,
                    struct err *e)
{
    *t = (struct token_row){
        .key = sqlite3_column_int64(s, 0),
        .id = cat_col_text(a, s, 1),
        .service = cat_col_text(a, s, 2),
        .title = cat_col_text(a, s, 3),
        .project = cat_col_text(a, s, 4),
        .actor = {sqlite3_column_int64(s, 5), cat_col_text(a, s, 6)},
        .created_us = sqlite3_column_int64(s, 7),
        .expires_us = sqlite3_column_int64(s, 8),
        .used_day = cat_col_int(s, 9, -1),
        .revoked_us = cat_col_int(s, 10, 0),
        .revoked_by = cat_col_text(a, s, 11),
    };
    t->state = t->revoked_us ? TOKEN_REVOKED : t->expires_us <= now_us ? TOKEN_EXPIRED : TOKEN_ACTIVE;
    return load_roles(db, t, e);
}

static int get(struct cat *db, struct arena *a, const char *id, int64_t now_us, struct token_row *out,
               struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &token_sql, TOKEN_GET, e, V_T(id));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "token", "token.list tells them", "there is no token %s", id);
    return row_from(db, a, s, now_us, out, e);
}

static int find_service(struct cat *db, const char *name, int64_t *id, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &token_sql, TOKEN_SERVICE, e, V_T(name));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "service", "grant it a role first: that makes it",
                       "there is no service account %s", name);
    *id = sqlite3_column_int64(s, 0);
    return 0;
}

int cat_token_list(struct cat *db, struct arena *a, const char *service, int64_t after, size_t limit,
                   int64_t now_us, struct token_row **out, size_t *count, struct err *e)
{
    int64_t account = 0;
    int rc = -1;
    if (limit < 1 || limit > TOKEN_LIST_MAX)
        return err_set(e, E_INVALID, "limit", NULL, "limit is %zu, not 1 to %d", limit, TOKEN_LIST_MAX);
    if (service && find_service(db, service, &account, e) < 0)
        return -1;
    *out = arena_alloc(a, limit * sizeof **out);
    *count = 0;
    AUTO_STMT sqlite3_stmt *s =
        service ? cat_query(db, &token_sql, TOKEN_LIST_SERVICE, e, V_I(account), V_I(after), V_I(limit))
                : cat_query(db, &token_sql, TOKEN_LIST, e, V_I(after), V_I(limit));
    while (s && (rc = cat_step(db, s, e)) == 1)
        if (row_from(db, a, s, now_us, &(*out)[(*count)++], e) < 0)
            return -1;
    return rc;
}

/* ---- changing ---- */

static int audit_token(struct cat *db, const struct cat_actor *by, const char *action, const struct token_row *t,
                       int64_t now_us, struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_MAX_BYTES);
    char roles[96], until[32];
    struct jw w = jw_to(&detail);
    role_names(t->roles, roles, sizeof roles);
    time_iso(t->expires_us, until);
    jw_obj(&w);
    jw_str_at(&w, "expires", until);
    jw_str_at(&w, "project", t->project);
    jw_str_at(&w, "roles", roles);
    jw_str_at(&w, "service", t->service);
    jw_end_obj(&w);
    return audit_append(db, by, action, t->id, buf_cstr(&detail), now_us, e);
}

static int held(struct cat *db, int64_t account, int64_t project, unsigned *roles, struct err *e)
{
    int rc = -1;
    AUTO_STMT sqlite3_stmt *s =
        cat_query(db, &token_sql, TOKEN_HELD, e, V_I(account), V_I_OR(project, 0));
    *roles = 0;
    while (s && (rc = cat_step(db, s, e)) == 1) {
        int role = role_of((const char *)sqlite3_column_text(s, 0));
        if (role >= 0)
            *roles |= ROLE(role);
    }
    return rc;
}

static int add(struct cat *db, struct arena *a, const struct token_new *n, struct token_row *out, struct err *e)
{
    int64_t account = 0, project = 0;
    unsigned has = 0;
    char id[TEXT_ID_SIZE], wanted[96];
    if (find_service(db, n->service, &account, e) < 0 ||
        (n->project && cat_project_find(db, n->project, &project, e) < 0) ||
        held(db, account, project, &has, e) < 0)
        return -1;
    unsigned roles = n->roles ? n->roles : has;
    role_names(roles & ~has, wanted, sizeof wanted);
    if (roles == 0 || (roles & ~has))
        return err_set(e, E_CONFLICT, "roles", "grant it to the account first", "service %s does not hold %s%s%s",
                       n->service, roles ? wanted : "any role", n->project ? " in the project " : "",
                       n->project ? n->project : "");
    text_new_id('t', id);
    if (cat_do(db, &token_sql, TOKEN_ADD, e, V_T(id), V_I(account), V_T(n->digest), V_T(n->title),
               V_I_OR(project, 0), V_I(n->actor.uid), V_T(n->actor.name), V_I(n->now_us), V_I(n->expires_us)) < 0)
        return -1;
    int64_t key = cat_last_id(db);
    for (enum role r = 0; r < ROLE_COUNT; r++)
        if ((roles & ROLE(r)) && cat_do(db, &token_sql, TOKEN_ADD_ROLE, e, V_I(key), V_T(role_name(r))) < 0)
            return -1;
    if (get(db, a, id, n->now_us, out, e) < 0)
        return -1;
    return audit_token(db, &n->actor, "token.created", out, n->now_us, e);
}

int cat_token_create(struct cat *db, struct arena *a, const struct token_new *n, struct token_row *out,
                     bool *existed, struct err *e)
{
    const char *earlier = NULL;
    *existed = false;
    if (n->idempotency_key && idem_find(db, a, n->actor.uid, n->idempotency_key, "token.create",
                                        n->request_sha256, &earlier, e) < 0)
        return -1;
    if (earlier) {
        *existed = true;
        return get(db, a, earlier, n->now_us, out, e);
    }
    if (add(db, a, n, out, e) < 0)
        return -1;
    if (!n->idempotency_key)
        return 0;
    return idem_keep(db, n->actor.uid, n->idempotency_key, "token.create", n->request_sha256, out->id, n->now_us,
                     e);
}

int cat_token_revoke(struct cat *db, struct arena *a, const char *id, const struct cat_actor *actor,
                     int64_t now_us, struct token_row *out, struct err *e)
{
    if (get(db, a, id, now_us, out, e) < 0)
        return -1;
    if (out->state == TOKEN_REVOKED)
        return 0;
    if (cat_do(db, &token_sql, TOKEN_REVOKE, e, V_I(now_us), V_T(actor->name), V_I(out->key)) < 0 ||
        get(db, a, id, now_us, out, e) < 0)
        return -1;
    return audit_token(db, actor, "token.revoked", out, now_us, e);
}

int cat_token_use(struct cat *db, struct arena *a, const char *digest, int64_t now_us, struct token_user *out,
                  struct err *e)
{
    int64_t used_day, today = now_us / DAY_US;
    char when[32];
    {
        AUTO_STMT sqlite3_stmt *s = cat_query(db, &token_sql, TOKEN_FIND, e, V_T(digest));
        int rc = s ? cat_step(db, s, e) : -1;
        if (rc < 0)
            return -1;
        if (rc == 0)
            return err_set(e, E_DENIED, "token", "check that it is whole, and of this lab", "the token is not known here");
        int64_t account = sqlite3_column_int64(s, 2);
        *out = (struct token_user){
            .token = sqlite3_column_int64(s, 0),
            .id = cat_col_text(a, s, 1),
            .account = account,
            .actor = {account_service_uid(account),
                      arena_printf(a, ACCOUNT_SERVICE_PREFIX "%s", (const char *)sqlite3_column_text(s, 3))},
            .expires_us = sqlite3_column_int64(s, 4),
        };
        used_day = cat_col_int(s, 5, -1);
        if (sqlite3_column_type(s, 6) != SQLITE_NULL) {
            time_iso(sqlite3_column_int64(s, 6), when);
            return err_set(e, E_DENIED, "token", "ask an admin for another one", "the token %s was revoked on %.10s",
                           out->id, when);
        }
    }
    time_iso(out->expires_us, when);
    if (out->expires_us <= now_us)
        return err_set(e, E_DENIED, "token", "ask an admin for another one", "the token %s expired on %.10s", out->id,
                       when);
    if (used_day == today)
        return 0;
    if (cat_do(db, &token_sql, TOKEN_USED, e, V_I(today), V_I(out->token)) < 0)
        return -1;
    return audit_append(db, &out->actor, "token.used", out->id, NULL, now_us, e);
}
