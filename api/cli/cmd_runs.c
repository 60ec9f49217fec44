/*
 * cmd_runs.c - commands on runs that exist: ps, show, wait, cancel, metrics, outputs.
 */
#include "api/cli/command.h"
#include "api/cli/listing.h"
#include "api/cli/sandbox.h"
#include "api/cli/summary.h"
#include "api/cli/verdict.h"
#include "api/cli/wait.h"
#include "api/cli/warnings.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <stdlib.h>
#include <string.h>

/* ---- ps ---- */

static const struct table_column ps_columns[] = {
    {T_C_RUN, false, 0, 0},     {T_C_NAME, false, 10, 2},   {T_C_STATE, false, 0, 0},
    {T_C_CREATED, false, 0, 4}, {T_C_DURATION, true, 0, 3}, {T_C_CPU, true, 0, 6},
    {T_C_MEMORY, true, 0, 5},   {T_C_PROFILE, false, 0, 8}, {T_C_DATASETS, false, 12, 7},
    {T_C_ACTOR, false, 0, 9},   {T_CP_PROJECT, false, 0, 10},
};

static void add_time_cell(struct table *t, const struct json *run, const char *key)
{
    table_cell(t, STYLE_PLAIN,
               json_is_int(json_get(run, key)) ? human_duration_text(cli_int(run, key)) : "");
}

static void add_ps_row(struct table *t, const struct json *run)
{
    AUTO_BUF struct buf created = BUF_INIT(64), datasets = BUF_INIT(1 << 16), state = BUF_INIT(256);
    const struct json *list = json_get(run, "datasets");
    const char *kind = cli_str(json_get(run, "interactive"), "kind");
    bool running = strcmp(cli_str(run, "state"), "running") == 0;

    if (cli_int(run, "created_us") > 0)
        human_date(&created, cli_int(run, "created_us"));
    for (const struct json *d = json_first(list); d; d = json_next(d))
        buf_printf(&datasets, "%s%s", datasets.len > 0 ? ", " : "",
                   json_str(d) ? json_str(d) : cli_str(d, "ref"));
    table_cell(t, STYLE_PLAIN, cli_str(run, "id"));
    table_cell(t, STYLE_PLAIN, cli_str(run, "name"));
    buf_add_str(&state, verdict_word(run));
    if (*kind)
        buf_printf(&state, " (%s)", tr(strcmp(kind, "shell") == 0 ? T_KIND_SHELL : T_KIND_NOTEBOOK));
    bool warned = json_bool(json_get(run, "warned"), false);
    if (warned)
        buf_add_str(&state, " !");
    table_cell(t, warned ? STYLE_WARN : running ? STYLE_BOLD : verdict_style(run), buf_cstr(&state));
    table_cell(t, STYLE_PLAIN, buf_cstr(&created));
    if (running && cli_int(run, "started_us") > 0)
        table_cell(t, STYLE_PLAIN,
                   human_duration_text((time_now_us() - cli_int(run, "started_us")) / 1000));
    else
        add_time_cell(t, run, "wall_ms");
    add_time_cell(t, run, "cpu_ms");
    table_cell(t, STYLE_PLAIN,
               json_is_int(json_get(run, "memory_peak_bytes"))
                   ? human_size_text((uint64_t)cli_int(run, "memory_peak_bytes"))
                   : "");
    table_cell(t, STYLE_PLAIN, cli_str(run, "profile"));
    table_cell(t, STYLE_PLAIN, buf_cstr(&datasets));
    table_cell(t, STYLE_PLAIN, cli_str(json_get(run, "actor"), "name"));
    table_cell(t, STYLE_PLAIN, cli_str(run, "project"));
}

/* Parameters of one page. */
static int write_list_params(const struct args *a, const char *cursor, struct buf *out,
                             struct err *e)
{
    struct jw w = jw_to(out);
    const char *state = args_get(a, "state");

    jw_obj(&w);
    if (listing_params(a, cursor, &w, e) < 0)
        return -1;
    if (!args_get(a, "limit") && args_has(a, "all"))
        jw_int_at(&w, "limit", 1000);
    if (state)
        jw_str_at(&w, "state", state);
    jw_end_obj(&w);
    return 0;
}

