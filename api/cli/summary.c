/*
 * summary.c - a run as a person wants to see it; see summary.h.
 *
 *     succeeded  r0kq3v7abc12  essai 1
 *
 *       duration    12.4 s
 *       CPU         11.9 s (96% of 1 CPU)
 *       ...
 *
 *     Metrics
 *       ...
 */
#include "api/cli/summary.h"
#include "api/cli/labtext.h"
#include "api/cli/network.h"
#include "api/cli/verdict.h"
#include "api/cli/warnings.h"
#include "api/cli/words.h"
#include "api/common/mem.h"
#include "api/common/purpose.h"
#include "api/common/text.h"
#include <stdio.h>
#include <string.h>

static void add_title(struct buf *out, const struct term *t, enum text_id id)
{
    buf_add_char(out, '\n');
    term_add(out, t, STYLE_BOLD, tr(id));
    buf_add_char(out, '\n');
}

static void add_safe(struct buf *out, const char *s)
{
    char safe[1024];

    text_sanitize(s, strlen(s), safe, sizeof safe);
    buf_add_str(out, safe);
}

/* A paragraph in which words of the lab may stand, line by line. */
static void add_prose(struct buf *out, const struct term *t, struct buf *text, size_t indent)
{
    for (char *line = text->data; line && text->len > 0;) {
        char *end = strchr(line, '\n'), safe[4096];
        text_sanitize(line, end ? (size_t)(end - line) : strlen(line), safe, sizeof safe);
        term_add_wrapped(out, safe, indent, term_prose_width(t), false);
        line = end ? end + 1 : NULL;
    }
}

/* ---- facts: a label and its value ---- */

static const struct table_column fact_columns[] = {
    {T_NONE, false, 0, 0},
    {T_NONE, false, 20, 0},
};

static void add_fact(struct table *facts, enum text_id label, struct buf *value)
{
    if (value->len > 0) {
        table_cell(facts, STYLE_DIM, tr(label));
        table_cell(facts, STYLE_PLAIN, buf_cstr(value));
    }
    buf_clear(value);
}

static void add_usage(struct table *facts, const struct json *run)
{
    const struct json *limits = json_get(run, "resources");
    AUTO_BUF struct buf v = BUF_INIT(4096);
    int64_t wall_ms = cli_int(run, "wall_ms"), cpu_ms = cli_int(run, "cpu_ms");
    int64_t cpus = cli_int(limits, "cpus_milli"), peak = cli_int(run, "memory_peak_bytes");
    int64_t memory = cli_int(limits, "memory_bytes"), wall_limit_ms = cli_int(limits, "wall_ms");

    if (json_is_int(json_get(run, "wall_ms"))) {
        human_duration(&v, wall_ms);
        if (wall_limit_ms > 0)
            tr_add(&v, T_OF_AT_MOST, human_duration_text(wall_limit_ms));
        add_fact(facts, T_F_DURATION, &v);
    }
    if (json_is_int(json_get(run, "cpu_ms"))) {
        human_duration(&v, cpu_ms);
        if (wall_ms >= 100 && cpus > 0) {
            AUTO_BUF struct buf share = BUF_INIT(64);
            human_percent(&share, cpu_ms * 100000 / (wall_ms * cpus));
            tr_add(&v, cpus >= 2000 ? T_OF_CPUS : T_OF_CPU, buf_cstr(&share),
                   human_cpus_text(cpus));
        }
        add_fact(facts, T_F_CPU, &v);
    }
    if (json_is_int(json_get(run, "memory_peak_bytes"))) {
        human_size(&v, (uint64_t)peak);
        if (memory > 0)
            tr_add(&v, T_OF_AT_MOST, human_size_text((uint64_t)memory));
        add_fact(facts, T_F_MEMORY, &v);
    }
}

/* The machine's own goes without saying in a short summary. */
static void add_environment(struct table *facts, const struct json *run, bool full)
{
    AUTO_BUF struct buf v = BUF_INIT(1024);
    const struct json *env = json_get(run, "environment");

    if (full || json_str(json_get(env, "manifest")))
        buf_add_str(&v, cli_str(env, "ref"));
    if (full && json_str(json_get(env, "manifest"))) {
        buf_add_str(&v, " (");
        human_digest(&v, cli_str(env, "manifest"));
        buf_add_char(&v, ')');
    }
    add_fact(facts, T_F_ENVIRONMENT, &v);
}

