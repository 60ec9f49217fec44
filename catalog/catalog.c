/*
 * catalog.c - the threads of the catalog: one writes in groups, a few read.
 *
 * Group commit: while the writer waits for the disk, jobs gather in its queue; it then takes them
 * all (up to group_max) into the next transaction. One fsync serves them all, and a lonely job
 * waits for nobody. Each job has its savepoint, so that its failure is its own.
 *
 * Locking: `lock` covers the queues, the list of ended jobs and the counters; no SQLite call and no
 * callback happens under it. A job belongs to the queue, then to the thread that runs it, then to
 * the list.
 */
#include "catalog/catalog.h"

#include "api/common/fault.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "catalog/audit.h"
#include "catalog/db.h"
#include "catalog/form.h"
#include "catalog/migrate.h"
#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    QUEUE_MAX = 4096,
    GROUP_MAX = 512,
    READER_COUNT = 6, /* a search or a report takes 100 ms: pages are not to wait for two of them */
    AUDIT_TAIL = 200, /* entries whose chain is looked at before a long check */
    CHECK_NICE = 19,
};

struct job {
    struct job *next;
    catalog_work *work;
    catalog_done *done;
    void *ctx;
    struct err err;
    bool failed;
    struct waiter *waiter; /* a synchronous call; then `done` is not used */
};

struct waiter {
    pthread_cond_t cond;
    bool ended;
    bool failed;
    struct err err;
};

struct queue {
    struct job *first, **last;
    size_t count;
    pthread_cond_t filled;
};

struct catalog {
    pthread_mutex_t lock;
    struct queue writes, reads;
    struct job *ended, **ended_last;
    bool closing;
    struct catalog_options options;
    struct catalog_stats stats;
    struct cat *writer_db;
    struct cat *reader_db[READER_COUNT];
    pthread_t writer, reader[READER_COUNT];
    int threads; /* how many run: the writer, then the readers */
    char *unchecked; /* the file that stands until the long check has ended */
    struct cat *check_db; /* the long check's own; NULL: there is none */
    pthread_t checker;
    bool checker_runs;
    atomic_bool check_stop;
    struct err damage; /* when stats.check is CATALOG_DAMAGED */
};

/* ---- queues; all with the lock held ---- */

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->last = &q->first;
    q->count = 0;
    pthread_cond_init(&q->filled, NULL);
}

static void queue_put(struct queue *q, struct job *job)
{
    job->next = NULL;
    *q->last = job;
    q->last = &job->next;
    q->count++;
    pthread_cond_signal(&q->filled);
}

/* Up to `max` jobs as a list, or NULL when closing and nothing waits. */
static struct job *queue_take(struct catalog *c, struct queue *q, size_t max)
{
    while (!q->first && !c->closing)
        pthread_cond_wait(&q->filled, &c->lock);
    struct job *list = q->first;
    struct job **end = &q->first;
    for (size_t n = 0; n < max && *end; n++) {
        end = &(*end)->next;
        q->count--;
    }
    struct job *rest = *end;
    *end = NULL;
    q->first = rest;
    if (!rest)
        q->last = &q->first;
    return list;
}

/* ---- running jobs; on the catalog's threads ---- */

static void job_fail(struct job *job, const struct err *why)
{
    job->failed = true;
    job->err = *why;
}

static int job_work(struct cat *db, struct job *job)
{
    if (job->work(db, job->ctx, &job->err) == 0)
        return 0;
    job->failed = true;
    if (job->err.kind == E_NONE)
        err_set(&job->err, E_INTERNAL, NULL, NULL, "a job failed without telling why");
    return -1;
}

/* One job in its savepoint. -1 (with *e) when the whole transaction is gone: SQLite rolls it
 * back by itself on a full disk or an I/O error. */
static int group_run_one(struct cat *db, struct job *job, struct err *e)
{
    if (cat_exec(db, "SAVEPOINT job", e) < 0)
        return -1;
    bool ok = job_work(db, job) == 0;
    if (sqlite3_get_autocommit(cat_handle(db))) {
        *e = job->err;
        if (ok)
            err_set(e, E_INTERNAL, "catalog", NULL, "the transaction ended inside a job");
        return -1;
    }
    if (!ok && cat_exec(db, "ROLLBACK TO job", e) < 0)
        return -1;
    return cat_exec(db, "RELEASE job", e);
}

