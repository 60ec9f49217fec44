/*
 * resources.c - group C of the attack cases: memory, CPU, disk, inodes, descriptors, kernel objects.
 */
#define _GNU_SOURCE
#include "tests/probe/probe.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { MIB = 1 << 20 };

/* Takes and touches memory, a mebibyte at a time, up to N MiB. */
static int memory(int argc, char **argv)
{
    long most = probe_arg(argc, argv, 0, 1 << 20), taken = 0;

    while (taken < most) {
        char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            break;
        memset(p, 0x5a, MIB);
        taken++;
    }
    TRY("mmap()", taken < most ? -1 : 0);
    probe_fact_int("mib", taken);
    return 0;
}

static int map_populate(int argc, char **argv)
{
    size_t bytes = (size_t)probe_arg(argc, argv, 0, 1024) * MIB;

    errno = 0;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    probe_attempt("mmap(POPULATE)", p == MAP_FAILED ? -1 : 0);
    if (p != MAP_FAILED) {
        TRY("madvise(HUGEPAGE)", madvise(p, bytes, MADV_HUGEPAGE));
        memset(p, 1, bytes);
    }
    return 0;
}

static int mlock_all(int argc, char **argv)
{
    size_t bytes = (size_t)probe_arg(argc, argv, 0, 64) * MIB;
    struct rlimit locked = {0};

    getrlimit(RLIMIT_MEMLOCK, &locked);
    probe_fact_int("rlimit_memlock", locked.rlim_cur == RLIM_INFINITY ? -1 : (long)locked.rlim_cur);
    TRY("mlockall(FUTURE)", mlockall(MCL_CURRENT | MCL_FUTURE));
    errno = 0;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    probe_attempt("mmap(locked)", p == MAP_FAILED ? -1 : 0);
    if (p != MAP_FAILED)
        TRY("mlock()", mlock(p, bytes));
    return 0;
}

/* Writes zeros to FILE until refused, or N MiB. */
static int fill(int argc, char **argv)
{
    static char block[MIB];
    const char *path = argc > 0 ? argv[0] : "/tmp/fill";
    long long most = (long long)probe_arg(argc, argv, 1, 1 << 20) * MIB, done = 0;
    char call[256];

    memset(block, 0xa5, sizeof block);
    snprintf(call, sizeof call, "write(%s)", path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        probe_attempt(call, -1);
        return 0;
    }
    ssize_t n = 0;
    while (done < most && (errno = 0, n = write(fd, block, sizeof block)) > 0)
        done += n;
    probe_attempt(call, done < most ? -1 : 0);
    probe_fact_int("bytes", done);
    return 0;
}

/* Makes empty files in FOLDER until refused, or N. */
static int many_files(int argc, char **argv)
{
    const char *dir = argc > 0 ? argv[0] : "/tmp";
    long most = probe_arg(argc, argv, 1, 10000000), made = 0;
    char path[256];

    for (; made < most; made++) {
        snprintf(path, sizeof path, "%s/f%ld", dir, made);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0)
            break;
        close(fd);
    }
    probe_attempt("open(O_CREAT)", made < most ? -1 : 0);
    probe_fact_int("made", made);
    return 0;
}

static int sparse(int argc, char **argv)
{
    const char *path = argc > 0 ? argv[0] : "/outputs/sparse";
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

    TRY("ftruncate(1 EiB)", ftruncate(fd, 1LL << 60));
    TRY("ftruncate(64 TiB)", ftruncate(fd, 1LL << 46));
    TRY("ftruncate(1 TiB)", ftruncate(fd, 1LL << 40));
    struct stat st = {0};
    fstat(fd, &st);
    probe_fact_int("size", st.st_size);
    TRY("fallocate(1 TiB)", fallocate(fd, 0, 0, 1LL << 40));
    return 0;
}

