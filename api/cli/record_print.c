/*
 * record_print.c - answers, histories and the text for an editor, as people read them; see record.h.
 */
#include "api/cli/record.h"

#include "api/common/mem.h"
#include "api/common/text.h"
#include <string.h>

enum { VALUE_MAX_BYTES = 1 << 20 };

const struct table_column record_fact_columns[2] = {
    {T_NONE, false, 0, 0},
    {T_NONE, false, 20, 0},
};

void record_add_fact(struct table *t, enum text_id label, const char *value)
{
    if (!*value)
        return;
    table_cell(t, STYLE_DIM, tr(label));
    table_cell(t, STYLE_PLAIN, value);
}

void record_add_date(struct table *t, enum text_id label, int64_t us)
{
    AUTO_BUF struct buf date = BUF_INIT(64);

    if (us > 0)
        human_date(&date, us);
    record_add_fact(t, label, buf_cstr(&date));
}

void record_add_written(struct table *t, const struct json *record)
{
    AUTO_BUF struct buf v = BUF_INIT(1 << 16), date = BUF_INIT(64);
    AUTO_FREE char *version = mem_printf("%lld", (long long)cli_int(record, "record_version"));
    AUTO_FREE char *latest = mem_printf("%lld", (long long)cli_int(record, "latest_version"));

    human_date(&date, cli_int(record, "changed_us"));
    tr_add(&v, strcmp(version, latest) == 0 ? T_V_VERSION : T_V_OLD_VERSION, version, buf_cstr(&date),
           cli_str(json_get(record, "changed_by"), "name"), latest);
    record_add_fact(t, T_F_VERSION, buf_cstr(&v));
    record_add_fact(t, T_F_WHY, cli_str(record, "reason"));
}

int record_write_page(struct jw *w, const struct args *a, struct err *e)
{
    const char *limit = args_get(a, "limit");
    uint64_t n = 0;
    if (limit && text_u64(limit, 1, 500, &n) < 0)
        return say_err(e, E_INVALID, NULL, T_NONE, T_BAD_PAGE_LIMIT, limit);
    if (limit)
        jw_int_at(w, "limit", (int64_t)n);
    if (args_get(a, "cursor"))
        jw_str_at(w, "cursor", args_get(a, "cursor"));
    if (args_get(a, "filter"))
        jw_str_at(w, "filter", args_get(a, "filter"));
    if (args_get(a, "order-by"))
        jw_str_at(w, "order_by", args_get(a, "order-by"));
    return 0;
}

/* ---- values ---- */

static bool is(const struct json *field, const char *key)
{
    return json_bool(json_get(field, key), false);
}

static bool is_type(const struct json *field, const char *type)
{
    return strcmp(cli_str(field, "type"), type) == 0;
}

/* A choice by its label; what is no choice (any more) by its code. */
static const char *choice_label(const struct json *field, const char *value)
{
    for (const struct json *c = json_first(json_get(field, "choices")); c; c = json_next(c))
        if (strcmp(cli_str(c, "value"), value) == 0)
            return record_both(json_get(c, "label"));
    return value;
}

static void add_value(struct buf *out, const struct json *field, const struct json *v)
{
    switch (json_type(v)) {
    case JSON_STRING: buf_add_str(out, choice_label(field, json_str(v))); break;
    case JSON_NUMBER:
        human_number(out, json_num(v, 0));
        if (*cli_str(field, "unit"))
            buf_printf(out, NBSP "%s", cli_str(field, "unit"));
        break;
    case JSON_BOOL: buf_add_str(out, tr(json_bool(v, false) ? T_YES : T_NO)); break;
    case JSON_ARRAY:
        for (const struct json *m = json_first(v); m; m = json_next(m)) {
            add_value(out, field, m);
            if (json_next(m))
                buf_add_str(out, ", ");
        }
        break;
    default: break;
    }
}

/* A label as one in a card: without its capital, unless it is all capitals (PIA). É is the one beside A to Z. */
static void add_small(struct buf *out, const char *label)
{
    bool ascii = label[0] >= 'A' && label[0] <= 'Z' && !(label[1] >= 'A' && label[1] <= 'Z');
    if (ascii) {
        buf_add_char(out, (char)(label[0] + 32));
        label++;
    } else if (strncmp(label, "É", strlen("É")) == 0) {
        buf_add_str(out, "é");
        label += strlen("É");
    }
    buf_add_str(out, label);
}

