/*
 * command.c - the table of commands; see command.h.
 */
#include "api/cli/command.h"
#include <stdio.h>
#include <string.h>

const struct opt command_shared_options[] = {
    {"json", 0, T_NONE, T_O_JSON, false},         {"socket", 0, T_A_PATH, T_O_SOCKET, false},
    {"token-file", 0, T_A_PATH, T_O_TOKEN_FILE, false},
    {"lang", 0, T_A_LANG, T_O_LANG, false},       {"help", 'h', T_NONE, T_O_HELP, false},
    {"version", 'V', T_NONE, T_O_VERSION, false}, {0},
};

/* What every list takes. */
#define LIST_OPTIONS                                                                               \
    {"filter", 0, T_A_FILTER, T_O_FILTER, false},                                                  \
        {"order-by", 0, T_A_ORDER, T_O_ORDER_BY, false}, {"limit", 0, T_A_NUMBER, T_O_LIMIT, false}, \
    {                                                                                              \
        "cursor", 0, T_A_TEXT, T_O_CURSOR, false                                                   \
    }

static const struct opt list_options[] = {
    LIST_OPTIONS,
    {0},
};
static const struct opt cursor_options[] = {
    {"cursor", 0, T_A_TEXT, T_O_CURSOR, false},
    {0},
};
static const struct opt ps_options[] = {
    {"all", 'a', T_NONE, T_O_ALL, false},
    {"state", 0, T_A_STATE, T_O_STATE, false},
    LIST_OPTIONS,
    {0},
};
static const struct opt attach_options[] = {
    {"port", 0, T_A_NUMBER, T_O_PORT, false},
    {0},
};
static const struct opt logs_options[] = {
    {"follow", 'f', T_NONE, T_O_FOLLOW, false},
    {0},
};
static const struct opt show_options[] = {
    {"sandbox", 0, T_NONE, T_O_SANDBOX, false},
    {0},
};
static const struct opt wait_options[] = {
    {"timeout", 0, T_A_DURATION, T_O_TIMEOUT, false},
    {0},
};
static const struct opt cancel_options[] = {
    {"reason", 0, T_A_TEXT, T_O_REASON, false},
    {0},
};
static const struct opt dataset_add_options[] = {
    {"classification", 'c', T_A_CLASSIFICATION, T_O_CLASSIFICATION, false},
    {"title", 0, T_A_TEXT, T_O_TITLE, false},
    {"description", 0, T_A_TEXT, T_O_DESCRIPTION, false},
    {"draft", 0, T_NONE, T_O_DRAFT, false},
    {"idempotency-key", 0, T_A_TEXT, T_O_IDEMPOTENCY, false},
    {"no-fd", 0, T_NONE, T_O_NO_FD, false},
    {0},
};
static const struct opt dataset_cursor_options[] = {
    {"cursor", 0, T_A_TEXT, T_O_CURSOR, false},
    {0},
};
static const struct opt env_import_options[] = {
    {"title", 0, T_A_TEXT, T_O_TITLE, false},
    {"tag", 0, T_A_NAME, T_O_IMAGE_TAG, false},
    {"idempotency-key", 0, T_A_TEXT, T_O_IDEMPOTENCY, false},
    {"no-fd", 0, T_NONE, T_O_NO_FD, false},
    {0},
};

static const struct opt profile_show_options[] = {
    {"effective", 0, T_NONE, T_O_EFFECTIVE, false},
    {0},
};

static const struct opt rpc_options[] = {
    {"params", 0, T_A_TEXT, T_O_RPC_PARAMS, false},
    {0},
};

