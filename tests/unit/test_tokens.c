/* test_tokens.c - tokens of service accounts: shown never again, narrowed, expiring, revoked. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/digest.h"
#include "catalog/people.h"
#include "catalog/token.h"

#define DAY_US (INT64_C(86400) * 1000000)
static const int64_t now = 20000 * DAY_US + 5;

static void give(struct fixture *f, const char *service, enum role role, const char *project)
{
    struct err e = {0};
    struct account_row row;
    bool changed;
    const struct grant_ask ask = {.by = &STANDING_LAB, .whom = {ACCOUNT_SERVICE, 0, service}, .role = role, .project = project, .now_us = now};
    OK(cat_grant(f->db, f->a, &ask, &row, &changed, &e), e);
}

static void take(struct fixture *f, const char *service, enum role role, const char *project)
{
    struct err e = {0};
    struct account_row row;
    const struct grant_ask ask = {.by = &STANDING_LAB, .whom = {ACCOUNT_SERVICE, 0, service}, .role = role, .project = project, .now_us = now};
    OK(cat_revoke(f->db, f->a, &ask, &row, &e), e);
}

static struct token_new ask_for(const char *service, const char *digest)
{
    return (struct token_new){
        .actor = fx_actor, .service = service, .digest = digest, .now_us = now, .expires_us = now + 10 * DAY_US};
}

static struct token_row make(struct fixture *f, const struct token_new *n)
{
    struct err e = {0};
    struct token_row row;
    bool existed;
    OK(cat_token_create(f->db, f->a, n, &row, &existed, &e), e);
    assert_false(existed);
    return row;
}

static struct standing standing_at(struct fixture *f, const char *digest, int64_t when)
{
    struct err e = {0};
    struct standing s;
    struct token_user u;
    OK(cat_token_use(f->db, f->a, digest, now, &u, &e), e);
    const struct standing_of who = {.actor = u.actor, .token = u.token};
    OK(cat_standing(f->db, f->a, &who, when, &s, &e), e);
    return s;
}

static void add_project(struct fixture *f, const char *code)
{
    struct err e = {0};
    char sql[200];
    snprintf(sql, sizeof sql,
             "INSERT INTO project (code, actor_uid, actor_name, created_us) VALUES ('%s', 0, 'root', 1)", code);
    OK(cat_exec(f->db, sql, &e), e);
}

static void a_token_is_random_and_of_one_shape(void **state)
{
    (void)state;
    struct err e = {0};
    char a[TOKEN_SIZE], b[TOKEN_SIZE];
    OK(token_make(a, &e), e);
    OK(token_make(b, &e), e);
    assert_string_not_equal(a, b);
    assert_true(token_is(a) && token_is(b));
    assert_int_equal(strncmp(a, "encl_", 5), 0);
    a[10] = 'Z';
    assert_false(token_is(a));
    b[68] = '\0';
    assert_false(token_is(b));
    assert_false(token_is(""));
}

static void only_its_digest_is_kept(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char secret[TOKEN_SIZE], digest[DIGEST_HEX_SIZE];
    OK(token_make(secret, &e), e);
    digest_bytes(secret, strlen(secret), digest);
    give(f, "miroir", ROLE_PLATFORM, NULL);
    struct token_new n = ask_for("miroir", digest);
    make(f, &n);
    OK(cat_exec(f->db, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)", &e), e);
    FILE *file = fopen(f->path, "rb");
    assert_non_null(file);
    static char bytes[4 << 20];
    size_t len = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(len > 4096 && len < sizeof bytes);
    assert_null(memmem(bytes, len, secret + 5, strlen(secret) - 5));
    assert_non_null(memmem(bytes, len, digest, strlen(digest)));
}

static void it_gives_what_the_account_holds_then_narrowed(void **state)
{
    struct fixture *f = *state;
    give(f, "miroir", ROLE_PLATFORM, NULL);
    give(f, "miroir", ROLE_AUDITOR, NULL);
    struct token_new all = ask_for("miroir", SHA_A), one = ask_for("miroir", SHA_B);
    one.roles = ROLE(ROLE_PLATFORM);
    make(f, &all);
    make(f, &one);
    assert_int_equal(standing_at(f, SHA_A, now).lab_roles, ROLE(ROLE_PLATFORM) | ROLE(ROLE_AUDITOR));
    assert_int_equal(standing_at(f, SHA_B, now).lab_roles, ROLE(ROLE_PLATFORM));
    /* What it is granted later is not in a token that was made before. */
    give(f, "miroir", ROLE_ADMIN, NULL);
    assert_int_equal(standing_at(f, SHA_A, now).lab_roles, ROLE(ROLE_PLATFORM) | ROLE(ROLE_AUDITOR));
    take(f, "miroir", ROLE_PLATFORM, NULL);
    assert_int_equal(standing_at(f, SHA_A, now).lab_roles, ROLE(ROLE_AUDITOR));
    assert_int_equal(standing_at(f, SHA_B, now).lab_roles, 0);
}

