/*
 * drive.c - starts programs, or runs through a launcher, so many at once, and times each one.
 *
 *   drive spawn AT_ONCE COUNT PAUSE_US PROGRAM [ARGUMENT]...
 *       from vfork to the end of the program; "{n}" in an argument becomes the number of the start
 *   drive launcher AT_ONCE COUNT PAUSE_US LAUNCHER_SOCKET PROFILE FOLDER...
 *       from the request on the launcher's socket (an inherited descriptor) to record.json in the run's
 *       folder; FOLDER holds the run folders r0, r1, ... COUNT-1, made before
 *
 * PAUSE_US: how long nobody asks for anything before each start, as when people do.
 * Prints the nanoseconds of each on a line, then "wall NANOSECONDS" of all and "cpu NANOSECONDS" that the
 * whole machine spent meanwhile. In C, because an interpreter's own start and polling would be half of what is
 * measured.
 */
#define _GNU_SOURCE
#include "api/common/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { AT_ONCE_MAX = 64 };

__attribute__((noreturn)) static void die(const char *what)
{
    fprintf(stderr, "drive: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* What all processors have done since the machine started, but for being idle. */
static int64_t busy_ns(void)
{
    long long f[8] = {0};
    FILE *stat = fopen("/proc/stat", "re");
    if (!stat || fscanf(stat, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", f, f + 1, f + 2, f + 3, f + 4, f + 5, f + 6, f + 7) < 8)
        die("/proc/stat");
    fclose(stat);
    return (f[0] + f[1] + f[2] + f[5] + f[6] + f[7]) * (INT64_C(1000000000) / sysconf(_SC_CLK_TCK));
}

/* ---- programs ---- */

static pid_t spawn(char **argv, long number)
{
    static char texts[16][256];
    static char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    static posix_spawn_file_actions_t quiet;
    static int ready;
    char *filled[64];
    int k = 0, n = 0;
    pid_t pid;

    if (!ready) {
        posix_spawn_file_actions_init(&quiet);
        for (int fd = 0; fd < 3; fd++)
            posix_spawn_file_actions_addopen(&quiet, fd, "/dev/null", O_RDWR, 0);
        ready = 1;
    }
    for (; argv[n] && n < 63; n++) {
        char *at = strstr(argv[n], "{n}");
        filled[n] = argv[n];
        if (at && k < 16) {
            snprintf(texts[k], sizeof texts[k], "%.*s%ld%s", (int)(at - argv[n]), argv[n], number, at + 3);
            filled[n] = texts[k++];
        }
    }
    filled[n] = NULL;
    errno = posix_spawn(&pid, filled[0], &quiet, NULL, filled, env);
    if (errno)
        die(filled[0]);
    return pid;
}

static void drive_spawn(long at_once, long count, useconds_t pause_us, char **argv, int64_t *took)
{
    struct {
        pid_t pid;
        int64_t began;
    } going[AT_ONCE_MAX] = {{0, 0}};
    long started = 0, ended = 0;

    while (ended < count) {
        for (long i = 0; i < at_once && started < count; i++)
            if (!going[i].pid) {
                usleep(pause_us);
                going[i].began = now_ns();
                going[i].pid = spawn(argv, started++);
            }
        int status;
        pid_t pid = wait(&status);
        int64_t end = now_ns();
        if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fprintf(stderr, "drive: %s ended with status %#x\n", argv[0], (unsigned)status);
            exit(1);
        }
        for (long i = 0; i < at_once; i++)
            if (going[i].pid == pid) {
                took[ended++] = end - going[i].began;
                going[i].pid = 0;
            }
    }
}

/* ---- the launcher ---- */

/* Takes an answer; closes the monitor's descriptor that came with it. */
static void take_answer(int sock)
{
    struct launch_packet p;
    char control[CMSG_SPACE(8 * sizeof(int))];
    struct iovec iov = {&p, sizeof p};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};

    if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof p)
        die("the launcher is gone");
    if (p.type != LAUNCH_STARTED) {
        fprintf(stderr, "drive: the launcher said %u: %s\n", p.type, p.text);
        exit(1);
    }
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        int fd;
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
        close(fd);
    }
}

