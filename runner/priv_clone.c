/*
 * priv_clone.c - makes init: one clone3 with every namespace, straight into the run's v2 group.
 *
 * The cgroup namespace is not among the flags: its root is the group one is in when it is made, and
 * on v1 init only moves after the clone (crun excludes it for the same reason).
 */
#include "runner/sandbox.h"

#include <errno.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif

struct run_order *run_order_map(struct err *e)
{
    struct run_order *o = mmap(NULL, sizeof *o, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (o == MAP_FAILED) {
        err_sys(e, NULL, NULL, "cannot map the order of the sandbox");
        return NULL;
    }
    return o;
}

void run_order_unmap(struct run_order *o)
{
    if (o)
        munmap(o, sizeof *o);
}

static const char *clone_hint(const struct sandbox *s, int os_errno)
{
    if (!s->identity.rootless)
        return os_errno == ENOSPC ? "a limit in /proc/sys/user/max_*_namespaces is reached" : "";
    if (os_errno == ENOSPC)
        return "raise /proc/sys/user/max_user_namespaces";
    if (os_errno == EPERM || os_errno == EACCES)
        return "user namespaces are refused here: set kernel.unprivileged_userns_clone=1 or "
               "kernel.apparmor_restrict_unprivileged_userns=0, or run the lab as root";
    return "";
}

pid_t sandbox_clone(struct sandbox *s, int *pidfd, struct err *e)
{
    struct clone_args args = {
        .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
    };
    if (s->identity.rootless)
        args.flags |= CLONE_NEWUSER;
    if (s->netns_fd < 0)
        args.flags |= CLONE_NEWNET;
    if (s->cg->kind == CG_V2) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (unsigned)s->cg->dir[CG_MEMORY];
    }
    long pid = syscall(SYS_clone3, &args, sizeof args);
    if (pid < 0)
        return err_sys(e, "clone3", clone_hint(s, errno), "cannot make the namespaces of the sandbox");
    if (pid == 0)
        init_main(s);
    return (pid_t)pid;
}
