/*
 * cgroup.c - control groups of a run. See cgroup.h. Every limit that is written is read back: a
 * kernel, a container or a read-only mount that keeps another value than asked ends the set-up.
 */
#include "runner/cgroup.h"

#include "api/common/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static const char *const controller_names[CG_COUNT] = {"memory", "pids", "cpu", "cpuacct"};

/* ---- small files ---- */

static int read_small(int dir, const char *name, char *out, size_t size)
{
    AUTO_FD int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    ssize_t n = read(fd, out, size - 1);
    if (n < 0)
        return -1;
    out[n] = '\0';
    return 0;
}

static int64_t read_number(int dir, const char *name)
{
    char text[64];
    if (read_small(dir, name, text, sizeof text) < 0)
        return -1;
    if (strncmp(text, "max", 3) == 0)
        return INT64_MAX;
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (end == text || errno != 0)
        return -1;
    return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

struct wanted {
    const char *key;
    int64_t *out;
};

/* Numbers of a flat-keyed file, each after `key ` at the start of a line; -1: not there. `wanted` ends with a NULL key. */
static void read_keyed(int dir, const char *name, const struct wanted *wanted)
{
    char text[4096];
    if (read_small(dir, name, text, sizeof text) < 0)
        text[0] = '\0';
    for (const struct wanted *w = wanted; w->key; w++) {
        size_t n = strlen(w->key);
        *w->out = -1;
        for (char *line = text; line && *line; line = (line = strchr(line, '\n')) ? line + 1 : NULL)
            if (strncmp(line, w->key, n) == 0 && line[n] == ' ') {
                *w->out = strtoll(line + n + 1, NULL, 10);
                break;
            }
    }
}
#define READ_KEYED(dir, name, ...) read_keyed((dir), (name), (const struct wanted[]){__VA_ARGS__, {NULL, NULL}})

static int write_small(int dir, const char *name, const char *text)
{
    AUTO_FD int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    size_t n = strlen(text);
    return write(fd, text, n) == (ssize_t)n ? 0 : -1;
}

/* ---- probing ---- */

/* Where a v1 controller or the v2 tree is mounted, and the part of the hierarchy that is its root. */
struct mount_place {
    char point[256];
    char root[256];
};

/* /proc/self/mountinfo: "36 35 98:0 /root /point rw,... - cgroup cgroup rw,memory". Spaces inside
 * paths are escaped as \040 there; cgroup mounts have none in practice and one that has is skipped. */
static bool find_mount(const char *mountinfo, const char *controller, struct mount_place *out)
{
    for (const char *line = mountinfo; line && *line;) {
        const char *next = strchr(line, '\n');
        char copy[1024];
        size_t n = next ? (size_t)(next - line) : strlen(line);
        if (n < sizeof copy) {
            memcpy(copy, line, n);
            copy[n] = '\0';
            char root[256], point[256], fstype[32], source[64], super[256];
            const char *sep = strstr(copy, " - ");
            if (sep && sscanf(copy, "%*s %*s %*s %255s %255s", root, point) == 2 &&
                sscanf(sep + 3, "%31s %63s %255s", fstype, source, super) == 3) {
                bool hit = false;
                if (!controller) {
                    hit = strcmp(fstype, "cgroup2") == 0;
                } else if (strcmp(fstype, "cgroup") == 0) {
                    char *save = NULL;
                    for (char *word = strtok_r(super, ",", &save); word; word = strtok_r(NULL, ",", &save))
                        hit |= strcmp(word, controller) == 0;
                }
                if (hit) {
                    memcpy(out->point, point, sizeof out->point);
                    memcpy(out->root, root, sizeof out->root);
                    return true;
                }
            }
        }
        line = next ? next + 1 : NULL;
    }
    return false;
}

/* /proc/self/cgroup: "4:memory:/path" or "0::/path". NULL controller: the v2 line. */
static bool find_own(const char *self, const char *controller, char *out, size_t size)
{
    for (const char *line = self; line && *line;) {
        const char *next = strchr(line, '\n');
        const char *names = strchr(line, ':');
        const char *path = names ? strchr(names + 1, ':') : NULL;
        if (path && (!next || path < next)) {
            size_t len = next ? (size_t)(next - path - 1) : strlen(path + 1);
            bool hit = !controller && path == names + 1;
            for (const char *p = names + 1; controller && p < path;) {
                size_t n = strcspn(p, ",:");
                hit |= n == strlen(controller) && strncmp(p, controller, n) == 0;
                p += n + 1;
            }
            if (hit && len < size) {
                memcpy(out, path + 1, len);
                out[len] = '\0';
                return true;
            }
        }
        line = next ? next + 1 : NULL;
    }
    return false;
}

/* The folder of our own group below the mount: in a container the mount shows a subtree whose root
 * is a prefix of the path that /proc/self/cgroup gives. */
static void own_folder(const struct mount_place *m, const char *own, char *out, size_t size)
{
    size_t n = strcmp(m->root, "/") == 0 ? 0 : strlen(m->root);
    if (n && strncmp(own, m->root, n) == 0)
        own += n;
    snprintf(out, size, "%s%s", m->point, strcmp(own, "/") == 0 ? "" : own);
}

static int base_error(struct err *e, const char *controller, const char *path)
{
    return err_sys(e, "cgroup",
                   "run enclosd as root, or give it a delegated group with --cgroup (as a user: "
                   "systemd-run --user --scope -p Delegate=yes enclosd), or ask for limits: best_effort",
                   "controller %s: cannot use the group %s", controller, path);
}

/* Ours alone: whoever can open it can lock it (lock_bases), and then no run starts or is swept any more. */
static int make_base(const char *controller, const char *path, struct err *e)
{
    struct stat st;
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return base_error(e, controller, path);
    if (access(path, W_OK | X_OK) < 0 || stat(path, &st) < 0)
        return base_error(e, controller, path);
    if (st.st_uid == geteuid() && (st.st_mode & 077) && chmod(path, 0700) < 0)
        return base_error(e, controller, path);
    return 0;
}

static int probe_v1(const char *base, const char *mountinfo, const char *self, struct cg_host *out,
                    struct err *e)
{
    for (int c = 0; c < CG_COUNT; c++) {
        struct mount_place m;
        char own[512], folder[480];
        if (!find_mount(mountinfo, controller_names[c], &m))
            return err_set(e, E_UNAVAILABLE, "cgroup", "mount the controller, or boot with cgroup v2",
                           "the cgroup controller %s is not mounted", controller_names[c]);
        if (base)
            snprintf(folder, sizeof folder, "%s/%s", m.point, base);
        else if (find_own(self, controller_names[c], own, sizeof own)) {
            own_folder(&m, own, folder, sizeof folder - 8);
            strcat(folder, "/enclos");
        } else
            return err_set(e, E_UNAVAILABLE, "cgroup", NULL, "this process is in no group of %s",
                           controller_names[c]);
        if (make_base(controller_names[c], folder, e) < 0)
            return -1;
        strcpy(out->base[c], folder);
        for (int b = 0; b < c; b++)
            out->alias[c] |= strcmp(out->base[b], folder) == 0;
    }
    char swap[600];
    snprintf(swap, sizeof swap, "%s/memory.memsw.limit_in_bytes", out->base[CG_MEMORY]);
    out->swap = access(swap, F_OK) == 0;
    out->kind = CG_V1;
    return 0;
}

/* Moves every process of `folder` into folder/daemon, so that controllers may be given to children
 * (v2: a group has either processes or controllers below it). Only done in a group that was
 * delegated to us: what else lives in an ordinary group is not ours to move. */
static int move_to_leaf(const char *folder, struct err *e)
{
    char path[600], pids[16384];
    AUTO_FD int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "%s/daemon", folder);
    if (dir < 0 || (mkdir(path, 0755) < 0 && errno != EEXIST))
        return err_sys(e, "cgroup", NULL, "cannot make %s", path);
    for (int round = 0; round < 10; round++) {
        if (read_small(dir, "cgroup.procs", pids, sizeof pids) < 0)
            return err_sys(e, "cgroup", NULL, "cannot read %s/cgroup.procs", folder);
        if (!*pids)
            return 0;
        char *save = NULL;
        for (char *pid = strtok_r(pids, "\n", &save); pid; pid = strtok_r(NULL, "\n", &save))
            if (write_small(dir, "daemon/cgroup.procs", pid) < 0 && errno != ESRCH)
                return err_sys(e, "cgroup", NULL, "cannot move process %s to %s", pid, path);
    }
    return err_set(e, E_UNAVAILABLE, "cgroup", NULL, "%s does not become empty", folder);
}