static int memfd_fill(int argc, char **argv)
{
    static char block[MIB];
    long most = probe_arg(argc, argv, 0, 1 << 20), done = 0;
    int fd = (int)TRY("memfd_create()", memfd_create("x", MFD_CLOEXEC));

    memset(block, 1, sizeof block);
    while (fd >= 0 && done < most && write(fd, block, sizeof block) > 0)
        done++;
    TRY("write(memfd)", done < most ? -1 : 0);
    probe_fact_int("mib", done);
    return 0;
}

static int sysv_fill(int argc, char **argv)
{
    long most = probe_arg(argc, argv, 0, 65536), done = 0;

    for (; done < most; done += 16) {
        int id = shmget(IPC_PRIVATE, 16 * MIB, IPC_CREAT | 0600);
        if (id < 0)
            break;
        char *p = shmat(id, NULL, 0);
        if (p == (void *)-1)
            break;
        memset(p, 1, 16 * MIB);
        shmdt(p);
    }
    probe_attempt("shmget/shmat", done < most ? -1 : 0);
    probe_fact_int("mib", done);
    return 0;
}

static int xattrs(int argc, char **argv)
{
    static char value[60000];
    int fd = open("/tmp/x", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    (void)argc, (void)argv;
    TRY("fsetxattr(user.a)", fsetxattr(fd, "user.a", value, sizeof value, 0));
    TRY("setxattr(user.a)", setxattr("/tmp/x", "user.a", value, sizeof value, 0));
    TRY("lsetxattr(security.capability)", lsetxattr("/tmp/x", "security.capability", value, 20, 0));
    TRY("setxattr(trusted.a)", setxattr("/tmp/x", "trusted.a", value, sizeof value, 0));
    return 0;
}

/* Fills pipe and socket buffers of as many descriptors as it gets: kernel memory. */
static int buffers(int argc, char **argv)
{
    static char block[MIB];
    long long bytes = 0;
    long pairs = 0;
    int pair[2];

    (void)argc, (void)argv;
    while (pipe2(pair, O_NONBLOCK | O_CLOEXEC) == 0) {
        fcntl(pair[1], F_SETPIPE_SZ, MIB);
        ssize_t n;
        while ((n = write(pair[1], block, sizeof block)) > 0)
            bytes += n;
        if (++pairs % 2 == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0) {
            while ((n = write(pair[1], block, sizeof block)) > 0)
                bytes += n;
        }
    }
    probe_attempt("pipe2()", -1);
    probe_fact_int("pairs", pairs);
    probe_fact_int("bytes", (long)bytes);
    return 0;
}

static int descriptors(int argc, char **argv)
{
    long made = 0;
    struct rlimit files = {1 << 30, 1 << 30};

    (void)argc, (void)argv;
    TRY("setrlimit(NOFILE)", setrlimit(RLIMIT_NOFILE, &files));
    while (dup(1) >= 0)
        made++;
    probe_attempt("dup()", -1);
    probe_fact_int("made", made);
    return 0;
}

static void *burns(void *unused)
{
    (void)unused;
    for (volatile uint64_t i = 1; i != 0; i++)
        ;
    return NULL;
}

/* Burns CPU in N threads, for ever or SECONDS. */
static int burn(int argc, char **argv)
{
    long threads = probe_arg(argc, argv, 0, 1), seconds = probe_arg(argc, argv, 1, 0);

    if (seconds == 0)
        probe_say();
    for (long i = 0; i < threads; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, burns, NULL);
    }
    if (seconds == 0)
        burns(NULL);
    struct timespec wall0, cpu, wall;
    clock_gettime(CLOCK_MONOTONIC, &wall0);
    sleep((unsigned)seconds);
    clock_gettime(CLOCK_MONOTONIC, &wall);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    probe_fact_int("wall_ms", (wall.tv_sec - wall0.tv_sec) * 1000 + (wall.tv_nsec - wall0.tv_nsec) / 1000000);
    probe_fact_int("cpu_ms", cpu.tv_sec * 1000 + cpu.tv_nsec / 1000000);
    probe_say();
    _exit(0);
}

