/*
 * text.c - small questions about text: UTF-8, names, numbers, units, ids, time.
 *
 * No locale anywhere: what is a letter, a digit or a decimal point does not depend on the user.
 */
#include "api/common/text.h"

#include "api/common/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool text_is_utf8(const char *s, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t n = utf8_step(s + at, len - at);
        if (n == 0)
            return false;
        at += n;
    }
    return true;
}

/* Whether the character of n bytes at s (n as utf8_step says) is C0, DEL or C1. */
static bool is_control(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;

    if (n == 1)
        return p[0] < 0x20 || p[0] == 0x7f;
    return n == 2 && p[0] == 0xc2 && p[1] < 0xa0;
}

bool text_has_control(const char *s, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t n = utf8_step(s + at, len - at);
        if (is_control(s + at, n))
            return true;
        at += n ? n : 1;
    }
    return false;
}

bool text_is_name(const char *s)
{
    size_t len = 0;

    if (!is_alnum(s[0]))
        return false;
    while (is_alnum(s[len]) || s[len] == '_' || s[len] == '.' || s[len] == '-')
        if (++len > 64)
            return false;
    return s[len] == '\0';
}

bool text_is_rel_path(const char *s)
{
    size_t len = strnlen(s, 1025);
    unsigned components = 0;

    if (len == 0 || len > 1024 || !text_is_utf8(s, len) || text_has_control(s, len))
        return false;
    for (const char *at = s;; at++) {
        size_t n = strcspn(at, "/");
        if (n == 0 || n > 255 || ++components > 32)
            return false;
        if (at[0] == '.' && (n == 1 || (n == 2 && at[1] == '.')))
            return false;
        at += n;
        if (*at == '\0')
            return true;
    }
}

bool text_is_sha256(const char *s)
{
    size_t len = 0;

    while (is_digit(s[len]) || (s[len] >= 'a' && s[len] <= 'f'))
        if (++len > 64)
            return false;
    return len == 64 && s[len] == '\0';
}

void text_hex(const unsigned char *p, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * len] = '\0';
}

int text_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;

    if (!is_digit(*s))
        return -1;
    for (; is_digit(*s); s++)
        if (__builtin_mul_overflow(n, (uint64_t)10, &n) ||
            __builtin_add_overflow(n, (uint64_t)(*s - '0'), &n))
            return -1;
    if (*s != '\0' || n < min || n > max)
        return -1;
    *out = n;
    return 0;
}

/* ---- numbers with units ---- */

/* Reads digits with an optional decimal part as thousandths of millionths: value * 10^9, exactly.
 * Returns what follows, or NULL when there is no number, too many decimals or too big a value. */
static const char *read_nano(const char *s, unsigned __int128 *out)
{
    unsigned __int128 n = 0;
    int decimals = -1; /* none seen */

    if (!is_digit(*s))
        return NULL;
    for (;; s++) {
        if (*s == '.' && decimals < 0 && is_digit(s[1])) {
            decimals = 0;
            continue;
        }
        if (!is_digit(*s))
            break;
        if (decimals >= 0 && ++decimals > 9)
            return NULL;
        n = n * 10 + (unsigned)(*s - '0');
        if (n > (unsigned __int128)1 << 96)
            return NULL;
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 9; i++)
        n *= 10;
    *out = n;
    return s;
}

enum { NANO = 1000000000 };

int text_size_bytes(const char *s, const char *field, uint64_t *out, struct err *e)
{
    static const char units[] = "KMGTP";
    static const char hint[] = "write it as 512M or 1.5G (powers of 1024)";
    unsigned __int128 nano;
    const char *unit = read_nano(s, &nano);
    unsigned shift = 0;

    if (!unit)
        return err_set(e, E_INVALID, field, hint, "\"%s\" is not a size", s);
    if (*unit != '\0') {
        char upper = (char)(*unit >= 'a' && *unit <= 'z' ? *unit - 'a' + 'A' : *unit);
        const char *found = strchr(units, upper);
        if (!found)
            return err_set(e, E_INVALID, field, hint, "\"%s\" is not a size: unknown unit \"%s\"",
                           s, unit);
        shift = 10 * (unsigned)(found - units + 1);
        unit++;
        if (strcmp(unit, "B") == 0 || strcmp(unit, "b") == 0)
            return err_set(e, E_INVALID, field, hint,
                           "\"%s\" is ambiguous: powers of 1000 or of 1024?", s);
        if (*unit != '\0' && strcmp(unit, "iB") != 0 && strcmp(unit, "i") != 0)
            return err_set(e, E_INVALID, field, hint, "\"%s\" is not a size", s);
    }
    /* Below 2^96 and 2^50 here, so the product may pass 2^128: the bound comes first. */
    if (nano / NANO > (uint64_t)INT64_MAX >> shift)
        return err_set(e, E_INVALID, field, "give a smaller size", "\"%s\" is too large a size", s);
    unsigned __int128 bytes = nano << shift;
    if (bytes % NANO != 0 && shift == 0)
        return err_set(e, E_INVALID, field, hint, "\"%s\" is not a whole number of bytes", s);
    *out = (uint64_t)(bytes / NANO);
    return 0;
}

