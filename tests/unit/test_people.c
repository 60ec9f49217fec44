/* test_people.c - accounts, grants, standings: who may do what, and who may say so. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/people.h"

enum { NOW = 1000000 };

static const struct account_ref marie = {ACCOUNT_USER, 1000, "marie"};
static const struct account_ref luc = {ACCOUNT_USER, 1001, "luc"};
static const struct account_ref science = {ACCOUNT_GROUP, 500, "science"};
static const struct account_ref miroir = {ACCOUNT_SERVICE, 0, "miroir"};

/* Of who grants, in what follows. */
static const int64_t *own_gids;
static size_t own_gid_count;

static struct standing standing_with(struct fixture *f, int64_t uid, const char *name, const int64_t *gids,
                                     size_t gid_count)
{
    struct err e = {0};
    struct standing s;
    const struct standing_of who = {.actor = {uid, name}, .gids = gids, .gid_count = gid_count};
    OK(cat_standing(f->db, f->a, &who, NOW, &s, &e), e);
    return s;
}

static struct standing standing_for(struct fixture *f, int64_t uid, const char *name)
{
    return standing_with(f, uid, name, NULL, 0);
}

static int64_t add_project(struct fixture *f, const char *code)
{
    struct err e = {0};
    char sql[200];
    int64_t id = 0;
    snprintf(sql, sizeof sql,
             "INSERT INTO project (code, actor_uid, actor_name, created_us) VALUES ('%s', 0, 'root', 1)", code);
    OK(cat_exec(f->db, sql, &e), e);
    OK(cat_project_find(f->db, code, &id, &e), e);
    return id;
}

static int grant_as(struct fixture *f, const struct standing *by, struct account_ref whom, enum role role,
                    const char *project, struct err *e)
{
    struct account_row row;
    bool changed;
    const struct grant_ask ask = {.by = by, .whom = whom, .role = role, .project = project, .now_us = NOW, .gids = own_gids, .gid_count = own_gid_count};
    return cat_grant(f->db, f->a, &ask, &row, &changed, e);
}

static int revoke_as(struct fixture *f, const struct standing *by, struct account_ref whom, enum role role,
                     const char *project, struct err *e)
{
    struct account_row row;
    const struct grant_ask ask = {.by = by, .whom = whom, .role = role, .project = project, .now_us = NOW, .gids = own_gids, .gid_count = own_gid_count};
    return cat_revoke(f->db, f->a, &ask, &row, e);
}

static void give(struct fixture *f, struct account_ref whom, enum role role, const char *project)
{
    struct err e = {0};
    OK(grant_as(f, &STANDING_LAB, whom, role, project, &e), e);
}

static void whoever_starts_an_empty_lab_is_admin_and_nobody_after(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    bool made;
    OK(cat_people_first(f->db, &(struct cat_actor){0, "root"}, NOW, &made, &e), e);
    assert_true(made);
    assert_int_equal(standing_for(f, 0, "root").lab_roles, ROLE(ROLE_ADMIN));
    OK(cat_people_first(f->db, &(struct cat_actor){1000, "marie"}, NOW, &made, &e), e);
    assert_false(made);
    assert_int_equal(standing_for(f, 1000, "marie").lab_roles, 0);
    /* Not even when nobody holds anything any more: what was revoked stays so. */
    OK(cat_exec(f->db, "UPDATE role_grant SET revoked_us = 1, revoked_by = 'test'", &e), e);
    OK(cat_people_first(f->db, &(struct cat_actor){1000, "marie"}, NOW, &made, &e), e);
    assert_false(made);
}

static void a_grant_counts_where_it_was_given(void **state)
{
    struct fixture *f = *state;
    int64_t p1 = add_project(f, "p1"), p2 = add_project(f, "p2");
    give(f, marie, ROLE_CUSTODIAN, NULL);
    give(f, marie, ROLE_SCIENTIST, "p1");
    struct standing s = standing_for(f, 1000, "marie");
    assert_int_equal(s.lab_roles, ROLE(ROLE_CUSTODIAN));
    assert_int_equal(standing_roles(&s, p1), ROLE(ROLE_CUSTODIAN) | ROLE(ROLE_SCIENTIST));
    assert_int_equal(standing_roles(&s, p2), ROLE(ROLE_CUSTODIAN));
    assert_true(standing_may(&s, ROLE(ROLE_SCIENTIST), p1));
    assert_false(standing_may(&s, ROLE(ROLE_SCIENTIST), p2));
    assert_false(standing_may(&s, ROLE(ROLE_SCIENTIST), 0));
    assert_int_equal(standing_in(&s, "p1")->id, p1);
    assert_null(standing_in(&s, "p2"));
    char wanted[20];
    snprintf(wanted, sizeof wanted, "[%lld]", (long long)p1);
    assert_string_equal(s.projects_json, wanted);
}

