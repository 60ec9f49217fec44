/*
 * catalog_fill.c - a catalog of any size for scripts/bench, generated from a seed: the rows of a lab that has run
 * for two years.
 *
 *     catalog_fill FILE RUNS POINTS DATASETS SECONDS
 *
 * Written as the schema of migration 5, which never changes: what comes after is applied by the daemon that opens
 * it, and so is measured. Goes on where it stopped, for SECONDS at most; exit status 3: there is more to do. No
 * durability here: it is made for a bench.
 */
#include "api/common/mem.h"
#include "api/common/text.h"
#include "catalog/audit.h"
#include "catalog/db.h"
#include "catalog/migrate.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SCHEMA = 5,
    PEOPLE = 50,
    METRICS = 2,
    PARAMS = 5,
    BATCH = 1000,
    FIRST_S = 1700000000, /* November 2023 */
    SPAN_S = 2 * 365 * 86400,
    STATUS_MORE = 3,
};

static uint64_t seed = 20261124;

static uint64_t chance(uint64_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % below;
}

static void die(const char *what, const struct err *e)
{
    fprintf(stderr, "catalog_fill: %s: %s\n", what, e->message);
    exit(1);
}

static sqlite3_stmt *prepare(struct cat *db, const char *sql)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v3(cat_handle(db), sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK) {
        fprintf(stderr, "catalog_fill: %s: %s\n", sql, sqlite3_errmsg(cat_handle(db)));
        exit(1);
    }
    return s;
}

static void run_once(sqlite3_stmt *s)
{
    if (sqlite3_step(s) != SQLITE_DONE) {
        fprintf(stderr, "catalog_fill: %s\n", sqlite3_errmsg(sqlite3_db_handle(s)));
        exit(1);
    }
    sqlite3_reset(s);
}

static void text(sqlite3_stmt *s, int at, const char *v)
{
    sqlite3_bind_text(s, at, v, -1, SQLITE_TRANSIENT);
}

static int64_t number_of(struct cat *db, const char *sql)
{
    sqlite3_stmt *s = prepare(db, sql);
    int64_t n = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return n;
}

static void exec(struct cat *db, const char *sql)
{
    struct err e = {0};
    if (cat_exec(db, sql, &e) < 0)
        die(sql, &e);
}

/* ---- datasets ---- */

static void fill_datasets(struct cat *db, int64_t wanted)
{
    static const char *const topics[] = {"cancer", "permis", "circulation", "logement", "emploi", "climat", "eau", "transport"};
    static const char *const classes[] = {"public", "interne", "confidentiel", "tres_confidentiel"};
    sqlite3_stmt *d = prepare(db, "INSERT INTO dataset (id, name, created_us) VALUES (?, ?, ?)");
    sqlite3_stmt *v = prepare(db, "INSERT INTO dataset_version (id, dataset, version, title, description, classification,"
                                  " manifest, files, size_bytes, state, actor_uid, actor_name, created_us, sealed_us)"
                                  " VALUES (?1, ?1, 1, ?2, ?3, ?4, ?5, 3, 1000000, 'sealed', 1000, 'marie', ?6, ?6)");
    exec(db, "BEGIN");
    for (int64_t id = number_of(db, "SELECT count(*) FROM dataset") + 1; id <= wanted; id++) {
        char line[200];
        snprintf(line, sizeof line, "%s-%05" PRId64, topics[id % 8], id);
        sqlite3_bind_int64(d, 1, id);
        text(d, 2, line);
        sqlite3_bind_int64(d, 3, FIRST_S * INT64_C(1000000) + id);
        run_once(d);
        sqlite3_bind_int64(v, 1, id);
        snprintf(line, sizeof line, "Données sur %s, année %d", topics[id % 8], (int)(2000 + id % 25));
        text(v, 2, line);
        text(v, 3, "Recueillies par l’organisme, nettoyées, sans renseignement personnel direct.");
        text(v, 4, classes[id % 4]);
        snprintf(line, sizeof line, "%064" PRIx64, (uint64_t)id);
        text(v, 5, line);
        sqlite3_bind_int64(v, 6, FIRST_S * INT64_C(1000000) + id);
        run_once(v);
    }
    exec(db, "COMMIT");
    sqlite3_finalize(d);
    sqlite3_finalize(v);
}

/* ---- runs ---- */

