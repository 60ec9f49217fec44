/*
 * env_archive.c - tar archives by libarchive; see env_archive.h.
 *
 * Only its readers of tar and of the usual compressions are linked: no format that could start a program, no
 * extraction to a disk. What is not a file, a folder or a link is left out; owners, times, extended
 * attributes and all mode bits but "executable" are dropped.
 */
#include "api/cli/env_archive.h"
#include "api/cli/human.h"
#include "api/cli/say.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 256 << 10, MEMORY_BYTES = 32 << 20 };

const struct env_limits env_limits_usual = {.max_bytes = 64ULL << 30, .max_entries = 2000000};

/* ---- the bytes of the archive ---- */

struct stream {
    const struct env_archive *a;
    struct env_reading *r; /* NULL in the second pass */
    EVP_MD_CTX *md;        /* of the archive's own digest */
    char *block;
    uint64_t size_bytes;
    int failed; /* errno of a read */
};

static ssize_t next_block(struct stream *s)
{
    ssize_t n;

    do
        n = pread(s->a->fd, s->block, BLOCK_BYTES, (off_t)s->size_bytes);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        s->failed = errno;
    if (n <= 0)
        return n;
    s->size_bytes += (uint64_t)n;
    if (s->md && EVP_DigestUpdate(s->md, s->block, (size_t)n) != 1)
        abort();
    if (s->r && s->r->progress)
        s->r->progress(s->r->progress_arg, s->r->done_bytes + s->size_bytes, s->r->total_bytes);
    return n;
}

static la_ssize_t on_read(struct archive *archive, void *ctx, const void **out)
{
    struct stream *s = ctx;
    ssize_t n = next_block(s);

    *out = s->block;
    if (n < 0)
        archive_set_error(archive, s->failed, "read");
    return n;
}

static void free_archive_at(struct archive **a)
{
    if (*a)
        archive_read_free(*a);
}
#define AUTO_ARCHIVE __attribute__((cleanup(free_archive_at)))

static void stream_fini(struct stream *s)
{
    EVP_MD_CTX_free(s->md);
    free(s->block);
}
#define AUTO_STREAM __attribute__((cleanup(stream_fini)))

static EVP_MD_CTX *new_digest(void)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
        abort(); /* libcrypto without SHA-256, or no memory */
    return md;
}

static void end_digest(EVP_MD_CTX *md, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];

    if (EVP_DigestFinal_ex(md, digest, NULL) != 1)
        abort();
    text_hex(digest, 32, hex);
}

/* libarchive's words are English and may quote the archive. */
static int bad_archive(struct archive *archive, const struct env_archive *a, struct err *e)
{
    char safe[200];
    const char *why = archive_error_string(archive);

    text_sanitize(why ? why : "", why ? strlen(why) : 0, safe, sizeof safe);
    return say_err(e, E_INVALID, NULL, T_NONE, T_ENV_BAD_ARCHIVE, a->label, safe);
}

/* Each filter by name: "all" has some that start programs. */
static int open_archive(struct stream *s, struct archive **out, struct err *e)
{
    static int (*const filters[])(struct archive *) = {
        archive_read_support_filter_none,  archive_read_support_filter_gzip,
        archive_read_support_filter_bzip2, archive_read_support_filter_xz,
        archive_read_support_filter_lzma,  archive_read_support_filter_zstd,
        archive_read_support_filter_lz4,   archive_read_support_filter_compress};
    AUTO_ARCHIVE struct archive *archive = archive_read_new();

    if (!archive)
        return err_set(e, E_INTERNAL, NULL, NULL, "libarchive gives no reader");
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        if (filters[i](archive) != ARCHIVE_OK)
            return bad_archive(archive, s->a, e);
    if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        archive_read_support_format_empty(archive) != ARCHIVE_OK ||
        archive_read_open(archive, s, NULL, on_read, NULL) != ARCHIVE_OK)
        return bad_archive(archive, s->a, e);
    *out = archive;
    archive = NULL;
    return 0;
}

/* ---- its entries ---- */

/* 1: an entry, 0: the end, -1: failed. */
static int next_entry(struct archive *archive, const struct env_archive *a,
                      struct archive_entry **entry, struct err *e)
{
    int rc = archive_read_next_header(archive, entry);

    if (rc == ARCHIVE_EOF)
        return 0;
    if (rc != ARCHIVE_OK &&
        rc != ARCHIVE_WARN) /* a warning is about a name in another character set */
        return bad_archive(archive, a, e);
    return 1;
}

