/*
 * rpc.c - JSON-RPC 2.0 to the letter: what is a request, what is a notification, what is answered.
 *
 * Called by conn.c with text that the strict scan accepted. May not look at method names or params:
 * that is methods.c.
 */
#include "orchestrator/rpc.h"
#include <string.h>

int rpc_read_call(const struct json *v, struct rpc_call *c, enum rpc_code *code, struct err *e)
{
    *c = (struct rpc_call){0};
    *code = RPC_INVALID_REQUEST;
    if (json_type(v) != JSON_OBJECT)
        return err_set(e, E_INVALID, NULL, "send an object with jsonrpc, method, params and id",
                       "a request is an object, not a value of type %s",
                       json_type_name(json_type(v)));
    const struct json *id = json_get(v, "id");
    if (id) {
        enum json_type t = json_type(id);
        if (t != JSON_STRING && t != JSON_NUMBER && t != JSON_NULL)
            return err_set(e, E_INVALID, "id", "use a string or a number",
                           "an id is not of type %s", json_type_name(t));
        c->id = id;
    }
    const char *version = json_str(json_get(v, "jsonrpc"));
    if (!version || strcmp(version, "2.0") != 0)
        return err_set(e, E_INVALID, "jsonrpc", "this lab speaks JSON-RPC 2.0",
                       "the member jsonrpc must be \"2.0\"");
    c->method = json_str(json_get(v, "method"));
    if (!c->method)
        return err_set(e, E_INVALID, "method", "rpc.discover lists the methods",
                       "the member method must be a string");
    for (const struct json *m = json_first(v); m; m = json_next(m)) {
        const char *k = json_key(m);
        if (strcmp(k, "jsonrpc") != 0 && strcmp(k, "method") != 0 && strcmp(k, "params") != 0 &&
            strcmp(k, "id") != 0)
            return err_set(e, E_INVALID, k, "a request has jsonrpc, method, params and id",
                           "a request has no member of that name");
    }
    const struct json *params = json_get(v, "params");
    if (!params)
        return 0;
    switch (json_type(params)) {
    case JSON_OBJECT: c->params = params; return 0;
    case JSON_ARRAY:
        if (json_count(params) == 0)
            return 0;
        *code = RPC_INVALID_PARAMS;
        return err_set(e, E_INVALID, "params", "send params as an object",
                       "params are passed by name");
    default:
        return err_set(e, E_INVALID, "params", "send params as an object",
                       "params are not of type %s", json_type_name(json_type(params)));
    }
}

void rpc_print_id(const struct json *id, struct buf *out)
{
    if (id)
        json_print(id, false, out);
    else
        buf_add_str(out, "null");
}

static void head(struct buf *out, const char *id_text, size_t id_len)
{
    buf_add_str(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    buf_add(out, id_text, id_len);
}

void rpc_write_result(struct buf *out, const char *id_text, size_t id_len, const char *result,
                      size_t result_len)
{
    head(out, id_text, id_len);
    buf_add_str(out, ",\"result\":");
    buf_add(out, result, result_len);
    buf_add_char(out, '}');
}

void rpc_write_error(struct buf *out, const char *id_text, size_t id_len, int code,
                     const struct err *e)
{
    head(out, id_text, id_len);
    buf_add_str(out, ",\"error\":");
    struct jw w = jw_to(out);
    jw_obj(&w);
    jw_int_at(&w, "code", code);
    jw_str_at(&w, "message", e->message);
    jw_obj_at(&w, "data");
    jw_str_at(&w, "kind", err_kind_name(e->kind));
    jw_str_at(&w, "field", e->field[0] ? e->field : NULL);
    jw_str_at(&w, "hint", e->hint[0] ? e->hint : NULL);
    if (e->os_errno)
        jw_str_at(&w, "errno", err_errno_name(e->os_errno));
    jw_end_obj(&w);
    jw_end_obj(&w);
    buf_add_char(out, '}');
}

int rpc_code_of(const struct err *e)
{
    return RPC_APPLICATION - (int)e->kind;
}
