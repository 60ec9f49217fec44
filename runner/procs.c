/*
 * procs.c - adds up /proc/<pid>/stat over a tree. Called by the monitor at its polling pace.
 * What ends between two looks is found again in its parent's times of waited-for children.
 *
 * The run chooses the shape of its tree: a list instead of recursion, because a long chain of processes
 * overflowed our stack; every thread is asked for its children, because the kernel lists a child with
 * the thread that forked it.
 */
#include "runner/procs.h"

#include "api/common/fd.h"
#include "api/common/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tree {
    pid_t *pids; /* found, in any order; those before `done` are added up */
    size_t count, room, done;
};

static int open_proc(pid_t pid, const char *file)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* The number of its threads; 0: it is gone. */
static long add_process(pid_t pid, struct cg_usage *out)
{
    char text[1024];
    unsigned long user, system;
    long child_user, child_system, threads;
    long long pages;
    AUTO_FD int fd = open_proc(pid, "stat");
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *after = strrchr(text, ')'); /* the name may hold anything, parentheses too */
    /* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers, which fit their types. */
    if (!after || sscanf(after + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld %*d %*d %ld %*d %*u %*u %lld",
                         &user, &system, &child_user, &child_system, &threads, &pages) != 6)
        return 0;
    int64_t tick_us = 1000000 / sysconf(_SC_CLK_TCK);
    out->cpu_user_us += ((int64_t)user + child_user) * tick_us;
    out->cpu_system_us += ((int64_t)system + child_system) * tick_us;
    out->memory_bytes += pages * sysconf(_SC_PAGESIZE);
    out->processes += threads;
    return threads;
}

static void found(struct tree *t, pid_t pid)
{
    if (t->count == t->room) {
        t->room = t->room ? 2 * t->room : 64;
        t->pids = mem_grow(t->pids, t->room, sizeof *t->pids);
    }
    t->pids[t->count++] = pid;
}

/* "12 345 6 ": read in pieces, since it may be of any length. */
static void add_children(struct tree *t, pid_t pid, pid_t thread)
{
    char file[48], text[4096];
    ssize_t n;
    pid_t child = 0;
    snprintf(file, sizeof file, "task/%d/children", thread);
    AUTO_FD int fd = open_proc(pid, file);
    while (fd >= 0 && (n = read(fd, text, sizeof text)) > 0)
        for (ssize_t i = 0; i < n; i++) {
            if (text[i] >= '0' && text[i] <= '9') {
                child = child * 10 + (text[i] - '0');
                continue;
            }
            if (child > 1)
                found(t, child);
            child = 0;
        }
}

static void add_children_of_all_threads(struct tree *t, pid_t pid)
{
    int fd = open_proc(pid, "task");
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d)
        fd_close_at(&fd);
    for (const struct dirent *entry; d && (entry = readdir(d));)
        if (entry->d_name[0] != '.')
            add_children(t, pid, (pid_t)strtol(entry->d_name, NULL, 10));
    if (d)
        closedir(d);
}

void procs_usage(pid_t root, struct cg_usage *out)
{
    struct tree t = {0};
    memset(out, 0xff, sizeof *out);
    out->cpu_us = out->cpu_user_us = out->cpu_system_us = out->memory_bytes = out->processes = 0;
    found(&t, root);
    while (t.done < t.count) {
        pid_t pid = t.pids[t.done++];
        long threads = add_process(pid, out);
        if (threads == 1)
            add_children(&t, pid, pid);
        else if (threads > 1)
            add_children_of_all_threads(&t, pid);
    }
    free(t.pids);
    out->cpu_us = out->cpu_user_us + out->cpu_system_us;
}