static void add_datasets(struct table *facts, const struct json *run)
{
    AUTO_BUF struct buf v = BUF_INIT(1 << 16);
    const struct json *datasets = json_get(run, "datasets");

    for (const struct json *d = json_first(datasets); d; d = json_next(d)) {
        if (v.len > 0)
            buf_add_str(&v, ", ");
        buf_add_str(&v, *cli_str(d, "ref") ? cli_str(d, "ref") : cli_str(d, "name"));
    }
    add_fact(facts, T_F_DATASETS, &v);
}

/* What the summary after a run says of what was asked. */
static void add_short(struct table *facts, const struct json *run)
{
    AUTO_BUF struct buf v = BUF_INIT(1024);

    add_environment(facts, run, false);
    add_datasets(facts, run);
    if (verdict_limits(run) == LIMITS_WATCHED)
        buf_add_str(&v, tr(T_LIMITS_WATCHED));
    add_fact(facts, T_F_RESOURCES, &v);
    network_add_fact(&v, json_get(run, "network"), false);
    add_fact(facts, T_F_NETWORK, &v);
}

static void add_pairs(struct table *facts, enum text_id label, const struct json *pairs)
{
    AUTO_BUF struct buf v = BUF_INIT(1 << 20);

    for (const struct json *p = json_first(pairs); p; p = json_next(p)) {
        if (v.len > 0)
            buf_add_str(&v, ", ");
        buf_printf(&v, "%s=%s", json_key(p), json_str(p) ? json_str(p) : "");
    }
    add_fact(facts, label, &v);
}

static void add_resources(struct table *facts, const struct json *run)
{
    const struct json *r = json_get(run, "resources");
    AUTO_BUF struct buf v = BUF_INIT(4096);

    if (json_type(r) != JSON_OBJECT)
        return;
    int64_t cpus = cli_int(r, "cpus_milli");
    tr_add(&v, cpus >= 2000 ? T_RESOURCES_MANY : T_RESOURCES_ONE, human_cpus_text(cpus),
           human_size_text((uint64_t)cli_int(r, "memory_bytes")),
           human_duration_text(cli_int(r, "wall_ms")),
           human_count_text((uint64_t)cli_int(r, "processes")));
    if (cli_int(r, "cpu_ms") > 0)
        tr_add(&v, T_RESOURCES_CPU_TIME, human_duration_text(cli_int(r, "cpu_ms")));
    add_fact(facts, T_F_RESOURCES, &v);
    enum limits_kind kind = verdict_limits(run);
    if (kind != LIMITS_ENFORCED)
        buf_add_str(&v, tr(kind == LIMITS_WATCHED ? T_LIMITS_WATCHED : T_LIMITS_BEST_EFFORT));
    add_fact(facts, T_NONE, &v); /* a line of its own: a narrow terminal must not cut it off */
    tr_add(&v, cli_int(r, "output_disk") == 1 ? T_RESOURCES_ON_DISK : T_RESOURCES_DISK, human_size_text((uint64_t)cli_int(r, "output_bytes")),
           human_size_text((uint64_t)cli_int(r, "work_bytes")),
           human_size_text((uint64_t)cli_int(r, "tmp_bytes")));
    add_fact(facts, T_F_SPACE, &v);
}

static void add_interactive(struct table *facts, const struct json *interactive)
{
    AUTO_BUF struct buf v = BUF_INIT(4096);
    const char *kind = cli_str(interactive, "kind");

    if (!*kind)
        return;
    const char *word = tr(strcmp(kind, "shell") == 0 ? T_KIND_SHELL : T_KIND_NOTEBOOK);
    if (cli_int(interactive, "idle_ms") > 0)
        tr_add(&v, T_V_INTERACTIVE, word, human_duration_text(cli_int(interactive, "idle_ms")));
    else
        buf_add_str(&v, word);
    add_fact(facts, T_F_INTERACTIVE, &v);
}

/* Said of those runs only that asked for a warm start. */
static void add_start(struct table *facts, const struct json *run)
{
    const struct json *warm = json_get(json_get(run, "sandbox"), "warm");
    AUTO_BUF struct buf v = BUF_INIT(4096);

    if (json_type(warm) != JSON_OBJECT)
        return;
    if (json_bool(json_get(warm, "warm"), false)) {
        tr_add(&v, T_START_WARM, cli_str(warm, "template"), human_duration_text(cli_int(warm, "template_age_ms")));
    } else {
        AUTO_BUF struct buf why = BUF_INIT(4096);
        labtext_add(&why, cli_str(warm, "why"));
        tr_add(&v, T_START_COLD, buf_cstr(&why));
    }
    add_fact(facts, T_F_START, &v);
}

