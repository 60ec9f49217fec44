/*
 * fuzz_oci.c - index, manifest and config of an OCI image: any bytes are refused with an error that can be shown,
 * or give digests that are digests.
 *
 * The first byte says which of the three, and whether a tag is asked for.
 */
#include "api/cli/env_oci.h"
#include "api/common/err.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct oci_image image;
    struct err e = {0};
    struct oci_blob blob = {0};
    int rc;

    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    size_t len = size - 1;
    switch (data[0] % 4) {
    case 0: rc = oci_parse_index(text, len, NULL, true, &blob, &e); break;
    case 1: rc = oci_parse_index(text, len, "latest", true, &blob, &e); break;
    case 2:
        rc = oci_parse_manifest(text, len, &image, &e);
        must(image.layer_count <= OCI_LAYERS_MAX);
        for (size_t i = 0; rc == 0 && i < image.layer_count; i++)
            must(text_is_sha256(image.layers[i].sha256) && image.layers[i].media == OCI_LAYER);
        break;
    default: rc = oci_parse_config(text, len, &e); break;
    }
    if (rc == 0 && data[0] % 4 < 2)
        must(text_is_sha256(blob.sha256) && (blob.media == OCI_INDEX || blob.media == OCI_MANIFEST));
    if (rc < 0) {
        must(e.kind == E_INVALID || e.kind == E_NOT_FOUND || e.kind == E_LIMIT);
        must(text_is_utf8(e.message, strlen(e.message)));
    }
    return 0;
}
