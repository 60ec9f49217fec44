/* test_dataset_access.c - cards, grants and the gate: who may use which dataset, for what, and what is said to
 * who may not. */
#include "tests/unit/catalog_fixture.h"

#include "api/common/json.h"
#include "api/common/purpose.h"
#include "catalog/dataset_card.h"
#include "catalog/dataset_gate.h"
#include "catalog/dataset_grant.h"
#include "catalog/dataset_keep.h"
#include "catalog/form.h"
#include "catalog/people.h"

/* 2026-11-24 12:00 UTC, in a time zone where the day is the same one. */
#define NOW INT64_C(1795521600000000)
#define DAY INT64_C(86400000000)

static const struct cat_actor marie = {1000, "marie"}, luc = {1001, "luc"}, anne = {1002, "anne"},
                              root = {0, "root"}, stranger = {4242, "nobody"};

static int setup(void **state)
{
    struct err e = {0};
    setenv("TZ", "America/Montreal", 1);
    OK(forms_load(&e), e);
    return fx_setup(state);
}

static void give(struct fixture *f, struct cat_actor who, enum role role, const char *project)
{
    struct err e = {0};
    struct account_row row;
    bool changed;
    const struct standing lab = STANDING_LAB;
    const struct grant_ask ask = {
        .by = &lab, .whom = {ACCOUNT_USER, who.uid, who.name}, .role = role, .project = project, .now_us = NOW};
    OK(cat_grant(f->db, f->a, &ask, &row, &changed, &e), e);
}

static void add_project(struct fixture *f, const char *code)
{
    struct err e = {0};
    char sql[200];
    snprintf(sql, sizeof sql,
             "INSERT INTO project (code, actor_uid, actor_name, created_us) VALUES ('%s', 0, 'root', 1)", code);
    OK(cat_exec(f->db, sql, &e), e);
}

static struct standing standing_for(struct fixture *f, struct cat_actor who)
{
    struct err e = {0};
    struct standing s;
    OK(cat_standing(f->db, f->a, &(struct standing_of){.actor = who}, NOW, &s, &e), e);
    return s;
}

static int describe(struct fixture *f, const struct dataset_row *d, int64_t version, const char *set,
                    struct err *e)
{
    struct record_row r;
    bool changed;
    AUTO_JSON struct json *v = json_parse(set, strlen(set), NULL, e);
    struct err ours = {0};
    assert_non_null(v);
    OK(cat_exec(f->db, "SAVEPOINT job", &ours), ours); /* as each job of the catalog's thread has one */
    int rc = cat_dataset_describe(f->db, f->a, d, v, version, "a test", &marie, NOW, &r, &changed, e);
    OK(cat_exec(f->db, rc < 0 ? "ROLLBACK TO job" : "RELEASE job", &ours), ours);
    return rc;
}

static void card(struct fixture *f, const struct dataset_row *d, const char *set)
{
    struct err e = {0};
    struct dataset_card c;
    OK(cat_dataset_card(f->db, f->a, d->dataset, &c, &e), e);
    OK(describe(f, d, c.version, set, &e), e);
}

static int grant_until(struct fixture *f, const struct dataset_row *d, const char *project, const char *purpose,
                       int64_t expires_us, struct dataset_grant *out, struct err *e)
{
    bool existed;
    const struct dataset_grant_ask ask = {.dataset = d, .project = project, .purpose = purpose,
                                          .expires_us = expires_us, .actor = marie, .now_us = NOW};
    return cat_dataset_grant_add(f->db, f->a, &ask, out, &existed, e);
}

static struct dataset_grant granted(struct fixture *f, const struct dataset_row *d, const char *project)
{
    struct err e = {0};
    struct dataset_grant g;
    OK(grant_until(f, d, project, PURPOSE_DEFAULT, NOW + 10 * DAY, &g, &e), e);
    return g;
}

