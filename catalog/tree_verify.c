/*
 * tree_verify.c - is a tree what its manifest says? Blocks on the disk: called from pool threads.
 */
#include "catalog/tree.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "api/common/treetext.h"
#include "catalog/tree_seen.h"
#include "catalog/tree_walk.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The walk looks at every name, and reads what it must at once; but where much is to be read, files are
 * noted on the way and read afterwards by several threads, the largest first, since one SHA-256 is slower
 * than most disks. Of several that are wrong the first in the manifest is told, as one thread would.
 */
enum { READERS_MAX = 8, READ_BY_ONE_BYTES = 8 << 20 };

struct verify {
    const struct manifest *m;
    enum tree_kind kind;
    struct tree_cache *cache;
    const struct digest_progress *progress;
    int root_fd; /* borrowed, of the walk */
    atomic_uint_fast64_t done_bytes, read_bytes;
    uint64_t unread_bytes; /* of `later` */
    uint32_t *later;       /* entries that are to be read */
    size_t later_count;
    /* readers */
    atomic_size_t next;
    pthread_mutex_t lock;
    size_t bad; /* the first entry that is wrong so far; SIZE_MAX: none. Under the lock, as is err */
    struct err err;
};

/* One file under way; the bytes of all of them together are told. */
struct reading {
    struct verify *v;
    uint64_t told_bytes;
};

static bool verify_step(void *ctx, uint64_t done_bytes)
{
    struct reading *r = ctx;
    uint64_t all = atomic_fetch_add(&r->v->done_bytes, done_bytes - r->told_bytes) + done_bytes - r->told_bytes;
    r->told_bytes = done_bytes;
    return !r->v->progress || r->v->progress->step(r->v->progress->ctx, all);
}

static const char *what_of(const struct verify *v)
{
    static const char *const names[] = {
        [TREE_DATA] = "dataset", [TREE_CODE] = "code", [TREE_ENV] = "environment"};
    return names[v->kind];
}

static int changed(const struct verify *v, struct err *e, const char *path, const char *how)
{
    static const char *const hints[] = {[TREE_DATA] = "restore it, or add a new version",
                                        [TREE_CODE] = "submit it again",
                                        [TREE_ENV] = "import it again, and use the new version"};
    return err_set(e, E_CONFLICT, what_of(v), hints[v->kind], "the %s was changed: %.160s %s",
                   what_of(v), path, how);
}

/* How an open that failed is to be taken: the tree is wrong, or it could not be looked at. */
static int open_failed(const struct verify *v, struct err *e, const char *path)
{
    switch (errno) {
    case ENOENT: return changed(v, e, path, "is missing");
    case ELOOP:
    case ENOTDIR:
    case ENXIO: return changed(v, e, path, "is not a regular file");
    default: return err_sys(e, what_of(v), NULL, "cannot open %.160s", path);
    }
}

static mode_t mode_in(enum tree_kind kind, bool executable)
{
    if (kind == TREE_CODE)
        return executable ? 0700 : 0600;
    return executable ? 0500 : 0400;
}

static int verify_link(struct verify *v, const struct manifest_entry *f, int dir_fd,
                       const char *name, struct err *e)
{
    char target[TREETEXT_TARGET_MAX + 2];
    ssize_t n = readlinkat(dir_fd, name, target, sizeof target);
    if (n < 0 && errno == EINVAL)
        return changed(v, e, f->path, "is no link");
    if (n < 0)
        return open_failed(v, e, f->path);
    if ((size_t)n != strlen(f->target) || memcmp(target, f->target, (size_t)n) != 0)
        return changed(v, e, f->path, "leads elsewhere");
    return 0;
}

/* Looked at and not opened: most files of a tree that was verified before are known. */
static bool is_as_known(const struct verify *v, const struct manifest_entry *f, int dir_fd,
                        const char *name)
{
    struct stat st;
    return v->cache && fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == f->size_bytes &&
           (v->kind == TREE_DATA || (st.st_mode & 07777) == mode_in(v->kind, f->executable)) &&
           tree_cache_knows(v->cache, &st, f->sha256);
}

