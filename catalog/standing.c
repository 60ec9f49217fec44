/*
 * standing.c - see standing.h. Called for each connection by the orchestrator, and by what guards a change.
 */
#include "catalog/standing.h"

#include "api/common/buf.h"
#include "catalog/db.h"
#include "catalog/people.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [ROLE_SCIENTIST] = "scientist", [ROLE_CUSTODIAN] = "custodian", [ROLE_REVIEWER] = "reviewer",
    [ROLE_CURATOR] = "curator",     [ROLE_PLATFORM] = "platform",   [ROLE_AUDITOR] = "auditor",
    [ROLE_ADMIN] = "admin",
};
static_assert(sizeof names / sizeof *names == ROLE_COUNT, "a name a role");

enum {
    STANDING_USER,
    STANDING_GROUP,
    STANDING_GRANTS,
    STANDING_TOKEN,
    STANDING_TOKEN_ROLES,
    STANDING_ADMINS,
    STANDING_SQL_COUNT
};

static const struct sql_row rows[] = {
    [STANDING_USER] = {.text = "SELECT id FROM account WHERE kind = 'user' AND number = ? AND name = ?"},
    [STANDING_GROUP] = {.text = "SELECT id FROM account WHERE kind = 'group' AND number = ?"},
    [STANDING_GRANTS] = {.text = "SELECT g.role, g.project, p.code FROM role_grant g"
                                 " LEFT JOIN project p ON p.id = g.project"
                                 " WHERE g.account = ? AND g.revoked_us IS NULL"},
    [STANDING_TOKEN] = {.text = "SELECT t.account, t.project, t.expires_us, p.code FROM token t"
                                " LEFT JOIN project p ON p.id = t.project"
                                " WHERE t.id = ? AND t.revoked_us IS NULL AND t.expires_us > ?"},
    [STANDING_TOKEN_ROLES] = {.text = "SELECT role FROM token_role WHERE token = ?"},
    [STANDING_ADMINS] = {.text = "SELECT a.kind, a.name FROM role_grant g JOIN account a ON a.id = g.account"
                                 " WHERE g.role = 'admin' AND g.project IS NULL AND g.revoked_us IS NULL"
                                 " ORDER BY g.account LIMIT 5"},
};
static_assert(sizeof rows / sizeof rows[0] == STANDING_SQL_COUNT, "one statement a row");
const struct sql_table standing_sql = {"standing", rows, STANDING_SQL_COUNT, SQL_STANDING};

/* ---- roles ---- */

const char *role_name(enum role r)
{
    return r < ROLE_COUNT ? names[r] : NULL;
}

int role_of(const char *name)
{
    for (int r = 0; r < ROLE_COUNT; r++)
        if (!strcmp(names[r], name))
            return r;
    return -1;
}

void role_names(unsigned roles, char *out, size_t size)
{
    size_t at = 0;
    if (size)
        out[0] = 0;
    for (unsigned r = 0; r < ROLE_COUNT && at < size; r++) {
        if (roles & ROLE(r))
            at += (size_t)snprintf(out + at, size - at, "%s%s", at ? "/" : "", names[r]);
    }
}

/* ---- questions to a standing ---- */

unsigned standing_roles(const struct standing *s, int64_t project)
{
    unsigned roles = s->lab_roles;
    for (size_t i = 0; project && i < s->project_count; i++)
        if (s->projects[i].id == project)
            roles |= s->projects[i].roles;
    return roles;
}

unsigned standing_anywhere(const struct standing *s)
{
    unsigned roles = s->lab_roles;
    for (size_t i = 0; i < s->project_count; i++)
        roles |= s->projects[i].roles;
    return roles;
}

const struct standing_project *standing_in(const struct standing *s, const char *code)
{
    for (size_t i = 0; i < s->project_count; i++)
        if (!strcmp(s->projects[i].code, code))
            return &s->projects[i];
    return NULL;
}

bool standing_may(const struct standing *s, unsigned roles, int64_t project)
{
    return standing_roles(s, project) & (roles | ROLE(ROLE_ADMIN));
}

bool standing_sees_all(const struct standing *s)
{
    return s->lab_roles & (ROLE(ROLE_CURATOR) | ROLE(ROLE_AUDITOR) | ROLE(ROLE_ADMIN));
}