enum { S_RUN, S_RECORD, S_DATASET, S_PARAM, S_TAG, S_ARTIFACT, S_EVENT, S_METRIC, S_POINT, S_COUNT };
static const char *const sqls[S_COUNT] = {
    [S_RUN] = "INSERT INTO run (seq, id, name, state, verdict, exit_code, reason, actor_uid, actor_name, experiment,"
              " profile, command, env, resources, cpus_milli, memory_bytes, code, priority, best_effort, report_paths,"
              " created_us, started_us, finished_us, wall_ms, cpu_ms, memory_peak_bytes, log_kept_bytes,"
              " log_dropped_bytes, metric_lines, log_offset, event_count, outputs)"
              " VALUES (?1, ?2, ?3, 'finished', ?4, ?5, 'the program ended', ?6, ?7, ?8, 'python', ?9, '{}', ?10, 1000,"
              " 1073741824, ?11, 0, 0, 0, ?12, ?12 + 20000, ?13, 60000, 55000, 300000000, 2000, 0, ?14, 9000, 2, ?15)",
    [S_RECORD] = "INSERT INTO run_record (run, usage, sandbox, record) VALUES (?1, '{\"cpu_ms\":55000}', ?2, ?2)",
    [S_DATASET] = "INSERT INTO run_dataset (run, ordinal, version) VALUES (?, 0, ?)",
    [S_PARAM] = "INSERT INTO param (run, name, value) VALUES (?, ?, ?)",
    [S_TAG] = "INSERT INTO tag (run, name, value) VALUES (?, ?, ?)",
    [S_ARTIFACT] = "INSERT INTO artifact (run, path, sha256, size_bytes, mode) VALUES (?, 'model.pkl', ?, 200000, 384)",
    [S_EVENT] = "INSERT INTO run_event (run, number, time_us, event, detail) VALUES (?, ?, ?, ?, NULL)",
    [S_METRIC] = "INSERT INTO metric (id, run, name, last, last_step, last_time_us, min, max, count)"
                 " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [S_POINT] = "INSERT INTO metric_point (metric, number, step, time_us, value) VALUES (?, ?, ?, ?, ?)",
};
static sqlite3_stmt *st[S_COUNT];

/* A time of a run: evenly over the span, so that ids and times sort alike. */
static int64_t created_of(int64_t seq, int64_t runs)
{
    return FIRST_S * INT64_C(1000000) + seq * (SPAN_S * INT64_C(1000000) / (runs + 1));
}

static void id_of(int64_t seq, char out[TEXT_ID_SIZE])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    char id[16] = "r00000000000000";
    for (int i = 14; i > 0 && seq; i--, seq /= 32)
        id[i] = digits[seq % 32];
    snprintf(out, TEXT_ID_SIZE, "%s", id);
}

static void fill_metrics(int64_t seq, int64_t points, int64_t at_us)
{
    static const char *const names[METRICS] = {"loss", "auc"};
    for (int m = 0; m < METRICS; m++) {
        int64_t id = (seq - 1) * METRICS + m + 1;
        double last = 0;
        for (int64_t n = 1; n <= points; n++) {
            last = (double)chance(1000000) / 1e6;
            sqlite3_bind_int64(st[S_POINT], 1, id);
            sqlite3_bind_int64(st[S_POINT], 2, n);
            sqlite3_bind_int64(st[S_POINT], 3, n);
            sqlite3_bind_int64(st[S_POINT], 4, at_us + n * 100000);
            sqlite3_bind_double(st[S_POINT], 5, last);
            run_once(st[S_POINT]);
        }
        sqlite3_bind_int64(st[S_METRIC], 1, id);
        sqlite3_bind_int64(st[S_METRIC], 2, seq);
        text(st[S_METRIC], 3, names[m]);
        sqlite3_bind_double(st[S_METRIC], 4, last);
        sqlite3_bind_int64(st[S_METRIC], 5, points);
        sqlite3_bind_int64(st[S_METRIC], 6, at_us + points * 100000);
        sqlite3_bind_double(st[S_METRIC], 7, 0);
        sqlite3_bind_double(st[S_METRIC], 8, 1);
        sqlite3_bind_int64(st[S_METRIC], 9, points);
        run_once(st[S_METRIC]);
    }
}

static void fill_pairs(int64_t seq)
{
    static const char *const params[PARAMS] = {"model", "trees", "rate", "depth", "fold"};
    static const char *const models[] = {"rf", "xgb", "lr", "svm", "mlp"};
    for (int i = 0; i < PARAMS; i++) {
        char value[32];
        snprintf(value, sizeof value, "%d", (int)chance(100));
        sqlite3_bind_int64(st[S_PARAM], 1, seq);
        text(st[S_PARAM], 2, params[i]);
        text(st[S_PARAM], 3, i == 0 ? models[chance(5)] : value);
        run_once(st[S_PARAM]);
    }
    sqlite3_bind_int64(st[S_TAG], 1, seq);
    text(st[S_TAG], 2, "stage");
    text(st[S_TAG], 3, chance(4) ? "dev" : "prod");
    run_once(st[S_TAG]);
}

