/*
 * objects.c - the content-addressed store. Blocks on the disk: called from pool threads.
 *
 * An object is written in tmp/ while its digest is computed, synced, and renamed to its name; then
 * the folder is synced. So a name tells the truth from the moment it exists, and what objects_put_*
 * acknowledged survives a power cut. The giver may change its file while we copy: what counts is
 * the digest of the bytes we wrote.
 *
 * Disks fail, and people reach behind the lab's back. An object that is read and found to be something
 * else loses its name (objects_set_aside), and only then: a size that a manifest or a client claims
 * proves nothing about the object. `names` is held where a name is judged and moved, so that an object
 * that was just sent again does not go the way of the one that it replaced.
 */
#include "catalog/objects.h"

#include "api/common/fault.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COPY_BYTES = 256 << 10,
    PROGRESS_EVERY_BYTES = 4 << 20,
    OBJECT_NAME_SIZE = 3 + 63,
    ASIDE_NAME_SIZE = DIGEST_HEX_SIZE + 1 + 20,
    WHY_SIZE = 128
};

static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER;

void objects_tmp_name(const char *what, char out[OBJECTS_TMP_NAME])
{
    static atomic_ulong counter;
    snprintf(out, OBJECTS_TMP_NAME, "%s-%d-%lu", what, getpid(), atomic_fetch_add(&counter, 1));
}

/* "ab/cdef..." */
static void object_name(const char *sha256, char out[OBJECT_NAME_SIZE])
{
    snprintf(out, OBJECT_NAME_SIZE, "%.2s/%s", sha256, sha256 + 2);
}

static int check_id(const char *sha256, struct err *e)
{
    if (text_is_sha256(sha256))
        return 0;
    return err_set(e, E_INVALID, "sha256", NULL, "an object's id is 64 lower-case hex digits");
}

