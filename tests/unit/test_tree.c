/* test_tree.c - trees: whole or not there; a change made behind the lab's back is seen, cache or
 * not. */
#include "tests/unit/store_fixture.h"

#include "api/common/fault.h"
#include "api/common/text.h"
#include "catalog/objects.h"
#include "catalog/tree.h"
#include "catalog/tree_use.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

struct tree_fixture {
    struct store_fixture *f;
    struct manifest *m;
    struct tree_cache *cache;
    char *path;
};

static void add(struct tree_fixture *t, const char *path, const char *content, bool executable)
{
    struct err e = {0};
    char sha[DIGEST_HEX_SIZE];
    OK(objects_put_bytes(t->f->s, content, strlen(content), NULL, sha, NULL, &e), e);
    OK(manifest_add(t->m, path, sha, strlen(content), executable, &e), e);
}

static int setup(void **state)
{
    struct tree_fixture *t = mem_alloc(sizeof *t);
    struct err e = {0};
    void *f;
    sx_setup(&f);
    t->f = f;
    t->m = manifest_new();
    t->cache = tree_cache_new(0);
    add(t, "data.csv", "a,b\n1,2\n", false);
    add(t, "sub/dir/x", "x", false);
    add(t, "sub/dir/y", "y", true);
    add(t, "sub/dir-z", "x", false); /* the same object twice */
    add(t, "sub/z", "", false);
    OK(manifest_seal(t->m, NULL, &e), e);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct tree_fixture *t = *state;
    void *f = t->f;
    fault_disarm();
    manifest_free_at(&t->m);
    tree_cache_free(t->cache);
    free(t->path);
    free(t);
    return sx_teardown(&f);
}

static mode_t mode_of(const char *tree, const char *name)
{
    char path[700];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", tree, name);
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode;
}

static void build(struct tree_fixture *t)
{
    struct err e = {0};
    free(t->path);
    OK(tree_ensure_data(t->f->s, t->m, &t->path, &e), e);
    setenv("T", t->path, 1);
}

static uint64_t verify(struct tree_fixture *t)
{
    struct err e = {0};
    uint64_t read_bytes = 99;
    OK(tree_verify(t->f->s, TREE_DATA, t->m, t->cache, NULL, &read_bytes, &e), e);
    return read_bytes;
}

/* A code tree that is as it should be, or none. */
static int ensure_code(struct tree_fixture *t, char **path, struct err *e)
{
    struct err found;
    int rc = tree_ensure_code(t->f->s, t->m, t->cache, NULL, path, &found, e);
    assert_int_equal(found.kind, E_NONE);
    return rc;
}

static void put(struct tree_fixture *t, struct manifest *m, const char *path, const char *content,
                bool executable)
{
    struct err e = {0};
    char sha[DIGEST_HEX_SIZE];
    OK(objects_put_bytes(t->f->s, content, strlen(content), NULL, sha, NULL, &e), e);
    OK(manifest_add(m, path, sha, strlen(content), executable, &e), e);
}