static int group_commit(struct cat *db, struct err *e)
{
    if (FAULT("catalog.before_commit"))
        return err_sys(e, "catalog", NULL, "COMMIT");
    if (cat_exec(db, "COMMIT", e) < 0)
        return -1;
    if (FAULT("catalog.after_commit"))
        return err_sys(e, "catalog", NULL, "after COMMIT");
    return 0;
}

/* Runs the list in one transaction. Afterwards each job has its outcome. */
static int64_t group_run(struct cat *db, struct job *list, bool *committed)
{
    struct err e = {0};
    int64_t commit_us = 0;
    bool ok = cat_exec(db, "BEGIN IMMEDIATE", &e) == 0;
    for (struct job *j = list; ok && j; j = j->next)
        ok = group_run_one(db, j, &e) == 0;
    if (ok) {
        commit_us = time_mono_us();
        ok = group_commit(db, &e) == 0;
        commit_us = time_mono_us() - commit_us;
    }
    *committed = ok;
    if (ok)
        return commit_us;
    struct err ignored = {
        0}; /* the first cause is what matters; BEGIN will fail again if this did */
    if (!sqlite3_get_autocommit(cat_handle(db)) && cat_exec(db, "ROLLBACK", &ignored) < 0)
        err_context(&e, "and the transaction stays open");
    for (struct job *j = list; j; j = j->next)
        if (!j->failed)
            job_fail(j, &e);
    return commit_us;
}

static void read_run(struct cat *db, struct job *job)
{
    struct err e = {0};
    if (cat_exec(db, "BEGIN", &e) < 0) {
        job_fail(job, &e);
        return;
    }
    job_work(db, job);
    if (!sqlite3_get_autocommit(cat_handle(db)) && cat_exec(db, "ROLLBACK", &e) < 0 && !job->failed)
        job_fail(job, &e);
}

/* Hands the jobs to whoever waits for them. Lock held; true when somebody must be woken to
 * drain. */
static bool give_back(struct catalog *c, struct job *list)
{
    bool wake = false;
    while (list) {
        struct job *job = list;
        list = job->next;
        if (job->waiter) {
            job->waiter->failed = job->failed;
            job->waiter->err = job->err;
            job->waiter->ended = true;
            pthread_cond_signal(&job->waiter->cond);
            mem_free_at(&job);
            continue;
        }
        job->next = NULL;
        *c->ended_last = job;
        c->ended_last = &job->next;
        wake = true;
    }
    return wake;
}

