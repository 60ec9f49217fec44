/* test_catalog.c - the threads of the catalog: group commit, its failures, kills, full disks. */
#include "tests/unit/catalog_fixture.h"

#include "api/common/fault.h"
#include "catalog/audit.h"
#include "catalog/catalog.h"
#include "catalog/standing.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>

/* ---- a job that submits a run, and remembers what became of it ---- */

struct job {
    char id[TEXT_ID_SIZE];
    int calls; /* of done */
    bool failed;
    struct err err;
    bool fail_after; /* the work fails after it wrote */
    const char *padding;
    int ack_fd;
};

static int submit_run(struct cat *db, void *ctx, struct err *e)
{
    struct job *job = ctx;
    struct run_new run = fx_run(job->id);
    char out[TEXT_ID_SIZE];
    bool existed;
    if (job->padding)
        run.name = job->padding;
    if (cat_run_insert(db, &run, out, &existed, e) < 0)
        return -1;
    return job->fail_after ? err_set(e, E_INVALID, "test", NULL, "refused on purpose") : 0;
}

static void submitted(void *ctx, const struct err *e)
{
    struct job *job = ctx;
    job->calls++;
    job->failed = e != NULL;
    if (e)
        job->err = *e;
}

static int find_run(struct cat *db, void *ctx, struct err *e)
{
    struct job *job = ctx;
    char id[TEXT_ID_SIZE];
    return cat_run_find(db, &STANDING_LAB, job->id, id, e);
}

static struct job new_job(void)
{
    struct job job = {.ack_fd = -1};
    text_new_id('r', job.id);
    return job;
}

static bool is_there(struct catalog *c, struct job *job)
{
    struct err e = {0};
    return catalog_read_sync(c, find_run, job, &e) == 0;
}

struct catalog_fixture {
    struct fixture *f;
    struct catalog *c;
    int wakes[2]; /* a pipe */
};

static void wake(void *ctx)
{
    struct catalog_fixture *cf = ctx;
    assert_int_equal(write(cf->wakes[1], "w", 1), 1);
}

static int setup(void **state)
{
    struct catalog_fixture *cf = mem_alloc(sizeof *cf);
    struct err e = {0};
    cf->f = fx_folder();
    assert_int_equal(pipe2(cf->wakes, O_CLOEXEC | O_NONBLOCK), 0);
    struct catalog_options options = {.wake = wake, .wake_ctx = cf, .queue_max = 64};
    OK(catalog_open(cf->f->path, &options, &cf->c, &e), e);
    *state = cf;
    return 0;
}

static int teardown(void **state)
{
    struct catalog_fixture *cf = *state;
    void *f = cf->f;
    fault_disarm();
    catalog_close(cf->c);
    close(cf->wakes[0]);
    close(cf->wakes[1]);
    free(cf);
    return fx_teardown(&f);
}

/* Waits for wakes and drains until `count` jobs ended. */
static void drain(struct catalog_fixture *cf, size_t count)
{
    size_t done = 0;
    while (done < count) {
        struct pollfd p = {.fd = cf->wakes[0], .events = POLLIN};
        char c;
        assert_int_equal(poll(&p, 1, 20000), 1);
        assert_int_equal(read(cf->wakes[0], &c, 1), 1);
        done += catalog_drain(cf->c);
    }
    assert_int_equal(done, count);
}

/* Holds the writer until let go, so that jobs gather behind it. */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static int wait_at_gate(struct cat *db, void *ctx, struct err *e)
{
    (void)db, (void)ctx, (void)e;
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return 0;
}

static void hold_writer(struct catalog_fixture *cf)
{
    struct err e = {0};
    struct catalog_stats stats;
    pthread_mutex_lock(&gate);
    OK(catalog_write(cf->c, wait_at_gate, NULL, NULL, &e), e);
    do /* until it is the writer's, so that what comes next is another group */
        catalog_stats(cf->c, &stats), sched_yield();
    while (stats.write_queue != 0);
}

/* ---- tests ---- */

static void done_is_called_once_on_the_draining_thread_and_the_run_is_there(void **state)
{
    struct catalog_fixture *cf = *state;
    struct job job = new_job();
    struct err e = {0};
    OK(catalog_write(cf->c, submit_run, submitted, &job, &e), e);
    usleep(1000);
    assert_int_equal(job.calls, 0); /* nobody drained */
    drain(cf, 1);
    assert_int_equal(job.calls, 1);
    assert_false(job.failed);
    assert_true(is_there(cf->c, &job));
    assert_int_equal(catalog_drain(cf->c), 0);
}

