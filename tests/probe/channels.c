/*
 * channels.c - group D of the attack cases: standard output, other descriptors, metrics, exit statuses.
 */
#define _GNU_SOURCE
#include "tests/probe/probe.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int write_all(int fd, const char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);
        if (n < 0)
            return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* N MiB of numbered lines of 16 bytes on standard output, so that head and tail can be told. */
static int flood(int argc, char **argv)
{
    static char block[65536];
    char text[17] = "000000000000000\n";
    long long lines = (long long)probe_arg(argc, argv, 0, 16) * 65536, line = 0;

    while (line < lines) {
        for (size_t at = 0; at < 65536; at += 16, line++) {
            memcpy(block + at, text, 16);
            for (int digit = 14; digit >= 0 && text[digit]++ == '9'; digit--)
                text[digit] = '0';
        }
        if (write_all(STDOUT_FILENO, block, 65536) != 0)
            _exit(3);
    }
    _exit(0);
}

/* One line of N MiB without its end. */
static int long_line(int argc, char **argv)
{
    static char block[1 << 20];
    long mib = probe_arg(argc, argv, 0, 100);

    memset(block, 'x', sizeof block);
    for (long i = 0; i < mib; i++)
        if (write_all(STDOUT_FILENO, block, sizeof block) != 0)
            _exit(3);
    _exit(0);
}

static int d54(int argc, char **argv)
{
    const char *metrics = getenv("ENCLOS_METRICS_FD");
    int known = metrics != NULL ? atoi(metrics) : -1;
    char open_fds[512] = "";
    long writable = 0, opened = 0;

    (void)argc, (void)argv;
    for (int fd = 3; fd <= 4096; fd++) {
        if (fd == known)
            continue;
        if (write(fd, "x", 1) >= 0 || errno != EBADF)
            writable++;
        if (fcntl(fd, F_GETFD) >= 0) {
            opened++;
            if (strlen(open_fds) + 16 < sizeof open_fds)
                sprintf(open_fds + strlen(open_fds), "%d ", fd);
        }
    }
    probe_fact_int("metrics_fd", known);
    probe_fact_int("not_ebadf", writable);
    probe_fact_int("open", opened);
    probe_fact_str("open_fds", open_fds);
    return 0;
}

static int close_all(int argc, char **argv)
{
    (void)argc, (void)argv;
    syscall(SYS_close_range, 0, ~0U, 0);
    _exit(0);
}

static int exits(int argc, char **argv)
{
    _exit((int)probe_arg(argc, argv, 0, 0));
}

static int raises(int argc, char **argv)
{
    int number = (int)probe_arg(argc, argv, 0, SIGKILL);
    signal(number, SIG_DFL);
    raise(number);
    return 0;
}

/* Sends its arguments, a line each, as metrics. */
static int metrics(int argc, char **argv)
{
    const char *fd = getenv("ENCLOS_METRICS_FD");

    if (fd == NULL)
        return 3;
    for (int i = 0; i < argc; i++)
        if (write_all(atoi(fd), argv[i], strlen(argv[i])) != 0 || write_all(atoi(fd), "\n", 1) != 0)
            return 4;
    return 0;
}

/* N metric lines, then as many bytes without an end of line as it can write. */
static int metric_flood(int argc, char **argv)
{
    const char *fd = getenv("ENCLOS_METRICS_FD");
    long lines = probe_arg(argc, argv, 0, 1000);
    char line[128];

    if (fd == NULL)
        return 3;
    for (long i = 0; i < lines; i++) {
        int n = snprintf(line, sizeof line, "{\"metric\":\"m\",\"value\":%ld,\"step\":%ld}\n", i, i);
        if (write_all(atoi(fd), line, (size_t)n) != 0)
            return 4;
    }
    return 0;
}

const struct verb verbs_channels[] = {
    {"flood", flood, "N MiB of numbered lines"},
    {"long_line", long_line, "one line of N MiB"},
    {"d54", d54, "writes to descriptors 3 to 4096"},
    {"close_all", close_all, "closes every descriptor, ends with 0"},
    {"exit", exits, "ends with STATUS"},
    {"raise", raises, "raises SIGNAL against itself"},
    {"metrics", metrics, "sends each argument as a metric line"},
    {"metric_flood", metric_flood, "N metric lines"},
    {0},
};