static bool is_delegated(const char *folder)
{
    char mark[4];
    return getxattr(folder, "user.delegate", mark, sizeof mark) == 1 ||
           getxattr(folder, "trusted.delegate", mark, sizeof mark) == 1;
}

static int enable_controllers(const char *folder, bool may_move, struct err *e)
{
    static const char *const wanted[] = {"memory", "pids", "cpu", NULL};
    AUTO_FD int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char have[512];
    if (dir < 0 || read_small(dir, "cgroup.controllers", have, sizeof have) < 0)
        return err_sys(e, "cgroup", NULL, "cannot read %s/cgroup.controllers", folder);
    for (size_t i = 0; wanted[i]; i++) {
        char needle[32], text[sizeof have + 2];
        snprintf(needle, sizeof needle, " %s ", wanted[i]);
        snprintf(text, sizeof text, " %s ", have);
        for (char *p = text; *p; p++)
            if (*p == '\n')
                *p = ' ';
        if (!strstr(text, needle))
            return err_set(e, E_UNAVAILABLE, "cgroup", "delegate the controller to this group",
                           "the cgroup controller %s is not available in %s", wanted[i], folder);
    }
    if (write_small(dir, "cgroup.subtree_control", "+memory +pids +cpu") == 0)
        return 0;
    if (errno == EBUSY && may_move) {
        if (move_to_leaf(folder, e) < 0)
            return -1;
        if (write_small(dir, "cgroup.subtree_control", "+memory +pids +cpu") == 0)
            return 0;
    }
    return base_error(e, "memory, pids, cpu", folder);
}

