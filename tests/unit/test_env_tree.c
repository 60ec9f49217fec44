/*
 * test_env_tree.c - root file systems in memory: what archives and layers make, and that nothing they say leads
 * out of the tree.
 */
#include "tests/unit/unit.h"

#include "api/cli/env_archive.h"
#include "api/cli/env_oci.h"
#include "api/cli/say.h"
#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <zlib.h>

#define SHA "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct env_content content = {.size_bytes = 1, .sha256 = SHA};

static void file(struct env_tree *t, const char *path)
{
    struct err e = {0};
    OK(env_tree_file(t, path, false, &content, &e), e);
}

static void link_to(struct env_tree *t, const char *path, const char *target)
{
    struct err e = {0};
    OK(env_tree_link(t, path, target, &e), e);
}

/* "path path>target path/" of what runs see, sorted. */
static const char *shown(struct env_tree *t)
{
    static char text[4096];
    AUTO_SNAPSHOT struct snapshot *s = snapshot_new();
    struct env_told told = {0};
    struct err e = {0};
    OK(env_tree_snapshot(t, s, &told, &e), e);
    OK(snapshot_finish(s, NULL, NULL, &e), e);
    text[0] = '\0';
    for (size_t i = 0; i < snapshot_count(s); i++) {
        const struct snapshot_entry *entry = &snapshot_entries(s)[i];
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, "%s%s%s%s", i > 0 ? " " : "", entry->path,
                 entry->kind == SNAPSHOT_LINK ? ">" : entry->kind == SNAPSHOT_FOLDER ? "/" : "",
                 entry->kind == SNAPSHOT_LINK ? entry->source : "");
    }
    return text;
}

static void paths_are_places_in_the_tree(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO_ENV_TREE struct env_tree *t = env_tree_new();
    file(t, "./usr/bin/a");
    file(t, "/usr/bin/b");
    file(t, "usr//lib/./c");
    OK(env_tree_folder(t, "usr/empty/", &e), e);
    OK(env_tree_folder(t, "./", &e), e);
    link_to(t, "bin", "/usr/bin");
    link_to(t, "usr/out", "/etc/../../../shadow"); /* says what it says; nobody follows it */
    file(t, "var/lib/x");
    file(t, "etc/passwd");
    file(t, "root/.ssh/id");
    assert_string_equal(shown(t), "bin>usr/bin usr/bin/a usr/bin/b usr/empty/ usr/lib/c usr/out>/etc/../../../shadow");
    assert_true(env_tree_has(t, "etc/passwd"));
    assert_true(env_tree_has(t, "bin/a"));
    assert_false(env_tree_has(t, "bin/z"));
}

static void what_leads_upwards_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"../x", "usr/../../x", "..", "/..", "usr/..", "./../x", "a/b/../c"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        AUTO_ENV_TREE struct env_tree *t = env_tree_new();
        struct err e;
        bool was;
        FAILS(env_tree_file(t, bad[i], false, &content, &e), e, E_INVALID);
        FAILS(env_tree_folder(t, bad[i], &e), e, E_INVALID);
        FAILS(env_tree_link(t, bad[i], "x", &e), e, E_INVALID);
        FAILS(env_tree_whiteout(t, bad[i], &was, &e), e, E_INVALID);
        file(t, "usr/f");
        FAILS(env_tree_hard_link(t, bad[i], "usr/f", &e), e, E_INVALID);
        FAILS(env_tree_hard_link(t, "usr/g", bad[i], &e), e, E_INVALID);
    }
}

