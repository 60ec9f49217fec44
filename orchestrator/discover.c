/*
 * discover.c - the OpenRPC document of rpc.discover, printed from the method table.
 */
#include "orchestrator/method.h"
#include "api/common/mem.h"
#include "api/common/version.h"
#include "catalog/standing.h"
#include "orchestrator/example.h"
#include "orchestrator/options.h"
#include "orchestrator/rpc.h"
#include "orchestrator/shape.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

static void schema(struct jw *w, const struct param *p);

static void members(struct jw *w, const struct param *rows)
{
    jw_str_at(w, "type", "object");
    jw_obj_at(w, "properties");
    for (const struct param *p = rows; p && p->name; p++) {
        jw_key(w, p->name);
        schema(w, p);
    }
    jw_end_obj(w);
    jw_arr_at(w, "required");
    for (const struct param *p = rows; p && p->name; p++)
        if (p->required)
            jw_str(w, p->name);
    jw_end_arr(w);
    jw_bool_at(w, "additionalProperties", false);
}

static void schema(struct jw *w, const struct param *p)
{
    jw_obj(w);
    jw_str_at(w, "description", p->meaning);
    if (p->otherwise)
        jw_raw_at(w, "default", p->otherwise, strlen(p->otherwise));
    switch (p->type) {
    case PARAM_STRING:
        jw_str_at(w, "type", "string");
        jw_int_at(w, "minLength", p->min > 0 ? 1 : 0);
        jw_int_at(w, "maxLength", p->max);
        break;
    case PARAM_NAME:
        jw_str_at(w, "type", "string");
        jw_str_at(w, "pattern", "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$");
        break;
    case PARAM_SHA256:
        jw_str_at(w, "type", "string");
        jw_str_at(w, "pattern", "^[0-9a-f]{64}$");
        break;
    case PARAM_RUN:
        jw_str_at(w, "type", "string");
        jw_str_at(w, "pattern", "^[a-z0-9]{4,15}$");
        break;
    case PARAM_INTEGER:
        jw_str_at(w, "type", "integer");
        jw_int_at(w, "minimum", p->min);
        jw_int_at(w, "maximum", p->max);
        break;
    case PARAM_BOOLEAN: jw_str_at(w, "type", "boolean"); break;
    case PARAM_ANSWERS:
        jw_str_at(w, "type", "object");
        jw_str_at(w, "x-form", p->form);
        break;
    case PARAM_CHOICE:
        jw_str_at(w, "type", "string");
        jw_arr_at(w, "enum");
        for (const char *const *c = p->choices; *c; c++)
            jw_str(w, *c);
        jw_end_arr(w);
        break;
    case PARAM_ARRAY:
        jw_str_at(w, "type", "array");
        jw_int_at(w, "minItems", p->min);
        jw_int_at(w, "maxItems", p->max);
        jw_key(w, "items");
        schema(w, p->of);
        break;
    case PARAM_MAP:
        jw_str_at(w, "type", "object");
        jw_int_at(w, "maxProperties", p->max);
        jw_key(w, "additionalProperties");
        schema(w, p->of);
        break;
    case PARAM_OBJECT: members(w, p->of); break;
    case PARAM_SCALAR:
        jw_arr_at(w, "type");
        jw_str(w, "string");
        jw_str(w, "number");
        jw_str(w, "boolean");
        jw_end_arr(w);
        break;
    case PARAM_TYPE_COUNT: break;
    }
    jw_end_obj(w);
}

static void errors(struct jw *w, unsigned kinds)
{
    jw_arr_at(w, "errors");
    for (unsigned k = E_INVALID; k < E_KIND_COUNT; k++)
        if (kinds & (1u << k)) {
            struct err e = {.kind = (enum err_kind)k};
            jw_obj(w);
            jw_int_at(w, "code", rpc_code_of(&e));
            jw_str_at(w, "message", err_kind_name(e.kind));
            jw_end_obj(w);
        }
    jw_end_arr(w);
}

/* An extension of ours: who may call it. */
static void roles(struct jw *w, const struct method *m)
{
    static const char *const scopes[] = {"lab", "project", "anywhere"};
    bool any = (m->roles & ANY_ROLE) == ANY_ROLE && m->scope == SCOPE_LAB;
    jw_obj_at(w, "x-roles");
    jw_bool_at(w, "anyone", m->roles & ANYONE);
    jw_arr_at(w, "roles");
    for (unsigned r = 0; r < ROLE_COUNT; r++)
        if (m->roles & ROLE(r) || (r == ROLE_ADMIN && !(m->roles & ANYONE)))
            jw_str(w, role_name((enum role)r));
    jw_end_arr(w);
    jw_str_at(w, "scope", scopes[any ? SCOPE_ANYWHERE : m->scope]);
    jw_str_at(w, "project_param",
              m->scope != SCOPE_PROJECT ? NULL : m->project_param ? m->project_param : "project");
    jw_end_obj(w);
}

