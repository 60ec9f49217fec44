/* test_runs.c - runs in the catalog: submitted once, moved by the table, finished once, read
 * back whole. */
#include "tests/unit/catalog_fixture.h"

#include "catalog/list.h"

#include "catalog/run.h"
#include "catalog/standing.h"

static struct run_row get(struct fixture *f, const char *id)
{
    struct run_row row;
    struct err e = {0};
    OK(cat_run_get(f->db, f->a, id, &row, &e), e);
    return row;
}

static void a_submitted_run_reads_back_as_it_was_given(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char id[TEXT_ID_SIZE];
    bool existed;
    struct dataset_row d = fx_dataset(f, "cancer");
    struct run_new new = fx_run("raaaa1");
    struct run_pair params[] = {{"trees", "200"}, {"depth", "é\n'); DROP TABLE run; --"}};
    struct run_pair tags[] = {{"team", "santé"}};
    new.dataset_versions = &d.key;
    new.dataset_count = 1;
    new.params = params;
    new.param_count = 2;
    new.tags = tags;
    new.tag_count = 1;
    new.experiment = "seuil";
    new.code = SHA_B;
    new.priority = -3;
    new.report_paths = true;
    new.warm = true;
    OK(cat_run_insert(f->db, &new, id, &existed, &e), e);
    struct run_row r = get(f, "raaaa1");
    assert_string_equal(r.name, "essai 1");
    assert_int_equal(r.state, RUN_QUEUED);
    assert_int_equal(r.verdict, VERDICT_NONE);
    assert_false(r.has_exit_code);
    assert_int_equal(r.actor.uid, 1000);
    assert_string_equal(r.actor.name, "marie");
    assert_string_equal(r.experiment, "seuil");
    assert_string_equal(r.command_json, new.command_json);
    assert_string_equal(r.code, SHA_B);
    assert_int_equal(r.priority, -3);
    assert_true(r.report_paths && r.warm && !r.best_effort);
    assert_int_equal(r.created_us, new.created_us);
    assert_true(r.started_us == 0 && r.finished_us == 0 && r.wall_ms == -1 && r.cancel_us == 0);
    assert_int_equal(r.dataset_count, 1);
    assert_string_equal(r.datasets[0].ref, "cancer@1");
    assert_string_equal(r.datasets[0].manifest, SHA_A);
    assert_string_equal(r.datasets[0].classification, "confidentiel");
    assert_int_equal(r.param_count, 2);
    assert_string_equal(r.params[0].name, "depth");
    assert_string_equal(r.params[0].value, params[1].value);
    assert_int_equal(r.tag_count, 1);
    assert_int_equal(r.artifact_count + r.denied_count + r.refused_count, 0);
    assert_null(r.record_json);
}

static void the_same_request_twice_is_one_run(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char id[TEXT_ID_SIZE];
    bool existed;
    struct run_new new = fx_run("raaaa1");
    new.idempotency_key = "key-1";
    new.request_sha256 = SHA_A;
    OK(cat_run_insert(f->db, &new, id, &existed, &e), e);
    assert_false(existed);
    new.id = "raaaa2";
    OK(cat_run_insert(f->db, &new, id, &existed, &e), e);
    assert_true(existed);
    assert_string_equal(id, "raaaa1");
    assert_int_equal(fx_count(f->db, "run"), 1);

    new.request_sha256 = SHA_B; /* the same key for something else */
    FAILS(cat_run_insert(f->db, &new, id, &existed, &e), e, E_CONFLICT);
    HAS(e.message, "raaaa1");
    assert_int_equal(fx_count(f->db, "run"), 1);

    new.actor.uid = 1001; /* a key belongs to its actor */
    e = (struct err){0};
    OK(cat_run_insert(f->db, &new, id, &existed, &e), e);
    assert_false(existed);
    assert_string_equal(id, "raaaa2");

    char long_key[300];
    memset(long_key, 'k', sizeof long_key - 1);
    long_key[sizeof long_key - 1] = '\0';
    const char *const bad[] = {"", "a\nb", "\xff", long_key};
    for (int i = 0; i < 4; i++) {
        new.idempotency_key = bad[i];
        FAILS(cat_run_insert(f->db, &new, id, &existed, &e), e, E_INVALID);
    }
}

