/*
 * dataset_gate.c - the gate; see dataset_gate.h.
 */
#include "catalog/dataset_gate.h"
#include "catalog/quality.h"

#include "api/common/json.h"
#include "api/common/purpose.h"
#include "catalog/dataset_card.h"
#include "catalog/dataset_grant.h"
#include "catalog/dataset_keep.h"
#include "catalog/db.h"
#include "catalog/digest.h"
#include "catalog/people.h"
#include "catalog/run.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { GIDS_MAX = 1024 };

enum { GATE_KEEP_RULE, GATE_KEEP_STANDING, GATE_RUN, GATE_SQL_COUNT };

static const struct sql_row rows[] = {
    [GATE_KEEP_RULE] = {.text = "UPDATE run_dataset SET rule = ?1, grant_id = ?2"
                                " WHERE run = (SELECT seq FROM run WHERE id = ?3) AND ordinal = ?4"},
    [GATE_KEEP_STANDING] = {.text = "INSERT INTO run_standing (run, gids, token)"
                                    " VALUES ((SELECT seq FROM run WHERE id = ?), ?, ?)"},
    [GATE_RUN] = {.text = "SELECT p.code, r.purpose, s.gids, s.token FROM run r"
                          " LEFT JOIN project p ON p.id = r.project"
                          " LEFT JOIN run_standing s ON s.run = r.seq WHERE r.id = ?"},
};
static_assert(sizeof rows / sizeof rows[0] == GATE_SQL_COUNT, "one statement a row");
const struct sql_table dataset_gate_sql = {"dataset_gate", rows, GATE_SQL_COUNT, SQL_DATASET_GATE};

const char *gate_rule_name(enum gate_rule r)
{
    static const char *const names[GATE_RULE_COUNT] = {
        [GATE_GRANT] = "grant",
        [GATE_PUBLIC] = "public",
        [GATE_CUSTODIAN] = "custodian",
        [GATE_PROFILER] = "profiler",
        [GATE_ADMIN] = "admin",
    };
    assert(r < GATE_RULE_COUNT);
    return names[r];
}

/* ---- one version ---- */

struct gate {
    struct cat *db;
    struct arena *a;
    const struct gate_ask *ask;
    const struct dataset_row *d;
    struct dataset_card card;
    int64_t project; /* 0: a personal run */
    bool own_quality; /* its custodian looks at the quality of their data, or a curator has it profiled */
    char today[DAY_SIZE];
};

static const char *ask_keeper(const struct gate *g)
{
    return arena_printf(g->a, "ask its custodian, %.60s", g->d->keeper.name);
}

static int check_state(const struct gate *g, struct err *e)
{
    const struct dataset_row *d = g->d;
    if (d->state == DATASET_DRAFT)
        return err_set(e, E_CONFLICT, "dataset.sealed", "seal it first: enclos dataset seal",
                       "%s is draft, not sealed", d->ref);
    if (d->state == DATASET_RETIRED)
        return err_set(e, E_CONFLICT, "dataset.retired", "use a newer version", "%s is retired%s%.120s", d->ref,
                       d->retired_reason ? ": " : "", d->retired_reason ? d->retired_reason : "");
    if (d->quarantined)
        return err_set(e, E_CONFLICT, "dataset.quarantine",
                       arena_printf(g->a, "ask its custodian, %.60s, or add its data anew (`enclos dataset add`) and "
                                          "use the new version", d->keeper.name),
                       "%s is in quarantine: %.150s", d->ref, d->quarantine_reason);
    return 0;
}

static int check_role(const struct gate *g, struct err *e)
{
    if (g->own_quality || standing_may(g->ask->by, ROLE(ROLE_SCIENTIST) | ROLE(ROLE_PLATFORM), g->project))
        return 0;
    if (cat_deny(g->db, ROLE(ROLE_SCIENTIST) | ROLE(ROLE_PLATFORM), g->ask->project,
                 arena_printf(g->a, "using %s in a run", g->d->ref), e) < 0 &&
        e->kind == E_DENIED)
        snprintf(e->field, sizeof e->field, "dataset.role");
    return -1;
}

