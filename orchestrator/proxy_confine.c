/*
 * proxy_confine.c - seccomp by hand (enclosd links no libseccomp), then Landlock as a second wall.
 *
 * A call that no row names gets EPERM and not death: a C library that is newer than this table then fails in
 * its own way instead of taking the proxy with it. Another architecture's entry kills.
 */
#include "orchestrator/proxy_confine.h"
#include "api/common/fd.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- system calls ---- */

enum { R = 1 << PROXY_RELAY, J = 1 << PROXY_JUDGE, N = 1 << PROXY_RESOLVER };

static const struct {
    unsigned short nr;
    unsigned char roles;
    const char *why;
} calls[] = {
    {SYS_read, R | J | N, "bytes of the run and of servers; files of the resolver"},
    {SYS_write, R | J | N, "bytes; an error message"},
    {SYS_recvmsg, R | J | N, "packets, with sockets in them"},
    {SYS_sendmsg, R | J | N, "packets, with sockets in them"},
    {SYS_recvfrom, R | J | N, "packets; answers of the kernel's routes and of DNS"},
    {SYS_sendto, R | J | N, "packets; questions to them"},
    {SYS_poll, R | J | N, "the loop"},
    {SYS_ppoll, R | J | N, "the loop"},
    {SYS_close, R | J | N, "what is over"},
    {SYS_clock_gettime, R | J | N, "deadlines"},
    {SYS_brk, R | J | N, "memory"},
    {SYS_mmap, R | J | N, "memory; the resolver's modules"},
    {SYS_munmap, R | J | N, "memory"},
    {SYS_mremap, R | J | N, "memory"},
    {SYS_madvise, R | J | N, "memory"},
    {SYS_futex, R | J | N, "the C library's locks"},
    {SYS_getrandom, R | J | N, "the C library's heap; numbers of DNS questions"},
    {SYS_rt_sigreturn, R | J | N, "signals"},
    {SYS_restart_syscall, R | J | N, "signals"},
    {SYS_exit, R | J | N, "the end"},
    {SYS_exit_group, R | J | N, "the end"},
    {SYS_accept4, R, "connections of the run"},
    {SYS_shutdown, R | J, "one direction is over"},
    {SYS_socket, J | N, "a connection that was judged; a question to DNS"},
    {SYS_connect, J | N, "likewise"},
    {SYS_getsockopt, J | N, "whether a connection came to be"},
    {SYS_fcntl, J | N, "a socket that does not block"},
    {SYS_setsockopt, N, "DNS"},
    {SYS_bind, N, "DNS; the C library asks for the addresses that there are"},
    {SYS_getsockname, N, "sorts addresses by where they are dialled from"},
    {SYS_getpeername, N, "likewise"},
    {SYS_sendmmsg, N, "two questions at once"},
    {SYS_ioctl, N, "how long an answer is"},
    {SYS_openat, N, "/etc/hosts and its like"},
    {SYS_newfstatat, N, "likewise"},
    {SYS_fstat, N, "likewise"},
    {SYS_statx, N, "likewise"},
    {SYS_lseek, N, "likewise"},
    {SYS_pread64, N, "modules of the C library"},
    {SYS_mprotect, N, "modules of the C library"},
    {SYS_access, N, "modules of the C library"},
    {SYS_uname, N, "the host's name"},
    {SYS_getpid, N, "DNS"},
    {SYS_gettid, N, "DNS"},
    {SYS_geteuid, N, "modules of the C library"},
    {SYS_getuid, N, "modules of the C library"},
    {SYS_clone, N, "each lookup is a process, so that a slow one delays no other"},
    {SYS_set_robust_list, N, "likewise"},
    {SYS_rseq, N, "likewise"},
    {SYS_alarm, N, "a lookup ends after its time"},
    {SYS_setitimer, N, "likewise"},
    {SYS_rt_sigprocmask, N, "likewise"},
    {SYS_rt_sigaction, N, "likewise"},
};
enum { CALL_COUNT = sizeof calls / sizeof *calls };

#define STMT(code, k) ((struct sock_filter)BPF_STMT(code, k))
#define JUMP(code, k, yes, no) ((struct sock_filter)BPF_JUMP(code, k, yes, no))

