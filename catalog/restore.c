/*
 * restore.c - a state folder made of a backup; see backup.h. What is read was written by somebody else.
 *
 * Names come from a closed set, files are made new and never replaced, and what end.json vouches for is compared with
 * what was written here, line by line of the same list.
 */
#include "catalog/backup.h"

#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "api/common/runfolder.h"
#include "api/common/text.h"
#include "catalog/archive.h"
#include "catalog/catalog.h"
#include "catalog/db.h"
#include "catalog/digest.h"
#include "catalog/objects.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 256 << 10, TEXT_MAX_BYTES = 64 << 10 };

struct restore {
    int dir_fd;
    struct archive_in *a;
    struct backup_report *out;
    struct digest *list; /* of the lines that manifest.txt should have */
    uint64_t entries;
    bool has_catalog;
    char manifest_sha256[DIGEST_HEX_SIZE]; /* of manifest.txt as it came; empty: not yet */
    unsigned char chunk[CHUNK];
};

static int refuse(struct err *e, const char *name, const char *why)
{
    char safe[ARCHIVE_NAME_SIZE * 4];
    text_sanitize(name, strlen(name), safe, sizeof safe);
    return err_set(e, E_INVALID, "file", "use another backup", "%s: %s", safe, why);
}

/* ---- files out of the archive ---- */

static int make_folder(int dir_fd, const char *path, struct err *e)
{
    if (mkdirat(dir_fd, path, 0700) < 0 && errno != EEXIST)
        return err_sys(e, "state", NULL, "cannot make %s", path);
    return 0;
}

/* Writes the file (or only reads it, with path NULL) and says what it was. */
static int take(struct restore *r, const char *path, mode_t mode, char sha256[DIGEST_HEX_SIZE],
                struct err *e)
{
    AUTO_DIGEST struct digest *d = digest_new();
    AUTO_FD int fd = -1;
    size_t got;
    if (path) {
        fd = openat(r->dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0)
            return errno == EEXIST ? refuse(e, path, "it is there twice")
                                   : err_sys(e, "state", NULL, "cannot make %s", path);
    }
    do {
        if (archive_in_read(r->a, r->chunk, sizeof r->chunk, &got, e) < 0)
            return -1;
        digest_add(d, r->chunk, got);
        if (fd >= 0 && fd_write_all(fd, r->chunk, got) < 0)
            return err_sys(e, "state", "free space on the disk", "cannot write %s", path);
    } while (got > 0);
    digest_end(d, sha256);
    return 0;
}

static int take_json(struct restore *r, uint64_t size, struct json **out,
                     char sha256[DIGEST_HEX_SIZE], const char *name, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX_BYTES);
    size_t got;
    if (size >= TEXT_MAX_BYTES)
        return refuse(e, name, "it is too large");
    do {
        if (archive_in_read(r->a, r->chunk, sizeof r->chunk, &got, e) < 0)
            return -1;
        buf_add(&text, (const char *)r->chunk, got);
    } while (got > 0);
    digest_bytes(buf_cstr(&text), text.len, sha256);
    *out = json_parse(buf_cstr(&text), text.len, NULL, e);
    return *out ? 0 : err_context(e, "%s", name);
}

static bool is_object_name(const char *name, char id[DIGEST_HEX_SIZE])
{
    return strlen(name) == 8 + 3 + 62 && strncmp(name, "objects/", 8) == 0 && name[10] == '/' &&
           snprintf(id, DIGEST_HEX_SIZE, "%.2s%s", name + 8, name + 11) == 64 && text_is_sha256(id);
}

static int take_object(struct restore *r, const char *name, const char *id, uint64_t size,
                       char sha256[DIGEST_HEX_SIZE], struct err *e)
{
    char folder[11];
    snprintf(folder, sizeof folder, "%.10s", name);
    if (make_folder(r->dir_fd, "objects", e) < 0 || make_folder(r->dir_fd, folder, e) < 0 ||
        take(r, name, 0400, sha256, e) < 0)
        return -1;
    if (strcmp(sha256, id) != 0)
        return refuse(e, name, "its bytes are not those of its name");
    r->out->objects++;
    r->out->object_bytes += size;
    return 0;
}

