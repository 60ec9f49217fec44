/*
 * people.h - accounts and the roles that they are granted, in the lab or in one project.
 *
 * An account is a uid with its name, a Unix group, or a service. What follows for a caller is in standing.h.
 * All functions run inside a job of catalog.h.
 */
#ifndef ENCLOS_CATALOG_PEOPLE_H
#define ENCLOS_CATALOG_PEOPLE_H

#include "catalog/standing.h"

enum account_kind { ACCOUNT_USER, ACCOUNT_GROUP, ACCOUNT_SERVICE, ACCOUNT_KIND_COUNT };
const char *account_kind_name(enum account_kind k);

/* Actor of a service account: uid -(1000 + id), name "service:NAME". */
#define ACCOUNT_SERVICE_PREFIX "service:"
int64_t account_service_uid(int64_t id);

struct account_ref { /* whom a grant is for */
    enum account_kind kind;
    int64_t number;   /* uid or gid; not read for a service */
    const char *name; /* of the account, without prefix */
};

struct account_role {
    enum role role;
    const char *project; /* its code; NULL: lab-wide */
    const char *granted_by;
    int64_t granted_us;
};

struct account_row {
    int64_t id;
    enum account_kind kind;
    int64_t number; /* uid, gid; of a service the uid that it acts with */
    const char *name;
    int64_t created_us, seen_us; /* 0: never */
    struct account_role *roles;  /* in force */
    size_t role_count;
};

enum { ACCOUNT_LIST_MAX = 500 };

/* Notes that it came: makes the account at first sight (with an audit entry), then once a day. */
MUST_USE int cat_account_seen(struct cat *db, const struct cat_actor *actor, int64_t now_us, struct err *e);

/* When no grant was ever made: makes the account admin of the lab (audit entry by the lab). *made tells. */
MUST_USE int cat_people_first(struct cat *db, const struct cat_actor *actor, int64_t now_us, bool *made,
                              struct err *e);

struct grant_ask {
    const struct standing *by;
    struct account_ref whom;
    int64_t account; /* cat_revoke: account.id instead of whom, of one that this machine does not know any more; else 0 */
    enum role role;
    const char *project; /* code; NULL: lab-wide */
    int64_t now_us;
    const int64_t *gids; /* groups of who asks, as the socket told */
    size_t gid_count;
};
/* Who may grant or revoke what: admin anything anywhere; admin of a project anything there but admin; curator
 * (of the lab or the project) scientist in a project. E_DENIED; E_NOT_FOUND: no such project, or (revoke) the
 * account does not hold that; E_CONFLICT: it is the last admin of the lab. Nobody but an admin grants to their own
 * account or to a group that they are in (E_DENIED): who reads data is let in by another. Granting what is held changes
 * nothing: *changed tells. */
MUST_USE int cat_grant(struct cat *db, struct arena *a, const struct grant_ask *ask,
                       struct account_row *out, bool *changed, struct err *e);
MUST_USE int cat_revoke(struct cat *db, struct arena *a, const struct grant_ask *ask,
                        struct account_row *out, struct err *e);

/* By id, after `after`. project: only those with a role there (E_NOT_FOUND: no such project); role -1: any. */
MUST_USE int cat_account_list(struct cat *db, struct arena *a, const char *project, int role, int64_t after,
                              size_t limit, struct account_row **out, size_t *count, struct err *e);

/* ---- projects, as far as rights need them ---- */

/* E_NOT_FOUND. */
MUST_USE int cat_project_find(struct cat *db, const char *code, int64_t *id, struct err *e);

#endif
