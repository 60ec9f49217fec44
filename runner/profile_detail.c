/*
 * profile_detail.c - says in words what a refused call asked for.
 *
 * Called by the monitor for each kind of refused call. The arguments come from the job and mean
 * nothing until decoded: only numbers are read, no pointer is ever followed, nothing is allocated.
 */
#include "runner/profile.h"

#include "runner/profile_const.h"
#include <asm/unistd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct text {
    char *at;
    size_t left; /* with the NUL */
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(t->at, t->left, fmt, args);
    va_end(args);
    size_t step = n < 0 ? 0 : (size_t)n < t->left ? (size_t)n : t->left - 1;
    t->at += step;
    t->left -= step;
}

static void say_value(struct text *t, enum const_set set, uint64_t value)
{
    const char *name = const_name(set, value);
    if (name != NULL)
        say(t, "%s", name);
    else
        say(t, "0x%llx", (unsigned long long)value);
}

/* Names of the bits, without their common prefix when `skip` is longer than 0. */
static void say_bits(struct text *t, enum const_set set, uint64_t value, size_t skip)
{
    const char *bar = "";
    for (size_t i = 0; i < const_row_count; i++) {
        if (const_rows[i].set != set || const_rows[i].value == 0 ||
            (value & const_rows[i].value) != const_rows[i].value)
            continue;
        say(t, "%s%s", bar, const_rows[i].name + skip);
        value &= ~const_rows[i].value;
        bar = "|";
    }
    if (value != 0 && *bar == '\0')
        say(t, "0x%llx", (unsigned long long)value);
}

/* Namespaces that a clone, unshare or setns asks for; other flags say nothing to people. */
static void say_namespaces(struct text *t, uint64_t flags)
{
    uint64_t asked = 0;
    for (size_t i = 0; i < const_row_count; i++)
        if (const_rows[i].set == CONST_CLONE)
            asked |= flags & const_rows[i].value;
    if (asked != 0)
        say_bits(t, CONST_CLONE, asked, strlen("CLONE_"));
}

static void say_socket(struct text *t, const uint64_t args[6])
{
    uint32_t family = (uint32_t)args[0];
    uint32_t type = (uint32_t)args[1] & ~(uint32_t)(SOCK_NONBLOCK | SOCK_CLOEXEC);
    uint32_t protocol = (uint32_t)args[2];
    say_value(t, CONST_FAMILY, family);
    say(t, ", ");
    say_value(t, CONST_SOCKTYPE, type);
    if (family == AF_NETLINK || (protocol != 0 && (family == AF_INET || family == AF_INET6))) {
        say(t, ", ");
        say_value(t, family == AF_NETLINK ? CONST_NETLINK : CONST_PROTOCOL, protocol);
    } else if (protocol != 0) {
        say(t, ", protocol %u", protocol);
    }
}

static void say_node(struct text *t, uint64_t mode, uint64_t device)
{
    const char *kind = S_ISCHR(mode & S_IFMT)   ? "character device"
                       : S_ISBLK(mode & S_IFMT) ? "block device"
                                                : NULL;
    if (kind == NULL) {
        say_value(t, CONST_FILETYPE, mode & S_IFMT);
        return;
    }
    dev_t dev = (dev_t)(uint32_t)device;
    say(t, "%s %u:%u", kind, major(dev), minor(dev));
}

/* "PROT_WRITE|PROT_EXEC" */
static void say_protection(struct text *t, uint64_t prot)
{
    static const char *const names[] = {"PROT_READ", "PROT_WRITE", "PROT_EXEC"};
    const char *bar = "";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((prot & (UINT64_C(1) << i)) != 0) {
            say(t, "%s%s", bar, names[i]);
            bar = "|";
        }
}

/* Of linux/mempolicy.h, without the mode's flags. */
static void say_policy(struct text *t, uint64_t mode)
{
    static const char *const names[] = {"MPOL_DEFAULT", "MPOL_PREFERRED", "MPOL_BIND",
                                        "MPOL_INTERLEAVE", "MPOL_LOCAL"};
    uint32_t plain = (uint32_t)mode & 0xFF;
    if (plain < sizeof names / sizeof *names)
        say(t, "%s", names[plain]);
    else
        say(t, "policy %u", plain);
}

