/* test_objects.c - the state folder and the content-addressed store: a name tells the truth, or
 * is not there. */
#include "tests/unit/store_fixture.h"

#include "api/common/fault.h"
#include "api/common/text.h"
#include "catalog/objects.h"
#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#define EMPTY_SHA "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC_SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define WRONG_SHA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static int teardown(void **state)
{
    fault_disarm();
    return sx_teardown(state);
}

static void digests_are_those_of_the_standard(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    char hex[DIGEST_HEX_SIZE];
    uint64_t size;
    digest_bytes("", 0, hex);
    assert_string_equal(hex, EMPTY_SHA);
    digest_bytes("abc", 3, hex);
    assert_string_equal(hex, ABC_SHA);
    AUTO_DIGEST struct digest *d = digest_new();
    for (int i = 0; i < 2; i++) { /* twice: it is new again after its end */
        digest_add(d, "a", 1);
        digest_add(d, "bc", 2);
        digest_end(d, hex);
        assert_string_equal(hex, ABC_SHA);
    }
    AUTO_FD int fd = sx_file(f, "abc", 3);
    OK(digest_fd(fd, NULL, hex, &size, &e), e);
    assert_string_equal(hex, ABC_SHA);
    assert_int_equal(size, 3);
}

static void an_object_that_was_put_can_be_opened_by_its_digest_only_by_us(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    char sha[DIGEST_HEX_SIZE];
    uint64_t size = 9;
    bool existed;
    AUTO_FD int fd = sx_file(f, "abc", 3);
    assert_false(objects_has(f->s, ABC_SHA, NULL));
    OK(objects_put_fd(f->s, fd, ABC_SHA, 3, NULL, sha, &size, &existed, &e), e);
    assert_string_equal(sha, ABC_SHA);
    assert_true(size == 3 && !existed);
    size = 0;
    assert_true(objects_has(f->s, ABC_SHA, &size) && size == 3);
    AUTO_FD int in = -1;
    AUTO_BUF struct buf text = BUF_INIT(100);
    OK(objects_open(f->s, ABC_SHA, &in, &size, &e), e);
    OK(fd_read_all(in, 100, &text, "object", &e), e);
    assert_string_equal(buf_cstr(&text), "abc");
    struct stat st;
    assert_int_equal(fstat(in, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0400);
    OK(objects_put_fd(f->s, fd, ABC_SHA, 3, NULL, NULL, NULL, &existed, &e), e);
    assert_true(existed);
    OK(objects_put_fd(f->s, fd, NULL, UINT64_MAX, NULL, sha, &size, &existed, &e), e);
    assert_true(existed && size == 3);
    assert_string_equal(sha, ABC_SHA);
    OK(objects_put_bytes(f->s, "", 0, NULL, sha, &existed, &e), e);
    assert_string_equal(sha, EMPTY_SHA);
    OK(objects_verify(f->s, ABC_SHA, NULL, &e), e);
    assert_int_equal(sx_files(f, "objects"), 2);
    assert_int_equal(sx_files(f, "tmp"), 0);
    FAILS(objects_open(f->s, WRONG_SHA, &in, &size, &e), e, E_NOT_FOUND);
    FAILS(objects_open(f->s, "../../../etc/passwd", &in, &size, &e), e, E_INVALID);
    assert_false(objects_has(f->s, "..", NULL));
}

static void content_that_is_not_what_was_announced_leaves_nothing(void **state)
{
    struct store_fixture *f = *state;
    struct err e;
    AUTO_FD int fd = sx_file(f, "abc", 3);
    FAILS(objects_put_fd(f->s, fd, WRONG_SHA, 3, NULL, NULL, NULL, NULL, &e), e, E_INVALID);
    HAS(e.message, ABC_SHA);
    FAILS(objects_put_fd(f->s, fd, ABC_SHA, 2, NULL, NULL, NULL, NULL, &e), e, E_INVALID);
    FAILS(objects_put_fd(f->s, fd, ABC_SHA, 4, NULL, NULL, NULL, NULL, &e), e, E_INVALID);
    FAILS(objects_put_fd(f->s, fd, "xyz", 3, NULL, NULL, NULL, NULL, &e), e, E_INVALID);
    FAILS(objects_put_fd(f->s, fd, ABC_SHA, UINT64_MAX - 1, NULL, NULL, NULL, NULL, &e), e,
          E_LIMIT);
    FAILS(objects_put_bytes(f->s, "abc", 3, WRONG_SHA, NULL, NULL, &e), e, E_INVALID);
    AUTO_FD int dev = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    FAILS(objects_put_fd(f->s, dev, ABC_SHA, 3, NULL, NULL, NULL, NULL, &e), e, E_INVALID);
    AUTO_FD int write_only = open("/dev/null", O_WRONLY | O_CLOEXEC);
    FAILS(objects_put_fd(f->s, write_only, ABC_SHA, 3, NULL, NULL, NULL, NULL, &e), e, E_INVALID);
    assert_int_equal(sx_files(f, "objects"), 0);
    assert_int_equal(sx_files(f, "tmp"), 0);
}

/* Each I/O step fails in turn, until none does: nothing half done has a name, and it works
 * afterwards. */
static void a_failure_at_any_step_leaves_a_whole_object_or_none(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    static const char *const points[] = {"objects.write", "objects.before_sync",
                                         "objects.before_rename", "objects.before_folder_sync"};
    for (int i = 0; i < 4; i++) {
        char sha[DIGEST_HEX_SIZE];
        char content[20];
        snprintf(content, sizeof content, "content %d", i);
        digest_bytes(content, strlen(content), sha);
        fault_arm(points[i], 1, FAULT_ENOSPC);
        FAILS(objects_put_bytes(f->s, content, strlen(content), sha, NULL, NULL, &e), e, E_LIMIT);
        fault_disarm();
        e = (struct err){0};
        assert_int_equal(sx_files(f, "tmp"), 0);
        if (objects_has(f->s, sha, NULL))
            OK(objects_verify(f->s, sha, NULL, &e), e);
        OK(objects_put_bytes(f->s, content, strlen(content), sha, NULL, NULL, &e), e);
        OK(objects_verify(f->s, sha, NULL, &e), e);
    }
}

static void killed_at_any_step_the_next_start_is_clean(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    static const char *const points[] = {"objects.write", "objects.before_sync",
                                         "objects.before_rename", "objects.before_folder_sync"};
    for (int i = 0; i < 4; i++) {
        store_close(f->s);
        pid_t pid = fork();
        if (pid == 0) {
            if (store_open(f->state, &f->s, &e) < 0)
                _exit(2);
            fault_arm(points[i], 1, FAULT_KILL);
            _exit(objects_put_bytes(f->s, "abc", 3, ABC_SHA, NULL, NULL, &e) < 0);
        }
        int status;
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status));
        OK(store_open(f->state, &f->s, &e), e);
        assert_int_equal(sx_files(f, "tmp"), 0);
        assert_int_equal(objects_has(f->s, ABC_SHA, NULL), i == 3);
        if (i == 3)
            OK(objects_verify(f->s, ABC_SHA, NULL, &e), e);
    }
}

