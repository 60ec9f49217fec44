/*
 * quality_read.c - lets a report in. One table says what may stand where: keys, types, bounds, words. Everything else is
 * refused by its place, and what is kept is printed anew from what was read.
 */
#include "catalog/quality.h"

#include "api/common/mem.h"
#include "api/common/text.h"
#include <float.h>
#include <string.h>

enum shape_type { SHAPE_INT, SHAPE_NUM, SHAPE_TEXT, SHAPE_WORD, SHAPE_BOOL, SHAPE_OBJECT, SHAPE_LIST };

struct shape {
    const char *key; /* NULL ends a table; an element of a list has none that counts */
    enum shape_type type;
    unsigned flags;
    double min, max;           /* of a number; of a text, its bytes; of a list, its elements */
    const struct shape *of;    /* members, or the one row of an element */
    const char *const *words;
};
enum { MUST = 1, MAY_BE_NULL = 2 };

#define COUNT_MAX 9007199254740992.0 /* 2^53 */
#define END {.key = NULL}
#define COUNT_OF(name) {.key = (name), .type = SHAPE_INT, .flags = MUST, .max = COUNT_MAX}
#define FLAG(name) {.key = (name), .type = SHAPE_BOOL, .flags = MUST}
#define SHARE(name) {.key = (name), .type = SHAPE_NUM, .flags = MUST, .max = 1}
#define WORDS(...) (const char *const[]){__VA_ARGS__, NULL}
#define ANY_NUMBER .min = -DBL_MAX, .max = DBL_MAX

static const char *const types[] = {"empty", "integer", "decimal", "boolean", "date", "datetime", "time", "text", "mixed", NULL};

static const struct shape any_number = {.key = "", .type = SHAPE_NUM, .flags = MAY_BE_NULL, ANY_NUMBER};
static const struct shape date_text = {.key = "", .type = SHAPE_TEXT, .max = 19};
static const struct shape share_or_null = {.key = "", .type = SHAPE_NUM, .flags = MAY_BE_NULL, .max = 1};
static const struct shape column_number = {.key = "", .type = SHAPE_INT, .min = 1, .max = 100000};

static const struct shape cells[] = {
    {.key = "integer", .type = SHAPE_INT, .max = COUNT_MAX}, {.key = "decimal", .type = SHAPE_INT, .max = COUNT_MAX},
    {.key = "boolean", .type = SHAPE_INT, .max = COUNT_MAX}, {.key = "date", .type = SHAPE_INT, .max = COUNT_MAX},
    {.key = "datetime", .type = SHAPE_INT, .max = COUNT_MAX}, {.key = "time", .type = SHAPE_INT, .max = COUNT_MAX},
    {.key = "text", .type = SHAPE_INT, .max = COUNT_MAX}, END};
static const struct shape token[] = {{.key = "token", .type = SHAPE_TEXT, .flags = MUST, .max = 8}, COUNT_OF("cells"), END};
static const struct shape a_token = {.key = "", .type = SHAPE_OBJECT, .of = token};
static const struct shape text_bytes[] = {
    COUNT_OF("min"), COUNT_OF("max"), {.key = "mean", .type = SHAPE_NUM, .flags = MUST, .max = COUNT_MAX}, END};
static const struct shape suggests[] = {
    {.key = "name", .type = SHAPE_WORD, .flags = MUST,
     .words = WORDS("health_insurance", "permanent_code", "social_insurance", "driver_licence", "email", "phone", "payment_card",
                    "ip_address", "name", "first_name", "address", "vehicle", "file_number", "birth_date", "age", "postal_code",
                    "sex", "place", "coordinates", "language", "occupation", "marital_status", "origin_or_belief", "income",
                    "health")},
    {.key = "class", .type = SHAPE_WORD, .flags = MUST, .words = WORDS("direct", "quasi", "sensitive")},
    END};
static const struct shape identifier[] = {
    {.key = "kind", .type = SHAPE_WORD, .flags = MUST,
     .words = WORDS("nam", "permanent_code", "nam_or_permanent_code", "nas", "driver_licence", "postal_code", "phone", "email",
                    "ip_address", "payment_card", "birth_date")},
    COUNT_OF("cells"),
    SHARE("share"),
    {.key = "confidence", .type = SHAPE_WORD, .flags = MUST, .words = WORDS("certain", "probable", "possible")},
    {.key = "because", .type = SHAPE_WORD, .flags = MUST, .words = WORDS("values", "name", "name_and_values")},
    END};
