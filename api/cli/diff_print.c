/*
 * diff_print.c - see diff_print.h.
 *
 * A value that has no room beside the other one is never cut, since what differs may be at its end: it stands on a line
 * of its own, after a sign.
 */
#include "api/cli/diff_print.h"
#include "api/cli/verdict.h"
#include "api/cli/words.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <string.h>

enum { VALUE_MAX_BYTES = 16 << 10, GAPS = 8 };

static void add_title(struct buf *out, const struct term *t, enum text_id id)
{
    buf_add_char(out, '\n');
    term_add(out, t, STYLE_BOLD, tr(id));
    buf_add_char(out, '\n');
}

static void add_safe(struct buf *out, const char *s, size_t len)
{
    AUTO_FREE char *safe = mem_alloc(4 * len + 8);
    text_sanitize(s, len, safe, 4 * len + 8);
    buf_add_str(out, safe);
}

/* ---- one value ---- */

static bool ends_in(const char *s, const char *end)
{
    size_t len = strlen(s), n = strlen(end);
    return len >= n && strcmp(s + len - n, end) == 0;
}

/* Quantities whose name tells the unit are said as people say them. */
static void add_value(struct buf *out, const char *aspect, const char *name, const struct json *v)
{
    AUTO_BUF struct buf text = BUF_INIT(VALUE_MAX_BYTES);

    if (json_type(v) == JSON_NULL)
        return;
    if (strcmp(aspect, "command") == 0 && json_type(v) == JSON_ARRAY)
        words_add(&text, v);
    else if (json_str(v))
        buf_add_str(&text, json_str(v));
    else if (json_is_int(v) && ends_in(name, "_bytes"))
        human_size(&text, (uint64_t)json_int(v, 0));
    else if (json_is_int(v) && ends_in(name, "_ms"))
        human_duration(&text, json_int(v, 0));
    else if (json_is_int(v) && ends_in(name, "_milli"))
        human_cpus(&text, json_int(v, 0));
    else if (json_type(v) == JSON_BOOL)
        buf_add_str(&text, tr(json_bool(v, false) ? T_YES : T_NO));
    else
        json_print(v, false, &text);
    add_safe(out, buf_cstr(&text), text.len);
}

static enum text_id aspect_text(const char *aspect)
{
    static const struct {
        const char *aspect;
        enum text_id text;
    } rows[] = {{"command", T_F_COMMAND},     {"code", T_F_CODE},     {"git", T_DF_GIT},       {"param", T_DF_PARAM},
                {"seed", T_F_SEED},           {"dataset", T_DF_DATASET}, {"environment", T_F_ENVIRONMENT},
                {"env", T_DF_ENV},            {"profile", T_F_PROFILE}, {"resource", T_DF_RESOURCE}, {"network", T_F_NETWORK},
                {"project", T_DF_PROJECT}, {"option", T_DF_OPTION},      {"tag", T_DF_TAG},      {"host", T_F_HOST}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].aspect, aspect) == 0)
            return rows[i].text;
    return T_NONE;
}

static void add_label(struct buf *out, const struct json *difference)
{
    const char *aspect = cli_str(difference, "aspect"), *name = cli_str(difference, "name");
    enum text_id known = aspect_text(aspect);
    buf_add_str(out, known ? tr(known) : aspect);
    if (*name) {
        buf_add_char(out, ' ');
        add_safe(out, name, strlen(name));
    }
}

/* ---- side by side ---- */

static const struct table_column side_columns[] = {
    {T_NONE, false, 0, 0},
    {T_NONE, false, 0, 0},
    {T_NONE, false, 0, 0},
};

static void add_ids(struct table *table, const struct json *diff)
{
    table_cell(table, STYLE_PLAIN, "");
    table_cell(table, STYLE_BOLD, cli_str(json_get(diff, "a"), "id"));
    table_cell(table, STYLE_BOLD, cli_str(json_get(diff, "b"), "id"));
}

