/*
 * rows_rpc.c - the rows of rpc.*, the protocol itself: handlers in method_rpc.c.
 */
#include "orchestrator/rows.h"

const struct method rows_rpc[] = {
    {.name = "rpc.discover",
     .summary = "This document: every method, its params, result and errors (OpenRPC).",
     .result = "object",
     .roles = ANYONE,
     .errors = READS,
     .handle = method_rpc_discover},
    {.name = "rpc.unsubscribe",
     .summary = "Ends a subscription of this connection.",
     .params = (const struct param[]){{.name = "subscription",
                                       .type = PARAM_INTEGER,
                                       .required = true,
                                       .min = 1,
                                       .max = INT64_C(1) << 53,
                                       .meaning = "its number"},
                                      END_PARAMS},
     .result = "{unsubscribed: true}",
     .roles = ANYONE,
     .errors = FINDS,
     .handle = method_rpc_unsubscribe},
    END_ROWS,
};
