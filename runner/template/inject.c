/*
 * inject.c - from a spare of the template to the job of a run.
 *
 *   spare ---- takes the request, enters the run's namespaces (all but the PID namespace, which only
 *     |        children are in)
 *     +--vfork--> hand, in the run's PID namespace, in the spare's memory
 *                   +--fork--> job, PID 2 of the run: gives up everything (priv_job.c)
 *                 tells init, ends: so the job is init's child, and init reaps it like any other
 *
 * The hand exists because a process that ends leaves its children to the init of its own PID namespace: the
 * spare's would be the host's. Nothing of Python is touched in here, and nothing is allocated: the spare
 * and the job have rights over the run's namespaces until the job has given them up, over nothing else ever.
 */
#include "runner/template/template.h"

#include "api/common/fd.h"
#include "runner/sandbox.h"
#include "runner/warm.h"

#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HAND_ENDS = 100000, HAND_NUMBER = 300 }; /* free, and allowed by any pid_max */

/* One process serves one run: what it knows is here, and nowhere on a stack that is left. */
static struct {
    struct setup *page;
    struct warm_parcel *parcel;
    int fds[WARM_FD_COUNT + CG_COUNT];
    size_t fd_count;
    struct spec spec;
    struct profile profile;
    struct sandbox sandbox;
    struct cg cg;
    struct warm_template template;
    char **strings; /* argv, NULL, environment, NULL */
    size_t strings_size;
    void *main_stack[5];
} the;

/* ---- the request ---- */

static bool map_request(uint32_t size)
{
    struct stat st;
    if (the.fd_count < WARM_FD_COUNT || size < sizeof *the.parcel || fstat(the.fds[WARM_FD_PARCEL], &st) < 0 ||
        st.st_size != (off_t)size || fstat(the.fds[WARM_FD_PAGE], &st) < 0 || st.st_size != sizeof *the.page)
        return false;
    the.page = mmap(NULL, sizeof *the.page, PROT_READ | PROT_WRITE, MAP_SHARED, the.fds[WARM_FD_PAGE], 0);
    the.parcel = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, the.fds[WARM_FD_PARCEL], 0);
    return the.page != MAP_FAILED && the.parcel != MAP_FAILED && the.parcel->size == size;
}