static const struct shape an_identifier = {.key = "", .type = SHAPE_OBJECT, .of = identifier};

static const struct shape bars[] = {
    {.key = "low", .type = SHAPE_NUM, .flags = MUST | MAY_BE_NULL, ANY_NUMBER},
    {.key = "high", .type = SHAPE_NUM, .flags = MUST | MAY_BE_NULL, ANY_NUMBER},
    {.key = "shares", .type = SHAPE_LIST, .flags = MUST, .min = 20, .max = 20, .of = &share_or_null},
    SHARE("below"), SHARE("above"), END};
static const struct shape date_bars[] = {
    {.key = "low", .type = SHAPE_TEXT, .flags = MUST, .max = 19},
    {.key = "high", .type = SHAPE_TEXT, .flags = MUST, .max = 19},
    {.key = "shares", .type = SHAPE_LIST, .flags = MUST, .min = 20, .max = 20, .of = &share_or_null},
    SHARE("below"), SHARE("above"), END};
static const struct shape outliers[] = {COUNT_OF("mild"), COUNT_OF("far"), FLAG("exact"), END};
static const struct shape numbers[] = {
    COUNT_OF("count"),
    {.key = "min", .type = SHAPE_NUM, .flags = MUST | MAY_BE_NULL, ANY_NUMBER},
    {.key = "max", .type = SHAPE_NUM, .flags = MUST | MAY_BE_NULL, ANY_NUMBER},
    {.key = "mean", .type = SHAPE_NUM, .flags = MUST | MAY_BE_NULL, ANY_NUMBER},
    {.key = "sd", .type = SHAPE_NUM, .flags = MUST | MAY_BE_NULL, ANY_NUMBER},
    {.key = "quantiles", .type = SHAPE_LIST, .flags = MUST, .min = 15, .max = 15, .of = &any_number},
    FLAG("exact"),
    {.key = "histogram", .type = SHAPE_OBJECT, .of = bars},
    {.key = "outliers", .type = SHAPE_OBJECT, .of = outliers},
    END};
static const struct shape dates[] = {
    COUNT_OF("count"),
    {.key = "min", .type = SHAPE_TEXT, .flags = MUST, .max = 19},
    {.key = "max", .type = SHAPE_TEXT, .flags = MUST, .max = 19},
    {.key = "quantiles", .type = SHAPE_LIST, .flags = MUST, .min = 15, .max = 15, .of = &date_text},
    FLAG("exact"),
    {.key = "histogram", .type = SHAPE_OBJECT, .of = date_bars},
    END};
/* A frequent value is a text or a number: see check_value. */
static const struct shape top[] = {{.key = "value", .type = SHAPE_TEXT, .flags = MUST | MAY_BE_NULL, .max = 200}, COUNT_OF("count"), END};
static const struct shape a_top = {.key = "", .type = SHAPE_OBJECT, .of = top};

static const struct shape column[] = {
    {.key = "number", .type = SHAPE_INT, .flags = MUST, .min = 1, .max = 100000},
    {.key = "name", .type = SHAPE_TEXT, .flags = MUST | MAY_BE_NULL, .max = 100},
    {.key = "type", .type = SHAPE_WORD, .flags = MUST, .words = types},
    {.key = "mostly", .type = SHAPE_WORD, .words = types},
    {.key = "cells", .type = SHAPE_OBJECT, .flags = MUST, .of = cells},
    COUNT_OF("missing"),
    {.key = "missing_tokens", .type = SHAPE_LIST, .flags = MUST, .max = 24, .of = &a_token},
    COUNT_OF("distinct"),
    FLAG("distinct_exact"),
    {.key = "decimal_mark", .type = SHAPE_WORD, .words = WORDS("comma", "point", "both")},
    {.key = "date_order", .type = SHAPE_WORD, .words = WORDS("day_first", "month_first", "both")},
    {.key = "text_bytes", .type = SHAPE_OBJECT, .of = text_bytes},
    {.key = "suggests", .type = SHAPE_OBJECT, .of = suggests},
    {.key = "identifiers", .type = SHAPE_LIST, .flags = MUST, .max = 11, .of = &an_identifier},
    {.key = "withheld", .type = SHAPE_WORD, .flags = MUST | MAY_BE_NULL, .words = WORDS("identifiers", "few", "room")},
    {.key = "numbers", .type = SHAPE_OBJECT, .of = numbers},
    {.key = "dates", .type = SHAPE_OBJECT, .of = dates},
    {.key = "top", .type = SHAPE_LIST, .max = 10, .of = &a_top},
    {.key = "top_exact", .type = SHAPE_BOOL},
    END};
