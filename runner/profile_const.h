/*
 * profile_const.h - the names that profile files and records use for arguments: AF_UNIX, TCGETS,
 * CLONE_NEWUSER, PR_SET_NAME... Pure tables.
 */
#ifndef ENCLOS_RUNNER_PROFILE_CONST_H
#define ENCLOS_RUNNER_PROFILE_CONST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum const_set {
    CONST_FAMILY,   /* AF_ */
    CONST_SOCKTYPE, /* SOCK_ without flags */
    CONST_PROTOCOL, /* IPPROTO_, NETLINK_ */
    CONST_NETLINK,
    CONST_SOCKFLAG, /* SOCK_CLOEXEC, SOCK_NONBLOCK */
    CONST_CLONE,    /* CLONE_ flags */
    CONST_IOCTL,
    CONST_PRCTL,
    CONST_FCNTL,
    CONST_PTRACE,
    CONST_PERSONALITY,
    CONST_FILETYPE, /* S_IF */
    CONST_KEYCTL,
    CONST_BPF,
    CONST_CLOCK,
    CONST_SET_COUNT
};

struct const_row {
    enum const_set set;
    const char *name;
    uint64_t value;
};
extern const struct const_row const_rows[];
extern const size_t const_row_count;

/* Value of a name such as "AF_UNIX", or of names joined by '|'. -1: unknown; the first unknown
 * name's place is put in *bad and *bad_len. */
int const_value(const char *text, uint64_t *out, const char **bad, size_t *bad_len);

/* Name of a value in a set, or NULL. */
const char *const_name(enum const_set set, uint64_t value);

#endif
