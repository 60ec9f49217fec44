/*
 * profile_print.c - profiles in words; see profile_print.h. Names of calls and of constants are the kernel's in every
 * language, reasons are in the reader's.
 */
#include "api/cli/profile_print.h"

#include "api/cli/cli.h"
#include "api/cli/labtext.h"
#include "api/common/text.h"
#include <stdio.h>
#include <string.h>

static const char *either(const struct json *v, const char *en, const char *fr)
{
    const char *french = cli_str(v, fr);

    return say_lang() == LANG_FR && *french ? french : cli_str(v, en);
}

/* Text that comes from the lab, wrapped at the terminal's width. */
static void add_wrapped(struct buf *out, const struct term *t, const char *text, size_t indent)
{
    char safe[4096];

    text_sanitize(text, strlen(text), safe, sizeof safe);
    term_add_wrapped(out, safe, indent, term_prose_width(t), false);
}

static void add_title(struct buf *out, const struct term *t, const char *title)
{
    if (out->len > 0)
        buf_add_char(out, '\n');
    term_add(out, t, STYLE_BOLD, title);
    buf_add_char(out, '\n');
}

static void add_names(struct buf *text, const struct json *names)
{
    for (const struct json *n = json_first(names); n; n = json_next(n))
        buf_printf(text, "%s%s", text->len > 0 ? " " : "", json_str(n) ? json_str(n) : "");
}

const char *profile_word(const char *value)
{
    static const struct {
        const char *value;
        enum text_id id;
    } words[] = {
        {"none", T_NET_NONE},
        {"loopback", T_NET_LOOPBACK},
        {"proxy", T_NET_PROXY},
        {"any", T_PW_ANY},
        {"once", T_PW_ONCE},
        {"yes", T_YES},
        {"no", T_NO},
        {"hidepid", T_PW_HIDEPID},
        {"minimal", T_PW_MINIMAL},
        {"if_available", T_LANDLOCK_IF_AVAILABLE},
        {"required", T_LANDLOCK_REQUIRED},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].value, value) == 0)
            return tr(words[i].id);
    return value;
}

/* ---- rules ---- */

static void add_entry(struct buf *out, const struct term *t, const struct json *entry, bool allowed)
{
    AUTO_BUF struct buf names = BUF_INIT(1 << 16), where = BUF_INIT(256);
    const char *group = cli_str(entry, "group"), *answer = cli_str(entry, "errno");

    add_names(&names, json_get(entry, "names"));
    buf_printf(&where, "%s:%lld", cli_str(entry, "file"), (long long)cli_int(entry, "line"));
    buf_add_str(out, "  ");
    if (*group) {
        term_add(out, t, STYLE_GOOD, group);
        buf_add_str(out, "  ");
    }
    if (*answer) {
        term_add(out, t, allowed ? STYLE_PLAIN : STYLE_WARN,
                 strcmp(answer, "0") == 0 ? tr(T_PW_SUCCESS) : answer);
        buf_add_str(out, "  ");
    }
    term_add(out, t, STYLE_DIM, buf_cstr(&where));
    buf_add_char(out, '\n');
    add_wrapped(out, t, buf_cstr(&names), 4);
    if (*cli_str(entry, "when"))
        add_wrapped(out, t, cli_str(entry, "when"), 6);
    add_wrapped(out, t, either(entry, "why", "why_fr"), 6);
}

void profile_print_rules(struct buf *out, const struct term *t, const struct json *profile)
{
    static const struct {
        const char *rule, *also;
        enum text_id title;
        bool allowed;
    } sections[] = {
        {"allow", "", T_PT_ALLOW, true},
        {"allow_if", "", T_PT_ALLOW_IF, true},
        {"errno", "", T_PT_ERRNO, true},
        {"refuse", "refuse_if", T_PT_REFUSE, false},
    };
    const struct json *entries = json_get(profile, "entries"),
                      *reasons = json_get(profile, "reasons");

    if (json_count(reasons) > 0)
        add_title(out, t, tr(T_PT_REASONS));
    for (const struct json *r = json_first(reasons); r; r = json_next(r)) {
        buf_add_str(out, "  ");
        term_add(out, t, STYLE_PLAIN, cli_str(r, "key"));
        AUTO_BUF struct buf where = BUF_INIT(256);
        buf_printf(&where, "  %s:%lld", cli_str(r, "file"), (long long)cli_int(r, "line"));
        term_add(out, t, STYLE_DIM, buf_cstr(&where));
        buf_add_char(out, '\n');
        add_wrapped(out, t, either(r, "why", "why_fr"), 6);
    }
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        bool first = true;
        for (const struct json *e = json_first(entries); e; e = json_next(e)) {
            const char *rule = cli_str(e, "rule");
            if (strcmp(rule, sections[i].rule) != 0 && strcmp(rule, sections[i].also) != 0)
                continue;
            if (first)
                add_title(out, t, tr(sections[i].title));
            first = false;
            add_entry(out, t, e, sections[i].allowed);
        }
    }
    buf_add_char(out, '\n');
    add_wrapped(out, t, tr(T_PT_OTHERWISE), 0);
}

/* ---- what differs ---- */

/* One call that one of the two allows: is it of the same sort as the one before, so that one reason serves both? */
static bool is_alike(const struct json *a, const struct json *b)
{
    bool same_reason = *cli_str(a, "other_why")
                           ? strcmp(cli_str(a, "other_why"), cli_str(b, "other_why")) == 0
                           : !*cli_str(b, "other_why") &&
                                 strcmp(cli_str(a, "why"), cli_str(b, "why")) == 0;

    if (!same_reason || strcmp(cli_str(a, "other_answers"), cli_str(b, "other_answers")) != 0)
        return false;
    return json_count(json_get(a, "when")) == 0 && json_count(json_get(b, "when")) == 0 &&
           json_bool(json_get(a, "other_in_part"), false) ==
               json_bool(json_get(b, "other_in_part"), false);
}

