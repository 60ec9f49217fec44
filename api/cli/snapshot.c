/*
 * snapshot.c - walks, hashes and lists a folder; see snapshot.h.
 *
 * First the walk collects names and sizes only, so that progress has a total; then a few threads
 * hash, each taking the next entry. A file that changes meanwhile is recorded with what was read: if
 * it changes again before it is sent, the lab refuses it by its digest.
 */
#include "api/cli/snapshot.h"
#include "api/cli/human.h"
#include "api/cli/say.h"
#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "api/common/rootfs.h"
#include "api/common/text.h"
#include "api/common/treetext.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    ROOTS_MAX = 64,
    DEPTH_MAX = 32,
    THREADS_MAX = 8,
    READ_BYTES = 256 << 10,
    PATH_MAX_BYTES = 1024
};

struct snapshot {
    struct arena *arena;
    struct snapshot_entry *entries;
    size_t count;
    size_t room;
    uint64_t total_bytes;
    const char **skipped;
    size_t skipped_count;
    int roots[ROOTS_MAX];
    size_t root_count;
    struct buf manifest;
    char id[65];
};

struct walk {
    struct snapshot *s;
    const struct ignore *ignore;
    const char *folder; /* for errors */
    const char *prefix;
    int root_fd;
    struct env_told *told; /* a root file system: not NULL */
    uint64_t max_bytes;
    size_t max_files;
    uint64_t bytes;
    size_t files;
};

struct snapshot *snapshot_new(void)
{
    struct snapshot *s = mem_alloc(sizeof *s);

    s->arena = arena_new();
    buf_init(&s->manifest, SNAPSHOT_TEXT_MAX_BYTES);
    return s;
}

void snapshot_free_at(struct snapshot **at)
{
    struct snapshot *s = *at;

    if (!s)
        return;
    for (size_t i = 0; i < s->root_count; i++)
        fd_close_at(&s->roots[i]);
    arena_free(s->arena);
    free(s->entries);
    free(s->skipped);
    buf_fini(&s->manifest);
    free(s);
    *at = NULL;
}

static int add_entry(struct snapshot *s, const struct snapshot_entry *given, struct err *e)
{
    char safe[256];

    if (!text_is_rel_path(given->path)) {
        text_sanitize(given->path, strlen(given->path), safe, sizeof safe);
        return say_err(e, E_INVALID, NULL, T_SNAP_BAD_NAME_HINT, T_SNAP_BAD_NAME, safe);
    }
    if (s->count == SNAPSHOT_ENTRIES_MAX)
        return say_err(e, E_LIMIT, NULL, T_SNAP_TOO_MANY_HINT, T_SNAP_TOO_MANY,
                       human_count_text(SNAPSHOT_ENTRIES_MAX));
    if (s->count == s->room) {
        s->room = s->room ? s->room * 2 : 64;
        s->entries = mem_grow(s->entries, s->room, sizeof *s->entries);
    }
    struct snapshot_entry *entry = &s->entries[s->count++];
    *entry = *given;
    entry->path = arena_strdup(s->arena, given->path);
    entry->source = given->source ? arena_strdup(s->arena, given->source) : NULL;
    s->total_bytes += given->size_bytes;
    return 0;
}

static int add_file(struct snapshot *s, const char *path, const char *source, int root_fd,
                    const struct stat *st, struct err *e)
{
    const struct snapshot_entry entry = {.path = path,
                                         .source = source,
                                         .root_fd = root_fd,
                                         .executable = (st->st_mode & S_IXUSR) != 0,
                                         .size_bytes = (uint64_t)st->st_size};

    return add_entry(s, &entry, e);
}

int snapshot_add_link(struct snapshot *s, const char *path, const char *target, struct err *e)
{
    const struct snapshot_entry entry = {
        .path = path, .kind = SNAPSHOT_LINK, .source = target, .root_fd = -1};

    if (!treetext_is_target(target)) {
        char safe[256];
        text_sanitize(path, strlen(path), safe, sizeof safe);
        return say_err(e, E_INVALID, NULL, T_NONE, T_SNAP_BAD_LINK, safe);
    }
    return add_entry(s, &entry, e);
}

