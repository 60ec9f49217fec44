/*
 * cmd_export.c - enclos export: a run, or all runs of a project that one sees, for other tools: an RO-Crate, a table, or
 * one JSON object a line.
 */
#include "api/cli/command.h"
#include "api/cli/crate.h"
#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RUNS_MAX = 100000, LISTS_MAX = 128, TEXT_MAX_BYTES = 1 << 30 };

const struct opt cmd_export_options[] = {
    {"format", 0, T_A_EXPORT_FORMAT, T_O_EXPORT_FORMAT, false},
    {"output", 'o', T_A_PATH, T_O_EXPORT_OUTPUT, false},
    {"license", 0, T_A_URL, T_O_LICENSE, false},
    {"publisher", 0, T_A_TEXT, T_O_PUBLISHER, false},
    {0},
};

struct sink {
    struct crate *crate;    /* of ro-crate, else NULL */
    struct buf *lines;      /* of jsonl, else NULL */
    struct sheet *sheet;    /* of csv, else NULL */
    size_t count;
    char *title;            /* of the only run, or the project's code */
};

/* ---- csv ---- */

struct pair {
    size_t column;
    const char *value;
};

struct sheet {
    struct arena *a;
    const char **columns;
    size_t column_count, column_room;
    struct record {
        struct pair *pairs;
        size_t count;
    } *records;
    size_t record_count;
};

static const char *const fixed_columns[] = {
    "run",       "name",    "state",   "verdict", "exit_code",  "reason",     "actor",       "project",    "experiment",
    "purpose",   "profile", "profile_digest", "environment", "datasets", "code", "git_commit", "git_branch", "git_dirty",
    "seed",      "rerun_of", "parent", "created", "started",    "finished",   "wall_ms",     "cpu_ms",     "memory_peak_bytes",
    "outputs",   "warned"};
enum { FIXED = sizeof fixed_columns / sizeof *fixed_columns };

static size_t column_of(struct sheet *s, const char *prefix, const char *name)
{
    const char *whole = arena_printf(s->a, "%s%s", prefix, name);
    for (size_t i = 0; i < s->column_count; i++)
        if (strcmp(s->columns[i], whole) == 0)
            return i;
    if (s->column_count == s->column_room) {
        s->column_room = s->column_room ? 2 * s->column_room : 64;
        s->columns = mem_grow(s->columns, s->column_room, sizeof *s->columns);
    }
    s->columns[s->column_count] = whole;
    return s->column_count++;
}

static void add_cell(struct sheet *s, struct record *r, size_t column, const char *value)
{
    if (!*value)
        return;
    if ((r->count & (r->count + 1)) == 0)
        r->pairs = mem_grow(r->pairs, 2 * r->count + 1, sizeof *r->pairs);
    r->pairs[r->count++] = (struct pair){column, arena_strdup(s->a, value)};
}

static void add_json_cell(struct sheet *s, struct record *r, size_t column, const struct json *v)
{
    AUTO_BUF struct buf text = BUF_INIT(1 << 20);
    if (json_type(v) == JSON_NULL)
        return;
    if (json_str(v))
        buf_add_str(&text, json_str(v));
    else
        json_print(v, false, &text);
    add_cell(s, r, column, buf_cstr(&text));
}

static void add_time_cell(struct sheet *s, struct record *r, size_t column, const struct json *run, const char *key)
{
    char time[32];
    if (cli_int(run, key) <= 0)
        return;
    time_iso(cli_int(run, key), time);
    add_cell(s, r, column, time);
}

