/*
 * cmd_rerun.c - enclos rerun: a run again as it was, and whether it leaves the same; enclos diff: two runs side by side.
 */
#include "api/cli/command.h"
#include "api/cli/diff_print.h"
#include "api/cli/follow.h"
#include "api/cli/summary.h"
#include "api/cli/verdict.h"
#include "api/common/text.h"
#include <string.h>

const struct opt cmd_rerun_options[] = {
    {"verify", 0, T_NONE, T_O_VERIFY, false},
    {"detach", 0, T_NONE, T_O_DETACH, false},
    {"name", 'n', T_A_TEXT, T_O_NAME, false},
    {"seed", 0, T_A_NUMBER, T_O_OTHER_SEED, false},
    {"allow-changed-profile", 0, T_NONE, T_O_ALLOW_PROFILE, false},
    {"idempotency-key", 0, T_A_TEXT, T_O_IDEMPOTENCY, false},
    {0},
};
const struct opt cmd_diff_options[] = {
    {"no-lines", 0, T_NONE, T_O_NO_LINES, false},
    {0},
};

/* ---- diff ---- */

static int ask_diff(struct cli *c, const char *run, const char *other, bool lines, struct client_answer *out, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(4096);
    struct jw w = jw_to(&params);
    jw_obj(&w);
    jw_str_at(&w, "run", run);
    jw_str_at(&w, "other", other);
    if (!lines)
        jw_bool_at(&w, "lines", false);
    jw_end_obj(&w);
    return cli_call(c, "run.diff", buf_cstr(&params), out, e);
}

int cmd_diff(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};
    AUTO_BUF struct buf out = BUF_INIT(16 << 20);

    if (cli_need_words(a, 2, 2, T_U_RUN_TWO, e) < 0)
        return CLI_BAD_USAGE;
    if (ask_diff(c, args_word(a, 0), args_word(a, 1), !args_has(a, "no-lines"), &answer, e) < 0)
        return CLI_FAILED;
    if (c->json) {
        cli_print_json(answer.result);
        return CLI_OK;
    }
    diff_add(&out, &c->out, answer.result);
    cli_print(&out);
    return CLI_OK;
}

/* ---- rerun ---- */

static int submit(struct cli *c, struct args *a, struct client_answer *out, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(64 << 10);
    struct jw w = jw_to(&params);
    const char *seed = args_get(a, "seed"), *name = args_get(a, "name"), *key = args_get(a, "idempotency-key");
    uint64_t n = 0;

    if (seed && text_u64(seed, 0, UINT32_MAX, &n) < 0) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_BAD_SEED, seed);
        return CLI_BAD_USAGE;
    }
    jw_obj(&w);
    jw_str_at(&w, "run", args_word(a, 0));
    if (name)
        jw_str_at(&w, "name", name);
    if (seed)
        jw_int_at(&w, "seed", (int64_t)n);
    if (args_has(a, "allow-changed-profile"))
        jw_bool_at(&w, "allow_changed_profile", true);
    if (key)
        jw_str_at(&w, "idempotency_key", key);
    jw_end_obj(&w);
    return cli_call(c, "run.rerun", buf_cstr(&params), out, e) < 0 ? CLI_FAILED : CLI_OK;
}

static void print_verify(struct cli *c, const struct json *diff)
{
    AUTO_BUF struct buf out = BUF_INIT(16 << 20), line = BUF_INIT(4096);
    bool same = diff_is_reproduced(diff);

    tr_add(&line, same ? T_RR_REPRODUCED : T_RR_NOT_REPRODUCED, cli_str(json_get(diff, "b"), "id"), cli_str(json_get(diff, "a"), "id"));
    buf_add_char(&out, '\n');
    term_add(&out, &c->out, same ? STYLE_GOOD : STYLE_BAD, buf_cstr(&line));
    buf_add_char(&out, '\n');
    if (strcmp(cli_str(json_get(diff, "a"), "verdict"), cli_str(json_get(diff, "b"), "verdict")) != 0) {
        buf_clear(&line);
        tr_add(&line, T_RR_VERDICTS, verdict_word(json_get(diff, "a")), verdict_word(json_get(diff, "b")));
        buf_printf(&out, "  %s\n", buf_cstr(&line));
    }
    diff_add_outputs(&out, &c->out, diff, true);
    const struct json *differences = json_get(diff, "differences");
    if (json_count(differences) > 0) {
        buf_add_char(&out, '\n');
        term_add(&out, &c->out, STYLE_BOLD, tr(T_DF_TITLE_ASKED));
        buf_add_char(&out, '\n');
        diff_add_asked(&out, &c->out, diff);
    }
    cli_print(&out);
}

static int verify(struct cli *c, const char *run, const char *original, const struct json *final, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};

    if (ask_diff(c, original, run, false, &answer, e) < 0)
        return CLI_FAILED;
    bool same = diff_is_reproduced(answer.result);
    if (c->json) {
        AUTO_BUF struct buf text = BUF_INIT(32 << 20), part = BUF_INIT(16 << 20);
        struct jw w = jw_to(&text);
        jw_obj(&w);
        jw_bool_at(&w, "reproduced", same);
        json_print(final, false, &part);
        jw_raw_at(&w, "run", buf_cstr(&part), part.len);
        buf_clear(&part);
        json_print(answer.result, false, &part);
        jw_raw_at(&w, "diff", buf_cstr(&part), part.len);
        jw_end_obj(&w);
        buf_add_char(&text, '\n');
        cli_print(&text);
    } else {
        print_verify(c, answer.result);
    }
    return same ? CLI_OK : CLI_REFUSED;
}

static int follow(struct cli *c, struct args *a, const char *run, const char *original, struct err *e)
{
    const struct follow_options options = {.progress = true, .may_cancel = true, .out_to_stderr = c->json};
    AUTO_JSON struct json *final = NULL;
    AUTO_BUF struct buf text = BUF_INIT(8 << 20);
    enum follow_end end;

    if (follow_run(c, run, &options, &end, &final, e) < 0)
        return CLI_FAILED;
    if (end != FOLLOW_FINISHED) {
        cli_say(T_N_DETACHED, run);
        if (c->json) {
            buf_printf(&text, "{\"run\":\"%s\",\"detached\":true}\n", run);
            cli_print(&text);
        }
        return end == FOLLOW_INTERRUPTED ? 128 + 15 : CLI_CANCELLED;
    }
    if (!c->json) {
        buf_add_char(&text, '\n');
        summary_add(&text, &c->err, final, false);
        cli_note(&text);
    } else if (!args_has(a, "verify")) {
        cli_print_json(final);
    }
    return args_has(a, "verify") ? verify(c, run, original, final, e) : verdict_status(final);
}

int cmd_rerun(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0};

    if (cli_need_words(a, 1, 1, T_A_RUN, e) < 0)
        return CLI_BAD_USAGE;
    if (args_has(a, "verify") && args_has(a, "detach")) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_RR_VERIFY_DETACHED);
        return CLI_BAD_USAGE;
    }
    int failed = submit(c, a, &answer, e);
    if (failed < 0)
        return failed;
    const char *run = cli_str(answer.result, "run");
    if (args_has(a, "detach")) {
        AUTO_BUF struct buf text = BUF_INIT(256);
        if (c->json) {
            cli_print_json(answer.result);
        } else {
            buf_printf(&text, "%s\n", run);
            cli_print(&text);
        }
        return CLI_OK;
    }
    if (c->err.is_tty)
        cli_say(T_N_SUBMITTED, run);
    return follow(c, a, run, cli_str(answer.result, "rerun_of"), e);
}