static void request(int sock, const char *profile, long number, int folder)
{
    struct launch_packet p = {.magic = LAUNCH_MAGIC, .version = LAUNCH_VERSION, .type = LAUNCH_START};
    char control[CMSG_SPACE(sizeof folder)] = {0};
    struct iovec iov = {&p, sizeof p};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};

    snprintf(p.run, sizeof p.run, "r%ld", number);
    snprintf(p.text, sizeof p.text, "%s", profile);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof folder)};
    memcpy(CMSG_DATA(c), &folder, sizeof folder);
    if (sendmsg(sock, &m, 0) != (ssize_t)sizeof p)
        die("cannot ask the launcher");
}

static void drive_launcher(long at_once, long count, useconds_t pause_us, char **argv, int64_t *took)
{
    int sock = (int)strtol(argv[0], NULL, 10), notify = inotify_init1(IN_CLOEXEC), *folders = calloc((size_t)count, sizeof *folders);
    int64_t *began = calloc((size_t)count + 2, sizeof *began);
    long started = 0, ended = 0, answers = 0;

    if (notify < 0 || !folders || !began)
        die("inotify");
    /* Watches are numbered from 1, in the order in which they are made. */
    for (long i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/r%ld", argv[2], i);
        folders[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folders[i] < 0 || inotify_add_watch(notify, path, IN_MOVED_TO) != i + 1)
            die(path);
    }
    while (ended < count) {
        while (started - ended < at_once && started < count) {
            usleep(pause_us);
            began[started] = now_ns();
            request(sock, argv[1], started, folders[started]);
            started++;
        }
        struct pollfd p[2] = {{notify, POLLIN, 0}, {sock, POLLIN, 0}};
        if (poll(p, 2, 30000) <= 0)
            die("no run has ended for 30 s");
        if (p[1].revents) {
            take_answer(sock);
            answers++;
        }
        if (!p[0].revents)
            continue;
        char events[8192];
        ssize_t n = read(notify, events, sizeof events);
        int64_t end = now_ns();
        for (ssize_t at = 0; at < n;) {
            struct inotify_event e;
            memcpy(&e, events + at, sizeof e);
            if (e.len && strcmp(events + at + sizeof e, "record.json") == 0)
                took[ended++] = end - began[e.wd - 1];
            at += (ssize_t)(sizeof e + e.len);
        }
    }
    for (; answers < count; answers++)
        take_answer(sock);
}

int main(int argc, char **argv)
{
    long at_once = argc > 5 ? strtol(argv[2], NULL, 10) : 0, count = argc > 5 ? strtol(argv[3], NULL, 10) : 0;
    long pause_us = argc > 5 ? strtol(argv[4], NULL, 10) : -1;

    if (at_once < 1 || at_once > AT_ONCE_MAX || count < 1 || pause_us < 0 || pause_us >= 1000000) {
        fprintf(stderr, "usage: drive spawn|launcher AT_ONCE COUNT PAUSE_US ...\n");
        return 2;
    }
    int64_t *took = calloc((size_t)count, sizeof *took), began = now_ns(), cpu = busy_ns();
    if (!took)
        die("memory");
    (strcmp(argv[1], "spawn") == 0 ? drive_spawn : drive_launcher)(at_once, count, (useconds_t)pause_us, argv + 5, took);
    int64_t wall = now_ns() - began;
    cpu = busy_ns() - cpu;
    for (long i = 0; i < count; i++)
        printf("%lld\n", (long long)took[i]);
    printf("wall %lld\ncpu %lld\n", (long long)wall, (long long)cpu);
    return 0;
}