static void say_lock(struct text *t, uint64_t operation)
{
    uint32_t plain = (uint32_t)operation & ~(uint32_t)LOCK_NB;
    say(t, "%s",
        plain == LOCK_SH   ? "LOCK_SH"
        : plain == LOCK_EX ? "LOCK_EX"
        : plain == LOCK_UN ? "LOCK_UN"
                           : "?");
}

static void say_u32(struct text *t, enum const_set set, uint64_t value)
{
    say_value(t, set, (uint32_t)value);
}

void profile_detail(int nr, const uint64_t args[6], char *detail, size_t detail_size)
{
    struct text t = {.at = detail, .left = detail_size};
    if (detail_size == 0)
        return;
    detail[0] = '\0';
    switch (nr) {
    case __NR_socket:
    case __NR_socketpair: say_socket(&t, args); break;
    case __NR_clone:
    case __NR_unshare: say_namespaces(&t, args[0]); break;
    case __NR_setns: say_namespaces(&t, args[1]); break;
    case __NR_prctl: say_u32(&t, CONST_PRCTL, args[0]); break;
    case __NR_arch_prctl: say(&t, "0x%x", (unsigned)args[0]); break;
    case __NR_ioctl: {
        const char *name = const_name(CONST_IOCTL, (uint32_t)args[1]);
        say(&t, "%s%s0x%x", name != NULL ? name : "", name != NULL ? " " : "", (unsigned)args[1]);
        break;
    }
    case __NR_fcntl: say_u32(&t, CONST_FCNTL, args[1]); break;
    case __NR_ptrace:
        say_u32(&t, CONST_PTRACE, args[0]);
        if ((int32_t)args[1] != 0)
            say(&t, ", process %d", (int32_t)args[1]);
        break;
    case __NR_process_vm_readv:
    case __NR_process_vm_writev:
    case __NR_kcmp:
    case __NR_migrate_pages:
    case __NR_move_pages: say(&t, "process %d", (int32_t)args[0]); break;
    case __NR_personality: say_bits(&t, CONST_PERSONALITY, (uint32_t)args[0], 0); break;
    case __NR_mknod: say_node(&t, args[1], args[2]); break;
    case __NR_mknodat: say_node(&t, args[2], args[3]); break;
    case __NR_setuid:
    case __NR_setfsuid: say(&t, "user %u", (unsigned)args[0]); break;
    case __NR_setgid:
    case __NR_setfsgid: say(&t, "group %u", (unsigned)args[0]); break;
    case __NR_setreuid:
    case __NR_setregid: say(&t, "%d, %d", (int32_t)args[0], (int32_t)args[1]); break;
    case __NR_setresuid:
    case __NR_setresgid:
        say(&t, "%d, %d, %d", (int32_t)args[0], (int32_t)args[1], (int32_t)args[2]);
        break;
    case __NR_keyctl: say_u32(&t, CONST_KEYCTL, args[0]); break;
    case __NR_bpf: say_u32(&t, CONST_BPF, args[0]); break;
    case __NR_mmap:
    case __NR_mprotect:
    case __NR_pkey_mprotect: say_protection(&t, args[2]); break;
    case __NR_setsockopt:
        say(&t, "level %u, option %u", (unsigned)args[1], (unsigned)args[2]);
        break;
    case __NR_flock: say_lock(&t, args[1]); break;
    case __NR_mbind: say_policy(&t, args[2]); break;
    case __NR_set_mempolicy: say_policy(&t, args[0]); break;
    case __NR_io_uring_setup: say(&t, "%u entries", (unsigned)args[0]); break;
    case __NR_perf_event_open: say(&t, "process %d", (int32_t)args[1]); break;
    case __NR_sched_setscheduler: say(&t, "policy %u", (unsigned)args[1]); break;
    case __NR_clock_settime: say_u32(&t, CONST_CLOCK, args[0]); break;
    default: break;
    }
}