/* "runs/ID/FILE" of the few that a backup has. */
static bool is_run_name(const char *name, char folder[64])
{
    static const char *const files[] = {RUNFOLDER_SPEC, RUNFOLDER_LOG, RUNFOLDER_RECORD, RUNFOLDER_LOCK};
    const char *slash = strrchr(name, '/');
    char id[TEXT_ID_SIZE];
    if (strncmp(name, "runs/", 5) != 0 || !slash || slash <= name + 5 ||
        (size_t)(slash - name - 5) >= sizeof id)
        return false;
    snprintf(id, sizeof id, "%.*s", (int)(slash - name - 5), name + 5);
    snprintf(folder, 64, "runs/%s", id);
    if (!text_is_name(id) || id[0] != 'r')
        return false;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(slash + 1, files[i]) == 0)
            return true;
    return false;
}

static int take_run(struct restore *r, const char *name, const char *folder,
                    char sha256[DIGEST_HEX_SIZE], struct err *e)
{
    if (make_folder(r->dir_fd, "runs", e) < 0)
        return -1;
    if (mkdirat(r->dir_fd, folder, 0700) == 0)
        r->out->runs++;
    else if (errno != EEXIST)
        return err_sys(e, "state", NULL, "cannot make %s", folder);
    return take(r, name, 0600, sha256, e);
}

static int take_head(struct restore *r, uint64_t size, char sha256[DIGEST_HEX_SIZE], struct err *e)
{
    AUTO_JSON struct json *head = NULL;
    if (r->entries != 0)
        return refuse(e, "backup.json", "it is not the first");
    if (take_json(r, size, &head, sha256, "backup.json", e) < 0)
        return -1;
    if (json_int(json_get(head, "version"), 0) != 1)
        return err_set(e, E_INVALID, "file", "use the program that is newer",
                       "this backup has another form than this program knows");
    const char *objects = json_str(json_get(head, "objects"));
    r->out->has_objects = objects && strcmp(objects, "included") == 0;
    r->out->created_us = json_int(json_get(head, "created_us"), 0);
    return 0;
}

/* The last one: what it vouches for against what came. */
static int take_end(struct restore *r, uint64_t size, char sha256[DIGEST_HEX_SIZE], struct err *e)
{
    AUTO_JSON struct json *end = NULL;
    char own[DIGEST_HEX_SIZE];
    if (take_json(r, size, &end, sha256, "end.json", e) < 0)
        return -1;
    digest_end(r->list, own);
    const char *listed = json_str(json_get(end, "manifest_sha256"));
    const char *hash = json_str(json_get(end, "audit_hash"));
    if (!listed || !hash || strlen(hash) != 64)
        return refuse(e, "end.json", "it does not say what it should");
    if (strcmp(own, listed) != 0 || strcmp(own, r->manifest_sha256) != 0 ||
        json_int(json_get(end, "entries"), -1) != (int64_t)r->entries)
        return refuse(e, "manifest.txt", "the files are not those that it lists");
    r->out->audit_number = json_int(json_get(end, "audit_number"), -1);
    snprintf(r->out->audit_hash, sizeof r->out->audit_hash, "%s", hash);
    return 0;
}

/* 1: it was the end. */
static int take_one(struct restore *r, const char *name, uint64_t size, struct err *e)
{
    char sha256[DIGEST_HEX_SIZE], id[DIGEST_HEX_SIZE], folder[64], line[300];
    int rc;
    if (strcmp(name, "end.json") == 0)
        return take_end(r, size, sha256, e) < 0 ? -1 : 1;
    if (r->manifest_sha256[0])
        return refuse(e, name, "it follows manifest.txt");
    if (strcmp(name, "manifest.txt") == 0)
        return take(r, NULL, 0, r->manifest_sha256, e);
    if (strcmp(name, "backup.json") == 0)
        rc = take_head(r, size, sha256, e);
    else if (r->entries == 0)
        rc = refuse(e, name, "a backup begins with backup.json");
    else if (strcmp(name, "catalog.db") == 0) {
        rc = take(r, name, 0600, sha256, e);
        r->has_catalog = true;
        r->out->catalog_bytes = size;
    } else if (strcmp(name, "objects.txt") == 0)
        rc = take(r, NULL, 0, sha256, e);
    else if (is_object_name(name, id))
        rc = take_object(r, name, id, size, sha256, e);
    else if (is_run_name(name, folder))
        rc = take_run(r, name, folder, sha256, e);
    else
        rc = refuse(e, name, "a backup has no such file");
    if (rc < 0)
        return -1;
    int len = snprintf(line, sizeof line, "%s %" PRIu64 " %s\n", sha256, size, name);
    digest_add(r->list, line, (size_t)len);
    r->entries++;
    return 0;
}

