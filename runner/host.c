/*
 * host.c - opens what host.h promises. No run exists yet; may not touch a run folder.
 */
#include "runner/host.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Compiled filters are kept in a folder that only we can write to; without one they are compiled
 * at each start: slower, never weaker. */
static int open_cache(bool rootless)
{
    AUTO_FREE char *path = NULL;
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    struct err ignored = {0}; /* no cache is no error */
    struct stat st;
    if (!rootless)
        path = mem_strdup("/var/cache/enclos");
    else if (base && base[0] == '/')
        path = mem_printf("%s/enclos", base);
    else if (home && home[0] == '/')
        path = mem_printf("%s/.cache/enclos", home);
    if (!path || fd_mkdirs(path, 0700, &ignored) < 0)
        return -1;
    AUTO_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() || (st.st_mode & 022))
        return -1;
    return fd_take(&fd);
}

int host_open(const struct host_options *o, struct host *h, struct err *e)
{
    memset(h, 0, sizeof *h);
    bool rootless = geteuid() != 0;
    if (o->profiles)
        h->profiles_dir = mem_strdup(o->profiles);
    else if (profile_default_dir(&h->profiles_dir, e) < 0)
        return -1;
    /* The helper lies beside the profiles: .../share/enclos/{sandbox-profiles,python}. */
    AUTO_FREE char *installed = NULL;
    struct err none = {0};
    if (profile_default_dir(&installed, &none) == 0) {
        AUTO_FREE char *python = mem_printf("%s/../python", installed);
        h->python_path = realpath(python, NULL);
        AUTO_FREE char *library = mem_printf("%s/../../../lib/enclos/enclos-warm.so", installed);
        h->warm_library = realpath(library, NULL);
    }
    h->config = (struct monitor_config){
        .cgroups = &h->cgroups,
        .identity = {rootless, o->lab_given ? o->lab_uid : geteuid(), o->lab_given ? o->lab_gid : getegid()},
        .profiles_dir = h->profiles_dir,
        .python_path = h->python_path,
        .cache_dir_fd = open_cache(rootless),
        .netns_fd = -1,
    };
    if (cg_probe(o->cgroup, &h->cgroups, &h->config.cgroup_error) < 0)
        h->cgroups.kind = CG_NONE;
    return 0;
}

void host_close(struct host *h)
{
    fd_close_at(&h->config.cache_dir_fd);
    mem_free_at(&h->profiles_dir);
    mem_free_at(&h->python_path);
    mem_free_at(&h->warm_library);
}

static int read_id(const char *text, const char *option, uint32_t *out, struct err *e)
{
    uint64_t n = 0;
    if (!text || text_u64(text, 0, UINT32_MAX - 1, &n) < 0)
        return err_set(e, E_INVALID, option, "give a decimal number", "%s has no such value: %s", option,
                       text ? text : "(nothing)");
    *out = (uint32_t)n;
    return 0;
}

int host_read_options(int argc, char **argv, struct host_options *o, int *fd, bool *json, struct err *e)
{
    bool uid = false, gid = false;
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        uint32_t n = 0;
        if (strcmp(argv[i], "--json") == 0 && json) {
            *json = true;
            continue;
        }
        if (!value)
            return err_set(e, E_INVALID, argv[i], NULL, "%.60s is no option here, or it wants a value", argv[i]);
        if (strcmp(argv[i], "--cgroup") == 0) {
            if (!text_is_rel_path(value))
                return err_set(e, E_INVALID, "--cgroup", "give a path below each hierarchy's mount, such as lab/runs",
                               "%.100s is not a plain relative path", value);
            o->cgroup = value;
        } else if (strcmp(argv[i], "--profiles") == 0) {
            o->profiles = value;
        } else if (strcmp(argv[i], "--fd") == 0 && fd) {
            if (read_id(value, "--fd", &n, e) < 0)
                return -1;
            *fd = (int)n;
        } else if (strcmp(argv[i], "--lab-uid") == 0) {
            if (read_id(value, "--lab-uid", &o->lab_uid, e) < 0)
                return -1;
            uid = true;
        } else if (strcmp(argv[i], "--lab-gid") == 0) {
            if (read_id(value, "--lab-gid", &o->lab_gid, e) < 0)
                return -1;
            gid = true;
        } else {
            return err_set(e, E_INVALID, argv[i], "see enclos-runner --help", "%.60s is no option here", argv[i]);
        }
        i++;
    }
    if (uid != gid)
        return err_set(e, E_INVALID, "--lab-uid", NULL, "give --lab-uid and --lab-gid together");
    o->lab_given = uid;
    return i;
}
