/*
 * git.c - see git.h.
 *
 * Why `git status` and not a comparison of our own: what is staged, packed objects, attributes and the many formats of an
 * index are git's to know. Why a git folder of our own: a repository's configuration can name programs (core.fsmonitor,
 * filters, hooks) that `git status` would start. A file under a filter such as LFS may so be called different: better
 * that than a program of the repository's choice.
 */
#include "api/cli/git.h"
#include "api/common/buf.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096, PACKED_REFS_MAX_BYTES = 64 << 20, HOPS_MAX = 5, PARENTS_MAX = 64 };

struct repository {
    char top[PATH_MAX];    /* its work tree */
    char dir[PATH_MAX];    /* git folder: HEAD, index */
    char common[PATH_MAX]; /* refs, packed-refs, objects */
    uid_t owner;           /* of the git folder */
};

/* A small regular file's first line, without its end. */
static bool read_line(const char *dir, const char *name, char *out, size_t size)
{
    AUTO_BUF struct buf text = BUF_INIT(LINE_MAX_BYTES);
    AUTO_FREE char *path = mem_printf("%s/%s", dir, name);
    struct err e = {0};
    if (fd_read_file(AT_FDCWD, path, LINE_MAX_BYTES, &text, &e) < 0)
        return false; /* none, too long, a link: this is no repository that we read */
    size_t len = strcspn(buf_cstr(&text), "\r\n");
    if (len == 0 || len >= size || strlen(buf_cstr(&text)) != text.len || text_has_control(text.data, len))
        return false;
    memcpy(out, text.data, len);
    out[len] = '\0';
    return true;
}

static bool join(char out[PATH_MAX], const char *dir, const char *path)
{
    int n = path[0] == '/' ? snprintf(out, PATH_MAX, "%s", path) : snprintf(out, PATH_MAX, "%s/%s", dir, path);
    return n > 0 && n < PATH_MAX;
}

/* .git is a folder, or a file that names one (work trees, submodules). */
static bool open_repository(const char *top, struct repository *r)
{
    char line[LINE_MAX_BYTES];
    struct stat st;
    if (!join(r->dir, top, ".git") || lstat(r->dir, &st) < 0)
        return false;
    if (S_ISREG(st.st_mode)) {
        if (!read_line(top, ".git", line, sizeof line) || strncmp(line, "gitdir: ", 8) != 0 || !join(r->dir, top, line + 8) ||
            lstat(r->dir, &st) < 0)
            return false;
    }
    if (!S_ISDIR(st.st_mode))
        return false;
    r->owner = st.st_uid;
    if (!join(r->common, r->dir, read_line(r->dir, "commondir", line, sizeof line) ? line : ".") || stat(r->common, &st) < 0)
        return false;
    if (st.st_uid != r->owner)
        r->owner = (uid_t)-1;
    return snprintf(r->top, sizeof r->top, "%s", top) < (int)sizeof r->top;
}

static bool find_repository(const char *folder, struct repository *r)
{
    AUTO_FREE char *at = realpath(folder, NULL);
    for (int i = 0; at && i < PARENTS_MAX; i++) {
        if (open_repository(at, r))
            return true;
        char *slash = strrchr(at, '/');
        if (!slash || slash == at)
            return false;
        *slash = '\0';
    }
    return false;
}

static bool is_commit(const char *s)
{
    size_t len = strspn(s, "0123456789abcdef");
    return s[len] == '\0' && (len == 40 || len == 64);
}

/* As git keeps names of refs, for those that we would open: below refs/, no way out of it. */
static bool is_ref(const char *s)
{
    return !strncmp(s, "refs/", 5) && text_is_rel_path(s) && !strstr(s, "..") && !strchr(s, '\\');
}

static bool find_packed(const struct repository *r, const char *ref, char out[GIT_COMMIT_SIZE])
{
    AUTO_BUF struct buf text = BUF_INIT(PACKED_REFS_MAX_BYTES);
    AUTO_FREE char *path = mem_printf("%s/packed-refs", r->common);
    struct err e = {0};
    if (fd_read_file(AT_FDCWD, path, PACKED_REFS_MAX_BYTES, &text, &e) < 0)
        return false;
    for (char *line = text.data; line && *line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        char *space = strchr(line, ' ');
        if (space && strcmp(space + 1, ref) == 0) {
            *space = '\0';
            if (!is_commit(line))
                return false;
            memcpy(out, line, strlen(line) + 1); /* 64 digits at most */
            return true;
        }
        line = end ? end + 1 : NULL;
    }
    return false;
}

/* HEAD to a commit, by way of refs that name others. A branch without a commit yet has a name only. */
static void resolve(const struct repository *r, struct git_state *out)
{
    char line[LINE_MAX_BYTES], name[LINE_MAX_BYTES] = "HEAD";
    for (int hop = 0; hop < HOPS_MAX; hop++) {
        bool own = hop == 0 || !strncmp(name, "refs/bisect/", 12) || !strncmp(name, "refs/worktree/", 14);
        if (!read_line(own ? r->dir : r->common, name, line, sizeof line)) {
            if (hop > 0)
                (void)find_packed(r, name, out->commit); /* none: not known */
            return;
        }
        if (is_commit(line)) {
            memcpy(out->commit, line, strlen(line) + 1);
            return;
        }
        if (strncmp(line, "ref: ", 5) != 0 || !is_ref(line + 5))
            return;
        snprintf(name, sizeof name, "%s", line + 5);
        if (hop == 0 && !strncmp(name, "refs/heads/", 11) && strcmp(name, "refs/heads/.invalid") != 0 &&
            strlen(name + 11) < sizeof out->branch)
            memcpy(out->branch, name + 11, strlen(name + 11) + 1);
    }
}

