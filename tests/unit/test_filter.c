/*
 * test_filter.c - the compiled filter, in the kernel and beside it.
 *
 * A child installs the real program and does things; the test is its monitor: it answers each
 * notified call as the runner would and writes it down.
 */
#include "tests/unit/unit.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include "runner/filter.h"
#include "runner/profile.h"
#include "runner/profile_rules.h"
#include "runner/syscalls.h"
#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#define PROFILES "sandbox-profiles"

static struct profile *base, *python, *strict;

static int load_all(void **state)
{
    (void)state;
    struct err e = {0};
    OK(profile_load(PROFILES, "base", -1, &base, &e), e);
    OK(profile_load(PROFILES, "python", -1, &python, &e), e);
    OK(profile_load(PROFILES, "strict", -1, &strict, &e), e);
    return 0;
}

static int free_all(void **state)
{
    (void)state;
    profile_free(base);
    profile_free(python);
    profile_free(strict);
    return 0;
}

/* ---- a child under a profile, and its monitor ---- */

enum { SEEN_MAX = 64 };

struct seen {
    int status; /* as waitpid gives it */
    size_t count;
    struct {
        int nr;
        int os_errno;
        unsigned times;
        char detail[128];
    } call[SEEN_MAX];
};

static void note(struct seen *s, int nr, int os_errno, const char *detail)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->call[i].nr == nr && strcmp(s->call[i].detail, detail) == 0) {
            s->call[i].times++;
            return;
        }
    }
    assert_true(s->count < SEEN_MAX);
    s->call[s->count].nr = nr;
    s->call[s->count].os_errno = os_errno;
    s->call[s->count].times = 1;
    snprintf(s->call[s->count++].detail, sizeof s->call[0].detail, "%s", detail);
}

static void answer(int listener, const struct profile *p, struct seen *s)
{
    struct seccomp_notif in;
    struct seccomp_notif_resp out;
    memset(&in, 0, sizeof in);
    memset(&out, 0, sizeof out);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &in) < 0)
        return; /* its caller is gone */
    uint64_t args[6];
    char detail[128];
    for (int i = 0; i < 6; i++)
        args[i] = in.data.args[i];
    int os_errno = profile_refusal(p, in.data.nr, args, detail, sizeof detail);
    out.id = in.id;
    out.error = -os_errno;
    if (os_errno == 0)
        out.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE; /* a path that is only reported */
    (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &out);
    note(s, in.data.nr, os_errno, detail);
}

static void confine(const struct profile_filter *f, int sock)
{
    struct sock_fprog program = {.len = f->count, .filter = f->code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        _exit(101);
    long listener =
        syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    int fd = (int)listener;
    if (listener < 0 || fd_send(sock, "x", 1, &fd, 1) != 1)
        _exit(102);
    close(fd);
    close(sock);
}

/* Runs `job` (its value is the exit status) or `argv` under a program, 120 s at most. */
static void under(const struct profile *p, bool report_paths, int (*job)(void), char *const *argv,
                  struct seen *s)
{
    int pair[2];
    memset(s, 0, sizeof *s);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(pair[0]);
        confine(report_paths ? &p->filter_paths : &p->filter, pair[1]);
        if (argv != NULL) {
            execv(argv[0], argv);
            _exit(103);
        }
        _exit(job());
    }
    close(pair[1]);
    char byte;
    int listener = -1;
    size_t fd_count = 1;
    ssize_t got = fd_recv(pair[0], &byte, 1, &listener, &fd_count);
    close(pair[0]);
    assert_int_equal(got, 1);
    int pidfd = (int)syscall(__NR_pidfd_open, pid, 0);
    assert_true(pidfd >= 0);
    struct pollfd watch[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
    time_t deadline = time(NULL) + 120;
    while ((watch[0].revents & POLLIN) == 0) {
        if (time(NULL) > deadline) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
            fail_msg("the child did not end in 120 s");
        }
        poll(watch, 2, 1000);
        if ((watch[1].revents & POLLIN) != 0)
            answer(listener, p, s);
        if ((watch[1].revents & POLLHUP) != 0)
            watch[1].fd = -1;
    }
    waitpid(pid, &s->status, 0);
    close(pidfd);
    close(listener);
}

