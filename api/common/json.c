/*
 * json.c - parsed JSON values. The only file that sees cJSON.
 *
 * A struct json is a cJSON by another name: the pointer is cast here and nowhere else, so nobody
 * reads its fields or calls its case-blind lookups. cJSON only gets text that the scan accepted
 * (jsonscan.c), so a failure of its parser means that memory is out.
 */
#include "api/common/json.h"

#include "api/common/jsonscan.h"
#include "api/common/mem.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const cJSON *in(const struct json *v)
{
    return (const cJSON *)v;
}

static const struct json *out_of(const cJSON *c)
{
    return (const struct json *)c;
}

struct json *json_parse(const char *text, size_t len, const struct json_limits *limits,
                        struct err *e)
{
    if (scan_for_parse(text, len, limits, e) < 0)
        return NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, len, NULL, 0);
    if (!root)
        err_set(e, E_LIMIT, NULL, NULL, "out of memory for a JSON text of %zu bytes", len);
    return (struct json *)root;
}

void json_free(struct json *root)
{
    cJSON_Delete((cJSON *)root);
}

void json_free_at(struct json **root)
{
    json_free(*root);
    *root = NULL;
}

/* ---- looking ---- */

enum json_type json_type(const struct json *v)
{
    if (!v)
        return JSON_NULL;
    switch (in(v)->type & 0xff) {
    case cJSON_True:
    case cJSON_False: return JSON_BOOL;
    case cJSON_Number: return JSON_NUMBER;
    case cJSON_String: return JSON_STRING;
    case cJSON_Array: return JSON_ARRAY;
    case cJSON_Object: return JSON_OBJECT;
    default: return JSON_NULL;
    }
}

const char *json_type_name(enum json_type t)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",     [JSON_BOOL] = "boolean", [JSON_NUMBER] = "number",
        [JSON_STRING] = "string", [JSON_ARRAY] = "array",  [JSON_OBJECT] = "object",
    };
    return names[t];
}

const struct json *json_get(const struct json *obj, const char *key)
{
    if (!obj || json_type(obj) != JSON_OBJECT)
        return NULL;
    for (const cJSON *c = in(obj)->child; c; c = c->next)
        if (strcmp(c->string, key) == 0)
            return out_of(c);
    return NULL;
}

size_t json_count(const struct json *v)
{
    size_t n = 0;

    for (const cJSON *c = v ? in(v)->child : NULL; c; c = c->next)
        n++;
    return n;
}

const struct json *json_first(const struct json *v)
{
    return v ? out_of(in(v)->child) : NULL;
}

const struct json *json_next(const struct json *v)
{
    return out_of(in(v)->next);
}

const char *json_key(const struct json *v)
{
    return in(v)->string;
}

const char *json_str(const struct json *v)
{
    return v && json_type(v) == JSON_STRING ? in(v)->valuestring : NULL;
}

bool json_is_int(const struct json *v)
{
    if (!v || json_type(v) != JSON_NUMBER)
        return false;
    double n = in(v)->valuedouble;
    return fabs(n) <= 9007199254740992.0 && n == (double)(int64_t)n;
}

int64_t json_int(const struct json *v, int64_t otherwise)
{
    return json_is_int(v) ? (int64_t)in(v)->valuedouble : otherwise;
}

double json_num(const struct json *v, double otherwise)
{
    return v && json_type(v) == JSON_NUMBER ? in(v)->valuedouble : otherwise;
}

bool json_bool(const struct json *v, bool otherwise)
{
    return v && json_type(v) == JSON_BOOL ? (in(v)->type & 0xff) == cJSON_True : otherwise;
}

/* ---- closed structs, typed members ---- */

enum { FIELD_BYTES = sizeof((struct err *)0)->field };

static void name_field(char out[FIELD_BYTES], const char *where, const char *key)
{
    /* A long name is cut by what holds it. */
    int n =
        snprintf(out, FIELD_BYTES, "%s%s%s", where ? where : "", where && *where ? "." : "", key);
    (void)n;
}