/* As a container runtime does it: inside the root, whatever the link says. */
static void a_link_on_the_way_stays_inside(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO_ENV_TREE struct env_tree *t = env_tree_new();
    link_to(t, "lib", "usr/lib");
    file(t, "lib/a.so");
    link_to(t, "usr/abs", "/etc");
    file(t, "usr/abs/fonts/x");
    link_to(t, "usr/up", "../../../../etc");
    file(t, "usr/up/R/y");
    assert_string_equal(shown(t), "etc/R/y etc/fonts/x lib>usr/lib usr/abs>/etc usr/lib/a.so usr/up>../../../../etc");
    /* A link is replaced by what comes in its place, and what it led to stays. */
    file(t, "usr/abs");
    assert_string_equal(shown(t), "etc/R/y etc/fonts/x lib>usr/lib usr/abs usr/lib/a.so usr/up>../../../../etc");
    link_to(t, "usr/loop", "loop2");
    link_to(t, "usr/loop2", "loop");
    FAILS(env_tree_file(t, "usr/loop/x", false, &content, &e), e, E_INVALID);
    FAILS(env_tree_file(t, "usr/abs/x", false, &content, &e), e, E_INVALID);
    FAILS(env_tree_file(t, "./", false, &content, &e), e, E_INVALID);
}

static void hard_links_name_files_of_the_tree(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO_ENV_TREE struct env_tree *t = env_tree_new();
    file(t, "usr/bin/a");
    file(t, "etc/shadow");
    OK(env_tree_hard_link(t, "usr/bin/b", "./usr/bin/a", &e), e);
    OK(env_tree_hard_link(t, "usr/bin/c", "etc/shadow", &e), e); /* the archive's own, no other */
    OK(env_tree_hard_link(t, "usr/bin/a", "usr/bin/a", &e), e);
    assert_string_equal(shown(t), "usr/bin/a usr/bin/b usr/bin/c");
    static const char *const bad[] = {"usr/bin", "usr/bin/none", "/etc/passwd", "none/x", "", "/"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(env_tree_hard_link(t, "usr/bin/z", bad[i], &e), e, E_INVALID);
}

static void the_last_entry_of_a_name_counts(void **state)
{
    (void)state;
    struct err e = {0};
    AUTO_ENV_TREE struct env_tree *t = env_tree_new();
    file(t, "usr/a/b/c");
    file(t, "usr/a");
    assert_string_equal(shown(t), "usr/a");
    OK(env_tree_folder(t, "usr/a", &e), e);
    assert_string_equal(shown(t), "usr/a/");
    file(t, "usr/a/x");
    OK(env_tree_folder(t, "usr/a", &e), e); /* again: what is in it stays */
    assert_string_equal(shown(t), "usr/a/x");
}

static void whiteout(struct env_tree *t, const char *path)
{
    struct err e = {0};
    bool was = false;
    OK(env_tree_whiteout(t, path, &was, &e), e);
    assert_true(was);
}

static void whiteouts_hide_what_is_of_the_layers_below(void **state)
{
    (void)state;
    struct err e = {0};
    bool was = true;
    AUTO_ENV_TREE struct env_tree *t = env_tree_new();
    env_tree_layer(t, 0);
    file(t, "usr/a");
    file(t, "usr/b/c/d");
    file(t, "usr/b/e");
    file(t, "usr/k/old");
    file(t, "usr/k/sub/old");
    link_to(t, "lib", "usr/k");
    env_tree_layer(t, 1);
    whiteout(t, "usr/.wh.a");
    whiteout(t, "usr/.wh.none"); /* was never there: fine */
    whiteout(t, "none/.wh.x");
    whiteout(t, "usr/b/.wh.c");
    assert_string_equal(shown(t), "lib>usr/k usr/b/e usr/k/old usr/k/sub/old");
    /* Opaque: in whatever order the layer has them, its own stay. */
    file(t, "usr/k/new");
    whiteout(t, "usr/k/.wh..wh..opq");
    file(t, "usr/k/later");
    OK(env_tree_folder(t, "usr/k/sub", &e), e);
    assert_string_equal(shown(t), "lib>usr/k usr/b/e usr/k/later usr/k/new usr/k/sub/");
    /* And so for one name. */
    file(t, "usr/b/e");
    whiteout(t, "usr/b/.wh.e");
    assert_string_equal(shown(t), "lib>usr/k usr/b/e usr/k/later usr/k/new usr/k/sub/");
    env_tree_layer(t, 2);
    whiteout(t, "lib/.wh.new"); /* the folder is found through a link of the tree */
    whiteout(t, ".wh.lib");
    assert_string_equal(shown(t), "usr/b/e usr/k/later usr/k/sub/");
    whiteout(t, "usr/.wh..wh.plnk"); /* book-keeping of a union file system */
    OK(env_tree_whiteout(t, "usr/.whx", &was, &e), e);
    assert_false(was);
    FAILS(env_tree_whiteout(t, "usr/.wh.", &was, &e), e, E_INVALID);
    FAILS(env_tree_whiteout(t, "usr/.wh...", &was, &e), e, E_INVALID);
    FAILS(env_tree_whiteout(t, "usr/.wh..", &was, &e), e, E_INVALID);
    whiteout(t, ".wh.usr");
    assert_string_equal(shown(t), "");
}

static void what_runs_mount_is_what_it_must_be(void **state)
{
    (void)state;
    static const char *const links[][2] = {{"usr", "/"}, {"bin", "/etc"}, {"bin", "../usr/bin"}, {"lib64", "/outputs"},
                                           {"bin", "usr"}};
    struct err e;
    struct env_told told = {0};
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        AUTO_ENV_TREE struct env_tree *t = env_tree_new();
        AUTO_SNAPSHOT struct snapshot *s = snapshot_new();
        link_to(t, links[i][0], links[i][1]);
        FAILS(env_tree_snapshot(t, s, &told, &e), e, E_INVALID);
    }
    AUTO_ENV_TREE struct env_tree *t = env_tree_new();
    AUTO_SNAPSHOT struct snapshot *s = snapshot_new();
    file(t, "bin");
    FAILS(env_tree_snapshot(t, s, &told, &e), e, E_INVALID);
    AUTO_ENV_TREE struct env_tree *named = env_tree_new();
    AUTO_SNAPSHOT struct snapshot *s2 = snapshot_new();
    file(named, "usr/a\x1b[2J");
    FAILS(env_tree_snapshot(named, s2, &told, &e), e, E_INVALID);
    assert_null(strchr(e.message, '\x1b'));
    AUTO_ENV_TREE struct env_tree *hidden = env_tree_new();
    AUTO_SNAPSHOT struct snapshot *s3 = snapshot_new();
    file(hidden, "usr/a");
    file(hidden, "var/\xff"); /* nobody will see that name */
    link_to(hidden, "etc", "/somewhere");
    file(hidden, "home/x");
    struct env_told left = {0};
    e = (struct err){0};
    OK(env_tree_snapshot(hidden, s3, &left, &e), e);
    assert_string_equal(left.hidden, "/etc /home /var");
    assert_int_equal(snapshot_count(s3), 1);
}