static void an_environment_has_programs_links_and_empty_folders(void **state)
{
    struct tree_fixture *t = *state;
    struct err e = {0};
    AUTO_MANIFEST struct manifest *m = manifest_new();
    AUTO_FREE char *path = NULL;
    put(t, m, "usr/bin/sh", "program", true);
    put(t, m, "usr/bin/cat", "program", true);
    put(t, m, "usr/lib/same-bytes", "program", false);
    put(t, m, "usr/lib/x.so", "library", false);
    OK(manifest_add_link(m, "bin", "usr/bin", &e), e);
    OK(manifest_add_link(m, "usr/lib/out", "/etc/../../shadow", &e), e);
    OK(manifest_add_folder(m, "usr/lib/empty", &e), e);
    OK(manifest_seal(m, NULL, &e), e);
    OK(manifest_store(t->f->s, m, &e), e);
    OK(tree_ensure_env(t->f->s, m, &path, &e), e);
    HAS(path, "trees/env-");
    setenv("T", path, 1);
    assert_int_equal(mode_of(path, "usr/bin/sh"), S_IFREG | 0500);
    assert_int_equal(mode_of(path, "usr/bin/cat"), S_IFREG | 0500);
    assert_int_equal(mode_of(path, "usr/lib/same-bytes"), S_IFREG | 0400);
    assert_int_equal(mode_of(path, "usr/lib/empty"), S_IFDIR | 0700);
    assert_true(S_ISLNK(mode_of(path, "bin")));
    sx_shell(t->f, "test $(stat -c %h $T/usr/bin/sh) = 2"); /* one copy, two names */
    sx_shell(t->f, "test $(readlink $T/usr/lib/out) = /etc/../../shadow");
    OK(tree_verify(t->f->s, TREE_ENV, m, t->cache, NULL, NULL, &e), e);
    uint64_t again = 99;
    OK(tree_verify(t->f->s, TREE_ENV, m, t->cache, NULL, &again, &e), e);
    assert_true(again == 0);

    static const char *const changes[][2] = {
        {"ln -sfn usr/sbin $T/bin", "ln -sfn usr/bin $T/bin"},
        {"rm $T/bin && mkdir $T/bin", "rmdir $T/bin && ln -s usr/bin $T/bin"},
        {"rm $T/usr/lib/out && cp $T/usr/lib/x.so $T/usr/lib/out",
         "rm -f $T/usr/lib/out && ln -s /etc/../../shadow $T/usr/lib/out"},
        {"touch $T/usr/lib/empty/x", "rm $T/usr/lib/empty/x"},
        {"rmdir $T/usr/lib/empty && ln -s /etc $T/usr/lib/empty",
         "rm $T/usr/lib/empty && mkdir -m 700 $T/usr/lib/empty"},
        {"ln -s x $T/usr/more", "rm $T/usr/more"},
        {"chmod 0400 $T/usr/bin/sh", "chmod 0500 $T/usr/bin/sh"},
        {"chmod 4500 $T/usr/bin/sh", "chmod 0500 $T/usr/bin/sh"},
        {"chmod 0600 $T/usr/bin/sh && echo Program | head -c 7 > $T/usr/bin/sh && chmod 0500 $T/usr/bin/sh",
         "true"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        sx_shell(t->f, changes[i][0]);
        if (tree_verify(t->f->s, TREE_ENV, m, t->cache, NULL, NULL, &e) == 0)
            fail_msg("not seen: %s", changes[i][0]);
        assert_int_equal(e.kind, E_CONFLICT);
        e = (struct err){0};
        sx_shell(t->f, changes[i][1]);
        if (strcmp(changes[i][1], "true") != 0)
            OK(tree_verify(t->f->s, TREE_ENV, m, t->cache, NULL, NULL, &e), e);
    }
    /* The copy was changed, no object: dropped and built anew it is right. */
    int64_t before = time_now_us();
    OK(tree_condemn(t->f->s, TREE_ENV, m, NULL, &e), e);
    assert_true(tree_was_dropped(t->f->s, TREE_ENV, m->id, before));
    assert_int_equal(sx_files(t->f, "damaged"), 0);
    free(ptr_take(&path));
    OK(tree_ensure_env(t->f->s, m, &path, &e), e);
    OK(tree_verify(t->f->s, TREE_ENV, m, t->cache, NULL, NULL, &e), e);

    /* An object that is damaged takes the environment's tree with it, too. */
    size_t dropped = 0;
    OK(tree_drop_users(t->f->s, m->entries[m->count - 1].sha256, &dropped, &e), e);
    assert_int_equal(dropped, 1);
}

static void a_data_tree_is_links_and_a_code_tree_is_copies(void **state)
{
    struct tree_fixture *t = *state;
    struct err e = {0};
    build(t);
    HAS(t->path, t->m->id);
    assert_int_equal(mode_of(t->path, "data.csv"), S_IFREG | 0400);
    assert_int_equal(mode_of(t->path, "sub/dir/y"), S_IFREG | 0400);
    assert_int_equal(mode_of(t->path, "sub/dir"), S_IFDIR | 0700);
    sx_shell(t->f, "test $(stat -c %h $T/sub/dir/x) = 3"); /* the object and two names */
    AUTO_FREE char *code = NULL;
    mode_t mask = umask(077);
    OK(ensure_code(t, &code, &e), e);
    umask(mask);
    HAS(code, "trees/code-");
    assert_int_equal(mode_of(code, "data.csv"), S_IFREG | 0600);
    assert_int_equal(mode_of(code, "sub/dir/y"), S_IFREG | 0700);
    setenv("C", code, 1);
    sx_shell(t->f, "diff -r $T $C && test $(stat -c %h $C/sub/dir/x) = 1");
    assert_int_equal(sx_files(t->f, "tmp"), 0);
    AUTO_FREE char *again = NULL;
    OK(ensure_code(t, &again, &e), e);
    assert_string_equal(again, code);
}

static void an_object_that_is_missing_or_damaged_makes_no_tree(void **state)
{
    struct tree_fixture *t = *state;
    struct err e;
    setenv("O", t->m->entries[0].sha256, 1);
    sx_shell(
        t->f,
        "a=$(echo $O | cut -c1-2) b=$(echo $O | cut -c3-); printf 'a,b\n1,3\n' > $S/objects/$a/$b");
    FAILS(ensure_code(t, &t->path, &e), e, E_CONFLICT);
    HAS(e.message, "data.csv");
    assert_int_equal(sx_files(t->f, "damaged"), 1); /* and missing now */
    FAILS(tree_ensure_data(t->f->s, t->m, &t->path, &e), e, E_NOT_FOUND);
    HAS(e.message, "data.csv");
    assert_int_equal(sx_files(t->f, "trees") + sx_files(t->f, "tmp"), 0);
}

static void a_failure_or_a_kill_while_building_leaves_no_tree(void **state)
{
    struct tree_fixture *t = *state;
    struct err e = {0};
    for (int nth = 1; nth <= 5; nth++) {
        fault_arm("tree.filling", nth, FAULT_ERROR);
        assert_int_equal(tree_ensure_data(t->f->s, t->m, &t->path, &e), -1);
        e = (struct err){0};
        fault_disarm();
        assert_int_equal(sx_files(t->f, "trees") + sx_files(t->f, "tmp"), 0);
        pid_t pid = fork();
        if (pid == 0) {
            fault_arm("tree.filling", nth, FAULT_KILL);
            _exit(tree_ensure_data(t->f->s, t->m, &t->path, &e) < 0);
        }
        int status;
        waitpid(pid, &status, 0);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(sx_files(t->f, "trees"), 0);
        store_close(t->f->s);
        OK(store_open(t->f->state, &t->f->s, &e), e);
        assert_int_equal(sx_files(t->f, "tmp"), 0);
    }
    build(t);
    assert_int_equal(verify(t), 8 + 1 + 1); /* "x" was read once, for both its names */
}

static void an_unchanged_tree_is_read_once(void **state)
{
    struct tree_fixture *t = *state;
    build(t);
    assert_int_equal(verify(t), 10);
    assert_int_equal(verify(t), 0);
    assert_int_equal(verify(t), 0);
}

/* Sealing builds the tree, verifies it, and the first run finds it known. */
static void a_new_link_costs_a_reading_of_that_file_and_no_wrong_answer(void **state)
{
    struct tree_fixture *t = *state;
    build(t);
    verify(t);
    sx_shell(t->f, "ln $T/data.csv $S/tmp/link");
    assert_int_equal(verify(t), 8);
    assert_int_equal(verify(t), 0);
}

static void every_change_is_found_and_named_with_a_warm_cache(void **state)
{
    struct tree_fixture *t = *state;
    static const struct {
        const char *change, *undo, *names;
    } cases[] = {
        {"printf 'a,b\\n1,3\\n' > $T/data.csv", "printf 'a,b\\n1,2\\n' > $T/data.csv",
         "data.csv has another digest"},
        /* the change is hidden as well as a program can: same size, times put back */
        {"touch -r $T/data.csv $S/tmp/ref; printf 'a,b\\n1,3\\n' > $T/data.csv; touch -r "
         "$S/tmp/ref $T/data.csv",
         "printf 'a,b\\n1,2\\n' > $T/data.csv", "data.csv has another digest"},
        /* another file put in its place */
        {"cp -p $T/data.csv $S/tmp/o; printf 'a,b\\n9,9\\n' > $S/tmp/n; touch -r $T/data.csv "
         "$S/tmp/n; mv -f $S/tmp/n $T/data.csv",
         "mv -f $S/tmp/o $T/data.csv", "data.csv has another digest"},
        {"printf more >> $T/data.csv", "truncate -s 8 $T/data.csv", "data.csv has another size"},
        {"mv $T/data.csv $S/tmp/d", "mv $S/tmp/d $T/data.csv", "data.csv is missing"},
        {"mv $T/data.csv $S/tmp/d; ln -s $S/tmp/d $T/data.csv", "mv -f $S/tmp/d $T/data.csv",
         "data.csv is not a regular file"},
        {"mv $T/data.csv $S/tmp/d; mkfifo $T/data.csv", "mv -f $S/tmp/d $T/data.csv",
         "data.csv is not a regular file"},
        {"mv $T/data.csv $S/tmp/d; mkdir $T/data.csv", "rmdir $T/data.csv; mv $S/tmp/d $T/data.csv",
         "data.csv is not a regular file"},
        {"touch $T/extra", "rm $T/extra", "extra was added"},
        {"touch $T/sub/dir/.hidden", "rm $T/sub/dir/.hidden", "sub/dir/.hidden was added"},
        {"mkdir $T/sub/empty", "rmdir $T/sub/empty", "sub/empty was added"},
        {"mv $T/sub/dir $S/tmp/dir", "mv $S/tmp/dir $T/sub/dir", "sub/dir/x is missing"},
        {"mv $T/sub/dir $S/tmp/dir; ln -s $S/tmp/dir $T/sub/dir",
         "rm $T/sub/dir; mv $S/tmp/dir $T/sub/dir", "sub/dir/x is not a regular file"},
    };
    build(t);
    verify(t);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err e = {0};
        sx_shell(t->f, cases[i].change);
        FAILS(tree_verify(t->f->s, TREE_DATA, t->m, t->cache, NULL, NULL, &e), e, E_CONFLICT);
        HAS(e.message, cases[i].names);
        sx_shell(t->f, cases[i].undo);
        verify(t);
    }
}

