/*
 * tree.c - manifests as files. Blocks on the disk: called from pool threads.
 *
 * Why verifying a tree again may be quick, and when it may not
 *
 * A run's datasets are checked before and after it. Reading 100 GB twice for each run is no option,
 * so what was read and found right is remembered by inode: (device, inode, size, mtime, ctime) with
 * the digest. The kernel moves an inode's ctime at each write, truncation, chmod, rename or link,
 * to its own clock; unlike mtime no program can set it. So the same ctime means the same bytes,
 * with these exceptions, each seen to:
 *
 *   1. Two changes within one tick of the kernel's clock (10 ms at most) leave one ctime, before
 *      Linux 6.13 (whose time stamps get finer once they were looked at). A file that was read
 *      within the tick of its ctime could change right after and look the same. So before reading
 *      we wait until its ctime is SETTLE_MS old; and a ctime from the future is never remembered.
 *   2. The file may change while it is read: it is looked at again after reading, and remembered
 *      only if nothing moved.
 *   3. A hard link made or removed (another tree with the same object) moves ctime without
 *      changing a byte. That costs one more reading, never a wrong answer. It is why sealing
 *      builds the tree first and verifies it after: the other order would read everything twice.
 *   4. A page mapped for writing before we read can be stored to later without ctime moving, until
 *      the kernel writes that page back; and a failing disk changes bytes behind everyone's back.
 *      The cache cannot see these: it lives as long as the daemon, so a restart reads everything
 *      again. Objects are 0400 and belong to the lab, so the first needs root or the lab's own
 *      account.
 */
#include "catalog/tree.h"

#include "api/common/fault.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "api/common/treetext.h"
#include "catalog/objects.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DEPTH_MAX = 33, SETTLE_MS = 20, CACHE_ENTRIES_MAX = 200000, REBUILDS_MAX = 3 };

void tree_name(const char *manifest_id, enum tree_kind kind, char out[TREE_NAME_SIZE])
{
    static const char *const prefixes[] = {[TREE_DATA] = "", [TREE_CODE] = "code-", [TREE_ENV] = "env-"};
    snprintf(out, TREE_NAME_SIZE, "%s%s", prefixes[kind], manifest_id);
}

/* ---- walking a manifest's folders ---- */

/* The folders from the tree's root to where the walk stands. Entries are sorted by path, so that
 * all below a folder stand together and each folder is opened once. */
struct walk {
    const char *path; /* of the present entry: folder names are prefixes of it */
    int depth;
    struct {
        size_t len; /* of the folder's path; 0 for the root */
        int fd;
    } at[DEPTH_MAX];
};

static void walk_leave(struct walk *w, int depth)
{
    while (w->depth > depth)
        fd_close_at(&w->at[w->depth--].fd);
}

static void walk_fini(struct walk *w)
{
    walk_leave(w, 0);
    fd_close_at(&w->at[0].fd);
}
#define AUTO_WALK __attribute__((cleanup(walk_fini)))

/* Called for each folder when it is entered first, with its path (not terminated: len bytes) and
 * descriptor. */
typedef int walk_enter(void *ctx, int fd, const char *path, size_t len, struct err *e);

/* Goes to the folder of `path`; *name is the last component. `make`: folders are made, else
 * opened. */
static int walk_to(struct walk *w, const char *path, bool make, walk_enter *enter, void *ctx,
                   const char **name, struct err *e)
{
    int keep = 0;
    while (keep < w->depth && strncmp(w->path, path, w->at[keep + 1].len) == 0 &&
           path[w->at[keep + 1].len] == '/')
        keep++;
    walk_leave(w, keep);
    w->path = path;
    for (;;) {
        size_t begin = w->depth ? w->at[w->depth].len + 1 : 0;
        const char *slash = strchr(path + begin, '/');
        if (!slash) {
            *name = path + begin;
            return 0;
        }
        char folder[256];
        size_t end = (size_t)(slash - path);
        if (w->depth + 1 == DEPTH_MAX || end - begin >= sizeof folder)
            return err_set(e, E_INTERNAL, "tree", NULL, "%.200s is too deep", path);
        memcpy(folder, path + begin, end - begin);
        folder[end - begin] = '\0';
        if (make && mkdirat(w->at[w->depth].fd, folder, 0700) < 0)
            return err_sys(e, "tree", NULL, "cannot make folder %.*s", (int)end, path);
        int fd =
            openat(w->at[w->depth].fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            return err_sys(e, "tree", NULL, "cannot open folder %.*s", (int)end, path);
        w->depth++;
        w->at[w->depth].len = end;
        w->at[w->depth].fd = fd;
        if (enter && enter(ctx, fd, path, end, e) < 0)
            return -1;
    }
}

/* ---- building ---- */

/* Executables of an environment are copies, by their content: a program with many names (busybox) is
 * copied once and linked from then on. */
static int by_digest(const void *a, const void *b)
{
    const struct manifest_entry *x = *(const struct manifest_entry *const *)a;
    const struct manifest_entry *y = *(const struct manifest_entry *const *)b;
    int order = strcmp(x->sha256, y->sha256);
    return order != 0 ? order : (x > y) - (x < y);
}

static const struct manifest_entry **list_programs(const struct manifest *m, size_t *count,
                                                   uint64_t *copied_bytes)
{
    const struct manifest_entry **list = mem_alloc((m->count + 1) * sizeof *list);
    *count = 0;
    *copied_bytes = 0;
    for (size_t i = 0; i < m->count; i++)
        if (m->entries[i].kind == MANIFEST_FILE && m->entries[i].executable)
            list[(*count)++] = &m->entries[i];
    qsort(list, *count, sizeof *list, by_digest);
    for (size_t i = 0; i < *count; i++)
        if (i == 0 || strcmp(list[i]->sha256, list[i - 1]->sha256) != 0)
            *copied_bytes += list[i]->size_bytes;
    return list;
}

/* The first entry with the same content: it stands already, since entries come in order. */
static const struct manifest_entry *first_like(const struct manifest_entry **list, size_t count,
                                               const struct manifest_entry *f)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcmp(list[middle]->sha256, f->sha256) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return list[low];
}

