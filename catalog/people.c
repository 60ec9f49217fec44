/*
 * people.c - see people.h. Called by the orchestrator's user.* and at start.
 */
#include "catalog/people.h"

#include "api/common/buf.h"
#include "api/common/json.h"
#include "api/common/text.h"
#include "catalog/change.h"
#include "catalog/db.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

#define DAY_US (INT64_C(86400) * 1000000)
enum { DETAIL_MAX_BYTES = 4096, SERVICE_UID_BASE = 1000,
       ID_OVERFLOW = 65534 /* what the kernel shows of ids that a user namespace does not map */ };

enum {
    PEOPLE_USER,
    PEOPLE_GROUP,
    PEOPLE_SERVICE,
    PEOPLE_ADD,
    PEOPLE_SEEN,
    PEOPLE_GET,
    PEOPLE_LIST,
    PEOPLE_LIST_ROLE,
    PEOPLE_LIST_PROJECT,
    PEOPLE_ROLES,
    PEOPLE_ANY_GRANT,
    PEOPLE_GRANT_FIND,
    PEOPLE_GRANT_ADD,
    PEOPLE_GRANT_END,
    PEOPLE_OTHER_ADMIN,
    PEOPLE_PROJECT,
    PEOPLE_SQL_COUNT
};

#define COLUMNS "a.id, a.kind, a.number, a.name, a.created_us, a.seen_us"

static const struct sql_row rows[] = {
    [PEOPLE_USER] = {.text = "SELECT id, seen_us FROM account WHERE kind = 'user' AND number = ? AND name = ?"},
    [PEOPLE_GROUP] = {.text = "SELECT id, seen_us FROM account WHERE kind = 'group' AND number = ?"},
    [PEOPLE_SERVICE] = {.text = "SELECT id, seen_us FROM account WHERE kind = 'service' AND name = ?"},
    [PEOPLE_ADD] = {.text = "INSERT INTO account (kind, number, name, created_us, seen_us) VALUES (?, ?, ?, ?, ?)"},
    [PEOPLE_SEEN] = {.text = "UPDATE account SET seen_us = ? WHERE id = ?"},
    [PEOPLE_GET] = {.text = "SELECT " COLUMNS " FROM account a WHERE a.id = ?"},
    [PEOPLE_LIST] = {.text = "SELECT " COLUMNS " FROM account a WHERE a.id > ? ORDER BY a.id LIMIT ?"},
    [PEOPLE_LIST_ROLE] = {.text = "SELECT " COLUMNS " FROM account a WHERE a.id > ? AND a.id IN"
                                  " (SELECT account FROM role_grant WHERE role = ? AND revoked_us IS NULL)"
                                  " ORDER BY a.id LIMIT ?"},
    [PEOPLE_LIST_PROJECT] = {.text = "SELECT " COLUMNS " FROM account a WHERE a.id > ? AND a.id IN"
                                     " (SELECT account FROM role_grant WHERE project = ? AND revoked_us IS NULL"
                                     " AND (?3 IS NULL OR role = ?3)) ORDER BY a.id LIMIT ?"},
    [PEOPLE_ROLES] = {.text = "SELECT g.role, p.code, g.granted_by, g.granted_us FROM role_grant g"
                              " LEFT JOIN project p ON p.id = g.project"
                              " WHERE g.account = ? AND g.revoked_us IS NULL ORDER BY p.code, g.role"},
    [PEOPLE_ANY_GRANT] = {.text = "SELECT max(id) FROM role_grant"},
    [PEOPLE_GRANT_FIND] = {.text = "SELECT id FROM role_grant WHERE account = ? AND role = ?"
                                   " AND coalesce(project, 0) = ? AND revoked_us IS NULL"},
    [PEOPLE_GRANT_ADD] = {.text = "INSERT INTO role_grant (account, role, project, granted_uid, granted_by,"
                                  " granted_us) VALUES (?, ?, ?, ?, ?, ?)"},
    [PEOPLE_GRANT_END] = {.text = "UPDATE role_grant SET revoked_uid = ?, revoked_by = ?, revoked_us = ?"
                                  " WHERE id = ?"},
    /* A group may be empty and a token lost: only a person counts. */
    [PEOPLE_OTHER_ADMIN] = {.text = "SELECT 1 FROM role_grant g JOIN account a ON a.id = g.account"
                                    " WHERE g.role = 'admin' AND g.project IS NULL AND g.revoked_us IS NULL"
                                    " AND a.kind = 'user' AND g.account <> ? LIMIT 1"},
    [PEOPLE_PROJECT] = {.text = "SELECT id FROM project WHERE code = ?"},
};
static_assert(sizeof rows / sizeof rows[0] == PEOPLE_SQL_COUNT, "one statement a row");
const struct sql_table people_sql = {"account", rows, PEOPLE_SQL_COUNT, SQL_PEOPLE};