/* The runs of one page or of all, as rows and as elements of a JSON array. */
static int list_runs(struct cli *c, const struct args *a, struct table *t, struct buf *elements,
                     char **cursor, bool *warned, struct err *e)
{
    do {
        AUTO_ANSWER struct client_answer answer = {0};
        AUTO_BUF struct buf params = BUF_INIT(1 << 18);
        if (write_list_params(a, *cursor, &params, e) < 0)
            return CLI_BAD_USAGE;
        if (cli_call(c, "run.list", buf_cstr(&params), &answer, e) < 0)
            return CLI_FAILED;
        const struct json *runs = json_get(answer.result, "runs");
        for (const struct json *run = json_first(runs); run; run = json_next(run)) {
            if (elements->len > 0)
                buf_add_char(elements, ',');
            json_print(run, false, elements);
            add_ps_row(t, run);
            *warned = *warned || json_bool(json_get(run, "warned"), false);
        }
        free(*cursor);
        *cursor = mem_strdup(cli_str(answer.result, "next_cursor"));
    } while (args_has(a, "all") && **cursor);
    return 0;
}

int cmd_ps(struct cli *c, struct args *a, struct err *e)
{
    AUTO_BUF struct buf elements = BUF_INIT(256 << 20), out = BUF_INIT(256 << 20);
    AUTO_TABLE struct table *t = table_new(ps_columns, sizeof ps_columns / sizeof *ps_columns);
    AUTO_FREE char *cursor = mem_strdup(args_get(a, "cursor") ? args_get(a, "cursor") : "");

    if (cli_need_words(a, 0, 0, T_NONE, e) < 0)
        return CLI_BAD_USAGE;
    bool warned = false;
    int failed = list_runs(c, a, t, &elements, &cursor, &warned, e);
    if (failed < 0)
        return failed;
    if (c->json) {
        struct jw w = jw_to(&out);
        jw_obj(&w);
        jw_arr_at(&w, "runs");
        if (elements.len > 0)
            jw_raw(&w, buf_cstr(&elements), elements.len);
        jw_end_arr(&w);
        jw_str_at(&w, "next_cursor", *cursor ? cursor : NULL);
        jw_end_obj(&w);
        buf_add_char(&out, '\n');
        cli_print(&out);
        return CLI_OK;
    }
    if (table_rows(t) == 0) {
        cli_say(T_NO_RUNS);
        return CLI_OK;
    }
    table_add(&out, t, &c->out, 0, false);
    cli_print(&out);
    if (warned)
        cli_say(T_PS_LEGEND);
    if (*cursor)
        cli_say(T_MORE, cursor);
    return CLI_OK;
}

/* ---- show ---- */

int cmd_show(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf out = BUF_INIT(8 << 20);

    if (cli_need_words(a, 1, 1, T_A_RUN, e) < 0)
        return CLI_BAD_USAGE;
    if (cli_call_with(c, "run.get", "run", args_word(a, 0), &answer, e) < 0)
        return CLI_FAILED;
    const bool sandbox = args_has(a, "sandbox");
    if (c->json) {
        cli_print_json(sandbox && json_get(answer.result, "sandbox") ? json_get(answer.result, "sandbox") : answer.result);
        return CLI_OK;
    }
    if (sandbox) {
        buf_printf(&out, "%s  ", cli_str(answer.result, "id"));
        term_add(&out, &c->out, verdict_style(answer.result), verdict_word(answer.result));
        buf_add_char(&out, '\n');
        sandbox_add(&out, &c->out, json_get(answer.result, "sandbox"));
    } else {
        summary_add(&out, &c->out, answer.result, true);
    }
    cli_print(&out);
    return CLI_OK;
}

/* ---- wait ---- */