/* ---- damage ---- */

#define ABC_PATH "$S/objects/ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

struct told {
    int count;
    char sha256[DIGEST_HEX_SIZE], why[200];
    int64_t at_us;
};

static void on_aside(void *ctx, const char *sha256, int64_t at_us, const char *why)
{
    struct told *t = ctx;
    t->count++;
    t->at_us = at_us;
    snprintf(t->sha256, sizeof t->sha256, "%s", sha256);
    snprintf(t->why, sizeof t->why, "%s", why);
}

static void a_damaged_object_is_set_aside_and_healed_by_sending_it_again(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    bool existed;
    struct told told = {0};
    struct objects_aside aside[2];
    size_t count, total;
    f->s->aside = on_aside;
    f->s->aside_ctx = &told;
    OK(objects_put_bytes(f->s, "abc", 3, ABC_SHA, NULL, NULL, &e), e);
    sx_shell(f, "printf abd > " ABC_PATH);
    FAILS(objects_verify(f->s, ABC_SHA, NULL, &e), e, E_CONFLICT);
    HAS(e.message, ABC_SHA);
    assert_false(objects_has(f->s, ABC_SHA, NULL)); /* so blob.missing names it */
    sx_shell(f, "test \"$(cat $S/damaged/*)\" = abd");
    assert_int_equal(told.count, 1);
    assert_string_equal(told.sha256, ABC_SHA);
    HAS(told.why, "digest a52d159f262b");
    e = (struct err){0};
    OK(objects_aside_list(f->s, aside, 2, &count, &total, &e), e);
    assert_true(count == 1 && total == 1 && !aside[0].healed && aside[0].size_bytes == 3);
    assert_true(aside[0].at_us == told.at_us);
    FAILS(objects_verify(f->s, ABC_SHA, NULL, &e), e, E_NOT_FOUND);
    e = (struct err){0};
    OK(objects_put_bytes(f->s, "abc", 3, ABC_SHA, NULL, &existed, &e), e);
    assert_false(existed);
    OK(objects_verify(f->s, ABC_SHA, NULL, &e), e);
    OK(objects_aside_list(f->s, aside, 2, &count, &total, &e), e);
    assert_true(count == 1 && aside[0].healed);

    /* Another size, and nobody read it yet: what is sent again proves it. */
    sx_shell(f, "printf ab > " ABC_PATH);
    OK(objects_put_bytes(f->s, "abc", 3, ABC_SHA, NULL, &existed, &e), e);
    assert_false(existed);
    OK(objects_verify(f->s, ABC_SHA, NULL, &e), e);
    assert_int_equal(told.count, 2);
    HAS(told.why, "2 bytes, not 3");
    OK(objects_aside_list(f->s, aside, 1, &count, &total, &e), e);
    assert_true(count == 1 && total == 2 && aside[0].size_bytes == 2);
}