/* Where its code and its randomness come from, and on what it ran. */
static void add_origin(struct table *facts, const struct json *run)
{
    const struct json *git = json_get(run, "git"), *host = json_get(run, "host"), *dirty = json_get(git, "dirty");
    AUTO_BUF struct buf v = BUF_INIT(4096);

    if (*cli_str(git, "commit")) {
        AUTO_BUF struct buf commit = BUF_INIT(128);
        human_digest(&commit, cli_str(git, "commit"));
        tr_add(&v, json_type(dirty) != JSON_BOOL ? T_V_COMMIT_UNKNOWN : json_bool(dirty, false) ? T_V_COMMIT_DIRTY : T_V_COMMIT_CLEAN,
               buf_cstr(&commit), *cli_str(git, "branch") ? cli_str(git, "branch") : tr(T_V_NO_BRANCH));
    }
    add_fact(facts, T_F_COMMIT, &v);
    if (json_is_int(json_get(run, "seed"))) {
        AUTO_FREE char *seed = mem_printf("%lld", (long long)cli_int(run, "seed")); /* typed again as it is: no grouping */
        if (json_bool(json_get(run, "seed_chosen"), false))
            tr_add(&v, T_V_SEED_CHOSEN, seed);
        else
            buf_add_str(&v, seed);
    }
    add_fact(facts, T_F_SEED, &v);
    buf_add_str(&v, cli_str(run, "rerun_of"));
    add_fact(facts, T_F_RERUN_OF, &v);
    buf_add_str(&v, cli_str(run, "parent"));
    add_fact(facts, T_F_PARENT, &v);
    if (json_type(host) == JSON_OBJECT)
        tr_add(&v, T_V_HOST, cli_str(host, "hostname"), cli_str(host, "cpu_model"), cli_str(json_get(host, "kernel"), "release"));
    add_fact(facts, T_F_HOST, &v);
}

/* Its project and experiment there, and what it is for; of a personal run that is as usual, nothing. */
static void add_place(struct table *facts, const struct json *run)
{
    const struct purpose *purpose = purpose_find(cli_str(run, "purpose"));
    AUTO_BUF struct buf v = BUF_INIT(4096);

    buf_add_str(&v, cli_str(run, "project"));
    add_fact(facts, T_F_PROJECT, &v);
    buf_add_str(&v, cli_str(run, "experiment"));
    if (cli_int(run, "experiment_version")) {
        AUTO_FREE char *version = mem_printf("%lld", (long long)cli_int(run, "experiment_version"));
        tr_add(&v, T_V_PROTOCOL, version);
    }
    add_fact(facts, T_F_EXPERIMENT, &v);
    if (*cli_str(run, "project") || strcmp(cli_str(run, "purpose"), PURPOSE_DEFAULT) != 0)
        buf_add_str(&v, purpose ? (say_lang() == LANG_FR ? purpose->title_fr : purpose->title_en) : cli_str(run, "purpose"));
    add_fact(facts, T_F_PURPOSE, &v);
}

static void add_asked(struct table *facts, const struct json *run)
{
    AUTO_BUF struct buf v = BUF_INIT(1 << 20);
    const struct json *actor = json_get(run, "actor");

    words_add(&v, json_get(run, "command"));
    add_fact(facts, T_F_COMMAND, &v);
    buf_add_str(&v, cli_str(run, "profile"));
    if (*cli_str(run, "profile_digest"))
        buf_printf(&v, " (%s)", cli_str(run, "profile_digest"));
    add_fact(facts, T_F_PROFILE, &v);
    add_environment(facts, run, true);
    network_add_fact(&v, json_get(run, "network"), true);
    add_fact(facts, T_F_NETWORK, &v);
    add_interactive(facts, json_get(run, "interactive"));
    add_datasets(facts, run);
    if (json_str(json_get(run, "code")))
        human_digest(&v, cli_str(run, "code"));
    add_fact(facts, T_F_CODE, &v);
    add_origin(facts, run);
    add_place(facts, run);
    add_resources(facts, run);
    add_pairs(facts, T_F_PARAMS, json_get(run, "params"));
    add_pairs(facts, T_F_TAGS, json_get(run, "tags"));
    buf_add_str(&v, cli_str(actor, "name"));
    add_fact(facts, T_F_ACTOR, &v);
    if (cli_int(run, "created_us") > 0)
        human_date(&v, cli_int(run, "created_us"));
    add_fact(facts, T_F_CREATED, &v);
    if (cli_int(run, "started_us") > 0)
        human_date(&v, cli_int(run, "started_us"));
    add_fact(facts, T_F_STARTED, &v);
    add_start(facts, run);
}

/* ---- metrics and artifacts ---- */

