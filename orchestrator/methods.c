/*
 * methods.c - THE method table, put together, and the validation that is read from it.
 *
 * Called by request.c for each call. Rows are in rows_NOUN.c, handlers in method_NOUN.c; the OpenRPC
 * document is printed in discover.c from these rows.
 */
#include "api/common/text.h"
#include "orchestrator/rows.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct method *const tables[] = {
    rows_rpc, rows_catalog, rows_report, rows_lab, rows_blob, rows_run, rows_lineage, rows_dataset, rows_env, rows_profile, rows_audit,
    rows_project, rows_experiment, rows_lesson,
    rows_user,
    rows_keeping,
    rows_quality,
};

const struct method *method_at(size_t index)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const struct method *m = tables[t]; m->name; m++)
            if (index-- == 0)
                return m;
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct method *const *)a)->name, (*(const struct method *const *)b)->name);
}

/* By name, made at the first call: it is asked for each request. Loop thread. */
const struct method *method_find(const char *name)
{
    static const struct method *sorted[256];
    static size_t count;
    const struct method key = {.name = name}, *const key_at = &key;
    if (count == 0) {
        const struct method *m;
        while ((m = method_at(count))) {
            assert(count < sizeof sorted / sizeof *sorted);
            sorted[count++] = m;
        }
        qsort(sorted, count, sizeof *sorted, by_name);
    }
    const struct method *const *found = bsearch(&key_at, sorted, count, sizeof *sorted, by_name);
    return found ? *found : NULL;
}

/* ---- validation ---- */

static int wrong_type(const struct json *v, const char *field, const char *expected, struct err *e)
{
    return err_set(e, E_INVALID, field, NULL, "%s is of type %s, not %s", field,
                   json_type_name(json_type(v)), expected);
}

static int check_string(const struct param *p, const struct json *v, const char *field,
                        struct err *e)
{
    const char *s = json_str(v);
    if (!s)
        return wrong_type(v, field, "string", e);
    int64_t len = (int64_t)strlen(s);
    switch (p->type) {
    case PARAM_NAME:
        if (!text_is_name(s))
            return err_set(e, E_INVALID, field,
                           "letters, digits, _ . - and a letter or digit first, at most 64",
                           "%s is not a name", field);
        return 0;
    case PARAM_SHA256:
        if (!text_is_sha256(s))
            return err_set(e, E_INVALID, field, "64 lower-case hexadecimal digits",
                           "%s is not a SHA-256", field);
        return 0;
    case PARAM_RUN:
        if (len < 4 || len >= TEXT_ID_SIZE ||
            strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789") != (size_t)len)
            return err_set(e, E_INVALID, field,
                           "give an id as `enclos ps` (run.list) shows it, or at least its first 4 characters",
                           "%s is not the id of a run: \"%.60s\"", field, s);
        return 0;
    case PARAM_CHOICE:
        for (const char *const *c = p->choices; *c; c++)
            if (!strcmp(*c, s))
                return 0;
        char list[120] = "";
        for (const char *const *c = p->choices; *c; c++)
            snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s",
                     c == p->choices ? "one of: " : ", ", *c);
        return err_set(e, E_INVALID, field, list, "%s cannot be \"%.60s\"", field, s);
    default:
        if (len < p->min || len > p->max)
            return err_set(e, E_INVALID, field, NULL,
                           "%s has %" PRId64 " bytes, outside %" PRId64 "..%" PRId64, field, len,
                           p->min, p->max);
        return 0;
    }
}

static int check_value(const struct param *p, const struct json *v, const char *field,
                       struct err *e);

static int check_members(const struct param *rows, const struct json *obj, const char *where,
                         struct err *e)
{
    for (const struct json *m = json_first(obj); m; m = json_next(m)) {
        const struct param *p = rows;
        while (p && p->name && strcmp(p->name, json_key(m)) != 0)
            p++;
        char field[56], hint[176];
        snprintf(field, sizeof field, "%s%s%s", where, where[0] ? "." : "", json_key(m));
        if (p && p->name) {
            if (json_type(m) == JSON_NULL && !p->required)
                continue;
            if (check_value(p, m, field, e) < 0)
                return -1;
            continue;
        }
        snprintf(hint, sizeof hint, rows && rows->name ? "known:" : "it takes none");
        for (p = rows; p && p->name; p++)
            snprintf(hint + strlen(hint), sizeof hint - strlen(hint), " %s", p->name);
        return err_set(e, E_INVALID, field, hint, "there is no param %s", field);
    }
    for (const struct param *p = rows; p && p->name; p++)
        if (p->required && !json_get(obj, p->name)) {
            char field[56];
            snprintf(field, sizeof field, "%s%s%s", where, where[0] ? "." : "", p->name);
            return err_set(e, E_INVALID, field, p->meaning, "the param %s is missing", field);
        }
    return 0;
}

