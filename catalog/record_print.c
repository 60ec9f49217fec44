/*
 * record_print.c - records as JSON for the API, what two versions differ in, and their words.
 */
#include "catalog/record.h"

#include <string.h>

static struct json *parse(const char *text, struct err *e)
{
    static const struct json_limits limits = {.max_bytes = FORM_ANSWERS_MAX_BYTES};
    return json_parse(text, strlen(text), &limits, e);
}

/* A value that was parsed from at most FORM_ANSWERS_MAX_BYTES. */
static void print_value(struct jw *w, const struct json *v)
{
    AUTO_BUF struct buf text = BUF_INIT(2 * FORM_ANSWERS_MAX_BYTES);
    if (v)
        json_print(v, true, &text);
    else
        buf_add_str(&text, "null");
    w->out->failed |= text.failed;
    jw_raw(w, buf_cstr(&text), text.len);
}

static void print_actor(struct jw *w, const char *key, const struct cat_actor *actor)
{
    jw_obj_at(w, key);
    jw_int_at(w, "uid", actor->uid);
    jw_str_at(w, "name", actor->name);
    jw_end_obj(w);
}

static void tell_missing(void *ctx, const struct field *field, const char *language)
{
    struct jw *w = ctx;
    jw_obj(w);
    jw_str_at(w, "field", field->name);
    jw_str_at(w, "language", language);
    jw_end_obj(w);
}

static void print_answers(const struct form *form, const struct json *answers, bool sensitive,
                          struct jw *w)
{
    jw_obj_at(w, "answers");
    for (const struct json *v = json_first(answers); v; v = json_next(v)) {
        const struct field *f = form_field(form, json_key(v));
        if (f && f->sensitive && !sensitive)
            continue;
        jw_key(w, json_key(v));
        print_value(w, v);
    }
    jw_end_obj(w);
    jw_arr_at(w, "withheld");
    for (const struct json *v = json_first(answers); v && !sensitive; v = json_next(v)) {
        const struct field *f = form_field(form, json_key(v));
        if (f && f->sensitive)
            jw_str(w, f->name);
    }
    jw_end_arr(w);
}

int record_print(const struct record_row *r, bool sensitive, struct jw *w, struct err *e)
{
    AUTO_JSON struct json *answers = parse(r->answers, e);
    if (!answers)
        return err_context(e, "%s %s", r->form->name, r->subject);
    jw_str_at(w, "form", r->form->name);
    jw_int_at(w, "form_version", r->form_version);
    jw_int_at(w, "record_version", r->version);
    jw_int_at(w, "latest_version", r->latest);
    print_actor(w, "changed_by", &r->actor);
    jw_int_at(w, "changed_us", r->created_us);
    jw_int_at(w, "created_us", r->first_us);
    jw_str_at(w, "reason", r->reason);
    print_answers(r->form, answers, sensitive, w);
    jw_arr_at(w, "missing");
    form_missing(r->form, answers, tell_missing, w);
    jw_end_arr(w);
    return 0;
}

/* ---- differences ---- */

static bool same_value(const struct json *x, const struct json *y)
{
    AUTO_BUF struct buf before = BUF_INIT(2 * FORM_ANSWERS_MAX_BYTES);
    AUTO_BUF struct buf after = BUF_INIT(2 * FORM_ANSWERS_MAX_BYTES);
    if (!x || !y)
        return x == y;
    json_print(x, true, &before);
    json_print(y, true, &after);
    return strcmp(buf_cstr(&before), buf_cstr(&after)) == 0;
}

static void print_difference(const struct field *f, const char *language, const struct json *before,
                             const struct json *after, bool sensitive, struct jw *w)
{
    if (same_value(before, after))
        return;
    jw_obj(w);
    jw_str_at(w, "field", f->name);
    jw_str_at(w, "language", language);
    bool shown = sensitive || !f->sensitive;
    jw_key(w, "before");
    print_value(w, shown ? before : NULL);
    jw_key(w, "after");
    print_value(w, shown ? after : NULL);
    if (!shown)
        jw_bool_at(w, "withheld", true);
    jw_end_obj(w);
}

int record_print_diff(const struct form *form, const char *before_json, const char *after_json,
                      bool sensitive, struct jw *w, struct err *e)
{
    AUTO_JSON struct json *before = parse(before_json, e);
    AUTO_JSON struct json *after = before ? parse(after_json, e) : NULL;
    if (!after)
        return -1;
    jw_arr(w);
    for (size_t i = 0; i < form->field_count; i++) {
        const struct field *f = &form->fields[i];
        const struct json *x = json_get(before, f->name), *y = json_get(after, f->name);
        if (!f->bilingual)
            print_difference(f, NULL, x, y, sensitive, w);
        for (int l = 0; f->bilingual && l < FORM_LANGS; l++)
            print_difference(f, form_langs[l], json_get(x, form_langs[l]),
                             json_get(y, form_langs[l]), sensitive, w);
    }
    jw_end_arr(w);
    return 0;
}

int record_print_version(const struct record_row *r, const struct record_row *before,
                         bool sensitive, struct jw *w, struct err *e)
{
    jw_obj(w);
    jw_int_at(w, "version", r->version);
    print_actor(w, "actor", &r->actor);
    jw_int_at(w, "created_us", r->created_us);
    jw_int_at(w, "form_version", r->form_version);
    jw_raw_at(w, "changed", r->changed, strlen(r->changed));
    jw_str_at(w, "reason", r->reason);
    jw_key(w, "differences");
    if (record_print_diff(r->form, before ? before->answers : "{}", r->answers, sensitive, w, e) <
        0)
        return err_context(e, "%s %s", r->form->name, r->subject);
    jw_end_obj(w);
    return 0;
}

/* ---- reading answers ---- */

const char *record_text(const struct json *answers, const char *field, const char *language,
                        bool or_other)
{
    const struct json *v = json_get(answers, field);
    if (json_type(v) != JSON_OBJECT)
        return json_str(v);
    const char *text = json_str(json_get(v, language));
    if (!text && or_other)
        text = json_str(json_get(v, strcmp(language, "fr") == 0 ? "en" : "fr"));
    return text;
}

static void add_words(const struct field *f, const struct json *v, bool french, struct buf *out)
{
    const struct choice *c = f->choices ? field_choice(f, json_str(v)) : NULL;
    buf_add_str(out, c ? (french ? c->label.fr : c->label.en) : json_str(v));
    buf_add_char(out, '\n');
}

int record_words(const struct form *form, const char *answers_json, const char *language,
                 struct buf *out, struct err *e)
{
    bool french = strcmp(language, "fr") == 0;
    AUTO_JSON struct json *answers = parse(answers_json, e);
    if (!answers)
        return -1;
    for (size_t i = 0; i < form->field_count; i++) {
        const struct field *f = &form->fields[i];
        const struct json *v = json_get(answers, f->name);
        if (f->sensitive)
            continue;
        if (f->bilingual)
            v = json_get(v, language);
        if (json_str(v))
            add_words(f, v, french, out);
        for (const struct json *m = json_type(v) == JSON_ARRAY ? json_first(v) : NULL; m;
             m = json_next(m))
            add_words(f, m, french, out);
    }
    if (out->failed)
        return err_set(e, E_LIMIT, "answers", NULL, "the words of a %s are too many", form->name);
    return 0;
}
