/*
 * form.c - the embedded forms: reading their files, checking answers against them.
 *
 * A form's file is read strictly (closed keys, both languages everywhere), so that a form that loads
 * can be shown and checked without another question.
 */
#include "catalog/form.h"

#include "api/common/mem.h"
#include "api/common/text.h"
#include "api/common/utf8.h"
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FORM_FIELDS_MAX = 120,
    FORM_CHOICES_MAX = 60,
    FORM_LABEL_MAX = 300,
    FORM_HELP_MAX = 2000,
    FORM_FILE_MAX = 512 << 10,
    LENGTH_MAX = 20000,
    COUNT_MAX = 200,
    FIELD_BYTES = 56
};

const char *const form_langs[FORM_LANGS] = {[FORM_FR] = "fr", [FORM_EN] = "en"};

static const char *const type_names[FIELD_TYPE_COUNT] = {
    [FIELD_TEXT] = "text",   [FIELD_MARKDOWN] = "markdown", [FIELD_CHOICE] = "choice",
    [FIELD_MULTI] = "multi", [FIELD_DATE] = "date",         [FIELD_NUMBER] = "number",
    [FIELD_REF] = "ref",     [FIELD_URL] = "url",           [FIELD_BOOLEAN] = "boolean",
};

static const char *const required_names[REQUIRED_COUNT] = {
    [REQUIRED_NEVER] = "never", [REQUIRED_COMPLETE] = "complete", [REQUIRED_ALWAYS] = "always"};

const char *const form_ref_kinds[] = {"project", "experiment",      "lesson",
                                      "dataset", "dataset_version", "environment_version",
                                      "run",     "actor",           NULL};

struct form_owned { /* what form_free frees; the form stands first */
    struct form form;
    struct arena *arena;
};

const char *field_type_name(enum field_type t)
{
    assert(t < FIELD_TYPE_COUNT);
    return type_names[t];
}

/* ---- reading a form's file ---- */

static int name_index(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return (int)i;
    return -1;
}

/* "lower_case": what codes, keys and columns are written with. */
static bool is_code(const char *s)
{
    size_t len = strlen(s);
    return len >= 1 && len <= 40 && s[0] >= 'a' && s[0] <= 'z' &&
           strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

/* `key` in English and key_fr in French: both or none, both when needed. */
static int read_label(struct arena *a, const struct json *obj, const char *where, const char *key,
                      bool needed, size_t max_len, struct label *out, struct err *e)
{
    char key_fr[40];
    const char *en = NULL, *fr = NULL;
    snprintf(key_fr, sizeof key_fr, "%s_fr", key);
    if (json_opt_str(obj, where, key, 1, max_len, &en, e) < 0 ||
        json_opt_str(obj, where, key_fr, 1, max_len, &fr, e) < 0)
        return -1;
    if ((needed && !en) || (en == NULL) != (fr == NULL))
        return err_set(e, E_INVALID, en ? key_fr : key, "French and English are equal",
                       "%s needs both %s and %s", where, key, key_fr);
    *out = (struct label){arena_strdup(a, en ? en : ""), arena_strdup(a, fr ? fr : "")};
    if (!en)
        *out = (struct label){NULL, NULL};
    return 0;
}

static int read_choices(struct arena *a, const struct json *list, const char *where,
                        struct field *f, struct err *e)
{
    static const char *const keys[] = {"value", "label", "label_fr", NULL};
    struct choice *all = arena_alloc(a, (json_count(list) + 1) * sizeof *all);
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        struct choice *c = &all[f->choice_count];
        const char *value = NULL;
        if (json_only_keys(v, where, keys, e) < 0 ||
            json_need_str(v, where, "value", 1, 40, &value, e) < 0 ||
            read_label(a, v, where, "label", true, FORM_LABEL_MAX, &c->label, e) < 0)
            return -1;
        if (!is_code(value))
            return err_set(e, E_INVALID, where, "a-z, 0-9 and _, a letter first",
                           "\"%s\" is no code for a choice", value);
        c->value = arena_strdup(a, value);
        for (size_t i = 0; i < f->choice_count; i++)
            if (strcmp(all[i].value, value) == 0)
                return err_set(e, E_INVALID, where, NULL, "the choice %s stands twice", value);
        f->choice_count++;
    }
    f->choices = all;
    return 0;
}