/* Who reads is slower than who sends again. */
static void an_object_that_was_just_sent_again_is_not_set_aside(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    AUTO_FD int damaged = -1;
    OK(objects_put_bytes(f->s, "abc", 3, ABC_SHA, NULL, NULL, &e), e);
    sx_shell(f, "printf abd > " ABC_PATH);
    OK(objects_open(f->s, ABC_SHA, &damaged, NULL, &e), e);
    sx_shell(f, "rm -f " ABC_PATH);
    OK(objects_put_bytes(f->s, "abc", 3, ABC_SHA, NULL, NULL, &e), e);
    FAILS(objects_set_aside(f->s, ABC_SHA, damaged, "it is not itself", &e), e, E_CONFLICT);
    e = (struct err){0};
    OK(objects_verify(f->s, ABC_SHA, NULL, &e), e);
    assert_int_equal(sx_files(f, "damaged"), 0);
}

/* A manifest is a claim of whoever sent it: it takes no object away. */
static void a_wrong_size_in_a_manifest_takes_no_object_away(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    OK(objects_put_bytes(f->s, "abc", 3, ABC_SHA, NULL, NULL, &e), e);
    FAILS(objects_link(f->s, ABC_SHA, 4, f->s->tmp_fd, "x", &e), e, E_INVALID);
    FAILS(objects_copy(f->s, ABC_SHA, 2, f->s->tmp_fd, "x", 0600, &e), e, E_INVALID);
    FAILS(objects_put_bytes(f->s, "ab", 2, ABC_SHA, NULL, NULL, &e), e, E_INVALID);
    e = (struct err){0};
    OK(objects_verify(f->s, ABC_SHA, NULL, &e), e);
    assert_int_equal(sx_files(f, "damaged") + sx_files(f, "tmp"), 0);
}

static void a_failure_while_setting_aside_is_told(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    OK(objects_put_bytes(f->s, "abc", 3, ABC_SHA, NULL, NULL, &e), e);
    sx_shell(f, "printf abd > " ABC_PATH);
    int damaged_fd = f->s->damaged_fd;
    f->s->damaged_fd = -1;
    assert_int_equal(objects_verify(f->s, ABC_SHA, NULL, &e), -1);
    HAS(e.message, "cannot be set aside");
    f->s->damaged_fd = damaged_fd;
}

/* ---- uploads ---- */

