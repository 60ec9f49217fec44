/*
 * cmd_quality.c - enclos dataset quality: has a version profiled, waits for it, shows what was found.
 */
#include "api/cli/command.h"
#include "api/cli/labtext.h"
#include "api/cli/quality_print.h"
#include "api/cli/wait.h"
#include "api/common/text.h"
#include <string.h>

const struct opt cmd_quality_options[] = {
    {"wait", 0, T_NONE, T_O_QUALITY_WAIT, false},
    {"show", 0, T_NONE, T_O_QUALITY_SHOW, false},
    {"against", 0, T_A_VERSION, T_O_QUALITY_AGAINST, false},
    {"small-count", 0, T_A_NUMBER, T_O_SMALL_COUNT, false},
    {"delimiter", 0, T_A_CHARACTER, T_O_DELIMITER, false},
    {"header", 0, T_A_YES_NO, T_O_HEADER, false},
    {"idempotency-key", 0, T_A_TEXT, T_O_IDEMPOTENCY, false},
    {0},
};

static void write_name(struct jw *w, const char *name, int64_t version)
{
    jw_str_at(w, "name", name);
    if (version > 0)
        jw_int_at(w, "version", version);
}

static int read_number(struct args *a, const char *option, int64_t *out, struct err *e)
{
    const char *text = args_get(a, option);
    uint64_t n = 0;
    if (text && text_u64(text, 1, 1000000, &n) < 0)
        return say_err(e, E_INVALID, option, T_NONE, T_Q_BAD_NUMBER, option, text);
    *out = (int64_t)n;
    return 0;
}

static int show(struct cli *c, struct args *a, const char *name, int64_t version, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(4096), out = BUF_INIT(16 << 20);
    AUTO_ANSWER struct client_answer answer = {0};
    struct jw w = jw_to(&params);
    int64_t against = 0;
    if (read_number(a, "against", &against, e) < 0)
        return CLI_BAD_USAGE;
    jw_obj(&w);
    write_name(&w, name, version);
    if (against > 0)
        jw_int_at(&w, "against", against);
    jw_end_obj(&w);
    if (cli_call(c, "dataset.quality_get", buf_cstr(&params), &answer, e) < 0)
        return CLI_FAILED;
    const char *state = cli_str(answer.result, "state");
    bool done = strcmp(state, "done") == 0;
    if (c->json) {
        cli_print_json(answer.result);
    } else if (done) {
        quality_add(&out, &c->out, answer.result);
        cli_print(&out);
    } else if (strcmp(state, "failed") == 0) {
        AUTO_BUF struct buf why = BUF_INIT(1 << 16);
        labtext_add(&why, cli_str(answer.result, "reason"));
        cli_say(T_Q_FAILED, cli_str(answer.result, "ref"), buf_cstr(&why), cli_str(answer.result, "run"));
    } else {
        cli_say(T_Q_UNDER_WAY, cli_str(answer.result, "ref"), cli_str(answer.result, "run"));
    }
    return done ? CLI_OK : CLI_REFUSED;
}

static int start(struct cli *c, struct args *a, const char *name, int64_t version, struct client_answer *answer, struct err *e)
{
    AUTO_BUF struct buf params = BUF_INIT(4096);
    const char *header = args_get(a, "header"), *key = args_get(a, "idempotency-key");
    struct jw w = jw_to(&params);
    int64_t small = 0;
    if (read_number(a, "small-count", &small, e) < 0)
        return CLI_BAD_USAGE;
    if (header && strcmp(header, "yes") != 0 && strcmp(header, "no") != 0) {
        (void)say_err(e, E_INVALID, "header", T_NONE, T_Q_BAD_HEADER, header);
        return CLI_BAD_USAGE;
    }
    jw_obj(&w);
    write_name(&w, name, version);
    if (small > 0)
        jw_int_at(&w, "small_count", small);
    if (args_get(a, "delimiter"))
        jw_str_at(&w, "delimiter", args_get(a, "delimiter"));
    if (header)
        jw_bool_at(&w, "header", *header == 'y');
    if (key)
        jw_str_at(&w, "idempotency_key", key);
    jw_end_obj(&w);
    return cli_call(c, "dataset.quality", buf_cstr(&params), answer, e) < 0 ? CLI_FAILED : CLI_OK;
}

int cmd_dataset_quality(struct cli *c, struct args *a, struct err *e)
{
    AUTO_ANSWER struct client_answer answer = {0}, end = {0};
    char name[65] = "";
    int64_t version = 0;
    if (cli_need_words(a, 1, 1, T_A_DATASET, e) < 0 || cli_read_ref(args_word(a, 0), name, &version, e) < 0)
        return CLI_BAD_USAGE;
    if (args_has(a, "show"))
        return show(c, a, name, version, e);
    int rc = start(c, a, name, version, &answer, e);
    if (rc != CLI_OK)
        return rc;
    const char *run = cli_str(answer.result, "run");
    if (!args_has(a, "wait")) {
        if (c->json)
            cli_print_json(answer.result);
        else
            cli_say(T_Q_STARTED, run, args_word(a, 0));
        return CLI_OK;
    }
    if (wait_run(c, run, -1, &end, e) < 0)
        return CLI_FAILED;
    return show(c, a, name, version, e);
}