void text_size_human(uint64_t bytes, bool up, char out[TEXT_SIZE_HUMAN])
{
    static const char units[] = "KMGTPE";
    if (bytes < 1024) {
        snprintf(out, TEXT_SIZE_HUMAN, "%u byte%s", (unsigned)bytes, bytes == 1 ? "" : "s");
        return;
    }
    int unit = 0;
    while (unit < 5 && bytes >> (10 * (unit + 2)) != 0)
        unit++;
    unsigned shift = 10 * ((unsigned)unit + 1);
    unsigned __int128 wide = (unsigned __int128)bytes * 10;
    uint64_t tenths = (uint64_t)((wide + (up ? ((uint64_t)1 << shift) - 1 : 0)) >> shift);
    if (tenths >= 10240 && unit < 5) { /* rounded up into the next unit */
        tenths = 10;
        unit++;
    }
    unsigned whole = (unsigned)(tenths / 10);
    unsigned part = (unsigned)(tenths % 10);
    if (part)
        snprintf(out, TEXT_SIZE_HUMAN, "%u.%u %ciB", whole, part, units[unit]);
    else
        snprintf(out, TEXT_SIZE_HUMAN, "%u %ciB", whole, units[unit]);
}

int text_duration_ms(const char *s, const char *field, int64_t *out, struct err *e)
{
    /* Largest first: in "1h30m" each unit is smaller than the one before. */
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    enum { UNITS = sizeof units / sizeof *units };
    static const char hint[] = "write it as 90s, 10m, 2h, 1h30m or 250ms";
    const unsigned __int128 most_ms = (unsigned __int128)36500 * 86400000; /* a century */
    unsigned __int128 total = 0;                                           /* of ms * 10^9 */
    size_t next = 0;
    const char *at = s;

    do {
        unsigned __int128 nano;
        const char *unit = read_nano(at, &nano);
        if (!unit)
            return err_set(e, E_INVALID, field, hint, "\"%s\" is not a duration", s);
        size_t n = 0;
        while (unit[n] >= 'a' && unit[n] <= 'z')
            n++;
        size_t u = next;
        if (n == 0 && *unit == '\0' && at == s)
            u = 3; /* a bare number is in seconds */
        else
            while (u < UNITS && (strlen(units[u].name) != n || memcmp(units[u].name, unit, n) != 0))
                u++;
        if (u == UNITS)
            return err_set(e, E_INVALID, field, hint, "\"%s\" is not a duration", s);
        if (nano > most_ms * NANO / (uint64_t)units[u].ms)
            return err_set(e, E_INVALID, field, "give a shorter one", "\"%s\" is too long a time",
                           s);
        total += nano * (uint64_t)units[u].ms;
        next = u + 1;
        at = unit + n;
    } while (*at != '\0');
    if (total > most_ms * NANO)
        return err_set(e, E_INVALID, field, "give a shorter one", "\"%s\" is too long a time", s);
    if (total % NANO != 0)
        return err_set(e, E_INVALID, field, hint, "\"%s\" is not a whole number of milliseconds",
                       s);
    *out = (int64_t)(total / NANO);
    return 0;
}

int text_cpus_milli(const char *s, const char *field, int64_t *out, struct err *e)
{
    unsigned __int128 nano;
    const char *end = read_nano(s, &nano);

    if (!end || *end != '\0' || nano % (NANO / 1000) != 0)
        return err_set(e, E_INVALID, field, "write it as 1, 0.5 or 2.25",
                       "\"%s\" is not a number of CPUs", s);
    unsigned __int128 milli = nano / (NANO / 1000);
    if (milli < 10 || milli > 1024000)
        return err_set(e, E_INVALID, field, "give from 0.01 to 1024 CPUs",
                       "\"%s\" CPUs is out of bounds", s);
    *out = (int64_t)milli;
    return 0;
}

