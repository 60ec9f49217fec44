/*
 * backup.c - writing a backup; see backup.h. Blocks for as long as the lab is large: a thread of its own.
 *
 * The catalog is copied page by page inside one read transaction: whoever writes goes on beside it, and the copy
 * is of the moment when it began. Objects are listed after that moment: what the copy refers to is among them.
 */
#include "catalog/backup.h"

#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "api/common/runfolder.h"
#include "api/common/text.h"
#include "api/common/version.h"
#include "catalog/archive.h"
#include "catalog/db.h"
#include "catalog/digest.h"
#include "catalog/objects.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGES_AT_ONCE = 1024, CHUNK = 256 << 10, LINE_BYTES = 256 };

struct backup {
    struct cat *db;
    const struct store *s;
    struct archive_out *a;
    const struct backup_phase *how;
    struct backup_report *out;
    FILE *manifest; /* in tmp/, without a name */
    uint64_t entries;
    unsigned char chunk[CHUNK];
};

static int go_on(struct backup *b, uint64_t done, uint64_t total, struct err *e)
{
    const struct gc_progress *p = &b->how->progress;
    return !p->step || p->step(p->ctx, done, total)
               ? 0
               : err_set(e, E_UNAVAILABLE, NULL, "try again when it is back", "the lab is stopping");
}

static void phase(struct backup *b, const char *name)
{
    if (b->how->phase)
        b->how->phase(b->how->progress.ctx, name);
}

