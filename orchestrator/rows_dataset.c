/*
 * rows_dataset.c - the rows of dataset.*, datasets: handlers in method_dataset.c (adding, finding),
 * method_dataset_seal.c (what reads every file), _keep.c (cards, grants, keeping) and _files.c (contents).
 *
 * custodian is a role; that a dataset is the caller's own to keep is asked by the handlers.
 */
#include "api/common/purpose.h"
#include "orchestrator/rows.h"

#define DATASET_NAME                                                                                 \
    {                                                                                              \
        .name = "name", .type = PARAM_NAME, .required = true, .meaning = "name of the dataset"     \
    }
#define DATASET_VERSION(is_required, told)                                                           \
    {                                                                                              \
        .name = "version", .type = PARAM_INTEGER, .required = (is_required), .min = 1,             \
        .max = INT64_C(1) << 53, .meaning = (told)                                                 \
    }
#define CARD_VERSION(told)                                                                   \
    {                                                                                              \
        .name = "version", .type = PARAM_INTEGER, .min = 0, .max = INT64_C(1) << 53,          \
        .meaning = (told)                                                                          \
    }
#define TELL_WHY(is_required)                                                                  \
    {                                                                                              \
        .name = "reason", .type = PARAM_STRING, .required = (is_required), .min = 1, .max = 500,   \
        .meaning = "why, for whoever reads it later"                                               \
    }
#define PROJECT_PARAM(is_required)                                                                 \
    {                                                                                              \
        .name = "project", .type = PARAM_NAME, .required = (is_required),                          \
        .meaning = "code of the project"                                                           \
    }
#define DENIES (WRITES | KIND(E_DENIED))