/* ---- much to read: several threads ---- */

struct told {
    atomic_uint_fast64_t most;
    atomic_bool go_on;
};

static bool tell(void *ctx, uint64_t done_bytes)
{
    struct told *told = ctx;
    uint_fast64_t seen = atomic_load(&told->most);
    while (done_bytes > seen && !atomic_compare_exchange_weak(&told->most, &seen, done_bytes))
        ;
    return atomic_load(&told->go_on);
}

static void much_is_read_by_several_and_the_first_that_is_wrong_is_told(void **state)
{
    enum { FILES = 24, FILE_BYTES = 5 << 20 };
    struct tree_fixture *t = *state;
    AUTO_MANIFEST struct manifest *m = manifest_new();
    AUTO_FREE char *content = mem_alloc(FILE_BYTES), *path = NULL;
    struct err e = {0};
    struct told told = {.go_on = true};
    const struct digest_progress progress = {tell, &told};
    uint64_t read_bytes = 0;
    for (int i = 0; i < FILES; i++) {
        char name[40], sha[DIGEST_HEX_SIZE];
        snprintf(name, sizeof name, "part-%02d/x", i);
        memset(content, 'a' + i, FILE_BYTES);
        OK(objects_put_bytes(t->f->s, content, FILE_BYTES, NULL, sha, NULL, &e), e);
        OK(manifest_add(m, name, sha, FILE_BYTES, false, &e), e);
    }
    OK(manifest_seal(m, NULL, &e), e);
    OK(tree_ensure_data(t->f->s, m, &path, &e), e);
    OK(tree_verify(t->f->s, TREE_DATA, m, t->cache, &progress, &read_bytes, &e), e);
    assert_true(read_bytes == (uint64_t)FILES * FILE_BYTES);
    assert_true(atomic_load(&told.most) > read_bytes * 3 / 4 && atomic_load(&told.most) <= read_bytes);
    OK(tree_verify(t->f->s, TREE_DATA, m, t->cache, NULL, &read_bytes, &e), e);
    assert_true(read_bytes == 0);
    /* The second is damaged, and later ones: by content, and by a folder that is another's by now. */
    setenv("T", path, 1);
    sx_shell(t->f, "for i in 07 19 23; do printf Z | dd of=$T/part-$i/x conv=notrunc status=none; done");
    for (int tries = 0; tries < 5; tries++) {
        FAILS(tree_verify(t->f->s, TREE_DATA, m, NULL, NULL, NULL, &e), e, E_CONFLICT);
        HAS(e.message, "part-07/x has another digest");
    }
    /* Told to stop, it stops with that and not with a verdict. */
    atomic_store(&told.go_on, false);
    FAILS(tree_verify(t->f->s, TREE_DATA, m, NULL, &progress, NULL, &e), e, E_UNAVAILABLE);
}

