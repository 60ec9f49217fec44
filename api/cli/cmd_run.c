/*
 * cmd_run.c - enclos run: the code's snapshot, the request, then the run followed to its end.
 */
#include "api/cli/command.h"
#include "api/cli/follow.h"
#include "api/cli/request.h"
#include "api/cli/submit.h"
#include "api/cli/summary.h"
#include "api/cli/verdict.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct opt cmd_run_options[] = {
    {"dataset", 'd', T_A_DATASET, T_O_DATASET, true},
    {"profile", 'p', T_A_NAME, T_O_PROFILE, false},
    {"environment", 0, T_A_ENVIRONMENT, T_O_ENVIRONMENT, false},
    {"allow-host", 0, T_A_HOST, T_O_ALLOW_HOST, true},
    {"cpus", 0, T_A_NUMBER, T_O_CPUS, false},
    {"memory", 'm', T_A_SIZE, T_O_MEMORY, false},
    {"time", 't', T_A_DURATION, T_O_TIME, false},
    {"cpu-time", 0, T_A_DURATION, T_O_CPU_TIME, false},
    {"processes", 0, T_A_NUMBER, T_O_PROCESSES, false},
    {"outputs", 0, T_A_SIZE, T_O_OUTPUTS, false},
    {"outputs-on", 0, T_A_STORE, T_O_OUTPUTS_ON, false},
    {"work", 0, T_A_SIZE, T_O_WORK, false},
    {"tmp", 0, T_A_SIZE, T_O_TMP, false},
    {"name", 'n', T_A_TEXT, T_O_NAME, false},
    {"seed", 0, T_A_NUMBER, T_O_SEED, false},
    {"project", 0, T_A_PROJECT, T_O_PROJECT, false},
    {"experiment", 0, T_A_NAME, T_O_EXPERIMENT, false},
    {"purpose", 0, T_A_PURPOSE, T_O_PURPOSE, false},
    {"param", 0, T_A_PAIR, T_O_PARAM, true},
    {"tag", 0, T_A_PAIR, T_O_TAG, true},
    {"env", 'e', T_A_PAIR, T_O_ENV, true},
    {"code", 0, T_A_FOLDER, T_O_CODE, false},
    {"no-code", 0, T_NONE, T_O_NO_CODE, false},
    {"priority", 0, T_A_NUMBER, T_O_PRIORITY, false},
    {"detach", 0, T_NONE, T_O_DETACH, false},
    {"limits", 0, T_A_LIMITS, T_O_LIMITS, false},
    {"report-paths", 0, T_NONE, T_O_REPORT_PATHS, false},
    {"warm", 0, T_NONE, T_O_WARM, false},
    {"idempotency-key", 0, T_A_TEXT, T_O_IDEMPOTENCY, false},
    {"no-fd", 0, T_NONE, T_O_NO_FD, false},
    {0},
};

/* `enclos run train.py --dataset X@1`: after a script's name, our options may follow at once. */
static int read_script_options(struct args *a, struct err *e)
{
    const char *first = args_word(a, 0);
    size_t count = args_word_count(a);

    if (!first || args_had_separator(a) || !request_is_script(first) || count < 2)
        return 0;
    AUTO_FREE char **rest = mem_grow(NULL, count, sizeof *rest);
    memcpy(rest, args_words(a) + 1, count * sizeof *rest);
    args_drop_words(a, 1, count);
    return args_parse(a, cmd_run_options, command_shared_options, (int)count - 1, rest, ARGS_KNOWN,
                      e);
}

/* An option of ours among the words of the command is likely in the wrong place. */
static void warn_of_late_options(const struct args *a)
{
    if (args_had_separator(a))
        return;
    for (size_t i = 1; i < args_word_count(a); i++) {
        const char *word = args_word(a, i);
        if (strncmp(word, "--", 2) != 0)
            continue;
        size_t len = strcspn(word + 2, "=");
        for (const struct opt *o = cmd_run_options; o->name; o++)
            if (strlen(o->name) == len && memcmp(o->name, word + 2, len) == 0)
                cli_say(T_N_LATE_OPTION, o->name);
    }
}