static const char *const kinds[] = {"user", "group", "service"};
static_assert(sizeof kinds / sizeof *kinds == ACCOUNT_KIND_COUNT, "a name a kind");

const char *account_kind_name(enum account_kind k)
{
    return kinds[k];
}

int64_t account_service_uid(int64_t id)
{
    return -(SERVICE_UID_BASE + id);
}

int cat_project_find(struct cat *db, const char *code, int64_t *id, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &people_sql, PEOPLE_PROJECT, e, V_T(code));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "project", NULL, "there is no project %s", code);
    *id = sqlite3_column_int64(s, 0);
    return 0;
}

/* ---- accounts ---- */

/* 1: found, 0: none. */
static int find_account(struct cat *db, const struct account_ref *who, int64_t *id, int64_t *seen_us,
                        struct err *e)
{
    AUTO_STMT sqlite3_stmt *s =
        who->kind == ACCOUNT_USER
            ? cat_query(db, &people_sql, PEOPLE_USER, e, V_I(who->number), V_T(who->name))
        : who->kind == ACCOUNT_GROUP ? cat_query(db, &people_sql, PEOPLE_GROUP, e, V_I(who->number))
                                     : cat_query(db, &people_sql, PEOPLE_SERVICE, e, V_T(who->name));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 1) {
        *id = sqlite3_column_int64(s, 0);
        *seen_us = cat_col_int(s, 1, 0);
    }
    return rc;
}

static int add_account(struct cat *db, const struct account_ref *who, int64_t seen_us, int64_t now_us,
                       int64_t *id, struct err *e)
{
    if (cat_do(db, &people_sql, PEOPLE_ADD, e, V_T(kinds[who->kind]),
               who->kind == ACCOUNT_SERVICE ? V_NULL : V_I(who->number), V_T(who->name), V_I(now_us),
               V_I_OR(seen_us, 0)) < 0)
        return -1;
    *id = cat_last_id(db);
    return 0;
}

/* The account, made when there is none. */
static int get_account(struct cat *db, const struct account_ref *who, int64_t now_us, int64_t *id, struct err *e)
{
    int64_t seen;
    int rc = find_account(db, who, id, &seen, e);
    return rc == 0 ? add_account(db, who, 0, now_us, id, e) : rc < 0 ? -1 : 0;
}

int cat_account_seen(struct cat *db, const struct cat_actor *actor, int64_t now_us, struct err *e)
{
    const struct account_ref who = {ACCOUNT_USER, actor->uid, actor->name};
    int64_t id, seen;
    int rc = find_account(db, &who, &id, &seen, e);
    if (rc < 0)
        return -1;
    if (rc == 1)
        return now_us - seen < DAY_US ? 0 : cat_do(db, &people_sql, PEOPLE_SEEN, e, V_I(now_us), V_I(id));
    if (add_account(db, &who, now_us, now_us, &id, e) < 0)
        return -1;
    return audit_append(db, actor, "user.first_seen", actor->name, NULL, now_us, e);
}