int snapshot_add_empty_folder(struct snapshot *s, const char *path, struct err *e)
{
    const struct snapshot_entry entry = {.path = path, .kind = SNAPSHOT_FOLDER, .root_fd = -1};

    return add_entry(s, &entry, e);
}

int snapshot_add_known(struct snapshot *s, const char *path, bool executable, uint64_t size_bytes,
                       const char *sha256, struct err *e)
{
    struct snapshot_entry entry = {
        .path = path, .root_fd = -1, .executable = executable, .size_bytes = size_bytes};

    memcpy(entry.sha256, sha256, sizeof entry.sha256);
    return add_entry(s, &entry, e);
}

static void skip(struct snapshot *s, const char *path)
{
    s->skipped = mem_grow(s->skipped, s->skipped_count + 1, sizeof *s->skipped);
    s->skipped[s->skipped_count++] = arena_strdup(s->arena, path);
}

/* Of a root file system: links are a part of it, devices and the like are not. */
static int add_to_rootfs(struct walk *w, int folder_fd, const char *name, const char *path,
                         const struct stat *st, struct err *e)
{
    char target[TREETEXT_TARGET_MAX + 2];

    if (S_ISLNK(st->st_mode)) {
        ssize_t n = readlinkat(folder_fd, name, target, sizeof target - 1);
        if (n < 0)
            return err_sys(e, NULL, NULL, "%s/%s", w->folder, path);
        target[n] = '\0';
        const char *to = strchr(path, '/') ? target : rootfs_top_target(target);
        if (!to || !rootfs_may_hold(ROOTFS_LINK, path, to)) {
            char safe[256];
            text_sanitize(target, (size_t)n, safe, sizeof safe);
            return say_err(e, E_INVALID, NULL, T_ENV_TOP_HINT, T_ENV_TOP_LINK, path, safe);
        }
        return snapshot_add_link(w->s, path, to, e);
    }
    if (!S_ISREG(st->st_mode)) {
        env_told_count(&w->told->special, path);
        return 0;
    }
    if (!rootfs_may_hold(ROOTFS_FILE, path, NULL))
        return say_err(e, E_INVALID, NULL, T_ENV_TOP_HINT, T_ENV_TOP_FILE, path);
    if (st->st_mode & (S_ISUID | S_ISGID))
        env_told_count(&w->told->privileged, path);
    return add_file(w->s, path, path, w->root_fd, st, e);
}

/* Entered for its own sake only: a /etc or /opt that is something else has nothing that could be shown. */
static bool is_hidden(const struct walk *w, const char *path, const struct stat *st)
{
    if (!w->told)
        return false;
    return !rootfs_shows(path) ||
           ((strcmp(path, "etc") == 0 || strcmp(path, "opt") == 0) && !S_ISDIR(st->st_mode));
}

static int add_found(struct walk *w, const char *path, const struct stat *st, struct err *e)
{
    AUTO_FREE char *full = mem_printf("%s%s", w->prefix, path);

    if (!S_ISREG(st->st_mode)) {
        skip(w->s, full);
        return 0;
    }
    w->bytes += (uint64_t)st->st_size;
    w->files++;
    if ((w->max_bytes && w->bytes > w->max_bytes) || (w->max_files && w->files > w->max_files))
        return say_err(e, E_LIMIT, NULL, T_SNAP_TOO_BIG_HINT, T_SNAP_TOO_BIG, w->folder,
                       human_size_text(w->max_bytes), human_count_text(w->max_files));
    return add_file(w->s, full, path, w->root_fd, st, e);
}

static void close_dir_at(DIR **d)
{
    if (*d)
        closedir(*d);
}

