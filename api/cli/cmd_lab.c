/*
 * cmd_lab.c - commands about the lab itself: info, doctor, rpc, version.
 */
#include "api/cli/command.h"
#include "api/cli/listing.h"
#include "api/cli/labtext.h"
#include "api/cli/local_runner.h"
#include "api/cli/long_call.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct table_column fact_columns[] = {
    {T_NONE, false, 0, 0},
    {T_NONE, false, 20, 0},
};

static void add_fact(struct table *t, enum text_id label, struct buf *value)
{
    if (value->len > 0) {
        table_cell(t, STYLE_DIM, tr(label));
        table_cell(t, STYLE_PLAIN, buf_cstr(value));
    }
    buf_clear(value);
}

/* ---- version ---- */

int cmd_version(struct cli *c, struct args *a, struct err *e)
{
    AUTO_BUF struct buf out = BUF_INIT(256);

    (void)a;
    (void)e;
    if (c->json)
        buf_add_str(&out, "{\"version\":\"" ENCLOS_VERSION "\"}\n");
    else
        buf_add_str(&out, "enclos " ENCLOS_VERSION "\n");
    cli_print(&out);
    return CLI_OK;
}

/* ---- info ---- */

static enum text_id source_text(enum socket_source source)
{
    static const enum text_id texts[] = {
        [SOCKET_OPTION] = T_SRC_OPTION, [SOCKET_ENV] = T_SRC_ENV,       [SOCKET_ROOT] = T_SRC_ROOT,
        [SOCKET_OWN] = T_SRC_OWN,       [SOCKET_SHARED] = T_SRC_SHARED,
    };

    return texts[source];
}

int cmd_info(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(fact_columns, 2);
    AUTO_BUF struct buf out = BUF_INIT(1 << 20), v = BUF_INIT(1 << 16);

    if (cli_need_words(a, 0, 0, T_NONE, e) < 0)
        return CLI_BAD_USAGE;
    if (cli_call(c, "lab.info", NULL, &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    const struct json *r = answer.result, *used = json_get(r, "used"), *runs = json_get(r, "runs");
    const struct json *capacity = json_get(r, "capacity"), *runner = json_get(r, "runner");
    buf_printf(&v, "%s (%s)", c->socket_path, tr(source_text(c->socket_source)));
    add_fact(t, T_F_SOCKET, &v);
    buf_add_str(&v, cli_str(r, "version"));
    add_fact(t, T_F_VERSION, &v);
    buf_add_str(&v, cli_str(json_get(r, "lab"), "state_dir"));
    add_fact(t, T_F_STATE_DIR, &v);
    tr_add(&v, T_USED_OF, human_cpus_text(cli_int(used, "cpus_milli")),
           human_cpus_text(cli_int(capacity, "cpus_milli")));
    add_fact(t, T_F_CPUS, &v);
    tr_add(&v, T_USED_OF, human_size_text((uint64_t)cli_int(used, "memory_bytes")),
           human_size_text((uint64_t)cli_int(capacity, "memory_bytes")));
    add_fact(t, T_F_MEMORY_LAB, &v);
    tr_add(&v, T_RUN_COUNTS, human_count_text((uint64_t)cli_int(runs, "running")),
           human_count_text((uint64_t)cli_int(runs, "starting")),
           human_count_text((uint64_t)cli_int(runs, "queued")));
    add_fact(t, T_F_RUNS, &v);
    buf_add_str(&v, tr(json_bool(json_get(runner, "ready"), false) ? T_READY : T_NOT_READY));
    add_fact(t, T_F_RUNNER, &v);
    buf_printf(&v, "%s (uid %d)", cli_str(json_get(r, "actor"), "name"),
               (int)cli_int(json_get(r, "actor"), "uid"));
    add_fact(t, T_F_YOU, &v);
    table_add(&out, t, &c->out, 0, true);
    cli_print(&out);
    return CLI_OK;
}

/* ---- doctor ---- */

/* A list of checks as it is gathered: the same form as lab.doctor's. */
struct checks {
    struct buf text; /* elements of a JSON array */
    struct jw w;
};

static void add_check(struct checks *k, const char *name, bool ok, const char *message,
                      const char *hint)
{
    jw_obj(&k->w);
    jw_str_at(&k->w, "name", name);
    jw_bool_at(&k->w, "ok", ok);
    jw_str_at(&k->w, "message", message);
    jw_str_at(&k->w, "hint", hint && *hint ? hint : NULL);
    jw_end_obj(&k->w);
}

static void add_list(struct checks *k, const struct json *list)
{
    for (const struct json *v = json_first(list); v; v = json_next(v)) {
        AUTO_BUF struct buf text = BUF_INIT(1 << 20);
        json_print(v, false, &text);
        jw_raw(&k->w, buf_cstr(&text), text.len);
    }
}

static void check_host(struct checks *k)
{
    static const char *const words[] = {"doctor", "--json", NULL};
    AUTO_JSON struct json *runner = NULL;
    struct err e = {0};

    if (local_runner_ask(words, &runner, NULL, &e) < 0)
        add_check(k, "runner", false, e.message, e.hint);
    else
        add_list(k, json_get(runner, "checks"));
}

static void check_lab(struct cli *c, struct checks *k)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf text = BUF_INIT(4096);
    struct err e = {0};

    if (cli_call(c, "lab.doctor", NULL, &answer, &e) == 0) {
        buf_printf(&text, "the lab answers at %s", c->socket_path); /* as the lab's: in English */
        add_check(k, "socket", true, buf_cstr(&text), NULL);
        add_list(k, json_get(answer.result, "checks"));
        return;
    }
    add_check(k, "socket", false, e.message, e.hint);
    check_host(k);
}

/* A member of a check in the reader's language, made safe for a terminal. */
static const char *said(const struct json *check, const char *key, char *safe, size_t size)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 16);

    labtext_add(&text, cli_str(check, key));
    text_sanitize(buf_cstr(&text), text.len, safe, size);
    return safe;
}

