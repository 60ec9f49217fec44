/*
 * uids.c - leases of user ids by file locks. Called by the monitor as root, before it clones.
 */
#include "runner/uids.h"

#include "api/common/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int uids_open(int *out, struct err *e)
{
    struct stat st;
    if (mkdir(UIDS_FOLDER, 0700) < 0 && errno != EEXIST)
        return err_sys(e, "uid_lease", NULL, "cannot make %s", UIDS_FOLDER);
    AUTO_FD int dir = open(UIDS_FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0 || fstat(dir, &st) < 0)
        return err_sys(e, "uid_lease", NULL, "cannot open %s", UIDS_FOLDER);
    if (st.st_uid != 0 || (st.st_mode & 022))
        return err_set(e, E_DENIED, "uid_lease", "remove it: it must be root's alone", "%s belongs to uid %u, mode %o",
                       UIDS_FOLDER, st.st_uid, st.st_mode & 07777);
    *out = fd_take(&dir);
    return 0;
}

int uids_lease(uid_t *uid, int *lease_fd, struct err *e)
{
    AUTO_FD int dir = -1;
    if (uids_open(&dir, e) < 0)
        return -1;
    /* Neighbours start at different places, so that many launches at once do not walk the same row. */
    for (unsigned i = 0, from = (unsigned)getpid(); i < UIDS_COUNT; i++) {
        char name[16];
        unsigned n = UIDS_FIRST + (from + i) % UIDS_COUNT;
        snprintf(name, sizeof name, "%u", n);
        AUTO_FD int fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
            return err_sys(e, "uid_lease", NULL, "cannot open the lease %s/%s", UIDS_FOLDER, name);
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            *uid = n;
            *lease_fd = fd_take(&fd);
            return 0;
        }
    }
    return err_set(e, E_LIMIT, "uid_lease", "wait for a run to end", "all %d user ids for runs are taken", UIDS_COUNT);
}
