/*
 * priv_terminal.c - makes a run's terminal: see terminal.h. Init mounts it and opens the pair; the job takes it.
 * No malloc, no locks.
 */
#include "runner/terminal.h"

#include "api/common/fd.h"
#include "runner/mount_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <asm/termbits.h> /* struct termios as the kernel has it; termios.h is glibc's */
#include <unistd.h>

static int fail(struct sandbox *s, const char *what)
{
    return setup_fail(s->setup, STEP_TERMINAL, errno, NULL, "%s", what);
}

/* Pairs of the run's own, for its user alone; a program may make some more (tmux, terminals in notebooks). */
static int mount_devpts(struct sandbox *s, int root)
{
    char uid[16];
    snprintf(uid, sizeof uid, "%u", s->job_uid);
    const struct option options[] = {{"mode", "600"}, {"ptmxmode", "666"}, {"uid", uid}, {"gid", uid},
                                     {"max", "64"},   {NULL, NULL}};
    AUTO_FD int fd = new_fs("devpts", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    return fd < 0 || attach(fd, root, "dev/pts") < 0 ? fail(s, "cannot mount /dev/pts") : 0;
}

/* The node opens whatever terminal controls the process that opens it: in here that is one of the above. It stands
 * apart, on a file system of its own, because the root may be shared: /dev/tty is a link to it. */
static int mount_tty(struct sandbox *s, int root)
{
    static const struct option options[] = {{"size", "4k"}, {"nr_inodes", "4"}, {"mode", "755"}, {NULL, NULL}};
    AUTO_FD int folder = new_fs("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    AUTO_FD int node = clone_tree(AT_FDCWD, "/dev/tty", AT_SYMLINK_NOFOLLOW);
    struct stat st;
    if (folder < 0 || node < 0 || fstatat(node, "", &st, AT_EMPTY_PATH) < 0)
        return fail(s, "cannot clone the mount of /dev/tty");
    if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 0))
        return setup_fail(s->setup, STEP_TERMINAL, EINVAL, NULL, "/dev/tty of this host is not the device 5:0");
    if (attach(folder, root, "opt/enclos/tty") < 0)
        return fail(s, "cannot mount /dev/tty");
    int file = openat(folder, "tty", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file >= 0)
        close(file); /* open for writing, it would keep the folder from becoming read-only */
    if (file < 0 || set_attr(node, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, -1) < 0 || attach(node, folder, "tty") < 0 ||
        set_attr(folder, MOUNT_ATTR_RDONLY, 0, -1) < 0)
        return fail(s, "cannot mount /dev/tty");
    return 0;
}

int terminal_mount(struct sandbox *s, int root)
{
    if (!s->spec->interactive.wanted)
        return 0;
    if (mount_devpts(s, root) < 0 || mount_tty(s, root) < 0)
        return -1;
    setup_done(s->setup, STEP_TERMINAL);
    return 0;
}

int terminal_open(struct sandbox *s)
{
    const struct spec_interactive *i = &s->spec->interactive;
    const struct winsize size = {.ws_row = i->rows, .ws_col = i->cols};
    struct termios modes;
    char kind = HANDOVER_TERMINAL;
    int unlocked = 0;
    if (!i->terminal)
        return 0;
    AUTO_FD int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (master < 0 || ioctl(master, TIOCSPTLCK, &unlocked) < 0)
        return fail(s, "cannot open a terminal");
    AUTO_FD int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave < 0 || ioctl(slave, TIOCSWINSZ, &size) < 0 || ioctl(slave, TCGETS, &modes) < 0)
        return fail(s, "cannot open the terminal's other end");
    modes.c_iflag |= IUTF8; /* erasing a character erases all of its bytes */
    if (ioctl(slave, TCSETS, &modes) < 0)
        return fail(s, "cannot set the terminal's modes");
    if (fd_send(s->handover, &kind, 1, &master, 1) != 1)
        return fail(s, "cannot hand the terminal to the monitor");
    s->terminal_fd = fd_take(&slave);
    setup_done(s->setup, STEP_TERMINAL);
    return 0;
}

int terminal_control(struct sandbox *s)
{
    static const int reset[] = {SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU};
    if (s->terminal_fd < 0)
        return 0;
    /* A daemon started in the background ignores some, and a program that starts so ignores them for good. */
    for (size_t i = 0; i < sizeof reset / sizeof *reset; i++)
        signal(reset[i], SIG_DFL);
    if (ioctl(s->terminal_fd, TIOCSCTTY, 0) < 0)
        return fail(s, "the terminal cannot become the program's");
    return 0;
}
