/*
 * rights.c - drops to the lab's account for good, and reads back that it is so.
 *
 * The order matters: the bounding set while CAP_SETPCAP is held, groups and gid while CAP_SETGID is,
 * the uid last. Libcap is not linked here: three system calls do not need it.
 */
#include "orchestrator/rights.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

long rights_raise_nofile(void)
{
    struct rlimit rl;
    if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
        return 1024;
    /* A limit of millions makes libraries that walk all descriptors slow; 64 Ki is beyond our bounds. */
    rlim_t want = rl.rlim_max == RLIM_INFINITY || rl.rlim_max > 65536 ? 65536 : rl.rlim_max;
    rl.rlim_cur = want;
    if (setrlimit(RLIMIT_NOFILE, &rl) < 0 && getrlimit(RLIMIT_NOFILE, &rl) < 0)
        return 1024;
    return (long)rl.rlim_cur;
}

static int drop_ids(const struct owner *who, struct err *e)
{
    for (int cap = 0; cap < 64; cap++)
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return err_sys(e, NULL, NULL, "cannot drop capability %d from the bounding set", cap);
    if (setgroups(0, NULL) < 0)
        return err_sys(e, NULL, NULL, "cannot leave the groups");
    if (setresgid(who->gid, who->gid, who->gid) < 0)
        return err_sys(e, NULL, NULL, "cannot become gid %u", (unsigned)who->gid);
    if (setresuid(who->uid, who->uid, who->uid) < 0)
        return err_sys(e, NULL, NULL, "cannot become uid %u", (unsigned)who->uid);
    return 0;
}

static int read_back(const struct owner *who, bool as_root, struct err *e)
{
    uid_t ru, eu, su;
    gid_t rg, eg, sg;
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};

    if (getresuid(&ru, &eu, &su) < 0 || getresgid(&rg, &eg, &sg) < 0)
        return err_sys(e, NULL, NULL, "cannot read back the ids");
    if (ru != who->uid || eu != who->uid || su != who->uid || rg != who->gid || eg != who->gid ||
        sg != who->gid)
        return err_set(e, E_INTERNAL, NULL, NULL, "the ids are not those of %s", who->name);
    if (as_root && getgroups(0, NULL) != 0)
        return err_set(e, E_INTERNAL, NULL, NULL, "groups are left after dropping them");
    if (as_root && setresuid(0, 0, 0) == 0)
        return err_set(e, E_INTERNAL, NULL, NULL, "root could be taken back");
    if (syscall(SYS_capget, &head, data) < 0)
        return err_sys(e, NULL, NULL, "cannot read back the capabilities");
    for (int i = 0; i < 2; i++)
        if (data[i].effective | data[i].permitted | data[i].inheritable)
            return err_set(e, E_INTERNAL, NULL, NULL, "capabilities are left after dropping them");
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return err_set(e, E_INTERNAL, NULL, NULL, "no_new_privs or non-dumpable did not hold");
    return 0;
}

int rights_drop(const struct owner *who, bool as_root, struct err *e)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {0};
    const struct rlimit no_core = {0, 0};

    if (as_root && drop_ids(who, e) < 0)
        return -1;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return err_sys(e, NULL, NULL, "cannot clear ambient capabilities");
    if (syscall(SYS_capset, &head, none) < 0)
        return err_sys(e, NULL, NULL, "cannot drop the capabilities");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_sys(e, NULL, NULL, "cannot set no_new_privs");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return err_sys(e, NULL, NULL, "cannot become non-dumpable");
    if (setrlimit(RLIMIT_CORE, &no_core) < 0)
        return err_sys(e, NULL, NULL, "cannot forbid core dumps");
    return read_back(who, as_root, e);
}