static int gate_at(struct fixture *f, struct cat_actor who, const char *project, const char *purpose,
                   const struct dataset_row *d, int64_t now_us, struct gate_pass *pass, struct err *e)
{
    struct standing s = standing_for(f, who);
    struct dataset_row now;
    OK(cat_dataset_by_key(f->db, f->a, d->key, &now, e), *e);
    const struct gate_ask ask = {.by = &s, .project = project, .purpose = purpose, .now_us = now_us};
    return cat_gate(f->db, f->a, &ask, &now, pass, e);
}

#define LETS_IN(who, project, purpose, d, rule_)                                                   \
    do {                                                                                           \
        struct err e_ = {0};                                                                       \
        struct gate_pass pass_;                                                                    \
        OK(gate_at(f, who, project, purpose, d, NOW, &pass_, &e_), e_);                            \
        assert_int_equal(pass_.rule, rule_);                                                       \
        assert_true((pass_.grant != 0) == ((rule_) == GATE_GRANT));                                \
    } while (0)

/* The rule is named, and whom to ask. */
#define REFUSES(who, project, purpose, d, at, field_, told, asks)                                  \
    do {                                                                                           \
        struct err e_;                                                                             \
        struct gate_pass pass_;                                                                    \
        FAILS(gate_at(f, who, project, purpose, d, at, &pass_, &e_), e_,                           \
              strcmp(field_, "dataset.sealed") && strcmp(field_, "dataset.retired") &&             \
                      strcmp(field_, "dataset.quarantine")                                         \
                  ? E_DENIED                                                                       \
                  : E_CONFLICT);                                                                   \
        assert_string_equal(e_.field, field_);                                                     \
        HAS(e_.message, told);                                                                     \
        HAS(e_.hint, asks);                                                                        \
    } while (0)

/* A world: marie keeps `sales`; the project `urgences` has anne (scientist there); luc is a scientist of the
 * lab, in no project; root is admin. */
static struct dataset_row world(struct fixture *f, const char *answers)
{
    add_project(f, "urgences");
    add_project(f, "autre");
    give(f, root, ROLE_ADMIN, NULL);
    give(f, marie, ROLE_CUSTODIAN, NULL);
    give(f, marie, ROLE_SCIENTIST, NULL);
    give(f, luc, ROLE_SCIENTIST, NULL);
    give(f, anne, ROLE_SCIENTIST, "urgences");
    struct dataset_row d = fx_dataset(f, "sales");
    if (answers)
        card(f, &d, answers);
    return d;
}

/* ---- cards ---- */

static void a_card_is_kept_by_version_and_tells_the_gate_what_it_needs(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct dataset_card c;
    struct dataset_row d = fx_dataset(f, "sales");
    OK(cat_dataset_card(f->db, f->a, d.dataset, &c, &e), e);
    assert_true(c.version == 0 && c.personal == CARD_NOT_SAID && c.purpose_count == 0);
    assert_true(dataset_card_permits(&c, "research"));
    card(f, &d, "{\"title\": {\"fr\": \"Ventes\"}, \"personal\": false, \"confidentiality\": 3}");
    OK(cat_dataset_card(f->db, f->a, d.dataset, &c, &e), e);
    assert_true(c.version == 1 && c.personal == CARD_NO && !c.pia);
    card(f, &d, "{\"personal\": true, \"pia\": \"EFVP-1\", \"pia_expires\": \"2027-01-31\", \"purposes\": "
                "[\"research\", \"quality\"], \"retention\": \"2030-12-31\"}");
    OK(cat_dataset_card(f->db, f->a, d.dataset, &c, &e), e);
    assert_true(c.version == 2 && c.personal == CARD_YES);
    assert_string_equal(c.pia_expires, "2027-01-31");
    assert_string_equal(c.retention, "2030-12-31");
    assert_true(dataset_card_permits(&c, "research") && !dataset_card_permits(&c, "training"));
    card(f, &d, "{\"personal\": null, \"pia\": null, \"pia_expires\": null, \"purposes\": null}");
    OK(cat_dataset_card(f->db, f->a, d.dataset, &c, &e), e);
    assert_true(c.version == 3 && c.personal == CARD_NOT_SAID && !c.pia && c.purpose_count == 0);
    struct record_row r;
    OK(cat_record_get(f->db, f->a, "dataset", "sales", 2, &r, &e), e);
    HAS(r.answers, "EFVP-1"); /* what was said once stays known */
}

