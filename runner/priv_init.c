/*
 * priv_init.c - PID 1 of a sandbox: builds what the run sees, forks the job, then reaps without any
 * right left. Runs between clone and exec: no malloc, no locks. Everything it fails at is noted
 * on the set-up page; it then ends, and with it every process of the sandbox.
 */
#include "runner/sandbox.h"

#include "api/common/fd.h"
#include "runner/confine.h"
#include "runner/door.h"
#include "runner/terminal.h"
#include "runner/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HAND_ENDS_MS = 5000 };

/* Dies with the monitor: asked of the kernel, then checked, because the monitor may already be gone
 * (its end of the socket is closed then). The monitor has one thread, so the trap that the signal
 * is tied to the parent thread (bubblewrap#692) does not bite. */
static int guard(struct sandbox *s, enum setup_step step)
{
    char byte;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return setup_fail(s->setup, step, errno, NULL, "cannot tie the sandbox to its monitor");
    if (recv(s->handover, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0)
        _exit(1);
    return 0;
}

/* Rootless: the one uid we have becomes 0 in here, which owns these namespaces and nothing else. */
static int outer_map(struct sandbox *s)
{
    char uid[48], gid[48];
    snprintf(uid, sizeof uid, "0 %u 1\n", s->own_uid);
    snprintf(gid, sizeof gid, "0 %u 1\n", s->own_gid);
    if (sandbox_write_self(s, "self/setgroups", "deny") < 0 || sandbox_write_self(s, "self/uid_map", uid) < 0 ||
        sandbox_write_self(s, "self/gid_map", gid) < 0)
        return setup_fail(s->setup, STEP_USERNS_OUTER, errno,
                          "allow unprivileged user namespaces "
                          "(kernel.apparmor_restrict_unprivileged_userns=0), or run the lab as root",
                          "cannot map uid %u into the sandbox's user namespace", s->own_uid);
    setup_done(s->setup, STEP_USERNS_OUTER);
    return 0;
}

static int join_cgroups(struct sandbox *s)
{
    int failed = 0;
    if (s->warm) { /* not cloned by someone who may clone into it */
        for (size_t i = 0; i < CG_COUNT && !failed; i++)
            failed = s->join[i] >= 0 && write(s->join[i], "0", 1) != 1 ? errno : 0;
    } else if (s->cg->kind == CG_V1) {
        failed = cg_join_self(s->cg);
    }
    if (failed)
        return setup_fail(s->setup, STEP_CGROUP_JOIN, failed, NULL, "cannot enter the run's control group");
    setup_done(s->setup, STEP_CGROUP_JOIN);
    if (unshare(CLONE_NEWCGROUP) < 0)
        return setup_fail(s->setup, STEP_CGROUP_NAMESPACE, errno,
                          "raise /proc/sys/user/max_cgroup_namespaces", "cannot make the cgroup namespace");
    setup_done(s->setup, STEP_CGROUP_NAMESPACE);
    return 0;
}

/* Making a network namespace is a quarter of the least that a sandbox costs: the launcher keeps some
 * ready, each for one run. That it is another one than the monitor's is read back. */
static int enter_network(struct sandbox *s)
{
    struct stat before, after;
    if (s->netns_fd < 0) {
        setup_done(s->setup, STEP_NETWORK_NAMESPACE);
        return 0;
    }
    if (fstatat(s->proc_fd, "self/ns/net", &before, 0) < 0 || setns(s->netns_fd, CLONE_NEWNET) < 0 ||
        fstatat(s->proc_fd, "self/ns/net", &after, 0) < 0)
        return setup_fail(s->setup, STEP_NETWORK_NAMESPACE, errno, NULL, "cannot enter the network namespace");
    if (before.st_ino == after.st_ino)
        return setup_fail(s->setup, STEP_NETWORK_NAMESPACE, EINVAL, NULL, "the network namespace is the launcher's");
    setup_done(s->setup, STEP_NETWORK_NAMESPACE);
    return 0;
}

/* One ioctl: 127.0.0.1 and ::1 come by themselves when lo goes up. */
static int loopback_up(struct sandbox *s)
{
    if (s->profile->network != PROFILE_NETWORK_NONE) {
        struct ifreq req = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
        AUTO_FD int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &req) < 0)
            return setup_fail(s->setup, STEP_LOOPBACK, errno, NULL, "cannot bring lo up");
    }
    if (proxy_open(s) < 0)
        return -1;
    setup_done(s->setup, STEP_LOOPBACK);
    return 0;
}