const struct command commands[] = {
    {"run", GROUP_RUNS, T_U_RUN, T_H_RUN, T_D_RUN,
     "enclos run --dataset cancer@1 --profile python -- python3 train.py --trees 200\n"
     "enclos run --memory 4G --time 2h train.py\n"
     "enclos run --detach --name \"essai 2\" -- ./experiment.sh",
     cmd_run_options, ARGS_TO_WORD, true, cmd_run},
    {"shell", GROUP_RUNS, T_U_SHELL, T_H_SHELL, T_D_SHELL,
     "enclos shell --dataset cancer@1 --profile python\n"
     "enclos shell --memory 4G -- python3",
     cmd_shell_options, ARGS_TO_WORD, true, cmd_shell},
    {"notebook", GROUP_RUNS, T_U_OPTIONS, T_H_NOTEBOOK, T_D_NOTEBOOK,
     "enclos notebook --dataset cancer@1 --memory 4G", cmd_notebook_options, ARGS_ANYWHERE, true,
     cmd_notebook},
    {"attach", GROUP_RUNS, T_U_RUN_ONE, T_H_ATTACH, T_D_ATTACH, NULL, attach_options, ARGS_ANYWHERE,
     true, cmd_attach},
    {"ps", GROUP_RUNS, T_U_OPTIONS, T_H_PS, T_D_FILTERS,
     "enclos ps --filter \"metrics.auc > 0.9\" --order-by \"metrics.auc DESC, created\"\n"
     "enclos ps --filter \"datasets.name = 'cancer' and params.model = 'rf'\"\n"
     "enclos ps --filter \"verdict != 'succeeded' or name ILIKE 'essai%'\"",
     ps_options, ARGS_ANYWHERE, false, cmd_ps},
    {"show", GROUP_RUNS, T_U_SHOW, T_H_SHOW, T_D_SHOW, NULL, show_options, ARGS_ANYWHERE, false,
     cmd_show},
    {"logs", GROUP_RUNS, T_U_LOGS, T_H_LOGS, T_D_LOGS, NULL, logs_options, ARGS_ANYWHERE, false,
     cmd_logs},
    {"wait", GROUP_RUNS, T_U_WAIT, T_H_WAIT, T_D_WAIT, NULL, wait_options, ARGS_ANYWHERE, true,
     cmd_wait},
    {"cancel", GROUP_RUNS, T_U_CANCEL, T_H_CANCEL, T_NONE, NULL, cancel_options, ARGS_ANYWHERE,
     false, cmd_cancel},
    {"metrics", GROUP_RUNS, T_U_METRICS, T_H_METRICS, T_NONE, NULL, NULL, ARGS_ANYWHERE, false,
     cmd_metrics},
    {"outputs", GROUP_RUNS, T_U_RUN_ONE, T_H_OUTPUTS, T_D_OUTPUTS, NULL, NULL, ARGS_ANYWHERE, false,
     cmd_outputs},
    {"rerun", GROUP_RUNS, T_U_RERUN, T_H_RERUN, T_D_RERUN, "enclos rerun --verify RUN", cmd_rerun_options, ARGS_ANYWHERE, true,
     cmd_rerun},
    {"diff", GROUP_RUNS, T_U_RUN_TWO, T_H_DIFF, T_D_DIFF, NULL, cmd_diff_options, ARGS_ANYWHERE, false, cmd_diff},
    {"lineage", GROUP_RUNS, T_U_LINEAGE, T_H_LINEAGE, T_D_LINEAGE,
     "enclos lineage RUN\nenclos lineage RUN:model.pkl --before\nenclos lineage cancer@1 --format dot | dot -Tsvg > lineage.svg",
     cmd_lineage_options, ARGS_ANYWHERE, false, cmd_lineage},
    {"export", GROUP_RUNS, T_U_EXPORT, T_H_EXPORT, T_D_EXPORT,
     "enclos export RUN --output essai-1-crate\nenclos export tri-postal --format csv > runs.csv", cmd_export_options,
     ARGS_ANYWHERE, false, cmd_export},

    {"project create", GROUP_PROJECTS, T_U_PROJECT_ONE, T_H_PROJECT_CREATE, T_D_PROJECT_CREATE,
     "enclos project create urgences\n"
     "enclos project create urgences --title \"Urgences\" --organisation CHU",
     cmd_project_create_options, ARGS_ANYWHERE, false, cmd_project_create},
    {"project list", GROUP_PROJECTS, T_U_OPTIONS, T_H_PROJECT_LIST, T_NONE, NULL, cmd_project_list_options,
     ARGS_ANYWHERE, false, cmd_project_list},
    {"project show", GROUP_PROJECTS, T_U_PROJECT_ONE, T_H_PROJECT_SHOW, T_NONE, NULL, cmd_record_show_options,
     ARGS_ANYWHERE, false, cmd_project_show},
    {"project edit", GROUP_PROJECTS, T_U_PROJECT_ONE, T_H_PROJECT_EDIT, T_D_PROJECT_EDIT,
     "enclos project edit urgences --set title.en=\"Emergency rooms\"",
     cmd_project_edit_options, ARGS_ANYWHERE, false, cmd_project_edit},
    {"project advance", GROUP_PROJECTS, T_U_PROJECT_ADVANCE, T_H_PROJECT_ADVANCE, T_D_PROJECT_ADVANCE,
     "enclos project advance urgences assessed --reason \"…\"", cmd_project_advance_options, ARGS_ANYWHERE, false,
     cmd_project_advance},
    {"project history", GROUP_PROJECTS, T_U_PROJECT_ONE, T_H_PROJECT_HISTORY, T_NONE, NULL, cursor_options,
     ARGS_ANYWHERE, false, cmd_project_history},
    {"project similar", GROUP_PROJECTS, T_A_PROJECT, T_H_PROJECT_SIMILAR, T_D_PROJECT_SIMILAR, NULL, NULL,
     ARGS_ANYWHERE, false, cmd_project_similar},
    {"project member", GROUP_PROJECTS, T_U_MEMBER, T_H_MEMBER, T_D_MEMBER,
     "enclos project member urgences marie scientist\n"
     "enclos project member urgences",
     cmd_project_member_options, ARGS_ANYWHERE, false, cmd_project_member},
    {"experiment create", GROUP_PROJECTS, T_U_EXPERIMENT_ONE, T_H_EXPERIMENT_CREATE, T_D_EXPERIMENT_CREATE,
     "enclos experiment create urgences/base --title \"…\" --question \"…\"\n"
     "enclos run --project urgences --experiment base train.py",
     cmd_experiment_create_options, ARGS_ANYWHERE, false, cmd_experiment_create},
    {"experiment list", GROUP_PROJECTS, T_U_IN_PROJECT, T_H_EXPERIMENT_LIST, T_D_FILTERS, NULL, list_options,
     ARGS_ANYWHERE, false, cmd_experiment_list},
    {"experiment show", GROUP_PROJECTS, T_U_EXPERIMENT_ONE, T_H_EXPERIMENT_SHOW, T_NONE, NULL, cmd_record_show_options,
     ARGS_ANYWHERE, false, cmd_experiment_show},
    {"experiment edit", GROUP_PROJECTS, T_U_EXPERIMENT_ONE, T_H_EXPERIMENT_EDIT, T_D_EXPERIMENT_CREATE, NULL,
     cmd_experiment_edit_options, ARGS_ANYWHERE, false, cmd_experiment_edit},
    {"experiment history", GROUP_PROJECTS, T_U_EXPERIMENT_ONE, T_H_EXPERIMENT_HISTORY, T_NONE, NULL, cursor_options,
     ARGS_ANYWHERE, false, cmd_experiment_history},
    {"lesson add", GROUP_PROJECTS, T_U_PROJECT_ONE, T_H_LESSON_ADD, T_NONE,
     "enclos lesson add urgences --title \"…\" --theme data --run RUN",
     cmd_lesson_add_options, ARGS_ANYWHERE, false, cmd_lesson_add},
    {"lesson list", GROUP_PROJECTS, T_U_IN_PROJECT, T_H_LESSON_LIST, T_NONE, NULL, cmd_lesson_list_options,
     ARGS_ANYWHERE, false, cmd_lesson_list},
    {"lesson show", GROUP_PROJECTS, T_U_LESSON_ONE, T_H_LESSON_SHOW, T_NONE, NULL, cmd_record_show_options,
     ARGS_ANYWHERE, false, cmd_lesson_show},
    {"lesson edit", GROUP_PROJECTS, T_U_LESSON_ONE, T_H_LESSON_EDIT, T_NONE, NULL, cmd_lesson_edit_options,
     ARGS_ANYWHERE, false, cmd_lesson_edit},
    {"lesson history", GROUP_PROJECTS, T_U_LESSON_ONE, T_H_LESSON_HISTORY, T_NONE, NULL, cursor_options,
     ARGS_ANYWHERE, false, cmd_lesson_history},

    {"dataset add", GROUP_DATA, T_U_DATASET_ADD, T_H_DATASET_ADD, T_D_DATASET_ADD,
     "enclos dataset add cancer data.csv --classification confidentiel --title \"…\"",
     dataset_add_options, ARGS_ANYWHERE, false, cmd_dataset_add},
    {"dataset list", GROUP_DATA, T_U_OPTIONS, T_H_DATASET_LIST, T_D_FILTERS,
     "enclos dataset list --filter \"title ILIKE '%sein%' and state = 'sealed'\"", list_options,
     ARGS_ANYWHERE, false, cmd_dataset_list},
    {"dataset show", GROUP_DATA, T_U_DATASET_ONE, T_H_DATASET_SHOW, T_NONE, NULL, NULL,
     ARGS_ANYWHERE, false, cmd_dataset_show},
    {"dataset seal", GROUP_DATA, T_U_DATASET_SEAL, T_H_DATASET_SEAL, T_D_DATASET_SEAL, NULL, NULL,
     ARGS_ANYWHERE, false, cmd_dataset_seal},
    {"dataset quality", GROUP_DATA, T_U_DATASET_QUALITY, T_H_DATASET_QUALITY, T_D_DATASET_QUALITY,
     "enclos dataset quality cancer@2 --wait\n"
     "enclos dataset quality cancer@2 --show --against 1",
     cmd_quality_options, ARGS_ANYWHERE, false, cmd_dataset_quality},
    {"dataset verify", GROUP_DATA, T_U_DATASET_ONE, T_DS_H_VERIFY, T_DS_D_VERIFY, NULL, NULL, ARGS_ANYWHERE, false,
     cmd_dataset_verify},
    {"dataset describe", GROUP_DATA, T_DS_U_DESCRIBE, T_DS_H_DESCRIBE, T_DS_D_DESCRIBE,
     "enclos dataset describe cancer --personal false --set confidentiality=2\n"
     "enclos dataset describe cancer --personal true --pia EFVP-2026-12",
     cmd_dataset_describe_options, ARGS_ANYWHERE, false, cmd_dataset_describe},
    {"dataset card", GROUP_DATA, T_DS_U_DESCRIBE, T_DS_H_CARD, T_NONE, NULL, cmd_record_show_options, ARGS_ANYWHERE, false,
     cmd_dataset_card},
    {"dataset history", GROUP_DATA, T_DS_U_DESCRIBE, T_DS_H_HISTORY, T_NONE, NULL, dataset_cursor_options, ARGS_ANYWHERE,
     false, cmd_dataset_history},
    {"dataset grant", GROUP_DATA, T_DS_U_GRANT, T_DS_H_GRANT, T_DS_D_GRANT,
     "enclos dataset grant cancer --project triage --until 2027-06-30", cmd_dataset_grant_options, ARGS_ANYWHERE, false,
     cmd_dataset_grant},
    {"dataset grants", GROUP_DATA, T_DS_U_GRANTS, T_DS_H_GRANTS, T_NONE, NULL, cmd_dataset_grants_options,
     ARGS_ANYWHERE, false, cmd_dataset_grants},
    {"dataset revoke", GROUP_DATA, T_DS_U_REVOKE, T_DS_H_REVOKE, T_DS_D_REVOKE, NULL, cmd_dataset_revoke_options,
     ARGS_ANYWHERE, false, cmd_dataset_revoke},
    {"dataset retire", GROUP_DATA, T_DS_U_REASON, T_DS_H_RETIRE, T_DS_D_RETIRE, NULL, cmd_dataset_reason_options,
     ARGS_ANYWHERE, false, cmd_dataset_retire},
    {"dataset unquarantine", GROUP_DATA, T_DS_U_REASON, T_DS_H_UNQUARANTINE, T_NONE, NULL, cmd_dataset_reason_options,
     ARGS_ANYWHERE, false, cmd_dataset_unquarantine},
    {"dataset hand-over", GROUP_DATA, T_DS_U_HAND_OVER, T_DS_H_HAND_OVER, T_NONE, NULL, cmd_dataset_hand_over_options,
     ARGS_ANYWHERE, false, cmd_dataset_hand_over},
    {"dataset waiting", GROUP_DATA, T_NONE, T_DS_H_WAITING, T_NONE, NULL, NULL, ARGS_ANYWHERE, false,
     cmd_dataset_waiting},
    {"dataset files", GROUP_DATA, T_U_DATASET_ONE, T_DS_H_FILES, T_NONE, NULL, dataset_cursor_options, ARGS_ANYWHERE, false,
     cmd_dataset_files},
    {"dataset diff", GROUP_DATA, T_DS_U_DIFF, T_DS_H_DIFF, T_DS_D_DIFF, NULL, dataset_cursor_options, ARGS_ANYWHERE, false,
     cmd_dataset_diff},
    {"dataset export", GROUP_DATA, T_DS_U_EXPORT, T_DS_H_EXPORT, T_DS_D_EXPORT, NULL, cmd_dataset_export_options,
     ARGS_ANYWHERE, false, cmd_dataset_export},

    {"env import", GROUP_DATA, T_U_ENV_IMPORT, T_H_ENV_IMPORT, T_D_ENV_IMPORT,
     "skopeo copy docker://docker.io/library/python:3.12-slim oci:python\n"
     "enclos env import python ./python --title \"Python 3.12\"\n"
     "enclos run --environment python@1 train.py",
     env_import_options, ARGS_ANYWHERE, false, cmd_env_import},
    {"env list", GROUP_DATA, T_U_OPTIONS, T_H_ENV_LIST, T_D_FILTERS, NULL, list_options, ARGS_ANYWHERE,
     false, cmd_env_list},
    {"env show", GROUP_DATA, T_U_DATASET_ONE, T_H_ENV_SHOW, T_NONE, NULL, NULL, ARGS_ANYWHERE, false,
     cmd_env_show},
    {"env retire", GROUP_DATA, T_U_ENV_RETIRE, T_H_ENV_RETIRE, T_D_ENV_RETIRE, NULL, cancel_options,
     ARGS_ANYWHERE, false, cmd_env_retire},

    {"profile list", GROUP_LAB, T_NONE, T_H_PROFILE_LIST, T_NONE, NULL, NULL, ARGS_ANYWHERE, false,
     cmd_profile_list},
    {"profile show", GROUP_LAB, T_U_PROFILE_SHOW, T_H_PROFILE_SHOW, T_D_PROFILE_SHOW, NULL,
     profile_show_options, ARGS_ANYWHERE, false, cmd_profile_show},
    {"profile diff", GROUP_LAB, T_U_PROFILE_DIFF, T_H_PROFILE_DIFF, T_D_PROFILE_DIFF,
     "enclos profile diff python strict", NULL, ARGS_ANYWHERE, false, cmd_profile_diff},
    {"profile learn", GROUP_LAB, T_U_PROFILE_LEARN, T_H_PROFILE_LEARN, T_D_PROFILE_LEARN,
     "enclos profile learn --profile python -- python3 train.py --small > mine.jsonc", cmd_learn_options,
     ARGS_TO_WORD, false, cmd_profile_learn},
    {"profile check", GROUP_LAB, T_U_PROFILE_CHECK, T_H_PROFILE_CHECK, T_D_PROFILE_CHECK, NULL, NULL,
     ARGS_ANYWHERE, false, cmd_profile_check},
    {"search", GROUP_DATA, T_U_SEARCH, T_H_SEARCH, T_D_SEARCH,
     "enclos search ecoulement hiver\n"
     "enclos search --only project '\"flux hospitaliers\"'",
     cmd_search_options, ARGS_ANYWHERE, false, cmd_search},
    {"report", GROUP_LAB, T_U_REPORT, T_H_REPORT, T_D_REPORT,
     "enclos report portfolio --format csv > portrait.csv\n"
     "enclos report accountability --from 2026-01-01 --format html > 2026.html\n"
     "enclos report environment --from 30d",
     cmd_report_options, ARGS_ANYWHERE, false, cmd_report},
    {"info", GROUP_LAB, T_NONE, T_H_INFO, T_NONE, NULL, NULL, ARGS_ANYWHERE, false, cmd_info},
    {"doctor", GROUP_LAB, T_U_OPTIONS, T_H_DOCTOR, T_D_DOCTOR, NULL, cmd_doctor_options, ARGS_ANYWHERE, false,
     cmd_doctor},
    {"hold list", GROUP_LAB, T_U_OPTIONS, T_H_HOLD_LIST, T_NONE, NULL, cursor_options, ARGS_ANYWHERE, false,
     cmd_hold_list},
    {"hold", GROUP_LAB, T_U_HOLD, T_H_HOLD, T_D_HOLD,
     "enclos hold cancer@1 --reason \"audit 2027\"", cmd_hold_options, ARGS_ANYWHERE, false, cmd_hold},
    {"unhold", GROUP_LAB, T_U_HOLD, T_H_UNHOLD, T_NONE, NULL, cmd_hold_options, ARGS_ANYWHERE, false,
     cmd_unhold},
    {"gc", GROUP_LAB, T_U_OPTIONS, T_H_GC, T_D_GC,
     "enclos gc\n"
     "enclos gc --runs-older-than 730d --yes",
     cmd_gc_options, ARGS_ANYWHERE, false, cmd_gc},
    {"backup", GROUP_LAB, T_U_BACKUP, T_H_BACKUP, T_D_BACKUP, "enclos backup /mnt/safe/lab-2026-11-24.tar.zst",
     cmd_backup_options, ARGS_ANYWHERE, false, cmd_backup},
    {"audit list", GROUP_LAB, T_U_OPTIONS, T_H_AUDIT_LIST, T_D_AUDIT_LIST,
     "enclos audit list --actor marie --from 7d\n"
     "enclos audit list --subject cancer@1",
     cmd_audit_list_options, ARGS_ANYWHERE, false, cmd_audit_list},
    {"audit verify", GROUP_LAB, T_NONE, T_H_AUDIT_VERIFY, T_D_AUDIT_VERIFY, NULL, NULL,
     ARGS_ANYWHERE, false, cmd_audit_verify},
    {"audit export", GROUP_LAB, T_U_OPTIONS, T_H_AUDIT_EXPORT, T_D_AUDIT_EXPORT,
     "enclos audit export --from 1 > audit.jsonl", cmd_audit_export_options, ARGS_ANYWHERE, false,
     cmd_audit_export},

    {"whoami", GROUP_PEOPLE, T_NONE, T_H_WHOAMI, T_D_WHOAMI, NULL, NULL, ARGS_ANYWHERE, false, cmd_whoami},
    {"user list", GROUP_PEOPLE, T_U_OPTIONS, T_H_USER_LIST, T_NONE, NULL, cmd_user_list_options, ARGS_ANYWHERE,
     false, cmd_user_list},
    {"user grant", GROUP_PEOPLE, T_U_USER_GRANT, T_H_USER_GRANT, T_D_USER_GRANT,
     "enclos user grant marie scientist\n"
     "enclos user grant group:statistique scientist --project triage\n"
     "enclos user grant service:miroir platform",
     cmd_user_grant_options, ARGS_ANYWHERE, false, cmd_user_grant},
    {"user revoke", GROUP_PEOPLE, T_U_USER_GRANT, T_H_USER_REVOKE, T_D_USER_REVOKE, NULL, cmd_user_grant_options,
     ARGS_ANYWHERE, false, cmd_user_revoke},
    {"token create", GROUP_PEOPLE, T_U_TOKEN_CREATE, T_H_TOKEN_CREATE, T_D_TOKEN_CREATE,
     "(umask 077; enclos token create miroir --days 30 > miroir.token)\n"
     "enclos whoami --token-file miroir.token",
     cmd_token_create_options, ARGS_ANYWHERE, false, cmd_token_create},
    {"token list", GROUP_PEOPLE, T_U_OPTIONS, T_H_TOKEN_LIST, T_NONE, NULL, cmd_token_list_options, ARGS_ANYWHERE,
     false, cmd_token_list},
    {"token revoke", GROUP_PEOPLE, T_U_TOKEN_REVOKE, T_H_TOKEN_REVOKE, T_NONE, NULL, NULL, ARGS_ANYWHERE, false,
     cmd_token_revoke},

    {"rpc", GROUP_OTHER, T_U_RPC, T_H_RPC, T_D_RPC,
     "enclos rpc lab.info\n"
     "enclos rpc run.list limit=5 state=finished",
     rpc_options, ARGS_ANYWHERE, false, cmd_rpc},
    {"help", GROUP_OTHER, T_U_HELP, T_H_HELP, T_NONE, NULL, NULL, ARGS_ANYWHERE, false, cmd_help},
    {"version", GROUP_OTHER, T_NONE, T_H_VERSION, T_NONE, NULL, NULL, ARGS_ANYWHERE, false,
     cmd_version},
};
const size_t command_count = sizeof commands / sizeof *commands;

/* Does argv start with the words of this name? Returns how many, or 0. */
static int match(const char *name, int argc, char **argv)
{
    int words = 0;

    while (*name) {
        size_t len = strcspn(name, " ");
        if (words == argc || strlen(argv[words]) != len || memcmp(argv[words], name, len) != 0)
            return 0;
        words++;
        name += len + (name[len] == ' ');
    }
    return words;
}

const struct command *command_find(int argc, char **argv, int *used)
{
    for (size_t i = 0; i < command_count; i++) {
        *used = match(commands[i].name, argc, argv);
        if (*used > 0)
            return &commands[i];
    }
    return NULL;
}
