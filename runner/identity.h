/*
 * identity.h - as whom files are touched: the lab's for run folders and trees, ours for the rest.
 *
 * By the file system ids of the thread (setfsuid(2)), which tell nothing of a failure: they are read back,
 * and a change that did not happen ends the process, because what followed would be done with root's
 * rights in a folder that a less trusted program owns. Rootless both are the same and nothing changes.
 */
#ifndef ENCLOS_RUNNER_IDENTITY_H
#define ENCLOS_RUNNER_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

struct identity {
    bool rootless;
    uid_t lab_uid;
    gid_t lab_gid;
};

/* errno is kept by both. */
void identity_lab(const struct identity *id);
void identity_own(const struct identity *id);

#endif
