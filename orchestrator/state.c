/*
 * state.c - creates or adopts the lab's folders, as root for the lab's account, or as a user.
 *
 * Called by main() before rights are dropped, so everything here is wary of what it walks into: folders are
 * opened without following links, and only then looked at and changed by descriptor.
 */
#include "orchestrator/state.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FALLBACK_ID = 699999, LOCK_LOOKS = 100, LOCK_LOOK_US = 20000 };
static const char lock_name[] = "lab.lock";

static void name_of(struct owner *who)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet */
    const struct passwd *pw = getpwuid(who->uid);
    if (pw)
        snprintf(who->name, sizeof who->name, "%s", pw->pw_name);
    else
        snprintf(who->name, sizeof who->name, "uid %u", (unsigned)who->uid);
}

int state_owner(const struct options *o, struct owner *out, struct err *e)
{
    struct stat st;
    if (!o->as_root) {
        *out = (struct owner){.uid = getuid(), .gid = getgid()};
    } else if (o->user) {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet */
        const struct passwd *pw = getpwnam(o->user);
        if (!pw)
            return err_set(e, E_NOT_FOUND, "--user", "create the account, or name another one",
                           "there is no account %s", o->user);
        if (pw->pw_uid == 0)
            return err_set(e, E_INVALID, "--user", "name an account without rights",
                           "the lab does not run as root");
        *out = (struct owner){.uid = pw->pw_uid, .gid = pw->pw_gid};
    } else if (lstat(o->state_dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid != 0) {
        *out = (struct owner){.uid = st.st_uid, .gid = st.st_gid};
    } else {
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet */
        const struct passwd *pw = getpwnam("enclos");
        if (pw && pw->pw_uid != 0)
            *out = (struct owner){.uid = pw->pw_uid, .gid = pw->pw_gid};
        else
            *out = (struct owner){.uid = FALLBACK_ID, .gid = FALLBACK_ID};
    }
    name_of(out);
    return 0;
}

static int is_empty(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        fd_close_at(&fd);
        return -1;
    }
    int empty = 1;
    const struct dirent *de;
    while ((de = readdir(d)))
        if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
            empty = 0;
    closedir(d);
    return empty;
}

static int adopt(const struct options *o, const struct owner *who, int fd, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "--state", NULL, "cannot look at %s", o->state_dir);
    if (st.st_uid == who->uid)
        return 0;
    if (!o->as_root || st.st_uid != 0)
        return err_set(e, E_DENIED, "--state",
                       "name another folder, or give this one to the lab's account",
                       "%s belongs to uid %u, the lab runs as %s", o->state_dir,
                       (unsigned)st.st_uid, who->name);
    int empty = is_empty(fd);
    if (empty < 0)
        return err_sys(e, "--state", NULL, "cannot read %s", o->state_dir);
    if (!empty)
        return err_set(e, E_CONFLICT, "--state", "name an empty or a new folder",
                       "%s belongs to root and is not empty, so it is no lab of %s", o->state_dir,
                       who->name);
    return 0;
}

static bool is_dead(const char *pid_text)
{
    uint64_t pid;
    return text_u64(pid_text, 2, 1 << 30, &pid) == 0 && kill((pid_t)pid, 0) < 0 && errno == ESRCH;
}

/* The lock itself is taken by store_open, after rights are dropped. A daemon that was killed while it
 * started a program leaves the lock to that child until it executes: a holder that is dead is waited
 * for. */
static int refuse_if_used(const struct options *o, int dir_fd, struct err *e)
{
    char text[32] = "";
    AUTO_FD int fd = openat(dir_fd, lock_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT
                   ? 0
                   : err_sys(e, "--state", NULL, "cannot open %s/%s", o->state_dir, lock_name);
    for (int i = 0; i < LOCK_LOOKS; i++) {
        if (flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
            return 0;
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        text[n > 0 ? n : 0] = 0;
        text[strspn(text, "0123456789")] = 0;
        if (!is_dead(text))
            break;
        usleep(LOCK_LOOK_US);
    }
    return err_set(e, E_CONFLICT, "--state", "stop that daemon first, or name another folder",
                   "%s is used by another enclosd, pid %s", o->state_dir,
                   text[0] ? text : "unknown");
}

int state_adopt(const struct options *o, const struct owner *who, struct err *e)
{
    if (fd_mkdirs(o->state_dir, 0700, e) < 0)
        return -1;
    AUTO_FD int fd = open(o->state_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "--state", "name a folder, not a link", "cannot open %s", o->state_dir);
    if (adopt(o, who, fd, e) < 0)
        return -1;
    if (o->as_root && fchown(fd, who->uid, who->gid) < 0)
        return err_sys(e, "--state", NULL, "cannot give %s to %s", o->state_dir, who->name);
    if (fchmod(fd, 0700) < 0)
        return err_sys(e, "--state", NULL, "cannot close %s to others", o->state_dir);
    return refuse_if_used(o, fd, e);
}

int state_socket_folder(const struct options *o, const struct owner *who, struct err *e)
{
    AUTO_FREE char *dir = mem_strdup(o->socket_path);
    char *slash = strrchr(dir, '/');
    if (slash == dir)
        slash[1] = 0;
    else
        *slash = 0;
    struct stat st;
    bool made = lstat(dir, &st) < 0;
    if (made && fd_mkdirs(dir, o->as_root ? 0755 : 0700, e) < 0)
        return -1;
    AUTO_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "--socket", "name a place in a folder, not a link", "cannot open %s",
                       dir);
    if (made) {
        if (o->as_root && fchown(fd, who->uid, who->gid) < 0)
            return err_sys(e, "--socket", NULL, "cannot give %s to %s", dir, who->name);
        if (fchmod(fd, o->as_root ? 0755 : 0700) < 0)
            return err_sys(e, "--socket", NULL, "cannot set the mode of %s", dir);
        return 0;
    }
    /* A folder that others may write to lets them put their own socket in our place. */
    if ((st.st_mode & 022) && !(st.st_mode & 01000))
        return err_set(e, E_DENIED, "--socket", "take that right away, or name another folder",
                       "%s may be written to by others (mode %04o)", dir,
                       (unsigned)(st.st_mode & 07777));
    if (st.st_uid != who->uid && st.st_uid != 0)
        return err_set(e, E_DENIED, "--socket", "name another folder",
                       "%s belongs to uid %u, the lab runs as %s", dir, (unsigned)st.st_uid,
                       who->name);
    return 0;
}