static void a_card_that_contradicts_itself_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct dataset_row d = fx_dataset(f, "sales");
    FAILS(describe(f, &d, 0, "{\"pia\": \"EFVP-1\"}", &e), e, E_INVALID);
    assert_string_equal(e.field, "pia_expires");
    FAILS(describe(f, &d, 0, "{\"pia_expires\": \"2027-01-31\"}", &e), e, E_INVALID);
    assert_string_equal(e.field, "pia");
    FAILS(describe(f, &d, 0, "{\"period_from\": \"2026-02-01\", \"period_to\": \"2026-01-01\"}", &e), e,
          E_INVALID);
    FAILS(describe(f, &d, 0, "{\"confidentiality\": 5}", &e), e, E_INVALID);
    FAILS(describe(f, &d, 0, "{\"purposes\": [\"curiosity\"]}", &e), e, E_INVALID);
    FAILS(describe(f, &d, 0, "{\"owner\": \"x\"}", &e), e, E_INVALID);
    FAILS(describe(f, &d, 4, "{\"personal\": false}", &e), e, E_NOT_FOUND);
}

static void the_form_and_the_purposes_are_one_list(void **state)
{
    (void)state;
    const struct field *purposes = form_field(form_find("dataset"), "purposes");
    size_t n = 0;
    assert_non_null(purposes);
    for (; purpose_codes[n]; n++) {
        const struct choice *c = field_choice(purposes, purpose_codes[n]);
        assert_non_null(c);
        assert_int_equal(strcasecmp(c->label.en, purpose_find(purpose_codes[n])->title_en), 0);
    }
    assert_int_equal(purposes->choice_count, n);
}

static void near_days_wait_for_who_keeps_the_dataset(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct dataset_due *due;
    size_t count;
    struct dataset_row d = fx_dataset(f, "sales"), other = fx_dataset(f, "other");
    card(f, &d, "{\"personal\": true, \"pia\": \"E1\", \"pia_expires\": \"2026-12-10\", \"retention\": \"2026-11-30\"}");
    card(f, &other, "{\"personal\": false, \"retention\": \"2028-11-30\"}");
    OK(cat_dataset_due(f->db, f->a, &marie, NOW + 30 * DAY, 10, &due, &count, &e), e);
    assert_int_equal(count, 2);
    assert_string_equal(due[0].what, "retention");
    assert_string_equal(due[1].what, "pia");
    assert_string_equal(due[1].day, "2026-12-10");
    OK(cat_dataset_due(f->db, f->a, &marie, NOW + 10 * DAY, 10, &due, &count, &e), e);
    assert_int_equal(count, 1);
    OK(cat_dataset_due(f->db, f->a, &luc, NOW + 30 * DAY, 10, &due, &count, &e), e);
    assert_int_equal(count, 0);
    OK(cat_dataset_retire(f->db, d.key, &marie, "done", NOW, &e), e);
    OK(cat_dataset_due(f->db, f->a, &marie, NOW + 30 * DAY, 10, &due, &count, &e), e);
    assert_int_equal(count, 0);
}

/* ---- keeping ---- */