static int load_roles(struct cat *db, struct arena *a, struct account_row *r, struct err *e)
{
    size_t room = 0;
    int rc = -1;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &people_sql, PEOPLE_ROLES, e, V_I(r->id));
    while (s && (rc = cat_step(db, s, e)) == 1) {
        int role = role_of((const char *)sqlite3_column_text(s, 0));
        if (role < 0)
            continue;
        if (r->role_count == room) {
            room = room ? 2 * room : 4;
            struct account_role *more = arena_alloc(a, room * sizeof *more);
            if (r->role_count)
                memcpy(more, r->roles, r->role_count * sizeof *more);
            r->roles = more;
        }
        r->roles[r->role_count++] = (struct account_role){
            .role = (enum role)role,
            .project = cat_col_text(a, s, 1),
            .granted_by = cat_col_text(a, s, 2),
            .granted_us = sqlite3_column_int64(s, 3),
        };
    }
    return rc;
}

static void row_from(struct arena *a, sqlite3_stmt *s, struct account_row *r)
{
    const char *kind = (const char *)sqlite3_column_text(s, 1);
    *r = (struct account_row){.id = sqlite3_column_int64(s, 0),
                              .number = sqlite3_column_int64(s, 2),
                              .name = cat_col_text(a, s, 3),
                              .created_us = sqlite3_column_int64(s, 4),
                              .seen_us = cat_col_int(s, 5, 0)};
    for (int k = 0; k < ACCOUNT_KIND_COUNT; k++)
        if (!strcmp(kinds[k], kind))
            r->kind = (enum account_kind)k;
    if (r->kind == ACCOUNT_SERVICE)
        r->number = account_service_uid(r->id);
}

static int get_row(struct cat *db, struct arena *a, int64_t id, struct account_row *out, struct err *e)
{
    {
        AUTO_STMT sqlite3_stmt *s = cat_query(db, &people_sql, PEOPLE_GET, e, V_I(id));
        int rc = s ? cat_step(db, s, e) : -1;
        if (rc <= 0)
            return rc < 0 ? -1 : err_set(e, E_NOT_FOUND, "account", "user.list tells them", "there is no account %lld", (long long)id);
        row_from(a, s, out);
    }
    return load_roles(db, a, out, e);
}

int cat_account_list(struct cat *db, struct arena *a, const char *project, int role, int64_t after, size_t limit,
                     struct account_row **out, size_t *count, struct err *e)
{
    int64_t in = 0;
    int rc = -1;
    if (limit < 1 || limit > ACCOUNT_LIST_MAX)
        return err_set(e, E_INVALID, "limit", NULL, "limit is %zu, not 1 to %d", limit, ACCOUNT_LIST_MAX);
    if (project && cat_project_find(db, project, &in, e) < 0)
        return -1;
    const char *only = role < 0 ? NULL : role_name((enum role)role);
    *out = arena_alloc(a, limit * sizeof **out);
    *count = 0;
    AUTO_STMT sqlite3_stmt *s =
        project ? cat_query(db, &people_sql, PEOPLE_LIST_PROJECT, e, V_I(after), V_I(in), V_T(only), V_I(limit))
        : only  ? cat_query(db, &people_sql, PEOPLE_LIST_ROLE, e, V_I(after), V_T(only), V_I(limit))
                : cat_query(db, &people_sql, PEOPLE_LIST, e, V_I(after), V_I(limit));
    while (s && (rc = cat_step(db, s, e)) == 1) {
        row_from(a, s, &(*out)[*count]);
        if (load_roles(db, a, &(*out)[(*count)++], e) < 0)
            return -1;
    }
    return rc;
}

/* ---- grants ---- */

