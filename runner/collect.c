/*
 * collect.c - the collector of outputs. See collect.h. Called by the monitor when the tree of
 * processes is proved empty; regular files with one name only, modes and times are not kept.
 */
#include "runner/collect.h"

#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/runfolder.h"
#include "api/common/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Kept free for the tail of the log, the record and the lab's catalog, which goes on when runs have filled
 * the disk: a fiftieth of it. */
enum { FULL_DISK_BLOCKS = 64 };
enum { ROOM_KEPT_PART = 50, ROOM_KEPT_MIN_BYTES = 1 << 20, ROOM_KEPT_MAX_BYTES = 256 << 20 };

struct walk {
    struct collected *c;
    const struct spec *spec;
    const struct identity *identity;
    bool keep;          /* nothing is taken away from where it comes from: it is mounted read-only */
    int64_t room_bytes; /* of the lab's disk, less what log and record may still need */
    char path[1100];
};

void collect_init(struct collected *c)
{
    memset(c, 0, sizeof *c);
    buf_init(&c->files, 6 << 20);
    buf_init(&c->refused, 256 << 10);
}

void collect_fini(struct collected *c)
{
    buf_fini(&c->files);
    buf_fini(&c->refused);
}

#define NO_ROOM "no room left on the lab's disk"

static void refuse(struct walk *w, const char *path, const char *reason)
{
    char shown[400];
    w->c->refused_no_room += strcmp(reason, NO_ROOM) == 0;
    if (w->c->refused_count++ >= COLLECT_REFUSED_MAX)
        return;
    text_sanitize(path, strlen(path), shown, sizeof shown);
    struct jw out = jw_to(&w->c->refused);
    if (w->c->refused.len)
        buf_add_char(&w->c->refused, ',');
    jw_obj(&out);
    jw_str_at(&out, "path", shown);
    jw_str_at(&out, "reason", reason);
    jw_end_obj(&out);
}

static int open_beneath(int dir, const char *name, uint64_t flags)
{
    struct open_how how = {.flags = flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                                      RESOLVE_NO_XDEV};
    return (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
}

/* Rootless we are the owner without further rights: a mode 000 made by the run is lifted first. No
 * process of the run is left, so the entry is still what was looked at. */
static int open_entry(struct walk *w, int dir, const char *name, bool folder)
{
    uint64_t flags = folder ? O_RDONLY | O_DIRECTORY : O_RDONLY;
    int fd = open_beneath(dir, name, flags);
    if (fd < 0 && errno == EACCES && w->identity->rootless && fchmodat(dir, name, folder ? 0700 : 0600, 0) == 0)
        fd = open_beneath(dir, name, flags);
    return fd;
}

/* Copies data only; holes stay holes. */
static int copy_data(int in, int out, off_t size)
{
    off_t at = 0;
    if (ftruncate(out, size) < 0)
        return -1;
    while (at < size) {
        off_t data = lseek(in, at, SEEK_DATA);
        if (data < 0)
            return errno == ENXIO ? 0 : -1;
        off_t hole = lseek(in, data, SEEK_HOLE);
        if (hole < 0 || lseek(out, data, SEEK_SET) < 0)
            return -1;
        for (at = data; at < hole;) {
            ssize_t n = sendfile(out, in, &at, (size_t)(hole - at));
            if (n <= 0)
                return -1;
        }
    }
    return 0;
}

static int take_file(struct walk *w, int from, int to, const char *name, const struct stat *st, struct err *e)
{
    AUTO_FD int in = open_entry(w, from, name, false);
    struct stat now;
    if (in < 0 || fstat(in, &now) < 0 || now.st_ino != st->st_ino || !S_ISREG(now.st_mode)) {
        refuse(w, w->path, "cannot be opened");
        return 0;
    }
    identity_lab(w->identity);
    AUTO_FD int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    identity_own(w->identity);
    if (out < 0 || copy_data(in, out, st->st_size) < 0) {
        if (errno != ENOSPC && errno != EDQUOT)
            return err_sys(e, "outputs", NULL, "cannot keep the output %.160s", w->path);
        /* Half a file is no output: its room goes to what is still to be written. */
        identity_lab(w->identity);
        unlinkat(to, name, 0);
        identity_own(w->identity);
        refuse(w, w->path, NO_ROOM);
        return 0;
    }
    struct jw json = jw_to(&w->c->files);
    if (w->c->files.len)
        buf_add_char(&w->c->files, ',');
    jw_obj(&json);
    jw_str_at(&json, "path", w->path);
    jw_int_at(&json, "size_bytes", st->st_size);
    jw_str_at(&json, "mode", (st->st_mode & 0111) ? "0755" : "0644");
    jw_end_obj(&json);
    w->c->file_count++;
    w->c->total_bytes += st->st_size;
    w->room_bytes -= st->st_size;
    /* Both stand on the lab's disk: it never holds more than one file twice, because the mount gives freed room back. */
    if (w->spec->resources.output_disk && !w->keep && unlinkat(from, name, 0) == 0)
        w->room_bytes += (int64_t)st->st_blocks * 512;
    return 0;
}

static const char *refusal_of(struct walk *w, const struct stat *st)
{
    if (S_ISLNK(st->st_mode))
        return "symbolic link";
    if (S_ISFIFO(st->st_mode))
        return "FIFO";
    if (S_ISSOCK(st->st_mode))
        return "socket";
    if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
        return "device node";
    if (!text_is_rel_path(w->path))
        return "name that is not plain UTF-8 text, or too long";
    if (S_ISREG(st->st_mode) && st->st_nlink != 1)
        return "file with several names (hard link)";
    if (S_ISREG(st->st_mode) && st->st_size > w->spec->resources.output_bytes - w->c->total_bytes)
        return "larger than what is left of output_bytes";
    /* By its length: the store keeps no holes. */
    if (S_ISREG(st->st_mode) && st->st_size > w->room_bytes)
        return NO_ROOM;
    if (w->c->files.len + 6 * strlen(w->path) + 100 > w->c->files.max_bytes) /* as escaped as can be */
        return "more outputs than a record has room to name";
    if (S_ISREG(st->st_mode) && w->c->file_count >= w->spec->resources.output_files)
        return "more files than output_files";
    return NULL;
}

static int take_folder(struct walk *w, int from, int to, size_t path_len, int depth, struct err *e);

static int take_entry(struct walk *w, int from, int to, const char *name, size_t path_len, int depth, struct err *e)
{
    struct stat st;
    int n = snprintf(w->path + path_len, sizeof w->path - path_len, "%s%s", path_len ? "/" : "", name);
    if (n < 0 || (size_t)n >= sizeof w->path - path_len) {
        refuse(w, w->path, "path too long");
        return 0;
    }
    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        refuse(w, w->path, "cannot be read");
        return 0;
    }
    const char *why = refusal_of(w, &st);
    if (!why && S_ISDIR(st.st_mode) && depth >= COLLECT_DEPTH_MAX)
        why = "deeper than 16 folders";
    if (why) {
        refuse(w, w->path, why);
        return 0;
    }
    if (S_ISREG(st.st_mode))
        return take_file(w, from, to, name, &st, e);
    AUTO_FD int sub_from = open_entry(w, from, name, true);
    if (sub_from < 0) {
        refuse(w, w->path, "cannot be opened");
        return 0;
    }
    identity_lab(w->identity);
    int made = mkdirat(to, name, 0700);
    AUTO_FD int sub_to = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    identity_own(w->identity);
    if (made < 0 || sub_to < 0)
        return err_sys(e, "outputs", "free some room on the lab's disk", "cannot keep the folder %.160s", w->path);
    return take_folder(w, sub_from, sub_to, path_len + (size_t)n, depth + 1, e);
}

