/*
 * priv_confine.c - launcher and monitor give up what they don't need. Before the first outside byte for the
 * launcher; for a monitor as soon as its sandbox is cloned, before that says anything.
 */
#include "runner/confine.h"

#include "runner/syscalls.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { X32_BIT = 0x40000000 };

/* `monitor`: kept by a monitor too, once its sandbox is cloned. */
static const struct {
    const char *why;
    cap_value_t cap;
    bool monitor;
} kept_capabilities[] = {
    {"namespaces, mounts, control groups", CAP_SYS_ADMIN, false},
    {"a run's own uid, id maps", CAP_SETUID, true},
    {"a run's own gid, id maps", CAP_SETGID, true},
    {"empties the job's bounding set", CAP_SETPCAP, false},
    {"stops a run, which has another uid", CAP_KILL, true},
    {"the upper layer of /work belongs to the run", CAP_CHOWN, false},
    {"overlay copies up files of the run", CAP_FOWNER, false},
    {"reads what a run left in /outputs", CAP_DAC_OVERRIDE, true},
    {"reads what a run left in /outputs", CAP_DAC_READ_SEARCH, true},
    {"brings a run's loopback up", CAP_NET_ADMIN, false},
    {"reads the path of a refused open (report_paths)", CAP_SYS_PTRACE, true},
    {"control files of the job's user namespace", CAP_SYS_RESOURCE, false},
    {"pivot_root into the run's root", CAP_SYS_CHROOT, false},
};

static int drop_to(bool monitor, struct err *e)
{
    enum { COUNT = sizeof kept_capabilities / sizeof *kept_capabilities };
    cap_value_t keep[COUNT];
    int count = 0, failed = 0;
    cap_t now = cap_get_proc(), want = cap_init();
    if (geteuid() != 0 || !now || !want)
        goto done;
    for (size_t i = 0; i < COUNT; i++) {
        cap_flag_value_t have = CAP_CLEAR;
        if ((kept_capabilities[i].monitor || !monitor) &&
            cap_get_flag(now, kept_capabilities[i].cap, CAP_PERMITTED, &have) == 0 && have == CAP_SET)
            keep[count++] = kept_capabilities[i].cap; /* containers and small hosts lack some */
    }
    for (cap_value_t c = 0; c <= cap_max_bits() && !failed; c++) {
        bool kept = false;
        for (int i = 0; i < count; i++)
            kept |= keep[i] == c;
        if (!kept && cap_get_bound(c) == 1 && cap_drop_bound(c) < 0)
            failed = err_sys(e, "capabilities", NULL, "cannot drop capability %d from the bounding set", c);
    }
    if (!failed && (cap_set_flag(want, CAP_PERMITTED, count, keep, CAP_SET) < 0 ||
                    cap_set_flag(want, CAP_EFFECTIVE, count, keep, CAP_SET) < 0 || cap_set_proc(want) < 0))
        failed = err_sys(e, "capabilities", NULL, "cannot drop capabilities");
done:
    cap_free(now);
    cap_free(want);
    return failed;
}

/*
 * The launcher's filter is inherited by all that it starts, and of several filters the strictest answer holds:
 * KILL > ERRNO > USER_NOTIF > TRACE > ALLOW. An ERRNO here would take a job's refused calls away from the
 * notification by which its record names them. TRACE is weaker than that and still no permission: without a
 * tracer that asked for it (none of ours can be traced by a run) the call is not made and gives ENOSYS.
 */
static int load_refusals(const unsigned *numbers, size_t count)
{
    struct sock_filter code[6 + CONFINE_CALLS_MAX + 2];
    size_t n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    /* The x32 table has the same calls under other numbers. */
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, (unsigned char)(count + 1), 0);
    for (size_t i = 0; i < count; i++)
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i], (unsigned char)(count - i), 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    struct sock_fprog prog = {.len = (unsigned short)n, .filter = code};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

