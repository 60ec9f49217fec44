/*
 * collect.h - takes what a run left in /outputs, after its last process is gone.
 *
 * Works on the descriptor of the file system that only the run could write to, never on a path:
 * what collectors fell for elsewhere (go-judge#176, Judge0 CVE-2024-28185) was a link made by the job.
 */
#ifndef ENCLOS_RUNNER_COLLECT_H
#define ENCLOS_RUNNER_COLLECT_H

#include "api/common/buf.h"
#include "api/common/err.h"
#include "runner/identity.h"
#include "runner/spec.h"

#include <stdbool.h>
#include <sys/types.h>

struct collected {
    struct buf files;   /* JSON objects, comma separated: {"path","size_bytes","mode"} */
    struct buf refused; /* likewise: {"path","reason"}; at most COLLECT_REFUSED_MAX of them */
    int64_t file_count, total_bytes, refused_count;
    int64_t refused_no_room; /* of these, because the lab's disk is full */
    bool full; /* the file system had no room left: the run met its limit */
};

enum { COLLECT_REFUSED_MAX = 200, COLLECT_DEPTH_MAX = 16 };

void collect_init(struct collected *c);
void collect_fini(struct collected *c);

/* Copies into run_fd/outputs, which is made when there is something to copy: read as ourselves, written as
 * the lab. An entry that is refused is no error. */
MUST_USE int collect_outputs(int outputs_fd, int run_fd, const struct spec *spec, const struct identity *identity,
                             struct collected *c, struct err *e);

#endif
