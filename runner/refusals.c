/*
 * refusals.c - see refusals.h. Runs in the monitor, on bytes that the run controls: paths are read
 * with a bound, checked to belong to the call that waits, and only ever used as text.
 */
#include "runner/refusals.h"

#include "api/common/mem.h"
#include "api/common/text.h"
#include "runner/learn.h"
#include "runner/syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE (1UL << 0)
#endif

void refusals_init(struct refusals *r)
{
    memset(r, 0, sizeof *r);
    r->tokens = REFUSALS_BURST;
    r->refilled_us = time_mono_us();
}

void refusals_fini(struct refusals *r)
{
    mem_free_at(&r->rows);
    r->count = r->room = 0;
}

/* Further arguments of a call that is known already, as long as there is room: "AF_INET; AF_PACKET". */
static void add_detail(struct refusal *row, const char *detail)
{
    size_t n = strlen(row->detail);
    if (*detail && !strstr(row->detail, detail) && n + strlen(detail) + 3 <= sizeof row->detail)
        snprintf(row->detail + n, sizeof row->detail - n, "%s%s", n ? "; " : "", detail);
}

static void note(struct refusals *r, bool path, int nr, int os_errno, const char *name, const char *detail)
{
    for (size_t i = 0; i < r->count; i++) {
        struct refusal *row = &r->rows[i];
        if (row->path == path && (path ? strcmp(row->name, name) == 0 : row->nr == nr)) {
            row->count++;
            add_detail(row, detail);
            return;
        }
    }
    if (r->count == REFUSALS_MAX || (path && r->path_count == REFUSALS_PATHS_MAX)) {
        r->others++;
        return;
    }
    r->path_count += path;
    if (r->count == r->room) {
        r->room = r->room ? 2 * r->room : 16;
        r->rows = mem_grow(r->rows, r->room, sizeof *r->rows);
    }
    struct refusal *row = &r->rows[r->count++];
    *row = (struct refusal){.path = path, .nr = nr, .os_errno = os_errno, .count = 1};
    snprintf(row->name, sizeof row->name, "%s", name);
    snprintf(row->detail, sizeof row->detail, "%s", detail);
}

/* ---- paths, for report_paths ---- */

/* Removes "." and resolves ".." by text alone. False: not absolute, or too long. */
static bool normalize(const char *path, char *out, size_t size)
{
    size_t n = 0;
    if (path[0] != '/')
        return false;
    while (*path) {
        path += strspn(path, "/");
        size_t len = strcspn(path, "/");
        if (len == 0)
            break;
        if (len == 2 && path[0] == '.' && path[1] == '.') {
            while (n > 0 && out[--n] != '/')
                ;
        } else if (!(len == 1 && path[0] == '.')) {
            if (n + len + 2 > size)
                return false;
            out[n++] = '/';
            memcpy(out + n, path, len);
            n += len;
        }
        path += len;
    }
    if (n == 0)
        out[n++] = '/';
    out[n] = '\0';
    return true;
}

static bool below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static bool below_any(const char *path, const char *const *folders)
{
    for (; *folders; folders++)
        if (below(path, *folders))
            return true;
    return false;
}

