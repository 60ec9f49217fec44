/*
 * rootfs.h - what a run sees of an environment's root file system: the one list that the command line
 * (which imports nothing else), the lab (which accepts nothing else) and the runner (which mounts
 * nothing else) agree on.
 *
 *   /usr                          a folder
 *   /bin /sbin /lib /lib32 ...    folders, or links into /usr
 *   /opt/NAME                     anything but /opt/enclos, which is the run's own
 *   /etc/NAME                     the names below: what programs look up about the system, nothing about
 *                                 accounts, networks or services, which stay the sandbox's own; and no
 *                                 folder named "private", where systems keep keys
 */
#ifndef ENCLOS_ROOTFS_H
#define ENCLOS_ROOTFS_H

#include <stdbool.h>
#include <stddef.h>

enum rootfs_kind { ROOTFS_FILE, ROOTFS_LINK, ROOTFS_FOLDER };

/* Names at the top that hold programs, and names of /etc, NULL-ended. The first one is "usr". */
extern const char *const rootfs_tops[];
extern const char *const rootfs_etc[];

/* Mounts are made for each entry of /opt: so many at most. */
enum { ROOTFS_OPT_MAX = 32 };

/* Does a run see that path (or, for a folder, something below it)? Relative, without dots. */
bool rootfs_shows(const char *path);

/* May an environment hold it? `target` of a link. Paths that are shown may still be refused: a /usr
 * that is a link, a /bin that is a file or leads elsewhere than into /usr. */
bool rootfs_may_hold(enum rootfs_kind kind, const char *path, const char *target);

/* The spelling that a link at the top must have: "usr/bin" of "usr/bin", "/usr/bin" or "./usr/bin";
 * NULL when it leads elsewhere than into /usr. Points into `target`. */
const char *rootfs_top_target(const char *target);

#endif
