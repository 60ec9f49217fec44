/*
 * crate.h - runs as a Process Run Crate 0.5 on RO-Crate 1.1: a folder with ro-crate-metadata.json, which other tools read.
 *
 * Metadata alone: outputs, datasets and code are named by digest under identifiers of the lab (enclos:output/RUN/PATH),
 * and stay in it. A run is a CreateAction; its code is its instrument, datasets and params are its objects, outputs and
 * last values of metrics its results.
 */
#ifndef ENCLOS_CLI_CRATE_H
#define ENCLOS_CLI_CRATE_H

#include "api/common/buf.h"
#include "api/common/json.h"
#include <stdbool.h>
#include <stdint.h>

struct crate;

struct crate_head {
    const char *name, *description; /* of the whole */
    const char *licence;            /* a URL, or NULL: none is granted, which the crate then says */
    const char *publisher;          /* name of an organisation, or NULL */
    int64_t now_us;
};

struct crate *crate_new(bool has_publisher); /* of the head: people are then its */
void crate_free(struct crate *c); /* NULL is fine */

/* Adds a run as run.get gives it; `artifacts` are all that it left. */
void crate_add_run(struct crate *c, const struct json *run, const struct json *const *artifact_lists, size_t list_count);

/* The text of ro-crate-metadata.json. False: it is larger than CRATE_MAX_BYTES. */
enum { CRATE_MAX_BYTES = 256 << 20 };
bool crate_print(struct crate *c, const struct crate_head *head, struct buf *out);

#endif
