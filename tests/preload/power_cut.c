/*
 * power_cut.c - loaded before the lab's daemon (LD_PRELOAD): remembers what would be on the disk after a power cut.
 *
 *     ENCLOS_CUT_STATE   the folder that the daemon works in
 *     ENCLOS_CUT_SHADOW  where the memory is kept
 *
 * Only what was synced survives: of a file the bytes that it had at its last fsync or fdatasync, of a folder the names
 * that it had at its last fsync (so a rename, a new name, a removal that was not followed by one is undone), all
 * of both at a syncfs. That is less than what file systems keep in fact, and all that they promise.
 *
 *     SHADOW/f-INODE-BIRTH   bytes and mode of a file          SHADOW/d-INODE-BIRTH   a line an entry: TYPE KEY NAME
 *
 * Files and folders are known by inode and time of birth: inode numbers are given again. The tests make a state folder of
 * it (test_power_cut.py). A sync returns when it is remembered: what the lab acknowledges afterwards has to be there.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY = 64, CHUNK = 1 << 16 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int real(const char *name, int fd)
{
    int (*call)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return call(fd);
}

static void fail(const char *what)
{
    /* Better no lab than a test that cannot fail. */
    dprintf(2, "power_cut: %s: %s\n", what, strerror(errno));
    abort();
}

static int key_of(int dir, const char *name, int flags, char key[KEY], struct statx *st)
{
    if (statx(dir, name, flags, STATX_BASIC_STATS | STATX_BTIME, st) < 0)
        return -1;
    snprintf(key, KEY, "%c-%llu-%lld.%09u", S_ISDIR(st->stx_mode) ? 'd' : 'f', (unsigned long long)st->stx_ino,
             (long long)st->stx_btime.tv_sec, st->stx_btime.tv_nsec);
    return 0;
}

/* A new file in the shadow that takes the place of the old one when it is whole. */
static int begin(const char *shadow, char tmp[4200])
{
    snprintf(tmp, 4200, "%s/tmp-%d", shadow, getpid());
    unlink(tmp);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        fail(tmp);
    return fd;
}

static void end(const char *shadow, int fd, const char *tmp, const char *key, mode_t mode)
{
    char name[4200];
    snprintf(name, sizeof name, "%s/%s", shadow, key);
    if (fchmod(fd, mode) < 0 || close(fd) < 0 || rename(tmp, name) < 0)
        fail(name);
}

static void keep_file(const char *shadow, int from, const char *key, mode_t mode)
{
    static char chunk[CHUNK];
    char tmp[4200], self[64];
    int fd = begin(shadow, tmp);
    snprintf(self, sizeof self, "/proc/self/fd/%d", from);
    int in = open(self, O_RDONLY | O_CLOEXEC); /* it may be open for writing only */
    ssize_t n = 0;
    for (off_t at = 0; (n = pread(in < 0 ? from : in, chunk, sizeof chunk, at)) > 0; at += n)
        if (write(fd, chunk, (size_t)n) != n)
            fail("write");
    if (n < 0)
        fail("read");
    if (in >= 0)
        close(in);
    end(shadow, fd, tmp, key, mode);
}

static void keep_folder(const char *shadow, int from, const char *key, mode_t mode)
{
    char tmp[4200];
    int fd = begin(shadow, tmp), copy = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir)
        fail("folder");
    const struct dirent *d;
    while ((d = readdir(dir))) {
        struct statx st;
        char child[KEY];
        if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") ||
            key_of(dirfd(dir), d->d_name, AT_SYMLINK_NOFOLLOW, child, &st) < 0)
            continue; /* it went meanwhile */
        if (S_ISDIR(st.stx_mode) || S_ISREG(st.stx_mode))
            dprintf(fd, "%s %s\n", child, d->d_name);
    }
    closedir(dir);
    end(shadow, fd, tmp, key, mode);
}

static void keep(int fd)
{
    const char *shadow = getenv("ENCLOS_CUT_SHADOW");
    struct statx st;
    char key[KEY];
    if (!shadow || key_of(fd, "", AT_EMPTY_PATH, key, &st) < 0)
        return;
    pthread_mutex_lock(&lock);
    if (S_ISREG(st.stx_mode))
        keep_file(shadow, fd, key, st.stx_mode & 07777);
    else if (S_ISDIR(st.stx_mode))
        keep_folder(shadow, fd, key, st.stx_mode & 07777);
    pthread_mutex_unlock(&lock);
}

static void keep_all(int dir_fd)
{
    int copy = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *d;
    if (!dir)
        fail("folder");
    while ((d = readdir(dir))) {
        struct stat st;
        if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") ||
            fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)))
            continue;
        int fd = openat(dirfd(dir), d->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            keep_all(fd);
        else
            keep(fd);
        close(fd);
    }
    closedir(dir);
    keep(dir_fd);
}

int fsync(int fd)
{
    int rc = real("fsync", fd);
    if (rc == 0)
        keep(fd);
    return rc;
}

int fdatasync(int fd)
{
    int rc = real("fdatasync", fd);
    if (rc == 0)
        keep(fd);
    return rc;
}

int syncfs(int fd)
{
    int rc = real("syncfs", fd);
    const char *state = getenv("ENCLOS_CUT_STATE");
    int top = rc == 0 && state ? open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (top >= 0) {
        keep_all(top);
        close(top);
    }
    return rc;
}
