/*
 * digest.c - SHA-256 by libcrypto's EVP, which picks the processor's instructions.
 *
 * Any thread. A failure of EVP itself (no memory, a broken provider) aborts: a lab that cannot hash
 * cannot keep any of its promises.
 */
#include "catalog/digest.h"

#include "api/common/mem.h"
#include "api/common/text.h"
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CHUNK_BYTES = 256 << 10, PROGRESS_EVERY_BYTES = 4 << 20, SHA256_BYTES = 32 };

struct digest {
    EVP_MD_CTX *ctx;
};

static void must(int ok)
{
    if (ok == 1)
        return;
    fputs("libcrypto cannot compute SHA-256\n", stderr);
    abort();
}

/* Fetched once: EVP_sha256() looks its implementation up again at each init, some microseconds. */
static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(sha256 != NULL);
}

struct digest *digest_new(void)
{
    pthread_once(&once, fetch);
    struct digest *d = mem_alloc(sizeof *d);
    d->ctx = EVP_MD_CTX_new();
    must(d->ctx != NULL);
    must(EVP_DigestInit_ex2(d->ctx, sha256, NULL));
    return d;
}

void digest_add(struct digest *d, const void *p, size_t len)
{
    must(EVP_DigestUpdate(d->ctx, p, len));
}

void digest_end(struct digest *d, char hex[DIGEST_HEX_SIZE])
{
    unsigned char raw[SHA256_BYTES];
    must(EVP_DigestFinal_ex(d->ctx, raw, NULL));
    must(EVP_DigestInit_ex2(d->ctx, sha256, NULL));
    text_hex(raw, sizeof raw, hex);
}

void digest_free_at(struct digest **d)
{
    if (!*d)
        return;
    EVP_MD_CTX_free((*d)->ctx);
    mem_free_at(d);
}

void digest_bytes(const void *p, size_t len, char hex[DIGEST_HEX_SIZE])
{
    AUTO_DIGEST struct digest *d = digest_new();
    digest_add(d, p, len);
    digest_end(d, hex);
}

int digest_fd(int fd, const struct digest_progress *progress, char hex[DIGEST_HEX_SIZE],
              uint64_t *size_bytes, struct err *e)
{
    AUTO_DIGEST struct digest *d = digest_new();
    AUTO_FREE unsigned char *chunk = mem_alloc(CHUNK_BYTES);
    uint64_t done = 0;
    uint64_t told = 0;
    for (;;) {
        ssize_t n = pread(fd, chunk, CHUNK_BYTES, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(e, "object", "check the disk", "cannot read after %llu bytes",
                           (unsigned long long)done);
        if (n == 0)
            break;
        digest_add(d, chunk, (size_t)n);
        done += (uint64_t)n;
        if (progress && done - told >= PROGRESS_EVERY_BYTES) {
            told = done;
            if (!progress->step(progress->ctx, done))
                return err_set(e, E_UNAVAILABLE, NULL, NULL, "stopped after %llu bytes",
                               (unsigned long long)done);
        }
    }
    digest_end(d, hex);
    if (size_bytes)
        *size_bytes = done;
    return 0;
}