static bool read_parcel(struct program *out)
{
    const struct warm_parcel *p = the.parcel;
    char *at = (char *)(the.parcel + 1), *end = (char *)the.parcel + p->size;
    size_t code = p->filter_count * sizeof(struct sock_filter);
    size_t count = (size_t)p->argc + p->envc + 2;
    if (p->magic != WARM_MAGIC || p->argc < 1 || p->argc > SPEC_MAX_ARGS || p->envc > 4 * SPEC_MAX_ENV ||
        p->filter_count > UINT16_MAX || code > (size_t)(end - at))
        return false;
    the.profile.filter.code = (struct sock_filter *)(void *)at;
    the.profile.filter.count = (unsigned short)p->filter_count;
    at += code;
    the.strings_size = count * sizeof(char *);
    the.strings = mmap(NULL, the.strings_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (the.strings == MAP_FAILED)
        return false;
    for (size_t i = 0; i < count - 1; i++) {
        if (i == p->argc)
            continue; /* the NULL between them */
        char *zero = memchr(at, '\0', (size_t)(end - at));
        if (!zero)
            return false;
        the.strings[i] = at;
        at = zero + 1;
    }
    *out = (struct program){p->argc, p->envc, the.strings, the.strings + p->argc + 1};
    return true;
}

static void lay_out(const struct program *program)
{
    const struct warm_parcel *p = the.parcel;
    the.spec.command = (const char **)program->argv;
    the.spec.command_count = program->argc;
    the.spec.resources = p->resources;
    the.spec.best_effort = p->best_effort;
    memcpy(the.profile.name, p->profile, sizeof the.profile.name);
    the.profile.name[sizeof the.profile.name - 1] = '\0';
    the.profile.exec_memory = p->exec_memory;
    the.profile.landlock = (enum profile_landlock)p->landlock;
    the.profile.landlock_min_abi = p->landlock_min_abi;
    the.profile.network = (enum profile_network)p->network;
    the.sandbox = (struct sandbox){
        .spec = &the.spec,
        .profile = &the.profile,
        .cg = &the.cg,
        .setup = the.page,
        .identity = {.rootless = p->rootless},
        .job_uid = p->job_uid,
        .proc_fd = the.fds[WARM_FD_PROC],
        .idmap_fd = -1,
        .netns_fd = -1,
        .stdout_fd = the.fds[WARM_FD_STDOUT],
        .stderr_fd = the.fds[WARM_FD_STDERR],
        .metrics_fd = the.fds[WARM_FD_METRICS],
        .handover = the.fds[WARM_FD_HANDOVER],
        .handover_peer = -1,
        .terminal_fd = -1,
        .env = program->env,
        .warm = &the.template,
    };
}

/* Init says so on the page when its namespaces are complete. It may also die before. */
static bool await_init(void)
{
    struct pollfd dead = {.fd = the.fds[WARM_FD_INIT], .events = POLLIN};
    while (the.page->init_ready == 0) {
        if (poll(&dead, 1, 0) > 0)
            return false;
        warm_wait(&the.page->init_ready, 0, 20);
    }
    return true;
}

/* ---- into the sandbox ---- */

/* The user namespace is entered with the others by one call: the kernel takes it first and judges the rest by
 * the rights it gives. They make us non-dumpable, and /proc/self root's: raised again for the job's set-up. */
static int enter(void)
{
    if (setns(the.fds[WARM_FD_INIT], CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                                         CLONE_NEWUTS | CLONE_NEWCGROUP) < 0 ||
        prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
        return setup_fail(the.page, STEP_CLONE_JOB, errno, NULL, "the template cannot enter the sandbox");
    return 0;
}

static int hand_to_monitor(pid_t job)
{
    char kind = HANDOVER_JOB;
    AUTO_FD int pidfd = (int)syscall(SYS_pidfd_open, job, 0);
    return pidfd >= 0 && fd_send(the.fds[WARM_FD_HANDOVER], &kind, 1, &pidfd, 1) == 1 ? 0 : -1;
}

/* On a stack of its own in the spare's memory, while the spare stands still. In the job, which has a copy of that
 * memory, the spare's own stack is as it was: it goes on there. */
_Noreturn static void hand_main(void)
{
    pid_t job = _Fork();
    if (job == 0)
        __builtin_longjmp(the.main_stack, 1);
    if (job < 0)
        setup_fail(the.page, STEP_CLONE_JOB, errno, "raise the limit on processes", "cannot fork the job");
    else if (hand_to_monitor(job) < 0)
        setup_fail(the.page, STEP_CLONE_JOB, errno, NULL, "cannot hand the job to the monitor");
    if (!the.page->failed) {
        the.page->job_pid = (uint32_t)job;
        warm_wake(&the.page->job_pid);
    }
    _exit(0);
}

/* Its own group first: what it touches from here on is the run's. */
static int join_groups(void)
{
    for (size_t i = WARM_FD_COUNT; i < the.fd_count; i++)
        if (write(the.fds[i], "0", 1) != 1)
            return setup_fail(the.page, STEP_CGROUP_JOIN, errno, NULL, "the job cannot enter the run's control group");
    return 0;
}

/* The kernel forgets the thread's restartable sequences (rseq(2)) where memory is shared as the hand's is, and so
 * for the job: glibc would go on to read the number of a CPU that nobody writes any more. */
static void register_rseq(void)
{
    enum { SIZE = 32, SIGNATURE = 0x53053053 };
    if (__rseq_size > 0)
        syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, SIZE, 0, SIGNATURE);
}

static void job_begins(void)
{
    register_rseq();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (join_groups() < 0 || job_confine(&the.sandbox) < 0)
        _exit(1);
    /* The hand has ended long since, or is about to: the program finds init as its parent. */
    for (int i = 0; i < HAND_ENDS && getppid() != 1; i++)
        sched_yield();
}

/* By clone3, because only that can say which number it takes in the run's PID namespace: one out of the way, so that
 * the job is number 2, as it is cold. There is no function for it in glibc, which could not know our stack. */
static pid_t clone_hand(void)
{
    static char stack[64 << 10] __attribute__((aligned(64)));
    const pid_t number = HAND_NUMBER;
    const struct clone_args args = {
        .flags = CLONE_VM | CLONE_VFORK,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)stack,
        .stack_size = sizeof stack,
        .set_tid = (uint64_t)(uintptr_t)&number,
        .set_tid_size = 1,
    };
    long pid;
    __asm__ volatile("syscall\n\t"
                     "test %%eax, %%eax\n\t"
                     "jnz 1f\n\t"
                     "call *%[main]\n\t"
                     "ud2\n"
                     "1:"
                     : "=a"(pid)
                     : "a"(SYS_clone3), "D"(&args), "S"(sizeof args), [main] "b"(hand_main)
                     : "rcx", "r11", "memory");
    if (pid < 0)
        errno = (int)-pid;
    return pid < 0 ? -1 : (pid_t)pid;
}