bool standing_is(const struct standing *s, const struct cat_actor *other)
{
    return s->actor.uid == other->uid && !strcmp(s->actor.name, other->name);
}

/* No account has an empty name. */
struct cat_actor standing_own_runs(const struct standing *s)
{
    return s->only_project ? (struct cat_actor){.uid = s->actor.uid, .name = ""} : s->actor;
}

bool standing_sees_run(const struct standing *s, const struct cat_actor *owner, int64_t project)
{
    if (standing_sees_all(s) || (standing_is(s, owner) && !s->only_project))
        return true;
    for (size_t i = 0; project && i < s->project_count; i++)
        if (s->projects[i].id == project)
            return true;
    return false;
}

/* ---- refusals ---- */

int cat_admin_names(struct cat *db, char *out, size_t size, struct err *e)
{
    size_t at = 0, count = 0;
    int rc = -1;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &standing_sql, STANDING_ADMINS, e);
    out[0] = 0;
    while (s && (rc = cat_step(db, s, e)) == 1 && at < size) {
        const char *kind = (const char *)sqlite3_column_text(s, 0);
        const char *name = (const char *)sqlite3_column_text(s, 1);
        int n = count == 4 ? snprintf(out + at, size - at, "...")
                           : snprintf(out + at, size - at, "%s%s%.32s", count ? ", " : "",
                                      !strcmp(kind, "group")     ? "group "
                                      : !strcmp(kind, "service") ? ACCOUNT_SERVICE_PREFIX
                                                                 : "",
                                      name);
        at += (size_t)n;
        count++;
    }
    return rc < 0 ? -1 : 0;
}

int cat_deny(struct cat *db, unsigned roles, const char *code, const char *what, struct err *e)
{
    char wanted[96], admins[120], hint[176];
    role_names(roles, wanted, sizeof wanted);
    if (!wanted[0]) /* only admins pass */
        snprintf(wanted, sizeof wanted, "%s", names[ROLE_ADMIN]);
    if (cat_admin_names(db, admins, sizeof admins, e) < 0)
        return -1;
    snprintf(hint, sizeof hint, "who can grant it: %s", admins);
    if ((roles & ANY_ROLE) == ANY_ROLE && (!code || !strcmp(code, DENIED_ANYWHERE)))
        return err_set(e, E_DENIED, "role", hint, "%s needs a role, in the lab or in a project", what);
    if (code && !strcmp(code, DENIED_ANYWHERE))
        return err_set(e, E_DENIED, "role", hint, "%s needs the role %s, in the lab or in a project", what, wanted);
    if (code)
        return err_set(e, E_DENIED, "role", hint, "%s needs the role %s, in the project %s or in the lab", what,
                       wanted, code);
    return err_set(e, E_DENIED, "role", hint, "%s needs the role %s in the lab", what, wanted);
}

int cat_may(struct cat *db, const struct standing *s, unsigned roles, int64_t project, const char *code,
            const char *what, struct err *e)
{
    return standing_may(s, roles, project) ? 0 : cat_deny(db, roles, code, what, e);
}

/* ---- reading one ---- */

struct found { /* what grants are collected into */
    struct arena *a;
    unsigned only;       /* roles that a token leaves */
    int64_t only_project; /* 0: any */
    unsigned lab_roles;
    struct standing_project *projects;
    size_t count, room;
};

static struct standing_project *in_project(struct found *f, int64_t id, const char *code)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->projects[i].id == id)
            return &f->projects[i];
    if (f->count == f->room) {
        size_t room = f->room ? 2 * f->room : 8;
        struct standing_project *more = arena_alloc(f->a, room * sizeof *more);
        if (f->count)
            memcpy(more, f->projects, f->count * sizeof *more);
        f->projects = more;
        f->room = room;
    }
    f->projects[f->count] = (struct standing_project){.id = id, .code = arena_strdup(f->a, code)};
    return &f->projects[f->count++];
}