static int audit_grant(struct cat *db, const struct cat_actor *by, const char *action,
                       const struct account_ref *whom, int64_t id, enum role role, const char *project,
                       int64_t now_us, struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(DETAIL_MAX_BYTES);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_str_at(&w, "kind", kinds[whom->kind]);
    jw_int_at(&w, "number", whom->kind == ACCOUNT_SERVICE ? account_service_uid(id) : whom->number);
    jw_str_at(&w, "project", project);
    jw_str_at(&w, "role", role_name(role));
    jw_end_obj(&w);
    if (project && change_add(db, "project", project, "members_changed", now_us, e) < 0)
        return -1;
    return audit_append(db, by, action, whom->name, buf_cstr(&detail), now_us, e);
}

static int add_grant(struct cat *db, int64_t account, enum role role, int64_t project,
                     const struct cat_actor *by, int64_t now_us, struct err *e)
{
    return cat_do(db, &people_sql, PEOPLE_GRANT_ADD, e, V_I(account), V_T(role_name(role)), V_I_OR(project, 0),
                  V_I(by->uid), V_T(by->name), V_I(now_us));
}

int cat_people_first(struct cat *db, const struct cat_actor *actor, int64_t now_us, bool *made, struct err *e)
{
    const struct account_ref who = {ACCOUNT_USER, actor->uid, actor->name};
    int64_t id = 0;
    *made = false;
    {
        AUTO_STMT sqlite3_stmt *s = cat_query(db, &people_sql, PEOPLE_ANY_GRANT, e);
        if (!s || cat_step(db, s, e) < 0)
            return -1;
        if (sqlite3_column_type(s, 0) != SQLITE_NULL)
            return 0;
    }
    if (get_account(db, &who, now_us, &id, e) < 0 ||
        add_grant(db, id, ROLE_ADMIN, 0, &CAT_ACTOR_LAB, now_us, e) < 0 ||
        audit_grant(db, &CAT_ACTOR_LAB, "user.granted", &who, id, ROLE_ADMIN, NULL, now_us, e) < 0)
        return err_context(e, "making %s the first admin", actor->name);
    *made = true;
    return 0;
}

/* Who may give and take that role there. */
static unsigned granters(enum role role, bool in_project)
{
    return role == ROLE_SCIENTIST && in_project ? ROLE(ROLE_ADMIN) | ROLE(ROLE_CURATOR) : ROLE(ROLE_ADMIN);
}

static int may_grant(struct cat *db, const struct grant_ask *ask, int64_t project, const char *what, struct err *e)
{
    /* Whoever may do all in a project does not make others that may: that stays with the lab. */
    if (ask->role == ROLE_ADMIN)
        return cat_may(db, ask->by, ROLE(ROLE_ADMIN), 0, NULL, what, e);
    return cat_may(db, ask->by, granters(ask->role, ask->project != NULL), project, ask->project, what, e);
}

static bool is_oneself(const struct grant_ask *ask)
{
    if (ask->whom.kind == ACCOUNT_USER)
        return ask->whom.number == ask->by->actor.uid;
    for (size_t i = 0; ask->whom.kind == ACCOUNT_GROUP && i < ask->gid_count; i++)
        if (ask->whom.number == ask->gids[i])
            return true;
    return false;
}

/* A curator lets people into projects, and would read their data by letting themselves in. */
static int by_another(const struct grant_ask *ask, int64_t project, struct err *e)
{
    if (!is_oneself(ask) || standing_may(ask->by, ROLE(ROLE_ADMIN), project))
        return 0;
    return err_set(e, E_DENIED, "role", "ask an admin, or another curator", "nobody grants %s to themselves or to a group of theirs",
                   role_name(ask->role));
}

static int check_ask(const struct grant_ask *ask, struct err *e)
{
    if (ask->role >= ROLE_COUNT)
        return err_set(e, E_INVALID, "role", NULL, "there is no such role");
    if (ask->account)
        return 0;
    if (ask->whom.kind != ACCOUNT_SERVICE && ask->whom.number == ID_OVERFLOW)
        return err_set(e, E_INVALID, kinds[ask->whom.kind], NULL,
                       "%d stands for whoever has no number here: it can hold no role", ID_OVERFLOW);
    if (ask->whom.kind == ACCOUNT_SERVICE && !text_is_name(ask->whom.name))
        return err_set(e, E_INVALID, "service", "letters, digits, _ . - and a letter or digit first, at most 64",
                       "this is no name for a service account");
    return 0;
}