/* As UTF-8 where the archive says so, else its own bytes. */
static const char *path_of(struct archive_entry *entry)
{
    const char *path = archive_entry_pathname_utf8(entry);

    path = path ? path : archive_entry_pathname(entry);
    return path ? path : "";
}

static const char *link_of(struct archive_entry *entry)
{
    const char *target = archive_entry_symlink_utf8(entry);

    return target ? target : archive_entry_symlink(entry);
}

static const char *hard_link_of(struct archive_entry *entry)
{
    const char *target = archive_entry_hardlink_utf8(entry);

    return target ? target : archive_entry_hardlink(entry);
}

static bool is_plain(struct archive_entry *entry)
{
    return !hard_link_of(entry) && archive_entry_filetype(entry) == AE_IFREG;
}

/* ---- the first pass ---- */

static int too_much(const struct env_reading *r, const struct env_archive *a, struct err *e)
{
    return say_err(e, E_LIMIT, NULL, T_NONE, T_ENV_TOO_BIG, a->label,
                   human_size_text(r->limits->max_bytes));
}

/* Sizes are counted before anything is read, and what is skipped counts too: it is unpacked all the same. */
static int count_entry(struct env_reading *r, const struct env_archive *a,
                       struct archive_entry *entry, struct err *e)
{
    int64_t size = archive_entry_size(entry);

    if (++r->entries > r->limits->max_entries)
        return say_err(e, E_LIMIT, NULL, T_NONE, T_ENV_TOO_MANY_ENTRIES,
                       human_count_text(r->limits->max_entries));
    if (size < 0 || (uint64_t)size > r->limits->max_bytes - r->bytes)
        return too_much(r, a, e);
    r->bytes += (uint64_t)size;
    return 0;
}

static int hash_content(struct archive *archive, const struct env_archive *a,
                        struct archive_entry *entry, struct env_content *out, struct err *e)
{
    AUTO_FREE char *room = mem_alloc(BLOCK_BYTES);
    EVP_MD_CTX *md = new_digest();
    uint64_t size = (uint64_t)archive_entry_size(entry);
    la_ssize_t n = 0;

    out->size_bytes = 0;
    while (out->size_bytes <= size && (n = archive_read_data(archive, room, BLOCK_BYTES)) > 0) {
        if (EVP_DigestUpdate(md, room, (size_t)n) != 1)
            abort();
        out->size_bytes += (uint64_t)n;
    }
    end_digest(md, out->sha256);
    EVP_MD_CTX_free(md);
    if (n < 0)
        return bad_archive(archive, a, e);
    if (out->size_bytes != size)
        return say_err(e, E_INVALID, NULL, T_NONE, T_ENV_BAD_ARCHIVE, a->label, path_of(entry));
    return 0;
}

static int take_plain(struct env_reading *r, struct archive *archive, const struct env_archive *a,
                      struct archive_entry *entry, size_t ordinal, struct err *e)
{
    struct env_content content = {.source = a->index, .ordinal = ordinal};

    if (hash_content(archive, a, entry, &content, e) < 0)
        return -1;
    return env_tree_file(r->tree, path_of(entry), (archive_entry_perm(entry) & S_IXUSR) != 0,
                         &content, e);
}

static void note_rights(struct env_reading *r, struct archive_entry *entry)
{
    const char *name;
    const void *value;
    size_t size;
    bool has = (archive_entry_perm(entry) & (S_ISUID | S_ISGID)) != 0;

    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK)
        has = has || (name && strcmp(name, "security.capability") == 0);
    if (has)
        env_told_count(&r->told->privileged, path_of(entry));
}

static int take_entry(struct env_reading *r, struct archive *archive, const struct env_archive *a,
                      struct archive_entry *entry, size_t *ordinal, struct err *e)
{
    const char *path = path_of(entry), *target;
    bool whiteout = false;

    if (a->layer && env_tree_whiteout(r->tree, path, &whiteout, e) < 0)
        return -1;
    if (is_plain(entry)) {
        size_t own = (*ordinal)++;
        if (whiteout)
            return 0;
        note_rights(r, entry);
        return take_plain(r, archive, a, entry, own, e);
    }
    if (whiteout)
        return 0;
    if ((target = hard_link_of(entry)))
        return env_tree_hard_link(r->tree, path, target, e);
    switch (archive_entry_filetype(entry)) {
    case AE_IFDIR: return env_tree_folder(r->tree, path, e);
    case AE_IFLNK:
        target = link_of(entry);
        return env_tree_link(r->tree, path, target ? target : "", e);
    default: env_told_count(&r->told->special, path); return 0;
    }
}