static void expect_exit(const struct seen *s, int code)
{
    if (!WIFEXITED(s->status) || WEXITSTATUS(s->status) != code)
        fail_msg("status 0x%x instead of exit %d", (unsigned)s->status, code);
}

/* A row of a table of calls: what it must answer. */
struct
try {
    const char *what; /* detail, as recorded; NULL: not notified */
    long nr;
    int want; /* errno; 0: passes or fails for another reason than the filter (`other`) */
    uint64_t a[5];
};

static const struct try *tries;
static size_t try_count;

static int run_tries(void)
{
    for (size_t i = 0; i < try_count; i++) {
        const struct try *t = &tries[i];
        errno = 0;
        long rc = syscall(t->nr, t->a[0], t->a[1], t->a[2], t->a[3], t->a[4]);
        int got = rc < 0 ? errno : 0;
        if (got != t->want) {
            dprintf(2, "row %zu: %s(0x%llx, 0x%llx): errno %d, wanted %d\n", i,
                    syscalls_name((int)t->nr), (unsigned long long)t->a[0],
                    (unsigned long long)t->a[1], got, t->want);
            return 1;
        }
    }
    return 0;
}

static void expect_rows(const struct profile *p, const struct try *rows, size_t count)
{
    struct seen s;
    tries = rows;
    try_count = count;
    under(p, false, run_tries, NULL, &s);
    expect_exit(&s, 0);
    size_t notified = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].what == NULL)
            continue;
        bool found = false;
        for (size_t k = 0; k < s.count; k++)
            found |= s.call[k].nr == (int)rows[i].nr && s.call[k].os_errno == rows[i].want &&
                     strcmp(s.call[k].detail, rows[i].what) == 0;
        if (!found)
            fail_msg("row %zu: %s \"%s\" was not recorded", i, syscalls_name((int)rows[i].nr),
                     rows[i].what);
        notified++;
    }
    size_t seen = 0;
    for (size_t k = 0; k < s.count; k++)
        seen += s.call[k].times;
    if (seen != notified)
        fail_msg("%zu calls were notified instead of %zu", seen, notified);
}

#define HIGH (UINT64_C(1) << 32)