static bool print_checks(struct cli *c, const struct json *list)
{
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);
    size_t width = 0, bad = 0, total = 0;
    char safe[4096];

    for (const struct json *k = json_first(list); k; k = json_next(k)) {
        size_t w = term_width_of(said(k, "name", safe, sizeof safe));
        width = w > width ? w : width;
    }
    for (const struct json *k = json_first(list); k; k = json_next(k)) {
        bool ok = json_bool(json_get(k, "ok"), false);
        size_t mark = term_width_of(tr(T_DR_OK));
        mark = term_width_of(tr(T_DR_BAD)) > mark ? term_width_of(tr(T_DR_BAD)) : mark;
        const char *word = tr(ok ? T_DR_OK : T_DR_BAD);
        term_add(&out, &c->out, ok ? STYLE_GOOD : STYLE_BAD, word);
        term_add_spaces(&out, mark - term_width_of(word) + 2);
        const char *name = said(k, "name", safe, sizeof safe);
        buf_add_str(&out, name);
        term_add_spaces(&out, width - term_width_of(name) + 2);
        size_t indent = mark + 2 + width + 2;
        term_add_wrapped(&out, said(k, "message", safe, sizeof safe), indent,
                         term_prose_width(&c->out), true);
        if (!ok && *said(k, "hint", safe, sizeof safe))
            term_add_wrapped(&out, safe, indent, term_prose_width(&c->out), false);
        bad += !ok;
        total++;
    }
    buf_add_char(&out, '\n');
    if (bad == 0)
        tr_add(&out, tr_plural(total, T_DR_ALL_GOOD_ONE, T_DR_ALL_GOOD_MANY),
               human_count_text(total));
    else
        tr_add(&out, tr_plural(bad, T_DR_SOME_BAD_ONE, T_DR_SOME_BAD_MANY), human_count_text(bad),
               human_count_text(total));
    buf_add_char(&out, '\n');
    cli_print(&out);
    return bad == 0;
}

const struct opt cmd_doctor_options[] = {
    {"deep", 0, T_NONE, T_O_DEEP, false},
    {0},
};

/* What cannot be checked is a check that failed. */
static void check_deep(struct cli *c, struct checks *k)
{
    AUTO_ANSWER struct client_answer answer = {0};
    struct err e = {0};

    if (long_call(c, "lab.doctor_deep", NULL, -1, &answer, &e) == 0)
        add_list(k, json_get(answer.result, "checks"));
    else
        add_check(k, "deep", false, e.message, e.hint);
}

