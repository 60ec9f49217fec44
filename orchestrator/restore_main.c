/*
 * restore_main.c - see restore_main.h. As root a child with the rights of the lab's account reads the backup, in a folder
 * beside the one that is wanted; only when all of it is right does that folder get its name.
 */
#include "orchestrator/restore_main.h"
#include "api/common/fd.h"
#include "api/common/log.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "catalog/backup.h"
#include "orchestrator/options.h"
#include "orchestrator/rights.h"
#include "orchestrator/state.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int tell(const struct err *e)
{
    fprintf(stderr, "enclosd restore: %s%s%s\n", e->message, e->hint[0] ? "; " : "", e->hint);
    return 1;
}

/* Who started this, for the audit log. */
static struct cat_actor caller(char name[64])
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet */
    const struct passwd *pw = getpwuid(getuid());
    if (pw)
        snprintf(name, 64, "%s", pw->pw_name);
    else
        snprintf(name, 64, "uid %u", (unsigned)getuid());
    return (struct cat_actor){getuid(), name};
}

/* In a child: reads the backup into `folder`. Its exit status is what is told of it; messages it prints itself. */
static int read_backup(int fd, const char *folder, const struct owner *who, bool as_root,
                       const struct cat_actor *actor, const char *state)
{
    struct err e = {0};
    struct backup_report r;
    char size[TEXT_SIZE_HUMAN], when[32];
    if (rights_drop(who, as_root, &e) < 0 || backup_restore(fd, folder, actor, &r, &e) < 0)
        return tell(&e);
    text_size_human(r.object_bytes, false, size);
    time_iso(r.created_us, when);
    printf("%s: the lab of %s; objects: %llu (%s), runs: %llu, audit log up to entry %lld (%s)\n", state, when,
           (unsigned long long)r.objects, size, (unsigned long long)r.runs, (long long)r.audit_number,
           r.audit_hash);
    if (r.missing)
        printf("%llu objects that its catalog refers to are not in it: %s\n", (unsigned long long)r.missing,
               r.has_objects ? "they were missing in the lab already; enclos doctor --deep names them"
                             : "put them back into objects/, then enclos doctor --deep");
    return fflush(stdout) == 0 ? 0 : 1;
}

static int in_child(int fd, const char *folder, const struct owner *who, bool as_root, const char *state)
{
    char name[64];
    const struct cat_actor actor = caller(name);
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        return 1;
    if (pid == 0)
        exit(read_backup(fd, folder, who, as_root, &actor, state));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int not_free(const char *state, struct err *e)
{
    return err_set(e, E_CONFLICT, "--state", "name a folder that is empty or not there",
                   "%s is not empty: nothing is ever restored over a lab", state);
}

/* Before an hour of reading; make_way decides for good. */
static int check_free(const char *state, struct err *e)
{
    DIR *dir = opendir(state);
    int names = 0;
    if (!dir)
        return errno == ENOENT ? 0 : err_sys(e, "--state", NULL, "cannot read %s", state);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet */
    while (readdir(dir))
        names++;
    closedir(dir);
    return names > 2 ? not_free(state, e) : 0;
}

/* DIR itself must not be there, or be an empty folder. */
static int make_way(const char *state, struct err *e)
{
    if (rmdir(state) == 0 || errno == ENOENT)
        return 0;
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
        return not_free(state, e);
    return err_sys(e, "--state", NULL, "cannot replace %s", state);
}

static int restore(const struct options *o, const char *file, struct err *e)
{
    struct owner who;
    AUTO_FD int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "file", NULL, "cannot open %s", file);
    AUTO_FREE char *parent = mem_strdup(o->state_dir);
    char *slash = strrchr(parent, '/');
    if (!slash || slash[1] == 0)
        return err_set(e, E_INVALID, "--state", "name a folder", "%s has no name", o->state_dir);
    AUTO_FREE char *name = mem_strdup(slash + 1);
    slash[slash == parent] = 0;
    if (check_free(o->state_dir, e) < 0 || state_owner(o, &who, e) < 0 ||
        fd_mkdirs(parent, 0755, e) < 0)
        return -1;
    AUTO_FD int parent_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO_FREE char *aside_name = mem_printf(".%s.restore-%d", name, getpid());
    AUTO_FREE char *aside = mem_printf("%s/%s", parent, aside_name);
    if (parent_fd < 0 || mkdirat(parent_fd, aside_name, 0700) < 0 ||
        (o->as_root && fchownat(parent_fd, aside_name, who.uid, who.gid, AT_SYMLINK_NOFOLLOW) < 0))
        return err_sys(e, "--state", NULL, "cannot make %s", aside);
    int status = in_child(fd, aside, &who, o->as_root, o->state_dir);
    if (status == 0 && make_way(o->state_dir, e) == 0) {
        if (renameat2(parent_fd, aside_name, parent_fd, name, RENAME_NOREPLACE) == 0 && fsync(parent_fd) == 0)
            return 0;
        (void)err_sys(e, "--state", NULL, "cannot name %s", o->state_dir);
    }
    struct err left = {0};
    if (fd_remove_tree(parent_fd, aside_name, &left) < 0)
        fprintf(stderr, "enclosd restore: %s stays: %s\n", aside, left.message);
    return status != 0 ? status : -1;
}

int restore_main(int argc, char **argv)
{
    struct options o;
    struct err e = {0};
    if (argc < 2 || argv[1][0] == '-') {
        fputs("usage: enclosd restore FILE [--state DIR] [--user NAME]\n", stderr);
        return 2;
    }
    const char *file = argv[1];
    argv[1] = argv[0];
    switch (options_read(&o, argc - 1, argv + 1)) {
    case OPTIONS_EXIT_OK: return 0;
    case OPTIONS_EXIT_USAGE: return 2;
    case OPTIONS_RUN: break;
    }
    log_init("enclosd", LOG_WARN_LEVEL);
    int rc = restore(&o, file, &e);
    if (rc < 0)
        rc = tell(&e);
    options_fini(&o);
    return rc;
}
