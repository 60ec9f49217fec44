/*
 * cmd_dataset_files.c - enclos dataset files, diff: what a version holds, and what changed from one to another.
 */
#include "api/cli/command.h"
#include "api/cli/dataset_call.h"
#include <string.h>

/* Each page of dataset.files or diff; `row` is called for each element of `list`. */
typedef void page_row(struct table *t, const struct json *v);

static int all_pages(struct cli *c, const char *method, const char *params_without_end, const char *list,
                     struct table *t, page_row *row, struct client_answer *last, struct err *e)
{
    AUTO_BUF struct buf cursor = BUF_INIT(4096);

    for (;;) {
        AUTO_BUF struct buf params = BUF_INIT(1 << 14);
        struct jw w = jw_to(&params);
        buf_add_str(&params, params_without_end);
        w.comma = true;
        if (cursor.len > 0)
            jw_str_at(&w, "cursor", buf_cstr(&cursor));
        jw_int_at(&w, "limit", 5000);
        buf_add_char(&params, '}');
        if (cli_call(c, method, buf_cstr(&params), last, e) < 0)
            return -1;
        for (const struct json *v = json_first(json_get(last->result, list)); v; v = json_next(v))
            row(t, v);
        if (!*cli_str(last->result, "next_cursor"))
            return 0;
        buf_clear(&cursor);
        buf_add_str(&cursor, cli_str(last->result, "next_cursor"));
    }
}

/* ---- files ---- */

static const struct table_column file_columns[] = {
    {T_DS_C_PATH, false, 20, 0},
    {T_C_SIZE, true, 0, 0},
    {T_DS_C_SHA256, false, 0, 1},
};

static void file_row(struct table *t, const struct json *f)
{
    AUTO_BUF struct buf digest = BUF_INIT(80);

    human_digest(&digest, cli_str(f, "sha256"));
    table_cell(t, STYLE_PLAIN, cli_str(f, "path"));
    table_cell(t, STYLE_PLAIN, human_size_text((uint64_t)cli_int(f, "size_bytes")));
    table_cell(t, STYLE_DIM, buf_cstr(&digest));
}

int cmd_dataset_files(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(file_columns, 3);
    AUTO_BUF struct buf params = BUF_INIT(1024), out = BUF_INIT(32 << 20);
    struct jw w = jw_to(&params);
    char name[65] = "";
    int64_t version = 0;

    if (dataset_word(a, false, name, &version, e) != CLI_OK)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    dataset_write_ref(&w, name, version);
    if (c->json) { /* a page as the API gives it */
        if (args_get(a, "cursor"))
            jw_str_at(&w, "cursor", args_get(a, "cursor"));
        jw_end_obj(&w);
        if (cli_call(c, "dataset.files", buf_cstr(&params), &answer, e) < 0)
            return CLI_FAILED;
        cli_print_json(answer.result);
        return CLI_OK;
    }
    if (all_pages(c, "dataset.files", buf_cstr(&params), "files", t, file_row, &answer, e) < 0)
        return CLI_FAILED;
    table_add(&out, t, &c->out, 0, false);
    cli_print(&out);
    return CLI_OK;
}

/* ---- diff ---- */

static const struct table_column diff_columns[] = {
    {T_NONE, false, 0, 0},
    {T_DS_C_PATH, false, 20, 0},
    {T_C_SIZE, true, 0, 0},
    {T_DS_C_WAS, false, 12, 1},
};

static void diff_row(struct table *t, const struct json *v)
{
    static const struct {
        const char *change;
        const char *mark;
        enum text_id was;
    } known[] = {
        {"added", "+", T_NONE}, {"removed", "-", T_NONE}, {"changed", "~", T_DIFF_WAS}, {"moved", ">", T_DIFF_FROM}};
    const struct json *before = json_get(v, "before"), *after = json_get(v, "after");
    AUTO_BUF struct buf was = BUF_INIT(4096);
    const char *mark = "?";

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].change, cli_str(v, "change")) == 0) {
            mark = known[i].mark;
            if (known[i].was == T_DIFF_WAS)
                tr_add(&was, T_DIFF_WAS, human_size_text((uint64_t)cli_int(before, "size_bytes")));
            else if (known[i].was == T_DIFF_FROM)
                tr_add(&was, T_DIFF_FROM, cli_str(v, "from"));
        }
    table_cell(t, STYLE_PLAIN, mark);
    table_cell(t, STYLE_PLAIN, cli_str(v, "path"));
    table_cell(t, STYLE_PLAIN,
               human_size_text((uint64_t)cli_int(json_type(after) == JSON_OBJECT ? after : before, "size_bytes")));
    table_cell(t, STYLE_DIM, buf_cstr(&was));
}

int cmd_dataset_diff(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_TABLE struct table *t = table_new(diff_columns, 4);
    AUTO_BUF struct buf params = BUF_INIT(1024), out = BUF_INIT(32 << 20), line = BUF_INIT(4096);
    struct jw w = jw_to(&params);
    char name[65] = "";
    int64_t version = 0;

    if (cli_need_words(a, 2, 2, T_DS_A_TWO, e) < 0 ||
        cli_read_ref(args_word(a, 0), name, &version, e) < 0 ||
        cli_read_ref(args_word(a, 1), name, &version, e) < 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    jw_str_at(&w, "a", args_word(a, 0));
    jw_str_at(&w, "b", args_word(a, 1));
    if (c->json) {
        if (args_get(a, "cursor"))
            jw_str_at(&w, "cursor", args_get(a, "cursor"));
        jw_end_obj(&w);
        if (cli_call(c, "dataset.diff", buf_cstr(&params), &answer, e) < 0)
            return CLI_FAILED;
        cli_print_json(answer.result);
        return CLI_OK;
    }
    if (all_pages(c, "dataset.diff", buf_cstr(&params), "changes", t, diff_row, &answer, e) < 0)
        return CLI_FAILED;
    const struct json *s = json_get(answer.result, "summary");
    tr_add(&line, T_DIFF_SUMMARY, cli_str(json_get(answer.result, "a"), "ref"),
           cli_str(json_get(answer.result, "b"), "ref"), human_count_text((uint64_t)cli_int(s, "added")),
           human_count_text((uint64_t)cli_int(s, "removed")), human_count_text((uint64_t)cli_int(s, "changed")),
           human_count_text((uint64_t)cli_int(s, "moved")), human_count_text((uint64_t)cli_int(s, "same")));
    cli_add_line(&out, &c->out, buf_cstr(&line));
    if (table_rows(t) > 0)
        table_add(&out, t, &c->out, 0, true);
    cli_print(&out);
    return CLI_OK;
}
