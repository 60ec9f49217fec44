/*
 * fuzz_record.c - what people write of records: the editor's text, answers to a form, texts that are compared. The
 * first byte says which. What is accepted stays accepted when it is written and read again.
 */
#include "api/cli/record.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "catalog/form.h"
#include "catalog/project.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct json *project_form(void)
{
    static struct json *root;
    if (root)
        return root;
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    struct err e = {0};
    struct jw w = jw_to(&out);
    form_print(form_find("project"), &w);
    root = json_parse(out.data, out.len, NULL, &e);
    if (!root)
        abort();
    return root;
}

/* Read, shown as the answers that it is, written and read again: the same. */
static void text(const char *s)
{
    struct err e = {0};
    struct arena *a = arena_new();
    AUTO_BUF struct buf set = BUF_INIT(1 << 20), record = BUF_INIT(2 << 20), again = BUF_INIT(4 << 20), back = BUF_INIT(1 << 20);
    const char *reason = NULL;
    if (record_read_text(project_form(), s, "x", a, &set, &reason, &e) == 0) {
        const struct json_limits limits = {.max_bytes = 2 << 20};
        buf_printf(&record, "{\"answers\":%s}", buf_cstr(&set));
        AUTO_JSON struct json *v = json_parse(record.data, record.len, &limits, &e);
        if (!v)
            abort();
        record_write_text(project_form(), v, "x", false, &again);
        AUTO_BUF struct buf one = BUF_INIT(4 << 20), two = BUF_INIT(4 << 20);
        if (record_read_text(project_form(), buf_cstr(&again), "x", a, &back, &reason, &e) < 0)
            abort();
        /* What was not given is empty now: only what was given is compared. */
        AUTO_JSON struct json *w = json_parse(back.data, back.len, &limits, &e);
        if (!w)
            abort();
        for (const struct json *m = json_first(json_get(v, "answers")); m; m = json_next(m)) {
            buf_clear(&one);
            buf_clear(&two);
            json_print(m, true, &one);
            json_print(json_get(w, json_key(m)), true, &two);
            if (json_type(m) != JSON_OBJECT && strcmp(buf_cstr(&one), buf_cstr(&two)) != 0)
                abort();
        }
    }
    arena_free(a);
}

static void answers(const char *s, size_t size)
{
    struct err e = {0};
    AUTO_JSON struct json *v = json_parse(s, size, NULL, &e);
    if (!v)
        return;
    e = (struct err){0};
    for (size_t i = 0; form_at(i); i++)
        if (form_check(form_at(i), v, &e) < 0) {
            if (e.kind != E_INVALID || !e.message[0])
                abort();
            e = (struct err){0};
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || memchr(data + 1, '\0', size - 1))
        return 0;
    AUTO_FREE char *s = mem_strndup((const char *)data + 1, size - 1);
    switch (data[0] % 3) {
    case 0: text(s); break;
    case 1: answers(s, size - 1); break;
    default: {
        size_t half = strlen(s) / 2;
        AUTO_FREE char *first = mem_strndup(s, half);
        double like = similar_texts(first, s + half);
        if (!(like >= 0 && like <= 1.0000001) || (half && similar_texts(s, s) < 0))
            abort();
    }
    }
    return 0;
}
