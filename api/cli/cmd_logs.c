/*
 * cmd_logs.c - enclos logs: what a run wrote so far, or as it comes (-f).
 */
#include "api/cli/command.h"
#include "api/cli/follow.h"
#include "api/cli/logout.h"
#include "api/cli/wait.h"
#include "api/cli/warnings.h"
#include "api/common/mem.h"
#include <string.h>
#include <unistd.h>

/* One page. `pages` collects chunks for --json, or is NULL to print. */
static int page(struct cli *c, const char *run, int64_t from, struct logout *streams,
                struct buf *pages, struct client_answer *answer, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(1024);
    struct jw w = jw_to(&params);

    jw_obj(&w);
    jw_str_at(&w, "run", run);
    jw_int_at(&w, "from", from);
    jw_end_obj(&w);
    if (cli_call(c, "run.logs", buf_cstr(&params), answer, e) < 0)
        return -1;
    const struct json *chunks = json_get(answer->result, "chunks");
    for (const struct json *chunk = json_first(chunks); chunk; chunk = json_next(chunk)) {
        if (pages) {
            if (pages->len > 0)
                buf_add_char(pages, ',');
            json_print(chunk, false, pages);
            continue;
        }
        AUTO_BUF struct buf bytes = BUF_INIT(4 << 20), out = BUF_INIT(16 << 20);
        bool is_err = strcmp(cli_str(chunk, "stream"), "stderr") == 0, at_start;
        if (strcmp(cli_str(chunk, "stream"), "gap") == 0) {
            int64_t dropped = cli_int(chunk, "dropped_bytes");
            cli_say(dropped > 0 ? T_N_GAP : T_N_GAP_SOME, human_size_text((uint64_t)dropped));
            continue;
        }
        if (!logout_bytes_of(chunk, &bytes))
            continue;
        logout_add(&streams[is_err], buf_cstr(&bytes), bytes.len, &out, &at_start);
        if (is_err)
            cli_note(&out);
        else
            cli_print(&out);
    }
    return 0;
}

/* What the log does not hold, and what else was lost, is said after it. */
static void tell_warnings(struct cli *c, const struct json *run)
{
    AUTO_BUF struct buf out = BUF_INIT(1 << 20);

    warnings_add(&out, &c->err, run, 0);
    cli_note(&out);
}

/* All that is there now. A run that goes on may add more: that is what -f is for. */
static int print_all(struct cli *c, const char *run, struct err *e)
{
    struct logout streams[2];
    AUTO_BUF struct buf pages = BUF_INIT(CLIENT_ANSWER_MAX_BYTES);
    AUTO_BUF struct buf document = BUF_INIT(CLIENT_ANSWER_MAX_BYTES);
    AUTO_ANSWER struct client_answer answer = {0};
    int64_t from = 0, next = 0;
    bool eof;

    logout_init(&streams[0], &c->out);
    logout_init(&streams[1], &c->err);
    do {
        from = next;
        if (page(c, run, from, streams, c->json ? &pages : NULL, &answer, e) < 0)
            return CLI_FAILED;
        next = cli_int(answer.result, "next");
        eof = json_bool(json_get(answer.result, "eof"), true);
    } while (next > from && !eof);
    for (size_t i = 0; i < 2 && !c->json; i++) {
        AUTO_BUF struct buf out = BUF_INIT(64);
        logout_end(&streams[i], &out);
        if (i == 0)
            cli_print(&out);
        else
            cli_note(&out);
    }
    if (!c->json) {
        if (cli_call_with(c, "run.get", "run", run, &answer, e) < 0)
            return CLI_FAILED;
        tell_warnings(c, answer.result);
        return CLI_OK;
    }
    struct jw w = jw_to(&document);
    jw_obj(&w);
    jw_arr_at(&w, "chunks");
    if (pages.len > 0)
        jw_raw(&w, buf_cstr(&pages), pages.len);
    jw_end_arr(&w);
    jw_int_at(&w, "next", next);
    jw_bool_at(&w, "eof", eof);
    jw_end_obj(&w);
    buf_add_char(&document, '\n');
    if (document.failed || pages.failed) {
        (void)say_err(e, E_LIMIT, NULL, T_NONE, T_LOG_TOO_LONG);
        return CLI_FAILED;
    }
    cli_print(&document);
    return CLI_OK;
}

int cmd_logs(struct cli *c, struct args *a, struct err *e)
{
    const struct follow_options options = {.progress = true};
    AUTO_JSON struct json *final = NULL;
    const char *run = args_word(a, 0);
    enum follow_end end;

    if (cli_need_words(a, 1, 1, T_A_RUN, e) < 0)
        return CLI_BAD_USAGE;
    /* --json is one document: with -f it is printed once the run has ended. */
    AUTO_ANSWER struct client_answer ended = {0};
    if (args_has(a, "follow") && c->json && wait_run(c, run, -1, &ended, e) < 0)
        return CLI_FAILED;
    if (!args_has(a, "follow") || c->json)
        return print_all(c, run, e);
    if (follow_run(c, run, &options, &end, &final, e) < 0)
        return CLI_FAILED;
    if (end == FOLLOW_FINISHED)
        tell_warnings(c, final);
    return end == FOLLOW_FINISHED ? CLI_OK : end == FOLLOW_DETACHED ? CLI_CANCELLED : 128 + 15;
}