static void an_admin_may_what_any_role_may_and_only_where(void **state)
{
    struct fixture *f = *state;
    int64_t p1 = add_project(f, "p1");
    give(f, marie, ROLE_ADMIN, "p1");
    struct standing s = standing_for(f, 1000, "marie");
    assert_true(standing_may(&s, ROLE(ROLE_REVIEWER), p1));
    assert_false(standing_may(&s, ROLE(ROLE_REVIEWER), 0));
    assert_false(standing_sees_all(&s));
}

static void a_number_with_another_name_is_another_account(void **state)
{
    struct fixture *f = *state;
    give(f, marie, ROLE_CURATOR, NULL);
    assert_int_equal(standing_for(f, 1000, "marie").lab_roles, ROLE(ROLE_CURATOR));
    struct standing s = standing_for(f, 1000, "jean");
    assert_int_equal(standing_anywhere(&s), 0);
    assert_false(standing_is(&s, &(struct cat_actor){1000, "marie"}));
    assert_false(standing_sees_run(&s, &(struct cat_actor){1000, "marie"}, 0));
}

static void a_group_gives_its_members_what_it_holds(void **state)
{
    struct fixture *f = *state;
    const int64_t in[] = {4, 500}, out[] = {4, 501};
    give(f, science, ROLE_SCIENTIST, NULL);
    assert_int_equal(standing_with(f, 1001, "luc", in, 2).lab_roles, ROLE(ROLE_SCIENTIST));
    assert_int_equal(standing_with(f, 1001, "luc", out, 2).lab_roles, 0);
    /* A uid of the same number is no group. */
    assert_int_equal(standing_for(f, 500, "science").lab_roles, 0);
}

static void what_is_revoked_is_gone_and_written(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    give(f, marie, ROLE_ADMIN, NULL);
    give(f, luc, ROLE_SCIENTIST, NULL);
    int64_t before = fx_count(f->db, "audit");
    OK(revoke_as(f, &STANDING_LAB, luc, ROLE_SCIENTIST, NULL, &e), e);
    assert_int_equal(standing_for(f, 1001, "luc").lab_roles, 0);
    assert_int_equal(fx_count(f->db, "audit"), before + 1);
    FAILS(revoke_as(f, &STANDING_LAB, luc, ROLE_SCIENTIST, NULL, &e), e, E_NOT_FOUND);
    assert_int_equal(fx_count(f->db, "audit"), before + 1);
    give(f, luc, ROLE_SCIENTIST, NULL);
    assert_int_equal(standing_for(f, 1001, "luc").lab_roles, ROLE(ROLE_SCIENTIST));
}

static void granting_what_is_held_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct account_row row;
    bool changed = true;
    give(f, marie, ROLE_CURATOR, NULL);
    int64_t before = fx_count(f->db, "audit");
    const struct grant_ask again = {.by = &STANDING_LAB, .whom = marie, .role = ROLE_CURATOR, .now_us = NOW};
    OK(cat_grant(f->db, f->a, &again, &row, &changed, &e), e);
    assert_false(changed);
    assert_int_equal(row.role_count, 1);
    assert_int_equal(row.roles[0].role, ROLE_CURATOR);
    assert_int_equal(fx_count(f->db, "audit"), before);
    assert_int_equal(fx_count(f->db, "role_grant"), 1);
}

static void the_last_person_who_is_admin_stays(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    give(f, marie, ROLE_ADMIN, NULL);
    give(f, science, ROLE_ADMIN, NULL);
    give(f, miroir, ROLE_ADMIN, NULL);
    FAILS(revoke_as(f, &STANDING_LAB, marie, ROLE_ADMIN, NULL, &e), e, E_CONFLICT);
    give(f, luc, ROLE_ADMIN, NULL);
    OK(revoke_as(f, &STANDING_LAB, marie, ROLE_ADMIN, NULL, &e), e);
    FAILS(revoke_as(f, &STANDING_LAB, luc, ROLE_ADMIN, NULL, &e), e, E_CONFLICT);
}

