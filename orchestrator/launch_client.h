/*
 * launch_client.h - our end of the conversation with the launcher (api/common/launch.h).
 */
#ifndef ENCLOS_LAUNCH_CLIENT_H
#define ENCLOS_LAUNCH_CLIENT_H

#include "api/common/err.h"
#include "api/common/launch.h"
#include "orchestrator/options.h"
#include "orchestrator/state.h"

struct lab;
struct launch;

/* Starts `enclos-runner launcher`. As root: before rights are dropped. */
MUST_USE int launch_spawn(const struct options *o, const struct owner *who, int *fd, int *pid,
                          struct err *e);

/* Takes fd. */
struct launch *launch_new(struct lab *lab, int fd, int pid);
void launch_close(struct launch *l); /* the launcher sees our end close and ends; monitors go on */
void launch_free(struct launch *l);  /* after the loop has run the close callbacks */

/* Asks for a launch; takes folder_fd. What comes of it: live_launched, live_refused, or live_judge when the
 * launcher was replaced meanwhile. Waits by itself while there is no launcher. */
struct launch_warm { /* of a run that may start warm: see launch.h */
    char owner[LAUNCH_WARM_SIZE]; /* empty: it starts as usual */
    int64_t cpus;
};
void launch_start(struct launch *l, const char *run, const char *profile, const struct launch_warm *warm, int folder_fd);
/* The monitor of that run died: the launcher frees what it left. */
void launch_forget(struct launch *l, const char *run);

bool launch_is_ready(const struct launch *l);
long launch_generation(const struct launch *l);
const char *launch_doctor(const struct launch *l); /* JSON object, or "null" */

#endif