static void code_that_was_changed_is_built_anew_and_not_run(void **state)
{
    struct tree_fixture *t = *state;
    static const struct {
        const char *change, *names;
    } cases[] = {
        {"printf 'a,b\\n1,3\\n' > $C/data.csv", "data.csv has another digest"},
        {"touch -r $C/data.csv $S/tmp/ref; printf 'a,b\\n1,3\\n' > $C/data.csv; touch -r "
         "$S/tmp/ref $C/data.csv",
         "data.csv has another digest"},
        {"chmod 0700 $C/data.csv", "data.csv has another mode"},
        {"rm $C/sub/dir/x", "sub/dir/x is missing"},
        {"ln -sf /etc/passwd $C/sub/dir/x", "sub/dir/x is not a regular file"},
        {"touch $C/sub/sitecustomize.py", "sub/sitecustomize.py was added"},
    };
    struct err e = {0}, found;
    AUTO_FREE char *code = NULL;
    OK(ensure_code(t, &code, &e), e);
    setenv("C", code, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int warm = 0; warm < 2; warm++) { /* known as it was: the cache hides nothing */
            free(code);
            OK(ensure_code(t, &code, &e), e);
        }
        sx_shell(t->f, cases[i].change);
        free(code);
        OK(tree_ensure_code(t->f->s, t->m, t->cache, NULL, &code, &found, &e), e);
        assert_int_equal(found.kind, E_CONFLICT);
        HAS(found.message, cases[i].names);
        HAS(found.message, "the code was changed");
        sx_shell(t->f, "test \"$(cat $C/data.csv)\" = \"$(printf 'a,b\n1,2')\" && "
                       "test $(stat -c %a $C/data.csv) = 600 && test -f $C/sub/dir/x && "
                       "test ! -e $C/sub/sitecustomize.py");
    }
    /* The object is damaged as well: there is nothing to build it from. */
    setenv("O", t->m->entries[0].sha256, 1);
    sx_shell(t->f, "a=$(echo $O | cut -c1-2) b=$(echo $O | cut -c3-); printf 'a,b\n1,3\n' > "
                   "$S/objects/$a/$b; rm $C/data.csv");
    free(code);
    code = NULL;
    FAILS(tree_ensure_code(t->f->s, t->m, t->cache, NULL, &code, &found, &e), e, E_CONFLICT);
    HAS(e.message, "was damaged");
    assert_false(objects_has(t->f->s, t->m->entries[0].sha256, NULL));
}

