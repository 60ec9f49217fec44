/*
 * launch.h - what orchestrator and launcher say to each other on their SOCK_SEQPACKET pair.
 *
 * One fixed struct a packet, host byte order (both ends are the same build on the same machine);
 * a packet of another size, magic or version ends the conversation. The orchestrator is the less
 * trusted end: the launcher checks every field and every descriptor.
 *
 * `enclos-runner launcher --fd N` is a keeper that forks the real launcher and forks it again when
 * it dies; after such a restart the first packet is LAUNCH_HELLO with the next generation, and
 * requests of the former generation that were not answered must be judged by their run folder.
 */
#ifndef ENCLOS_LAUNCH_H
#define ENCLOS_LAUNCH_H

#include "api/common/text.h"
#include <stdint.h>

enum { LAUNCH_MAGIC = 0x454e4c31, LAUNCH_VERSION = 2, LAUNCH_WARM_SIZE = 64 };

enum launch_type {
    LAUNCH_HELLO = 1, /* L -> O, once ready. value: generation. text: JSON of `doctor` in short */
    LAUNCH_START = 2, /* O -> L, one descriptor: the run folder (O_RDONLY|O_DIRECTORY, not O_PATH). text: the
                         profile of its spec.json, which the launcher keeps loaded; another one costs time only.
                         warm: owner, and value: CPUs, rounded up, of a run that may start from a template */
    LAUNCH_STARTED = 3, /* L -> O. value: pid of the monitor, one descriptor: its pidfd */
    LAUNCH_REFUSED = 4, /* L -> O. value: errno or 0, text: why. The run folder was not touched. */
    LAUNCH_FORGET = 5,  /* O -> L: the monitor of `run` died; free what it left (cgroups). No answer. */
};

struct launch_packet {
    uint32_t magic;
    uint16_t version;
    uint16_t type;
    int64_t value;
    char run[TEXT_ID_SIZE]; /* NUL-terminated */
    char text[928];         /* NUL-terminated */
    char warm[LAUNCH_WARM_SIZE];         /* NUL-terminated */
};

#endif