static void add_pair(struct table *table, enum text_id label, struct buf *a, struct buf *b)
{
    if (a->len > 0 || b->len > 0) {
        table_cell(table, STYLE_DIM, tr(label));
        table_cell(table, STYLE_PLAIN, buf_cstr(a));
        table_cell(table, STYLE_PLAIN, buf_cstr(b));
    }
    buf_clear(a);
    buf_clear(b);
}

static void add_heads(struct buf *out, const struct term *t, const struct json *diff)
{
    AUTO_TABLE struct table *table = table_new(side_columns, 3);
    AUTO_BUF struct buf left = BUF_INIT(VALUE_MAX_BYTES), right = BUF_INIT(VALUE_MAX_BYTES);
    const struct json *runs[] = {json_get(diff, "a"), json_get(diff, "b")};
    struct buf *cells[] = {&left, &right};

    add_ids(table, diff);
    for (int i = 0; i < 2; i++)
        add_safe(cells[i], cli_str(runs[i], "name"), strlen(cli_str(runs[i], "name")));
    add_pair(table, T_F_NAME, &left, &right);
    table_cell(table, STYLE_DIM, tr(T_DF_ENDED));
    for (int i = 0; i < 2; i++)
        table_cell(table, verdict_style(runs[i]), verdict_word(runs[i]));
    for (int i = 0; i < 2; i++)
        if (cli_int(runs[i], "created_us") > 0)
            human_date(cells[i], cli_int(runs[i], "created_us"));
    add_pair(table, T_F_CREATED, &left, &right);
    for (int i = 0; i < 2; i++)
        if (json_is_int(json_get(runs[i], "wall_ms")))
            human_duration(cells[i], cli_int(runs[i], "wall_ms"));
    add_pair(table, T_F_DURATION, &left, &right);
    for (int i = 0; i < 2; i++)
        if (json_is_int(json_get(runs[i], "cpu_ms")))
            human_duration(cells[i], cli_int(runs[i], "cpu_ms"));
    add_pair(table, T_F_CPU, &left, &right);
    for (int i = 0; i < 2; i++)
        if (json_is_int(json_get(runs[i], "memory_peak_bytes")))
            human_size(cells[i], (uint64_t)cli_int(runs[i], "memory_peak_bytes"));
    add_pair(table, T_F_MEMORY, &left, &right);
    table_add(out, table, t, 0, true);
}

/* On lines of their own: what the first has, what the second has. */
static void add_stacked(struct buf *out, const struct term *t, const char *label, const char *a, const char *b)
{
    buf_add_str(out, "  ");
    term_add(out, t, STYLE_DIM, label);
    buf_add_char(out, '\n');
    for (int i = 0; i < 2; i++) {
        const char *value = i == 0 ? a : b;
        if (!*value)
            continue;
        term_add(out, t, i == 0 ? STYLE_BAD : STYLE_GOOD, i == 0 ? "    - " : "    + ");
        if (t->width > 0)
            term_add_wrapped(out, value, 6, t->width, true);
        else
            buf_printf(out, "%s\n", value);
    }
}

/* What both have in common, in one line. */
static void add_same(struct buf *out, const struct term *t, const struct json *diff)
{
    AUTO_BUF struct buf names = BUF_INIT(4096), line = BUF_INIT(8192);
    const struct json *same = json_get(diff, "same");
    for (const struct json *v = json_first(same); v; v = json_next(v)) {
        enum text_id known = json_str(v) ? aspect_text(json_str(v)) : T_NONE;
        buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", known ? tr(known) : json_str(v) ? json_str(v) : "");
    }
    if (names.len == 0)
        return;
    tr_add(&line, T_DF_SAME, buf_cstr(&names));
    term_add_wrapped(out, buf_cstr(&line), 2, term_prose_width(t), false);
}

