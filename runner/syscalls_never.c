/*
 * syscalls_never.c - system calls that no process of the runner makes and no profile may allow.
 *
 * One table for three readers: the launcher's own filter (priv_confine.c), which every monitor, init and job
 * inherits; the profile loader, which refuses a profile that allows one; and the tests. A row must be needed by
 * none of launcher, monitor, init and job, and useful to no computation: what a rare program may want
 * (userfaultfd, mbind) is the profiles' business.
 */
#include "runner/syscalls.h"

#include <asm/unistd.h>
#include <stddef.h>

const struct syscalls_never syscalls_never[] = {
    {__NR_kexec_load, "another kernel"},
    {__NR_kexec_file_load, "another kernel"},
    {__NR_init_module, "code in the kernel"},
    {__NR_finit_module, "code in the kernel"},
    {__NR_delete_module, "code in the kernel"},
    {__NR_create_module, "code in the kernel"},
    {__NR_bpf, "programs in the kernel"},
    {__NR_perf_event_open, "sees other processes and the kernel"},
    {__NR_io_uring_setup, "does what a filter would see, unseen"},
    {__NR_io_uring_enter, "does what a filter would see, unseen"},
    {__NR_io_uring_register, "does what a filter would see, unseen"},
    {__NR_ptrace, "other processes"},
    {__NR_process_vm_writev, "other processes' memory"},
    {__NR_pidfd_getfd, "other processes' descriptors"},
    {__NR_kcmp, "tells where the kernel keeps things"},
    {__NR_open_by_handle_at, "files by number, past every folder (the leak of shocker.c)"},
    {__NR_fanotify_init, "sees and holds up other processes' opens"},
    {__NR_fanotify_mark, "sees and holds up other processes' opens"},
    {__NR_add_key, "keys are kept outside of namespaces"},
    {__NR_request_key, "starts a program of the host"},
    {__NR_reboot, "the machine"},
    {__NR_swapon, "the machine"},
    {__NR_swapoff, "the machine"},
    {__NR_acct, "the machine"},
    {__NR_quotactl, "the machine"},
    {__NR_quotactl_fd, "the machine"},
    {__NR_syslog, "the kernel's log"},
    {__NR_vhangup, "the terminal of the host"},
    {__NR_settimeofday, "the clock"},
    {__NR_clock_settime, "the clock"},
    {__NR_adjtimex, "the clock"},
    {__NR_clock_adjtime, "the clock"},
    {__NR_iopl, "hardware"},
    {__NR_ioperm, "hardware"},
    {__NR_modify_ldt, "16-bit segments: a history of holes"},
    {__NR_uselib, "obsolete"},
    {__NR__sysctl, "obsolete"},
    {__NR_nfsservctl, "obsolete"},
    {__NR_lookup_dcookie, "obsolete"},
    {__NR_ustat, "obsolete"},
    {__NR_sysfs, "obsolete"},
};
const int syscalls_never_count = sizeof syscalls_never / sizeof *syscalls_never;

bool syscalls_is_never(int nr)
{
    for (int i = 0; i < syscalls_never_count; i++)
        if (syscalls_never[i].nr == nr)
            return true;
    return false;
}