static void test_refused_calls_answer_and_say_what_they_were(void **state)
{
    (void)state;
    static const struct try rows[] = {
        /* A, B: namespaces, privilege, processes */
        {"NEWUSER", __NR_unshare, EPERM, {CLONE_NEWUSER}},
        {"NEWNS|NEWUSER", __NR_clone, EPERM, {CLONE_NEWNS | CLONE_NEWUSER | SIGCHLD}},
        {"NEWNET", __NR_clone, EPERM, {CLONE_NEWNET | SIGCHLD | HIGH}},
        {"NEWCGROUP", __NR_clone, EPERM, {CLONE_NEWCGROUP | SIGCHLD}},
        {NULL, __NR_clone3, ENOSYS, {0, 88}},
        {"NEWPID", __NR_setns, EPERM, {0, CLONE_NEWPID}},
        {"", __NR_mount, EPERM, {0}},
        {"", __NR_umount2, EPERM, {0}},
        {"", __NR_pivot_root, EPERM, {0}},
        {"", __NR_chroot, EPERM, {0}},
        {"", __NR_fsopen, EPERM, {0}},
        {"user 0", __NR_setuid, EPERM, {0}},
        {"0, 0, -1", __NR_setresuid, EPERM, {0, 0, 0xFFFFFFFF}},
        {"", __NR_setgroups, EPERM, {0}},
        {"", __NR_capset, EPERM, {0}},
        {"PR_CAP_AMBIENT", __NR_prctl, EPERM, {PR_CAP_AMBIENT, 2}},
        {"PR_SET_SECUREBITS", __NR_prctl, EPERM, {PR_SET_SECUREBITS | HIGH, 0}},
        {"PR_MCE_KILL", __NR_prctl, EINVAL, {PR_MCE_KILL}},
        {"0x7fffffff", __NR_prctl, EINVAL, {0x7fffffff}},
        {"PTRACE_ATTACH, process 1", __NR_ptrace, EPERM, {PTRACE_ATTACH, 1}},
        {"PTRACE_TRACEME", __NR_ptrace, EPERM, {PTRACE_TRACEME}},
        {"process 1", __NR_process_vm_readv, EPERM, {1}},
        {"", __NR_pidfd_getfd, EPERM, {0}},
        {"process 1", __NR_kcmp, EPERM, {1}},
        /* F: leaks */
        {"KEYCTL_JOIN_SESSION_KEYRING", __NR_keyctl, ENOSYS, {1}},
        {"AF_INET, SOCK_STREAM", __NR_socket, EAFNOSUPPORT, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC}},
        {"AF_INET6, SOCK_DGRAM", __NR_socket, EAFNOSUPPORT, {AF_INET6, SOCK_DGRAM}},
        {"AF_VSOCK, SOCK_STREAM", __NR_socket, EAFNOSUPPORT, {AF_VSOCK, SOCK_STREAM}},
        {"AF_ALG, SOCK_SEQPACKET", __NR_socket, EAFNOSUPPORT, {AF_ALG, SOCK_SEQPACKET}},
        {"AF_ALG, SOCK_SEQPACKET", __NR_socket, EAFNOSUPPORT, {AF_ALG | HIGH, SOCK_SEQPACKET}},
        {"AF_PACKET, SOCK_RAW, protocol 768",
         __NR_socket,
         EAFNOSUPPORT,
         {AF_PACKET, SOCK_RAW, 768}},
        {"AF_UNIX, SOCK_RAW", __NR_socket, EAFNOSUPPORT, {AF_UNIX, SOCK_RAW}},
        {"AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER",
         __NR_socket,
         EAFNOSUPPORT,
         {AF_NETLINK, SOCK_RAW, 12}},
        {"AF_XDP, SOCK_RAW", __NR_socket, EAFNOSUPPORT, {44, SOCK_RAW}},
        {"AF_TIPC, SOCK_STREAM", __NR_socketpair, EAFNOSUPPORT, {AF_TIPC, SOCK_STREAM}},
        {"", __NR_inotify_init1, ENOSYS, {0}},
        {"", __NR_splice, EINVAL, {0}},
        /* G: kernel surface */
        {"8 entries", __NR_io_uring_setup, ENOSYS, {8}},
        {"BPF_PROG_LOAD", __NR_bpf, EPERM, {5}},
        {"process 0", __NR_perf_event_open, EPERM, {0}},
        {"", __NR_userfaultfd, EPERM, {0}},
        {"CLOCK_REALTIME", __NR_clock_settime, EPERM, {0}},
        {"TIOCSTI 0x5412", __NR_ioctl, ENOTTY, {0, TIOCSTI}},
        {"TIOCSTI 0x5412", __NR_ioctl, ENOTTY, {0, TIOCSTI | HIGH}},
        {"FS_IOC_SETFLAGS 0x40086602", __NR_ioctl, ENOTTY, {0, 0x40086602}},
        {"0x1234", __NR_ioctl, ENOTTY, {0, 0x1234}},
        {"ADDR_NO_RANDOMIZE", __NR_personality, EPERM, {ADDR_NO_RANDOMIZE}},
        {"READ_IMPLIES_EXEC", __NR_personality, EPERM, {READ_IMPLIES_EXEC}},
        {"", __NR_seccomp, ENOSYS, {0}},
        {"", __NR_landlock_create_ruleset, ENOSYS, {0}},
        {"character device 1:3", __NR_mknod, EPERM, {0, S_IFCHR | 0600, 0x103}},
        {"block device 8:0", __NR_mknodat, EPERM, {0, 0, S_IFBLK, 0x800}},
        {"F_SETLEASE", __NR_fcntl, EINVAL, {0, 1024}},
        {"F_NOTIFY", __NR_fcntl, EINVAL, {0, 1026 | HIGH}},
        {"", __NR_setxattr, EOPNOTSUPP, {0}},
        {"", __NR_mq_open, ENOSYS, {0}},
        {NULL, __NR_mbind, EPERM, {0}},
        {NULL, __NR_set_mempolicy, EPERM, {0}},
        {"", 451, ENOSYS, {0}},
        {"", 467, ENOSYS, {0}},
        {"", 470, ENOSYS, {0}},
        {"", 599, ENOSYS, {0}},
        {"", 0x3fffffff, ENOSYS, {0}},
    };
    expect_rows(base, rows, sizeof rows / sizeof rows[0]);
}