/* What a key means only for some types: there where the type has no use for it, it is a mistake. */
struct typed_key {
    const char *key;
    unsigned types; /* bit set of enum field_type */
};
#define TYPE(t) (1u << (t))
static const struct typed_key typed_keys[] = {
    {"bilingual", TYPE(FIELD_TEXT) | TYPE(FIELD_MARKDOWN)},
    {"many", TYPE(FIELD_TEXT) | TYPE(FIELD_REF) | TYPE(FIELD_URL)},
    {"max_length", TYPE(FIELD_TEXT) | TYPE(FIELD_MARKDOWN) | TYPE(FIELD_URL)},
    {"max_count", TYPE(FIELD_TEXT) | TYPE(FIELD_REF) | TYPE(FIELD_URL) | TYPE(FIELD_MULTI)},
    {"min", TYPE(FIELD_NUMBER)},
    {"max", TYPE(FIELD_NUMBER)},
    {"integer", TYPE(FIELD_NUMBER)},
    {"unit", TYPE(FIELD_NUMBER)},
    {"ref", TYPE(FIELD_REF)},
    {"choices", TYPE(FIELD_CHOICE) | TYPE(FIELD_MULTI)},
};

static int check_typed_keys(const struct json *obj, const char *where, enum field_type type,
                            struct err *e)
{
    for (size_t i = 0; i < sizeof typed_keys / sizeof *typed_keys; i++)
        if (json_get(obj, typed_keys[i].key) && !(typed_keys[i].types & TYPE(type)))
            return err_set(e, E_INVALID, where, NULL, "%s: %s means nothing for a field of type %s",
                           where, typed_keys[i].key, type_names[type]);
    return 0;
}

/* Defaults by type, in characters; 0: not text. */
static const int64_t usual_length[FIELD_TYPE_COUNT] = {
    [FIELD_TEXT] = 300,
    [FIELD_MARKDOWN] = 10000,
    [FIELD_URL] = 1000,
};

static int read_details(struct arena *a, const struct json *obj, const char *where, struct field *f,
                        struct err *e)
{
    const struct json *choices = NULL;
    const char *ref = NULL, *unit = NULL;
    f->max_length = usual_length[f->type];
    f->max_count = f->type == FIELD_MULTI ? FORM_CHOICES_MAX : 20;
    f->min = -9007199254740992.0;
    f->max = 9007199254740992.0;
    if (check_typed_keys(obj, where, f->type, e) < 0 ||
        json_opt_bool(obj, where, "bilingual", &f->bilingual, e) < 0 ||
        json_opt_bool(obj, where, "sensitive", &f->sensitive, e) < 0 ||
        json_opt_bool(obj, where, "many", &f->many, e) < 0 ||
        json_opt_int(obj, where, "max_length", 1, LENGTH_MAX, &f->max_length, e) < 0 ||
        json_opt_int(obj, where, "max_count", 1, COUNT_MAX, &f->max_count, e) < 0 ||
        json_opt_num(obj, where, "min", f->min, f->max, &f->min, e) < 0 ||
        json_opt_num(obj, where, "max", f->min, f->max, &f->max, e) < 0 ||
        json_opt_bool(obj, where, "integer", &f->integer, e) < 0 ||
        json_opt_str(obj, where, "unit", 1, 20, &unit, e) < 0 ||
        json_opt_str(obj, where, "ref", 1, 40, &ref, e) < 0 ||
        json_opt_array(obj, where, "choices", FORM_CHOICES_MAX, &choices, e) < 0)
        return -1;
    if (f->many && f->bilingual)
        return err_set(e, E_INVALID, where, NULL, "%s is bilingual and many: one of the two",
                       where);
    if ((f->type == FIELD_CHOICE || f->type == FIELD_MULTI) && json_count(choices) < 2)
        return err_set(e, E_INVALID, where, NULL, "%s needs two choices at least", where);
    if (f->type == FIELD_REF) {
        size_t kinds = sizeof form_ref_kinds / sizeof *form_ref_kinds - 1;
        int kind = ref ? name_index(ref, form_ref_kinds, kinds) : -1;
        if (kind < 0)
            return err_set(e, E_INVALID, where, "project, dataset, run…",
                           "%s does not say in `ref` what it names", where);
        f->ref = form_ref_kinds[kind];
    }
    f->unit = arena_strdup(a, unit ? unit : "");
    if (!unit)
        f->unit = NULL;
    return choices ? read_choices(a, choices, where, f, e) : 0;
}