static int sleeps(int argc, char **argv)
{
    probe_say();
    struct timespec t = {.tv_sec = probe_arg(argc, argv, 0, 3600)};
    nanosleep(&t, NULL);
    return 0;
}

/* Ten thousand folders, one in the other; a name of 255 bytes; a chain of links. */
static int deep(int argc, char **argv)
{
    long depth = probe_arg(argc, argv, 0, 10000), made = 0;
    char name[256], target[32];

    memset(name, 'n', 255);
    name[255] = '\0';
    if (chdir("/outputs") != 0)
        return 3;
    int fd = (int)TRY("open(255 bytes)", open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (fd >= 0)
        close(fd);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "link%d", i);
        snprintf(target, sizeof target, "link%d", i + 1);
        if (symlink(target, name) != 0)
            break;
    }
    if (symlink(".", "loop") != 0)
        return 4;
    for (; made < depth; made++)
        if (mkdir("d", 0755) != 0 || chdir("d") != 0)
            break;
    probe_attempt("mkdir()", made < depth ? -1 : 0);
    fd = open("leaf", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    probe_fact_int("depth", made);
    return 0;
}

static int watches(int argc, char **argv)
{
    long epolls = 0;

    (void)argc, (void)argv;
    int fd = (int)TRY("inotify_init1()", inotify_init1(IN_CLOEXEC));
    TRY("inotify_init()", syscall(SYS_inotify_init));
    if (fd >= 0)
        TRY("inotify_add_watch(/data)", inotify_add_watch(fd, "/data", IN_ALL_EVENTS));
    TRY("fanotify_init()", syscall(SYS_fanotify_init, 0, 0));
    while (epoll_create1(EPOLL_CLOEXEC) >= 0)
        epolls++;
    probe_attempt("epoll_create1()", -1);
    probe_fact_int("epolls", epolls);
    return 0;
}

static int c51(int argc, char **argv)
{
    (void)argc, (void)argv;
    TRY("mq_open()", syscall(SYS_mq_open, "x", O_CREAT | O_RDWR, 0600, NULL));
    TRY("mq_unlink()", syscall(SYS_mq_unlink, "x"));
    TRY("add_key()", syscall(SYS_add_key, "user", "x", "y", 1, -3));
    TRY("request_key()", syscall(SYS_request_key, "user", "x", NULL, -3));
    TRY("keyctl()", syscall(SYS_keyctl, 0, -3, 1, 0, 0));
    TRY("msgget()", syscall(SYS_msgget, 1, 01000 | 0600));
    return 0;
}

const struct verb verbs_resources[] = {
    {"memory", memory, "takes and touches N MiB"},
    {"map_populate", map_populate, "maps N MiB populated, asks for huge pages"},
    {"mlock_all", mlock_all, "locks memory"},
    {"fill", fill, "writes FILE until refused [at most N MiB]"},
    {"many_files", many_files, "empty files in FOLDER until refused [at most N]"},
    {"sparse", sparse, "huge sparse files at PATH"},
    {"memfd_fill", memfd_fill, "fills a memfd [at most N MiB]"},
    {"sysv_fill", sysv_fill, "fills System V shared memory [at most N MiB]"},
    {"xattrs", xattrs, "extended attributes as storage"},
    {"buffers", buffers, "pipe and socket buffers until refused"},
    {"descriptors", descriptors, "descriptors until refused"},
    {"burn", burn, "burns CPU in N threads [for SECONDS]"},
    {"sleep", sleeps, "sleeps SECONDS"},
    {"deep", deep, "nests N folders below /outputs, long names, link chains"},
    {"watches", watches, "inotify, fanotify, epoll"},
    {"c51", c51, "POSIX message queues and keyrings as storage"},
    {0},
};
