/*
 * rpc.h - the envelope of JSON-RPC 2.0: reading one call, writing one answer. Pure, no input or output.
 */
#ifndef ENCLOS_RPC_H
#define ENCLOS_RPC_H

#include "api/common/buf.h"
#include "api/common/err.h"
#include "api/common/json.h"

enum rpc_code {
    RPC_PARSE_ERROR = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_INTERNAL_ERROR = -32603,
    RPC_APPLICATION = -32000, /* minus the index of the error kind */
};

struct rpc_call {
    const char *method;        /* borrowed from the message */
    const struct json *params; /* object, or NULL when left out */
    const struct json *id;     /* NULL: none was given, this is a notification */
};

/* Reads one request object. -1: e says why and *code what to answer; c->id is set where an id could be told. */
MUST_USE int rpc_read_call(const struct json *v, struct rpc_call *c, enum rpc_code *code,
                           struct err *e);

/* The id as it is echoed: a string, a number or null. `id` NULL writes null. */
void rpc_print_id(const struct json *id, struct buf *out);

/* One response object, no LF. `id_text` is JSON text; `result` one JSON value in text. */
void rpc_write_result(struct buf *out, const char *id_text, size_t id_len, const char *result,
                      size_t result_len);
void rpc_write_error(struct buf *out, const char *id_text, size_t id_len, int code,
                     const struct err *e);

/* Code of an error that a method gave: -32001 for invalid ... -32007 for internal. */
int rpc_code_of(const struct err *e);

#endif
