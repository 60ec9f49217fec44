/*
 * priv_outputs.c - /outputs on disk: a file system of the run's own in a file of its run folder.
 *
 *   RUN/outputs.img (root's, 0600) --loop device--> ext4, made here --mount--> /outputs of the run
 *
 * Called by the monitor before it clones the sandbox, as root only. Bounded in bytes and files because the file
 * system is; its room is taken from the lab's disk at once, so that a full disk is told before the run begins and is
 * no input/output error in the middle of it. The file belongs to root although the folder is the lab's: nobody but the
 * kernel ever writes into a file system that the kernel mounts. mkfs.ext4 runs without any capability.
 *
 * Rootless there is no such thing (a loop device and mounting ext4 are root's), and to watch a folder is no bound: it
 * is refused by name.
 */
#include "runner/sandbox.h"

#include "api/common/fd.h"
#include "api/common/runfolder.h"
#include "runner/mount_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef LOOP_CONFIGURE
#define LOOP_CONFIGURE 0x4C0A
struct loop_config {
    uint32_t fd, block_size;
    struct loop_info64 info;
    uint64_t reserved[8];
};
#endif

enum { INODE_BYTES = 256, OWN_FILES = 16, OWN_BYTES = 8 << 20, LOOP_TRIES = 64, LOOP_MAJOR = 7 };

#define FIELD "resources.output_disk"

/* ---- the image ---- */

/* Without any capability: all that it needs is to open a file of its own uid. */
_Noreturn static void make_file_system(int image, int64_t files, uid_t owner)
{
    static char *const environment[] = {(char *)"PATH=/usr/sbin:/sbin:/usr/bin:/bin", NULL};
    char path[32], count[24], extended[96];
    int null = open("/dev/null", O_RDWR);
    int keep = fcntl(image, F_DUPFD, 3);
    snprintf(path, sizeof path, "/proc/self/fd/%d", keep);
    snprintf(count, sizeof count, "%lld", (long long)(files + OWN_FILES));
    snprintf(extended, sizeof extended, "nodiscard,lazy_itable_init=1,root_owner=%u:%u", owner, owner);
    char *const argv[] = {(char *)"mkfs.ext4", (char *)"-q", (char *)"-F", (char *)"-m", (char *)"0", (char *)"-b", (char *)"4096",
                          (char *)"-I", (char *)"256", (char *)"-N", count, (char *)"-O", (char *)"^has_journal,^resize_inode",
                          (char *)"-E", extended, path, NULL};
    if (null < 0 || keep < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
        prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0) < 0)
        _exit(126);
    execve("/usr/sbin/mkfs.ext4", argv, environment);
    execve("/sbin/mkfs.ext4", argv, environment);
    _exit(127);
}

static int format(int image, int64_t files, uid_t owner, struct err *e)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        make_file_system(image, files, owner);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (pid < 0)
        return err_sys(e, FIELD, NULL, "cannot start mkfs.ext4");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return err_set(e, E_UNAVAILABLE, FIELD, "install e2fsprogs, or keep outputs in memory", "there is no mkfs.ext4 here");
    if (status != 0)
        return err_set(e, E_INTERNAL, FIELD, "keep outputs in memory", "mkfs.ext4 failed (status %d)", status);
    return 0;
}

static int make_image(int run_fd, const struct spec_resources *r, uid_t owner, int *out, struct err *e)
{
    /* What the file system needs for itself: its inodes, and some room for maps and folders. */
    int64_t size = r->output_bytes + r->output_bytes / 50 + (r->output_files + OWN_FILES) * INODE_BYTES * 2 + OWN_BYTES;
    AUTO_FD int fd = openat(run_fd, RUNFOLDER_OUTPUTS_IMAGE, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, FIELD, NULL, "cannot make %s", RUNFOLDER_OUTPUTS_IMAGE);
    if (fallocate(fd, 0, 0, size) < 0 && (errno != EOPNOTSUPP || ftruncate(fd, size) < 0))
        return err_sys(e, FIELD, "free some room on the lab's disk, or ask for less (--outputs)",
                       "cannot set %lld bytes of the lab's disk aside for /outputs", (long long)size);
    if (format(fd, r->output_files, owner, e) < 0)
        return -1;
    *out = fd_take(&fd);
    return 0;
}

/* ---- the loop device ---- */

/* It frees itself when the last mount and descriptor are gone, whoever dies. */
static int attach_loop(int image, bool read_only, int *number, struct err *e)
{
    AUTO_FD int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0)
        return err_sys(e, FIELD, "load the kernel's module loop, or keep outputs in memory", "cannot open /dev/loop-control");
    for (int i = 0; i < LOOP_TRIES; i++) {
        char path[32];
        struct loop_config config = {.fd = (uint32_t)image};
        config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0);
        int n = ioctl(control, LOOP_CTL_GET_FREE);
        if (n < 0)
            return err_sys(e, FIELD, NULL, "there is no free loop device");
        snprintf(path, sizeof path, "/dev/loop%d", n);
        int device = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
        if (device < 0)
            return err_sys(e, FIELD, NULL, "cannot open %s", path);
        if (ioctl(device, LOOP_CONFIGURE, &config) == 0) {
            *number = n;
            return device;
        }
        int why = errno;
        close(device);
        errno = why;
        if (why != EBUSY) /* else another was quicker */
            return err_sys(e, FIELD, NULL, "cannot set up %s", path);
    }
    return err_set(e, E_LIMIT, FIELD, "try again later", "loop devices are taken as soon as they are free");
}