static void a_dropped_tree_stays_to_those_who_have_it_open(void **state)
{
    struct tree_fixture *t = *state;
    struct err e = {0};
    build(t);
    AUTO_FD int open_fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int64_t before = time_now_us();
    assert_false(tree_was_dropped(t->f->s, TREE_DATA, t->m->id, 0));
    for (int i = 0; i < 3; i++) {
        OK(tree_drop(t->f->s, t->m->id, &e), e);
        OK(tree_drop(t->f->s, t->m->id, &e), e); /* it is gone already */
        assert_int_equal(access(t->path, F_OK), -1);
        assert_int_equal(faccessat(open_fd, "sub/dir/x", F_OK, 0), 0);
        build(t);
        verify(t);
    }
    assert_true(tree_was_dropped(t->f->s, TREE_DATA, t->m->id, before));
    assert_false(tree_was_dropped(t->f->s, TREE_DATA, t->m->id, time_now_us()));
}

/* One object in two datasets: what is found in one is true of both. */
static void damage_drops_all_trees_that_have_it(void **state)
{
    struct tree_fixture *t = *state;
    struct err e = {0};
    AUTO_MANIFEST struct manifest *other = manifest_new();
    AUTO_MANIFEST struct manifest *apart = manifest_new();
    AUTO_FREE char *other_path = NULL, *apart_path = NULL;
    size_t dropped;
    const struct manifest_entry *damaged = &t->m->entries[0];
    OK(manifest_add(other, "mine.csv", damaged->sha256, damaged->size_bytes, false, &e), e);
    OK(manifest_add(apart, "x", t->m->entries[1].sha256, 1, false, &e), e);
    OK(manifest_seal(other, NULL, &e), e);
    OK(manifest_seal(apart, NULL, &e), e);
    OK(manifest_store(t->f->s, t->m, &e), e);
    OK(manifest_store(t->f->s, other, &e), e);
    OK(manifest_store(t->f->s, apart, &e), e);
    build(t);
    OK(tree_ensure_data(t->f->s, other, &other_path, &e), e);
    OK(tree_ensure_data(t->f->s, apart, &apart_path, &e), e);
    sx_shell(t->f, "printf 'a,b\n1,3\n' > $T/data.csv"); /* the object: it is a hard link */
    FAILS(tree_verify(t->f->s, TREE_DATA, t->m, t->cache, NULL, NULL, &e), e, E_CONFLICT);
    e = (struct err){0};
    OK(tree_condemn(t->f->s, TREE_DATA, t->m, NULL, &e), e);
    assert_int_equal(access(t->path, F_OK), -1);
    assert_false(objects_has(t->f->s, damaged->sha256, NULL));
    assert_true(objects_has(t->f->s, t->m->entries[1].sha256, NULL));
    OK(tree_drop_users(t->f->s, damaged->sha256, &dropped, &e), e);
    assert_int_equal(dropped, 1);
    assert_int_equal(access(other_path, F_OK), -1);
    assert_int_equal(access(apart_path, F_OK), 0);
    /* Sent again: all is well again. */
    OK(objects_put_bytes(t->f->s, "a,b\n1,2\n", 8, damaged->sha256, NULL, NULL, &e), e);
    build(t);
    verify(t);
}

