/*
 * state.h - the lab's folders before anything runs: whose they are, and that nobody else uses them.
 */
#ifndef ENCLOS_STATE_H
#define ENCLOS_STATE_H

#include "api/common/err.h"
#include "orchestrator/options.h"
#include <sys/types.h>

struct owner {
    uid_t uid;
    gid_t gid;
    char name[64]; /* account, or "uid N" */
};

/* Who the lab runs as. As a user: the caller. As root: --user; else the owner of an existing state
 * folder that is not root's; else the account `enclos`; else uid and gid 699999. */
MUST_USE int state_owner(const struct options *o, struct owner *out, struct err *e);

/* Creates or adopts the state folder for `who` (0700). A folder of root's that is empty is given to
 * `who`; one that is not empty is refused (E_CONFLICT), as is one that another daemon uses (naming its
 * pid; store_open decides that for good later, this early look spares the rest). */
MUST_USE int state_adopt(const struct options *o, const struct owner *who, struct err *e);

/* Creates the folder of the socket: 0755 as root, 0700 as a user. */
MUST_USE int state_socket_folder(const struct options *o, const struct owner *who, struct err *e);

#endif
