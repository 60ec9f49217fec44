/* test_audit.c - the audit chain: append only, and whatever was done to it behind its back is
 * seen. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/audit.h"
#include "catalog/digest.h"
#include "catalog/list.h"

static int setup(void **state)
{
    struct err e = {0};
    fx_setup(state);
    struct fixture *f = *state;
    for (int i = 1; i <= 5; i++) {
        char detail[60];
        snprintf(detail, sizeof detail, "{ \"z\" : %d, \"a\": \"é\" }", i);
        OK(audit_append(f->db, &fx_actor, "run.submitted", "r1", i == 3 ? NULL : detail, 1000 + i,
                        &e),
           e);
    }
    return 0;
}

static struct audit_report verify(struct fixture *f)
{
    struct audit_report report;
    struct err e = {0};
    OK(audit_verify(f->db, &report, &e), e);
    return report;
}

/* What someone with sqlite3 and bad intentions does first. */
static void tamper(struct fixture *f, const char *sql)
{
    struct err e = {0};
    OK(cat_exec(f->db, "DROP TRIGGER IF EXISTS audit_no_update", &e), e);
    OK(cat_exec(f->db, "DROP TRIGGER IF EXISTS audit_no_delete", &e), e);
    OK(cat_exec(f->db, sql, &e), e);
}

/* A page, as audit.list reads it. */
static int audit_page(struct fixture *f, const char *filter, const char *cursor, size_t limit,
                      struct audit_entry **out, size_t *count, const char **next, struct err *e)
{
    struct list_ask ask = {.kind = &list_audit, .filter = filter, .cursor = cursor, .limit = limit};
    struct list_page page;
    if (list_find(f->db, f->a, &ask, &page, e) < 0)
        return -1;
    *out = arena_alloc(f->a, (page.count + 1) * sizeof **out);
    *count = page.count;
    for (size_t i = 0; i < page.count; i++) {
        struct audit_entry *one;
        size_t found;
        if (audit_export(f->db, f->a, page.keys[i], 1, &one, &found, e) < 0)
            return -1;
        (*out)[i] = *one;
    }
    *next = page.more ? list_cursor(&page, f->a, page.count - 1) : NULL;
    return 0;
}

static void a_whole_chain_verifies_and_lists_newest_first(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct audit_entry *list;
    size_t count;
    const char *next;
    struct audit_report report = verify(f);
    assert_true(report.ok);
    assert_int_equal(report.entries, 5);
    OK(audit_page(f, NULL, NULL, 2, &list, &count, &next, &e), e);
    assert_int_equal(count, 2);
    assert_int_equal(list[0].number, 5);
    assert_non_null(next);
    assert_string_equal(list[0].hash, report.head);
    assert_string_equal(list[0].previous, list[1].hash);
    assert_string_equal(list[0].detail_json, "{\"a\":\"é\",\"z\":5}");
    assert_string_equal(list[0].actor.name, "marie");
    OK(audit_page(f, NULL, next, 100, &list, &count, &next, &e), e);
    assert_int_equal(count, 3);
    assert_int_equal(list[0].number, 3);
    assert_string_equal(list[0].detail_json, "{}");
}

/* The hash can be recomputed by anybody from what audit.list gives: this one was, with
 * sha256sum. */
static void the_hash_is_that_of_the_documented_text(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct audit_entry *list;
    size_t count;
    OK(audit_export(f->db, f->a, 1, 1, &list, &count, &e), e);
    char command[800];
    snprintf(command, sizeof command,
             "test \"$(printf '%%s' '{\"action\":\"run.submitted\",\"actor\":{\"name\":\"marie\","
             "\"uid\":1000},\"detail\":{\"a\":\"é\",\"z\":1},\"number\":1,\"previous\":\"%064d\","
             "\"subject\":\"r1\",\"time_us\":1001}' | sha256sum | cut -c1-64)\" = %s",
             0, list[0].hash);
    assert_int_equal(system(command), 0);
}