static int load_filter(enum proxy_role role)
{
    struct sock_filter f[2 * CALL_COUNT + 16];
    size_t n = 0;
    f[n++] = STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    f[n++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    f[n++] = STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    f[n++] = STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    /* Only the resolver loads code: memory of the others is never made executable. */
    if (role != PROXY_RESOLVER) {
        f[n++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 4);
        f[n++] = STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]));
        f[n++] = JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1);
        f[n++] = STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
        f[n++] = STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    }
    for (size_t i = 0; i < CALL_COUNT; i++)
        if (calls[i].roles & (1U << role)) {
            f[n++] = JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].nr, 0, 1);
            f[n++] = STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        }
    f[n++] = STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    const struct sock_fprog prog = {.len = (unsigned short)n, .filter = f};
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

/* ---- files and ports ---- */

enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446, VERSION = 1, PATH_BENEATH = 1 };
enum {
    FS_EXECUTE = 1 << 0,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    NET_BIND = 1 << 0,
    NET_CONNECT = 1 << 1
};

struct ruleset_attr {
    uint64_t fs, net;
};
struct path_attr {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

static uint64_t all_fs(long abi)
{
    return abi >= 5   ? (1 << 16) - 1
           : abi >= 3 ? (1 << 15) - 1
           : abi == 2 ? (1 << 14) - 1
                      : (1 << 13) - 1;
}

static int allow_reading(int ruleset, const char *path, bool file)
{
    AUTO_FD int fd = open(path, O_PATH | O_CLOEXEC);
    struct path_attr attr = {
        .allowed = file ? FS_READ_FILE : FS_READ_FILE | FS_READ_DIR | FS_EXECUTE, .parent = fd};
    if (fd < 0) /* not on every host */
        return errno == ENOENT || errno == EACCES ? 0 : -1;
    return (int)syscall(ADD_RULE, ruleset, PATH_BENEATH, &attr, 0);
}

/* Not the file itself, so that another of that name may take its place. */
static int allow_folder_of(int ruleset, const char *file)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(file, '/');
    size_t len = slash && slash > file ? (size_t)(slash - file) : 1;
    if (len >= sizeof folder)
        return -1;
    memcpy(folder, file, len);
    folder[len] = 0;
    return allow_reading(ruleset, folder, false);
}

static int load_landlock(enum proxy_role role, const char *hosts)
{
    static const char *const read[] = {"/etc",
                                       "/usr/lib",
                                       "/lib",
                                       "/lib64",
                                       "/run/systemd/resolve",
                                       "/run/resolvconf",
                                       "/run/NetworkManager"};
    long abi = syscall(CREATE_RULESET, NULL, 0, VERSION);
    if (abi <= 0)
        return abi == 0 || errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -1;
    struct ruleset_attr attr = {.fs = all_fs(abi)};
    if (abi >= 4 && role != PROXY_RESOLVER) /* which may ask a DNS server by TCP */
        attr.net = role == PROXY_RELAY ? NET_BIND | NET_CONNECT : NET_BIND;
    AUTO_FD int ruleset =
        (int)syscall(CREATE_RULESET, &attr, abi >= 4 ? sizeof attr : sizeof attr.fs, 0);
    if (ruleset < 0)
        return -1;
    for (size_t i = 0; role == PROXY_RESOLVER && i < sizeof read / sizeof *read; i++)
        if (allow_reading(ruleset, read[i], false) < 0)
            return -1;
    char real[PATH_MAX];
    if (role == PROXY_RESOLVER &&
        ((hosts && allow_folder_of(ruleset, hosts) < 0) ||
         (realpath("/etc/resolv.conf", real) && allow_folder_of(ruleset, real) < 0)))
        return -1;
    return (int)syscall(RESTRICT_SELF, ruleset, 0);
}

int proxy_confine(enum proxy_role role, const char *hosts, struct err *e)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return err_sys(e, NULL, NULL, "cannot give up rights");
#ifdef ENCLOS_TEST /* a sanitizer makes calls of its own, and reads /proc */
    (void)load_landlock;
    (void)load_filter;
    (void)role;
    (void)hosts;
#else
    if (load_landlock(role, hosts) < 0)
        return err_sys(e, NULL, NULL, "cannot load Landlock's rules");
    if (load_filter(role) < 0)
        return err_sys(e, NULL, NULL, "cannot load the filter");
#endif
    return 0;
}