/* `path` is a buffer of PATH_MAX_BYTES * 2 holding the folder's own path, "" for the root. */
static int walk_folder(struct walk *w, int folder_fd, char *path, unsigned depth, struct err *e)
{
    size_t len = strlen(path);
    int own = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir __attribute__((cleanup(close_dir_at))) = own < 0 ? NULL : fdopendir(own);

    if (!dir) {
        int failed = err_sys(e, NULL, NULL, "%s/%s", w->folder, path);
        fd_close_at(&own);
        return failed;
    }
    for (;;) {
        errno = 0;
        struct dirent *found = readdir(dir);
        if (!found && errno)
            return err_sys(e, NULL, NULL, "%s/%s", w->folder, path);
        if (!found)
            return 0;
        if (strcmp(found->d_name, ".") == 0 || strcmp(found->d_name, "..") == 0)
            continue;
        size_t name = strlen(found->d_name);
        struct stat st;
        if (fstatat(folder_fd, found->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            if (errno == ENOENT)
                continue; /* it went away meanwhile */
            return err_sys(e, NULL, NULL, "%s/%s/%s", w->folder, path, found->d_name);
        }
        if (len + 1 + name >= PATH_MAX_BYTES || depth > DEPTH_MAX) {
            char safe[160];
            text_sanitize(path, strlen(path), safe, sizeof safe);
            return say_err(e, E_LIMIT, NULL, T_SNAP_BAD_NAME_HINT, T_SNAP_TOO_DEEP, safe);
        }
        if (len > 0)
            path[len] = '/';
        memcpy(path + len + (len > 0), found->d_name, name + 1);
        bool is_folder = S_ISDIR(st.st_mode);
        int failed = 0;
        size_t before = w->s->count;
        if (is_hidden(w, path, &st)) {
            env_told_hidden(w->told, path);
        } else if (w->ignore && ignore_match(w->ignore, path, is_folder)) {
            /* left out without a word: that is what was asked */
        } else if (is_folder) {
            AUTO_FD int fd =
                openat(folder_fd, found->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            failed = fd < 0 ? err_sys(e, NULL, tr(T_SNAP_UNREADABLE_HINT), "%s/%s", w->folder, path)
                            : walk_folder(w, fd, path, depth + 1, e);
            if (!failed && w->told && w->s->count == before && strchr(path, '/'))
                failed = snapshot_add_empty_folder(w->s, path, e);
        } else if (w->told) {
            failed = add_to_rootfs(w, folder_fd, found->d_name, path, &st, e);
        } else {
            failed = add_found(w, path, &st, e);
        }
        path[len] = '\0';
        if (failed < 0)
            return -1;
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int walk_all(struct walk *w, struct err *e)
{
    struct snapshot *s = w->s;
    char path[PATH_MAX_BYTES * 2] = "";

    if (s->root_count == ROOTS_MAX)
        return say_err(e, E_LIMIT, NULL, T_NONE, T_SNAP_TOO_MANY_ROOTS);
    w->root_fd = open(w->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->root_fd < 0)
        return err_sys(e, NULL, NULL, "%s", w->folder);
    s->roots[s->root_count++] = w->root_fd;
    if (walk_folder(w, w->root_fd, path, 1, e) < 0)
        return -1;
    /* Folders are read in no order: what is told of them should be the same each time. */
    if (s->skipped_count > 0)
        qsort(s->skipped, s->skipped_count, sizeof *s->skipped, by_name);
    return 0;
}

int snapshot_add_folder(struct snapshot *s, const char *folder, const char *prefix,
                        const struct ignore *g, uint64_t max_bytes, size_t max_files, struct err *e)
{
    struct walk w = {.s = s,
                     .ignore = g,
                     .folder = folder,
                     .prefix = prefix,
                     .max_bytes = max_bytes,
                     .max_files = max_files};

    return walk_all(&w, e);
}

int snapshot_add_rootfs(struct snapshot *s, const char *folder, struct env_told *told, struct err *e)
{
    struct walk w = {.s = s, .folder = folder, .prefix = "", .told = told};

    return walk_all(&w, e);
}

int snapshot_add_file(struct snapshot *s, const char *file, struct err *e)
{
    struct stat st;

    if (stat(file, &st) < 0)
        return err_sys(e, NULL, NULL, "%s", file);
    if (!S_ISREG(st.st_mode))
        return say_err(e, E_INVALID, NULL, T_NONE, T_SNAP_NOT_A_FILE, file);
    AUTO_FREE char *copy = mem_strdup(file);
    return add_file(s, basename(copy), file, AT_FDCWD, &st, e);
}

int snapshot_open(const struct snapshot_entry *entry, int *out, struct err *e)
{
    const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    struct stat st;
    AUTO_FD int fd = -1;

    if (entry->root_fd == AT_FDCWD) {
        fd = open(entry->source, flags);
    } else {
        /* Folder by folder: O_NOFOLLOW holds for the last component only. */
        AUTO_FREE char *copy = mem_strdup(entry->source);
        AUTO_FD int folder = fcntl(entry->root_fd, F_DUPFD_CLOEXEC, 0);
        char *name = copy;
        for (char *slash; folder >= 0 && (slash = strchr(name, '/')); name = slash + 1) {
            *slash = '\0';
            int next = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            fd_close_at(&folder);
            folder = next;
        }
        if (folder >= 0)
            fd = openat(folder, name, flags | O_NOFOLLOW);
    }
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, NULL, tr(T_SNAP_UNREADABLE_HINT), "%s", entry->path);
    if (!S_ISREG(st.st_mode))
        return say_err(e, E_INVALID, NULL, T_NONE, T_SNAP_NOT_A_FILE, entry->path);
    *out = fd_take(&fd);
    return 0;
}

/* ---- hashing ---- */

struct hashing {
    struct snapshot *s;
    atomic_size_t next;
    atomic_uint_fast64_t done_bytes;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t ended;
    size_t running; /* under lock */
    struct err err; /* under lock: the first one */
};

static void free_md_at(EVP_MD_CTX **md)
{
    EVP_MD_CTX_free(*md);
}

static int no_hash(struct err *e)
{
    return err_set(e, E_INTERNAL, NULL, NULL, "libcrypto refuses SHA-256");
}

static int hash_entry(struct hashing *h, struct snapshot_entry *entry, char *room, struct err *e)
{
    AUTO_FD int fd = -1;
    EVP_MD_CTX *md __attribute__((cleanup(free_md_at))) = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (snapshot_open(entry, &fd, e) < 0)
        return -1;
    if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
        return no_hash(e);
    entry->size_bytes = 0;
    while (!atomic_load_explicit(&h->stop, memory_order_relaxed)) {
        ssize_t n = read(fd, room, READ_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, NULL, NULL, "%s", entry->path);
        if (n == 0)
            break;
        if (EVP_DigestUpdate(md, room, (size_t)n) != 1)
            return no_hash(e);
        entry->size_bytes += (uint64_t)n;
        atomic_fetch_add_explicit(&h->done_bytes, (uint64_t)n, memory_order_relaxed);
    }
    if (EVP_DigestFinal_ex(md, digest, NULL) != 1)
        return no_hash(e);
    text_hex(digest, 32, entry->sha256);
    return 0;
}

static void *hash_some(void *arg)
{
    struct hashing *h = arg;
    AUTO_FREE char *room = mem_alloc(READ_BYTES);
    struct err e = {0};

    while (!atomic_load(&h->stop)) {
        size_t i = atomic_fetch_add(&h->next, 1);
        if (i >= h->s->count)
            break;
        if (h->s->entries[i].kind != SNAPSHOT_FILE || !h->s->entries[i].source)
            continue; /* no content, or read already */
        if (hash_entry(h, &h->s->entries[i], room, &e) < 0) {
            atomic_store(&h->stop, true);
            break;
        }
    }
    pthread_mutex_lock(&h->lock);
    if (e.kind != E_NONE && h->err.kind == E_NONE)
        h->err = e;
    h->running--;
    pthread_cond_signal(&h->ended);
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

/* 0: in this thread. */
static size_t threads_for(const struct snapshot *s)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t threads = cores < 1 ? 1 : cores > THREADS_MAX ? THREADS_MAX : (size_t)cores;

    /* A small folder is hashed before a thread has started. One large file keeps this thread free to
     * show progress. */
    if (s->total_bytes < (4 << 20) && s->count < 200)
        return 0;
    return threads < s->count ? threads : s->count;
}

static int hash_all(struct snapshot *s, snapshot_progress_fn *progress, void *arg, struct err *e)
{
    struct hashing h = {
        .s = s, .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    size_t threads = threads_for(s), started = 0;
    pthread_t ids[THREADS_MAX];

    h.running = threads;
    for (; started < threads; started++)
        if (pthread_create(&ids[started], NULL, hash_some, &h) != 0)
            break;
    if (started == 0) {
        h.running = 1;
        hash_some(&h);
    }
    pthread_mutex_lock(&h.lock);
    h.running -= threads - (started ? started : threads);
    while (started > 0 && h.running > 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 100 * 1000 * 1000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&h.ended, &h.lock, &until);
        if (progress)
            progress(arg, atomic_load(&h.done_bytes), s->total_bytes);
    }
    pthread_mutex_unlock(&h.lock);
    for (size_t i = 0; i < started; i++)
        pthread_join(ids[i], NULL);
    if (h.err.kind == E_NONE)
        return 0;
    *e = h.err;
    return -1;
}

/* ---- the manifest ---- */

static int by_path(const void *a, const void *b)
{
    const struct snapshot_entry *x = a, *y = b;

    return strcmp(x->path, y->path); /* strcmp compares unsigned bytes */
}

/* The same name twice, or a file where another has a folder: only when several were named. */
static int check_names(const struct snapshot *s, struct err *e)
{
    for (size_t i = 1; i < s->count; i++) {
        const char *path = s->entries[i].path;
        if (strcmp(s->entries[i - 1].path, path) == 0)
            return say_err(e, E_INVALID, NULL, T_SNAP_TWICE_HINT, T_SNAP_TWICE, path);
        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
            AUTO_FREE char *folder = mem_strndup(path, (size_t)(slash - path));
            struct snapshot_entry key = {.path = folder};
            if (s->root_count > 1 && bsearch(&key, s->entries, s->count, sizeof key, by_path))
                return say_err(e, E_INVALID, NULL, T_SNAP_TWICE_HINT, T_SNAP_TWICE, folder);
        }
    }
    return 0;
}

static int write_manifest(struct snapshot *s, struct err *e)
{
    struct jw w;
    unsigned char digest[32];

    treetext_begin(&w, &s->manifest);
    for (size_t i = 0; i < s->count; i++) {
        const struct snapshot_entry *entry = &s->entries[i];
        if (entry->kind == SNAPSHOT_LINK)
            treetext_link(&w, entry->path, entry->source);
        else if (entry->kind == SNAPSHOT_FOLDER)
            treetext_folder(&w, entry->path);
        else
            treetext_file(&w, entry->path, entry->executable, entry->sha256, entry->size_bytes);
    }
    treetext_end(&w);
    if (s->manifest.failed)
        return say_err(e, E_LIMIT, NULL, T_SNAP_TOO_MANY_HINT, T_SNAP_TOO_MANY,
                       human_count_text(s->count));
    if (EVP_Digest(buf_cstr(&s->manifest), s->manifest.len, digest, NULL, EVP_sha256(), NULL) != 1)
        return no_hash(e);
    text_hex(digest, sizeof digest, s->id);
    return 0;
}

int snapshot_finish(struct snapshot *s, snapshot_progress_fn *progress, void *arg, struct err *e)
{
    if (s->count > 0)
        qsort(s->entries, s->count, sizeof *s->entries, by_path);
    if (check_names(s, e) < 0 || hash_all(s, progress, arg, e) < 0)
        return -1;
    return write_manifest(s, e);
}

size_t snapshot_count(const struct snapshot *s)
{
    return s->count;
}

uint64_t snapshot_total_bytes(const struct snapshot *s)
{
    return s->total_bytes;
}

const struct snapshot_entry *snapshot_entries(const struct snapshot *s)
{
    return s->entries;
}

const struct buf *snapshot_manifest(const struct snapshot *s)
{
    return &s->manifest;
}

const char *snapshot_id(const struct snapshot *s)
{
    return s->id;
}

size_t snapshot_skipped_count(const struct snapshot *s)
{
    return s->skipped_count;
}

const char *snapshot_skipped(const struct snapshot *s, size_t i)
{
    return s->skipped[i];
}
