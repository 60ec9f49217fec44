/*
 * manifest.c - manifests: built, printed, parsed. The text is the truth: its SHA-256 is the id, so
 * only one spelling is accepted.
 */
#include "catalog/manifest.h"

#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "api/common/treetext.h"
#include "catalog/objects.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct manifest *manifest_new(void)
{
    struct manifest *m = mem_alloc(sizeof *m);
    m->texts = arena_new();
    return m;
}

void manifest_free_at(struct manifest **m)
{
    if (!*m)
        return;
    arena_free((*m)->texts);
    mem_free_at(&(*m)->entries);
    mem_free_at(m);
}

/* A further entry with that path; NULL with *e set. */
static struct manifest_entry *add(struct manifest *m, const char *path, enum manifest_kind kind,
                                  struct err *e)
{
    char shown[120];
    text_sanitize(path, strlen(path), shown, sizeof shown);
    if (m->count == MANIFEST_ENTRIES_MAX) {
        err_set(e, E_LIMIT, "entries", "pack small files together, or leave some out",
                "a manifest has at most %d files", MANIFEST_ENTRIES_MAX);
        return NULL;
    }
    if (!text_is_rel_path(path)) {
        err_set(e, E_INVALID, "path", "relative, without '..', in UTF-8",
                "\"%s\" is no path for a manifest", shown);
        return NULL;
    }
    if (m->count == m->room) {
        m->room = m->room ? 2 * m->room : 64;
        m->entries = mem_grow(m->entries, m->room, sizeof *m->entries);
    }
    struct manifest_entry *entry = &m->entries[m->count++];
    *entry = (struct manifest_entry){.path = arena_strdup(m->texts, path), .kind = kind};
    return entry;
}

int manifest_add(struct manifest *m, const char *path, const char *sha256, uint64_t size_bytes,
                 bool executable, struct err *e)
{
    char shown[120];
    text_sanitize(path, strlen(path), shown, sizeof shown);
    if (!text_is_sha256(sha256))
        return err_set(e, E_INVALID, "sha256", NULL, "the digest of %s is no SHA-256", shown);
    if (size_bytes > OBJECT_MAX_BYTES)
        return err_set(e, E_LIMIT, "size", NULL, "%s has more than %d TiB", shown, OBJECT_MAX_TB);
    struct manifest_entry *entry = add(m, path, MANIFEST_FILE, e);
    if (!entry)
        return -1;
    memcpy(entry->sha256, sha256, DIGEST_HEX_SIZE);
    entry->size_bytes = size_bytes;
    entry->executable = executable;
    m->file_count++;
    m->total_bytes += size_bytes; /* 100 000 files of 1 TiB stay below 2^57 */
    return 0;
}

int manifest_add_link(struct manifest *m, const char *path, const char *target, struct err *e)
{
    char shown[200];
    text_sanitize(target, strnlen(target, 160), shown, sizeof shown);
    if (!treetext_is_target(target))
        return err_set(e, E_INVALID, "link", "UTF-8 without control characters, 1024 bytes at most",
                       "\"%s\" cannot be where a link leads", shown);
    struct manifest_entry *entry = add(m, path, MANIFEST_LINK, e);
    if (!entry)
        return -1;
    entry->target = arena_strdup(m->texts, target);
    return 0;
}

int manifest_add_folder(struct manifest *m, const char *path, struct err *e)
{
    return add(m, path, MANIFEST_FOLDER, e) ? 0 : -1;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct manifest_entry *)a)->path,
                  ((const struct manifest_entry *)b)->path);
}

struct prefix {
    const char *path;
    size_t len;
};

static int prefix_to_path(const void *key, const void *entry)
{
    const struct prefix *prefix = key;
    const char *path = ((const struct manifest_entry *)entry)->path;
    int order = strncmp(prefix->path, path, prefix->len);
    return order != 0 ? order : path[prefix->len] == '\0' ? 0 : -1;
}

