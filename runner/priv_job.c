/*
 * priv_job.c - the job between fork and execve: gives up everything, one step after the other, and
 * reads back what it has become. Runs between clone and exec: no malloc, no locks. The order
 * matters: ids before the user namespace, mounts before Landlock, descriptors before the filter,
 * the filter last (only sendmsg, execve and exit follow it).
 */
#include "runner/attest.h"
#include "runner/sandbox.h"
#include "runner/terminal.h"
#include "runner/warm.h"

#include "api/common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#define MDWE_REFUSE_EXEC_GAIN 1UL

/* Not in Debian 12's headers: linux 5.19. Without it a signal could interrupt a refused call. */
#define FILTER_FLAG_WAIT_KILLABLE (1UL << 5)

enum { FD_HANDOVER = SANDBOX_METRICS_FD + 1, FD_LISTENER, FD_RULESET };

static int fail(struct sandbox *s, enum setup_step step, const char *what)
{
    return setup_fail(s->setup, step, errno, NULL, "%s", what);
}

int sandbox_write_self(const struct sandbox *s, const char *file, const char *text)
{
    AUTO_FD int fd = openat(s->proc_fd, file, O_WRONLY | O_CLOEXEC);
    size_t n = strlen(text);
    return fd >= 0 && write(fd, text, n) == (ssize_t)n ? 0 : -1;
}

static int new_session(struct sandbox *s)
{
    static const int by_default[] = {SIGINT, SIGQUIT, SIGHUP};
    AUTO_FD int adj = openat(s->proc_fd, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    /* Before the uid changes: then the file would be root's (runc nsexec.c). The program is a better
     * victim than init, which has to tell what happened. */
    if (adj < 0 || write(adj, "500", 3) != 3)
        return fail(s, STEP_SESSION, "cannot set oom_score_adj");
    if (!s->warm) /* the lab may have been started where they are ignored; a template has its own */
        for (size_t i = 0; i < sizeof by_default / sizeof *by_default; i++)
            signal(by_default[i], SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN); /* a file that grows too large is EFBIG to the program, not its death */
    umask(022);
    if (setsid() < 0)
        return fail(s, STEP_SESSION, "cannot make a session");
    /* A fresh anonymous keyring: keys of the lab's session are out of reach. ENOSYS: none here at all. */
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS)
        return fail(s, STEP_SESSION, "cannot make a session keyring");
    setup_done(s->setup, STEP_SESSION);
    return 0;
}

static int change_ids(struct sandbox *s)
{
    /* Rootless: setgroups is denied in the outer namespace, and the map has the one id already. */
    if (!s->identity.rootless && (syscall(SYS_setgroups, 0, NULL) < 0 ||
                         syscall(SYS_setresgid, s->job_uid, s->job_uid, s->job_uid) < 0 ||
                         syscall(SYS_setresuid, s->job_uid, s->job_uid, s->job_uid) < 0))
        return fail(s, STEP_CREDENTIALS, "cannot take the run's uid");
    setup_done(s->setup, STEP_CREDENTIALS);
    return 0;
}

/* A user namespace that owns no other namespace: whatever capability a flaw in it gave is worth
 * nothing. The job writes its own maps: no /proc/<pid> that could be another's by then. */
static int inner_userns(struct sandbox *s)
{
    char map[48];
    if (unshare(CLONE_NEWUSER) < 0) {
        if (s->identity.rootless || (errno != EPERM && errno != ENOSPC && errno != ENOSYS))
            return setup_fail(s->setup, STEP_USERNS_INNER, errno, "raise /proc/sys/user/max_user_namespaces",
                              "cannot make the job's user namespace");
        setup_done(s->setup, STEP_USERNS_INNER); /* as root the uid and empty sets suffice; attested */
        return 0;
    }
    /* The change of uid made us non-dumpable, and so /proc/self root's: raised for the writes only. */
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
        return fail(s, STEP_USERNS_INNER, "cannot become dumpable");
    snprintf(map, sizeof map, "%d %u 1\n", SANDBOX_UID, s->job_uid);
    if (sandbox_write_self(s, "self/setgroups", "deny") < 0 || sandbox_write_self(s, "self/uid_map", map) < 0 ||
        sandbox_write_self(s, "self/gid_map", map) < 0)
        return fail(s, STEP_USERNS_INNER, "cannot map the job's uid");
    /* The sysctl is the namespace's own: nothing below it can make another. */
    if (sandbox_write_self(s, "sys/user/max_user_namespaces", "0") < 0)
        return fail(s, STEP_USERNS_INNER, "cannot forbid further user namespaces");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return fail(s, STEP_USERNS_INNER, "cannot become non-dumpable");
    s->setup->attest.userns_inner = true;
    setup_done(s->setup, STEP_USERNS_INNER);
    return 0;
}