/* ---- ids and time ---- */

int64_t time_now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t time_mono_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void text_new_id(char prefix, char out[TEXT_ID_SIZE])
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* Crockford: no i l o u */
    const int64_t year_2024_us = 1704067200LL * 1000000;
    int64_t since = (time_now_us() - year_2024_us) / 100000;
    uint64_t ticks = since < 0 ? 0 : (uint64_t)since; /* a clock that was never set */
    uint32_t chance;

    if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
        abort(); /* cannot happen for so few bytes, and an id must not be guessed at */
    out[0] = prefix;
    for (int i = 7; i >= 1; i--, ticks >>= 5)
        out[i] = digits[ticks & 31];
    for (int i = 13; i >= 8; i--, chance >>= 5)
        out[i] = digits[chance & 31];
    out[14] = '\0';
}

void time_iso(int64_t us, char out[32])
{
    int64_t ms = us / 1000 - (us % 1000 < 0);
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm tm;

    if (!gmtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900 || tm.tm_year < -1900) {
        snprintf(out, 32, "%s", "invalid-time");
        return;
    }
    size_t n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, 32 - n, ".%03dZ", (int)(ms - (int64_t)seconds * 1000));
}

/* ---- for display, and base 64 ---- */

void text_sanitize(const char *s, size_t len, char *out, size_t out_size)
{
    size_t to = 0;

    if (out_size == 0)
        return;
    for (size_t at = 0; at < len;) {
        size_t n = utf8_step(s + at, len - at);
        bool plain = n > 0 && !is_control(s + at, n);
        size_t need = plain ? n : 4 * (n ? n : 1);
        if (need > out_size - 1 - to)
            break;
        if (plain) {
            memcpy(out + to, s + at, n);
        } else {
            for (size_t i = 0; i < need / 4; i++) {
                unsigned char byte = (unsigned char)s[at + i];
                memcpy(out + to + 4 * i,
                       (char[]){'\\', 'x', "0123456789abcdef"[byte >> 4],
                                "0123456789abcdef"[byte & 15]},
                       4);
            }
        }
        to += need;
        at += n ? n : 1;
    }
    out[to] = '\0';
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_base64(const void *p, size_t len, char *out)
{
    const unsigned char *in = p;

    for (; len >= 3; len -= 3, in += 3, out += 4) {
        out[0] = base64_digits[in[0] >> 2];
        out[1] = base64_digits[(in[0] & 3) << 4 | in[1] >> 4];
        out[2] = base64_digits[(in[1] & 15) << 2 | in[2] >> 6];
        out[3] = base64_digits[in[2] & 63];
    }
    if (len > 0) {
        unsigned second = len > 1 ? in[1] : 0;
        out[0] = base64_digits[in[0] >> 2];
        out[1] = base64_digits[(in[0] & 3u) << 4 | second >> 4];
        out[2] = len > 1 ? base64_digits[(second & 15) << 2] : '=';
        out[3] = '=';
        out += 4;
    }
    *out = '\0';
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int text_unbase64(const char *s, size_t len, unsigned char *out, size_t *out_len)
{
    size_t to = 0;

    if (len % 4 != 0)
        return -1;
    for (size_t at = 0; at < len; at += 4) {
        int v[4];
        unsigned pad = 0;
        if (at + 4 == len && s[at + 3] == '=')
            pad = s[at + 2] == '=' ? 2 : 1;
        for (unsigned i = 0; i < 4; i++) {
            v[i] = i >= 4 - pad ? 0 : base64_value(s[at + i]);
            if (v[i] < 0)
                return -1;
        }
        /* Bits that no byte holds must be zero: one text for each content. */
        if ((pad == 1 && (v[2] & 3) != 0) || (pad == 2 && (v[1] & 15) != 0))
            return -1;
        out[to++] = (unsigned char)(v[0] << 2 | v[1] >> 4);
        if (pad < 2)
            out[to++] = (unsigned char)((v[1] & 15) << 4 | v[2] >> 2);
        if (pad < 1)
            out[to++] = (unsigned char)((v[2] & 3) << 6 | v[3]);
    }
    *out_len = to;
    return 0;
}
