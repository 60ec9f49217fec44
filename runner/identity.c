/*
 * identity.c - see identity.h. Called by monitor and init; no malloc, no locks.
 */
#include "runner/identity.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/fsuid.h>

static void become(uid_t uid, gid_t gid)
{
    int kept = errno;
    setfsgid(gid);
    setfsuid(uid);
    /* -1 is no id: such a call changes nothing and answers with the present one. */
    if ((uid_t)setfsuid((uid_t)-1) != uid || (gid_t)setfsgid((gid_t)-1) != gid)
        abort();
    errno = kept;
}

void identity_lab(const struct identity *id)
{
    if (!id->rootless)
        become(id->lab_uid, id->lab_gid);
}

void identity_own(const struct identity *id)
{
    if (!id->rootless)
        become(0, 0);
}