static void a_dataset_is_kept_by_one_who_may_hand_it_over(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    bool existed;
    struct dataset_row d = world(f, NULL), again;
    struct standing m = standing_for(f, marie), l = standing_for(f, luc), r = standing_for(f, root);
    assert_true(dataset_keeps(&m, &d) && !dataset_keeps(&l, &d) && dataset_keeps(&r, &d));
    FAILS(dataset_must_keep(&l, &d, "dataset.retire", &e), e, E_DENIED);
    HAS(e.message, "marie");
    /* Nobody else adds a version, since NAME alone means the latest one. */
    struct dataset_new new = {.name = "sales", .classification = "interne", .manifest = SHA_B, .files = 1,
                              .size_bytes = 1, .actor = luc, .created_us = NOW};
    FAILS(cat_dataset_add(f->db, f->a, &new, &again, &existed, &e), e, E_DENIED);
    HAS(e.message, "kept by marie");
    e = (struct err){0};
    FAILS(cat_dataset_hand_over(f->db, &d, &marie, &marie, NULL, NOW, &e), e, E_CONFLICT);
    e = (struct err){0};
    OK(cat_dataset_hand_over(f->db, &d, &luc, &marie, "on leave", NOW, &e), e);
    OK(cat_dataset_get(f->db, f->a, "sales", 1, &d, &e), e);
    assert_string_equal(d.keeper.name, "luc");
    assert_string_equal(d.actor.name, "marie"); /* who added that version stays known */
    assert_true(!dataset_keeps(&m, &d) && dataset_keeps(&l, &d));
    OK(cat_dataset_add(f->db, f->a, &new, &again, &existed, &e), e);
    assert_string_equal(again.ref, "sales@2");
}

static void retiring_and_verifying_are_told_with_their_reason(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct dataset_row d = fx_dataset(f, "sales");
    OK(cat_dataset_verified(f->db, &d, &marie, NULL, 12, NOW, &e), e);
    OK(cat_dataset_get(f->db, f->a, "sales", 1, &d, &e), e);
    assert_true(d.verified_us == NOW);
    OK(cat_dataset_verified(f->db, &d, &marie, "a.csv has another digest", 12, NOW + 1, &e), e);
    OK(cat_dataset_get(f->db, f->a, "sales", 1, &d, &e), e);
    assert_true(d.verified_us == NOW); /* the last time that it was right */
    FAILS(cat_dataset_unquarantine(f->db, d.key, &marie, "looked", NOW, &e), e, E_CONFLICT);
    e = (struct err){0};
    OK(cat_dataset_retire(f->db, d.key, &marie, "replaced by 2027", NOW, &e), e);
    OK(cat_dataset_get(f->db, f->a, "sales", 1, &d, &e), e);
    assert_string_equal(d.retired_reason, "replaced by 2027");
}

/* ---- grants ---- */

static void a_grant_is_for_a_project_a_purpose_and_a_time(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    bool existed;
    struct dataset_row d = world(f, "{\"personal\": false}");
    struct dataset_grant g = granted(f, &d, "urgences"), other, found;
    assert_true(dataset_grant_in_force(&g, NOW) && !dataset_grant_in_force(&g, NOW + 10 * DAY));
    int64_t entries = fx_count(f->db, "audit");
    const struct dataset_grant_ask same = {.dataset = &d, .project = "urgences", .purpose = PURPOSE_DEFAULT,
                                           .expires_us = g.expires_us, .actor = marie, .now_us = NOW};
    OK(cat_dataset_grant_add(f->db, f->a, &same, &other, &existed, &e), e);
    assert_true(existed && other.id == g.id);
    assert_int_equal(fx_count(f->db, "audit"), entries);
    /* Another expiry: one grant in force at a time, and the old one stays to be read. */
    OK(grant_until(f, &d, "urgences", PURPOSE_DEFAULT, NOW + 20 * DAY, &other, &e), e);
    assert_true(other.id != g.id);
    OK(cat_dataset_grant_get(f->db, f->a, g.id, &found, &e), e);
    assert_string_equal(found.revoked_reason, "replaced");
    OK(grant_until(f, &d, "urgences", "research", NOW + DAY, &found, &e), e);
    struct dataset_grant *list;
    size_t count;
    struct dataset_grant_list l = {.dataset = "sales", .limit = 2};
    OK(cat_dataset_grant_list(f->db, f->a, &l, &list, &count, &e), e);
    assert_true(count == 2 && list[0].id == found.id);
    l.before = list[1].id;
    OK(cat_dataset_grant_list(f->db, f->a, &l, &list, &count, &e), e);
    assert_true(count == 1 && list[0].id == g.id);
    l = (struct dataset_grant_list){.project = "autre", .limit = 5};
    OK(cat_dataset_grant_list(f->db, f->a, &l, &list, &count, &e), e);
    assert_int_equal(count, 0);
    l.project = NULL;
    FAILS(cat_dataset_grant_list(f->db, f->a, &l, &list, &count, &e), e, E_INVALID);
    e = (struct err){0};
    OK(cat_dataset_grant_revoke(f->db, f->a, other.id, &marie, "project ended", NOW + 5, &other, &e), e);
    assert_string_equal(other.revoked_by, "marie");
    FAILS(cat_dataset_grant_revoke(f->db, f->a, other.id, &marie, NULL, NOW + 6, &other, &e), e, E_CONFLICT);
    FAILS(cat_dataset_grant_revoke(f->db, f->a, 999, &marie, NULL, NOW, &other, &e), e, E_NOT_FOUND);
}

