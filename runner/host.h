/*
 * host.h - what the runner's processes know of the machine before any run: privilege, control
 * groups, folders. Opened once by the launcher, by `exec` and by `doctor`.
 */
#ifndef ENCLOS_RUNNER_HOST_H
#define ENCLOS_RUNNER_HOST_H

#include "runner/monitor.h"

struct host {
    struct cg_host cgroups;
    char *profiles_dir;
    char *python_path; /* NULL: the helper is not installed */
    char *warm_library; /* of templates (warm.h), NULL: not installed */
    struct monitor_config config; /* points into this struct */
};

struct host_options {
    const char *cgroup;   /* --cgroup, or NULL */
    const char *profiles; /* --profiles, or NULL for the installed ones */
    bool lab_given;       /* --lab-uid and --lab-gid */
    uid_t lab_uid;
    gid_t lab_gid;
};

/* Missing control groups are no error here: they are one for each run that wants limits. */
MUST_USE int host_open(const struct host_options *o, struct host *out, struct err *e);
void host_close(struct host *h);

/* `enclos-runner doctor [--json]`: returns the exit status. */
int doctor_main(int argc, char **argv);

/* `enclos-runner launcher --fd N ...` and `exec RUN_FOLDER` and `log RUN_FOLDER`. */
int launcher_main(int argc, char **argv);
int exec_main(int argc, char **argv);
int log_main(int argc, char **argv);

/* `enclos-runner outputs RUN_FOLDER`: keeps what a run had written on disk whose monitor died. */
int outputs_main(int argc, char **argv);

/* Options that launcher, exec and doctor share. Returns the index of the first argument that is
 * none, or -1 with *e. `fd` and `json` may be NULL where the program has no such option. */
MUST_USE int host_read_options(int argc, char **argv, struct host_options *o, int *fd, bool *json, struct err *e);

#endif
