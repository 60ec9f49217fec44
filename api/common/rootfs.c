/*
 * rootfs.c - which parts of an environment runs see; see rootfs.h.
 */
#include "api/common/rootfs.h"

#include "api/common/text.h"
#include <string.h>

const char *const rootfs_tops[] = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", NULL};

const char *const rootfs_etc[] = {
    /* where libraries and programs are */
    "alternatives",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "ld-musl-x86_64.path",
    /* which system it is */
    "alpine-release",
    "debian_version",
    "fedora-release",
    "lsb-release",
    "os-release",
    "redhat-release",
    "system-release",
    /* what libraries are set up by */
    "ImageMagick-6",
    "OpenCL",
    "R",
    "ca-certificates",
    "fonts",
    "localtime",
    "magic",
    "matplotlibrc",
    "mime.types",
    "openmpi",
    "pki",
    "protocols",
    "python3",
    "services",
    "ssl",
    "terminfo",
    "timezone",
    NULL,
};

/* Is one of the names the path's component of `len` bytes? */
static bool is_in(const char *const *names, const char *at, size_t len)
{
    for (; *names; names++)
        if (strlen(*names) == len && memcmp(*names, at, len) == 0)
            return true;
    return false;
}

/* Where systems keep the keys of their certificates: /etc/ssl/private, /etc/pki/tls/private. */
static bool has_private(const char *path)
{
    static const char *const private[] = {"private", NULL};

    for (size_t len; *path; path += len + (path[len] == '/')) {
        len = strcspn(path, "/");
        if (is_in(private, path, len))
            return true;
    }
    return false;
}

bool rootfs_shows(const char *path)
{
    size_t len = strcspn(path, "/");
    const char *rest = path[len] ? path + len + 1 : NULL;

    if (is_in(rootfs_tops, path, len))
        return true;
    if (len != 3 || (memcmp(path, "etc", 3) != 0 && memcmp(path, "opt", 3) != 0))
        return false;
    if (!rest)
        return true;
    size_t name = strcspn(rest, "/");
    if (path[0] == 'e')
        return is_in(rootfs_etc, rest, name) && !has_private(rest);
    return !(name == 6 && memcmp(rest, "enclos", 6) == 0);
}

const char *rootfs_top_target(const char *target)
{
    if (strncmp(target, "./", 2) == 0)
        target += 2;
    else if (target[0] == '/')
        target++;
    return strncmp(target, "usr/", 4) == 0 && text_is_rel_path(target) ? target : NULL;
}

bool rootfs_may_hold(enum rootfs_kind kind, const char *path, const char *target)
{
    if (!rootfs_shows(path))
        return false;
    if (strchr(path, '/'))
        return true;
    if (kind == ROOTFS_FOLDER)
        return true;
    /* At the top: what is mounted, or a link of ours. */
    return kind == ROOTFS_LINK && target && strcmp(path, "usr") != 0 &&
           is_in(rootfs_tops, path, strlen(path)) && rootfs_top_target(target) == target;
}
