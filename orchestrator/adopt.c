/*
 * adopt.c - looks at a run folder after a restart of the daemon or the launcher. Pool threads.
 *
 * A monitor creates monitor.lock (O_EXCL), writes its pid and locks the file. Between these acts the file
 * is there and free. So "free" is believed only after it stayed so for a while, and our own try is a
 * shared lock that is given back at once: a monitor that waits for the lock (it does not use LOCK_NB)
 * is not turned away by it.
 */
#include "orchestrator/adopt.h"
#include "api/common/fd.h"
#include "api/common/runfolder.h"
#include "orchestrator/lab.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LOOKS = 5, LOOK_MS = 400 };

static void pause_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static bool is_locked(int fd)
{
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
        flock(fd, LOCK_UN);
        return false;
    }
    return errno == EWOULDBLOCK;
}

static int read_pid(int fd)
{
    char text[32];
    uint64_t pid;
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return 0;
    text[n] = 0;
    for (ssize_t i = 0; i < n; i++)
        if (text[i] == '\n')
            text[i] = 0;
    return text_u64(text, 2, 1 << 30, &pid) < 0 ? 0 : (int)pid;
}

/* 1: decided; 0: look again. */
static int look(struct adopt *a, int folder, struct err *e)
{
    AUTO_FD int lock =
        openat(folder, RUNFOLDER_LOCK, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (lock < 0 && errno != ENOENT)
        return err_sys(e, NULL, NULL, "cannot open %s of run %s", RUNFOLDER_LOCK, a->run);
    if (faccessat(folder, RUNFOLDER_RECORD, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        a->verdict = ADOPT_ENDED;
        return 1;
    }
    if (lock < 0) {
        a->verdict = ADOPT_NOT_STARTED;
        return 1;
    }
    if (!is_locked(lock)) {
        a->verdict = ADOPT_LOST;
        return 0;
    }
    int pid = read_pid(lock);
    AUTO_FD int pidfd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    /* The lock held before and after means that the pid is still the monitor's. */
    if (pidfd < 0 || !is_locked(lock))
        return 0;
    a->verdict = ADOPT_ALIVE;
    a->pidfd = fd_take(&pidfd);
    return 1;
}

int adopt_work(void *ctx, struct err *e)
{
    struct adopt *a = ctx;
    a->pidfd = -1;
    a->verdict = ADOPT_NOT_STARTED;
    AUTO_FD int folder =
        openat(a->lab->store->runs_fd, a->run, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return errno == ENOENT ? 0
                               : err_sys(e, NULL, NULL, "cannot open the folder of run %s", a->run);
    for (int i = 0; i < LOOKS; i++) {
        int rc = look(a, folder, e);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
        if (i < LOOKS - 1)
            pause_ms(LOOK_MS);
    }
    if (a->verdict == ADOPT_LOST)
        return 0;
    return err_set(e, E_UNAVAILABLE, NULL, NULL,
                   "the monitor of run %s cannot be told from its lock", a->run);
}