static void *writer_main(void *arg)
{
    struct catalog *c = arg;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        struct job *list = queue_take(c, &c->writes, c->options.group_max);
        if (!list)
            break;
        pthread_mutex_unlock(&c->lock);
        bool committed;
        int64_t commit_us = group_run(c->writer_db, list, &committed);
        pthread_mutex_lock(&c->lock);
        for (struct job *j = list; j; j = j->next)
            c->stats.writes++;
        c->stats.groups++;
        c->stats.commit_failures += committed ? 0 : 1;
        c->stats.last_commit_us = commit_us;
        if (give_back(c, list) && c->options.wake) {
            pthread_mutex_unlock(&c->lock);
            c->options.wake(c->options.wake_ctx);
            pthread_mutex_lock(&c->lock);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static void *reader_main(void *arg)
{
    struct catalog *c = arg;
    pthread_mutex_lock(&c->lock);
    struct cat *db = NULL;
    for (int i = 0; i < READER_COUNT; i++)
        if (pthread_equal(c->reader[i], pthread_self()))
            db = c->reader_db[i];
    for (;;) {
        struct job *job = queue_take(c, &c->reads, 1);
        if (!job)
            break;
        pthread_mutex_unlock(&c->lock);
        read_run(db, job);
        pthread_mutex_lock(&c->lock);
        c->stats.reads++;
        if (give_back(c, job) && c->options.wake) {
            pthread_mutex_unlock(&c->lock);
            c->options.wake(c->options.wake_ctx);
            pthread_mutex_lock(&c->lock);
        }
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* ---- open and close ---- */

/* A last close removes the WAL: one that is there tells of a stop that was none. */
static bool stopped_badly(const char *path)
{
    AUTO_FREE char *wal = mem_printf("%s-wal", path);
    AUTO_FREE char *unchecked = mem_printf("%s-unchecked", path); /* or of a check that did not end */
    struct stat st;
    return (stat(wal, &st) == 0 && st.st_size > 0) || stat(unchecked, &st) == 0;
}

static bool is_large(const struct catalog *c, const char *path)
{
    int64_t now_bytes = c->options.check_now_bytes ? c->options.check_now_bytes : CATALOG_CHECK_NOW_BYTES;
    struct stat st;
    return stat(path, &st) == 0 && st.st_size > now_bytes;
}

static int begin_check(struct catalog *c, const char *path, struct err *e)
{
    c->unchecked = mem_printf("%s-unchecked", path);
    AUTO_FD int fd = open(c->unchecked, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fsync(fd) < 0)
        return err_sys(e, "catalog", NULL, "cannot make %s", c->unchecked);
    return cat_open(path, true, &c->check_db, e);
}

/* Before anything is written: the whole file, or what tells most in no time. */
static int check_at_open(struct catalog *c, const char *path, struct err *e)
{
    if (c->stats.check == CATALOG_CLEAN)
        return 0;
    if (is_large(c, path))
        return begin_check(c, path, e);
    c->stats.check = CATALOG_CHECKED;
    return cat_check(c->writer_db, e);
}

static void migrating(void *ctx, int number, int of, const char *name)
{
    const struct catalog *c = ctx;
    if (c->options.migrating)
        c->options.migrating(c->options.ctx, number, of, name);
}

static int open_files(struct catalog *c, const char *path, struct err *e)
{
    c->stats.check = stopped_badly(path) ? CATALOG_CHECKING : CATALOG_CLEAN;
    if (cat_open(path, false, &c->writer_db, e) < 0 || check_at_open(c, path, e) < 0 ||
        migrate_apply_telling(c->writer_db, migrations, migration_count, migrating, c, e) < 0 ||
        (c->check_db && audit_verify_tail(c->writer_db, AUDIT_TAIL, e) < 0))
        return -1;
    if (forms_load(e) < 0)
        return -1;
    for (int i = 0; i < READER_COUNT; i++)
        if (cat_open(path, true, &c->reader_db[i], e) < 0)
            return -1;
    return 0;
}

/* ---- the long check ---- */

static int check_may_stop(void *ctx)
{
    struct catalog *c = ctx;
    return atomic_load(&c->check_stop);
}

static void *checker_main(void *arg)
{
    struct catalog *c = arg;
    struct err e = {0};
    (void)!setpriority(PRIO_PROCESS, (id_t)gettid(), CHECK_NICE); /* refused: then at the usual one */
    sqlite3_progress_handler(cat_handle(c->check_db), 10000, check_may_stop, c);
    int rc = cat_check(c->check_db, &e);
    if (atomic_load(&c->check_stop))
        return NULL; /* the next start begins again */
    if (rc == 0)
        (void)!unlink(c->unchecked); /* it stays: the next start checks once more */
    pthread_mutex_lock(&c->lock);
    c->damage = e;
    c->stats.check = rc == 0 ? CATALOG_CHECKED : CATALOG_DAMAGED;
    pthread_mutex_unlock(&c->lock);
    if (rc < 0 && c->options.damaged)
        c->options.damaged(c->options.ctx, &e);
    return NULL;
}

static int start_threads(struct catalog *c, struct err *e)
{
    /* Under the lock, so that a reader finds itself in c->reader[]. */
    pthread_mutex_lock(&c->lock);
    int rc = pthread_create(&c->writer, NULL, writer_main, c);
    if (rc == 0)
        c->threads++;
    for (int i = 0; rc == 0 && i < READER_COUNT; i++) {
        rc = pthread_create(&c->reader[i], NULL, reader_main, c);
        if (rc == 0)
            c->threads++;
    }
    pthread_mutex_unlock(&c->lock);
    if (rc == 0 && c->check_db) {
        rc = pthread_create(&c->checker, NULL, checker_main, c);
        c->checker_runs = rc == 0;
    }
    if (rc != 0)
        return err_set(e, E_LIMIT, "catalog", "raise the limit of threads",
                       "cannot start the catalog's threads: %s", err_errno_name(rc));
    return 0;
}

int catalog_open(const char *path, const struct catalog_options *options, struct catalog **out,
                 struct err *e)
{
    struct catalog *c = mem_alloc(sizeof *c);
    if (options)
        c->options = *options;
    if (c->options.queue_max == 0)
        c->options.queue_max = QUEUE_MAX;
    if (c->options.group_max == 0)
        c->options.group_max = GROUP_MAX;
    pthread_mutex_init(&c->lock, NULL);
    queue_init(&c->writes);
    queue_init(&c->reads);
    c->ended_last = &c->ended;
    if (forms_load(e) < 0 || open_files(c, path, e) < 0 || start_threads(c, e) < 0) {
        catalog_close(c);
        return -1;
    }
    *out = c;
    return 0;
}

void catalog_close(struct catalog *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    pthread_cond_broadcast(&c->writes.filled);
    pthread_cond_broadcast(&c->reads.filled);
    pthread_mutex_unlock(&c->lock);
    atomic_store(&c->check_stop, true);
    if (c->checker_runs)
        pthread_join(c->checker, NULL);
    if (c->threads > 0)
        pthread_join(c->writer, NULL);
    for (int i = 0; i < c->threads - 1; i++)
        pthread_join(c->reader[i], NULL);
    catalog_drain(c);
    /* Readers first: the last connection to close must be one that may remove the WAL. */
    cat_close(c->check_db);
    for (int i = 0; i < READER_COUNT; i++)
        cat_close(c->reader_db[i]);
    cat_close(c->writer_db);
    pthread_cond_destroy(&c->writes.filled);
    pthread_cond_destroy(&c->reads.filled);
    pthread_mutex_destroy(&c->lock);
    mem_free_at(&c->unchecked);
    mem_free_at(&c);
}

/* ---- callers ---- */

static int submit(struct catalog *c, struct queue *q, struct job *job, struct err *e)
{
    int rc = 0;
    pthread_mutex_lock(&c->lock);
    if (c->closing)
        rc = err_set(e, E_UNAVAILABLE, "catalog", "try again when the lab is up again",
                     "the catalog is closing");
    else if (q == &c->writes && c->stats.check == CATALOG_DAMAGED) {
        *e = c->damage;
        rc = -1;
    } else if (q->count >= c->options.queue_max)
        rc = err_set(e, E_UNAVAILABLE, "catalog", "try again in a moment",
                     "%zu requests wait for the catalog already", q->count);
    else
        queue_put(q, job);
    pthread_mutex_unlock(&c->lock);
    if (rc < 0)
        mem_free_at(&job);
    return rc;
}

static struct job *job_new(catalog_work *work, catalog_done *done, void *ctx)
{
    struct job *job = mem_alloc(sizeof *job);
    job->work = work;
    job->done = done;
    job->ctx = ctx;
    return job;
}

int catalog_write(struct catalog *c, catalog_work *work, catalog_done *done, void *ctx,
                  struct err *e)
{
    return submit(c, &c->writes, job_new(work, done, ctx), e);
}

int catalog_read(struct catalog *c, catalog_work *work, catalog_done *done, void *ctx,
                 struct err *e)
{
    return submit(c, &c->reads, job_new(work, done, ctx), e);
}

static int call_sync(struct catalog *c, struct queue *q, catalog_work *work, void *ctx,
                     struct err *e)
{
    struct waiter waiter = {.cond = PTHREAD_COND_INITIALIZER};
    struct job *job = job_new(work, NULL, ctx);
    job->waiter = &waiter;
    if (submit(c, q, job, e) < 0)
        return -1;
    pthread_mutex_lock(&c->lock);
    while (!waiter.ended)
        pthread_cond_wait(&waiter.cond, &c->lock);
    pthread_mutex_unlock(&c->lock);
    pthread_cond_destroy(&waiter.cond);
    if (!waiter.failed)
        return 0;
    assert(e->kind == E_NONE);
    *e = waiter.err;
    return -1;
}

int catalog_write_sync(struct catalog *c, catalog_work *work, void *ctx, struct err *e)
{
    return call_sync(c, &c->writes, work, ctx, e);
}

int catalog_read_sync(struct catalog *c, catalog_work *work, void *ctx, struct err *e)
{
    return call_sync(c, &c->reads, work, ctx, e);
}

size_t catalog_drain(struct catalog *c)
{
    pthread_mutex_lock(&c->lock);
    struct job *list = c->ended;
    c->ended = NULL;
    c->ended_last = &c->ended;
    pthread_mutex_unlock(&c->lock);
    size_t count = 0;
    while (list) {
        struct job *job = list;
        list = job->next;
        if (job->done)
            job->done(job->ctx, job->failed ? &job->err : NULL);
        mem_free_at(&job);
        count++;
    }
    return count;
}

void catalog_stats(struct catalog *c, struct catalog_stats *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->stats;
    out->write_queue = c->writes.count;
    out->read_queue = c->reads.count;
    pthread_mutex_unlock(&c->lock);
}