/* True in the job. */
static bool inject(void)
{
    if (__builtin_setjmp(the.main_stack))
        return true;
    pid_t hand = clone_hand();
    if (hand < 0)
        setup_fail(the.page, STEP_CLONE_JOB, errno, "raise the limit on processes", "cannot fork into the sandbox");
    /* The run's PID namespace is only gone when the hand is reaped: not left to the host's init, which may be slow. */
    while (hand > 0 && waitpid(hand, NULL, 0) < 0 && errno == EINTR)
        ;
    return false;
}

void spare_main(int control, struct program *out)
{
    struct warm_request request;
    uint32_t open_claim = WARM_OPEN;
    ssize_t n;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* the template's death */
    the.fd_count = WARM_FD_COUNT + CG_COUNT;
    do {
        the.fd_count = WARM_FD_COUNT + CG_COUNT;
        n = fd_recv(control, &request, sizeof request, the.fds, &the.fd_count);
    } while (n < 0 && errno == EINTR);
    if (n <= 0)
        _exit(SPARE_END);
    if (n != sizeof request || request.magic != WARM_MAGIC || !map_request(request.size) || !read_parcel(out))
        _exit(1);
    lay_out(out);
    /* Claimed at the last moment: until then the monitor may start the run cold, should we die. */
    if (!await_init() || enter() < 0 ||
        !__atomic_compare_exchange_n(&the.page->warm_claim, &open_claim, WARM_TAKEN, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
        _exit(1);
    if (inject()) {
        job_begins();
        return;
    }
    _exit(0); /* and with us our end of the hand-over: the other is the job's */
}

void injected_release(void)
{
    the.page->warm_how = WARM_HOW_PYTHON;
    setup_done(the.page, STEP_EXEC);
    size_t size = the.parcel->size;
    munmap(the.page, sizeof *the.page);
    munmap(the.parcel, size);
    munmap(the.strings, the.strings_size);
    int handover = the.sandbox.handover;
    memset(&the, 0, sizeof the);
    signal(SIGPIPE, SIG_IGN); /* as Python has it, and told itself when it started */
    syscall(SYS_close_range, handover, ~0U, 0);
    close(handover); /* where a profile refuses the call before */
}

void injected_execute(void)
{
    the.page->warm_how = WARM_HOW_EXECUTED;
    _exit(job_execute(&the.sandbox) < 0 ? 1 : 0); /* it returns on failure only, noted */
}
