/*
 * attest.c - mounts, limits and id maps of a job, read back from inside. See attest.h.
 * Runs between clone and exec: no malloc, no locks; part of what a warm template loads as well.
 */
#include "runner/attest.h"

#include "api/common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A file about the reader, through the host's /proc, which no mount inside can redirect. */
static int read_self(struct sandbox *s, const char *file, char *out, size_t size)
{
    AUTO_FD int fd = openat(s->proc_fd, file, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && len < size - 1) {
        n = read(fd, out + len, size - 1 - len);
        if (n > 0)
            len += (size_t)n;
    }
    if (n > 0)
        errno = E2BIG;
    if (n != 0)
        return setup_fail(s->setup, STEP_ATTEST, errno, NULL, "cannot read back %s", file);
    out[len] = '\0';
    return 0;
}

const char *attest_word(const char *line, const char *end, int n, size_t *len)
{
    for (; n > 0 && line < end; n--) {
        line = memchr(line, ' ', (size_t)(end - line));
        line = line ? line + 1 : end;
    }
    const char *stop = line < end ? memchr(line, ' ', (size_t)(end - line)) : NULL;
    *len = (size_t)((stop ? stop : end) - line);
    return line;
}

static bool has_flag(const char *flags, size_t len, const char *flag)
{
    size_t n = strlen(flag);
    for (const char *at = flags; at < flags + len; at++) {
        const char *comma = memchr(at, ',', (size_t)(flags + len - at));
        size_t own = (size_t)((comma ? comma : flags + len) - at);
        if (own == n && memcmp(at, flag, n) == 0)
            return true;
        at += own;
    }
    return false;
}

/* Whatever a mount is for, it gives no rights by a program's mode, and only the nodes of /dev are devices. */
static int check_mounts(struct sandbox *s)
{
    for (const char *line = s->setup->attest.mounts; *line;) {
        const char *end = line + strcspn(line, "\n");
        size_t at_len, flags_len;
        const char *at = attest_word(line, end, 4, &at_len), *flags = attest_word(line, end, 5, &flags_len);
        /* /dev/tty of a run with terminals is a link to the second */
        static const char tty[] = "/opt/enclos/tty/tty";
        bool device = (at_len > 5 && memcmp(at, "/dev/", 5) == 0) ||
                      (at_len == sizeof tty - 1 && memcmp(at, tty, at_len) == 0);
        if (!has_flag(flags, flags_len, "nosuid") || (!device && !has_flag(flags, flags_len, "nodev")))
            return setup_fail(s->setup, STEP_ATTEST, EPERM, NULL, "the mount at %.*s is weaker than it must be: %.*s",
                              (int)at_len, at, (int)flags_len, flags);
        line = *end ? end + 1 : end;
    }
    return 0;
}

int attest_maps(struct sandbox *s)
{
    struct setup_attest *a = &s->setup->attest;
    return read_self(s, "self/uid_map", a->uid_map, sizeof a->uid_map) < 0 ||
                   read_self(s, "self/gid_map", a->gid_map, sizeof a->gid_map) < 0
               ? -1
               : 0;
}

int attest_read(struct sandbox *s)
{
    struct setup_attest *a = &s->setup->attest;
    for (int i = 0; i < SETUP_RLIMITS; i++) {
        struct rlimit held;
        if (getrlimit((__rlimit_resource_t)i, &held) < 0)
            return setup_fail(s->setup, STEP_ATTEST, errno, NULL, "cannot read back the resource limit %d", i);
        a->rlimits[i][0] = held.rlim_cur;
        a->rlimits[i][1] = held.rlim_max;
    }
    if (read_self(s, "self/mountinfo", a->mounts, sizeof a->mounts) < 0 || check_mounts(s) < 0)
        return -1;
    setup_done(s->setup, STEP_ATTEST);
    return 0;
}