static void of_one_project_it_gives_nothing_elsewhere(void **state)
{
    struct fixture *f = *state;
    add_project(f, "p1");
    add_project(f, "p2");
    give(f, "miroir", ROLE_SCIENTIST, "p2");
    give(f, "miroir", ROLE_PLATFORM, NULL);
    struct token_new n = ask_for("miroir", SHA_A);
    n.project = "p1";
    n.roles = ROLE(ROLE_PLATFORM);
    make(f, &n);
    struct standing s = standing_at(f, SHA_A, now);
    assert_int_equal(s.lab_roles, 0);
    assert_int_equal(s.project_count, 1);
    assert_int_equal(standing_in(&s, "p1")->roles, ROLE(ROLE_PLATFORM));
    assert_false(standing_sees_all(&s));
}

static void an_admin_by_a_token_of_a_project_is_none_of_the_lab(void **state)
{
    struct fixture *f = *state;
    add_project(f, "p1");
    give(f, "robot", ROLE_ADMIN, NULL);
    struct token_new n = ask_for("robot", SHA_A);
    n.project = "p1";
    make(f, &n);
    struct standing s = standing_at(f, SHA_A, now);
    struct account_row row;
    bool changed;
    struct err e = {0};
    const struct grant_ask lab = {.by = &s, .whom = {ACCOUNT_USER, 7, "zoe"}, .role = ROLE_SCIENTIST, .now_us = now};
    FAILS(cat_grant(f->db, f->a, &lab, &row, &changed, &e), e, E_DENIED);
    const struct grant_ask here = {.by = &s, .whom = {ACCOUNT_USER, 7, "zoe"}, .role = ROLE_SCIENTIST, .project = "p1", .now_us = now};
    e = (struct err){0};
    OK(cat_grant(f->db, f->a, &here, &row, &changed, &e), e);
}

static void it_ends_by_its_date_and_by_hand(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct token_user u;
    struct token_row row;
    give(f, "miroir", ROLE_PLATFORM, NULL);
    struct token_new a = ask_for("miroir", SHA_A), b = ask_for("miroir", SHA_B);
    struct token_row first = make(f, &a);
    make(f, &b);
    /* An open connection: its standing tells when to read again, and there is nothing then. */
    struct standing s = standing_at(f, SHA_A, now);
    assert_int_equal(s.until_us, a.expires_us);
    assert_int_equal(standing_at(f, SHA_A, a.expires_us).lab_roles, 0);
    FAILS(cat_token_use(f->db, f->a, SHA_A, a.expires_us, &u, &e), e, E_DENIED);
    HAS(e.message, "expired");
    e = (struct err){0};
    OK(cat_token_revoke(f->db, f->a, first.id, &fx_actor, now + 1, &row, &e), e);
    assert_int_equal(row.state, TOKEN_REVOKED);
    int64_t before = fx_count(f->db, "audit");
    OK(cat_token_revoke(f->db, f->a, first.id, &fx_actor, now + 2, &row, &e), e);
    assert_int_equal(row.revoked_us, now + 1);
    assert_int_equal(fx_count(f->db, "audit"), before);
    FAILS(cat_token_use(f->db, f->a, SHA_A, now + 3, &u, &e), e, E_DENIED);
    HAS(e.message, "revoked");
    e = (struct err){0};
    OK(cat_token_use(f->db, f->a, SHA_B, now + 3, &u, &e), e);
    FAILS(cat_token_use(f->db, f->a, "0000000000000000000000000000000000000000000000000000000000000000", now, &u, &e), e,
          E_DENIED);
    FAILS(cat_token_revoke(f->db, f->a, "t0nothing", &fx_actor, now, &row, &e), e, E_NOT_FOUND);
}

