/*
 * profile_const.c - the constants that profiles and records name. Numbers stand for what Debian 12's
 * headers lack; they are the kernel's ABI and never change.
 */
#include "runner/profile_const.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#define ROW(set, name)                                                                             \
    {                                                                                              \
        CONST_##set, #name, (uint64_t)(name)                                                       \
    }
#define NUM(set, name, value)                                                                      \
    {                                                                                              \
        CONST_##set, name, (value)                                                                 \
    }

const struct const_row const_rows[] = {
    ROW(FAMILY, AF_UNSPEC),
    ROW(FAMILY, AF_UNIX),
    ROW(FAMILY, AF_INET),
    ROW(FAMILY, AF_INET6),
    ROW(FAMILY, AF_NETLINK),
    ROW(FAMILY, AF_PACKET),
    ROW(FAMILY, AF_ALG),
    ROW(FAMILY, AF_VSOCK),
    ROW(FAMILY, AF_BLUETOOTH),
    ROW(FAMILY, AF_TIPC),
    ROW(FAMILY, AF_RDS),
    ROW(FAMILY, AF_KEY),
    ROW(FAMILY, AF_CAN),
    ROW(FAMILY, AF_X25),
    ROW(FAMILY, AF_AX25),
    ROW(FAMILY, AF_IPX),
    ROW(FAMILY, AF_APPLETALK),
    ROW(FAMILY, AF_PPPOX),
    ROW(FAMILY, AF_LLC),
    ROW(FAMILY, AF_NFC),
    ROW(FAMILY, AF_KCM),
    ROW(FAMILY, AF_QIPCRTR),
    NUM(FAMILY, "AF_IB", 27),
    NUM(FAMILY, "AF_SMC", 43),
    NUM(FAMILY, "AF_XDP", 44),
    NUM(FAMILY, "AF_MCTP", 45),

    ROW(SOCKTYPE, SOCK_STREAM),
    ROW(SOCKTYPE, SOCK_DGRAM),
    ROW(SOCKTYPE, SOCK_RAW),
    ROW(SOCKTYPE, SOCK_RDM),
    ROW(SOCKTYPE, SOCK_SEQPACKET),
    ROW(SOCKTYPE, SOCK_DCCP),
    ROW(SOCKTYPE, SOCK_PACKET),
    ROW(SOCKFLAG, SOCK_NONBLOCK),
    ROW(SOCKFLAG, SOCK_CLOEXEC),
    ROW(PROTOCOL, IPPROTO_ICMP),
    ROW(PROTOCOL, IPPROTO_TCP),
    ROW(PROTOCOL, IPPROTO_UDP),
    ROW(PROTOCOL, IPPROTO_ICMPV6),
    ROW(PROTOCOL, IPPROTO_SCTP),
    ROW(PROTOCOL, IPPROTO_UDPLITE),
    ROW(PROTOCOL, IPPROTO_RAW),
    NUM(PROTOCOL, "IPPROTO_SMC", 256),
    NUM(PROTOCOL, "IPPROTO_MPTCP", 262),
    NUM(NETLINK, "NETLINK_ROUTE", 0),
    NUM(NETLINK, "NETLINK_SOCK_DIAG", 4),
    NUM(NETLINK, "NETLINK_XFRM", 6),
    NUM(NETLINK, "NETLINK_AUDIT", 9),
    NUM(NETLINK, "NETLINK_CONNECTOR", 11),
    NUM(NETLINK, "NETLINK_NETFILTER", 12),
    NUM(NETLINK, "NETLINK_KOBJECT_UEVENT", 15),
    NUM(NETLINK, "NETLINK_GENERIC", 16),
    NUM(NETLINK, "NETLINK_CRYPTO", 21),

    ROW(CLONE, CLONE_NEWTIME),
    ROW(CLONE, CLONE_NEWNS),
    ROW(CLONE, CLONE_NEWCGROUP),
    ROW(CLONE, CLONE_NEWUTS),
    ROW(CLONE, CLONE_NEWIPC),
    ROW(CLONE, CLONE_NEWUSER),
    ROW(CLONE, CLONE_NEWPID),
    ROW(CLONE, CLONE_NEWNET),

    ROW(IOCTL, TCGETS),
    ROW(IOCTL, TCSETS),
    ROW(IOCTL, TCSETSW),
    ROW(IOCTL, TCSETSF),
    ROW(IOCTL, TIOCGWINSZ),
    ROW(IOCTL, TIOCSWINSZ),
    ROW(IOCTL, TIOCGPGRP),
    ROW(IOCTL, TIOCSPGRP),
    ROW(IOCTL, TIOCSTI),
    ROW(IOCTL, TIOCLINUX),
    ROW(IOCTL, TIOCSETD),
    ROW(IOCTL, TIOCCONS),
    ROW(IOCTL, TIOCSCTTY),
    ROW(IOCTL, TIOCNOTTY),
    ROW(IOCTL, TIOCGPTN),
    ROW(IOCTL, TIOCSPTLCK),
    ROW(IOCTL, TIOCOUTQ),
    ROW(IOCTL, TIOCGPTPEER),
    ROW(IOCTL, TIOCGPTLCK),
    ROW(IOCTL, TIOCGSID),
    ROW(IOCTL, TIOCEXCL),
    ROW(IOCTL, TIOCNXCL),
    ROW(IOCTL, TIOCPKT),
    ROW(IOCTL, TCFLSH),
    ROW(IOCTL, TCXONC),
    ROW(IOCTL, TCSBRK),
    ROW(IOCTL, TCSBRKP),
    NUM(IOCTL, "TCSETS2", 0x402c542b),
    NUM(IOCTL, "TCSETSW2", 0x402c542c),
    NUM(IOCTL, "TCSETSF2", 0x402c542d),
    NUM(IOCTL, "TCGETS2", 0x802c542a),
    ROW(IOCTL, FIONREAD),
    ROW(IOCTL, FIONBIO),
    ROW(IOCTL, FIOCLEX),
    ROW(IOCTL, FIONCLEX),
    ROW(IOCTL, FIOASYNC),
    ROW(IOCTL, FIOQSIZE),
    ROW(IOCTL, FICLONE),
    ROW(IOCTL, FICLONERANGE),
    ROW(IOCTL, FIDEDUPERANGE),
    ROW(IOCTL, FIFREEZE),
    ROW(IOCTL, FITHAW),
    ROW(IOCTL, FITRIM),
    ROW(IOCTL, FIBMAP),
    ROW(IOCTL, FIGETBSZ),
    NUM(IOCTL, "FS_IOC_FIEMAP", 0xc020660b),
    ROW(IOCTL, FS_IOC_GETFLAGS),
    ROW(IOCTL, FS_IOC_SETFLAGS),
    ROW(IOCTL, FS_IOC_GETVERSION),
    ROW(IOCTL, FS_IOC_FSGETXATTR),
    ROW(IOCTL, FS_IOC_FSSETXATTR),
    ROW(IOCTL, BLKGETSIZE64),
    ROW(IOCTL, BLKSSZGET),
    ROW(IOCTL, SIOCGIFNAME),
    ROW(IOCTL, SIOCGIFCONF),
    ROW(IOCTL, SIOCGIFFLAGS),
    ROW(IOCTL, SIOCSIFFLAGS),
    ROW(IOCTL, SIOCGIFADDR),
    ROW(IOCTL, SIOCSIFADDR),
    ROW(IOCTL, SIOCGIFDSTADDR),
    ROW(IOCTL, SIOCGIFBRDADDR),
    ROW(IOCTL, SIOCGIFNETMASK),
    ROW(IOCTL, SIOCGIFMETRIC),
    ROW(IOCTL, SIOCGIFMTU),
    ROW(IOCTL, SIOCSIFMTU),
    ROW(IOCTL, SIOCGIFHWADDR),
    ROW(IOCTL, SIOCGIFINDEX),
    ROW(IOCTL, SIOCGIFTXQLEN),
    ROW(IOCTL, SIOCGIFMAP),
    ROW(IOCTL, SIOCETHTOOL),
    ROW(IOCTL, SIOCADDRT),

    ROW(PRCTL, PR_SET_PDEATHSIG),
    ROW(PRCTL, PR_GET_PDEATHSIG),
    ROW(PRCTL, PR_GET_DUMPABLE),
    ROW(PRCTL, PR_SET_DUMPABLE),
    ROW(PRCTL, PR_GET_UNALIGN),
    ROW(PRCTL, PR_SET_UNALIGN),
    ROW(PRCTL, PR_GET_KEEPCAPS),
    ROW(PRCTL, PR_SET_KEEPCAPS),
    ROW(PRCTL, PR_GET_TIMING),
    ROW(PRCTL, PR_SET_TIMING),
    ROW(PRCTL, PR_SET_NAME),
    ROW(PRCTL, PR_GET_NAME),
    ROW(PRCTL, PR_GET_SECCOMP),
    ROW(PRCTL, PR_SET_SECCOMP),
    ROW(PRCTL, PR_CAPBSET_READ),
    ROW(PRCTL, PR_CAPBSET_DROP),
    ROW(PRCTL, PR_GET_TSC),
    ROW(PRCTL, PR_SET_TSC),
    ROW(PRCTL, PR_GET_SECUREBITS),
    ROW(PRCTL, PR_SET_SECUREBITS),
    ROW(PRCTL, PR_SET_TIMERSLACK),
    ROW(PRCTL, PR_GET_TIMERSLACK),
    ROW(PRCTL, PR_TASK_PERF_EVENTS_DISABLE),
    ROW(PRCTL, PR_TASK_PERF_EVENTS_ENABLE),
    ROW(PRCTL, PR_MCE_KILL),
    ROW(PRCTL, PR_MCE_KILL_GET),
    ROW(PRCTL, PR_SET_MM),
    ROW(PRCTL, PR_SET_PTRACER),
    ROW(PRCTL, PR_SET_CHILD_SUBREAPER),
    ROW(PRCTL, PR_GET_CHILD_SUBREAPER),
    ROW(PRCTL, PR_SET_NO_NEW_PRIVS),
    ROW(PRCTL, PR_GET_NO_NEW_PRIVS),
    ROW(PRCTL, PR_GET_TID_ADDRESS),
    ROW(PRCTL, PR_SET_THP_DISABLE),
    ROW(PRCTL, PR_GET_THP_DISABLE),
    ROW(PRCTL, PR_CAP_AMBIENT),
    ROW(PRCTL, PR_GET_SPECULATION_CTRL),
    ROW(PRCTL, PR_SET_SPECULATION_CTRL),
    ROW(PRCTL, PR_SET_IO_FLUSHER),
    ROW(PRCTL, PR_GET_IO_FLUSHER),
    ROW(PRCTL, PR_SET_SYSCALL_USER_DISPATCH),
    ROW(PRCTL, PR_SCHED_CORE),
    NUM(PRCTL, "PR_SET_MDWE", 65),
    NUM(PRCTL, "PR_GET_MDWE", 66),
    NUM(PRCTL, "PR_SET_MEMORY_MERGE", 67),
    NUM(PRCTL, "PR_GET_MEMORY_MERGE", 68),
    NUM(PRCTL, "PR_SET_VMA", 0x53564d41),
    NUM(PRCTL, "PR_GET_AUXV", 0x41555856),

    ROW(FCNTL, F_DUPFD),
    ROW(FCNTL, F_GETFD),
    ROW(FCNTL, F_SETFD),
    ROW(FCNTL, F_GETFL),
    ROW(FCNTL, F_SETFL),
    ROW(FCNTL, F_GETLK),
    ROW(FCNTL, F_SETLK),
    ROW(FCNTL, F_SETLKW),
    ROW(FCNTL, F_OFD_GETLK),
    ROW(FCNTL, F_OFD_SETLK),
    ROW(FCNTL, F_OFD_SETLKW),
    ROW(FCNTL, F_SETOWN),
    ROW(FCNTL, F_GETOWN),
    ROW(FCNTL, F_SETSIG),
    ROW(FCNTL, F_GETSIG),
    ROW(FCNTL, F_SETOWN_EX),
    ROW(FCNTL, F_GETOWN_EX),
    ROW(FCNTL, F_SETLEASE),
    ROW(FCNTL, F_GETLEASE),
    ROW(FCNTL, F_NOTIFY),
    ROW(FCNTL, F_DUPFD_CLOEXEC),
    ROW(FCNTL, F_SETPIPE_SZ),
    ROW(FCNTL, F_GETPIPE_SZ),
    ROW(FCNTL, F_ADD_SEALS),
    ROW(FCNTL, F_GET_SEALS),
    ROW(FCNTL, F_GET_RW_HINT),
    ROW(FCNTL, F_SET_RW_HINT),
    ROW(FCNTL, F_GET_FILE_RW_HINT),
    ROW(FCNTL, F_SET_FILE_RW_HINT),
    NUM(FCNTL, "F_GETOWNER_UIDS", 17),
    NUM(FCNTL, "F_DUPFD_QUERY", 1027),
    NUM(FCNTL, "F_CREATED_QUERY", 1028),

    ROW(PTRACE, PTRACE_TRACEME),
    ROW(PTRACE, PTRACE_PEEKTEXT),
    ROW(PTRACE, PTRACE_PEEKDATA),
    ROW(PTRACE, PTRACE_PEEKUSER),
    ROW(PTRACE, PTRACE_POKETEXT),
    ROW(PTRACE, PTRACE_POKEDATA),
    ROW(PTRACE, PTRACE_POKEUSER),
    ROW(PTRACE, PTRACE_CONT),
    ROW(PTRACE, PTRACE_KILL),
    ROW(PTRACE, PTRACE_SINGLESTEP),
    ROW(PTRACE, PTRACE_GETREGS),
    ROW(PTRACE, PTRACE_SETREGS),
    ROW(PTRACE, PTRACE_ATTACH),
    ROW(PTRACE, PTRACE_DETACH),
    ROW(PTRACE, PTRACE_SYSCALL),
    ROW(PTRACE, PTRACE_SETOPTIONS),
    ROW(PTRACE, PTRACE_GETREGSET),
    ROW(PTRACE, PTRACE_SEIZE),
    ROW(PTRACE, PTRACE_INTERRUPT),
    ROW(PTRACE, PTRACE_SECCOMP_GET_FILTER),

    ROW(PERSONALITY, UNAME26),
    ROW(PERSONALITY, ADDR_NO_RANDOMIZE),
    ROW(PERSONALITY, MMAP_PAGE_ZERO),
    ROW(PERSONALITY, ADDR_COMPAT_LAYOUT),
    ROW(PERSONALITY, READ_IMPLIES_EXEC),
    ROW(PERSONALITY, ADDR_LIMIT_32BIT),

    ROW(FILETYPE, S_IFMT),
    ROW(FILETYPE, S_IFREG),
    ROW(FILETYPE, S_IFIFO),
    ROW(FILETYPE, S_IFSOCK),
    ROW(FILETYPE, S_IFCHR),
    ROW(FILETYPE, S_IFBLK),
    ROW(FILETYPE, S_IFDIR),

    ROW(KEYCTL, KEYCTL_GET_KEYRING_ID),
    ROW(KEYCTL, KEYCTL_JOIN_SESSION_KEYRING),
    ROW(KEYCTL, KEYCTL_DESCRIBE),
    ROW(KEYCTL, KEYCTL_SEARCH),
    ROW(KEYCTL, KEYCTL_READ),
    ROW(KEYCTL, KEYCTL_LINK),
    ROW(KEYCTL, KEYCTL_SETPERM),

    ROW(BPF, BPF_MAP_CREATE),
    ROW(BPF, BPF_PROG_LOAD),
    ROW(BPF, BPF_OBJ_PIN),
    ROW(BPF, BPF_OBJ_GET),
    ROW(BPF, BPF_BTF_LOAD),

    ROW(CLOCK, CLOCK_REALTIME),
    ROW(CLOCK, CLOCK_MONOTONIC),
    ROW(CLOCK, CLOCK_BOOTTIME),
};
const size_t const_row_count = sizeof const_rows / sizeof const_rows[0];

static bool find(const char *name, size_t len, uint64_t *out)
{
    for (size_t i = 0; i < const_row_count; i++) {
        if (strlen(const_rows[i].name) == len && memcmp(const_rows[i].name, name, len) == 0) {
            *out = const_rows[i].value;
            return true;
        }
    }
    return false;
}

int const_value(const char *text, uint64_t *out, const char **bad, size_t *bad_len)
{
    uint64_t sum = 0;
    for (;;) {
        size_t len = strcspn(text, "|");
        uint64_t one;
        if (!find(text, len, &one)) {
            *bad = text;
            *bad_len = len;
            return -1;
        }
        sum |= one;
        if (text[len] == '\0')
            break;
        text += len + 1;
    }
    *out = sum;
    return 0;
}

const char *const_name(enum const_set set, uint64_t value)
{
    for (size_t i = 0; i < const_row_count; i++)
        if (const_rows[i].set == set && const_rows[i].value == value)
            return const_rows[i].name;
    return NULL;
}