/* The root of the file system itself may have been closed by the run (chmod 0): a descriptor that
 * was only opened as a path can be changed through its name in /proc. */
static int open_root(struct walk *w, int outputs_fd)
{
    char path[32];
    int fd = openat(outputs_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", outputs_fd);
    if (fd < 0 && errno == EACCES && w->identity->rootless && chmod(path, 0700) == 0)
        fd = openat(outputs_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd;
}

static int take_folder(struct walk *w, int from, int to, size_t path_len, int depth, struct err *e)
{
    int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = again < 0 ? NULL : fdopendir(again);
    struct dirent *entry;
    int failed = 0;
    if (!d)
        return err_sys(e, "outputs", NULL, "cannot list the outputs");
    while (!failed && (entry = readdir(d))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            failed = take_entry(w, from, to, entry->d_name, path_len, depth, e);
        w->path[path_len] = '\0';
    }
    closedir(d);
    return failed;
}

static int64_t room_on(const struct statfs *disk)
{
    int64_t kept = (int64_t)disk->f_blocks * disk->f_bsize / ROOM_KEPT_PART;
    kept = kept < ROOM_KEPT_MIN_BYTES ? ROOM_KEPT_MIN_BYTES : kept > ROOM_KEPT_MAX_BYTES ? ROOM_KEPT_MAX_BYTES : kept;
    return (int64_t)disk->f_bavail * disk->f_bsize - kept;
}

static bool has_entries(int folder)
{
    int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = again < 0 ? NULL : fdopendir(again);
    struct dirent *entry;
    bool found = false;
    while (d && !found && (entry = readdir(d)))
        found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    if (d)
        closedir(d);
    return found;
}

int collect_outputs(int outputs_fd, int run_fd, const struct spec *spec, const struct identity *identity, struct collected *c, struct err *e)
{
    struct walk w = {.c = c, .spec = spec, .identity = identity};
    struct statfs fs = {0}, disk;
    if (fstatfs(outputs_fd, &fs) == 0)
        /* ext4 refuses while a few blocks are left, which a file's map might need. */
        c->full = fs.f_bavail <= (spec->resources.output_disk ? (fsblkcnt_t)FULL_DISK_BLOCKS : 0) || fs.f_ffree == 0;
    w.keep = fs.f_flags & ST_RDONLY;
    if (fstatfs(run_fd, &disk) == 0)
        w.room_bytes = room_on(&disk);
    AUTO_FD int from = open_root(&w, outputs_fd);
    if (from < 0)
        return err_sys(e, "outputs", NULL, "cannot open what the run left in /outputs");
    /* Most runs that fail leave nothing: then there is no folder either. */
    if (!has_entries(from))
        return 0;
    identity_lab(w.identity);
    int made = mkdirat(run_fd, RUNFOLDER_OUTPUTS, 0700);
    AUTO_FD int to = openat(run_fd, RUNFOLDER_OUTPUTS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    identity_own(w.identity);
    if (made < 0 || to < 0)
        return err_sys(e, "outputs", NULL, "cannot make the folder of outputs");
    if (take_folder(&w, from, to, 0, 0, e) < 0)
        return -1;
    /* The record promises these files: they must be on disk before it is. */
    if (c->file_count > 0 && syncfs(to) < 0)
        return err_sys(e, "outputs", NULL, "cannot sync the outputs");
    return 0;
}