static int64_t max3(int64_t a, int64_t b, int64_t c)
{
    int64_t m = a > b ? a : b;
    return m > c ? m : c;
}

static int set_rlimits(struct sandbox *s)
{
    const struct spec_resources *r = &s->spec->resources;
    /* Above what the largest tmpfs holds: a full one says ENOSPC; only a sparse giant meets this. */
    rlim_t file = (rlim_t)max3(r->output_bytes, r->tmp_bytes, r->work_bytes) + (1 << 20);
    rlim_t cpu = r->cpu_ms ? (rlim_t)(r->cpu_ms / 1000 + 5) : RLIM_INFINITY;
    const struct {
        int which;
        rlim_t soft, hard;
        const char *name;
    } rows[] = {
        /* 1, not 0: the kernel still starts a pipe core handler at 0 and refuses at 1. */
        {RLIMIT_CORE, 1, 1, "core"},
        {RLIMIT_NOFILE, 4096, 65536, "nofile"},
        {RLIMIT_MEMLOCK, 64 << 20, 64 << 20, "memlock"},
        {RLIMIT_RTPRIO, 0, 0, "rtprio"},
        {RLIMIT_NICE, 0, 0, "nice"},
        {RLIMIT_MSGQUEUE, 0, 0, "msgqueue"},
        {RLIMIT_FSIZE, file, file, "fsize"},
        {RLIMIT_CPU, cpu, cpu, "cpu"}, /* a back-stop a process: the cgroup's clock decides */
        /* Never RLIMIT_AS: CUDA, jemalloc and sanitizers reserve terabytes. Processes are counted by
         * pids.max, except without cgroups, where this limit counts in the user namespace. */
        {RLIMIT_NPROC, s->spec->best_effort ? (rlim_t)r->processes : RLIM_INFINITY,
         s->spec->best_effort ? (rlim_t)r->processes : RLIM_INFINITY, "nproc"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rlimit now, back;
        if (getrlimit((__rlimit_resource_t)rows[i].which, &now) < 0)
            return setup_fail(s->setup, STEP_RLIMITS, errno, NULL, "cannot read the limit %s", rows[i].name);
        struct rlimit want = {.rlim_cur = rows[i].soft, .rlim_max = rows[i].hard};
        if (want.rlim_max > now.rlim_max) /* raising needs a capability, and lower is stricter */
            want.rlim_max = now.rlim_max;
        if (want.rlim_cur > want.rlim_max)
            want.rlim_cur = want.rlim_max;
        if (setrlimit((__rlimit_resource_t)rows[i].which, &want) < 0 ||
            getrlimit((__rlimit_resource_t)rows[i].which, &back) < 0 || back.rlim_cur != want.rlim_cur ||
            back.rlim_max != want.rlim_max)
            return setup_fail(s->setup, STEP_RLIMITS, errno, NULL, "cannot set the limit %s", rows[i].name);
    }
    setup_done(s->setup, STEP_RLIMITS);
    return 0;
}

static int drop_capabilities(struct sandbox *s)
{
    const unsigned long locked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                 SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                 SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};
    for (unsigned long c = 0; c < 64 && s->setup->attest.userns_inner; c++)
        if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0) {
            if (errno == EINVAL)
                break; /* past the last one this kernel knows */
            return fail(s, STEP_CAPABILITIES, "cannot empty the bounding set");
        }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return fail(s, STEP_CAPABILITIES, "cannot clear the ambient set");
    if (s->setup->attest.userns_inner && prctl(PR_SET_SECUREBITS, locked, 0, 0, 0) < 0)
        return fail(s, STEP_CAPABILITIES, "cannot lock the secure bits");
    if (syscall(SYS_capset, &header, none) < 0)
        return fail(s, STEP_CAPABILITIES, "cannot drop the capabilities");
    setup_done(s->setup, STEP_CAPABILITIES);
    return 0;
}

