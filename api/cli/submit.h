/*
 * submit.h - what run, shell and notebook do before there is a run: defaults of the folder, its code, the request.
 */
#ifndef ENCLOS_SUBMIT_H
#define ENCLOS_SUBMIT_H

#include "api/cli/cli.h"
#include "api/cli/request.h"

/* Takes enclos.jsonc of the folder, if there is one. */
MUST_USE int submit_read_defaults(struct request *r, const char *folder, struct err *e);

/* Sends the folder's snapshot, unless it is empty, and notes its digest. Reads --code and --no-fd. */
MUST_USE int submit_send_code(struct cli *c, const struct args *a, struct request *r, const char *folder,
                              struct err *e);

MUST_USE int submit_request(struct cli *c, const struct request *r, struct client_answer *answer, struct err *e);

#endif