static int probe_v2(const char *base, const struct mount_place *m, const char *self, struct cg_host *out,
                    struct err *e)
{
    char own[512], folder[480], parent[480];
    if (base) {
        snprintf(parent, sizeof parent, "%s/%s", m->point, base);
        snprintf(folder, sizeof folder, "%s", parent);
    } else {
        if (!find_own(self, NULL, own, sizeof own))
            return err_set(e, E_UNAVAILABLE, "cgroup", NULL, "this process is in no v2 group");
        own_folder(m, own, parent, sizeof parent - 8);
        /* A launcher that was moved to the leaf by a former one finds itself in .../daemon. */
        size_t n = strlen(parent);
        if (n > 7 && strcmp(parent + n - 7, "/daemon") == 0)
            parent[n - 7] = '\0';
        if (enable_controllers(parent, is_delegated(parent), e) < 0) {
            /* A login session or a unit that was not delegated: its processes are not ours to move. Root's
             * runs then go beside them all, where container engines have theirs without systemd. */
            if (geteuid() != 0 || e->os_errno != EBUSY || strcmp(parent, m->point) == 0)
                return -1;
            *e = (struct err){0};
            snprintf(parent, sizeof parent, "%s", m->point);
            if (enable_controllers(parent, false, e) < 0)
                return -1;
        }
        snprintf(folder, sizeof folder, "%.470s/enclos", parent);
    }
    /* A unit with Delegate=yes that was named by --cgroup has a process, or systemd would remove it. */
    if (make_base("memory", folder, e) < 0 || enable_controllers(folder, base && is_delegated(folder), e) < 0)
        return -1;
    strcpy(out->base[CG_MEMORY], folder);
    char swap[600];
    snprintf(swap, sizeof swap, "%s/memory.swap.max", folder);
    out->swap = access(swap, F_OK) == 0;
    out->kind = CG_V2;
    return 0;
}

int cg_probe(const char *base, struct cg_host *out, struct err *e)
{
    AUTO_BUF struct buf mounts = BUF_INIT(4 << 20);
    AUTO_BUF struct buf self = BUF_INIT(64 << 10);
    struct mount_place v2 = {0};
    memset(out, 0, sizeof *out);
    if (fd_read_file(AT_FDCWD, "/proc/self/mountinfo", 4 << 20, &mounts, e) < 0 ||
        fd_read_file(AT_FDCWD, "/proc/self/cgroup", 64 << 10, &self, e) < 0)
        return -1;
    const char *mountinfo = buf_cstr(&mounts);
    bool has_v2 = find_mount(mountinfo, NULL, &v2);
    struct mount_place v1;
    if (find_mount(mountinfo, "memory", &v1)) {
        out->hybrid = has_v2;
        return probe_v1(base, mountinfo, buf_cstr(&self), out, e);
    }
    if (has_v2)
        return probe_v2(base, &v2, buf_cstr(&self), out, e);
    return err_set(e, E_UNAVAILABLE, "cgroup", "mount cgroup2 on /sys/fs/cgroup",
                   "no cgroup hierarchy is mounted");
}