static void depth_and_number_are_bounded(void **state)
{
    (void)state;
    struct err e;
    char deep[ENV_DEPTH_MAX * 2 + 3] = "";
    AUTO_ENV_TREE struct env_tree *t = env_tree_new();
    for (int i = 0; i <= ENV_DEPTH_MAX; i++)
        memcpy(deep + 2 * i, "a/", 3);
    FAILS(env_tree_folder(t, deep, &e), e, E_INVALID);
    /* Through a link, deeper each time. */
    char half[ENV_DEPTH_MAX + 1] = "";
    for (int i = 0; i < ENV_DEPTH_MAX / 2; i++)
        memcpy(half + 2 * i, "b/", 3);
    e = (struct err){0};
    OK(env_tree_folder(t, half, &e), e);
    link_to(t, "l", half);
    AUTO_FREE char *through = mem_printf("l/%sx/y", half);
    FAILS(env_tree_folder(t, through, &e), e, E_INVALID);
}

/* ---- archives ---- */

enum { FILE_TYPE = '0', HARD_TYPE = '1', LINK_TYPE = '2', CHAR_TYPE = '3', FOLDER_TYPE = '5', FIFO_TYPE = '6' };

struct made {
    int fd;
    struct buf text;
};

static void begin(struct made *m)
{
    *m = (struct made){.fd = memfd_create("archive", MFD_CLOEXEC), .text = BUF_INIT(1 << 20)};
}

