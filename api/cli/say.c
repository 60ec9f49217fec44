/*
 * say.c - the texts of the command line; see say.h.
 */
#include "api/cli/say.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const texts[LANG_COUNT][TEXT_COUNT] = {
    [LANG_EN] =
        {
            [T_NONE] = "",
#define X(id, en, fr) [id] = (en),
#include "api/cli/texts.def"
#undef X
        },
    [LANG_FR] =
        {
            [T_NONE] = "",
#define X(id, en, fr) [id] = (fr),
#include "api/cli/texts.def"
#undef X
        },
};

static enum lang chosen = LANG_EN;
static char *spaced[TEXT_COUNT]; /* French texts whose spaces were set; made when first used */

void say_in(enum lang lang)
{
    chosen = lang;
}

enum lang say_lang(void)
{
    return chosen;
}

int say_lang_of(const char *name)
{
    if (strcmp(name, "fr") == 0)
        return LANG_FR;
    return strcmp(name, "en") == 0 ? LANG_EN : -1;
}

enum lang say_lang_of_env(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);
        if (value && *value)
            return strncmp(value, "fr", 2) == 0 ? LANG_FR : LANG_EN;
    }
    return LANG_EN;
}

void say_add_spaced(struct buf *out, const char *s)
{
    for (const char *p = s; *p; p++) {
        bool before = p[0] == ' ' && (((p[1] == ':' || p[1] == '%') &&
                                       (p[2] == ' ' || p[2] == '\n' || p[2] == '\0')) ||
                                      strncmp(p + 1, "»", strlen("»")) == 0);
        bool after = p[0] == ' ' && p - s >= 2 && strncmp(p - 2, "«", strlen("«")) == 0;
        if (before || after)
            buf_add_str(out, NBSP);
        else
            buf_add_char(out, *p);
    }
}

static char *spaced_copy(const char *s)
{
    struct buf out = BUF_INIT(1 << 20);

    say_add_spaced(&out, s);
    (void)buf_cstr(&out);
    return buf_take(&out);
}

const char *tr_in(enum lang lang, enum text_id id)
{
    assert(id < TEXT_COUNT);
    if (lang != LANG_FR)
        return texts[lang][id];
    if (!spaced[id])
        spaced[id] = spaced_copy(texts[LANG_FR][id]);
    return spaced[id];
}

const char *tr(enum text_id id)
{
    return tr_in(chosen, id);
}

void tr_add_args(struct buf *out, enum text_id id, const char *const *args, size_t count)
{
    for (const char *p = tr(id); *p; p++) {
        if (p[0] == '{' && p[1] >= '1' && p[1] <= '9' && p[2] == '}') {
            size_t n = (size_t)(p[1] - '1');
            assert(n < count);
            if (args[n])
                buf_add_str(out, args[n]);
            p += 2;
        } else {
            buf_add_char(out, *p);
        }
    }
}

enum text_id tr_plural(uint64_t n, enum text_id one, enum text_id many)
{
    return n == 1 || (n == 0 && chosen == LANG_FR) ? one : many;
}

int say_err_args(struct err *e, enum err_kind kind, const char *field, enum text_id hint,
                 enum text_id message, const char *const *args, size_t count)
{
    struct buf text = BUF_INIT(4096);

    tr_add_args(&text, message, args, count);
    (void)err_set(e, kind, field, hint == T_NONE ? NULL : tr(hint), "%s", buf_cstr(&text));
    buf_fini(&text);
    return -1;
}
