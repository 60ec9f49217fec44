/*
 * outputs.c - group E of the attack cases: what a run may leave in /outputs to fool the collector.
 */
#define _GNU_SOURCE
#include "tests/probe/probe.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

static void put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) < 0)
        probe_attempt(path, -1);
    if (fd >= 0)
        close(fd);
}

static int e60(int argc, char **argv)
{
    (void)argc, (void)argv;
    put("/outputs/good.txt", "good\n");
    TRY("symlink(absolute)", symlink("/etc/shadow", "/outputs/absolute"));
    TRY("symlink(relative)", symlink("../../../etc/shadow", "/outputs/relative"));
    TRY("symlink(dangling)", symlink("/nowhere", "/outputs/dangling"));
    TRY("symlink(dir)", symlink("/etc", "/outputs/dir"));
    TRY("symlink(inside)", symlink("good.txt", "/outputs/inside"));
    TRY("symlink(proc)", symlink("/proc/self/root", "/outputs/magic"));
    return 0;
}

static int e61(int argc, char **argv)
{
    (void)argc, (void)argv;
    put("/outputs/good.txt", "good\n");
    put("/outputs/one.txt", "twice\n");
    TRY("link(dataset)", link("/data/d/data.csv", "/outputs/dataset"));
    TRY("link(runtime)", link("/usr/bin/env", "/outputs/runtime"));
    TRY("link(work)", link("/work/probe", "/outputs/work"));
    TRY("link(own)", link("/outputs/one.txt", "/outputs/two.txt"));
    TRY("rename(dataset)", rename("/data/d/data.csv", "/outputs/moved"));
    return 0;
}

static int e62(int argc, char **argv)
{
    (void)argc, (void)argv;
    put("/outputs/good.txt", "good\n");
    TRY("mkfifo(model.pkl)", mkfifo("/outputs/model.pkl", 0644));
    return 0;
}

static int e63(int argc, char **argv)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/outputs/socket"};

    (void)argc, (void)argv;
    put("/outputs/good.txt", "good\n");
    TRY("mknod(c 1 3)", mknod("/outputs/null", S_IFCHR | 0666, makedev(1, 3)));
    TRY("mknod(b 8 0)", mknod("/outputs/sda", S_IFBLK | 0666, makedev(8, 0)));
    TRY("mknod(c 1 1)", mknod("/tmp/mem", S_IFCHR | 0666, makedev(1, 1)));
    TRY("mknod(c 0 0)", mknod("/work/whiteout", S_IFCHR | 0666, makedev(0, 0)));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    TRY("bind(/outputs/socket)", bind(fd, (struct sockaddr *)&name, sizeof name));
    return 0;
}

static int e64(int argc, char **argv)
{
    static const char *const names[] = {"new\nline", "esc\033[31m", "byte\xff", "tab\there", "del\x7f",
                                        "c1-\xc2\x85", "over\xc0\xafslash", "  spaces  ", "-rf",
                                        "quote\"back\\slash", "..x", "\xe2\x80\xae-bidi", "-",
                                        "a/../../x", "../x", "/x"};
    char path[300];

    (void)argc, (void)argv;
    put("/outputs/good.txt", "good\n");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "/outputs/%s", names[i]);
        errno = 0;
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        probe_attempt(names[i], fd);
        if (fd >= 0)
            close(fd);
    }
    return 0;
}

/* Children rename and rewrite while the first process ends. */
static int e66(int argc, char **argv)
{
    (void)argc, (void)argv;
    put("/outputs/good.txt", "good\n");
    put("/outputs/a", "storm\n");
    mkdir("/outputs/da", 0755);
    put("/outputs/da/in", "storm\n");
    for (int i = 0; i < 4; i++)
        if (fork() == 0)
            for (;;) {
                rename("/outputs/a", "/outputs/b");
                rename("/outputs/da", "/outputs/db");
                symlink("/etc/shadow", "/outputs/a");
                symlink("/etc", "/outputs/da");
                unlink("/outputs/a");
                unlink("/outputs/da");
                rename("/outputs/b", "/outputs/a");
                rename("/outputs/db", "/outputs/da");
            }
    usleep(50000);
    return 0;
}

static int e68(int argc, char **argv)
{
    int flags = FS_IMMUTABLE_FL;

    (void)argc, (void)argv;
    put("/outputs/good.txt", "good\n");
    mkdir("/outputs/closed", 0755);
    put("/outputs/closed/inside.txt", "inside\n");
    put("/outputs/zero.txt", "zero\n");
    int fd = open("/outputs/zero.txt", O_RDONLY | O_CLOEXEC);
    TRY("ioctl(SETFLAGS immutable)", ioctl(fd, FS_IOC_SETFLAGS, &flags));
    close(fd);
    TRY("chmod(zero.txt, 0)", chmod("/outputs/zero.txt", 0));
    TRY("chmod(closed, 0)", chmod("/outputs/closed", 0));
    mkdir("/work/closed", 0755);
    put("/work/closed/x", "x");
    chmod("/work/closed", 0);
    TRY("chmod(/outputs, 0)", chmod("/outputs", 0));
    TRY("chmod(setuid)", chmod("/work/probe", 06755));
    return 0;
}

const struct verb verbs_outputs[] = {
    {"e60", e60, "symbolic links of all kinds in /outputs"},
    {"e61", e61, "hard links to the dataset, the runtime, its own file"},
    {"e62", e62, "a FIFO named as an artifact"},
    {"e63", e63, "device nodes and a socket"},
    {"e64", e64, "hostile names"},
    {"e66", e66, "renames that go on while the run ends"},
    {"e68", e68, "mode 000, immutable"},
    {0},
};