struct filling {
    const struct store *s;
    enum tree_kind kind;
    int root_fd; /* of the walk */
    const struct manifest_entry **programs; /* of an environment */
    size_t program_count;
};

static int fill_program(const struct filling *f, const struct manifest_entry *one, int dir_fd,
                        const char *name, struct err *e)
{
    const struct manifest_entry *first = first_like(f->programs, f->program_count, one);
    if (first != one && linkat(f->root_fd, first->path, dir_fd, name, 0) == 0)
        return 0;
    if (first != one && errno != EMLINK)
        return err_sys(e, "tree", NULL, "cannot link to %.160s", first->path);
    return objects_copy(f->s, one->sha256, one->size_bytes, dir_fd, name, 0500, e);
}

static int fill_one(const struct filling *f, const struct manifest_entry *one, int dir_fd,
                    const char *name, struct err *e)
{
    switch (one->kind) {
    case MANIFEST_LINK:
        return symlinkat(one->target, dir_fd, name) == 0
                   ? 0
                   : err_sys(e, "tree", NULL, "cannot make the link");
    case MANIFEST_FOLDER:
        return mkdirat(dir_fd, name, 0700) == 0 ? 0
                                                : err_sys(e, "tree", NULL, "cannot make the folder");
    case MANIFEST_FILE: break;
    }
    if (f->kind == TREE_CODE)
        return objects_copy(f->s, one->sha256, one->size_bytes, dir_fd, name,
                            one->executable ? 0700 : 0600, e);
    if (f->kind == TREE_ENV && one->executable)
        return fill_program(f, one, dir_fd, name, e);
    return objects_link(f->s, one->sha256, one->size_bytes, dir_fd, name, e);
}

/* No link of the manifest is ever gone through: none has an entry below it (check_paths), and folders
 * are opened without following any. */
static int fill(const struct filling *f, const struct manifest *m, int root_fd, struct err *e)
{
    AUTO_WALK struct walk w = {.at[0].fd = root_fd}; /* takes root_fd */
    for (size_t i = 0; i < m->count; i++) {
        const struct manifest_entry *one = &m->entries[i];
        const char *name = "";
        if (walk_to(&w, one->path, true, NULL, NULL, &name, e) < 0)
            return -1;
        if (fill_one(f, one, w.at[w.depth].fd, name, e) < 0)
            return err_context(e, "%.160s", one->path);
        if (FAULT("tree.filling"))
            return err_sys(e, "tree", NULL, "filling a tree");
    }
    return 0;
}