/* Every role of a granter, lab-wide and in the project, against every role that could be given, here and there. */
static void only_the_table_may_grant(void **state)
{
    struct fixture *f = *state;
    add_project(f, "here");
    add_project(f, "there");
    give(f, luc, ROLE_ADMIN, NULL); /* another, so that none is the last */
    for (int in_project = 0; in_project < 2; in_project++)
        for (enum role own = 0; own < ROLE_COUNT; own++) {
            const char *at = in_project ? "here" : NULL;
            give(f, marie, own, at);
            struct standing by = standing_for(f, 1000, "marie");
            for (enum role r = 0; r < ROLE_COUNT; r++) {
                static const char *const where[] = {NULL, "here", "there"};
                for (int w = 0; w < 3; w++) {
                    bool may = own == ROLE_ADMIN ? !in_project || (w == 1 && r != ROLE_ADMIN)
                               : own == ROLE_CURATOR
                                   ? r == ROLE_SCIENTIST && (in_project ? w == 1 : w != 0)
                                   : false;
                    struct err e = {0};
                    int64_t before = fx_count(f->db, "audit");
                    int rc = grant_as(f, &by, (struct account_ref){ACCOUNT_USER, 7, "zoe"}, r, where[w], &e);
                    if ((rc == 0) != may)
                        fail_msg("%s %s grants %s in %s: %s", role_name(own), at ? at : "lab", role_name(r),
                                 where[w] ? where[w] : "the lab", e.message);
                    if (!may) {
                        assert_int_equal(e.kind, E_DENIED);
                        assert_int_equal(fx_count(f->db, "audit"), before);
                        HAS(e.hint, "luc");
                        continue;
                    }
                    e = (struct err){0};
                    OK(revoke_as(f, &by, (struct account_ref){ACCOUNT_USER, 7, "zoe"}, r, where[w], &e), e);
                }
            }
            struct err e = {0};
            OK(revoke_as(f, &STANDING_LAB, marie, own, at, &e), e);
        }
}

static void a_refusal_says_which_role_where_and_who_grants_it(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    int64_t p1 = add_project(f, "p1");
    give(f, marie, ROLE_ADMIN, NULL);
    give(f, science, ROLE_ADMIN, NULL);
    struct standing s = standing_for(f, 1001, "luc");
    FAILS(cat_may(f->db, &s, ROLE(ROLE_SCIENTIST) | ROLE(ROLE_CURATOR), p1, "p1", "run.submit", &e), e, E_DENIED);
    assert_string_equal(e.message, "run.submit needs the role scientist/curator, in the project p1 or in the lab");
    assert_string_equal(e.hint, "who can grant it: marie, group science");
    FAILS(cat_may(f->db, &s, ROLE(ROLE_ADMIN), 0, NULL, "token.create", &e), e, E_DENIED);
    assert_string_equal(e.message, "token.create needs the role admin in the lab");
    FAILS(cat_deny(f->db, ANY_ROLE, NULL, "run.list", &e), e, E_DENIED);
    assert_string_equal(e.message, "run.list needs a role, in the lab or in a project");
    FAILS(cat_deny(f->db, ROLE(ROLE_SCIENTIST), DENIED_ANYWHERE, "blob.put", &e), e, E_DENIED);
    assert_string_equal(e.message, "blob.put needs the role scientist, in the lab or in a project");
}

static void runs_are_seen_by_owner_members_and_those_who_see_all(void **state)
{
    struct fixture *f = *state;
    int64_t p1 = add_project(f, "p1"), p2 = add_project(f, "p2");
    const struct cat_actor owner = {1000, "marie"};
    give(f, luc, ROLE_SCIENTIST, "p1");
    struct standing own = standing_for(f, 1000, "marie"), member = standing_for(f, 1001, "luc");
    assert_true(standing_sees_run(&own, &owner, 0));
    assert_true(standing_sees_run(&own, &owner, p2));
    assert_true(standing_sees_run(&member, &owner, p1));
    assert_false(standing_sees_run(&member, &owner, p2));
    assert_false(standing_sees_run(&member, &owner, 0));
    for (enum role r = 0; r < ROLE_COUNT; r++) {
        struct account_ref who = {ACCOUNT_USER, 2000 + r, "x"};
        give(f, who, r, NULL);
        struct standing s = standing_for(f, 2000 + r, "x");
        bool all = r == ROLE_CURATOR || r == ROLE_AUDITOR || r == ROLE_ADMIN;
        assert_int_equal(standing_sees_run(&s, &owner, 0), all);
        assert_int_equal(standing_sees_run(&s, &owner, p1), all);
    }
}