static void a_dataset_that_is_not_in_order_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char id[TEXT_ID_SIZE];
    bool existed;
    struct dataset_row d = fx_dataset(f, "cancer");
    struct run_new new = fx_run("raaaa1");
    int64_t unknown = 999;
    new.dataset_count = 1;
    new.dataset_versions = &unknown;
    OK(cat_exec(f->db, "SAVEPOINT job", &e), e);
    FAILS(cat_run_insert(f->db, &new, id, &existed, &e), e, E_NOT_FOUND);
    OK(cat_exec(f->db, "ROLLBACK TO job", &e), e);
    new.dataset_versions = &d.key;
    e = (struct err){0};
    OK(cat_dataset_quarantine(f->db, d.key, "a file was changed", 7, &e), e);
    FAILS(cat_run_insert(f->db, &new, id, &existed, &e), e, E_CONFLICT);
    HAS(e.message, "cancer@1 is in quarantine");
    OK(cat_exec(f->db, "ROLLBACK TO job", &e), e);
    e = (struct err){0};
    OK(cat_dataset_retire(f->db, d.key, &fx_actor, NULL, 8, &e), e);
    FAILS(cat_run_insert(f->db, &new, id, &existed, &e), e, E_CONFLICT);
    HAS(e.message, "retired");
}

/* All pairs: what the table allows works, what it does not is refused and changes nothing. */
static void all_pairs_of_states_follow_the_table(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    const struct run_result result = fx_result(VERDICT_SUCCEEDED);
    for (int from = 0; from < RUN_STATE_COUNT; from++)
        for (int to = 0; to < RUN_STATE_COUNT; to++) {
            enum run_state a = (enum run_state)from;
            enum run_state b = (enum run_state)to;
            char id[TEXT_ID_SIZE];
            snprintf(id, sizeof id, "rpair%d%d", from, to);
            fx_submit(f->db, id, 1);
            if (a >= RUN_STARTING)
                OK(cat_run_move(f->db, id, RUN_QUEUED, RUN_STARTING, 2, NULL, &e), e);
            if (a >= RUN_RUNNING)
                OK(cat_run_move(f->db, id, RUN_STARTING, RUN_RUNNING, 3, NULL, &e), e);
            if (a == RUN_FINISHED)
                OK(cat_run_finish(f->db, id, &result, &e), e);
            bool allowed = (a == RUN_QUEUED && (b == RUN_STARTING || b == RUN_FINISHED)) ||
                           (a == RUN_STARTING && (b == RUN_RUNNING || b == RUN_FINISHED)) ||
                           (a == RUN_RUNNING && b == RUN_FINISHED);
            assert_int_equal(cat_run_may_move(a, b), allowed);
            int64_t entries = fx_count(f->db, "audit");
            int rc = b == RUN_FINISHED ? cat_run_finish(f->db, id, &result, &e)
                                       : cat_run_move(f->db, id, a, b, 9, "{\"pid\":1}", &e);
            assert_int_equal(rc, allowed ? 0 : -1);
            if (!allowed)
                assert_int_equal(e.kind, E_CONFLICT);
            e = (struct err){0};
            assert_int_equal(get(f, id).state, allowed ? b : a);
            assert_int_equal(fx_count(f->db, "audit"), entries + allowed);
        }
    FAILS(cat_run_move(f->db, "rpair01", RUN_QUEUED, RUN_STARTING, 2, NULL, &e), e, E_CONFLICT);
    FAILS(cat_run_move(f->db, "rpair22", RUN_RUNNING, RUN_FINISHED, 2, NULL, &e), e, E_INTERNAL);
    FAILS(cat_run_move(f->db, "rnone", RUN_QUEUED, RUN_STARTING, 2, NULL, &e), e, E_NOT_FOUND);
}