static void a_grant_that_no_run_could_use_is_not_given(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct dataset_grant g;
    struct dataset_row d = world(f, NULL);
    FAILS(grant_until(f, &d, "urgences", "research", NOW + DAY, &g, &e), e, E_CONFLICT);
    assert_string_equal(e.field, "personal");
    card(f, &d, "{\"personal\": true}");
    FAILS(grant_until(f, &d, "urgences", "research", NOW + DAY, &g, &e), e, E_CONFLICT);
    assert_string_equal(e.field, "pia");
    card(f, &d, "{\"pia\": \"EFVP-1\", \"pia_expires\": \"2026-11-23\"}");
    FAILS(grant_until(f, &d, "urgences", "research", NOW + DAY, &g, &e), e, E_CONFLICT);
    assert_string_equal(e.field, "pia_expires");
    HAS(e.message, "2026-11-23");
    card(f, &d, "{\"pia_expires\": \"2026-11-24\", \"purposes\": [\"statistics\"]}"); /* today is still valid */
    FAILS(grant_until(f, &d, "urgences", "research", NOW + DAY, &g, &e), e, E_CONFLICT);
    assert_string_equal(e.field, "purpose");
    FAILS(grant_until(f, &d, "nowhere", "statistics", NOW + DAY, &g, &e), e, E_NOT_FOUND);
    FAILS(grant_until(f, &d, "urgences", "curiosity", NOW + DAY, &g, &e), e, E_INVALID);
    FAILS(grant_until(f, &d, "urgences", "statistics", NOW, &g, &e), e, E_INVALID);
    FAILS(grant_until(f, &d, "urgences", "statistics", NOW + 1101 * DAY, &g, &e), e, E_INVALID);
    assert_int_equal(fx_count(f->db, "dataset_grant"), 0);
    e = (struct err){0};
    OK(grant_until(f, &d, "urgences", "statistics", NOW + DAY, &g, &e), e);
}

/* ---- the gate ---- */

static void a_lab_of_one_person_needs_no_card(void **state)
{
    struct fixture *f = *state;
    give(f, marie, ROLE_ADMIN, NULL);
    struct dataset_row d = fx_dataset(f, "sales");
    LETS_IN(marie, NULL, PURPOSE_DEFAULT, &d, GATE_CUSTODIAN);
}

/* A scientist of the lab who may only review in a project does not run on its data: at the start neither. */
static void a_role_of_the_lab_and_another_of_the_project_do_not_add_up(void **state)
{
    struct fixture *f = *state;
    struct dataset_row d = world(f, "{\"personal\": false}");
    granted(f, &d, "urgences");
    give(f, luc, ROLE_REVIEWER, "urgences");
    REFUSES(luc, "urgences", PURPOSE_DEFAULT, &d, NOW, "dataset.member", "run nothing in it", "root");
    give(f, luc, ROLE_SCIENTIST, "urgences");
    LETS_IN(luc, "urgences", PURPOSE_DEFAULT, &d, GATE_GRANT);
}