/* Entries are sorted. The neighbour is not enough: "a", "a-b", "a/c". */
static int check_paths(const struct manifest *m, struct err *e)
{
    for (size_t i = 0; i < m->count; i++) {
        const char *path = m->entries[i].path;
        if (i > 0 && strcmp(m->entries[i - 1].path, path) == 0)
            return err_set(e, E_INVALID, "entries", NULL, "%.200s is there twice", path);
        for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
            struct prefix prefix = {path, (size_t)(slash - path)};
            if (bsearch(&prefix, m->entries, m->count, sizeof *m->entries, prefix_to_path))
                return err_set(e, E_INVALID, "entries", NULL,
                               "%.*s is an entry and the folder of another one",
                               (int)(prefix.len < 200 ? prefix.len : 200), path);
        }
    }
    return 0;
}

void manifest_print(const struct manifest *m, struct buf *out)
{
    struct jw w;
    treetext_begin(&w, out);
    for (size_t i = 0; i < m->count; i++) {
        const struct manifest_entry *entry = &m->entries[i];
        switch (entry->kind) {
        case MANIFEST_FILE:
            treetext_file(&w, entry->path, entry->executable, entry->sha256, entry->size_bytes);
            break;
        case MANIFEST_LINK: treetext_link(&w, entry->path, entry->target); break;
        case MANIFEST_FOLDER: treetext_folder(&w, entry->path); break;
        }
    }
    treetext_end(&w);
}

int manifest_seal(struct manifest *m, struct buf *text, struct err *e)
{
    AUTO_BUF struct buf own = BUF_INIT(MANIFEST_MAX_BYTES);
    if (m->count > 0)
        qsort(m->entries, m->count, sizeof *m->entries, by_path);
    if (check_paths(m, e) < 0)
        return -1;
    manifest_print(m, &own);
    if (own.failed)
        return err_set(e, E_LIMIT, "entries", "pack small files together, or leave some out",
                       "a manifest has at most %d MiB of text", MANIFEST_MAX_BYTES >> 20);
    digest_bytes(buf_cstr(&own), own.len, m->id);
    if (text)
        buf_add(text, own.data, own.len);
    return 0;
}

/* ---- parsing ---- */

static int parse_file(struct manifest *m, const struct json *v, const char *where, struct err *e)
{
    static const char *const keys[] = {"mode", "path", "sha256", "size", NULL};
    const char *mode = NULL;
    const char *path = NULL;
    const char *sha256 = NULL;
    int64_t size = 0;
    if (json_only_keys(v, where, keys, e) < 0 ||
        json_need_str(v, where, "mode", 4, 4, &mode, e) < 0 ||
        json_need_str(v, where, "path", 1, 1024, &path, e) < 0 ||
        json_need_str(v, where, "sha256", 64, 64, &sha256, e) < 0 ||
        json_need_int(v, where, "size", 0, (int64_t)OBJECT_MAX_BYTES, &size, e) < 0)
        return -1;
    bool executable = strcmp(mode, "0755") == 0;
    if (!executable && strcmp(mode, "0644") != 0)
        return err_set(e, E_INVALID, where, NULL, "mode is \"%s\", not 0644 or 0755", mode);
    if (manifest_add(m, path, sha256, (uint64_t)size, executable, e) < 0)
        return err_context(e, "%s", where);
    return 0;
}

static int parse_link(struct manifest *m, const struct json *v, const char *where, struct err *e)
{
    static const char *const keys[] = {"link", "path", NULL};
    const char *target = NULL;
    const char *path = NULL;
    if (json_only_keys(v, where, keys, e) < 0 ||
        json_need_str(v, where, "link", 1, TREETEXT_TARGET_MAX, &target, e) < 0 ||
        json_need_str(v, where, "path", 1, 1024, &path, e) < 0)
        return -1;
    if (manifest_add_link(m, path, target, e) < 0)
        return err_context(e, "%s", where);
    return 0;
}

static int parse_folder(struct manifest *m, const struct json *v, const char *where, struct err *e)
{
    static const char *const keys[] = {"folder", "path", NULL};
    const char *path = NULL;
    bool folder = false;
    if (json_only_keys(v, where, keys, e) < 0 || json_opt_bool(v, where, "folder", &folder, e) < 0 ||
        json_need_str(v, where, "path", 1, 1024, &path, e) < 0)
        return -1;
    if (!folder)
        return err_set(e, E_INVALID, where, NULL, "folder is not true");
    if (manifest_add_folder(m, path, e) < 0)
        return err_context(e, "%s", where);
    return 0;
}

