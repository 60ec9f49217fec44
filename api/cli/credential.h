/*
 * credential.h - the token of a service account, when this program is one: ENCLOS_TOKEN or --token-file.
 */
#ifndef ENCLOS_CREDENTIAL_H
#define ENCLOS_CREDENTIAL_H

#include "api/common/err.h"

/* Reads it and gives it to the client (client_use_token); the variable is removed from the environment, so that no
 * program started here has it. `path` may be NULL. Neither: nothing happens. A file that others may read is refused. */
MUST_USE int credential_load(const char *path, struct err *e);

#endif