static void add_record(struct sheet *s, const struct json *run)
{
    if ((s->record_count & (s->record_count + 1)) == 0)
        s->records = mem_grow(s->records, 2 * s->record_count + 1, sizeof *s->records);
    struct record *r = &s->records[s->record_count++];
    *r = (struct record){0};
    AUTO_BUF struct buf datasets = BUF_INIT(64 << 10);
    const struct json *list = json_get(run, "datasets"), *git = json_get(run, "git"), *params = json_get(run, "params"),
                      *metrics = json_get(run, "metrics");
    for (const struct json *d = json_first(list); d; d = json_next(d))
        buf_printf(&datasets, "%s%s", datasets.len ? " " : "", cli_str(d, "ref"));
    for (size_t i = 0; i < FIXED; i++) {
        const char *key = fixed_columns[i];
        if (strcmp(key, "run") == 0)
            add_cell(s, r, i, cli_str(run, "id"));
        else if (strcmp(key, "actor") == 0)
            add_cell(s, r, i, cli_str(json_get(run, "actor"), "name"));
        else if (strcmp(key, "environment") == 0)
            add_cell(s, r, i, cli_str(json_get(run, "environment"), "ref"));
        else if (strcmp(key, "datasets") == 0)
            add_cell(s, r, i, buf_cstr(&datasets));
        else if (strncmp(key, "git_", 4) == 0)
            add_json_cell(s, r, i, json_get(git, key + 4));
        else if (strcmp(key, "created") == 0 || strcmp(key, "started") == 0 || strcmp(key, "finished") == 0)
            add_time_cell(s, r, i, run, strcmp(key, "created") == 0 ? "created_us" : strcmp(key, "started") == 0 ? "started_us" : "finished_us");
        else
            add_json_cell(s, r, i, json_get(run, strcmp(key, "outputs") == 0 ? "artifact_count" : key));
    }
    for (const struct json *p = json_first(params); p; p = json_next(p))
        add_json_cell(s, r, column_of(s, "param.", json_key(p)), p);
    for (const struct json *m = json_first(metrics); m; m = json_next(m))
        add_json_cell(s, r, column_of(s, "metric.", cli_str(m, "name")), json_get(m, "value"));
}

/* RFC 4180. */
static void add_field(struct buf *out, const char *s)
{
    if (!strpbrk(s, ",\"\r\n") && *s != ' ' && (!*s || s[strlen(s) - 1] != ' ')) {
        buf_add_str(out, s);
        return;
    }
    buf_add_char(out, '"');
    for (; *s; s++) {
        if (*s == '"')
            buf_add_char(out, '"');
        buf_add_char(out, *s);
    }
    buf_add_char(out, '"');
}

static const char **sort_names; /* of the sheet that is being printed: qsort has no argument for it */
static int by_name(const void *a, const void *b)
{
    return strcmp(sort_names[*(const size_t *)a], sort_names[*(const size_t *)b]);
}

static void print_sheet(struct sheet *s, struct buf *out)
{
    size_t more = s->column_count - FIXED;
    AUTO_FREE size_t *order = mem_grow(NULL, s->column_count, sizeof *order);
    AUTO_FREE const char **cells = mem_grow(NULL, s->column_count, sizeof *cells);
    for (size_t i = 0; i < s->column_count; i++)
        order[i] = i;
    sort_names = s->columns;
    qsort(order + FIXED, more, sizeof *order, by_name);
    for (size_t i = 0; i < s->column_count; i++) {
        buf_add_str(out, i ? "," : "");
        add_field(out, s->columns[order[i]]);
    }
    buf_add_str(out, "\r\n");
    for (size_t n = 0; n < s->record_count; n++) {
        memset(cells, 0, s->column_count * sizeof *cells);
        for (size_t i = 0; i < s->records[n].count; i++)
            cells[s->records[n].pairs[i].column] = s->records[n].pairs[i].value;
        for (size_t i = 0; i < s->column_count; i++) {
            buf_add_str(out, i ? "," : "");
            add_field(out, cells[order[i]] ? cells[order[i]] : "");
        }
        buf_add_str(out, "\r\n");
    }
}

static struct sheet *sheet_new(void)
{
    struct sheet *s = mem_alloc(sizeof *s);
    s->a = arena_new();
    for (size_t i = 0; i < FIXED; i++)
        (void)column_of(s, "", fixed_columns[i]);
    return s;
}

static void sheet_free(struct sheet *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->record_count; i++)
        free(s->records[i].pairs);
    free(s->records);
    free(s->columns);
    arena_free(s->a);
    free(s);
}

/* ---- runs ---- */

/* All outputs of a run that has more than run.get tells. */
static int all_outputs(struct cli *c, const char *run, struct client_answer *pages, size_t *count, struct err *e)
{
    int64_t from = 0;
    for (*count = 0; *count < LISTS_MAX; (*count)++) {
        AUTO_BUF struct buf params = BUF_INIT(1024);
        struct jw w = jw_to(&params);
        jw_obj(&w);
        jw_str_at(&w, "run", run);
        jw_int_at(&w, "from", from);
        jw_end_obj(&w);
        if (cli_call(c, "run.outputs", buf_cstr(&params), &pages[*count], e) < 0)
            return -1;
        int64_t next = cli_int(pages[*count].result, "next");
        if (next <= from) {
            (*count)++;
            return 0;
        }
        from = next;
    }
    return say_err(e, E_LIMIT, NULL, T_NONE, T_EX_TOO_MANY, run);
}

