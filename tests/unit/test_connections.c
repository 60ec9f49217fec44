/* test_connections.c - what runs asked the lab to dial: written with its audit entry, bounded, read back. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/connection.h"

static void a_run(struct fixture *f, const char *id, const char *list)
{
    struct err e = {0};
    char out[TEXT_ID_SIZE];
    bool existed;
    struct run_new new = fx_run(id);
    new.allow_hosts_json = list;
    OK(cat_run_insert(f->db, &new, out, &existed, &e), e);
}

static const struct connection_row allowed = {.time_us = 5, .method = "CONNECT", .host = "pypi.org", .port = 443,
                                              .address = "151.101.0.223", .allowed = true, .why = "ok", .detail = ""};
static const struct connection_row refused = {.time_us = 6, .method = "GET", .host = "evil.org", .port = 80,
                                              .why = "not_listed", .detail = "not there"};

static void a_connection_reads_back_with_its_end(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct network_row n;
    struct connection_row *all, end = allowed;
    size_t count;
    int64_t number = 0, audits = fx_count(f->db, "audit");
    a_run(f, "raaaa1", "[\"pypi.org:443\"]");
    a_run(f, "raaaa2", NULL);
    OK(cat_network_get(f->db, f->a, "raaaa2", &n, &e), e);
    assert_null(n.allow_hosts_json);
    FAILS(cat_connection_add(f->db, "raaaa2", &allowed, &number, &e), e, E_NOT_FOUND);
    e = (struct err){0};
    OK(cat_connection_add(f->db, "raaaa1", &allowed, &number, &e), e);
    assert_int_equal(number, 1);
    OK(cat_connection_add(f->db, "raaaa1", &refused, &number, &e), e);
    assert_int_equal(number, 2);
    assert_int_equal(fx_count(f->db, "audit"), audits + 4); /* two submissions, two connections */
    OK(cat_connection_list(f->db, f->a, "raaaa1", 0, 10, &all, &count, &e), e);
    assert_int_equal(count, 2);
    assert_true(all[0].up_bytes == -1 && all[0].duration_ms == -1 && all[0].allowed && !all[1].allowed);
    assert_string_equal(all[0].address, "151.101.0.223");
    assert_null(all[1].address);
    end.why = "server_name";
    end.up_bytes = 10;
    end.down_bytes = 20;
    end.duration_ms = 30;
    OK(cat_connection_end(f->db, "raaaa1", 1, &end, &e), e);
    OK(cat_connection_list(f->db, f->a, "raaaa1", 0, 1, &all, &count, &e), e);
    assert_int_equal(count, 1);
    assert_string_equal(all[0].why, "server_name");
    assert_true(all[0].up_bytes == 10 && all[0].down_bytes == 20 && all[0].duration_ms == 30);
    OK(cat_network_get(f->db, f->a, "raaaa1", &n, &e), e);
    assert_string_equal(n.allow_hosts_json, "[\"pypi.org:443\"]");
    assert_true(n.allowed == 1 && n.refused == 1 && n.written == 2);
    struct audit_report report;
    OK(audit_verify(f->db, &report, &e), e);
}

static void a_flood_is_counted_and_an_unwritten_connection_is_not_made(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct network_row n;
    struct connection_group *groups;
    size_t count;
    int64_t number = 0;
    a_run(f, "raaaa1", "[]");
    for (int i = 0; i < CONNECTION_REFUSED_MAX + 5; i++)
        OK(cat_connection_add(f->db, "raaaa1", &refused, &number, &e), e);
    assert_int_equal(number, 0);
    for (int i = 0; i < CONNECTION_ALLOWED_MAX; i++)
        OK(cat_connection_add(f->db, "raaaa1", &allowed, &number, &e), e);
    assert_int_equal(number, CONNECTION_REFUSED_MAX + CONNECTION_ALLOWED_MAX);
    FAILS(cat_connection_add(f->db, "raaaa1", &allowed, &number, &e), e, E_LIMIT);
    e = (struct err){0};
    OK(cat_network_get(f->db, f->a, "raaaa1", &n, &e), e);
    assert_int_equal(n.refused, CONNECTION_REFUSED_MAX + 5);
    assert_int_equal(n.allowed, CONNECTION_ALLOWED_MAX);
    OK(cat_connection_groups(f->db, f->a, "raaaa1", 10, &groups, &count, &e), e);
    assert_int_equal(count, 2);
    assert_true(groups[0].allowed && groups[0].count == CONNECTION_ALLOWED_MAX);
    assert_true(!groups[1].allowed && groups[1].count == CONNECTION_REFUSED_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_reads_back_with_its_end, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_flood_is_counted_and_an_unwritten_connection_is_not_made, fx_setup, fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