int cmd_doctor(struct cli *c, struct args *a, struct err *e)
{
    struct checks k = {.text = BUF_INIT(4 << 20)};
    AUTO_JSON struct json *list = NULL;
    bool good = true;

    if (cli_need_words(a, 0, 0, T_NONE, e) < 0)
        return CLI_BAD_USAGE;
    k.w = jw_to(&k.text);
    jw_obj(&k.w);
    jw_arr_at(&k.w, "checks");
    check_lab(c, &k);
    if (args_has(a, "deep"))
        check_deep(c, &k);
    jw_end_arr(&k.w);
    jw_end_obj(&k.w);
    const struct json_limits limits = {.max_bytes = 4 << 20};
    list = json_parse(buf_cstr(&k.text), k.text.len, &limits, e);
    buf_fini(&k.text);
    if (!list)
        return CLI_FAILED;
    const struct json *checks = json_get(list, "checks");
    for (const struct json *v = json_first(checks); v; v = json_next(v))
        good = good && json_bool(json_get(v, "ok"), false);
    if (c->json)
        cli_print_json(list);
    else
        (void)print_checks(c, checks);
    return good ? CLI_OK : CLI_REFUSED;
}

/* ---- rpc ---- */

/* Indented, for people; --json keeps it on one line. */
static void print_indented(struct buf *out, const struct json *v, unsigned depth)
{
    bool object = json_type(v) == JSON_OBJECT;

    if ((!object && json_type(v) != JSON_ARRAY) || json_count(v) == 0) {
        json_print(v, false, out);
        return;
    }
    buf_add_char(out, object ? '{' : '[');
    for (const struct json *m = json_first(v); m; m = json_next(m)) {
        buf_add_char(out, '\n');
        term_add_spaces(out, (size_t)depth * 2 + 2);
        if (object) {
            struct jw w = jw_to(out);
            jw_str(&w, json_key(m));
            buf_add_str(out, ": ");
        }
        print_indented(out, m, depth + 1);
        if (json_next(m))
            buf_add_char(out, ',');
    }
    buf_add_char(out, '\n');
    term_add_spaces(out, (size_t)depth * 2);
    buf_add_char(out, object ? '}' : ']');
}

/* All of standard input, for --params -. */
static int read_input(struct buf *out, struct err *e)
{
    char chunk[1 << 16];
    ssize_t n;
    while ((n = read(STDIN_FILENO, chunk, sizeof chunk)) > 0)
        buf_add(out, chunk, (size_t)n);
    if (n < 0)
        return err_sys(e, NULL, NULL, "cannot read standard input");
    return out->failed ? err_set(e, E_LIMIT, "params", NULL, "more than 1 MiB of parameters") : 0;
}

/* key=value: a value that is JSON is taken as such, any other as a string. */
static int write_params(const struct args *a, struct buf *out, struct err *e)
{
    struct jw w = jw_to(out);
    const char *first = args_word(a, 1), *whole = args_get(a, "params");

    if (whole && first)
        return say_err(e, E_INVALID, NULL, T_NONE, T_RPC_TWICE);
    if (whole && strcmp(whole, "-") != 0)
        buf_add_str(out, whole);
    else if (whole && read_input(out, e) < 0)
        return -1;
    if (whole)
        return json_scan(buf_cstr(out), out->len, NULL, e);
    if (first && *first == '{' && args_word_count(a) == 2) {
        if (json_scan(first, strlen(first), NULL, e) < 0)
            return -1;
        buf_add_str(out, first);
        return 0;
    }
    jw_obj(&w);
    for (size_t i = 1; i < args_word_count(a); i++) {
        const char *word = args_word(a, i), *equals = strchr(word, '=');
        struct err why = {0};
        if (!equals || equals == word)
            return say_err(e, E_INVALID, NULL, T_NONE, T_RPC_PAIR, word);
        AUTO_FREE char *key = mem_strndup(word, (size_t)(equals - word));
        const char *value = equals + 1;
        if (*value && json_scan(value, strlen(value), NULL, &why) == 0)
            jw_raw_at(&w, key, value, strlen(value));
        else
            jw_str_at(&w, key, value);
    }
    jw_end_obj(&w);
    return 0;
}

int cmd_rpc(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf params = BUF_INIT(1 << 20), out = BUF_INIT(CLIENT_ANSWER_MAX_BYTES);

    if (cli_need_words(a, 1, 1000, T_A_METHOD, e) < 0 || write_params(a, &params, e) < 0)
        return CLI_BAD_USAGE;
    if (cli_call(c, args_word(a, 0), buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    print_indented(&out, answer.result, 0);
    buf_add_char(&out, '\n');
    cli_print(&out);
    return CLI_OK;
}