/* The race that a cache by time stamps can lose: a change within the clock's tick of the one
 * before. */
static void a_change_right_after_a_verification_is_seen(void **state)
{
    struct tree_fixture *t = *state;
    struct err e;
    build(t);
    char path[700];
    snprintf(path, sizeof path, "%s/data.csv", t->path);
    assert_int_equal(chmod(path, 0600), 0);
    AUTO_FD int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    for (int i = 0; i < 30; i++) {
        assert_int_equal(pwrite(fd, "a,b\n1,2\n", 8, 0), 8);
        verify(t);
        assert_int_equal(pwrite(fd, "a,b\n1,3\n", 8, 0), 8);
        FAILS(tree_verify(t->f->s, TREE_DATA, t->m, t->cache, NULL, NULL, &e), e, E_CONFLICT);
    }
}

/* Pool threads start runs of the same dataset at the same moment. */
static void *build_and_verify(void *arg)
{
    struct tree_fixture *t = arg;
    struct err e = {0};
    char *data = NULL;
    char *code = NULL;
    char sha[DIGEST_HEX_SIZE];
    int failed = 0;
    for (int i = 0; i < 5 && !failed; i++) {
        char content[20];
        snprintf(content, sizeof content, "shared %d", i);
        failed = objects_put_bytes(t->f->s, content, strlen(content), NULL, sha, NULL, &e) < 0 ||
                 tree_ensure_data(t->f->s, t->m, &data, &e) < 0 || ensure_code(t, &code, &e) < 0 ||
                 tree_verify(t->f->s, TREE_DATA, t->m, t->cache, NULL, NULL, &e) < 0;
        free(data);
        free(code);
        data = code = NULL;
    }
    if (failed)
        fprintf(stderr, "%s\n", e.message);
    return failed ? arg : NULL;
}

