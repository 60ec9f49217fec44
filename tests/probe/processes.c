/*
 * processes.c - group B of the attack cases: other processes, signals, bombs, ways to outlive the run.
 */
#define _GNU_SOURCE
#include "tests/probe/probe.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t child_that_waits(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        for (;;)
            pause();
    }
    return pid;
}

static void end_child(pid_t pid)
{
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

static int b17(int argc, char **argv)
{
    pid_t child = child_that_waits();

    (void)argc, (void)argv;
    TRY("ptrace(ATTACH)", ptrace(PTRACE_ATTACH, child, NULL, NULL));
    TRY("ptrace(SEIZE)", ptrace(PTRACE_SEIZE, child, NULL, NULL));
    TRY("ptrace(ATTACH 1)", ptrace(PTRACE_ATTACH, 1, NULL, NULL));
    TRY("ptrace(TRACEME)", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    end_child(child);
    return 0;
}

static int b18(int argc, char **argv)
{
    char mine[8] = "mine", theirs[8] = "theirs";
    struct iovec here = {mine, sizeof mine}, there = {theirs, sizeof theirs};
    pid_t child = child_that_waits();

    (void)argc, (void)argv;
    TRY("process_vm_readv()", process_vm_readv(child, &here, 1, &there, 1, 0));
    TRY("process_vm_writev()", process_vm_writev(child, &here, 1, &there, 1, 0));
    int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    probe_fact_int("pidfd", pidfd);
    TRY("pidfd_getfd()", syscall(SYS_pidfd_getfd, pidfd, 1, 0));
    TRY("kcmp()", syscall(SYS_kcmp, getpid(), child, 0, 1, 1));
    TRY("process_madvise()", syscall(SYS_process_madvise, pidfd, &there, 1, 21, 0));
    TRY("process_mrelease()", syscall(SYS_process_mrelease, pidfd, 0));
    end_child(child);
    return 0;
}

static int b19(int argc, char **argv)
{
    static const char *const links[] = {"root", "cwd", "exe"};
    static const char *const files[] = {"mem", "environ", "maps", "auxv", "stack", "syscall"};
    char path[64], call[96], buffer[4096], pids[1024] = "";

    (void)argc, (void)argv;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        snprintf(path, sizeof path, "/proc/1/%s", links[i]);
        snprintf(call, sizeof call, "readlink(%s)", path);
        TRY(call, readlink(path, buffer, sizeof buffer));
    }
    errno = 0;
    DIR *fds = opendir("/proc/1/fd");
    probe_attempt("opendir(/proc/1/fd)", fds != NULL ? 0 : -1);
    if (fds != NULL)
        closedir(fds);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "/proc/1/%s", files[i]);
        snprintf(call, sizeof call, "read(%s)", path);
        errno = 0;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            probe_attempt(call, -1);
            continue;
        }
        probe_attempt(call, read(fd, buffer, sizeof buffer));
        close(fd);
    }
    DIR *proc = opendir("/proc");
    for (struct dirent *d; proc != NULL && (d = readdir(proc)) != NULL;)
        if (d->d_name[0] >= '0' && d->d_name[0] <= '9' && strlen(pids) + 16 < sizeof pids) {
            strcat(pids, pids[0] != '\0' ? " " : "");
            strcat(pids, d->d_name);
        }
    if (proc != NULL)
        closedir(proc);
    probe_fact_str("pids", pids);
    return 0;
}

static int b21(int argc, char **argv)
{
    long outside = probe_arg(argc, argv, 0, 0);
    pid_t child = child_that_waits();
    int status = 0;

    TRY("kill(1, TERM)", kill(1, SIGTERM));
    TRY("kill(1, KILL)", kill(1, SIGKILL));
    if (outside > 0)
        TRY("kill(outside, 0)", kill((pid_t)outside, 0));
    TRY("kill(-1, KILL)", kill(-1, SIGKILL));
    waitpid(child, &status, 0);
    probe_fact_int("child_killed", WIFSIGNALED(status));
    /* Only a living PID 1 can adopt and reap: an orphan's parent says whether it is there. */
    int pipes[2];
    if (pipe(pipes) == 0) {
        if (fork() == 0) {
            if (fork() == 0) {
                int parent = 0;
                for (int i = 0; i < 2000 && (parent = getppid()) != 1; i++)
                    usleep(1000);
                if (write(pipes[1], &parent, sizeof parent) < 0)
                    _exit(1);
            }
            _exit(0);
        }
        wait(NULL);
        int adopted = 0;
        if (read(pipes[0], &adopted, sizeof adopted) < 0)
            adopted = -1;
        probe_fact_int("orphan_parent", adopted);
    }
    return 0;
}

static int stop_self(int argc, char **argv)
{
    (void)argc, (void)argv;
    probe_say();
    kill(getpid(), SIGSTOP);
    return probe_wait();
}

static int stop_group(int argc, char **argv)
{
    (void)argc, (void)argv;
    child_that_waits();
    probe_say();
    kill(0, SIGSTOP);
    return probe_wait();
}

static int ignore_term(int argc, char **argv)
{
    (void)argc, (void)argv;
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    probe_say();
    return probe_wait();
}

static void on_term(int signal_number)
{
    static const char said[] = "TERM came\n";
    (void)signal_number;
    if (write(STDOUT_FILENO, said, sizeof said - 1) < 0)
        _exit(98);
    _exit(33);
}

static int obey_term(int argc, char **argv)
{
    (void)argc, (void)argv;
    signal(SIGTERM, on_term);
    probe_say();
    return probe_wait();
}