static void jobs_that_wait_share_one_commit(void **state)
{
    struct catalog_fixture *cf = *state;
    struct err e = {0};
    struct job jobs[50];
    struct catalog_stats stats;
    hold_writer(cf);
    for (int i = 0; i < 50; i++) {
        jobs[i] = new_job();
        OK(catalog_write(cf->c, submit_run, submitted, &jobs[i], &e), e);
    }
    pthread_mutex_unlock(&gate);
    drain(cf, 51);
    catalog_stats(cf->c, &stats);
    assert_int_equal(stats.writes, 51);
    assert_int_equal(stats.groups, 2);
    for (int i = 0; i < 50; i++)
        assert_true(jobs[i].calls == 1 && !jobs[i].failed && is_there(cf->c, &jobs[i]));
}

static void a_job_that_fails_rolls_back_alone(void **state)
{
    struct catalog_fixture *cf = *state;
    struct err e = {0};
    struct job jobs[3] = {new_job(), new_job(), new_job()};
    jobs[1].fail_after = true;
    hold_writer(cf);
    for (int i = 0; i < 3; i++)
        OK(catalog_write(cf->c, submit_run, submitted, &jobs[i], &e), e);
    pthread_mutex_unlock(&gate);
    drain(cf, 4);
    assert_true(!jobs[0].failed && jobs[1].failed && !jobs[2].failed);
    assert_int_equal(jobs[1].err.kind, E_INVALID);
    assert_true(is_there(cf->c, &jobs[0]));
    assert_false(is_there(cf->c, &jobs[1]));
    assert_true(is_there(cf->c, &jobs[2]));
}

static void a_commit_that_fails_fails_the_whole_group_and_the_writer_goes_on(void **state)
{
    struct catalog_fixture *cf = *state;
    struct err e = {0};
    struct job jobs[3] = {new_job(), new_job(), new_job()};
    hold_writer(cf);
    fault_arm("catalog.before_commit", 2, FAULT_ENOSPC); /* 1 is the gate's */
    for (int i = 0; i < 3; i++)
        OK(catalog_write(cf->c, submit_run, submitted, &jobs[i], &e), e);
    pthread_mutex_unlock(&gate);
    drain(cf, 4);
    for (int i = 0; i < 3; i++) {
        assert_true(jobs[i].failed);
        assert_int_equal(jobs[i].err.kind, E_LIMIT);
        assert_false(is_there(cf->c, &jobs[i]));
    }
    OK(catalog_write_sync(cf->c, submit_run, &jobs[0], &e), e);
    assert_true(is_there(cf->c, &jobs[0]));
}

static void a_full_queue_refuses_and_calls_nothing(void **state)
{
    struct catalog_fixture *cf = *state;
    struct err e = {0};
    struct job jobs[65];
    hold_writer(cf);
    for (int i = 0; i < 64; i++) {
        jobs[i] = new_job();
        OK(catalog_write(cf->c, submit_run, submitted, &jobs[i], &e), e);
    }
    jobs[64] = new_job();
    FAILS(catalog_write(cf->c, submit_run, submitted, &jobs[64], &e), e, E_UNAVAILABLE);
    pthread_mutex_unlock(&gate);
    drain(cf, 65);
    assert_int_equal(jobs[64].calls, 0);
}

static void readers_do_not_wait_for_the_writer(void **state)
{
    struct catalog_fixture *cf = *state;
    struct err e = {0};
    struct job job = new_job();
    OK(catalog_write_sync(cf->c, submit_run, &job, &e), e);
    hold_writer(cf);
    assert_true(is_there(cf->c, &job)); /* would hang */
    pthread_mutex_unlock(&gate);
    drain(cf, 1);
}

static int write_in_a_read(struct cat *db, void *ctx, struct err *e)
{
    return submit_run(db, ctx, e);
}

static void a_reader_cannot_write(void **state)
{
    struct catalog_fixture *cf = *state;
    struct err e = {0};
    struct job job = new_job();
    assert_int_equal(catalog_read_sync(cf->c, write_in_a_read, &job, &e), -1);
    assert_false(is_there(cf->c, &job));
}

