/*
 * env_oci.c - reads OCI image layouts; see env_oci.h.
 */
#include "api/cli/env_oci.h"
#include "api/cli/say.h"
#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/text.h"
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NESTED_MAX = 3, MANIFESTS_MAX = 10000 };

static const char tag_key[] = "org.opencontainers.image.ref.name";

static int bad(struct err *e, const char *what)
{
    return say_err(e, E_INVALID, NULL, T_NONE, T_OCI_BAD, what);
}

/* ---- descriptors ---- */

static enum oci_media media_of(const char *type)
{
    static const struct {
        const char *type;
        enum oci_media media;
    } known[] = {
        {"application/vnd.oci.image.index.v1+json", OCI_INDEX},
        {"application/vnd.docker.distribution.manifest.list.v2+json", OCI_INDEX},
        {"application/vnd.oci.image.manifest.v1+json", OCI_MANIFEST},
        {"application/vnd.docker.distribution.manifest.v2+json", OCI_MANIFEST},
        {"application/vnd.oci.image.layer.v1.tar", OCI_LAYER},
        {"application/vnd.oci.image.layer.v1.tar+gzip", OCI_LAYER},
        {"application/vnd.oci.image.layer.v1.tar+zstd", OCI_LAYER},
        {"application/vnd.oci.image.layer.nondistributable.v1.tar", OCI_LAYER},
        {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", OCI_LAYER},
        {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", OCI_LAYER},
        {"application/vnd.docker.image.rootfs.diff.tar", OCI_LAYER},
        {"application/vnd.docker.image.rootfs.diff.tar.gzip", OCI_LAYER},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].type, type) == 0)
            return known[i].media;
    return OCI_OTHER;
}

static const char *text_at(const struct json *obj, const char *key)
{
    const char *s = json_str(json_get(obj, key));

    return s ? s : "";
}

static int read_descriptor(const struct json *v, const char *what, struct oci_blob *out,
                           struct err *e)
{
    const char *digest = text_at(v, "digest");
    const struct json *size = json_get(v, "size");

    if (strncmp(digest, "sha256:", 7) != 0 || !text_is_sha256(digest + 7)) {
        char safe[100];
        text_sanitize(digest, strnlen(digest, 80), safe, sizeof safe);
        return say_err(e, E_INVALID, NULL, T_NONE, T_OCI_DIGEST, what, safe);
    }
    if (!json_is_int(size) || json_int(size, -1) < 0)
        return bad(e, what);
    out->media = media_of(text_at(v, "mediaType"));
    memcpy(out->sha256, digest + 7, sizeof out->sha256);
    out->size_bytes = (uint64_t)json_int(size, 0);
    return 0;
}

static struct json *parse(const char *text, size_t len, const char *what, struct err *e)
{
    const struct json_limits limits = {.max_bytes = OCI_JSON_MAX_BYTES, .max_depth = 32};
    struct err why = {0};
    struct json *root = json_parse(text, len, &limits, &why);

    if (!root || json_type(root) != JSON_OBJECT) {
        json_free_at(&root);
        (void)bad(e, what);
        return NULL;
    }
    return root;
}

/* ---- index ---- */

/* An entry without a platform may be for any; builders' attestations are for "unknown". */
static bool is_for_us(const struct json *v)
{
    const struct json *platform = json_get(v, "platform");

    if (json_type(platform) != JSON_OBJECT)
        return true;
    return strcmp(text_at(platform, "os"), "linux") == 0 &&
           strcmp(text_at(platform, "architecture"), "amd64") == 0;
}

static void add_tag(struct buf *tags, const char *tag)
{
    char safe[100];

    if (!*tag || tags->len > OCI_TAGS)
        return;
    text_sanitize(tag, strnlen(tag, 80), safe, sizeof safe);
    buf_printf(tags, "%s%s", tags->len > 0 ? ", " : "", safe);
}

int oci_parse_index(const char *text, size_t len, const char *tag, bool top, struct oci_blob *out,
                    struct err *e)
{
    AUTO_JSON struct json *root = parse(text, len, "index.json", e);
    AUTO_BUF struct buf tags = BUF_INIT(1024);
    const struct json *list = json_get(root, "manifests"), *found = NULL;
    size_t fit = 0, others = 0;

    if (!root)
        return -1;
    if (json_type(list) != JSON_ARRAY || json_count(list) > MANIFESTS_MAX)
        return bad(e, "index.json");
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        enum oci_media media = media_of(text_at(v, "mediaType"));
        const char *own = text_at(json_get(v, "annotations"), tag_key);
        if (media != OCI_INDEX && media != OCI_MANIFEST)
            continue;
        if (top)
            add_tag(&tags, own);
        if (top && tag && strcmp(own, tag) != 0)
            continue;
        if (!is_for_us(v)) {
            others++;
            continue;
        }
        found = found ? found : v;
        fit++;
    }
    if (fit == 0 && others > 0)
        return say_err(e, E_NOT_FOUND, NULL, T_NONE, T_OCI_PLATFORM);
    if (fit == 0 && top && tag)
        return say_err(e, E_NOT_FOUND, NULL, T_NONE, T_OCI_NO_TAG, tag, buf_cstr(&tags));
    if (fit == 0)
        return say_err(e, E_NOT_FOUND, NULL, T_NONE, T_OCI_EMPTY);
    if (fit > 1)
        return say_err(e, E_INVALID, NULL, T_OCI_SEVERAL_HINT, T_OCI_SEVERAL, buf_cstr(&tags));
    return read_descriptor(found, "index.json", out, e);
}

