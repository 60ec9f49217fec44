/*
 * err.h - how every fallible function of Enclos tells what went wrong.
 *
 * A struct err is a plain value of about 500 bytes: nothing to free, nothing to leak, usable in a
 * forked child that must not allocate. A function that can fail returns 0 or -1, takes
 * `struct err *e` last and writes it only on failure. Start from `struct err e = {0};`.
 * Lower layers return errors and never log them; whoever decides logs once.
 */
#ifndef ENCLOS_ERR_H
#define ENCLOS_ERR_H

#include <stdbool.h>

#define MUST_USE __attribute__((warn_unused_result))

/* The stable kinds of the API (`data.kind`). E_NONE is "no error set yet". */
enum err_kind {
    E_NONE = 0,
    E_INVALID,     /* the request is malformed or out of bounds */
    E_NOT_FOUND,   /* what it names does not exist */
    E_DENIED,      /* not permitted for this caller, or by the kernel */
    E_CONFLICT,    /* the present state does not allow it */
    E_LIMIT,       /* a bound was reached: size, count, disk, memory */
    E_UNAVAILABLE, /* cannot be done now; the same request may pass later */
    E_INTERNAL,    /* our own fault */
    E_KIND_COUNT
};

struct err {
    enum err_kind kind;
    int os_errno;      /* errno of the call that failed, or 0 */
    char field[56];    /* which parameter, key or thing; may be empty */
    char message[272]; /* what happened, with the value; one line, UTF-8 */
    char hint[176];    /* what to do about it; may be empty */
};

/* Sets *e and returns -1. `field` and `hint` may be NULL. Setting an error that is already set is a
 * bug (the first cause wins): it aborts in test builds (ENCLOS_TEST) and is ignored elsewhere.
 * Too long a text is cut at a character boundary. Does not allocate. */
int err_set(struct err *e, enum err_kind kind, const char *field, const char *hint, const char *fmt,
            ...) __attribute__((format(printf, 5, 6)));

/* As err_set, for a system call that just failed: keeps errno, picks the kind from it (ENOENT is
 * not_found, EACCES and EPERM denied, ENOSPC and EMFILE limit...) and appends its description. */
int err_sys(struct err *e, const char *field, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Prefixes the message of an error that is set with what we were doing: "reading x.jsonc: ...".
 * Returns -1, so that `return err_context(...)` reads well. */
int err_context(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#ifdef __clang_analyzer__
/* The analyzer sees one file at a time: this tells it that these never return anything but -1, so
 * that it does not follow callers down paths that cannot be. */
#define err_set(...) ((void)err_set(__VA_ARGS__), -1)
#define err_sys(...) ((void)err_sys(__VA_ARGS__), -1)
#define err_context(...) ((void)err_context(__VA_ARGS__), -1)
#endif

/* "invalid", "not_found", ... as in the API; "none" for E_NONE. */
const char *err_kind_name(enum err_kind kind);

/* The kind of that name, or E_INTERNAL for a name unknown to this version. */
enum err_kind err_kind_of(const char *name);

/* Symbolic name of an errno ("ENOENT"), or "errno N" in a static buffer per thread. */
const char *err_errno_name(int os_errno);

#endif
