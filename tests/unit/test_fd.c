/* test_fd.c - descriptors: whole reads and writes, durable replacement, removal, passing. */
#include "tests/unit/unit.h"

#include "api/common/fault.h"
#include "api/common/fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>

static char folder[256];
static int folder_fd;

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "%s", unit_mkdtemp());
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder_fd < 0;
}

static int teardown(void **state)
{
    (void)state;
    close(folder_fd);
    unit_rmdir(folder);
    return 0;
}

static void put(const char *name, const char *text)
{
    AUTO_FD int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static bool there(const char *name)
{
    return faccessat(folder_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int open_count(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

/* ---- owning ---- */

static void test_close_at_and_take(void **state)
{
    (void)state;
    int before = open_count();
    {
        AUTO_FD int fd = dup(0);
        AUTO_FD int none = -1;
        AUTO_FD int moved = fd_take(&fd);
        assert_int_equal(fd, -1);
        assert_true(moved >= 0);
        (void)none;
    }
    assert_int_equal(open_count(), before);
    errno = ENOSPC;
    int fd = dup(0);
    errno = ENOSPC;
    fd_close_at(&fd);
    assert_int_equal(errno, ENOSPC);
}

/* ---- reading and writing ---- */

static void test_write_all_to_a_slow_reader(void **state)
{
    (void)state;
    int ends[2];
    static char text[300000];
    memset(text, 'w', sizeof text);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        _exit(fd_write_all(ends[1], text, sizeof text) == 0 ? 0 : 1);
    }
    close(ends[1]);
    AUTO_BUF struct buf out = BUF_INIT(sizeof text);
    struct err e = {0};
    OK(fd_read_all(ends[0], sizeof text, &out, "the pipe", &e), e);
    assert_int_equal(out.len, sizeof text);
    close(ends[0]);
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

static void test_write_all_tells_errno(void **state)
{
    (void)state;
    AUTO_FD int full = open("/dev/full", O_WRONLY);
    assert_int_equal(fd_write_all(full, "x", 1), -1);
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(fd_write_all(full, "", 0), 0);
}

static void test_read_all_has_an_exact_bound(void **state)
{
    (void)state;
    put("ten", "0123456789");
    for (size_t max = 8; max <= 11; max++) {
        AUTO_FD int fd = openat(folder_fd, "ten", O_RDONLY);
        AUTO_BUF struct buf out = BUF_INIT(100);
        struct err e = {0};
        int rc = fd_read_all(fd, max, &out, "ten", &e);
        assert_int_equal(rc, max < 10 ? -1 : 0);
        if (max < 10)
            assert_int_equal(e.kind, E_LIMIT);
        else
            assert_string_equal(out.data, "0123456789");
    }
    AUTO_FD int fd = openat(folder_fd, "ten", O_RDONLY);
    AUTO_BUF struct buf small = BUF_INIT(9);
    struct err e;
    FAILS(fd_read_all(fd, 100, &small, "ten", &e), e, E_LIMIT);
}

static void test_read_file(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO_BUF struct buf out = BUF_INIT(100);
    put("a", "text");
    put("empty", "");
    OK(fd_read_file(folder_fd, "a", 4, &out, &e), e);
    assert_string_equal(out.data, "text");
    OK(fd_read_file(folder_fd, "empty", 0, &out, &e), e);
    FAILS(fd_read_file(folder_fd, "a", 3, &out, &e), e, E_LIMIT);
    FAILS(fd_read_file(folder_fd, "none", 10, &out, &e), e, E_NOT_FOUND);
    assert_int_equal(symlinkat("a", folder_fd, "link"), 0);
    FAILS(fd_read_file(folder_fd, "link", 10, &out, &e), e, E_INVALID);
    HAS(e.message, "symbolic link");
    assert_int_equal(mkdirat(folder_fd, "dir", 0700), 0);
    FAILS(fd_read_file(folder_fd, "dir", 10, &out, &e), e, E_INVALID);
    /* A FIFO must be refused, not waited for. */
    assert_int_equal(mkfifoat(folder_fd, "fifo", 0600), 0);
    alarm(10);
    FAILS(fd_read_file(folder_fd, "fifo", 10, &out, &e), e, E_INVALID);
    alarm(0);
    FAILS(fd_read_file(AT_FDCWD, "/dev/null", 10, &out, &e), e, E_INVALID);
}

/* ---- replacing ---- */

static void expect_file(const char *name, const char *text, mode_t mode)
{
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    struct err e = {0};
    struct stat st;
    OK(fd_read_file(folder_fd, name, 1 << 20, &out, &e), e);
    assert_string_equal(buf_cstr(&out), text);
    assert_int_equal(fstatat(folder_fd, name, &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, mode);
}

static int entry_count(void)
{
    int n = -2;
    DIR *dir = opendir(folder);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void test_replace_file(void **state)
{
    (void)state;
    struct err e = {0};
    int before = open_count();
    OK(fd_replace_file(folder_fd, "f", "one", 3, 0640, &e), e);
    expect_file("f", "one", 0640);
    OK(fd_replace_file(folder_fd, "f", "", 0, 0400, &e), e);
    expect_file("f", "", 0400);
    OK(fd_replace_file(folder_fd, "f", "three", 5, 0644, &e), e);
    expect_file("f", "three", 0644);
    assert_int_equal(entry_count(), 1);
    assert_int_equal(open_count(), before);
    AUTO_FD int path_only = open(folder, O_PATH | O_DIRECTORY);
    OK(fd_replace_file(path_only, "g", "x", 1, 0600, &e), e);
}

static void test_replace_file_replaces_a_link_not_what_it_names(void **state)
{
    (void)state;
    struct err e = {0};
    put("victim", "safe");
    assert_int_equal(symlinkat("victim", folder_fd, "f"), 0);
    OK(fd_replace_file(folder_fd, "f", "new", 3, 0600, &e), e);
    expect_file("f", "new", 0600);
    expect_file("victim", "safe", 0600);
}

static void test_replace_file_gets_over_what_a_crash_left(void **state)
{
    (void)state;
    struct err e = {0};
    char aside[64];
    snprintf(aside, sizeof aside, ".f.tmp-%d", (int)getpid());
    put("victim", "safe");
    assert_int_equal(symlinkat("victim", folder_fd, aside), 0);
    OK(fd_replace_file(folder_fd, "f", "new", 3, 0600, &e), e);
    expect_file("f", "new", 0600);
    expect_file("victim", "safe", 0600);
    assert_false(there(aside));
}

static void test_a_replacement_that_fails_changes_nothing(void **state)
{
    (void)state;
    struct err e;
    FAILS(fd_replace_file(folder_fd, "a/b", "x", 1, 0600, &e), e, E_INVALID);
    FAILS(fd_replace_file(folder_fd, "", "x", 1, 0600, &e), e, E_INVALID);
    char name[300];
    memset(name, 'n', sizeof name);
    name[250] = '\0';
    FAILS(fd_replace_file(folder_fd, name, "x", 1, 0600, &e), e, E_INVALID);
    /* A folder under that name: the rename fails. */
    assert_int_equal(mkdirat(folder_fd, "d", 0700), 0);
    e = (struct err){0};
    assert_int_equal(fd_replace_file(folder_fd, "d", "x", 1, 0600, &e), -1);
    assert_int_equal(entry_count(), 1);
    /* A write cut by a limit in the middle. */
    put("f", "old");
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit small = {4, 4};
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &small);
        e = (struct err){0};
        int rc = fd_replace_file(folder_fd, "f", "longer than four", 16, 0600, &e);
        _exit(rc == -1 && e.kind == E_LIMIT && e.os_errno == EFBIG ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    expect_file("f", "old", 0600);
    assert_int_equal(entry_count(), 2);
}

static void test_a_fault_at_any_point_leaves_the_old_file(void **state)
{
    (void)state;
    static const char *const points[] = {"fd.replace_write", "fd.replace_sync", "fd.replace_rename"};
    put("f", "old");
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        struct err e;
        fault_arm(points[i], 1, FAULT_ENOSPC);
        FAILS(fd_replace_file(folder_fd, "f", "new", 3, 0600, &e), e, E_LIMIT);
        fault_disarm();
        expect_file("f", "old", 0600);
        assert_int_equal(entry_count(), 1);
        pid_t pid = fork();
        if (pid == 0) {
            fault_arm(points[i], 1, FAULT_KILL);
            e = (struct err){0};
            _exit(fd_replace_file(folder_fd, "f", "new", 3, 0600, &e));
        }
        int status;
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        expect_file("f", "old", 0600);
        char aside[64];
        snprintf(aside, sizeof aside, ".f.tmp-%d", (int)pid);
        assert_int_equal(unlinkat(folder_fd, aside, 0), 0); /* all that it left */
        assert_int_equal(entry_count(), 1);
    }
    /* After the rename the new file is there, and the caller is told that it may not last. */
    struct err e;
    fault_arm("fd.replace_folder", 1, FAULT_ERROR);
    FAILS(fd_replace_file(folder_fd, "f", "new", 3, 0600, &e), e, E_INTERNAL);
    fault_disarm();
    expect_file("f", "new", 0600);
}

static void test_readers_see_one_whole_file_or_the_other(void **state)
{
    (void)state;
    struct err e = {0};
    static char a[20000], b[10000];
    memset(a, 'a', sizeof a);
    memset(b, 'b', sizeof b);
    OK(fd_replace_file(folder_fd, "f", a, sizeof a, 0600, &e), e);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0;; i++)
            if (fd_replace_file(folder_fd, "f", i % 2 ? a : b, i % 2 ? sizeof a : sizeof b, 0600,
                                &e) < 0)
                _exit(1);
    }
    for (int i = 0; i < 300; i++) {
        AUTO_BUF struct buf out = BUF_INIT(sizeof a);
        OK(fd_read_file(folder_fd, "f", sizeof a, &out, &e), e);
        assert_true(out.len == sizeof a || out.len == sizeof b);
        assert_memory_equal(out.data, out.len == sizeof a ? a : b, out.len);
    }
    /* Killed at any moment, the file is whole. */
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    AUTO_BUF struct buf out = BUF_INIT(sizeof a);
    OK(fd_read_file(folder_fd, "f", sizeof a, &out, &e), e);
    assert_true(out.len == sizeof a || out.len == sizeof b);
}

/* ---- folders ---- */

static void test_mkdirs(void **state)
{
    (void)state;
    struct err e = {0};
    struct stat st;
    char path[512];
    snprintf(path, sizeof path, "%s/a/b//c/", folder);
    OK(fd_mkdirs(path, 0700, &e), e);
    OK(fd_mkdirs(path, 0755, &e), e);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700); /* kept as it was */
    put("file", "");
    snprintf(path, sizeof path, "%s/file", folder);
    FAILS(fd_mkdirs(path, 0700, &e), e, E_CONFLICT);
    snprintf(path, sizeof path, "%s/file/x", folder);
    FAILS(fd_mkdirs(path, 0700, &e), e, E_CONFLICT);
    FAILS(fd_mkdirs("", 0700, &e), e, E_INVALID);
    e = (struct err){0};
    OK(fd_mkdirs("/", 0700, &e), e);
    OK(fd_mkdirs(folder, 0700, &e), e);
    FAILS(fd_mkdirs("/proc/none/x", 0700, &e), e, E_NOT_FOUND);
}

/* ---- removing ---- */

static void test_remove_tree(void **state)
{
    (void)state;
    struct err e = {0};
    char path[512];
    int before = open_count();
    snprintf(path, sizeof path, "%s/t/a/b/c", folder);
    OK(fd_mkdirs(path, 0700, &e), e);
    put("t/1", "x");
    put("t/a/.2", "x");
    put("t/a/b/c/3", "x");
    put("keep", "x");
    assert_int_equal(mkfifoat(folder_fd, "t/fifo", 0600), 0);
    OK(fd_remove_tree(folder_fd, "t", &e), e);
    assert_false(there("t"));
    OK(fd_remove_tree(folder_fd, "t", &e), e); /* not there: a success */
    OK(fd_remove_tree(folder_fd, "none/t", &e), e);
    OK(fd_remove_tree(folder_fd, "keep", &e), e); /* a file alone */
    assert_int_equal(entry_count(), 0);
    assert_int_equal(open_count(), before);
}

static void test_remove_tree_by_path(void **state)
{
    (void)state;
    struct err e = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/runs/r1/x", folder);
    OK(fd_mkdirs(path, 0700, &e), e);
    OK(fd_remove_tree(folder_fd, "runs/r1", &e), e);
    assert_true(there("runs"));
    assert_false(there("runs/r1"));
    snprintf(path, sizeof path, "%s/runs", folder);
    OK(fd_remove_tree(AT_FDCWD, path, &e), e);
    assert_false(there("runs"));
    FAILS(fd_remove_tree(folder_fd, ".", &e), e, E_INVALID);
    FAILS(fd_remove_tree(folder_fd, "..", &e), e, E_INVALID);
    FAILS(fd_remove_tree(folder_fd, "", &e), e, E_INVALID);
    FAILS(fd_remove_tree(folder_fd, "x/", &e), e, E_INVALID);
    FAILS(fd_remove_tree(folder_fd, "x/..", &e), e, E_INVALID);
}

static void test_remove_tree_never_follows_links(void **state)
{
    (void)state;
    struct err e = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/outside/deep", folder);
    OK(fd_mkdirs(path, 0700, &e), e);
    put("outside/deep/file", "x");
    assert_int_equal(mkdirat(folder_fd, "t", 0700), 0);
    assert_int_equal(symlinkat("../outside", folder_fd, "t/rel"), 0);
    assert_int_equal(symlinkat(path, folder_fd, "t/abs"), 0);
    assert_int_equal(symlinkat("nowhere", folder_fd, "t/broken"), 0);
    assert_int_equal(symlinkat("self", folder_fd, "t/self"), 0);
    OK(fd_remove_tree(folder_fd, "t", &e), e);
    assert_false(there("t"));
    assert_true(there("outside/deep/file"));
    /* The name itself a link: the link goes. */
    assert_int_equal(symlinkat("outside", folder_fd, "link"), 0);
    OK(fd_remove_tree(folder_fd, "link", &e), e);
    assert_false(there("link"));
    assert_true(there("outside/deep/file"));
}

static void test_remove_tree_deeper_than_descriptors_and_paths(void **state)
{
    (void)state;
    struct err e = {0};
    struct rlimit old, few;
    assert_int_equal(mkdirat(folder_fd, "t", 0700), 0);
    int at = openat(folder_fd, "t", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(mkdirat(at, "d", i % 7 ? 0700 : 0500), 0);
        int next = openat(at, "d", O_RDONLY | O_DIRECTORY);
        fchmod(next, 0700);
        if (i % 3 == 0)
            close(openat(next, "file", O_CREAT | O_WRONLY, 0));
        fchmod(next, i % 7 ? 0700 : 0500);
        fchmod(next, 0700);
        close(at);
        at = next;
    }
    close(at);
    getrlimit(RLIMIT_NOFILE, &old);
    few = old;
    few.rlim_cur = 100;
    setrlimit(RLIMIT_NOFILE, &few);
    int rc = fd_remove_tree(folder_fd, "t", &e);
    setrlimit(RLIMIT_NOFILE, &old);
    OK(rc, e);
    assert_false(there("t"));
}

static void test_remove_tree_of_folders_closed_to_their_owner(void **state)
{
    (void)state;
    struct err e = {0};
    char path[512];
    snprintf(path, sizeof path, "%s/t/a/b", folder);
    OK(fd_mkdirs(path, 0700, &e), e);
    put("t/a/b/file", "x");
    put("t/a/file", "x");
    if (getuid() == 0) { /* root passes any mode: try as another */
        assert_int_equal(chown(folder, 65534, 65534), 0);
        for (const char *const *p = (const char *const[]){"t", "t/a", "t/a/b", "t/a/file",
                                                          "t/a/b/file", NULL}; *p; p++)
            assert_int_equal(fchownat(folder_fd, *p, 65534, 65534, 0), 0);
    }
    assert_int_equal(fchmodat(folder_fd, "t/a/b", 0, 0), 0);
    assert_int_equal(fchmodat(folder_fd, "t/a", 0500, 0), 0);
    assert_int_equal(fchmodat(folder_fd, "t", 0, 0), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (getuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
            _exit(2);
        if (fd_remove_tree(folder_fd, "t", &e) == 0)
            _exit(0);
        fprintf(stderr, "%s\n", e.message);
        _exit(1);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    assert_false(there("t"));
}

static void test_remove_tree_stays_on_its_mount(void **state)
{
    (void)state;
    struct err e = {0};
    char path[512], outside[512];
    snprintf(path, sizeof path, "%s/t/mnt", folder);
    snprintf(outside, sizeof outside, "%s/outside", folder);
    OK(fd_mkdirs(path, 0700, &e), e);
    OK(fd_mkdirs(outside, 0700, &e), e);
    put("outside/file", "x");
    pid_t pid = fork();
    if (pid == 0) {
        /* A bind mount of the same file system: st_dev would not tell. */
        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount(outside, path, NULL, MS_BIND, NULL) < 0)
            _exit(77);
        /* folder_fd still sees the mounts of before: a descriptor belongs to a mount. */
        int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd_remove_tree(fd, "t", &e) == 0 || e.kind != E_CONFLICT)
            _exit(1);
        e = (struct err){0};
        _exit(fd_remove_tree(fd, "t/mnt", &e) == -1 && e.kind == E_CONFLICT ? 0 : 2);
    }
    int status;
    waitpid(pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("needs the right to mount: skipped\n");
        skip();
    }
    assert_int_equal(status, 0);
    assert_true(there("outside/file"));
}

/* ---- the rest ---- */

static void test_set_nonblock(void **state)
{
    (void)state;
    int ends[2];
    struct err e = {0};
    char c;
    assert_int_equal(pipe(ends), 0);
    OK(fd_set_nonblock(ends[0], &e), e);
    assert_int_equal(read(ends[0], &c, 1), -1);
    assert_int_equal(errno, EAGAIN);
    close(ends[0]);
    close(ends[1]);
    FAILS(fd_set_nonblock(-1, &e), e, E_INTERNAL);
}

static void test_passing_descriptors(void **state)
{
    (void)state;
    int pair[2], got[FD_PASS_MAX];
    char bytes[10];
    int before = open_count();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    int sent[FD_PASS_MAX + 1];
    for (int i = 0; i < FD_PASS_MAX + 1; i++)
        sent[i] = dup(0);
    assert_int_equal(fd_send(pair[0], "abc", 3, sent, FD_PASS_MAX), 3);
    size_t count = FD_PASS_MAX;
    assert_int_equal(fd_recv(pair[1], bytes, sizeof bytes, got, &count), 3);
    assert_memory_equal(bytes, "abc", 3);
    assert_int_equal(count, FD_PASS_MAX);
    for (size_t i = 0; i < count; i++) {
        assert_true(fcntl(got[i], F_GETFD) & FD_CLOEXEC);
        close(got[i]);
    }
    /* Past the room: closed, never leaked. */
    assert_int_equal(fd_send(pair[0], "d", 1, sent, 3), 1);
    count = 1;
    assert_int_equal(fd_recv(pair[1], bytes, sizeof bytes, got, &count), 1);
    assert_int_equal(count, 1);
    close(got[0]);
    assert_int_equal(fd_send(pair[0], "e", 1, sent, 2), 1);
    count = 0;
    assert_int_equal(fd_recv(pair[1], bytes, sizeof bytes, NULL, &count), 1);
    assert_int_equal(count, 0);
    /* None at all. */
    assert_int_equal(fd_send(pair[0], "f", 1, NULL, 0), 1);
    count = FD_PASS_MAX;
    assert_int_equal(fd_recv(pair[1], bytes, sizeof bytes, got, &count), 1);
    assert_int_equal(count, 0);
    assert_int_equal(fd_send(pair[0], "g", 1, sent, FD_PASS_MAX + 1), -1);
    assert_int_equal(errno, EINVAL);
    close(pair[0]);
    count = FD_PASS_MAX;
    assert_int_equal(fd_recv(pair[1], bytes, sizeof bytes, got, &count), 0);
    assert_int_equal(count, 0);
    assert_int_equal(fd_send(pair[1], "x", 1, NULL, 0), -1);
    assert_int_equal(errno, EPIPE); /* and no SIGPIPE */
    close(pair[1]);
    for (int i = 0; i < FD_PASS_MAX + 1; i++)
        close(sent[i]);
    assert_int_equal(open_count(), before);
}

static void test_more_descriptors_than_we_take_are_not_leaked(void **state)
{
    (void)state;
    int pair[2], got[FD_PASS_MAX], many[40];
    char byte;
    union {
        char bytes[CMSG_SPACE(sizeof many)];
        struct cmsghdr align;
    } control = {.bytes = {0}};
    struct iovec iov = {.iov_base = (char[]){'x'}, .iov_len = 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    for (size_t i = 0; i < 40; i++)
        many[i] = 0;
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof many);
    memcpy(CMSG_DATA(c), many, sizeof many);
    int before = open_count();
    assert_int_equal(sendmsg(pair[0], &msg, 0), 1);
    size_t count = FD_PASS_MAX;
    assert_int_equal(fd_recv(pair[1], &byte, 1, got, &count), 1);
    assert_int_equal(count, FD_PASS_MAX);
    for (size_t i = 0; i < count; i++)
        close(got[i]);
    assert_int_equal(open_count(), before);
    close(pair[0]);
    close(pair[1]);
}

int main(void)
{
#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_at_and_take),
        cmocka_unit_test(test_write_all_to_a_slow_reader),
        cmocka_unit_test(test_write_all_tells_errno),
        IN_FOLDER(test_read_all_has_an_exact_bound),
        IN_FOLDER(test_read_file),
        IN_FOLDER(test_replace_file),
        IN_FOLDER(test_replace_file_replaces_a_link_not_what_it_names),
        IN_FOLDER(test_replace_file_gets_over_what_a_crash_left),
        IN_FOLDER(test_a_replacement_that_fails_changes_nothing),
        IN_FOLDER(test_a_fault_at_any_point_leaves_the_old_file),
        IN_FOLDER(test_readers_see_one_whole_file_or_the_other),
        IN_FOLDER(test_mkdirs),
        IN_FOLDER(test_remove_tree),
        IN_FOLDER(test_remove_tree_by_path),
        IN_FOLDER(test_remove_tree_never_follows_links),
        IN_FOLDER(test_remove_tree_deeper_than_descriptors_and_paths),
        IN_FOLDER(test_remove_tree_of_folders_closed_to_their_owner),
        IN_FOLDER(test_remove_tree_stays_on_its_mount),
        cmocka_unit_test(test_set_nonblock),
        cmocka_unit_test(test_passing_descriptors),
        cmocka_unit_test(test_more_descriptors_than_we_take_are_not_leaked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
