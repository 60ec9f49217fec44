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

/* The same where the contents cannot be opened again one by one (an archive). `feed` is called once, when
 * something is missing, and gives each content that is wanted; upload_give takes its descriptor, which
 * stands at its start. */
struct upload;
bool upload_wants(const struct upload *u, const char *sha256);
MUST_USE int upload_give(struct upload *u, const char *sha256, int fd, struct err *e);
typedef int upload_feed(void *ctx, struct upload *u, struct err *e);
MUST_USE int upload_given(struct cli *c, const struct snapshot *s, bool chunks, upload_feed *feed,
                          void *ctx, struct err *e);

/* A line on the terminal while something is read that takes more than a second: a snapshot_progress_fn, its
 * argument ({.term, .started_us}), and its end. */
struct upload_reading {
    const struct term *term;
    int64_t started_us;
    bool shown;
};
void upload_reading(void *reading, uint64_t done_bytes, uint64_t total_bytes);
void upload_reading_end(struct upload_reading *reading);

/* Hashes, showing progress on a terminal when it takes more than a second. */
MUST_USE int upload_hash(struct cli *c, struct snapshot *s, struct err *e);

/* A line on the terminal while the lab works on so many bytes; T_NONE wipes it. Nothing off a
 * terminal, nor for what takes no time. */
void upload_tell(struct cli *c, enum text_id id, uint64_t bytes);

#endif
