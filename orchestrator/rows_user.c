/*
 * rows_user.c - the rows of user.* and token.*, people and service accounts: handlers in method_user.c, method_token.c.
 */
#include "orchestrator/rows.h"

#define ROLES CHOICES("scientist", "custodian", "reviewer", "curator", "platform", "auditor", "admin")
#define WHO_PARAMS                                                                                 \
    {.name = "user",                                                                               \
     .type = PARAM_STRING,                                                                         \
     .min = 1,                                                                                     \
     .max = 63,                                                                                    \
     .meaning = "an account of this machine: its name or its uid"},                                \
        {.name = "group",                                                                          \
         .type = PARAM_STRING,                                                                     \
         .min = 1,                                                                                 \
         .max = 63,                                                                                \
         .meaning = "a group of this machine: its name or its gid; its members hold the role"},    \
    {                                                                                              \
        .name = "service", .type = PARAM_NAME, .meaning = "a service account"                      \
    }
#define WHAT_PARAMS                                                                                \
    {.name = "role", .type = PARAM_CHOICE, .required = true, .choices = ROLES, .meaning = "the role"}, \
    {                                                                                              \
        .name = "project", .type = PARAM_NAME,                                                     \
        .meaning = "code of the project in which it is held; left out: in the whole lab"           \
    }

static const struct param role_item = {
    .name = "item", .type = PARAM_CHOICE, .choices = ROLES, .meaning = "a role"};

