/*
 * tree_drop.c - trees that go: dropped because something in them is wrong, or removed because nobody
 * uses them. Blocks on the disk: called from pool threads.
 *
 * A run's mounts hold the folder, not its name: a tree that is renamed stays whole to those who have it
 * open, one whose files are removed does not. So what is wrong is renamed at once (nobody else starts
 * with it), and removed when no run can have it open any more.
 */
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "catalog/objects.h"
#include "catalog/tree.h"
#include "catalog/tree_use.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DROPPED_NAME_SIZE = TREE_NAME_SIZE + 8, OLDER_NAME_SIZE = DROPPED_NAME_SIZE + 21 };

static void dropped_name(const char *name, char out[DROPPED_NAME_SIZE])
{
    snprintf(out, DROPPED_NAME_SIZE, "%s.dropped", name);
}

static void set_time(const struct store *s, const char *name, int64_t us)
{
    const struct timespec t = {us / 1000000, us % 1000000 * 1000};
    /* It may be gone again, and the time is a hint only: nothing depends on whether this works. */
    (void)!utimensat(s->trees_fd, name, (const struct timespec[]){t, t}, AT_SYMLINK_NOFOLLOW);
}

void tree_touch(const struct store *s, const char *name)
{
    set_time(s, name, time_now_us());
}

int tree_drop(const struct store *s, const char *name, struct err *e)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    char dropped[DROPPED_NAME_SIZE];
    char older[OLDER_NAME_SIZE];
    int rc = 0;
    dropped_name(name, dropped);
    snprintf(older, sizeof older, "%s.%lld", dropped, (long long)time_now_us());
    pthread_mutex_lock(&one_at_a_time);
    bool there = faccessat(s->trees_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    /* Only the time of the last one counts: an earlier one steps aside. */
    if (there && ((renameat2(s->trees_fd, dropped, s->trees_fd, older, RENAME_NOREPLACE) < 0 &&
                   errno != ENOENT) ||
                  renameat2(s->trees_fd, name, s->trees_fd, dropped, RENAME_NOREPLACE) < 0))
        rc = err_sys(e, "tree", NULL, "cannot drop trees/%s", name);
    else if (there)
        set_time(s, dropped, time_now_us());
    pthread_mutex_unlock(&one_at_a_time);
    return rc;
}

bool tree_was_dropped(const struct store *s, enum tree_kind kind, const char *manifest_id,
                      int64_t since_us)
{
    char name[TREE_NAME_SIZE];
    char dropped[DROPPED_NAME_SIZE];
    struct stat st;
    tree_name(manifest_id, kind, name);
    dropped_name(name, dropped);
    return fstatat(s->trees_fd, dropped, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (int64_t)st.st_mtim.tv_sec * 1000000 + st.st_mtim.tv_nsec / 1000 >= since_us;
}

int tree_condemn(const struct store *s, enum tree_kind kind, const struct manifest *m,
                 const struct digest_progress *progress, struct err *e)
{
    char name[TREE_NAME_SIZE];
    tree_name(m->id, kind, name);
    if (tree_drop(s, name, e) < 0)
        return -1;
    for (size_t i = 0; i < m->count; i++) {
        struct err bad = {0};
        if (m->entries[i].kind != MANIFEST_FILE)
            continue;
        if (objects_verify(s, m->entries[i].sha256, progress, &bad) == 0 ||
            bad.kind == E_CONFLICT || bad.kind == E_NOT_FOUND)
            continue;
        *e = bad;
        return err_context(e, "%.100s", m->entries[i].path);
    }
    return 0;
}

/* ---- walking trees/ ---- */

typedef int each_tree(void *ctx, const char *name, struct err *e);

static int each(const struct store *s, each_tree *call, void *ctx, struct err *e)
{
    AUTO_FD int fd = openat(s->trees_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return err_sys(e, "tree", NULL, "cannot read trees/");
    (void)fd_take(&fd);
    int rc = 0;
    const struct dirent *d;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): each DIR is ours alone */
    while (rc == 0 && (d = readdir(dir)) != NULL)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            rc = call(ctx, d->d_name, e);
    closedir(dir);
    return rc;
}

struct users {
    const struct store *s;
    const char *sha256;
    size_t dropped;
};

static int drop_user(void *ctx, const char *name, struct err *e)
{
    struct users *u = ctx;
    struct err unread = {0};
    AUTO_MANIFEST struct manifest *m = NULL;
    const char *id = strncmp(name, "env-", 4) == 0 ? name + 4 : name;
    /* Code trees are copies that were checked when they were made. A tree whose manifest cannot be had is
     * used by nobody: using it begins with the manifest. */
    if (!text_is_sha256(id) || manifest_load_any(u->s, id, &m, &unread) < 0)
        return 0;
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->entries[i].sha256, u->sha256) == 0) {
            u->dropped++;
            return tree_drop(u->s, name, e);
        }
    return 0;
}

int tree_drop_users(const struct store *s, const char *sha256, size_t *dropped, struct err *e)
{
    struct users u = {.s = s, .sha256 = sha256};
    int rc = each(s, drop_user, &u, e);
    *dropped = u.dropped;
    return rc;
}

/* ---- removing ---- */

struct removal {
    const struct store *s;
    struct tree_uses *uses;
    const struct tree_keep *keep;
    int64_t begun_us;
    size_t removed;
};

/* NAME, and NAME.dropped...: runs that use NAME may have either open. */
static bool stays(const struct removal *r, const char *name, bool dropped)
{
    bool code = strncmp(name, "code-", 5) == 0;
    const char *id = code ? name + 5 : strncmp(name, "env-", 4) == 0 ? name + 4 : name;
    struct stat st;
    /* Using a tree begins with its manifest: without it nobody does any more. */
    if (dropped || !objects_has(r->s, id, NULL))
        return false;
    return fstatat(r->s->trees_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
           (int64_t)st.st_mtim.tv_sec + (code ? r->keep->code_s : r->keep->data_s) >
               time_now_us() / 1000000;
}

static int remove_one(void *ctx, const char *name, struct err *e)
{
    struct removal *r = ctx;
    char base[256];
    char tmp[OBJECTS_TMP_NAME];
    size_t len = strcspn(name, ".");
    snprintf(base, sizeof base, "%.*s", (int)len, name);
    if (time_now_us() - r->begun_us > r->keep->budget_ms * 1000 ||
        stays(r, name, name[len] != '\0') || !tree_leave(r->uses, base))
        return 0;
    /* Out of trees/ first: there a tree is whole or not there. */
    objects_tmp_name("gone", tmp);
    int rc = renameat(r->s->trees_fd, name, r->s->tmp_fd, tmp);
    if (rc < 0)
        rc = err_sys(e, "tree", NULL, "cannot move trees/%s to tmp/", name);
    tree_left(r->uses);
    if (rc < 0 || fd_remove_tree(r->s->tmp_fd, tmp, e) < 0)
        return -1;
    r->removed++;
    return 0;
}

int tree_remove_unused(const struct store *s, struct tree_uses *uses, const struct tree_keep *keep,
                       size_t *removed, struct err *e)
{
    struct removal r = {.s = s, .uses = uses, .keep = keep, .begun_us = time_now_us()};
    int rc = each(s, remove_one, &r, e);
    *removed = r.removed;
    return rc;
}