static int check_all(const struct param *p, const struct json *v, const char *field, struct err *e)
{
    int64_t count = (int64_t)json_count(v), i = 0;
    if (count < p->min || count > p->max)
        return err_set(e, E_INVALID, field, NULL,
                       "%s has %" PRId64 " elements, outside %" PRId64 "..%" PRId64, field, count,
                       p->min, p->max);
    for (const struct json *m = json_first(v); m; m = json_next(m), i++) {
        char one[56];
        if (p->type == PARAM_MAP)
            snprintf(one, sizeof one, "%s.%s", field, json_key(m));
        else
            snprintf(one, sizeof one, "%s[%" PRId64 "]", field, i);
        if (check_value(p->of, m, one, e) < 0)
            return -1;
    }
    return 0;
}

static bool counts_bytes(const char *name)
{
    size_t len = strlen(name);
    return len > 6 && !strcmp(name + len - 6, "_bytes");
}

static int check_integer(const struct param *p, const struct json *v, const char *field,
                         struct err *e)
{
    int64_t n = json_int(v, 0);
    if (!json_is_int(v))
        return json_type(v) == JSON_NUMBER
                   ? err_set(e, E_INVALID, field, NULL, "%s is not a whole number of at most 2^53",
                             field)
                   : wrong_type(v, field, "a whole number", e);
    if (n >= p->min && n <= p->max)
        return 0;
    if (n < 0 || !counts_bytes(p->name))
        return err_set(e, E_INVALID, field, NULL,
                       "%s is %" PRId64 ", outside %" PRId64 "..%" PRId64, field, n, p->min,
                       p->max);
    char given[TEXT_SIZE_HUMAN], least[TEXT_SIZE_HUMAN], most[TEXT_SIZE_HUMAN];
    text_size_human((uint64_t)n, n > p->max, given);
    text_size_human((uint64_t)p->min, true, least);
    text_size_human((uint64_t)p->max, false, most);
    return err_set(e, E_INVALID, field, NULL, "%s is %s, outside %s to %s", field, given, least,
                   most);
}

static int check_value(const struct param *p, const struct json *v, const char *field,
                       struct err *e)
{
    switch (p->type) {
    case PARAM_STRING:
    case PARAM_NAME:
    case PARAM_SHA256:
    case PARAM_RUN:
    case PARAM_CHOICE: return check_string(p, v, field, e);
    case PARAM_INTEGER: return check_integer(p, v, field, e);
    case PARAM_BOOLEAN: return json_type(v) == JSON_BOOL ? 0 : wrong_type(v, field, "boolean", e);
    case PARAM_ARRAY:
        return json_type(v) == JSON_ARRAY ? check_all(p, v, field, e)
                                          : wrong_type(v, field, "array", e);
    case PARAM_MAP:
        return json_type(v) == JSON_OBJECT ? check_all(p, v, field, e)
                                           : wrong_type(v, field, "object", e);
    case PARAM_OBJECT:
        return json_type(v) == JSON_OBJECT ? check_members(p->of, v, field, e)
                                           : wrong_type(v, field, "object", e);
    case PARAM_ANSWERS:
        return json_type(v) == JSON_OBJECT ? 0 : wrong_type(v, field, "object", e);
    case PARAM_SCALAR:
        if (json_type(v) == JSON_NUMBER || json_type(v) == JSON_BOOL)
            return 0;
        return check_string(p, v, field, e);
    case PARAM_TYPE_COUNT: break;
    }
    return err_set(e, E_INTERNAL, field, NULL, "the method table has a row of no type");
}

int method_check(const struct method *m, const struct json *params, struct err *e)
{
    return check_members(m->params, params, "", e);
}