static void an_upload_is_resumed_where_it_stopped_even_after_a_restart(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    uint64_t received;
    bool complete;
    OK(objects_put_chunk(f->s, 1000, ABC_SHA, 3, false, 0, "a", 1, &received, &complete, &e), e);
    assert_true(received == 1 && !complete);
    store_close(f->s);
    OK(store_open(f->state, &f->s, &e), e);
    FAILS(objects_put_chunk(f->s, 1000, ABC_SHA, 3, false, 0, "a", 1, &received, &complete, &e), e,
          E_CONFLICT);
    HAS(e.message, "expected 1");
    e = (struct err){0};
    OK(objects_put_chunk(f->s, 1000, ABC_SHA, 3, false, 0, "", 0, &received, &complete, &e),
       e); /* only asks */
    assert_true(received == 1 && !complete);
    OK(objects_put_chunk(f->s, 1000, ABC_SHA, 3, false, 1, "bc", 2, &received, &complete, &e), e);
    assert_true(received == 3 && complete);
    OK(objects_verify(f->s, ABC_SHA, NULL, &e), e);
    assert_int_equal(sx_files(f, "uploads"), 0);
    OK(objects_put_chunk(f->s, 1000, ABC_SHA, 3, true, 0, "a", 1, &received, &complete, &e), e);
    assert_true(received == 3 && complete); /* it is there: nothing to send */
    OK(objects_put_chunk(f->s, 1000, EMPTY_SHA, 0, false, 0, "", 0, &received, &complete, &e), e);
    assert_true(complete);
}

/* What others have given is not complete by its name: whoever has not given it sends all of it. */
static void an_object_that_is_there_is_given_by_its_bytes_only(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    uint64_t received;
    bool complete, existed = false;
    AUTO_FD int other = sx_file(f, "xyz", 3);
    AUTO_FD int shorter = sx_file(f, "ab", 2);
    AUTO_FD int longer = sx_file(f, "abcd", 4);
    OK(objects_put_bytes(f->s, "abc", 3, ABC_SHA, NULL, NULL, &e), e);
    OK(objects_put_chunk(f->s, 1001, ABC_SHA, 3, false, 0, "", 0, &received, &complete, &e), e);
    assert_true(received == 0 && !complete);
    OK(objects_put_chunk(f->s, 1001, ABC_SHA, 3, false, 0, "ab", 2, &received, &complete, &e), e);
    assert_true(received == 2 && !complete);
    FAILS(objects_put_chunk(f->s, 1001, ABC_SHA, 3, false, 2, "x", 1, &received, &complete, &e), e, E_INVALID);
    OK(objects_put_chunk(f->s, 1001, ABC_SHA, 3, false, 0, "abc", 3, &received, &complete, &e), e);
    assert_true(received == 3 && complete);
    assert_int_equal(sx_files(f, "uploads"), 0);
    FAILS(objects_put_fd(f->s, other, ABC_SHA, 3, NULL, NULL, NULL, &existed, &e), e, E_INVALID);
    HAS(e.message, "has digest");
    FAILS(objects_put_fd(f->s, shorter, ABC_SHA, 3, NULL, NULL, NULL, &existed, &e), e, E_INVALID);
    FAILS(objects_put_fd(f->s, longer, ABC_SHA, 3, NULL, NULL, NULL, &existed, &e), e, E_INVALID);
    FAILS(objects_put_fd(f->s, other, ABC_SHA, UINT64_MAX, NULL, NULL, NULL, &existed, &e), e, E_INVALID);
    OK(objects_verify(f->s, ABC_SHA, NULL, &e), e);
}

static void an_upload_with_wrong_content_is_dropped_and_nobody_spoils_anothers(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    uint64_t received;
    bool complete;
    OK(objects_put_chunk(f->s, 1000, ABC_SHA, 3, false, 0, "ab", 2, &received, &complete, &e), e);
    FAILS(objects_put_chunk(f->s, 1001, ABC_SHA, 3, false, 0, "xyz", 3, &received, &complete, &e), e,
          E_INVALID);
    HAS(e.message, "has digest");
    FAILS(objects_put_chunk(f->s, 1000, ABC_SHA, 3, false, 2, "cd", 2, &received, &complete, &e), e,
          E_INVALID);
    FAILS(objects_put_chunk(f->s, 1000, ABC_SHA, UINT64_MAX, false, 2, "c", 1, &received, &complete, &e),
          e, E_LIMIT);
    e = (struct err){0};
    fault_arm("objects.write_chunk", 1, FAULT_ENOSPC);
    FAILS(objects_put_chunk(f->s, 1000, ABC_SHA, 3, false, 2, "c", 1, &received, &complete, &e), e,
          E_LIMIT);
    fault_disarm();
    e = (struct err){0};
    OK(objects_put_chunk(f->s, 1000, ABC_SHA, 3, false, 2, "c", 1, &received, &complete, &e), e);
    assert_true(complete);
    assert_int_equal(sx_files(f, "uploads"), 0);
}