int json_only_keys(const struct json *obj, const char *where, const char *const *allowed,
                   struct err *e)
{
    for (const struct json *m = json_first(obj); m; m = json_next(m)) {
        const char *key = json_key(m);
        size_t i = 0;
        while (allowed[i] && key && strcmp(allowed[i], key) != 0)
            i++;
        if (!key || allowed[i])
            continue;
        char field[FIELD_BYTES], hint[sizeof e->hint] = "known here: ";
        name_field(field, where, key);
        for (i = 0; allowed[i]; i++) {
            size_t at = strlen(hint);
            const char *comma = i ? ", " : "";
            /* Whole names, and room to say that there are more. */
            if (at + strlen(comma) + strlen(allowed[i]) + strlen(", ...") >= sizeof hint) {
                snprintf(hint + at, sizeof hint - at, ", ...");
                break;
            }
            snprintf(hint + at, sizeof hint - at, "%s%s", comma, allowed[i]);
        }
        return err_set(e, E_INVALID, field, allowed[0] ? hint : "nothing may stand here",
                       "unknown key \"%.100s\"", field);
    }
    return 0;
}

/* The value shown in an error: short, one line. */
static void show(const struct json *v, char *out, size_t out_size)
{
    AUTO_BUF struct buf b = BUF_INIT(64 << 10);

    switch (json_type(v)) {
    case JSON_ARRAY: snprintf(out, out_size, "an array of %zu", json_count(v)); return;
    case JSON_OBJECT: snprintf(out, out_size, "an object"); return;
    default: break;
    }
    json_print(v, false, &b);
    const char *text = buf_cstr(&b);
    if (b.failed || strlen(text) >= 48)
        snprintf(out, out_size, "a string of %zu bytes", strlen(json_str(v) ? json_str(v) : text));
    else
        snprintf(out, out_size, "%s", text);
}

/* Finds a member: 1 found, 0 absent or null and optional, -1 error. A required one may not be
 * null. */
static int find(const struct json *obj, const char *where, const char *key, bool needed,
                const struct json **out, char field[FIELD_BYTES], struct err *e)
{
    const struct json *v = json_get(obj, key);

    name_field(field, where, key);
    if (v && json_type(v) != JSON_NULL) {
        *out = v;
        return 1;
    }
    if (!needed)
        return 0;
    return err_set(e, E_INVALID, field, NULL, v ? "%s is null" : "%s is missing", field);
}

static int wrong(const struct json *v, const char *field, struct err *e, const char *expected)
{
    char value[80];

    show(v, value, sizeof value);
    return err_set(e, E_INVALID, field, NULL, "%s is %s: it must be %s", field, value, expected);
}

static int member_str(const struct json *obj, const char *where, const char *key, bool needed,
                      size_t min_len, size_t max_len, const char **out, struct err *e)
{
    char field[FIELD_BYTES], expected[80];
    const struct json *v = NULL;
    int found = find(obj, where, key, needed, &v, field, e);

    if (found <= 0)
        return found;
    const char *s = json_str(v);
    size_t len = s ? strlen(s) : 0;
    if (!s || len < min_len || len > max_len) {
        if (min_len == 0)
            snprintf(expected, sizeof expected, "a string of at most %zu bytes", max_len);
        else
            snprintf(expected, sizeof expected, "a string of %zu to %zu bytes", min_len, max_len);
        return wrong(v, field, e, expected);
    }
    *out = s;
    return 0;
}

int json_need_str(const struct json *obj, const char *where, const char *key, size_t min_len,
                  size_t max_len, const char **out, struct err *e)
{
    return member_str(obj, where, key, true, min_len, max_len, out, e);
}

int json_opt_str(const struct json *obj, const char *where, const char *key, size_t min_len,
                 size_t max_len, const char **out, struct err *e)
{
    return member_str(obj, where, key, false, min_len, max_len, out, e);
}

static int member_int(const struct json *obj, const char *where, const char *key, bool needed,
                      int64_t min, int64_t max, int64_t *out, struct err *e)
{
    char field[FIELD_BYTES], expected[96];
    const struct json *v = NULL;
    int found = find(obj, where, key, needed, &v, field, e);

    if (found <= 0)
        return found;
    if (!json_is_int(v) || json_int(v, 0) < min || json_int(v, 0) > max) {
        snprintf(expected, sizeof expected, "an integer from %lld to %lld", (long long)min,
                 (long long)max);
        return wrong(v, field, e, expected);
    }
    *out = json_int(v, 0);
    return 0;
}

int json_need_int(const struct json *obj, const char *where, const char *key, int64_t min,
                  int64_t max, int64_t *out, struct err *e)
{
    return member_int(obj, where, key, true, min, max, out, e);
}