void diff_add_asked(struct buf *out, const struct term *t, const struct json *diff)
{
    AUTO_TABLE struct table *table = table_new(side_columns, 3);
    AUTO_BUF struct buf label = BUF_INIT(VALUE_MAX_BYTES), a = BUF_INIT(4 * VALUE_MAX_BYTES), b = BUF_INIT(4 * VALUE_MAX_BYTES),
                        stacked = BUF_INIT(8 << 20);
    const struct json *list = json_get(diff, "differences");
    size_t widths[3] = {0, strlen(cli_str(json_get(diff, "a"), "id")), strlen(cli_str(json_get(diff, "b"), "id"))};

    add_ids(table, diff);
    for (const struct json *d = json_first(list); d; d = json_next(d)) {
        const char *aspect = cli_str(d, "aspect"), *name = cli_str(d, "name");
        buf_clear(&label);
        buf_clear(&a);
        buf_clear(&b);
        if (strcmp(aspect, "code") == 0)
            continue; /* has a part of its own */
        add_label(&label, d);
        add_value(&a, aspect, name, json_get(d, "a"));
        add_value(&b, aspect, name, json_get(d, "b"));
        size_t fresh[3] = {term_width_of(buf_cstr(&label)), term_width_of(buf_cstr(&a)), term_width_of(buf_cstr(&b))};
        size_t total = 0;
        for (int i = 0; i < 3; i++)
            total += fresh[i] > widths[i] ? fresh[i] : widths[i];
        if (t->width > 0 && total + GAPS > t->width) {
            add_stacked(&stacked, t, buf_cstr(&label), buf_cstr(&a), buf_cstr(&b));
            continue;
        }
        for (int i = 0; i < 3; i++)
            widths[i] = fresh[i] > widths[i] ? fresh[i] : widths[i];
        table_cell(table, STYLE_DIM, buf_cstr(&label));
        table_cell(table, STYLE_PLAIN, buf_cstr(&a));
        table_cell(table, STYLE_PLAIN, buf_cstr(&b));
    }
    if (table_rows(table) > 1)
        table_add(out, table, t, 2, true);
    buf_add(out, buf_cstr(&stacked), stacked.len);
    if (cli_int(diff, "differences_left_out") > 0) {
        AUTO_BUF struct buf line = BUF_INIT(1024);
        tr_add(&line, T_DF_MORE, human_count_text((uint64_t)cli_int(diff, "differences_left_out")));
        buf_printf(out, "  %s\n", buf_cstr(&line));
    }
    add_same(out, t, diff);
}

/* ---- metrics ---- */

static const struct table_column metric_columns[] = {
    {T_C_METRIC, false, 12, 0},
    {T_C_A, true, 0, 0},
    {T_C_B, true, 0, 0},
    {T_C_DELTA, true, 0, 1},
};

static void add_number(struct buf *out, const struct json *v, bool sign)
{
    if (json_type(v) == JSON_NUMBER) {
        if (sign && json_num(v, 0) > 0)
            buf_add_char(out, '+');
        human_number(out, json_num(v, 0));
    } else if (json_str(v)) {
        buf_add_str(out, json_str(v)); /* NaN, Infinity */
    }
}

static void add_metrics(struct buf *out, const struct term *t, const struct json *diff)
{
    AUTO_TABLE struct table *table = table_new(metric_columns, 4);
    const struct json *list = json_get(diff, "metrics");
    static const char *const keys[] = {"a", "b", "delta"};

    for (const struct json *m = json_first(list); m; m = json_next(m)) {
        AUTO_BUF struct buf name = BUF_INIT(4096);
        add_safe(&name, cli_str(m, "name"), strlen(cli_str(m, "name")));
        table_cell(table, STYLE_PLAIN, buf_cstr(&name));
        for (int i = 0; i < 3; i++) {
            AUTO_BUF struct buf v = BUF_INIT(256);
            add_number(&v, json_get(m, keys[i]), i == 2);
            table_cell(table, i == 2 ? STYLE_BOLD : STYLE_PLAIN, buf_cstr(&v));
        }
    }
    if (table_rows(table) == 0)
        return;
    add_title(out, t, T_TITLE_METRICS);
    table_add(out, table, t, 2, false);
}