static int no_new_privs(struct sandbox *s)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return fail(s, STEP_NO_NEW_PRIVS, "cannot set no_new_privs");
    /* Kernel 6.3; where it is missing the filter's rules, which profile_load has checked, stand alone. */
    if (!s->profile->exec_memory && prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) < 0 && errno != EINVAL)
        return fail(s, STEP_NO_NEW_PRIVS, "cannot refuse executable memory");
    setup_done(s->setup, STEP_NO_NEW_PRIVS);
    return 0;
}

/* 0 /dev/null, 1 and 2 the log (all three the terminal, where there is one), 3 metrics, 4 the hand-over (gone at execve); the rest closed for
 * real (CVE-2024-21626 was a descriptor left over). */
static int arrange_descriptors(struct sandbox *s, int *ruleset)
{
    bool terminal = s->terminal_fd >= 0;
    int null = terminal ? fcntl(s->terminal_fd, F_DUPFD_CLOEXEC, 16)
                        : open("/dev/null", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    /* Out of the way first: any of ours may sit where another one goes. */
    int out = fcntl(terminal ? null : s->stdout_fd, F_DUPFD_CLOEXEC, 16);
    int err = fcntl(terminal ? null : s->stderr_fd, F_DUPFD_CLOEXEC, 16);
    int met = fcntl(s->metrics_fd, F_DUPFD_CLOEXEC, 16), hand = fcntl(s->handover, F_DUPFD_CLOEXEC, 16);
    int proc = fcntl(s->proc_fd, F_DUPFD_CLOEXEC, 16), rules = *ruleset < 0 ? -1 : fcntl(*ruleset, F_DUPFD_CLOEXEC, 16);
    if (null < 0 || out < 0 || err < 0 || met < 0 || hand < 0 || proc < 0 || (*ruleset >= 0 && rules < 0))
        return fail(s, STEP_DESCRIPTORS, "cannot arrange the descriptors");
    if (null != 0 && dup2(null, 0) < 0)
        return fail(s, STEP_DESCRIPTORS, "cannot open standard input");
    if (dup2(out, 1) < 0 || dup2(err, 2) < 0 || dup2(met, SANDBOX_METRICS_FD) < 0 ||
        dup3(hand, FD_HANDOVER, O_CLOEXEC) < 0 || dup3(proc, FD_LISTENER, O_CLOEXEC) < 0 ||
        (rules >= 0 && dup3(rules, FD_RULESET, O_CLOEXEC) < 0))
        return fail(s, STEP_DESCRIPTORS, "cannot arrange the descriptors");
    if (fcntl(0, F_SETFD, 0) < 0 || syscall(SYS_close_range, rules < 0 ? FD_RULESET : FD_RULESET + 1, ~0U, 0) < 0)
        return fail(s, STEP_DESCRIPTORS, "cannot close the other descriptors");
    s->handover = FD_HANDOVER;
    s->proc_fd = FD_LISTENER; /* until the filter's listener takes its number */
    *ruleset = rules < 0 ? -1 : FD_RULESET;
    setup_done(s->setup, STEP_DESCRIPTORS);
    return 0;
}

/* What it is, which nothing that follows can change. */
static int attest_rights(struct sandbox *s)
{
    struct setup_attest *a = &s->setup->attest;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct have[2];
    char path[32];
    if (syscall(SYS_capget, &header, have) < 0)
        return fail(s, STEP_RIGHTS, "cannot read the capabilities");
    a->cap_effective = have[0].effective | (uint64_t)have[1].effective << 32;
    a->cap_permitted = have[0].permitted | (uint64_t)have[1].permitted << 32;
    a->cap_inheritable = have[0].inheritable | (uint64_t)have[1].inheritable << 32;
    for (unsigned c = 0; c < 64; c++) {
        int in = prctl(PR_CAPBSET_READ, c, 0, 0, 0);
        if (in < 0 && errno == EINVAL)
            break; /* past the last one this kernel knows */
        if (in < 0)
            return fail(s, STEP_RIGHTS, "cannot read the bounding set");
        a->cap_bounding |= (uint64_t)in << c;
    }
    /* The kernel keeps the ambient set within permitted and inheritable (capabilities(7)). */
    a->cap_ambient = a->cap_permitted & a->cap_inheritable;
    a->no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    int securebits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);
    if (securebits < 0)
        return fail(s, STEP_RIGHTS, "cannot read the secure bits");
    a->securebits = (uint32_t)securebits;
    a->uid = getuid();
    a->gid = getgid();
    a->groups = (uint32_t)getgroups(0, NULL);
    for (size_t i = 0; i < 7; i++) {
        struct stat st;
        snprintf(path, sizeof path, "self/ns/%s", setup_namespaces[i]);
        if (fstatat(s->proc_fd, path, &st, 0) < 0)
            return setup_fail(s->setup, STEP_RIGHTS, errno, NULL, "cannot tell the namespace %s", setup_namespaces[i]);
        a->namespaces[i] = st.st_ino;
    }
    if (a->cap_effective || a->cap_permitted || a->cap_inheritable || a->cap_ambient || a->no_new_privs != 1 ||
        (a->userns_inner && (a->cap_bounding || a->uid != SANDBOX_UID)))
        return setup_fail(s->setup, STEP_RIGHTS, EPERM, NULL,
                          "the job still has rights: effective %llx, permitted %llx, bounding %llx, uid %u",
                          (unsigned long long)a->cap_effective, (unsigned long long)a->cap_permitted,
                          (unsigned long long)a->cap_bounding, a->uid);
    setup_done(s->setup, STEP_RIGHTS);
    return 0;
}