static int build(const struct store *s, const struct manifest *m, enum tree_kind kind,
                 const char *tmp, const char *name, struct err *e)
{
    struct filling f = {.s = s, .kind = kind};
    uint64_t copied_bytes = 0;
    AUTO_FREE const struct manifest_entry **programs = list_programs(m, &f.program_count, &copied_bytes);
    f.programs = programs;
    /* A manifest may name one large object a hundred thousand times: linked, it takes no room; copied, it
     * fills any disk. */
    if (kind != TREE_DATA &&
        store_has_room(s, kind == TREE_CODE ? m->total_bytes : copied_bytes, e) < 0)
        return -1;
    if (mkdirat(s->tmp_fd, tmp, 0700) < 0)
        return err_sys(e, "tree", NULL, "cannot make a folder in tmp/");
    AUTO_FD int root_fd = openat(s->tmp_fd, tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (root_fd < 0)
        return err_sys(e, "tree", NULL, "cannot open a folder in tmp/");
    f.root_fd = root_fd;
    if (fill(&f, m, fd_take(&root_fd), e) < 0)
        return -1;
    if (renameat2(s->tmp_fd, tmp, s->trees_fd, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EEXIST)
        return err_sys(e, "tree", NULL, "cannot put a tree into place");
    return fd_remove_tree(s->tmp_fd, tmp,
                          e); /* somebody else built it meanwhile: theirs is as good */
}

static int ensure(const struct store *s, const struct manifest *m, enum tree_kind kind, char **path,
                  bool *built, struct err *e)
{
    char name[TREE_NAME_SIZE];
    char tmp[OBJECTS_TMP_NAME];
    struct stat st;
    tree_name(m->id, kind, name);
    *built = fstatat(s->trees_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0;
    if (*built) {
        objects_tmp_name("tree", tmp);
        if (build(s, m, kind, tmp, name, e) < 0) {
            struct err ignored = {0}; /* tmp/ is emptied at start, too */
            (void)!fd_remove_tree(s->tmp_fd, tmp, &ignored);
            return err_context(e, "tree %s", name);
        }
    } else if (!S_ISDIR(st.st_mode)) {
        return err_set(e, E_INTERNAL, "tree", "remove it", "trees/%s is not a folder", name);
    } else {
        tree_touch(s, name);
    }
    *path = mem_printf("%s/trees/%s", s->path, name);
    return 0;
}

int tree_ensure_data(const struct store *s, const struct manifest *m, char **path, struct err *e)
{
    bool built;
    return ensure(s, m, TREE_DATA, path, &built, e);
}

int tree_ensure_env(const struct store *s, const struct manifest *m, char **path, struct err *e)
{
    bool built;
    return ensure(s, m, TREE_ENV, path, &built, e);
}

/* ---- what was read already ---- */

struct seen {
    dev_t dev; /* with ino 0: an empty slot */
    ino_t ino;
    off_t size;
    struct timespec mtime, ctime;
    char sha256[DIGEST_HEX_SIZE];
};

struct tree_cache {
    pthread_mutex_t lock;
    struct seen *slots;
    size_t room, count, max; /* room: a power of two, at least twice count */
};

struct tree_cache *tree_cache_new(size_t max_entries)
{
    struct tree_cache *c = mem_alloc(sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    c->max = max_entries ? max_entries : CACHE_ENTRIES_MAX;
    c->room = 64;
    c->slots = mem_alloc(c->room * sizeof *c->slots);
    return c;
}

void tree_cache_free(struct tree_cache *c)
{
    if (!c)
        return;
    pthread_mutex_destroy(&c->lock);
    mem_free_at(&c->slots);
    mem_free_at(&c);
}

static struct seen *cache_slot(struct seen *slots, size_t room, dev_t dev, ino_t ino)
{
    size_t i = (size_t)(((uint64_t)ino ^ ((uint64_t)dev << 40)) * 0x9e3779b97f4a7c15u >> 20);
    for (i &= room - 1; slots[i].ino != 0; i = (i + 1) & (room - 1))
        if (slots[i].ino == ino && slots[i].dev == dev)
            break;
    return &slots[i];
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}

static bool cache_knows(struct tree_cache *c, const struct stat *st, const char *sha256)
{
    if (!c)
        return false;
    pthread_mutex_lock(&c->lock);
    const struct seen *seen = cache_slot(c->slots, c->room, st->st_dev, st->st_ino);
    bool known = seen->ino != 0 && seen->size == st->st_size &&
                 same_time(seen->mtime, st->st_mtim) && same_time(seen->ctime, st->st_ctim) &&
                 strcmp(seen->sha256, sha256) == 0;
    pthread_mutex_unlock(&c->lock);
    return known;
}

/* Lock held. A full cache starts anew: that costs readings, and needs no bookkeeping. */
static void cache_make_room(struct tree_cache *c)
{
    if (c->count >= c->max) {
        memset(c->slots, 0, c->room * sizeof *c->slots);
        c->count = 0;
    }
    if (2 * (c->count + 1) <= c->room)
        return;
    struct seen *wider = mem_alloc(2 * c->room * sizeof *wider);
    for (size_t i = 0; i < c->room; i++)
        if (c->slots[i].ino != 0)
            *cache_slot(wider, 2 * c->room, c->slots[i].dev, c->slots[i].ino) = c->slots[i];
    mem_free_at(&c->slots);
    c->slots = wider;
    c->room *= 2;
}

static void cache_add(struct tree_cache *c, const struct stat *st, const char *sha256)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    struct seen *seen = cache_slot(c->slots, c->room, st->st_dev, st->st_ino);
    if (seen->ino == 0) {
        cache_make_room(c);
        seen = cache_slot(c->slots, c->room, st->st_dev, st->st_ino);
        c->count++;
    }
    *seen = (struct seen){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .size = st->st_size,
        .mtime = st->st_mtim,
        .ctime = st->st_ctim,
    };
    memcpy(seen->sha256, sha256, DIGEST_HEX_SIZE);
    pthread_mutex_unlock(&c->lock);
}

/* ---- verifying ---- */

struct verify {
    const struct manifest *m;
    enum tree_kind kind;
    struct tree_cache *cache;
    const struct digest_progress *progress;
    uint64_t done_bytes; /* of the files before this one */
    uint64_t read_bytes;
};

/* True when the ctime is far enough in the past to be believed; `wait`s for that, one tick at
 * most. */
static bool settle(const struct stat *st, bool wait)
{
    for (int tries = 0; tries < 2; tries++) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        int64_t age_ms = ((int64_t)now.tv_sec - st->st_ctim.tv_sec) * 1000 +
                         (now.tv_nsec - st->st_ctim.tv_nsec) / 1000000;
        if (age_ms > SETTLE_MS)
            return true;
        if (age_ms < 0 || !wait)
            return false; /* the clock was set back, or nobody waits */
        nanosleep(&(struct timespec){.tv_nsec = (SETTLE_MS + 1 - age_ms) * 1000000}, NULL);
    }
    return false;
}

static bool verify_step(void *ctx, uint64_t done_bytes)
{
    const struct verify *v = ctx;
    return !v->progress || v->progress->step(v->progress->ctx, v->done_bytes + done_bytes);
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
           cache_knows(v->cache, &st, f->sha256);
}

static int verify_file(struct verify *v, const struct manifest_entry *f, int dir_fd,
                       const char *name, struct err *e)
{
    struct stat before;
    struct stat after;
    char got[DIGEST_HEX_SIZE];
    struct digest_progress progress = {verify_step, v};
    if (is_as_known(v, f, dir_fd, name))
        return 0;
    AUTO_FD int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return open_failed(v, e, f->path);
    if (fstat(fd, &before) < 0)
        return err_sys(e, what_of(v), NULL, "cannot look at %.160s", f->path);
    if (!S_ISREG(before.st_mode))
        return changed(v, e, f->path, "is not a regular file");
    if ((uint64_t)before.st_size != f->size_bytes)
        return changed(v, e, f->path, "has another size");
    if (v->kind != TREE_DATA && (before.st_mode & 07777) != mode_in(v->kind, f->executable))
        return changed(v, e, f->path, "has another mode");
    /* Datasets are large and reading one again is dear; code is small, and a start does not wait. */
    bool settled = v->cache && settle(&before, v->kind != TREE_CODE);
    if (digest_fd(fd, &progress, got, NULL, e) < 0)
        return err_context(e, "%.160s", f->path);
    if (strcmp(got, f->sha256) != 0)
        return changed(v, e, f->path, "has another digest");
    v->read_bytes += f->size_bytes;
    if (fstat(fd, &after) < 0)
        return err_sys(e, what_of(v), NULL, "cannot look at %.160s", f->path);
    if (settled && same_file(&before, &after))
        cache_add(v->cache, &after, f->sha256);
    return 0;
}

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
        v->done_bytes += f->size_bytes;
    }
    return 0;
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
                struct tree_cache *cache, const struct digest_progress *progress, uint64_t *read_bytes, struct err *e)
{
    struct verify v = {.m = m, .kind = kind, .cache = cache, .progress = progress};
    int rc = verify_tree(s, &v, e);
    if (read_bytes)
        *read_bytes = v.read_bytes;
    return rc;
}