static void its_use_is_noted_once_a_day(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct token_user u;
    struct token_row *all;
    size_t count;
    give(f, "miroir", ROLE_PLATFORM, NULL);
    struct token_new n = ask_for("miroir", SHA_A);
    make(f, &n);
    int64_t before = fx_count(f->db, "audit");
    for (int i = 0; i < 3; i++)
        OK(cat_token_use(f->db, f->a, SHA_A, now + i, &u, &e), e);
    assert_int_equal(fx_count(f->db, "audit"), before + 1);
    OK(cat_token_use(f->db, f->a, SHA_A, now + DAY_US, &u, &e), e);
    assert_int_equal(fx_count(f->db, "audit"), before + 2);
    OK(cat_token_list(f->db, f->a, "miroir", 0, 10, now, &all, &count, &e), e);
    assert_int_equal(count, 1);
    assert_int_equal(all[0].used_day, 20001);
    assert_string_equal(u.actor.name, "service:miroir");
    assert_true(u.actor.uid < -1000);
}

static void what_cannot_be_made_is_refused_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct token_row row;
    bool existed;
    give(f, "miroir", ROLE_PLATFORM, NULL);
    int64_t before = fx_count(f->db, "audit");
    struct token_new n = ask_for("nobody", SHA_A);
    FAILS(cat_token_create(f->db, f->a, &n, &row, &existed, &e), e, E_NOT_FOUND);
    n = ask_for("miroir", SHA_A);
    n.roles = ROLE(ROLE_PLATFORM) | ROLE(ROLE_ADMIN);
    FAILS(cat_token_create(f->db, f->a, &n, &row, &existed, &e), e, E_CONFLICT);
    HAS(e.message, "admin");
    n.roles = 0;
    n.project = "nowhere";
    FAILS(cat_token_create(f->db, f->a, &n, &row, &existed, &e), e, E_NOT_FOUND);
    take(f, "miroir", ROLE_PLATFORM, NULL);
    n = ask_for("miroir", SHA_A);
    FAILS(cat_token_create(f->db, f->a, &n, &row, &existed, &e), e, E_CONFLICT);
    assert_int_equal(fx_count(f->db, "token"), 0);
    assert_int_equal(fx_count(f->db, "audit"), before + 1);
}

static void a_retry_with_its_key_makes_no_second_one(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct token_row again;
    bool existed = false;
    give(f, "miroir", ROLE_PLATFORM, NULL);
    struct token_new n = ask_for("miroir", SHA_A);
    n.idempotency_key = "k";
    n.request_sha256 = SHA_B;
    struct token_row first = make(f, &n);
    n.digest = SHA_B; /* of the text that nobody will see */
    OK(cat_token_create(f->db, f->a, &n, &again, &existed, &e), e);
    assert_true(existed);
    assert_string_equal(again.id, first.id);
    assert_int_equal(fx_count(f->db, "token"), 1);
    n.request_sha256 = SHA_A;
    FAILS(cat_token_create(f->db, f->a, &n, &again, &existed, &e), e, E_CONFLICT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fx_setup, fx_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_random_and_of_one_shape),
        T(only_its_digest_is_kept),
        T(it_gives_what_the_account_holds_then_narrowed),
        T(of_one_project_it_gives_nothing_elsewhere),
        T(an_admin_by_a_token_of_a_project_is_none_of_the_lab),
        T(it_ends_by_its_date_and_by_hand),
        T(its_use_is_noted_once_a_day),
        T(what_cannot_be_made_is_refused_and_changes_nothing),
        T(a_retry_with_its_key_makes_no_second_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
