/*
 * text.h - small questions about text: UTF-8, names, numbers, units, ids, time.
 */
#ifndef ENCLOS_TEXT_H
#define ENCLOS_TEXT_H

#include "api/common/err.h"
#include <stddef.h>
#include <stdint.h>

bool text_is_utf8(const char *s, size_t len);      /* RFC 3629: no surrogates, no overlong forms */
bool text_has_control(const char *s, size_t len);  /* C0, DEL or C1 (U+0080..9F) */

/* Names of datasets, profiles, ids: [A-Za-z0-9][A-Za-z0-9_.-]{0,63}. So never ".", "..", "-x". */
bool text_is_name(const char *s);

/* A relative path of a manifest: UTF-8, no control character, no empty, "." or ".." component, no
 * leading or trailing slash, at most 1024 bytes, at most 32 components of at most 255 bytes. */
bool text_is_rel_path(const char *s);

/* Lower-case hex of 32 bytes. */
bool text_is_sha256(const char *s);
void text_hex(const unsigned char *p, size_t len, char *out /* 2*len+1 */);

/* Strict decimal: digits only, no sign, no space, within bounds. */
MUST_USE int text_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out);

/* "512", "64K", "1G", "1.5G", "2GiB" (powers of 1024); "1GB" is refused as ambiguous.
 * Errors name `field`. */
MUST_USE int text_size_bytes(const char *s, const char *field, uint64_t *out, struct err *e);
/* For messages: "20.6 GiB", "512 MiB", "3 bytes". What there is is told rounded down, what is needed
 * (`up`) rounded up: so what is told can be asked for, and what is too much never looks the same. */
enum { TEXT_SIZE_HUMAN = 24 };
void text_size_human(uint64_t bytes, bool up, char out[TEXT_SIZE_HUMAN]);
/* "90" (seconds), "90s", "10m", "2h", "1d", "250ms", "1h30m" */
MUST_USE int text_duration_ms(const char *s, const char *field, int64_t *out, struct err *e);
/* "0.5", "2", "2.25": CPUs in thousandths, 10..1024000 */
MUST_USE int text_cpus_milli(const char *s, const char *field, int64_t *out, struct err *e);

/* Run ids and the like: prefix letter, 7 characters of time (100 ms units since 2024), 6 random
 * ones, in Crockford's base 32, lower case; sorts by creation. `out` holds TEXT_ID_SIZE bytes. */
enum { TEXT_ID_SIZE = 16 };
void text_new_id(char prefix, char out[TEXT_ID_SIZE]);

/* Microseconds since 1970 (CLOCK_REALTIME) and since boot (CLOCK_MONOTONIC). */
int64_t time_now_us(void);
int64_t time_mono_us(void);
/* "2026-11-24T05:28:59.123Z" into out[32] */
void time_iso(int64_t us, char out[32]);

/* Copies untrusted bytes for display: control bytes and invalid UTF-8 become \xNN, cut at out_size. */
void text_sanitize(const char *s, size_t len, char *out, size_t out_size);

/* Base64 (RFC 4648, padded). Decoding refuses anything else; *out_len is set. `out` has room for
 * 3*(len/4) bytes. */
void text_base64(const void *p, size_t len, char *out /* 4*((len+2)/3)+1 */);
MUST_USE int text_unbase64(const char *s, size_t len, unsigned char *out, size_t *out_len);

#endif
