/*
 * main.c - enclos-inspect: profiles the files of a folder and writes what it found as JSON.
 *
 *     enclos-inspect [--small-count N] [--delimiter C] [--header yes|no] FOLDER OUTPUT
 *
 * It is the only program in the root of its sandbox (profile `inspect`), reads data that nobody has vetted, and what it
 * writes is distrusted by whoever reads it. It prints counts, never a value.
 */
#include "api/inspect/folder.h"

#include "api/common/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int usage(void)
{
    fprintf(stderr, "usage: enclos-inspect [--small-count N] [--delimiter C] [--header yes|no] FOLDER OUTPUT\n");
    return 2;
}

static int write_out(const char *path, struct buf *out)
{
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const char *p = buf_cstr(out);
    size_t left = out->len;
    if (fd < 0)
        return -1;
    while (left > 0) {
        ssize_t n = write(fd, p, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        p += n;
        left -= (size_t)n;
    }
    return 0;
}

static char delimiter_of(const char *s)
{
    if (strcmp(s, "tab") == 0)
        return '\t';
    return strlen(s) == 1 && strchr(",;|:\t ^~", *s) ? *s : 0;
}

int main(int argc, char **argv)
{
    struct folder_options o = {.report = {.small_count = 10, .now_s = (double)time(NULL)}, .header = -1};
    AUTO_BUF struct buf out = BUF_INIT(REPORT_MAX_BYTES);
    struct err e = {0};
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        const char *v = argv[i + 1];
        if (strcmp(argv[i], "--small-count") == 0 && strtoul(v, NULL, 10) >= 1)
            o.report.small_count = strtoul(v, NULL, 10);
        else if (strcmp(argv[i], "--delimiter") == 0 && delimiter_of(v))
            o.delimiter = delimiter_of(v);
        else if (strcmp(argv[i], "--header") == 0 && (strcmp(v, "yes") == 0 || strcmp(v, "no") == 0))
            o.header = *v == 'y';
        else
            return usage();
    }
    if (argc - i != 2)
        return usage();
    AUTO_FD int dir = open(argv[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        fprintf(stderr, "enclos-inspect: cannot open the folder: %s\n", err_errno_name(errno));
        return 1;
    }
    if (folder_profile(dir, &o, &out, &e) < 0) {
        fprintf(stderr, "enclos-inspect: %s\n", e.message);
        return 1;
    }
    if (write_out(argv[i + 1], &out) < 0) {
        fprintf(stderr, "enclos-inspect: cannot write the report: %s\n", err_errno_name(errno));
        return 1;
    }
    printf("the report has %zu bytes\n", out.len);
    return 0;
}
