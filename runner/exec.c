/*
 * exec.c - `enclos-runner exec RUN_FOLDER`: one run without any daemon, in the foreground; and
 * `enclos-runner log RUN_FOLDER`, which prints what it said.
 */
#include "runner/confine.h"
#include "runner/host.h"

#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/runlog.h"
#include "api/common/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int complain(const struct err *e)
{
    fprintf(stderr, "enclos-runner: %s\n", e->message);
    if (e->hint[0])
        fprintf(stderr, "  %s\n", e->hint);
    return 125;
}

/* From the record, which has it all: what a person at the terminal needs. */
static void tell_why(int run_fd, enum verdict verdict)
{
    struct err ignored = {0}; /* the record itself says more than we could */
    AUTO_BUF struct buf text = BUF_INIT(RUNFOLDER_RECORD_MAX_BYTES);
    const struct json_limits limits = {.max_bytes = RUNFOLDER_RECORD_MAX_BYTES};
    if (fd_read_file(run_fd, RUNFOLDER_RECORD, RUNFOLDER_RECORD_MAX_BYTES, &text, &ignored) < 0)
        return;
    AUTO_JSON struct json *record = json_parse(buf_cstr(&text), text.len, &limits, &ignored);
    const char *reason = json_str(json_get(record, "reason"));
    const char *step = json_str(json_get(json_get(record, "failed"), "step"));
    const char *hint = json_str(json_get(json_get(record, "failed"), "hint"));
    fprintf(stderr, "enclos-runner: %s: %s", verdict_name(verdict), reason ? reason : "");
    fprintf(stderr, step ? " (step %s)\n" : "\n", step);
    if (hint && *hint)
        fprintf(stderr, "  %s\n", hint);
}

int exec_main(int argc, char **argv)
{
    struct err e = {0};
    struct host_options options = {0};
    struct host host;
    enum verdict verdict;
    int status = 125;
    int next = host_read_options(argc, argv, &options, NULL, NULL, &e);
    if (next < 0 || next + 1 != argc) {
        if (next >= 0)
            err_set(&e, E_INVALID, NULL, NULL, "usage: enclos-runner exec [--cgroup PATH] [--profiles DIR] RUN_FOLDER");
        return complain(&e);
    }
    AUTO_FD int run_fd = open(argv[next], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    if (run_fd < 0 || fstat(run_fd, &st) < 0) {
        err_sys(&e, "RUN_FOLDER", NULL, "cannot open the run folder %s", argv[next]);
        return complain(&e);
    }
    if (!options.lab_given) { /* whoever owns the folder is the lab */
        options = (struct host_options){options.cgroup, options.profiles, true, st.st_uid, st.st_gid};
        if (geteuid() != 0)
            options.lab_given = false;
    }
    AUTO_FD int lock = -1;
    if (host_open(&options, &host, &e) < 0 || confine_launcher(&e) < 0)
        return complain(&e);
    host.config.echo = true;
    if (monitor_claim(&host.config, run_fd, &lock, &e) < 0 ||
        monitor_run(&host.config, run_fd, &verdict, &status, &e) < 0)
        status = complain(&e);
    else if (verdict != VERDICT_SUCCEEDED && verdict != VERDICT_FAILED)
        tell_why(run_fd, verdict);
    host_close(&host);
    return status;
}

int log_main(int argc, char **argv)
{
    static const char *const names[] = {[RUNLOG_METRIC] = "metric", [RUNLOG_EVENT] = "event", [RUNLOG_GAP] = "gap"};
    struct err e = {0};
    AUTO_BUF struct buf log = BUF_INIT((size_t)1 << 30);
    if (argc != 2) {
        err_set(&e, E_INVALID, NULL, NULL, "usage: enclos-runner log RUN_FOLDER");
        return complain(&e);
    }
    AUTO_FD int run_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run_fd < 0) {
        err_sys(&e, "RUN_FOLDER", NULL, "cannot open the run folder %s", argv[1]);
        return complain(&e);
    }
    if (fd_read_file(run_fd, RUNFOLDER_LOG, (size_t)1 << 30, &log, &e) < 0)
        return complain(&e);
    for (size_t at = 0; at < log.len;) {
        struct runlog_frame f;
        long n = runlog_read(log.data + at, log.len - at, &f, &e);
        if (n < 0)
            return complain(&e);
        if (n == 0)
            break;
        if (f.stream == RUNLOG_STDOUT || f.stream == RUNLOG_STDERR)
            fwrite(f.bytes, 1, f.len, f.stream == RUNLOG_STDOUT ? stdout : stderr);
        else
            fprintf(stderr, "[%s] %.*s\n", names[f.stream], (int)f.len, f.bytes);
        at += (size_t)n;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
