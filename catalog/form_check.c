/*
 * form_check.c - answers against a form: one function a type, and what is missing.
 */
#include "catalog/form.h"

#include "api/common/text.h"
#include "api/common/utf8.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PATH_BYTES = 56 };

static int wrong_type(const struct json *v, const char *path, const char *expected, struct err *e)
{
    return err_set(e, E_INVALID, path, NULL, "%s is of type %s, not %s", path,
                   json_type_name(json_type(v)), expected);
}

/* ---- one value ---- */

static int64_t characters(const char *s)
{
    int64_t count = 0;
    for (size_t len = strlen(s); len > 0; count++) {
        size_t step = utf8_step(s, len);
        step = step ? step : 1;
        s += step;
        len -= step;
    }
    return count;
}

static bool is_blank(const char *s)
{
    return s[strspn(s, " \t\n")] == '\0';
}

/* Of markdown a line end and a tab are no control characters. */
static bool has_control(const char *s, bool lines)
{
    while (*s) {
        size_t len = lines ? strcspn(s, "\n\t") : strlen(s);
        if (text_has_control(s, len))
            return true;
        s += len + (s[len] != '\0');
    }
    return false;
}

static int check_text(const struct field *f, const struct json *v, const char *path, struct err *e)
{
    const char *s = json_str(v);
    if (!s)
        return wrong_type(v, path, "string", e);
    if (is_blank(s))
        return err_set(e, E_INVALID, path, "null takes an answer away", "%s is an empty text",
                       path);
    if (has_control(s, f->type == FIELD_MARKDOWN))
        return err_set(e, E_INVALID, path, NULL, "%s has a control character%s", path,
                       f->type == FIELD_TEXT ? " or more than one line" : "");
    int64_t count = characters(s);
    if (count > f->max_length)
        return err_set(e, E_INVALID, path, NULL,
                       "%s has %" PRId64 " characters, more than %" PRId64, path, count,
                       f->max_length);
    return 0;
}

static int check_choice(const struct field *f, const struct json *v, const char *path,
                        struct err *e)
{
    const char *s = json_str(v);
    if (!s)
        return wrong_type(v, path, "string", e);
    if (field_choice(f, s))
        return 0;
    char hint[176] = "one of:", shown[60];
    for (size_t i = 0; i < f->choice_count; i++) {
        size_t len = strlen(hint);
        snprintf(hint + len, sizeof hint - len, "%s %s", i ? "," : "", f->choices[i].value);
    }
    text_sanitize(s, strnlen(s, 40), shown, sizeof shown);
    return err_set(e, E_INVALID, path, hint, "%s cannot be \"%s\"", path, shown);
}

static int check_date(const struct field *f, const struct json *v, const char *path, struct err *e)
{
    static const unsigned char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *s = json_str(v);
    unsigned year = 0, month = 0, day = 0;
    (void)f;
    if (!s)
        return wrong_type(v, path, "string", e);
    bool shaped = strlen(s) == 10 && s[4] == '-' && s[7] == '-' && strspn(s, "0123456789") == 4 &&
                  strspn(s + 5, "0123456789") == 2 && strspn(s + 8, "0123456789") == 2;
    for (size_t i = 0; shaped && i < 10; i++) {
        unsigned *part = i < 4 ? &year : i < 7 ? &month : &day;
        if (s[i] != '-')
            *part = *part * 10 + (unsigned)(s[i] - '0');
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (shaped && year >= 1600 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] &&
        (month != 2 || day < 29 || leap))
        return 0;
    char shown[40];
    text_sanitize(s, strnlen(s, 20), shown, sizeof shown);
    return err_set(e, E_INVALID, path, "such as 2026-11-24", "%s is no date: \"%s\"", path, shown);
}

static int check_number(const struct field *f, const struct json *v, const char *path,
                        struct err *e)
{
    if (json_type(v) != JSON_NUMBER)
        return wrong_type(v, path, "number", e);
    double n = json_num(v, 0);
    if (f->integer && !json_is_int(v))
        return err_set(e, E_INVALID, path, NULL, "%s is %g, not a whole number", path, n);
    if (n < f->min || n > f->max)
        return err_set(e, E_INVALID, path, NULL, "%s is %g, outside %g..%g", path, n, f->min,
                       f->max);
    return 0;
}

