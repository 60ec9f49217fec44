/*
 * fuzz_inspect.c - any bytes as a file of a dataset: nothing is read out of bounds, both units of number.c give the same
 * report, and the daemon's reader accepts it. The first byte chooses name and options.
 */
#include "api/common/json.h"
#include "api/common/mem.h"
#include "api/inspect/folder.h"
#include "catalog/quality.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void report(const char *path, const struct folder_options *o, const uint8_t *data, size_t size, struct buf *out)
{
    struct jw w = jw_to(out);
    struct feed f;
    struct err e = {0};
    size_t columns = FOLDER_COLUMNS;
    feed_init_text(&f, (const char *)data, size);
    jw_obj(&w);
    jw_int_at(&w, "version", REPORT_VERSION);
    jw_int_at(&w, "small_count", (int64_t)o->report.small_count);
    jw_int_at(&w, "files_total", 1);
    jw_arr_at(&w, "files");
    must(folder_file(&w, &f, path, size, o, &columns, &e) == 0);
    jw_end_arr(&w);
    jw_end_obj(&w);
    feed_fini(&f);
    must(!out->failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a.csv", "a.jsonl", "a.txt", "a"};
    static const char delimiters[] = {0, ',', ';', '\t'};
    if (size == 0)
        return 0;
    unsigned how = data[0];
    struct folder_options o = {.report = {.small_count = 1 + (how >> 7) * 9u, .now_s = 1795478400},
                               .delimiter = delimiters[how >> 2 & 3],
                               .header = (int)(how >> 4 & 3) - 1};
    AUTO_BUF struct buf fast = BUF_INIT(4 << 20), plain = BUF_INIT(4 << 20);
    if (o.header > 1)
        o.header = -1;
    number_force_plain(false);
    report(names[how & 3], &o, data + 1, size - 1, &fast);
    number_force_plain(true);
    report(names[how & 3], &o, data + 1, size - 1, &plain);
    must(fast.len == plain.len && memcmp(fast.data, plain.data, fast.len) == 0);
    struct arena *a = arena_new();
    const char *kept = NULL;
    struct err e = {0};
    must(quality_read(a, fast.data, fast.len, &kept, &e) == 0);
    arena_free(a);
    return 0;
}
