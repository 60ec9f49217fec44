/*
 * attach.h - what the lab and the monitor of a run that goes say to each other on `attach.sock` of the run
 * folder, and what a terminal's two ends say once they are joined.
 *
 *     enclosd ---connect, one request, one answer with a descriptor, close---> monitor
 *        |                                                                        |
 *        +--SCM_RIGHTS--> client <=========== the descriptor's other end ========>+ (or inside the sandbox)
 *
 * So bytes do not pass through enclosd, and what was handed out lives on when it ends. The socket is
 * SOCK_SEQPACKET: one fixed struct a packet, host byte order (all ends are the same build on the same machine);
 * a packet of another size, magic or version ends the conversation. Only the lab's own user may connect, and
 * decides who may ask for what; the monitor checks every field all the same.
 */
#ifndef ENCLOS_ATTACH_H
#define ENCLOS_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ATTACH_MAGIC = 0x454e4c41, ATTACH_VERSION = 1, ATTACH_TEXT_BYTES = 200, ATTACH_SIZE_MAX = 1000 };

enum attach_verb {
    ATTACH_CONNECT = 1,  /* value: a port. Gives a TCP socket connected to 127.0.0.1:PORT in the run's network */
    ATTACH_TERMINAL = 2, /* rows, cols. Gives one end of a SOCK_SEQPACKET pair that speaks struct attach_frame;
                            whoever had the terminal before gets ATTACH_TAKEN */
    ATTACH_PROXY = 3,    /* gives the listening socket at the run's 127.0.0.1:ATTACH_PROXY_PORT: see orchestrator/proxy.h */
    ATTACH_VERB_END
};

/* Where a run whose network is `proxy` finds it, on its own loopback. */
enum { ATTACH_PROXY_PORT = 3128 };

struct attach_request {
    uint32_t magic;
    uint16_t version;
    uint16_t verb;
    uint32_t value;
    uint16_t rows, cols; /* 1..ATTACH_SIZE_MAX for a terminal, else 0 */
};

struct attach_answer {
    uint32_t magic;
    uint16_t version;
    uint16_t given;   /* 1: one descriptor comes with it; 0: refused, text says why */
    int32_t os_errno; /* of a refusal, or 0 */
    char text[ATTACH_TEXT_BYTES]; /* NUL-terminated, English */
};

/* ---- a terminal's frames: this head, then `len` bytes, in one packet ---- */

enum { ATTACH_FRAME_BYTES = 8 << 10 };

enum attach_frame_type {
    ATTACH_INPUT = 1,  /* client: bytes that were typed */
    ATTACH_RESIZE = 2, /* client: rows, cols; no bytes */
    ATTACH_OUTPUT = 3, /* monitor: bytes to show */
    ATTACH_TAKEN = 4,  /* monitor: another client has the terminal now; the last frame */
};

struct attach_frame {
    uint16_t type;
    uint16_t rows, cols;
    uint16_t len;
};

/* Whether a packet is exactly one of these, every field in its bounds. `n` is what recv gave (of a longer
 * packet: more than the struct). */
bool attach_is_request(const struct attach_request *r, size_t n);
bool attach_is_answer(const struct attach_answer *a, size_t n);
/* The bytes follow the head at p. `from_client`: which types may come. */
bool attach_is_frame(const void *p, size_t n, bool from_client, struct attach_frame *head);

#endif
