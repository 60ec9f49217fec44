/*
 * fuzz_filter.c - any bytes as a filter and as an order: what is accepted prints back to the same tree, what
 * is refused says so in UTF-8, and what a list of runs accepts becomes SQL that SQLite prepares. The first
 * byte chooses; a zero byte in the rest separates a pattern from a text for LIKE.
 */
#include "catalog/list_build.h"
#include "catalog/migrate.h"

#include "api/common/text.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void refused(const struct err *e)
{
    must(e->kind == E_INVALID || e->kind == E_LIMIT);
    must(text_is_utf8(e->message, strlen(e->message)) && text_is_utf8(e->hint, strlen(e->hint)));
}

static sqlite3 *schema(void)
{
    static sqlite3 *db;
    if (!db) {
        must(sqlite3_open(":memory:", &db) == SQLITE_OK && cat_like_register(db) == SQLITE_OK);
        for (size_t i = 0; i < (size_t)migration_count; i++)
            must(sqlite3_exec(db, migrations[i].sql, NULL, NULL, NULL) == SQLITE_OK);
    }
    return db;
}

static void prepares(const struct filter *f)
{
    struct err e = {0};
    AUTO_BUILD struct build b;
    sqlite3_stmt *s = NULL;
    build_init(&b);
    if (list_filter_check(&list_runs, f, &e) < 0) {
        refused(&e);
        return;
    }
    build_put(&b, "SELECT 1 FROM run r WHERE ");
    list_filter_put(&b, &list_runs, f);
    must(!b.sql.failed);
    must(sqlite3_prepare_v2(schema(), buf_cstr(&b.sql), -1, &s, NULL) == SQLITE_OK);
    must((size_t)sqlite3_bind_parameter_count(s) == b.count);
    sqlite3_finalize(s);
}

static void try_filter(const char *text, struct arena *a)
{
    struct err e = {0};
    const struct filter *f, *again;
    AUTO_BUF struct buf first = BUF_INIT(1 << 20), second = BUF_INIT(1 << 20);
    if (filter_parse(text, a, &f, &e) < 0) {
        refused(&e);
        return;
    }
    if (!f)
        return;
    filter_print(f, &first);
    /* What printing adds may be too much for a second reading, nothing else may be wrong with it. */
    if (filter_parse(buf_cstr(&first), a, &again, &e) < 0) {
        must(e.kind == E_LIMIT);
        return;
    }
    filter_print(again, &second);
    must(strcmp(buf_cstr(&first), buf_cstr(&second)) == 0);
    prepares(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct arena *a = arena_new();
    char *text = arena_strndup(a, (const char *)data + 1, size - 1);
    struct err e = {0};
    const struct filter_order *orders;
    size_t count;
    int64_t us;
    if (data[0] % 3 == 0) {
        try_filter(text, a);
    } else if (data[0] % 3 == 1) {
        if (filter_parse_order(text, a, &orders, &count, &e) < 0)
            refused(&e);
        (void)list_parse_date(text, &us);
    } else {
        size_t past = strlen(text) + 1; /* the zero byte, when there is one */
        const char *rest = (const char *)data + 1 + past;
        char *copy = past < size - 1 ? arena_strndup(a, rest, size - 1 - past) : arena_strdup(a, "");
        bool exact = filter_like(text, copy, false);
        must(!exact || filter_like(text, copy, true));
    }
    arena_free(a);
    return 0;
}