static int check_card(const struct gate *g, struct err *e)
{
    const struct dataset_row *d = g->d;
    const struct dataset_card *c = &g->card;
    if (g->own_quality)
        return 0;
    if (c->personal == CARD_YES && !c->pia)
        return err_set(e, E_DENIED, "dataset.pia", ask_keeper(g),
                       "%s holds personal information, and its card names no privacy impact assessment",
                       d->ref);
    if (c->personal == CARD_YES && strcmp(c->pia_expires, g->today) < 0)
        return err_set(e, E_DENIED, "dataset.pia", ask_keeper(g),
                       "%s holds personal information, and its privacy impact assessment %.60s was valid until %s",
                       d->ref, c->pia, c->pia_expires);
    if (c->retention && strcmp(c->retention, g->today) < 0)
        return err_set(e, E_DENIED, "dataset.retention", ask_keeper(g),
                       "%s was to be kept until %s: it may not be used any more", d->ref, c->retention);
    if (!dataset_card_permits(c, g->ask->purpose))
        return err_set(e, E_DENIED, "dataset.purpose", ask_keeper(g),
                       "the card of %s does not permit the purpose %s", d->name, g->ask->purpose);
    return 0;
}

/* As run_place.c has it at the submission: a role of the lab and any other of the project do not add up to that. */
static bool is_member(const struct gate *g)
{
    const struct standing_project *p = standing_in(g->ask->by, g->ask->project);
    return standing_may(g->ask->by, ROLE(ROLE_ADMIN), 0) ||
           (p && p->roles & (ROLE(ROLE_SCIENTIST) | ROLE(ROLE_PLATFORM) | ROLE(ROLE_ADMIN)));
}

/* Why the grant that comes nearest does not do. */
static int refuse_grant(const struct gate *g, const struct dataset_grant *near, struct err *e)
{
    const char *name = g->d->name, *project = g->ask->project, *purpose = g->ask->purpose;
    char day[DAY_SIZE];
    const char *hint = arena_printf(g->a, "ask its custodian, %.60s: enclos dataset grant %s --project %s", g->d->keeper.name,
                                    name, project);
    if (!near)
        return err_set(e, E_DENIED, "dataset.grant", hint, "the project %s has no grant for the dataset %s",
                       project, name);
    if (strcmp(near->purpose, purpose) != 0)
        return err_set(e, E_DENIED, "dataset.grant", hint,
                       "the project %s has no grant for the dataset %s and the purpose %s; it had one for %s",
                       project, name, purpose, near->purpose);
    day_of(near->revoked_us ? near->revoked_us : near->expires_us, day);
    if (near->revoked_us)
        return err_set(e, E_DENIED, "dataset.grant", hint,
                       "the grant of the project %s for the dataset %s was revoked by %.60s on %s", project,
                       name, near->revoked_by, day);
    return err_set(e, E_DENIED, "dataset.grant", hint,
                   "the grant of the project %s for the dataset %s expired on %s", project, name, day);
}

static int pass_in_project(const struct gate *g, struct gate_pass *out, struct err *e)
{
    struct dataset_grant grant;
    int rc = cat_dataset_grant_for(g->db, g->a, g->d->dataset, g->project, g->ask->purpose, g->ask->now_us,
                                   &grant, e);
    if (rc < 0)
        return -1;
    if (rc == 0 || !dataset_grant_in_force(&grant, g->ask->now_us) ||
        strcmp(grant.purpose, g->ask->purpose) != 0)
        return refuse_grant(g, rc ? &grant : NULL, e);
    if (!is_member(g)) {
        char admins[120];
        if (cat_admin_names(g->db, admins, sizeof admins, e) < 0)
            return -1;
        return err_set(e, E_DENIED, "dataset.member", arena_printf(g->a, "who can grant it: %s", admins),
                       "%s is granted to the project %s, and you may run nothing in it", g->d->name,
                       g->ask->project);
    }
    if (g->card.personal == CARD_NOT_SAID)
        return err_set(e, E_DENIED, "dataset.personal", ask_keeper(g),
                       "the card of %s does not say whether it holds personal information", g->d->name);
    out->rule = GATE_GRANT;
    out->grant = grant.id;
    return 0;
}

