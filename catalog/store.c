/*
 * store.c - opens the state folder, as the first act of the daemon that owns it.
 *
 * The lock comes before any clean-up: the folder may be in use by another daemon.
 */
#include "catalog/store.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { KEPT_PART = 50, KEPT_MAX_BYTES = 256 << 20 };
enum { UPLOAD_KEEP_SECONDS = 7 * 24 * 3600, BOOT_ID_BYTES = 64 };

static bool is_empty(int dir_fd)
{
    AUTO_FD int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return false;
    (void)fd_take(&fd);
    int names = 0;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): each DIR is ours alone */
    while (readdir(dir) != NULL)
        names++;
    closedir(dir);
    return names == 2; /* "." and ".." */
}

static int open_state(const char *path, struct store *s, struct err *e)
{
    struct stat st;
    if (fd_mkdirs(path, 0700, e) < 0)
        return -1;
    char *real = realpath(path, NULL);
    if (!real)
        return err_sys(e, "state", NULL, "cannot find %s", path);
    s->path = real;
    s->dir_fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0 || fstat(s->dir_fd, &st) < 0)
        return err_sys(e, "state", "check that you may use it", "cannot open %s", real);
    if (st.st_uid != geteuid())
        return err_set(e, E_DENIED, "state", "start the lab as the folder's owner, or name another",
                       "%s belongs to uid %u, not to us (%u)", real, st.st_uid, geteuid());
    if (st.st_mode & 077 && is_empty(s->dir_fd) && fchmod(s->dir_fd, 0700) == 0)
        st.st_mode = 0700; /* `mkdir state` just now: nobody left anything in it */
    if (st.st_mode & 077)
        return err_set(e, E_DENIED, "state", "chmod 0700 it, once you know who has been in there",
                       "%s has mode %04o: others can reach into it", real, st.st_mode & 07777u);
    return 0;
}

/* The pid in the file is for people: the lock itself is what counts, and the kernel drops it. An
 * orderly close empties the file, so a pid without a lock tells of a daemon that was killed. */