int json_opt_int(const struct json *obj, const char *where, const char *key, int64_t min,
                 int64_t max, int64_t *out, struct err *e)
{
    return member_int(obj, where, key, false, min, max, out, e);
}

int json_opt_num(const struct json *obj, const char *where, const char *key, double min, double max,
                 double *out, struct err *e)
{
    char field[FIELD_BYTES], expected[96];
    const struct json *v = NULL;
    int found = find(obj, where, key, false, &v, field, e);

    if (found <= 0)
        return found;
    double n = json_num(v, NAN);
    if (!(n >= min && n <= max)) {
        snprintf(expected, sizeof expected, "a number from %g to %g", min, max);
        return wrong(v, field, e, expected);
    }
    *out = n;
    return 0;
}

int json_opt_bool(const struct json *obj, const char *where, const char *key, bool *out,
                  struct err *e)
{
    char field[FIELD_BYTES];
    const struct json *v = NULL;
    int found = find(obj, where, key, false, &v, field, e);

    if (found <= 0)
        return found;
    if (json_type(v) != JSON_BOOL)
        return wrong(v, field, e, "true or false");
    *out = json_bool(v, false);
    return 0;
}

static int member_many(const struct json *obj, const char *where, const char *key,
                       enum json_type type, size_t max_count, const struct json **out,
                       struct err *e)
{
    char field[FIELD_BYTES], expected[80];
    const struct json *v = NULL;

    *out = NULL;
    int found = find(obj, where, key, false, &v, field, e);
    if (found <= 0)
        return found;
    if (json_type(v) != type) {
        snprintf(expected, sizeof expected, "an %s", json_type_name(type));
        return wrong(v, field, e, expected);
    }
    if (json_count(v) > max_count)
        return err_set(e, E_INVALID, field, NULL, "%s has %zu %s, more than %zu", field,
                       json_count(v), type == JSON_ARRAY ? "elements" : "members", max_count);
    *out = v;
    return 0;
}

int json_opt_array(const struct json *obj, const char *where, const char *key, size_t max_count,
                   const struct json **out, struct err *e)
{
    return member_many(obj, where, key, JSON_ARRAY, max_count, out, e);
}

int json_opt_object(const struct json *obj, const char *where, const char *key, size_t max_count,
                    const struct json **out, struct err *e)
{
    return member_many(obj, where, key, JSON_OBJECT, max_count, out, e);
}

/* ---- printing ---- */

static int compare_members(const void *a, const void *b)
{
    const cJSON *const *x = a, *const *y = b;

    return strcmp((*x)->string, (*y)->string);
}

/* As deep as the text that was parsed, so at most 256. */
static void print(struct jw *w, const cJSON *v, bool canonical) /* NOLINT(misc-no-recursion) */
{
    switch (json_type(out_of(v))) {
    case JSON_NULL: jw_null(w); return;
    case JSON_BOOL: jw_bool(w, (v->type & 0xff) == cJSON_True); return;
    case JSON_STRING: jw_str(w, v->valuestring); return;
    case JSON_NUMBER:
        /* RFC 8785 has one zero. */
        jw_num(w, canonical && v->valuedouble == 0 ? 0.0 : v->valuedouble);
        return;
    case JSON_ARRAY:
        jw_arr(w);
        for (const cJSON *c = v->child; c; c = c->next)
            print(w, c, canonical);
        jw_end_arr(w);
        return;
    case JSON_OBJECT: break;
    }
    jw_obj(w);
    size_t count = canonical ? json_count(out_of(v)) : 0;
    AUTO_FREE const cJSON **sorted = count > 1 ? mem_try(count * sizeof *sorted) : NULL;
    if (count > 1 && !sorted) {
        w->out->failed = true; /* never a text in another order */
        return;
    }
    size_t i = 0;
    for (const cJSON *c = v->child; c; c = c->next) {
        if (sorted) {
            sorted[i++] = c;
        } else {
            jw_key(w, c->string);
            print(w, c, canonical);
        }
    }
    if (sorted) {
        qsort(sorted, count, sizeof *sorted, compare_members);
        for (i = 0; i < count; i++) {
            jw_key(w, sorted[i]->string);
            print(w, sorted[i], canonical);
        }
    }
    jw_end_obj(w);
}

void json_print(const struct json *v, bool canonical, struct buf *out)
{
    struct jw w = jw_to(out);

    print(&w, in(v), canonical);
}
