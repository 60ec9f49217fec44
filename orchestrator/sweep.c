/*
 * sweep.c - one pool job after start. Runs made since are told by their ids, which sort by time.
 */
#include "orchestrator/sweep.h"
#include "api/common/fd.h"
#include "api/common/log.h"
#include "api/common/runfolder.h"
#include "orchestrator/lab.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIME_CHARS = 8 }; /* prefix and time part of an id */

struct sweep {
    struct lab *lab;
    char before[TEXT_ID_SIZE];
    char (*kept)[TEXT_ID_SIZE]; /* sorted */
    size_t count;
    int64_t removed;
};

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int sweep_work(void *ctx, struct err *e)
{
    struct sweep *s = ctx;
    int fd = openat(s->lab->store->runs_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) {
        fd_close_at(&fd);
        return err_sys(e, NULL, NULL, "cannot read the folder of runs");
    }
    const struct dirent *de;
    int rc = 0;
    while (rc == 0 && !atomic_load(&s->lab->stopping) && (de = readdir(d))) {
        if (de->d_name[0] != 'r' || strlen(de->d_name) >= TEXT_ID_SIZE ||
            strncmp(de->d_name, s->before, TIME_CHARS) >= 0)
            continue;
        char key[TEXT_ID_SIZE] = "";
        memcpy(key, de->d_name, strlen(de->d_name));
        if (bsearch(key, s->kept, s->count, sizeof *s->kept, by_id))
            continue;
        AUTO_FD int folder =
            openat(fd, de->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder < 0 || faccessat(folder, RUNFOLDER_OUTPUTS, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        rc = fd_remove_tree(folder, RUNFOLDER_OUTPUTS, e);
        s->removed++;
    }
    closedir(d);
    return rc;
}

static void sweep_done(void *ctx, const struct err *e)
{
    struct sweep *s = ctx;
    if (e)
        log_warn("lab.sweep", LOG_ERR(e));
    else if (s->removed)
        log_info("lab.sweep", LOG_INT("outputs_removed", s->removed));
    free(s->kept);
    free(s);
}

void sweep_start(struct lab *lab, const struct run_row *unfinished, size_t count)
{
    struct sweep *s = mem_alloc(sizeof *s);
    s->lab = lab;
    s->count = count;
    s->kept = mem_alloc((count + 1) * sizeof *s->kept);
    for (size_t i = 0; i < count; i++)
        strncpy(s->kept[i], unfinished[i].id, TEXT_ID_SIZE - 1);
    qsort(s->kept, count, sizeof *s->kept, by_id);
    text_new_id('r', s->before);
    lab_pool(lab, sweep_work, sweep_done, s);
}
