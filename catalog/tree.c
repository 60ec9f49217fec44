/*
 * tree.c - manifests as files: building. Blocks on the disk: called from pool threads. Whether a tree is
 * what it should be is tree_verify.c's.
 */
#include "catalog/tree.h"

#include "api/common/fault.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "catalog/objects.h"
#include "catalog/tree_walk.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REBUILDS_MAX = 3 };

void tree_name(const char *manifest_id, enum tree_kind kind, char out[TREE_NAME_SIZE])
{
    static const char *const prefixes[] = {[TREE_DATA] = "", [TREE_CODE] = "code-", [TREE_ENV] = "env-"};
    snprintf(out, TREE_NAME_SIZE, "%s%s", prefixes[kind], manifest_id);
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
        struct err bad = {0};
        bool built = false;
        mem_free_at(&own);
        if (ensure(s, m, TREE_CODE, &own, &built, e) < 0)
            return -1;
        /* What was built just now was checked while it was written. */
        if (built || tree_verify(s, TREE_CODE, m, cache, progress, NULL, &bad) == 0) {
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