/* A header of POSIX ustar, with any size said of it. */
static void put_header(struct made *m, const char *path, char type, unsigned perm, uint64_t size, const char *target)
{
    char h[512] = {0};
    unsigned sum = 0;
    snprintf(h, 100, "%s", path);
    snprintf(h + 100, 8, "%07o", perm);
    snprintf(h + 108, 8, "%07o", 0u);
    snprintf(h + 116, 8, "%07o", 0u);
    if (size < (uint64_t)1 << 33) {
        snprintf(h + 124, 12, "%011llo", (unsigned long long)size);
    } else { /* base 256 */
        h[124] = (char)0x80;
        for (int i = 0; i < 8; i++)
            h[128 + i] = (char)(size >> (56 - 8 * i));
    }
    snprintf(h + 136, 12, "%011o", 0u);
    memset(h + 148, ' ', 8);
    h[156] = type;
    if (target)
        snprintf(h + 157, 100, "%s", target);
    memcpy(h + 257, "ustar\0" "00", 8);
    for (size_t i = 0; i < sizeof h; i++)
        sum += (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", sum);
    buf_add(&m->text, h, sizeof h);
}

static void put(struct made *m, const char *path, char type, unsigned perm, const char *text, const char *target)
{
    static const char zeros[512];
    size_t size = text ? strlen(text) : 0;
    put_header(m, path, type, perm, size, target);
    if (size > 0) {
        buf_add(&m->text, text, size);
        buf_add(&m->text, zeros, (512 - size % 512) % 512);
    }
}

static void finish(struct made *m, bool compressed)
{
    static const char zeros[1024];
    buf_add(&m->text, zeros, sizeof zeros);
    if (compressed) {
        gzFile z = gzdopen(dup(m->fd), "wb");
        assert_int_equal(gzwrite(z, m->text.data, (unsigned)m->text.len), m->text.len);
        assert_int_equal(gzclose(z), Z_OK);
    } else {
        assert_int_equal(fd_write_all(m->fd, m->text.data, m->text.len), 0);
    }
    buf_fini(&m->text);
}

static int read_all(int fd, struct env_tree *t, struct env_told *told, const struct env_limits *limits, bool layer,
                    struct err *e)
{
    struct env_reading r = {.tree = t, .told = told, .limits = limits};
    const struct env_archive a = {.fd = fd, .label = "x.tar", .layer = layer};
    return env_archive_read(&r, &a, e);
}

static void an_archive_is_read_compressed_or_not(void **state)
{
    (void)state;
    for (int compressed = 0; compressed < 2; compressed++) {
        struct made m;
        struct env_told told = {0};
        struct err e = {0};
        AUTO_ENV_TREE struct env_tree *t = env_tree_new();
        begin(&m);
        put(&m, "./", FOLDER_TYPE, 0755, NULL, NULL);
        put(&m, "usr/bin/sh", FILE_TYPE, 04755, "#!x\n", NULL);
        put(&m, "usr/lib/é", FILE_TYPE, 0644, "", NULL);
        put(&m, "usr/bin/bash", HARD_TYPE, 0755, NULL, "usr/bin/sh");
        put(&m, "bin", LINK_TYPE, 0777, NULL, "usr/bin");
        put(&m, "usr/null", CHAR_TYPE, 0666, NULL, NULL);
        put(&m, "usr/pipe", FIFO_TYPE, 0666, NULL, NULL);
        put(&m, "usr/.wh.sh", FILE_TYPE, 0644, "", NULL); /* a file like another: this is no layer */
        finish(&m, compressed);
        OK(read_all(m.fd, t, &told, &env_limits_usual, false, &e), e);
        assert_string_equal(shown(t), "bin>usr/bin usr/.wh.sh usr/bin/bash usr/bin/sh usr/lib/é");
        assert_int_equal(told.special.count, 2);
        assert_string_equal(told.special.first, "usr/null");
        assert_int_equal(told.privileged.count, 1);
        bool used;
        /* printf "#!x\n" | sha256sum */
        assert_string_equal(env_tree_content(t, 0, &used)->sha256,
                            "9cb6544b11d11809ab3ab09bc555c037db37484454fc2ca186d0232b254132b4");
        assert_int_equal(env_tree_content(t, 0, &used)->size_bytes, 4);
        close(m.fd);
    }
}

static void an_archive_that_unpacks_to_too_much_ends_there(void **state)
{
    (void)state;
    struct made m;
    struct env_told told = {0};
    struct err e;
    const struct env_limits bytes = {.max_bytes = 1000, .max_entries = 100}, entries = {.max_bytes = 1 << 20, .max_entries = 3};
    begin(&m);
    char text[601];
    memset(text, 'a', 600);
    text[600] = '\0';
    put(&m, "usr/a", FILE_TYPE, 0644, text, NULL);
    put(&m, "usr/b", FILE_TYPE, 0644, "b", NULL);
    put(&m, "usr/c", FILE_TYPE, 0644, text, NULL);
    put(&m, "usr/d", FILE_TYPE, 0644, "d", NULL);
    finish(&m, true);
    AUTO_ENV_TREE struct env_tree *t = env_tree_new();
    FAILS(read_all(m.fd, t, &told, &bytes, false, &e), e, E_LIMIT);
    HAS(e.message, "x.tar");
    AUTO_ENV_TREE struct env_tree *t2 = env_tree_new();
    FAILS(read_all(m.fd, t2, &told, &entries, false, &e), e, E_LIMIT);
    close(m.fd);
    /* A header that promises an exabyte, of a file or of anything else: refused before it is looked for. */
    static const char types[] = {FILE_TYPE, CHAR_TYPE};
    for (size_t i = 0; i < sizeof types; i++) {
        AUTO_ENV_TREE struct env_tree *t3 = env_tree_new();
        begin(&m);
        put_header(&m, "usr/huge", types[i], 0644, (uint64_t)1 << 60, NULL);
        finish(&m, false);
        e = (struct err){0};
        assert_int_equal(read_all(m.fd, t3, &told, &env_limits_usual, false, &e), types[i] == FILE_TYPE ? -1 : 0);
        if (types[i] == FILE_TYPE)
            assert_int_equal(e.kind, E_LIMIT);
        close(m.fd);
    }
}

static void what_is_no_archive_or_is_cut_is_refused(void **state)
{
    (void)state;
    struct made m;
    struct env_told told = {0};
    struct err e;
    static const char *const texts[] = {"hello, this is no archive at all", "\x1f\x8b\x08\x00garbage", "PK\x03\x04zip"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        AUTO_FD int fd = memfd_create("x", MFD_CLOEXEC);
        AUTO_ENV_TREE struct env_tree *t = env_tree_new();
        assert_int_equal(fd_write_all(fd, texts[i], strlen(texts[i])), 0);
        FAILS(read_all(fd, t, &told, &env_limits_usual, false, &e), e, E_INVALID);
    }
    begin(&m);
    char text[3001];
    memset(text, 'a', 3000);
    text[3000] = '\0';
    put(&m, "usr/a", FILE_TYPE, 0644, text, NULL);
    finish(&m, false);
    assert_int_equal(ftruncate(m.fd, 2000), 0);
    AUTO_ENV_TREE struct env_tree *t = env_tree_new();
    FAILS(read_all(m.fd, t, &told, &env_limits_usual, false, &e), e, E_INVALID);
    close(m.fd);
}

static void a_layer_is_what_its_digest_says(void **state)
{
    (void)state;
    struct made m;
    struct env_told told = {0};
    struct err e = {0};
    char sha[65];
    begin(&m);
    put(&m, "usr/a", FILE_TYPE, 0644, "a", NULL);
    put(&m, "usr/.wh.b", FILE_TYPE, 0644, "", NULL);
    finish(&m, true);
    /* Bytes after the end of the archive belong to the layer as well. */
    assert_int_equal(fd_write_all(m.fd, "tail", 4), 0);
    AUTO_BUF struct buf all = BUF_INIT(1 << 20);
    assert_int_equal(lseek(m.fd, 0, SEEK_SET), 0);
    OK(fd_read_all(m.fd, 1 << 20, &all, "x", &e), e);
    unsigned char digest[32];
    assert_int_equal(EVP_Digest(buf_cstr(&all), all.len, digest, NULL, EVP_sha256(), NULL), 1);
    for (size_t i = 0; i < 32; i++)
        snprintf(sha + 2 * i, 3, "%02x", digest[i]);
    struct env_archive a = {.fd = m.fd, .label = "layer", .layer = true, .sha256 = sha, .size_bytes = all.len};
    for (int i = 0; i < 4; i++) {
        AUTO_ENV_TREE struct env_tree *t = env_tree_new();
        struct env_reading r = {.tree = t, .told = &told, .limits = &env_limits_usual};
        a.sha256 = i == 1 ? SHA : sha;
        a.size_bytes = i == 2 ? all.len - 1 : all.len;
        if (i == 3)
            assert_int_equal(pwrite(m.fd, "TAIL", 4, (off_t)all.len - 4), 4);
        if (i == 0)
            OK(env_archive_read(&r, &a, &e), e);
        else
            FAILS(env_archive_read(&r, &a, &e), e, E_INVALID);
        if (i == 0)
            assert_string_equal(shown(t), "usr/a");
    }
    close(m.fd);
}

/* ---- OCI ---- */

#define DESC(type, more)                                                                           \
    "{\"mediaType\":\"" type "\",\"digest\":\"sha256:" SHA "\",\"size\":7" more "}"
#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define AMD64 ",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}"
#define ARM64 ",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\"}"
#define NO_ONE ",\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}"
#define TAGGED(tag) ",\"annotations\":{\"org.opencontainers.image.ref.name\":\"" tag "\"}"
#define INDEX(list) "{\"schemaVersion\":2,\"manifests\":[" list "]}"

static void the_image_for_this_machine_is_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *text, *tag;
        bool top;
        enum err_kind kind;
    } rows[] = {
        {INDEX(DESC(MANIFEST_TYPE, "")), NULL, true, E_NONE},
        {INDEX(DESC(MANIFEST_TYPE, AMD64) "," DESC(MANIFEST_TYPE, ARM64)), NULL, true, E_NONE},
        {INDEX(DESC(MANIFEST_TYPE, NO_ONE) "," DESC(MANIFEST_TYPE, AMD64)), NULL, false, E_NONE},
        {INDEX(DESC(INDEX_TYPE, TAGGED("a")) "," DESC(INDEX_TYPE, TAGGED("b"))), "b", true, E_NONE},
        {INDEX(DESC(INDEX_TYPE, TAGGED("a")) "," DESC(INDEX_TYPE, TAGGED("b"))), NULL, true, E_INVALID},
        {INDEX(DESC(INDEX_TYPE, TAGGED("a"))), "c", true, E_NOT_FOUND},
        {INDEX(DESC(MANIFEST_TYPE, ARM64)), NULL, true, E_NOT_FOUND},
        {INDEX(DESC("application/x", "")), NULL, true, E_NOT_FOUND},
        {INDEX(""), NULL, true, E_NOT_FOUND},
        {INDEX("1"), NULL, true, E_NOT_FOUND},
        {"{}", NULL, true, E_INVALID},
        {"[]", NULL, true, E_INVALID},
        {"", NULL, true, E_INVALID},
        {"{\"manifests\":[],\"manifests\":[]}", NULL, true, E_INVALID},
        {INDEX("{\"mediaType\":\"" MANIFEST_TYPE "\",\"digest\":\"sha512:" SHA "\",\"size\":7}"), NULL, true, E_INVALID},
        {INDEX("{\"mediaType\":\"" MANIFEST_TYPE "\",\"digest\":\"sha256:../../etc/passwd\",\"size\":7}"), NULL, true, E_INVALID},
        {INDEX("{\"mediaType\":\"" MANIFEST_TYPE "\",\"digest\":\"sha256:" SHA "\",\"size\":-1}"), NULL, true, E_INVALID},
        {INDEX("{\"mediaType\":\"" MANIFEST_TYPE "\",\"digest\":\"sha256:" SHA "\"}"), NULL, true, E_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct oci_blob found = {0};
        struct err e = {0};
        int rc = oci_parse_index(rows[i].text, strlen(rows[i].text), rows[i].tag, rows[i].top, &found, &e);
        if ((rc == 0) != (rows[i].kind == E_NONE) || e.kind != rows[i].kind)
            fail_msg("%s: %s (%s)", rows[i].text, e.message, err_kind_name(e.kind));
        if (rc == 0)
            assert_string_equal(found.sha256, SHA);
    }
}