/* What follows the archive's end is a part of its digest, too. */
static int check_digest(struct stream *s, struct err *e)
{
    char got[65];
    ssize_t n;

    while ((n = next_block(s)) > 0)
        ;
    if (n < 0)
        return err_sys(e, NULL, NULL, "%s", s->a->label);
    end_digest(s->md, got);
    if (s->a->sha256 && (s->size_bytes != s->a->size_bytes || strcmp(got, s->a->sha256) != 0))
        return say_err(e, E_INVALID, NULL, T_NONE, T_ENV_DIGEST, s->a->label);
    return 0;
}

int env_archive_read(struct env_reading *r, const struct env_archive *a, struct err *e)
{
    AUTO_STREAM struct stream s = {
        .a = a, .r = r, .md = new_digest(), .block = mem_alloc(BLOCK_BYTES)};
    AUTO_ARCHIVE struct archive *archive = NULL;
    struct archive_entry *entry;
    size_t ordinal = 0;
    int rc;

    env_tree_layer(r->tree, (unsigned)a->index);
    if (open_archive(&s, &archive, e) < 0)
        return -1;
    while ((rc = next_entry(archive, a, &entry, e)) == 1)
        if (count_entry(r, a, entry, e) < 0 || take_entry(r, archive, a, entry, &ordinal, e) < 0)
            return -1;
    if (rc < 0 || check_digest(&s, e) < 0)
        return -1;
    r->done_bytes += s.size_bytes;
    return 0;
}

/* ---- the second pass ---- */

/* An unlinked place for one content: memory, or a file when it is large. */
static int open_room(uint64_t size_bytes, int *out, struct err *e)
{
    const char *tmp = getenv("TMPDIR");

    *out = size_bytes <= MEMORY_BYTES
               ? memfd_create("content", MFD_CLOEXEC)
               : open(tmp && *tmp ? tmp : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return *out < 0 ? err_sys(e, NULL, NULL, "%s", tmp && *tmp ? tmp : "/tmp") : 0;
}

static int give_content(struct archive *archive, const struct env_archive *a,
                        const struct env_content *c, struct upload *u, struct err *e)
{
    AUTO_FREE char *room = mem_alloc(BLOCK_BYTES);
    AUTO_FD int fd = -1;
    la_ssize_t n;

    if (open_room(c->size_bytes, &fd, e) < 0)
        return -1;
    while ((n = archive_read_data(archive, room, BLOCK_BYTES)) > 0)
        if (fd_write_all(fd, room, (size_t)n) < 0)
            return err_sys(e, NULL, NULL, "%s", a->label);
    if (n < 0)
        return bad_archive(archive, a, e);
    if (lseek(fd, 0, SEEK_SET) < 0)
        return err_sys(e, NULL, NULL, "lseek");
    return upload_give(u, c->sha256, fd_take(&fd), e);
}

/* The contents of this archive stand together in the tree, in order: *at moves over them. */
static const struct env_content *content_at(const struct env_tree *tree, size_t index,
                                            size_t ordinal, size_t *at)
{
    for (; *at < env_tree_contents(tree); (*at)++) {
        bool used;
        const struct env_content *c = env_tree_content(tree, *at, &used);
        if (c->source > index || (c->source == index && c->ordinal > ordinal))
            return NULL;
        if (c->source == index && c->ordinal == ordinal)
            return used ? c : NULL;
    }
    return NULL;
}

static bool any_wanted(const struct env_archive *a, const struct env_tree *tree,
                       const struct upload *u)
{
    for (size_t i = 0; i < env_tree_contents(tree); i++) {
        bool used;
        const struct env_content *c = env_tree_content(tree, i, &used);
        if (used && c->source == a->index && upload_wants(u, c->sha256))
            return true;
    }
    return false;
}

int env_archive_give(const struct env_archive *a, const struct env_tree *tree, struct upload *u,
                     struct err *e)
{
    AUTO_STREAM struct stream s = {.a = a, .block = mem_alloc(BLOCK_BYTES)};
    AUTO_ARCHIVE struct archive *archive = NULL;
    struct archive_entry *entry;
    size_t ordinal = 0, at = 0;
    int rc;

    if (!any_wanted(a, tree, u))
        return 0;
    if (open_archive(&s, &archive, e) < 0)
        return -1;
    while ((rc = next_entry(archive, a, &entry, e)) == 1) {
        if (!is_plain(entry))
            continue;
        const struct env_content *c = content_at(tree, a->index, ordinal++, &at);
        if (c && upload_wants(u, c->sha256) && give_content(archive, a, c, u, e) < 0)
            return -1;
    }
    return rc;
}
