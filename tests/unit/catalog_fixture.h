/*
 * catalog_fixture.h - what the catalog's unit tests share: a migrated database in a fresh folder,
 * and runs and datasets to put in it.
 */
#ifndef ENCLOS_TESTS_CATALOG_FIXTURE_H
#define ENCLOS_TESTS_CATALOG_FIXTURE_H

#include "tests/unit/unit.h"

#include "api/common/mem.h"
#include "api/common/text.h"
#include "catalog/dataset.h"
#include "catalog/db.h"
#include "catalog/migrate.h"
#include "catalog/run.h"

#define SHA_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SHA_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct cat_actor fx_actor = {1000, "marie"};

struct fixture {
    char folder[256];
    char path[300];
    struct cat *db;
    struct arena *a;
};

static inline struct fixture *fx_folder(void)
{
    struct fixture *f = mem_alloc(sizeof *f);
    snprintf(f->folder, sizeof f->folder, "%s", unit_mkdtemp());
    snprintf(f->path, sizeof f->path, "%s/catalog.db", f->folder);
    f->a = arena_new();
    return f;
}

/* setup: a migrated database inside a transaction that is never committed (no fsync: quick) */
static inline int fx_setup(void **state)
{
    struct fixture *f = fx_folder();
    struct err e = {0};
    OK(cat_open(f->path, false, &f->db, &e), e);
    OK(migrate_apply(f->db, migrations, migration_count, NULL, &e), e);
    OK(cat_exec(f->db, "BEGIN IMMEDIATE", &e), e);
    *state = f;
    return 0;
}

/* setup: the folder only */
static inline int fx_setup_bare(void **state)
{
    *state = fx_folder();
    return 0;
}

static inline int fx_teardown(void **state)
{
    struct fixture *f = *state;
    cat_close(f->db);
    arena_free(f->a);
    unit_rmdir(f->folder);
    free(f);
    return 0;
}

static inline struct run_new fx_run(const char *id)
{
    return (struct run_new){
        .id = id,
        .name = "essai 1",
        .actor = fx_actor,
        .profile = "python",
        .command_json = "[\"python3\",\"train.py\"]",
        .env_json = "{}",
        .resources_json = "{\"cpus_milli\":1000}",
        .cpus_milli = 1000,
        .memory_bytes = 1 << 30,
        .created_us = 1700000000000000,
    };
}

static inline void fx_submit(struct cat *db, const char *id, int64_t created_us)
{
    struct err e = {0};
    struct run_new run = fx_run(id);
    char out[TEXT_ID_SIZE];
    bool existed;
    run.created_us = created_us;
    OK(cat_run_insert(db, &run, out, &existed, &e), e);
    assert_string_equal(out, id);
    assert_false(existed);
}

static inline struct run_result fx_result(enum verdict verdict)
{
    return (struct run_result){
        .verdict = verdict,
        .reason = "the program ended",
        .finished_us = 1700000009000000,
        .wall_ms = 9000,
        .cpu_ms = -1,
        .memory_peak_bytes = -1,
        .log_kept_bytes = 10,
        .log_dropped_bytes = 0,
        .record_json = "{\"version\":1}",
    };
}

/* A sealed version of that name. */
static inline struct dataset_row fx_dataset(struct fixture *f, const char *name)
{
    struct err e = {0};
    struct dataset_row d;
    bool existed;
    struct dataset_new new = {
        .name = name,
        .classification = "confidentiel",
        .manifest = SHA_A,
        .files = 1,
        .size_bytes = 12,
        .actor = fx_actor,
        .created_us = 5,
    };
    OK(cat_dataset_add(f->db, f->a, &new, &d, &existed, &e), e);
    OK(cat_dataset_seal(f->db, d.key, &fx_actor, 6, &e), e);
    return d;
}

/* Rows of a table, for "nothing changed". The name is the test's own. */
static inline int64_t fx_count(struct cat *db, const char *table)
{
    char sql[100];
    sqlite3_stmt *s = NULL;
    snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
    assert_int_equal(sqlite3_prepare_v2(cat_handle(db), sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t count = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return count;
}

#endif
