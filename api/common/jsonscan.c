/*
 * jsonscan.c - reads raw JSON text before cJSON does, and refuses what cJSON would let through.
 *
 * One pass, no recursion, a bounded stack. It accepts RFC 8259 without a byte order mark, and of
 * I-JSON (RFC 7493): no duplicate keys, no lone surrogates, no number that a double cannot hold
 * (an integer beyond 2^53, 1e400, 1e-400). Also refused, because cJSON loses them: \u0000, and
 * numbers of more than 63 characters.
 *
 * Duplicate keys. Keys are compared as decoded ("a" is "\u0061"), through a hash. The keys of all
 * open objects lie in one table used as a stack, so an object costs what it has and nothing else.
 *   - json_scan has that table on its stack, 1024 keys, and compares pair by pair: a text with at
 *     most 1024 keys in the objects open at one time (so any text of 4 KiB or less, such as a line
 *     of metrics) is checked whole. Keys past the 1024th are not looked at: whoever reads such a
 *     text uses json_parse.
 *   - json_parse has a table that grows, at most 8 bytes for each 5 of the text. The first 256 keys
 *     of an object are compared pair by pair; an object with more is sorted when it ends, by hash
 *     and then by text, so that neither a huge object nor made-up hash collisions cost n^2.
 */
#include "api/common/jsonscan.h"

#include "api/common/text.h"
#include "api/common/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_MAX_BYTES = 1 << 20,
    DEFAULT_MAX_DEPTH = 32,
    MOST_DEPTH = 256, /* cJSON stops at 1000 */
    STACK_KEYS = 1024,
    PAIRWISE_KEYS = 256,
    NUMBER_MAX_CHARS = 63, /* cJSON 1.7.15 copies so many for strtod */
};

/* The keys of the objects that are open, innermost last: hashes, and where their quotes are. */
struct scan_keys {
    uint32_t *hash;
    uint32_t *offset;
    size_t room;
    size_t pairwise_max; /* members of one object that are compared pair by pair, as they come */
    bool grows;          /* malloc'ed; objects past pairwise_max are sorted at their end */
};

struct scanner {
    const char *text;
    size_t len;
    size_t at;
    struct scan_keys *keys;
    size_t key_count;
    struct err *e;
};

/* ---- errors ---- */

/* What stands at `at`, for people. */
static void name_found(const struct scanner *s, size_t at, char *out, size_t out_size)
{
    if (at >= s->len) {
        snprintf(out, out_size, "the end of the text");
        return;
    }
    size_t n = utf8_step(s->text + at, s->len - at);
    unsigned char byte = (unsigned char)s->text[at];
    if (n == 0 || byte < 0x20 || byte == 0x7f)
        snprintf(out, out_size, "byte 0x%02x", byte);
    else
        snprintf(out, out_size, "'%.*s'", (int)n, s->text + at);
}

static int fail_kind(struct scanner *s, enum err_kind kind, size_t at, const char *what)
{
    size_t line = 1, column = 1;

    for (size_t i = 0; i < at && i < s->len; i++) {
        if (s->text[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)s->text[i] & 0xc0) != 0x80) {
            column++; /* characters, as editors count */
        }
    }
    return err_set(s->e, kind, NULL, NULL, "line %zu, column %zu: %s", line, column, what);
}

static int fail(struct scanner *s, size_t at, const char *what)
{
    return fail_kind(s, E_INVALID, at, what);
}

static int fail_expected(struct scanner *s, const char *expected)
{
    char found[32], what[128];

    name_found(s, s->at, found, sizeof found);
    snprintf(what, sizeof what, "expected %s, found %s", expected, found);
    return fail(s, s->at, what);
}

/* ---- strings ---- */

static int hex4(const char *p, size_t len, unsigned *out)
{
    unsigned n = 0;

    if (len < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (unsigned)((c | 0x20) - 'a' + 10);
        else
            return -1;
        n = n << 4 | digit;
    }
    *out = n;
    return 0;
}