static void a_full_disk_refuses_and_leaves_nothing(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    char state_folder[300];
    struct store *small;
    size_t len = 4 << 20;
    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        print_message("skipped: mounting a small tmpfs needs root\n");
        skip();
    }
    snprintf(state_folder, sizeof state_folder, "%s/small", f->folder);
    assert_int_equal(mkdir(state_folder, 0700), 0);
    assert_int_equal(mount("tmpfs", state_folder, "tmpfs", 0, "size=2m,mode=0700"), 0);
    OK(store_open(state_folder, &small, &e), e);
    AUTO_FREE char *bytes = mem_alloc(len);
    AUTO_FD int fd = sx_file(f, bytes, len);
    FAILS(objects_put_fd(small, fd, NULL, len, NULL, NULL, NULL, NULL, &e), e, E_LIMIT);
    HAS(e.hint, "free space");
    e = (struct err){0};
    OK(objects_put_bytes(small, bytes, 1 << 20, NULL, NULL, NULL, &e), e); /* all is free again */
    store_close(small);
    assert_int_equal(umount2(state_folder, MNT_DETACH), 0);
}

static bool stop_at_once(void *ctx, uint64_t done_bytes)
{
    *(uint64_t *)ctx = done_bytes;
    return false;
}

static void long_work_tells_how_far_it_is_and_can_be_stopped(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    uint64_t done = 0;
    struct digest_progress progress = {stop_at_once, &done};
    size_t len = 16 << 20;
    AUTO_FREE char *bytes = mem_alloc(len);
    AUTO_FD int fd = sx_file(f, bytes, len);
    char hex[DIGEST_HEX_SIZE];
    FAILS(digest_fd(fd, &progress, hex, NULL, &e), e, E_UNAVAILABLE);
    assert_true(done >= 1 << 20 && done < len);
    FAILS(objects_put_fd(f->s, fd, NULL, len, &progress, NULL, NULL, NULL, &e), e, E_UNAVAILABLE);
    assert_int_equal(sx_files(f, "tmp"), 0);
}

/* ---- the state folder ---- */

static void a_second_daemon_on_the_same_state_is_refused_naming_the_first(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    struct store *second;
    char pid[32];
    snprintf(pid, sizeof pid, "pid %d", getpid());
    FAILS(store_open(f->state, &second, &e), e, E_CONFLICT);
    HAS(e.message, pid);
    e = (struct err){0};
    store_close(f->s);
    OK(store_open(f->state, &f->s, &e), e);
}

static void a_start_knows_whether_the_last_stop_was_clean(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    assert_false(f->s->unclean);
    store_close(f->s);
    OK(store_open(f->state, &f->s, &e), e);
    assert_false(f->s->unclean);
    store_close(f->s);
    pid_t pid = fork();
    if (pid == 0) {
        if (store_open(f->state, &f->s, &e) < 0)
            _exit(2);
        kill(getpid(), SIGKILL);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status));
    OK(store_open(f->state, &f->s, &e), e);
    assert_true(f->s->unclean);
}

