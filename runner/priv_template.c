/*
 * priv_template.c - the process that becomes a template: from the launcher's fork to the interpreter.
 *
 *   groups of its own, with limits      an empty network, IPC, host name
 *   the root that all runs share        no data, no code, no /proc; 16 MiB of /tmp
 *   as root: a uid of its own           rootless: a user namespace that owns these namespaces
 *   no capability in any set            no_new_privs, dies with the launcher
 *
 *   a filter on top of the launcher's (priv_confine.c), whose refusals give way to those of a run's own filter
 *
 * Walls of a run that are not here, because what a template has, its runs cannot get rid of:
 *   no PID namespace    a process may enter one below its own only; with no /proc and a uid of its own it sees and
 *                       reaches nobody
 *   not a run's filter  only one of all filters may have a listener, and it is the run's
 *   no Landlock         its rules would not know the file systems of the runs
 * So a template runs what the host has installed and nothing else, and has no input but launcher and monitors.
 */
#include "runner/warm.h"

#include "api/common/fd.h"
#include "runner/confine.h"
#include "runner/host.h"
#include "runner/mount_calls.h"
#include "runner/sandbox.h"

#include <errno.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

enum { TMP_BYTES = 16 << 20, DESCRIPTORS = 1024 };

_Noreturn static void fail(const char *what)
{
    dprintf(STDERR_FILENO, "%s: %s\n", what, strerrordesc_np(errno));
    _exit(1);
}

