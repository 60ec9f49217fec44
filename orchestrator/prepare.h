/*
 * prepare.h - what must stand before a launch: verified datasets and environment, the code tree, the run folder, spec.json.
 */
#ifndef ENCLOS_PREPARE_H
#define ENCLOS_PREPARE_H

#include "api/common/err.h"
#include "api/common/mem.h"
#include "api/common/launch.h"
#include "catalog/run.h"

struct lab;

struct prepare {
    struct lab *lab;
    char run[TEXT_ID_SIZE];
    struct arena *arena;
    struct run_row row; /* read before */
    bool cancel;        /* leave a `cancel` file: the monitor ends it at once */
    /* result */
    int folder_fd;                 /* of the run folder, on success */
    const char *step;              /* that failed: "dataset_verify", "code_tree", ... */
    const struct run_dataset *bad; /* the version whose files are not what they were */
    bool bad_environment;          /* the environment's files are not */
    bool quarantined;              /* a version is, since the run was submitted */
    struct err code_changed; /* what was wrong in the code tree that stood; it was built anew */
};

/* Pool. */
int prepare_work(void *ctx, struct err *e);

/* Whose templates a warm run may start from: its account's. */
void prepare_warm_owner(const struct run_row *r, char out[LAUNCH_WARM_SIZE]);

/* Leaves a `cancel` file in a run's folder, making the folder if need be. Blocks. */
MUST_USE int prepare_cancel_file(struct lab *lab, const char *run, struct err *e);

#endif