/* ---- code: verified where it stands already ---- */

int tree_ensure_code(const struct store *s, const struct manifest *m, struct tree_cache *cache,
                     const struct digest_progress *progress, char **path, struct err *found,
                     struct err *e)
{
    char name[TREE_NAME_SIZE];
    AUTO_FREE char *own = NULL;
    *found = (struct err){0};
    tree_name(m->id, TREE_CODE, name);
    for (int tries = 0;; tries++) {
        struct verify v = {.m = m, .kind = TREE_CODE, .cache = cache, .progress = progress};
        struct err bad = {0};
        bool built = false;
        mem_free_at(&own);
        if (ensure(s, m, TREE_CODE, &own, &built, e) < 0)
            return -1;
        /* What was built just now was checked while it was written. */
        if (built || verify_tree(s, &v, &bad) == 0) {
            *path = ptr_take(&own);
            return 0;
        }
        /* Somebody else dropped it meanwhile, or it is wrong: built anew in both cases. */
        if ((bad.kind != E_CONFLICT && bad.kind != E_NOT_FOUND) || tries == REBUILDS_MAX) {
            *e = bad;
            return -1;
        }
        if (bad.kind == E_CONFLICT) {
            *found = bad;
            if (tree_drop(s, name, e) < 0)
                return -1;
        }
    }
}