static void join_groups(const struct cg *cg)
{
    if (cg->kind == CG_V1) {
        errno = cg_join_self(cg);
        if (errno)
            fail("cannot enter the template's control group");
    } else if (cg->kind == CG_V2) {
        AUTO_FD int procs = openat(cg->dir[CG_MEMORY], "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (procs < 0 || write(procs, "0", 1) != 1)
            fail("cannot enter the template's control group");
    }
}

static void write_self(const char *file, const char *text)
{
    AUTO_FD int fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        fail(file);
}

static void make_namespaces(const struct template_plan *p)
{
    bool rootless = p->host->config.identity.rootless;
    uid_t uid = geteuid();
    gid_t gid = getegid();
    char map[48];
    if (unshare((rootless ? CLONE_NEWUSER : 0) | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                CLONE_NEWCGROUP) < 0)
        fail("cannot make the template's namespaces");
    if (!rootless)
        return;
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
        fail("cannot become dumpable");
    write_self("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %u 1\n", uid);
    write_self("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %u 1\n", gid);
    write_self("/proc/self/gid_map", map);
    /* The launcher hands it to helpers of monitors, who make namespaces in it. */
    AUTO_FD int userns = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    const struct warm_packet packet = {.magic = WARM_MAGIC, .word = WARM_USERNS};
    if (userns < 0 || fd_send(p->control, &packet, sizeof packet, &userns, 1) != sizeof packet)
        fail("cannot hand over the template's user namespace");
}

static int small_fs(int root, const char *target, const char *size, const char *mode, uint64_t attr)
{
    const struct option options[] = {{"size", size}, {"nr_inodes", "256"}, {"mode", mode}, {NULL, NULL}};
    int fd = new_fs("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | attr);
    if (fd < 0 || attach(fd, root, target) < 0)
        fail("cannot mount in the template's root");
    return fd;
}

/* The library comes as a copy: a mount of it would name a folder of the host. */
static void lay_library(int from, int root)
{
    struct stat st;
    AUTO_FD int fs = small_fs(root, WARM_LIBRARY_FOLDER, "4m", "755", 0);
    AUTO_FD int to = openat(fs, WARM_LIBRARY_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (to < 0 || fstat(from, &st) < 0 || fchmod(to, 0444) < 0 || sendfile(to, from, NULL, (size_t)st.st_size) != st.st_size)
        fail("cannot copy the template's library");
    fd_close_at(&to);
    if (set_attr(fs, MOUNT_ATTR_RDONLY, 0, -1) < 0)
        fail("cannot protect the template's library");
}

static void make_root(const struct template_plan *p)
{
    const struct monitor_config *c = &p->host->config;
    struct err e = {0};
    struct setup *page = setup_map(&e);
    int root = -1;
    /* Before a root is built: that covers /tmp. */
    AUTO_FD int library = open(p->library, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (library < 0)
        fail(p->library);
    if (!page || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        fail("cannot make the template's mounts private");
    if (c->ready_root)
        root = open(c->ready_root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    else if (root_build(page, c->python_path, "/tmp", &root) < 0)
        dprintf(STDERR_FILENO, "%s\n", page->failed_message);
    if (root < 0)
        fail("cannot open the template's root");
    lay_library(library, root);
    close(small_fs(root, "tmp", "16m", "1777", MOUNT_ATTR_NOEXEC)); /* attached: it stays */
    if (mounts_pivot(page, root) < 0) {
        dprintf(STDERR_FILENO, "%s\n", page->failed_message);
        _exit(1);
    }
    close(root);
    setup_unmap(page);
}

static void drop_rights(const struct template_plan *p)
{
    const unsigned long locked = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED |
                                 SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}}, left[2];
    for (unsigned long c = 0; c < 64; c++)
        if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0) {
            if (errno == EINVAL)
                break;
            fail("cannot empty the template's bounding set");
        }
    if (prctl(PR_SET_SECUREBITS, locked, 0, 0, 0) < 0)
        fail("cannot lock the template's secure bits");
    if (!p->host->config.identity.rootless &&
        (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, p->uid, p->uid, p->uid) < 0 ||
         syscall(SYS_setresuid, p->uid, p->uid, p->uid) < 0))
        fail("cannot take the template's uid");
    if (syscall(SYS_capset, &header, none) < 0 || prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        fail("cannot drop the template's rights");
    if (syscall(SYS_capget, &header, left) < 0 || left[0].permitted || left[1].permitted || left[0].effective ||
        left[1].effective || prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 0)
        fail("the template still has rights");
}

static void limit(void)
{
    const struct rlimit core = {1, 1};
    struct rlimit files;
    if (setrlimit(RLIMIT_CORE, &core) < 0 || getrlimit(RLIMIT_NOFILE, &files) < 0)
        fail("cannot limit the template");
    if (files.rlim_cur > DESCRIPTORS)
        files.rlim_cur = DESCRIPTORS;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        fail("cannot limit the template");
}

/* 0 /dev/null, 1 and 2 where it may complain (a pipe, as in a run: Python looks), 3 the conversation. */
static void arrange_descriptors(const struct template_plan *p)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int control = fcntl(p->control, F_DUPFD_CLOEXEC, 16);
    if (null < 0 || control < 0 || (null != 0 && dup2(null, 0) < 0) || dup2(control, WARM_CONTROL_FD) < 0 ||
        fcntl(0, F_SETFD, 0) < 0 || syscall(SYS_close_range, WARM_CONTROL_FD + 1, ~0U, 0) < 0)
        fail("cannot arrange the template's descriptors");
}

void template_main(const struct template_plan *p)
{
    const char *argv[WARM_IMPORTS_MAX + 2] = {strrchr(p->interpreter, '/') + 1};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_NAME, "enclos-template", 0, 0, 0);
    /* Away from 0 to 3 first, wherever they came. */
    int output = fcntl(p->output, F_DUPFD_CLOEXEC, 16);
    if (output < 0 || dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
        _exit(1);
    setsid();
    umask(022);
    join_groups(p->cg);
    make_namespaces(p);
    if (sethostname("enclos", 6) < 0)
        fail("cannot name the template's host");
    make_root(p);
    limit();
    drop_rights(p);
    /* After the change of uid, which takes it back. Kept by execve: no rights are gained by it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != p->launcher)
        fail("cannot tie the template to its launcher");
    arrange_descriptors(p);
    if (confine_template() < 0)
        fail("cannot load the template's filter");
    for (size_t i = 0; i < WARM_IMPORTS_MAX && p->imports[i]; i++)
        argv[i + 1] = p->imports[i];
    execve(p->interpreter, (char *const *)(uintptr_t)argv, p->env);
    fail(p->interpreter);
}