static void a_finished_run_reads_back_whole(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    fx_submit(f->db, "raaaa1", 1);
    OK(cat_run_move(f->db, "raaaa1", RUN_QUEUED, RUN_STARTING, 2, NULL, &e), e);
    OK(cat_run_move(f->db, "raaaa1", RUN_STARTING, RUN_RUNNING, 3, NULL, &e), e);
    assert_int_equal(get(f, "raaaa1").started_us, 3);
    struct run_artifact artifacts[20];
    char paths[20][20];
    for (int i = 0; i < 20; i++) {
        snprintf(paths[i], sizeof paths[i], "out/%02d", i);
        artifacts[i] = (struct run_artifact){paths[i], SHA_A, (uint64_t)i << 32, 0644};
    }
    struct run_refused refused[] = {{"link", "symbolic link"}};
    struct run_denied denied[] = {
        {.kind = "syscall", .name = "ptrace", .errno_name = "EPERM", .count = 3, .hint = "h"},
        {.kind = "path", .name = "/etc/shadow", .detail = "read", .count = 1},
    };
    struct run_result result = fx_result(VERDICT_FAILED);
    result.has_exit_code = true;
    result.exit_code = 3;
    result.artifacts = artifacts;
    result.artifact_count = 20;
    result.refused = refused;
    result.refused_count = 1;
    result.denied = denied;
    result.denied_count = 2;
    result.outputs_manifest = SHA_B;
    result.sandbox_json = "{\"filter\":\"x\"}";
    const char *warnings[] = {"the disk was \"full\""};
    result.warnings = warnings;
    result.warning_count = 1;
    result.log_error = "no space";
    result.metrics_dropped = 7;
    OK(cat_run_finish(f->db, "raaaa1", &result, &e), e);

    struct run_row r = get(f, "raaaa1");
    assert_int_equal(r.state, RUN_FINISHED);
    assert_int_equal(r.verdict, VERDICT_FAILED);
    assert_true(r.has_exit_code && r.exit_code == 3);
    assert_null(r.signal);
    assert_int_equal(r.started_us, 3); /* kept */
    assert_int_equal(r.finished_us, result.finished_us);
    assert_true(r.wall_ms == 9000 && r.cpu_ms == -1 && r.memory_peak_bytes == -1);
    assert_true(r.log_kept_bytes == 10 && r.log_dropped_bytes == 0);
    assert_string_equal(r.log_error, "no space");
    assert_int_equal(r.metrics_dropped, 7);
    assert_string_equal(r.warnings_json, "[\"the disk was \\\"full\\\"\"]");
    assert_int_equal(r.artifact_count, 20);
    assert_string_equal(r.artifacts[19].path, "out/19");
    assert_true(r.artifacts[19].size_bytes == (uint64_t)19 << 32 && r.artifacts[19].mode == 0644);
    assert_int_equal(r.refused_count, 1);
    assert_int_equal(r.denied_count, 2);
    assert_string_equal(r.denied[0].name, "ptrace");
    assert_string_equal(r.denied[0].errno_name, "EPERM");
    assert_null(r.denied[1].hint);
    assert_string_equal(r.outputs_manifest, SHA_B);
    assert_string_equal(r.record_json, "{\"version\":1}");
    assert_string_equal(r.sandbox_json, "{\"filter\":\"x\"}");
    assert_null(r.failed_json);

    result.verdict = VERDICT_SUCCEEDED;
    FAILS(cat_run_finish(f->db, "raaaa1", &result, &e), e, E_CONFLICT);
    assert_int_equal(get(f, "raaaa1").verdict, VERDICT_FAILED);
    assert_int_equal(fx_count(f->db, "artifact"), 20);
}

static void a_wish_to_cancel_is_kept_once(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    enum run_state at;
    const struct run_result result = fx_result(VERDICT_CANCELLED);
    fx_submit(f->db, "raaaa1", 1);
    OK(cat_run_cancel(f->db, "raaaa1", &fx_actor, "too long", 50, &at, &e), e);
    assert_int_equal(at, RUN_QUEUED);
    OK(cat_run_cancel(f->db, "raaaa1", &fx_actor, "again", 60, &at, &e), e);
    struct run_row r = get(f, "raaaa1");
    assert_int_equal(r.cancel_us, 50);
    assert_string_equal(r.cancel_reason, "too long");
    assert_int_equal(fx_count(f->db, "audit"), 2);
    OK(cat_run_finish(f->db, "raaaa1", &result, &e), e);
    FAILS(cat_run_cancel(f->db, "raaaa1", &fx_actor, NULL, 70, &at, &e), e, E_CONFLICT);
    FAILS(cat_run_cancel(f->db, "rnone", &fx_actor, NULL, 70, &at, &e), e, E_NOT_FOUND);
}

static void a_prefix_finds_one_run_or_says_which_it_could_be(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char id[TEXT_ID_SIZE];
    const char *const ids[] = {"raaaa1", "raaaa2", "raaaab", "rbbbb", "rbbbbb1"};
    for (int i = 0; i < 5; i++)
        fx_submit(f->db, ids[i], i);
    OK(cat_run_find(f->db, &STANDING_LAB, "raaaab", id, &e), e);
    assert_string_equal(id, "raaaab");
    OK(cat_run_find(f->db, &STANDING_LAB, "rbbbbb", id, &e), e);
    assert_string_equal(id, "rbbbbb1");
    OK(cat_run_find(f->db, &STANDING_LAB, "rbbbb", id, &e), e); /* whole, though it is a prefix too */
    assert_string_equal(id, "rbbbb");
    FAILS(cat_run_find(f->db, &STANDING_LAB, "raaaa", id, &e), e, E_CONFLICT);
    HAS(e.message, "raaaa1, raaaa2, raaaab");
    FAILS(cat_run_find(f->db, &STANDING_LAB, "rzzzz", id, &e), e, E_NOT_FOUND);
    const char *const bad[] = {"",     "raa",   "ra%a", "raaaa1raaaa1raaaa1", "\xff\xff\xff\xff",
                               "r/..", "r\naaa"};
    for (int i = 0; i < 7; i++)
        FAILS(cat_run_find(f->db, &STANDING_LAB, bad[i], id, &e), e, E_INVALID);
}

