/*
 * env_oci.h - an OCI image layout, as `skopeo copy docker://… oci:FOLDER` leaves it: which image, which layers.
 *
 *   oci-layout   index.json   blobs/sha256/...
 *
 * Every descriptor is believed only after the bytes had the size and digest that it says. Specification:
 * https://github.com/opencontainers/image-spec
 */
#ifndef ENCLOS_ENV_OCI_H
#define ENCLOS_ENV_OCI_H

#include "api/common/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OCI_LAYERS_MAX = 500, OCI_JSON_MAX_BYTES = 4 << 20, OCI_TAGS = 200 };

enum oci_media { OCI_INDEX, OCI_MANIFEST, OCI_LAYER, OCI_OTHER };

struct oci_blob {
    enum oci_media media;
    char sha256[65];
    uint64_t size_bytes;
};

struct oci_image {
    struct oci_blob manifest;
    struct oci_blob config;
    struct oci_blob layers[OCI_LAYERS_MAX];
    size_t layer_count;
};

/* Is that folder such a layout? */
bool oci_is_layout(int folder_fd);

/* The image for linux/amd64, of that tag (NULL: the only one there is). E_INVALID, E_NOT_FOUND. */
MUST_USE int oci_open(int folder_fd, const char *tag, struct oci_image *out, struct err *e);

/* A blob of the layout, checked for its size. */
MUST_USE int oci_open_blob(int folder_fd, const struct oci_blob *blob, int *out, struct err *e);

/* ---- texts, for tests ---- */

/* Which image (or further index) an index leads to. `top`: index.json itself, where tags are. */
MUST_USE int oci_parse_index(const char *text, size_t len, const char *tag, bool top,
                             struct oci_blob *out, struct err *e);
MUST_USE int oci_parse_manifest(const char *text, size_t len, struct oci_image *out, struct err *e);
MUST_USE int oci_parse_config(const char *text, size_t len, struct err *e);

#endif