int cmd_wait(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf out = BUF_INIT(8 << 20);
    const char *timeout = args_get(a, "timeout");
    int64_t timeout_ms = -1;
    struct err why = {0};

    if (cli_need_words(a, 1, 1, T_A_RUN, e) < 0)
        return CLI_BAD_USAGE;
    if (timeout && text_duration_ms(timeout, "timeout", &timeout_ms, &why) < 0) {
        AUTO_BUF struct buf text = BUF_INIT(1024);
        tr_add(&text, T_BAD_DURATION, timeout);
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_LABELLED, "--timeout", buf_cstr(&text));
        return CLI_BAD_USAGE;
    }
    if (wait_run(c, args_word(a, 0), timeout_ms, &answer, e) < 0)
        return CLI_FAILED;
    const struct json *run = json_get(answer.result, "run");
    bool finished = json_bool(json_get(answer.result, "finished"), false);
    if (c->json) {
        cli_print_json(answer.result);
    } else {
        buf_printf(&out, "%s  ", cli_str(run, "id"));
        term_add(&out, &c->out, verdict_style(run), verdict_word(run));
        if (json_is_int(json_get(run, "wall_ms")))
            buf_printf(&out, "  %s", human_duration_text(cli_int(run, "wall_ms")));
        buf_add_char(&out, '\n');
        warnings_add(&out, &c->out, run, 2);
        cli_print(&out);
    }
    return finished ? verdict_status(run) : CLI_TIME_LIMIT;
}

/* ---- cancel ---- */