static void add_value(struct buf *out, const struct json *v)
{
    if (json_type(v) == JSON_NUMBER)
        human_number(out, json_num(v, 0));
    else if (json_str(v))
        buf_add_str(out, json_str(v)); /* NaN, Infinity */
}

static const struct table_column metric_columns[] = {
    {T_C_METRIC, false, 12, 0}, {T_C_VALUE, true, 0, 0}, {T_C_STEP, true, 0, 3},
    {T_C_MIN, true, 0, 2},      {T_C_MAX, true, 0, 2},   {T_C_POINTS, true, 0, 4},
};

void summary_add_metrics(struct buf *out, const struct term *t, const struct json *metrics,
                         size_t indent)
{
    AUTO_TABLE struct table *table = table_new(metric_columns, 6);
    AUTO_BUF struct buf v = BUF_INIT(1024);
    static const char *const keys[] = {"value", "step", "min", "max", "count"};
    bool series = false; /* some metric has several points: the other columns mean something */

    for (const struct json *m = json_first(metrics); m; m = json_next(m))
        series = series || cli_int(m, "count") > 1;
    for (const struct json *m = json_first(metrics); m; m = json_next(m)) {
        table_cell(table, STYLE_PLAIN, cli_str(m, "name"));
        for (size_t i = 0; i < 5; i++) {
            bool shown = i == 0 || (series && (cli_int(m, "count") > 1 || i == 4));
            if (shown)
                add_value(&v, json_get(m, keys[i]));
            table_cell(table, i == 0 ? STYLE_BOLD : STYLE_PLAIN, buf_cstr(&v));
            buf_clear(&v);
        }
    }
    if (table_rows(table) > 0)
        table_add(out, table, t, indent, false);
}

static const struct table_column artifact_columns[] = {
    {T_C_FILE, false, 16, 0},
    {T_C_SIZE, true, 0, 0},
    {T_C_DIGEST, false, 0, 1},
};

void summary_add_artifacts(struct buf *out, const struct term *t, const struct json *artifacts,
                           size_t indent)
{
    AUTO_TABLE struct table *table = table_new(artifact_columns, 3);

    for (const struct json *a = json_first(artifacts); a; a = json_next(a)) {
        AUTO_BUF struct buf digest = BUF_INIT(128);
        human_digest(&digest, cli_str(a, "sha256"));
        table_cell(table, STYLE_PLAIN, cli_str(a, "path"));
        table_cell(table, STYLE_PLAIN, human_size_text((uint64_t)cli_int(a, "size_bytes")));
        table_cell(table, STYLE_DIM, buf_cstr(&digest));
    }
    if (table_rows(table) > 0)
        table_add(out, table, t, indent, false);
}

static const struct table_column refused_columns[] = {
    {T_C_FILE, false, 16, 0},
    {T_C_REASON, false, 16, 0},
};

void summary_add_refused(struct buf *out, const struct term *t, const struct json *refused,
                         size_t indent)
{
    AUTO_TABLE struct table *table = table_new(refused_columns, 2);

    for (const struct json *r = json_first(refused); r; r = json_next(r)) {
        table_cell(table, STYLE_WARN, cli_str(r, "path"));
        AUTO_BUF struct buf reason = BUF_INIT(4096);
        labtext_add(&reason, cli_str(r, "reason"));
        table_cell(table, STYLE_PLAIN, buf_cstr(&reason));
    }
    if (table_rows(table) > 0)
        table_add(out, table, t, indent, true);
}

void summary_add_missing(struct buf *out, const struct term *t, const struct json *artifacts,
                         const char *const *expected, size_t count)
{
    bool titled = false;

    for (size_t i = 0; i < count; i++) {
        const struct json *a = json_first(artifacts);
        while (a && strcmp(cli_str(a, "path"), expected[i]) != 0)
            a = json_next(a);
        if (a)
            continue;
        if (!titled)
            add_title(out, t, T_TITLE_MISSING);
        titled = true;
        buf_add_str(out, "  ");
        add_safe(out, expected[i]);
        buf_add_char(out, '\n');
    }
}

/* ---- what was denied ---- */

