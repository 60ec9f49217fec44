/*
 * attach.c - checks of what comes on attach.sock and on a terminal. See attach.h.
 */
#include "api/common/attach.h"

#include <string.h>

static bool is_size(unsigned n)
{
    return n >= 1 && n <= ATTACH_SIZE_MAX;
}

bool attach_is_request(const struct attach_request *r, size_t n)
{
    if (n != sizeof *r || r->magic != ATTACH_MAGIC || r->version != ATTACH_VERSION)
        return false;
    switch (r->verb) {
    case ATTACH_CONNECT: return r->value >= 1 && r->value <= 65535 && !r->rows && !r->cols;
    case ATTACH_TERMINAL: return !r->value && is_size(r->rows) && is_size(r->cols);
    case ATTACH_PROXY: return !r->value && !r->rows && !r->cols;
    default: return false;
    }
}

bool attach_is_answer(const struct attach_answer *a, size_t n)
{
    return n == sizeof *a && a->magic == ATTACH_MAGIC && a->version == ATTACH_VERSION && a->given <= 1 &&
           memchr(a->text, '\0', sizeof a->text);
}

bool attach_is_frame(const void *p, size_t n, bool from_client, struct attach_frame *head)
{
    if (n < sizeof *head)
        return false;
    memcpy(head, p, sizeof *head);
    if (head->len != n - sizeof *head || head->len > ATTACH_FRAME_BYTES)
        return false;
    switch (head->type) {
    case ATTACH_INPUT: return from_client && head->len && !head->rows && !head->cols;
    case ATTACH_RESIZE: return from_client && !head->len && is_size(head->rows) && is_size(head->cols);
    case ATTACH_OUTPUT: return !from_client && head->len && !head->rows && !head->cols;
    case ATTACH_TAKEN: return !from_client && !head->len && !head->rows && !head->cols;
    default: return false;
    }
}
