/*
 * shape.c - see shape.h. Called by discover.c for each row; the texts are ours, never from outside.
 */
#include "orchestrator/shape.h"
#include "api/common/json.h"
#include <ctype.h>
#include <string.h>

enum { SHAPE_MAX_BYTES = 64 << 10, SHAPE_DEPTH_MAX = 16 };

struct reader {
    const char *start, *at;
    int depth;
};

static const struct {
    const char *word, *schema;
} words[] = {
    {"text", "{\"type\":\"string\"}"},   {"integer", "{\"type\":\"integer\"}"},
    {"number", "{\"type\":\"number\"}"}, {"boolean", "{\"type\":\"boolean\"}"},
    {"true", "{\"const\":true}"},        {"null", "{\"type\":\"null\"}"},
    {"object", "{\"type\":\"object\"}"}, {"any", "{}"},
    {"sha256", "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\"}"},
};

static int shape(struct reader *r, struct buf *out, struct err *e);

static int stray(const struct reader *r, const char *wanted, struct err *e)
{
    return err_set(e, E_INVALID, "result", "orchestrator/shape.h has the grammar", "character %d: %s before \"%.40s\"",
                   (int)(r->at - r->start), wanted, r->at);
}

static void skip_spaces(struct reader *r)
{
    while (*r->at == ' ' || *r->at == '\n')
        r->at++;
}