/* The string that opens at s->at; leaves s->at behind its closing quote. */
static int scan_string(struct scanner *s)
{
    size_t open = s->at++;

    for (;;) {
        if (s->at >= s->len)
            return fail(s, open, "a string without its closing quote");
        unsigned char c = (unsigned char)s->text[s->at];
        if (c == '"') {
            s->at++;
            return 0;
        }
        if (c < 0x20) {
            char what[64];
            snprintf(what, sizeof what, "control byte 0x%02x in a string: write it escaped", c);
            return fail(s, s->at, what);
        }
        if (c >= 0x80) {
            size_t n = utf8_step(s->text + s->at, s->len - s->at);
            if (n == 0)
                return fail(s, s->at, "a string is not valid UTF-8");
            s->at += n;
            continue;
        }
        if (c != '\\') {
            s->at++;
            continue;
        }
        size_t start = s->at;
        char kind = s->at + 1 < s->len ? s->text[s->at + 1] : '\0';
        s->at += 2;
        if (kind != 'u') {
            if (kind == '\0' || !strchr("\"\\/bfnrt", kind))
                return fail(s, start, "an unknown escape in a string");
            continue;
        }
        unsigned code, low;
        if (s->at > s->len || hex4(s->text + s->at, s->len - s->at, &code) < 0)
            return fail(s, start, "\\u without four hexadecimal digits");
        s->at += 4;
        if (code == 0)
            return fail(s, start, "\\u0000 in a string");
        if (code >= 0xdc00 && code <= 0xdfff)
            return fail(s, start, "a lone surrogate in a string");
        if (code >= 0xd800 && code <= 0xdbff) {
            if (s->len - s->at < 6 || s->text[s->at] != '\\' || s->text[s->at + 1] != 'u' ||
                hex4(s->text + s->at + 2, s->len - s->at - 2, &low) < 0 || low < 0xdc00 ||
                low > 0xdfff)
                return fail(s, start, "a lone surrogate in a string");
            s->at += 6;
        }
    }
}

/* Decodes one character of a string that scanned well, at *at, into out (1..4 bytes). Returns the
 * number of bytes, 0 at the closing quote. */
