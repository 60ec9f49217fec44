/*
 * priv_idmap.c - the user namespace behind id-mapped mounts: the lab's files appear, inside a run,
 * as the run's own (mount_setattr(2), kernel 5.12 for ext4 and xfs, 6.3 for tmpfs).
 *
 * A namespace needs a process to be born in: a child is cloned into it, waits, and is killed once
 * its maps are written and its namespace is open.
 */
#include "runner/sandbox.h"

#include "api/common/fault.h"
#include "api/common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int write_map(int proc_pid, const char *file, uint32_t inside, uint32_t outside)
{
    char text[48];
    int n = snprintf(text, sizeof text, "%u %u 1\n", inside, outside);
    AUTO_FD int fd = openat(proc_pid, file, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, text, (size_t)n) == n ? 0 : -1;
}

/* Holds nothing of the monitor's, and dies with it: a killed monitor must not go on in a child that keeps
 * its locks. */
_Noreturn static void wait_to_be_killed(pid_t monitor)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    syscall(SYS_close_range, 0, ~0U, 0);
    if (getppid() != monitor)
        _exit(1);
    for (;;)
        pause();
}

int idmap_open(uid_t from_uid, gid_t from_gid, uid_t to, int *out, struct err *e)
{
    char path[32];
    pid_t monitor = getpid();
    long child = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0)
        wait_to_be_killed(monitor);
    if (child < 0)
        return err_sys(e, "clone", "raise /proc/sys/user/max_user_namespaces",
                       "cannot make the user namespace of id-mapped mounts");
    (void)FAULT("idmap.child_waits"); /* a test kills us here */
    snprintf(path, sizeof path, "/proc/%ld", child);
    int ns = -1, failed;
    AUTO_FD int proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    /* In the kernel's terms: a file of `from` on disk is seen through the mount as owned by `to`. */
    if (proc < 0 || write_map(proc, "uid_map", from_uid, to) < 0 ||
        write_map(proc, "gid_map", from_gid, to) < 0 || (ns = openat(proc, "ns/user", O_RDONLY | O_CLOEXEC)) < 0)
        failed = err_sys(e, "uid_map", NULL, "cannot map uid %u to %u", from_uid, to);
    else
        failed = 0;
    kill((pid_t)child, SIGKILL);
    waitpid((pid_t)child, NULL, 0);
    *out = ns;
    return failed;
}