static int name_host(struct sandbox *s)
{
    if (sethostname("enclos", 6) < 0 || setdomainname("(none)", 6) < 0)
        return setup_fail(s->setup, STEP_HOSTNAME, errno, NULL, "cannot set the host name");
    setup_done(s->setup, STEP_HOSTNAME);
    return 0;
}

/* ---- after the job is there ---- */

/* What a reaper needs: wait, tell on the shared page, end. The clock is a real call where the vDSO has none
 * (kernel 6.1 under an emulator). */
static int load_reaper_filter(void)
{
    static const unsigned short allowed[] = {SYS_wait4,        SYS_waitid, SYS_exit_group,      SYS_exit,
                                             SYS_rt_sigreturn, SYS_close,  SYS_restart_syscall, SYS_clock_gettime};
    return confine_to_calls(allowed, sizeof allowed / sizeof *allowed, SECCOMP_RET_KILL_PROCESS);
}

int sandbox_drop_rights(struct sandbox *s, enum setup_step step, const char *who)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    if (!s->identity.rootless && (syscall(SYS_setgroups, 0, NULL) < 0 ||
                         syscall(SYS_setresgid, s->init_uid, s->init_uid, s->init_uid) < 0 ||
                         syscall(SYS_setresuid, s->init_uid, s->init_uid, s->init_uid) < 0))
        return setup_fail(s->setup, step, errno, NULL, "%s cannot become uid %u", who, s->init_uid);
    if (syscall(SYS_capset, &header, none) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return setup_fail(s->setup, step, errno, NULL, "%s cannot drop its rights", who);
    return 0;
}

static int drop_rights(struct sandbox *s)
{
    if (sandbox_drop_rights(s, STEP_INIT_DROP, "init") < 0)
        return -1;
    if (guard(s, STEP_INIT_DROP) < 0) /* a change of uid cleared the death signal */
        return -1;
    if (syscall(SYS_close_range, 0, ~0U, 0) < 0 || load_reaper_filter() < 0)
        return setup_fail(s->setup, STEP_INIT_DROP, errno, NULL, "init cannot load its own filter");
    setup_done(s->setup, STEP_INIT_DROP);
    return 0;
}

/* Ends as soon as the job does: the kernel then kills whatever else is left in the namespace, so a
 * daemon that the program forked away neither survives nor delays the result. */
_Noreturn static void reap(struct sandbox *s, pid_t job)
{
    for (;;) {
        int status;
        struct rusage usage;
        pid_t pid = (pid_t)syscall(SYS_wait4, -1, &status, __WALL, &usage);
        if (pid == job) {
            s->setup->job_status = status;
            s->setup->job_usage = usage;
            __sync_synchronize();
            s->setup->job_ended = 1;
            syscall(SYS_exit_group, 0);
        }
        if (pid < 0 && errno != EINTR)
            syscall(SYS_exit_group, 1);
    }
}

/* With a pidfd for the monitor from the first instant: no pid that could be another's by then. */
static pid_t fork_job(struct sandbox *s)
{
    AUTO_FD int pidfd = -1;
    char kind = HANDOVER_JOB;
    struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)&pidfd, .exit_signal = SIGCHLD};
    pid_t job = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (job == 0)
        job_main(s);
    if (job < 0)
        return setup_fail(s->setup, STEP_CLONE_JOB, errno, "raise the limit on processes", "cannot fork the job");
    if (fd_send(s->handover, &kind, 1, &pidfd, 1) != 1)
        return setup_fail(s->setup, STEP_CLONE_JOB, errno, NULL, "cannot hand the job to the monitor");
    return job;
}