static int take_lock(struct store *s, struct err *e)
{
    char pid[32] = "";
    s->lock_fd = openat(s->dir_fd, "lab.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->lock_fd < 0)
        return err_sys(e, "state", NULL, "cannot open %s/lab.lock", s->path);
    if (flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return err_sys(e, "state", "put the state folder on a local file system",
                           "cannot lock %s/lab.lock", s->path);
        ssize_t n = pread(s->lock_fd, pid, sizeof pid - 1, 0);
        pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
        return err_set(e, E_CONFLICT, "state", "stop it first, or use another --state",
                       "another daemon (pid %s) is using %s", *pid ? pid : "unknown", s->path);
    }
    s->unclean = pread(s->lock_fd, pid, sizeof pid - 1, 0) != 0;
    int len = snprintf(pid, sizeof pid, "%d\n", getpid());
    if (ftruncate(s->lock_fd, 0) < 0 || pwrite(s->lock_fd, pid, (size_t)len, 0) != len)
        return err_sys(e, "state", NULL, "cannot write %s/lab.lock", s->path);
    return 0;
}

static int open_folder(const struct store *s, const char *name, int *out, struct err *e)
{
    if (mkdirat(s->dir_fd, name, 0700) < 0 && errno != EEXIST)
        return err_sys(e, "state", NULL, "cannot make %s/%s", s->path, name);
    *out = openat(s->dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*out < 0)
        return err_sys(e, "state", NULL, "cannot open %s/%s", s->path, name);
    return 0;
}

/* Removes what is in a folder, or only what was not changed for older_s seconds (0: everything). */
static int empty_folder(int dir_fd, int64_t older_s, struct err *e)
{
    AUTO_FD int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return err_sys(e, "state", NULL, "cannot read a folder to clean it");
    (void)fd_take(&fd);
    int rc = 0;
    struct dirent *d;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): each DIR is ours alone */
    while (rc == 0 && (d = readdir(dir)) != NULL) {
        struct stat st;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        if (older_s && (fstatat(dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
                        st.st_mtime + older_s > time(NULL)))
            continue;
        rc = fd_remove_tree(dir_fd, d->d_name, e);
    }
    closedir(dir);
    return rc;
}

/* Trees are built without a sync; after a power cut a file in one could be empty. So they live
 * for one boot of the machine, named by the kernel. */
static int clean_after_boot(const struct store *s, struct err *e)
{
    AUTO_BUF struct buf now = BUF_INIT(BOOT_ID_BYTES);
    AUTO_BUF struct buf then = BUF_INIT(BOOT_ID_BYTES);
    struct err missing = {0};
    if (fd_read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", BOOT_ID_BYTES, &now, e) < 0)
        return -1;
    /* Not there, or cut short by the power cut itself: both mean that it is another boot. */
    if (fd_read_file(s->dir_fd, "boot", BOOT_ID_BYTES, &then, &missing) == 0 &&
        then.len == now.len && memcmp(then.data, now.data, now.len) == 0)
        return 0;
    if (empty_folder(s->trees_fd, 0, e) < 0)
        return -1;
    return fd_replace_file(s->dir_fd, "boot", now.data, now.len, 0600, e);
}

/* All 256 at once: made one by one, each would have to be synced by whoever stores the first
 * object. */
static int make_object_folders(const struct store *s, struct err *e)
{
    char name[3];
    for (unsigned i = 0; i < 256; i++) {
        snprintf(name, sizeof name, "%02x", i);
        if (mkdirat(s->objects_fd, name, 0700) < 0 && errno != EEXIST)
            return err_sys(e, "state", NULL, "cannot make %s/objects/%s", s->path, name);
    }
    if (fsync(s->objects_fd) < 0)
        return err_sys(e, "state", NULL, "cannot sync %s/objects", s->path);
    return 0;
}

static int open_all(const char *path, struct store *s, struct err *e)
{
    if (open_state(path, s, e) < 0 || take_lock(s, e) < 0 ||
        open_folder(s, "objects", &s->objects_fd, e) < 0 || make_object_folders(s, e) < 0 ||
        open_folder(s, "trees", &s->trees_fd, e) < 0 ||
        open_folder(s, "runs", &s->runs_fd, e) < 0 ||
        open_folder(s, "uploads", &s->uploads_fd, e) < 0 ||
        open_folder(s, "tmp", &s->tmp_fd, e) < 0 ||
        open_folder(s, "damaged", &s->damaged_fd, e) < 0)
        return -1;
    if (fsync(s->dir_fd) < 0)
        return err_sys(e, "state", NULL, "cannot sync %s", s->path);
    if (empty_folder(s->tmp_fd, 0, e) < 0 ||
        empty_folder(s->uploads_fd, UPLOAD_KEEP_SECONDS, e) < 0 || clean_after_boot(s, e) < 0)
        return err_context(e, "cleaning up %s", s->path);
    /* A daemon that was killed between naming an object and syncing its folder left a name that a
     * power cut could still take back. From here on, what has a name stays. */
    if (s->unclean && syncfs(s->dir_fd) < 0)
        return err_sys(e, "state", "check the disk", "cannot sync %s", s->path);
    s->opened = true;
    return 0;
}

int store_open(const char *path, struct store **out, struct err *e)
{
    struct store *s = mem_alloc(sizeof *s);
    s->dir_fd = s->objects_fd = s->trees_fd = s->runs_fd = -1;
    s->uploads_fd = s->tmp_fd = s->damaged_fd = s->lock_fd = -1;
    if (open_all(path, s, e) < 0) {
        store_close(s);
        return -1;
    }
    *out = s;
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    if (s->opened && ftruncate(s->lock_fd, 0) < 0)
        s->opened = false; /* the next start only cleans up a little more */
    fd_close_at(&s->objects_fd);
    fd_close_at(&s->trees_fd);
    fd_close_at(&s->runs_fd);
    fd_close_at(&s->uploads_fd);
    fd_close_at(&s->tmp_fd);
    fd_close_at(&s->damaged_fd);
    fd_close_at(&s->dir_fd);
    fd_close_at(&s->lock_fd);
    mem_free_at(&s->path);
    mem_free_at(&s);
}

int store_has_room(const struct store *s, uint64_t bytes, struct err *e)
{
    struct statvfs fs;
    if (fstatvfs(s->dir_fd, &fs) < 0)
        return err_sys(e, "state", NULL, "cannot ask for the room on the disk of %s", s->path);
    uint64_t kept = (uint64_t)fs.f_blocks * fs.f_frsize / KEPT_PART;
    uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (kept > KEPT_MAX_BYTES)
        kept = KEPT_MAX_BYTES;
    if (bytes <= room && room - bytes >= kept)
        return 0;
    errno = ENOSPC;
    return err_sys(e, "objects", "free space on the disk that holds the state folder",
                   "there is no room for %llu bytes: %llu are free, of which %llu are kept for the "
                   "catalog",
                   (unsigned long long)bytes, (unsigned long long)room, (unsigned long long)kept);
}

char *store_catalog_path(const struct store *s)
{
    return mem_printf("%s/catalog.db", s->path);
}
