/*
 * fuzz.c - group G: system calls by number with edge arguments, as fast as they come (case 100).
 *
 * A verb of the probe like the others: it says what came back for each number, never whether that is right.
 * Children make the calls and may die of them; what they saw stands on a page that they share.
 */
#include "tests/probe/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NUMBERS = 601, ERRNOS = 256, BATCH = 400, X32_BIT = 0x40000000 };

struct page {
    uint64_t calls;
    uint8_t came_back[NUMBERS];        /* 1: with a value, not an error */
    uint8_t errnos[NUMBERS][ERRNOS / 8]; /* bits */
};

static struct page *page;
static uint64_t state;

static uint64_t next_random(void)
{
    state ^= state << 13; /* xorshift64 */
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static long edge(void)
{
    static char room[4096];
    static const char *const paths[] = {"/", "/proc/1/mem", "/outputs/x", "/data", "..", "/dev/null", ""};
    switch (next_random() % 12) {
    case 0: return 0;
    case 1: return 1;
    case 2: return -1;
    case 3: return INT64_MAX;
    case 4: return INT64_MIN;
    case 5: return (long)(next_random() & 0xff);
    case 6: return (long)next_random();
    case 7: return (long)(intptr_t)paths[next_random() % (sizeof paths / sizeof *paths)];
    case 8: return (long)(1UL << (next_random() % 64));
    case 9: return (long)0x100000000UL;
    case 10: return 4096;
    default: return (long)(intptr_t)room;
    }
}

/* Calls that end or stop the one who makes them, or every process of the run: they have cases of their own,
 * and would only cut the fuzz short. */
static int is_left_out(long nr)
{
    static const short numbers[] = {
        SYS_exit, SYS_exit_group, SYS_rt_sigreturn, SYS_pause, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo,
        SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal, SYS_clone, SYS_vfork, SYS_rt_sigsuspend, SYS_rt_sigprocmask,
        SYS_rt_sigaction, SYS_execve, SYS_execveat, SYS_setpriority, SYS_reboot, SYS_sigaltstack,
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i] == nr)
            return 1;
    return 0;
}

static void one_call(void)
{
    long nr = (long)(next_random() % NUMBERS), a = edge(), b = edge(), c = edge(), d = edge(), e = edge(), f = edge();
    if (is_left_out(nr))
        return;
    errno = 0;
    long got = syscall(nr, a, b, c, d, e, f);
    int kept = errno;
    if (nr == SYS_fork && got == 0)
        _exit(0);
    page->calls++;
    if (got != -1)
        page->came_back[nr] = 1;
    else if (kept > 0 && kept < ERRNOS)
        page->errnos[nr][kept / 8] |= (uint8_t)(1 << (kept % 8));
}

static void batch(void)
{
    struct timespec pause = {0, 1000000};
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        for (int fd = 0; fd <= 3; fd++) /* what it writes is nobody's line */
            dup2(null, fd);
        alarm(2);
        for (int i = 0; i < BATCH; i++)
            one_call();
        _exit(0);
    }
    state += (uint64_t)pid; /* a child that died early must not be repeated */
    next_random();
    for (int waited = 0; pid > 0 && waitpid(pid, NULL, WNOHANG) == 0; waited++) {
        if (waited > 300)
            kill(pid, SIGKILL);
        nanosleep(&pause, NULL);
    }
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ; /* what they forked */
}

/* Entries of other architectures, each in a child that must not come back. */
static int how_it_ends(int x32)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        if (x32)
            syscall(X32_BIT | SYS_getpid);
        else
            __asm__ volatile("int $0x80" : : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return -1;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static int fuzz(int argc, char **argv)
{
    long wanted = probe_arg(argc, argv, 1, 20000);
    state = 0x9e3779b97f4a7c15ULL ^ ((uint64_t)probe_arg(argc, argv, 0, 1) << 20);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return 1;
    for (int i = 0; page->calls < (uint64_t)wanted && i < wanted; i++)
        batch();
    /* "NUMBER ok ERRNO ERRNO" a line, for those that were reached. */
    char *text = calloc(1, NUMBERS * 256);
    size_t n = 0;
    for (int nr = 0; text && nr < NUMBERS; nr++) {
        size_t start = n;
        n += (size_t)sprintf(text + n, "%d", nr);
        size_t bare = n;
        if (page->came_back[nr])
            n += (size_t)sprintf(text + n, " ok");
        for (int e = 1; e < ERRNOS && n < start + 200; e++)
            if (page->errnos[nr][e / 8] & (1 << (e % 8)))
                n += (size_t)sprintf(text + n, " %s", probe_errno_name(e));
        if (n == bare)
            n = start;
        else
            text[n++] = '\n';
        text[n] = '\0';
    }
    probe_fact_int("calls", (long)page->calls);
    probe_fact_int("x32_signal", how_it_ends(1));
    probe_fact_int("i386_signal", how_it_ends(0));
    FILE *out = fopen("/outputs/seen.txt", "w");
    if (!out || !text || fputs(text, out) < 0 || fclose(out) != 0)
        return 1;
    probe_say();
    return 0;
}

const struct verb verbs_fuzz[] = {
    {"fuzz", fuzz, "SEED CALLS: random system calls, what came back to /outputs/seen.txt"},
    {0},
};
