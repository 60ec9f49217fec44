/*
 * doctor.c - `enclos-runner doctor`: what this host offers to sandboxes, tried rather than guessed.
 */
#include "runner/host.h"

#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "runner/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

struct check {
    const char *name;
    bool ok;
    char message[320];
    char hint[240];
};

/* Runs `try` in a child and gives the errno it ended with, 0 for success. */
static int in_child(int (*try_it)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(try_it() == 0 ? 0 : errno & 0xff);
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

static int try_namespaces(void)
{
    int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    return unshare(geteuid() ? flags | CLONE_NEWUSER : flags);
}

static int try_userns(void)
{
    return unshare(CLONE_NEWUSER);
}

static int try_overlay(void)
{
    if (try_namespaces() < 0)
        return -1;
    return syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC) < 0 ? -1 : 0;
}

static void check_kernel(struct check *c)
{
    struct utsname u;
    uname(&u);
    c->ok = true;
    snprintf(c->message, sizeof c->message, "Linux %.64s, %.32s, %s", u.release, u.machine,
             geteuid() == 0 ? "as root" : "rootless");
}

static void check_try(struct check *c, int (*try_it)(void), const char *what, const char *hint)
{
    int failed = in_child(try_it);
    c->ok = failed == 0;
    if (failed)
        snprintf(c->message, sizeof c->message, "%s: refused (%s)", what, strerror(failed));
    else
        snprintf(c->message, sizeof c->message, "%s: available", what);
    if (failed)
        snprintf(c->hint, sizeof c->hint, "%s", hint);
}

static void check_cgroups(struct check *c, const struct host *h)
{
    const struct cg_host *cg = &h->cgroups;
    c->ok = cg->kind != CG_NONE;
    if (c->ok)
        snprintf(c->message, sizeof c->message, "control groups %s: runs go to %.250s", cg_kind_name(cg), cg->base[CG_MEMORY]);
    else
        snprintf(c->message, sizeof c->message, "%s", h->config.cgroup_error.message);
    if (!c->ok)
        snprintf(c->hint, sizeof c->hint, "%s", h->config.cgroup_error.hint);
}

static void check_landlock(struct check *c)
{
    int abi = landlock_abi();
    if (abi > 0) {
        c->ok = true;
        snprintf(c->message, sizeof c->message, "Landlock ABI %d", abi);
        return;
    }
    snprintf(c->message, sizeof c->message, abi == 0 ? "Landlock is not there" : "Landlock cannot be asked for");
    snprintf(c->hint, sizeof c->hint,
             "boot with lsm=landlock,...; profiles that require it (strict) are refused, others record it as absent");
}

static void check_seccomp(struct check *c)
{
    unsigned action = SECCOMP_RET_USER_NOTIF;
    c->ok = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
    snprintf(c->message, sizeof c->message, "seccomp user notification: %s", c->ok ? "available" : "not there");
    if (!c->ok)
        snprintf(c->hint, sizeof c->hint, "a kernel of at least 5.6 with CONFIG_SECCOMP_FILTER is needed");
}

static void check_profiles(struct check *c, const struct host *h)
{
    char **names = NULL;
    size_t count = 0, good = 0;
    struct err e = {0};
    if (profile_names(h->profiles_dir, &names, &count, &e) < 0) {
        snprintf(c->message, sizeof c->message, "%s", e.message);
        snprintf(c->hint, sizeof c->hint, "%s", e.hint);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct profile *p = NULL;
        struct err bad = {0};
        if (profile_load(h->profiles_dir, names[i], h->config.cache_dir_fd, &p, &bad) == 0) {
            good++;
        } else if (!c->hint[0]) {
            snprintf(c->hint, sizeof c->hint, "%.230s", bad.message);
        }
        profile_free(p);
        mem_free_at(&names[i]);
    }
    mem_free_at(&names);
    c->ok = good == count && count > 0;
    snprintf(c->message, sizeof c->message, "%zu of %zu profiles load, from %.200s", good, count, h->profiles_dir);
}

static void print_json(const struct check *checks, size_t count)
{
    AUTO_BUF struct buf out = BUF_INIT(64 << 10);
    struct jw w = jw_to(&out);
    jw_obj(&w);
    jw_arr_at(&w, "checks");
    for (size_t i = 0; i < count; i++) {
        jw_obj(&w);
        jw_str_at(&w, "name", checks[i].name);
        jw_bool_at(&w, "ok", checks[i].ok);
        jw_str_at(&w, "message", checks[i].message);
        jw_str_at(&w, "hint", checks[i].hint);
        jw_end_obj(&w);
    }
    jw_end_arr(&w);
    jw_end_obj(&w);
    puts(buf_cstr(&out));
}

int doctor_main(int argc, char **argv)
{
    struct err e = {0};
    struct host_options options = {0};
    struct host host;
    bool json = false;
    int next = host_read_options(argc, argv, &options, NULL, &json, &e);
    if (next < 0 || next != argc || host_open(&options, &host, &e) < 0) {
        fprintf(stderr, "enclos-runner: %s\n",
                e.kind ? e.message : "usage: enclos-runner doctor [--json] [--cgroup PATH] [--profiles DIR]");
        return 125;
    }
    struct check checks[] = {{.name = "kernel"},  {.name = "namespaces"}, {.name = "userns"}, {.name = "cgroups"},
                             {.name = "landlock"}, {.name = "seccomp"},    {.name = "overlay"}, {.name = "profiles"}};
    enum { COUNT = sizeof checks / sizeof *checks };
    check_kernel(&checks[0]);
    check_try(&checks[1], try_namespaces, "namespaces (mount, pid, net, ipc, uts, cgroup)",
              "user namespaces must be allowed for a rootless lab: kernel.unprivileged_userns_clone=1, "
              "kernel.apparmor_restrict_unprivileged_userns=0, user.max_user_namespaces > 0");
    check_try(&checks[2], try_userns, "user namespaces", "set user.max_user_namespaces above 0");
    check_cgroups(&checks[3], &host);
    check_landlock(&checks[4]);
    check_seccomp(&checks[5]);
    check_try(&checks[6], try_overlay, "overlay", "load the module overlay; until then code is copied into each run");
    check_profiles(&checks[7], &host);
    bool good = true;
    for (size_t i = 0; i < COUNT; i++)
        good &= checks[i].ok || strcmp(checks[i].name, "landlock") == 0 || strcmp(checks[i].name, "overlay") == 0;
    if (json)
        print_json(checks, COUNT);
    for (size_t i = 0; i < COUNT && !json; i++) {
        printf("%s %-11s %s\n", checks[i].ok ? "ok " : "-- ", checks[i].name, checks[i].message);
        if (checks[i].hint[0])
            printf("                %s\n", checks[i].hint);
    }
    host_close(&host);
    return good ? 0 : 1;
}