static void test_allowed_calls_are_not_seen(void **state)
{
    (void)state;
    static const struct try rows[] = {
        {NULL, __NR_getpid, 0, {0}},
        {NULL, __NR_sync, 0, {0}},
        {NULL, __NR_syncfs, 0, {0}},
        {NULL, __NR_personality, 0, {0xFFFFFFFF}},
        {NULL, __NR_personality, 0, {UINT64_MAX}},
        {NULL, __NR_socket, 0, {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK}},
        {NULL, __NR_fcntl, 0, {0, F_GETFL | HIGH}},
        {NULL, __NR_fcntl, EBADF, {999, F_GETFL}},
        {NULL, __NR_ioctl, EBADF, {999, FIONREAD | HIGH}},
        {NULL, __NR_ioctl, EBADF, {999, TIOCGPGRP}},
        {NULL, __NR_prctl, 0, {PR_GET_DUMPABLE}},
        {NULL, __NR_prctl, 0, {PR_SET_PDEATHSIG, 0}},
        {NULL, __NR_mknod, EFAULT, {1, S_IFIFO | 0600}},
        {NULL, __NR_flock, EBADF, {999, 8}},
        {NULL, __NR_sched_yield, 0, {0}},
    };
    expect_rows(base, rows, sizeof rows / sizeof rows[0]);
    expect_rows(python, rows, sizeof rows / sizeof rows[0]);
}

static void test_strict_takes_permissions_away(void **state)
{
    (void)state;
    static const struct try rows[] = {
        {"LOCK_EX", __NR_flock, ENOSYS, {0, 2 | 4}},
        {"F_SETLK", __NR_fcntl, ENOLCK, {0, F_SETLK}},
        {NULL, __NR_fcntl, 0, {0, F_GETFL}},
        {"AF_UNIX, SOCK_STREAM", __NR_socket, EAFNOSUPPORT, {AF_UNIX, SOCK_STREAM}},
        {"", __NR_shmget, ENOSYS, {0}},
        {"", __NR_mincore, ENOSYS, {0}},
        {"", __NR_mlockall, EPERM, {0}},
        {"", __NR_memfd_create, ENOSYS, {0}},
        {"PROT_WRITE|PROT_EXEC", __NR_mmap, EACCES, {0, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1}},
        {"PROT_READ|PROT_EXEC", __NR_mprotect, EACCES, {0x10000, 4096, PROT_READ | PROT_EXEC}},
        {NULL, __NR_mprotect, ENOMEM, {0x10000, 4096, PROT_READ}},
        {NULL, __NR_getpid, 0, {0}},
    };
    expect_rows(strict, rows, sizeof rows / sizeof rows[0]);
}

static int int80(void)
{
    long rc = 20; /* getpid of the 32-bit table */
    __asm__ volatile("int $0x80" : "+a"(rc) : : "memory");
    return 0;
}

static int x32(void)
{
    syscall(0x40000000 | __NR_getpid);
    return 0;
}

static void test_other_architectures_are_killed(void **state)
{
    (void)state;
    struct seen s;
    under(base, false, x32, NULL, &s);
    assert_true(WIFSIGNALED(s.status) && WTERMSIG(s.status) == SIGSYS);
    under(base, false, int80, NULL, &s);
    /* Where the kernel has no 32-bit entry, it sends SIGSEGV before any filter. */
    assert_true(WIFSIGNALED(s.status) &&
                (WTERMSIG(s.status) == SIGSYS || WTERMSIG(s.status) == SIGSEGV));
    assert_int_equal(s.count, 0);
}