static void each_rule_lets_in_and_refuses_by_its_name(void **state)
{
    struct fixture *f = *state;
    struct dataset_row d = world(f, "{\"personal\": false}");
    /* its custodian, and an admin, in personal runs */
    LETS_IN(marie, NULL, PURPOSE_DEFAULT, &d, GATE_CUSTODIAN);
    LETS_IN(root, NULL, "research", &d, GATE_ADMIN);
    REFUSES(luc, NULL, PURPOSE_DEFAULT, &d, NOW, "dataset.grant", "sales@1", "marie");
    /* in a project nobody without a grant, its custodian neither */
    REFUSES(anne, "urgences", PURPOSE_DEFAULT, &d, NOW, "dataset.grant", "has no grant", "marie");
    REFUSES(root, "urgences", PURPOSE_DEFAULT, &d, NOW, "dataset.grant", "has no grant", "enclos dataset grant");
    struct dataset_grant g = granted(f, &d, "urgences");
    LETS_IN(anne, "urgences", PURPOSE_DEFAULT, &d, GATE_GRANT);
    LETS_IN(root, "urgences", PURPOSE_DEFAULT, &d, GATE_GRANT);
    REFUSES(anne, "urgences", "research", &d, NOW, "dataset.grant", "for experimentation", "marie");
    REFUSES(luc, "urgences", PURPOSE_DEFAULT, &d, NOW, "dataset.member", "run nothing in it", "root");
    REFUSES(anne, "autre", PURPOSE_DEFAULT, &d, NOW, "dataset.role", "scientist", "root");
    REFUSES(anne, NULL, PURPOSE_DEFAULT, &d, NOW, "dataset.role", "scientist", "root");
    REFUSES(stranger, "urgences", PURPOSE_DEFAULT, &d, NOW, "dataset.role",
            "scientist", "root");
    /* over, and taken back */
    REFUSES(anne, "urgences", PURPOSE_DEFAULT, &d, NOW + 10 * DAY, "dataset.grant", "expired on 2026-12-04", "marie");
    struct err e = {0};
    OK(cat_dataset_grant_revoke(f->db, f->a, g.id, &marie, "ended", NOW, &g, &e), e);
    REFUSES(anne, "urgences", PURPOSE_DEFAULT, &d, NOW, "dataset.grant", "revoked by marie on 2026-11-24", "marie");
    granted(f, &d, "urgences");
    LETS_IN(anne, "urgences", PURPOSE_DEFAULT, &d, GATE_GRANT);
    /* what the version is */
    OK(cat_dataset_quarantine(f->db, d.key, "a.csv is missing", NOW, &e), e);
    REFUSES(anne, "urgences", PURPOSE_DEFAULT, &d, NOW, "dataset.quarantine", "a.csv is missing", "marie");
    OK(cat_dataset_unquarantine(f->db, d.key, &marie, "restored", NOW, &e), e);
    OK(cat_dataset_retire(f->db, d.key, &marie, "replaced", NOW, &e), e);
    REFUSES(marie, NULL, PURPOSE_DEFAULT, &d, NOW, "dataset.retired", "replaced", "newer");
}