static const struct shape a_column = {.key = "", .type = SHAPE_OBJECT, .of = column};

static const struct shape quasi[] = {
    {.key = "columns", .type = SHAPE_LIST, .flags = MUST, .min = 2, .max = 4, .of = &column_number},
    COUNT_OF("smallest_group"), COUNT_OF("groups"), COUNT_OF("alone"), COUNT_OF("rows_in_small_groups"), FLAG("exact"), END};
static const struct shape a_quasi = {.key = "", .type = SHAPE_OBJECT, .of = quasi};
static const struct shape duplicates[] = {
    COUNT_OF("rows"), FLAG("exact"), {.key = "relative_error", .type = SHAPE_NUM, .flags = MUST, .max = 1e6}, END};

#define MAYBE_COUNT(name) {.key = (name), .type = SHAPE_INT, .max = COUNT_MAX}
static const struct shape file[] = {
    {.key = "path", .type = SHAPE_TEXT, .flags = MUST, .min = 1, .max = 600},
    COUNT_OF("size_bytes"),
    {.key = "format", .type = SHAPE_WORD, .flags = MUST,
     .words = WORDS("csv", "tsv", "jsonl", "text", "empty", "binary", "utf-16")},
    {.key = "delimiter", .type = SHAPE_TEXT, .flags = MAY_BE_NULL, .min = 1, .max = 1},
    {.key = "header", .type = SHAPE_BOOL},
    {.key = "encoding", .type = SHAPE_WORD, .words = WORDS("ascii", "utf-8", "windows-1252", "iso-8859-1")},
    {.key = "bom", .type = SHAPE_BOOL},
    MAYBE_COUNT("encoding_faults"),
    MAYBE_COUNT("first_encoding_fault_row"),
    {.key = "line_ends", .type = SHAPE_WORD, .words = WORDS("lf", "crlf", "cr", "mixed")},
    MAYBE_COUNT("blank_lines"),
    MAYBE_COUNT("cut_fields"),
    MAYBE_COUNT("stray_quotes"),
    {.key = "unclosed_quote", .type = SHAPE_BOOL},
    MAYBE_COUNT("bad_lines"),
    MAYBE_COUNT("first_bad_line"),
    MAYBE_COUNT("rows"),
    MAYBE_COUNT("columns_total"),
    MAYBE_COUNT("ragged_rows"),
    MAYBE_COUNT("first_ragged_row"),
    {.key = "duplicates", .type = SHAPE_OBJECT, .of = duplicates},
    {.key = "columns", .type = SHAPE_LIST, .max = 400, .of = &a_column},
    {.key = "quasi_identifiers", .type = SHAPE_LIST, .max = 3, .of = &a_quasi},
    END};
static const struct shape a_file = {.key = "", .type = SHAPE_OBJECT, .of = file};

static const struct shape report[] = {
    {.key = "version", .type = SHAPE_INT, .flags = MUST, .min = 1, .max = 1},
    {.key = "small_count", .type = SHAPE_INT, .flags = MUST, .min = 1, .max = 1000000},
    COUNT_OF("files_total"),
    {.key = "files", .type = SHAPE_LIST, .flags = MUST, .max = 200, .of = &a_file},
    END};
static const struct shape root_shape = {.key = "", .type = SHAPE_OBJECT, .of = report};

/* ---- the walk ---- */

static int check(const struct json *v, const struct shape *s, const char *where, struct err *e);

static int wrong(struct err *e, const char *where, const char *what)
{
    return err_set(e, E_INVALID, where, NULL, "the report is not as it should be: %s %s", where, what);
}