static void accounts_are_noted_at_first_sight_and_listed(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct account_row *all;
    size_t count;
    const struct cat_actor actor = {1000, "marie"};
    add_project(f, "p1");
    OK(cat_account_seen(f->db, &actor, NOW, &e), e);
    OK(cat_account_seen(f->db, &actor, NOW + 5, &e), e);
    assert_int_equal(fx_count(f->db, "account"), 1);
    assert_int_equal(fx_count(f->db, "audit"), 1);
    give(f, luc, ROLE_SCIENTIST, "p1");
    give(f, science, ROLE_SCIENTIST, NULL);
    give(f, miroir, ROLE_PLATFORM, NULL);
    OK(cat_account_list(f->db, f->a, NULL, -1, 0, 10, &all, &count, &e), e);
    assert_int_equal(count, 4);
    assert_int_equal(all[0].seen_us, NOW);
    assert_int_equal(all[3].kind, ACCOUNT_SERVICE);
    assert_int_equal(all[3].number, account_service_uid(all[3].id));
    OK(cat_account_list(f->db, f->a, "p1", -1, 0, 10, &all, &count, &e), e);
    assert_int_equal(count, 1);
    assert_string_equal(all[0].name, "luc");
    assert_string_equal(all[0].roles[0].project, "p1");
    OK(cat_account_list(f->db, f->a, "p1", ROLE_ADMIN, 0, 10, &all, &count, &e), e);
    assert_int_equal(count, 0);
    OK(cat_account_list(f->db, f->a, NULL, ROLE_SCIENTIST, 0, 10, &all, &count, &e), e);
    assert_int_equal(count, 2);
    OK(cat_account_list(f->db, f->a, NULL, -1, 3, 10, &all, &count, &e), e);
    assert_int_equal(count, 1);
    FAILS(cat_account_list(f->db, f->a, "nowhere", -1, 0, 10, &all, &count, &e), e, E_NOT_FOUND);
}

static void a_curator_lets_nobody_in_who_is_themselves(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    const int64_t gids[] = {500};
    add_project(f, "triage");
    give(f, marie, ROLE_CURATOR, NULL);
    struct standing s = standing_for(f, 1000, "marie");
    FAILS(grant_as(f, &s, marie, ROLE_SCIENTIST, "triage", &e), e, E_DENIED);
    HAS(e.message, "themselves");
    own_gids = gids;
    own_gid_count = 1;
    e = (struct err){0};
    FAILS(grant_as(f, &s, science, ROLE_SCIENTIST, "triage", &e), e, E_DENIED);
    own_gid_count = 0;
    e = (struct err){0};
    OK(grant_as(f, &s, science, ROLE_SCIENTIST, "triage", &e), e);
    OK(grant_as(f, &s, luc, ROLE_SCIENTIST, "triage", &e), e);
    give(f, marie, ROLE_ADMIN, "triage");
    s = standing_for(f, 1000, "marie");
    OK(grant_as(f, &s, marie, ROLE_SCIENTIST, "triage", &e), e); /* may do all there anyway */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)
    const struct CMUnitTest tests[] = {
        T(whoever_starts_an_empty_lab_is_admin_and_nobody_after),
        T(a_grant_counts_where_it_was_given),
        T(an_admin_may_what_any_role_may_and_only_where),
        T(a_number_with_another_name_is_another_account),
        T(a_group_gives_its_members_what_it_holds),
        T(what_is_revoked_is_gone_and_written),
        T(granting_what_is_held_changes_nothing),
        T(the_last_person_who_is_admin_stays),
        T(only_the_table_may_grant),
        T(a_refusal_says_which_role_where_and_who_grants_it),
        T(runs_are_seen_by_owner_members_and_those_who_see_all),
        T(accounts_are_noted_at_first_sight_and_listed),
        T(a_curator_lets_nobody_in_who_is_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
