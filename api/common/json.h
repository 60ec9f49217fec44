/*
 * json.h - strict JSON in, streamed JSON out. The only room that sees cJSON.
 *
 * Reading: the raw text is scanned first, because cJSON 1.7.15 (Debian 12) accepts and loses too
 * much: integers above 2^53 lose digits, duplicate keys pass, \u0000 cuts strings, text after the
 * value, invalid UTF-8, raw newlines and `01` are accepted, 1e400 becomes infinity. The scan
 * refuses all of that (RFC 8259, and I-JSON's RFC 7493 for duplicates and numbers) with line,
 * column and what was found; cJSON only ever sees text that the scan accepted.
 * Lookups are case sensitive.
 *
 * Writing: `struct jw` appends to a struct buf; strings are escaped, invalid UTF-8 and NUL become
 * U+FFFD, so that what is written here can be read here.
 */
#ifndef ENCLOS_JSON_H
#define ENCLOS_JSON_H

#include "api/common/buf.h"
#include "api/common/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_limits {
    size_t max_bytes;   /* 0: 1 MiB */
    unsigned max_depth; /* 0: 32 */
};

/* Checks one JSON text without allocating. On failure the message has "line L, column C: ...".
 * E_INVALID, or E_LIMIT past the limits. Duplicate keys are looked for among the first 1024 keys
 * of the objects open at one time: all of them in any text of up to 4 KiB. json_parse finds all. */
MUST_USE int json_scan(const char *text, size_t len, const struct json_limits *limits, struct err *e);

/* A parsed value, read only. The root is owned by the caller; children are borrowed from it. */
struct json;
struct json *json_parse(const char *text, size_t len, const struct json_limits *limits, struct err *e);
void json_free(struct json *root);
void json_free_at(struct json **root);
#define AUTO_JSON __attribute__((cleanup(json_free_at)))

/* JSON with // and block comments and trailing commas: blanks them in place (lengths and lines kept), so
 * that what json_parse then says of lines is true of the file. */
MUST_USE int json_blank_comments(char *text, size_t len, struct err *e);

/* Line (from 1) where the value at a path such as "syscalls.allow[3]" stands in text that scanned
 * well, or 0 when there is none. "" is the root. */
unsigned json_line_of(const char *text, size_t len, const char *path);

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };
enum json_type json_type(const struct json *v); /* JSON_NULL for NULL: not there, or null */
const char *json_type_name(enum json_type t); /* "null", "boolean", "number", "string", "array", "object" */

const struct json *json_get(const struct json *obj, const char *key); /* NULL: not there, or obj is no object */
size_t json_count(const struct json *v);                              /* elements or members */
const struct json *json_first(const struct json *v);                  /* first child, or NULL */
const struct json *json_next(const struct json *v);                   /* next sibling, or NULL */
const char *json_key(const struct json *v);                           /* name of a member, or NULL */

const char *json_str(const struct json *v);              /* NULL if not a string */
bool json_is_int(const struct json *v);                  /* a number that is an integer of at most 2^53 */
int64_t json_int(const struct json *v, int64_t otherwise);
double json_num(const struct json *v, double otherwise);
bool json_bool(const struct json *v, bool otherwise);

/* Closed structs: E_INVALID naming the first key of obj that is not in `allowed` (NULL-ended) and
 * listing what is allowed. `where` prefixes the field: "resources" gives "resources.memroy". */
MUST_USE int json_only_keys(const struct json *obj, const char *where, const char *const *allowed,
                            struct err *e);

/* Typed members. `need_`: missing is E_INVALID. `opt_`: missing or null leaves *out as it was.
 * Wrong type or out of bounds is E_INVALID naming where.key, the value and the bounds.
 * Strings are borrowed from obj. */
MUST_USE int json_need_str(const struct json *obj, const char *where, const char *key, size_t min_len,
                           size_t max_len, const char **out, struct err *e);
MUST_USE int json_opt_str(const struct json *obj, const char *where, const char *key, size_t min_len,
                          size_t max_len, const char **out, struct err *e);
MUST_USE int json_need_int(const struct json *obj, const char *where, const char *key, int64_t min,
                           int64_t max, int64_t *out, struct err *e);
MUST_USE int json_opt_int(const struct json *obj, const char *where, const char *key, int64_t min,
                          int64_t max, int64_t *out, struct err *e);
MUST_USE int json_opt_num(const struct json *obj, const char *where, const char *key, double min,
                          double max, double *out, struct err *e);
MUST_USE int json_opt_bool(const struct json *obj, const char *where, const char *key, bool *out,
                           struct err *e);
/* Array or object members: *out stays NULL when missing. */
MUST_USE int json_opt_array(const struct json *obj, const char *where, const char *key, size_t max_count,
                            const struct json **out, struct err *e);
MUST_USE int json_opt_object(const struct json *obj, const char *where, const char *key, size_t max_count,
                             const struct json **out, struct err *e);

/* Prints a parsed value. Compact; `canonical` sorts members by key bytes (numbers as RFC 8785 for
 * integers up to 2^53, %.17g shortest round trip otherwise). */
void json_print(const struct json *v, bool canonical, struct buf *out);

/* ---- writing ---- */
struct jw {
    struct buf *out;
    unsigned depth;
    bool comma; /* a value stands before the place where the next one goes */
};
struct jw jw_to(struct buf *out);
void jw_obj(struct jw *w);                  /* {  as an element or root */
void jw_arr(struct jw *w);                  /* [ */
void jw_obj_at(struct jw *w, const char *key);
void jw_arr_at(struct jw *w, const char *key);
void jw_end_obj(struct jw *w);
void jw_end_arr(struct jw *w);
void jw_key(struct jw *w, const char *key); /* then exactly one value */
void jw_str(struct jw *w, const char *s);   /* NULL writes null */
void jw_strn(struct jw *w, const char *s, size_t len);
void jw_int(struct jw *w, int64_t n);
void jw_num(struct jw *w, double n);        /* shortest text that reads back the same; NaN and infinities write null */
void jw_bool(struct jw *w, bool b);
void jw_null(struct jw *w);
void jw_raw(struct jw *w, const char *json, size_t len); /* one JSON value already in text */
/* key and value in one */
void jw_str_at(struct jw *w, const char *key, const char *s);
void jw_int_at(struct jw *w, const char *key, int64_t n);
void jw_num_at(struct jw *w, const char *key, double n);
void jw_bool_at(struct jw *w, const char *key, bool b);
void jw_null_at(struct jw *w, const char *key);
void jw_raw_at(struct jw *w, const char *key, const char *json, size_t len);

#endif