const char *cg_kind_name(const struct cg_host *host)
{
    return host->kind == CG_V2 ? "v2" : host->kind == CG_NONE ? "none" : host->hybrid ? "hybrid" : "v1";
}

/* ---- one run's group ---- */

/* Writes a limit and reads it back. The kernel may round a size down to a page, nothing else. */
static int set_limit(int dir, const char *file, int64_t value, int64_t *kept, struct err *e)
{
    int64_t rounding = strncmp(file, "memory.", 7) == 0 ? 4095 : 0;
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    if (write_small(dir, file, text) < 0)
        return err_sys(e, file, "the group must be writable by the runner", "cannot write %s to %s", text,
                       file);
    int64_t back = read_number(dir, file);
    if (back < 0 || back > value || back < value - rounding)
        return err_set(e, E_UNAVAILABLE, file, "the limit is not in force: the run is not started",
                       "%s was asked to hold %" PRId64 " and holds %" PRId64, file, value, back);
    if (kept)
        *kept = back;
    return 0;
}

static int limits_v1(struct cg *cg, const struct cg_limits *l, struct err *e)
{
    int64_t quota = l->cpus_milli * 100, period = 0, kept = 0;
    if (set_limit(cg->dir[CG_MEMORY], "memory.limit_in_bytes", l->memory_bytes, &cg->applied.memory_bytes,
                  e) < 0)
        return -1;
    /* memsw must never be below limit; a fresh group has no limit, so limit goes first. */
    if (cg->host->swap && set_limit(cg->dir[CG_MEMORY], "memory.memsw.limit_in_bytes", l->memory_bytes,
                                    NULL, e) < 0)
        return -1;
    if (!cg->host->swap && set_limit(cg->dir[CG_MEMORY], "memory.swappiness", 0, NULL, e) < 0)
        return -1;
    if (set_limit(cg->dir[CG_PIDS], "pids.max", l->processes, &cg->applied.processes, e) < 0 ||
        set_limit(cg->dir[CG_CPU], "cpu.cfs_period_us", 100000, &period, e) < 0 ||
        set_limit(cg->dir[CG_CPU], "cpu.cfs_quota_us", quota, &kept, e) < 0)
        return -1;
    cg->applied.cpus_milli = kept * 1000 / period;
    return 0;
}

static int limits_v2(struct cg *cg, const struct cg_limits *l, struct err *e)
{
    char text[64], back[64];
    int dir = cg->dir[CG_MEMORY];
    if (set_limit(dir, "memory.max", l->memory_bytes, &cg->applied.memory_bytes, e) < 0 ||
        (cg->host->swap && set_limit(dir, "memory.swap.max", 0, NULL, e) < 0) ||
        set_limit(dir, "memory.oom.group", 1, NULL, e) < 0 ||
        set_limit(dir, "pids.max", l->processes, &cg->applied.processes, e) < 0)
        return -1;
    snprintf(text, sizeof text, "%" PRId64 " 100000", l->cpus_milli * 100);
    if (write_small(dir, "cpu.max", text) < 0)
        return err_sys(e, "cpu.max", "the group must be writable by the runner", "cannot write %s to cpu.max",
                       text);
    if (read_small(dir, "cpu.max", back, sizeof back) < 0 || strncmp(back, text, strlen(text)) != 0)
        return err_set(e, E_UNAVAILABLE, "cpu.max", "the limit is not in force: the run is not started",
                       "cpu.max does not hold %s", text);
    cg->applied.cpus_milli = l->cpus_milli;
    return 0;
}

void cg_take_event(const struct cg *cg)
{
    char drained[512];
    /* v2: poll tells EPOLLPRI from the open on, and again until the file is read from its start. */
    ssize_t n = cg->kind == CG_V2 ? pread(cg->oom_event, drained, sizeof drained, 0)
                                  : read(cg->oom_event, drained, sizeof drained);
    (void)n; /* only a wake-up: what has happened is read from the counters */
}

