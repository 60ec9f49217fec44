/*
 * folder.h - all files of a dataset, one report.
 */
#ifndef ENCLOS_INSPECT_FOLDER_H
#define ENCLOS_INSPECT_FOLDER_H

#include "api/common/buf.h"
#include "api/inspect/report.h"

enum { FOLDER_FILES = 200, FOLDER_COLUMNS = 400, REPORT_MAX_BYTES = 800 << 10, REPORT_VERSION = 1 };

struct folder_options {
    struct report_options report;
    char delimiter; /* 0: found out */
    int header;     /* -1: found out */
};

/* Profiles every regular file below dir_fd, by name, FOLDER_FILES and FOLDER_COLUMNS of them; what was left out is
 * counted. A file that cannot be read is told in the report. */
MUST_USE int folder_profile(int dir_fd, const struct folder_options *o, struct buf *out, struct err *e);

/* One text as an element of "files". columns: how many may still be profiled; less afterwards. */
MUST_USE int folder_file(struct jw *w, struct feed *f, const char *path, uint64_t size, const struct folder_options *o,
                         size_t *columns, struct err *e);

#endif
