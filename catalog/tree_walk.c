/*
 * tree_walk.c - from folder to folder of a tree; see tree_walk.h.
 */
#include "catalog/tree_walk.h"

#include "api/common/fd.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static void walk_leave(struct walk *w, int depth)
{
    while (w->depth > depth)
        fd_close_at(&w->at[w->depth--].fd);
}

void walk_fini(struct walk *w)
{
    walk_leave(w, 0);
    fd_close_at(&w->at[0].fd);
}
int walk_to(struct walk *w, const char *path, bool make, walk_enter *enter, void *ctx,
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
        if (w->depth + 1 == WALK_DEPTH_MAX || end - begin >= sizeof folder)
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