/* Being told of an OOM kill at once: v1 through an eventfd on memory.oom_control, v2 by polling
 * memory.events. Either only wakes us: what counts is the counter (the v1 eventfd fires at rmdir
 * too, conmon PR#98). */
static int open_oom_event(struct cg *cg, struct err *e)
{
    int dir = cg->dir[CG_MEMORY];
    if (cg->kind == CG_V2) {
        cg->oom_event = openat(dir, "memory.events", O_RDONLY | O_CLOEXEC);
        if (cg->oom_event < 0)
            return err_sys(e, "memory.events", NULL, "cannot open memory.events");
        cg_take_event(cg);
        return 0;
    }
    char text[64];
    cg->oom_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    cg->oom_control = openat(dir, "memory.oom_control", O_RDONLY | O_CLOEXEC);
    if (cg->oom_event < 0 || cg->oom_control < 0)
        return err_sys(e, "memory.oom_control", NULL, "cannot watch memory.oom_control");
    snprintf(text, sizeof text, "%d %d", cg->oom_event, cg->oom_control);
    if (write_small(dir, "cgroup.event_control", text) < 0)
        return err_sys(e, "cgroup.event_control", NULL, "cannot watch memory.oom_control");
    return 0;
}

/* The folder of a run's group. The prefix tells ours from what else lives in a delegated group: the
 * leaf of the daemon itself, another service's groups. A sweep kills in ours only. */
#define GROUP_PREFIX "enclos-"
enum { GROUP_PATH_SIZE = 600 };

static void group_path(const struct cg_host *host, int c, const char *name, char out[GROUP_PATH_SIZE])
{
    snprintf(out, GROUP_PATH_SIZE, "%s/" GROUP_PREFIX "%.64s", host->base[c], name);
}

static int open_group(const struct cg_host *host, const char *name, struct cg *cg, struct err *e)
{
    int count = host->kind == CG_V2 ? 1 : CG_COUNT;
    for (int c = 0; c < count; c++) {
        char path[GROUP_PATH_SIZE];
        group_path(host, c, name, path);
        if (!host->alias[c] && mkdir(path, 0755) < 0)
            return err_sys(e, "cgroup", errno == EEXIST ? "a run of that name has not ended" : NULL,
                           "controller %s: cannot make the group %s", controller_names[c], path);
        cg->dir[c] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (cg->dir[c] < 0)
            return err_sys(e, "cgroup", NULL, "cannot open the group %s", path);
        if (host->kind == CG_V1 && !host->alias[c]) {
            cg->tasks[c] = openat(cg->dir[c], "tasks", O_WRONLY | O_CLOEXEC);
            if (cg->tasks[c] < 0)
                return err_sys(e, "cgroup", NULL, "cannot open %s/tasks", path);
        }
    }
    return 0;
}

/* Locks the base folder of every hierarchy: shared while a group is made and taken hold of, alone while
 * left-overs are swept. Each, because two labs may share one hierarchy's base and not another's. */
struct base_locks {
    int fd[CG_COUNT];
};

static void unlock_bases(struct base_locks *l)
{
    for (int c = 0; c < CG_COUNT; c++)
        fd_close_at(&l->fd[c]);
}

