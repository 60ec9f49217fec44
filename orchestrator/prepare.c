/*
 * prepare.c - from a row of the catalog to a run folder that the launcher can start. Pool threads.
 *
 * May be done again for a run whose launch is in doubt, so nothing here removes what is in the folder:
 * spec.json is replaced by the same text, the lock of a monitor decides who runs.
 */
#include "orchestrator/prepare.h"
#include "api/common/buf.h"
#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/log.h"
#include "catalog/manifest.h"
#include "catalog/tree.h"
#include "orchestrator/damage.h"
#include "orchestrator/lab.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Until the run is forgotten by live.c. */
static void use_tree(const struct prepare *p, const char *manifest, enum tree_kind kind)
{
    char name[TREE_NAME_SIZE];
    tree_name(manifest, kind, name);
    tree_use(p->lab->uses, p->run, name);
}

static int prepare_dataset(struct prepare *p, const struct run_dataset *d, const char **path,
                           struct err *e)
{
    const struct digest_progress progress = {lab_may_go_on, p->lab};
    AUTO_MANIFEST struct manifest *m = NULL;
    AUTO_FREE char *tree = NULL;

    use_tree(p, d->manifest, TREE_DATA);
    if (d->quarantined) { /* since it was submitted */
        p->step = "dataset_verify";
        p->quarantined = true;
        return err_set(e, E_CONFLICT, "datasets", NULL, "%s is in quarantine: %s", d->ref,
                       d->quarantine_reason);
    }
    p->step = "dataset_tree";
    if (manifest_load(p->lab->store, d->manifest, &m, e) < 0 ||
        tree_ensure_data(p->lab->store, m, &tree, e) < 0) {
        /* An object that is not there or not itself is a dataset that is not what was sealed. */
        if (e->kind == E_NOT_FOUND || e->kind == E_CONFLICT || e->kind == E_INVALID) {
            p->step = "dataset_verify";
            p->bad = d;
        }
        return err_context(e, "dataset %s", d->ref);
    }
    p->step = "dataset_verify";
    if (tree_verify(p->lab->store, TREE_DATA, m, p->lab->verified, &progress, NULL, e) < 0) {
        if (e->kind == E_CONFLICT) {
            p->bad = d;
            damage_condemn(p->lab, TREE_DATA, m, d->ref);
        } else if (e->kind == E_NOT_FOUND) {
            e->kind = E_UNAVAILABLE; /* dropped since we built it: next time it is built anew */
        }
        return err_context(e, "dataset %s", d->ref);
    }
    *path = arena_strdup(p->arena, tree);
    return 0;
}

/* As a dataset: built where it does not stand, and every file of it known to be what was imported. The caller puts
 * *kept back, on failure too. */
static int prepare_environment(struct prepare *p, const struct manifest **kept, const char **path,
                               struct err *e)
{
    const struct run_environment *v = &p->row.environment;
    const struct digest_progress progress = {lab_may_go_on, p->lab};
    AUTO_FREE char *tree = NULL;

    use_tree(p, v->manifest, TREE_ENV);
    if (v->quarantined) { /* since it was submitted */
        p->step = "environment_verify";
        p->quarantined = true;
        return err_set(e, E_CONFLICT, "environment", NULL, "the environment %s is in quarantine: %s",
                       v->ref, v->quarantine_reason);
    }
    p->step = "environment_tree";
    if (manifest_keep_get(p->lab->manifests, p->lab->store, v->manifest, kept, e) < 0 ||
        tree_ensure_env(p->lab->store, *kept, &tree, e) < 0) {
        if (e->kind == E_NOT_FOUND || e->kind == E_CONFLICT || e->kind == E_INVALID) {
            p->step = "environment_verify";
            p->bad_environment = true;
        }
        return err_context(e, "environment %s", v->ref);
    }
    p->step = "environment_verify";
    if (tree_verify(p->lab->store, TREE_ENV, *kept, p->lab->verified, &progress, NULL, e) < 0) {
        if (e->kind == E_CONFLICT) {
            p->bad_environment = true;
            damage_condemn(p->lab, TREE_ENV, *kept, v->ref);
        } else if (e->kind == E_NOT_FOUND) {
            e->kind = E_UNAVAILABLE; /* dropped since we built it: next time it is built anew */
        }
        return err_context(e, "environment %s", v->ref);
    }
    *path = arena_strdup(p->arena, tree);
    return 0;
}

static int prepare_code(struct prepare *p, const char **path, struct err *e)
{
    const struct digest_progress progress = {lab_may_go_on, p->lab};
    AUTO_MANIFEST struct manifest *m = NULL;
    AUTO_FREE char *tree = NULL;
    use_tree(p, p->row.code, TREE_CODE);
    p->step = "code_tree";
    int rc = manifest_load(p->lab->store, p->row.code, &m, e);
    if (rc == 0)
        rc = tree_ensure_code(p->lab->store, m, p->lab->verified, &progress, &tree,
                              &p->code_changed, e);
    if (p->code_changed.kind)
        log_error("code.changed", LOG_STR("code", p->row.code), LOG_STR("run", p->run),
                  LOG_ERR(&p->code_changed));
    if (rc < 0)
        return err_context(e, "code %.12s", p->row.code);
    *path = arena_strdup(p->arena, tree);
    return 0;
}