static int check_boolean(const struct field *f, const struct json *v, const char *path,
                         struct err *e)
{
    (void)f;
    return json_type(v) == JSON_BOOL ? 0 : wrong_type(v, path, "boolean", e);
}

static int check_url(const struct field *f, const struct json *v, const char *path, struct err *e)
{
    const char *s = json_str(v);
    if (check_text(f, v, path, e) < 0)
        return -1;
    size_t scheme = strncmp(s, "https://", 8) == 0 ? 8 : strncmp(s, "http://", 7) == 0 ? 7 : 0;
    /* A name and a password in an address would be kept in every version. */
    if (scheme && s[scheme] && !strchr(s, ' ') &&
        !memchr(s + scheme, '@', strcspn(s + scheme, "/")))
        return 0;
    return err_set(e, E_INVALID, path, "https://… or http://…, without a password or a space",
                   "%s is no address of a page", path);
}

/* NAME, or NAME<between>SECOND where second is a name or a number. */
static bool is_pair(const char *s, char between, bool number, bool needed)
{
    char name[65];
    uint64_t n = 0;
    const char *at = strchr(s, between);
    size_t len = at ? (size_t)(at - s) : strlen(s);
    if (len == 0 || len > 64 || (needed && !at))
        return false;
    memcpy(name, s, len);
    name[len] = '\0';
    if (!text_is_name(name))
        return false;
    if (!at)
        return true;
    return number ? text_u64(at + 1, 1, INT32_MAX, &n) == 0 : text_is_name(at + 1);
}

static bool is_id(const char *s)
{
    return strlen(s) == TEXT_ID_SIZE - 2 &&
           strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789") == TEXT_ID_SIZE - 2;
}

static int check_ref(const struct field *f, const struct json *v, const char *path, struct err *e)
{
    const char *s = json_str(v), *shape = "a name";
    bool good = false;
    if (!s)
        return wrong_type(v, path, "string", e);
    if (strcmp(f->ref, "run") == 0 || strcmp(f->ref, "lesson") == 0) {
        good = is_id(s);
        shape = "a whole id";
    } else if (strcmp(f->ref, "experiment") == 0) {
        good = is_pair(s, '/', false, true);
        shape = "PROJECT/NAME";
    } else if (strstr(f->ref, "_version")) {
        good = is_pair(s, '@', true, true);
        shape = "NAME@VERSION";
    } else if (strcmp(f->ref, "actor") == 0) {
        size_t len = strlen(s);
        good = len >= 1 && len <= 80 && !text_has_control(s, len);
        shape = "the name of an account";
    } else {
        good = text_is_name(s);
    }
    if (good)
        return 0;
    char shown[60];
    text_sanitize(s, strnlen(s, 40), shown, sizeof shown);
    return err_set(e, E_INVALID, path, NULL, "%s is \"%s\", not %s (%s)", path, shown, shape,
                   f->ref);
}

static int (*const check_one[FIELD_TYPE_COUNT])(const struct field *, const struct json *,
                                                const char *, struct err *) = {
    [FIELD_TEXT] = check_text,    [FIELD_MARKDOWN] = check_text, [FIELD_CHOICE] = check_choice,
    [FIELD_MULTI] = check_choice, [FIELD_DATE] = check_date,     [FIELD_NUMBER] = check_number,
    [FIELD_REF] = check_ref,      [FIELD_URL] = check_url,       [FIELD_BOOLEAN] = check_boolean,
};

/* ---- one answer ---- */