/* A file in tmp/ that has no name: it goes by itself. */
static FILE *scratch(const struct store *s, struct err *e)
{
    int fd = openat(s->tmp_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w+");
    if (!f) {
        (void)err_sys(e, "tmp", NULL, "cannot make a file in tmp/");
        fd_close_at(&fd);
    }
    return f;
}

/* ---- the catalog ---- */

static int copy_pages(struct backup *b, sqlite3 *to, struct err *e)
{
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", cat_handle(b->db), "main");
    int rc = copy ? SQLITE_OK : sqlite3_errcode(to);
    while (copy && (rc = sqlite3_backup_step(copy, PAGES_AT_ONCE)) == SQLITE_OK) {
        uint64_t total = (uint64_t)sqlite3_backup_pagecount(copy);
        if (go_on(b, total - (uint64_t)sqlite3_backup_remaining(copy), total, e) < 0) {
            sqlite3_backup_finish(copy);
            return -1;
        }
    }
    sqlite3_backup_finish(copy);
    if (rc != SQLITE_DONE)
        return err_set(e, (rc & 0xff) == SQLITE_FULL ? E_LIMIT : E_INTERNAL, "catalog",
                       "free space on the disk that holds the state folder",
                       "cannot copy the catalog: %s", sqlite3_errstr(rc));
    return 0;
}

static int copy_catalog(struct backup *b, const char *name, struct err *e)
{
    AUTO_FREE char *path = mem_printf("%s/tmp/%s", b->s->path, name);
    AUTO_FREE char *source = store_catalog_path(b->s);
    struct stat st;
    sqlite3 *to = NULL;
    if (stat(source, &st) < 0)
        return err_sys(e, "catalog", NULL, "cannot look at %s", source);
    if (store_has_room(b->s, (uint64_t)st.st_size, e) < 0)
        return -1;
    int rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW,
                             NULL);
    if (rc == SQLITE_OK) /* it is read back and digested before anybody relies on it */
        rc = sqlite3_exec(to, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        err_set(e, E_INTERNAL, "catalog", NULL, "cannot make a copy: %s", sqlite3_errstr(rc));
    /* The head is read in the transaction that is copied. */
    else if (cat_exec(b->db, "BEGIN", e) == 0) {
        struct err ignored = {0};
        if (audit_head(b->db, &b->out->audit_number, b->out->audit_hash, e) == 0)
            (void)!copy_pages(b, to, e);
        if (cat_exec(b->db, "ROLLBACK", &ignored) < 0 && e->kind == E_NONE)
            *e = ignored;
    }
    sqlite3_close(to);
    return e->kind == E_NONE ? 0 : -1;
}

/* ---- files into the archive ---- */

/* Exactly `size` bytes of fd (a log may grow meanwhile). What it was goes to the manifest. */
static int add_fd(struct backup *b, int fd, uint64_t size, const char *name,
                  char sha256[DIGEST_HEX_SIZE], struct err *e)
{
    AUTO_DIGEST struct digest *d = digest_new();
    if (archive_out_file(b->a, name, size, e) < 0)
        return -1;
    for (uint64_t at = 0; at < size;) {
        size_t room = size - at < CHUNK ? (size_t)(size - at) : CHUNK;
        ssize_t n = pread(fd, b->chunk, room, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? err_sys(e, "file", "look at the disk", "cannot read %s", name)
                         : err_set(e, E_CONFLICT, "file", "try again", "%s became shorter", name);
        digest_add(d, b->chunk, (size_t)n);
        if (archive_out_add(b->a, b->chunk, (size_t)n, e) < 0)
            return -1;
        at += (uint64_t)n;
    }
    digest_end(d, sha256);
    b->entries++;
    if (fprintf(b->manifest, "%s %" PRIu64 " %s\n", sha256, size, name) < 0)
        return err_sys(e, "tmp", NULL, "cannot write to tmp/");
    return 0;
}

static int add_scratch(struct backup *b, FILE *f, const char *name, char sha256[DIGEST_HEX_SIZE],
                       struct err *e)
{
    struct stat st;
    if (fflush(f) != 0 || fstat(fileno(f), &st) < 0)
        return err_sys(e, "tmp", "free space on the disk that holds the state folder",
                       "cannot write to tmp/");
    return add_fd(b, fileno(f), (uint64_t)st.st_size, name, sha256, e);
}

static int add_text(struct backup *b, const struct buf *text, const char *name, struct err *e)
{
    char sha256[DIGEST_HEX_SIZE];
    digest_bytes(text->data, text->len, sha256);
    if (archive_out_file(b->a, name, text->len, e) < 0 ||
        archive_out_add(b->a, text->data, text->len, e) < 0)
        return -1;
    b->entries++;
    if (fprintf(b->manifest, "%s %zu %s\n", sha256, text->len, name) < 0)
        return err_sys(e, "tmp", NULL, "cannot write to tmp/");
    return 0;
}

static int add_catalog(struct backup *b, struct err *e)
{
    char name[OBJECTS_TMP_NAME], sha256[DIGEST_HEX_SIZE];
    struct stat st;
    objects_tmp_name("backup", name);
    phase(b, "copy");
    int rc = copy_catalog(b, name, e);
    AUTO_FD int fd = rc < 0 ? -1 : openat(b->s->tmp_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    (void)!unlinkat(b->s->tmp_fd, name, 0); /* tmp/ is emptied at start, too */
    if (rc < 0)
        return -1;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, "catalog", NULL, "cannot open the copy of the catalog");
    b->out->catalog_bytes = (uint64_t)st.st_size;
    return add_fd(b, fd, (uint64_t)st.st_size, "catalog.db", sha256, e);
}

/* ---- objects ---- */

/* Calls for each name in a folder. */
typedef int each_name(struct backup *b, int dir_fd, const char *folder, const char *name, void *ctx,
                      struct err *e);

static int each_in(struct backup *b, int top_fd, const char *folder, each_name *call, void *ctx,
                   struct err *e)
{
    AUTO_FD int fd = openat(top_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return err_sys(e, "state", "look at the disk", "cannot read the folder %s", folder);
    int dir_fd = fd_take(&fd);
    int rc = 0;
    const struct dirent *d;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): each DIR is ours alone */
    while (rc == 0 && (d = readdir(dir)) != NULL)
        if (d->d_name[0] != '.')
            rc = call(b, dir_fd, folder, d->d_name, ctx, e);
    closedir(dir);
    return rc;
}

static int list_object(struct backup *b, int dir_fd, const char *folder, const char *name, void *ctx,
                       struct err *e)
{
    char id[DIGEST_HEX_SIZE];
    struct stat st;
    if (snprintf(id, sizeof id, "%s%s", folder, name) >= (int)sizeof id || !text_is_sha256(id))
        return 0;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_sys(e, "objects", NULL, "cannot look at object %s", id);
    b->out->objects++;
    b->out->object_bytes += (uint64_t)st.st_size;
    return fprintf(ctx, "%s %" PRIu64 "\n", id, (uint64_t)st.st_size) < 0
               ? err_sys(e, "tmp", NULL, "cannot write to tmp/")
               : 0;
}

static int add_object(struct backup *b, const char *id, uint64_t size, struct err *e)
{
    AUTO_FD int fd = -1;
    char name[ARCHIVE_NAME_SIZE], got[DIGEST_HEX_SIZE];
    uint64_t now = 0;
    if (objects_open(b->s, id, &fd, &now, e) < 0) {
        if (e->kind != E_NOT_FOUND)
            return -1;
        e->kind = E_CONFLICT;
        return err_context(e, "it was set aside while the backup was made, try again");
    }
    if (now != size)
        return objects_set_aside(b->s, id, fd, "its size changed", e);
    snprintf(name, sizeof name, "objects/%.2s/%s", id, id + 2);
    if (add_fd(b, fd, size, name, got, e) < 0)
        return -1;
    if (strcmp(got, id) != 0)
        return objects_set_aside(b->s, id, fd, "a backup read other bytes than those of its name", e);
    return 0;
}

static int add_objects(struct backup *b, bool contents, struct err *e)
{
    char line[LINE_BYTES], id[DIGEST_HEX_SIZE], sha256[DIGEST_HEX_SIZE];
    uint64_t size, done = 0;
    phase(b, "objects");
    FILE *list = scratch(b->s, e);
    if (!list)
        return -1;
    int rc = 0;
    for (unsigned n = 0; rc == 0 && n < 256; n++) {
        char folder[3];
        snprintf(folder, sizeof folder, "%02x", n);
        rc = each_in(b, b->s->objects_fd, folder, list_object, list, e);
    }
    if (rc == 0)
        rc = add_scratch(b, list, "objects.txt", sha256, e);
    rewind(list);
    while (rc == 0 && contents && fgets(line, sizeof line, list)) {
        /* NOLINTNEXTLINE(cert-err34-c): written above */
        if (sscanf(line, "%64s %" SCNu64, id, &size) != 2)
            rc = err_set(e, E_INTERNAL, NULL, NULL, "the list of objects cannot be read back");
        else if ((rc = add_object(b, id, size, e)) == 0)
            rc = go_on(b, done += size, b->out->object_bytes, e);
    }
    if (rc == 0 && ferror(list))
        rc = err_sys(e, "tmp", NULL, "cannot read the list of objects");
    fclose(list);
    return rc;
}

/* ---- runs ---- */

static const char *const run_files[] = {RUNFOLDER_SPEC, RUNFOLDER_LOG, RUNFOLDER_RECORD, RUNFOLDER_LOCK};

static int add_run(struct backup *b, int runs_fd, const char *folder, const char *run, void *ctx,
                   struct err *e)
{
    (void)folder;
    (void)ctx;
    if (run[0] != 'r' || !text_is_name(run) || strlen(run) >= TEXT_ID_SIZE)
        return 0;
    for (size_t i = 0; i < sizeof run_files / sizeof *run_files; i++) {
        char path[ARCHIVE_NAME_SIZE], sha256[DIGEST_HEX_SIZE];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", run, run_files[i]);
        AUTO_FD int fd = openat(runs_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT)
            continue;
        if (fd < 0 || fstat(fd, &st) < 0)
            return err_sys(e, "runs", NULL, "cannot open runs/%s", path);
        snprintf(path, sizeof path, "runs/%s/%s", run, run_files[i]);
        if (S_ISREG(st.st_mode) && add_fd(b, fd, (uint64_t)st.st_size, path, sha256, e) < 0)
            return -1;
    }
    b->out->runs++;
    return go_on(b, b->out->runs, 0, e);
}

/* ---- the whole ---- */

static int add_head(struct backup *b, bool objects, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(4096);
    struct jw w = jw_to(&text);
    jw_obj(&w);
    jw_int_at(&w, "version", 1);
    jw_int_at(&w, "created_us", b->out->created_us);
    jw_str_at(&w, "program", "enclosd " ENCLOS_VERSION);
    jw_str_at(&w, "objects", objects ? "included" : "listed");
    jw_end_obj(&w);
    return add_text(b, &text, "backup.json", e);
}

static int add_end(struct backup *b, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(4096);
    char manifest[DIGEST_HEX_SIZE];
    struct jw w = jw_to(&text);
    uint64_t entries = b->entries;
    if (add_scratch(b, b->manifest, "manifest.txt", manifest, e) < 0)
        return -1;
    jw_obj(&w);
    jw_int_at(&w, "entries", (int64_t)entries);
    jw_str_at(&w, "manifest_sha256", manifest);
    jw_int_at(&w, "audit_number", b->out->audit_number);
    jw_str_at(&w, "audit_hash", b->out->audit_hash);
    jw_end_obj(&w);
    if (add_text(b, &text, "end.json", e) < 0)
        return -1;
    return archive_out_finish(b->a, e);
}

int backup_write(struct cat *db, const struct store *s, int fd, bool objects,
                 const struct backup_phase *how, struct backup_report *out, struct err *e)
{
    AUTO_ARCHIVE_OUT struct archive_out *a = NULL;
    *out = (struct backup_report){.created_us = time_now_us(), .has_objects = objects};
    if (archive_out_new(fd, &a, e) < 0)
        return -1;
    AUTO_FREE struct backup *b = mem_alloc(sizeof *b);
    *b = (struct backup){.db = db, .s = s, .a = a, .how = how, .out = out};
    b->manifest = scratch(s, e);
    if (!b->manifest)
        return -1;
    int rc = add_head(b, objects, e);
    if (rc == 0)
        rc = add_catalog(b, e);
    if (rc == 0)
        rc = add_objects(b, objects, e);
    if (rc == 0) {
        phase(b, "runs");
        rc = each_in(b, s->dir_fd, "runs", add_run, NULL, e);
    }
    if (rc == 0)
        rc = add_end(b, e);
    out->file_bytes = archive_out_written(a);
    fclose(b->manifest);
    return rc;
}