static int read_field(struct arena *a, const struct json *obj, size_t index, struct field *f,
                      struct err *e)
{
    static const char *const keys[] = {
        "name",      "type",      "required", "label",      "label_fr",  "help", "help_fr",
        "bilingual", "sensitive", "many",     "max_length", "max_count", "min",  "max",
        "integer",   "unit",      "ref",      "choices",    NULL};
    char where[FIELD_BYTES];
    const char *name = NULL, *type = NULL, *required = "never";
    snprintf(where, sizeof where, "fields[%zu]", index);
    if (json_only_keys(obj, where, keys, e) < 0 ||
        json_need_str(obj, where, "name", 1, 40, &name, e) < 0 ||
        json_need_str(obj, where, "type", 1, 40, &type, e) < 0 ||
        json_opt_str(obj, where, "required", 1, 40, &required, e) < 0)
        return -1;
    if (!is_code(name))
        return err_set(e, E_INVALID, where, "a-z, 0-9 and _, a letter first",
                       "\"%s\" is no name for a field", name);
    int t = name_index(type, type_names, FIELD_TYPE_COUNT);
    int r = name_index(required, required_names, REQUIRED_COUNT);
    if (t < 0)
        return err_set(e, E_INVALID, where,
                       "text markdown choice multi date number ref url boolean",
                       "%s (%s): there is no type %s", where, name, type);
    if (r < 0)
        return err_set(e, E_INVALID, where, "never, complete or always",
                       "%s (%s): required cannot be %s", where, name, required);
    f->name = arena_strdup(a, name);
    f->type = (enum field_type)t;
    f->required = (enum field_required)r;
    if (read_label(a, obj, where, "label", true, FORM_LABEL_MAX, &f->label, e) < 0 ||
        read_label(a, obj, where, "help", false, FORM_HELP_MAX, &f->help, e) < 0)
        return -1;
    return read_details(a, obj, where, f, e);
}

static int read_form(struct arena *a, const char *name, const struct json *root, struct form *f,
                     struct err *e)
{
    static const char *const keys[] = {"form", "version", "title", "title_fr", "fields", NULL};
    const struct json *fields = NULL;
    const char *given = NULL;
    if (json_only_keys(root, "", keys, e) < 0 ||
        json_need_str(root, "", "form", 1, 40, &given, e) < 0 ||
        json_need_int(root, "", "version", 1, 1000000, &f->version, e) < 0 ||
        read_label(a, root, "the form", "title", true, FORM_LABEL_MAX, &f->title, e) < 0 ||
        json_opt_array(root, "", "fields", FORM_FIELDS_MAX, &fields, e) < 0)
        return -1;
    if (strcmp(given, name) != 0 || !is_code(name))
        return err_set(e, E_INVALID, "form", "the name of the file, without .jsonc",
                       "the form in %s.jsonc calls itself %s", name, given);
    if (json_count(fields) == 0)
        return err_set(e, E_INVALID, "fields", NULL, "the form asks nothing");
    struct field *all = arena_alloc(a, json_count(fields) * sizeof *all);
    for (const struct json *v = json_first(fields); v; v = json_next(v)) {
        struct field *new = &all[f->field_count];
        *new = (struct field){0};
        if (read_field(a, v, f->field_count, new, e) < 0)
            return -1;
        for (size_t i = 0; i < f->field_count; i++)
            if (strcmp(all[i].name, new->name) == 0)
                return err_set(e, E_INVALID, "fields", NULL, "the field %s stands twice",
                               new->name);
        f->field_count++;
    }
    f->name = arena_strdup(a, name);
    f->fields = all;
    return 0;
}

int form_parse(const char *name, const char *text, size_t len, struct form **out, struct err *e)
{
    static const struct json_limits limits = {FORM_FILE_MAX, 8};
    AUTO_FREE char *clean = mem_strndup(text, len);
    if (json_blank_comments(clean, len, e) < 0)
        return err_context(e, "the form %s", name);
    AUTO_JSON struct json *root = json_parse(clean, len, &limits, e);
    if (!root)
        return err_context(e, "the form %s", name);
    struct form_owned *f = mem_alloc(sizeof *f);
    f->arena = arena_new();
    if (read_form(f->arena, name, root, &f->form, e) < 0) {
        form_free(&f->form);
        return err_context(e, "the form %s", name);
    }
    *out = &f->form;
    return 0;
}

