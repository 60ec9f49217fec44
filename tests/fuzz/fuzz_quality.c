/*
 * fuzz_quality.c - any bytes as a profiler's report: what is accepted is accepted again as it was kept, and has no drift from itself.
 */
#include "api/common/json.h"
#include "api/common/mem.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *a = arena_new();
    const char *kept = NULL, *again = NULL;
    struct err e = {0};
    if (quality_read(a, (const char *)data, size, &kept, &e) == 0) {
        struct err bad = {0};
        must(quality_read(a, kept, strlen(kept), &again, &bad) == 0);
        must(strcmp(kept, again) == 0);
        AUTO_JSON struct json *root = json_parse(kept, strlen(kept), &(struct json_limits){.max_bytes = 1 << 20}, &bad);
        AUTO_BUF struct buf out = BUF_INIT(16 << 20);
        struct jw w = jw_to(&out);
        must(root != NULL);
        jw_obj(&w);
        quality_drift(root, root, &w);
        jw_end_obj(&w);
        must(!out.failed);
        AUTO_JSON struct json *drift = json_parse(out.data, out.len, &(struct json_limits){.max_bytes = 16 << 20}, &bad);
        must(drift != NULL);
    }
    arena_free(a);
    return 0;
}
