/*
 * copy_tree.c - see copy_tree.h. Called by init only, on trees of the lab or of ours.
 */
#include "runner/copy_tree.h"

#include "api/common/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st, uid_t uid)
{
    AUTO_FD int in = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    AUTO_FD int out = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    static char block[64 << 10]; /* one thread, between clone and exec */
    ssize_t n;
    if (in < 0 || out < 0)
        return -1;
    while ((n = read(in, block, sizeof block)) > 0)
        if (fd_write_all(out, block, (size_t)n) < 0)
            return -1;
    return n < 0 || fchmod(out, (st->st_mode & 0100) ? 0755 : 0644) < 0 || fchown(out, uid, uid) < 0 ? -1 : 0;
}

static int copy_level(int from, int to, uid_t uid, int depth)
{
    int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = again < 0 ? NULL : fdopendir(again);
    struct dirent *entry;
    int failed = d && depth < 40 ? 0 : -1;
    while (!failed && (entry = readdir(d))) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (fstatat(from, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
            failed = -1;
        } else if (S_ISREG(st.st_mode)) {
            failed = copy_file(from, to, entry->d_name, &st, uid);
        } else if (S_ISDIR(st.st_mode)) {
            AUTO_FD int sub_from = openat(from, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            failed = mkdirat(to, entry->d_name, 0755);
            AUTO_FD int sub_to = openat(to, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (failed || sub_from < 0 || sub_to < 0 || fchown(sub_to, uid, uid) < 0 ||
                copy_level(sub_from, sub_to, uid, depth + 1) < 0)
                failed = -1;
        }
    }
    int kept = errno;
    if (d)
        closedir(d);
    errno = kept;
    return failed;
}

int copy_tree(int from, int to, uid_t uid)
{
    return copy_level(from, to, uid, 0);
}