static void layers_are_of_known_kinds(void **state)
{
    (void)state;
    struct oci_image *image = mem_alloc(sizeof *image);
    struct err e = {0};
    static const char good[] = "{\"config\":" DESC("application/vnd.oci.image.config.v1+json", "") ",\"layers\":[" DESC(
        "application/vnd.oci.image.layer.v1.tar+zstd", "") "," DESC("application/vnd.docker.image.rootfs.diff.tar.gzip", "") "]}";
    OK(oci_parse_manifest(good, strlen(good), image, &e), e);
    assert_int_equal(image->layer_count, 2);
    static const char *const bad[] = {
        "{}",
        "{\"config\":" DESC("x", "") ",\"layers\":[]}",
        "{\"layers\":[" DESC("application/vnd.oci.image.layer.v1.tar", "") "]}",
        "{\"config\":" DESC("x", "") ",\"layers\":[" DESC("application/vnd.oci.image.layer.v1.tar+encrypted", "") "]}",
        "{\"config\":" DESC("x", "") ",\"layers\":{}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        FAILS(oci_parse_manifest(bad[i], strlen(bad[i]), image, &e), e, E_INVALID);
    static const char ours[] = "{\"os\":\"linux\",\"architecture\":\"amd64\"}", other[] = "{\"os\":\"windows\",\"architecture\":\"amd64\"}";
    e = (struct err){0};
    OK(oci_parse_config(ours, strlen(ours), &e), e);
    FAILS(oci_parse_config(other, strlen(other), &e), e, E_NOT_FOUND);
    free(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_places_in_the_tree),
        cmocka_unit_test(what_leads_upwards_is_refused),
        cmocka_unit_test(a_link_on_the_way_stays_inside),
        cmocka_unit_test(hard_links_name_files_of_the_tree),
        cmocka_unit_test(the_last_entry_of_a_name_counts),
        cmocka_unit_test(whiteouts_hide_what_is_of_the_layers_below),
        cmocka_unit_test(what_runs_mount_is_what_it_must_be),
        cmocka_unit_test(depth_and_number_are_bounded),
        cmocka_unit_test(an_archive_is_read_compressed_or_not),
        cmocka_unit_test(an_archive_that_unpacks_to_too_much_ends_there),
        cmocka_unit_test(what_is_no_archive_or_is_cut_is_refused),
        cmocka_unit_test(a_layer_is_what_its_digest_says),
        cmocka_unit_test(the_image_for_this_machine_is_chosen),
        cmocka_unit_test(layers_are_of_known_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