void record_add_choices(struct buf *out, const struct json *form, const char *name, const struct json *v)
{
    for (const struct json *f = json_first(json_get(form, "fields")); f; f = json_next(f))
        if (strcmp(cli_str(f, "name"), name) == 0)
            add_value(out, f, v);
}

/* "title", or "title (fr)". */
static const char *label_of(const struct json *field, const char *language, struct buf *out)
{
    buf_clear(out);
    add_small(out, record_both(json_get(field, "label")));
    if (language)
        buf_printf(out, " (%s)", language);
    return buf_cstr(out);
}

/* The reader's language first. */
static const char *const *languages(void)
{
    static const char *const fr[] = {"fr", "en", NULL}, *const en[] = {"en", "fr", NULL};
    return say_lang() == LANG_FR ? fr : en;
}

/* ---- showing ---- */

/* A text of several lines, or a long one, stands under its label. */
static void add_block(const struct json *field, const char *language, const char *text, const struct term *term,
                      struct buf *out)
{
    AUTO_BUF struct buf label = BUF_INIT(4096), safe = BUF_INIT(VALUE_MAX_BYTES);
    for (const char *s = text; *s;) { /* line by line: a line end is no control byte to show */
        size_t len = strcspn(s, "\n"), room = len * 4 + 1;
        AUTO_FREE char *line = mem_alloc(room);
        text_sanitize(s, len, line, room);
        buf_add_str(&safe, line);
        s += len;
        if (*s == '\n') {
            buf_add_char(&safe, '\n');
            s++;
        }
    }
    buf_add_char(out, '\n');
    buf_add_str(out, "  ");
    term_add(out, term, STYLE_DIM, label_of(field, language, &label));
    buf_add_char(out, '\n');
    term_add_wrapped(out, buf_cstr(&safe), 4, term_prose_width(term), false);
}

static void add_facts(const struct json *field, const struct json *v, struct table *t)
{
    AUTO_BUF struct buf label = BUF_INIT(4096), value = BUF_INIT(VALUE_MAX_BYTES);
    if (!is(field, "bilingual")) {
        add_value(&value, field, v);
        if (value.len == 0)
            return;
        table_cell(t, STYLE_DIM, label_of(field, NULL, &label));
        table_cell(t, STYLE_PLAIN, buf_cstr(&value));
        return;
    }
    for (const char *const *l = languages(); *l; l++)
        if (json_str(json_get(v, *l))) {
            table_cell(t, STYLE_DIM, label_of(field, *l, &label));
            table_cell(t, STYLE_PLAIN, json_str(json_get(v, *l)));
        }
}

void record_add_missing(const struct json *form, const struct json *record, const struct term *term, struct buf *out)
{
    AUTO_BUF struct buf list = BUF_INIT(VALUE_MAX_BYTES), label = BUF_INIT(4096), line = BUF_INIT(VALUE_MAX_BYTES);
    for (const struct json *m = json_first(json_get(record, "missing")); m; m = json_next(m)) {
        const char *language = json_str(json_get(m, "language"));
        for (const struct json *f = json_first(json_get(form, "fields")); f; f = json_next(f))
            if (strcmp(cli_str(f, "name"), cli_str(m, "field")) == 0)
                buf_printf(&list, "%s%s", list.len ? ", " : "", label_of(f, language, &label));
    }
    if (list.len == 0)
        return;
    tr_add(&line, T_MISSING_ANSWERS, buf_cstr(&list));
    term_add_wrapped(out, buf_cstr(&line), 2, term_prose_width(term), false);
}

void record_add_answers(const struct json *form, const struct json *record, struct table *t, const struct term *term,
                        struct buf *out)
{
    const struct json *answers = json_get(record, "answers");