static void close_finishes_what_waits(void **state)
{
    struct catalog_fixture *cf = *state;
    struct err e = {0};
    struct job jobs[20];
    for (int i = 0; i < 20; i++) {
        jobs[i] = new_job();
        OK(catalog_write(cf->c, submit_run, submitted, &jobs[i], &e), e);
    }
    catalog_close(cf->c);
    for (int i = 0; i < 20; i++)
        assert_true(jobs[i].calls == 1 && !jobs[i].failed);
    OK(catalog_open(cf->f->path, NULL, &cf->c, &e), e);
    for (int i = 0; i < 20; i++)
        assert_true(is_there(cf->c, &jobs[i]));
    struct catalog_stats stats;
    catalog_stats(cf->c, &stats);
    assert_int_equal(stats.check, CATALOG_CLEAN); /* that was a clean stop */
}

/* ---- killed at any moment ---- */

static void acknowledge(void *ctx, const struct err *e)
{
    struct job *job = ctx;
    if (!e && write(job->ack_fd, job->id, TEXT_ID_SIZE) != TEXT_ID_SIZE)
        _exit(3);
    *job = (struct job){.ack_fd = job->ack_fd, .calls = job->calls + 1};
    text_new_id('r', job->id);
}

/* Submits runs for ever, 16 on the way at a time; tells each one that is acknowledged. */
static void submit_for_ever(const char *path, int ack_fd)
{
    struct catalog *c;
    struct err e = {0};
    struct job jobs[16];
    int sent[16];
    if (catalog_open(path, NULL, &c, &e) < 0)
        _exit(2);
    for (int i = 0; i < 16; i++) {
        jobs[i] = new_job();
        jobs[i].ack_fd = ack_fd;
        sent[i] = -1;
    }
    for (;;) {
        for (int i = 0; i < 16; i++)
            if (sent[i] != jobs[i].calls) {
                sent[i] = jobs[i].calls;
                if (catalog_write(c, submit_run, acknowledge, &jobs[i], &e) < 0)
                    _exit(2);
            }
        while (catalog_drain(c) == 0)
            sched_yield();
    }
}

static int verify_audit(struct cat *db, void *ctx, struct err *e)
{
    return audit_verify(db, ctx, e);
}

static void nothing_acknowledged_is_missing_after_kill_9(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    unsigned seed = (unsigned)getpid();
    static char acked[200000][TEXT_ID_SIZE];
    size_t count = 0;
    for (int round = 0; round < 12; round++) {
        int acks[2];
        assert_int_equal(pipe2(acks, O_CLOEXEC), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(acks[0]);
            submit_for_ever(f->path, acks[1]);
        }
        close(acks[1]);
        size_t before = count;
        int64_t end = 0;
        for (;;) {
            struct pollfd p = {.fd = acks[0], .events = POLLIN};
            if (count > before && end == 0) /* 0 to 60 ms after the first one */
                end = time_mono_us() + rand_r(&seed) % 60000;
            if (end && time_mono_us() >= end)
                break;
            if (poll(&p, 1, end ? 1 : 20000) == 1) {
                assert_int_equal(read(acks[0], acked[count], TEXT_ID_SIZE), TEXT_ID_SIZE);
                count++;
            }
        }
        kill(pid, SIGKILL);
        int status;
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status));
        while (read(acks[0], acked[count], TEXT_ID_SIZE) == TEXT_ID_SIZE)
            count++;
        close(acks[0]);

        struct catalog *c;
        struct audit_report report;
        struct catalog_stats stats;
        OK(catalog_open(f->path, NULL, &c, &e), e);
        catalog_stats(c, &stats);
        assert_int_equal(stats.check, CATALOG_CHECKED);
        OK(catalog_read_sync(c, verify_audit, &report, &e), e);
        assert_true(report.ok);
        assert_true((size_t)report.entries >= count);
        for (size_t i = before; i < count; i++) {
            struct job job = {0};
            memcpy(job.id, acked[i], TEXT_ID_SIZE);
            if (!is_there(c, &job))
                fail_msg("round %d: %s was acknowledged and is not there", round, job.id);
        }
        catalog_close(c);
    }
    print_message("%zu acknowledged submissions over 12 kills\n", count);
}

/* ---- the long check ---- */

static void after_a_stop(struct fixture *f, size_t runs)
{
    struct err e = {0};
    struct catalog *c;
    OK(catalog_open(f->path, NULL, &c, &e), e);
    for (size_t i = 0; i < runs; i++) {
        struct job job = new_job();
        OK(catalog_write_sync(c, submit_run, &job, &e), e);
    }
    catalog_close(c);
    AUTO_FREE char *unchecked = mem_printf("%s-unchecked", f->path);
    FILE *out = fopen(unchecked, "w");
    assert_non_null(out);
    fclose(out);
}

static int check_of(struct catalog *c)
{
    struct catalog_stats stats;
    for (int i = 0; i < 2000; i++) {
        catalog_stats(c, &stats);
        if (stats.check != CATALOG_CHECKING)
            break;
        usleep(5000);
    }
    return (int)stats.check;
}