/* Gives the grant's id and *found. */
static int find_grant(struct cat *db, int64_t account, const struct grant_ask *ask, int64_t project,
                      int64_t *grant, struct err *e)
{
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &people_sql, PEOPLE_GRANT_FIND, e, V_I(account),
                                          V_T(role_name(ask->role)), V_I(project));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc == 1)
        *grant = sqlite3_column_int64(s, 0);
    return rc;
}

int cat_grant(struct cat *db, struct arena *a, const struct grant_ask *ask, struct account_row *out,
              bool *changed, struct err *e)
{
    int64_t project = 0, id = 0, grant = 0;
    *changed = false;
    if (check_ask(ask, e) < 0 || (ask->project && cat_project_find(db, ask->project, &project, e) < 0) ||
        may_grant(db, ask, project, "granting this", e) < 0 || by_another(ask, project, e) < 0 ||
        get_account(db, &ask->whom, ask->now_us, &id, e) < 0)
        return -1;
    int rc = find_grant(db, id, ask, project, &grant, e);
    if (rc < 0)
        return -1;
    if (rc == 0) {
        if (add_grant(db, id, ask->role, project, &ask->by->actor, ask->now_us, e) < 0 ||
            audit_grant(db, &ask->by->actor, "user.granted", &ask->whom, id, ask->role, ask->project,
                        ask->now_us, e) < 0)
            return -1;
        *changed = true;
    }
    return get_row(db, a, id, out, e);
}

static int check_not_last(struct cat *db, int64_t account, const struct grant_ask *ask, struct err *e)
{
    if (ask->role != ROLE_ADMIN || ask->project || ask->whom.kind != ACCOUNT_USER)
        return 0;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &people_sql, PEOPLE_OTHER_ADMIN, e, V_I(account));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    return err_set(e, E_CONFLICT, "role", "grant admin to another person first",
                   "%s is the last admin of the lab: without one nobody could grant anything", ask->whom.name);
}

int cat_revoke(struct cat *db, struct arena *a, const struct grant_ask *ask, struct account_row *out,
               struct err *e)
{
    int64_t project = 0, id = 0, grant = 0, seen;
    if (check_ask(ask, e) < 0 || (ask->project && cat_project_find(db, ask->project, &project, e) < 0) ||
        may_grant(db, ask, project, "revoking this", e) < 0)
        return -1;
    struct grant_ask found = *ask;
    if (ask->account) {
        if (get_row(db, a, ask->account, out, e) < 0)
            return -1;
        found.whom = (struct account_ref){out->kind, out->number, out->name};
        ask = &found;
    }
    int rc = find_account(db, &ask->whom, &id, &seen, e);
    if (rc == 1)
        rc = find_grant(db, id, ask, project, &grant, e);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, E_NOT_FOUND, "role", "user.list tells who holds what", "%s %s does not hold %s%s%s",
                       kinds[ask->whom.kind], ask->whom.name, role_name(ask->role),
                       ask->project ? " in the project " : " in the lab", ask->project ? ask->project : "");
    if (check_not_last(db, id, ask, e) < 0 ||
        cat_do(db, &people_sql, PEOPLE_GRANT_END, e, V_I(ask->by->actor.uid), V_T(ask->by->actor.name),
               V_I(ask->now_us), V_I(grant)) < 0 ||
        audit_grant(db, &ask->by->actor, "user.revoked", &ask->whom, id, ask->role, ask->project, ask->now_us,
                    e) < 0)
        return -1;
    return get_row(db, a, id, out, e);
}