static void fill_run(struct cat *db, int64_t seq, int64_t runs, int64_t points, int64_t datasets)
{
    static const char *const verdicts[] = {"succeeded", "succeeded", "succeeded", "failed", "cancelled"};
    static const char sandbox[] = "{\"steps\":[\"namespaces\",\"mounts\",\"limits\",\"filter\"],\"cgroup\":\"v1\",\"landlock\":true,"
                                  "\"limits\":{\"memory\":\"enforced\",\"processes\":\"enforced\",\"cpu\":\"enforced\"}}";
    char id[TEXT_ID_SIZE], line[300], digest[65];
    int64_t at_us = created_of(seq, runs), end_us = at_us + 60000000;
    const char *verdict = verdicts[chance(5)];
    int person = (int)chance(PEOPLE);
    char name[24];
    struct err e = {0};
    sqlite3_stmt *s = st[S_RUN];

    id_of(seq, id);
    snprintf(name, sizeof name, "personne%02d", person);
    sqlite3_bind_int64(s, 1, seq);
    text(s, 2, id);
    snprintf(line, sizeof line, "essai %" PRId64 " sur la prévision", seq % 1000);
    text(s, 3, line);
    text(s, 4, verdict);
    sqlite3_bind_int(s, 5, verdict[0] == 's' ? 0 : 1);
    sqlite3_bind_int(s, 6, 1000 + person);
    text(s, 7, name);
    snprintf(line, sizeof line, "experience-%d", (int)(seq % 300));
    text(s, 8, line);
    text(s, 9, "[\"python3\",\"train.py\",\"--trees\",\"200\"]");
    text(s, 10, "{\"cpus_milli\":1000,\"memory_bytes\":1073741824,\"wall_ms\":3600000}");
    snprintf(digest, sizeof digest, "c%063" PRIx64, (uint64_t)(seq / 20));
    text(s, 11, digest);
    sqlite3_bind_int64(s, 12, at_us);
    sqlite3_bind_int64(s, 13, end_us);
    sqlite3_bind_int64(s, 14, METRICS * points);
    snprintf(digest, sizeof digest, "d%063" PRIx64, (uint64_t)seq);
    text(s, 15, digest);
    run_once(s);
    sqlite3_bind_int64(st[S_RECORD], 1, seq);
    text(st[S_RECORD], 2, sandbox);
    run_once(st[S_RECORD]);
    sqlite3_bind_int64(st[S_DATASET], 1, seq);
    sqlite3_bind_int64(st[S_DATASET], 2, 1 + (int64_t)chance((uint64_t)datasets));
    run_once(st[S_DATASET]);
    fill_pairs(seq);
    sqlite3_bind_int64(st[S_ARTIFACT], 1, seq);
    snprintf(digest, sizeof digest, "e%063" PRIx64, (uint64_t)seq);
    text(st[S_ARTIFACT], 2, digest);
    run_once(st[S_ARTIFACT]);
    for (int n = 1; n <= 2; n++) {
        sqlite3_bind_int64(st[S_EVENT], 1, seq);
        sqlite3_bind_int(st[S_EVENT], 2, n);
        sqlite3_bind_int64(st[S_EVENT], 3, at_us + n);
        text(st[S_EVENT], 4, n == 1 ? "running" : "finished");
        run_once(st[S_EVENT]);
    }
    fill_metrics(seq, points, at_us);
    const struct cat_actor actor = {1000 + person, name};
    if (audit_append(db, &actor, "run.submitted", id, "{\"profile\":\"python\"}", at_us, &e) < 0 ||
        audit_append(db, &CAT_ACTOR_LAB, "run.running", id, NULL, at_us + 20000, &e) < 0 ||
        audit_append(db, &CAT_ACTOR_LAB, "run.finished", id, "{\"verdict\":\"succeeded\"}", end_us, &e) < 0)
        die("audit", &e);
}

int main(int argc, char **argv)
{
    struct cat *db = NULL;
    struct err e = {0};
    if (argc != 6) {
        fprintf(stderr, "usage: catalog_fill FILE RUNS POINTS DATASETS SECONDS\n");
        return 2;
    }
    int64_t runs = atoll(argv[2]), points = atoll(argv[3]), datasets = atoll(argv[4]);
    int64_t until_us = time_mono_us() + atoll(argv[5]) * 1000000;
    /* An aborted file is not worth repairing: the bench begins anew then. */
    if (cat_open(argv[1], false, &db, &e) < 0 || migrate_apply(db, migrations, SCHEMA, NULL, &e) < 0)
        die(argv[1], &e);
    exec(db, "PRAGMA synchronous=OFF");
    exec(db, "PRAGMA wal_autocheckpoint=100000");
    exec(db, "PRAGMA cache_size=-400000");
    exec(db, "PRAGMA foreign_keys=OFF");
    fill_datasets(db, datasets);
    int64_t seq = number_of(db, "SELECT coalesce(max(seq), 0) FROM run") + 1;
    seed += (uint64_t)seq;
    for (int i = 0; i < S_COUNT; i++)
        st[i] = prepare(db, sqls[i]);
    while (seq <= runs && time_mono_us() < until_us) {
        exec(db, "BEGIN");
        for (int i = 0; i < BATCH && seq <= runs; i++, seq++)
            fill_run(db, seq, runs, points / runs / METRICS, datasets);
        exec(db, "COMMIT");
    }
    for (int i = 0; i < S_COUNT; i++)
        sqlite3_finalize(st[i]);
    printf("%" PRId64 " runs\n", seq - 1);
    cat_close(db);
    return seq <= runs ? STATUS_MORE : 0;
}
