/*
 * procs.c - adds up /proc/<pid>/stat over a tree. Called by the monitor at its polling pace.
 * What ends between two looks is found again in its parent's times of waited-for children.
 */
#include "runner/procs.h"

#include "api/common/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TREE_MAX = 8192 };

static ssize_t read_proc(pid_t pid, const char *file, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
    if (n >= 0)
        out[n] = '\0';
    return n;
}

static void add_process(pid_t pid, struct cg_usage *out)
{
    char text[1024];
    unsigned long user, system;
    long child_user, child_system, threads;
    long long pages;
    if (read_proc(pid, "stat", text, sizeof text) <= 0)
        return;
    const char *after = strrchr(text, ')'); /* the name may hold anything, parentheses too */
    /* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers, which fit their types. */
    if (!after || sscanf(after + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld %*d %*d %ld %*d %*u %*u %lld",
                         &user, &system, &child_user, &child_system, &threads, &pages) != 6)
        return;
    int64_t tick_us = 1000000 / sysconf(_SC_CLK_TCK);
    out->cpu_user_us += ((int64_t)user + child_user) * tick_us;
    out->cpu_system_us += ((int64_t)system + child_system) * tick_us;
    out->memory_bytes += pages * sysconf(_SC_PAGESIZE);
    out->processes += threads;
}

struct tree {
    pid_t todo[TREE_MAX]; /* found, not yet looked at; a list, not a recursion: a chain of processes is as
                             deep as its run likes */
    int count, seen;
};

/* Any thread may have forked: each keeps a list of its own children. */
static void add_children(pid_t pid, struct tree *t)
{
    static char text[65536];
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *d = opendir(path);
    for (struct dirent *entry; d && (entry = readdir(d));) {
        char file[300];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(file, sizeof file, "task/%.16s/children", entry->d_name);
        if (read_proc(pid, file, text, sizeof text) <= 0)
            continue;
        char *save = NULL;
        for (char *word = strtok_r(text, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
            long child = strtol(word, NULL, 10);
            if (child > 1 && t->count < TREE_MAX && t->seen < TREE_MAX) {
                t->todo[t->count++] = (pid_t)child;
                t->seen++;
            }
        }
    }
    if (d)
        closedir(d);
}

void procs_usage(pid_t root, struct cg_usage *out)
{
    static struct tree t;
    memset(out, 0xff, sizeof *out);
    out->cpu_us = out->cpu_user_us = out->cpu_system_us = out->memory_bytes = out->processes = 0;
    t.count = t.seen = 0;
    t.todo[t.count++] = root;
    while (t.count > 0) {
        pid_t pid = t.todo[--t.count];
        add_process(pid, out);
        add_children(pid, &t);
    }
    out->cpu_us = out->cpu_user_us + out->cpu_system_us;
}
