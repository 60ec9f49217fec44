/*
 * child.c - starting programs of the house by posix_spawn: no fork of a threaded process.
 */
#include "orchestrator/child.h"
#include "api/common/fd.h"
#include "api/common/text.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* `in`: becomes its standard input; -1: it has ours. */
static int spawn(const char *const *argv, int in, int from, int to, int *pid, struct err *e)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    sigset_t none, all;
    pid_t p;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    /* Where both numbers are the same, this clears close-on-exec. */
    posix_spawn_file_actions_adddup2(&actions, from, to);
    if (in >= 0)
        posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    /* argv is not changed by it; its type is a wart of POSIX. */
    int rc = posix_spawn(&p, argv[0], &actions, &attr, (char *const *)(uintptr_t)argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    if (rc != 0) {
        errno = rc;
        return err_sys(e, NULL,
                       rc == EACCES ? "a folder above it is closed to the lab's account: build elsewhere, or make install"
                                    : "check that Enclos is built or installed whole",
                       "cannot start %s", argv[0]);
    }
    *pid = p;
    return 0;
}

int child_start(const char *const *argv, int fd, int *pid, struct err *e)
{
    return spawn(argv, -1, fd, 3, pid, e);
}

static int read_until(int fd, int64_t deadline_us, struct buf *out, const char *what, struct err *e)
{
    for (;;) {
        int64_t left_ms = (deadline_us - time_mono_us()) / 1000;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int rc = left_ms > 0 ? poll(&p, 1, (int)left_ms) : 0;
        if (rc < 0 && errno == EINTR)
            continue;
        if (rc <= 0)
            return err_set(e, E_UNAVAILABLE, NULL, "try again", "%s did not answer in time", what);
        char *to = buf_reserve(out, 16384);
        if (!to)
            return err_set(e, E_LIMIT, NULL, NULL, "%s answers with more than %zu bytes", what,
                           out->max_bytes);
        ssize_t n = read(fd, to, 16384);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, NULL, NULL, "cannot read what %s answers", what);
        if (n == 0)
            return 0;
        out->len += (size_t)n;
    }
}

static int ask(const char *const *argv, int input, int64_t timeout_ms, struct buf *out, int *exit_code,
               struct err *e)
{
    int pair[2], pid, status = 0;
    if (pipe2(pair, O_CLOEXEC) < 0)
        return err_sys(e, NULL, NULL, "cannot make a pipe");
    AUTO_FD int in = pair[0];
    AUTO_FD int theirs = pair[1];
    if (spawn(argv, input, theirs, 1, &pid, e) < 0)
        return -1;
    fd_close_at(&theirs);
    int rc = read_until(in, time_mono_us() + timeout_ms * 1000, out, argv[0], e);
    if (rc < 0)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (rc < 0)
        return -1;
    if (!WIFEXITED(status))
        return err_set(e, E_UNAVAILABLE, NULL, NULL, "%s was ended by signal %d", argv[0],
                       WTERMSIG(status));
    *exit_code = WEXITSTATUS(status);
    return 0;
}

int child_ask(const char *const *argv, int64_t timeout_ms, struct buf *out, int *exit_code,
              struct err *e)
{
    return ask(argv, -1, timeout_ms, out, exit_code, e);
}

int child_ask_text(const char *const *argv, const char *text, size_t len, int64_t timeout_ms,
                   struct buf *out, int *exit_code, struct err *e)
{
    /* A memory file, not a pipe: nobody has to write while the other reads. */
    AUTO_FD int in = memfd_create("enclos-text", MFD_CLOEXEC);
    if (in < 0 || fd_write_all(in, text, len) < 0 || lseek(in, 0, SEEK_SET) < 0)
        return err_sys(e, NULL, NULL, "cannot hand a text to %s", argv[0]);
    return ask(argv, in, timeout_ms, out, exit_code, e);
}