static int read_open(struct verify *v, const struct manifest_entry *f, int fd, struct err *e)
{
    struct stat before;
    struct stat after;
    char got[DIGEST_HEX_SIZE];
    struct reading r = {.v = v};
    struct digest_progress progress = {verify_step, &r};
    if (fstat(fd, &before) < 0)
        return err_sys(e, what_of(v), NULL, "cannot look at %.160s", f->path);
    if (!S_ISREG(before.st_mode))
        return changed(v, e, f->path, "is not a regular file");
    if ((uint64_t)before.st_size != f->size_bytes)
        return changed(v, e, f->path, "has another size");
    if (v->kind != TREE_DATA && (before.st_mode & 07777) != mode_in(v->kind, f->executable))
        return changed(v, e, f->path, "has another mode");
    /* Datasets are large and reading one again is dear; code is small, and a start does not wait. */
    bool settled = v->cache && tree_settle(&before, v->kind != TREE_CODE);
    if (digest_fd(fd, &progress, got, NULL, e) < 0)
        return err_context(e, "%.160s", f->path);
    if (strcmp(got, f->sha256) != 0)
        return changed(v, e, f->path, "has another digest");
    atomic_fetch_add(&v->done_bytes, f->size_bytes - r.told_bytes);
    atomic_fetch_add(&v->read_bytes, f->size_bytes);
    if (fstat(fd, &after) < 0)
        return err_sys(e, what_of(v), NULL, "cannot look at %.160s", f->path);
    if (settled && tree_same_file(&before, &after))
        tree_cache_add(v->cache, &after, f->sha256);
    return 0;
}

static int verify_file(struct verify *v, const struct manifest_entry *f, int dir_fd,
                       const char *name, struct err *e)
{
    if (is_as_known(v, f, dir_fd, name)) {
        atomic_fetch_add(&v->done_bytes, f->size_bytes);
        return 0;
    }
    if (v->later && f->size_bytes > 0) {
        v->later[v->later_count++] = (uint32_t)(f - v->m->entries);
        v->unread_bytes += f->size_bytes;
        return 0;
    }
    AUTO_FD int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? open_failed(v, e, f->path) : read_open(v, f, fd, e);
}

/* ---- reading by several ---- */