static int load_filter(struct sandbox *s)
{
    const struct profile_filter *f = s->spec->report_paths ? &s->profile->filter_paths : &s->profile->filter;
    struct sock_fprog prog = {.len = f->count, .filter = f->code};
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | FILTER_FLAG_WAIT_KILLABLE, &prog);
    if (listener < 0 && errno == EINVAL) /* before 5.19 */
        listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
    if (listener < 0)
        return fail(s, STEP_SECCOMP, "cannot load the system call filter");
    setup_done(s->setup, STEP_SECCOMP);
    /* From here on the filter is in force: what follows must be calls that it plainly allows, or
     * they would wait for a listener that nobody holds yet (crun#1002). */
    char kind = HANDOVER_LISTENER;
    int fd = (int)listener;
    if (fd_send(s->handover, &kind, 1, &fd, 1) != 1)
        return fail(s, STEP_HANDOVER, "cannot hand the filter's listener to the monitor");
    /* A job that kept it could answer its own refused calls. execve would close it; a warm start has none. */
    if (close(fd) < 0)
        return fail(s, STEP_HANDOVER, "cannot close the filter's listener");
    setup_done(s->setup, STEP_HANDOVER);
    return 0;
}

static const char *value_of(char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return "";
}

/* ENOENT for a script that is there is about the program of its #! line. Shown with what is not printable
 * replaced: the trap is often a carriage return. */
static bool missing_interpreter(const char *path, char *out, size_t size)
{
    char line[128];
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (n < 3 || line[0] != '#' || line[1] != '!')
        return false;
    line[n] = '\0';
    char *start = line + 2 + strspn(line + 2, " \t");
    start[strcspn(start, " \t\n")] = '\0';
    size_t used = 0;
    for (; *start && used + 5 < size; start++) {
        if (*start > ' ' && *start < 127)
            out[used++] = *start;
        else
            used += (size_t)snprintf(out + used, size - used, "\\x%02x", (unsigned char)*start);
    }
    out[used] = '\0';
    return used > 0;
}

/* Announced before it is made: under a profile with exec: once the monitor lets as many through as were announced
 * here, and the program, which execve took this page away from, can announce none. */
static void try_exec(struct sandbox *s, const char *path, char *const *argv)
{
    __atomic_add_fetch(&s->setup->exec_tries, 1, __ATOMIC_SEQ_CST);
    execve(path, argv, s->env);
}

static bool is_there(const char *path)
{
    AUTO_FD int fd = open(path, O_PATH | O_CLOEXEC);
    return fd >= 0;
}

/* ENOENT: nothing of that name, a script for a program that is not there, or a program whose loader is not:
 * three different things to do, and in an environment the usual mistake. */
