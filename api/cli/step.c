/*
 * step.c - the steps of a run's set-up, in words; see step.h.
 */
#include "api/cli/step.h"
#include <string.h>

static const struct row {
    const char *name;
    enum text_id what;
    enum text_id failure; /* T_NONE: the sandbox could not be made, T_X_SETUP_FAILED */
} rows[] = {
    /* the runner's, in order */
    {"spec", T_STEP_SPEC, T_NONE},
    {"profile", T_STEP_PROFILE, T_NONE},
    {"uid_lease", T_STEP_UID_LEASE, T_NONE},
    {"cgroup_create", T_STEP_CGROUP_CREATE, T_NONE}, /* see no_group */
    {"cgroup_limits", T_STEP_CGROUP_LIMITS, T_NONE},
    {"idmap", T_STEP_IDMAP, T_NONE},
    {"pipes", T_STEP_PIPES, T_NONE},
    {"attach", T_STEP_ATTACH, T_NONE},
    {"clone_init", T_STEP_CLONE_INIT, T_NONE},
    {"init_guard", T_STEP_INIT_GUARD, T_NONE},
    {"userns_outer", T_STEP_USERNS_OUTER, T_NONE},
    {"cgroup_join", T_STEP_CGROUP_JOIN, T_NONE},
    {"cgroup_namespace", T_STEP_CGROUP_NAMESPACE, T_NONE},
    {"network_namespace", T_STEP_NETWORK_NAMESPACE, T_NONE},
    {"loopback", T_STEP_LOOPBACK, T_NONE},
    {"hostname", T_STEP_HOSTNAME, T_NONE},
    {"mount_private", T_STEP_MOUNT_PRIVATE, T_NONE},
    {"mount_sources", T_STEP_MOUNT_SOURCES, T_NONE},
    {"mount_root", T_STEP_MOUNT_ROOT, T_NONE},
    {"mount_system", T_STEP_MOUNT_SYSTEM, T_NONE},
    {"mount_dev", T_STEP_MOUNT_DEV, T_NONE},
    {"mount_proc", T_STEP_MOUNT_PROC, T_NONE},
    {"mount_sys", T_STEP_MOUNT_SYS, T_NONE},
    {"mount_datasets", T_STEP_MOUNT_DATASETS, T_NONE},
    {"mount_work", T_STEP_MOUNT_WORK, T_NONE},
    {"mount_outputs", T_STEP_MOUNT_OUTPUTS, T_NONE},
    {"mount_tmp", T_STEP_MOUNT_TMP, T_NONE},
    {"terminal", T_STEP_TERMINAL, T_NONE},
    {"pivot_root", T_STEP_PIVOT_ROOT, T_NONE},
    {"door", T_STEP_DOOR, T_NONE},
    {"clone_job", T_STEP_CLONE_JOB, T_NONE},
    {"init_drop", T_STEP_INIT_DROP, T_NONE},
    {"session", T_STEP_SESSION, T_NONE},
    {"credentials", T_STEP_CREDENTIALS, T_NONE},
    {"userns_inner", T_STEP_USERNS_INNER, T_NONE},
    {"rlimits", T_STEP_RLIMITS, T_NONE},
    {"capabilities", T_STEP_CAPABILITIES, T_NONE},
    {"no_new_privs", T_STEP_NO_NEW_PRIVS, T_NONE},
    {"landlock", T_STEP_LANDLOCK, T_NONE},
    {"descriptors", T_STEP_DESCRIPTORS, T_NONE},
    {"rights", T_STEP_RIGHTS, T_NONE},
    {"attest", T_STEP_ATTEST, T_NONE},
    {"seccomp", T_STEP_SECCOMP, T_NONE},
    {"handover", T_STEP_HANDOVER, T_NONE},
    {"exec", T_STEP_EXEC, T_NONE},
    /* the lab's own: no fault of this host */
    {"dataset_tree", T_STEP_DATASET_TREE, T_X_DATASET_TREE},
    {"dataset_access", T_STEP_DATASET_ACCESS, T_X_DATASET_ACCESS},
    {"dataset_verify", T_STEP_DATASET_VERIFY, T_X_DATASET_VERIFY},
    {"dataset_verify_after", T_STEP_DATASET_VERIFY_AFTER, T_X_DATASET_VERIFY_AFTER},
    {"environment_tree", T_STEP_ENVIRONMENT_TREE, T_X_ENVIRONMENT_TREE},
    {"environment_verify", T_STEP_ENVIRONMENT_VERIFY, T_X_ENVIRONMENT_VERIFY},
    {"environment_verify_after", T_STEP_ENVIRONMENT_VERIFY_AFTER, T_X_ENVIRONMENT_VERIFY_AFTER},
    {"code_tree", T_STEP_CODE_TREE, T_X_CODE_TREE},
    {"prepare", T_STEP_PREPARE, T_X_LAB_FAILED},
    {"run_folder", T_STEP_RUN_FOLDER, T_X_LAB_FAILED},
    {"launch", T_STEP_LAUNCH, T_X_LAB_FAILED},
};

static const struct row *find(const char *step)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, step) == 0)
            return &rows[i];
    return NULL;
}

enum text_id step_what(const char *step)
{
    const struct row *row = find(step);

    return row ? row->what : T_NONE;
}

/* The usual first failure of a plain user: no control group was delegated. */
static bool no_group(const struct json *failed)
{
    return strcmp(cli_str(failed, "step"), "cgroup_create") == 0 &&
           strcmp(cli_str(failed, "errno"), "EEXIST") != 0;
}

bool step_hint_is_said(const struct json *failed)
{
    return no_group(failed);
}

void step_explain(const struct json *failed, struct buf *out)
{
    const char *step = cli_str(failed, "step");
    const struct row *row = find(step);
    AUTO_BUF struct buf name = BUF_INIT(1024);

    if (!*step) {
        buf_add_str(out, tr(T_X_SETUP_FAILED_BARE));
        return;
    }
    buf_add_str(&name, step);
    enum text_id what = row && row->failure != T_NONE ? row->failure : T_X_SETUP_FAILED;
    if (row && what == T_X_SETUP_FAILED) {
        buf_add_str(&name, say_lang() == LANG_FR ? NBSP ": " : ": ");
        buf_add_str(&name, tr(row->what)); /* the others' sentence says it */
    }
    tr_add(out, no_group(failed) ? T_X_NO_CGROUP : what, buf_cstr(&name));
}
