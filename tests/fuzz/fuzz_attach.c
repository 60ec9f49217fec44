/*
 * fuzz_attach.c - what is taken for a request, an answer or a frame keeps to its bounds. The first byte says which.
 */
#include "api/common/attach.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void request(const uint8_t *data, size_t size)
{
    struct attach_request r = {0};
    memcpy(&r, data, size < sizeof r ? size : sizeof r);
    if (!attach_is_request(&r, size))
        return;
    if (size != sizeof r || r.verb == 0 || r.verb >= ATTACH_VERB_END || r.value > 65535 ||
        r.rows > ATTACH_SIZE_MAX || r.cols > ATTACH_SIZE_MAX)
        abort();
}

static void answer(const uint8_t *data, size_t size)
{
    struct attach_answer a = {0};
    memcpy(&a, data, size < sizeof a ? size : sizeof a);
    if (attach_is_answer(&a, size) && (size != sizeof a || strlen(a.text) >= sizeof a.text || a.given > 1))
        abort();
}

static void frame(const uint8_t *data, size_t size, bool from_client)
{
    struct attach_frame f;
    /* A copy of its exact size: a byte read past it is seen. */
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, data, size);
    if (attach_is_frame(exact, size, from_client, &f) &&
        (f.len != size - sizeof f || f.len > ATTACH_FRAME_BYTES || f.rows > ATTACH_SIZE_MAX ||
         (f.type <= ATTACH_RESIZE) != from_client))
        abort();
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    switch (data[0] % 4) {
    case 0: request(data + 1, size - 1); break;
    case 1: answer(data + 1, size - 1); break;
    default: frame(data + 1, size - 1, data[0] % 4 == 2);
    }
    return 0;
}
