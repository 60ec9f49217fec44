/*
 * priv_warm.c - init of a run that will be started warm.
 *
 * A process may enter a namespace when it has CAP_SYS_ADMIN in the user namespace that owns it, and it has
 * that where its own effective uid owns the user namespace and it stands in the parent of it
 * (user_namespaces(7)). So the run's namespaces are put into a user namespace of the run's own, made by a
 * process with the template's uid where the template is: the template, which has no capability
 * anywhere, can then enter this run, and runs of its own owner only.
 *
 *   as root     helper becomes the template's uid, clones init; the monitor writes the map: the
 *               template's uid is 0 inside, the run's leased uid and init's are themselves
 *   rootless    helper enters the template's user namespace, clones init, which maps itself
 *
 * The helper is there because these changes must not be the monitor's own. Init is the monitor's child
 * (CLONE_PARENT) and dies with it like any other.
 */
#include "runner/warm.h"

#include "api/common/fd.h"
#include "runner/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif

struct told {
    int32_t pid; /* of init, or 0 */
    int32_t os_errno;
};

_Noreturn static void init_waits(struct sandbox *s, int go)
{
    char byte;
    ssize_t n;
    while ((n = read(go, &byte, 1)) < 0 && errno == EINTR)
        ;
    if (n != 1) /* the monitor is gone, or could not write the map and has said so */
        _exit(1);
    close(go);
    init_main(s);
}

_Noreturn static void helper(struct sandbox *s, int tell, const int go[2])
{
    const struct warm_template *t = s->warm;
    struct told told = {0};
    struct clone_args args = {.flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
                                       CLONE_NEWNET | CLONE_PARENT | CLONE_CLEAR_SIGHAND};
    bool ready = s->identity.rootless
                     ? setns(t->userns_fd, CLONE_NEWUSER) == 0
                     : syscall(SYS_setgroups, 0, NULL) == 0 && syscall(SYS_setresgid, t->uid, t->uid, t->uid) == 0 &&
                           syscall(SYS_setresuid, t->uid, t->uid, t->uid) == 0;
    close(go[1]);
    long pid = ready ? syscall(SYS_clone3, &args, sizeof args) : -1;
    if (pid == 0) {
        close(tell);
        init_waits(s, go[0]);
    }
    told.pid = pid < 0 ? 0 : (int32_t)pid;
    told.os_errno = pid < 0 ? errno : 0;
    _exit(write(tell, &told, sizeof told) == sizeof told ? 0 : 1);
}

static int write_map(int proc_pid, const char *file, uid_t template, uid_t init, uid_t job)
{
    char text[96];
    int n = snprintf(text, sizeof text, "0 %u 1\n%u %u 1\n%u %u 1\n", template, init, init, job, job);
    AUTO_FD int fd = openat(proc_pid, file, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, (size_t)n) == n ? 0 : -1;
}

static int map_ids(const struct sandbox *s, pid_t init, struct err *e)
{
    char path[32];
    snprintf(path, sizeof path, "%d", init);
    AUTO_FD int proc = openat(s->proc_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0 || write_map(proc, "uid_map", s->warm->uid, s->init_uid, s->job_uid) < 0 ||
        write_map(proc, "gid_map", s->warm->uid, s->init_uid, s->job_uid) < 0)
        return err_sys(e, "uid_map", NULL, "cannot map the ids of the run's user namespace");
    return 0;
}

pid_t warm_clone(struct sandbox *s, int *pidfd, struct err *e)
{
    int tell[2] = {-1, -1}, go[2] = {-1, -1};
    struct told told = {0};
    pid_t result = -1;
    if (pipe2(tell, O_CLOEXEC) < 0 || pipe2(go, O_CLOEXEC) < 0) {
        err_sys(e, "pipe", NULL, "cannot make the pipes of the sandbox's start");
        goto done;
    }
    pid_t child = fork();
    if (child == 0) {
        close(tell[0]);
        helper(s, tell[1], go);
    }
    if (child < 0) {
        err_sys(e, "fork", NULL, "cannot fork the helper that makes the sandbox");
        goto done;
    }
    fd_close_at(&tell[1]);
    ssize_t n;
    while ((n = read(tell[0], &told, sizeof told)) < 0 && errno == EINTR)
        ;
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    if (n != sizeof told || told.pid == 0) {
        errno = n == sizeof told ? told.os_errno : ECHILD;
        err_sys(e, "clone3", errno == ENOSPC ? "raise /proc/sys/user/max_user_namespaces" : NULL,
                "cannot make the namespaces of the sandbox");
        goto done;
    }
    /* Our child until we reap it: the number cannot be another's. */
    *pidfd = (int)syscall(SYS_pidfd_open, told.pid, 0);
    if (*pidfd < 0)
        err_sys(e, "pidfd_open", NULL, "cannot watch the sandbox");
    else if ((s->identity.rootless || map_ids(s, told.pid, e) == 0) && write(go[1], "g", 1) != 1)
        err_sys(e, "pipe", NULL, "cannot let the sandbox begin");
    if (e->kind == E_NONE) {
        result = told.pid;
    } else { /* it ends by the end of file of `go` */
        fd_close_at(&go[1]);
        fd_close_at(pidfd);
        while (waitpid(told.pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
done:
    for (int i = 0; i < 2; i++) {
        fd_close_at(&tell[i]);
        fd_close_at(&go[i]);
    }
    return result;
}