static size_t next_char(const char *text, size_t *at, char out[4])
{
    unsigned code = 0, low = 0;
    const char *p = text + *at;

    if (*p == '"')
        return 0;
    if (*p != '\\') {
        out[0] = *p;
        ++*at;
        return 1;
    }
    *at += 2;
    switch (p[1]) {
    case 'b': out[0] = '\b'; return 1;
    case 'f': out[0] = '\f'; return 1;
    case 'n': out[0] = '\n'; return 1;
    case 'r': out[0] = '\r'; return 1;
    case 't': out[0] = '\t'; return 1;
    case 'u': break;
    default: out[0] = p[1]; return 1;
    }
    (void)!hex4(p + 2, 4, &code);
    *at += 4;
    if (code >= 0xd800 && code <= 0xdbff) {
        (void)!hex4(p + 8, 4, &low);
        *at += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* A string read byte by byte, decoded; -1 at its end. */
struct cursor {
    const char *text;
    size_t at; /* behind the opening quote, at first */
    char out[4];
    size_t have, used;
};

static int cursor_byte(struct cursor *c)
{
    if (c->used == c->have) {
        c->used = 0;
        c->have = next_char(c->text, &c->at, c->out);
        if (c->have == 0)
            return -1;
    }
    return (unsigned char)c->out[c->used++];
}

static int compare_keys(const char *text, size_t a, size_t b)
{
    struct cursor ca = {.text = text, .at = a + 1}, cb = {.text = text, .at = b + 1};

    for (;;) {
        int x = cursor_byte(&ca), y = cursor_byte(&cb);
        if (x != y)
            return x < y ? -1 : 1;
        if (x < 0)
            return 0;
    }
}

static uint32_t hash_key(const char *text, size_t at)
{
    struct cursor c = {.text = text, .at = at + 1};
    uint32_t h = 2166136261u; /* FNV-1a */

    for (int byte; (byte = cursor_byte(&c)) >= 0;)
        h = (h ^ (uint32_t)byte) * 16777619u;
    return h;
}

/* ---- duplicate keys ---- */

static int fail_duplicate(struct scanner *s, size_t at)
{
    char key[64], what[128];
    struct cursor c = {.text = s->text, .at = at + 1};
    size_t n = 0;

    for (int byte; n < sizeof key - 1 && (byte = cursor_byte(&c)) >= 0;)
        key[n++] = (char)byte;
    char shown[96];
    text_sanitize(key, n, shown, sizeof shown);
    snprintf(what, sizeof what, "the key \"%.60s\" is there twice", shown);
    return fail(s, at, what);
}

/* Notes the key whose opening quote is at `at`; the object's keys begin at `base` in the table. */
static int note_key(struct scanner *s, size_t base, size_t at)
{
    struct scan_keys *k = s->keys;
    uint32_t hash;

    if (s->key_count == k->room) {
        if (!k->grows)
            return 0;
        size_t room = k->room ? k->room * 2 : 64;
        uint32_t *hashes = reallocarray(k->hash, room, sizeof *hashes);
        if (hashes)
            k->hash = hashes;
        uint32_t *offsets = hashes ? reallocarray(k->offset, room, sizeof *offsets) : NULL;
        if (!offsets)
            return err_set(s->e, E_LIMIT, NULL, NULL, "out of memory for a JSON text of %zu bytes",
                           s->len);
        k->offset = offsets;
        k->room = room;
    }
    hash = hash_key(s->text, at);
    if (s->key_count - base < k->pairwise_max)
        for (size_t i = base; i < s->key_count; i++)
            if (k->hash[i] == hash && compare_keys(s->text, k->offset[i], at) == 0)
                return fail_duplicate(s, at);
    k->hash[s->key_count] = hash;
    k->offset[s->key_count++] = (uint32_t)at;
    return 0;
}

struct sort_key {
    uint32_t hash;
    uint32_t offset;
};

static int compare_sort_keys(const void *a, const void *b, void *text)
{
    const struct sort_key *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    int order = compare_keys(text, x->offset, y->offset);
    /* Of equal ones the earlier first: the error then points at the repeat. */
    return order ? order : x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* An object ends: its keys, from base on, are dropped, and checked if they were too many to be
 * checked one by one. */
static int end_object(struct scanner *s, size_t base)
{
    struct scan_keys *k = s->keys;
    size_t count = s->key_count - base;
    int rc = 0;

    s->key_count = base;
    if (!k->grows || count <= k->pairwise_max)
        return 0;
    struct sort_key *sorted = calloc(count, sizeof *sorted);
    if (!sorted)
        return err_set(s->e, E_LIMIT, NULL, NULL, "out of memory for a JSON object of %zu members",
                       count);
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct sort_key){k->hash[base + i], k->offset[base + i]};
    qsort_r(sorted, count, sizeof *sorted, compare_sort_keys, (void *)(uintptr_t)s->text);
    size_t first = SIZE_MAX;
    for (size_t i = 1; i < count; i++)
        if (sorted[i].hash == sorted[i - 1].hash && sorted[i].offset < first &&
            compare_keys(s->text, sorted[i].offset, sorted[i - 1].offset) == 0)
            first = sorted[i].offset;
    free(sorted);
    if (first != SIZE_MAX)
        rc = fail_duplicate(s, first);
    return rc;
}

/* ---- numbers ---- */

static bool is_digit_at(const struct scanner *s)
{
    return s->at < s->len && s->text[s->at] >= '0' && s->text[s->at] <= '9';
}

/* Whether a decimal of the form 0.d1d2d3... x 10^exponent, d1 not 0, is one that a double holds:
 * neither infinite nor zero. A text of 17 digits tells all doubles apart, so the largest one's are
 * enough at the upper end; what lies less than one unit of the 17th digit above it is refused. */
static bool in_range(const char *digits, size_t count, long exponent)
{
    static const char most[] = "17976931348623157"; /* DBL_MAX = 0.1797... x 10^309 */

    if (exponent > 309)
        return false;
    if (exponent == 309) {
        for (size_t i = 0; i < sizeof most - 1; i++) {
            char d = i < count ? digits[i] : '0';
            if (d != most[i])
                return d < most[i];
        }
        return true;
    }
    /* The smallest denormal is 0.494 x 10^-323. */
    return exponent > -323 || (exponent == -323 && digits[0] >= '3');
}

static int scan_number(struct scanner *s)
{
    size_t start = s->at;
    char digits[NUMBER_MAX_CHARS + 1]; /* significant ones, from the first that is not 0 */
    size_t count = 0;
    long exponent = 0; /* of 0.DIGITS */
    bool integer = true;

    if (s->text[s->at] == '-')
        s->at++;
    if (!is_digit_at(s))
        return fail_expected(s, "a digit");
    size_t first = s->at;
    for (; is_digit_at(s); s->at++) {
        if (s->at == first + 1 && s->text[first] == '0')
            return fail(s, start, "a number with a leading zero");
        if (count > 0 || s->text[s->at] != '0') {
            if (count < sizeof digits)
                digits[count] = s->text[s->at];
            count++;
            exponent++;
        }
    }
    if (s->at < s->len && s->text[s->at] == '.') {
        integer = false;
        s->at++;
        if (!is_digit_at(s))
            return fail_expected(s, "a digit after the decimal point");
        for (; is_digit_at(s); s->at++) {
            if (count > 0 || s->text[s->at] != '0') {
                if (count < sizeof digits)
                    digits[count] = s->text[s->at];
                count++;
            } else {
                exponent--;
            }
        }
    }
    if (s->at < s->len && (s->text[s->at] | 0x20) == 'e') {
        integer = false;
        long sign = 1, n = 0;
        s->at++;
        if (s->at < s->len && (s->text[s->at] == '-' || s->text[s->at] == '+'))
            sign = s->text[s->at++] == '-' ? -1 : 1;
        if (!is_digit_at(s))
            return fail_expected(s, "a digit in the exponent");
        for (; is_digit_at(s); s->at++)
            if (n < 1000000)
                n = n * 10 + (s->text[s->at] - '0');
        exponent += sign * n;
    }
    if (s->at - start > NUMBER_MAX_CHARS)
        return fail(s, start, "a number of more than 63 characters");
    if (integer && (count > 16 || (count == 16 && memcmp(digits, "9007199254740992", 16) > 0)))
        return fail(s, start,
                    "an integer beyond 2^53, which would lose digits: write it as a string");
    if (count > 0 && !in_range(digits, count, exponent))
        return fail(s, start, "a number that no double can hold: write it as a string");
    return 0;
}

/* ---- values ---- */

static void skip_space(struct scanner *s)
{
    while (s->at < s->len && (s->text[s->at] == ' ' || s->text[s->at] == '\n' ||
                              s->text[s->at] == '\t' || s->text[s->at] == '\r'))
        s->at++;
}

static int scan_word(struct scanner *s, const char *word)
{
    size_t n = strlen(word);

    if (s->len - s->at < n || memcmp(s->text + s->at, word, n) != 0)
        return fail_expected(s, "a JSON value");
    s->at += n;
    return 0;
}

/* A value that is no object or array. */
static int scan_scalar(struct scanner *s)
{
    char c = s->at < s->len ? s->text[s->at] : '\0';

    if (c == '"')
        return scan_string(s);
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(s);
    switch (c) {
    case 't': return scan_word(s, "true");
    case 'f': return scan_word(s, "false");
    case 'n': return scan_word(s, "null");
    default: return fail_expected(s, "a JSON value");
    }
}

/* A member's key and its colon. */
static int scan_key(struct scanner *s, size_t base)
{
    size_t at = s->at;

    if (at >= s->len || s->text[at] != '"')
        return fail_expected(s, "a key in quotes");
    if (scan_string(s) < 0 || note_key(s, base, at) < 0)
        return -1;
    skip_space(s);
    if (s->at >= s->len || s->text[s->at] != ':')
        return fail_expected(s, "':'");
    s->at++;
    skip_space(s);
    return 0;
}

/* The loop. `open` holds, for each object or array that is open, where its keys begin in the
 * table, plus 1; 0 for an array. */
static int scan_value(struct scanner *s, unsigned max_depth)
{
    size_t open[MOST_DEPTH];
    unsigned depth = 0;

    for (;;) {
        /* A value stands here. */
        char c = s->at < s->len ? s->text[s->at] : '\0';
        if (c == '{' || c == '[') {
            if (depth == max_depth) {
                char what[64];
                snprintf(what, sizeof what, "more than %u levels deep", max_depth);
                return fail_kind(s, E_LIMIT, s->at, what);
            }
            open[depth++] = c == '{' ? s->key_count + 1 : 0;
            s->at++;
            skip_space(s);
            bool empty = s->at < s->len && s->text[s->at] == (c == '{' ? '}' : ']');
            if (!empty) {
                if (c == '{' && scan_key(s, s->key_count) < 0)
                    return -1;
                continue;
            }
        } else if (scan_scalar(s) < 0) {
            return -1;
        }
        /* A value, or the opening of an empty one, ends here: close what ends, go on with what
         * follows. */
        for (;;) {
            skip_space(s);
            if (depth == 0)
                return 0;
            bool object = open[depth - 1] > 0;
            c = s->at < s->len ? s->text[s->at] : '\0';
            if (c == ',') {
                s->at++;
                skip_space(s);
                if (object && scan_key(s, open[depth - 1] - 1) < 0)
                    return -1;
                break;
            }
            if (c != (object ? '}' : ']'))
                return fail_expected(s, object ? "',' or '}'" : "',' or ']'");
            s->at++;
            if (object && end_object(s, open[depth - 1] - 1) < 0)
                return -1;
            depth--;
        }
    }
}

static int scan_text(const char *text, size_t len, const struct json_limits *limits,
                     struct scan_keys *keys, struct err *e)
{
    struct scanner s = {.text = text, .len = len, .keys = keys, .e = e};
    size_t max_bytes = limits && limits->max_bytes ? limits->max_bytes : DEFAULT_MAX_BYTES;
    unsigned max_depth = limits && limits->max_depth ? limits->max_depth : DEFAULT_MAX_DEPTH;

    if (max_bytes >= UINT32_MAX)
        max_bytes = UINT32_MAX - 1;
    if (max_depth > MOST_DEPTH)
        max_depth = MOST_DEPTH;
    if (len > max_bytes)
        return err_set(e, E_LIMIT, NULL, NULL, "a JSON text of %zu bytes, more than %zu", len,
                       max_bytes);
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        return fail(&s, 0, "a byte order mark: save the text as UTF-8 without it");
    skip_space(&s);
    if (s.at == len)
        return fail(&s, s.at, "no JSON value, the text is empty");
    if (scan_value(&s, max_depth) < 0)
        return -1;
    if (s.at < len) {
        char found[32], what[64];
        name_found(&s, s.at, found, sizeof found);
        snprintf(what, sizeof what, "%s after the end of the value", found);
        return fail(&s, s.at, what);
    }
    return 0;
}

int json_scan(const char *text, size_t len, const struct json_limits *limits, struct err *e)
{
    uint32_t hash[STACK_KEYS], offset[STACK_KEYS];
    struct scan_keys keys = {
        .hash = hash, .offset = offset, .room = STACK_KEYS, .pairwise_max = STACK_KEYS};

    return scan_text(text, len, limits, &keys, e);
}

int scan_for_parse(const char *text, size_t len, const struct json_limits *limits, struct err *e)
{
    struct scan_keys keys = {.pairwise_max = PAIRWISE_KEYS, .grows = true};
    int rc = scan_text(text, len, limits, &keys, e);

    free(keys.hash);
    free(keys.offset);
    return rc;
}

/* ---- comments ---- */

int json_blank_comments(char *text, size_t len, struct err *e)
{
    struct scanner s = {.text = text, .len = len, .e = e};
    size_t comma = SIZE_MAX; /* of a comma that only blanks and comments follow so far */
    char before = '\0';      /* what stood before it; then the last character that counts */

    for (size_t at = 0; at < len;) {
        char c = text[at];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            at++;
            continue;
        }
        if (c == '/' && at + 1 < len && (text[at + 1] == '/' || text[at + 1] == '*')) {
            bool block = text[at + 1] == '*';
            size_t open = at;
            size_t end = at + 2;
            if (block) {
                while (end + 1 < len && !(text[end] == '*' && text[end + 1] == '/'))
                    end++;
                if (end + 1 >= len)
                    return fail(&s, open, "a comment without its end");
                end += 2;
            } else {
                while (end < len && text[end] != '\n')
                    end++;
            }
            for (; at < end; at++)
                if (text[at] != '\n' && text[at] != '\r')
                    text[at] = ' ';
            continue;
        }
        if (c == '"') {
            /* To its end; what is wrong inside is for the scan to say. */
            for (at++; at < len && text[at] != '"' && text[at] != '\n'; at++)
                if (text[at] == '\\' && at + 1 < len)
                    at++;
            if (at < len)
                at++;
        } else {
            /* A trailing comma goes, but not one that nothing stands before: "[,]" is wrong. */
            if ((c == ']' || c == '}') && comma != SIZE_MAX && !strchr("[{,:", before))
                text[comma] = ' ';
            at++;
        }
        if (c == ',') {
            comma = at - 1;
            continue; /* `before` stays what stood before it */
        }
        comma = SIZE_MAX;
        before = c;
    }
    return 0;
}

/* ---- lines of values ---- */

struct walk {
    const char *text;
    size_t len;
    size_t at;
};

static void walk_space(struct walk *w)
{
    while (w->at < w->len && (unsigned char)w->text[w->at] <= ' ')
        w->at++;
}

static void walk_string(struct walk *w)
{
    for (w->at++; w->at < w->len && w->text[w->at] != '"'; w->at++)
        if (w->text[w->at] == '\\')
            w->at++;
    w->at++;
}

static bool walk_is(const struct walk *w, char c)
{
    return w->at < w->len && w->text[w->at] == c;
}

/* Past the value at w->at. */
static void walk_value(struct walk *w)
{
    unsigned depth = 0;

    do {
        walk_space(w);
        if (w->at >= w->len)
            return;
        char c = w->text[w->at];
        if (c == '"') {
            walk_string(w);
        } else {
            depth += c == '{' || c == '[';
            depth -= depth > 0 && (c == '}' || c == ']');
            w->at++;
            if (depth == 0 && c != '}' && c != ']')
                while (w->at < w->len && !strchr(",]} \t\r\n", w->text[w->at]))
                    w->at++;
        }
    } while (depth > 0);
}

/* The part of `path` behind the key whose quote is at `at`, or NULL when path does not begin with
 * that key as a whole component. */
static const char *behind_key(const char *text, size_t at, const char *path)
{
    struct cursor c = {.text = text, .at = at + 1};

    for (int byte; (byte = cursor_byte(&c)) >= 0; path++)
        if (*path == '\0' || (unsigned char)*path != byte)
            return NULL;
    if (*path == '.')
        return path + 1;
    return *path == '\0' || *path == '[' ? path : NULL;
}

/* Goes to the value at `path` below the one at w->at. Each level has its own loop, and a path has
 * no more levels than the text. A key may hold dots, so each key that fits is tried. */
static bool walk_to(struct walk *w, const char *path) /* NOLINT(misc-no-recursion) */
{
    walk_space(w);
    if (*path == '\0')
        return w->at < w->len;
    bool object = walk_is(w, '{');
    if (!object && !walk_is(w, '['))
        return false;
    char *rest = NULL;
    unsigned long wanted = 0;
    if (!object) {
        if (path[0] != '[' || path[1] < '0' || path[1] > '9')
            return false;
        wanted = strtoul(path + 1, &rest, 10);
        if (*rest++ != ']')
            return false;
        if (*rest == '.')
            rest++;
    }
    w->at++;
    for (unsigned long i = 0;; i++) {
        walk_space(w);
        if (w->at >= w->len || walk_is(w, '}') || walk_is(w, ']'))
            return false;
        const char *below = !object && i == wanted ? rest : NULL;
        if (object) {
            below = behind_key(w->text, w->at, path);
            walk_string(w);
            walk_space(w);
            w->at++; /* the colon */
            walk_space(w);
        }
        size_t value = w->at;
        if (below && walk_to(w, below))
            return true;
        w->at = value;
        walk_value(w);
        walk_space(w);
        if (walk_is(w, ','))
            w->at++;
    }
}

unsigned json_line_of(const char *text, size_t len, const char *path)
{
    struct walk w = {.text = text, .len = len};
    unsigned line = 1;

    if (!walk_to(&w, path))
        return 0;
    for (size_t i = 0; i < w.at; i++)
        line += text[i] == '\n';
    return line;
}