static int read_entry(struct verify *v, const struct manifest_entry *f, struct err *e)
{
    /* Folders were looked at by the walk; whoever puts a link in the place of one meanwhile gains nothing. */
    const struct open_how how = {.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    struct stat st;
    AUTO_FD int fd = (int)syscall(SYS_openat2, v->root_fd, f->path, &how, sizeof how);
    if (fd < 0)
        return open_failed(v, e, f->path);
    /* The same object under another name, which was read meanwhile. */
    if (fstat(fd, &st) == 0 && tree_cache_knows(v->cache, &st, f->sha256))
        return 0;
    return read_open(v, f, fd, e);
}

/* What was found before this entry makes it moot; what stopped the work stops all of it. */
static bool is_moot(struct verify *v, size_t entry)
{
    pthread_mutex_lock(&v->lock);
    bool moot = v->bad < entry || (v->bad != SIZE_MAX && v->err.kind != E_CONFLICT);
    pthread_mutex_unlock(&v->lock);
    return moot;
}

static void *read_some(void *arg)
{
    struct verify *v = arg;
    for (;;) {
        size_t i = atomic_fetch_add(&v->next, 1);
        if (i >= v->later_count)
            return NULL;
        size_t entry = v->later[i];
        struct err bad = {0};
        if (is_moot(v, entry) || read_entry(v, &v->m->entries[entry], &bad) == 0)
            continue;
        pthread_mutex_lock(&v->lock);
        if (entry < v->bad || (bad.kind != E_CONFLICT && v->err.kind == E_CONFLICT)) {
            v->bad = entry;
            v->err = bad;
        }
        pthread_mutex_unlock(&v->lock);
    }
}

/* qsort has no context: the size is put above the index while it sorts. */
static int by_size(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (x[0] < y[0]) - (x[0] > y[0]);
}

static void largest_first(struct verify *v)
{
    AUTO_FREE uint64_t *pairs = mem_alloc((v->later_count + 1) * 2 * sizeof *pairs);
    for (size_t i = 0; i < v->later_count; i++) {
        pairs[2 * i] = v->m->entries[v->later[i]].size_bytes;
        pairs[2 * i + 1] = v->later[i];
    }
    qsort(pairs, v->later_count, 2 * sizeof *pairs, by_size);
    for (size_t i = 0; i < v->later_count; i++)
        v->later[i] = (uint32_t)pairs[2 * i + 1];
}

static int read_later(struct verify *v, struct err *e)
{
    pthread_t ids[READERS_MAX];
    size_t readers = 1, started = 0;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (v->unread_bytes > READ_BY_ONE_BYTES && cpus > 1)
        readers = (size_t)(cpus < READERS_MAX ? cpus : READERS_MAX);
    if (readers > v->later_count)
        readers = v->later_count;
    if (readers > 1)
        largest_first(v);
    /* One that cannot be started is not missed: this thread reads as well. */
    while (started + 1 < readers && pthread_create(&ids[started], NULL, read_some, v) == 0)
        started++;
    read_some(v);
    for (size_t i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    if (v->bad == SIZE_MAX)
        return 0;
    *e = v->err;
    return -1;
}

/* ---- the walk ---- */

/* The first entry that does not sort before `path` (len bytes). */
static const struct manifest_entry *lower_bound(const struct manifest *m, const char *path)
{
    size_t low = 0;
    size_t high = m->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(m->entries[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < m->count ? &m->entries[low] : NULL;
}

/* A name found in the tree: a file of the manifest, or a folder of one. */
static bool is_known(const struct manifest *m, const char *path)
{
    const struct manifest_entry *f = lower_bound(m, path);
    if (f && strcmp(f->path, path) == 0)
        return true;
    size_t len = strlen(path);
    char folder[1024 + 256 + 3];
    memcpy(folder, path, len);
    memcpy(folder + len, "/", 2);
    f = lower_bound(m, folder);
    return f && strncmp(f->path, folder, len + 1) == 0;
}

/* Nothing may stand in a folder that the manifest does not have. That all it has is there is
 * seen by the walk. */
static int verify_folder(void *ctx, int fd, const char *path, size_t len, struct err *e)
{
    struct verify *v = ctx;
    char room[1024 + 256 + 2];
    AUTO_FD int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own < 0 ? NULL : fdopendir(own);
    if (!dir)
        return err_sys(e, what_of(v), NULL, "cannot read folder %.*s", (int)len, path);
    (void)fd_take(&own);
    int rc = 0;
    const struct dirent *d;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): each DIR is ours alone */
    while (rc == 0 && (errno = 0, d = readdir(dir)) != NULL) {
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        size_t at = len > 0 ? len + 1 : 0; /* paths of a manifest have 1024 bytes at most, names 255 */
        memcpy(room, path, len);
        room[len] = '/';
        snprintf(room + at, sizeof room - at, "%s", d->d_name);
        if (!is_known(v->m, room)) {
            char shown[160];
            text_sanitize(room, strlen(room), shown, sizeof shown);
            rc = changed(v, e, shown, "was added");
        }
    }
    if (rc == 0 && errno != 0)
        rc = err_sys(e, what_of(v), NULL, "cannot read folder %.*s", (int)len, path);
    closedir(dir);
    return rc;
}

static int verify_entry(struct verify *v, const struct manifest_entry *f, int dir_fd,
                        const char *name, struct err *e)
{
    if (f->kind == MANIFEST_FILE)
        return verify_file(v, f, dir_fd, name, e);
    if (f->kind == MANIFEST_LINK)
        return verify_link(v, f, dir_fd, name, e);
    AUTO_FD int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? open_failed(v, e, f->path) : verify_folder(v, fd, f->path, strlen(f->path), e);
}

static int verify_all(struct verify *v, int root_fd, struct err *e)
{
    AUTO_WALK struct walk w = {.at[0].fd = root_fd}; /* takes root_fd */
    v->root_fd = root_fd;
    if (verify_folder(v, root_fd, "", 0, e) < 0)
        return -1;
    for (size_t i = 0; i < v->m->count; i++) {
        const struct manifest_entry *f = &v->m->entries[i];
        const char *name = "";
        if (walk_to(&w, f->path, false, verify_folder, v, &name, e) < 0) {
            /* A folder that is not there, or no folder, is a change like another. */
            if (e->os_errno == ENOENT || e->os_errno == ENOTDIR || e->os_errno == ELOOP) {
                errno = e->os_errno;
                *e = (struct err){0};
                return open_failed(v, e, f->path);
            }
            return -1;
        }
        if (verify_entry(v, f, w.at[w.depth].fd, name, e) < 0)
            return -1;
    }
    return v->later_count ? read_later(v, e) : 0;
}

static int verify_tree(const struct store *s, struct verify *v, struct err *e)
{
    char name[TREE_NAME_SIZE];
    tree_name(v->m->id, v->kind, name);
    AUTO_FD int root_fd =
        openat(s->trees_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (root_fd < 0)
        return err_sys(e, "tree", NULL, "cannot open trees/%s", name);
    return verify_all(v, fd_take(&root_fd), e);
}

int tree_verify(const struct store *s, enum tree_kind kind, const struct manifest *m,
                struct tree_cache *cache, const struct digest_progress *progress, uint64_t *read_bytes,
                struct err *e)
{
    struct verify v = {.m = m, .kind = kind, .cache = cache, .progress = progress,
                       .lock = PTHREAD_MUTEX_INITIALIZER, .bad = SIZE_MAX};
    AUTO_FREE uint32_t *later = kind == TREE_CODE ? NULL : mem_alloc((m->count + 1) * sizeof *later);
    v.later = later;
    int rc = verify_tree(s, &v, e);
    if (read_bytes)
        *read_bytes = atomic_load(&v.read_bytes);
    return rc;
}