static int add_grants(struct cat *db, int64_t account, struct found *f, struct err *e)
{
    int rc = -1;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &standing_sql, STANDING_GRANTS, e, V_I(account));
    while (s && (rc = cat_step(db, s, e)) == 1) {
        int role = role_of((const char *)sqlite3_column_text(s, 0));
        int64_t project = cat_col_int(s, 1, 0);
        if (role < 0 || !(ROLE(role) & f->only))
            continue;
        if (project == 0)
            f->lab_roles |= ROLE(role);
        else if (f->only_project == 0 || f->only_project == project)
            in_project(f, project, (const char *)sqlite3_column_text(s, 2))->roles |= ROLE(role);
    }
    return rc;
}

static int add_account(struct cat *db, sqlite3_stmt *s, struct found *f, struct err *e)
{
    int rc;
    if (!s)
        return -1;
    while ((rc = cat_step(db, s, e)) == 1)
        if (add_grants(db, sqlite3_column_int64(s, 0), f, e) < 0)
            return -1;
    return rc;
}

static int add_people(struct cat *db, const struct standing_of *who, struct found *f, struct err *e)
{
    AUTO_STMT sqlite3_stmt *user =
        cat_query(db, &standing_sql, STANDING_USER, e, V_I(who->actor.uid), V_T(who->actor.name));
    if (add_account(db, user, f, e) < 0)
        return -1;
    for (size_t i = 0; i < who->gid_count; i++) {
        AUTO_STMT sqlite3_stmt *group = cat_query(db, &standing_sql, STANDING_GROUP, e, V_I(who->gids[i]));
        if (add_account(db, group, f, e) < 0)
            return -1;
    }
    return 0;
}

/* Of a token that was scoped to a project, lab-wide roles of its account count in that project only. */
static int add_token(struct cat *db, const struct standing_of *who, int64_t now_us, struct found *f,
                     struct standing *out, struct err *e)
{
    char code[65] = "";
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &standing_sql, STANDING_TOKEN, e, V_I(who->token), V_I(now_us));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc <= 0)
        return rc;
    int64_t account = sqlite3_column_int64(s, 0);
    if (account_service_uid(account) != who->actor.uid)
        return err_set(e, E_INTERNAL, "token", NULL, "the token is of another account");
    out->only_project = f->only_project = cat_col_int(s, 1, 0);
    out->until_us = sqlite3_column_int64(s, 2);
    if (f->only_project)
        snprintf(code, sizeof code, "%s", (const char *)sqlite3_column_text(s, 3));
    AUTO_STMT sqlite3_stmt *r = cat_query(db, &standing_sql, STANDING_TOKEN_ROLES, e, V_I(who->token));
    f->only = 0;
    while (r && (rc = cat_step(db, r, e)) == 1) {
        int role = role_of((const char *)sqlite3_column_text(r, 0));
        if (role >= 0)
            f->only |= ROLE(role);
    }
    if (!r || rc < 0 || add_grants(db, account, f, e) < 0)
        return -1;
    if (f->only_project && f->lab_roles) {
        in_project(f, f->only_project, code)->roles |= f->lab_roles;
        f->lab_roles = 0;
    }
    return 0;
}

static int by_id(const void *a, const void *b)
{
    const struct standing_project *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

int cat_standing(struct cat *db, struct arena *a, const struct standing_of *who, int64_t now_us,
                 struct standing *out, struct err *e)
{
    struct found f = {.a = a, .only = ANY_ROLE};
    *out = (struct standing){.actor = {who->actor.uid, arena_strdup(a, who->actor.name)}, .token = who->token};
    if ((who->token ? add_token(db, who, now_us, &f, out, e) : add_people(db, who, &f, e)) < 0)
        return err_context(e, "reading the roles of %s", who->actor.name);
    if (f.count > 1)
        qsort(f.projects, f.count, sizeof *f.projects, by_id);
    AUTO_BUF struct buf ids = BUF_INIT(1 << 20);
    buf_add_char(&ids, '[');
    for (size_t i = 0; i < f.count; i++)
        buf_printf(&ids, "%s%lld", i ? "," : "", (long long)f.projects[i].id);
    buf_add_char(&ids, ']');
    if (ids.failed)
        return err_set(e, E_LIMIT, "project", NULL, "%s has roles in %zu projects: too many", who->actor.name,
                       f.count);
    out->lab_roles = f.lab_roles;
    out->projects = f.projects;
    out->project_count = f.count;
    out->projects_json = arena_strdup(a, buf_cstr(&ids));
    return 0;
}