int cmd_cancel(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(1 << 16);
    struct jw w = jw_to(&params);
    const char *reason = args_get(a, "reason");

    if (cli_need_words(a, 1, 1, T_A_RUN, e) < 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    jw_str_at(&w, "run", args_word(a, 0));
    if (reason)
        jw_str_at(&w, "reason", reason);
    jw_end_obj(&w);
    if (cli_call(c, "run.cancel", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json)
        cli_print_json(answer.result);
    else
        cli_say(T_CANCEL_ASKED, cli_str(answer.result, "run"));
    return CLI_OK;
}

/* ---- pages ---- */

/* Asks for all pages of one list and puts them together in `whole`: the first page with its list
 * complete and no next. `lists`: members that grow, NULL-ended. */
static int call_all(struct cli *c, const char *method, const char *run, const char *name,
                    const char *const *lists, struct json **whole, struct err *e)
{
    enum { LISTS = 2 };
    struct buf parts[LISTS] = {BUF_INIT(CLIENT_ANSWER_MAX_BYTES),
                               BUF_INIT(CLIENT_ANSWER_MAX_BYTES)};
    AUTO_BUF struct buf text = BUF_INIT(CLIENT_ANSWER_MAX_BYTES);
    const struct json_limits limits = {.max_bytes = CLIENT_ANSWER_MAX_BYTES, .max_depth = 64};
    AUTO_ANSWER struct client_answer answer = {0};
    int64_t from = 0;
    int failed = 0;

    for (bool more = true; more && !failed;) {
        AUTO_BUF struct buf params = BUF_INIT(1 << 16);
        struct jw w = jw_to(&params);
        jw_obj(&w);
        jw_str_at(&w, "run", run);
        if (name)
            jw_str_at(&w, "name", name);
        if (from > 0)
            jw_int_at(&w, "from", from);
        jw_end_obj(&w);
        failed = cli_call(c, method, buf_cstr(&params), &answer, e);
        for (size_t i = 0; !failed && i < LISTS && lists[i]; i++)
            for (const struct json *v = json_first(json_get(answer.result, lists[i])); v;
                 v = json_next(v)) {
                if (parts[i].len > 0)
                    buf_add_char(&parts[i], ',');
                json_print(v, false, &parts[i]);
            }
        int64_t next = cli_int(answer.result, "next");
        more = next > from;
        from = next;
    }
    struct jw w = jw_to(&text);
    jw_obj(&w);
    for (const struct json *m = json_first(answer.result); !failed && m; m = json_next(m)) {
        size_t i = 0;
        while (i < LISTS && lists[i] && strcmp(lists[i], json_key(m)) != 0)
            i++;
        if (i < LISTS && lists[i]) {
            jw_arr_at(&w, json_key(m));
            if (parts[i].len > 0)
                jw_raw(&w, buf_cstr(&parts[i]), parts[i].len);
            jw_end_arr(&w);
            continue;
        }
        AUTO_BUF struct buf value = BUF_INIT(CLIENT_ANSWER_MAX_BYTES);
        json_print(m, false, &value);
        jw_raw_at(&w, json_key(m), buf_cstr(&value), value.len);
    }
    jw_end_obj(&w);
    for (size_t i = 0; i < LISTS; i++)
        buf_fini(&parts[i]);
    if (failed)
        return -1;
    *whole = json_parse(buf_cstr(&text), text.len, &limits, e);
    return *whole ? 0 : -1;
}

/* ---- metrics ---- */

static const struct table_column point_columns[] = {
    {T_C_STEP, true, 0, 0},
    {T_C_VALUE, true, 0, 0},
    {T_C_TIME, false, 0, 1},
};

static void add_points(struct buf *out, const struct term *term, const struct json *points)
{
    AUTO_TABLE struct table *t = table_new(point_columns, 3);

    for (const struct json *p = json_first(points); p; p = json_next(p)) {
        AUTO_BUF struct buf v = BUF_INIT(256);
        human_number(&v, (double)cli_int(p, "step"));
        table_cell(t, STYLE_PLAIN, buf_cstr(&v));
        buf_clear(&v);
        const struct json *value = json_get(p, "value");
        if (json_type(value) == JSON_NUMBER)
            human_number(&v, json_num(value, 0));
        else
            buf_add_str(&v, json_str(value) ? json_str(value) : "");
        table_cell(t, STYLE_BOLD, buf_cstr(&v));
        buf_clear(&v);
        if (cli_int(p, "time_us") > 0)
            human_date(&v, cli_int(p, "time_us"));
        table_cell(t, STYLE_DIM, buf_cstr(&v));
    }
    table_add(out, t, term, 0, false);
}

int cmd_metrics(struct cli *c, struct args *a, struct err *e)
{
    static const char *const lists[] = {"metrics", "points"};
    AUTO_JSON struct json *whole = NULL;
    AUTO_BUF struct buf out = BUF_INIT(32 << 20);
    const char *name = args_word(a, 1);

    if (cli_need_words(a, 1, 2, T_A_RUN, e) < 0)
        return CLI_BAD_USAGE;
    if (call_all(c, "run.metrics", args_word(a, 0), name, lists, &whole, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(whole);
        return CLI_OK;
    }
    const struct json *list = json_get(whole, name ? "points" : "metrics");
    if (json_count(list) == 0)
        cli_say(name ? T_NO_POINTS : T_NO_METRICS, name);
    else if (name)
        add_points(&out, &c->out, list);
    else
        summary_add_metrics(&out, &c->out, list, 0);
    cli_print(&out);
    return CLI_OK;
}

/* ---- outputs ---- */

int cmd_outputs(struct cli *c, struct args *a, struct err *e)
{
    static const char *const lists[] = {"artifacts", "refused"};
    AUTO_JSON struct json *whole = NULL;
    AUTO_BUF struct buf out = BUF_INIT(32 << 20);

    if (cli_need_words(a, 1, 1, T_A_RUN, e) < 0)
        return CLI_BAD_USAGE;
    if (call_all(c, "run.outputs", args_word(a, 0), NULL, lists, &whole, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(whole);
        return CLI_OK;
    }
    const struct json *artifacts = json_get(whole, "artifacts");
    const struct json *refused = json_get(whole, "refused");
    if (json_count(artifacts) == 0)
        cli_say(T_NO_OUTPUTS);
    summary_add_artifacts(&out, &c->out, artifacts, 0);
    if (json_count(refused) > 0) {
        buf_add_char(&out, '\n');
        term_add(&out, &c->out, STYLE_BOLD, tr(T_TITLE_REFUSED));
        buf_add_char(&out, '\n');
        summary_add_refused(&out, &c->out, refused, 2);
    }
    cli_print(&out);
    return CLI_OK;
}