    for (const struct json *f = json_first(json_get(form, "fields")); f; f = json_next(f))
        if (!is_type(f, "markdown"))
            add_facts(f, json_get(answers, cli_str(f, "name")), t);
    for (const struct json *w = json_first(json_get(record, "withheld")); w; w = json_next(w)) {
        table_cell(t, STYLE_DIM, json_str(w));
        table_cell(t, STYLE_DIM, tr(T_WITHHELD));
    }
    table_add(out, t, term, 2, true);
    for (const struct json *f = json_first(json_get(form, "fields")); f; f = json_next(f)) {
        const struct json *v = json_get(answers, cli_str(f, "name"));
        if (!is_type(f, "markdown"))
            continue;
        if (json_str(v))
            add_block(f, NULL, json_str(v), term, out);
        for (const char *const *l = languages(); *l; l++)
            if (json_str(json_get(v, *l)))
                add_block(f, *l, json_str(json_get(v, *l)), term, out);
    }
    if (json_count(json_get(record, "missing")) > 0)
        buf_add_char(out, '\n');
    record_add_missing(form, record, term, out);
}

/* ---- history ---- */

static void add_side(struct buf *out, const struct json *field, const struct json *v, size_t room)
{
    AUTO_BUF struct buf value = BUF_INIT(VALUE_MAX_BYTES), line = BUF_INIT(VALUE_MAX_BYTES);
    add_value(&value, field, v);
    /* A text of lines on one line. */
    for (const char *s = buf_cstr(&value); *s; s++)
        buf_add_char(&line, *s == '\n' || *s == '\t' ? ' ' : *s);
    if (line.len == 0)
        buf_add_str(out, "–");
    else
        term_add_cut(out, buf_cstr(&line), room);
}

static void add_difference(const struct json *form, const struct json *d, bool first, const struct term *term,
                           struct table *t)
{
    /* Each side on one line beside its label; off a terminal nothing is cut. */
    size_t room = term->width == 0   ? SIZE_MAX
                  : term->width < 76 ? 20
                                     : (term->width - 34) / (first ? 1 : 2);
    AUTO_BUF struct buf label = BUF_INIT(4096), change = BUF_INIT(VALUE_MAX_BYTES);
    const struct json *field = NULL;
    for (const struct json *f = json_first(json_get(form, "fields")); f && !field; f = json_next(f))
        if (strcmp(cli_str(f, "name"), cli_str(d, "field")) == 0)
            field = f;
    if (json_bool(json_get(d, "withheld"), false)) {
        buf_add_str(&change, tr(T_WITHHELD));
    } else {
        if (!first) {
            add_side(&change, field, json_get(d, "before"), room);
            buf_add_str(&change, " → ");
        }
        add_side(&change, field, json_get(d, "after"), room);
    }
    table_cell(t, STYLE_DIM, field ? label_of(field, json_str(json_get(d, "language")), &label) : cli_str(d, "field"));
    table_cell(t, STYLE_PLAIN, buf_cstr(&change));
}

void record_add_history(const struct json *form, const struct json *result, int64_t frozen_version,
                        const struct term *term, struct buf *out)
{
    for (const struct json *v = json_first(json_get(result, "versions")); v; v = json_next(v)) {
        AUTO_TABLE struct table *t = table_new(record_fact_columns, 2);
        AUTO_BUF struct buf head = BUF_INIT(VALUE_MAX_BYTES), date = BUF_INIT(64);
        int64_t version = cli_int(v, "version");
        AUTO_FREE char *number = mem_printf("%lld", (long long)version);
        human_date(&date, cli_int(v, "created_us"));
        tr_add(&head, T_VERSION_HEAD, number, buf_cstr(&date), cli_str(json_get(v, "actor"), "name"));
        term_add(out, term, STYLE_BOLD, buf_cstr(&head));
        if (frozen_version && version >= frozen_version) {
            buf_add_str(out, "  ");
            term_add(out, term, version > frozen_version ? STYLE_WARN : STYLE_GOOD,
                     tr(version > frozen_version ? T_AFTER_FIRST_RUN : T_FROZEN_HERE));
        }
        buf_add_char(out, '\n');
        for (const struct json *d = json_first(json_get(v, "differences")); d; d = json_next(d))
            add_difference(form, d, version == 1, term, t);
        record_add_fact(t, T_F_WHY, cli_str(v, "reason"));
        table_add(out, t, term, 2, true);
    }
}

/* ---- the text for an editor ---- */

static void add_comment(struct buf *out, const char *text)
{
    AUTO_BUF struct buf lines = BUF_INIT(VALUE_MAX_BYTES);
    term_add_wrapped(&lines, text, 0, 90, false);
    for (const char *s = buf_cstr(&lines); *s;) {
        size_t len = strcspn(s, "\n");
        buf_add_str(out, "// ");
        buf_add(out, s, len);
        buf_add_char(out, '\n');
        s += len + (s[len] == '\n');
    }
}

