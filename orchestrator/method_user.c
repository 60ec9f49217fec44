/*
 * method_user.c - user.*: who one is, who holds what, granting and revoking.
 *
 *   user.grant: names are looked up on this machine (pool)  ->  the grant and its audit entry (catalog)
 *               ->  standings are read anew (access_changed), then the answer
 */
#include "api/common/text.h"
#include "catalog/digest.h"
#include "catalog/people.h"
#include "catalog/token.h"
#include "orchestrator/access.h"
#include "orchestrator/conn.h"
#include "orchestrator/peer.h"
#include "orchestrator/request.h"
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

enum { PAGE_BYTES = 700 << 10, ID_MAX = 0x7fffffff };

static void print_roles(struct jw *w, const char *key, unsigned roles)
{
    jw_arr_at(w, key);
    for (enum role r = 0; r < ROLE_COUNT; r++)
        if (roles & ROLE(r))
            jw_str(w, role_name(r));
    jw_end_arr(w);
}

/* ---- user.whoami ---- */

static int whoami_work(struct request *q, struct cat *db, struct err *e)
{
    const struct standing *s = q->standing;
    char admins[200];
    if (cat_admin_names(db, admins, sizeof admins, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_int_at(&w, "uid", s->actor.uid);
    jw_str_at(&w, "name", s->actor.name);
    jw_str_at(&w, "kind", account_kind_name(s->token ? ACCOUNT_SERVICE : ACCOUNT_USER));
    print_roles(&w, "roles", s->lab_roles);
    jw_arr_at(&w, "projects");
    for (size_t i = 0; i < s->project_count && q->out.len < PAGE_BYTES; i++) {
        jw_obj(&w);
        jw_str_at(&w, "project", s->projects[i].code);
        print_roles(&w, "roles", s->projects[i].roles);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_bool_at(&w, "sees_all_runs", standing_sees_all(s));
    jw_str_at(&w, "admins", admins);
    if (s->token && s->until_us)
        jw_int_at(&w, "token_expires_us", s->until_us);
    else
        jw_null_at(&w, "token_expires_us");
    jw_end_obj(&w);
    return 0;
}

int method_user_whoami(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, whoami_work, NULL);
    return 0;
}

/* ---- user.list ---- */

static void print_account(const struct account_row *r, struct jw *w)
{
    unsigned lab = 0;
    for (size_t i = 0; i < r->role_count; i++)
        if (!r->roles[i].project)
            lab |= ROLE(r->roles[i].role);
    jw_obj(w);
    jw_int_at(w, "account", r->id);
    jw_str_at(w, "kind", account_kind_name(r->kind));
    jw_int_at(w, "number", r->number);
    jw_str_at(w, "name", r->name);
    print_roles(w, "roles", lab);
    jw_arr_at(w, "projects");
    for (size_t i = 0; i < r->role_count;) { /* by project: those of one stand together */
        const char *project = r->roles[i].project;
        unsigned roles = 0;
        for (; i < r->role_count && (project == NULL ? r->roles[i].project == NULL
                                                     : r->roles[i].project && !strcmp(r->roles[i].project, project));
             i++)
            roles |= ROLE(r->roles[i].role);
        if (!project)
            continue;
        jw_obj(w);
        jw_str_at(w, "project", project);
        print_roles(w, "roles", roles);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    jw_arr_at(w, "grants");
    for (size_t i = 0; i < r->role_count; i++) {
        jw_obj(w);
        jw_str_at(w, "role", role_name(r->roles[i].role));
        jw_str_at(w, "project", r->roles[i].project);
        jw_str_at(w, "granted_by", r->roles[i].granted_by);
        jw_int_at(w, "granted_us", r->roles[i].granted_us);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    jw_int_at(w, "created_us", r->created_us);
    if (r->seen_us)
        jw_int_at(w, "seen_us", r->seen_us);
    else
        jw_null_at(w, "seen_us");
    jw_end_obj(w);
}

static int number_cursor(struct request *q, int64_t *after, struct err *e)
{
    const char *cursor = request_str(q, "cursor");
    uint64_t n = 0;
    if (cursor && text_u64(cursor, 1, INT64_MAX, &n) < 0)
        return err_set(e, E_INVALID, "cursor", "use next_cursor of the page before", "this is no cursor of %s",
                       q->method->name);
    *after = (int64_t)n;
    return 0;
}

static int list_work(struct request *q, struct cat *db, struct err *e)
{
    const char *role = request_str(q, "role");
    size_t limit = (size_t)request_int(q, "limit", 100), count, i;
    struct account_row *all;
    int64_t after = 0;
    char next[24];
    if (number_cursor(q, &after, e) < 0 ||
        cat_account_list(db, q->arena, request_str(q, "project"), role ? role_of(role) : -1, after, limit, &all,
                         &count, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    jw_obj(&w);
    jw_arr_at(&w, "users");
    for (i = 0; i < count && q->out.len < PAGE_BYTES; i++)
        print_account(&all[i], &w);
    jw_end_arr(&w);
    if (i > 0)
        snprintf(next, sizeof next, "%lld", (long long)all[i - 1].id);
    jw_str_at(&w, "next_cursor", i > 0 && (i < count || count == limit) ? next : NULL);
    jw_end_obj(&w);
    return 0;
}

int method_user_list(struct request *q, struct err *e)
{
    (void)e;
    request_read(q, list_work, NULL);
    return 0;
}

/* ---- user.grant, user.revoke ---- */

struct granting {
    struct account_ref whom;
    char name[64];
};

static int look_up_user(const char *text, struct granting *g, struct err *e)
{
    struct passwd pw, *found = NULL;
    char room[4096];
    uint64_t uid;
    g->whom.kind = ACCOUNT_USER;
    if (text_u64(text, 0, ID_MAX, &uid) == 0) { /* also one that the name service does not know */
        peer_name_of((uid_t)uid, g->name);
        g->whom.number = (int64_t)uid;
        return 0;
    }
    if (getpwnam_r(text, &pw, room, sizeof room, &found) != 0 || !found)
        return err_set(e, E_NOT_FOUND, "user", "check the name, or give its uid", "this machine has no account %s", text);
    snprintf(g->name, sizeof g->name, "%s", found->pw_name);
    g->whom.number = found->pw_uid;
    return 0;
}

static int look_up_group(const char *text, struct granting *g, struct err *e)
{
    struct group gr, *found = NULL;
    AUTO_FREE char *room = mem_alloc(64 << 10); /* with all its members */
    uint64_t gid;
    bool number = text_u64(text, 0, ID_MAX, &gid) == 0;
    int rc = number ? getgrgid_r((gid_t)gid, &gr, room, 64 << 10, &found) : getgrnam_r(text, &gr, room, 64 << 10, &found);
    g->whom.kind = ACCOUNT_GROUP;
    if (rc != 0 || !found)
        return err_set(e, E_NOT_FOUND, "group", "check the name", "this machine has no group %s", text);
    snprintf(g->name, sizeof g->name, "%s", found->gr_name);
    g->whom.number = found->gr_gid;
    return 0;
}

static int look_up(struct request *q, struct cat *db, struct err *e)
{
    struct granting *g = q->state;
    const char *user = request_str(q, "user"), *group = request_str(q, "group");
    (void)db;
    g->whom.name = g->name;
    return user ? look_up_user(user, g, e) : group ? look_up_group(group, g, e) : 0;
}

static struct grant_ask ask_of(const struct request *q)
{
    const struct granting *g = q->state;
    return (struct grant_ask){.by = q->standing,
                              .whom = g->whom,
                              .account = request_int(q, "account", 0),
                              .role = (enum role)role_of(request_str(q, "role")),
                              .project = request_str(q, "project"),
                              .now_us = time_now_us(),
                              .gids = access_who(q)->gids,
                              .gid_count = access_who(q)->gid_count};
}

/* What was allowed when the call came may have been taken back by one that was committed meanwhile: the change is
 * judged by what its own transaction sees. */
static int as_it_is_now(struct request *q, struct cat *db, struct standing *now, struct grant_ask *ask, struct err *e)
{
    *ask = ask_of(q);
    if (access_read_again(db, q->arena, q, now, e) < 0)
        return -1;
    ask->by = now;
    return 0;
}

static int grant_work(struct request *q, struct cat *db, struct err *e)
{
    struct standing now;
    struct grant_ask ask;
    struct account_row row = {0};
    bool changed;
    if (as_it_is_now(q, db, &now, &ask, e) < 0 || cat_grant(db, q->arena, &ask, &row, &changed, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    print_account(&row, &w);
    return 0;
}

static int revoke_work(struct request *q, struct cat *db, struct err *e)
{
    struct standing now;
    struct grant_ask ask;
    struct account_row row = {0};
    if (as_it_is_now(q, db, &now, &ask, e) < 0 || cat_revoke(db, q->arena, &ask, &row, e) < 0)
        return -1;
    struct jw w = jw_to(&q->out);
    print_account(&row, &w);
    return 0;
}

static void changed(struct request *q, const struct err *e)
{
    if (!e)
        access_changed(q->lab);
    request_end(q, e);
}

static void looked_up(struct request *q, const struct err *e)
{
    if (e)
        request_end(q, e);
    else
        request_write(q, !strcmp(q->method->name, "user.grant") ? grant_work : revoke_work, changed);
}

static int start(struct request *q, struct err *e)
{
    static const char *const ways[] = {"user", "group", "service", "account"};
    struct granting *g = arena_alloc(q->arena, sizeof *g);
    int given = 0;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        given += request_value(q, ways[i]) != NULL;
    if (given != 1)
        return err_set(e, E_INVALID, "user", "user, group or service", "%s",
                       given ? "whose role it is was said in two ways" : "it is not said whose role it is");
    *g = (struct granting){.whom.kind = ACCOUNT_SERVICE};
    if (request_str(q, "service"))
        snprintf(g->name, sizeof g->name, "%.63s", request_str(q, "service"));
    q->state = g;
    request_pool(q, look_up, looked_up);
    return 0;
}

int method_user_grant(struct request *q, struct err *e)
{
    return start(q, e);
}

int method_user_revoke(struct request *q, struct err *e)
{
    return start(q, e);
}

/* ---- user.authenticate ---- */

static int use_work(struct request *q, struct cat *db, struct err *e)
{
    const char *text = request_str(q, "token");
    char digest[DIGEST_HEX_SIZE];
    if (!token_is(text))
        return err_set(e, E_DENIED, "token", "it begins with " TOKEN_PREFIX " and has 69 characters",
                       "this is no token of a lab");
    digest_bytes(text, strlen(text), digest);
    return cat_token_use(db, q->arena, digest, time_now_us(), q->state, e);
}

static void used(struct request *q, const struct err *e)
{
    const struct token_user *u = q->state;
    struct conn *c = conn_find(q->lab->server, q->conn_id);
    if (!e && c) {
        conn_become(c, u->account, &u->actor, u->token);
        struct jw w = jw_to(&q->out);
        jw_obj(&w);
        jw_str_at(&w, "name", u->actor.name);
        jw_str_at(&w, "token", u->id);
        jw_int_at(&w, "expires_us", u->expires_us);
        jw_end_obj(&w);
    }
    request_end(q, e);
}

int method_user_authenticate(struct request *q, struct err *e)
{
    (void)e;
    q->state = arena_alloc(q->arena, sizeof(struct token_user));
    request_write(q, use_work, used);
    return 0;
}