/* The job comes from a template and becomes our child. Unless the monitor says that it will not come: no
 * template has touched the run then, and the job is forked here as for any cold run. */
static pid_t await_job(struct sandbox *s)
{
    s->setup->init_ready = 1;
    warm_wake(&s->setup->init_ready);
    while (s->setup->job_pid == 0)
        warm_wait(&s->setup->job_pid, 0, -1);
    if (s->setup->job_pid == WARM_JOB_COLD)
        return fork_job(s);
    /* Ours once the hand that forked it has ended, which is all that it had left to do. */
    for (int i = 0; i < HAND_ENDS_MS * 10; i++) {
        siginfo_t info;
        if (waitid(P_PID, (id_t)s->setup->job_pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
            return (pid_t)s->setup->job_pid;
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    return setup_fail(s->setup, STEP_CLONE_JOB, ECHILD, "submit it again", "the job that the template made is not init's");
}

/* The job of a sandbox that is made ahead waits for the order beside init: what it gives up takes as long as all
 * that is left to do then. */
static pid_t start_ahead(struct sandbox *s, struct mounts *mounts)
{
    pid_t job = fork_job(s);
    return job < 0 || mounts_order(s, mounts) < 0 ? -1 : job;
}

static int hand_outputs(struct sandbox *s, struct mounts *m)
{
    char kind = HANDOVER_OUTPUTS;
    if (fd_send(s->handover, &kind, 1, &m->writable[WRITABLE_OUTPUTS], 1) != 1)
        return setup_fail(s->setup, STEP_CLONE_JOB, errno, NULL, "cannot hand /outputs to the monitor");
    close(m->root);
    for (int i = 0; i < WRITABLE_COUNT; i++)
        close(m->writable[i]);
    return 0;
}

_Noreturn void init_main(struct sandbox *s)
{
    struct mounts mounts;
    pid_t job = 0;
    sigset_t none;
    prctl(PR_SET_NAME, s->order ? SANDBOX_READY_NAME : "enclos-init", 0, 0, 0);
    /* The monitor reads some signals from a descriptor and has them blocked: the program must not. */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* The launcher is not dumpable, which would make /proc/self, and the maps in it, root's. */
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    close(s->handover_peer);
    if (guard(s, STEP_INIT_GUARD) < 0)
        _exit(1);
    setup_done(s->setup, STEP_INIT_GUARD);
    if ((s->identity.rootless && outer_map(s) < 0) || join_cgroups(s) < 0 || enter_network(s) < 0 ||
        loopback_up(s) < 0 || name_host(s) < 0 || mounts_build(s, &mounts) < 0)
        _exit(1);
    if (s->order && (job = start_ahead(s, &mounts)) < 0)
        _exit(1);
    if (hand_outputs(s, &mounts) < 0 || terminal_open(s) < 0 || (s->spec->interactive.connect && door_open(s) < 0))
        _exit(1);
    if (!s->order && (job = s->warm ? await_job(s) : fork_job(s)) < 0)
        _exit(1);
    setup_done(s->setup, STEP_CLONE_JOB);
    if (s->order) {
        __atomic_or_fetch(&s->setup->job_go, SETUP_GO_MOUNTS, __ATOMIC_SEQ_CST);
        warm_wake(&s->setup->job_go);
    }
    /* The monitor reads it until the end: from here on nobody else has it. The job loses it by execve. */
    run_order_unmap(s->order);
    s->order = NULL;
    s->spec = NULL;
    if (drop_rights(s) < 0)
        _exit(1);
    reap(s, job);
}