static void threads_may_store_build_and_verify_the_same_things_at_once(void **state)
{
    struct tree_fixture *t = *state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, build_and_verify, t), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(sx_files(t->f, "tmp"), 0);
}

static void a_small_cache_forgets_and_stays_right(void **state)
{
    struct tree_fixture *t = *state;
    tree_cache_free(t->cache);
    t->cache = tree_cache_new(2);
    build(t);
    for (int i = 0; i < 5; i++)
        assert_true(verify(t) <= 11);
    tree_cache_free(t->cache);
    t->cache = NULL; /* none at all */
    assert_int_equal(verify(t), 11);
}

static size_t remove_unused(struct tree_fixture *t, struct tree_uses *uses, int64_t code_s,
                            int64_t data_s, int64_t budget_ms)
{
    struct err e = {0};
    size_t removed = 99;
    const struct tree_keep keep = {code_s, data_s, budget_ms};
    OK(tree_remove_unused(t->f->s, uses, &keep, &removed, &e), e);
    return removed;
}

static void only_trees_in_use_stay(void **state)
{
    struct tree_fixture *t = *state;
    struct err e = {0};
    char name[TREE_NAME_SIZE];
    AUTO_FREE char *code = NULL;
    struct tree_uses *uses = tree_uses_new();
    build(t);
    OK(ensure_code(t, &code, &e), e);
    tree_name(t->m->id, TREE_CODE, name);
    tree_use(uses, "r1", t->m->id);
    tree_use(uses, "r1", name);
    tree_use(uses, "r1", name); /* once is enough */
    tree_use(uses, "r2", name);
    tree_unuse(uses, "r1");
    assert_int_equal(remove_unused(t, uses, -1, -1, 1000), 1);
    assert_int_equal(access(code, F_OK), 0);
    assert_int_equal(access(t->path, F_OK), -1);
    /* What was dropped stays to those who have it open. */
    OK(tree_drop(t->f->s, name, &e), e);
    assert_int_equal(remove_unused(t, uses, -1, -1, 1000), 0);
    tree_unuse(uses, "r2");
    assert_int_equal(remove_unused(t, uses, 1000, 1000, 1000), 1);
    assert_int_equal(sx_files(t->f, "trees"), 0);
    assert_int_equal(sx_files(t->f, "objects"), 4);
    FAILS(tree_verify(t->f->s, TREE_DATA, t->m, t->cache, NULL, NULL, &e), e, E_NOT_FOUND);
    tree_uses_free(uses);
}

static void a_tree_stays_for_a_time_after_its_last_use(void **state)
{
    struct tree_fixture *t = *state;
    struct err e = {0};
    AUTO_FREE char *code = NULL, *again = NULL;
    struct tree_uses *uses = tree_uses_new();
    OK(manifest_store(t->f->s, t->m, &e), e);
    build(t);
    OK(ensure_code(t, &code, &e), e);
    setenv("C", code, 1);
    assert_int_equal(remove_unused(t, uses, 60, 60, 1000), 0);
    sx_shell(t->f, "touch -d '2 minutes ago' $T $C");
    assert_int_equal(remove_unused(t, uses, 60, 60, -1), 0); /* no time left: next time */
    assert_int_equal(remove_unused(t, uses, 180, 180, 1000), 0);
    OK(ensure_code(t, &again, &e), e); /* used again */
    assert_int_equal(remove_unused(t, uses, 60, 180, 1000), 0);
    assert_int_equal(remove_unused(t, uses, 60, 60, 1000), 1);
    assert_int_equal(access(code, F_OK), 0);
    assert_int_equal(access(t->path, F_OK), -1);
    /* Its manifest was collected: nobody can use it any more. */
    sx_shell(t->f, "find $S/objects -type f -delete");
    assert_int_equal(remove_unused(t, uses, 60, 60, 1000), 1);
    assert_int_equal(access(code, F_OK), -1);
    tree_uses_free(uses);
}

