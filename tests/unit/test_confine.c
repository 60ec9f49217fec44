/* test_confine.c - the launcher's filter: what it refuses to itself and to all below it, and what it does not hide. */
#include "tests/unit/unit.h"

#include "runner/confine.h"
#include "runner/syscalls.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Its end is the answer: the number of the row that failed, 0 when none did. */
static int ended(pid_t pid)
{
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void confine_or_die(void)
{
    struct err e = {0};
    if (confine_launcher(&e) < 0)
        _exit(200);
}

static void test_calls_that_nobody_needs_are_unknown_to_the_launcher(void **state)
{
    (void)state;
    assert_in_range(syscalls_never_count, 30, CONFINE_CALLS_MAX);
    pid_t pid = fork();
    if (pid == 0) {
        confine_or_die();
        for (int i = 0; i < syscalls_never_count; i++) {
            if (syscalls_never[i].nr == SYS_ptrace)
                continue; /* the sanitizers of test builds need it */
            errno = 0;
            if (syscall(syscalls_never[i].nr, 0L, 0L, 0L, 0L, 0L, 0L) != -1 || errno != ENOSYS)
                _exit(i + 1);
        }
        errno = 0;
        if (syscall(0x40000000 | SYS_getpid) != -1 || errno != ENOSYS)
            _exit(201);
        _exit(getppid() > 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 202);
    }
    assert_int_equal(ended(pid), 0);
}

/* A run's record names what was refused: its filter's notification must win over the launcher's filter. */
static void test_a_refused_call_of_a_run_is_notified_all_the_same(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        confine_or_die();
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_swapon, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog prog = {.len = sizeof code / sizeof *code, .filter = code};
        int listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
        if (listener < 0)
            _exit(1);
        pid_t job = fork();
        if (job == 0) {
            close(listener);
            errno = 0;
            _exit(syscall(SYS_swapon, "/none", 0) == -1 && errno == EXDEV ? 0 : 2);
        }
        struct pollfd ready = {listener, POLLIN, 0};
        struct seccomp_notif got = {0};
        if (poll(&ready, 1, 10000) != 1 || ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &got) < 0 || got.data.nr != SYS_swapon)
            _exit(3);
        struct seccomp_notif_resp answer = {.id = got.id, .error = -EXDEV};
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0)
            _exit(4);
        _exit(ended(job));
    }
    assert_int_equal(ended(pid), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_that_nobody_needs_are_unknown_to_the_launcher),
        cmocka_unit_test(test_a_refused_call_of_a_run_is_notified_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