static void a_large_file_is_checked_beside_the_work(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct catalog *c;
    const struct catalog_options options = {.check_now_bytes = 1};
    struct job job = new_job();
    after_a_stop(f, 30);
    OK(catalog_open(f->path, &options, &c, &e), e);
    OK(catalog_write_sync(c, submit_run, &job, &e), e);
    assert_int_equal(check_of(c), CATALOG_CHECKED);
    catalog_close(c);
    OK(catalog_open(f->path, &options, &c, &e), e);
    assert_int_equal(check_of(c), CATALOG_CLEAN);
    catalog_close(c);
}

static void note_damage(void *ctx, const struct err *why)
{
    *(struct err *)ctx = *why;
}

/* What a disk did to a page that the end of the audit chain is not on. */
static void a_damaged_file_is_read_and_no_longer_written(void **state)
{
    struct fixture *f = *state;
    struct err e = {0}, told = {0};
    struct catalog *c;
    const struct catalog_options options = {.check_now_bytes = 1, .damaged = note_damage, .ctx = &told};
    struct job job = new_job();
    after_a_stop(f, 30);
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'run_by_age'", -1, &s, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    long page = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    FILE *file = fopen(f->path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, (page - 1) * 4096 + 8, SEEK_SET), 0);
    for (int i = 0; i < 300; i++)
        fputc(0x5a, file);
    fclose(file);
    OK(catalog_open(f->path, &options, &c, &e), e);
    assert_int_equal(check_of(c), CATALOG_DAMAGED);
    FAILS(catalog_write_sync(c, submit_run, &job, &e), e, E_INTERNAL);
    HAS(e.message, "damaged");
    struct audit_report report;
    e = (struct err){0};
    OK(catalog_read_sync(c, verify_audit, &report, &e), e);
    assert_true(report.ok);
    catalog_close(c);
    HAS(told.message, "damaged");
    AUTO_FREE char *unchecked = mem_printf("%s-unchecked", f->path);
    assert_int_equal(access(unchecked, F_OK), 0); /* the next start checks again */
}

static void killed_around_a_commit_it_is_all_there_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    static const char *const points[] = {"catalog.before_commit", "catalog.after_commit"};
    for (int i = 0; i < 2; i++) {
        struct job job = new_job();
        pid_t pid = fork();
        if (pid == 0) {
            struct catalog *c;
            if (catalog_open(f->path, NULL, &c, &e) < 0)
                _exit(2);
            fault_arm(points[i], 1, FAULT_KILL);
            (void)!catalog_write_sync(c, submit_run, &job, &e);
            _exit(0);
        }
        int status;
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        struct catalog *c;
        OK(catalog_open(f->path, NULL, &c, &e), e);
        assert_int_equal(is_there(c, &job), i == 1);
        catalog_close(c);
    }
}

/* ---- a full disk ---- */

static void a_full_disk_fails_requests_and_the_catalog_serves_again_after(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    char path[400];
    char filler[400];
    static char padding[100001];
    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", f->folder, "tmpfs", 0, "size=4m,mode=0700") < 0) {
        print_message("skipped: mounting a small tmpfs needs root\n");
        skip();
    }
    snprintf(path, sizeof path, "%s/full.db", f->folder);
    snprintf(filler, sizeof filler, "%s/filler", f->folder);
    struct catalog *c;
    OK(catalog_open(path, NULL, &c, &e), e);
    memset(padding, 'x', sizeof padding - 1);
    struct job kept[200];
    int count = 0;
    for (; count < 200; count++) {
        kept[count] = new_job();
        kept[count].padding = padding;
        e = (struct err){0};
        if (catalog_write_sync(c, submit_run, &kept[count], &e) < 0)
            break;
    }
    assert_true(count > 5 && count < 200);
    assert_int_equal(e.kind, E_LIMIT);
    HAS(e.message, "disk is full");
    for (int i = 0; i < count; i++)
        assert_true(is_there(c, &kept[i]));
    assert_false(is_there(c, &kept[count]));

    assert_int_equal(mount("tmpfs", f->folder, "tmpfs", MS_REMOUNT, "size=16m"), 0);
    e = (struct err){0};
    OK(catalog_write_sync(c, submit_run, &kept[count], &e), e);
    assert_true(is_there(c, &kept[count]));
    struct audit_report report;
    OK(catalog_read_sync(c, verify_audit, &report, &e), e);
    assert_true(report.ok && report.entries == count + 1);
    catalog_close(c);
    assert_int_equal(umount2(f->folder, MNT_DETACH), 0);
}