static void the_table_refuses_update_and_delete(void **state)
{
    struct fixture *f = *state;
    struct err e;
    FAILS(cat_exec(f->db, "UPDATE audit SET subject = 'r2' WHERE number = 2", &e), e, E_CONFLICT);
    HAS(e.message, "append only");
    FAILS(cat_exec(f->db, "DELETE FROM audit WHERE number = 5", &e), e, E_CONFLICT);
    assert_true(verify(f).ok);
}

static void every_change_is_found_at_the_first_entry_it_touches(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *sql;
        int broken;
    } cases[] = {
        {"UPDATE audit SET subject = 'r2' WHERE number = 2", 2},
        {"UPDATE audit SET time_us = time_us + 1 WHERE number = 4", 4},
        {"UPDATE audit SET actor_uid = 0 WHERE number = 1", 1},
        {"UPDATE audit SET actor_name = 'x' WHERE number = 5", 5},
        {"UPDATE audit SET action = 'run.finished' WHERE number = 3", 3},
        {"UPDATE audit SET detail = '{}' WHERE number = 2", 2},
        {"UPDATE audit SET previous = hash WHERE number = 2", 2},
        {"UPDATE audit SET hash = previous WHERE number = 2", 2},
        {"DELETE FROM audit WHERE number = 1", 1},
        {"DELETE FROM audit WHERE number = 3", 3},
        {"DELETE FROM audit WHERE number = 5", 5},
        {"DELETE FROM audit", 1},
        {"INSERT INTO audit SELECT 6, time_us, actor_uid, actor_name, action, subject, detail,"
         " previous, hash FROM audit WHERE number = 5",
         6},
        {"UPDATE audit_head SET hash = '0'", 5},
        {"DELETE FROM audit_head", 6},
        {"UPDATE audit SET number = number + 1 WHERE number = 5", 5},
    };
    struct err e = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        OK(cat_exec(f->db, "SAVEPOINT tampering", &e), e);
        tamper(f, cases[i].sql);
        struct audit_report report = verify(f);
        if (report.ok || report.broken != cases[i].broken || !*report.reason)
            fail_msg("%s: ok %d, broken %d: %s", cases[i].sql, report.ok, (int)report.broken,
                     report.reason);
        OK(cat_exec(f->db, "ROLLBACK TO tampering", &e), e);
    }
    assert_true(verify(f).ok);
}

/* Someone who knows the format recomputes the hash of what they changed: the next entry tells. */
static void an_entry_rewritten_with_its_hash_is_betrayed_by_the_next(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct audit_entry *list;
    size_t count;
    char hash[DIGEST_HEX_SIZE];
    OK(audit_export(f->db, f->a, 2, 1, &list, &count, &e), e);
    AUTO_FREE char *text = mem_printf(
        "{\"action\":\"run.submitted\",\"actor\":{\"name\":\"paul\",\"uid\":1000},\"detail\":%s,"
        "\"number\":2,\"previous\":\"%s\",\"subject\":\"r1\",\"time_us\":1002}",
        list[0].detail_json, list[0].previous);
    digest_bytes(text, strlen(text), hash);
    AUTO_FREE char *sql =
        mem_printf("UPDATE audit SET actor_name = 'paul', hash = '%s' WHERE number = 2", hash);
    tamper(f, sql);
    struct audit_report report = verify(f);
    assert_false(report.ok);
    assert_int_equal(report.broken, 3);
    assert_int_equal(report.entries, 2);
    HAS(report.reason, "entry before");
}

/* Forty entries of two people, two actions and four subjects; the times of two are out of order. */
static void many(struct fixture *f)
{
    struct err e = {0};
    for (int i = 0; i < 40; i++) {
        const struct cat_actor actor = {2000 + i % 2, i % 2 ? "paul" : "anne"};
        char subject[8];
        snprintf(subject, sizeof subject, "d@%d", i % 4);
        OK(audit_append(f->db, &actor, i % 3 ? "a.b" : "c.d", subject, NULL, i == 20 ? 5000 : 5000 + 10 * i, &e), e);
    }
}

