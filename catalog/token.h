/*
 * token.h - tokens of service accounts: kept as the SHA-256 of their text, shown once, narrowed, expiring.
 *
 * A token never gives more than its account holds at the moment of a call: see standing.h. All functions run
 * inside a job of catalog.h.
 */
#ifndef ENCLOS_CATALOG_TOKEN_H
#define ENCLOS_CATALOG_TOKEN_H

#include "api/common/text.h"
#include "catalog/standing.h"

struct cat;

/* "encl_" and 256 random bits in hex: 69 characters, easy to search for where it should not be. */
#define TOKEN_PREFIX "encl_"
enum { TOKEN_SIZE = 5 + 64 + 1, TOKEN_DAYS_MAX = 366, TOKEN_LIST_MAX = 500 };

/* Makes one. E_UNAVAILABLE: the kernel has no randomness yet. */
MUST_USE int token_make(char out[TOKEN_SIZE], struct err *e);
bool token_is(const char *text); /* of that shape */

enum token_state { TOKEN_ACTIVE, TOKEN_EXPIRED, TOKEN_REVOKED, TOKEN_STATE_COUNT };
const char *token_state_name(enum token_state s);

struct token_row { /* texts in the arena */
    int64_t key;      /* token.id: cursor of lists */
    const char *id;   /* "t..." */
    const char *service;
    const char *title; /* may be NULL */
    unsigned roles;
    const char *project;    /* code; NULL: wherever the account holds them */
    struct cat_actor actor; /* who made it */
    int64_t created_us, expires_us;
    int64_t used_day; /* days since 1970; -1: never */
    int64_t revoked_us;
    const char *revoked_by;
    enum token_state state; /* at the time given */
};

struct token_new {
    struct cat_actor actor;
    const char *service; /* of an account that exists */
    const char *title;   /* may be NULL */
    unsigned roles;      /* 0: those that the account holds now */
    const char *project; /* code, may be NULL */
    const char *digest;  /* SHA-256 of the token */
    int64_t now_us, expires_us;
    const char *idempotency_key; /* may be NULL */
    const char *request_sha256;
};
/* E_NOT_FOUND: no such service account or project; E_CONFLICT: it holds no role (or none of those asked for there).
 * With a used key it gives the earlier one, whose text nobody has any more: *existed. */
MUST_USE int cat_token_create(struct cat *db, struct arena *a, const struct token_new *n, struct token_row *out,
                              bool *existed, struct err *e);

/* By creation, after `after`; service NULL: of all. */
MUST_USE int cat_token_list(struct cat *db, struct arena *a, const char *service, int64_t after, size_t limit,
                            int64_t now_us, struct token_row **out, size_t *count, struct err *e);

/* What is revoked stays revoked, and doing it again changes nothing. E_NOT_FOUND. */
MUST_USE int cat_token_revoke(struct cat *db, struct arena *a, const char *id, const struct cat_actor *actor,
                              int64_t now_us, struct token_row *out, struct err *e);

struct token_user {
    int64_t token;          /* for standing_of */
    struct cat_actor actor; /* "service:NAME" */
    int64_t account;
    const char *id;
    int64_t expires_us;
};
/* Whose token that is; notes the day, with an audit entry at its first use of each day. E_DENIED: unknown, revoked or
 * expired. */
MUST_USE int cat_token_use(struct cat *db, struct arena *a, const char *digest, int64_t now_us,
                           struct token_user *out, struct err *e);

#endif