/* One before it was alike, and named it. */
static bool is_told(const struct json *list, const struct json *v)
{
    for (const struct json *before = json_first(list); before != v; before = json_next(before))
        if (is_alike(before, v))
            return true;
    return false;
}

static void add_calls(struct buf *out, const struct term *t, const struct json *list,
                      const char *mine, const char *other)
{
    AUTO_BUF struct buf title = BUF_INIT(1024);

    tr_add(&title, T_PD_ALLOWS, mine, other);
    add_title(out, t, buf_cstr(&title));
    if (json_count(list) == 0)
        add_wrapped(out, t, tr(T_PD_NOTHING), 2);
    for (const struct json *first = json_first(list); first; first = json_next(first)) {
        const struct json *when = json_get(first, "when");
        AUTO_BUF struct buf names = BUF_INIT(1 << 16), how = BUF_INIT(4096);
        if (is_told(list, first))
            continue;
        for (const struct json *v = first; v; v = json_next(v))
            if (v == first || is_alike(first, v))
                buf_printf(&names, "%s%s", names.len > 0 ? " " : "", cli_str(v, "name"));
        add_wrapped(out, t, buf_cstr(&names), 2);
        for (const struct json *w = json_first(when); w; w = json_next(w))
            add_wrapped(out, t, json_str(w) ? json_str(w) : "", 4);
        bool in_part = json_bool(json_get(first, "other_in_part"), false);
        const char *answer = cli_str(first, "other_answers");
        if (strcmp(answer, "0") == 0)
            answer = tr(T_PW_SUCCESS);
        tr_add(&how, in_part ? T_PD_IN_PART : T_PD_ANSWERS, other, answer);
        /* The reason that tells most: of a condition, who made it; else who refuses, if it says why. */
        const char *theirs = either(first, "other_why", "other_why_fr");
        bool own = !*theirs || (json_count(when) > 0 && in_part);
        if (!own)
            tr_add(&how, T_PD_BECAUSE, theirs);
        add_wrapped(out, t, buf_cstr(&how), 6);
        if (!own)
            continue;
        buf_clear(&how);
        tr_add(&how, T_PD_WHY, mine, either(first, "why", "why_fr"));
        add_wrapped(out, t, buf_cstr(&how), 6);
    }
}

const char *profile_setting(const char *key)
{
    static const struct {
        const char *key;
        enum text_id id;
    } names[] = {
        {"network", T_F_NETWORK}, {"exec", T_PK_EXEC},        {"exec_memory", T_PK_EXEC_MEMORY},
        {"proc", T_PK_PROC},      {"landlock", T_F_LANDLOCK}, {"file_locks", T_PK_FILE_LOCKS},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].key, key) == 0)
            return tr(names[i].id);
    return key;
}

/* "required, ABI 2": the word, and what follows it as it is. */
static const char *word_and_more(const char *value, struct buf *room)
{
    char word[64];
    size_t n = strcspn(value, ",");

    snprintf(word, sizeof word, "%.*s", (int)n, value);
    buf_printf(room, "%s%s", profile_word(word), value + n);
    return buf_cstr(room);
}

static void add_sides(struct buf *out, const struct term *t, const struct json *list,
                      enum text_id title, const char *key, const char *a, const char *b)
{
    if (json_count(list) == 0)
        return;
    add_title(out, t, tr(title));
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        AUTO_BUF struct buf line = BUF_INIT(8192);
        const char *mine = cli_str(v, "a"), *theirs = cli_str(v, "b"), *name = cli_str(v, key);
        bool setting = strcmp(key, "key") == 0;
        AUTO_BUF struct buf at_a = BUF_INIT(4096), at_b = BUF_INIT(4096);
        const char *left = setting ? word_and_more(mine, &at_a) : mine,
                   *right = setting ? word_and_more(theirs, &at_b) : theirs;
        tr_add(&line, T_PD_SIDES, setting ? profile_setting(name) : name, a,
               *left ? left : tr(T_PD_UNSET), b, *right ? right : tr(T_PD_UNSET));
        add_wrapped(out, t, buf_cstr(&line), 2);
    }
}

static void add_devices(struct buf *out, const struct term *t, const struct json *list,
                        const char *mine, const char *other)
{
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        AUTO_BUF struct buf line = BUF_INIT(1024);
        tr_add(&line, T_PD_DEVICES, mine, json_str(v), other);
        add_wrapped(out, t, buf_cstr(&line), 0);
    }
}

void profile_print_diff(struct buf *out, const struct term *t, const struct json *diff)
{
    const char *a = cli_str(diff, "a"), *b = cli_str(diff, "b");

    add_sides(out, t, json_get(diff, "settings"), T_PD_SETTINGS, "key", a, b);
    add_calls(out, t, json_get(diff, "only_a"), a, b);
    add_calls(out, t, json_get(diff, "only_b"), b, a);
    if (json_count(json_get(diff, "devices_a")) + json_count(json_get(diff, "devices_b")) > 0)
        add_title(out, t, tr(T_PT_DEVICES));
    add_devices(out, t, json_get(diff, "devices_a"), a, b);
    add_devices(out, t, json_get(diff, "devices_b"), b, a);
    add_sides(out, t, json_get(diff, "env"), T_PD_ENV, "name", a, b);
}
