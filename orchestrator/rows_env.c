/*
 * rows_env.c - the rows of env.*, environments: handlers in method_env.c.
 */
#include "orchestrator/rows.h"

const struct method rows_env[] = {
    {.name = "env.import",
     .summary =
         "Makes a version of an environment of a root file system whose files were stored before. Every "
         "file is checked first; it may be used at once and never changes. The content of the latest "
         "version again gives that version.",
     .params =
         (const struct param[]){
             {.name = "name",
              .type = PARAM_NAME,
              .required = true,
              .meaning = "its name; host is the machine's own"},
             {.name = "title", .type = PARAM_STRING, .min = 1, .max = 300, .meaning = "title"},
             {.name = "source",
              .type = PARAM_CHOICE,
              .required = true,
              .choices = CHOICES("folder", "tar", "oci"),
              .meaning = "where it was read from"},
             {.name = "source_digest",
              .type = PARAM_SHA256,
              .meaning = "digest of the OCI image's manifest, for the record"},
             {.name = "manifest",
              .type = PARAM_SHA256,
              .required = true,
              .meaning = "manifest of what runs see of it (usr, bin, sbin, lib*, opt, names of etc), with "
                         "links and empty folders, stored before with blob.put"},
             KEY_PARAM,
             END_PARAMS},
     .result = "as env.get with {existed: boolean}",
     .roles = ROLE(ROLE_CURATOR) | ROLE(ROLE_PLATFORM),
     .errors = WRITES,
     .flags = METHOD_CREATES,
     .handle = method_env_import},
    {.name = "env.get",
     .summary = "An environment version.",
     .params =
         (const struct param[]){
             {.name = "name", .type = PARAM_NAME, .required = true, .meaning = "its name"},
             {.name = "version",
              .type = PARAM_INTEGER,
              .min = 1,
              .max = INT64_C(1) << 53,
              .meaning = "its version; left out: the latest"},
             END_PARAMS},
     .result = "{name, version: integer, ref (NAME@VERSION), title: text or null, source: "
               "folder|tar|oci, source_digest: sha256 or null, manifest: sha256, entries: "
               "integer, size_bytes, state: sealed|retired, quarantined: boolean, "
               "quarantine_reason: text or null, actor: {uid: integer, name}, created_us, "
               "retired_us: integer or null}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_env_get},
    {.name = "env.list",
     .summary = "All environment versions by name.",
     .params = (const struct param[]){LIMIT_PARAM(500, "100"), CURSOR_PARAM, FILTER_PARAM(""), ORDER_BY_PARAM, END_PARAMS},
     .result = "{environments: [as env.get], next_cursor: text or null}",
     .roles = ANY_ROLE,
     .errors = LISTS,
     .handle = method_env_list},
    {.name = "env.retire",
     .summary = "Closes an environment version to new runs. Refused while runs that have not finished use "
                "it; those that have keep telling which it was.",
     .params =
         (const struct param[]){
             {.name = "name", .type = PARAM_NAME, .required = true, .meaning = "its name"},
             {.name = "version",
              .type = PARAM_INTEGER,
              .required = true,
              .min = 1,
              .max = INT64_C(1) << 53,
              .meaning = "its version"},
             {.name = "reason", .type = PARAM_STRING, .min = 1, .max = 500, .meaning = "why"},
             END_PARAMS},
     .result = "as env.get",
     .roles = ROLE(ROLE_CURATOR) | ROLE(ROLE_PLATFORM),
     .errors = WRITES,
     .handle = method_env_retire},
    END_ROWS,
};