static void pages_of_a_filter_hold_each_entry_that_fits_once(void **state)
{
    struct fixture *f = *state;
    many(f);
    static const struct {
        const char *filter;
        size_t fit;
    } cases[] = {
        {"actor = 'anne'", 20},
        {"action = 'c.d'", 14},
        {"subject = 'd@1'", 10},
        {"actor = 'anne' and action = 'c.d'", 7},
        {"subject = 'd@0' and actor = 'paul'", 0},
        {"time_us >= 5000", 40},
        {"time_us >= 5100 and time_us < 5200", 10},
        {"actor = 'anne' and time_us < 5010 and time_us >= 5000", 2}, /* the first, and the one whose time lies before */
        {"action = 'run.submitted' and time_us >= 1003 and time_us < 5000", 3},
        {"actor = 'nobody'", 0},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (size_t limit = 1; limit < 50; limit += 6) {
            size_t seen = 0, count;
            const char *next = NULL;
            int64_t last_us = INT64_MAX;
            struct err e = {0};
            struct audit_entry *list;
            do {
                OK(audit_page(f, cases[c].filter, next, limit, &list, &count, &next, &e), e);
                for (size_t i = 0; i < count; i++, seen++) {
                    assert_true(list[i].time_us <= last_us);
                    last_us = list[i].time_us;
                }
            } while (next);
            if (seen != cases[c].fit)
                fail_msg("case %zu, pages of %zu: %zu entries, not %zu", c, limit, seen, cases[c].fit);
        }
}

static void a_line_of_the_export_is_the_hashed_text_and_its_hash(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct audit_entry *list;
    size_t count;
    OK(audit_export(f->db, f->a, 3, 2, &list, &count, &e), e);
    assert_int_equal(count, 2);
    assert_int_equal(list[0].number, 3);
    assert_int_equal(list[1].number, 4);
    AUTO_BUF struct buf line = BUF_INIT(4096);
    audit_line(&list[1], &line);
    char *tail = strstr(buf_cstr(&line), ",\"hash\":");
    assert_non_null(tail);
    AUTO_FREE char *hashed = mem_printf("%.*s}", (int)(tail - buf_cstr(&line)), buf_cstr(&line));
    char hash[DIGEST_HEX_SIZE];
    digest_bytes(hashed, strlen(hashed), hash);
    assert_string_equal(hash, list[1].hash);
}

static void a_detail_that_is_no_object_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    FAILS(audit_append(f->db, &fx_actor, "a.b", "s", "[1]", 1, &e), e, E_INTERNAL);
    FAILS(audit_append(f->db, &fx_actor, "a.b", "s", "{\"a\":1,}", 1, &e), e, E_INVALID);
    assert_int_equal(fx_count(f->db, "audit"), 5);
}

static void entries_are_found_by_action_subject_and_time(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct audit_known list[] = {
        {"r1", 1003, false}, {"r1", 1006, false}, {"r2", 1003, false}, {"r1", 1001, false}};
    OK(audit_find(f->db, "run.submitted", list, 4, &e), e);
    assert_true(list[0].found && !list[1].found && !list[2].found && list[3].found);
    OK(audit_find(f->db, "run.finished", list, 4, &e), e);
    assert_false(list[0].found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_are_found_by_action_subject_and_time, setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(a_whole_chain_verifies_and_lists_newest_first, setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(the_hash_is_that_of_the_documented_text, setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(pages_of_a_filter_hold_each_entry_that_fits_once, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_line_of_the_export_is_the_hashed_text_and_its_hash, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(the_table_refuses_update_and_delete, setup, fx_teardown),
        cmocka_unit_test_setup_teardown(every_change_is_found_at_the_first_entry_it_touches, setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(an_entry_rewritten_with_its_hash_is_betrayed_by_the_next,
                                        setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_detail_that_is_no_object_is_refused, setup, fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