static int pass(const struct gate *g, struct gate_pass *out, struct err *e)
{
    bool is_public = strcmp(g->d->classification, "public") == 0;
    out->grant = 0;
    if (is_public && g->card.personal == CARD_NO) {
        out->rule = GATE_PUBLIC;
        return 0;
    }
    if (g->project != 0)
        return pass_in_project(g, out, e);
    if (standing_is(g->ask->by, &g->d->keeper)) {
        out->rule = GATE_CUSTODIAN;
        return 0;
    }
    if (standing_may(g->ask->by, ROLE(ROLE_ADMIN), 0)) {
        out->rule = GATE_ADMIN;
        return 0;
    }
    if (g->own_quality) {
        out->rule = GATE_PROFILER;
        return 0;
    }
    const char *hint = arena_printf(
        g->a, "name a project that has a grant (--project), or ask %.60s for one: enclos dataset grant",
        g->d->keeper.name);
    if (is_public)
        return err_set(e, E_DENIED, "dataset.personal", hint,
                       "%s is public, but its card does not say that it holds no personal information", g->d->name);
    return err_set(e, E_DENIED, "dataset.grant", hint,
                   "%s is used in a run of a project that was granted it, or by its custodian", g->d->ref);
}

int cat_gate(struct cat *db, struct arena *a, const struct gate_ask *ask, const struct dataset_row *d,
             struct gate_pass *out, struct err *e)
{
    struct gate g = {
        .db = db,
        .a = a,
        .ask = ask,
        .d = d,
        .own_quality = strcmp(ask->purpose, PURPOSE_QUALITY) == 0 &&
                       (standing_is(ask->by, &d->keeper) ||
                        (ask->profiler && standing_may(ask->by, ROLE(ROLE_CURATOR), 0))),
    };
    day_of(ask->now_us, g.today);
    out->version = d->key;
    if (!purpose_find(ask->purpose))
        return err_set(e, E_INVALID, "purpose", NULL, "there is no purpose %.60s", ask->purpose);
    if ((ask->project && cat_project_find(db, ask->project, &g.project, e) < 0) ||
        cat_dataset_card(db, a, d->dataset, &g.card, e) < 0 || check_state(&g, e) < 0 ||
        check_role(&g, e) < 0 || check_card(&g, e) < 0)
        return -1;
    return pass(&g, out, e);
}

/* ---- a run ---- */

int cat_gate_keep(struct cat *db, const char *run, const struct gate_pass *passes, size_t count,
                  const struct standing_of *who, struct err *e)
{
    AUTO_BUF struct buf gids = BUF_INIT(32 << 10);
    struct jw w = jw_to(&gids);
    if (count == 0)
        return 0; /* nothing will be asked */
    for (size_t i = 0; i < count; i++)
        if (cat_do(db, &dataset_gate_sql, GATE_KEEP_RULE, e, V_T(gate_rule_name(passes[i].rule)),
                   V_I_OR(passes[i].grant, 0), V_T(run), V_I(i)) < 0)
            return -1;
    jw_arr(&w);
    for (size_t i = 0; i < who->gid_count && i < GIDS_MAX; i++)
        jw_int(&w, who->gids[i]);
    jw_end_arr(&w);
    return cat_do(db, &dataset_gate_sql, GATE_KEEP_STANDING, e, V_T(run), V_T(buf_cstr(&gids)),
                  V_I_OR(who->token, 0));
}

