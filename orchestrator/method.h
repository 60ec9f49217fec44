/*
 * method.h - the method table: the single source of what the API is.
 *
 * A row validates its call, and rpc.discover and the reference pages are printed from it.
 */
#ifndef ENCLOS_METHOD_H
#define ENCLOS_METHOD_H

#include "api/common/buf.h"
#include "api/common/err.h"
#include "api/common/json.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct request;

enum param_type {
    PARAM_STRING, /* bounds: bytes */
    PARAM_NAME,   /* text_is_name */
    PARAM_SHA256,
    PARAM_RUN,     /* run id or prefix */
    PARAM_INTEGER, /* bounds: value */
    PARAM_BOOLEAN,
    PARAM_CHOICE, /* one of choices */
    PARAM_ARRAY,  /* bounds: count; items: what */
    PARAM_OBJECT, /* closed: members */
    PARAM_MAP,    /* any names; bounds: count; items: type of the values */
    PARAM_SCALAR, /* string, number or boolean, kept as text; bounds: bytes */
    PARAM_ANSWERS, /* answers to a form, an object that its handler checks (catalog/form.h); `form` is its name */
    PARAM_TYPE_COUNT
};

struct param {
    const char *name;
    enum param_type type;
    bool required;
    int64_t min, max;
    const char *meaning;
    const char *otherwise;      /* JSON of the default, or NULL */
    const char *const *choices; /* PARAM_CHOICE, NULL-ended */
    const char *form;           /* PARAM_ANSWERS */
    const struct param
        *of; /* PARAM_ARRAY and _MAP: one row; PARAM_OBJECT: rows ended by name NULL */
};

enum {
    METHOD_TAKES_FD = 1,
    METHOD_CREATES = 2,     /* refused while stopping */
    METHOD_GIVES_FD = 4,    /* its answer comes with a descriptor: not in a batch */
    METHOD_ASKS_CALLER = 8, /* anyone may call it, but it looks at q->standing */
};

/* Where one of a row's roles must be held. ANY_ROLE counts wherever it is held, unless the scope is a project. */
enum method_scope {
    SCOPE_LAB,      /* in the lab */
    SCOPE_PROJECT,  /* in the lab, or in the project whose code is in the param project_param; left out: in the lab */
    SCOPE_ANYWHERE, /* in the lab or in any project: its handler asks closer (standing_may, cat_may) */
};

struct method {
    const char *name, *summary;
    const struct param *params; /* ended by a row with name NULL; NULL: none */
    const char *result;         /* its shape, in the grammar of shape.h */
    const char *notifies;       /* a subscription: the method of its notifications, and the shape of their params */
    const char *notice;
    unsigned roles;             /* bit set of enum role, who may call it (and admin); 0: nobody */
    enum method_scope scope;
    const char *project_param;  /* SCOPE_PROJECT: a PARAM_NAME of this row; NULL: "project" */
    unsigned errors;            /* bit set of enum err_kind */
    unsigned flags;
    /* Owns q: must see to it that request_end is called, now or later; -1: q is still the caller's
     * and is answered with e. */
    int (*handle)(struct request *q, struct err *e);
};

/* The rows in their order; NULL past the last one. */
const struct method *method_at(size_t index);

const struct method *method_find(const char *name); /* NULL: none */

/* Checks params (may be NULL) against a row: names, types, bounds, required. E_INVALID. */
MUST_USE int method_check(const struct method *m, const struct json *params, struct err *e);

/* The OpenRPC document. */
void method_discover(struct buf *out);

/* ---- NOUN.get for those who read many: catalog.changes ---- */

/* The work of NOUN.get with q->params, into q->out. E_NOT_FOUND also for what q->standing may not see. queue_reason of
 * a run is null here: only the loop knows it. */
struct cat;
int look_run(struct request *q, struct cat *db, struct err *e);
int look_dataset(struct request *q, struct cat *db, struct err *e);
int look_env(struct request *q, struct cat *db, struct err *e);
int look_project(struct request *q, struct cat *db, struct err *e);
int look_experiment(struct request *q, struct cat *db, struct err *e);
int look_lesson(struct request *q, struct cat *db, struct err *e);