static int judge_normal(const char *path, bool writes, const struct spec *spec, const char **why)
{
    static const char *const writable[] = {"/work", "/outputs", "/tmp", "/dev/shm", "/dev/null", "/dev/zero",
                                           "/dev/full", "/proc/self", "/dev/stdout", "/dev/stderr", NULL};
    static const char *const present[] = {
        "/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32", "/opt/enclos", "/sys/devices/system",
        "/work", "/outputs", "/tmp", "/dev/shm", "/dev/null", "/dev/zero", "/dev/full", "/dev/random",
        "/dev/urandom", "/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/etc/passwd", "/etc/group",
        "/etc/hosts", "/etc/hostname", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/alternatives",
        "/etc/ld.so.cache", "/etc/fonts", "/etc/R", "/etc/ssl/certs", "/etc/mime.types", "/etc/localtime", NULL};
    static const char *const folders[] = {"/", "/etc", "/dev", "/proc", "/sys", "/sys/devices", "/data", "/opt",
                                          "/run", "/var", NULL};
    static const char *const kernel[] = {"/proc/kcore", "/proc/kmsg", "/proc/sysrq-trigger", "/proc/1", NULL};
    if (writes && !below_any(path, writable)) {
        *why = below(path, "/data") ? "write to a dataset" : "write";
        return EROFS;
    }
    if (below_any(path, kernel)) {
        *why = "read";
        return EACCES;
    }
    for (size_t i = 0; folders[i]; i++)
        if (strcmp(path, folders[i]) == 0)
            return 0;
    if (below_any(path, present) || below(path, "/proc"))
        return 0;
    for (size_t i = 0; i < spec->dataset_count; i++) {
        char data[80];
        snprintf(data, sizeof data, "/data/%s", spec->datasets[i].name);
        if (below(path, data))
            return 0;
    }
    *why = "read";
    return ENOENT;
}

int refusals_judge_path(const char *raw, bool writes, const struct spec *spec, char *path, size_t size,
                        const char **why)
{
    *why = "";
    return normalize(raw, path, size) ? judge_normal(path, writes, spec, why) : 0;
}

/* Whether a call of syscalls_paths[] changes something. openat2's flags are behind a pointer: taken for
 * a read; every other call without open flags makes, removes or changes an entry. */
static bool changes_something(const struct syscalls_path *row, const struct seccomp_data *d)
{
    const uint64_t mask = O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND;
    return row->flags_arg >= 0 ? (d->args[row->flags_arg] & mask) != 0 : row->nr != SYS_openat2;
}

static void look_at_path(struct refusals *r, int listener, const struct seccomp_notif *call, int argument,
                         bool writes, const struct spec *spec, const struct profile *p)
{
    char raw[256], path[256], shown[160];
    const char *why = "";
    struct iovec local = {raw, sizeof raw - 1};
    struct iovec remote = {(void *)(uintptr_t)call->data.args[argument], sizeof raw - 1};
    /* A string near the end of a page: what can be read is enough. */
    ssize_t n = process_vm_readv((pid_t)call->pid, &local, 1, &remote, 1, 0);
    if (n < 0) {
        remote.iov_len = 4096 - (call->data.args[argument] & 4095);
        if (remote.iov_len < sizeof raw)
            n = process_vm_readv((pid_t)call->pid, &local, 1, &remote, 1, 0);
    }
    /* The caller may have died and its pid been used again: then this is another's memory. */
    if (n <= 0 || ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id) < 0)
        return;
    raw[n] = '\0';
    int refused = refusals_judge_path(raw, writes, spec, path, sizeof path, &why);
    if (refused && p->device_set_count > 0 && below(path, "/dev"))
        return; /* which of the profile's nodes are there is told by the sandbox, not by their names */
    if (refused) {
        text_sanitize(path, strlen(path), shown, sizeof shown);
        note(r, true, call->data.nr, refused, shown, why);
    }
}

/* ---- answering ---- */

/* The run's own command, announced by the job and not let through yet. Whoever asks is our own code with one thread:
 * what the call points to cannot change behind our back. */
static bool is_own_command(const struct refusals *r, const struct seccomp_notif *call)
{
    return r->exec_announced && call->data.nr == SYS_execve && r->exec_let < *r->exec_announced;
}