const struct method rows_user[] = {
    {.name = "user.whoami",
     .summary = "Who this connection is for the lab, and what it may do.",
     .result = "{uid: integer, name, kind: user|service, roles: [text], projects: [{project, "
               "roles: [text]}], sees_all_runs: boolean, admins: text (who can grant roles), "
               "token_expires_us: integer or null}",
     .roles = ANYONE,
     .errors = READS,
     .flags = METHOD_ASKS_CALLER,
     .handle = method_user_whoami},
    {.name = "user.list",
     .summary = "The accounts that came or were granted a role, and what they hold.",
     .params =
         (const struct param[]){
             {.name = "project", .type = PARAM_NAME, .meaning = "only those with a role in that project"},
             {.name = "role", .type = PARAM_CHOICE, .choices = ROLES, .meaning = "only those that hold it"},
             LIMIT_PARAM(500, "100"),
             CURSOR_PARAM,
             END_PARAMS},
     .result = "{users: [{account: integer, kind: user|group|service, number: integer (uid or "
               "gid), name, roles: [text] (held in the whole lab), projects: [{project, roles: "
               "[text]}], grants: [{role, project: text or null, granted_by, granted_us}], "
               "created_us, seen_us: integer or null (the last day it came, about)}], "
               "next_cursor: text or null}",
     .roles = ANY_ROLE,
     .scope = SCOPE_PROJECT,
     .errors = FINDS,
     .handle = method_user_list},
    {.name = "user.grant",
     .summary = "Grants a role to an account of this machine, a group, or a service account, which it makes. An admin "
                "grants any; an admin of a project any there but admin; a curator scientist in a project, to others. What is "
                "held already changes nothing.",
     .params = (const struct param[]){WHO_PARAMS, WHAT_PARAMS, END_PARAMS},
     .result = "{account: integer, kind: user|group|service, number: integer (uid or gid), name, "
               "roles: [text] (held in the whole lab), projects: [{project, roles: [text]}], "
               "grants: [{role, project: text or null, granted_by, granted_us}], created_us, "
               "seen_us: integer or null (the last day it came, about)}",
     .roles = ROLE(ROLE_CURATOR) | ROLE(ROLE_ADMIN),
     .scope = SCOPE_PROJECT,
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_user_grant},
    {.name = "user.revoke",
     .summary = "Takes a role back; connections that are open feel it at their next call. Not the last admin's.",
     .params = (const struct param[]){WHO_PARAMS,
                                      {.name = "account",
                                       .type = PARAM_INTEGER,
                                       .min = 1,
                                       .max = INT64_C(1) << 53,
                                       .meaning = "its number in user.list, when this machine does not know it any more"},
                                      WHAT_PARAMS, END_PARAMS},
     .result = "{account: integer, kind: user|group|service, number: integer (uid or gid), name, "
               "roles: [text] (held in the whole lab), projects: [{project, roles: [text]}], "
               "grants: [{role, project: text or null, granted_by, granted_us}], created_us, "
               "seen_us: integer or null (the last day it came, about)}",
     .roles = ROLE(ROLE_CURATOR) | ROLE(ROLE_ADMIN),
     .scope = SCOPE_PROJECT,
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_user_revoke},
    {.name = "user.authenticate",
     .summary = "Makes this connection that of the service account whose token it is, and nothing else from then on. "
                "Wait for the answer before the next call.",
     .params = (const struct param[]){{.name = "token",
                                       .type = PARAM_STRING,
                                       .required = true,
                                       .min = 1,
                                       .max = 200,
                                       .meaning = "as token.create gave it"},
                                      END_PARAMS},
     .result = "{name, token (its id), expires_us}",
     .roles = ANYONE,
     .errors = WRITES | KIND(E_DENIED),
     .handle = method_user_authenticate},
    {.name = "token.create",
     .summary = "Makes a token of a service account. It is shown once, here: the lab keeps its SHA-256 only.",
     .params =
         (const struct param[]){
             {.name = "service", .type = PARAM_NAME, .required = true, .meaning = "the service account"},
             {.name = "title", .type = PARAM_STRING, .min = 1, .max = 300, .meaning = "what it is for"},
             {.name = "roles",
              .type = PARAM_ARRAY,
              .min = 1,
              .max = ROLE_COUNT,
              .of = &role_item,
              .meaning = "what it may be used for, of what the account holds; left out: all that it holds now"},
             {.name = "project",
              .type = PARAM_NAME,
              .meaning = "the one project it may be used in; left out: wherever the account holds a role"},
             {.name = "days",
              .type = PARAM_INTEGER,
              .min = 1,
              .max = 366,
              .otherwise = "90",
              .meaning = "it expires after so many"},
             KEY_PARAM,
             END_PARAMS},
     .result = "{token (its id), service, title: text or null, roles: [text], project: text or "
               "null, state: active|expired|revoked, actor: {uid: integer, name}, created_us, "
               "expires_us, used_day: text or null (YYYY-MM-DD), revoked_us: integer or null, "
               "revoked_by: text or null, secret: text or null (the token; null when existed), "
               "existed: boolean}",
     .roles = ROLE(ROLE_ADMIN),
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_token_create},
    {.name = "token.list",
     .summary = "Tokens, without what they are.",
     .params =
         (const struct param[]){{.name = "service", .type = PARAM_NAME, .meaning = "only those of that account"},
                                LIMIT_PARAM(500, "100"),
                                CURSOR_PARAM,
                                END_PARAMS},
     .result = "{tokens: [{token (its id), service, title: text or null, roles: [text], project: "
               "text or null, state: active|expired|revoked, actor: {uid: integer, name}, "
               "created_us, expires_us, used_day: text or null (YYYY-MM-DD), revoked_us: integer "
               "or null, revoked_by: text or null}], next_cursor: text or null}",
     .roles = ROLE(ROLE_ADMIN) | ROLE(ROLE_AUDITOR),
     .errors = FINDS,
     .handle = method_token_list},
    {.name = "token.revoke",
     .summary = "Ends a token: its open connections may do nothing any more.",
     .params = (const struct param[]){{.name = "token",
                                       .type = PARAM_NAME,
                                       .required = true,
                                       .meaning = "its id, t..."},
                                      END_PARAMS},
     .result = "{token (its id), service, title: text or null, roles: [text], project: text or "
               "null, state: active|expired|revoked, actor: {uid: integer, name}, created_us, "
               "expires_us, used_day: text or null (YYYY-MM-DD), revoked_us: integer or null, "
               "revoked_by: text or null}",
     .roles = ROLE(ROLE_ADMIN),
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_token_revoke},
    END_ROWS,
};