static void *thread_main(void *arg)
{
    *(int *)arg = 7;
    return arg;
}

static int threads(void)
{
    int value = 0;
    pthread_t t;
    if (pthread_create(&t, NULL, thread_main, &value) != 0 || pthread_join(t, NULL) != 0)
        return 1;
    pid_t pid = vfork();
    if (pid == 0)
        _exit(3);
    int status = 0;
    if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 3)
        return 2;
    return value == 7 ? 0 : 3;
}

static void test_threads_and_children_work_without_clone3(void **state)
{
    (void)state;
    struct seen s;
    under(base, false, threads, NULL, &s);
    expect_exit(&s, 0);
    assert_int_equal(s.count, 0);
    under(strict, false, threads, NULL, &s);
    expect_exit(&s, 0);
}

static int open_two(void)
{
    int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return open("/nowhere/at/all", O_RDONLY | O_CLOEXEC) < 0 && errno == ENOENT ? 0 : 1;
}

static void test_report_paths_notifies_opens_and_lets_them_through(void **state)
{
    (void)state;
    struct seen s;
    under(base, true, open_two, NULL, &s);
    expect_exit(&s, 0);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.call[0].nr, __NR_openat);
    assert_int_equal(s.call[0].times, 2);
    assert_int_equal(s.call[0].os_errno, 0);
    under(base, false, open_two, NULL, &s);
    assert_int_equal(s.count, 0);
}

/* The monitor is dead: a refused call must not pass, nor wait for ever. */
static void test_without_a_monitor_refused_calls_get_enosys(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct sock_fprog program = {.len = base->filter.count, .filter = base->filter.code};
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        long listener = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER,
                                SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
        if (listener < 0)
            _exit(1);
        close((int)listener);
        _exit(syscall(__NR_ptrace, PTRACE_TRACEME, 0, 0, 0) == -1 && errno == ENOSYS ? 0 : 2);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- beside the kernel ---- */

static void test_every_number_is_judged_as_the_rules_say(void **state)
{
    (void)state;
    const struct profile *all[] = {base, python, strict};
    for (size_t n = 0; n < 3; n++) {
        for (int paths = 0; paths < 2; paths++) {
            AUTO_FREE struct filter_rule *rules = NULL;
            size_t count = 0;
            struct err e = {0};
            OK(rules_for_filter(all[n]->rules, paths != 0, &rules, &count, &e), e);
            const struct profile_filter *f = paths != 0 ? &all[n]->filter_paths : &all[n]->filter;
            OK(filter_verify(f, rules, count, FILTER_CARE_FULL, &e), e);
        }
    }
}

static void test_a_wrong_program_is_seen(void **state)
{
    (void)state;
    AUTO_FREE struct filter_rule *rules = NULL;
    size_t count = 0;
    struct err e = {0};
    OK(rules_for_filter(base->rules, false, &rules, &count, &e), e);
    unsigned missed = 0;
    AUTO_FREE struct sock_filter *code = mem_alloc(base->filter.count * sizeof *code);
    for (unsigned short i = 0; i < base->filter.count; i++) {
        memcpy(code, base->filter.code, base->filter.count * sizeof *code);
        struct profile_filter f = {.code = code, .count = base->filter.count};
        code[i].k ^= 1;
        e = (struct err){0};
        missed += filter_verify(&f, rules, count, FILTER_CARE_FULL, &e) == 0;
    }
    /* Bounds of the binary search may move by one without effect. */
    assert_true(missed < base->filter.count / 10U);
}

static void test_hot_calls_never_run_the_filter(void **state)
{
    (void)state;
    static const int hot[] = {
        __NR_read,    __NR_write,       __NR_futex,      __NR_mmap,    __NR_munmap,
        __NR_openat,  __NR_close,       __NR_newfstatat, __NR_madvise, __NR_clock_gettime,
        __NR_getppid, __NR_sched_yield, __NR_epoll_wait, __NR_sendmsg, __NR_recvmsg,
        __NR_lseek,   __NR_pread64,     __NR_brk};
    for (size_t i = 0; i < sizeof hot / sizeof hot[0]; i++)
        if (!filter_is_constant_allow(&base->filter, hot[i]))
            fail_msg("%s runs the filter", syscalls_name(hot[i]));
    for (size_t i = 0; i < base->rules->count; i++) {
        const struct profile_rule *r = &base->rules->rule[i];
        assert_int_equal(filter_is_constant_allow(&base->filter, r->nr), r->kind == RULE_ALLOW);
    }
    assert_false(filter_is_constant_allow(&base->filter, __NR_ptrace));
    assert_false(filter_is_constant_allow(&base->filter_paths, __NR_openat));
}

static void test_a_mask_cannot_be_walked_round(void **state)
{
    (void)state;
    struct seccomp_data d = {.nr = __NR_ioctl, .arch = AUDIT_ARCH_X86_64};
    for (unsigned bit = 0; bit < 64; bit++) {
        d.args[1] = TIOCSTI ^ (UINT64_C(1) << bit);
        /* TIOCGWINSZ and FIOASYNC are one bit from TIOCSTI; everything else is refused. */
        uint32_t cmd = (uint32_t)d.args[1];
        uint32_t want = cmd == TIOCGWINSZ || cmd == FIOASYNC ? SECCOMP_RET_ALLOW
                                                             : SECCOMP_RET_USER_NOTIF;
        assert_int_equal(filter_eval(&base->filter, &d), want);
    }
}

static void test_programs_the_kernel_would_refuse_kill(void **state)
{
    (void)state;
    struct sock_filter bad[][2] = {
        {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 64}, {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}},
        {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 2}, {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}},
        {{BPF_JMP | BPF_JA, 0, 0, 0xFFFFFFFF}, {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}},
        {{BPF_LD | BPF_W | BPF_IND, 0, 0, 0}, {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}},
        {{BPF_JMP | BPF_JEQ | BPF_K, 9, 9, 0}, {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}},
    };
    struct seccomp_data d = {.nr = 0, .arch = AUDIT_ARCH_X86_64};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct profile_filter f = {.code = bad[i], .count = 2};
        assert_int_equal(filter_eval(&f, &d), SECCOMP_RET_KILL_PROCESS);
    }
}