void form_free(struct form *f)
{
    if (!f)
        return;
    struct form_owned *owned = (struct form_owned *)f; /* it stands first */
    arena_free(owned->arena);
    free(owned);
}

/* ---- the embedded ones ---- */

static struct {
    pthread_once_t once;
    struct form **forms;
    size_t count;
    struct err err; /* of the first that is wrong */
} embedded = {.once = PTHREAD_ONCE_INIT};

static void load_all(void)
{
    embedded.forms = mem_alloc((size_t)(form_source_count + 1) * sizeof *embedded.forms);
    for (int i = 0; i < form_source_count; i++) {
        const struct form_source *s = &form_sources[i];
        if (form_parse(s->name, s->text, strlen(s->text), &embedded.forms[i], &embedded.err) < 0)
            return;
        embedded.count++;
    }
}

int forms_load(struct err *e)
{
    pthread_once(&embedded.once, load_all);
    if (embedded.err.kind == E_NONE)
        return 0;
    return err_set(e, E_INTERNAL, embedded.err.field, embedded.err.hint, "%s",
                   embedded.err.message);
}

const struct form *form_at(size_t index)
{
    pthread_once(&embedded.once, load_all);
    return index < embedded.count ? embedded.forms[index] : NULL;
}

const struct form *form_find(const char *name)
{
    const struct form *f;
    for (size_t i = 0; (f = form_at(i)); i++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

const struct field *form_field(const struct form *f, const char *name)
{
    for (size_t i = 0; i < f->field_count; i++)
        if (strcmp(f->fields[i].name, name) == 0)
            return &f->fields[i];
    return NULL;
}

const struct choice *field_choice(const struct field *f, const char *value)
{
    for (size_t i = 0; i < f->choice_count; i++)
        if (strcmp(f->choices[i].value, value) == 0)
            return &f->choices[i];
    return NULL;
}

/* ---- printing ---- */

static void print_label(struct jw *w, const char *key, const struct label *l)
{
    if (!l->en)
        return;
    jw_obj_at(w, key);
    jw_str_at(w, "fr", l->fr);
    jw_str_at(w, "en", l->en);
    jw_end_obj(w);
}

static void print_field(const struct field *f, struct jw *w)
{
    jw_obj(w);
    jw_str_at(w, "name", f->name);
    jw_str_at(w, "type", type_names[f->type]);
    jw_str_at(w, "required", required_names[f->required]);
    print_label(w, "label", &f->label);
    print_label(w, "help", &f->help);
    jw_bool_at(w, "bilingual", f->bilingual);
    jw_bool_at(w, "sensitive", f->sensitive);
    jw_bool_at(w, "many", f->many);
    if (f->max_length)
        jw_int_at(w, "max_length", f->max_length);
    if (f->many || f->type == FIELD_MULTI)
        jw_int_at(w, "max_count", f->max_count);
    if (f->type == FIELD_NUMBER) {
        jw_num_at(w, "min", f->min);
        jw_num_at(w, "max", f->max);
        jw_bool_at(w, "integer", f->integer);
        jw_str_at(w, "unit", f->unit);
    }
    if (f->ref)
        jw_str_at(w, "ref", f->ref);
    if (f->choices) {
        jw_arr_at(w, "choices");
        for (size_t i = 0; i < f->choice_count; i++) {
            jw_obj(w);
            jw_str_at(w, "value", f->choices[i].value);
            print_label(w, "label", &f->choices[i].label);
            jw_end_obj(w);
        }
        jw_end_arr(w);
    }
    jw_end_obj(w);
}

void form_print(const struct form *f, struct jw *w)
{
    jw_obj(w);
    jw_str_at(w, "form", f->name);
    jw_int_at(w, "version", f->version);
    print_label(w, "title", &f->title);
    jw_arr_at(w, "fields");
    for (size_t i = 0; i < f->field_count; i++)
        print_field(&f->fields[i], w);
    jw_end_arr(w);
    jw_end_obj(w);
}