/* ---- statements and files ---- */

/* A scan is planned where the table says so. "SCAN x USING COVERING INDEX" is a scan too. */
static void every_statement_prepares_and_none_scans_unplanned(void **state)
{
    struct fixture *f = *state;
    int statements = 0;
    for (int t = 0; t < SQL_TABLE_COUNT; t++) {
        const struct sql_table *table = cat_sql_tables[t];
        assert_non_null(table);
        assert_int_equal(table->slot, t);
        for (int i = 0; i < table->count; i++, statements++) {
            AUTO_FREE char *sql = mem_printf("EXPLAIN QUERY PLAN %s", table->rows[i].text);
            sqlite3_stmt *s = NULL;
            assert_non_null(table->rows[i].text);
            if (sqlite3_prepare_v2(cat_handle(f->db), sql, -1, &s, NULL) != SQLITE_OK)
                fail_msg("%s: %s", table->rows[i].text, sqlite3_errmsg(cat_handle(f->db)));
            bool scans = false;
            while (sqlite3_step(s) == SQLITE_ROW) {
                const char *plan = (const char *)sqlite3_column_text(s, 3);
                /* json_each walks a list that was bound, no table. */
                bool scan = strncmp(plan, "SCAN", 4) == 0 && strcmp(plan, "SCAN CONSTANT ROW") != 0 &&
                            strncmp(plan, "SCAN json_each ", 15) != 0;
                scans |= scan;
                if (scan && !table->rows[i].scan)
                    fail_msg("%s\nscans without saying why: %s", table->rows[i].text, plan);
            }
            if (table->rows[i].scan && !scans)
                fail_msg("%s\ndoes not scan, though the table says that it does",
                         table->rows[i].text);
            sqlite3_finalize(s);
        }
    }
    assert_true(statements > 60);
}

static void a_row_that_refers_to_nothing_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    FAILS(cat_exec(f->db, "INSERT INTO param (run, name, value) VALUES (99, 'a', 'b')", &e), e,
          E_CONFLICT);
    FAILS(cat_exec(f->db, "INSERT INTO run_dataset (run, ordinal, version) VALUES (1, 0, 9)", &e),
          e, E_CONFLICT);
}

static void catalog_db_is_for_its_owner_only(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    mode_t mask = umask(0);
    struct err e = {0};
    struct cat *db;
    char path[400];
    snprintf(path, sizeof path, "%s/other.db", f->folder);
    OK(cat_open(path, false, &db, &e), e);
    OK(migrate_apply(db, migrations, migration_count, NULL, &e), e);
    umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    snprintf(path, sizeof path, "%s/other.db-wal", f->folder);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    cat_close(db);
}

static void a_damaged_file_is_refused_with_a_clear_error(void **state)
{
    struct fixture *f = *state;
    struct err e = {0};
    struct catalog *c;
    char path[400];
    snprintf(path, sizeof path, "%s/damaged.db", f->folder);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 5000; i++)
        fputs("this is no database ", file);
    fclose(file);
    FAILS(catalog_open(path, NULL, &c, &e), e, E_INTERNAL);
    HAS(e.message, "damaged");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            done_is_called_once_on_the_draining_thread_and_the_run_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(jobs_that_wait_share_one_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(a_job_that_fails_rolls_back_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_commit_that_fails_fails_the_whole_group_and_the_writer_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_queue_refuses_and_calls_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(readers_do_not_wait_for_the_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_cannot_write, setup, teardown),
        cmocka_unit_test_setup_teardown(close_finishes_what_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_acknowledged_is_missing_after_kill_9, fx_setup_bare,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(killed_around_a_commit_it_is_all_there_or_not_at_all,
                                        fx_setup_bare, fx_teardown),
        cmocka_unit_test_setup_teardown(a_large_file_is_checked_beside_the_work, fx_setup_bare, fx_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_read_and_no_longer_written, fx_setup_bare, fx_teardown),
        cmocka_unit_test_setup_teardown(
            a_full_disk_fails_requests_and_the_catalog_serves_again_after, fx_setup_bare,
            fx_teardown),
        cmocka_unit_test_setup_teardown(every_statement_prepares_and_none_scans_unplanned, fx_setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(a_row_that_refers_to_nothing_is_refused, fx_setup,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(catalog_db_is_for_its_owner_only, fx_setup_bare,
                                        fx_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_refused_with_a_clear_error, fx_setup_bare,
                                        fx_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