/* The id, so that it can be found again; and that limits will not stop it, if they may not. */
static void tell_submitted(struct cli *c, const char *run)
{
    AUTO_ANSWER struct client_answer answer = {0};
    struct err e = {0};

    if (!c->err.is_tty)
        return;
    /* The lab may have a default of its own for limits: only the run itself tells. When it cannot
     * be asked just now, following it says why. */
    bool known = cli_call_with(c, "run.get", "run", run, &answer, &e) == 0;
    bool sure = !known || verdict_limits(answer.result) == LIMITS_ENFORCED;
    cli_say(sure ? T_N_SUBMITTED : T_N_SUBMITTED_WATCHED, run);
}

static void print_summary(struct cli *c, const struct request *r, const struct json *run)
{
    AUTO_BUF struct buf text = BUF_INIT(8 << 20);
    const struct json *artifacts = json_get(run, "artifacts");

    buf_add_char(&text, '\n');
    summary_add(&text, &c->err, run, false);
    summary_add_missing(&text, &c->err, artifacts, r->expected, r->expected_count);
    cli_note(&text);
}

static int follow(struct cli *c, const struct request *r, const char *run, struct err *e)
{
    const struct follow_options options = {
        .progress = true, .may_cancel = true, .out_to_stderr = c->json};
    AUTO_JSON struct json *final = NULL;
    enum follow_end end;

    if (follow_run(c, run, &options, &end, &final, e) < 0)
        return CLI_FAILED;
    if (end != FOLLOW_FINISHED) {
        cli_say(T_N_DETACHED, run);
        if (c->json) {
            AUTO_BUF struct buf text = BUF_INIT(1024);
            buf_printf(&text, "{\"run\":\"%s\",\"detached\":true}\n", run);
            cli_print(&text);
        }
        return end == FOLLOW_INTERRUPTED ? 128 + 15 : CLI_CANCELLED;
    }
    if (c->json)
        cli_print_json(final);
    else
        print_summary(c, r, final);
    return verdict_status(final);
}

static int run_request(struct cli *c, struct args *a, struct request *r, struct err *e)
{
    const char *folder = args_get(a, "code") ? args_get(a, "code") : ".";
    AUTO_ANSWER struct client_answer answer = {0};
    struct client *lab;

    if (args_has(a, "no-code") && args_has(a, "code")) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_CODE_TWICE);
        return CLI_BAD_USAGE;
    }
    if (!args_has(a, "no-code") && submit_read_defaults(r, folder, e) < 0)
        return CLI_BAD_USAGE;
    if (request_read_options(r, a, e) < 0)
        return CLI_BAD_USAGE;
    if (r->command_count == 0) {
        (void)say_err(e, E_INVALID, NULL, T_NONE, T_NO_COMMAND);
        return CLI_BAD_USAGE;
    }
    if (!args_has(a, "no-code"))
        request_add_interpreter(r, folder);
    /* Before hashing what may be large: no lab, no work. */
    if (cli_lab(c, &lab, e) < 0 || (!args_has(a, "no-code") && submit_send_code(c, a, r, folder, e) < 0) ||
        submit_request(c, r, &answer, e) < 0)
        return CLI_FAILED;
    const char *run = cli_str(answer.result, "run");
    if (args_has(a, "detach")) {
        if (c->json) {
            cli_print_json(answer.result);
        } else {
            AUTO_BUF struct buf text = BUF_INIT(256);
            buf_printf(&text, "%s\n", run);
            cli_print(&text);
        }
        return CLI_OK;
    }
    tell_submitted(c, run);
    return follow(c, r, run, e);
}

int cmd_run(struct cli *c, struct args *a, struct err *e)
{
    struct request r;

    int bad = read_script_options(a, e);
    c->json = c->json || args_has(a, "json"); /* it may have stood after the script */
    if (bad < 0)
        return CLI_BAD_USAGE;
    warn_of_late_options(a);
    request_init(&r);
    int status = run_request(c, a, &r, e);
    request_fini(&r);
    return status;
}
