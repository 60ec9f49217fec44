/*
 * recover.c - `enclos-runner outputs RUN_FOLDER`: a run whose monitor was killed left its outputs on disk in the image
 * that they were written to. They are collected as at the end of any run: by descriptor, with the same refusals.
 */
#include "runner/collect.h"
#include "runner/confine.h"
#include "runner/host.h"
#include "runner/sandbox.h"

#include "api/common/fd.h"
#include "api/common/runfolder.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int complain(const struct err *e)
{
    fprintf(stderr, "enclos-runner: %s\n", e->message);
    if (e->hint[0])
        fprintf(stderr, "  %s\n", e->hint);
    return 125;
}

/* A monitor that lives holds its file locked; a run that is over has a record. */
static int check_lost(int run_fd, struct err *e)
{
    AUTO_FD int lock = openat(run_fd, RUNFOLDER_LOCK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (lock < 0)
        return err_sys(e, "RUN_FOLDER", "give the folder of a run that was started", "cannot open %s", RUNFOLDER_LOCK);
    if (flock(lock, LOCK_SH | LOCK_NB) < 0)
        return err_set(e, E_CONFLICT, "RUN_FOLDER", "wait for its end", "the run's monitor lives");
    return 0;
}

static int recover(int run_fd, const struct spec *spec, const struct identity *identity, struct collected *c, struct err *e)
{
    AUTO_FD int mounted = -1;
    if (outputs_disk_recover(run_fd, &mounted, e) < 0 || collect_outputs(mounted, run_fd, spec, identity, c, e) < 0)
        return -1;
    return 0;
}

int outputs_main(int argc, char **argv)
{
    struct err e = {0};
    struct spec spec = {0};
    struct collected c;
    struct stat st;
    if (argc != 2) {
        err_set(&e, E_INVALID, NULL, NULL, "usage: enclos-runner outputs RUN_FOLDER");
        return complain(&e);
    }
    AUTO_FD int run_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run_fd < 0 || fstat(run_fd, &st) < 0) {
        err_sys(&e, "RUN_FOLDER", NULL, "cannot open the run folder %s", argv[1]);
        return complain(&e);
    }
    if (geteuid() != 0) {
        err_set(&e, E_DENIED, NULL, "run it as root", "only root mounts what a run had on disk");
        return complain(&e);
    }
    const struct identity identity = {.rootless = false, .lab_uid = st.st_uid, .lab_gid = st.st_gid};
    if (confine_launcher(&e) < 0 || check_lost(run_fd, &e) < 0)
        return complain(&e);
    identity_lab(&identity);
    int failed = spec_read(run_fd, NULL, &spec, &e);
    identity_own(&identity);
    if (failed < 0)
        return complain(&e);
    collect_init(&c);
    failed = recover(run_fd, &spec, &identity, &c, &e);
    if (!failed)
        printf("{\"files\":[%s],\"refused\":[%s],\"refused_count\":%lld}\n", buf_cstr(&c.files), buf_cstr(&c.refused),
               (long long)c.refused_count);
    collect_fini(&c);
    spec_fini(&spec);
    return failed ? complain(&e) : 0;
}