/* What a field asks: its label, whether it is required, its shape, help, choices. */
static void add_asked(const struct json *field, struct buf *out)
{
    AUTO_BUF struct buf line = BUF_INIT(VALUE_MAX_BYTES);
    const char *required = cli_str(field, "required"), *help = record_both(json_get(field, "help"));

    buf_add_str(&line, record_both(json_get(field, "label")));
    if (strcmp(required, "never") != 0)
        tr_add(&line, strcmp(required, "always") == 0 ? T_ASKED_ALWAYS : T_ASKED_COMPLETE);
    if (json_get(field, "max_length"))
        tr_add(&line, T_ASKED_LENGTH, human_count_text((uint64_t)cli_int(field, "max_length")));
    if (is(field, "many") || is_type(field, "multi"))
        buf_add_str(&line, tr(T_ASKED_LINES));
    if (is_type(field, "date"))
        buf_add_str(&line, tr(T_ASKED_DATE));
    if (is_type(field, "boolean"))
        buf_add_str(&line, tr(T_ASKED_BOOL));
    add_comment(out, buf_cstr(&line));
    if (*help)
        add_comment(out, help);
    for (const struct json *c = json_first(json_get(field, "choices")); c; c = json_next(c)) {
        buf_clear(&line);
        buf_printf(&line, "  %s  %s", cli_str(c, "value"), record_both(json_get(c, "label")));
        add_comment(out, buf_cstr(&line));
    }
}

/* A line that would be read as a comment or a heading gets a backslash (record.c takes it away). */
static void add_escaped(struct buf *out, const char *s)
{
    for (;;) {
        size_t len = strcspn(s, "\n");
        const char *at = s[0] == '\\' ? s + 1 : s;
        if (at[0] == '[' || (at > s && at[0] == '\\') || (at[0] == '/' && at[1] == '/'))
            buf_add_char(out, '\\');
        buf_add(out, s, len);
        if (!s[len])
            return;
        buf_add_char(out, '\n');
        s += len + 1;
    }
}

/* As it is read again: codes, points, one element a line. */
static void add_raw(struct buf *out, const struct json *v)
{
    switch (json_type(v)) {
    case JSON_STRING: add_escaped(out, json_str(v)); break;
    case JSON_NUMBER: {
        struct jw w = jw_to(out);
        jw_num(&w, json_num(v, 0));
        break;
    }
    case JSON_BOOL: buf_add_str(out, tr(json_bool(v, false) ? T_YES : T_NO)); break;
    case JSON_ARRAY:
        for (const struct json *m = json_first(v); m; m = json_next(m)) {
            add_raw(out, m);
            if (json_next(m))
                buf_add_char(out, '\n');
        }
        break;
    default: break;
    }
    buf_add_char(out, '\n');
}

static bool is_withheld(const struct json *record, const char *name)
{
    for (const struct json *w = json_first(json_get(record, "withheld")); w; w = json_next(w))
        if (strcmp(json_str(w), name) == 0)
            return true;
    return false;
}

void record_write_text(const struct json *form, const struct json *record, const char *title, bool with_reason,
                       struct buf *out)
{
    const struct json *answers = json_get(record, "answers");

    add_comment(out, title);
    add_comment(out, tr(T_TEXT_HEAD));
    for (const struct json *f = json_first(json_get(form, "fields")); f; f = json_next(f)) {
        const char *name = cli_str(f, "name");
        const struct json *v = json_get(answers, name);
        if (is_withheld(record, name))
            continue;
        buf_add_char(out, '\n');
        add_asked(f, out);
        if (!is(f, "bilingual")) {
            buf_printf(out, "[%s]\n", name);
            add_raw(out, v);
            continue;
        }
        for (const char *const *l = languages(); *l; l++) {
            buf_printf(out, "[%s.%s]\n", name, *l);
            add_raw(out, json_get(v, *l));
        }
    }
    if (!with_reason)
        return;
    buf_add_char(out, '\n');
    add_comment(out, tr(T_TEXT_REASON));
    buf_add_str(out, "[reason]\n\n");
}
