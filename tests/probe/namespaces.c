/*
 * namespaces.c - group A of the attack cases: namespaces, mounts, ids, capabilities.
 */
#define _GNU_SOURCE
#include "tests/probe/probe.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int facts_ids(int argc, char **argv)
{
    static const char *const names[] = {"Uid",    "Gid",    "Groups", "CapInh",     "CapPrm",  "CapEff",
                                        "CapBnd", "CapAmb", "NSpid",  "NoNewPrivs", "Seccomp"};
    char value[256];

    (void)argc, (void)argv;
    probe_fact_int("pid", getpid());
    probe_fact_int("dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        probe_status(names[i], value, sizeof value);
        probe_fact_str(names[i], value);
    }
    return 0;
}

static int a01(int argc, char **argv)
{
    (void)argc, (void)argv;
    TRY("unshare(NEWUSER)", unshare(CLONE_NEWUSER));
    TRY("unshare(NEWNS)", unshare(CLONE_NEWNS));
    TRY("unshare(NEWPID)", unshare(CLONE_NEWPID));
    TRY("unshare(NEWNET)", unshare(CLONE_NEWNET));
    TRY("unshare(NEWIPC)", unshare(CLONE_NEWIPC));
    TRY("unshare(NEWUTS)", unshare(CLONE_NEWUTS));
    TRY("unshare(NEWCGROUP)", unshare(CLONE_NEWCGROUP));
    TRY("unshare(NEWTIME)", unshare(CLONE_NEWTIME));
    TRY("unshare(NEWUSER|NEWNS)", unshare(CLONE_NEWUSER | CLONE_NEWNS));
    return 0;
}

static void try_clone(const char *name, unsigned long flags)
{
    errno = 0;
    long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0L);
    if (pid == 0)
        _exit(0);
    probe_attempt(name, pid);
    if (pid > 0)
        waitpid((pid_t)pid, NULL, 0);
}

static int a02(int argc, char **argv)
{
    (void)argc, (void)argv;
    try_clone("clone(NEWNS)", CLONE_NEWNS);
    try_clone("clone(NEWUSER)", CLONE_NEWUSER);
    try_clone("clone(NEWNS|NEWUSER)", CLONE_NEWNS | CLONE_NEWUSER);
    try_clone("clone(NEWPID)", CLONE_NEWPID);
    try_clone("clone(NEWNET)", CLONE_NEWNET);
    try_clone("clone(NEWIPC)", CLONE_NEWIPC);
    try_clone("clone(NEWUTS)", CLONE_NEWUTS);
    try_clone("clone(NEWCGROUP)", CLONE_NEWCGROUP);
    try_clone("clone()", 0);
    return 0;
}

static void *thread_body(void *told)
{
    *(int *)told = 42;
    return NULL;
}

static int a03(int argc, char **argv)
{
    struct clone_args plain = {.exit_signal = SIGCHLD};
    struct clone_args newuser = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    pthread_t thread;
    int told = 0;

    (void)argc, (void)argv;
    long pid = TRY("clone3()", syscall(SYS_clone3, &plain, sizeof plain));
    if (pid == 0)
        _exit(0);
    pid = TRY("clone3(NEWUSER)", syscall(SYS_clone3, &newuser, sizeof newuser));
    if (pid == 0)
        _exit(0);
    TRY("clone3(NULL, 0)", syscall(SYS_clone3, NULL, 0));
    int failed = pthread_create(&thread, NULL, thread_body, &told);
    if (failed == 0)
        pthread_join(thread, NULL);
    probe_fact_int("thread_said", told);
    return 0;
}

static int a04(int argc, char **argv)
{
    static const char *const kinds[] = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup", "time"};
    char path[64], call[96];

    (void)argc, (void)argv;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        snprintf(path, sizeof path, "/proc/1/ns/%s", kinds[i]);
        snprintf(call, sizeof call, "open(%s)", path);
        int fd = (int)TRY(call, open(path, O_RDONLY | O_CLOEXEC));
        if (fd >= 0) {
            snprintf(call, sizeof call, "setns(%s)", path);
            TRY(call, setns(fd, 0));
            close(fd);
        }
        snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            snprintf(call, sizeof call, "setns(%s)", path);
            TRY(call, setns(fd, 0));
            close(fd);
        }
    }
    int one = (int)syscall(SYS_pidfd_open, 1, 0);
    if (one >= 0)
        TRY("setns(pidfd of 1)", setns(one, CLONE_NEWNS | CLONE_NEWPID));
    return 0;
}

static int a05(int argc, char **argv)
{
    (void)argc, (void)argv;
    TRY("mount(tmpfs)", mount("none", "/tmp", "tmpfs", 0, NULL));
    TRY("mount(proc)", mount("none", "/tmp", "proc", 0, NULL));
    TRY("mount(bind)", mount("/", "/tmp", NULL, MS_BIND | MS_REC, NULL));
    TRY("mount(remount rw /)", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
    TRY("mount(make shared /)", mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL));
    return 0;
}