static bool read_head(const char *folder, struct repository *r, struct git_state *out)
{
    *out = (struct git_state){.dirty = -1};
    if (!find_repository(folder, r))
        return false;
    resolve(r, out);
    return out->commit[0] != '\0';
}

bool git_read_head(const char *folder, struct git_state *out)
{
    struct repository r;
    return read_head(folder, &r, out);
}

/* ---- git status, in a git folder of our own ---- */

static bool write_file(int dir_fd, const char *name, const char *text)
{
    AUTO_FD int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0;
}

/* What git takes for a repository: HEAD, refs, objects (those of the other one are named in its environment). */
static bool make_folder(char *path, const char *commit)
{
    AUTO_FREE char *head = mem_printf("%s\n", commit);
    if (!mkdtemp(path))
        return false;
    AUTO_FD int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir >= 0 && mkdirat(dir, "refs", 0700) == 0 && mkdirat(dir, "objects", 0700) == 0 &&
           write_file(dir, "HEAD", head) &&
           write_file(dir, "config",
                      strlen(commit) == 64 ? "[core]\nrepositoryformatversion = 1\n[extensions]\nobjectformat = sha256\n"
                                           : "[core]\nrepositoryformatversion = 0\n");
}

/* Nothing of this process's environment passes, but where the person's own list of ignored files is. */
static void exec_git(const struct repository *r, const char *own, const char *folder, int out_fd)
{
    const char *home = getenv("HOME"), *config = getenv("XDG_CONFIG_HOME");
    char *env[] = {
        mem_printf("GIT_DIR=%s", own),
        mem_printf("GIT_WORK_TREE=%s", r->top),
        mem_printf("GIT_INDEX_FILE=%s/index", r->dir),
        mem_printf("GIT_OBJECT_DIRECTORY=%s/objects", r->common),
        mem_printf("HOME=%s", home ? home : "/nonexistent"),
        config ? mem_printf("XDG_CONFIG_HOME=%s", config) : mem_strdup("GIT_TERMINAL_PROMPT=0"),
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_CONFIG_GLOBAL=/dev/null",
        "GIT_ATTR_NOSYSTEM=1",
        "GIT_OPTIONAL_LOCKS=0",
        "GIT_NO_LAZY_FETCH=1",
        "GIT_NO_REPLACE_OBJECTS=1",
        "LC_ALL=C",
        "PATH=/usr/bin:/bin",
        NULL,
    };
    char *argv[] = {"git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false",
                    "status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=all", "--untracked-files=normal",
                    "--", (char *)(uintptr_t)folder, NULL};
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, 0) < 0 || dup2(out_fd, 1) < 0 || dup2(null, 2) < 0 || chdir(r->top) < 0)
        _exit(127);
    (void)setpgid(0, 0);
    execve("/usr/bin/git", argv, env);
    _exit(127);
}

/* One byte of an answer is enough: something differs. */
static int read_answer(int fd, int64_t until_us)
{
    char text[256];
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left_us = until_us - time_mono_us();
        int ready = left_us > 0 ? poll(&p, 1, (int)(left_us / 1000) + 1) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return -1;
        ssize_t n = read(fd, text, sizeof text);
        if (n < 0 && errno == EINTR)
            continue;
        return n < 0 ? -1 : n > 0;
    }
}

static int ask_status(const struct repository *r, const char *own, const char *folder)
{
    int pipes[2], status = 0;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return -1;
    AUTO_FD int in = pipes[0];
    AUTO_FD int out = pipes[1];
    pid_t pid = fork();
    if (pid < 0)
        return -1;
    if (pid == 0)
        exec_git(r, own, folder, out);
    fd_close_at(&out);
    int answer = read_answer(in, time_mono_us() + GIT_STATUS_MS * INT64_C(1000));
    if (answer != 0) { /* known already, or too late */
        (void)kill(-pid, SIGKILL);
        (void)kill(pid, SIGKILL);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (answer == 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
        return -1;
    return answer;
}

bool git_look(const char *folder, struct git_state *out)
{
    struct repository r;
    struct err e = {0};
    const char *tmp = getenv("TMPDIR");
    AUTO_FREE char *real = realpath(folder, NULL);
    AUTO_FREE char *own = mem_printf("%s/enclos-git-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");

    if (!real || !read_head(folder, &r, out))
        return false;
    /* Whose it is not ours to run a program on: the commit is told, the rest is not known. */
    if (r.owner != geteuid() || access("/usr/bin/git", X_OK) < 0)
        return true;
    if (make_folder(own, out->commit))
        out->dirty = ask_status(&r, own, real);
    /* What stays when this fails is ours, small, and in the folder of temporary files: nothing to tell of. */
    return fd_remove_tree(AT_FDCWD, own, &e) == 0 || out->commit[0];
}