static void result_named(struct jw *w, const char *method)
{
    char ref[120];
    snprintf(ref, sizeof ref, "#/components/schemas/%s", method);
    jw_obj(w);
    jw_str_at(w, "$ref", ref);
    jw_end_obj(w);
}

/* A text that is no shape, which a unit test refuses, is given as what it is: anything, with a description. */
static void shape_of(struct jw *w, const char *text)
{
    AUTO_BUF struct buf b = BUF_INIT(1 << 20);
    struct err e = {0};
    if (shape_schema(text, &b, &e) == 0) {
        jw_raw(w, b.data, b.len);
        return;
    }
    jw_obj(w);
    jw_str_at(w, "description", text);
    jw_end_obj(w);
}

/* An extension of ours: what a subscription sends. */
static void notices(struct jw *w, const struct method *m)
{
    if (!m->notifies)
        return;
    jw_obj_at(w, "x-notifications");
    jw_str_at(w, "name", m->notifies);
    jw_key(w, "schema");
    shape_of(w, m->notice);
    jw_end_obj(w);
}

/* The files of orchestrator/examples, put into the program and parsed once. Loop thread. */
static const struct json *example_of(const char *method)
{
    static struct json **files;
    if (!files) {
        files = mem_grow(NULL, (size_t)example_source_count, sizeof *files);
        for (int i = 0; i < example_source_count; i++) {
            struct err e = {0};
            files[i] = json_parse(example_sources[i], strlen(example_sources[i]), NULL, &e);
            assert(files[i]); /* ours: a unit test reads them */
        }
    }
    for (int i = 0; i < example_source_count; i++) {
        const struct json *found = json_get(files[i], method);
        if (found)
            return found;
    }
    return NULL;
}

static void value_at(struct jw *w, const struct json *v)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    json_print(v, false, &text);
    jw_raw_at(w, "value", text.data, text.len);
}

static void examples(struct jw *w, const struct method *m)
{
    const struct json *found = example_of(m->name);
    if (!found)
        return; /* a test refuses a row without one */
    jw_arr_at(w, "examples");
    jw_obj(w);
    jw_str_at(w, "name", m->name);
    jw_arr_at(w, "params");
    for (const struct json *p = json_first(json_get(found, "params")); p; p = json_next(p)) {
        jw_obj(w);
        jw_str_at(w, "name", json_key(p));
        value_at(w, p);
        jw_end_obj(w);
    }
    jw_end_arr(w);
    const struct json *result = json_get(found, "result");
    if (result) {
        jw_obj_at(w, "result");
        jw_str_at(w, "name", "result");
        value_at(w, result);
        jw_end_obj(w);
    }
    jw_end_obj(w);
    jw_end_arr(w);
}

void method_discover(struct buf *out)
{
    struct jw w = jw_to(out);
    jw_obj(&w);
    jw_str_at(&w, "openrpc", "1.2.6");
    jw_obj_at(&w, "info");
    jw_str_at(&w, "title", "Enclos");
    jw_str_at(&w, "version", ENCLOS_VERSION);
    jw_str_at(&w, "description",
              "JSON-RPC 2.0, UTF-8, one message a line (LF), at most 1 MiB, on a Unix socket. The "
              "peer is known by "
              "its credentials. Errors have data {kind, field, hint}.");
    jw_end_obj(&w);
    jw_arr_at(&w, "methods");
    const struct method *m;
    for (size_t i = 0; (m = method_at(i)); i++) {
        jw_obj(&w);
        jw_str_at(&w, "name", m->name);
        jw_str_at(&w, "summary", m->summary);
        jw_str_at(&w, "paramStructure", "by-name");
        jw_arr_at(&w, "params");
        for (const struct param *p = m->params; p && p->name; p++) {
            jw_obj(&w);
            jw_str_at(&w, "name", p->name);
            jw_str_at(&w, "description", p->meaning);
            jw_bool_at(&w, "required", p->required);
            jw_key(&w, "schema");
            schema(&w, p);
            jw_end_obj(&w);
        }
        jw_end_arr(&w);
        jw_obj_at(&w, "result");
        jw_str_at(&w, "name", "result");
        jw_str_at(&w, "description", m->result);
        jw_key(&w, "schema");
        result_named(&w, m->name);
        jw_end_obj(&w);
        examples(&w, m);
        notices(&w, m);
        errors(&w, m->errors | (m->roles & ANYONE ? 0 : 1u << E_DENIED));
        roles(&w, m);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_obj_at(&w, "components");
    jw_obj_at(&w, "schemas");
    for (size_t i = 0; (m = method_at(i)); i++) {
        jw_key(&w, m->name);
        shape_of(&w, m->result);
    }
    jw_end_obj(&w);
    jw_end_obj(&w);
    jw_end_obj(&w);
}