/* What a refused execution would have started: a text of the run's, for people. */
static void name_program(int listener, const struct seccomp_notif *call, char *detail, size_t size)
{
    char raw[96];
    unsigned argument = call->data.nr == SYS_execveat ? 1 : 0;
    struct iovec local = {raw, sizeof raw - 1};
    uint64_t at = call->data.args[argument], in_page = 4096 - (at & 4095);
    struct iovec remote = {(void *)(uintptr_t)at, in_page < sizeof raw - 1 ? in_page : sizeof raw - 1};
    ssize_t n = process_vm_readv((pid_t)call->pid, &local, 1, &remote, 1, 0);
    if (n <= 0 || ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id) < 0)
        return;
    raw[n] = '\0';
    text_sanitize(raw, strlen(raw), detail, size);
}

static bool spend(struct refusals *r)
{
    int64_t now = time_mono_us(), more = (now - r->refilled_us) * REFUSALS_PER_SECOND / 1000000;
    if (more > 0) {
        r->tokens = r->tokens + more > REFUSALS_BURST ? REFUSALS_BURST : r->tokens + more;
        r->refilled_us = now;
    }
    return r->tokens-- > 0;
}

int refusals_answer(struct refusals *r, int listener, const struct profile *p, const struct spec *spec)
{
    struct seccomp_notif call = {0};
    struct seccomp_notif_resp answer = {0};
    char detail[96] = "";
    uint64_t args[6];
    bool over = false;
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
        return 0; /* the caller was killed meanwhile */
    answer.id = call.id;
    memcpy(args, call.data.args, sizeof args);
    int refused = profile_refusal(p, call.data.nr, args, detail, sizeof detail);
    const struct syscalls_path *row = spec->report_paths ? syscalls_path_find(call.data.nr) : NULL;
    if (refused != 0 && is_own_command(r, &call)) {
        answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        /* Gone meanwhile (a signal restarts it): it was not let through, and asks again. */
        r->exec_let += ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) == 0;
        return 0;
    }
    if (refused != 0 && r->learn && learn_lets(r->learn, &call.data, refused, detail)) {
        answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer); /* ENOENT: gone meanwhile */
        return !spend(r);
    }
    if (refused == 0 && row) {
        look_at_path(r, listener, &call, row->path_arg, changes_something(row, &call.data), spec, p);
        answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    } else {
        if (refused == 0) /* the filter and its rules must agree; where they don't, it stays closed */
            refused = EPERM;
        if (call.data.nr == SYS_execve || call.data.nr == SYS_execveat)
            name_program(listener, &call, detail, sizeof detail);
        note(r, false, call.data.nr, refused, syscalls_name(call.data.nr), detail);
        answer.error = -refused;
        over = !spend(r);
    }
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0)
        return over; /* ENOENT: gone meanwhile */
    return over;
}

void refusals_print(const struct refusals *r, struct jw *w)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct refusal *row = &r->rows[i];
        jw_obj(w);
        jw_str_at(w, "kind", row->path ? "path" : "syscall");
        jw_str_at(w, "name", row->name);
        jw_str_at(w, "detail", row->detail);
        jw_str_at(w, "errno", err_errno_name(row->os_errno));
        jw_int_at(w, "count", row->count);
        bool write = row->os_errno == EROFS;
        jw_str_at(w, "hint",
                  !row->path ? syscalls_hint(row->nr)
                  : write    ? "only /work, /outputs, /tmp and /dev/shm can be written to"
                             : "no such thing inside: datasets are in /data, code in /work");
        jw_str_at(w, "hint_fr",
                  !row->path ? syscalls_hint_fr(row->nr)
                  : write    ? "seuls /work, /outputs, /tmp et /dev/shm acceptent l’écriture"
                             : "rien de tel à l’intérieur : les jeux de données sont dans /data, le code dans /work");
        jw_end_obj(w);
    }
    if (r->others > 0) {
        jw_obj(w);
        jw_str_at(w, "kind", "syscall");
        jw_str_at(w, "name", "others");
        jw_str_at(w, "detail", "of further kinds, not listed one by one");
        jw_str_at(w, "errno", "");
        jw_int_at(w, "count", r->others);
        jw_str_at(w, "hint", "");
        jw_end_obj(w);
    }
}