static int a06(int argc, char **argv)
{
    struct {
        uint64_t set, clear, propagation, userns_fd;
    } attr = {0};

    (void)argc, (void)argv;
    TRY("open_tree(/)", syscall(SYS_open_tree, AT_FDCWD, "/", 1 /* CLONE */));
    TRY("open_tree(/, no clone)", syscall(SYS_open_tree, AT_FDCWD, "/", 0));
    TRY("fsopen(tmpfs)", syscall(SYS_fsopen, "tmpfs", 0));
    TRY("fspick(/)", syscall(SYS_fspick, AT_FDCWD, "/", 0));
    TRY("fsconfig()", syscall(SYS_fsconfig, -1, 6, NULL, NULL, 0));
    TRY("fsmount()", syscall(SYS_fsmount, -1, 0, 0));
    TRY("move_mount()", syscall(SYS_move_mount, AT_FDCWD, "/tmp", AT_FDCWD, "/outputs", 0));
    TRY("mount_setattr(/)", syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &attr, sizeof attr));
    TRY("open_tree_attr(/)", syscall(467, AT_FDCWD, "/", 1, &attr, sizeof attr));
    TRY("statmount()", syscall(457, NULL, NULL, 0, 0));
    TRY("listmount()", syscall(458, NULL, NULL, 0, 0));
    return 0;
}

static int a07(int argc, char **argv)
{
    (void)argc, (void)argv;
    TRY("umount2(/data/d)", umount2("/data/d", MNT_DETACH));
    TRY("umount2(/proc)", umount2("/proc", MNT_DETACH));
    TRY("umount2(/)", umount2("/", MNT_DETACH));
    TRY("umount2(/outputs)", umount2("/outputs", MNT_FORCE));
    return 0;
}

static int a08(int argc, char **argv)
{
    (void)argc, (void)argv;
    TRY("pivot_root(., .)", syscall(SYS_pivot_root, ".", "."));
    TRY("chroot(/tmp)", chroot("/tmp"));
    return 0;
}

static int a09(int argc, char **argv)
{
    gid_t zero = 0;
    char value[64];

    (void)argc, (void)argv;
    probe_status("Uid", value, sizeof value);
    probe_fact_str("uid_before", value);
    probe_status("Gid", value, sizeof value);
    probe_fact_str("gid_before", value);
    TRY("setuid(0)", syscall(SYS_setuid, 0));
    TRY("setresuid(0,0,0)", syscall(SYS_setresuid, 0, 0, 0));
    TRY("setreuid(0,0)", syscall(SYS_setreuid, 0, 0));
    TRY("setgid(0)", syscall(SYS_setgid, 0));
    TRY("setresgid(0,0,0)", syscall(SYS_setresgid, 0, 0, 0));
    TRY("setuid(own+1)", syscall(SYS_setuid, getuid() + 1));
    TRY("setgroups(0)", syscall(SYS_setgroups, 1, &zero));
    TRY("setgroups(none)", syscall(SYS_setgroups, 0, NULL));
    syscall(SYS_setfsuid, 0);
    syscall(SYS_setfsgid, 0);
    probe_status("Uid", value, sizeof value);
    probe_fact_str("uid_after", value);
    probe_status("Gid", value, sizeof value);
    probe_fact_str("gid_after", value);
    return 0;
}

static int a12(int argc, char **argv)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct all[2] = {{~0U, ~0U, ~0U}, {~0U, ~0U, ~0U}};
    struct __user_cap_data_struct inherit[2] = {{0, 0, ~0U}, {0, 0, ~0U}};

    (void)argc, (void)argv;
    TRY("capset(all)", syscall(SYS_capset, &header, all));
    TRY("capset(inheritable)", syscall(SYS_capset, &header, inherit));
    TRY("prctl(CAP_AMBIENT_RAISE)", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
    TRY("prctl(SET_SECUREBITS, 0)", prctl(PR_SET_SECUREBITS, 0, 0, 0, 0));
    TRY("prctl(SET_KEEPCAPS)", prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
    TRY("prctl(SET_NO_NEW_PRIVS, 0)", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    return facts_ids(0, NULL);
}

static void try_write(const char *path, const char *text)
{
    char call[128];

    snprintf(call, sizeof call, "write(%s)", path);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        probe_attempt(call, -1);
        return;
    }
    TRY(call, write(fd, text, strlen(text)));
    close(fd);
}

static int a14(int argc, char **argv)
{
    (void)argc, (void)argv;
    try_write("/proc/self/uid_map", "0 0 4294967295\n");
    try_write("/proc/self/gid_map", "0 0 4294967295\n");
    try_write("/proc/self/setgroups", "allow\n");
    try_write("/proc/self/projid_map", "0 0 1\n");
    return 0;
}

static int a15(int argc, char **argv)
{
    char name[65] = "";

    (void)argc, (void)argv;
    TRY("sethostname()", sethostname("owned", 5));
    TRY("setdomainname()", setdomainname("owned", 5));
    gethostname(name, sizeof name - 1);
    probe_fact_str("hostname", name);
    return 0;
}

const struct verb verbs_namespaces[] = {
    {"ids", facts_ids, "uids, capabilities, no_new_privs, seccomp as /proc/self/status has them"},
    {"a01", a01, "unshare of every namespace"},
    {"a02", a02, "clone with namespace flags"},
    {"a03", a03, "clone3; then a thread"},
    {"a04", a04, "setns to the namespaces of PID 1 and to its own"},
    {"a05", a05, "mount tmpfs, proc, bind, remount"},
    {"a06", a06, "the newer mount calls"},
    {"a07", a07, "umount2 of /data/d, /proc, /"},
    {"a08", a08, "pivot_root and chroot"},
    {"a09", a09, "setuid and its family"},
    {"a12", a12, "capset, ambient capabilities, securebits"},
    {"a14", a14, "writes to uid_map and gid_map"},
    {"a15", a15, "sethostname, setdomainname"},
    {0},
};