bool objects_has(const struct store *s, const char *sha256, uint64_t *size_bytes)
{
    char name[OBJECT_NAME_SIZE];
    struct stat st;
    if (!text_is_sha256(sha256))
        return false;
    object_name(sha256, name);
    if (fstatat(s->objects_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
        return false;
    if (size_bytes)
        *size_bytes = (uint64_t)st.st_size;
    return true;
}

/* ---- what stays for a while though nothing refers to it ----
 *
 * The time of an object's last change is when it was put, or wanted last. It is moved only when it is half
 * a day old, since that moves the ctime as well, and with it what tree.c has seen is forgotten. */

static bool is_younger(const struct stat *st, int64_t seconds)
{
    return (int64_t)st->st_mtim.tv_sec + seconds > time_now_us() / 1000000;
}

bool objects_want(const struct store *s, const char *sha256, uint64_t *size_bytes)
{
    char name[OBJECT_NAME_SIZE];
    struct stat st;
    if (!text_is_sha256(sha256))
        return false;
    object_name(sha256, name);
    pthread_mutex_lock(&names);
    bool there = fstatat(s->objects_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
    /* When its time cannot be moved it may be collected: then it counts as missing, and is sent again. */
    if (there && !is_younger(&st, OBJECT_STAYS_S / 2) &&
        utimensat(s->objects_fd, name, NULL, AT_SYMLINK_NOFOLLOW) < 0)
        there = false;
    pthread_mutex_unlock(&names);
    if (there && size_bytes)
        *size_bytes = (uint64_t)st.st_size;
    return there;
}

int objects_collect(const struct store *s, const char *sha256, bool dry_run, uint64_t *size_bytes,
                    struct err *e)
{
    char name[OBJECT_NAME_SIZE];
    struct stat st;
    *size_bytes = 0;
    object_name(sha256, name);
    pthread_mutex_lock(&names);
    int rc = fstatat(s->objects_fd, name, &st, AT_SYMLINK_NOFOLLOW);
    bool goes = rc == 0 && !is_younger(&st, OBJECT_STAYS_S);
    if (goes && !dry_run)
        rc = unlinkat(s->objects_fd, name, 0);
    int saved = errno;
    pthread_mutex_unlock(&names);
    errno = saved;
    if (rc < 0)
        return errno == ENOENT ? 0 : err_sys(e, "objects", NULL, "cannot remove object %s", sha256);
    *size_bytes = (uint64_t)st.st_size;
    return goes;
}

int objects_open(const struct store *s, const char *sha256, int *out_fd, uint64_t *size_bytes,
                 struct err *e)
{
    char name[OBJECT_NAME_SIZE];
    struct stat st;
    if (check_id(sha256, e) < 0)
        return -1;
    object_name(sha256, name);
    AUTO_FD int fd = openat(s->objects_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return err_set(e, E_NOT_FOUND, "sha256", "send it first", "the lab has no object %s",
                       sha256);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "sha256", NULL, "cannot open object %s", sha256);
    if (size_bytes)
        *size_bytes = (uint64_t)st.st_size;
    *out_fd = fd_take(&fd);
    return 0;
}

/* ---- storing ---- */

/* Bytes come from a descriptor or from memory; both end in the same copy. */
struct source {
    int fd; /* -1: memory */
    const char *bytes;
    size_t len;
};

static ssize_t source_read(const struct source *from, void *chunk, size_t room, uint64_t offset)
{
    if (from->fd >= 0) {
        ssize_t n;
        do
            n = pread(from->fd, chunk, room, (off_t)offset);
        while (n < 0 && errno == EINTR);
        return n;
    }
    size_t left = from->len - (size_t)offset;
    size_t n = left < room ? left : room;
    if (n > 0)
        memcpy(chunk, from->bytes + offset, n);
    return (ssize_t)n;
}

/* How much will come, as far as that is known: a file may grow, or be said to be larger than it is. */
static uint64_t source_size(const struct source *from, uint64_t max)
{
    struct stat st;
    return fstat(from->fd, &st) == 0 && (uint64_t)st.st_size < max ? (uint64_t)st.st_size : max;
}

/* Copies all of the source to fd (-1: it is only read), at most `max` bytes, and says what it was. What there is no
 * room for is not begun: a file of holes is as long as its owner says, and here it takes all of that. */
static int copy_hashed(const struct store *s, const struct source *from, int fd, uint64_t max,
                       const struct digest_progress *progress, char sha256[DIGEST_HEX_SIZE],
                       uint64_t *size, struct err *e)
{
    /* From memory: a manifest by which a run can end, which frees room. */
    bool ours = from->fd < 0 || fd < 0;
    uint64_t checked = ours ? UINT64_MAX : source_size(from, max);
    if (!ours && store_has_room(s, checked, e) < 0)
        return -1;
    AUTO_DIGEST struct digest *d = digest_new();
    AUTO_FREE unsigned char *chunk = mem_alloc(COPY_BYTES);
    uint64_t told = 0;
    *size = 0;
    for (;;) {
        ssize_t n = source_read(from, chunk, COPY_BYTES, *size);
        if (n < 0)
            return err_sys(e, "file", "check that you may read it", "cannot read after %llu bytes",
                           (unsigned long long)*size);
        if (n == 0)
            break;
        *size += (uint64_t)n;
        if (*size > max)
            return err_set(e, E_INVALID, "size_bytes", "do not change the file while it is sent",
                           "there are more than the announced %llu bytes", (unsigned long long)max);
        digest_add(d, chunk, (size_t)n);
        if (*size > checked) { /* it grew */
            checked = *size + PROGRESS_EVERY_BYTES;
            if (store_has_room(s, PROGRESS_EVERY_BYTES, e) < 0)
                return -1;
        }
        if (fd >= 0 && (FAULT("objects.write") || fd_write_all(fd, chunk, (size_t)n) < 0))
            return err_sys(e, "objects", "free space on the disk that holds the state folder",
                           "cannot write an object");
        if (progress && *size - told >= PROGRESS_EVERY_BYTES) {
            told = *size;
            if (!progress->step(progress->ctx, *size))
                return err_set(e, E_UNAVAILABLE, NULL, NULL, "stopped after %llu bytes",
                               (unsigned long long)*size);
        }
    }
    digest_end(d, sha256);
    return 0;
}

/* Moves object `seen` (its name is checked to be still its own) to damaged/. 1: done, 0: it has the name
 * no more, -1: failed with errno. Lock held. */
static int move_aside(const struct store *s, const char *sha256, const struct stat *seen,
                      int64_t *at_us)
{
    char object[OBJECT_NAME_SIZE];
    char aside[ASIDE_NAME_SIZE];
    struct stat now;
    object_name(sha256, object);
    if (fstatat(s->objects_fd, object, &now, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -1;
    if (now.st_dev != seen->st_dev || now.st_ino != seen->st_ino)
        return 0;
    *at_us = time_now_us();
    for (;; ++*at_us) {
        snprintf(aside, sizeof aside, "%s.%lld", sha256, (long long)*at_us);
        if (renameat2(s->objects_fd, object, s->damaged_fd, aside, RENAME_NOREPLACE) == 0)
            return 1;
        if (errno != EEXIST)
            return -1;
    }
}

/* Names the file in from_dir as an object. One of that name and another size is damaged, now that we
 * have the right bytes: it goes aside. */
static int name_object(const struct store *s, int from_dir, const char *name, const char *sha256,
                       const char *object, const struct stat *fresh, char *why, int64_t *at_us)
{
    struct stat old;
    pthread_mutex_lock(&names);
    if (fstatat(s->objects_fd, object, &old, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(old.st_mode) &&
        old.st_size != fresh->st_size && move_aside(s, sha256, &old, at_us) == 1)
        snprintf(why, WHY_SIZE, "it had %lld bytes, not %lld", (long long)old.st_size,
                 (long long)fresh->st_size);
    int rc = FAULT("objects.before_rename")
    ? -1 : renameat(from_dir, name, s->objects_fd, object);
    int saved = errno;
    pthread_mutex_unlock(&names);
    errno = saved;
    return rc;
}

/* Gives the whole, checked file `name` in from_dir its place among the objects, durably. */
static int publish(const struct store *s, int fd, int from_dir, const char *name,
                   const char *sha256, struct err *e)
{
    char folder[3];
    char object[OBJECT_NAME_SIZE];
    char why[WHY_SIZE] = "";
    int64_t at_us = 0;
    struct stat st;
    object_name(sha256, object);
    snprintf(folder, sizeof folder, "%.2s", sha256);
    AUTO_FD int folder_fd =
        openat(s->objects_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder_fd < 0)
        return err_sys(e, "objects", NULL, "cannot open objects/%s", folder);
    /* What a run wrote days ago is put now. */
    if (fchmod(fd, 0400) < 0 || futimens(fd, NULL) < 0 || FAULT("objects.before_sync") || fsync(fd) < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "objects", NULL, "cannot sync object %s", sha256);
    int rc = name_object(s, from_dir, name, sha256, object, &st, why, &at_us);
    if (rc < 0)
        rc = err_sys(e, "objects", NULL, "cannot name object %s", sha256);
    if (why[0] && s->aside)
        s->aside(s->aside_ctx, sha256, at_us, why);
    if (rc < 0)
        return -1;
    if (FAULT("objects.before_folder_sync") || fsync(folder_fd) < 0)
        return err_sys(e, "objects", NULL, "cannot sync objects/%s", folder);
    return 0;
}

static int check_content(const char *wanted, uint64_t wanted_size, const char *got,
                         uint64_t got_size, struct err *e)
{
    if (wanted_size != UINT64_MAX && got_size != wanted_size)
        return err_set(e, E_INVALID, "size_bytes", "do not change the file while it is sent",
                       "%llu bytes were announced, %llu came", (unsigned long long)wanted_size,
                       (unsigned long long)got_size);
    if (wanted && strcmp(wanted, got) != 0)
        return err_set(e, E_INVALID, "sha256", "do not change the file while it is sent",
                       "what came has digest %s, not %s", got, wanted);
    return 0;
}

/* sha256 may be NULL; out_sha256 is always filled. */
static int store_aside(const struct store *s, const struct source *from, const char *tmp,
                       const char *sha256, uint64_t size_bytes,
                       const struct digest_progress *progress, char out_sha256[DIGEST_HEX_SIZE],
                       uint64_t *size, bool *existed, struct err *e)
{
    uint64_t have;
    uint64_t max = size_bytes < OBJECT_MAX_BYTES ? size_bytes : OBJECT_MAX_BYTES;
    AUTO_FD int fd = openat(s->tmp_fd, tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "objects", NULL, "cannot make a file in tmp/");
    if (copy_hashed(s, from, fd, max, progress, out_sha256, size, e) < 0 ||
        check_content(sha256, size_bytes, out_sha256, *size, e) < 0)
        return -1;
    *existed = objects_want(s, out_sha256, &have) && have == *size;
    if (*existed)
        return unlinkat(s->tmp_fd, tmp, 0) == 0 ? 0
                                                : err_sys(e, "objects", NULL, "cannot clean tmp/");
    return publish(s, fd, s->tmp_fd, tmp, out_sha256, e);
}

static int put(const struct store *s, const struct source *from, const char *sha256,
               uint64_t size_bytes, const struct digest_progress *progress, char *out_sha256,
               uint64_t *out_size, bool *existed, struct err *e)
{
    char tmp[OBJECTS_TMP_NAME];
    char got[DIGEST_HEX_SIZE];
    uint64_t size = 0;
    bool there = false;
    if (sha256 && check_id(sha256, e) < 0)
        return -1;
    /* A file of another size under that name is damaged, if what comes has the right digest. What is there already is
     * read all the same: whoever gives it shows that they have it (possession.h). */
    if (sha256 && objects_want(s, sha256, &size) &&
        (size_bytes == UINT64_MAX || size == size_bytes)) {
        uint64_t have = size;
        there = true;
        if (copy_hashed(s, from, -1, have, progress, got, &size, e) < 0 ||
            check_content(sha256, have, got, size, e) < 0)
            return -1;
    } else {
        objects_tmp_name("object", tmp);
        if (store_aside(s, from, tmp, sha256, size_bytes, progress, got, &size, &there, e) < 0) {
            (void)unlinkat(s->tmp_fd, tmp, 0); /* perhaps renamed; tmp/ is emptied at start, too */
            return -1;
        }
    }
    if (out_sha256)
        memcpy(out_sha256, got, sizeof got);
    if (out_size)
        *out_size = size;
    if (existed)
        *existed = there;
    return 0;
}

int objects_put_fd(const struct store *s, int fd, const char *sha256, uint64_t size_bytes,
                   const struct digest_progress *progress, char out_sha256[DIGEST_HEX_SIZE],
                   uint64_t *out_size, bool *existed, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "file", NULL, "cannot look at the descriptor");
    if (!S_ISREG(st.st_mode))
        return err_set(e, E_INVALID, "file", "pass a regular file", "it is not a regular file");
    if (size_bytes != UINT64_MAX && size_bytes > OBJECT_MAX_BYTES)
        return err_set(e, E_LIMIT, "size_bytes", NULL, "an object has at most %d TiB",
                       OBJECT_MAX_TB);
    return put(s, &(struct source){.fd = fd}, sha256, size_bytes, progress, out_sha256, out_size,
               existed, e);
}

int objects_put_own(const struct store *s, int fd, char out_sha256[DIGEST_HEX_SIZE],
                    uint64_t *out_size, struct err *e)
{
    char tmp[OBJECTS_TMP_NAME];
    char self[32];
    struct stat st;
    uint64_t have;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "file", NULL, "cannot look at the descriptor");
    objects_tmp_name("own", tmp);
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    /* Another owner, another disk, no links there: then it is copied. */
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || FAULT("objects.link") ||
        linkat(AT_FDCWD, self, s->tmp_fd, tmp, AT_SYMLINK_FOLLOW) < 0)
        return objects_put_fd(s, fd, NULL, UINT64_MAX, NULL, out_sha256, out_size, NULL, e);
    int rc = digest_fd(fd, NULL, out_sha256, out_size, e);
    if (rc == 0 && !(objects_want(s, out_sha256, &have) && have == *out_size))
        rc = publish(s, fd, s->tmp_fd, tmp, out_sha256, e);
    (void)unlinkat(s->tmp_fd, tmp, 0); /* perhaps renamed */
    return rc;
}

int objects_put_bytes(const struct store *s, const void *p, size_t len, const char *sha256,
                      char out_sha256[DIGEST_HEX_SIZE], bool *existed, struct err *e)
{
    return put(s, &(struct source){.fd = -1, .bytes = p, .len = len}, sha256, len, NULL, out_sha256,
               NULL, existed, e);
}

/* ---- uploads in chunks ---- */

static int take_chunk(const struct store *s, int fd, const char *name, const char *sha256,
                      uint64_t total, uint64_t offset, const void *p, size_t len,
                      uint64_t *received, bool *complete, struct err *e)
{
    struct stat st;
    char got[DIGEST_HEX_SIZE];
    if (fstat(fd, &st) < 0)
        return err_sys(e, "uploads", NULL, "cannot look at an upload");
    *received = (uint64_t)st.st_size;
    *complete = false;
    if (len > 0 && offset != *received)
        return err_set(e, E_CONFLICT, "offset", "go on from the expected offset",
                       "offset is %llu, expected %llu", (unsigned long long)offset,
                       (unsigned long long)*received);
    if (len > total - *received)
        return err_set(e, E_INVALID, "data", NULL, "%zu bytes more than the announced %llu",
                       len - (size_t)(total - *received), (unsigned long long)total);
    if (store_has_room(s, len, e) < 0)
        return -1;
    if (lseek(fd, st.st_size, SEEK_SET) < 0 || FAULT("objects.write_chunk") ||
        fd_write_all(fd, p, len) < 0) {
        err_sys(e, "uploads", "free space on the disk that holds the state folder",
                "cannot write an upload");
        /* What was cut short goes, so that the same chunk can be sent again. */
        if (ftruncate(fd, st.st_size) < 0)
            (void)unlinkat(s->uploads_fd, name, 0);
        return -1;
    }
    *received += len;
    if (*received < total)
        return 0;
    if (digest_fd(fd, NULL, got, NULL, e) < 0)
        return -1;
    if (check_content(sha256, total, got, *received, e) < 0) {
        (void)unlinkat(s->uploads_fd, name, 0);
        return -1;
    }
    uint64_t have;
    if (objects_want(s, sha256, &have) && have == total)
        (void)unlinkat(s->uploads_fd, name, 0); /* stored another way meanwhile */
    else if (publish(s, fd, s->uploads_fd, name, sha256, e) < 0)
        return -1;
    *complete = true;
    return 0;
}

int objects_put_chunk(const struct store *s, int64_t owner_uid, const char *sha256,
                      uint64_t total_bytes, bool given, uint64_t offset, const void *p, size_t len,
                      uint64_t *received, bool *complete, struct err *e)
{
    /* The owner and the size are part of the name: nobody can spoil somebody else's upload. */
    char name[24 + DIGEST_HEX_SIZE + 24];
    uint64_t have;
    if (check_id(sha256, e) < 0)
        return -1;
    if (total_bytes > OBJECT_MAX_BYTES)
        return err_set(e, E_LIMIT, "total_bytes", NULL, "an object has at most %d TiB",
                       OBJECT_MAX_TB);
    snprintf(name, sizeof name, "%lld-%s-%llu", (long long)owner_uid, sha256,
             (unsigned long long)total_bytes);
    if (given && objects_want(s, sha256, &have) && have == total_bytes) {
        (void)unlinkat(s->uploads_fd, name, 0); /* stored another way meanwhile */
        *received = total_bytes;
        *complete = true;
        return 0;
    }
    AUTO_FD int fd = openat(s->uploads_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(e, "uploads", NULL, "cannot make an upload");
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(e, E_UNAVAILABLE, "sha256", "send the chunks one after the other",
                       "another chunk of this upload is being written");
    return take_chunk(s, fd, name, sha256, total_bytes, offset, p, len, received, complete, e);
}

/* ---- damage ---- */

int objects_set_aside(const struct store *s, const char *sha256, int fd, const char *why,
                      struct err *e)
{
    struct stat seen;
    int64_t at_us = 0;
    int moved = -1;
    if (check_id(sha256, e) < 0)
        return -1;
    if (fstat(fd, &seen) == 0) {
        pthread_mutex_lock(&names);
        moved = move_aside(s, sha256, &seen, &at_us);
        pthread_mutex_unlock(&names);
    }
    if (moved < 0 || (moved == 1 && fsync(s->damaged_fd) < 0))
        return err_sys(e, "sha256", "check the disk",
                       "object %s is damaged (%s) and cannot be set aside", sha256, why);
    if (moved == 1 && s->aside)
        s->aside(s->aside_ctx, sha256, at_us, why);
    return err_set(e, E_CONFLICT, "sha256", "send it again: the lab counts it as missing now",
                   "object %s was damaged: %s", sha256, why);
}

/* got: the digest of its bytes */
static int set_aside_as(const struct store *s, const char *sha256, int fd, const char *got,
                        struct err *e)
{
    char why[WHY_SIZE];
    snprintf(why, sizeof why, "its bytes have digest %.12s...", got);
    return objects_set_aside(s, sha256, fd, why, e);
}

static int wrong_size(const char *sha256, uint64_t size, uint64_t wanted, struct err *e)
{
    return err_set(e, E_INVALID, "size", "make the manifest anew from the files",
                   "object %s has %llu bytes, not %llu as the manifest says", sha256,
                   (unsigned long long)size, (unsigned long long)wanted);
}

static bool aside_from(const struct store *s, const char *name, struct objects_aside *out)
{
    struct stat st;
    uint64_t at;
    if (strlen(name) <= DIGEST_HEX_SIZE || name[DIGEST_HEX_SIZE - 1] != '.' ||
        text_u64(name + DIGEST_HEX_SIZE, 0, INT64_MAX, &at) < 0)
        return false;
    memcpy(out->sha256, name, DIGEST_HEX_SIZE - 1);
    out->sha256[DIGEST_HEX_SIZE - 1] = '\0';
    if (!text_is_sha256(out->sha256) || fstatat(s->damaged_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    out->at_us = (int64_t)at;
    out->size_bytes = (uint64_t)st.st_size;
    out->healed = objects_has(s, out->sha256, NULL);
    return true;
}

static int newest_first(const void *a, const void *b)
{
    const struct objects_aside *x = a;
    const struct objects_aside *y = b;
    return x->at_us < y->at_us ? 1 : x->at_us > y->at_us ? -1 : strcmp(x->sha256, y->sha256);
}

int objects_aside_list(const struct store *s, struct objects_aside *out, size_t max, size_t *count,
                       size_t *total, struct err *e)
{
    AUTO_FD int fd = openat(s->damaged_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return err_sys(e, "damaged", NULL, "cannot read damaged/");
    (void)fd_take(&fd);
    AUTO_FREE struct objects_aside *all = NULL;
    const struct dirent *d;
    *total = 0;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): each DIR is ours alone */
    while ((d = readdir(dir)) != NULL) {
        struct objects_aside one;
        if (!aside_from(s, d->d_name, &one))
            continue;
        if ((*total & (*total - 1)) == 0) /* 0, 1, 2, 4, 8... */
            all = mem_grow(all, *total ? 2 * *total : 1, sizeof *all);
        all[(*total)++] = one;
    }
    closedir(dir);
    if (*total)
        qsort(all, *total, sizeof *all, newest_first);
    *count = *total < max ? *total : max;
    if (*count)
        memcpy(out, all, *count * sizeof *all);
    return 0;
}

/* ---- using ---- */

int objects_verify(const struct store *s, const char *sha256,
                   const struct digest_progress *progress, struct err *e)
{
    AUTO_FD int fd = -1;
    char got[DIGEST_HEX_SIZE];
    if (objects_open(s, sha256, &fd, NULL, e) < 0 || digest_fd(fd, progress, got, NULL, e) < 0)
        return -1;
    return strcmp(got, sha256) == 0 ? 0 : set_aside_as(s, sha256, fd, got, e);
}

int objects_copy(const struct store *s, const char *sha256, uint64_t size_bytes, int dir_fd,
                 const char *name, mode_t mode, struct err *e)
{
    AUTO_FD int from = -1;
    char got[DIGEST_HEX_SIZE] = "";
    uint64_t size = 0;
    if (objects_open(s, sha256, &from, &size, e) < 0)
        return -1;
    AUTO_FD int to =
        openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (to < 0)
        return err_sys(e, "tree", NULL, "cannot make %s", name);
    /* The umask of whoever started us may have taken bits away. */
    int rc = fchmod(to, mode) < 0 ? err_sys(e, "tree", NULL, "cannot set the mode of %s", name)
                                  : copy_hashed(s, &(struct source){.fd = from}, to,
                                                OBJECT_MAX_BYTES, NULL, got, &size, e);
    if (rc == 0 && strcmp(got, sha256) != 0)
        rc = set_aside_as(s, sha256, from, got, e);
    else if (rc == 0 && size != size_bytes)
        rc = wrong_size(sha256, size, size_bytes, e);
    if (rc < 0)
        (void)unlinkat(dir_fd, name, 0);
    return rc;
}

int objects_link(const struct store *s, const char *sha256, uint64_t size_bytes, int dir_fd,
                 const char *name, struct err *e)
{
    char object[OBJECT_NAME_SIZE];
    uint64_t size;
    if (check_id(sha256, e) < 0)
        return -1;
    if (!objects_has(s, sha256, &size))
        return err_set(e, E_NOT_FOUND, "sha256", "send it first", "the lab has no object %s",
                       sha256);
    if (size != size_bytes)
        return objects_verify(s, sha256, NULL, e) < 0 ? -1
                                                      : wrong_size(sha256, size, size_bytes, e);
    object_name(sha256, object);
    if (linkat(s->objects_fd, object, dir_fd, name, 0) == 0)
        return 0;
    if (errno == EMLINK) /* ext4 stops at 65 000: an empty file that is everywhere */
        return objects_copy(s, sha256, size_bytes, dir_fd, name, 0400, e);
    return err_sys(e, "tree", NULL, "cannot link object %s", sha256);
}