static int lock_bases(const struct cg_host *host, int how, struct base_locks *l, struct err *e)
{
    int count = host->kind == CG_V2 ? 1 : host->kind == CG_V1 ? CG_COUNT : 0;
    for (int c = 0; c < CG_COUNT; c++)
        l->fd[c] = -1;
    for (int c = 0; c < count; c++) {
        if (host->alias[c])
            continue;
        l->fd[c] = open(host->base[c], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (l->fd[c] < 0 || flock(l->fd[c], how) < 0)
            return err_sys(e, "cgroup", NULL, "cannot lock %s", host->base[c]);
    }
    return 0;
}

int cg_create(const struct cg_host *host, const char *name, struct cg *out, struct err *e)
{
    *out = (struct cg){.kind = host->kind, .host = host, .oom_event = -1, .oom_control = -1};
    for (int c = 0; c < CG_COUNT; c++)
        out->dir[c] = out->tasks[c] = -1;
    snprintf(out->name, sizeof out->name, "%s", name);
    __attribute__((cleanup(unlock_bases))) struct base_locks locks;
    if (lock_bases(host, LOCK_SH, &locks, e) < 0 || open_group(host, name, out, e) < 0)
        goto undo;
    for (int c = 0; c < CG_COUNT; c++)
        if (out->dir[c] >= 0 && !host->alias[c] && flock(out->dir[c], LOCK_EX | LOCK_NB) < 0) {
            err_sys(e, "cgroup", NULL, "cannot hold the group %s of %s", name, controller_names[c]);
            goto undo;
        }
    if (open_oom_event(out, e) < 0)
        goto undo;
    return 0;
undo:
    for (int c = 0; c < CG_COUNT; c++)
        if (out->dir[c] >= 0 && !host->alias[c]) { /* those that we made: another's of that name stay */
            char path[GROUP_PATH_SIZE];
            group_path(host, c, name, path);
            rmdir(path);
        }
    cg_close(out);
    out->kind = CG_NONE; /* the caller has no groups, so it has none to remove by name either */
    return -1;
}

int cg_limit(struct cg *cg, const struct cg_limits *limits, struct err *e)
{
    return cg->kind == CG_V2 ? limits_v2(cg, limits, e) : limits_v1(cg, limits, e);
}

int cg_join_self(const struct cg *cg)
{
    for (int c = 0; c < CG_COUNT; c++)
        if (cg->tasks[c] >= 0 && write(cg->tasks[c], "0", 1) != 1)
            return errno;
    return 0;
}

int64_t cg_cpu_us(const struct cg *cg)
{
    int64_t us = -1;
    if (cg->kind == CG_V2)
        READ_KEYED(cg->dir[CG_MEMORY], "cpu.stat", {"usage_usec", &us});
    if (cg->kind == CG_V1) {
        int64_t ns = read_number(cg->dir[CG_CPUACCT], "cpuacct.usage");
        us = ns < 0 ? -1 : ns / 1000;
    }
    return us;
}

/* v1 counts user and system time by the tick, and the whole exactly: the parts are scaled to add up to
 * it, as the kernel does for getrusage (cputime_adjust). */
static void share_cpu(struct cg_usage *out, int64_t user_ns, int64_t system_ns)
{
    if (user_ns < 0 || system_ns < 0 || out->cpu_us < 0)
        return;
    double ticks = (double)user_ns + (double)system_ns;
    out->cpu_user_us = ticks > 0 ? (int64_t)((double)out->cpu_us * (double)user_ns / ticks) : 0;
    out->cpu_system_us = out->cpu_us - out->cpu_user_us;
}

void cg_usage(const struct cg *cg, struct cg_usage *out)
{
    memset(out, 0xff, sizeof *out); /* every counter -1 */
    int mem = cg->dir[CG_MEMORY], pids = cg->dir[CG_PIDS];
    if (cg->kind == CG_NONE)
        return;
    if (cg->kind == CG_V2) {
        READ_KEYED(mem, "cpu.stat", {"usage_usec", &out->cpu_us}, {"user_usec", &out->cpu_user_us},
                   {"system_usec", &out->cpu_system_us}, {"throttled_usec", &out->throttled_us},
                   {"nr_throttled", &out->throttled_periods});
        out->memory_bytes = read_number(mem, "memory.current");
        out->memory_peak_bytes = read_number(mem, "memory.peak"); /* kernel 5.19 */
        READ_KEYED(mem, "memory.events", {"max", &out->memory_limit_hits},
                   {"oom_kill", &out->oom_kills}); /* not `oom`: containerd#6323 */
        pids = mem;
    } else {
        int64_t user = read_number(cg->dir[CG_CPUACCT], "cpuacct.usage_user");
        int64_t system = read_number(cg->dir[CG_CPUACCT], "cpuacct.usage_sys");
        int64_t throttled;
        out->cpu_us = cg_cpu_us(cg);
        READ_KEYED(cg->dir[CG_CPU], "cpu.stat", {"throttled_time", &throttled}, {"nr_throttled", &out->throttled_periods});
        share_cpu(out, user, system);
        out->throttled_us = throttled < 0 ? -1 : throttled / 1000;
        out->memory_bytes = read_number(mem, "memory.usage_in_bytes");
        out->memory_peak_bytes = read_number(mem, "memory.max_usage_in_bytes");
        out->memory_limit_hits = read_number(mem, "memory.failcnt");
        READ_KEYED(mem, "memory.oom_control", {"oom_kill", &out->oom_kills}); /* kernel 4.13 */
    }
    out->processes = read_number(pids, "pids.current");
    out->processes_peak = read_number(pids, "pids.peak"); /* kernel 6.1 */
    READ_KEYED(pids, "pids.events", {"max", &out->process_limit_hits});
}

bool cg_kill(const struct cg *cg)
{
    return cg->kind == CG_V2 && write_small(cg->dir[CG_MEMORY], "cgroup.kill", "1") == 0; /* kernel 5.14 */
}

void cg_close(struct cg *cg)
{
    for (int c = 0; c < CG_COUNT; c++) {
        fd_close_at(&cg->dir[c]);
        fd_close_at(&cg->tasks[c]);
    }
    fd_close_at(&cg->oom_event);
    fd_close_at(&cg->oom_control);
}

bool cg_remove(const struct cg_host *host, const char *name, int wait_ms)
{
    int count = host->kind == CG_V2 ? 1 : host->kind == CG_V1 ? CG_COUNT : 0;
    bool gone = true;
    for (int c = 0; c < count; c++) {
        char path[GROUP_PATH_SIZE];
        group_path(host, c, name, path);
        if (host->alias[c])
            continue;
        for (int waited = 0; rmdir(path) < 0 && errno != ENOENT; waited++) {
            if (errno != EBUSY || waited >= wait_ms) {
                gone = false;
                break;
            }
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    }
    return gone;
}

static void kill_members(const char *group)
{
    char path[700], pids[16384];
    AUTO_FD int dir = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || write_small(dir, "cgroup.kill", "1") == 0)
        return;
    snprintf(path, sizeof path, "%s/cgroup.procs", group);
    if (read_small(dir, "cgroup.procs", pids, sizeof pids) < 0)
        return;
    char *save = NULL;
    for (char *pid = strtok_r(pids, "\n", &save); pid; pid = strtok_r(NULL, "\n", &save)) {
        long n = strtol(pid, NULL, 10);
        if (n > 1) /* 0: a process of another PID namespace; never signal our own group */
            kill((pid_t)n, SIGKILL);
    }
}

/* Whether the monitor that made the group still lives: it holds its folders by a lock. */
static bool is_held(const char *group)
{
    AUTO_FD int dir = open(group, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 || flock(dir, LOCK_EX | LOCK_NB) < 0;
}

static void sweep_group(const char *group)
{
    if (is_held(group))
        return;
    for (int i = 0; rmdir(group) < 0 && errno == EBUSY && i < 200; i++) {
        kill_members(group); /* its monitor is dead, so they should be: a second attempt */
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

void cg_forget(const struct cg_host *host, const char *name)
{
    struct err ignored = {0}; /* what is left is swept by the next launcher */
    __attribute__((cleanup(unlock_bases))) struct base_locks locks;
    if (lock_bases(host, LOCK_EX, &locks, &ignored) < 0) /* one that is being made is not held yet */
        return;
    int count = host->kind == CG_V2 ? 1 : host->kind == CG_V1 ? CG_COUNT : 0;
    for (int c = 0; c < count; c++) {
        char path[GROUP_PATH_SIZE];
        group_path(host, c, name, path);
        if (!host->alias[c] && access(path, F_OK) == 0)
            sweep_group(path);
    }
}

void cg_sweep(const struct cg_host *host, const char *prefix)
{
    const size_t ours = strlen(GROUP_PREFIX);
    struct err ignored = {0}; /* what is left is swept by the next launcher */
    __attribute__((cleanup(unlock_bases))) struct base_locks locks;
    if (lock_bases(host, LOCK_EX, &locks, &ignored) < 0)
        return;
    for (int c = 0; c < CG_COUNT; c++) {
        DIR *d = locks.fd[c] < 0 ? NULL : opendir(host->base[c]);
        for (struct dirent *entry; d && (entry = readdir(d));) {
            char path[800];
            if (entry->d_type != DT_DIR || strncmp(entry->d_name, GROUP_PREFIX, ours) != 0 ||
                strncmp(entry->d_name + ours, prefix, strlen(prefix)) != 0)
                continue;
            snprintf(path, sizeof path, "%s/%s", host->base[c], entry->d_name);
            sweep_group(path);
        }
        if (d)
            closedir(d);
    }
}