/* ---- code ---- */

static void add_diff_line(struct buf *out, const struct term *t, const char *line, size_t len)
{
    AUTO_BUF struct buf safe = BUF_INIT(8 << 20);
    char sign = len > 0 ? line[0] : ' ';
    add_safe(&safe, line, len);
    buf_add_str(out, "      ");
    term_add(out, t, sign == '+' ? STYLE_GOOD : sign == '-' ? STYLE_BAD : sign == '@' ? STYLE_DIM : STYLE_PLAIN, buf_cstr(&safe));
    buf_add_char(out, '\n');
}

static enum text_id why_text(const char *why)
{
    static const struct {
        const char *why;
        enum text_id text;
    } rows[] = {{"binary", T_DF_BINARY},   {"too_large", T_DF_TOO_LARGE}, {"too_different", T_DF_TOO_DIFFERENT},
                {"too_many", T_DF_TOO_MANY}, {"missing", T_DF_GONE},      {"unreadable", T_DF_GONE}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].why, why) == 0)
            return rows[i].text;
    return T_NONE;
}

static void add_code_file(struct buf *out, const struct term *t, const struct json *f)
{
    const char *change = cli_str(f, "change"), *diff = json_str(json_get(f, "diff"));
    bool added = strcmp(change, "added") == 0, removed = strcmp(change, "removed") == 0, mode = strcmp(change, "mode") == 0;
    enum text_id why = why_text(cli_str(f, "why"));

    buf_add_str(out, "  ");
    term_add(out, t, added ? STYLE_GOOD : removed ? STYLE_BAD : STYLE_WARN,
             tr(added ? T_DF_ADDED : removed ? T_DF_REMOVED : mode ? T_DF_MODE : T_DF_CHANGED));
    buf_add_str(out, "  ");
    add_safe(out, cli_str(f, "path"), strlen(cli_str(f, "path")));
    if (json_is_int(json_get(f, "lines_added")))
        buf_printf(out, "  +%lld -%lld", (long long)cli_int(f, "lines_added"), (long long)cli_int(f, "lines_removed"));
    if (why)
        buf_printf(out, "  (%s)", tr(why));
    buf_add_char(out, '\n');
    for (; diff && *diff && !added && !removed; diff += strcspn(diff, "\n") + (diff[strcspn(diff, "\n")] == '\n'))
        add_diff_line(out, t, diff, strcspn(diff, "\n"));
}

static void add_code(struct buf *out, const struct term *t, const struct json *diff)
{
    const struct json *code = json_get(diff, "code"), *files = json_get(code, "files");
    if (json_bool(json_get(code, "same"), false))
        return;
    add_title(out, t, T_DF_TITLE_CODE);
    if (*cli_str(code, "error"))
        buf_printf(out, "  %s\n", cli_str(code, "error"));
    for (const struct json *f = json_first(files); f; f = json_next(f))
        add_code_file(out, t, f);
    if (cli_int(code, "files_left_out") > 0) {
        AUTO_BUF struct buf line = BUF_INIT(1024);
        tr_add(&line, T_DF_MORE_FILES, human_count_text((uint64_t)cli_int(code, "files_left_out")));
        buf_printf(out, "  %s\n", buf_cstr(&line));
    }
}

/* ---- outputs ---- */

static const struct table_column output_columns[] = {
    {T_C_STATE, false, 0, 0},
    {T_C_FILE, false, 16, 0},
    {T_C_SIZE, true, 0, 1},
    {T_C_DIGEST, false, 0, 2},
};

static const struct {
    const char *state;
    enum text_id text;
    enum style style;
} output_states[] = {{"identical", T_DF_IDENTICAL, STYLE_GOOD},
                     {"different", T_DF_DIFFERENT, STYLE_BAD},
                     {"missing", T_DF_MISSING, STYLE_BAD},
                     {"new", T_DF_NEW, STYLE_BAD}};