struct start {
    struct run_row row;
    const char *project, *purpose;
    struct standing_of who;
};

static int take_gids(struct arena *a, const char *text, struct standing_of *who, struct err *e)
{
    if (!text)
        return 0;
    AUTO_JSON struct json *list = json_parse(text, strlen(text), NULL, e);
    if (!list)
        return err_context(e, "the groups of a run's owner");
    int64_t *gids = arena_alloc(a, (json_count(list) + 1) * sizeof *gids);
    for (const struct json *v = json_first(list); v; v = json_next(v))
        gids[who->gid_count++] = json_int(v, -1);
    who->gids = gids;
    return 0;
}

static int start_get(struct cat *db, struct arena *a, const char *run, struct start *out, struct err *e)
{
    *out = (struct start){.project = NULL};
    if (cat_run_get(db, a, run, &out->row, e) < 0)
        return -1;
    AUTO_STMT sqlite3_stmt *s = cat_query(db, &dataset_gate_sql, GATE_RUN, e, V_T(run));
    int rc = s ? cat_step(db, s, e) : -1;
    if (rc <= 0)
        return rc < 0 ? -1 : err_set(e, E_NOT_FOUND, "run", NULL, "there is no run %s", run);
    out->project = cat_col_text(a, s, 0);
    out->purpose = cat_col_text(a, s, 1);
    out->who = (struct standing_of){.actor = out->row.actor, .token = cat_col_int(s, 3, 0)};
    return take_gids(a, cat_col_text(a, s, 2), &out->who, e);
}

static int audit_use(struct cat *db, const struct start *s, const struct dataset_row *d,
                     const struct gate_pass *p, int64_t now_us, struct err *e)
{
    AUTO_BUF struct buf detail = BUF_INIT(4096);
    char command[DIGEST_HEX_SIZE];
    struct jw w = jw_to(&detail);
    digest_bytes(s->row.command_json, strlen(s->row.command_json), command);
    jw_obj(&w);
    jw_str_at(&w, "run", s->row.id);
    jw_str_at(&w, "manifest", d->manifest);
    jw_str_at(&w, "project", s->project);
    jw_str_at(&w, "purpose", s->purpose);
    jw_str_at(&w, "rule", gate_rule_name(p->rule));
    if (p->grant)
        jw_int_at(&w, "grant", p->grant);
    jw_str_at(&w, "code", s->row.code);
    jw_str_at(&w, "command_sha256", command);
    jw_end_obj(&w);
    return audit_append(db, &s->row.actor, "dataset.use", d->ref, buf_cstr(&detail), now_us, e);
}

int cat_gate_start(struct cat *db, struct arena *a, const char *run, int64_t now_us, struct err *e)
{
    struct start s;
    struct standing by;
    if (start_get(db, a, run, &s, e) < 0)
        return -1;
    if (s.row.dataset_count == 0)
        return 0;
    if (cat_standing(db, a, &s.who, now_us, &by, e) < 0)
        return -1;
    bool profiler = false;
    if (cat_quality_of_run(db, run, &profiler, e) < 0)
        return -1;
    const struct gate_ask ask = {.by = &by, .project = s.project, .purpose = s.purpose, .now_us = now_us, .profiler = profiler};
    struct dataset_row *d = arena_alloc(a, s.row.dataset_count * sizeof *d);
    struct gate_pass *passes = arena_alloc(a, s.row.dataset_count * sizeof *passes);
    for (size_t i = 0; i < s.row.dataset_count; i++)
        if (cat_dataset_by_key(db, a, s.row.datasets[i].key, &d[i], e) < 0 ||
            cat_gate(db, a, &ask, &d[i], &passes[i], e) < 0)
            return -1;
    /* All of them, or none was used. */
    for (size_t i = 0; i < s.row.dataset_count; i++)
        if (audit_use(db, &s, &d[i], &passes[i], now_us, e) < 0)
            return -1;
    return 0;
}
