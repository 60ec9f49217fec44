/*
 * like.c - LIKE and ILIKE of filters, without SQLite's own.
 *
 * SQLite's LIKE ignores the case of ASCII letters only, so that É is not é, and tries every way that
 * several % could be taken: a pattern of many makes one comparison last for minutes. Here the last % is
 * the only one that is taken back, which is enough, and makes the time a product at worst.
 */
#include "catalog/filter.h"

#include "api/common/utf8.h"
#include "catalog/db.h"
#include <string.h>

static unsigned read_one(const char **p)
{
    const unsigned char *s = (const unsigned char *)*p;
    size_t n = utf8_step(*p, strnlen(*p, 4));
    *p += n ? n : 1;
    switch (n) {
    case 2: return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
    case 3: return (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
    case 4: return (s[0] & 7u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
    default: return s[0];
    }
}

/* Lower case of what French, English and most neighbours write: Latin with its first two supplements,
 * Greek, Cyrillic. */
static unsigned folded(unsigned c)
{
    if (c < 0xc0)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if (c < 0x100)
        return c < 0xdf && c != 0xd7 ? c + 32 : c;
    if (c == 0x130 || c == 0x178)
        return c == 0x130 ? 'i' : 0xff;
    /* Pairs, the capital at the even number, and from 139 and 179 at the odd one. */
    if (c < 0x180)
        return (c >= 0x139 && c <= 0x148) || c >= 0x179 ? c + (c & 1) : c | 1;
    if ((c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
        return c + 32;
    return c >= 0x400 && c <= 0x40f ? c + 80 : c;
}

bool filter_like(const char *pattern, const char *text, bool fold)
{
    const char *after = NULL; /* the pattern behind the last % */
    const char *again = NULL; /* the text that it is tried on next */
    while (*text) {
        const char *p = pattern, *t = text;
        if (*p == '%') {
            after = ++pattern;
            again = text;
            if (!*after)
                return true;
            continue;
        }
        unsigned got = read_one(&t);
        unsigned want = *p ? read_one(&p) : 0;
        if (want != 0 && (want == '_' || want == got || (fold && folded(want) == folded(got)))) {
            pattern = p;
            text = t;
            continue;
        }
        if (!after)
            return false;
        (void)read_one(&again);
        text = again;
        pattern = after;
    }
    while (*pattern == '%')
        pattern++;
    return !*pattern;
}

static void like_call(sqlite3_context *call, int count, sqlite3_value **values)
{
    const char *pattern = (const char *)sqlite3_value_text(values[0]);
    const char *text = (const char *)sqlite3_value_text(values[1]);
    (void)count;
    if (pattern && text)
        sqlite3_result_int(call, filter_like(pattern, text, sqlite3_user_data(call) != NULL));
}

int cat_like_register(sqlite3 *handle)
{
    static int fold;
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
    int rc = sqlite3_create_function_v2(handle, "enclos_like", 2, flags, NULL, like_call, NULL,
                                        NULL, NULL);
    return rc != SQLITE_OK ? rc
                           : sqlite3_create_function_v2(handle, "enclos_ilike", 2, flags, &fold,
                                                        like_call, NULL, NULL, NULL);
}