static int tell_missing(struct sandbox *s, const char *name, const char *found)
{
    const char *environment = s->spec->environment.name;
    char interpreter[96], hint[sizeof s->setup->failed_hint];
    if (*found && missing_interpreter(found, interpreter, sizeof interpreter))
        return setup_fail(s->setup, STEP_EXEC, ENOENT,
                          "the run sees /usr, /work and /data; a line that ends with a carriage return (Windows) "
                          "names another program",
                          "cannot execute %.100s: its first line asks for %s, which is not there", name, interpreter);
    if (environment)
        snprintf(hint, sizeof hint,
                 *found ? "%.40s is there, but the loader that it asks for is not in the environment %s"
                        : "%.40s is not in the environment %s: use one that has it, or --env host",
                 name, environment);
    else
        snprintf(hint, sizeof hint, "check the name; the run sees /usr, /work and /data, and a script's "
                                    "interpreter must be there too");
    return setup_fail(s->setup, STEP_EXEC, ENOENT, hint, "cannot execute %.200s", name);
}

/* As execvpe(3), with the two differences that a sandbox needs: a relative entry of PATH is not
 * searched, and a file without a known format is not handed to a shell. */
int job_execute(struct sandbox *s)
{
    const char *name = s->spec->command[0], *path = value_of(s->env, "PATH");
    char *const *argv = (char *const *)(uintptr_t)s->spec->command;
    char full[4200] = "", found[4200] = ""; /* found: there, and yet ENOENT */
    int kept = ENOENT;
    setup_done(s->setup, STEP_EXEC);
    if (strchr(name, '/')) {
        try_exec(s, name, argv);
        kept = errno;
        if (kept == ENOENT && is_there(name))
            snprintf(found, sizeof found, "%s", name);
    } else {
        while (*path) {
            size_t n = strcspn(path, ":");
            if (path[0] == '/' && n + strlen(name) + 2 <= sizeof full) {
                snprintf(full, sizeof full, "%.*s/%s", (int)n, path, name);
                try_exec(s, full, argv);
                if (errno != ENOENT && errno != ENOTDIR && kept != EACCES)
                    kept = errno;
                else if (errno == ENOENT && !*found && is_there(full))
                    memcpy(found, full, sizeof found);
                if (kept != ENOENT && kept != EACCES)
                    break;
            }
            path += n + (path[n] == ':');
        }
    }
    s->setup->done_ns[STEP_EXEC] = 0;
    if (kept == ENOENT)
        return tell_missing(s, name, found);
    return setup_fail(s->setup, STEP_EXEC, kept,
                      kept == EACCES && s->profile->exec == PROFILE_EXEC_ONCE
                          ? "this profile runs a program of /usr only, not one of the code folder: name its interpreter"
                      : kept == EACCES  ? "make the file executable, or name its interpreter"
                      : kept == ENOEXEC ? "start the script with a #! line, or name its interpreter"
                      : kept == E2BIG   ? "shorten the command or the environment"
                                        : NULL,
                      "cannot execute %.200s", name);
}

/* What does not depend on the run. In a sandbox that is made ahead it is done before there is one. */
static int give_up(struct sandbox *s, int *ruleset)
{
    return new_session(s) < 0 || terminal_control(s) < 0 || change_ids(s) < 0 || inner_userns(s) < 0 ||
                   drop_capabilities(s) < 0 || no_new_privs(s) < 0 || landlock_prepare(s, ruleset) < 0 ||
                   arrange_descriptors(s, ruleset) < 0 || attest_rights(s) < 0 || attest_maps(s) < 0
               ? -1
               : 0;
}

/* If init ends instead, so does this process. */
static void await_order(struct sandbox *s)
{
    for (uint32_t go; (go = s->setup->job_go) != SETUP_GO;)
        warm_wait(&s->setup->job_go, go, -1);
    prctl(PR_SET_NAME, "enclos-init", 0, 0, 0);
    s->env = s->order->env;
}

int job_confine(struct sandbox *s)
{
    int ruleset;
    if (give_up(s, &ruleset) < 0)
        return -1;
    if (s->order)
        await_order(s);
    if (set_rlimits(s) < 0 || attest_read(s) < 0 || landlock_confine(s, ruleset) < 0)
        return -1;
    close(s->proc_fd);
    if (chdir("/work") < 0)
        return setup_fail(s->setup, STEP_ATTEST, errno, NULL, "cannot enter /work");
    /* What execve would do, now that nothing is left to be protected: /proc/self is the job's own. */
    if (s->warm && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
        return fail(s, STEP_ATTEST, "cannot become dumpable again");
    return load_filter(s);
}

_Noreturn void job_main(struct sandbox *s)
{
    if (job_confine(s) < 0)
        _exit(1);
    _exit(job_execute(s) < 0 ? 1 : 0); /* it returns on failure only, noted */
}