static void lists_page_without_holes_or_doubles_even_within_one_microsecond(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    for (int i = 0; i < 25; i++) {
        char id[TEXT_ID_SIZE];
        snprintf(id, sizeof id, "rlist%02d", i);
        fx_submit(f->db, id, 1000 + i / 5);
        if (i % 3 == 0)
            OK(cat_run_move(f->db, id, RUN_QUEUED, RUN_STARTING, 2, NULL, &e), e);
    }
    for (int mode = 0; mode < 4; mode++) {
        bool oldest = mode & 1, queued = mode & 2;
        struct list_ask ask = {.kind = &list_runs,
                               .limit = 4,
                               .order_by = oldest ? "created_us, id" : NULL,
                               .filter = queued ? "state = 'queued'" : NULL};
        struct list_page page = {.more = true};
        int seen = 0;
        int last = oldest ? -1 : 25;
        while (page.more) {
            OK(list_find(f->db, f->a, &ask, &page, &e), e);
            for (size_t i = 0; i < page.count; i++, seen++) {
                struct run_row row;
                OK(cat_run_by_seq(f->db, f->a, page.keys[i], &row, &e), e);
                int n = atoi(row.id + 5);
                assert_true(oldest ? n > last : n < last);
                assert_true(!queued || row.state == RUN_QUEUED);
                last = n;
            }
            ask.cursor = list_cursor(&page, f->a, page.count - 1);
        }
        assert_int_equal(seen, queued ? 16 : 25);
    }
    struct run_row *rows;
    size_t count;
    struct run_counts counts;
    const struct run_result result = fx_result(VERDICT_CANCELLED);
    OK(cat_run_finish(f->db, "rlist00", &result, &e), e);
    OK(cat_run_unfinished(f->db, f->a, &rows, &count, &e), e);
    assert_int_equal(count, 24);
    assert_string_equal(rows[0].id, "rlist01");
    OK(cat_run_count(f->db, &counts, &e), e);
    assert_int_equal(counts.by_state[RUN_QUEUED], 16);
    assert_int_equal(counts.by_state[RUN_STARTING], 8);
    assert_int_equal(counts.by_state[RUN_FINISHED], 1);
    struct run_row row;
    FAILS(cat_run_by_seq(f->db, f->a, 99, &row, &e), e, E_NOT_FOUND);
}

static void events_are_kept_up_to_a_bound_and_counted_past_it(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct run_event *events;
    size_t count;
    fx_submit(f->db, "raaaa1", 1);
    for (int i = 0; i < RUN_EVENTS_MAX + 5; i++)
        OK(cat_run_event_add(f->db, "raaaa1", i, "adopted", i ? NULL : "{\"pid\":3}", &e), e);
    assert_int_equal(get(f, "raaaa1").event_count, RUN_EVENTS_MAX + 5);
    assert_int_equal(fx_count(f->db, "run_event"), RUN_EVENTS_MAX);
    OK(cat_run_event_list(f->db, f->a, "raaaa1", 0, 10, &events, &count, &e), e);
    assert_int_equal(count, 10);
    assert_string_equal(events[0].detail_json, "{\"pid\":3}");
    OK(cat_run_event_list(f->db, f->a, "raaaa1", 995, 10, &events, &count, &e), e);
    assert_int_equal(count, 5);
    assert_int_equal(events[0].number, 996);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_submitted_run_reads_back_as_it_was_given, fx_setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(the_same_request_twice_is_one_run, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_dataset_that_is_not_in_order_is_refused, fx_setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(all_pairs_of_states_follow_the_table, fx_setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(a_finished_run_reads_back_whole, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_wish_to_cancel_is_kept_once, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(a_prefix_finds_one_run_or_says_which_it_could_be, fx_setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(
            lists_page_without_holes_or_doubles_even_within_one_microsecond, fx_setup, fx_teardown),
        cmocka_unit_test_setup_teardown(events_are_kept_up_to_a_bound_and_counted_past_it, fx_setup,
                                        fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