static void a_folder_that_others_can_reach_is_refused(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    store_close(f->s);
    f->s = NULL;
    assert_int_equal(chmod(f->state, 0750), 0);
    FAILS(store_open(f->state, &f->s, &e), e, E_DENIED);
    HAS(e.message, "0750");
    char fresh[400];
    snprintf(fresh, sizeof fresh, "%s/fresh", f->folder);
    assert_int_equal(mkdir(fresh, 0755), 0); /* empty: simply closed */
    e = (struct err){0};
    OK(store_open(fresh, &f->s, &e), e);
    struct stat st;
    assert_int_equal(stat(fresh, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void start_up_cleans_what_a_crash_or_another_boot_left(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    store_close(f->s);
    sx_shell(f, "mkdir -p $S/tmp/tree-1/a && touch $S/tmp/tree-1/a/b $S/tmp/object-1 && "
                "mkdir -p $S/trees/x && touch $S/trees/x/f && touch $S/uploads/new && "
                "touch -d '8 days ago' $S/uploads/old");
    OK(store_open(f->state, &f->s, &e), e);
    assert_int_equal(sx_files(f, "tmp"), 0);
    assert_int_equal(sx_files(f, "uploads"), 1);
    assert_int_equal(sx_files(f, "trees"), 1); /* same boot */
    store_close(f->s);
    sx_shell(f, "echo another > $S/boot");
    OK(store_open(f->state, &f->s, &e), e);
    assert_int_equal(sx_files(f, "trees"), 0);
}

static ino_t inode_of(const struct store *s, const char *sha256)
{
    struct err e = {0};
    struct stat st;
    AUTO_FD int fd = -1;
    OK(objects_open(s, sha256, &fd, NULL, &e), e);
    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

/* An output that filled more than half of the free disk could never be kept: it was copied. */
static void a_file_of_our_own_becomes_an_object_without_a_copy(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    char sha[DIGEST_HEX_SIZE];
    uint64_t size;
    struct stat st;
    AUTO_FD int own = openat(f->s->runs_fd, "own", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(write(own, "abc", 3), 3);
    for (int i = 0; i < 2; i++) { /* a pass that is done again after a crash */
        OK(objects_put_own(f->s, own, sha, &size, &e), e);
        assert_string_equal(sha, ABC_SHA);
        assert_int_equal(size, 3);
    }
    assert_int_equal(fstat(own, &st), 0);
    assert_int_equal(inode_of(f->s, ABC_SHA), st.st_ino);
    assert_int_equal(st.st_mode & 07777, 0400);
    assert_int_equal(st.st_nlink, 2);
    assert_int_equal(unlinkat(f->s->runs_fd, "own", 0), 0);
    OK(objects_verify(f->s, ABC_SHA, NULL, &e), e);
}

static void a_file_of_our_own_that_cannot_be_linked_is_copied(void **state)
{
    struct store_fixture *f = *state;
    struct err e = {0};
    char sha[DIGEST_HEX_SIZE];
    uint64_t size;
    struct stat st;
    AUTO_FD int own = openat(f->s->runs_fd, "own", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_int_equal(write(own, "abc", 3), 3);
    fault_arm("objects.link", 1, FAULT_ERROR);
    OK(objects_put_own(f->s, own, sha, &size, &e), e);
    assert_int_equal(fstat(own, &st), 0);
    assert_true(inode_of(f->s, ABC_SHA) != st.st_ino);
    assert_int_equal(st.st_nlink, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_of_our_own_becomes_an_object_without_a_copy,
                                        sx_setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_of_our_own_that_cannot_be_linked_is_copied, sx_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(digests_are_those_of_the_standard, sx_setup, teardown),
        cmocka_unit_test_setup_teardown(
            an_object_that_was_put_can_be_opened_by_its_digest_only_by_us, sx_setup, teardown),
        cmocka_unit_test_setup_teardown(content_that_is_not_what_was_announced_leaves_nothing,
                                        sx_setup, teardown),
        cmocka_unit_test_setup_teardown(a_failure_at_any_step_leaves_a_whole_object_or_none,
                                        sx_setup, teardown),
        cmocka_unit_test_setup_teardown(killed_at_any_step_the_next_start_is_clean, sx_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_object_that_was_just_sent_again_is_not_set_aside,
                                        sx_setup, teardown),
        cmocka_unit_test_setup_teardown(a_wrong_size_in_a_manifest_takes_no_object_away, sx_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_failure_while_setting_aside_is_told, sx_setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_damaged_object_is_set_aside_and_healed_by_sending_it_again, sx_setup, teardown),
        cmocka_unit_test_setup_teardown(an_object_that_is_there_is_given_by_its_bytes_only, sx_setup, teardown),
        cmocka_unit_test_setup_teardown(an_upload_is_resumed_where_it_stopped_even_after_a_restart,
                                        sx_setup, teardown),
        cmocka_unit_test_setup_teardown(
            an_upload_with_wrong_content_is_dropped_and_nobody_spoils_anothers, sx_setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_refuses_and_leaves_nothing, sx_setup, teardown),
        cmocka_unit_test_setup_teardown(long_work_tells_how_far_it_is_and_can_be_stopped, sx_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_second_daemon_on_the_same_state_is_refused_naming_the_first, sx_setup, teardown),
        cmocka_unit_test_setup_teardown(a_start_knows_whether_the_last_stop_was_clean, sx_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_others_can_reach_is_refused, sx_setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(start_up_cleans_what_a_crash_or_another_boot_left, sx_setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