/* ---- real programs ---- */

/* Threads, subprocesses, multiprocessing with its semaphores, sqlite3 with its locks, asyncio,
 * temporary files, scikit-learn with joblib's workers: nothing of it may be refused. */
static const char python_stack[] =
    "import threading, subprocess, sqlite3, asyncio, tempfile, os, socket, ctypes, mmap, shutil\n"
    "import multiprocessing as mp\n"
    "import numpy as np\n"
    "from sklearn.ensemble import RandomForestClassifier\n"
    "from sklearn.model_selection import cross_val_score\n"
    "from sklearn.datasets import load_breast_cancer\n"
    "d = tempfile.mkdtemp()\n"
    "t = [threading.Thread(target=np.linalg.svd, args=(np.ones((80, 80)),)) for _ in range(4)]\n"
    "[x.start() for x in t]; [x.join() for x in t]\n"
    "assert subprocess.run(['/bin/echo', 'a'], capture_output=True).stdout == b'a\\n'\n"
    "c = sqlite3.connect(d + '/x.db'); c.execute('pragma journal_mode=wal')\n"
    "c.execute('create table t(a)'); c.execute('insert into t values(1)'); c.commit(); c.close()\n"
    "async def go():\n"
    "    p = await asyncio.create_subprocess_exec('/bin/true'); await p.wait()\n"
    "    return await asyncio.gather(asyncio.sleep(0.01), asyncio.to_thread(len, 'abc'))\n"
    "asyncio.run(go())\n"
    "for how in ('fork', 'spawn', 'forkserver'):\n"
    "    with mp.get_context(how).Pool(2) as p: assert p.map(abs, [-1, -2]) == [1, 2]\n"
    "m = mp.Manager(); l = m.list([1]); l.append(2); assert list(l) == [1, 2]; m.shutdown()\n"
    "ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 3)()\n"
    "x, y = load_breast_cancer(return_X_y=True)\n"
    "s = cross_val_score(RandomForestClassifier(20, n_jobs=2), x, y, cv=3, n_jobs=2)\n"
    "assert s.mean() > 0.9\n"
    "open(d + '/a', 'w').write('x'); shutil.copy2(d + '/a', d + '/b'); shutil.rmtree(d)\n";