static int add_to_crate(struct cli *c, struct crate *crate, const struct json *run, struct err *e)
{
    const struct json *lists[LISTS_MAX] = {json_get(run, "artifacts")};
    struct client_answer pages[LISTS_MAX] = {0};
    size_t count = 1, page_count = 0;
    int failed = 0;
    if ((int64_t)json_count(lists[0]) < cli_int(run, "artifact_count")) {
        failed = all_outputs(c, cli_str(run, "id"), pages, &page_count, e);
        count = page_count;
        for (size_t i = 0; i < page_count; i++)
            lists[i] = json_get(pages[i].result, "artifacts");
    }
    if (!failed)
        crate_add_run(crate, run, lists, count);
    for (size_t i = 0; i < LISTS_MAX; i++)
        client_answer_fini(&pages[i]);
    return failed;
}

static int take_run(struct cli *c, struct sink *s, const struct json *run, struct err *e)
{
    s->count++;
    if (s->lines) {
        json_print(run, false, s->lines);
        buf_add_char(s->lines, '\n');
    }
    if (s->sheet)
        add_record(s->sheet, run);
    return s->crate ? add_to_crate(c, s->crate, run, e) : 0;
}

/* Oldest first, so that a crate and a table read in the order of what was done. */
static int take_project(struct cli *c, struct sink *s, const char *code, struct err *e)
{
    AUTO_FREE char *cursor = NULL;
    do {
        AUTO_ANSWER struct client_answer page = {0};
        AUTO_BUF struct buf params = BUF_INIT(4096), filter = BUF_INIT(256);
        struct jw w = jw_to(&params);
        buf_printf(&filter, "project = '%s'", code);
        jw_obj(&w);
        jw_str_at(&w, "filter", buf_cstr(&filter));
        jw_str_at(&w, "order_by", "created_us asc");
        jw_int_at(&w, "limit", 500);
        if (cursor && *cursor)
            jw_str_at(&w, "cursor", cursor);
        jw_end_obj(&w);
        if (cli_call(c, "run.list", buf_cstr(&params), &page, e) < 0)
            return -1;
        const struct json *runs = json_get(page.result, "runs");
        for (const struct json *r = json_first(runs); r; r = json_next(r)) {
            AUTO_ANSWER struct client_answer whole = {0};
            if (s->count == RUNS_MAX)
                return say_err(e, E_LIMIT, NULL, T_NONE, T_EX_TOO_MANY, code);
            if (cli_call_with(c, "run.get", "run", cli_str(r, "id"), &whole, e) < 0 || take_run(c, s, whole.result, e) < 0)
                return -1;
        }
        free(cursor);
        cursor = mem_strdup(cli_str(page.result, "next_cursor"));
    } while (*cursor);
    if (s->count > 0)
        return 0;
    AUTO_ANSWER struct client_answer project = {0};
    if (cli_call_with(c, "project.get", "code", code, &project, e) == 0)
        return 0; /* there is such a project, in which one sees no run */
    if (e->kind != E_NOT_FOUND)
        return -1;
    *e = (struct err){0};
    return say_err(e, E_NOT_FOUND, NULL, T_NONE, T_EX_NOTHING, code);
}

/* A run when there is one of that name, else a project. */
static int take(struct cli *c, struct sink *s, const char *word, struct err *e)
{
    AUTO_ANSWER struct client_answer run = {0};
    if (cli_call_with(c, "run.get", "run", word, &run, e) == 0) {
        s->title = mem_strdup(*cli_str(run.result, "name") ? cli_str(run.result, "name") : cli_str(run.result, "id"));
        return take_run(c, s, run.result, e);
    }
    if ((e->kind != E_NOT_FOUND && e->kind != E_INVALID) || !text_is_name(word))
        return -1;
    *e = (struct err){0};
    s->title = mem_strdup(word);
    return take_project(c, s, word, e);
}

/* ---- out ---- */