/* What the file system has beyond what was asked for is taken out of reach: ext4 keeps such blocks for its own maps.
 * Where /sys is read-only (a container) the run has some percent more, and the collector keeps the bound. */
static void reserve_rest(int number, int mounted, int64_t wanted)
{
    char path[64], text[24];
    struct statfs held;
    if (fstatfs(mounted, &held) < 0 || held.f_bsize <= 0)
        return;
    int64_t rest = (int64_t)held.f_bfree - (wanted + held.f_bsize - 1) / held.f_bsize;
    snprintf(path, sizeof path, "/sys/fs/ext4/loop%d/reserved_clusters", number);
    int n = snprintf(text, sizeof text, "%lld", (long long)rest);
    AUTO_FD int fd = rest > 0 ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (fd >= 0 && write(fd, text, (size_t)n) != n)
        return; /* read back by the caller */
}

/* `wanted` bytes for the run to write; 0: read-only. */
static int mount_image(int image, int64_t wanted, int *out, struct err *e)
{
    const bool read_only = wanted == 0;
    static const struct option writing[] = {{"discard", NULL}, {"errors", "remount-ro"}, {NULL, NULL}};
    static const struct option reading[] = {{"ro", NULL}, {"noload", NULL}, {NULL, NULL}};
    const uint64_t attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    char path[32];
    int number = -1;
    AUTO_FD int device = attach_loop(image, read_only, &number, e);
    if (device < 0)
        return -1;
    snprintf(path, sizeof path, "/dev/loop%d", number);
    AUTO_FD int fs = (int)syscall(SYS_fsopen, "ext4", FSOPEN_CLOEXEC);
    if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", path, 0) < 0)
        return err_sys(e, FIELD, "the kernel needs ext4", "cannot open ext4");
    for (const struct option *o = read_only ? reading : writing; o->key; o++)
        if (syscall(SYS_fsconfig, fs, o->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, o->key, o->value, 0) < 0)
            return err_sys(e, FIELD, NULL, "ext4 does not take its option %s", o->key);
    if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return err_sys(e, FIELD, NULL, "cannot mount the file system of /outputs");
    *out = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr | (read_only ? MOUNT_ATTR_RDONLY : 0));
    if (*out < 0)
        return err_sys(e, FIELD, NULL, "cannot mount /outputs");
    if (!read_only)
        reserve_rest(number, *out, wanted);
    return 0;
}

int outputs_disk_open(int run_fd, const struct spec_resources *r, bool rootless, uid_t owner, int *out, struct err *e)
{
    AUTO_FD int image = -1;
    AUTO_FD int mounted = -1;
    struct statfs held;
    if (rootless)
        return err_set(e, E_UNAVAILABLE, FIELD, "keep outputs in memory (more --memory), or use a lab that runs as root",
                       "outputs on disk cannot be bounded without root: a loop device and a mount are needed");
    if (make_image(run_fd, r, owner, &image, e) < 0 || mount_image(image, r->output_bytes, &mounted, e) < 0)
        return -1;
    if (unlinkat(mounted, "lost+found", AT_REMOVEDIR) < 0 && errno != ENOENT)
        return err_sys(e, FIELD, NULL, "cannot empty the file system of /outputs");
    /* Read back, as every limit. */
    if (fstatfs(mounted, &held) < 0)
        return err_sys(e, FIELD, NULL, "cannot read back the size of /outputs");
    int64_t bytes = (int64_t)held.f_bavail * (int64_t)held.f_bsize;
    if (bytes < r->output_bytes || bytes > r->output_bytes + r->output_bytes / 8 + 2 * OWN_BYTES ||
        (int64_t)held.f_ffree < r->output_files)
        return err_set(e, E_INTERNAL, FIELD, "the limit is not in force: the run is not started",
                       "/outputs was asked to hold %lld bytes and %lld files and holds %lld and %lld",
                       (long long)r->output_bytes, (long long)r->output_files, (long long)bytes, (long long)held.f_ffree);
    *out = fd_take(&mounted);
    return 0;
}

int outputs_disk_recover(int run_fd, int *out, struct err *e)
{
    struct stat st;
    AUTO_FD int image = openat(run_fd, RUNFOLDER_OUTPUTS_IMAGE, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (image < 0 || fstat(image, &st) < 0)
        return err_sys(e, "RUN_FOLDER", "only a run with outputs on disk whose monitor died leaves one", "cannot open %s",
                       RUNFOLDER_OUTPUTS_IMAGE);
    /* The folder is the lab's: a file that somebody else could have written is never mounted. */
    if (!S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_nlink != 1 || (st.st_mode & 07777) != 0600)
        return err_set(e, E_DENIED, "RUN_FOLDER", NULL, "%s is not the file that the runner made", RUNFOLDER_OUTPUTS_IMAGE);
    return mount_image(image, 0, out, e);
}
