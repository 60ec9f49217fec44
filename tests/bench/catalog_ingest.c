/*
 * catalog_ingest.c - points into the catalog for scripts/bench: as fast as they become durable.
 *
 *     catalog_ingest FILE SECONDS
 *
 * The catalog's own threads and group commit, fed as the daemon feeds them: batches of 1000 points of eight runs that
 * go, one of each under way. Prints points a second, counted when their commit is on the disk.
 */
#include "api/common/mem.h"
#include "api/common/text.h"
#include "catalog/catalog.h"
#include "catalog/metric.h"
#include "catalog/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RUNS = 8, POINTS = 1000, NAMES = 4 };

struct feed {
    char run[TEXT_ID_SIZE];
    struct metric_item items[POINTS];
    uint64_t offset;
    int64_t step;
    bool busy, failed;
    struct err e;
};
static struct feed feeds[RUNS];
static int64_t committed;

static int make_run(struct cat *db, void *ctx, struct err *e)
{
    struct feed *f = ctx;
    bool existed;
    char id[TEXT_ID_SIZE];
    text_new_id('r', id);
    const struct run_new run = {.id = id, .name = "bench", .actor = {1000, "marie"}, .profile = "python",
                                .command_json = "[\"true\"]", .env_json = "{}", .resources_json = "{}",
                                .cpus_milli = 1000, .memory_bytes = 1 << 30, .created_us = time_now_us()};
    return cat_run_insert(db, &run, f->run, &existed, e);
}

static int add(struct cat *db, void *ctx, struct err *e)
{
    struct feed *f = ctx;
    static const char *const names[NAMES] = {"loss", "auc", "rate", "time"};
    for (int i = 0; i < POINTS; i++)
        f->items[i] = (struct metric_item){.kind = METRIC_POINT, .name = names[i % NAMES],
                                           .value = (double)(i * 7919 % 1000) / 1000, .step = f->step + i,
                                           .time_us = time_now_us()};
    struct metric_batch batch = {.items = f->items, .count = POINTS, .from_offset = f->offset,
                                 .to_offset = f->offset + 60 * POINTS, .lines = POINTS};
    return cat_metric_add_batch(db, f->run, &batch, time_now_us(), e);
}

static void added(void *ctx, const struct err *e)
{
    struct feed *f = ctx;
    f->busy = false;
    f->failed = e != NULL;
    if (e) {
        f->e = *e;
        return;
    }
    f->offset += 60 * POINTS;
    f->step += POINTS;
    committed += POINTS;
}

int main(int argc, char **argv)
{
    struct catalog *c;
    struct err e = {0};
    if (argc != 3)
        return 2;
    if (catalog_open(argv[1], NULL, &c, &e) < 0) {
        fprintf(stderr, "catalog_ingest: %s\n", e.message);
        return 1;
    }
    for (int i = 0; i < RUNS; i++)
        if (catalog_write_sync(c, make_run, &feeds[i], &e) < 0) {
            fprintf(stderr, "catalog_ingest: %s\n", e.message);
            return 1;
        }
    int64_t began = time_mono_us(), until = began + atoll(argv[2]) * 1000000;
    while (time_mono_us() < until) {
        for (int i = 0; i < RUNS; i++) {
            struct feed *f = &feeds[i];
            if (f->failed || (!f->busy && catalog_write(c, add, added, f, &e) < 0)) {
                fprintf(stderr, "catalog_ingest: %s\n", f->failed ? f->e.message : e.message);
                return 1;
            }
            f->busy = true;
        }
        catalog_drain(c);
        usleep(200);
    }
    double seconds = (double)(time_mono_us() - began) / 1e6;
    printf("%.0f\n", (double)committed / seconds);
    catalog_close(c);
    return 0;
}
