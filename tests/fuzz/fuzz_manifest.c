/*
 * fuzz_manifest.c - any bytes as a manifest: what is accepted prints back byte for byte, and its id is
 * the digest of those bytes.
 */
#include "catalog/manifest.h"

#include "api/common/text.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    AUTO_MANIFEST struct manifest *m = NULL;
    if (manifest_parse((const char *)data, size, &m, &e) < 0) {
        must(e.kind == E_INVALID || e.kind == E_LIMIT);
        must(text_is_utf8(e.message, strlen(e.message)));
        return 0;
    }
    char id[DIGEST_HEX_SIZE];
    AUTO_BUF struct buf text = BUF_INIT(MANIFEST_MAX_BYTES);
    manifest_print(m, &text);
    must(text.len == size && memcmp(buf_cstr(&text), data, size) == 0);
    digest_bytes(data, size, id);
    must(strcmp(id, m->id) == 0);
    for (size_t i = 0; i < m->count; i++) {
        must(text_is_rel_path(m->entries[i].path));
        must((m->entries[i].kind == MANIFEST_LINK) == (m->entries[i].target != NULL));
    }
    return 0;
}