static void what_the_card_says_holds_for_all_but_the_custodian_who_looks_at_quality(void **state)
{
    struct fixture *f = *state;
    struct dataset_row d = world(f, "{\"personal\": true, \"pia\": \"EFVP-7\", \"pia_expires\": \"2026-11-24\", "
                                    "\"purposes\": [\"experimentation\", \"research\"], \"retention\": \"2026-11-26\"}");
    granted(f, &d, "urgences");
    LETS_IN(anne, "urgences", PURPOSE_DEFAULT, &d, GATE_GRANT);
    LETS_IN(marie, NULL, PURPOSE_DEFAULT, &d, GATE_CUSTODIAN);
    REFUSES(anne, "urgences", PURPOSE_DEFAULT, &d, NOW + DAY, "dataset.pia", "EFVP-7 was valid until 2026-11-24", "marie");
    REFUSES(marie, NULL, PURPOSE_DEFAULT, &d, NOW + DAY, "dataset.pia", "EFVP-7", "marie");
    REFUSES(root, NULL, PURPOSE_DEFAULT, &d, NOW + DAY, "dataset.pia", "EFVP-7", "marie");
    REFUSES(marie, NULL, "training", &d, NOW, "dataset.purpose", "training", "marie");
    card(f, &d, "{\"pia_expires\": \"2027-11-24\"}");
    REFUSES(anne, "urgences", PURPOSE_DEFAULT, &d, NOW + 3 * DAY, "dataset.retention", "2026-11-26", "marie");
    card(f, &d, "{\"pia\": null, \"pia_expires\": null}");
    REFUSES(anne, "urgences", PURPOSE_DEFAULT, &d, NOW, "dataset.pia", "names no privacy impact assessment", "marie");
    LETS_IN(marie, NULL, PURPOSE_QUALITY, &d, GATE_CUSTODIAN);
    REFUSES(root, NULL, PURPOSE_QUALITY, &d, NOW, "dataset.pia", "names no", "marie");
    card(f, &d, "{\"personal\": null}");
    REFUSES(anne, "urgences", PURPOSE_DEFAULT, &d, NOW, "dataset.personal", "does not say", "marie");
}

static void public_data_is_for_every_scientist_once_its_card_says_no_personal_information(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    bool existed;
    struct dataset_row d;
    world(f, NULL);
    const struct dataset_new new = {.name = "open", .classification = "public", .manifest = SHA_B, .files = 1,
                                    .size_bytes = 1, .actor = marie, .created_us = NOW};
    OK(cat_dataset_add(f->db, f->a, &new, &d, &existed, &e), e);
    REFUSES(luc, NULL, PURPOSE_DEFAULT, &d, NOW, "dataset.sealed", "draft", "seal");
    OK(cat_dataset_seal(f->db, d.key, &marie, NOW, &e), e);
    REFUSES(luc, NULL, PURPOSE_DEFAULT, &d, NOW, "dataset.personal", "does not say", "marie");
    card(f, &d, "{\"personal\": false}");
    LETS_IN(luc, NULL, "training", &d, GATE_PUBLIC);
    LETS_IN(anne, "urgences", PURPOSE_DEFAULT, &d, GATE_PUBLIC);
    card(f, &d, "{\"personal\": true, \"pia\": \"E\", \"pia_expires\": \"2030-01-01\"}");
    REFUSES(luc, NULL, PURPOSE_DEFAULT, &d, NOW, "dataset.personal", "does not say that it holds no", "marie");
}

/* ---- a run ---- */

static void submit_with(struct fixture *f, const char *id, struct cat_actor who, const char *project,
                        const struct dataset_row *d, size_t count)
{
    struct err e = {0};
    struct run_new run = fx_run(id);
    struct gate_pass passes[4];
    int64_t keys[4];
    char out[TEXT_ID_SIZE], sql[200];
    bool existed;
    for (size_t i = 0; i < count; i++) {
        OK(gate_at(f, who, project, PURPOSE_DEFAULT, &d[i], NOW, &passes[i], &e), e);
        keys[i] = d[i].key;
    }
    run.actor = who;
    run.dataset_versions = keys;
    run.dataset_count = count;
    OK(cat_run_insert(f->db, &run, out, &existed, &e), e);
    if (project) {
        snprintf(sql, sizeof sql,
                 "UPDATE run SET project = (SELECT id FROM project WHERE code = '%s') WHERE id = '%s'", project, id);
        OK(cat_exec(f->db, sql, &e), e);
    }
    OK(cat_gate_keep(f->db, id, passes, count, &(struct standing_of){.actor = who}, &e), e);
}

