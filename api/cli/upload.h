/*
 * upload.h - gives the lab the objects of a snapshot that it lacks.
 *
 * On the machine's own socket the lab gets descriptors and reads the files itself; with `chunks`
 * (--no-fd) their bytes are sent in base64, for a lab that is reached through a tunnel.
 */
#ifndef ENCLOS_UPLOAD_H
#define ENCLOS_UPLOAD_H

#include "api/cli/cli.h"
#include "api/cli/snapshot.h"

MUST_USE int upload_snapshot(struct cli *c, const struct snapshot *s, bool chunks, struct err *e);

/* Hashes, showing progress on a terminal when it takes more than a second. */
MUST_USE int upload_hash(struct cli *c, struct snapshot *s, struct err *e);

/* A line on the terminal while the lab works on so many bytes; T_NONE wipes it. Nothing off a
 * terminal, nor for what takes no time. */
void upload_tell(struct cli *c, enum text_id id, uint64_t bytes);

#endif