/* The catalog's words for people, as what the runner has to make. */
static void print_interactive(const struct prepare *p, struct jw *w)
{
    struct err never = {0};
    AUTO_JSON struct json *given =
        json_parse(p->row.interactive_json, strlen(p->row.interactive_json), NULL, &never);
    const char *kind = json_str(json_get(given, "kind"));
    bool terminal = kind && !strcmp(kind, "shell");
    jw_obj_at(w, "interactive");
    jw_int_at(w, "idle_ms", json_int(json_get(given, "idle_ms"), 0));
    jw_bool_at(w, "connect", !terminal);
    if (terminal) {
        jw_obj_at(w, "terminal");
        jw_int_at(w, "rows", json_int(json_get(given, "rows"), 24));
        jw_int_at(w, "cols", json_int(json_get(given, "cols"), 80));
        jw_end_obj(w);
    }
    jw_end_obj(w);
}

void prepare_warm_owner(const struct run_row *r, char out[LAUNCH_WARM_SIZE])
{
    snprintf(out, LAUNCH_WARM_SIZE, "uid-%lld", (long long)r->actor.uid);
}

static void print_spec(const struct prepare *p, const char *environment, const char *code, const char *const *data,
                       struct buf *out)
{
    const struct run_row *r = &p->row;
    struct jw w = jw_to(out);
    jw_obj(&w);
    jw_int_at(&w, "version", RUNFOLDER_SPEC_VERSION);
    jw_str_at(&w, "run", p->run);
    jw_raw_at(&w, "command", r->command_json, strlen(r->command_json));
    jw_raw_at(&w, "env", r->env_json, strlen(r->env_json));
    jw_str_at(&w, "profile", r->profile);
    if (environment) {
        jw_obj_at(&w, "environment");
        jw_str_at(&w, "name", r->environment.ref);
        jw_str_at(&w, "digest", r->environment.manifest);
        jw_str_at(&w, "path", environment);
        jw_end_obj(&w);
    }
    if (code) {
        jw_obj_at(&w, "code");
        jw_str_at(&w, "path", code);
        jw_end_obj(&w);
    } else {
        jw_null_at(&w, "code");
    }
    jw_arr_at(&w, "datasets");
    for (size_t i = 0; i < r->dataset_count; i++) {
        jw_obj(&w);
        jw_str_at(&w, "name", r->datasets[i].name);
        jw_str_at(&w, "path", data[i]);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_raw_at(&w, "resources", r->resources_json, strlen(r->resources_json));
    jw_str_at(&w, "limits", r->best_effort ? "best_effort" : "enforced");
    jw_bool_at(&w, "report_paths", r->report_paths);
    if (r->origin.known)
        jw_int_at(&w, "seed", r->origin.seed);
    if (r->warm) {
        char owner[LAUNCH_WARM_SIZE];
        prepare_warm_owner(r, owner);
        jw_str_at(&w, "warm", owner);
    }
    if (r->interactive_json)
        print_interactive(p, &w);
    jw_end_obj(&w);
}

static int open_folder(const struct lab *lab, const char *run, bool make, struct err *e)
{
    int runs = lab->store->runs_fd;
    if (make && mkdirat(runs, run, 0700) < 0 && errno != EEXIST)
        return err_sys(e, NULL, NULL, "cannot make the folder of run %s", run);
    int fd = openat(runs, run, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, NULL, NULL, "cannot open the folder of run %s", run);
    return fd;
}

/* Whole or not there, but not synced: after a crash of the machine the folder is prepared again from the
 * catalog (no monitor.lock) or is not read any more. Three syncs were half of the time to a start. */
static int write_spec(int folder, const struct buf *spec, struct err *e)
{
    static const char aside[] = ".spec.json.new";
    AUTO_FD int fd =
        openat(folder, aside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || fd_write_all(fd, spec->data, spec->len) < 0 ||
        renameat(folder, aside, folder, RUNFOLDER_SPEC) < 0)
        return err_sys(e, NULL, NULL, "cannot write %s", RUNFOLDER_SPEC);
    return 0;
}

static int touch_cancel(int folder, const char *run, struct err *e)
{
    AUTO_FD int fd =
        openat(folder, RUNFOLDER_CANCEL, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, NULL, NULL, "cannot leave the request to cancel run %s", run);
    return 0;
}

int prepare_cancel_file(struct lab *lab, const char *run, struct err *e)
{
    AUTO_FD int folder = open_folder(lab, run, true, e);
    return folder < 0 ? -1 : touch_cancel(folder, run, e);
}

int prepare_work(void *ctx, struct err *e)
{
    struct prepare *p = ctx;
    AUTO_BUF struct buf spec = BUF_INIT(RUNFOLDER_SPEC_MAX_BYTES);
    const char **data = arena_alloc(p->arena, (p->row.dataset_count + 1) * sizeof *data);
    const char *code = NULL, *environment = NULL;

    p->folder_fd = -1;
    for (size_t i = 0; i < p->row.dataset_count; i++)
        if (prepare_dataset(p, &p->row.datasets[i], &data[i], e) < 0)
            return -1;
    if (p->row.environment.key) {
        const struct manifest *kept = NULL;
        int rc = prepare_environment(p, &kept, &environment, e);
        manifest_keep_put(p->lab->manifests, kept);
        if (rc < 0)
            return -1;
    }
    if (p->row.code && prepare_code(p, &code, e) < 0)
        return -1;
    p->step = "run_folder";
    AUTO_FD int folder = open_folder(p->lab, p->run, true, e);
    if (folder < 0)
        return -1;
    print_spec(p, environment, code, data, &spec);
    if (spec.failed)
        return err_set(e, E_LIMIT, NULL, "shorten its command or environment",
                       "spec.json would be larger than %d bytes", RUNFOLDER_SPEC_MAX_BYTES);
    if (write_spec(folder, &spec, e) < 0)
        return -1;
    if (p->cancel && touch_cancel(folder, p->run, e) < 0)
        return -1;
    p->folder_fd = fd_take(&folder);
    return 0;
}