static int64_t uses(struct fixture *f)
{
    return fx_count(f->db, "audit WHERE action = 'dataset.use'");
}

static void a_queued_run_is_asked_again_and_each_use_is_written(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct dataset_row d[2] = {world(f, "{\"personal\": false}"), fx_dataset(f, "other")};
    card(f, &d[1], "{\"personal\": false}");
    struct dataset_grant g[2] = {granted(f, &d[0], "urgences"), granted(f, &d[1], "urgences")};
    submit_with(f, "raaaa1", anne, "urgences", d, 2);
    submit_with(f, "raaaa2", marie, NULL, d, 1);
    OK(cat_gate_start(f->db, f->a, "raaaa1", NOW + DAY, &e), e);
    assert_int_equal(uses(f), 2);
    OK(cat_dataset_grant_get(f->db, f->a, g[0].id, &g[0], &e), e);
    assert_int_equal(g[0].runs, 1);
    struct audit_entry *entries;
    size_t count;
    int64_t last;
    char hash[65];
    OK(audit_head(f->db, &last, hash, &e), e);
    OK(audit_export(f->db, f->a, last, 1, &entries, &count, &e), e);
    assert_string_equal(entries[0].action, "dataset.use");
    assert_string_equal(entries[0].subject, "other@1");
    assert_string_equal(entries[0].actor.name, "anne");
    for (const char *const *part = (const char *const[]){"\"run\":\"raaaa1\"", "\"project\":\"urgences\"",
                                                         "\"purpose\":\"experimentation\"", "\"rule\":\"grant\"",
                                                         "\"command_sha256\":\"", "\"manifest\":\"aaaa", NULL};
         *part; part++)
        HAS(entries[0].detail_json, *part);
    /* One of two is taken back: neither is used, and nothing says that one was. */
    OK(cat_dataset_grant_revoke(f->db, f->a, g[1].id, &marie, "no", NOW, &g[1], &e), e);
    FAILS(cat_gate_start(f->db, f->a, "raaaa1", NOW, &e), e, E_DENIED);
    assert_string_equal(e.field, "dataset.grant");
    assert_int_equal(uses(f), 2);
    /* A run without datasets is asked nothing, whoever they are by now. */
    e = (struct err){0};
    fx_submit(f->db, "raaaa3", NOW);
    OK(cat_gate_start(f->db, f->a, "raaaa3", NOW, &e), e);
    /* A role that is gone. */
    OK(cat_gate_start(f->db, f->a, "raaaa2", NOW, &e), e);
    OK(cat_exec(f->db, "UPDATE role_grant SET revoked_us = 1, revoked_by = 'test' WHERE role = 'scientist'", &e), e);
    FAILS(cat_gate_start(f->db, f->a, "raaaa2", NOW, &e), e, E_DENIED);
    assert_string_equal(e.field, "dataset.role");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, fx_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_card_is_kept_by_version_and_tells_the_gate_what_it_needs),
        TEST(a_card_that_contradicts_itself_is_refused),
        TEST(the_form_and_the_purposes_are_one_list),
        TEST(near_days_wait_for_who_keeps_the_dataset),
        TEST(a_dataset_is_kept_by_one_who_may_hand_it_over),
        TEST(retiring_and_verifying_are_told_with_their_reason),
        TEST(a_grant_is_for_a_project_a_purpose_and_a_time),
        TEST(a_grant_that_no_run_could_use_is_not_given),
        TEST(a_lab_of_one_person_needs_no_card),
        TEST(a_role_of_the_lab_and_another_of_the_project_do_not_add_up),
        TEST(each_rule_lets_in_and_refuses_by_its_name),
        TEST(what_the_card_says_holds_for_all_but_the_custodian_who_looks_at_quality),
        TEST(public_data_is_for_every_scientist_once_its_card_says_no_personal_information),
        TEST(a_queued_run_is_asked_again_and_each_use_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
