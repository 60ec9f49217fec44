/*
 * fuzz_json.c - any bytes as JSON: nothing is read out of bounds, scan and parser agree, and what
 * is accepted survives printing. The first byte chooses what is done with the rest.
 */
#include "api/common/json.h"
#include "api/common/mem.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void try_text(const char *text, size_t len)
{
    struct err scan = {0}, parse = {0}, e = {0};
    bool accepted = json_scan(text, len, NULL, &scan) == 0;
    AUTO_JSON struct json *v = json_parse(text, len, NULL, &parse);

    if (!v) {
        /* The scan alone gives up on duplicates past its table, and on nothing else. */
        must(!accepted || strstr(parse.message, "is there twice"));
        return;
    }
    must(accepted);
    AUTO_BUF struct buf once = BUF_INIT(16 << 20), twice = BUF_INIT(16 << 20);
    json_print(v, true, &once);
    struct json_limits limits = {.max_bytes = 16 << 20};
    AUTO_JSON struct json *again = json_parse(once.data, once.len, &limits, &e);
    must(again != NULL);
    json_print(again, true, &twice);
    must(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    must(json_line_of(text, len, "") > 0);
    (void)json_line_of(text, len, "a.b[0].c");
    for (const struct json *c = json_first(v); c; c = json_next(c)) {
        const char *key = json_key(c);
        if (key)
            must(json_get(v, key) == c);
        if (key && *key && !strpbrk(key, ".["))
            must(json_line_of(text, len, key) > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    /* A copy of exactly the size, so that the sanitizer sees one byte too many. */
    size_t len = size - 1;
    AUTO_FREE char *text = malloc(len ? len : 1);
    if (len > 0)
        memcpy(text, data + 1, len);
    if (data[0] & 1) {
        struct err e = {0};
        if (json_blank_comments(text, len, &e) < 0)
            return 0;
    }
    try_text(text, len);
    return 0;
}