enum { OUTPUT_STATES = sizeof output_states / sizeof *output_states };

/* "1.2 MiB" or "13 B → 14 B". */
static void add_change(struct buf *out, const struct json *f, void (*add)(struct buf *out, const struct json *side))
{
    AUTO_BUF struct buf a = BUF_INIT(256), b = BUF_INIT(256);
    if (json_type(json_get(f, "a")) == JSON_OBJECT)
        add(&a, json_get(f, "a"));
    if (json_type(json_get(f, "b")) == JSON_OBJECT)
        add(&b, json_get(f, "b"));
    buf_add_str(out, buf_cstr(a.len ? &a : &b));
    if (a.len && b.len && strcmp(buf_cstr(&a), buf_cstr(&b)) != 0)
        buf_printf(out, " → %s", buf_cstr(&b));
}

static void add_size(struct buf *out, const struct json *side)
{
    human_size(out, (uint64_t)cli_int(side, "size_bytes"));
}

static void add_digest(struct buf *out, const struct json *side)
{
    human_digest(out, cli_str(side, "sha256"));
}

void diff_add_outputs(struct buf *out, const struct term *t, const struct json *diff, bool all)
{
    const struct json *outputs = json_get(diff, "outputs"), *files = json_get(outputs, "files");
    AUTO_TABLE struct table *table = table_new(output_columns, 4);
    int64_t total = 0;

    for (int i = 0; i < OUTPUT_STATES; i++)
        total += cli_int(outputs, output_states[i].state);
    if (total == 0)
        return;
    for (const struct json *f = json_first(files); f; f = json_next(f)) {
        AUTO_BUF struct buf size = BUF_INIT(256), digest = BUF_INIT(256), path = BUF_INIT(8192);
        int i = 0;
        while (i < OUTPUT_STATES - 1 && strcmp(output_states[i].state, cli_str(f, "state")) != 0)
            i++;
        if (i == 0 && !all)
            continue;
        add_safe(&path, cli_str(f, "path"), strlen(cli_str(f, "path")));
        add_change(&size, f, add_size);
        add_change(&digest, f, add_digest);
        table_cell(table, output_states[i].style, tr(output_states[i].text));
        table_cell(table, STYLE_PLAIN, buf_cstr(&path));
        table_cell(table, STYLE_PLAIN, buf_cstr(&size));
        table_cell(table, STYLE_DIM, buf_cstr(&digest));
    }
    add_title(out, t, T_TITLE_ARTIFACTS);
    if (table_rows(table) > 0)
        table_add(out, table, t, 2, false);
    AUTO_BUF struct buf line = BUF_INIT(4096);
    tr_add(&line, T_DF_COUNTS, human_count_text((uint64_t)cli_int(outputs, "identical")),
           human_count_text((uint64_t)cli_int(outputs, "different")), human_count_text((uint64_t)cli_int(outputs, "missing")),
           human_count_text((uint64_t)cli_int(outputs, "new")));
    buf_printf(out, "  %s\n", buf_cstr(&line));
}

bool diff_is_reproduced(const struct json *diff)
{
    const struct json *a = json_get(diff, "a"), *b = json_get(diff, "b"), *outputs = json_get(diff, "outputs");
    return strcmp(cli_str(a, "verdict"), cli_str(b, "verdict")) == 0 && cli_int(a, "exit_code") == cli_int(b, "exit_code") &&
           cli_int(outputs, "different") + cli_int(outputs, "missing") + cli_int(outputs, "new") == 0;
}

void diff_add(struct buf *out, const struct term *t, const struct json *diff)
{
    const struct json *differences = json_get(diff, "differences");
    add_heads(out, t, diff);
    add_title(out, t, json_count(differences) > 0 ? T_DF_TITLE_ASKED : T_DF_TITLE_SAME);
    diff_add_asked(out, t, diff);
    add_metrics(out, t, diff);
    add_code(out, t, diff);
    diff_add_outputs(out, t, diff, false);
}