static int parse_entry(struct manifest *m, const struct json *v, size_t index, struct err *e)
{
    char where[32];
    snprintf(where, sizeof where, "entries[%zu]", index);
    if (json_type(v) != JSON_OBJECT)
        return err_set(e, E_INVALID, where, NULL, "an entry is an object, not a %s",
                       json_type_name(json_type(v)));
    int rc = json_get(v, "link")     ? parse_link(m, v, where, e)
             : json_get(v, "folder") ? parse_folder(m, v, where, e)
                                     : parse_file(m, v, where, e);
    if (rc < 0)
        return -1;
    if (index > 0 && strcmp(m->entries[index - 1].path, m->entries[index].path) >= 0)
        return err_set(e, E_INVALID, where, "sort entries by the bytes of their path",
                       "%.180s does not come after the one before it", m->entries[index].path);
    return 0;
}

static int parse_root(struct manifest *m, const struct json *root, struct err *e)
{
    static const char *const keys[] = {"entries", "version", NULL};
    const struct json *entries = NULL;
    int64_t version;
    size_t index = 0;
    if (json_type(root) != JSON_OBJECT)
        return err_set(e, E_INVALID, "manifest", NULL, "a manifest is an object");
    if (json_only_keys(root, "", keys, e) < 0 ||
        json_need_int(root, "", "version", 1, 1, &version, e) < 0 ||
        json_opt_array(root, "", "entries", MANIFEST_ENTRIES_MAX, &entries, e) < 0)
        return -1;
    if (!entries)
        return err_set(e, E_INVALID, "entries", NULL, "entries is missing");
    for (const struct json *v = json_first(entries); v; v = json_next(v))
        if (parse_entry(m, v, index++, e) < 0)
            return -1;
    return 0;
}

int manifest_parse(const char *text, size_t len, struct manifest **out, struct err *e)
{
    struct json_limits limits = {.max_bytes = MANIFEST_MAX_BYTES, .max_depth = 4};
    AUTO_BUF struct buf canonical = BUF_INIT(MANIFEST_MAX_BYTES);
    AUTO_MANIFEST struct manifest *m = manifest_new();
    {
        AUTO_JSON struct json *root = json_parse(text, len, &limits, e);
        if (!root || parse_root(m, root, e) < 0)
            return err_context(e, "manifest");
    }
    if (manifest_seal(m, &canonical, e) < 0)
        return err_context(e, "manifest");
    if (canonical.len != len || memcmp(buf_cstr(&canonical), text, len) != 0)
        return err_set(e, E_INVALID, "manifest",
                       "no spaces, sorted keys, no needless escapes, nothing after the end",
                       "the manifest is not in canonical form");
    *out = ptr_take(&m);
    return 0;
}

/* ---- in the store ---- */

int manifest_load_any(const struct store *s, const char *id, struct manifest **out, struct err *e)
{
    AUTO_FD int fd = -1;
    AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
    AUTO_MANIFEST struct manifest *m = NULL;
    if (objects_open(s, id, &fd, NULL, e) < 0 ||
        fd_read_all(fd, MANIFEST_MAX_BYTES, &text, "a manifest", e) < 0)
        return err_context(e, "manifest %s", id);
    char got[DIGEST_HEX_SIZE];
    digest_bytes(buf_cstr(&text), text.len, got);
    if (strcmp(got, id) != 0) {
        char why[64];
        snprintf(why, sizeof why, "the manifest's bytes have digest %.12s...", got);
        return objects_set_aside(s, id, fd, why, e);
    }
    if (manifest_parse(buf_cstr(&text), text.len, &m, e) < 0 || !m)
        return err_context(e, "object %s", id);
    *out = ptr_take(&m);
    return 0;
}

int manifest_load(const struct store *s, const char *id, struct manifest **out, struct err *e)
{
    AUTO_MANIFEST struct manifest *m = NULL;
    if (manifest_load_any(s, id, &m, e) < 0 || !m)
        return -1;
    if (m->file_count != m->count)
        return err_set(e, E_INVALID, "manifest", "only an environment may have them",
                       "manifest %.12s has links or empty folders", id);
    *out = ptr_take(&m);
    return 0;
}

int manifest_store(const struct store *s, const struct manifest *m, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
    manifest_print(m, &text);
    if (text.failed)
        return err_set(e, E_LIMIT, "entries", NULL, "the manifest is too large");
    return objects_put_bytes(s, text.data, text.len, m->id, NULL, NULL, e);
}