const struct method rows_dataset[] = {
    {.name = "dataset.add",
     .summary =
         "Registers a version of a dataset, as a draft. The same again, while that draft is the "
         "latest version and not sealed, gives the same draft. Whoever adds a new dataset keeps it; only they add versions.",
     .params =
         (const struct param[]){
             DATASET_NAME,
             {.name = "title", .type = PARAM_STRING, .min = 1, .max = 300, .meaning = "title"},
             {.name = "description",
              .type = PARAM_STRING,
              .min = 1,
              .max = 10000,
              .meaning = "description"},
             {.name = "classification",
              .type = PARAM_CHOICE,
              .required = true,
              .choices = CHOICES("public", "interne", "confidentiel", "tres_confidentiel"),
              .meaning = "how sensitive it is"},
             {.name = "manifest",
              .type = PARAM_SHA256,
              .required = true,
              .meaning = "manifest of its files, stored before with blob.put"},
             KEY_PARAM,
             END_PARAMS},
     .result = "{name, version: integer, ref (NAME@VERSION), state: 'draft', existed: boolean}",
     .roles = ROLE(ROLE_CUSTODIAN),
     .errors = DENIES,
     .flags = METHOD_CREATES,
     .handle = method_dataset_add},
    {.name = "dataset.seal",
     .summary =
         "Checks every file of a draft and closes it: from then on runs may use it. When files "
         "are missing or damaged the draft stays: send what blob.missing names, then again.",
     .params = (const struct param[]){DATASET_NAME, DATASET_VERSION(true, "its version"), END_PARAMS},
     .result = "as dataset.get",
     .roles = ROLE(ROLE_CUSTODIAN),
     .errors = DENIES,
     .flags = METHOD_CREATES,
     .handle = method_dataset_seal},
    {.name = "dataset.verify",
     .summary = "Reads every file of a version again, whatever is remembered of it. What is not what was sealed is put in "
                "quarantine. An auditor may ask it of any dataset.",
     .params = (const struct param[]){DATASET_NAME, DATASET_VERSION(false, "its version; left out: the latest"), END_PARAMS},
     .result = "{ref, ok: boolean, reason: text or null, files: integer, size_bytes, read_bytes, "
               "wall_ms, quarantined: boolean}",
     .roles = ROLE(ROLE_CUSTODIAN) | ROLE(ROLE_AUDITOR),
     .errors = DENIES,
     .handle = method_dataset_verify},
    {.name = "dataset.progress",
     .summary = "How far dataset.seal, verify or unquarantine of a version is, while it is under way.",
     .params = (const struct param[]){DATASET_NAME, DATASET_VERSION(true, "its version"), END_PARAMS},
     .result = "{under_way: boolean, what?: seal|verify, done_bytes?, total_bytes? (0: not known "
               "yet), started_us?}",
     .roles = ANY_ROLE,
     .errors = READS,
     .handle = method_dataset_progress},
    {.name = "dataset.unquarantine",
     .summary = "Lets a version out of quarantine, after every file was read again and was right.",
     .params = (const struct param[]){DATASET_NAME, DATASET_VERSION(true, "its version"), TELL_WHY(true), END_PARAMS},
     .result = "as dataset.get",
     .roles = ROLE(ROLE_CUSTODIAN),
     .errors = DENIES,
     .handle = method_dataset_unquarantine},
    {.name = "dataset.get",
     .summary = "A dataset version.",
     .params = (const struct param[]){DATASET_NAME, DATASET_VERSION(false, "its version; left out: the latest"), END_PARAMS},
     .result = "{name, version: integer, ref (NAME@VERSION), title: text or null, description: "
               "text or null, classification: public|interne|confidentiel|tres_confidentiel, "
               "manifest: sha256, files: integer, size_bytes, state: draft|sealed|retired, "
               "quarantined: boolean, quarantine_reason: text or null, retired_reason: text or "
               "null, actor: {uid: integer, name}, keeper: {uid: integer, name}, created_us, "
               "sealed_us: integer or null, retired_us: integer or null, verified_us: integer or "
               "null}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_dataset_get},
    {.name = "dataset.list",
     .summary = "All dataset versions by name.",
     .params = (const struct param[]){LIMIT_PARAM(500, "100"), CURSOR_PARAM, FILTER_PARAM(""), ORDER_BY_PARAM, END_PARAMS},
     .result = "{datasets: [as dataset.get], next_cursor: text or null}",
     .roles = ANY_ROLE,
     .errors = LISTS,
     .handle = method_dataset_list},
    {.name = "dataset.files",
     .summary = "The files of a version: names, sizes and digests, never their content.",
     .params = (const struct param[]){DATASET_NAME, DATASET_VERSION(false, "its version; left out: the latest"),
                                      LIMIT_PARAM(5000, "1000"),
                                      {.name = "cursor", .type = PARAM_STRING, .min = 1, .max = 1024,
                                       .meaning = "next_cursor of the page before"},
                                      END_PARAMS},
     .result = "{ref, manifest: sha256, files: [{path, size_bytes, sha256}], next_cursor: text "
               "or null}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_dataset_files},
    {.name = "dataset.diff",
     .summary = "Which files differ from version a to version b. A file whose content stood under another name in a is "
                "told as moved. The summary counts all of them on each page.",
     .params = (const struct param[]){{.name = "a", .type = PARAM_STRING, .required = true, .min = 1, .max = 90,
                                       .meaning = "NAME@VERSION, or NAME for its latest version"},
                                      {.name = "b", .type = PARAM_STRING, .required = true, .min = 1, .max = 90,
                                       .meaning = "the same"},
                                      LIMIT_PARAM(5000, "1000"),
                                      {.name = "cursor", .type = PARAM_STRING, .min = 1, .max = 1024,
                                       .meaning = "next_cursor of the page before"},
                                      END_PARAMS},
     .result = "{a: {ref, manifest: sha256, state, classification, files: integer, size_bytes}, "
               "b: {ref, manifest: sha256, state, classification, files: integer, size_bytes}, "
               "changes: [{path, change: added|removed|changed|moved, before: {size_bytes, "
               "sha256} or null, after: {size_bytes, sha256} or null, from?}], summary: {added: "
               "integer, removed: integer, changed: integer, moved: integer, same: integer}, "
               "next_cursor: text or null}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_dataset_diff},
    {.name = "dataset.describe",
     .summary = "Changes the card of a dataset (all versions), or makes it. Every version of a card is kept.",
     .params = (const struct param[]){DATASET_NAME,
                                      CARD_VERSION("version of the card that the change is made from; left out or 0: there is none yet"),
                                      {.name = "set", .type = PARAM_ANSWERS, .required = true, .form = "dataset",
                                       .meaning = "answers to the form dataset; null takes one away"},
                                      TELL_WHY(false), END_PARAMS},
     .result = "as dataset.card with {changed: boolean}",
     .roles = ROLE(ROLE_CUSTODIAN),
     .errors = DENIES,
     .handle = method_dataset_describe},
    {.name = "dataset.card",
     .summary = "The card of a dataset.",
     .params = (const struct param[]){DATASET_NAME, CARD_VERSION("an earlier version of it; left out or 0: the latest"), END_PARAMS},
     .result = "{name, form, form_version: integer, record_version: integer, latest_version: "
               "integer, changed_by: {uid: integer, name}, changed_us, created_us, reason: text "
               "or null, answers: object (by field of the form), withheld: [text], missing: "
               "[{field, language: text or null}]}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_dataset_card},
    {.name = "dataset.history",
     .summary = "Versions of a dataset's card, the newest first: who changed what, when and why.",
     .params = (const struct param[]){DATASET_NAME, LIMIT_PARAM(200, "50"),
                                      CURSOR_PARAM,
                                      END_PARAMS},
     .result = "{name, versions: [{version: integer, actor: {uid: integer, name}, created_us, "
               "form_version: integer, changed: [text], reason: text or null, differences: "
               "[{field, language: text or null, before: any, after: any}]}], next_cursor: "
               "text or null}",
     .roles = ANY_ROLE,
     .errors = FINDS,
     .handle = method_dataset_history},
    {.name = "dataset.grant",
     .summary = "Lets a project use a dataset for a purpose, until a moment. Granting it again with another expiry replaces "
                "the grant.",
     .params = (const struct param[]){DATASET_NAME, PROJECT_PARAM(true),
                                      {.name = "purpose", .type = PARAM_CHOICE, .choices = purpose_codes,
                                       .otherwise = "\"experimentation\"", .meaning = "what for"},
                                      {.name = "expires_us", .type = PARAM_INTEGER, .required = true, .min = 1,
                                       .max = INT64_C(1) << 53, .meaning = "when it ends; three years from now at most"},
                                      TELL_WHY(false), KEY_PARAM, END_PARAMS},
     .result = "{grant: integer (its number), name, project, purpose, expires_us, in_force: "
               "boolean, reason: text or null, granted_us, granted_by: {uid: integer, name}, "
               "revoked_us: integer or null, revoked_by: text or null, revoked_reason: text or "
               "null, runs: integer (how many it let in), existed: boolean}",
     .roles = ROLE(ROLE_CUSTODIAN),
     .errors = DENIES,
     .flags = METHOD_CREATES,
     .handle = method_dataset_grant},
    {.name = "dataset.revoke",
     .summary = "Takes a grant back. Runs that go are not ended; queued ones will not start.",
     .params = (const struct param[]){{.name = "grant", .type = PARAM_INTEGER, .required = true, .min = 1,
                                       .max = INT64_C(1) << 53, .meaning = "its number"},
                                      TELL_WHY(false), END_PARAMS},
     .result = "{grant: integer (its number), name, project, purpose, expires_us, in_force: "
               "boolean, reason: text or null, granted_us, granted_by: {uid: integer, name}, "
               "revoked_us: integer or null, revoked_by: text or null, revoked_reason: text or "
               "null, runs: integer (how many it let in)}",
     .roles = ROLE(ROLE_CUSTODIAN),
     .errors = DENIES,
     .handle = method_dataset_revoke},
    {.name = "dataset.grants",
     .summary = "Grants of a dataset, of a project, or of both together, the newest first; those that are over too.",
     .params = (const struct param[]){{.name = "name", .type = PARAM_NAME, .meaning = "name of the dataset"},
                                      PROJECT_PARAM(false), LIMIT_PARAM(500, "100"), CURSOR_PARAM, END_PARAMS},
     .result = "{grants: [{grant: integer (its number), name, project, purpose, expires_us, "
               "in_force: boolean, reason: text or null, granted_us, granted_by: {uid: integer, "
               "name}, revoked_us: integer or null, revoked_by: text or null, revoked_reason: "
               "text or null, runs: integer (how many it let in)}], next_cursor: text or null}",
     .roles = ANY_ROLE,
     .errors = READS,
     .handle = method_dataset_grants},
    {.name = "dataset.retire",
     .summary = "Closes a version to new runs, and to queued ones. Its files stay.",
     .params = (const struct param[]){DATASET_NAME, DATASET_VERSION(true, "its version"), TELL_WHY(true), END_PARAMS},
     .result = "as dataset.get",
     .roles = ROLE(ROLE_CUSTODIAN),
     .errors = DENIES,
     .handle = method_dataset_retire},
    {.name = "dataset.hand_over",
     .summary = "Gives a dataset, all versions and its card, to another custodian.",
     .params = (const struct param[]){DATASET_NAME,
                                      {.name = "to", .type = PARAM_STRING, .required = true, .min = 1, .max = 100,
                                       .meaning = "name of an account of this machine"},
                                      TELL_WHY(false), END_PARAMS},
     .result = "as dataset.get",
     .roles = ROLE(ROLE_CUSTODIAN),
     .errors = DENIES,
     .handle = method_dataset_hand_over},
    {.name = "dataset.waiting",
     .summary = "What waits for the caller as keeper of datasets: versions in quarantine, assessments and retention days that "
                "are over or end within 30 days.",
     .params = NULL,
     .result = "{quarantined: [{ref, reason}], due: [{name, what: pia|retention, day}]}",
     .roles = ANY_ROLE,
     .errors = READS,
     .handle = method_dataset_waiting},
    END_ROWS,
};