/* One thread removes all it can, others build and use: nobody's tree goes from under them. */
struct crowd {
    struct tree_fixture *t;
    struct tree_uses *uses;
    atomic_bool over;
    atomic_int removed;
};

static void *use_trees(void *arg)
{
    struct crowd *c = arg;
    static atomic_int number;
    int me = atomic_fetch_add(&number, 1);
    struct err e = {0}, found;
    /* On a busy machine the one who removes may not get a turn in sixty: then until it has, within reason. */
    for (int i = 0; i < 60 || (atomic_load(&c->removed) == 0 && i < 6000); i++) {
        char owner[20], name[TREE_NAME_SIZE];
        char *data = NULL, *code = NULL;
        snprintf(owner, sizeof owner, "r%d-%d", me, i);
        tree_use(c->uses, owner, c->t->m->id);
        tree_name(c->t->m->id, TREE_CODE, name);
        tree_use(c->uses, owner, name);
        bool ok = tree_ensure_data(c->t->f->s, c->t->m, &data, &e) == 0 &&
                  tree_ensure_code(c->t->f->s, c->t->m, c->t->cache, NULL, &code, &found, &e) ==
                      0 &&
                  tree_verify(c->t->f->s, TREE_DATA, c->t->m, NULL, NULL, NULL, &e) == 0 &&
                  found.kind == E_NONE && access(code, F_OK) == 0;
        free(data);
        free(code);
        tree_unuse(c->uses, owner);
        if (!ok) {
            fprintf(stderr, "%s\n", e.message);
            return arg;
        }
    }
    return NULL;
}

static void *remove_trees(void *arg)
{
    struct crowd *c = arg;
    bool over;
    do { /* once more when nobody has any: on a busy machine this thread may not have run before */
        over = atomic_load(&c->over);
        atomic_fetch_add(&c->removed, (int)remove_unused(c->t, c->uses, -1, -1, 1000));
    } while (!over);
    return NULL;
}

static void trees_go_only_when_nobody_has_them(void **state)
{
    struct crowd c = {.t = *state, .uses = tree_uses_new()};
    pthread_t threads[3], remover;
    assert_int_equal(pthread_create(&remover, NULL, remove_trees, &c), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_trees, &c), 0);
    for (int i = 0; i < 3; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    atomic_store(&c.over, true);
    pthread_join(remover, NULL);
    assert_true(atomic_load(&c.removed) > 0);
    tree_uses_free(c.uses);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_environment_has_programs_links_and_empty_folders, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_data_tree_is_links_and_a_code_tree_is_copies, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_object_that_is_missing_or_damaged_makes_no_tree, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_failure_or_a_kill_while_building_leaves_no_tree, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_unchanged_tree_is_read_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_link_costs_a_reading_of_that_file_and_no_wrong_answer,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(every_change_is_found_and_named_with_a_warm_cache, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            much_is_read_by_several_and_the_first_that_is_wrong_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(code_that_was_changed_is_built_anew_and_not_run, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_dropped_tree_stays_to_those_who_have_it_open, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(damage_drops_all_trees_that_have_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_right_after_a_verification_is_seen, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(threads_may_store_build_and_verify_the_same_things_at_once,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_small_cache_forgets_and_stays_right, setup, teardown),
        cmocka_unit_test_setup_teardown(only_trees_in_use_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tree_stays_for_a_time_after_its_last_use, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(trees_go_only_when_nobody_has_them, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