static int check_languages(const struct field *f, const struct json *v, struct err *e)
{
    if (json_type(v) != JSON_OBJECT)
        return err_set(e, E_INVALID, f->name, "{\"fr\": \"…\", \"en\": \"…\"}",
                       "%s is of type %s, not one text a language", f->name,
                       json_type_name(json_type(v)));
    for (const struct json *m = json_first(v); m; m = json_next(m)) {
        char path[PATH_BYTES];
        if (strcmp(json_key(m), "fr") != 0 && strcmp(json_key(m), "en") != 0)
            return err_set(e, E_INVALID, f->name, "fr or en", "%s has no language %.20s", f->name,
                           json_key(m));
        snprintf(path, sizeof path, "%s.%s", f->name, json_key(m));
        if (json_type(m) != JSON_NULL && check_one[f->type](f, m, path, e) < 0)
            return -1;
    }
    return 0;
}

static int check_many(const struct field *f, const struct json *v, struct err *e)
{
    int64_t i = 0;
    if (json_type(v) != JSON_ARRAY)
        return wrong_type(v, f->name, "array", e);
    if ((int64_t)json_count(v) > f->max_count)
        return err_set(e, E_INVALID, f->name, NULL, "%s has %zu elements, more than %" PRId64,
                       f->name, json_count(v), f->max_count);
    for (const struct json *m = json_first(v); m; m = json_next(m), i++) {
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%s[%" PRId64 "]", f->name, i);
        if (check_one[f->type](f, m, path, e) < 0)
            return -1;
        for (const struct json *o = json_first(v); o != m; o = json_next(o))
            if (strcmp(json_str(o), json_str(m)) == 0)
                return err_set(e, E_INVALID, path, NULL, "%s stands twice in %s", json_str(m),
                               f->name);
    }
    return 0;
}

int form_check(const struct form *form, const struct json *answers, struct err *e)
{
    if (json_type(answers) != JSON_OBJECT)
        return wrong_type(answers, "answers", "object", e);
    for (const struct json *v = json_first(answers); v; v = json_next(v)) {
        const struct field *f = form_field(form, json_key(v));
        if (!f) {
            char hint[176] = "it asks:", shown[60];
            for (size_t i = 0; i < form->field_count; i++) {
                size_t len = strlen(hint);
                snprintf(hint + len, sizeof hint - len, " %s", form->fields[i].name);
            }
            text_sanitize(json_key(v), strnlen(json_key(v), 40), shown, sizeof shown);
            return err_set(e, E_INVALID, shown, hint, "the form %s has no field %s", form->name,
                           shown);
        }
        if (json_type(v) == JSON_NULL)
            continue;
        int rc = f->bilingual                        ? check_languages(f, v, e)
                 : f->many || f->type == FIELD_MULTI ? check_many(f, v, e)
                                                     : check_one[f->type](f, v, f->name, e);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* ---- what is missing ---- */

static bool answered(const struct json *answers, const struct field *f)
{
    const struct json *v = json_get(answers, f->name);
    if (json_type(v) == JSON_ARRAY)
        return json_count(v) > 0;
    if (!f->bilingual)
        return json_type(v) != JSON_NULL;
    return json_str(json_get(v, "fr")) || json_str(json_get(v, "en"));
}

int form_check_always(const struct form *form, const struct json *answers, struct err *e)
{
    for (size_t i = 0; i < form->field_count; i++) {
        const struct field *f = &form->fields[i];
        if (f->required == REQUIRED_ALWAYS && !answered(answers, f))
            return err_set(e, E_INVALID, f->name, f->label.en, "%s is missing", f->name);
    }
    return 0;
}

size_t form_missing(const struct form *form, const struct json *answers,
                    void (*tell)(void *ctx, const struct field *field, const char *language),
                    void *ctx)
{
    size_t count = 0;
    for (size_t i = 0; i < form->field_count; i++) {
        const struct field *f = &form->fields[i];
        if (f->required == REQUIRED_NEVER)
            continue;
        if (!answered(answers, f)) {
            tell(ctx, f, NULL);
            count++;
            continue;
        }
        for (int l = 0; f->bilingual && l < FORM_LANGS; l++)
            if (!json_str(json_get(json_get(answers, f->name), form_langs[l]))) {
                tell(ctx, f, form_langs[l]);
                count++;
            }
    }
    return count;
}