/* Leaves a session leader behind that keeps standard output open. */
static int daemonize(int argc, char **argv)
{
    (void)argc, (void)argv;
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            signal(SIGTERM, SIG_IGN);
            signal(SIGHUP, SIG_IGN);
            for (;;)
                pause();
        }
        _exit(0);
    }
    wait(NULL);
    return 0;
}

/* Closes everything, forks away twice and goes on computing; the first process ends with 0. */
static int vanish(int argc, char **argv)
{
    (void)argc, (void)argv;
    probe_say();
    syscall(SYS_close_range, 0, ~0U, 0);
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            for (;;)
                pause();
        }
        _exit(0);
    }
    wait(NULL);
    return 0;
}

static int subreaper(int argc, char **argv)
{
    (void)argc, (void)argv;
    TRY("prctl(SET_CHILD_SUBREAPER)", prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
    TRY("prctl(SET_PDEATHSIG, 0)", prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
    if (fork() == 0) {
        prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
        setsid();
        if (fork() == 0)
            for (;;)
                pause();
        for (;;)
            pause();
    }
    return 0;
}

/* Forks until it is refused, says how far it came, takes its children back. */
static int fork_until(int argc, char **argv)
{
    static pid_t pids[100000];
    long most = probe_arg(argc, argv, 0, 100000), made = 0;
    int number = 0;

    while (made < most && made < 100000) {
        pid_t pid = fork();
        if (pid < 0) {
            number = errno;
            break;
        }
        if (pid == 0)
            for (;;)
                pause();
        pids[made++] = pid;
    }
    errno = number;
    probe_attempt("fork()", number != 0 ? -1 : 0);
    probe_fact_int("made", made);
    probe_say();
    for (long i = 0; i < made; i++)
        end_child(pids[i]);
    return 0;
}

static int fork_bomb(int argc, char **argv)
{
    (void)argc, (void)argv;
    probe_say();
    while (fork() >= -1)
        ;
    return 0;
}

static volatile long vforks;
static volatile int vfork_errno;

static int vfork_until(int argc, char **argv)
{
    pid_t first = getpid();

    (void)argc, (void)argv;
    for (;;) {
        pid_t pid = vfork(); /* the child runs on our stack: the deepest one meets the limit first */
        if (pid == 0) {
            vforks++;
            continue;
        }
        if (pid < 0 && vfork_errno == 0)
            vfork_errno = errno;
        if (getpid() != first)
            _exit(0);
        break;
    }
    errno = vfork_errno;
    probe_attempt("vfork()", vfork_errno != 0 ? -1 : 0);
    probe_fact_int("made", vforks);
    return 0;
}

static int waits_forever(void *unused)
{
    (void)unused;
    return probe_wait();
}

static int clone_vm_until(int argc, char **argv)
{
    long made = 0, most = probe_arg(argc, argv, 0, 100000);
    int number = 0;

    while (made < most) {
        char *stack = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (stack == MAP_FAILED || clone(waits_forever, stack + 16384, CLONE_VM | SIGCHLD, NULL) < 0) {
            number = errno;
            break;
        }
        made++;
    }
    errno = number;
    probe_attempt("clone(VM)", number != 0 ? -1 : 0);
    probe_fact_int("made", made);
    probe_say();
    kill(-1, SIGKILL);
    return 0;
}

static void *thread_waits(void *unused)
{
    (void)unused;
    probe_wait();
    return NULL;
}

static int thread_until(int argc, char **argv)
{
    long made = 0, most = probe_arg(argc, argv, 0, 100000);
    pthread_attr_t attr;
    int number = 0;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 32 << 10);
    while (made < most && number == 0) {
        pthread_t thread;
        number = pthread_create(&thread, &attr, thread_waits, NULL);
        if (number == 0)
            made++;
    }
    errno = number;
    probe_attempt("pthread_create()", number != 0 ? -1 : 0);
    probe_fact_int("made", made);
    return 0;
}

static int exec_chain(int argc, char **argv)
{
    long left = probe_arg(argc, argv, 0, 100000);
    char next[24];

    if (left <= 0)
        return 0;
    snprintf(next, sizeof next, "%ld", left - 1);
    execl("/work/probe", "probe", "exec_chain", next, (char *)NULL);
    TRY("execve()", -1);
    return 1;
}

const struct verb verbs_processes[] = {
    {"b17", b17, "ptrace of a child, of PID 1, of itself"},
    {"b18", b18, "reading and writing another process's memory and descriptors"},
    {"b19", b19, "what /proc/1 shows; which pids are visible"},
    {"b21", b21, "kill(1), kill(-1), kill of the pid given"},
    {"stop_self", stop_self, "SIGSTOP to itself"},
    {"stop_group", stop_group, "SIGSTOP to its process group"},
    {"ignore_term", ignore_term, "ignores TERM, waits for ever"},
    {"obey_term", obey_term, "says so when TERM comes, ends with 33"},
    {"daemonize", daemonize, "leaves a daemon that holds standard output, ends with 0"},
    {"vanish", vanish, "closes all descriptors, forks away twice, ends with 0"},
    {"subreaper", subreaper, "leaves a subreaper without a death signal, ends with 0"},
    {"fork_until", fork_until, "forks until refused [at most N]"},
    {"fork_bomb", fork_bomb, "forks for ever, in every child as well"},
    {"vfork_until", vfork_until, "vforks in vforked children until refused"},
    {"clone_vm_until", clone_vm_until, "clone(CLONE_VM) until refused [at most N]"},
    {"thread_until", thread_until, "threads until refused [at most N]"},
    {"exec_chain", exec_chain, "executes itself N times in a row"},
    {0},
};
