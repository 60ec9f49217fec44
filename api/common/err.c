/*
 * err.c - setting, prefixing and naming errors.
 *
 * Called everywhere, also between clone and exec: nothing here allocates, locks or uses the locale.
 */
#include "api/common/err.h"

#include "api/common/utf8.h"
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef err_set
#undef err_sys
#undef err_context

static const char *const kind_names[E_KIND_COUNT] = {
    [E_NONE] = "none",
    [E_INVALID] = "invalid",
    [E_NOT_FOUND] = "not_found",
    [E_DENIED] = "denied",
    [E_CONFLICT] = "conflict",
    [E_LIMIT] = "limit",
    [E_UNAVAILABLE] = "unavailable",
    [E_INTERNAL] = "internal",
};

/* Makes a text one line of valid UTF-8 in place: values in messages come from outside. A character
 * that the buffer's end cut in two goes away whole. */
static void tidy(char *s)
{
    size_t len = strlen(s);
    size_t to = 0;

    for (size_t at = 0; at < len;) {
        size_t n = utf8_step(s + at, len - at);
        if (n == 0 && len - at < 4 && utf8_is_cut(s + at, len - at))
            break;
        if (n == 0 || (n == 1 && ((unsigned char)s[at] < 0x20 || s[at] == 0x7f))) {
            s[to++] = n == 1 && (s[at] == '\n' || s[at] == '\t') ? ' ' : '?';
            at++;
            continue;
        }
        memmove(s + to, s + at, n);
        to += n;
        at += n;
    }
    s[to] = '\0';
}

static void copy(char *out, size_t size, const char *s)
{
    size_t len = s ? strnlen(s, size - 1) : 0;

    if (len > 0)
        memcpy(out, s, len);
    out[len] = '\0';
    tidy(out);
}

/* False when an error is there already: the first cause wins. */
static bool may_set(const struct err *e)
{
    assert(e != NULL);
    if (e->kind == E_NONE)
        return true;
#ifdef ENCLOS_TEST
    fprintf(stderr, "err: set over \"%s\" (%s)\n", e->message, err_kind_name(e->kind));
    abort();
#endif
    return false;
}

int err_set(struct err *e, enum err_kind kind, const char *field, const char *hint, const char *fmt,
            ...)
{
    va_list ap;

    assert(kind > E_NONE && kind < E_KIND_COUNT);
    if (!may_set(e))
        return -1;
    e->kind = kind;
    e->os_errno = 0;
    copy(e->field, sizeof e->field, field);
    copy(e->hint, sizeof e->hint, hint);
    va_start(ap, fmt);
    vsnprintf(e->message, sizeof e->message, fmt, ap);
    va_end(ap);
    tidy(e->message);
    return -1;
}

static enum err_kind kind_of_errno(int os_errno)
{
    switch (os_errno) {
    case ENOENT:
    case ESRCH:
    case ENXIO:
    case ENODEV: return E_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS: return E_DENIED;
    case EEXIST:
    case ENOTEMPTY:
    case EXDEV: return E_CONFLICT;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFBIG:
    case E2BIG:
    case ENOBUFS:
    case EMLINK: return E_LIMIT;
    case EAGAIN:
    case EBUSY:
    case EINTR:
    case ETIMEDOUT:
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case ETXTBSY: return E_UNAVAILABLE;
    case ENAMETOOLONG:
    case ELOOP:
    case ENOTDIR:
    case EISDIR: return E_INVALID;
    default: /* EINVAL, EBADF, EFAULT, EIO...: not the caller's doing */ return E_INTERNAL;
    }
}

int err_sys(struct err *e, const char *field, const char *hint, const char *fmt, ...)
{
    int saved = errno;
    va_list ap;

    if (!may_set(e)) {
        errno = saved;
        return -1;
    }
    e->kind = kind_of_errno(saved);
    e->os_errno = saved;
    copy(e->field, sizeof e->field, field);
    copy(e->hint, sizeof e->hint, hint);
    va_start(ap, fmt);
    vsnprintf(e->message, sizeof e->message, fmt, ap);
    va_end(ap);

    /* What failed may be long (a path): the reason must not be what is cut. strerrordesc_np is
     * strerror without locale or allocation. */
    const char *why = strerrordesc_np(saved);
    char number[32];
    if (!why) {
        snprintf(number, sizeof number, "error %d", saved);
        why = number;
    }
    size_t room = sizeof e->message - 1 - strlen(": ") - strlen(why);
    if (strlen(e->message) > room)
        e->message[room] = '\0';
    tidy(e->message);
    size_t at = strlen(e->message);
    snprintf(e->message + at, sizeof e->message - at, ": %s", why);
    errno = saved;
    return -1;
}

int err_context(struct err *e, const char *fmt, ...)
{
    /* A long prefix is cut first: the cause stands at the end. */
    char prefix[160];
    char old[sizeof e->message];
    va_list ap;

    assert(e != NULL && e->kind != E_NONE);
    va_start(ap, fmt);
    vsnprintf(prefix, sizeof prefix, fmt, ap);
    va_end(ap);
    tidy(prefix);
    memcpy(old, e->message, sizeof old);
    /* Cutting at the end is meant. */
    if (snprintf(e->message, sizeof e->message, "%s: %s", prefix, old) >= (int)sizeof e->message)
        tidy(e->message);
    return -1;
}

const char *err_kind_name(enum err_kind kind)
{
    if ((unsigned)kind >= E_KIND_COUNT)
        return "internal";
    return kind_names[kind];
}

enum err_kind err_kind_of(const char *name)
{
    for (int k = E_NONE; name && k < E_KIND_COUNT; k++)
        if (strcmp(kind_names[k], name) == 0)
            return (enum err_kind)k;
    return E_INTERNAL;
}

const char *err_errno_name(int os_errno)
{
    static _Thread_local char number[32];
    const char *name = strerrorname_np(os_errno);

    if (name)
        return name;
    snprintf(number, sizeof number, "errno %d", os_errno);
    return number;
}
