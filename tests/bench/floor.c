/*
 * floor.c - the least that a sandbox of this shape can cost: `floor PROGRAM [ARGUMENT]...`
 *
 * The same namespaces as enclos-runner makes, the same mounts in the same order by the same calls,
 * a pivot, a PID 1 that waits for the program. Nothing else: no limits, no uid, no capabilities, no
 * Landlock, no filter, no log, no record, no collection of outputs. scripts/bench divides by it. When
 * runner/priv_mounts.c changes what it mounts, this list changes with it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RO (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

static const struct {
    const char *source, *target;
    int folder;
} binds[] = {
    {"/usr", "usr", 1},
    {"/etc/alternatives", "etc/alternatives", 1},
    {"/etc/ld.so.cache", "etc/ld.so.cache", 0},
    {"/etc/fonts", "etc/fonts", 1},
    {"/etc/R", "etc/R", 1},
    {"/etc/mime.types", "etc/mime.types", 0},
    {"/dev/null", "dev/null", 0},
    {"/dev/zero", "dev/zero", 0},
    {"/dev/full", "dev/full", 0},
    {"/dev/random", "dev/random", 0},
    {"/dev/urandom", "dev/urandom", 0},
    {"/sys/devices/system/cpu", "sys/devices/system/cpu", 1},
    {"/sys/devices/system/node", "sys/devices/system/node", 1},
    {"/usr/share/misc", "opt/python", 1}, /* stands for the Python helper's folder */
};
enum { BINDS = sizeof binds / sizeof *binds };

static const char *const folders[] = {"usr", "etc", "dev", "proc", "sys", "sys/devices", "sys/devices/system", "data",
                                      "work", "outputs", "tmp", "opt", "dev/shm", "run", "var"};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *fmt, ...)
{
    int number = errno;
    va_list args;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, ": %s\n", strerror(number));
    _exit(125);
}

static int new_fs(const char *type, const char *size, uint64_t attr)
{
    int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    if (fs < 0 || (size != NULL && (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "size", size, 0) < 0 ||
                                    syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "nr_inodes", "16384", 0) < 0)))
        die("fsopen %s", type);
    if (size == NULL && syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "hidepid", "invisible", 0) < 0)
        die("hidepid");
    if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        die("fsconfig %s", type);
    int fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr);
    close(fs);
    if (fd < 0)
        die("fsmount %s", type);
    return fd;
}

static void attach(int tree, int root, const char *target)
{
    if (syscall(SYS_move_mount, tree, "", root, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        die("attach %s", target);
    close(tree);
}

static void build_root(void)
{
    int trees[BINDS];

    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        die("private");
    for (size_t i = 0; i < BINDS; i++) {
        struct mount_attr attr = {.attr_set = strncmp(binds[i].target, "dev", 3) == 0 ? MOUNT_ATTR_NOSUID : RO};
        trees[i] = (int)syscall(SYS_open_tree, AT_FDCWD, binds[i].source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
        if (trees[i] < 0 && errno != ENOENT)
            die("open_tree %s", binds[i].source);
        if (trees[i] >= 0 && syscall(SYS_mount_setattr, trees[i], "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) < 0)
            die("mount_setattr %s", binds[i].source);
    }
    int root = new_fs("tmpfs", "1m", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    int kept = dup(root);
    attach(root, AT_FDCWD, "/tmp");
    root = kept;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        mkdirat(root, folders[i], 0755);
    for (size_t i = 0; i < BINDS; i++) {
        if (trees[i] < 0)
            continue;
        if (binds[i].folder)
            mkdirat(root, binds[i].target, 0755);
        else
            close(openat(root, binds[i].target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        attach(trees[i], root, binds[i].target);
    }
    symlinkat("usr/bin", root, "bin");
    symlinkat("usr/lib", root, "lib");
    symlinkat("usr/lib64", root, "lib64");
    attach(new_fs("tmpfs", "64m", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV), root, "dev/shm");
    attach(new_fs("proc", NULL, RO | MOUNT_ATTR_NOEXEC), root, "proc");
    attach(new_fs("tmpfs", "64m", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV), root, "work");
    attach(new_fs("tmpfs", "64m", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV), root, "outputs");
    attach(new_fs("tmpfs", "64m", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV), root, "tmp");
    struct mount_attr ro = {.attr_set = MOUNT_ATTR_RDONLY};
    if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ||
        syscall(SYS_mount_setattr, root, "", AT_EMPTY_PATH, &ro, sizeof ro) < 0)
        die("pivot_root");
    close(root);
}

int main(int argc, char **argv)
{
    struct clone_args args = {
        .flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET,
        .exit_signal = SIGCHLD,
    };
    int status = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: floor PROGRAM [ARGUMENT]...\n");
        return 2;
    }
    if (getuid() != 0)
        args.flags |= CLONE_NEWUSER;
    long init = syscall(SYS_clone3, &args, sizeof args);
    if (init < 0)
        die("clone3");
    if (init == 0) {
        if (unshare(CLONE_NEWCGROUP) < 0)
            die("cgroup namespace");
        build_root();
        pid_t job = fork();
        if (job == 0) {
            if (unshare(CLONE_NEWUSER) < 0)
                die("user namespace");
            execv(argv[1], argv + 1);
            die("execv %s", argv[1]);
        }
        waitpid(job, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
    waitpid((pid_t)init, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
