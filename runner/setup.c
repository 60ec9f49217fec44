/*
 * setup.c - names, times and failures of set-up steps. Called by monitor, init and job; runs between
 * clone and exec, so: no malloc, no locks.
 */
#include "runner/setup.h"

#include "api/common/fd.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const char *const step_names[STEP_COUNT] = {
#define X(id, name) [STEP_##id] = (name),
    SETUP_STEPS(X)
#undef X
};

const char *const setup_namespaces[7] = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"};

const char *setup_step_name(enum setup_step s)
{
    return (unsigned)s < STEP_COUNT ? step_names[s] : "unknown";
}

struct setup *setup_map(struct err *e)
{
    struct setup *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s == MAP_FAILED) {
        err_sys(e, NULL, NULL, "cannot map the page of the set-up");
        return NULL;
    }
    return s;
}

struct setup *setup_map_file(int *out, struct err *e)
{
    AUTO_FD int fd = memfd_create("enclos-setup", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && ftruncate(fd, sizeof(struct setup)) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) {
        struct setup *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (s != MAP_FAILED) {
            *out = fd_take(&fd);
            return s;
        }
    }
    err_sys(e, NULL, NULL, "cannot map the page of the set-up");
    return NULL;
}

void setup_unmap(struct setup *s)
{
    if (s)
        munmap(s, sizeof *s);
}

void setup_end_texts(struct setup *s)
{
    struct setup_attest *a = &s->attest;
    a->devices[sizeof a->devices - 1] = a->uid_map[sizeof a->uid_map - 1] = a->gid_map[sizeof a->gid_map - 1] = '\0';
    a->mounts[sizeof a->mounts - 1] = '\0';
    s->failed_message[sizeof s->failed_message - 1] = s->failed_hint[sizeof s->failed_hint - 1] = '\0';
}

void setup_done(struct setup *s, enum setup_step step)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    s->done_ns[step] = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int note(struct setup *s, enum setup_step step, int os_errno, const char *hint)
{
    snprintf(s->failed_hint, sizeof s->failed_hint, "%s", hint ? hint : "");
    s->failed_errno = os_errno;
    s->failed = 1 + (int)step;
    return -1;
}

int setup_fail(struct setup *s, enum setup_step step, int os_errno, const char *hint, const char *fmt, ...)
{
    const char *what = os_errno ? strerrordesc_np(os_errno) : NULL;
    if (s->failed)
        return -1;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(s->failed_message, sizeof s->failed_message, fmt, ap);
    va_end(ap);
    if (what && n > 0 && (size_t)n < sizeof s->failed_message)
        snprintf(s->failed_message + n, sizeof s->failed_message - (size_t)n, ": %s", what);
    return note(s, step, os_errno, hint);
}

int setup_fail_err(struct setup *s, enum setup_step step, const struct err *e)
{
    if (s->failed)
        return -1;
    snprintf(s->failed_message, sizeof s->failed_message, "%s", e->message); /* has the description */
    return note(s, step, e->os_errno, e->hint);
}