static int take_all(struct restore *r, struct err *e)
{
    char name[ARCHIVE_NAME_SIZE];
    uint64_t size;
    int rc, ended = 0;
    while ((rc = archive_in_next(r->a, name, &size, e)) == 1) {
        if (ended)
            return refuse(e, name, "it follows end.json");
        ended = take_one(r, name, size, e);
        if (ended < 0)
            return -1;
    }
    if (rc < 0)
        return -1;
    if (!ended || !r->has_catalog)
        return refuse(e, r->has_catalog ? "end.json" : "catalog.db", "it is not there");
    return 0;
}

/* ---- the catalog that came ---- */

static int check_audit(struct cat *db, const struct backup_report *out, struct err *e)
{
    struct audit_report report;
    if (cat_check(db, e) < 0 || audit_verify(db, &report, e) < 0)
        return -1;
    if (!report.ok)
        return err_set(e, E_INVALID, "file", "use another backup",
                       "the audit log in it is broken at entry %lld: %s", (long long)report.broken,
                       report.reason);
    if (report.entries != out->audit_number || strcmp(report.head, out->audit_hash) != 0)
        return err_set(e, E_INVALID, "file", "use another backup",
                       "the audit log in it ends at entry %lld, not at %lld with the hash that was noted",
                       (long long)report.entries, (long long)out->audit_number);
    return 0;
}

struct told {
    const struct cat_actor *actor;
    const struct backup_report *out;
};

static int tell_restored(struct cat *db, void *ctx, struct err *e)
{
    const struct told *t = ctx;
    AUTO_BUF struct buf detail = BUF_INIT(4096);
    struct jw w = jw_to(&detail);
    jw_obj(&w);
    jw_int_at(&w, "backup_us", t->out->created_us);
    jw_int_at(&w, "audit_number", t->out->audit_number);
    jw_str_at(&w, "audit_hash", t->out->audit_hash);
    jw_int_at(&w, "objects", (int64_t)t->out->objects);
    jw_int_at(&w, "runs", (int64_t)t->out->runs);
    jw_end_obj(&w);
    return audit_append(db, t->actor, "lab.restored", "lab", buf_cstr(&detail), time_now_us(), e);
}

static void count_missing(void *ctx, const char *sha256, const char *manifest, const char *path,
                          const char *why)
{
    struct backup_report *out = ctx;
    (void)sha256;
    (void)manifest;
    (void)path;
    (void)why;
    out->missing++;
}

static int finish(const char *dir_path, const struct cat_actor *actor, struct backup_report *out,
                  struct err *e)
{
    struct store *s = NULL;
    struct catalog *c = NULL;
    struct cat *db = NULL;
    AUTO_IDSET struct idset *used = NULL;
    const struct gc_missing missing = {count_missing, out};
    struct told told = {actor, out};
    if (store_open(dir_path, &s, e) < 0)
        return -1;
    AUTO_FREE char *path = store_catalog_path(s);
    int rc = cat_open(path, false, &db, e);
    if (rc == 0)
        rc = check_audit(db, out, e);
    cat_close(db);
    db = NULL;
    if (rc == 0)
        rc = catalog_open(path, NULL, &c, e); /* migrates */
    if (rc == 0)
        rc = catalog_write_sync(c, tell_restored, &told, e);
    if (rc == 0)
        rc = cat_open(path, true, &db, e);
    if (rc == 0)
        rc = idset_new(s, &used, e);
    if (rc == 0)
        rc = gc_mark(db, s, NULL, used, NULL, &missing, e);
    cat_close(db);
    catalog_close(c);
    if (rc == 0 && syncfs(s->dir_fd) < 0)
        rc = err_sys(e, "state", "check the disk", "cannot sync %s", dir_path);
    idset_free_at(&used);
    store_close(s);
    return rc;
}

int backup_restore(int fd, const char *dir_path, const struct cat_actor *actor,
                   struct backup_report *out, struct err *e)
{
    AUTO_ARCHIVE_IN struct archive_in *a = NULL;
    AUTO_DIGEST struct digest *list = digest_new();
    *out = (struct backup_report){0};
    AUTO_FD int dir_fd = open(dir_path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir_fd < 0)
        return err_sys(e, "state", NULL, "cannot open %s", dir_path);
    if (archive_in_new(fd, &a, e) < 0)
        return -1;
    AUTO_FREE struct restore *r = mem_alloc(sizeof *r);
    r->dir_fd = dir_fd;
    r->a = a;
    r->out = out;
    r->list = list;
    if (take_all(r, e) < 0)
        return -1;
    return finish(dir_path, actor, out, e);
}
