/*
 * standing.h - what one caller may do: the roles of its accounts, read once and passed to whatever asks "may they?".
 *
 *     uid and its name --+                                       lab-wide roles
 *     groups ------------+--> accounts --> grants in force -->   roles in projects      = a standing
 *     or a token --------+                                       narrowed by the token
 *
 * A standing is a plain value that no transaction changes; who keeps one reads it again when grants change.
 * Functions with a `db` run inside a job of catalog.h.
 */
#ifndef ENCLOS_CATALOG_STANDING_H
#define ENCLOS_CATALOG_STANDING_H

#include "api/common/err.h"
#include "api/common/mem.h"
#include "api/common/role.h"
#include "catalog/audit.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cat;

/* "scientist"...; NULL: no such role. */
const char *role_name(enum role r);
/* -1: no such role. */
int role_of(const char *name);
/* "scientist/curator", for messages in any language. */
void role_names(unsigned roles, char *out, size_t size);

/* ---- what a caller may do ---- */

struct standing_project {
    int64_t id;
    const char *code;
    unsigned roles; /* bit set of enum role, held there; never 0 */
};

struct standing {
    struct cat_actor actor;
    unsigned lab_roles;                      /* held lab-wide */
    const struct standing_project *projects; /* in which it has a role, by id */
    size_t project_count;
    const char *projects_json; /* "[3,7]": their ids, for `project IN (SELECT value FROM json_each(?))` */
    int64_t token;             /* token.id it came with; 0: none */
    int64_t only_project;      /* what the token is scoped to: nothing elsewhere counts, not even being its own; 0: all */
    int64_t until_us;          /* it is to be read again then; 0: until grants change */
};

/* Of the lab itself: may do all. */
#define STANDING_LAB                                                                               \
    ((struct standing){.actor = CAT_ACTOR_LAB, .lab_roles = ANY_ROLE, .projects_json = "[]"})

/* Roles in force in a project: lab-wide ones and those held there. project 0: lab-wide ones only. */
unsigned standing_roles(const struct standing *s, int64_t project);
/* Held in the lab or in any project. */
unsigned standing_anywhere(const struct standing *s);
/* The project of that code, when it has a role there; NULL otherwise. */
const struct standing_project *standing_in(const struct standing *s, const char *code);

/* Whether it holds one of `roles` there (project 0: lab-wide), or admin, which may do all that any role may. */
bool standing_may(const struct standing *s, unsigned roles, int64_t project);
/* The same as a refusal: E_DENIED that says what (a method's name or an act, "run.cancel") needs which role,
 * where, and who can grant it. `code` is the project's, NULL with project 0. */
MUST_USE int cat_may(struct cat *db, const struct standing *s, unsigned roles, int64_t project,
                     const char *code, const char *what, struct err *e);
/* The refusal itself, for who has found out already. code DENIED_ANYWHERE: it would do in any project. */
#define DENIED_ANYWHERE "*"
MUST_USE int cat_deny(struct cat *db, unsigned roles, const char *code, const char *what, struct err *e);

/* Sees every run: lab-wide curator, auditor, admin. */
bool standing_sees_all(const struct standing *s);
/* Whose runs it sees as its own, wherever they are: its actor; nobody by a token that was scoped to a project. */
struct cat_actor standing_own_runs(const struct standing *s);
/* Sees this run: its own, one of a project in which it has a role (project 0: a personal run), or all. */
bool standing_sees_run(const struct standing *s, const struct cat_actor *owner, int64_t project);
/* The same account: number and name, so that a number that was given to another person is not them. */
bool standing_is(const struct standing *s, const struct cat_actor *other);

struct standing_of {
    struct cat_actor actor; /* as the socket told, or cat_token_find */
    const int64_t *gids;    /* its groups; none for a service account */
    size_t gid_count;
    int64_t token; /* 0: none */
};
/* Reads it; texts in the arena. A token that is revoked or has expired by now gives no role. */
MUST_USE int cat_standing(struct cat *db, struct arena *a, const struct standing_of *who, int64_t now_us,
                          struct standing *out, struct err *e);

/* Names of those who can grant roles in the lab, for messages: "root, marie"; at most four. */
MUST_USE int cat_admin_names(struct cat *db, char *out, size_t size, struct err *e);

#endif