static void add_denied(struct buf *out, const struct term *t, const struct json *denied)
{
    size_t width = term_prose_width(t);

    for (const struct json *d = json_first(denied); d; d = json_next(d)) {
        bool path = strcmp(cli_str(d, "kind"), "path") == 0;
        const char *detail = cli_str(d, "detail");
        buf_add_str(out, "  ");
        term_add(out, t, STYLE_WARN, path ? tr(T_DENIED_PATH) : tr(T_DENIED_CALL));
        buf_add_str(out, NBSP);
        bool others = strcmp(cli_str(d, "name"), "others") == 0;
        AUTO_BUF struct buf said = BUF_INIT(4096);
        if (others) /* no name of a call: a row that stands for many */
            labtext_add(&said, cli_str(d, "name"));
        add_safe(out, others ? buf_cstr(&said) : cli_str(d, "name"));
        if (*detail) {
            buf_clear(&said);
            labtext_add(&said, detail);
            buf_add_char(out, ' ');
            add_safe(out, buf_cstr(&said));
        }
        if (*cli_str(d, "errno"))
            buf_printf(out, " (%s)", cli_str(d, "errno"));
        if (cli_int(d, "count") > 1)
            tr_add(out, T_TIMES, human_count_text((uint64_t)cli_int(d, "count")));
        buf_add_char(out, '\n');
        const char *hint = cli_str(d, "hint"), *french = cli_str(d, "hint_fr");
        if (say_lang() == LANG_FR && *french)
            hint = french;
        if (*hint) {
            char safe[1024];
            text_sanitize(hint, strlen(hint), safe, sizeof safe);
            term_add_wrapped(out, safe, 4, width, false);
        }
    }
}

/* ---- the sandbox, in short: what was attested ---- */

static void add_attested(struct buf *out, const struct json *v)
{
    switch (json_type(v)) {
    case JSON_STRING: buf_add_str(out, json_str(v)); break;
    case JSON_BOOL: buf_add_str(out, tr(json_bool(v, false) ? T_YES : T_NO)); break;
    case JSON_NUMBER: json_print(v, false, out); break;
    default: break; /* limits and steps are for --json */
    }
}

static void add_sandbox(struct buf *out, const struct term *t, const struct json *sandbox)
{
    AUTO_TABLE struct table *table = table_new(fact_columns, 2);

    for (const struct json *m = json_first(sandbox); m; m = json_next(m)) {
        AUTO_BUF struct buf v = BUF_INIT(1 << 16);
        add_attested(&v, m);
        if (v.len == 0)
            continue;
        table_cell(table, STYLE_DIM, json_key(m));
        table_cell(table, STYLE_PLAIN, buf_cstr(&v));
    }
    if (table_rows(table) == 0)
        return;
    add_title(out, t, T_TITLE_SANDBOX);
    table_add(out, table, t, 2, true);
}

void summary_add(struct buf *out, const struct term *t, const struct json *run, bool full)
{
    const struct json *metrics = json_get(run, "metrics"), *denied = json_get(run, "denied");
    const struct json *artifacts = json_get(run, "artifacts");
    const struct json *refused = json_get(run, "refused_outputs");
    AUTO_BUF struct buf why = BUF_INIT(1 << 16);
    AUTO_TABLE struct table *facts = table_new(fact_columns, 2);

    term_add(out, t, STYLE_BOLD, cli_str(run, "id"));
    buf_add_str(out, "  ");
    term_add(out, t, verdict_style(run), verdict_word(run));
    if (warnings_any(run)) {
        buf_add_str(out, ", ");
        term_add(out, t, STYLE_WARN, tr(T_V_WARNED));
    }
    if (*cli_str(run, "name")) {
        buf_add_str(out, "  ");
        add_safe(out, cli_str(run, "name"));
    }
    buf_add_char(out, '\n');
    verdict_explain(run, &why);
    if (why.len == 0 && json_str(json_get(run, "queue_reason")))
        labtext_add(&why, cli_str(run, "queue_reason"));
    add_prose(out, t, &why, 2);
    warnings_add(out, t, run, 2);
    if (full)
        add_asked(facts, run);
    add_usage(facts, run);
    if (!full)
        add_short(facts, run);
    if (table_rows(facts) > 0) {
        buf_add_char(out, '\n');
        table_add(out, facts, t, 2, true);
    }
    if (json_count(metrics) > 0) {
        add_title(out, t, T_TITLE_METRICS);
        summary_add_metrics(out, t, metrics, 2);
    }
    if (json_count(artifacts) > 0) {
        add_title(out, t, T_TITLE_ARTIFACTS);
        summary_add_artifacts(out, t, artifacts, 2);
    }
    if (json_count(refused) > 0) {
        add_title(out, t, T_TITLE_REFUSED);
        summary_add_refused(out, t, refused, 2);
    }
    network_add_table(out, t, json_get(run, "network"), full);
    if (json_count(denied) > 0) {
        add_title(out, t, T_TITLE_DENIED);
        add_denied(out, t, denied);
    }
    if (full)
        add_sandbox(out, t, json_get(run, "sandbox"));
}