static int check_text(const struct json *v, const struct shape *s, const char *where, struct err *e)
{
    const char *text = json_str(v);
    /* The delimiter is a tab, sometimes: the one control character that a report has. */
    if (text && strcmp(text, "\t") == 0 && s->key && strcmp(s->key, "delimiter") == 0)
        return 0;
    if (!text || strlen(text) < (size_t)s->min || strlen(text) > (size_t)s->max || text_has_control(text, strlen(text)))
        return wrong(e, where, "is no text of that length without control characters");
    return 0;
}

static int check_object(const struct json *v, const struct shape *s, const char *where, struct err *e)
{
    if (json_type(v) != JSON_OBJECT)
        return wrong(e, where, "is no object");
    size_t known = 0;
    for (const struct shape *m = s->of; m->key; m++) {
        char below[48];
        const struct json *member = json_get(v, m->key);
        if (!member) {
            if (m->flags & MUST)
                return wrong(e, m->key, "is missing");
            continue;
        }
        known++;
        memset(below, 0, sizeof below);
        strncpy(below, m->key, sizeof below - 1);
        if (check(member, m, below, e) < 0)
            return -1;
    }
    return known == json_count(v) ? 0 : wrong(e, where, "has a key that is not known");
}

static int check_list(const struct json *v, const struct shape *s, const char *where, struct err *e)
{
    size_t n = json_count(v);
    if (json_type(v) != JSON_ARRAY || n < (size_t)s->min || n > (size_t)s->max)
        return wrong(e, where, "is no list of that length");
    for (const struct json *one = json_first(v); one; one = json_next(one))
        if (check(one, s->of, where, e) < 0)
            return -1;
    return 0;
}

static int check(const struct json *v, const struct shape *s, const char *where, struct err *e)
{
    if (json_type(v) == JSON_NULL)
        return s->flags & MAY_BE_NULL ? 0 : wrong(e, where, "is null");
    switch (s->type) {
    case SHAPE_INT:
        if (!json_is_int(v) || (double)json_int(v, -1) < s->min || (double)json_int(v, -1) > s->max)
            return wrong(e, where, "is no integer within its bounds");
        return 0;
    case SHAPE_NUM:
        if (json_type(v) != JSON_NUMBER || !(json_num(v, 0) >= s->min && json_num(v, 0) <= s->max))
            return wrong(e, where, "is no number within its bounds");
        return 0;
    case SHAPE_TEXT:
        if (s->of == NULL && s->key && strcmp(s->key, "value") == 0 && json_type(v) == JSON_NUMBER)
            return 0; /* a frequent value */
        return check_text(v, s, where, e);
    case SHAPE_WORD:
        for (size_t i = 0; json_str(v) && s->words[i]; i++)
            if (strcmp(json_str(v), s->words[i]) == 0)
                return 0;
        return wrong(e, where, "is no word that may stand there");
    case SHAPE_BOOL: return json_type(v) == JSON_BOOL ? 0 : wrong(e, where, "is not true or false");
    case SHAPE_OBJECT: return check_object(v, s, where, e);
    case SHAPE_LIST: return check_list(v, s, where, e);
    }
    return wrong(e, where, "has no shape");
}

/* The lists of columns of all files together. */
static int check_total(const struct json *root, struct err *e)
{
    size_t columns = 0;
    for (const struct json *f = json_first(json_get(root, "files")); f; f = json_next(f))
        columns += json_count(json_get(f, "columns"));
    return columns <= 400 ? 0 : wrong(e, "files", "have more than 400 columns");
}

int quality_read(struct arena *a, const char *text, size_t len, const char **out, struct err *e)
{
    const struct json_limits limits = {.max_bytes = QUALITY_REPORT_MAX_BYTES, .max_depth = 12};
    AUTO_BUF struct buf printed = BUF_INIT(QUALITY_REPORT_MAX_BYTES + 4096);
    AUTO_JSON struct json *root = json_parse(text, len, &limits, e);
    if (!root)
        return err_context(e, "the report");
    if (check(root, &root_shape, "report", e) < 0 || check_total(root, e) < 0)
        return -1;
    json_print(root, false, &printed);
    if (printed.failed)
        return err_set(e, E_LIMIT, "report", NULL, "the report is too long");
    *out = arena_strdup(a, buf_cstr(&printed));
    return 0;
}