static int write_file(const char *path, const struct buf *text, struct err *e)
{
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || fd_write_all(fd, text->data, text->len) < 0 || fsync(fd) < 0)
        return errno == EEXIST ? say_err(e, E_CONFLICT, NULL, T_NONE, T_EX_EXISTS, path)
                               : err_sys(e, NULL, NULL, "cannot write %s", path);
    return 0;
}

static int write_crate(const struct args *a, struct sink *s, struct err *e)
{
    AUTO_BUF struct buf text = BUF_INIT(CRATE_MAX_BYTES + (1 << 20)), about = BUF_INIT(4096);
    const char *folder = args_get(a, "output");
    AUTO_FREE char *path = mem_printf("%s/ro-crate-metadata.json", folder);
    buf_printf(&about, "%zu run%s of a laboratory en vase clos: what was asked, on which data, what was measured, and the digests of "
                       "what was left.", s->count, s->count == 1 ? "" : "s");
    const struct crate_head head = {.name = s->title,
                                    .description = buf_cstr(&about),
                                    .licence = args_get(a, "license"),
                                    .publisher = args_get(a, "publisher"),
                                    .now_us = time_now_us()};
    if (!crate_print(s->crate, &head, &text))
        return say_err(e, E_LIMIT, NULL, T_NONE, T_EX_TOO_MANY, s->title);
    if (mkdir(folder, 0755) < 0)
        return errno == EEXIST ? say_err(e, E_CONFLICT, NULL, T_NONE, T_EX_EXISTS, folder)
                               : err_sys(e, NULL, NULL, "cannot make the folder %s", folder);
    return write_file(path, &text, e);
}

static int write_out(struct cli *c, const struct args *a, struct sink *s, struct err *e)
{
    AUTO_BUF struct buf table = BUF_INIT(TEXT_MAX_BYTES);
    const char *output = args_get(a, "output");
    const char *count = human_count_text(s->count);
    if (s->crate) {
        if (write_crate(a, s, e) < 0)
            return CLI_FAILED;
    } else {
        if (s->sheet)
            print_sheet(s->sheet, &table);
        struct buf *text = s->sheet ? &table : s->lines;
        assert(text); /* one of the three was asked for */
        if (text->failed)
            return say_err(e, E_LIMIT, NULL, T_NONE, T_EX_TOO_MANY, s->title);
        if (!output) {
            cli_print(text);
            return CLI_OK;
        }
        if (write_file(output, text, e) < 0)
            return CLI_FAILED;
    }
    if (c->json) {
        AUTO_BUF struct buf told = BUF_INIT(64 << 10);
        struct jw w = jw_to(&told);
        jw_obj(&w);
        jw_str_at(&w, "output", output);
        jw_int_at(&w, "runs", (int64_t)s->count);
        jw_end_obj(&w);
        buf_add_char(&told, '\n');
        cli_print(&told);
    } else {
        cli_say(tr_plural(s->count, T_EX_DONE_ONE, T_EX_DONE_MANY), count, output);
    }
    return CLI_OK;
}

int cmd_export(struct cli *c, struct args *a, struct err *e)
{
    const char *format = args_get(a, "format") ? args_get(a, "format") : "ro-crate";
    bool crate = strcmp(format, "ro-crate") == 0, csv = strcmp(format, "csv") == 0, lines = strcmp(format, "jsonl") == 0;
    AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX_BYTES);

    if (cli_need_words(a, 1, 1, T_U_EXPORT_ONE, e) < 0)
        return CLI_BAD_USAGE;
    if (!crate && !csv && !lines) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_BAD_FORMAT, format, "ro-crate, csv, jsonl");
        return CLI_BAD_USAGE;
    }
    if ((crate || c->json) && !args_has(a, "output")) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, crate ? T_EX_NEED_FOLDER : T_EX_NEED_OUTPUT);
        return CLI_BAD_USAGE;
    }
    struct sink s = {.crate = crate ? crate_new(args_has(a, "publisher")) : NULL, .lines = lines ? &text : NULL, .sheet = csv ? sheet_new() : NULL};
    int status = take(c, &s, args_word(a, 0), e) < 0 ? CLI_FAILED : write_out(c, a, &s, e);
    crate_free(s.crate);
    sheet_free(s.sheet);
    free(s.title);
    return status;
}