static void run_python(const struct profile *p, const char *code, struct seen *s)
{
    char *const argv[] = {"/usr/bin/python3", "-c", (char *)(uintptr_t)code, NULL};
    under(p, false, NULL, argv, s);
    for (size_t i = 0; i < s->count; i++)
        print_message("  refused %s(%s) x%u\n", syscalls_name(s->call[i].nr), s->call[i].detail,
                      s->call[i].times);
}

static bool has_python(void)
{
    return system("/usr/bin/python3 -c 'import numpy, sklearn' 2>/dev/null") == 0;
}

static void test_a_python_stack_runs_and_nothing_is_refused(void **state)
{
    (void)state;
    struct seen s;
    if (!has_python()) {
        print_message("skipped: python3-sklearn is not installed\n");
        skip();
    }
    run_python(python, python_stack, &s);
    expect_exit(&s, 0);
    assert_int_equal(s.count, 0);
}

static void test_what_takes_data_out_is_refused_by_name(void **state)
{
    (void)state;
    struct seen s;
    static const char code[] =
        "import socket, ctypes\n"
        "try: socket.create_connection(('192.0.2.1', 443), 2)\n"
        "except OSError as e: assert e.errno == 97, e\n"
        "else: raise SystemExit(9)\n"
        "assert ctypes.CDLL(None, use_errno=True).ptrace(16, 1, 0, 0) == -1\n";
    if (access("/usr/bin/python3", X_OK) != 0)
        skip();
    run_python(python, code, &s);
    expect_exit(&s, 0);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.call[0].nr, __NR_socket);
    assert_string_equal(s.call[0].detail, "AF_INET, SOCK_STREAM, IPPROTO_TCP");
    assert_int_equal(s.call[1].nr, __NR_ptrace);
    assert_string_equal(s.call[1].detail, "PTRACE_ATTACH, process 1");
}

static void test_numpy_and_sklearn_run_under_strict(void **state)
{
    (void)state;
    struct seen s;
    if (!has_python())
        skip();
    run_python(strict,
               "from sklearn.linear_model import LogisticRegression as L\n"
               "from sklearn.datasets import load_breast_cancer as d\n"
               "import asyncio, threading\n"
               "asyncio.run(asyncio.sleep(0))\n"
               "x, y = d(return_X_y=True); assert L(max_iter=9999).fit(x, y).score(x, y) > 0.8\n",
               &s);
    expect_exit(&s, 0);
    assert_int_equal(s.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_calls_answer_and_say_what_they_were),
        cmocka_unit_test(test_allowed_calls_are_not_seen),
        cmocka_unit_test(test_strict_takes_permissions_away),
        cmocka_unit_test(test_other_architectures_are_killed),
        cmocka_unit_test(test_threads_and_children_work_without_clone3),
        cmocka_unit_test(test_report_paths_notifies_opens_and_lets_them_through),
        cmocka_unit_test(test_without_a_monitor_refused_calls_get_enosys),
        cmocka_unit_test(test_every_number_is_judged_as_the_rules_say),
        cmocka_unit_test(test_a_wrong_program_is_seen),
        cmocka_unit_test(test_hot_calls_never_run_the_filter),
        cmocka_unit_test(test_a_mask_cannot_be_walked_round),
        cmocka_unit_test(test_programs_the_kernel_would_refuse_kill),
        cmocka_unit_test(test_a_python_stack_runs_and_nothing_is_refused),
        cmocka_unit_test(test_what_takes_data_out_is_refused_by_name),
        cmocka_unit_test(test_numpy_and_sklearn_run_under_strict),
    };
    return cmocka_run_group_tests(tests, load_all, free_all);
}