/* ---- handlers, by noun ---- */
int method_catalog_changes(struct request *q, struct err *e);
int method_catalog_search(struct request *q, struct err *e);
int method_catalog_reindex(struct request *q, struct err *e);
int method_report_get(struct request *q, struct err *e);
int method_rpc_discover(struct request *q, struct err *e);
int method_rpc_unsubscribe(struct request *q, struct err *e);
int method_lab_ping(struct request *q, struct err *e);
int method_lab_info(struct request *q, struct err *e);
int method_lab_doctor(struct request *q, struct err *e);
int method_lab_doing(struct request *q, struct err *e);
int method_lab_backup(struct request *q, struct err *e);
int method_lab_doctor_deep(struct request *q, struct err *e);
int method_lab_gc(struct request *q, struct err *e);
int method_hold_add(struct request *q, struct err *e);
int method_hold_lift(struct request *q, struct err *e);
int method_hold_list(struct request *q, struct err *e);
int method_blob_missing(struct request *q, struct err *e);
int method_blob_put(struct request *q, struct err *e);
int method_blob_put_chunk(struct request *q, struct err *e);
int method_run_submit(struct request *q, struct err *e);
int method_lineage_get(struct request *q, struct err *e);
int method_run_diff(struct request *q, struct err *e);
int method_run_rerun(struct request *q, struct err *e);
int method_run_get(struct request *q, struct err *e);
int method_run_list(struct request *q, struct err *e);
int method_run_cancel(struct request *q, struct err *e);
int method_run_wait(struct request *q, struct err *e);
int method_run_logs(struct request *q, struct err *e);
int method_run_metrics(struct request *q, struct err *e);
int method_run_diff(struct request *q, struct err *e);
int method_run_connections(struct request *q, struct err *e);
int method_run_outputs(struct request *q, struct err *e);
int method_run_watch(struct request *q, struct err *e);
int method_run_attach(struct request *q, struct err *e);
int method_run_connect(struct request *q, struct err *e);
int method_dataset_add(struct request *q, struct err *e);
int method_dataset_seal(struct request *q, struct err *e);
int method_dataset_get(struct request *q, struct err *e);
int method_dataset_quality(struct request *q, struct err *e);
int method_dataset_quality_get(struct request *q, struct err *e);
int method_dataset_list(struct request *q, struct err *e);
int method_dataset_verify(struct request *q, struct err *e);
int method_dataset_unquarantine(struct request *q, struct err *e);
int method_dataset_progress(struct request *q, struct err *e);
int method_dataset_files(struct request *q, struct err *e);
int method_dataset_diff(struct request *q, struct err *e);
int method_dataset_describe(struct request *q, struct err *e);
int method_dataset_card(struct request *q, struct err *e);
int method_dataset_history(struct request *q, struct err *e);
int method_dataset_grant(struct request *q, struct err *e);
int method_dataset_revoke(struct request *q, struct err *e);
int method_dataset_grants(struct request *q, struct err *e);
int method_dataset_retire(struct request *q, struct err *e);
int method_dataset_hand_over(struct request *q, struct err *e);
int method_dataset_waiting(struct request *q, struct err *e);
int method_env_import(struct request *q, struct err *e);
int method_env_list(struct request *q, struct err *e);
int method_env_get(struct request *q, struct err *e);
int method_env_retire(struct request *q, struct err *e);
int method_profile_list(struct request *q, struct err *e);
int method_profile_get(struct request *q, struct err *e);
int method_profile_diff(struct request *q, struct err *e);
int method_profile_check(struct request *q, struct err *e);
int method_user_whoami(struct request *q, struct err *e);
int method_user_list(struct request *q, struct err *e);
int method_user_grant(struct request *q, struct err *e);
int method_user_revoke(struct request *q, struct err *e);
int method_user_authenticate(struct request *q, struct err *e);
int method_token_create(struct request *q, struct err *e);
int method_token_list(struct request *q, struct err *e);
int method_token_revoke(struct request *q, struct err *e);
int method_form_get(struct request *q, struct err *e);
int method_form_list(struct request *q, struct err *e);
int method_project_create(struct request *q, struct err *e);
int method_project_get(struct request *q, struct err *e);
int method_project_list(struct request *q, struct err *e);
int method_project_edit(struct request *q, struct err *e);
int method_project_advance(struct request *q, struct err *e);
int method_project_history(struct request *q, struct err *e);
int method_project_similar(struct request *q, struct err *e);
int method_experiment_create(struct request *q, struct err *e);
int method_experiment_get(struct request *q, struct err *e);
int method_experiment_list(struct request *q, struct err *e);
int method_experiment_edit(struct request *q, struct err *e);
int method_experiment_history(struct request *q, struct err *e);
int method_lesson_add(struct request *q, struct err *e);
int method_lesson_get(struct request *q, struct err *e);
int method_lesson_list(struct request *q, struct err *e);
int method_lesson_edit(struct request *q, struct err *e);
int method_lesson_history(struct request *q, struct err *e);
int method_audit_list(struct request *q, struct err *e);
int method_audit_export(struct request *q, struct err *e);
int method_audit_verify(struct request *q, struct err *e);

#endif
