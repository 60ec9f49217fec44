/*
 * command.h - the table of commands: the one source of what `enclos` does, of its help and man page.
 */
#ifndef ENCLOS_COMMAND_H
#define ENCLOS_COMMAND_H

#include "api/cli/cli.h"

enum command_group { GROUP_RUNS, GROUP_PROJECTS, GROUP_DATA, GROUP_LAB, GROUP_PEOPLE, GROUP_OTHER, GROUP_COUNT };

typedef int command_fn(struct cli *c, struct args *a, struct err *e);

struct command {
    const char *name; /* "run", "dataset add" */
    enum command_group group;
    enum text_id usage;   /* what follows the name */
    enum text_id summary; /* one line, no final point */
    enum text_id details; /* paragraphs, or T_NONE */
    const char *examples; /* lines, or NULL */
    const struct opt *options;
    enum args_mode mode;
    bool lab_failed; /* errors of Enclos give status 125 instead of 1 */
    command_fn *run;
};

extern const struct command commands[];
extern const size_t command_count;
extern const struct opt command_shared_options[];

/* The command that argv starts with; *used is the number of words its name took. NULL: none. */
const struct command *command_find(int argc, char **argv, int *used);

/* Texts of help, wrapped for `t`. */
void help_add_all(struct buf *out, const struct term *t);
void help_add_command(struct buf *out, const struct term *t, const struct command *command);
/* The commands of a family ("dataset") that was named alone; false: no such family. */
bool help_add_family(struct buf *out, const struct term *t, const char *family);
/* With --json: {"commands":[{"name","usage","help","options"},...]} of one command, of a family, or
 * (both NULL) of all. */
void help_add_json(struct buf *out, const struct command *command, const char *family);

/* What the last of these words may become, a line a candidate: for the shells (complete.c). */
int complete_main(struct cli *c, int argc, char **argv);

/* One file per family holds these. */
command_fn cmd_shell, cmd_notebook, cmd_attach;
command_fn cmd_run, cmd_ps, cmd_show, cmd_logs, cmd_wait, cmd_cancel, cmd_metrics, cmd_outputs;
command_fn cmd_rerun, cmd_diff, cmd_lineage, cmd_export;
command_fn cmd_dataset_add, cmd_dataset_list, cmd_dataset_show, cmd_dataset_seal;
command_fn cmd_dataset_quality;
extern const struct opt cmd_quality_options[];
command_fn cmd_dataset_verify, cmd_dataset_unquarantine, cmd_dataset_retire, cmd_dataset_hand_over, cmd_dataset_waiting;
command_fn cmd_dataset_grant, cmd_dataset_revoke, cmd_dataset_grants, cmd_dataset_files, cmd_dataset_diff, cmd_dataset_export;
command_fn cmd_dataset_describe, cmd_dataset_card, cmd_dataset_history;
extern const struct opt cmd_dataset_describe_options[];
extern const struct opt cmd_dataset_reason_options[], cmd_dataset_hand_over_options[], cmd_dataset_grant_options[],
    cmd_dataset_revoke_options[], cmd_dataset_grants_options[], cmd_dataset_export_options[];
command_fn cmd_env_import, cmd_env_list, cmd_env_show, cmd_env_retire;
command_fn cmd_profile_list, cmd_profile_show, cmd_profile_diff, cmd_profile_check, cmd_profile_learn;
command_fn cmd_search, cmd_report;
extern const struct opt cmd_report_options[];
extern const struct opt cmd_search_options[];
command_fn cmd_project_create, cmd_project_list, cmd_project_show, cmd_project_edit, cmd_project_advance;
command_fn cmd_project_history, cmd_project_similar, cmd_project_member;
command_fn cmd_experiment_create, cmd_experiment_list, cmd_experiment_show, cmd_experiment_edit, cmd_experiment_history;
command_fn cmd_lesson_add, cmd_lesson_list, cmd_lesson_show, cmd_lesson_edit, cmd_lesson_history;
extern const struct opt cmd_project_create_options[], cmd_project_edit_options[], cmd_project_list_options[],
    cmd_project_advance_options[], cmd_project_member_options[], cmd_record_show_options[], cmd_experiment_create_options[],
    cmd_experiment_edit_options[], cmd_page_options[], cmd_lesson_add_options[], cmd_lesson_edit_options[],
    cmd_lesson_list_options[];
command_fn cmd_doctor, cmd_info, cmd_audit_list;
command_fn cmd_audit_verify, cmd_audit_export, cmd_hold, cmd_unhold, cmd_hold_list, cmd_gc, cmd_backup, cmd_rpc, cmd_help, cmd_version;
extern const struct opt cmd_learn_options[], cmd_audit_list_options[], cmd_audit_export_options[], cmd_hold_options[], cmd_gc_options[], cmd_backup_options[], cmd_doctor_options[];
extern const struct opt cmd_rerun_options[], cmd_diff_options[];
command_fn cmd_whoami, cmd_user_list, cmd_user_grant, cmd_user_revoke;
command_fn cmd_token_create, cmd_token_list, cmd_token_revoke;
extern const struct opt cmd_user_list_options[], cmd_user_grant_options[], cmd_token_create_options[],
    cmd_token_list_options[];
extern const struct opt cmd_rerun_options[], cmd_diff_options[], cmd_lineage_options[], cmd_export_options[];
extern const struct opt cmd_run_options[], cmd_shell_options[], cmd_notebook_options[];

/* NAME@VERSION or NAME, of a dataset; *version is 0 when it is not said. */
MUST_USE int cli_read_ref(const char *ref, char name[65], int64_t *version, struct err *e);

#endif