/* ---- manifest and config ---- */

int oci_parse_manifest(const char *text, size_t len, struct oci_image *out, struct err *e)
{
    AUTO_JSON struct json *root = parse(text, len, "manifest", e);
    const struct json *layers = json_get(root, "layers");

    if (!root)
        return -1;
    out->layer_count = 0;
    if (json_type(layers) != JSON_ARRAY || json_count(layers) == 0 ||
        json_count(layers) > OCI_LAYERS_MAX)
        return bad(e, "manifest");
    if (read_descriptor(json_get(root, "config"), "manifest", &out->config, e) < 0)
        return -1;
    for (const struct json *v = json_first(layers); v; v = json_next(v)) {
        struct oci_blob *layer = &out->layers[out->layer_count];
        if (read_descriptor(v, "manifest", layer, e) < 0)
            return -1;
        if (layer->media != OCI_LAYER) {
            char safe[160];
            const char *type = text_at(v, "mediaType");
            text_sanitize(type, strnlen(type, 120), safe, sizeof safe);
            return say_err(e, E_INVALID, NULL, T_NONE, T_OCI_LAYER, safe);
        }
        out->layer_count++;
    }
    return 0;
}

int oci_parse_config(const char *text, size_t len, struct err *e)
{
    AUTO_JSON struct json *root = parse(text, len, "config", e);

    if (!root)
        return -1;
    if (strcmp(text_at(root, "os"), "linux") != 0 ||
        strcmp(text_at(root, "architecture"), "amd64") != 0)
        return say_err(e, E_NOT_FOUND, NULL, T_NONE, T_OCI_PLATFORM);
    return 0;
}

/* ---- the layout ---- */

bool oci_is_layout(int folder_fd)
{
    struct stat st;

    return fstatat(folder_fd, "oci-layout", &st, 0) == 0 && S_ISREG(st.st_mode);
}

int oci_open_blob(int folder_fd, const struct oci_blob *blob, int *out, struct err *e)
{
    char path[96];
    struct stat st;

    snprintf(path, sizeof path, "blobs/sha256/%s", blob->sha256);
    AUTO_FD int fd =
        openat(folder_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_sys(e, NULL, NULL, "%s", path);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != blob->size_bytes)
        return say_err(e, E_INVALID, NULL, T_NONE, T_ENV_DIGEST, path);
    *out = fd_take(&fd);
    return 0;
}

/* A small one, whole, and it is what its name says. */
static int read_blob(int folder_fd, const struct oci_blob *blob, struct buf *out, struct err *e)
{
    AUTO_FD int fd = -1;
    unsigned char digest[EVP_MAX_MD_SIZE];
    char got[65], path[96];

    snprintf(path, sizeof path, "blobs/sha256/%s", blob->sha256);
    if (oci_open_blob(folder_fd, blob, &fd, e) < 0 ||
        fd_read_all(fd, OCI_JSON_MAX_BYTES, out, path, e) < 0)
        return -1;
    if (EVP_Digest(buf_cstr(out), out->len, digest, NULL, EVP_sha256(), NULL) != 1)
        return err_set(e, E_INTERNAL, NULL, NULL, "libcrypto refuses SHA-256");
    text_hex(digest, 32, got);
    if (strcmp(got, blob->sha256) != 0)
        return say_err(e, E_INVALID, NULL, T_NONE, T_ENV_DIGEST, path);
    return 0;
}

static int read_layout(int folder_fd, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(OCI_JSON_MAX_BYTES);

    if (fd_read_file(folder_fd, "oci-layout", OCI_JSON_MAX_BYTES, &text, e) < 0)
        return -1;
    AUTO_JSON struct json *root = parse(buf_cstr(&text), text.len, "oci-layout", e);
    if (!root)
        return -1;
    if (strncmp(text_at(root, "imageLayoutVersion"), "1.", 2) != 0)
        return bad(e, "oci-layout");
    return 0;
}

int oci_open(int folder_fd, const char *tag, struct oci_image *out, struct err *e)
{
    AUTO_BUF struct buf index = BUF_INIT(OCI_JSON_MAX_BYTES);
    AUTO_BUF struct buf text = BUF_INIT(OCI_JSON_MAX_BYTES);

    if (read_layout(folder_fd, e) < 0 ||
        fd_read_file(folder_fd, "index.json", OCI_JSON_MAX_BYTES, &index, e) < 0 ||
        oci_parse_index(buf_cstr(&index), index.len, tag, true, &out->manifest, e) < 0)
        return -1;
    for (int depth = 0; out->manifest.media == OCI_INDEX; depth++) {
        if (depth == NESTED_MAX)
            return bad(e, "index.json");
        buf_clear(&index);
        if (read_blob(folder_fd, &out->manifest, &index, e) < 0 ||
            oci_parse_index(buf_cstr(&index), index.len, NULL, false, &out->manifest, e) < 0)
            return -1;
    }
    if (read_blob(folder_fd, &out->manifest, &text, e) < 0 ||
        oci_parse_manifest(buf_cstr(&text), text.len, out, e) < 0)
        return -1;
    buf_clear(&text);
    return read_blob(folder_fd, &out->config, &text, e) < 0 ||
                   oci_parse_config(buf_cstr(&text), text.len, e) < 0
               ? -1
               : 0;
}
