/*
 * warnings.h - what a person must know beside a run's verdict: what was lost, cut or found changed.
 *
 * The verdict tells how the program ended. A program that succeeded while the disk was full, or whose
 * dataset was found changed, did not leave what it seems to have left.
 */
#ifndef ENCLOS_WARNINGS_H
#define ENCLOS_WARNINGS_H

#include "api/cli/cli.h"

bool warnings_any(const struct json *run);

/* Adds each as a paragraph wrapped for `t`, after `indent` spaces, headed "warning:". Outputs that
 * were refused count for warnings_any and have a list of their own (summary.h). */
void warnings_add(struct buf *out, const struct term *t, const struct json *run, size_t indent);

#endif