static bool take(struct reader *r, char c)
{
    skip_spaces(r);
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

static size_t word_at(const struct reader *r)
{
    size_t n = 0;
    while (isalnum((unsigned char)r->at[n]) || (r->at[n] && strchr("_.-@", r->at[n])))
        n++;
    return n;
}

static bool take_word(struct reader *r, const char *word)
{
    skip_spaces(r);
    size_t n = word_at(r);
    if (n != strlen(word) || memcmp(r->at, word, n) != 0)
        return false;
    r->at += n;
    return true;
}

static void add_quoted(struct buf *out, const char *s, size_t len)
{
    buf_add_char(out, '"');
    buf_add(out, s, len);
    buf_add_char(out, '"');
}

static bool ends_in(const char *s, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len >= n && memcmp(s + len - n, end, n) == 0;
}

static const char *usual_schema(const char *name, size_t len)
{
    static const char *const counted[] = {"_us", "_ms", "_bytes", "_milli", "_count"};
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        if (ends_in(name, len, counted[i]))
            return words[1].schema;
    if (len == 6 && memcmp(name, "sha256", 6) == 0)
        return words[8].schema;
    return words[0].schema;
}

/* "(note)" into a schema that is written from `from` on. */
static int note(struct reader *r, struct buf *out, size_t from, struct err *e)
{
    if (!take(r, '('))
        return 0;
    size_t n = strcspn(r->at, ")");
    if (!r->at[n])
        return stray(r, ") is missing", e);
    AUTO_BUF struct buf rest = BUF_INIT(SHAPE_MAX_BYTES), text = BUF_INIT(SHAPE_MAX_BYTES);
    buf_add(&text, r->at, n);
    buf_add(&rest, out->data + from + 1, out->len - from - 1);
    out->len = from;
    struct jw w = jw_to(out);
    buf_add_str(out, "{\"description\":");
    jw_str(&w, buf_cstr(&text));
    if (rest.len > 1)
        buf_add_char(out, ',');
    buf_add(out, rest.data, rest.len);
    r->at += n + 1;
    return 0;
}

static int member(struct reader *r, struct buf *out, struct buf *required, struct err *e)
{
    skip_spaces(r);
    const char *name = r->at;
    size_t len = word_at(r);
    if (len == 0)
        return stray(r, "a member's name is missing", e);
    r->at += len;
    if (!take(r, '?')) {
        if (required->len)
            buf_add_char(required, ',');
        add_quoted(required, name, len);
    }
    add_quoted(out, name, len);
    buf_add_char(out, ':');
    size_t from = out->len;
    if (!take(r, ':'))
        buf_add_str(out, usual_schema(name, len));
    else if (shape(r, out, e) < 0)
        return -1;
    return note(r, out, from, e);
}

static int object(struct reader *r, struct buf *out, struct err *e)
{
    AUTO_BUF struct buf required = BUF_INIT(SHAPE_MAX_BYTES);
    buf_add_str(out, "{\"type\":\"object\",");
    if (take(r, '*')) {
        buf_add_str(out, "\"additionalProperties\":");
        if (!take(r, ':'))
            return stray(r, ": is missing", e);
        if (shape(r, out, e) < 0)
            return -1;
        buf_add_char(out, '}');
        return take(r, '}') ? 0 : stray(r, "} is missing", e);
    }
    buf_add_str(out, "\"properties\":{");
    if (!take(r, '}')) {
        for (;;) {
            if (member(r, out, &required, e) < 0)
                return -1;
            if (take(r, '}'))
                break;
            if (!take(r, ','))
                return stray(r, ", or } is missing", e);
            buf_add_char(out, ',');
        }
    }
    buf_add_str(out, "},\"required\":[");
    buf_add(out, required.data, required.len);
    buf_add_str(out, "]}");
    return 0;
}

static int one_of_words(struct reader *r, struct buf *out, struct err *e)
{
    size_t len = word_at(r);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (len == strlen(words[i].word) && memcmp(words[i].word, r->at, len) == 0) {
            buf_add_str(out, words[i].schema);
            r->at += len;
            return 0;
        }
    if (len == 0 || r->at[len] != '|')
        return stray(r, "there is no such type", e);
    buf_add_str(out, "{\"type\":\"string\",\"enum\":[");
    for (;;) {
        add_quoted(out, r->at, len);
        r->at += len;
        if (*r->at != '|')
            break;
        r->at++;
        len = word_at(r);
        if (len == 0)
            return stray(r, "a word is missing", e);
        buf_add_char(out, ',');
    }
    buf_add_str(out, "]}");
    return 0;
}

static int one(struct reader *r, struct buf *out, struct err *e);

static int result_of(struct reader *r, struct buf *out, struct err *e)
{
    AUTO_BUF struct buf more = BUF_INIT(SHAPE_MAX_BYTES);
    skip_spaces(r);
    const char *method = r->at;
    size_t len = word_at(r);
    r->at += len;
    if (len == 0)
        return stray(r, "a method is missing", e);
    if (take_word(r, "with") && one(r, &more, e) < 0)
        return -1;
    if (more.len)
        buf_add_str(out, "{\"allOf\":[");
    buf_add_str(out, "{\"$ref\":\"#/components/schemas/");
    buf_add(out, method, len);
    buf_add_str(out, "\"}");
    if (more.len) {
        buf_add_char(out, ',');
        buf_add(out, more.data, more.len);
        buf_add_str(out, "]}");
    }
    return 0;
}

static int one(struct reader *r, struct buf *out, struct err *e)
{
    if (take(r, '{'))
        return object(r, out, e);
    if (take(r, '[')) {
        buf_add_str(out, "{\"type\":\"array\",\"items\":");
        if (shape(r, out, e) < 0)
            return -1;
        buf_add_char(out, '}');
        return take(r, ']') ? 0 : stray(r, "] is missing", e);
    }
    if (take(r, '\'')) {
        size_t len = word_at(r);
        buf_add_str(out, "{\"const\":");
        add_quoted(out, r->at, len);
        buf_add_char(out, '}');
        r->at += len;
        return len && take(r, '\'') ? 0 : stray(r, "' is missing", e);
    }
    return take_word(r, "as") ? result_of(r, out, e) : one_of_words(r, out, e);
}

static int shape(struct reader *r, struct buf *out, struct err *e)
{
    AUTO_BUF struct buf all = BUF_INIT(SHAPE_MAX_BYTES);
    size_t count = 1;
    if (++r->depth > SHAPE_DEPTH_MAX)
        return stray(r, "it is too deep", e);
    if (one(r, &all, e) < 0)
        return -1;
    for (; take_word(r, "or"); count++) {
        buf_add_char(&all, ',');
        if (one(r, &all, e) < 0)
            return -1;
    }
    r->depth--;
    if (count > 1)
        buf_add_str(out, "{\"anyOf\":[");
    buf_add(out, all.data, all.len);
    if (count > 1)
        buf_add_str(out, "]}");
    return 0;
}

int shape_schema(const char *text, struct buf *out, struct err *e)
{
    struct reader r = {.start = text, .at = text};
    size_t before = out->len;
    if (shape(&r, out, e) == 0) {
        skip_spaces(&r);
        if (*r.at == '\0')
            return 0;
        (void)stray(&r, "it should end", e);
    }
    out->len = before;
    return -1;
}
