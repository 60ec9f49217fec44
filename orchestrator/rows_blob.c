/*
 * rows_blob.c - the rows of blob.*, objects on their way in: handlers in method_blob.c.
 */
#include "orchestrator/rows.h"

static const struct param sha_item = {
    .name = "item", .type = PARAM_SHA256, .meaning = "SHA-256, lower-case hex"};

const struct method rows_blob[] = {
    {.name = "blob.missing",
     .summary = "Which of these objects this account has not given, or the lab does not have any more.",
     .params = (const struct param[]){{.name = "sha256",
                                       .type = PARAM_ARRAY,
                                       .required = true,
                                       .min = 0,
                                       .max = 5000,
                                       .of = &sha_item,
                                       .meaning = "digests"},
                                      END_PARAMS},
     .result = "{missing: [sha256]}",
     .roles = ROLE(ROLE_SCIENTIST) | ROLE(ROLE_CUSTODIAN) | ROLE(ROLE_CURATOR) | ROLE(ROLE_PLATFORM),
     .scope = SCOPE_ANYWHERE,
     .errors = READS,
     .handle = method_blob_missing},
    {.name = "blob.put",
     .summary =
         "Stores a file whose descriptor comes with the request (SCM_RIGHTS, with its first byte).",
     .params =
         (const struct param[]){
             {.name = "sha256", .type = PARAM_SHA256, .required = true, .meaning = "its digest"},
             {.name = "size_bytes",
              .type = PARAM_INTEGER,
              .required = true,
              .min = 0,
              .max = INT64_C(1) << 40,
              .meaning = "its size"},
             END_PARAMS},
     .result = "{stored: boolean (false: this account had given it)}",
     .roles = ROLE(ROLE_SCIENTIST) | ROLE(ROLE_CUSTODIAN) | ROLE(ROLE_CURATOR) | ROLE(ROLE_PLATFORM),
     .scope = SCOPE_ANYWHERE,
     .errors = WRITES,
     .flags = METHOD_TAKES_FD | METHOD_CREATES,
     .handle = method_blob_put},
    {.name = "blob.put_chunk",
     .summary = "Stores an object piece by piece; an empty piece asks how far it is.",
     .params =
         (const struct param[]){
             {.name = "sha256", .type = PARAM_SHA256, .required = true, .meaning = "its digest"},
             {.name = "total_bytes",
              .type = PARAM_INTEGER,
              .required = true,
              .min = 0,
              .max = INT64_C(1) << 40,
              .meaning = "size of the whole"},
             {.name = "offset",
              .type = PARAM_INTEGER,
              .required = true,
              .min = 0,
              .max = INT64_C(1) << 40,
              .meaning = "where this piece goes: what was received so far"},
             {.name = "data_base64",
              .type = PARAM_STRING,
              .required = true,
              .min = 0,
              .max = 1 << 20,
              .meaning = "the piece, base64 (RFC 4648)"},
             END_PARAMS},
     .result = "{received_bytes, complete: boolean}",
     .roles = ROLE(ROLE_SCIENTIST) | ROLE(ROLE_CUSTODIAN) | ROLE(ROLE_CURATOR) | ROLE(ROLE_PLATFORM),
     .scope = SCOPE_ANYWHERE,
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_blob_put_chunk},
    END_ROWS,
};