static int load_launcher_filter(void)
{
    unsigned numbers[CONFINE_CALLS_MAX];
    size_t count = 0;
    for (int i = 0; i < syscalls_never_count; i++) {
#ifdef ENCLOS_TEST /* the leak sanitizer looks at its process through ptrace */
        if (syscalls_never[i].nr == SYS_ptrace)
            continue;
#endif
        if (count == CONFINE_CALLS_MAX) {
            errno = E2BIG;
            return -1;
        }
        numbers[count++] = (unsigned)syscalls_never[i].nr;
    }
    return load_refusals(numbers, count);
}

/* A template's runs have their mounts made by their own init, and Python imports without any of these. */
const unsigned confine_template_calls[] = {
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig,
    SYS_fsmount, SYS_fspick, SYS_mount_setattr, SYS_sethostname, SYS_setdomainname, SYS_process_vm_readv,
    SYS_name_to_handle_at, SYS_splice, SYS_tee, SYS_vmsplice,
};
const size_t confine_template_count = sizeof confine_template_calls / sizeof *confine_template_calls;

int confine_template(void)
{
    return load_refusals(confine_template_calls, confine_template_count);
}

int confine_launcher(struct err *e)
{
    if (drop_to(false, e) < 0)
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || load_launcher_filter() < 0)
        return err_sys(e, "seccomp", "the kernel needs CONFIG_SECCOMP_FILTER", "cannot load the launcher's filter");
    return 0;
}

/* What a monitor calls from its clone on, with what glibc calls for it. */
static const unsigned short monitor_calls[] = {
    /* the loop */
    SYS_epoll_wait, SYS_epoll_ctl, SYS_read, SYS_write, SYS_writev, SYS_recvmsg, SYS_ioctl, SYS_poll, SYS_fcntl,
    /* an interactive run: the lab's requests, and pairs of sockets, which lead nowhere else */
    SYS_accept4, SYS_getsockopt, SYS_sendmsg, SYS_sendto, SYS_recvfrom, SYS_socketpair,
    SYS_close, SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep, SYS_rt_sigreturn, SYS_restart_syscall,
    /* control groups, /proc, run folder */
    SYS_openat, SYS_openat2, SYS_pread64, SYS_lseek, SYS_newfstatat, SYS_fstat, SYS_statfs, SYS_fstatfs,
    SYS_getdents64, SYS_mkdirat, SYS_unlinkat, SYS_renameat, SYS_ftruncate, SYS_fdatasync, SYS_fsync, SYS_syncfs,
    SYS_sendfile, SYS_chmod, SYS_fchmod, SYS_fchmodat, SYS_rmdir, SYS_setfsuid, SYS_setfsgid,
    /* the run's processes */
    SYS_pidfd_send_signal, SYS_wait4, SYS_waitid, SYS_process_vm_readv, SYS_getpid, SYS_gettid, SYS_geteuid,
    /* memory and the end; `exec` forks once more to remove the groups */
    SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise, SYS_mprotect, SYS_futex, SYS_getrandom, SYS_clone,
    SYS_set_robust_list, SYS_setsid, SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_exit, SYS_exit_group,
};

int confine_to_calls(const unsigned short *calls, size_t count, unsigned otherwise)
{
    struct sock_filter code[4 + CONFINE_CALLS_MAX + 2];
    size_t n = 0;
    if (count > CONFINE_CALLS_MAX) {
        errno = E2BIG;
        return -1;
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < count; i++)
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i], (unsigned char)(count - i), 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, otherwise);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog prog = {.len = (unsigned short)n, .filter = code};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

int confine_monitor(struct err *e)
{
    if (drop_to(true, e) < 0)
        return -1;
#ifdef ENCLOS_TEST /* a sanitizer makes calls of its own */
    (void)monitor_calls;
    return 0;
#else
    /* An error and not the end: a call that the list forgot costs one message, not the run's record. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        confine_to_calls(monitor_calls, sizeof monitor_calls / sizeof *monitor_calls, SECCOMP_RET_ERRNO | EPERM) < 0)
        return err_sys(e, "seccomp", NULL, "cannot load the monitor's filter");
    return 0;
#endif
}
